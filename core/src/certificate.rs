//! X.509 certificates (RFC 5280) as answers to requests: read, describe, and check against what was
//! asked.
//!
//! The API server checks only that `status.certificate` parses; whether it belongs to the request is
//! for the client to find out (`pkg/apis/certificates/validation/validation.go`).

use std::collections::BTreeSet;

use serde::Serialize;

use crate::asn1::{self, Element};
use crate::extension::{self, Extension};
use crate::key::{PublicKey, SignatureAlgorithm, Verification};
use crate::lifetime::{self, Granted, Lifetime};
use crate::pem;
use crate::subject::Subject;
use crate::text;
use crate::time::{UnixTime, human_duration};

/// The PEM label of a certificate.
pub const LABEL: &str = "CERTIFICATE";

/// Why bytes are no certificate.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CertificateError {
    /// There is no `CERTIFICATE` block.
    #[error("there is no certificate in it")]
    None,
    /// The DER is no certificate.
    #[error("the certificate cannot be read: {0}")]
    Malformed(&'static str),
}

/// A certificate as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its DER.
    pub der: Vec<u8>,
    /// Whom it names.
    pub subject: Subject,
    /// Who signed it.
    pub issuer: Subject,
    /// DER of the subject's name, to match it with an issuer's.
    pub subject_der: Vec<u8>,
    /// DER of the issuer's name.
    pub issuer_der: Vec<u8>,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// Start of validity.
    pub not_before: UnixTime,
    /// End of validity, inclusive.
    pub not_after: UnixTime,
    /// The certified key.
    pub key: PublicKey,
    /// What it was signed with.
    pub signature_algorithm: SignatureAlgorithm,
    /// The signed bytes.
    pub signed: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// Extended key usages by name; `None` where the extension is absent, which allows all.
    pub extended_key_usages: Option<Vec<String>>,
    /// Key usages by name; `None` where the extension is absent, which allows all.
    pub key_usages: Option<Vec<&'static str>>,
    /// Whether basicConstraints make it an authority.
    pub is_ca: bool,
    /// X.509 version, 1 to 3; only in version 3 a certificate can say that it is an authority.
    pub version: u32,
    /// Subject alternative names, as `DNS:example.com`.
    pub alternative_names: Vec<String>,
    /// Authority key identifier.
    pub authority_key_id: Option<Vec<u8>>,
    /// Subject key identifier.
    pub subject_key_id: Option<Vec<u8>>,
}

impl Certificate {
    /// Reads one certificate's DER.
    ///
    /// # Errors
    /// When it is no certificate or bytes follow it.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let mut reader = asn1::Reader::new(der);
        let outer = reader.read(asn1::SEQUENCE);
        if outer.is_some() && !reader.is_empty() {
            return Err(CertificateError::Malformed("bytes follow its end"));
        }
        let read = outer.as_ref().and_then(Self::read);
        read.ok_or(CertificateError::Malformed("it is no X.509 structure"))
    }

    fn read(outer: &Element<'_>) -> Option<Self> {
        let mut fields = outer.inside();
        let signed = fields.read(asn1::SEQUENCE)?;
        let algorithm = fields.read(asn1::SEQUENCE)?;
        let signature = fields.read(asn1::BIT_STRING)?;
        let mut inside = signed.inside();
        // The version, counted from 0; it is 1 when it is left out.
        let version = inside.read(asn1::context(0));
        let version =
            version.and_then(|v| v.inside().read(asn1::INTEGER)?.content.first().copied());
        let serial = inside.read(asn1::INTEGER)?;
        inside.read(asn1::SEQUENCE)?;
        let issuer = inside.read(asn1::SEQUENCE)?;
        let mut validity = inside.read(asn1::SEQUENCE)?.inside();
        let subject = inside.read(asn1::SEQUENCE)?;
        let key = inside.read(asn1::SEQUENCE)?;
        // Identifiers of issuer and subject, out of use.
        inside.read(asn1::context_primitive(1));
        inside.read(asn1::context_primitive(2));
        let mut read = Self {
            der: outer.whole.to_vec(),
            subject: Subject::read(&subject)?,
            issuer: Subject::read(&issuer)?,
            subject_der: subject.whole.to_vec(),
            issuer_der: issuer.whole.to_vec(),
            serial: crate::code::hex(serial.content),
            not_before: time(&validity.next()?)?,
            not_after: time(&validity.next()?)?,
            key: PublicKey::read(&key)?,
            signature_algorithm: SignatureAlgorithm::read(&algorithm)?,
            signed: signed.whole.to_vec(),
            signature: asn1::bits(signature.content)?.to_vec(),
            extended_key_usages: None,
            key_usages: None,
            is_ca: false,
            version: version.map_or(1, |v| u32::from(v) + 1),
            alternative_names: Vec::new(),
            authority_key_id: None,
            subject_key_id: None,
        };
        if let Some(list) = inside.read(asn1::context(3)) {
            for extension in extension::read_all(&Element::only_of(list.content, asn1::SEQUENCE)?)?
            {
                read.take(&extension)?;
            }
        }
        inside.is_empty().then_some(read)
    }

    /// Takes what matters of an extension. One that cannot be read makes no certificate (as in Go).
    fn take(&mut self, extension: &Extension<'_>) -> Option<()> {
        let sequence = || Element::only_of(extension.value, asn1::SEQUENCE);
        match extension.oid.as_str() {
            extension::EXTENDED_KEY_USAGE => {
                let usages = sequence()?.elements_of(asn1::OID)?;
                let oids = usages.iter().map(|usage| asn1::oid(usage.content));
                self.extended_key_usages = Some(extended_usages(oids.collect::<Option<_>>()?));
            }
            extension::KEY_USAGE => {
                let usage = Element::only_of(extension.value, asn1::BIT_STRING)?;
                self.key_usages = Some(key_usages(asn1::bits(usage.content)?));
            }
            extension::BASIC_CONSTRAINTS => {
                self.is_ca = match sequence()?.inside().read(asn1::BOOLEAN).map(|ca| ca.content) {
                    Some([0xff]) => true,
                    None | Some([0]) => false,
                    Some(_) => return None,
                };
            }
            extension::ALTERNATIVE_NAMES => {
                self.alternative_names.extend(extension::general_names(extension.value)?);
            }
            extension::AUTHORITY_KEY_ID => {
                let id = sequence()?.inside().read(asn1::context_primitive(0));
                self.authority_key_id = id.map(|id| id.content.to_vec());
            }
            extension::SUBJECT_KEY_ID => {
                let id = Element::only_of(extension.value, asn1::OCTET_STRING)?;
                self.subject_key_id = Some(id.content.to_vec());
            }
            _ => {}
        }
        Some(())
    }

    /// Reads a chain: every `CERTIFICATE` block of PEM text, the leaf first. Text and other blocks
    /// between are passed over.
    ///
    /// # Errors
    /// No certificate, or one that does not parse.
    pub fn chain_from_pem(text: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let chain: Vec<Self> = pem::all(text)
            .iter()
            .filter(|block| block.label == LABEL)
            .map(|block| Self::from_der(&block.der))
            .collect::<Result<_, _>>()?;
        if chain.is_empty() { Err(CertificateError::None) } else { Ok(chain) }
    }

    /// Whether it can be what others are checked with. Certificates of version 1, as older openssl
    /// signs them, are taken at their word; so does Go.
    #[must_use]
    pub fn may_be_authority(&self) -> bool {
        self.is_ca || self.version == 1
    }

    /// Canonical PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, &self.der)
    }

    /// SHA-256 of the DER, lower-case hexadecimal, as in a credential-id.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        crate::code::sha256_hex(&self.der)
    }

    /// Whether an API server takes it as a client certificate: the extension absent, or with client
    /// auth or any (`Go: crypto/x509` verification with `ExtKeyUsageClientAuth`).
    #[must_use]
    pub fn allows_client_auth(&self) -> bool {
        self.extended_key_usages
            .as_ref()
            .is_none_or(|usages| usages.iter().any(|u| u == "client auth" || u == "any"))
    }

    /// Whether `ca` can be the one that signed this, by names and key identifiers; the signature is
    /// another question.
    #[must_use]
    pub fn names_as_issuer(&self, ca: &Self) -> bool {
        let ids_differ =
            matches!((&self.authority_key_id, &ca.subject_key_id), (Some(a), Some(b)) if a != b);
        self.issuer_der == ca.subject_der && !ids_differ
    }

    /// Whether subject and issuer are the same name.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.issuer_der == self.subject_der
    }
}

/// Reads a Time (RFC 5280 section 4.1.2.5): UTCTime or GeneralizedTime, in UTC.
fn time(element: &Element<'_>) -> Option<UnixTime> {
    let digits = element.content.strip_suffix(b"Z")?;
    let pair = |at: usize| match digits.get(at..at + 2)? {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => None,
    };
    let (year, start) = match element.tag {
        asn1::UTC_TIME => (pair(0).map(|year| year + if year < 50 { 2000 } else { 1900 })?, 2),
        asn1::GENERALIZED_TIME => (pair(0)? * 100 + pair(2)?, 4),
        _ => return None,
    };
    let part = |number: usize| pair(start + 2 * number);
    let time = UnixTime::from_parts(year, [part(0)?, part(1)?, part(2)?, part(3)?, part(4)?]);
    time.filter(|_| digits.len() == start + 10)
}

/// Usages by name, those that are known first, whatever their order was.
fn extended_usages(mut oids: Vec<String>) -> Vec<String> {
    const KNOWN: [(&str, &str); 7] = [
        ("2.5.29.37.0", "any"),
        ("1.3.6.1.5.5.7.3.2", "client auth"),
        ("1.3.6.1.5.5.7.3.1", "server auth"),
        ("1.3.6.1.5.5.7.3.3", "code signing"),
        ("1.3.6.1.5.5.7.3.4", "email protection"),
        ("1.3.6.1.5.5.7.3.8", "timestamping"),
        ("1.3.6.1.5.5.7.3.9", "ocsp signing"),
    ];
    let known = KNOWN.iter().filter(|(oid, _)| oids.iter().any(|o| o == oid));
    let mut names: Vec<String> = known.map(|(_, name)| (*name).to_owned()).collect();
    oids.retain(|oid| KNOWN.iter().all(|(known, _)| known != oid));
    names.append(&mut oids);
    names
}

/// The names of the bits that are set, by their place.
fn key_usages(bits: &[u8]) -> Vec<&'static str> {
    const NAMES: [&str; 9] = [
        "digital signature",
        "content commitment",
        "key encipherment",
        "data encipherment",
        "key agreement",
        "cert sign",
        "crl sign",
        "encipher only",
        "decipher only",
    ];
    let is_set = |bit: usize| bits.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0);
    NAMES.iter().enumerate().filter(|(bit, _)| is_set(*bit)).map(|(_, name)| *name).collect()
}

/// PEM of a chain, the leaf first.
#[must_use]
pub fn chain_to_pem(chain: &[Certificate]) -> String {
    chain.iter().map(Certificate::to_pem).collect()
}

/// What a certificate should be.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// DER SubjectPublicKeyInfo of our key.
    pub spki: &'a [u8],
    /// The user that was asked for.
    pub user: &'a str,
    /// The groups that were asked for.
    pub groups: &'a BTreeSet<String>,
    /// The lifetime that was asked for, if any.
    pub lifetime: Option<Lifetime>,
}

/// How one check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Worth knowing, no obstacle.
    Note,
    /// The certificate is not usable or not the answer to this request.
    Fail,
}

/// One line of an account of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked: `key`, `user`, `groups`, `usage`, `validity`, `chain`.
    pub code: &'static str,
    /// How it came out.
    pub outcome: Outcome,
    /// In words, safe to show.
    pub message: String,
}

impl Check {
    fn new(code: &'static str, outcome: Outcome, message: impl Into<String>) -> Self {
        Self { code, outcome, message: message.into() }
    }
}

/// Whether a cluster's CA signed a certificate, as found by whoever has the cryptography.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// No CA of the cluster is known.
    NoCa,
    /// A known CA has the issuer's name; this is what its key says of the signature.
    Issuer(Verification),
    /// No known CA has the issuer's name.
    OtherIssuer,
}

/// Checks a certificate against the request it should answer. It may be installed when no check
/// failed.
#[must_use]
pub fn check(
    leaf: &Certificate,
    expected: &Expected<'_>,
    chain: Chain,
    now: UnixTime,
) -> Vec<Check> {
    vec![
        check_key(leaf, expected),
        check_user(leaf, expected),
        check_groups(leaf, expected),
        check_usage(leaf),
        check_validity(leaf, expected.lifetime, now),
        check_chain(leaf, chain),
    ]
}

fn check_key(leaf: &Certificate, expected: &Expected<'_>) -> Check {
    if leaf.key.spki == expected.spki {
        Check::new("key", Outcome::Pass, format!("belongs to the private key ({})", leaf.key.kind))
    } else {
        Check::new("key", Outcome::Fail, "the certificate is for another key")
    }
}

fn check_user(leaf: &Certificate, expected: &Expected<'_>) -> Check {
    let (found, wanted) = (leaf.subject.user(), expected.user);
    if found == wanted {
        return Check::new("user", Outcome::Pass, format!("user {}", text::show(found)));
    }
    let message = format!(
        "the certificate names the user {}, asked for was {}",
        text::show(found),
        text::show(wanted)
    );
    Check::new("user", Outcome::Fail, message)
}

fn check_groups(leaf: &Certificate, expected: &Expected<'_>) -> Check {
    let found = leaf.subject.groups();
    if found == *expected.groups {
        let message = match found.is_empty() {
            true => "no groups, as asked".to_owned(),
            false => format!("groups {}", listed(&found)),
        };
        return Check::new("groups", Outcome::Pass, message);
    }
    let without = |some: &BTreeSet<String>, others: &BTreeSet<String>| -> Vec<String> {
        some.iter().filter(|group| !others.contains(*group)).cloned().collect()
    };
    let (missing, extra) = (without(expected.groups, &found), without(&found, expected.groups));
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("lacks the groups {}", listed(&missing)));
    }
    if !extra.is_empty() {
        parts.push(format!("has groups that were not asked for: {}", listed(&extra)));
    }
    Check::new("groups", Outcome::Fail, format!("the certificate {}", parts.join(" and ")))
}

fn check_usage(leaf: &Certificate) -> Check {
    if leaf.is_ca {
        return Check::new("usage", Outcome::Fail, "this is the certificate of an authority");
    }
    if leaf.allows_client_auth() {
        return Check::new("usage", Outcome::Pass, "good for client authentication");
    }
    let usages = leaf.extended_key_usages.as_deref().unwrap_or_default().join(", ");
    let message = format!("not good for client authentication, only for: {}", text::show(&usages));
    Check::new("usage", Outcome::Fail, message)
}

fn check_validity(leaf: &Certificate, asked: Option<Lifetime>, now: UnixTime) -> Check {
    let until = format!(
        "valid until {} ({})",
        leaf.not_after,
        lifetime::expiry_in_words(leaf.not_after, now)
    );
    if now > leaf.not_after {
        let message = format!(
            "expired at {} ({} ago)",
            leaf.not_after,
            human_duration(now.since(leaf.not_after))
        );
        return Check::new("validity", Outcome::Fail, message);
    }
    if now < leaf.not_before {
        let message = format!(
            "valid from {} only; this machine's clock says {now}, is it right?",
            leaf.not_before
        );
        return Check::new("validity", Outcome::Note, message);
    }
    match lifetime::granted(asked, leaf.not_before, leaf.not_after) {
        Granted::Shorter(by) => {
            let asked = asked.map(|l| l.to_string()).unwrap_or_default();
            let by = human_duration(by);
            let message = format!(
                "{until}; {by} less than the {asked} that was asked: the signer's or its CA's limit"
            );
            Check::new("validity", Outcome::Note, message)
        }
        Granted::Longer(by) => {
            let by = human_duration(by);
            Check::new("validity", Outcome::Note, format!("{until}; {by} longer than was asked"))
        }
        Granted::AsAsked | Granted::SignersChoice => Check::new("validity", Outcome::Pass, until),
    }
}

fn check_chain(leaf: &Certificate, chain: Chain) -> Check {
    let issuer = leaf.issuer.shown();
    match chain {
        Chain::Issuer(Verification::Valid) => {
            Check::new("chain", Outcome::Pass, format!("signed by the cluster's CA ({issuer})"))
        }
        Chain::Issuer(Verification::Invalid) if leaf.authority_key_id.is_some() => Check::new(
            "chain",
            Outcome::Fail,
            format!("names the cluster's CA ({issuer}) as its issuer, but that CA did not sign it"),
        ),
        Chain::Issuer(Verification::Unsupported) => Check::new(
            "chain",
            Outcome::Note,
            format!("signed with {}, which was not checked", leaf.signature_algorithm),
        ),
        Chain::Issuer(Verification::Invalid) | Chain::OtherIssuer => Check::new(
            "chain",
            Outcome::Note,
            format!(
                "signed by {issuer}, not by the CA of the server's certificate; that is legal, clusters may keep separate client CAs"
            ),
        ),
        Chain::NoCa => Check::new(
            "chain",
            Outcome::Note,
            format!("signed by {issuer}; the cluster's CA is not known here"),
        ),
    }
}

fn listed<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|n| text::show(n)).collect::<Vec<_>>().join(", ")
}

/// Whether any check failed.
#[must_use]
pub fn any_failed(checks: &[Check]) -> bool {
    checks.iter().any(|c| c.outcome == Outcome::Fail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expired() -> Certificate {
        let pem = include_bytes!("../tests/data/expired.pem");
        Certificate::chain_from_pem(pem).unwrap().remove(0)
    }

    /// The codes of the checks that did not pass.
    fn objections(change: impl FnOnce(&mut Certificate), chain: Chain, now: i64) -> Vec<String> {
        let mut leaf = expired();
        let (spki, groups) = (leaf.key.spki.clone(), BTreeSet::new());
        change(&mut leaf);
        let expected = Expected { spki: &spki, user: "old", groups: &groups, lifetime: None };
        check(&leaf, &expected, chain, UnixTime(now))
            .into_iter()
            .filter(|c| c.outcome != Outcome::Pass)
            .map(|c| format!("{} {:?}", c.code, c.outcome))
            .collect()
    }

    const DURING: i64 = 1_577_880_000;
    const GOOD: Chain = Chain::Issuer(Verification::Valid);

    #[test]
    fn reads_a_certificate() {
        let certificate = expired();
        assert_eq!(certificate.subject.user(), "old");
        assert_eq!(certificate.not_before.to_string(), "2020-01-01T00:00:00Z");
        assert_eq!(certificate.not_after.to_string(), "2020-01-02T00:00:00Z");
        assert!(certificate.is_self_issued() && certificate.allows_client_auth());
        assert_eq!(
            Certificate::chain_from_pem(certificate.to_pem().as_bytes()),
            Ok(vec![certificate])
        );
    }

    #[test]
    fn every_difference_from_what_was_asked_is_found() {
        let none: [&str; 0] = [];
        assert_eq!(objections(|_| {}, GOOD, DURING), none);
        assert_eq!(objections(|c| c.key.spki[5] ^= 1, GOOD, DURING), ["key Fail"]);
        assert_eq!(objections(|c| c.subject.attributes.clear(), GOOD, DURING), ["user Fail"]);
        let group = |c: &mut Certificate| {
            let mut group = c.subject.attributes[0].clone();
            group.oid = "2.5.4.10".to_owned();
            c.subject.attributes.push(group);
        };
        assert_eq!(objections(group, GOOD, DURING), ["groups Fail"]);
        let server =
            |c: &mut Certificate| c.extended_key_usages = Some(vec!["server auth".to_owned()]);
        assert_eq!(objections(server, GOOD, DURING), ["usage Fail"]);
        assert_eq!(objections(|c| c.is_ca = true, GOOD, DURING), ["usage Fail"]);
        assert_eq!(objections(|_| {}, GOOD, DURING + 200_000), ["validity Fail"]);
        assert_eq!(objections(|_| {}, GOOD, 0), ["validity Note"]);
    }

    #[test]
    fn another_ca_is_legal_and_a_forged_one_is_not() {
        assert_eq!(objections(|_| {}, Chain::OtherIssuer, DURING), ["chain Note"]);
        assert_eq!(objections(|_| {}, Chain::NoCa, DURING), ["chain Note"]);
        assert_eq!(
            objections(|_| {}, Chain::Issuer(Verification::Unsupported), DURING),
            ["chain Note"]
        );
        let with_id = |c: &mut Certificate| c.authority_key_id = Some(vec![1]);
        assert_eq!(
            objections(with_id, Chain::Issuer(Verification::Invalid), DURING),
            ["chain Fail"]
        );
    }
}
