//! What a certificate will say: whom it names, for which key, with which names, and until when.

use crate::text::sorted::BTreeSet;

use super::issuer::{Authority, AuthorityError};
use crate::ca::profile::{
    CertificateSubject, ClusterNames, NODE_USER, Names, Profile, ProfileError,
};
use crate::time::UnixTime;
use crate::x509::key::PublicKey;
use crate::x509::lifetime::{self, Lifetime};
use crate::x509::pkcs10::CertificateRequest;
use crate::x509::san::{AlternativeName, AlternativeNameError};

/// Whose key is to be certified.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// That of a request, which names its holder.
    Requested(&'a CertificateRequest),
    /// One that was made for this certificate, whose holder's groups these are.
    New(&'a PublicKey, &'a [String]),
}

/// What is to be signed.
#[derive(Clone, Copy, Debug)]
pub struct CertificateOrder<'a> {
    /// What kind of certificate.
    pub profile: &'static Profile,
    /// For whose key.
    pub key: Key<'a>,
    /// The user's, node's or host's name, where it was given.
    pub name: Option<&'a str>,
    /// Additional names of a server.
    pub alternative_names: &'a [AlternativeName],
    /// What else names of servers depend on.
    pub cluster: &'a ClusterNames,
    /// Its lifetime.
    pub lifetime: Lifetime,
}

/// A certificate before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The common name.
    pub user: String,
    /// The organizations.
    pub groups: BTreeSet<String>,
    /// Names of a server.
    pub alternative_names: Vec<AlternativeName>,
    /// The certified key.
    pub key: PublicKey,
    /// Good for client authentication.
    pub client: bool,
    /// Good for server authentication.
    pub server: bool,
    /// Start of validity.
    pub not_before: UnixTime,
    /// End of validity.
    pub not_after: UnixTime,
    /// Whether the end is the CA's own, earlier than was asked.
    pub cut: bool,
}

/// Why something is not signed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IssueError {
    /// The profile does not fit.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The CA may not.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The request of a server asks for a name that is none.
    #[error("the request asks for a name that cannot be used: {0}")]
    RequestedName(AlternativeNameError),
}

/// Decides what the certificate will say. Whether the request is acceptable is another question, see
/// `adapt`.
///
/// # Errors
/// The profile does not fit the request, or the CA may not sign such a certificate.
pub fn leaf(
    asked: &CertificateOrder<'_>,
    authority: &Authority,
    now: UnixTime,
) -> Result<Leaf, IssueError> {
    let profile = asked.profile;
    authority.check_validity(now)?;
    authority.may_issue(profile)?;
    let (named, key) = match asked.key {
        Key::Requested(request) => (profile.named_by(request, asked.name)?, &request.key),
        Key::New(key, groups) => (profile.named(asked.name, groups)?, key),
    };
    let alternative_names = match profile.server {
        true => server_names(asked, &named.user)?,
        false => profile.alternative_names(asked.alternative_names, None, asked.cluster)?,
    };
    let end_of_ca = authority.end();
    let (not_before, not_after) = lifetime::validity(asked.lifetime, now);
    Ok(Leaf {
        user: named.user,
        groups: named.groups,
        alternative_names,
        key: key.clone(),
        client: profile.client,
        server: profile.server,
        not_before,
        not_after: not_after.min(end_of_ca),
        cut: not_after > end_of_ca,
    })
}

/// A server's names: the profile's, the given one, those asked for here and in the request.
fn server_names(
    asked: &CertificateOrder<'_>,
    user: &str,
) -> Result<Vec<AlternativeName>, IssueError> {
    let profile = asked.profile;
    let mut wanted = Vec::new();
    if let Some(name) = asked.name {
        wanted.push(name.parse().map_err(ProfileError::from)?);
    }
    wanted.extend_from_slice(asked.alternative_names);
    if let Key::Requested(request) = asked.key {
        for name in &request.alternative_names {
            wanted.push(name.parse().map_err(IssueError::RequestedName)?);
        }
    }
    // The common name is a host's name, except for the API server's, whose is fixed.
    let host = match (profile.holder, profile.names) {
        (_, Names::ApiServer) => None,
        (CertificateSubject::Node, _) => user.strip_prefix(NODE_USER),
        _ => Some(user),
    };
    let host = host.and_then(|host| host.parse().ok());
    Ok(profile.alternative_names(&wanted, host.as_ref(), asked.cluster)?)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use der::Tag;

    use super::*;
    use crate::ca::authority::{adapt, reserved_names};
    use crate::ca::profile;
    use crate::review::{self, FindingCode, Severity};
    use crate::x509::key::Verification;
    use crate::x509::pkcs10;
    use crate::x509::testing::{authority, crafted, request, reviewed, spki};

    const NOW: UnixTime = UnixTime(1_600_000_000);

    fn decide(
        profile: &str,
        key: Key<'_>,
        name: Option<&str>,
        names: &[&str],
        expires: &str,
    ) -> Result<Leaf, IssueError> {
        let names: Vec<AlternativeName> = names.iter().map(|n| n.parse().unwrap()).collect();
        let cluster = ClusterNames {
            domain: "cluster.local".to_owned(),
            service_addresses: vec![Ipv4Addr::new(10, 96, 0, 1).into()],
        };
        let asked = CertificateOrder {
            profile: profile::find(profile).unwrap(),
            key,
            name,
            alternative_names: &names,
            cluster: &cluster,
            lifetime: expires.parse().unwrap(),
        };
        leaf(&asked, &authority("ca"), NOW)
    }

    fn names(leaf: &Leaf) -> Vec<String> {
        leaf.alternative_names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_persons_certificate_is_for_whom_the_request_names() {
        let request = request("alice", &["dev", "ops"]);
        let leaf = decide("user", Key::Requested(&request), None, &[], "30d").unwrap();
        assert_eq!((leaf.user.as_str(), &leaf.groups), ("alice", &request.subject.groups()));
        assert_eq!(leaf.key, request.key);
        assert!(leaf.client && !leaf.server && !leaf.cut && leaf.alternative_names.is_empty());
        assert_eq!(leaf.not_before, NOW.plus(-300));
        assert_eq!(leaf.not_after, NOW.plus(30 * 86_400 - 300));
    }

    #[test]
    fn nothing_outlives_its_ca() {
        let request = request("alice", &[]);
        let leaf = decide("user", Key::Requested(&request), None, &[], "20000d").unwrap();
        let end = authority("ca").certificate().not_after;
        assert_eq!((leaf.not_after, leaf.cut), (end, true));
    }

    #[test]
    fn new_keys_of_servers_get_the_given_name_too() {
        let key = PublicKey::from_spki(&spki()).unwrap();
        let new = Key::New(&key, &[]);
        let made = |profile, name, asked: &[&str]| decide(profile, new, name, asked, "1w").unwrap();
        let web = made("server", Some("web"), &["web.example"]);
        assert_eq!(
            (web.user.as_str(), names(&web)),
            ("web", vec!["DNS:web".into(), "DNS:web.example".into()])
        );
        let node = made("node-serving", Some("n1"), &["10.1.1.1"]);
        assert_eq!(node.user, "system:node:n1");
        assert_eq!(names(&node), ["DNS:n1", "IP:10.1.1.1"]);
        let api = made("apiserver", None, &[]);
        assert_eq!((api.user.as_str(), names(&api).len()), ("kube-apiserver", 7));
        assert_eq!(names(&made("apiserver", Some("cp1"), &[]))[7], "DNS:cp1");
        let etcd = made("etcd-peer", Some("e1"), &[]);
        assert_eq!(names(&etcd), ["DNS:e1", "DNS:localhost", "IP:127.0.0.1", "IP:::1"]);
        assert!(etcd.client && etcd.server);
    }

    #[test]
    fn a_servers_request_brings_its_names() {
        let mut web = request("web", &["Company"]);
        let bare = decide("server", Key::Requested(&web), None, &[], "1w").unwrap();
        assert_eq!((names(&bare), bare.groups.len()), (vec!["DNS:web".to_owned()], 0));
        web.alternative_names = vec!["DNS:a.example".to_owned(), "IP:10.0.0.1".to_owned()];
        let named = decide("server", Key::Requested(&web), None, &["b.example"], "1w").unwrap();
        assert_eq!(names(&named), ["DNS:b.example", "DNS:a.example", "IP:10.0.0.1"]);
        let person = decide("user", Key::Requested(&web), None, &[], "1w").unwrap();
        assert!(person.alternative_names.is_empty(), "left out");
        web.alternative_names = vec!["email:a@b.example".to_owned()];
        let refused = decide("server", Key::Requested(&web), None, &[], "1w");
        assert!(matches!(refused, Err(IssueError::RequestedName(_))));
    }

    #[test]
    fn a_server_does_not_get_the_api_servers_names_unsaid() {
        let cluster = ClusterNames {
            domain: "cluster.local".to_owned(),
            service_addresses: vec![Ipv4Addr::new(10, 96, 0, 1).into()],
        };
        let said = |profile: &str, name: &str| {
            let mut web = request("web", &[]);
            web.alternative_names = vec!["DNS:web.example".to_owned(), name.to_owned()];
            let profile = profile::find(profile).unwrap();
            reserved_names(&web, profile, &cluster).map(|f| f.severity)
        };
        for name in [
            "DNS:kubernetes",
            "DNS:kubernetes.default",
            "DNS:kubernetes.default.svc.cluster.local",
            "DNS:localhost",
            "DNS:*.com",
            "DNS:*.svc",
            "DNS:*.default",
            "DNS:*.default.svc",
            "DNS:*.Default.svc.cluster.local",
            "DNS:*.default.svc.corp.example",
            "IP:10.96.0.1",
            "IP:127.0.0.2",
        ] {
            assert_eq!(said("server", name), Some(Severity::Refuse), "{name}");
            assert_eq!(said("node-serving", name), Some(Severity::Refuse), "{name}");
            assert_eq!(said("apiserver", name), None, "{name}");
        }
        assert_eq!(said("etcd-server", "DNS:localhost"), None);
        assert_eq!(said("etcd-server", "DNS:kubernetes"), Some(Severity::Refuse));
        for name in [
            "DNS:kubernetes.example.com",
            "DNS:*.example.com",
            "DNS:*.shop.svc.cluster.local",
            "DNS:*.default.example.com",
            "IP:10.96.0.2",
        ] {
            assert_eq!(said("server", name), None, "{name}");
        }
    }

    fn found(pem: &str, profile: &str, signature: Verification) -> Vec<String> {
        let reviewed = reviewed(pem, |r| r.signature = Some(signature));
        let request = CertificateRequest::from_pem(pem.as_bytes()).ok();
        let profile = profile::find(profile).unwrap();
        let found =
            adapt(review::review(&reviewed), request.as_ref(), profile, FindingCode::severity);
        found.iter().map(|f| format!("{} {:?}", f.code.as_str(), f.severity)).collect()
    }

    #[test]
    fn what_a_profile_prescribes_is_no_finding() {
        let scheduler = pkcs10::to_pem(&request("system:kube-scheduler", &[]).der);
        let good = Verification::Valid;
        assert_eq!(found(&scheduler, "scheduler", good), [""; 0]);
        assert_eq!(found(&scheduler, "user", good), ["privileged-user Refuse"]);
        let masters = crafted(&[
            ("2.5.4.3", Tag::Utf8String, b"a"),
            ("2.5.4.10", Tag::Utf8String, b"system:masters"),
        ]);
        assert_eq!(found(&masters, "user", good), ["system-masters Hard"]);
        assert_eq!(
            found(&masters, "server", good),
            ["system-masters Hard", "dropped-attributes Warn"]
        );
    }

    #[test]
    fn a_policys_weight_counts_for_what_is_left_out_here() {
        // The built-in signers keep an OU, so that the review finds nothing.
        let pem =
            crafted(&[("2.5.4.3", Tag::Utf8String, b"a"), ("2.5.4.11", Tag::Utf8String, b"unit")]);
        let request = CertificateRequest::from_pem(pem.as_bytes()).unwrap();
        let text = "apiVersion: usercert/v1\nkind: Policy\nfindings: {dropped-attributes: refuse}";
        let policy = crate::review::policy::Policy::parse(text).unwrap();
        let profile = profile::user();
        let found = adapt(Vec::new(), Some(&request), profile, |code| policy.severity(code));
        assert_eq!((found.len(), found[0].severity), (1, Severity::Refuse));
        let found = adapt(Vec::new(), Some(&request), profile, FindingCode::severity);
        assert_eq!(found[0].severity, Severity::Warn);
    }

    #[test]
    fn a_signature_that_nobody_checked_is_refused() {
        let alice = pkcs10::to_pem(&request("alice", &[]).der);
        assert_eq!(found(&alice, "user", Verification::Unsupported), ["signature-unchecked Hard"]);
        assert_eq!(found(&alice, "user", Verification::Invalid), ["signature-invalid Hard"]);
    }
}
