//! What a role allows, in words: first what makes its holder powerful, then the rest.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::power::powers;
use super::{Rule, Scope};
use crate::text::show_short;

const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 4] = ["create", "update", "patch", "delete"];

/// What a role allows where it is bound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Allowance {
    /// What makes the holder powerful, a sentence without subject each.
    pub powers: Vec<String>,
    /// What may be done (`read`, `read and write`, …), and on which resources.
    pub actions: Vec<Action>,
}

/// Something that may be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    /// What.
    pub what: String,
    /// On these, as `deployments.apps`.
    pub on: Vec<String>,
}

/// What the rules allow in `scope`, in words.
pub fn allowance(rules: &[Rule], scope: &Scope) -> Allowance {
    if rules.iter().any(Rule::is_everything) {
        let what = match scope {
            Scope::Cluster => "everything: all verbs on all resources, RBAC and secrets included",
            Scope::Namespace(_) => {
                "everything in the namespace: all verbs on all resources, RBAC and secrets included"
            }
        };
        return Allowance { powers: vec![what.to_owned()], actions: Vec::new() };
    }
    Allowance { powers: powers(rules, scope), actions: actions(rules, *scope != Scope::Cluster) }
}

fn listed(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn actions(rules: &[Rule], in_namespace: bool) -> Vec<Action> {
    let mut verbs: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for rule in rules {
        let only = match rule.resource_names.as_slice() {
            [] => String::new(),
            names => format!(" ({})", listed(names.iter().map(|n| show_short(n, 60)))),
        };
        for (group, resource) in
            rule.api_groups.iter().flat_map(|g| rule.resources.iter().map(move |r| (g, r)))
        {
            let name = format!("{}{only}", qualified(group, resource));
            verbs.entry(name).or_default().extend(rule.verbs.iter().map(String::as_str));
        }
        if !in_namespace {
            for url in &rule.urls {
                let name = show_short(url, 60);
                verbs.entry(name).or_default().extend(rule.verbs.iter().map(String::as_str));
            }
        }
    }
    let mut by_action: BTreeMap<(usize, String), Vec<String>> = BTreeMap::new();
    for (name, verbs) in verbs {
        for action in classes(&verbs) {
            by_action.entry(action).or_default().push(name.clone());
        }
    }
    by_action.into_iter().map(|((_, what), on)| Action { what, on }).collect()
}

fn qualified(group: &str, resource: &str) -> String {
    match (group, resource) {
        ("*", "*") => "all resources".to_owned(),
        ("", "*") => "all resources of the core group".to_owned(),
        (group, "*") => format!("all resources of {}", show_short(group, 60)),
        ("" | "*", resource) => show_short(resource, 60),
        (group, resource) => {
            let full = match resource.split_once('/') {
                Some((resource, subresource)) => format!("{resource}.{group}/{subresource}"),
                None => format!("{resource}.{group}"),
            };
            show_short(&full, 90)
        }
    }
}

/// What a set of verbs is called, with a place in the order.
fn classes(verbs: &BTreeSet<&str>) -> Vec<(usize, String)> {
    if verbs.contains("*") {
        return vec![(0, "do anything".to_owned())];
    }
    let all = |wanted: &[&str]| wanted.iter().all(|v| verbs.contains(v));
    let mut rest: BTreeSet<&str> = verbs.clone();
    let mut out = Vec::new();
    let mut named = |place: usize, what: &str, these: &[&str]| {
        rest.retain(|v| !these.contains(v));
        out.push((place, what.to_owned()));
    };
    if all(&READ) && all(&WRITE) {
        named(1, "read and write", &[&READ[..], &WRITE, &["deletecollection"]].concat());
    } else if all(&READ) {
        named(3, "read", &READ);
    } else if all(&WRITE) {
        named(2, "write", &[&WRITE[..], &["deletecollection"]].concat());
    }
    if !rest.is_empty() {
        let ordered = READ.iter().chain(&WRITE).filter(|v| rest.contains(*v)).copied();
        let others = rest.iter().filter(|v| !READ.contains(v) && !WRITE.contains(v)).copied();
        let words = listed(ordered.chain(others).map(|v| show_short(v, 40)));
        out.push((4, words));
    }
    out
}

impl Allowance {
    /// In one line: the powers, then how much else.
    pub fn brief(&self) -> String {
        self.pieces().join("; ")
    }

    /// The powers, then how much else, one by one. Strings from elsewhere are cut in them.
    #[must_use]
    pub fn pieces(&self) -> Vec<String> {
        let counted = self.actions.iter().map(|a| match a.on.as_slice() {
            [one] => format!("{} {one}", a.what),
            several => format!("{} {} resources", a.what, several.len()),
        });
        let parts: Vec<String> =
            self.powers.iter().map(|p| format!("! {p}")).chain(counted).collect();
        if parts.is_empty() { vec!["nothing".to_owned()] } else { parts }
    }

    /// A line each, powers marked with `!`; at most `most` resources a line.
    pub fn lines(&self, most: usize) -> Vec<String> {
        let powers = self.powers.iter().map(|p| format!("! {p}"));
        let actions = self.actions.iter().map(|a| {
            let shown = a.on.get(..most).unwrap_or(&a.on).join(", ");
            match a.on.len().saturating_sub(most) {
                0 => format!("{}: {shown}", a.what),
                more => format!("{}: {shown} and {more} more", a.what),
            }
        });
        let lines: Vec<String> = powers.chain(actions).collect();
        if lines.is_empty() { vec!["nothing: it has no rules".to_owned()] } else { lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::rbac::{API_GROUP, rules_of};
    use serde_json::{Value, json};

    fn of(rules: Value, scope: &Scope) -> Allowance {
        allowance(&rules_of(&json!({ "rules": rules })), scope)
    }

    const ADMISSION: &str = "admissionregistration.k8s.io";

    fn dev() -> Scope {
        Scope::Namespace("dev".into())
    }

    fn one(verb: &str, group: &str, resource: &str) -> Value {
        json!([{"verbs": [verb], "apiGroups": [group], "resources": [resource]}])
    }

    /// Each thing that makes powerful, and what is next to it and does not.
    #[test]
    fn powers_are_named() {
        for (verb, group, resource, words) in [
            ("list", "", "secrets", "read secrets"),
            ("patch", "", "secrets", "read secrets"),
            ("delete", "", "secrets", "read secrets"),
            ("deletecollection", "", "secrets", "read secrets"),
            ("create", "", "secrets", "tokens of service accounts"),
            ("create", "", "pods/exec", "run commands"),
            ("get", "", "pods/attach", "run commands"),
            ("patch", "", "pods/ephemeralcontainers", "running pods"),
            ("create", "apps", "deployments", "start pods"),
            ("create", "", "serviceaccounts/token", "tokens of service accounts"),
            ("impersonate", "", "serviceaccounts", "act as service accounts"),
            ("impersonate", "", "users", "act as other users"),
            ("impersonate:user-info", "authentication.k8s.io", "groups", "act as other users"),
            ("impersonate:user-info", "authentication.k8s.io", "users", "act as other users"),
            (
                "impersonate:serviceaccount",
                "authentication.k8s.io",
                "serviceaccounts",
                "act as service accounts",
            ),
            ("impersonate:arbitrary-node", "authentication.k8s.io", "nodes", "act as nodes"),
            ("impersonate:associated-node", "authentication.k8s.io", "nodes", "act as nodes"),
            ("impersonate-on:user-info:list", "", "pods", "whom they impersonate"),
            ("impersonate-on:arbitrary-node:get", "", "secrets", "whom they impersonate"),
            (
                "impersonate",
                "authentication.k8s.io",
                "userextras/authentication.kubernetes.io/credential-id",
                "another certificate",
            ),
            ("bind", API_GROUP, "clusterroles", "(bind)"),
            ("escalate", API_GROUP, "roles", "(escalate)"),
            ("create", API_GROUP, "rolebindings", "who has them"),
            ("approve", "certificates.k8s.io", "signers", "approve certificates"),
            ("sign", "certificates.k8s.io", "signers", "sign certificates"),
            ("attest", "certificates.k8s.io", "signers", "which CAs are trusted"),
            ("get", "", "nodes/proxy", "kubelets"),
            ("create", ADMISSION, "mutatingadmissionpolicybindings", "policies"),
            ("create", ADMISSION, "validatingadmissionpolicies", "refuses"),
            ("update", ADMISSION, "validatingadmissionpolicybindings", "refuses"),
            ("deletecollection", ADMISSION, "validatingadmissionpolicies", "refuses"),
            ("delete", ADMISSION, "mutatingadmissionpolicies", "remove"),
            ("deletecollection", ADMISSION, "validatingwebhookconfigurations", "remove"),
            ("patch", "apiregistration.k8s.io", "apiservices", "API groups"),
            ("create", "", "persistentvolumes", "any path of a node"),
            ("patch", ADMISSION, "mutatingwebhookconfigurations", "webhooks"),
            ("update", "", "namespaces", "pod security"),
        ] {
            let powers = of(one(verb, group, resource), &Scope::Cluster).powers;
            assert_eq!(powers.len(), 1, "{verb} {resource}: {powers:?}");
            assert!(powers[0].contains(words), "{verb} {resource}: {powers:?}");
        }
        for (verb, group, resource) in [
            ("update", "", "secrets"),
            ("get", ADMISSION, "validatingadmissionpolicies"),
            ("delete", "apiregistration.k8s.io", "apiservices"),
            ("get", "", "pods"),
            ("get", "", "pods/log"),
            ("get", "", "nodes"),
            ("get", API_GROUP, "roles"),
            ("create", "certificates.k8s.io", "certificatesigningrequests"),
        ] {
            assert!(
                of(one(verb, group, resource), &Scope::Cluster).powers.is_empty(),
                "{verb} {resource}"
            );
        }
    }

    #[test]
    fn everything_is_said_in_one_line() {
        let all = json!([
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
            {"verbs": ["*"], "nonResourceURLs": ["*"]},
        ]);
        assert_eq!(of(all.clone(), &Scope::Cluster).lines(9).len(), 1);
        assert!(of(all, &dev()).brief().contains("everything in the namespace"));
    }

    #[test]
    fn stars_have_every_power_that_they_cover() {
        let read_all = of(
            json!([{"verbs": ["get", "list", "watch"], "apiGroups": ["*"], "resources": ["*"]}]),
            &dev(),
        );
        assert_eq!(
            read_all.lines(9),
            ["! read secrets", "! run commands in pods", "read: all resources"]
        );
    }

    #[test]
    fn in_a_namespace_what_lies_in_none_is_out_of_reach() {
        let rules = json!([
            {"verbs": ["approve"], "apiGroups": ["certificates.k8s.io"], "resources": ["signers"]},
            {"verbs": ["get"], "nonResourceURLs": ["/metrics"]},
        ]);
        let here = of(rules.clone(), &dev());
        assert!(here.powers.is_empty());
        assert_eq!(here.lines(9), ["approve: signers.certificates.k8s.io"]);
        assert_eq!(
            of(rules, &Scope::Cluster).lines(9),
            ["! approve certificates", "approve: signers.certificates.k8s.io", "get: /metrics"]
        );
    }

    #[test]
    fn names_of_objects_are_told() {
        let rules = json!([
            {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["tls"]},
            {"verbs": ["approve"], "apiGroups": ["certificates.k8s.io"], "resources": ["signers"],
             "resourceNames": ["kubernetes.io/kube-apiserver-client"]},
        ]);
        assert_eq!(
            of(rules, &Scope::Cluster).powers,
            ["read secrets of tls", "approve certificates of kubernetes.io/kube-apiserver-client"]
        );
    }

    #[test]
    fn verbs_are_summed_up_over_rules() {
        let rules = json!([
            {"verbs": ["get", "list", "watch"], "apiGroups": ["", "apps"], "resources": ["services", "scales"]},
            {"verbs": ["create", "update", "patch", "delete", "deletecollection"], "apiGroups": [""], "resources": ["services"]},
            {"verbs": ["watch", "get"], "apiGroups": [""], "resources": ["endpoints"]},
            {"verbs": ["*"], "apiGroups": ["x.io"], "resources": ["*"]},
            {"verbs": ["use", "get", "list", "watch"], "apiGroups": [""], "resources": ["things"]},
        ]);
        let allowed = of(rules, &dev());
        assert_eq!(
            allowed.lines(9),
            [
                "do anything: all resources of x.io",
                "read and write: services",
                "read: scales, scales.apps, services.apps, things",
                "get, watch: endpoints",
                "use: things",
            ]
        );
        assert_eq!(allowed.lines(1)[2], "read: scales and 3 more");
        assert_eq!(
            allowed.brief(),
            "do anything all resources of x.io; read and write services; read 4 resources; get, watch endpoints; use things"
        );
        assert_eq!(of(json!([]), &dev()).brief(), "nothing");
    }

    #[test]
    fn foreign_words_are_rendered() {
        let rules = json!([{"verbs": ["get"], "apiGroups": ["a\u{1b}"], "resources": ["x\n"], "resourceNames": ["\u{202e}"]}]);
        let text = of(rules, &dev()).lines(9).join("");
        assert!(!text.contains(['\u{1b}', '\n', '\u{202e}']), "{text}");
    }
}
