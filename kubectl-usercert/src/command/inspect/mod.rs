//! `inspect [FILE…|-|DIR|csr/NAME]`.

mod gather;
mod look;
mod sheet;
mod stores;
mod table;

use std::collections::BTreeSet;

use clap::Args;
use serde_json::{Value, json};
use usercert_core::text::show;
use usercert_core::time::UnixTime;
use usercert_core::x509::lifetime;

use self::gather::Gathered;
use self::look::{InspectedItem, look};
use crate::cluster::Kubeconfig;
use crate::error::{Error, Exit, Result};
use crate::ui::args::{ClientArgs, Format, WideOutputArgs};
use crate::ui::host::Host;
use crate::ui::output::{self, ListPrinter, Room};

/// Items that are printed together.
const AT_ONCE: usize = 100;
/// More things than this in one file are shown as a table.
const SHEETS: usize = 8;

/// Describe certificates, requests, keys and kubeconfigs in Kubernetes terms
///
/// Knows certificates and bundles, requests, keys (their kind only), CertificateSigningRequest
/// objects, kubeconfigs, and PEM in any other object, as PEM, DER, YAML, JSON or base64. Follows the
/// files that manifests and kubeconfigs name, and reads what renews itself in its store. A
/// directory, such as /etc/kubernetes, gives one table.
///
/// Examples:
///
///   kubectl usercert inspect alice.crt alice.yaml ~/.kube/config
///
///   # All of a control plane
///   kubectl usercert inspect /etc/kubernetes
///
///   # A request in the cluster
///   kubectl usercert inspect csr/alice
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct InspectArgs {
    /// Files, directories, csr/NAME for a request in the cluster, or "-" for standard input
    #[arg(value_name = "FILE|-|DIR|csr/NAME")]
    pub what: Vec<String>,
    /// Show everything that a certificate or request says, like openssl x509 -text
    #[arg(long)]
    pub text: bool,
    /// Exit with 4 when something in it expires within this time, such as 7d or 24h, or has expired
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION")]
    pub expires_within: Option<String>,
    #[command(flatten)]
    output: WideOutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(host: &Host, args: &InspectArgs) -> Result<Exit> {
    let within = within(args)?;
    if args.text && !matches!(args.output.format, None | Some(Format::Wide)) {
        return Err(Error::usage("--text cannot be combined with -o json, yaml or name"));
    }
    if args.what.is_empty() && host.can_ask() {
        return Err(Error::usage("nothing to inspect: name a file, a directory or csr/NAME")
            .hint("\"-\" reads standard input"));
    }
    let standard_input = ["-".to_owned()];
    let what = if args.what.is_empty() { &standard_input[..] } else { &args.what };
    let now = host.now();
    // Without a readable kubeconfig there is nothing to say of contexts, unless one was asked for.
    let config = match Kubeconfig::read(args.client.kubeconfig.as_deref()) {
        Err(error) if args.client.kubeconfig.is_some() => return Err(error),
        config => config.ok(),
    };
    let mut gathered = gather::gather(host, what, &args.client).await?;
    let mut failed = false;
    for error in &gathered.errors {
        host.fail(error);
        failed = true;
    }
    for warning in &gathered.warnings {
        host.warn(format!("warning: {warning}"));
    }
    let (mut rows, unknown) = look(args.text, &mut gathered, config.as_ref(), now);
    for error in unknown {
        host.fail(&Error::new(error));
        failed = true;
    }
    if rows.is_empty() {
        return match failed {
            true => Ok(Exit::Failed),
            false => Err(Error::new(format!("nothing recognized in {}", show(&what.join(", "))))),
        };
    }
    let expiring = |row: &&InspectedItem| matches!((row.item.expires, within), (Some(at), Some(limit)) if at.since(now) <= limit);
    // A name does not say when it expires.
    if args.output.format == Some(Format::Name) && within.is_some() {
        rows.retain(|row| expiring(&row));
    }
    print(host, args, &gathered, &rows, now)?;
    // A CA that stands in several places is one.
    let different = |rows: &mut dyn Iterator<Item = &InspectedItem>| {
        rows.map(|row| row.item.word("sha256")).collect::<BTreeSet<_>>().len()
    };
    let expiring = different(&mut rows.iter().filter(expiring));
    if expiring > 0 && args.output.format.is_none() {
        let limit = args.expires_within.as_deref().unwrap_or_default();
        let all = different(&mut rows.iter().filter(|row| row.item.expires.is_some()));
        host.say(format!("{expiring} of {all} expire within {limit} or have expired"));
    }
    Ok(match (failed, expiring) {
        (true, _) => Exit::Failed,
        (false, 0) => Exit::Done,
        (false, _) => Exit::Matched,
    })
}

fn within(args: &InspectArgs) -> Result<Option<i64>> {
    let Some(text) = &args.expires_within else { return Ok(None) };
    let nanos = lifetime::parse_duration(text).ok_or_else(|| {
        Error::usage(format!("--expires-within {}: write it as 7d or 24h", show(text)))
    })?;
    Ok(Some(nanos / 1_000_000_000))
}

fn print(
    host: &Host,
    args: &InspectArgs,
    gathered: &Gathered,
    rows: &[InspectedItem],
    now: UnixTime,
) -> Result<()> {
    let item = |row: &InspectedItem| {
        let mut item = json!(row.item);
        item["source"] = row.source.clone().into();
        item
    };
    // One by one: together they would take as much memory as the rows themselves.
    if let Some(mut list) = ListPrinter::new(args.output.format, "Inspection") {
        for some in rows.chunks(AT_ONCE) {
            list.add(host, &some.iter().map(item).collect::<Vec<Value>>())?;
        }
        return list.finish(host);
    }
    let mut names: Vec<String> = rows.iter().map(|row| row.source.clone()).collect();
    names.dedup();
    let several = names.len() > 1;
    output::print(host, args.output.format, &Value::Null, &names, |wide| {
        let shown = rows.iter().filter(|row| !sheet::goes_without_saying(&row.item));
        if !args.text && (several || gathered.root.is_some() || shown.count() > SHEETS) {
            let first_to_go = &["CA", "KEY", "EXPIRES", "NAMES"];
            let room = Room { columns: host.table_columns(wide), first_to_go, ..Room::default() };
            return table::table(rows, gathered.root.as_deref(), wide, now, room);
        }
        sheet::sheets(rows, wide || args.text, several)
    })
}
