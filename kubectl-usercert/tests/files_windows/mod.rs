//! What only Windows does: open files stand in the way, names outlive their files, access lists.

use std::fs::File;
use std::os::windows::fs::OpenOptionsExt as _;

use super::*;

const READ: u32 = 1;

/// A file as a program has it open that lets others only read meanwhile.
fn in_use(path: &Path) -> File {
    File::options().read(true).share_mode(READ).open(path).unwrap()
}

#[test]
fn a_file_that_another_program_has_open_for_a_moment_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, "old\r\n").unwrap();
    let other = in_use(&file);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| replace(&file, b"new\r\n"));
        // It cannot have been replaced yet.
        assert_eq!(std::fs::read(&file).unwrap(), b"old\r\n");
        drop(other);
        writer.join().unwrap().unwrap();
    });
    assert_eq!(std::fs::read(&file).unwrap(), b"new\r\n");
    assert_eq!(names(directory.path()), ["config"]);
}

#[test]
fn a_file_that_stays_open_elsewhere_is_named_and_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, "old").unwrap();
    let other = in_use(&file);
    let error = replace(&file, b"new").unwrap_err();
    assert!(error.may_be_in_use(), "{error:?}");
    assert!(error.to_string().contains("config"), "{error}");
    drop(other);
    assert_eq!(std::fs::read(&file).unwrap(), b"old");
    assert_eq!(names(directory.path()), ["config"]);
}

#[test]
fn the_holder_of_a_lock_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let held = acquire(&[&file]).unwrap();
    let error = acquire(&[&file]).unwrap_err();
    assert!(
        matches!(&error, LockError::Held { holder, .. } if holder.pid == std::process::id()),
        "{error:?}"
    );
    drop(held);
    drop(acquire(&[&file]).unwrap());
    assert!(names(directory.path()).is_empty());
}

#[test]
fn a_name_whose_removed_file_is_still_open_counts_as_taken() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let lock = directory.path().join("config.lock");
    let held = acquire(&[&file]).unwrap();
    // As somebody has it open who reads whose lock it is.
    let reader = File::open(&lock).unwrap();
    drop(held);
    std::thread::scope(|scope| {
        let files = [file.clone()];
        let waiting =
            scope.spawn(move || KubeconfigLock::acquire(&files, Duration::from_secs(60)).map(drop));
        drop(reader);
        waiting.join().unwrap().unwrap();
    });
    assert!(names(directory.path()).is_empty());
}

#[test]
fn the_lock_of_kubectl_is_foreign() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let lock = directory.path().join("config.lock");
    File::create(&lock).unwrap();
    // Go makes a file without mode bits, and Windows one that is read-only.
    let mut permissions = std::fs::metadata(&lock).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&lock, permissions.clone()).unwrap();
    assert!(matches!(acquire(&[&file]), Err(LockError::Foreign { path, .. }) if path == lock));
    assert_eq!(names(directory.path()), ["config.lock"]);
    permissions.set_readonly(false);
    std::fs::set_permissions(&lock, permissions).unwrap();
}

#[test]
fn what_is_private_can_be_read_by_its_owner_alone() {
    // Right in the temporary folder, which is private as well: wine hands down what a folder allows.
    let (key, config) = (own_file("key"), own_file("config"));
    create_new(&key, b"key", Access::Private).unwrap();
    replace(&config, b"new").unwrap();
    // It can still be replaced by who made it, and then as well is for nobody else.
    replace(&config, b"newer").unwrap();
    let readable = [&key, &config].map(|file| kubectl_usercert::files::is_readable_by_others(file));
    let contents = [&key, &config].map(|file| std::fs::read(file).unwrap());
    for file in [key, config] {
        std::fs::remove_file(file).unwrap();
    }
    assert_eq!(readable, [false, false]);
    assert_eq!(contents, [b"key".to_vec(), b"newer".to_vec()]);
}

fn own_file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("usercert-{}-{name}", std::process::id()))
}
