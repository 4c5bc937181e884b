//! What Kubernetes objects hold: requests, kubeconfigs, and PEM in any text.

use serde_json::Value;
use zeroize::Zeroizing;

use super::artifacts::Artifacts;
use super::{der, kubeconfig, pem};
use crate::api::csr::{self, Object};
use crate::encoding::base64;
use crate::inspect::Artifact;
use crate::kubeconfig::Kind;
use crate::text::{show, show_short};
use crate::x509::pkcs10;

/// Base64 of any PEM block is longer.
const SHORT: usize = 64;

/// An object, or a list of them; `kind` is that of an item that carries none.
pub(super) fn add(things: &mut Artifacts, value: &Value, kind: Option<&str>) {
    if !things.goes_on() {
        return;
    }
    let word = |key: &str| value.get(key).and_then(Value::as_str);
    let kind = word("kind").or(kind).unwrap_or_default();
    if kind == csr::KIND {
        add_request(things, value);
    } else if kind == "Config" || kind.is_empty() && looks_like_kubeconfig(value) {
        kubeconfig::add(things, value);
    } else if let (Some(items), true) =
        (value.get("items").and_then(Value::as_array), kind.ends_with("List"))
    {
        for item in items {
            add(things, item, kind.strip_suffix("List").filter(|k| !k.is_empty()));
        }
    } else if value.is_object() || value.is_array() {
        let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let owner = match (kind, name) {
            ("", _) => String::new(),
            (kind, "") => show_short(kind, 60),
            (kind, name) => format!("{} {}", show_short(kind, 60), show_short(name, 100)),
        };
        add_strings(things, value, &owner, None);
    }
}

/// Whether a mapping without a kind has what only kubeconfigs have: two of the lists, one beside a
/// current context, or one whose entries are a kubeconfig's.
fn looks_like_kubeconfig(value: &Value) -> bool {
    let mut signs = usize::from(value.get("current-context").is_some());
    for kind in Kind::ALL {
        let Some(entries) = value.get(kind.section()).and_then(Value::as_array) else { continue };
        let is_entry =
            |entry: &Value| entry["name"].is_string() && entry[kind.body_key()].is_object();
        signs += if entries.iter().any(is_entry) { 2 } else { 1 };
    }
    signs >= 2
}

/// PEM in the texts of any object: Secrets, ConfigMaps, webhooks, ….
fn add_strings(things: &mut Artifacts, value: &Value, owner: &str, place: Option<&Place<'_>>) {
    things.group();
    let steps: Vec<(PathStep<'_>, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, v)| (PathStep::Key(key), v)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(i, v)| (PathStep::At(i), v)).collect(),
        _ => Vec::new(),
    };
    for (step, value) in &steps {
        let Value::String(text) = value else { continue };
        let from = things.found.len();
        if text.contains(pem::BEGIN) {
            pem::add(things, text.as_bytes());
        } else if text.len() >= SHORT {
            let inner = Zeroizing::new(base64::decode_spaced(text).unwrap_or_default());
            pem::add(things, &inner);
            let secret = owner.starts_with("Secret") && inner.first() == Some(&0x30);
            if let Some(thing) = Some(&inner).filter(|_| secret).and_then(|inner| der::thing(inner))
            {
                things.push(thing);
            }
        }
        for found in things.found.iter_mut().skip(from) {
            if !owner.is_empty() {
                found.about.insert("object".to_owned(), owner.into());
            }
            let field = Place { above: place, step: *step }.shown();
            found.about.insert("field".to_owned(), field.into());
        }
    }
    // What stands side by side belongs together, so what lies deeper comes afterwards.
    for (step, value) in steps.into_iter().filter(|(_, v)| v.is_object() || v.is_array()) {
        add_strings(things, value, owner, Some(&Place { above: place, step }));
    }
}

fn add_request(things: &mut Artifacts, value: &Value) {
    things.group();
    let object = match Object::from_item(value) {
        Ok(object) => object,
        Err(error) => return things.push_unreadable(csr::KIND, error.to_string()),
    };
    let name = show(&object.metadata.name);
    let request = object.certificate_request();
    let certificate = object.certificate_pem().unwrap_or_default();
    let from = things.found.len() + 1;
    things.push(Artifact::Object(Box::new(object)));
    match request {
        Ok(request) => things.push(Artifact::Request(Box::new(request))),
        Err(error) => things.push_unreadable(pkcs10::LABEL, error.to_string()),
    }
    pem::add(things, &certificate);
    for found in things.found.iter_mut().skip(from) {
        found.about.insert(csr::KIND.to_owned(), name.as_str().into());
    }
}

/// A step into an object.
#[derive(Clone, Copy)]
enum PathStep<'a> {
    Key(&'a str),
    At(usize),
}

/// Where in an object; written out only where something is found.
struct Place<'a> {
    above: Option<&'a Place<'a>>,
    step: PathStep<'a>,
}

impl Place<'_> {
    fn shown(&self) -> String {
        let above = self.above.map(Place::shown).unwrap_or_default();
        match self.step {
            PathStep::At(i) => format!("{above}[{i}]"),
            PathStep::Key(key) if above.is_empty() => show_short(key, 60),
            PathStep::Key(key) => format!("{above}.{}", show_short(key, 60)),
        }
    }
}
