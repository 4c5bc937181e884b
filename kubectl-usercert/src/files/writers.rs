//! Other programs that write a kubeconfig, as far as they can be seen.
//!
//! kubectl reads a kubeconfig, takes the lock, and writes what it read with its change in it
//! (`client-go/tools/clientcmd/config.go`, `ModifyConfig`). What came to be in between is gone. So
//! whoever has written looks back once those are through who may have read before. On Linux they can
//! be told: they run at that moment, and whoever starts later reads what is there now. Elsewhere,
//! and where another program's lock shows that somebody unseen is at work (in a container, on
//! another machine), nothing must happen for a while.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use usercert_core::kubeconfig::path::LoadingList;

use super::lock;

const LOOK: Duration = Duration::from_millis(5);
/// How long nothing may happen where nobody else has been seen.
const CALM: Duration = Duration::from_millis(10);
/// How long nothing may happen where others write: on loaded machines anything may take long.
const QUIET: Duration = Duration::from_millis(500);
/// The longest that unseen programs are waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest that a process is waited for: kubectl takes many seconds for large files.
const PROCESS_PATIENCE: Duration = Duration::from_secs(60);
/// From when on people should know what is waited for.
const SILENCE: Duration = Duration::from_secs(1);

/// Whether another program is writing one of the files right now.
pub fn is_locked(list: &LoadingList) -> bool {
    list.files.iter().any(|file| {
        let path = lock::path_for(file);
        path.symlink_metadata().is_ok() && !lock::is_ours(&path)
    })
}

/// Waits until whoever may have read the files before they were written is through; `false` when
/// that would take too long. `busy`: another program's lock was seen before. `tell` is called when
/// the waiting takes time.
pub fn settle(list: &LoadingList, busy: bool, tell: impl FnOnce()) -> bool {
    let start = Instant::now();
    let Some(mut writers) = running() else {
        wait_for_quiet(list, if busy { QUIET } else { CALM });
        return true;
    };
    let mut tell = Some(tell);
    while !writers.is_empty() && start.elapsed() < PROCESS_PATIENCE {
        std::thread::sleep(LOOK);
        writers.retain(|process| is_writer(process));
        if start.elapsed() > SILENCE
            && let Some(tell) = tell.take()
        {
            tell();
        }
    }
    if busy {
        wait_for_quiet(list, QUIET);
    }
    writers.is_empty()
}

fn wait_for_quiet(list: &LoadingList, mut quiet: Duration) {
    let stamp = || -> Vec<_> {
        let stat = |f: &PathBuf| {
            let meta = std::fs::metadata(f).ok()?;
            Some((meta.modified().ok(), meta.len()))
        };
        list.files.iter().map(stat).collect()
    };
    let start = Instant::now();
    let mut seen = stamp();
    let mut since = start;
    while since.elapsed() < quiet && start.elapsed() < PATIENCE {
        std::thread::sleep(LOOK);
        let now = stamp();
        if now != seen || is_locked(list) {
            seen = now;
            since = Instant::now();
            quiet = QUIET;
        }
    }
}

/// The processes that may be changing a kubeconfig; nothing where nobody tells.
fn running() -> Option<Vec<PathBuf>> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let own = std::process::id().to_string();
    let (mut found, mut complete) = (Vec::new(), false);
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let name = entry.file_name();
        if name == *own {
            complete = true;
        } else if name.as_encoded_bytes().first().is_some_and(u8::is_ascii_digit) {
            found.extend(Some(entry.path().join("cmdline")).filter(|process| is_writer(process)));
        }
    }
    complete.then_some(found)
}

/// A process that has ended has no command line.
fn is_writer(command_line: &Path) -> bool {
    // What comes later is not a subcommand of anybody.
    let mut start = [0; 4096];
    let length = File::open(command_line).and_then(|mut file| file.read(&mut start));
    length.is_ok_and(|length| changes_kubeconfig(start.get(..length).unwrap_or_default()))
}

/// Whether that is `kubectl config set-context` or the like, under whatever name.
fn changes_kubeconfig(command_line: &[u8]) -> bool {
    let mut words = command_line.split(|byte| *byte == 0);
    words.any(|word| word == b"config")
        && words.any(|word| {
            matches!(word, b"set" | b"unset" | b"use" | b"use-context" | b"rename-context")
                || word.starts_with(b"set-")
                || word.starts_with(b"delete-")
        })
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use std::io::Read as _;

    use super::*;

    #[test]
    fn commands_that_change_a_kubeconfig() {
        let changes = |line: &str| changes_kubeconfig(line.replace(' ', "\0").as_bytes());
        for line in [
            "kubectl config set-credentials a --token=x ",
            "/usr/bin/kubectl --kubeconfig f config --v=1 use-context c ",
            "oc config unset users ",
            "k3s kubectl config delete-user a ",
            "kubectl config rename-context a b ",
        ] {
            assert!(changes(line), "{line}");
        }
        for line in [
            "",
            "kubectl config view ",
            "kubectl set image config ",
            "kubectl config ",
            "vi config ",
        ] {
            assert!(!changes(line), "{line}");
        }
    }

    /// One that has read before and writes only now is waited for.
    #[cfg(target_os = "linux")]
    #[test]
    fn who_runs_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, "ours").unwrap();
        let mut writer = std::process::Command::new("sh")
            .args(["-c", "echo; cat; echo theirs > \"$3\"", "sh", "config", "set-context"])
            .arg(&file)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // Before it runs its own program it has no command line.
        let mut started = [0];
        writer.stdout.as_mut().unwrap().read_exact(&mut started).unwrap();
        let list = LoadingList { files: vec![file.clone()], explicit: true };
        let waiting = std::thread::spawn(move || {
            assert!(settle(&list, false, || ()));
            std::fs::read_to_string(&file).unwrap()
        });
        drop(writer.stdin.take());
        assert_eq!(waiting.join().unwrap(), "theirs\n");
        writer.wait().unwrap();
    }
}
