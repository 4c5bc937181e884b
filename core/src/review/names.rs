//! What is odd about the names in a request.

use super::MAX_REQUEST_BYTES;
use super::bound::BoundNames;
use super::finding::{FindingCode, Findings};
use crate::api::csr;
use crate::text;
use crate::text::confusable::{self, Look};
use crate::x509::identity::{self, MAX_GROUP_BYTES, MAX_GROUPS, MAX_USER_BYTES, Reserved};
use crate::x509::name::{Attribute, StringType};
use crate::x509::pkcs10::CertificateRequest;

/// How many names one message lists, and how much of each it shows, in columns.
const LISTED: usize = 10;
const LONGEST: usize = 40;
/// Longest name of most objects of Kubernetes, in bytes.
const LONGEST_OBJECT_NAME: usize = 253;
/// Longest end that a key's hash makes of a name, with some room.
const LONGEST_HASH: usize = 40;

pub(super) fn names(
    request: &CertificateRequest,
    bound: Option<&BoundNames>,
    findings: &mut Findings,
) {
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
            let values = many.iter().map(|a| a.value.as_deref().unwrap_or("(unreadable)"));
            let message = format!(
                "{} user names: {}; the API server would take {}",
                many.len(),
                text::show_list(values, LISTED, LONGEST),
                text::show_short(subject.user(), LONGEST)
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
    let (mut room, mut uncompared) = (MAX_REQUEST_BYTES, 0_usize);
    for group in &groups {
        let rest = room.checked_sub(group.len());
        // The page compares with few names.
        let compares = cfg!(not(feature = "unicode")) || rest.is_some();
        room = rest.unwrap_or_default();
        uncompared += usize::from(!compares);
        named("group", group, bound, compares, findings);
        looks_like_list(group, findings);
    }
    if uncompared > 0 {
        let message = format!("{uncompared} of the groups are not compared with other names");
        findings.add(FindingCode::TooManyGroups, message);
    }
}

/// The name of the object: whoever submits a request chooses it, and no tool makes one that does not
/// fit on a line.
pub(super) fn object_name(name: &str, user: &str, findings: &mut Findings) {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-._:@+".contains(&b);
    let plain = name.bytes().all(inner) && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    // The name that we make for this user, or that with the key's hash; the user's is looked at itself.
    let rest = name.strip_prefix(&csr::name_for_user(user)).filter(|_| !user.is_empty());
    let hash = |rest: &str| rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let ours = rest.is_some_and(|rest| rest.len() <= LONGEST_HASH && hash(rest));
    if !(ours || plain && name.len() <= LONGEST_OBJECT_NAME) {
        let message = format!(
            "{} is an unusual name for a request ({} bytes)",
            text::show_short(name, LONGEST),
            name.len()
        );
        findings.add(FindingCode::OddObjectName, message);
    }
}

/// Whether a manifest that was handed over is named after another user than its request: it may be a
/// sample's request that was never replaced. Who makes the name from the user's, or from nothing, is not
/// meant.
pub(super) fn same_person(name: &str, user: &str, findings: &mut Findings) {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let (object, person) = (plain(name), plain(user));
    let part = user.rsplit(':').next().unwrap_or_default();
    let part = plain(part.split('@').next().unwrap_or_default());
    let generated = |rest: &str| rest.len() == 5 && rest.bytes().all(|b| b.is_ascii_alphanumeric());
    if user.is_empty()
        || name.starts_with(&csr::name_for_user(user))
        || person.contains(&object)
        || !part.is_empty() && object.contains(&part)
        || name.strip_prefix("csr-").is_some_and(generated)
    {
        return;
    }
    let message = format!(
        "the manifest is named {}, but the request in it is for {}",
        text::show_short(name, LONGEST),
        text::show_short(user, LONGEST)
    );
    findings.add(FindingCode::NameDiffers, message);
}

pub(super) fn group_name(group: &str, bound: Option<&BoundNames>, findings: &mut Findings) {
    name("group", group, bound, findings);
    looks_like_list(group, findings);
}

fn looks_like_list(group: &str, findings: &mut Findings) {
    if group.contains([',', ' ']) || group.contains(";O=") || group.contains("/O=") {
        let message = format!("{} is one group, not several", text::show_short(group, LONGEST));
        findings.add(FindingCode::GroupLooksLikeList, message);
    }
}

pub(super) fn name(what: &str, value: &str, bound: Option<&BoundNames>, findings: &mut Findings) {
    named(what, value, bound, true, findings);
}

/// `compares`: whether it is looked for names that it imitates, which takes a microsecond a character.
fn named(
    what: &str,
    value: &str,
    bound: Option<&BoundNames>,
    compares: bool,
    findings: &mut Findings,
) {
    if value.is_empty() {
        return;
    }
    let shown = text::show_short(value, LONGEST);
    let privileged = match what {
        "group" => FindingCode::PrivilegedGroup,
        _ => FindingCode::PrivilegedUser,
    };
    match identity::reserved(value) {
        Some(Reserved::Masters) if what == "group" => findings.add(
            FindingCode::SystemMasters,
            "the group system:masters always passes every authorization check",
        ),
        Some(Reserved::FrontProxy) => {
            findings.add(
                privileged,
                format!(
                    "{what} {shown}: may speak for any user where the aggregation layer trusts it"
                ),
            );
        }
        Some(reserved) => {
            let whom = if reserved == Reserved::Probe {
                "tests of kubectl usercert"
            } else {
                "Kubernetes itself"
            };
            findings.add(privileged, format!("{what} {shown} is reserved for {whom}"))
        }
        None => {}
    }
    let look = Look::of(if compares { value } else { "" });
    let reserved = identity::reserved(value).is_some();
    let kind = identity::reserved_look(&look).filter(|_| !reserved);
    let imitated = bound.filter(|_| compares).and_then(|bound| bound.imitated(value, &look));
    // Whom it imitates says more.
    if kind.is_none() && imitated.is_none() && confusable::mixes_alphabets(value) {
        let message = format!("{what} {shown} mixes letters of alphabets that look alike");
        findings.add(FindingCode::MixedScripts, message);
    }
    if let Some(kind) = kind {
        let like = match kind {
            Reserved::Masters => "system:masters",
            Reserved::System => "a system: name",
            Reserved::Kubeadm => "a kubeadm: name",
            Reserved::FrontProxy => "a front proxy's name",
            Reserved::Probe => "a name of tests",
        };
        findings
            .add(FindingCode::LookAlike, format!("{what} {shown} looks like {like} but is not"));
    }
    if let Some((code, twin)) = imitated {
        let message = format!(
            "{what} {shown} looks like {}, which has bindings here, but differs",
            text::show_short(twin, LONGEST)
        );
        findings.add(code, message);
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
    if value.contains("  ") {
        findings.add(FindingCode::SpacedName, format!("{what} {shown} holds spaces side by side"));
    }
    let most = if what == "group" { MAX_GROUP_BYTES } else { MAX_USER_BYTES };
    if value.len() > most {
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
        StringType::Malformed(tag) => {
            let kind = match tag {
                12 => "UTF8String",
                19 => "PrintableString",
                _ => "IA5String",
            };
            format!(
                "{kind} with characters that it cannot hold: the API server refuses the request"
            )
        }
        StringType::Odd(tag) => format!("ASN.1 tag {tag}"),
        StringType::Ignored(tag) => format!("ASN.1 tag {tag}, which the API server leaves out"),
    }
}
