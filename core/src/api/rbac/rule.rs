//! The rules of a role.

use std::fmt;

use serde_json::{Map, Value};

use crate::encoding::yaml::{Escapes, quote};

/// One rule: verbs on resources, or on URLs that are no resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Verbs.
    pub verbs: Vec<String>,
    /// API groups; the core group is empty.
    pub api_groups: Vec<String>,
    /// Resources and `resource/subresource`.
    pub resources: Vec<String>,
    /// Only objects of these names, unless empty.
    pub resource_names: Vec<String>,
    /// URLs.
    pub urls: Vec<String>,
}

/// The rules of a role as the server sent it; what is missing or null is none.
pub fn rules_of(role: &Value) -> Vec<Rule> {
    let list = |value: &Value| -> Vec<String> {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    let rules = role["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    rules
        .iter()
        .map(|rule| Rule {
            verbs: list(&rule["verbs"]),
            api_groups: list(&rule["apiGroups"]),
            resources: list(&rule["resources"]),
            resource_names: list(&rule["resourceNames"]),
            urls: list(&rule["nonResourceURLs"]),
        })
        .collect()
}

/// API groups in which everybody may ask about themselves.
const ABOUT_ONESELF: [&str; 2] = ["authentication.k8s.io", "authorization.k8s.io"];

/// Whether a SelfSubjectRulesReview that was answered allows more than to ask about oneself; `None` where
/// the server does not know all rules, as with a webhook.
pub fn allows_something(review: &Value) -> Option<bool> {
    let status = &review["status"];
    let rules = status["resourceRules"].as_array()?;
    let beyond = |group: &Value| group.as_str().is_none_or(|g| !ABOUT_ONESELF.contains(&g));
    let more =
        rules.iter().any(|rule| rule["apiGroups"].as_array().is_none_or(|g| g.iter().any(beyond)));
    (more || status["incomplete"] != true).then_some(more)
}

impl Rule {
    /// The rule that allows these verbs on a resource, or on several of one API group.
    pub fn allowing(verbs: &[&str], api_group: &str, resources: &[&str]) -> Self {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            verbs: list(verbs),
            api_groups: list(&[api_group]),
            resources: list(resources),
            ..Self::default()
        }
    }

    /// The same, for the object of this name only.
    pub fn of(self, name: &str) -> Self {
        Self { resource_names: vec![name.to_owned()], ..self }
    }

    /// An item of a role's `rules`.
    pub fn to_value(&self) -> Value {
        let fields = self.fields().map(|(name, list)| (name.to_owned(), list.clone().into()));
        Value::Object(fields.collect::<Map<_, _>>())
    }

    /// An item of a role's `rules` as YAML, a line for each field.
    pub fn to_yaml(&self) -> String {
        let fields: Vec<String> =
            self.fields().map(|(name, list)| format!("{name}: {}\n", flow(name, list))).collect();
        format!("- {}", fields.join("  "))
    }

    /// The fields that hold something, in the order of the API.
    fn fields(&self) -> impl Iterator<Item = (&'static str, &Vec<String>)> {
        let all = [
            ("apiGroups", &self.api_groups),
            ("resources", &self.resources),
            ("resourceNames", &self.resource_names),
            ("nonResourceURLs", &self.urls),
            ("verbs", &self.verbs),
        ];
        all.into_iter().filter(|(_, list)| !list.is_empty())
    }

    /// Whether it lets one of these verbs be used on the resource (which may have a subresource), for
    /// objects of some name at least.
    ///
    /// Source: `pkg/apis/rbac/v1/evaluation_helpers.go`.
    pub fn covers(&self, verbs: &[&str], group: &str, resource: &str) -> bool {
        let subresource = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
        let has = |list: &[String], wanted: &str| list.iter().any(|i| i == "*" || i == wanted);
        // A new object has no name yet when the rules are asked.
        let named = !self.resource_names.is_empty();
        let in_vain = |verb: &str| named && verb == "create" && subresource.is_none();
        verbs.iter().any(|verb| has(&self.verbs, verb) && !in_vain(verb))
            && has(&self.api_groups, group)
            && (has(&self.resources, resource)
                || subresource.as_ref().is_some_and(|any| self.resources.contains(any)))
    }

    /// All verbs on all resources of all names.
    pub(crate) fn is_everything(&self) -> bool {
        let star = |list: &[String]| list.iter().any(|i| i == "*");
        star(&self.verbs)
            && star(&self.api_groups)
            && star(&self.resources)
            && self.resource_names.is_empty()
    }
}

/// One line of YAML.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<String> =
            self.fields().map(|(name, list)| format!("{name}: {}", flow(name, list))).collect();
        write!(f, "{{{}}}", fields.join(", "))
    }
}

fn flow(field: &str, list: &[String]) -> String {
    let mut out = String::from("[");
    for (i, item) in list.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"./-".contains(&b);
        // Names of objects are others' to choose.
        if field != "resourceNames"
            && item.starts_with(|c: char| c.is_ascii_lowercase())
            && item.bytes().all(plain)
        {
            out.push_str(item);
        } else {
            quote(&mut out, item, Escapes::Yaml);
        }
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn self_reviews_do_not_count_as_access() {
        let review = |groups: &[&str], incomplete| {
            serde_json::json!({ "status": {
                "resourceRules": [
                    { "verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["*"] },
                    { "verbs": ["get"], "apiGroups": groups, "resources": ["pods"] },
                ],
                "incomplete": incomplete,
            }})
        };
        let own = ["authentication.k8s.io"];
        assert_eq!(allows_something(&review(&own, false)), Some(false));
        assert_eq!(allows_something(&review(&own, true)), None);
        for groups in [&[""][..], &["*"], &["apps", "authentication.k8s.io"]] {
            assert_eq!(allows_something(&review(groups, true)), Some(true));
        }
        assert_eq!(allows_something(&serde_json::json!({})), None);
    }

    fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Rule {
        let list = |items: &[&str]| items.iter().map(|i| (*i).to_owned()).collect();
        Rule {
            verbs: list(verbs),
            api_groups: list(groups),
            resources: list(resources),
            ..Rule::default()
        }
    }

    #[test]
    fn rules_are_written_as_people_paste_them() {
        let rule = Rule::allowing(&["get", "*"], "", &["pods", "pods/log"]).of("a\u{202e}\"b");
        let line = "{apiGroups: [\"\"], resources: [pods, pods/log], resourceNames: [\"a\\u202e\\\"b\"], verbs: [get, \"*\"]}";
        assert_eq!(rule.to_string(), line);
        assert_eq!(
            rule.to_yaml(),
            "- apiGroups: [\"\"]\n  resources: [pods, pods/log]\n  resourceNames: [\"a\\u202e\\\"b\"]\n  verbs: [get, \"*\"]\n"
        );
        for text in [format!("rules: [{rule}]"), format!("rules:\n{}", rule.to_yaml())] {
            let role = crate::encoding::yaml::parse(&text).unwrap();
            assert_eq!(rules_of(&role), std::slice::from_ref(&rule), "{text}");
        }
        assert_eq!(rules_of(&json!({ "rules": [rule.to_value()] })), [rule]);
    }

    #[test]
    fn rules_are_read_whatever_is_left_out() {
        assert!(rules_of(&json!({"rules": null})).is_empty());
        let role = json!({"rules": [
            {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": null},
            {"verbs": ["get"], "nonResourceURLs": ["/metrics"]},
        ]});
        let rules = rules_of(&role);
        assert_eq!(rules[0], rule(&["get"], &[""], &["pods"]));
        assert_eq!(rules[1].urls, ["/metrics"]);
    }

    #[test]
    fn stars_cover_as_the_authorizer_has_it() {
        let covers = |r: &Rule, verb, group, resource| r.covers(&[verb], group, resource);
        assert!(covers(&rule(&["*"], &["*"], &["*"]), "get", "", "secrets"));
        assert!(covers(&rule(&["*"], &["*"], &["*"]), "create", "", "pods/exec"));
        assert!(covers(&rule(&["create"], &[""], &["*/exec"]), "create", "", "pods/exec"));
        // A resource does not include its subresources, nor the other way round.
        assert!(!covers(&rule(&["create"], &[""], &["pods"]), "create", "", "pods/exec"));
        assert!(!covers(&rule(&["get"], &[""], &["pods/log"]), "get", "", "pods"));
        assert!(!covers(&rule(&["get"], &["apps"], &["secrets"]), "get", "", "secrets"));
    }

    #[test]
    fn creating_by_name_is_allowed_by_no_rule() {
        let mut named = rule(&["create", "get"], &[""], &["pods", "pods/exec"]);
        named.resource_names = vec!["web".into()];
        assert!(!named.covers(&["create"], "", "pods"));
        assert!(named.covers(&["create"], "", "pods/exec"));
        assert!(named.covers(&["get"], "", "pods"));
    }
}
