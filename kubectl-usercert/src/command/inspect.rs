//! `inspect [FILE|-|DIR|csr/NAME]`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use usercert_core::inspect::{self, Item};
use usercert_core::lifetime;
use usercert_core::text::show;
use usercert_core::time::UnixTime;

use crate::args::{ClientArgs, Format, OutputArgs};
use crate::cluster::{Need, Target, explain};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::host::Host;
use crate::output;

/// Longest file that is looked at, in bytes.
const LIMIT: usize = 64 * 1024 * 1024;

/// Say what a file or request is, in Kubernetes terms
///
/// Knows certificates, requests, keys (their kind only), CertificateSigningRequest objects and
/// kubeconfigs, as PEM, DER, YAML, JSON or base64.
#[derive(Args, Debug)]
pub struct InspectArgs {
    /// A file, "-" for standard input, a directory, or csr/NAME for a request in the cluster
    #[arg(value_name = "FILE|-|DIR|csr/NAME", default_value = "-")]
    pub what: String,
    /// Show every property
    #[arg(long)]
    pub text: bool,
    /// Exit with 4 when something in it expires within this time
    #[arg(long, value_name = "DURATION")]
    pub expires_within: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
///
/// # Errors
/// When nothing known is found.
pub async fn run(host: &Host, args: &InspectArgs) -> Result<Exit> {
    let within = match &args.expires_within {
        Some(text) => Some(lifetime::parse_duration(text).ok_or_else(|| {
            Error::usage(format!("--expires-within {}: write it as 7d or 24h", show(text)))
        })?),
        None => None,
    };
    let now = host.now();
    let found = gather(host, args, now).await?;
    let ends = |item: &Item| {
        let limit = within.map(|nanos| i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX));
        matches!((item.expires, limit), (Some(at), Some(limit)) if at.since(now) <= limit)
    };
    let matched = found.iter().flat_map(|(_, items)| items).any(ends);
    let items: Vec<Value> = found
        .iter()
        .flat_map(|(source, items)| {
            items.iter().map(move |i| json!({ "source": source, "item": i }))
        })
        .map(|v| {
            let mut item = v["item"].clone();
            item["source"] = v["source"].clone();
            item
        })
        .collect();
    let value = output::object("Inspection", json!({ "items": items }));
    let names: Vec<String> = found.iter().map(|(source, _)| source.clone()).collect();
    let full = args.text || args.output.format == Some(Format::Wide);
    output::print(host, args.output.format, &value, &names, |_| {
        found.iter().map(|(source, items)| describe(source, items, full, found.len() > 1)).collect()
    })?;
    Ok(if matched { Exit::Matched } else { Exit::Done })
}

async fn gather(
    host: &Host,
    args: &InspectArgs,
    now: UnixTime,
) -> Result<Vec<(String, Vec<Item>)>> {
    if let Some(name) = args.what.strip_prefix("csr/") {
        let cluster = Target::resolve(&args.client)?.connect()?;
        let object =
            cluster.get_csr(name).await.map_err(|e| explain(&e, &cluster.server, &Need::Get))?;
        // A single object read from the server carries its kind.
        return Ok(vec![(
            args.what.clone(),
            inspect::inspect(object.to_string().as_bytes(), now)?,
        )]);
    }
    let path = Path::new(&args.what);
    if !path.is_dir() {
        let data = host.input(path, LIMIT)?;
        let items = inspect::inspect(&data, now).context(show(&args.what))?;
        return Ok(vec![(args.what.clone(), items)]);
    }
    let mut files: Vec<PathBuf> = crate::files::reading::list_files(path)?;
    files.sort();
    let found: Vec<(String, Vec<Item>)> = files
        .iter()
        .filter_map(|f| {
            let data = host.input(f, LIMIT).ok()?;
            Some((f.display().to_string(), inspect::inspect(&data, now).ok()?))
        })
        .collect();
    if found.is_empty() {
        return Err(Error::new(format!("{}: nothing known in this directory", show(&args.what))));
    }
    Ok(found)
}

fn describe(source: &str, items: &[Item], full: bool, with_source: bool) -> String {
    let brief = [
        "name",
        "user",
        "groups",
        "key",
        "usages",
        "lifetime",
        "state",
        "requester",
        "signer",
        "issuer",
        "validity",
        "alternativeNames",
        "currentContext",
        "clusters",
        "contexts",
        "users",
        "server",
        "credentials",
        "code",
    ];
    let mut out = String::new();
    for item in items {
        let from = if with_source { format!("{}: ", show(source)) } else { String::new() };
        out.push_str(&format!("{from}{}\n", item.what));
        for (name, value) in &item.properties {
            if full || brief.contains(&name.as_str()) {
                out.push_str(&format!("  {name:<17}{}\n", plain(value)));
            }
        }
        for note in &item.notes {
            out.push_str(&format!("  NOTE: {note}\n"));
        }
    }
    out
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Array(items) if items.is_empty() => "(none)".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
