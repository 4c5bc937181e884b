//! Which profile names whom, and which certificate has which.

use core::net::Ipv4Addr;

use super::naming::in_words;
use super::*;
use crate::x509::certificate::Certificate;
use crate::x509::san::AlternativeName;
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
    assert_eq!((find("admin"), user().holder), (None, CertificateSubject::Person));
}

#[test]
fn new_keys_are_named_by_the_profile() {
    let named = |profile: &str, name: Option<&str>| {
        find(profile).unwrap().named(name, &[]).map(|n| in_words(&n))
    };
    assert_eq!(named("user", Some("alice")).unwrap(), "the user alice without groups");
    assert_eq!(named("node", Some("n1")).unwrap(), "the user system:node:n1 in system:nodes");
    assert_eq!(named("proxy", None).unwrap(), "the user system:kube-proxy in system:node-proxier");
    assert_eq!(named("apiserver", Some("h")).unwrap(), "the user kube-apiserver without groups");
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
fn certificates_are_recognized() {
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
