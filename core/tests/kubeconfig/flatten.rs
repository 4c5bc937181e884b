//! Our merged view as `kubectl config view --raw --flatten` shows it: entries without what kubectl does
//! not know, and the content of files in place of their paths.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use usercert_core::kubeconfig::merged::{Merged, MergedEntry};
use usercert_core::kubeconfig::{Kind, path};

/// Fields that hold a path, and those that hold the content itself.
const EMBEDDED: [(&str, &str); 3] = [
    ("certificate-authority", "certificate-authority-data"),
    ("client-certificate", "client-certificate-data"),
    ("client-key", "client-key-data"),
];

/// A string, or null for an empty one, as Go reads it.
#[derive(Default, Serialize)]
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|text| Text(text.unwrap_or_default()))
    }
}

/// Base64 as Go reads it, written anew.
#[derive(Default, Serialize)]
struct Data(String);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let config = GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
        let engine = GeneralPurpose::new(&alphabet::STANDARD, config);
        let Text(text) = Text::deserialize(deserializer)?;
        let bytes = engine.decode(text.replace(['\r', '\n'], ""));
        bytes.map(|bytes| Data(STANDARD.encode(bytes))).map_err(serde::de::Error::custom)
    }
}

type Texts = Option<Vec<Text>>;
type Extensions = Option<Vec<Extension>>;

#[derive(Deserialize, Serialize)]
#[serde(default)]
#[derive(Default)]
struct Extension {
    name: Text,
    extension: Value,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case")]
struct Cluster {
    server: Text,
    tls_server_name: Text,
    insecure_skip_tls_verify: Option<bool>,
    certificate_authority: Text,
    certificate_authority_data: Data,
    proxy_url: Text,
    disable_compression: Option<bool>,
    extensions: Extensions,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case")]
struct User {
    client_certificate: Text,
    client_certificate_data: Data,
    client_key: Text,
    client_key_data: Data,
    token: Text,
    #[serde(rename = "tokenFile")]
    token_file: Text,
    r#as: Text,
    as_uid: Text,
    as_groups: Texts,
    as_user_extra: Option<BTreeMap<String, Texts>>,
    username: Text,
    password: Text,
    auth_provider: Option<AuthProvider>,
    exec: Option<Exec>,
    extensions: Extensions,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct AuthProvider {
    name: Text,
    config: Option<BTreeMap<String, Text>>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
struct Exec {
    command: Text,
    args: Texts,
    env: Option<Vec<Variable>>,
    api_version: Text,
    install_hint: Text,
    provide_cluster_info: Option<bool>,
    interactive_mode: Text,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Variable {
    name: Text,
    value: Text,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Context {
    cluster: Text,
    user: Text,
    namespace: Text,
    extensions: Extensions,
}

/// The whole view. What `preferences` and the outermost `extensions` say is nobody's here.
pub(crate) fn flatten(merged: &Merged) -> Result<Value, String> {
    let mut out = json!({
        "apiVersion": "v1", "kind": "Config",
        "current-context": merged.current_context().unwrap_or_default(),
    });
    for kind in Kind::ALL {
        let mut entries: Vec<_> = merged.entries(kind).collect();
        entries.sort_by(|a, b| a.name.cmp(b.name));
        let list = entries.iter().map(|entry| flat_entry(kind, entry));
        out[kind.section()] = list.collect::<Result<Value, String>>()?;
    }
    Ok(out)
}

fn flat_entry(kind: Kind, entry: &MergedEntry<'_>) -> Result<Value, String> {
    let body = entry.value();
    let mut body = match kind {
        Kind::Cluster => known::<Cluster>(&body),
        Kind::User => known::<User>(&body),
        Kind::Context => known::<Context>(&body),
    };
    for (file, data) in EMBEDDED {
        let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
        if text(file).is_empty() {
            continue;
        }
        if !text(data).is_empty() {
            return Err("cannot have values for both path and contents".into());
        }
        let named: &Path = &path::resolve(entry.file, text(file));
        let content = std::fs::read(named).map_err(|error| error.to_string())?;
        body.remove(file);
        body.insert(data.into(), STANDARD.encode(content).into());
    }
    Ok(json!({ "name": entry.name, kind.body_key(): body }))
}

/// What kubectl knows of a body, whose fields are known to have the right types.
fn known<T: DeserializeOwned + Serialize>(body: &Value) -> Map<String, Value> {
    let known: T = serde_json::from_value(body.clone()).unwrap();
    serde_json::to_value(known).unwrap().as_object().unwrap().clone()
}
