//! Other programs that have a file open for a moment: virus scanners, indexers, editors, the one that we
//! have just seen closing it. Windows refuses meanwhile, and Go's own tools wait there as well
//! (`Go: cmd/internal/robustio`). Elsewhere nothing is refused for that reason.

use std::io;
use std::time::{Duration, Instant};

/// Longest time that a file is waited for.
const LIMIT: Duration = Duration::from_secs(2);
/// First and longest pause between two attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

const ACCESS_DENIED: i32 = 5;
const SHARING_VIOLATION: i32 = 32;
const LOCK_VIOLATION: i32 = 33;
const DELETE_PENDING: i32 = 303;
const USER_MAPPED_FILE: i32 = 1224;

/// Why a file cannot be opened that another program has open.
pub const IN_USE: &[i32] =
    if cfg!(windows) { &[SHARING_VIOLATION, LOCK_VIOLATION, USER_MAPPED_FILE] } else { &[] };
/// Why a name cannot be had while its file is open. That one may never have it is said the same way.
pub const RENAMED_OR_REMOVED: &[i32] = if cfg!(windows) {
    &[ACCESS_DENIED, SHARING_VIOLATION, LOCK_VIOLATION, DELETE_PENDING, USER_MAPPED_FILE]
} else {
    &[]
};

pub fn is_one_of(error: &io::Error, codes: &[i32]) -> bool {
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// Tries again, for a limited time, what fails for one of these reasons.
pub fn patiently<T>(codes: &[i32], mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let start = Instant::now();
    let mut pause = PAUSES.0;
    loop {
        match attempt() {
            Err(error) if is_one_of(&error, codes) && start.elapsed() < LIMIT => {}
            done => return done,
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(PAUSES.1);
    }
}
