//! What keeps an API server from accepting a certificate, whoever asked for it: what Go's verification
//! objects to (`Go: crypto/x509`, `Certificate.Verify`).

use super::{Certificate, Check, Outcome};
use crate::text;
use crate::time::UnixTime;
use crate::x509::key::SignatureAlgorithm;

/// One failed check for each objection to the issued certificate, its intermediates and the CA above
/// them. Without the feature `rare-forms`, also a note for each certificate with extensions that are not checked.
pub fn refusals(chain: &[Certificate], ca: &[Certificate], now: UnixTime) -> Vec<Check> {
    let fail = |message| Check { code: "accepted", outcome: Outcome::Fail, message };
    let mut checks = Vec::new();
    for certificate in chain {
        let of = match certificate.is_ca {
            true => format!("{}: ", text::show_short(&certificate.subject.shown(), 200)),
            false => String::new(),
        };
        if let Some(reason) = certificate.unreadable_to_go() {
            checks.push(fail(format!("{of}no API server can read it: {reason}")));
        }
        if certificate.is_unchecked {
            let message = format!("{of}not all of its extensions are checked here");
            checks.push(Check { code: "accepted", outcome: Outcome::Note, message });
        }
        if !certificate.unknown_critical.is_empty() {
            let names = text::show_short(&certificate.unknown_critical.join(", "), 200);
            checks
                .push(fail(format!("{of}no API server accepts its critical extensions: {names}")));
        }
        let algorithm = &certificate.signature_algorithm;
        let unknown = matches!(algorithm, SignatureAlgorithm::Other(_));
        if (unknown || algorithm.is_weak()) && !certificate.is_self_issued() {
            checks.push(fail(format!("{of}signed with {algorithm}, which no API server accepts")));
        }
    }
    let above = |c: &&Certificate| chain.iter().any(|below| below.names_as_issuer(c));
    let issuers: Vec<&Certificate> = ca.iter().filter(above).collect();
    if let Some(issuer) = issuers.first()
        && issuers.iter().all(|issuer| now > issuer.not_after)
    {
        let name = text::show_short(&issuer.subject.shown(), 200);
        checks.push(fail(format!("the CA {name} expired at {}", issuer.not_after)));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::key::Hash;
    use crate::x509::testing::expired;

    fn objections(change: impl FnOnce(&mut Certificate), ca: &[Certificate]) -> Vec<String> {
        let mut leaf = expired();
        change(&mut leaf);
        let found = refusals(&[leaf], ca, UnixTime(1_577_880_000));
        found.into_iter().map(|check| check.message).collect()
    }

    #[test]
    fn what_go_refuses_is_told() {
        assert_eq!(objections(|_| {}, &[]), [""; 0]);
        let critical = objections(|c| c.unknown_critical = vec!["1.2.3".to_owned()], &[]);
        assert_eq!(critical, ["no API server accepts its critical extensions: 1.2.3"]);
        let odd = objections(|c| c.der.push(0), &[]);
        assert!(odd[0].starts_with("no API server can read it: "), "{odd:?}");
        let weak = |c: &mut Certificate| {
            c.signature_algorithm = SignatureAlgorithm::Rsa(Hash::Sha1);
            c.issuer_der.push(0);
        };
        assert!(objections(weak, &[])[0].ends_with("which no API server accepts"));
    }

    #[test]
    fn an_expired_ca_counts_unless_another_of_its_name_does_not() {
        let mut ca = expired();
        ca.not_after = UnixTime(0);
        assert!(objections(|_| {}, &[ca.clone()])[0].contains("expired at"));
        assert_eq!(objections(|_| {}, &[ca, expired()]), [""; 0]);
    }
}
