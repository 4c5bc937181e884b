//! What is to be signed and where it goes, checked.

use std::path::PathBuf;

use usercert_core::ca::profile::{ClusterNames, Profile};
use usercert_core::lifecycle::RevocationList;
use usercert_core::x509::code::ExpectedCode;
use usercert_core::x509::key::KeyType;
use usercert_core::x509::lifetime::Lifetime;
use usercert_core::x509::san::AlternativeName;

use crate::ui::args::Format;
use crate::workflow::review_policy::Rules;

pub(super) struct SigningOrder {
    pub(super) profile: &'static Profile,
    pub(super) name: Option<String>,
    pub(super) groups: Vec<String>,
    pub(super) alternative_names: Vec<AlternativeName>,
    pub(super) cluster: ClusterNames,
    /// The lifetime that counts whatever a request says.
    pub(super) lifetime: Option<Lifetime>,
    pub(super) expected: Option<ExpectedCode>,
    pub(super) key_type: KeyType,
    pub(super) rules: Rules,
    /// What is revoked, and the file that says so.
    pub(super) revoked: Option<(RevocationList, String)>,
    /// Refusing findings that pass.
    pub(super) accept: Vec<String>,
    pub(super) yes: bool,
    pub(super) dry: bool,
}

pub(super) struct Destination {
    /// The certificate; a path, a directory or "-".
    pub(super) out: Option<PathBuf>,
    pub(super) new_key: Option<PathBuf>,
    pub(super) standalone: Option<PathBuf>,
    /// The answer to the request; a path, a directory or "-".
    pub(super) reply: Option<PathBuf>,
    pub(super) format: Option<Format>,
}

pub(super) struct ServedCluster {
    pub(super) server: String,
    /// The file with the CA of the server's certificate, instead of the signing CA.
    pub(super) server_ca: Option<PathBuf>,
    pub(super) tls_server_name: Option<String>,
    pub(super) name: String,
    pub(super) namespace: Option<String>,
}
