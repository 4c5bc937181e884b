//! One file's text, checked as clientcmd decodes it.
//!
//! Fields and their types are those of `tools/clientcmd/api/v1/types.go` of client-go; that a name
//! may be there only once is `conversion.go` beside it. Fields that nobody knows are let through.

use crate::text::sorted::BTreeSet;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde_json::{Map, Value};

use super::MergedError;
use crate::encoding::{base64, yaml};
use crate::kubeconfig::Kind;
use crate::kubeconfig::document::{Document, DocumentError};
use crate::text::show_short;

/// What a field holds.
enum Field {
    Text,
    Bool,
    Data,
    Texts,
    TextMap,
    TextsMap,
    Object(&'static [(&'static str, Field)]),
    Objects(&'static [(&'static str, Field)]),
    /// As [`Field::Objects`], told apart by `name`.
    Named(&'static [(&'static str, Field)]),
    Anything,
}

const EXTENSIONS: (&str, Field) =
    ("extensions", Field::Named(&[("name", Field::Text), ("extension", Field::Anything)]));

const CONFIG: &[(&str, Field)] = &[
    ("apiVersion", Field::Text),
    ("kind", Field::Text),
    ("preferences", Field::Object(&[("colors", Field::Bool), EXTENSIONS])),
    ("clusters", Field::Named(&[("name", Field::Text), ("cluster", Field::Object(CLUSTER))])),
    ("users", Field::Named(&[("name", Field::Text), ("user", Field::Object(USER))])),
    ("contexts", Field::Named(&[("name", Field::Text), ("context", Field::Object(CONTEXT))])),
    ("current-context", Field::Text),
    EXTENSIONS,
];

const CLUSTER: &[(&str, Field)] = &[
    ("server", Field::Text),
    ("tls-server-name", Field::Text),
    ("insecure-skip-tls-verify", Field::Bool),
    ("certificate-authority", Field::Text),
    ("certificate-authority-data", Field::Data),
    ("proxy-url", Field::Text),
    ("disable-compression", Field::Bool),
    EXTENSIONS,
];

const USER: &[(&str, Field)] = &[
    ("client-certificate", Field::Text),
    ("client-certificate-data", Field::Data),
    ("client-key", Field::Text),
    ("client-key-data", Field::Data),
    ("token", Field::Text),
    ("tokenFile", Field::Text),
    ("as", Field::Text),
    ("as-uid", Field::Text),
    ("as-groups", Field::Texts),
    ("as-user-extra", Field::TextsMap),
    ("username", Field::Text),
    ("password", Field::Text),
    ("auth-provider", Field::Object(&[("name", Field::Text), ("config", Field::TextMap)])),
    ("exec", Field::Object(EXEC)),
    EXTENSIONS,
];

const EXEC: &[(&str, Field)] = &[
    ("command", Field::Text),
    ("args", Field::Texts),
    ("env", Field::Objects(&[("name", Field::Text), ("value", Field::Text)])),
    ("apiVersion", Field::Text),
    ("installHint", Field::Text),
    ("provideClusterInfo", Field::Bool),
    ("interactiveMode", Field::Text),
];

const CONTEXT: &[(&str, Field)] =
    &[("cluster", Field::Text), ("user", Field::Text), ("namespace", Field::Text), EXTENSIONS];

/// What a file says, known to fit.
pub(super) struct Decoded {
    /// Everything but the entries.
    pub(super) rest: Map<String, Value>,
    /// Names and bodies, by kind.
    pub(super) entries: [Vec<(String, Body)>; 3],
}

/// The body of an entry. `Clone` as for all that the merged view holds.
#[derive(Clone)]
pub(super) enum Body {
    Value(Value),
    /// The lines of the entry: nobody needs a copy of every certificate.
    Lines(Range<usize>),
}

impl Body {
    /// The body itself; `text` is the file's.
    pub(super) fn value(&self, kind: Kind, text: &str) -> Cow<'_, Value> {
        match self {
            Body::Value(value) => Cow::Borrowed(value),
            Body::Lines(lines) => {
                let lines = text.get(lines.clone()).unwrap_or_default();
                let mut list = yaml::parse_first_leniently(lines).unwrap_or_default();
                Cow::Owned(list.get_mut(0).map_or_else(empty, |item| body_of(item.take(), kind)))
            }
        }
    }
}

/// Reads a file.
pub(super) fn decode(file: &Path, text: &str) -> Result<Decoded, MergedError> {
    let error = |problem: String| MergedError::File(file.to_path_buf(), problem);
    // What is wrong is told from the whole.
    let decoded = match by_entries(text) {
        Some(decoded) => decoded,
        None => whole(text).map_err(|problem| error(with_lines(problem, text)))?,
    };
    for (key, expected) in [("apiVersion", "v1"), ("kind", "Config")] {
        let found = text_of(&decoded.rest, key);
        if !["", expected].contains(&found) {
            let found = show_short(found, 60);
            return Err(error(format!(
                "is not a kubeconfig: its {key} is {found}, not {expected}"
            )));
        }
    }
    Ok(decoded)
}

/// Says where an entry is that appears twice.
fn with_lines(problem: String, text: &str) -> String {
    match Document::parse(text) {
        Err(DocumentError::DuplicateName { kind, name, first, second })
            if problem == Misfit::twice(&name).within(kind.section()).to_string() =>
        {
            format!("{problem}, in lines {first} and {second}")
        }
        _ => problem,
    }
}

fn whole(text: &str) -> Result<Decoded, String> {
    // kubectl takes an empty file for an empty configuration, and YAML an empty text for null.
    let value = yaml::parse_first_leniently(text).map_err(|error| error.to_string())?;
    let mut rest = match value {
        Value::Null => Map::new(),
        Value::Object(map) => map,
        _ => return Err("the document must be a mapping".to_owned()),
    };
    fields(&rest, CONFIG).map_err(|misfit| misfit.to_string())?;
    let mut entries: [Vec<(String, Body)>; 3] = Default::default();
    for kind in Kind::ALL {
        let Some(Value::Array(items)) = rest.remove(kind.section()) else { continue };
        entries[kind.index()] = items
            .into_iter()
            .map(|item| (name_of(&item).to_owned(), Body::Value(body_of(item, kind))))
            .collect();
    }
    Ok(Decoded { rest, entries })
}

/// One entry after the other; nothing when it takes the whole to tell what is wrong, or whether
/// anything is.
fn by_entries(text: &str) -> Option<Decoded> {
    let mut entries: [Vec<(String, Body)>; 3] = Default::default();
    let lists = Kind::ALL.map(Kind::section);
    let rest = yaml::by_items(text, &lists, |list, item, lines| {
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.section() == list) else {
            return false;
        };
        let known = CONFIG.iter().find(|(key, _)| *key == list);
        let (Some((_, Field::Named(known))), Some(fitting)) = (known, item.as_object()) else {
            return false;
        };
        entries[kind.index()].push((name_of(&item).to_owned(), Body::Lines(lines)));
        fields(fitting, known).is_ok()
    })?;
    fields(&rest, CONFIG).ok()?;
    let once = |list: &Vec<(String, Body)>| {
        list.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len() == list.len()
    };
    entries.iter().all(once).then_some(Decoded { rest, entries })
}

fn name_of(item: &Value) -> &str {
    item.as_object().map_or("", |item| text_of(item, "name"))
}

fn body_of(mut item: Value, kind: Kind) -> Value {
    item.get_mut(kind.body_key()).map(Value::take).filter(Value::is_object).unwrap_or_else(empty)
}

fn empty() -> Value {
    Value::Object(Map::new())
}

/// A text field; empty when it is not there.
pub(super) fn text_of<'v>(map: &'v Map<String, Value>, key: &str) -> &'v str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Base64 as Go reads it: line breaks anywhere, padding required, spare bits ignored.
pub(super) fn data(text: &str) -> Option<Vec<u8>> {
    base64::decode_lines(text)
}

/// Whether [`data`] can read it, mostly without doing so.
fn is_data(text: &str) -> bool {
    let content = text.strip_suffix("==").or(text.strip_suffix('=')).unwrap_or(text);
    let plain = text.len().is_multiple_of(4) && is_base64(content);
    plain || data(text).is_some()
}

/// Whether there is nothing but base64's characters, padding aside.
fn is_base64(text: &str) -> bool {
    // Without branches, so that many bytes are looked at at once.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() | (byte == b'+') | (byte == b'/');
    text.as_bytes().chunks(256).all(|block| block.iter().fold(true, |all, byte| all & fits(*byte)))
}

/// A value that is none for its field.
struct Misfit {
    /// Its path in what was looked at, as `[3].user.token`.
    path: String,
    problem: String,
}

impl Misfit {
    fn must_be(expected: &str) -> Self {
        Self { path: String::new(), problem: format!("must be {expected}") }
    }

    fn twice(name: &str) -> Self {
        Self { path: String::new(), problem: format!("holds the name {name:?} twice") }
    }

    /// The same, seen from where this field is.
    fn within(self, field: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        Self { path: format!("{field}{dot}{}", self.path), ..self }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.problem)
    }
}

fn fields(map: &Map<String, Value>, known: &[(&str, Field)]) -> Result<(), Misfit> {
    for (key, field) in known {
        let value = map.get(*key).filter(|value| !value.is_null());
        value.map_or(Ok(()), |value| check(value, field)).map_err(|misfit| misfit.within(key))?;
    }
    Ok(())
}

fn check(value: &Value, field: &Field) -> Result<(), Misfit> {
    let text = |value: &Value| value.is_string() || value.is_null();
    let texts = |value: &Value| match value {
        Value::Array(items) => items.iter().all(text),
        other => other.is_null(),
    };
    let (fits, expected) = match (field, value) {
        (Field::Anything, _) => (true, ""),
        (Field::Text, value) => (text(value), "a string"),
        (Field::Bool, value) => (value.is_boolean(), "true or false"),
        (Field::Data, Value::String(text)) => (is_data(text), "base64"),
        (Field::Data, _) => (false, "base64"),
        (Field::Texts, value) => (texts(value), "a list of strings"),
        (Field::TextMap, Value::Object(map)) => (map.values().all(text), "a mapping of strings"),
        (Field::TextsMap, Value::Object(map)) => {
            (map.values().all(texts), "a mapping of lists of strings")
        }
        (Field::Object(known), Value::Object(map)) => return fields(map, known),
        (Field::TextMap | Field::TextsMap | Field::Object(_), _) => (false, "a mapping"),
        (Field::Objects(known) | Field::Named(known), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                let checked = match item {
                    Value::Object(map) => fields(map, known),
                    Value::Null => Ok(()),
                    _ => Err(Misfit::must_be("a mapping")),
                };
                checked.map_err(|misfit| misfit.within(&format!("[{index}]")))?;
            }
            return if let Field::Named(_) = field { unique(items) } else { Ok(()) };
        }
        (Field::Objects(_) | Field::Named(_), _) => (false, "a list"),
    };
    if fits { Ok(()) } else { Err(Misfit::must_be(expected)) }
}

fn unique(items: &[Value]) -> Result<(), Misfit> {
    let mut names = BTreeSet::new();
    let twice = items.iter().map(name_of).find(|name| !names.insert(*name));
    twice.map_or(Ok(()), |name| Err(Misfit::twice(name)))
}
