//! Label and field selectors, after `k8s.io/apimachinery/pkg/labels` and `…/fields`.

use crate::api::{Kind, Object, Resource};
use crate::status::{Result, Status};
use crate::target::Query;

/// Which objects a list or watch is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    fields: Vec<Requirement>,
    labels: Vec<Requirement>,
}

#[derive(Clone, Debug)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    In(Vec<String>),
    /// Also true where the key is missing.
    NotIn(Vec<String>),
    Exists,
    Missing,
}

impl Selector {
    pub(crate) fn of(query: &Query, resource: &Resource) -> Result<Self> {
        let mut selector = Self::default();
        for term in terms(query.get("fieldSelector").unwrap_or_default()) {
            let requirement = field_requirement(term).map_err(Status::bad_request)?;
            let known = match requirement.key.as_str() {
                "metadata.name" => true,
                "metadata.namespace" => resource.namespaced,
                "spec.signerName" => resource.kind == Kind::CertificateSigningRequest,
                _ => resource.kind == Kind::Empty,
            };
            if !known {
                return Err(Status::bad_request(format!(
                    "field label not supported: {}",
                    requirement.key
                )));
            }
            selector.fields.push(requirement);
        }
        for requirement in split_outside_parentheses(query.get("labelSelector").unwrap_or_default())
        {
            let parsed = label_requirement(requirement).ok_or_else(|| {
                Status::bad_request(format!("unable to parse requirement: {requirement}"))
            })?;
            selector.labels.push(parsed);
        }
        Ok(selector)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.labels.is_empty()
    }

    pub(crate) fn matches(&self, object: &Object) -> bool {
        let meta = object.meta();
        let field = |key: &str| match (key, object) {
            ("metadata.name", _) => Some(meta.name.as_str()),
            ("metadata.namespace", _) => Some(meta.namespace.as_str()),
            ("spec.signerName", Object::Request(request)) => {
                Some(request.spec.signer_name.as_str())
            }
            _ => None,
        };
        self.fields.iter().all(|it| it.test.holds(field(&it.key)))
            && self
                .labels
                .iter()
                .all(|it| it.test.holds(meta.labels.get(&it.key).map(String::as_str)))
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        let among =
            |values: &[String]| value.is_some_and(|value| values.iter().any(|it| it == value));
        match self {
            Self::In(values) => among(values),
            Self::NotIn(values) => !among(values),
            Self::Exists => value.is_some(),
            Self::Missing => value.is_none(),
        }
    }
}

/// The terms of a field selector: between commas that no backslash stands before.
fn terms(selector: &str) -> Vec<&str> {
    let mut escaped = false;
    let split = selector.split(|c| {
        let separates = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        separates
    });
    split.filter(|term| !term.is_empty()).collect()
}

/// `field=value`, `field==value` or `field!=value`; in the value, backslashes stand before backslashes,
/// commas and equals signs, and before nothing else.
fn field_requirement(term: &str) -> std::result::Result<Requirement, String> {
    let invalid = || format!("invalid selector: '{term}'; can't understand '{term}'");
    let (at, operator) = (0..term.len())
        .filter(|at| term.is_char_boundary(*at))
        .find_map(|at| {
            let operator = ["!=", "==", "="].into_iter().find(|o| term[at..].starts_with(*o))?;
            Some((at, operator))
        })
        .ok_or_else(invalid)?;
    let mut value = String::new();
    let mut chars = term[at + operator.len()..].chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | ',' | '=')) => value.push(c),
                next => {
                    let next = next.map_or_else(String::new, String::from);
                    return Err(format!(
                        "invalid field selector: invalid escape sequence: \\{next}"
                    ));
                }
            },
            ',' | '=' => {
                return Err(format!(
                    "invalid field selector: unescaped character in field selector: {c}"
                ));
            }
            c => value.push(c),
        }
    }
    let values = vec![value];
    let test = if operator == "!=" { Test::NotIn(values) } else { Test::In(values) };
    Ok(Requirement { key: term[..at].to_owned(), test })
}

/// `key=value`, `key==value` or `key!=value`.
fn equality(text: &str) -> Option<Requirement> {
    let (key, value) = text.split_once('=')?;
    let (key, test) = match key.strip_suffix('!') {
        Some(key) => (key, Test::NotIn(vec![value.trim().into()])),
        None => (key, Test::In(vec![value.strip_prefix('=').unwrap_or(value).trim().into()])),
    };
    Some(Requirement { key: key.trim().into(), test })
}

fn label_requirement(text: &str) -> Option<Requirement> {
    if let Some((head, values)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let (key, operator) = head.trim().rsplit_once(' ')?;
        let test = match operator {
            "in" => Test::In(values),
            "notin" => Test::NotIn(values),
            _ => return None,
        };
        return Some(Requirement { key: key.trim().into(), test });
    }
    if text.contains('=') {
        return equality(text);
    }
    let (key, test) = match text.strip_prefix('!') {
        Some(key) => (key, Test::Missing),
        None => (text, Test::Exists),
    };
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    (plain && !key.is_empty()).then(|| Requirement { key: key.into(), test })
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Namespace;

    #[test]
    fn fields_are_unescaped() {
        let read = |selector: &str| -> Vec<_> {
            let read = terms(selector).into_iter().map(field_requirement);
            read.map(|r| r.map(|r| (r.key, format!("{:?}", r.test)))).collect()
        };
        let is = |field: &str, value: &str| {
            Ok((field.to_owned(), format!("{:?}", Test::In(vec![value.to_owned()]))))
        };
        assert_eq!(read("a=b,c==d"), [is("a", "b"), is("c", "d")]);
        assert_eq!(read(r"metadata.name=a\,b\=c\\d e!"), [is("metadata.name", r"a,b=c\d e!")]);
        for bad in [r"a=b\c", r"a=b=c", r"a=b\", "a", r"a=b,c"] {
            assert!(read(bad).iter().any(|r| r.is_err()), "{bad}");
        }
    }

    #[test]
    fn labels_match() {
        let mut namespace = Namespace::default();
        namespace.metadata.labels.insert("team".into(), "dev".into());
        let object = Object::Namespace(namespace);
        let resource = Resource::of(Kind::Namespace).unwrap();
        for (text, matches) in [
            ("team=dev", true),
            ("team==dev,other!=x", true),
            ("team!=dev", false),
            ("team in (ops, dev)", true),
            ("team notin (dev)", false),
            ("team", true),
            ("!team", false),
            ("!other,team in (dev,ops)", true),
        ] {
            let uri = format!("/?labelSelector={}", text.replace(' ', "%20").replace('=', "%3D"));
            let selector = Selector::of(&Query::of(&uri.parse().unwrap()), resource).unwrap();
            assert_eq!(selector.matches(&object), matches, "{text}");
        }
    }
}
