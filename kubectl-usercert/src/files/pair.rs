//! A private key and its certificate: two new files, or none.

use std::path::Path;

use super::atomic::{WriteError, create_new};
use super::folder::Access;

/// Makes a private file and a public one, neither of which may exist. If the second cannot be made,
/// the first is removed again.
pub fn create(private: (&Path, &[u8]), public: (&Path, &[u8])) -> Result<(), WriteError> {
    create_new(private.0, private.1, Access::Private)?;
    match create_new(public.0, public.1, Access::Public) {
        Ok(()) => Ok(()),
        // The file is there; only its name may not outlive a power failure.
        Err(error @ WriteError::Sync { .. }) => Err(error),
        Err(error) => {
            // It was made above, by this process and exclusively.
            let _ = std::fs::remove_file(private.0);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let (key, certificate) = (dir.path().join("k"), dir.path().join("c"));
        create((&key, b"key"), (&certificate, b"certificate")).unwrap();
        assert_eq!(std::fs::read(&key).unwrap(), b"key");
        assert_eq!(std::fs::read(&certificate).unwrap(), b"certificate");
        let other = dir.path().join("other");
        assert!(create((&other, b"key"), (&certificate, b"new")).is_err());
        assert!(!other.exists());
        assert_eq!(std::fs::read(&certificate).unwrap(), b"certificate");
        assert!(create((&key, b"new"), (&other, b"certificate")).is_err());
        assert!(!other.exists());
        assert_eq!(std::fs::read(&key).unwrap(), b"key");
    }
}
