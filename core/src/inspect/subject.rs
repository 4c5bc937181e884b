//! Whom a subject names, and what is odd about that.
//!
//! Source: `apiserver/pkg/authentication/request/x509/x509.go`.

use super::Description;
use crate::text::{first_hidden, show_short};
use crate::x509::identity::{self, MAX_GROUPS};
use crate::x509::name::{StringType, Subject};

/// Findings of one kind that are listed one by one.
const MOST: usize = 10;

/// User, groups, UID and the whole name.
pub(super) fn describe(item: &mut Description, subject: &Subject) {
    let groups: Vec<String> = subject.groups().into_iter().collect();
    item.set("user", subject.user());
    item.set("groups", groups);
    if let Some(uid) = uids(subject).next() {
        item.set("uid", uid);
    }
    item.set("subject", subject.shown());
}

fn uids(subject: &Subject) -> impl Iterator<Item = &str> {
    let uids = subject.attributes.iter().filter(|a| a.name() == "kubernetes-uid");
    uids.map(|a| a.value.as_deref().unwrap_or_default())
}

/// What is odd about the names that the API server takes from a subject.
pub(super) fn check(item: &mut Description, subject: &Subject) {
    let user = subject.user();
    if user.is_empty() {
        item.problem(
            "no-common-name",
            "it names no user: the API server answers 401, or treats it as system:anonymous where \
             no front proxy's CA is set",
        );
    }
    if subject.common_names().count() > 1 {
        item.problem(
            "several-common-names",
            format!(
                "several common names: the API server takes {}, other programs may take another",
                show_short(user, 100)
            ),
        );
    }
    let named = || subject.common_names().chain(subject.organizations());
    if named().any(|a| a.string_type != StringType::Plain) {
        item.problem(
            "odd-string-type",
            "a user or group in a string type that programs decode differently, or not at all",
        );
    }
    let uids: Vec<&str> = uids(subject).collect();
    if uids.len() > 1 || uids.contains(&"") {
        item.problem(
            "odd-uid",
            "the attribute for the user's UID is empty or duplicated: the API server answers 401",
        );
    }
    check_names(item, subject);
}

/// What is odd about the names themselves.
pub(super) fn check_names(item: &mut Description, subject: &Subject) {
    let groups = subject.groups();
    let names = || groups.iter().map(String::as_str).chain([subject.user()]);
    if groups.contains(identity::SYSTEM_MASTERS) {
        item.note(
            "system-masters",
            "system:masters passes every authorization check, and no role binding can take that back",
        );
    }
    let reserved: Vec<&str> = names()
        .filter(|n| *n != identity::SYSTEM_MASTERS && identity::reserved(n).is_some())
        .collect();
    if !reserved.is_empty() {
        let shown: Vec<String> = reserved.iter().take(MOST).map(|n| show_short(n, 100)).collect();
        let are = match reserved.len() {
            1 => "is a privileged name",
            _ => "are privileged names",
        };
        let shown = shown.join(", ");
        item.note("reserved-name", format!("{shown} {are} in Kubernetes"));
    }
    for name in names().filter(|n| identity::looks_reserved(n).is_some()).take(MOST) {
        let name = show_short(name, 100);
        item.problem("look-alike", format!("{name} looks like a reserved name but differs"));
    }
    if names().any(|n| first_hidden(n).is_some()) {
        item.problem(
            "hidden-characters",
            "control, bidirectional or invisible characters in a name",
        );
    }
    if groups.len() > MAX_GROUPS {
        item.problem("too-many-groups", format!("{} groups", groups.len()));
    }
}
