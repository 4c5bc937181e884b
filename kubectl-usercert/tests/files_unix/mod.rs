//! What only Unix has: modes, owners, links, pipes, and (for root) full and busy file systems.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

use kubectl_usercert::files::authorization::{Configuration, PutError};

use super::*;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Whether this is root; says so loudly if not.
fn root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIPPED: this needs root");
    }
    root
}

/// Runs one test of this program, which is ignored otherwise, as nobody (if we are root). It
/// finds its directory in the environment.
fn as_nobody(test: &str, directory: &Path) {
    // Nobody may be unable to reach the build directory.
    let program = directory.join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    set_mode(&program, 0o755);
    let mut command = Command::new(&program);
    command.args(["--ignored", "--exact", test]).env("FILES_DIRECTORY", directory);
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    let output = command.current_dir("/").output().unwrap();
    std::fs::remove_file(program).unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn directory_of_nobody() -> Option<PathBuf> {
    std::env::var_os("FILES_DIRECTORY").map(PathBuf::from)
}

#[test]
fn modes_are_kept_and_new_files_are_private() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    replace(&file, b"1").unwrap();
    assert_eq!(mode(&file), 0o600);
    for kept in [0o644, 0o640, 0o600, 0o660, 0o606, 0o755] {
        set_mode(&file, kept);
        replace(&file, b"2").unwrap();
        assert_eq!(mode(&file), kept);
    }
    create_new(&directory.path().join("key"), b"", Access::Private).unwrap();
    assert_eq!(mode(&directory.path().join("key")), 0o600);
    create_new(&directory.path().join("reply"), b"", Access::Public).unwrap();
    assert_eq!(mode(&directory.path().join("reply")) & !0o044, 0o600);
}

#[test]
fn the_lock_lies_beside_the_path_as_named_and_directories_are_made_as_kubectl_does() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("real")).unwrap();
    symlink("real/config", directory.path().join("config")).unwrap();
    let new = directory.path().join("a/b/config");
    let lock = acquire(&[&directory.path().join("config"), &new]).unwrap();
    assert_eq!(names(directory.path()), ["a", "config", "config.lock", "real"]);
    assert_eq!(mode(new.parent().unwrap()) & !0o055, 0o700);
    assert_eq!(mode(&directory.path().join("config.lock")), 0o600);
    drop(lock);
    assert_eq!(names(directory.path()), ["a", "config", "real"]);
    assert!(names(new.parent().unwrap()).is_empty());
}

#[test]
fn links_are_followed_and_stay() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::create_dir(at("real")).unwrap();
    std::fs::write(at("real/config"), "old").unwrap();
    set_mode(&at("real/config"), 0o640);
    symlink("real/config", at("second")).unwrap();
    symlink(at("second"), at("first")).unwrap();
    replace(&at("first"), b"new").unwrap();
    assert!(at("first").is_symlink() && at("second").is_symlink());
    assert_eq!(std::fs::read(at("real/config")).unwrap(), b"new");
    assert_eq!(mode(&at("real/config")), 0o640);

    // To nothing yet.
    symlink("real/new", at("dangling")).unwrap();
    replace(&at("dangling"), b"new").unwrap();
    assert!(at("dangling").is_symlink());
    assert_eq!(std::fs::read(at("real/new")).unwrap(), b"new");
    assert_eq!(mode(&at("real/new")), 0o600);

    // To nowhere.
    symlink("missing/new", at("lost")).unwrap();
    assert!(matches!(replace(&at("lost"), b"new"), Err(WriteError::Open { .. })));
    symlink("loop", at("loop")).unwrap();
    assert!(replace(&at("loop"), b"new").is_err());

    // Never by what creates.
    for name in ["first", "dangling", "lost", "loop"] {
        let refused = create_new(&at(name), b"x", Access::Private);
        assert!(matches!(refused, Err(WriteError::Exists { .. })), "{name}");
    }
    assert_eq!(names(&at("real")), ["config", "new"]);
    assert_eq!(names(directory.path()), ["dangling", "first", "loop", "lost", "real", "second"]);
}

#[test]
fn what_is_no_regular_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    make_pipe(&pipe);
    for path in [&pipe, directory.path(), Path::new("/dev/null"), Path::new("/"), Path::new("..")] {
        let refused = replace(path, b"new");
        assert!(
            matches!(refused, Err(WriteError::NotRegular { .. } | WriteError::Open { .. })),
            "{path:?}: {refused:?}"
        );
    }
    assert_eq!(names(directory.path()), ["pipe"]);
}

#[test]
fn locks_that_are_links_or_pipes_are_foreign() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let lock = directory.path().join("config.lock");
    symlink("nowhere", &lock).unwrap();
    assert!(matches!(acquire(&[&file]), Err(LockError::Foreign { .. })));
    std::fs::remove_file(&lock).unwrap();
    make_pipe(&lock);
    assert!(matches!(acquire(&[&file]), Err(LockError::Foreign { .. })));
    assert_eq!(names(directory.path()), ["config.lock"]);
}

#[test]
fn root_keeps_owners() {
    if !root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, "old").unwrap();
    chown(&file, Some(1234), Some(5678)).unwrap();
    set_mode(&file, 0o640);
    replace(&file, b"new").unwrap();
    let metadata = std::fs::metadata(&file).unwrap();
    assert_eq!((metadata.uid(), metadata.gid(), mode(&file)), (1234, 5678, 0o640));
}

#[test]
fn who_may_not_give_files_away_gives_no_rights_away_either() {
    if !root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), 0o777);
    let file = directory.path().join("config");
    std::fs::write(&file, "old").unwrap();
    chown(&file, Some(1234), Some(5678)).unwrap();
    set_mode(&file, 0o666);
    as_nobody("unix::nobody_replaces_a_file_of_somebody", directory.path());
    let metadata = std::fs::metadata(&file).unwrap();
    assert_eq!((metadata.uid(), mode(&file)), (65534, 0o606));
    assert_eq!(std::fs::read(&file).unwrap(), b"new");
}

#[test]
#[ignore = "run by who_may_not_give_files_away_gives_no_rights_away_either"]
fn nobody_replaces_a_file_of_somebody() {
    let Some(directory) = directory_of_nobody() else { return };
    replace(&directory.join("config"), b"new").unwrap();
}

#[test]
fn read_only_files_and_directories_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), 0o777);
    let (file, closed) = (directory.path().join("config"), directory.path().join("closed"));
    std::fs::write(&file, "old").unwrap();
    set_mode(&file, 0o444);
    std::fs::create_dir(&closed).unwrap();
    std::fs::write(closed.join("config"), "old").unwrap();
    set_mode(&closed.join("config"), 0o666);
    set_mode(&closed, 0o555);
    as_nobody("unix::nobody_meets_read_only_files", directory.path());
    set_mode(&closed, 0o755);
    assert_eq!(names(directory.path()), ["closed", "config"]);
    assert_eq!(names(&closed), ["config"]);
}

#[test]
#[ignore = "run by read_only_files_and_directories_are_refused"]
fn nobody_meets_read_only_files() {
    let Some(directory) = directory_of_nobody() else { return };
    // As kubectl: the directory would allow it, the file does not.
    let file = directory.join("config");
    let refused = replace(&file, b"new");
    assert!(matches!(refused, Err(WriteError::Open { path, .. }) if path == file));
    assert_eq!(std::fs::read(&file).unwrap(), b"old");
    // The file would allow it, the directory does not.
    let file = directory.join("closed/config");
    assert!(matches!(replace(&file, b"new"), Err(WriteError::Open { .. })));
    assert_eq!(std::fs::read(&file).unwrap(), b"old");
    assert!(matches!(acquire(&[&file]), Err(LockError::Create { .. })));
    for file in ["closed/new", "closed/new/config"] {
        let found = Folder::obstacle(&directory.join(file));
        assert_eq!(found, Some("is in a directory that you may not write to"));
    }
    assert_eq!(Folder::obstacle(&directory.join("new/config")), None);
    let below = directory.join("closed/new/config");
    assert!(matches!(acquire(&[&below]), Err(LockError::Directory { .. })));
    // A lock of kubectl's, which cannot even be read.
    let lock = directory.join("other.lock");
    std::fs::File::create(&lock).unwrap();
    set_mode(&lock, 0o000);
    let foreign = acquire(&[&directory.join("other")]);
    assert!(matches!(foreign, Err(LockError::Foreign { age: Some(_), .. })));
    std::fs::remove_file(lock).unwrap();
}

/// A mount that goes at the end.
struct Mount(PathBuf);

impl Mount {
    fn new(arguments: &[&str], target: &Path) -> Option<Self> {
        if !root() {
            return None;
        }
        let status = Command::new("mount").args(arguments).arg(target).status();
        if !status.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: mount is not allowed here");
            return None;
        }
        Some(Self(target.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn an_authorization_file_is_written_through_no_link_and_where_nobody_else_may_write() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().canonicalize().unwrap();
    let (folder, victim) = (real.join("folder"), real.join("victim"));
    std::fs::create_dir(&folder).unwrap();
    set_mode(&folder, 0o755);
    std::fs::write(&victim, "before").unwrap();
    let file = folder.join("authorization.yaml");
    // A link in the place of the file is refused, one in the place of what is kept is replaced.
    symlink(&victim, &file).unwrap();
    let read = Configuration::open(&file).unwrap().read();
    assert!(matches!(read, Err(PutError::Kind(_))), "{read:?}");
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, "before").unwrap();
    set_mode(&file, 0o640);
    symlink(&victim, folder.join("authorization.yaml.usercert-last-good")).unwrap();
    let configuration = Configuration::open(&file).unwrap();
    symlink(&victim, folder.join("beside")).unwrap();
    let put = configuration.put("before", "after", ("beside", "beside"));
    assert!(matches!(put, Err(PutError::Kind(_))), "{put:?}");
    std::fs::remove_file(folder.join("beside")).unwrap();
    configuration.put("before", "after", ("beside", "beside")).unwrap();
    assert_eq!(configuration.read().unwrap(), "after");
    assert_eq!(mode(&file), 0o640);
    assert_eq!(std::fs::read(&victim).unwrap(), b"before");
    // Where others may write they could exchange it at any time.
    for open in [0o775, 0o757, 0o1777] {
        set_mode(&folder, open);
        assert!(matches!(Configuration::open(&file), Err(PutError::Open { .. })), "{open:o}");
    }
    set_mode(&folder, 0o755);
    // So they could where they may write the file itself, or what it names.
    for (name, open) in [(&file, 0o666), (&file, 0o660), (&folder.join("beside"), 0o602)] {
        let before = mode(name);
        set_mode(name, open);
        let configuration = Configuration::open(&file).unwrap();
        let put = configuration.put("after", "next", ("beside", "beside"));
        assert!(matches!(put, Err(PutError::Open { .. })), "{open:o}: {put:?}");
        assert_eq!(std::fs::read(&file).unwrap(), b"after");
        set_mode(name, before);
    }
    if root() {
        chown(&file, Some(65534), None).unwrap();
        let read = Configuration::open(&file).unwrap().read();
        assert!(matches!(read, Err(PutError::Owner(_))), "{read:?}");
        chown(&file, Some(0), None).unwrap();
        chown(&folder, Some(65534), None).unwrap();
        assert!(matches!(Configuration::open(&file), Err(PutError::Owner(_))));
    }
}

#[test]
fn nobody_else_decides_where_an_authorization_file_is() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().canonicalize().unwrap();
    let above = real.join("above");
    let folder = above.join("folder");
    std::fs::create_dir_all(&folder).unwrap();
    set_mode(&folder, 0o755);
    let file = folder.join("authorization.yaml");
    std::fs::write(&file, "").unwrap();
    set_mode(&file, 0o600);
    for (mode, good) in [(0o755, true), (0o777, false), (0o1777, true), (0o775, false)] {
        set_mode(&above, mode);
        let opened = Configuration::open(&file);
        assert_eq!(opened.is_ok(), good, "{mode:o}: {opened:?}");
    }
    set_mode(&above, 0o755);
    symlink(&folder, real.join("link")).unwrap();
    symlink(&above, real.join("other")).unwrap();
    for way in ["link", "other/folder"] {
        let refused = Configuration::open(&real.join(way).join("authorization.yaml")).unwrap_err();
        assert!(matches!(refused, PutError::Link { .. }), "{way}: {refused}");
        let remedy = refused.remedy().unwrap();
        assert!(remedy.ends_with(&format!("name {}", folder.display())), "{remedy}");
    }
    if root() {
        chown(&above, Some(65534), None).unwrap();
        assert!(matches!(Configuration::open(&file), Err(PutError::Owner(_))));
    }
}

#[test]
fn a_full_disk_leaves_the_old_file_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["-t", "tmpfs", "-o", "size=256k", "files-test"];
    let Some(_mount) = Mount::new(&arguments, directory.path()) else { return };
    let file = directory.path().join("config");
    let old = vec![b'o'; 100 << 10];
    std::fs::write(&file, &old).unwrap();
    let new = "n".repeat(200 << 10);
    let refused = update(&list(&[&file]), Duration::ZERO, |_| {
        Ok::<_, std::io::Error>(vec![(file.clone(), new)])
    });
    let Err(UpdateError::Write { source: WriteError::Write { source, .. }, written }) = refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    assert!(written.is_empty());
    let created = create_new(&directory.path().join("key"), &[0; 200 << 10], Access::Private);
    assert!(matches!(created, Err(WriteError::Write { .. })));
    assert_eq!(std::fs::read(&file).unwrap(), old);
    assert_eq!(names(directory.path()), ["config"]);

    // Full to the last page: not even the lock's marker fits.
    let filler = std::fs::write(directory.path().join("filler"), vec![0; 300 << 10]);
    assert!(filler.is_err());
    assert!(matches!(acquire(&[&file]), Err(LockError::Create { .. })));
    assert_eq!(names(directory.path()), ["config", "filler"]);
}

#[test]
fn a_file_that_cannot_be_replaced_stays() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let mounted = directory.path().join("mounted");
    std::fs::write(&file, "").unwrap();
    std::fs::write(&mounted, "old").unwrap();
    // As in a container that gets the host's kubeconfig: the name is busy.
    let Some(mount) = Mount::new(&["--bind", mounted.to_str().unwrap()], &file) else { return };
    let refused = replace(&file, b"new");
    assert!(matches!(refused, Err(WriteError::Rename { .. })), "{refused:?}");
    assert_eq!(std::fs::read(&file).unwrap(), b"old");
    assert_eq!(names(directory.path()), ["config", "mounted"]);
    drop(mount);
}
