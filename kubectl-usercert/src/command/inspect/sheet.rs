//! One thing at a time, for people.

use serde_json::Value;
use usercert_core::inspect::{Description, Severity};

use super::look::InspectedItem;

/// Longest value on a sheet, in characters.
const LONGEST: usize = 1000;

/// Properties in the order of a sheet: their names, labels, and whether they are shown in any case.
const LABELS: [(&str, &str, bool); 45] = [
    ("meaning", "Is", true),
    ("name", "Name", true),
    ("object", "In", true),
    ("field", "Field", true),
    ("CertificateSigningRequest", "Of request", true),
    ("server", "Server", true),
    ("currentContext", "Current", true),
    ("clusters", "Clusters", true),
    ("contexts", "Contexts", true),
    ("users", "Users", true),
    ("credentials", "Credentials", true),
    ("certificate-authority", "CA file", true),
    ("client-certificate", "Certificate", true),
    ("client-key", "Key file", true),
    ("renewsItself", "Self-renewed", false),
    ("store", "Store", true),
    ("requester", "Requester", true),
    ("user", "User", true),
    ("groups", "Groups", true),
    ("uid", "UID", true),
    ("alternativeNames", "Also names", true),
    ("state", "State", true),
    ("signer", "Signer", true),
    ("lifetime", "Lifetime", true),
    ("usages", "Good for", true),
    ("validity", "Validity", true),
    ("renewsFrom", "Renewed from", true),
    ("issuer", "Issuer", true),
    ("issuedBy", "Signed by", true),
    ("selfSigned", "Self-signed", false),
    ("chain", "Chain", false),
    ("key", "Key", true),
    ("privateKey", "Private key", true),
    ("belongsTo", "Belongs to", true),
    ("namedBy", "Named by", true),
    ("links", "Linked as", true),
    ("code", "Code", true),
    ("sha256", "SHA-256", true),
    ("serial", "Serial", false),
    ("subject", "Subject", false),
    ("keyUsages", "Key usages", false),
    ("otherRequests", "Asks for", true),
    ("signature", "Signature", false),
    ("profile", "Profile", false),
    ("current", "In use", false),
];

/// Whether a thing is said with another: a private key with what it belongs to.
pub(super) fn goes_without_saying(item: &Description) -> bool {
    let belongs = item.properties.contains_key("belongsTo");
    item.findings.is_empty() && belongs && item.what == "private key"
}

pub(super) fn sheets(rows: &[InspectedItem], full: bool, with_source: bool) -> String {
    let shown = rows.iter().filter(|row| full || !goes_without_saying(&row.item));
    shown.map(|row| sheet(row, full, with_source)).collect::<Vec<_>>().join("\n")
}

fn sheet(row: &InspectedItem, full: bool, with_source: bool) -> String {
    let item = &row.item;
    let from = if with_source { format!("{}: ", row.source) } else { String::new() };
    let mut out = format!("{from}{}\n", item.what);
    let properties = item.shown();
    let mut line = |label: &str, value: &str| out.push_str(&format!("  {label:<13}{value}\n"));
    for (name, label, always) in LABELS {
        let Some(value) = properties.get(name).filter(|_| full || always) else { continue };
        let mut text = plain(value);
        match name {
            "meaning" if !full => text = format!("{text} ({})", item.word("profile")),
            "validity" => {
                let (from, until) = (item.word("notBefore"), item.word("notAfter"));
                text = format!("{text}: {from} to {until}");
            }
            "user" | "groups" if item.word("profile") == "ca" && !full => continue,
            "privateKey" if item.properties.contains_key("store") => {
                text = "in the store".to_owned()
            }
            "issuedBy" | "privateKey" if text == row.source => {
                text = "in the same input".to_owned()
            }
            "code" => text.push_str("   (compare it with the person over another channel)"),
            // The whole digest of a request is for -o wide.
            "sha256" if item.properties.contains_key("code") && !full => continue,
            _ => {}
        }
        line(label, &show_limited(&text));
    }
    for finding in &item.findings {
        let word = match finding.severity {
            Severity::Info => "note",
            _ => "PROBLEM",
        };
        out.push_str(&format!("  {word}: {} [{}]\n", finding.message, finding.code));
    }
    if let Some(dump) = &row.dump {
        out.push('\n');
        out.push_str(dump);
    }
    out
}

/// Properties are safe to show; only their length is not.
fn show_limited(text: &str) -> String {
    match text.chars().count() > LONGEST {
        true => text.chars().take(LONGEST).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(s) if s.is_empty() => "(none)".to_owned(),
        Value::String(s) => s.clone(),
        Value::Array(items) if items.is_empty() => "(none)".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}
