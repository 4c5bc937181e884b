//! The command lines that people are told to run, so that plugin and page tell them alike.
//!
//! Every foreign word is quoted for the shell and stands behind `--`. Where no plugin is at hand, an
//! admin needs kubectl's own steps; those create and never apply, under a name that comes from the
//! key: `kubectl apply` followed by `approve` would approve whatever somebody else had put there
//! before under that name.

use crate::api::csr;
use crate::exchange::file_name::safe_file_name;
use crate::text::shell_word;
use crate::x509::key::{KeyType, PublicKey};
use crate::x509::lifetime::{self, Lifetime};

/// The files of one request, by names that are safe everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The private key.
    pub key: String,
    /// The certificate request.
    pub csr: String,
    /// The CertificateSigningRequest object.
    pub manifest: String,
    /// The reply, a kubeconfig without the key.
    pub reply: String,
    /// The kubeconfig with the key.
    pub kubeconfig: String,
}

impl Files {
    /// The files for `user`.
    pub fn of(user: &str) -> Self {
        Self {
            key: safe_file_name(user, "key"),
            csr: safe_file_name(user, "csr"),
            manifest: safe_file_name(user, "yaml"),
            reply: safe_file_name(user, "kubeconfig"),
            kubeconfig: safe_file_name(user, "conf"),
        }
    }
}

/// What an admin runs on a request that was handed over as a file. Without the code: the line travels
/// with the file, and the two could be swapped together. The plugin asks for the code.
pub fn approve(manifest: &str, reply: &str) -> String {
    let (manifest, reply) = (shell_word(manifest), shell_word(reply));
    format!("kubectl usercert approve -f {manifest} --reply {reply}")
}

/// What the person runs on the reply, with the key in a file or in the plugin's own keeping. The reply
/// names the user, and its code travels another way.
pub fn install(reply: &str, key: Option<&str>) -> String {
    let key = key.map(|file| format!(" --key {}", shell_word(file))).unwrap_or_default();
    format!("kubectl usercert install --reply {}{key}", shell_word(reply))
}

/// What the person runs to ask for a certificate of this user and these groups. `flags` are quoted already,
/// each after a space.
pub fn request<'a>(user: &str, groups: impl IntoIterator<Item = &'a str>, flags: &str) -> String {
    let groups: String =
        groups.into_iter().map(|group| format!(" -g {}", shell_word(group))).collect();
    format!("kubectl usercert request{groups}{flags} -- {}", shell_word(user))
}

/// The flag of [`request`] for a lifetime, `None` being the signer's choice; nothing for the default.
pub fn expires(lifetime: Option<Lifetime>) -> String {
    match lifetime {
        Some(lifetime) if lifetime == lifetime::default_lifetime() => String::new(),
        // In words, unless these are rounded.
        Some(lifetime)
            if lifetime.to_string().parse().is_ok_and(|same: Lifetime| same == lifetime) =>
        {
            format!(" --expires {lifetime}")
        }
        Some(lifetime) => format!(" --expires {}s", lifetime.seconds()),
        None => " --expires signer".to_owned(),
    }
}

/// The flags of [`request`], and of `create`, for what is asked beside user and groups; nothing for defaults.
/// `key_type`: of a key that is yet to be made.
pub fn terms(lifetime: Option<Lifetime>, signer: &str, key_type: Option<KeyType>) -> String {
    let mut flags = expires(lifetime);
    if let Some(key_type) = key_type.filter(|kind| *kind != KeyType::P256) {
        flags.push_str(&format!(" --key-type {}", key_type.name()));
    }
    if signer != csr::CLIENT_SIGNER {
        flags.push_str(&format!(" --signer {}", shell_word(signer)));
    }
    flags
}

/// An object name that nobody can have taken by chance or by guessing: the user's name and 64 bits of
/// the key's digest.
pub fn object_name(user: &str, key: &PublicKey) -> String {
    csr::name_with_more_key(&csr::name_for_user(user), key)
}

/// One step of an admin without the plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is for, and when to stop.
    pub purpose: String,
    /// The command line.
    pub line: String,
}

/// The steps of an admin without the plugin, for the object `name` in the file `manifest`.
pub fn with_kubectl(manifest: &str, name: &str, answer: &str) -> Vec<Step> {
    let name = shell_word(name);
    let step = |purpose: &str, line: String| Step { purpose: purpose.to_owned(), line };
    let request = format!("kubectl get csr -o jsonpath='{{.spec.request}}' -- {name} | base64 -d");
    vec![
        step(
            "Submit it. Stop if this says AlreadyExists: somebody else took the name.",
            format!("kubectl create -f {}", shell_word(manifest)),
        ),
        step(
            "See whom it names: CN is the user, each O is a group. Stop if that is not as agreed.",
            format!("{request} | openssl req -noout -verify -subject"),
        ),
        step(
            "Make sure that it is this very request. Stop unless it prints the SHA-256 that the person reads to you.",
            format!("{request} | openssl req -outform DER | openssl dgst -sha256"),
        ),
        step("Approve it.", format!("kubectl certificate approve -- {name}")),
        step(
            "Take the answer, once the certificate is there.",
            format!("kubectl get csr -o yaml -- {name} > {}", shell_word(answer)),
        ),
        step(
            "Take the cluster's address and CA, without anybody's credentials.",
            "kubectl config view --raw --minify --flatten -o jsonpath='{.clusters[0].cluster}' > cluster.json"
                .to_owned(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::key::KeyKind;

    #[test]
    fn hostile_names_stay_one_word_behind_the_dashes() {
        let files = Files::of("--all; rm -rf $HOME");
        assert!(files.manifest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)));
        let line = install(&files.reply, Some("--all; $(id)"));
        assert!(line.ends_with(" --key '--all; $(id)'"), "{line}");
        for step in with_kubectl(&files.manifest, "-A\n", "answer.yaml") {
            assert!(!step.line.contains('\n'), "{}", step.line);
            assert!(!step.line.contains("apply"));
        }
    }

    #[test]
    fn a_request_is_asked_for_again_as_it_was() {
        let lifetime = Lifetime::from_seconds(600);
        let name = if cfg!(windows) { "\"a b\"" } else { "'a b'" };
        assert_eq!(
            request("a b", ["dev", "-x"], &expires(lifetime)),
            format!("kubectl usercert request -g dev -g -x --expires 10m -- {name}")
        );
        assert_eq!(
            request("a", [], &expires(None)),
            "kubectl usercert request --expires signer -- a"
        );
        assert_eq!(expires(Some(lifetime::default_lifetime())), "");
        assert_eq!(expires(Lifetime::from_seconds(900_001)), " --expires 900001s");
    }

    #[test]
    fn object_names_hold_64_bits_of_the_key() {
        let key = |n: u8| PublicKey { spki: vec![n], bits: vec![], kind: KeyKind::P256 };
        let name = object_name("a/b", &key(1));
        assert_eq!(name.len(), "a-b-".len() + 16);
        assert_ne!(name, object_name("a/b", &key(2)));
    }
}
