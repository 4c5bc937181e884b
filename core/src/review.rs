//! What an approver must know of a request before deciding: findings, each with a documented code and
//! a severity.
//!
//! The approver is the only guard: the API server blocks nothing but the group `system:masters`, and
//! the signers check their usage rules only after approval
//! (`plugin/pkg/admission/certificates/subjectrestriction`, `pkg/controller/certificates/signer`).

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use crate::csr::{self, CertificateRequest};
use crate::identity::{self, Identity, MAX_GROUPS, MAX_NAME_BYTES, Reserved};
use crate::key::{KeyKind, Verification};
use crate::pem;
use crate::request::{CLIENT_AUTH, CLIENT_SIGNER};
use crate::subject::{Attribute, StringType};
use crate::text;
use crate::time::human_duration;

/// Largest request that passes without a refusal, in bytes of `spec.request`'s PEM.
pub const MAX_REQUEST_BYTES: usize = 64 * 1024;
/// Longest asked lifetime that passes without a warning, in seconds: a year.
pub const LONG_LIFETIME_SECONDS: i64 = 366 * 86_400;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Look twice.
    Warn,
    /// Not approved unless accepted by its code.
    Refuse,
    /// Not approved, whatever is accepted.
    Hard,
}

macro_rules! findings {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $severity:ident;)+) => {
        /// Everything that a review can find.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FindingCode { $($(#[doc = $doc])+ $variant,)+ }

        impl FindingCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in output and by `--accept`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// How much it weighs.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),+ }
            }

            /// What it means and why it matters.
            #[must_use]
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

findings! {
    /// The request is not the one that was expected: the code given with --expect is of another.
    NotExpected = "not-expected", Hard;
    /// There is no readable certificate request in the object.
    Unreadable = "unreadable", Hard;
    /// The signature does not verify: whoever made the request may not hold the key.
    SignatureInvalid = "signature-invalid", Hard;
    /// The PEM text is not exactly one canonical block: programs disagree about what it says.
    NotCanonicalPem = "not-canonical-pem", Hard;
    /// A private key stands beside the request, readable for everyone who may read requests.
    PrivateKeyIncluded = "private-key-included", Hard;
    /// The DER does not encode back to the same bytes: programs disagree about what it says.
    NotStrictDer = "not-strict-der", Hard;
    /// No user name: the certificate's bearer would be anonymous.
    NoCommonName = "no-common-name", Hard;
    /// Several user names; the API server takes the last that it can decode, other programs another.
    SeveralCommonNames = "several-common-names", Hard;
    /// A user or group in a string type that programs decode differently, or not at all.
    OddStringType = "odd-string-type", Hard;
    /// A group without a name.
    EmptyGroup = "empty-group", Hard;
    /// The group system:masters passes every authorization check and cannot be taken back.
    SystemMasters = "system-masters", Hard;
    /// A user name that is power by itself: a component, node or service account of Kubernetes.
    PrivilegedUser = "privileged-user", Refuse;
    /// A group that is power by itself.
    PrivilegedGroup = "privileged-group", Refuse;
    /// A name that looks like a privileged one, or like one that has bindings, but is another.
    LookAlike = "look-alike", Refuse;
    /// Control, bidirectional or invisible characters in a name.
    HiddenCharacters = "hidden-characters", Refuse;
    /// A name that begins or ends with a space.
    PaddedName = "padded-name", Refuse;
    /// A user name of more than 256 bytes.
    LongName = "long-name", Refuse;
    /// More than 100 groups.
    TooManyGroups = "too-many-groups", Refuse;
    /// A request of more than 64 KiB.
    Oversized = "oversized", Refuse;
    /// An RSA key under 2048 bits, or a curve that is out of use.
    WeakKey = "weak-key", Refuse;
    /// A kind of key that is not known here.
    OddKey = "odd-key", Refuse;
    /// Signed with SHA-1, which is broken: two different requests can share a signature.
    WeakSignature = "weak-signature", Refuse;
    /// Usages beyond client authentication, or without it: not a person's certificate.
    UnexpectedUsages = "unexpected-usages", Refuse;
    /// A signer of Kubernetes that is not for people's certificates.
    WrongSigner = "wrong-signer", Refuse;
    /// A signer that is not known here; who signs, and with which rules, is its business.
    UnknownSigner = "unknown-signer", Warn;
    /// The signature's algorithm was not checked here; the API server checked it on creation.
    SignatureUnchecked = "signature-unchecked", Warn;
    /// The request was submitted by somebody else than the user it names.
    RequesterDiffers = "requester-differs", Warn;
    /// Host names or addresses, which a person's certificate has no use for; the signer copies them.
    AlternativeNames = "alternative-names", Warn;
    /// A lifetime of more than a year; a certificate cannot be revoked.
    LongLifetime = "long-lifetime", Warn;
    /// One group whose name looks like a list of groups.
    GroupLooksLikeList = "group-looks-like-list", Warn;
    /// Attributes that the signer will leave out of the certificate.
    DroppedAttributes = "dropped-attributes", Warn;
    /// No lifetime asked: the signer's maximum applies, usually a year.
    NoLifetime = "no-lifetime", Info;
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which.
    #[serde(serialize_with = "code_as_str")]
    pub code: FindingCode,
    /// How much it weighs.
    pub severity: Severity,
    /// In words, safe to show.
    pub message: String,
}

// serde's signature for serialize_with takes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn code_as_str<S: serde::Serializer>(code: &FindingCode, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(code.as_str())
}

/// What is reviewed. Everything beside `request_pem` may be unknown, as for a file.
#[derive(Clone, Debug, Default)]
pub struct Reviewed<'a> {
    /// The bytes of `spec.request`.
    pub request_pem: &'a [u8],
    /// `spec.signerName`.
    pub signer_name: &'a str,
    /// `spec.usages`.
    pub usages: &'a [String],
    /// `spec.expirationSeconds`.
    pub expiration_seconds: Option<i64>,
    /// Who submitted it; `None` for a request that is not in a cluster yet.
    pub requester: Option<&'a str>,
    /// Whether the request's signature is good; `None` where it has not been looked at.
    pub signature: Option<Verification>,
    /// Names that role bindings of the cluster give rights to; `None` if they were not looked at.
    pub bound_names: Option<&'a BTreeSet<String>>,
}

/// All findings on a request, the gravest first.
#[must_use]
pub fn review(reviewed: &Reviewed<'_>) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    envelope(reviewed, &mut findings);
    match CertificateRequest::from_pem(reviewed.request_pem) {
        Ok(request) => {
            form(&request, reviewed, &mut findings);
            names(&request, reviewed.bound_names, &mut findings);
            content(&request, reviewed, &mut findings);
        }
        Err(error) => findings.add(FindingCode::Unreadable, error.to_string()),
    }
    asked(reviewed, &mut findings);
    findings.sorted()
}

/// Findings on the names of somebody who is about to ask, before there is a request.
#[must_use]
pub fn review_names(identity: &Identity) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    name("user name", identity.user.as_str(), None, &mut findings);
    for group in &identity.groups {
        group_name(group.as_str(), None, &mut findings);
    }
    findings.sorted()
}

/// The gravest severity among findings that were not accepted; [`Severity::Hard`] ones cannot be.
#[must_use]
pub fn refuses(findings: &[Finding], accepted: &[String]) -> bool {
    findings.iter().any(|f| match f.severity {
        Severity::Hard => true,
        Severity::Refuse => !accepted.iter().any(|a| a == f.code.as_str()),
        Severity::Info | Severity::Warn => false,
    })
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, code: FindingCode, message: impl Into<String>) {
        self.0.push(Finding { code, severity: code.severity(), message: message.into() });
    }

    fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.code.cmp(&b.code)));
        self.0
    }
}

fn envelope(reviewed: &Reviewed<'_>, findings: &mut Findings) {
    let text = reviewed.request_pem;
    if text.len() > MAX_REQUEST_BYTES {
        findings.add(FindingCode::Oversized, format!("the request is {} bytes long", text.len()));
    }
    let blocks = pem::all(text);
    if blocks.iter().any(|b| b.label.ends_with("PRIVATE KEY"))
        || text.windows(11).any(|w| w == b"PRIVATE KEY")
    {
        findings.add(
            FindingCode::PrivateKeyIncluded,
            "a private key stands beside the request: it is no secret any more, make a new one",
        );
    }
    if let Some((first, _)) = pem::first(text)
        && !pem::is_canonical(text, csr::LABEL, &first.der)
    {
        let what = match blocks.len() {
            1 if first.has_headers => "it has PEM headers".to_owned(),
            1 => "there is other text around the block, or its layout is unusual".to_owned(),
            n => format!("there are {n} PEM blocks, and the API server reads only the first"),
        };
        findings.add(FindingCode::NotCanonicalPem, format!("not one canonical PEM block: {what}"));
    }
}

fn form(request: &CertificateRequest, reviewed: &Reviewed<'_>, findings: &mut Findings) {
    if !request.strict {
        findings.add(FindingCode::NotStrictDer, "the DER does not encode back to the same bytes");
    }
    match reviewed.signature {
        Some(Verification::Invalid) => {
            findings.add(FindingCode::SignatureInvalid, "the request's signature does not verify");
        }
        Some(Verification::Unsupported) => findings.add(
            FindingCode::SignatureUnchecked,
            format!("signed with {}, which is not checked here", request.signature_algorithm),
        ),
        Some(Verification::Valid) | None => {}
    }
    if request.signature_algorithm.is_weak() {
        let message = format!("signed with {}", request.signature_algorithm);
        findings.add(FindingCode::WeakSignature, message);
    }
    match &request.key.kind {
        KeyKind::Rsa(bits) if *bits < 2048 => {
            findings.add(FindingCode::WeakKey, format!("an RSA key of {bits} bits"));
        }
        KeyKind::P224 => findings
            .add(FindingCode::WeakKey, "a key on the curve P-224, which TLS 1.3 has dropped"),
        KeyKind::Rsa(bits) if *bits > 8192 => {
            findings.add(
                FindingCode::OddKey,
                format!("an RSA key of {bits} bits; servers refuse more than 8192"),
            );
        }
        KeyKind::Other(oid) => {
            findings.add(FindingCode::OddKey, format!("a key of the unknown kind {oid}"));
        }
        _ => {}
    }
}

/// Names that have bindings, by what they look like.
type Bound<'a> = HashMap<String, Vec<&'a str>>;

fn names(request: &CertificateRequest, bound: Option<&BTreeSet<String>>, findings: &mut Findings) {
    // Folded once: a request may carry tens of thousands of groups.
    let bound = bound.map(|names| {
        let mut looks = Bound::new();
        for name in names {
            looks.entry(text::look(name)).or_default().push(name);
        }
        looks
    });
    let bound = bound.as_ref();
    let subject = &request.subject;
    let common_names: Vec<&Attribute> = subject.common_names().collect();
    match common_names.as_slice() {
        [] => findings.add(FindingCode::NoCommonName, "the request names no user"),
        [one] if one.value.as_deref().is_none_or(str::is_empty) => {
            findings
                .add(FindingCode::NoCommonName, "the request's user name is empty or unreadable");
        }
        [_] => {}
        many => {
            let listed: Vec<String> = many
                .iter()
                .map(|a| a.value.as_deref().map_or("(unreadable)".to_owned(), text::show))
                .collect();
            let message = format!(
                "{} user names: {}; the API server would take {}",
                many.len(),
                listed.join(", "),
                text::show(subject.user())
            );
            findings.add(FindingCode::SeveralCommonNames, message);
        }
    }
    for attribute in subject.common_names().chain(subject.organizations()) {
        if attribute.string_type != StringType::Plain {
            let message = format!(
                "{} is of an unusual string type ({})",
                attribute.name(),
                tag_name(attribute.string_type)
            );
            findings.add(FindingCode::OddStringType, message);
        }
    }
    for attribute in subject.common_names() {
        if let Some(value) = attribute.value.as_deref() {
            name("user name", value, bound, findings);
        }
    }
    let groups = subject.groups();
    if groups.len() > MAX_GROUPS {
        findings.add(FindingCode::TooManyGroups, format!("{} groups", groups.len()));
    }
    if subject.organizations().any(|o| o.value.as_deref().is_none_or(str::is_empty)) {
        findings.add(FindingCode::EmptyGroup, "a group has an empty or unreadable name");
    }
    for group in &groups {
        group_name(group, bound, findings);
    }
}

fn group_name(group: &str, bound: Option<&Bound<'_>>, findings: &mut Findings) {
    name("group", group, bound, findings);
    if group.contains(',') || group.contains(";O=") || group.contains("/O=") {
        let message = format!("{} is one group, not several", text::show(group));
        findings.add(FindingCode::GroupLooksLikeList, message);
    }
}

fn name(what: &str, value: &str, bound: Option<&Bound<'_>>, findings: &mut Findings) {
    if value.is_empty() {
        return;
    }
    let shown = text::show_short(value, 80);
    let privileged = match what {
        "group" => FindingCode::PrivilegedGroup,
        _ => FindingCode::PrivilegedUser,
    };
    match identity::reserved(value) {
        Some(Reserved::Masters) if what == "group" => findings.add(
            FindingCode::SystemMasters,
            "the group system:masters passes every authorization check, for ever",
        ),
        Some(Reserved::FrontProxy) => {
            findings.add(
                privileged,
                format!(
                    "{what} {shown}: may speak for any user where the aggregation layer trusts it"
                ),
            );
        }
        Some(_) => {
            findings.add(privileged, format!("{what} {shown} is reserved for Kubernetes itself"))
        }
        None => {}
    }
    let look = text::look(value);
    let reserved = identity::reserved(value).is_some();
    if let Some(kind) = identity::reserved_look(&look).filter(|_| !reserved) {
        let like = match kind {
            Reserved::Masters => "system:masters",
            Reserved::System => "a system: name",
            Reserved::Kubeadm => "a kubeadm: name",
            Reserved::FrontProxy => "a front proxy's name",
        };
        findings
            .add(FindingCode::LookAlike, format!("{what} {shown} looks like {like} but is not"));
    }
    let twins = bound.and_then(|b| b.get(&look)).filter(|twins| !twins.contains(&value));
    if let Some(twin) = twins.and_then(|twins| twins.first()) {
        let message = format!(
            "{what} {shown} looks like {}, which has bindings here, but is another",
            text::show_short(twin, 80)
        );
        findings.add(FindingCode::LookAlike, message);
    }
    if let Some((position, c)) = text::first_hidden(value) {
        let message = format!(
            "{what} {shown} holds the invisible or control character U+{:04X} at position {}",
            u32::from(c),
            position + 1
        );
        findings.add(FindingCode::HiddenCharacters, message);
    }
    if value.trim() != value {
        findings
            .add(FindingCode::PaddedName, format!("{what} {shown} begins or ends with a space"));
    }
    if value.len() > MAX_NAME_BYTES {
        findings.add(FindingCode::LongName, format!("a {what} of {} bytes", value.len()));
    }
}

fn tag_name(string_type: StringType) -> String {
    match string_type {
        StringType::Plain => "plain".to_owned(),
        StringType::Odd(18) => "NumericString".to_owned(),
        StringType::Odd(20) => "T61String".to_owned(),
        StringType::Odd(30) => "BMPString".to_owned(),
        StringType::Ignored(28) => "UniversalString, which the API server leaves out".to_owned(),
        StringType::Odd(tag) => format!("ASN.1 tag {tag}"),
        StringType::Ignored(tag) => format!("ASN.1 tag {tag}, which the API server leaves out"),
    }
}

fn content(request: &CertificateRequest, reviewed: &Reviewed<'_>, findings: &mut Findings) {
    if let Some(requester) = reviewed.requester {
        let user = request.subject.user();
        if requester != user {
            let message = format!(
                "submitted by {}, not by {}",
                text::show_short(requester, 80),
                text::show_short(user, 80)
            );
            findings.add(FindingCode::RequesterDiffers, message);
        }
    }
    if !request.alternative_names.is_empty() {
        let names = text::show_short(&request.alternative_names.join(", "), 200);
        findings.add(FindingCode::AlternativeNames, format!("asks for the names {names}"));
    }
    let dropped: BTreeSet<String> = request
        .subject
        .dropped()
        .map(|a| a.name().to_owned())
        .chain(request.other_requests.iter().cloned())
        .collect();
    if !dropped.is_empty() {
        let names = dropped.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("the signer will leave out: {}", text::show_short(&names, 200));
        findings.add(FindingCode::DroppedAttributes, message);
    }
}

fn asked(reviewed: &Reviewed<'_>, findings: &mut Findings) {
    let allowed = [CLIENT_AUTH, "digital signature", "key encipherment"];
    let odd: Vec<String> = reviewed
        .usages
        .iter()
        .filter(|u| !allowed.contains(&u.as_str()))
        .map(|u| text::show_short(u, 40))
        .collect();
    if !odd.is_empty() {
        let message = format!("asks for the usages {}", odd.join(", "));
        findings.add(FindingCode::UnexpectedUsages, message);
    } else if !reviewed.usages.iter().any(|u| u == CLIENT_AUTH) {
        findings.add(FindingCode::UnexpectedUsages, "does not ask for the usage client auth");
    }
    let signer = reviewed.signer_name;
    if signer != CLIENT_SIGNER {
        let shown = text::show_short(signer, 80);
        match signer.split('/').next() {
            Some("kubernetes.io") => findings.add(
                FindingCode::WrongSigner,
                format!("the signer {shown} is not for people's certificates"),
            ),
            _ => findings
                .add(FindingCode::UnknownSigner, format!("the signer {shown} is not known here")),
        }
    }
    match reviewed.expiration_seconds {
        None => findings
            .add(FindingCode::NoLifetime, "asks for no lifetime: the signer's maximum applies"),
        Some(s) if s > LONG_LIFETIME_SECONDS => {
            let message =
                format!("asks for {}; a certificate cannot be revoked", human_duration(s));
            findings.add(FindingCode::LongLifetime, message);
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use der::Tag;

    use super::*;
    use crate::testing::{crafted, request};

    const CN: &str = "2.5.4.3";
    const O: &str = "2.5.4.10";

    static USAGES: std::sync::LazyLock<Vec<String>> =
        std::sync::LazyLock::new(|| vec![CLIENT_AUTH.to_owned()]);

    fn review_of<'a>(pem: &'a str, change: impl FnOnce(&mut Reviewed<'a>)) -> Vec<Finding> {
        let mut reviewed = Reviewed {
            request_pem: pem.as_bytes(),
            signer_name: CLIENT_SIGNER,
            usages: &USAGES,
            expiration_seconds: Some(86_400),
            requester: None,
            signature: Some(Verification::Valid),
            bound_names: None,
        };
        change(&mut reviewed);
        review(&reviewed)
    }

    fn codes(findings: &[Finding]) -> Vec<&'static str> {
        findings.iter().map(|f| f.code.as_str()).collect()
    }

    fn good() -> String {
        csr::to_pem(&request("alice", &["dev", "ops"]).der)
    }

    #[test]
    fn nothing_is_found_in_an_ordinary_request() {
        assert_eq!(codes(&review_of(&good(), |r| r.requester = Some("alice"))), [""; 0]);
    }

    #[test]
    fn what_is_asked_beside_the_request_is_looked_at() {
        let pem = good();
        let any = ["any".to_owned(), CLIENT_AUTH.to_owned()];
        let server = ["server auth".to_owned()];
        let kubelet = "kubernetes.io/kubelet-serving";
        type Change<'a> = Box<dyn FnOnce(&mut Reviewed<'a>) + 'a>;
        let cases: Vec<(&str, Change<'_>)> = vec![
            ("unexpected-usages", Box::new(|r| r.usages = &any)),
            ("unexpected-usages", Box::new(|r| r.usages = &server)),
            ("unexpected-usages", Box::new(|r| r.usages = &[])),
            ("wrong-signer", Box::new(|r| r.signer_name = kubelet)),
            ("unknown-signer", Box::new(|r| r.signer_name = "example.com/own")),
            ("no-lifetime", Box::new(|r| r.expiration_seconds = None)),
            ("long-lifetime", Box::new(|r| r.expiration_seconds = Some(3_153_600_000))),
            ("requester-differs", Box::new(|r| r.requester = Some("bob"))),
            ("signature-invalid", Box::new(|r| r.signature = Some(Verification::Invalid))),
            ("signature-unchecked", Box::new(|r| r.signature = Some(Verification::Unsupported))),
        ];
        for (code, change) in cases {
            assert_eq!(codes(&review_of(&pem, change)), [code]);
        }
    }

    #[test]
    fn names_are_looked_at() {
        let utf8 = Tag::Utf8String;
        type Attributes<'a> = &'a [(&'a str, Tag, &'a [u8])];
        let cases: [(Attributes<'_>, &[&str]); 14] = [
            (&[(CN, utf8, b"a"), (CN, utf8, b"b")], &["several-common-names"]),
            (&[(O, utf8, b"dev")], &["no-common-name"]),
            (&[(CN, utf8, b"")], &["no-common-name"]),
            (&[(CN, Tag::TeletexString, b"alice")], &["odd-string-type"]),
            (&[(CN, utf8, b"a"), (O, Tag::BmpString, b"\0a")], &["odd-string-type"]),
            (&[(CN, utf8, b"a"), (O, utf8, b"")], &["empty-group"]),
            (&[(CN, utf8, b"a"), (O, utf8, b"system:masters")], &["system-masters"]),
            (&[(CN, utf8, b"a"), (O, utf8, b"system:nodes")], &["privileged-group"]),
            (&[(CN, utf8, b"system:admin")], &["privileged-user"]),
            (&[(CN, utf8, b"a"), (O, utf8, b"kubeadm:cluster-admins")], &["privileged-group"]),
            (&[(CN, utf8, b"a\x1bb")], &["hidden-characters"]),
            (&[(CN, utf8, b"a ")], &["padded-name"]),
            (&[(CN, utf8, b"a"), (O, utf8, b"dev,ops")], &["group-looks-like-list"]),
            (
                &[(CN, utf8, b"a"), ("1.2.840.113549.1.9.1", Tag::Ia5String, b"a@b")],
                &["dropped-attributes"],
            ),
        ];
        for (attributes, expected) in cases {
            let findings = review_of(&crafted(attributes), |_| {});
            assert_eq!(codes(&findings), expected, "{attributes:?}");
        }
        let long = "x".repeat(300);
        let findings = review_of(&crafted(&[(CN, utf8, long.as_bytes())]), |_| {});
        assert_eq!(codes(&findings), ["long-name"]);
    }

    #[test]
    fn the_name_that_the_server_would_take_is_told() {
        // Go leaves an OCTET STRING out, as it does a UniversalString.
        let pem = crafted(&[(CN, Tag::Utf8String, b"admin"), (CN, Tag::OctetString, b"alice")]);
        let findings = review_of(&pem, |_| {});
        let several = findings.iter().find(|f| f.code == FindingCode::SeveralCommonNames).unwrap();
        assert!(several.message.ends_with("would take admin"), "{}", several.message);
        assert!(findings.iter().any(|f| f.code == FindingCode::OddStringType));
    }

    #[test]
    fn bound_names_have_no_look_alikes() {
        let bound: BTreeSet<String> = ["alice".to_owned(), "ops".to_owned()].into();
        let twin = csr::to_pem(&request("аlice", &["ops"]).der);
        assert_eq!(codes(&review_of(&twin, |r| r.bound_names = Some(&bound))), ["look-alike"]);
        let good = good();
        assert_eq!(codes(&review_of(&good, |r| r.bound_names = Some(&bound))), [""; 0]);
    }

    #[test]
    fn only_one_canonical_block_is_one() {
        let good = good();
        let key = pem::encode("PRIVATE KEY", b"secret");
        for (text, code) in [
            (format!("x\n{good}"), "not-canonical-pem"),
            (format!("{good}x"), "not-canonical-pem"),
            (format!("{good}{good}"), "not-canonical-pem"),
            (format!("{good}{key}"), "private-key-included"),
            (String::new(), "unreadable"),
            (pem::encode("NEW CERTIFICATE REQUEST", b"x"), "unreadable"),
        ] {
            let findings = review_of(&text, |_| {});
            assert!(codes(&findings).contains(&code), "{code}: {:?}", codes(&findings));
            assert!(refuses(&findings, &[code.to_owned()]), "{code} cannot be accepted");
            assert!(findings.iter().all(|f| !f.message.contains("c2VjcmV0")));
        }
    }

    #[test]
    fn accepting_works_by_code_and_never_for_hard_ones() {
        let nodes = crafted(&[(CN, Tag::Utf8String, b"a"), (O, Tag::Utf8String, b"system:nodes")]);
        let findings = review_of(&nodes, |_| {});
        assert!(refuses(&findings, &[]));
        assert!(refuses(&findings, &["privileged-user".to_owned()]));
        assert!(!refuses(&findings, &["privileged-group".to_owned()]));
    }

    #[test]
    fn every_code_is_unique_and_explained() {
        let words: BTreeSet<&str> = FindingCode::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(words.len(), FindingCode::ALL.len());
        assert!(FindingCode::ALL.iter().all(|c| c.explanation().len() > 20));
    }
}
