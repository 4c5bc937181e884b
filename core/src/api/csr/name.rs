//! Names of objects.
//!
//! Source: `apimachinery/pkg/api/validate/content/path.go`.

use crate::x509::code;
use crate::x509::key::PublicKey;

/// Why a text cannot name a CertificateSigningRequest.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ObjectNameError {
    /// Nothing.
    #[error("the request's name is empty")]
    Empty,
    /// `.` or `..`.
    #[error("a request cannot be named '{0}'")]
    Dots(String),
    /// Holds `/` or `%`.
    #[error("the request's name {} may not contain '{}'", crate::text::show(.0), .1)]
    Character(String, char),
}

/// An argument as kubectl takes it: `NAME` or `TYPE/NAME`, with the resource's short, plural, singular or full
/// name as the type.
pub fn without_type(argument: &str) -> &str {
    const TYPES: [&str; 3] = ["csr", "certificatesigningrequest", "certificatesigningrequests"];
    let Some((kind, name)) = argument.split_once('/') else { return argument };
    let kind = kind.strip_suffix(".certificates.k8s.io").unwrap_or(kind);
    if TYPES.contains(&kind) && check_name(name).is_ok() { name } else { argument }
}

/// Checks an object name by the API server's rules.
///
/// # Errors
/// Empty, `.`, `..`, or with `/` or `%`.
pub fn check_name(name: &str) -> Result<(), ObjectNameError> {
    match name {
        "" => Err(ObjectNameError::Empty),
        "." | ".." => Err(ObjectNameError::Dots(name.to_owned())),
        _ => match name.chars().find(|c| matches!(c, '/' | '%')) {
            Some(character) => Err(ObjectNameError::Character(name.to_owned(), character)),
            None => Ok(()),
        },
    }
}

/// The object name for a user: the user's name, with the characters that the API refuses replaced.
pub fn name_for_user(user: &str) -> String {
    let name = user.replace(['/', '%'], "-");
    if name.chars().all(|c| c == '.') { format!("user-{}", name.replace('.', "dot")) } else { name }
}

/// The object name for a user when another request has taken the plain one.
pub fn name_with_key(name: &str, key: &PublicKey) -> String {
    format!("{name}-{}", key.short_hash())
}

/// The object name for a user when that is taken too, by whoever has seen the request: 64 bits of the key's
/// digest.
pub fn name_with_more_key(name: &str, key: &PublicKey) -> String {
    let digest = code::sha256_hex(&key.spki);
    format!("{name}-{}", digest.get(..16).unwrap_or(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_before_the_name_is_taken_off() {
        for (argument, name) in [
            ("csr/alice", "alice"),
            ("certificatesigningrequest.certificates.k8s.io/alice", "alice"),
            ("certificatesigningrequests/alice", "alice"),
            ("alice", "alice"),
            ("team/alice", "team/alice"),
            ("csr/", "csr/"),
            ("csr/a/b", "csr/a/b"),
        ] {
            assert_eq!(without_type(argument), name);
        }
    }

    #[test]
    fn names_follow_the_api_servers_rules() {
        for (user, name) in [
            ("alice", "alice"),
            ("a/b%c", "a-b-c"),
            ("..", "user-dotdot"),
            ("Jürgen G", "Jürgen G"),
        ] {
            assert_eq!(name_for_user(user), name);
            assert_eq!(check_name(name), Ok(()));
        }
        for bad in ["", ".", "..", "a/b", "a%b"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
