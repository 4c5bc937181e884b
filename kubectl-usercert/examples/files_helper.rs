//! A process that tests may kill: it does one thing with files and ends.
//!
//! Between `files-helper-start` and `files-helper-end`, two lookups of files that do not exist,
//! lie exactly the system calls of that thing.

use std::error::Error;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kubectl_usercert::files::authorization::Configuration;
use kubectl_usercert::files::{
    Access, CredentialStore, KubeconfigLock, PendingStore, StateHome, create_new, kubeconfig, set,
};
use usercert_core::kubeconfig::merged::Merged;
use usercert_core::kubeconfig::path::LoadingList;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["update", seconds, entry, files @ ..] => update(seconds.parse()?, entry, files),
        ["hold", file] => hold(file),
        ["count", counter, times] => count(Path::new(counter), times.parse()?),
        ["create", file, content] => {
            mark("start");
            create_new(Path::new(file), content.as_bytes(), Access::Private)?;
            mark("end");
            Ok(())
        }
        ["set", files @ ..] => {
            let file = |path: &&str| (PathBuf::from(path), format!("content of {path}"));
            let files: Vec<_> = files.iter().map(file).collect();
            let mut new = Vec::new();
            for (path, content) in &files {
                let content = content.as_bytes();
                new.push(set::NewFile { path, content, access: Access::Private });
            }
            mark("start");
            set::create(&new)?;
            mark("end");
            Ok(())
        }
        ["authorize", file, before, after] => {
            mark("start");
            let configuration = Configuration::open(Path::new(file))?;
            configuration.put(before, after, ("beside", "beside"))?;
            mark("end");
            Ok(())
        }
        ["save", state_home, id, key] => {
            mark("start");
            let store = PendingStore::open(Some(state_home.into()), None)?;
            store.save(id, key.as_bytes(), b"{}")?;
            mark("end");
            Ok(())
        }
        ["promote", state_home, id, pair] => {
            let home = StateHome { state_home: Some(state_home.into()), home: None };
            let mut credential = serde_json::Map::new();
            for field in ["context", "server", "signerName", "certificate", "key"] {
                credential.insert(field.to_owned(), (*pair).into());
            }
            let credential = serde_json::from_value(credential.into())?;
            mark("start");
            let store = CredentialStore::create(&home, id)?;
            let _lock = store.try_lock()?.ok_or("it is locked")?;
            store.promote(&credential)?;
            mark("end");
            Ok(())
        }
        ["forget", state_home, id] => {
            mark("start");
            PendingStore::open(Some(state_home.into()), None)?.remove(id)?;
            mark("end");
            Ok(())
        }
        _ => Err("unknown arguments".into()),
    }
}

/// Leaves a trace among the system calls.
fn mark(place: &str) {
    let _ = std::fs::metadata(format!("/files-helper-{place}"));
}

/// Appends a user to every file, which must end with its users; fails on a damaged file.
fn update(seconds: u64, entry: &str, files: &[&str]) -> Outcome {
    let list = LoadingList { files: files.iter().map(PathBuf::from).collect(), explicit: false };
    mark("start");
    kubeconfig::update(&list, Duration::from_secs(seconds), |files| {
        Merged::load(&list, files.clone())?;
        let append = |text: Option<String>| {
            let text = text.unwrap_or_else(|| "apiVersion: v1\nkind: Config\nusers:\n".to_owned());
            format!("{text}- name: {entry}\n  user:\n    token: {entry}\n")
        };
        Ok::<_, usercert_core::kubeconfig::merged::MergedError>(
            files.into_iter().map(|file| (file.path, append(file.text))).collect(),
        )
    })?;
    mark("end");
    Ok(())
}

/// Takes the lock, says so, and keeps it until standard input ends.
fn hold(file: &str) -> Outcome {
    let _lock = KubeconfigLock::acquire(&[file.into()], Duration::from_secs(60))?;
    std::io::stdout().write_all(b"held\n")?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Adds one to a number in a file, again and again, in a way that loses some and fails outright
/// if two processes do it at the same time.
fn count(counter: &Path, times: u32) -> Outcome {
    let inside = counter.with_extension("inside");
    for _ in 0..times {
        let _lock = KubeconfigLock::acquire(&[counter.into()], Duration::from_secs(120))?;
        std::fs::File::create_new(&inside).map_err(|error| format!("two inside: {error}"))?;
        let number: u64 = std::fs::read_to_string(counter)?.parse()?;
        std::fs::write(counter, (number + 1).to_string())?;
        std::fs::remove_file(&inside)?;
    }
    Ok(())
}
