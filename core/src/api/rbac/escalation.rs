//! The API server's refusal to let somebody give what he does not hold.
//!
//! Sources: `pkg/registry/rbac/escalation_check.go` and `rbac.CompactString` of
//! `pkg/apis/rbac/helpers.go`, which writes the missing rules in Go's notation.

use super::Rule;

const SAYS: &str = "is attempting to grant RBAC permissions not currently held:";

/// The rules that the granter lacks, if the message is such a refusal.
pub fn lacking(message: &str) -> Option<Vec<Rule>> {
    let (_, lines) = message.split_once(SAYS)?;
    Some(lines.lines().filter(|l| l.trim_start().starts_with('{')).map(rule).collect())
}

fn rule(line: &str) -> Rule {
    Rule {
        verbs: list(line, "Verbs:["),
        api_groups: list(line, "APIGroups:["),
        resources: list(line, "Resources:["),
        resource_names: list(line, "ResourceNames:["),
        urls: list(line, "NonResourceURLs:["),
    }
}

/// The quoted strings after `key`, up to the bracket that ends the list.
fn list(line: &str, key: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut rest = match line.match_indices(key).find(|(at, _)| !line[..*at].ends_with("Non")) {
        Some((at, key)) => &line[at + key.len()..],
        None => return items,
    };
    while let Some(quoted) = rest.strip_prefix('"') {
        let mut item = String::new();
        let mut chars = quoted.char_indices();
        let end = loop {
            match chars.next() {
                Some((at, '"')) => break at,
                Some((_, '\\')) => item.extend(chars.next().map(|(_, c)| c)),
                Some((_, c)) => item.push(c),
                None => return items,
            }
        };
        items.push(item);
        rest = quoted[end + 1..].trim_start();
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_rules_are_read_from_the_servers_words() {
        let message = "rolebindings.rbac.authorization.k8s.io \"x\" is forbidden: user \"jane\" \
            (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n\
            {APIGroups:[\"\"], Resources:[\"secrets\"], ResourceNames:[\"a \\\"b\"], Verbs:[\"get\" \"list\"]}\n\
            {NonResourceURLs:[\"/metrics\"], Verbs:[\"get\"]}; resolution errors: [x]";
        let rules = lacking(message).unwrap();
        assert_eq!(rules.len(), 2);
        assert_eq!(rules[0].api_groups, [""]);
        assert_eq!(rules[0].resources, ["secrets"]);
        assert_eq!(rules[0].resource_names, ["a \"b"]);
        assert_eq!(rules[0].verbs, ["get", "list"]);
        assert_eq!(
            (&rules[1].urls[..], &rules[1].resources[..]),
            (&["/metrics".to_owned()][..], &[][..])
        );
        assert_eq!(lacking("rolebindings \"x\" is forbidden: User \"jane\" cannot create"), None);
        assert_eq!(lacking(&format!("{SAYS}\n{{Verbs:[\"ge")).unwrap(), [Rule::default()]);
    }
}
