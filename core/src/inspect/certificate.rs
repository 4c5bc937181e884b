//! What a certificate says, and what is wrong with it where Kubernetes reads it.
//!
//! Sources: `apiserver/pkg/authentication/request/x509/x509.go`, `Go: crypto/x509` (which chains it
//! takes), `Go: crypto/tls` (which keys a handshake takes).

use super::key::check_key;
use super::{Description, profile, subject};
use crate::text::{show, show_list, show_short};
use crate::time::UnixTime;
use crate::x509::certificate::Certificate;
use crate::x509::key::{KeyKind, SignatureAlgorithm};
use crate::x509::lifetime::expiry_in_words;

/// A certificate, described.
pub(super) fn describe(certificate: &Certificate, now: UnixTime) -> Description {
    let what = if certificate.is_ca { "CA certificate" } else { "certificate" };
    let mut item = Description::new(what);
    if let Some(profile) = profile::of(certificate) {
        item.set("profile", profile.name);
        item.set("meaning", profile.meaning);
    }
    subject::describe(&mut item, &certificate.subject);
    if !certificate.alternative_names.is_empty() {
        item.set("alternativeNames", certificate.alternative_names.clone());
    }
    item.set(
        "usages",
        match &certificate.extended_key_usages {
            Some(usages) => usages.iter().map(|u| show(u)).collect::<Vec<_>>(),
            None => vec!["any".to_owned()],
        },
    );
    if let Some(usages) = &certificate.key_usages {
        item.set("keyUsages", usages.clone());
    }
    item.set("notBefore", certificate.not_before.to_string());
    item.set("notAfter", certificate.not_after.to_string());
    item.set("validity", expiry_in_words(certificate.not_after, now));
    item.set("issuer", certificate.issuer.shown());
    item.set("key", certificate.key.kind.to_string());
    item.set("signature", certificate.signature_algorithm.to_string());
    item.set("serial", certificate.serial.clone());
    item.set("sha256", certificate.fingerprint());
    item.expires = Some(certificate.not_after);
    check_validity(&mut item, certificate, now);
    check_use(&mut item, certificate);
    check_key(&mut item, &certificate.key.kind);
    if let Some(reason) = certificate.unreadable_to_go() {
        item.problem("unreadable-to-go", format!("{reason}: Go programs reject it"));
    }
    if !certificate.unknown_critical.is_empty() {
        let names = certificate.unknown_critical.iter().map(String::as_str);
        let message = format!(
            "critical extensions unknown to Go programs, which reject it: {}",
            show_list(names, 10, 60)
        );
        item.problem("unknown-critical", message);
    }
    if let SignatureAlgorithm::Other(_) = certificate.signature_algorithm
        && !certificate.is_self_issued()
    {
        let algorithm = certificate.signature_algorithm.to_string();
        item.problem(
            "unverifiable-signature",
            format!("its signature is of a kind that Go programs reject: {algorithm}"),
        );
    }
    if certificate.signature_algorithm.is_weak() && !certificate.is_self_issued() {
        item.problem("weak-signature", "signed with SHA-1: Go programs reject it");
    }
    item
}

fn check_validity(item: &mut Description, certificate: &Certificate, now: UnixTime) {
    let (from, until) = (certificate.not_before, certificate.not_after);
    let answer = match certificate.is_ca {
        true => "nothing that it signed is accepted",
        false if !certificate.allows_client_auth() => "clients refuse it",
        false => "an API server answers 401",
    };
    if until < from {
        item.problem("never-valid", format!("it ends before it begins: {answer}"));
    } else if now > until {
        item.problem("expired", format!("{}: {answer}", expiry_in_words(until, now)));
    } else if now < from {
        item.problem(
            "not-yet-valid",
            format!("not valid before {from}: until then {answer}; is the clock right?"),
        );
    }
}

/// What it can be used for, by its names and usages.
fn check_use(item: &mut Description, certificate: &Certificate) {
    let usages = certificate.key_usages.as_deref();
    if certificate.is_ca {
        if certificate.cannot_sign().is_some() {
            item.problem(
                "ca-cannot-sign",
                "marked as a CA, but its key usage does not let it sign certificates: no chain \
                 leads through it",
            );
        }
        check_authority_as_client(item, certificate);
        return;
    }
    let client = certificate.allows_client_auth();
    let server = profile::allows_server_auth(certificate);
    let host_names = certificate.names_hosts();
    match (client, server) {
        (false, false) => item.problem(
            "no-use",
            "neither for clients nor for servers: an API server answers 401, and clients refuse it",
        ),
        (false, true) if !host_names => item.problem(
            "no-client-auth",
            "its usages lack client auth: an API server answers 401; as a server's it has no host \
             names, so clients refuse it too",
        ),
        (true, true) if host_names => subject::check_names(item, &certificate.subject),
        (true, _) => subject::check(item, &certificate.subject),
        // A server's: whom it names as a user matters to nobody.
        (false, true) => {}
    }
    if usages.is_some_and(|u| !u.contains(&"digital signature")) && uses_signatures(certificate) {
        item.problem(
            "no-digital-signature",
            "its key usage lacks digital signature, which TLS needs: programs with OpenSSL refuse \
             it, Go programs do not check",
        );
    }
    if certificate.is_self_issued() {
        item.problem(
            "self-signed",
            "self-signed: no API server trusts it unless it is in its client CA file",
        );
    }
}

/// Go takes an authority as a client too: whom it names then counts.
fn check_authority_as_client(item: &mut Description, certificate: &Certificate) {
    let subject = &certificate.subject;
    if !certificate.allows_client_auth() || subject.user().is_empty() {
        return;
    }
    let before = item.findings.len();
    subject::check_names(item, subject);
    let groups = subject.groups();
    // `openssl req -x509` makes every certificate an authority, and says nothing about its key's use.
    let by_hand = certificate.is_self_issued() && certificate.key_usages.is_none();
    if item.findings.len() > before || by_hand && !groups.is_empty() {
        item.problem(
            "ca-names-a-user",
            format!(
                "marked as a CA, and as a client it is the user {} with the groups {}: an API \
                 server that trusts it accepts it as them, and its key can sign for anybody",
                show_short(subject.user(), 100),
                show_list(groups.iter().map(String::as_str), 10, 100)
            ),
        );
    }
}

/// Keys that TLS can use for signatures only; RSA may still do key transport in TLS 1.2.
fn uses_signatures(certificate: &Certificate) -> bool {
    !matches!(certificate.key.kind, KeyKind::Rsa(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::{DURING, certificate, codes, usages};
    use crate::x509::key::{Hash, SignatureAlgorithm};

    fn changed(change: impl FnOnce(&mut Certificate)) -> Vec<&'static str> {
        let mut leaf = certificate("alice", &["dev"]);
        change(&mut leaf);
        codes(leaf, DURING)
    }

    #[test]
    fn each_fault_is_named_and_nothing_else() {
        let none: [&str; 0] = [];
        assert_eq!(changed(|_| {}), none);
        assert_eq!(changed(|c| c.extended_key_usages = None), none);
        let server = || usages(&["server auth"]);
        assert_eq!(changed(|c| c.extended_key_usages = server()), ["no-client-auth"]);
        assert_eq!(changed(|c| c.extended_key_usages = usages(&["code signing"])), ["no-use"]);
        let host = |c: &mut Certificate| {
            c.extended_key_usages = server();
            c.alternative_names = vec!["DNS:x".to_owned()];
            c.subject.attributes.clear();
        };
        assert_eq!(changed(host), none, "a server needs no user");
        assert_eq!(changed(|c| c.subject.attributes.clear()), ["no-common-name"]);
        let twice = |c: &mut Certificate| {
            let name = c.subject.attributes[0].clone();
            c.subject.attributes.push(name);
        };
        assert_eq!(changed(twice), ["several-common-names"]);
        assert_eq!(changed(|c| c.issuer_der.clone_from(&c.subject_der)), ["self-signed"]);
        assert_eq!(changed(|c| c.key.kind = KeyKind::Rsa(1024)), ["weak-key"]);
        assert_eq!(changed(|c| c.key.kind = KeyKind::Rsa(16384)), ["long-key"]);
        assert_eq!(changed(|c| c.key.kind = KeyKind::Other("1.2".to_owned())), ["odd-key"]);
        let sha1 = SignatureAlgorithm::Rsa(Hash::Sha1);
        assert_eq!(changed(|c| c.signature_algorithm = sha1), ["weak-signature"]);
        let cannot_sign = |c: &mut Certificate| {
            c.is_ca = true;
            c.key_usages = Some(vec!["digital signature"]);
        };
        assert_eq!(changed(cannot_sign), ["ca-cannot-sign"]);
        let encipher = |c: &mut Certificate| c.key_usages = Some(vec!["key encipherment"]);
        assert_eq!(changed(encipher), ["no-digital-signature"]);
        assert_eq!(changed(|c| c.not_after = c.not_before.plus(-1)), ["never-valid"]);
        let critical = |c: &mut Certificate| c.unknown_critical = vec!["1.2.3".to_owned()];
        assert_eq!(changed(critical), ["unknown-critical"]);
        assert_eq!(changed(|c| c.der.push(0)), ["unreadable-to-go"]);
    }

    #[test]
    fn time_decides() {
        let leaf = || certificate("alice", &[]);
        assert_eq!(codes(leaf(), leaf().not_after.plus(1)), ["expired"]);
        assert_eq!(codes(leaf(), leaf().not_before.plus(-1)), ["not-yet-valid"]);
        let edges = [leaf().not_after, leaf().not_before];
        assert!(edges.iter().all(|now| codes(leaf(), *now).is_empty()));
    }

    #[test]
    fn names_with_power_are_told() {
        let of = |user: &str, groups: &[&str]| codes(certificate(user, groups), DURING);
        assert_eq!(of("admin", &["system:masters"]), ["system-masters"]);
        assert_eq!(of("system:kube-scheduler", &[]), ["reserved-name"]);
        assert_eq!(of("alice", &["System:masters"]), ["look-alike"]);
    }
}
