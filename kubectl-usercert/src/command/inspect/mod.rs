//! `inspect [FILE…|-|DIR|csr/NAME]`.

mod gather;
mod sheet;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde_json::{Value, json};
use usercert_core::inspect::relations::{self, Answers, Placed};
use usercert_core::inspect::{self, Item, dump, manifest};
use usercert_core::text::show;
use usercert_core::time::UnixTime;
use usercert_core::x509::key::Verification;
use usercert_core::x509::lifetime;

use self::gather::Gathered;
use crate::cluster::Kubeconfig;
use crate::error::{Error, Exit, Result};
use crate::files::named;
use crate::keys::{self, KeyError, PrivateKey};
use crate::ui::args::{ClientArgs, Format, OutputArgs};
use crate::ui::host::Host;
use crate::ui::output;

/// More things than this in one file are shown as a table.
const SHEETS: usize = 8;

/// Say what files or requests are, in Kubernetes terms
///
/// Knows certificates and bundles, requests, keys (their kind only), CertificateSigningRequest
/// objects, kubeconfigs, and PEM in any other object, as PEM, DER, YAML, JSON or base64. Follows the
/// files that manifests and kubeconfigs name. A directory, as /etc/kubernetes, gives one table.
#[derive(Args, Debug)]
pub struct InspectArgs {
    /// Files, directories, csr/NAME for a request in the cluster, or "-" for standard input
    #[arg(value_name = "FILE|-|DIR|csr/NAME")]
    pub what: Vec<String>,
    /// Show everything that a certificate or request says, as openssl x509 -text does
    #[arg(long)]
    pub text: bool,
    /// Exit with 4 when something in it expires within this time, as 7d or 24h, or has expired
    #[arg(long, value_name = "DURATION")]
    pub expires_within: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// An item and the input that it was found in.
struct Row {
    source: String,
    item: Item,
    dump: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When nothing known is found.
pub async fn run(host: &Host, args: &InspectArgs) -> Result<Exit> {
    let within = within(args)?;
    if args.text && !matches!(args.output.format, None | Some(Format::Wide)) {
        return Err(Error::usage("--text is for people: leave it out with -o json, yaml or name"));
    }
    if args.what.is_empty() && host.can_ask() {
        return Err(Error::usage("nothing to inspect: name a file, a directory or csr/NAME")
            .hint("\"-\" reads standard input"));
    }
    let standard_input = InspectArgs { what: vec!["-".to_owned()], ..args.without_what() };
    let args = if args.what.is_empty() { &standard_input } else { args };
    let now = host.now();
    // Without a readable kubeconfig there is nothing to say of contexts, unless one was asked for.
    let config = match Kubeconfig::read(args.client.kubeconfig.as_deref()) {
        Err(error) if args.client.kubeconfig.is_some() => return Err(error),
        config => config.ok(),
    };
    let gathered = gather::gather(host, args).await?;
    let mut failed = false;
    for error in &gathered.errors {
        host.fail(error);
        failed = true;
    }
    for warning in &gathered.warnings {
        host.warn(format!("warning: {warning}"));
    }
    let (rows, unknown) = look(args, &gathered, config.as_ref(), now);
    for error in unknown {
        host.fail(&Error::new(error));
        failed = true;
    }
    if rows.is_empty() {
        return match failed {
            true => Ok(Exit::Failed),
            false => Err(Error::new(format!("nothing known in {}", show(&args.what.join(", "))))),
        };
    }
    print(host, args, &gathered, &rows, now)?;
    let expiring = |row: &&Row| matches!((row.item.expires, within), (Some(at), Some(limit)) if at.since(now) <= limit);
    // A CA that stands in several places is one.
    let different = |rows: &mut dyn Iterator<Item = &Row>| {
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

impl InspectArgs {
    fn without_what(&self) -> Self {
        Self {
            what: Vec::new(),
            text: self.text,
            expires_within: self.expires_within.clone(),
            output: self.output.clone(),
            client: self.client.clone(),
        }
    }
}

/// `--expires-within` in seconds.
fn within(args: &InspectArgs) -> Result<Option<i64>> {
    let Some(text) = &args.expires_within else { return Ok(None) };
    let nanos = lifetime::parse_duration(text).ok_or_else(|| {
        Error::usage(format!("--expires-within {}: write it as 7d or 24h", show(text)))
    })?;
    Ok(Some(nanos / 1_000_000_000))
}

/// Everything that is found, and what is wrong with the inputs that were asked for and hold nothing
/// known.
fn look(
    args: &InspectArgs,
    gathered: &Gathered,
    config: Option<&Kubeconfig>,
    now: UnixTime,
) -> (Vec<Row>, Vec<String>) {
    let mut placed = Vec::new();
    let mut items = Vec::new();
    let mut unknown = Vec::new();
    let mut useless = Vec::new();
    for source in &gathered.sources {
        let found = match inspect::read(&source.data) {
            Ok(found) => found,
            Err(error) if source.asked && !source.names => {
                unknown.push(format!("{}: {error}", source.name));
                continue;
            }
            Err(_) => {
                useless.extend(source.named.iter().map(|(file, named)| Row {
                    source: source.name.clone(),
                    item: manifest::nothing_known(file, named),
                    dump: None,
                }));
                continue;
            }
        };
        let pairs: Vec<String> =
            source.named.iter().map(|(file, named)| format!("{file} {}", named.pair)).collect();
        for found_one in &found {
            let mut item = inspect::describe(found_one, now);
            manifest::check(&mut item, found_one, &found, &source.named);
            if !source.links.is_empty() {
                item.set("links", source.links.clone());
            }
            items.push(item);
        }
        placed.extend(found.into_iter().map(|found| Placed {
            source: source.name.clone(),
            open: source.open,
            pairs: pairs.clone(),
            found,
        }));
    }
    let links = relations::links(&placed);
    let signatures: Vec<Verification> = links
        .iter()
        .map(|link| match link.signed(&placed) {
            Some(s) => keys::verify(s.key, s.algorithm, s.message, s.signature),
            None => Verification::Unsupported,
        })
        .collect();
    let public_keys: Vec<Option<Vec<u8>>> =
        placed.iter().zip(&mut items).map(|(p, item)| public_half(p, item)).collect();
    let answers = Answers { signatures: &signatures, public_keys: &public_keys };
    relations::relate(&placed, &mut items, &links, &answers);
    if let Some(config) = config {
        add_contexts(config, &placed, &mut items);
    }
    let mut rows: Vec<Row> = placed
        .iter()
        .zip(items)
        .map(|(p, item)| Row {
            source: p.source.clone(),
            item,
            dump: if args.text { dump::dump(&p.found) } else { None },
        })
        .collect();
    rows.extend(useless);
    rows.extend(gathered.missing.iter().map(|(file, named, is_directory)| Row {
        source: show(&named.path.display().to_string()),
        item: manifest::missing(file, named, *is_directory),
        dump: None,
    }));
    (rows, unknown)
}

/// The public half of a private key, where the provider can tell it.
fn public_half(placed: &Placed, item: &mut Item) -> Option<Vec<u8>> {
    let key = placed.found.private_key()?;
    key.kind.as_ref().ok()?;
    match PrivateKey::read(&key.pkcs8) {
        Ok(key) => Some(key.public().spki.clone()),
        Err(KeyError::Unusable(error)) => {
            item.problem("unreadable", error.to_string());
            None
        }
        Err(_) => None,
    }
}

/// Which contexts of the person's kubeconfig use a certificate.
fn add_contexts(config: &Kubeconfig, placed: &[Placed], items: &mut [Item]) {
    let wanted = |(p, item): &(&Placed, &mut Item)| {
        let leaf = p.found.certificate().is_some_and(|c| !c.is_ca);
        leaf && !item.properties.contains_key("contexts")
    };
    let wanted: Vec<_> = placed.iter().zip(items).filter(wanted).collect();
    if wanted.is_empty() {
        return;
    }
    let mut contexts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for context in config.merged.contexts() {
        let user = config.merged.context(context.name).unwrap_or_default().user;
        contexts.entry(user).or_default().push(show(context.name));
    }
    let mut used: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    for (name, contexts) in contexts {
        let Some(user) = config.merged.user(&name) else { continue };
        if let Some(certificate) = named::user_entry(&user).certificate() {
            used.entry(certificate.der.clone()).or_default().extend(contexts);
        }
    }
    for (p, item) in wanted {
        if let Some(contexts) = p.found.certificate().and_then(|c| used.get(&c.der)) {
            item.set("contexts", contexts.clone());
        }
    }
}

fn print(
    host: &Host,
    args: &InspectArgs,
    gathered: &Gathered,
    rows: &[Row],
    now: UnixTime,
) -> Result<()> {
    let items: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut item = json!(row.item);
            item["source"] = row.source.clone().into();
            item
        })
        .collect();
    let value = output::object("Inspection", json!({ "items": items }));
    let mut names: Vec<String> = rows.iter().map(|row| row.source.clone()).collect();
    names.dedup();
    let several = names.len() > 1;
    output::print(host, args.output.format, &value, &names, |wide| {
        let shown = rows.iter().filter(|row| !sheet::goes_without_saying(&row.item));
        if !args.text && (several || gathered.root.is_some() || shown.count() > SHEETS) {
            return table::table(rows, gathered.root.as_deref(), wide, now);
        }
        sheet::sheets(rows, wide || args.text, several)
    })
}
