//! The rules of a role.

use serde_json::Value;

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
#[must_use]
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

impl Rule {
    /// Whether it lets one of these verbs be used on the resource (which may have a subresource), for
    /// objects of some name at least.
    ///
    /// Source: `pkg/apis/rbac/v1/evaluation_helpers.go`.
    #[must_use]
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
    #[must_use]
    pub fn is_everything(&self) -> bool {
        let star = |list: &[String]| list.iter().any(|i| i == "*");
        star(&self.verbs)
            && star(&self.api_groups)
            && star(&self.resources)
            && self.resource_names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
