//! Certificate profiles: whom the certificates of a cluster name and what they are good for.
//!
//! Each names its source: kubeadm (`cmd/kubeadm/app/phases/certs/certlist.go`,
//! `cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go`), the controller manager's signers
//! (`pkg/apis/certificates/helpers.go`), or the page "PKI certificates and requirements" of the
//! Kubernetes documentation.

mod table;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeSet;

use crate::text;
use crate::x509::certificate::Certificate;
use crate::x509::lifetime::{self, Lifetime};
use crate::x509::pkcs10::CertificateRequest;
use crate::x509::san::{AlternativeName, AlternativeNameError};

pub use table::PROFILES;

/// User name that a node's begins with; the node's name follows.
pub const NODE_USER: &str = "system:node:";
/// The group of all nodes.
pub const NODE_GROUP: &str = "system:nodes";

/// Whom a certificate of a profile names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
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
    /// It is no server's: none, and none may be asked for.
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
    pub holder: Holder,
    /// Which names it holds.
    pub names: Names,
    /// Good for client authentication.
    pub client: bool,
    /// Good for server authentication.
    pub server: bool,
}

/// What a profile takes from the cluster's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterNames {
    /// The cluster's domain, as `cluster.local`.
    pub domain: String,
    /// Addresses of the service `kubernetes`.
    pub service_addresses: Vec<IpAddr>,
}

/// Whom a certificate will name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The common name.
    pub user: String,
    /// The organizations.
    pub groups: BTreeSet<String>,
}

/// Why a profile does not fit what was asked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProfileError {
    /// Nobody said whose certificate it is to be.
    #[error("the profile {0} needs a name")]
    NameMissing(&'static str),
    /// A name for somebody who has one already.
    #[error("the profile {profile} takes no name: it is for {}", text::show_short(.holder, 120))]
    NameNotTaken {
        /// The profile's name.
        profile: &'static str,
        /// Whom it is for.
        holder: String,
    },
    /// Groups for somebody whose groups are given.
    #[error("the profile {0} takes no groups")]
    GroupsNotTaken(&'static str),
    /// The request is somebody else's.
    #[error(
        "the request names {}, but the profile {profile} is for {}", text::show_short(.found, 200), text::show_short(.wanted, 200)
    )]
    OtherHolder {
        /// The profile's name.
        profile: &'static str,
        /// Whom it is for.
        wanted: String,
        /// Whom the request names.
        found: String,
    },
    /// Names for what is no server.
    #[error("the profile {0} is no server's: its certificate holds no host names")]
    NamesNotTaken(&'static str),
    /// A server without any name.
    #[error("a server's certificate needs a host name or an address, or every client refuses it")]
    NoNames,
    /// A name that no node can have.
    #[error(
        "{} is no name of a node: lower-case letters, digits, dashes and dots", text::show_short(.0, 80)
    )]
    NodeName(String),
    /// A name that is none.
    #[error(transparent)]
    Name(#[from] AlternativeNameError),
}

/// The profile of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|p| p.name == name)
}

/// The profile of people's certificates.
#[must_use]
pub fn user() -> &'static Profile {
    &PROFILES[0]
}

/// The profile that a certificate has, the most particular one.
#[must_use]
pub fn of(certificate: &Certificate) -> Option<&'static Profile> {
    if certificate.is_ca {
        return None;
    }
    let particular = |p: &&Profile| matches!(p.holder, Holder::Component(..) | Holder::Node);
    let named = |p: &&Profile| matches!(p.holder, Holder::Host(Some(_)));
    let fitting = || PROFILES.iter().filter(|p| p.fits(certificate));
    fitting()
        .find(particular)
        .or_else(|| fitting().find(named))
        .or_else(|| fitting().find(|p| p.holder == Holder::Person || p.server))
}

impl Profile {
    /// How long its certificates live if nothing else is said: people's a month, others a year, as
    /// kubeadm's.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        let year = || Lifetime::from_seconds(365 * 86_400);
        let own = (self.holder != Holder::Person).then(year).flatten();
        own.unwrap_or_else(lifetime::default_lifetime)
    }

    /// Whether the profile, not the request, decides whom the certificate names.
    #[must_use]
    pub fn prescribes_identity(&self) -> bool {
        matches!(self.holder, Holder::Component(..) | Holder::Node)
    }

    fn fits(&self, certificate: &Certificate) -> bool {
        let usages = certificate.extended_key_usages.as_deref().unwrap_or_default();
        let has = |usage: &str| usages.iter().any(|u| u == usage);
        let (user, groups) = (certificate.subject.user(), certificate.subject.groups());
        let holder = match self.holder {
            Holder::Person => !user.is_empty(),
            Holder::Host(Some(name)) => user == name,
            Holder::Host(None) => true,
            Holder::Component(..) | Holder::Node => {
                self.check_prescribed(&Named { user: user.to_owned(), groups }).is_ok()
            }
        };
        let etcd = self.names != Names::Etcd
            || certificate.alternative_names.iter().any(|n| n == "DNS:localhost");
        holder && etcd && has("client auth") == self.client && has("server auth") == self.server
    }

    /// Whom it is for, in words.
    #[must_use]
    pub fn holder_in_words(&self) -> String {
        match self.holder {
            Holder::Person => "whoever the request names".to_owned(),
            Holder::Component(user, None) => format!("the user {user} without groups"),
            Holder::Component(user, Some(group)) => format!("the user {user} in the group {group}"),
            Holder::Node => format!("a user {NODE_USER}NAME in the group {NODE_GROUP}"),
            Holder::Host(_) => "a server".to_owned(),
        }
    }

    /// Whom the certificate of a new key names. `name` is the user's, the node's or the host's.
    ///
    /// # Errors
    /// A name is missing, or one or groups are given that the profile does not take.
    pub fn named(&self, name: Option<&str>, groups: &[String]) -> Result<Named, ProfileError> {
        if self.holder != Holder::Person && !groups.is_empty() {
            return Err(ProfileError::GroupsNotTaken(self.name));
        }
        let missing = || ProfileError::NameMissing(self.name);
        let (user, groups) = match self.holder {
            Holder::Person => (name.ok_or_else(missing)?.to_owned(), groups.to_vec()),
            Holder::Component(user, group) => {
                if name.is_some() {
                    let holder = self.holder_in_words();
                    return Err(ProfileError::NameNotTaken { profile: self.name, holder });
                }
                (user.to_owned(), group.map(str::to_owned).into_iter().collect())
            }
            Holder::Node => {
                let node = name.ok_or_else(missing)?.to_ascii_lowercase();
                if !is_node_name(&node) {
                    return Err(ProfileError::NodeName(node));
                }
                (format!("{NODE_USER}{node}"), vec![NODE_GROUP.to_owned()])
            }
            Holder::Host(Some(default)) => (default.to_owned(), Vec::new()),
            Holder::Host(None) => (host_name(name.ok_or_else(missing)?)?, Vec::new()),
        };
        Ok(Named { user, groups: groups.into_iter().collect() })
    }

    /// Whom the certificate for a request names.
    ///
    /// # Errors
    /// The request names somebody whom the profile is not for, or nobody.
    pub fn named_by(
        &self,
        request: &CertificateRequest,
        name: Option<&str>,
    ) -> Result<Named, ProfileError> {
        let subject = &request.subject;
        let found = Named { user: subject.user().to_owned(), groups: subject.groups() };
        match self.holder {
            Holder::Person if name.is_some_and(|name| name != found.user) => {
                Err(ProfileError::OtherHolder {
                    profile: self.name,
                    wanted: format!("the user {}", name.unwrap_or_default()),
                    found: in_words(&found),
                })
            }
            Holder::Person => Ok(found),
            // The organizations of a server's request are a company's, not groups of Kubernetes.
            Holder::Host(default) => {
                let given = name.map(host_name).transpose()?;
                // The API server's own name stands, and another one is but a further name of it.
                let wanted = default.map(str::to_owned).or(given);
                let user = Some(found.user.clone()).filter(|user| !user.is_empty());
                let user = match (user, wanted) {
                    (Some(user), Some(wanted)) if !user.eq_ignore_ascii_case(&wanted) => {
                        return Err(ProfileError::OtherHolder {
                            profile: self.name,
                            wanted: format!("the host {wanted}"),
                            found: text::show(&user),
                        });
                    }
                    (Some(name), _) | (None, Some(name)) => name,
                    (None, None) => return Err(ProfileError::NameMissing(self.name)),
                };
                Ok(Named { user, groups: BTreeSet::new() })
            }
            Holder::Component(..) | Holder::Node => {
                self.check_prescribed(&found)?;
                if let Some(name) = name {
                    let wanted = self.named(Some(name), &[])?;
                    if wanted != found {
                        return Err(ProfileError::OtherHolder {
                            profile: self.name,
                            wanted: format!("the user {}", wanted.user),
                            found: in_words(&found),
                        });
                    }
                }
                Ok(found)
            }
        }
    }

    /// Whether somebody is whom the profile prescribes.
    fn check_prescribed(&self, found: &Named) -> Result<(), ProfileError> {
        let groups: Vec<&str> = found.groups.iter().map(String::as_str).collect();
        let fits = match self.holder {
            Holder::Component(user, group) => {
                found.user == user && groups == group.into_iter().collect::<Vec<_>>()
            }
            Holder::Node => {
                let node = found.user.strip_prefix(NODE_USER).unwrap_or_default();
                groups == [NODE_GROUP] && is_node_name(node)
            }
            Holder::Person | Holder::Host(_) => true,
        };
        if fits {
            return Ok(());
        }
        Err(ProfileError::OtherHolder {
            profile: self.name,
            wanted: self.holder_in_words(),
            found: in_words(found),
        })
    }

    /// The names that the certificate holds: those of the profile, then `asked`, each once. `host` is
    /// the server's own name; it is taken where the profile says so, or where there is no other.
    ///
    /// # Errors
    /// Names for what is no server, or a server without any.
    pub fn alternative_names(
        &self,
        asked: &[AlternativeName],
        host: Option<&AlternativeName>,
        cluster: &ClusterNames,
    ) -> Result<Vec<AlternativeName>, ProfileError> {
        let dns = |name: &str| AlternativeName::Dns(name.to_owned());
        let localhost = || vec![dns("localhost"), AlternativeName::Ip(Ipv4Addr::LOCALHOST.into())];
        let mut names: Vec<AlternativeName> = match self.names {
            Names::None if asked.is_empty() => return Ok(Vec::new()),
            Names::None => return Err(ProfileError::NamesNotTaken(self.name)),
            Names::Host => Vec::new(),
            Names::ApiServer => {
                let service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
                let qualified = format!("kubernetes.default.svc.{}", cluster.domain);
                let addresses = cluster.service_addresses.iter().copied();
                service
                    .map(dns)
                    .into_iter()
                    .chain([qualified.parse()?])
                    .chain(addresses.map(AlternativeName::Ip))
                    .chain(localhost())
                    .collect()
            }
            Names::Etcd => {
                let own = host.cloned().into_iter();
                let loopback = AlternativeName::Ip(Ipv6Addr::LOCALHOST.into());
                own.chain(localhost()).chain([loopback]).collect()
            }
        };
        names.extend_from_slice(asked);
        if names.is_empty() {
            names.extend(host.cloned());
        }
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        if names.is_empty() { Err(ProfileError::NoNames) } else { Ok(names) }
    }
}

/// A DNS-1123 subdomain, as node names are (`pkg/apis/core/validation/validation.go`); also one that
/// reads as an address.
fn is_node_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// A host's name or address, without what says which of both it is.
fn host_name(name: &str) -> Result<String, AlternativeNameError> {
    Ok(match name.parse()? {
        AlternativeName::Dns(name) => name,
        AlternativeName::Ip(address) => address.to_string(),
    })
}

fn in_words(named: &Named) -> String {
    let groups: Vec<String> = named.groups.iter().map(|g| text::show(g)).collect();
    match groups.as_slice() {
        [] => format!("the user {} without groups", text::show(&named.user)),
        groups => format!("the user {} in {}", text::show(&named.user), groups.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::testing::request;

    fn cluster() -> ClusterNames {
        let service_addresses = vec![Ipv4Addr::new(10, 96, 0, 1).into()];
        ClusterNames { domain: "cluster.local".to_owned(), service_addresses }
    }

    fn shown(names: &[AlternativeName]) -> String {
        names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_profile_has_a_name_of_its_own_and_a_purpose() {
        for (i, profile) in PROFILES.iter().enumerate() {
            assert!(std::ptr::eq(find(profile.name).unwrap(), profile));
            assert!(profile.client || profile.server, "{}", profile.name);
            assert_eq!(profile.server, profile.names != Names::None, "{}", profile.name);
            assert!(PROFILES[i + 1..].iter().all(|p| p.name != profile.name));
        }
        assert_eq!((find("admin"), user().holder), (None, Holder::Person));
    }

    #[test]
    fn new_keys_are_named_by_the_profile() {
        let named = |profile: &str, name: Option<&str>| {
            find(profile).unwrap().named(name, &[]).map(|n| in_words(&n))
        };
        assert_eq!(named("user", Some("alice")).unwrap(), "the user alice without groups");
        assert_eq!(named("node", Some("n1")).unwrap(), "the user system:node:n1 in system:nodes");
        assert_eq!(
            named("proxy", None).unwrap(),
            "the user system:kube-proxy in system:node-proxier"
        );
        assert_eq!(
            named("apiserver", Some("h")).unwrap(),
            "the user kube-apiserver without groups"
        );
        assert_eq!(named("etcd-peer", Some("e1")).unwrap(), "the user e1 without groups");
        assert_eq!(named("server", Some("dns:Web")).unwrap(), "the user web without groups");
        assert_eq!(named("server", Some("ip:::1")).unwrap(), "the user ::1 without groups");
        let address = named("node", Some("10.0.0.5")).unwrap();
        assert_eq!(address, "the user system:node:10.0.0.5 in system:nodes");
        for node in ["*.example.com", "a b", "", "-a", "a..b", "fd00::1", "n_1"] {
            let refused = named("node-serving", Some(node));
            assert!(matches!(refused, Err(ProfileError::NodeName(_))), "{node}");
        }
        for (profile, name) in
            [("user", None), ("node", None), ("etcd-server", None), ("node", Some("a b"))]
        {
            assert!(named(profile, name).is_err(), "{profile}");
        }
        assert!(matches!(named("scheduler", Some("x")), Err(ProfileError::NameNotTaken { .. })));
        let groups = ["dev".to_owned()];
        assert!(find("node").unwrap().named(Some("n1"), &groups).is_err());
        assert_eq!(find("user").unwrap().named(Some("a"), &groups).unwrap().groups.len(), 1);
    }

    #[test]
    fn requests_must_be_of_whom_the_profile_is_for() {
        let by = |profile: &str, user: &str, groups: &[&str], name: Option<&str>| {
            find(profile).unwrap().named_by(&request(user, groups), name).is_ok()
        };
        assert!(by("user", "alice", &["dev", "ops"], None));
        assert!(by("user", "alice", &[], Some("alice")) && !by("user", "alice", &[], Some("bob")));
        assert!(by("scheduler", "system:kube-scheduler", &[], None));
        assert!(!by("scheduler", "alice", &[], None));
        assert!(!by("scheduler", "system:kube-scheduler", &["system:nodes"], None));
        assert!(by("node", "system:node:n1", &["system:nodes"], None));
        assert!(by("node", "system:node:n1", &["system:nodes"], Some("n1")));
        assert!(!by("node", "system:node:n1", &["system:nodes"], Some("n2")));
        assert!(!by("node", "system:node:", &["system:nodes"], None));
        assert!(!by("node", "system:node:n1", &["system:nodes", "dev"], None));
        assert!(!by("node", "n1", &["system:nodes"], None));
        assert!(by("node", "system:node:10.0.0.5", &["system:nodes"], None));
        assert!(!by("node-serving", "system:node:*.example", &["system:nodes"], None));
        assert!(!by("apiserver", "alice", &[], None), "its name is fixed");
        assert!(by("apiserver", "kube-apiserver", &[], Some("cp1")));
        assert!(!by("server", "web", &[], Some("other.example")));
        assert!(by("server", "web", &[], Some("dns:WEB")));
        let server = find("server").unwrap().named_by(&request("web", &["dev"]), None).unwrap();
        assert_eq!(in_words(&server), "the user web without groups");
    }

    #[test]
    fn servers_have_the_names_that_their_clients_use() {
        let names = |profile: &str, asked: &[&str], host: Option<&str>| {
            let asked: Vec<AlternativeName> = asked.iter().map(|n| n.parse().unwrap()).collect();
            let host = host.map(|h| h.parse().unwrap());
            let profile = find(profile).unwrap();
            profile.alternative_names(&asked, host.as_ref(), &cluster()).map(|n| shown(&n))
        };
        assert_eq!(
            names("apiserver", &["10.1.1.1", "localhost"], None).unwrap(),
            "DNS:kubernetes DNS:kubernetes.default DNS:kubernetes.default.svc \
             DNS:kubernetes.default.svc.cluster.local IP:10.96.0.1 DNS:localhost IP:127.0.0.1 IP:10.1.1.1"
        );
        assert_eq!(
            names("etcd-server", &["10.1.1.1"], Some("e1")).unwrap(),
            "DNS:e1 DNS:localhost IP:127.0.0.1 IP:::1 IP:10.1.1.1"
        );
        assert_eq!(names("server", &[], Some("web")).unwrap(), "DNS:web");
        assert_eq!(names("server", &["a.example"], Some("web")).unwrap(), "DNS:a.example");
        assert_eq!(names("node", &[], Some("n1")).unwrap(), "");
        assert_eq!(names("server", &[], None), Err(ProfileError::NoNames));
        assert_eq!(names("user", &["a"], None), Err(ProfileError::NamesNotTaken("user")));
    }

    #[test]
    fn certificates_are_recognised() {
        let pem = include_bytes!("../../../tests/data/expired.pem");
        let mut certificate = Certificate::chain_from_pem(pem).unwrap().remove(0);
        let subject = |user: &str, groups: &[&str]| request(user, groups).subject;
        let client = Some(vec!["client auth".to_owned()]);
        let both = Some(vec!["client auth".to_owned(), "server auth".to_owned()]);
        let server = Some(vec!["server auth".to_owned()]);
        let localhost = ["DNS:localhost".to_owned()];
        for (user, groups, usages, names, expected) in [
            ("alice", &["dev"][..], &client, &[][..], Some("user")),
            ("system:kube-scheduler", &[], &client, &[], Some("scheduler")),
            ("system:node:n1", &["system:nodes"], &client, &[], Some("node")),
            ("system:node:n1", &["system:nodes"], &server, &[], Some("node-serving")),
            ("kube-apiserver", &[], &server, &[], Some("apiserver")),
            ("e1", &[], &both, &localhost, Some("etcd-server")),
            ("web", &[], &server, &[], Some("server")),
            ("", &[], &client, &[], None),
            ("x", &[], &both, &[], None),
        ] {
            certificate.subject = match user {
                "" => crate::x509::name::Subject::default(),
                user => subject(user, groups),
            };
            certificate.extended_key_usages.clone_from(usages);
            certificate.alternative_names = names.to_vec();
            assert_eq!(of(&certificate).map(|p| p.name), expected, "{user}");
        }
        certificate.is_ca = true;
        assert_eq!(of(&certificate), None);
    }
}
