//! What a profile is.

use crate::x509::lifetime::{self, Lifetime};

/// User name that a node's begins with; the node's name follows.
pub const NODE_USER: &str = "system:node:";
/// The group of all nodes.
pub const NODE_GROUP: &str = "system:nodes";

/// Whom a certificate of a profile names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateSubject {
    /// A person or robot: whoever the request names.
    Person,
    /// A component: always this user, in this group.
    Component(&'static str, Option<&'static str>),
    /// A node: [`NODE_USER`] and its name, in [`NODE_GROUP`].
    Node,
    /// A server: its common name carries no right; this one if it has none.
    Host(Option<&'static str>),
}

/// Which names a certificate of a profile holds beside those that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// It is not a server's: none, and none may be asked for.
    None,
    /// The host's own name.
    Host,
    /// Those of the service `kubernetes`, and the loopback address.
    ApiServer,
    /// The host's own name, and the loopback addresses.
    Etcd,
}

/// A kind of certificate.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// The word for `--profile`.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Where its content is defined.
    pub source: &'static str,
    /// Whom it names.
    pub holder: CertificateSubject,
    /// Which names it holds.
    pub names: Names,
    /// Good for client authentication.
    pub client: bool,
    /// Good for server authentication.
    pub server: bool,
}

impl Profile {
    /// How long its certificates live if nothing else is said: people's a month, others a year, as
    /// kubeadm's.
    pub fn lifetime(&self) -> Lifetime {
        let year = || Lifetime::from_seconds(365 * 86_400);
        let own = (self.holder != CertificateSubject::Person).then(year).flatten();
        own.unwrap_or_else(lifetime::default_lifetime)
    }

    /// Whether the profile, not the request, decides whom the certificate names.
    pub(crate) fn prescribes_identity(&self) -> bool {
        matches!(self.holder, CertificateSubject::Component(..) | CertificateSubject::Node)
    }

    /// Whom it is for, in words.
    pub(crate) fn holder_in_words(&self) -> String {
        match self.holder {
            CertificateSubject::Person => "whoever the request names".to_owned(),
            CertificateSubject::Component(user, None) => format!("the user {user} without groups"),
            CertificateSubject::Component(user, Some(group)) => {
                format!("the user {user} in the group {group}")
            }
            CertificateSubject::Node => format!("a user {NODE_USER}NAME in the group {NODE_GROUP}"),
            CertificateSubject::Host(_) => "a server".to_owned(),
        }
    }
}
