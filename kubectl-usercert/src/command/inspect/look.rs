//! What is found in the inputs, and what that has to do with each other and with the kubeconfig.

use std::collections::BTreeMap;

use usercert_core::inspect::relations::{self, Answers, LocatedArtifact};
use usercert_core::inspect::{self, Description, dump, manifest};
use usercert_core::text::show;
use usercert_core::time::UnixTime;
use usercert_core::x509::key::Verification;

use super::gather::Gathered;
use crate::cluster::Kubeconfig;
use crate::files::named;
use crate::keys::{self, KeyError, PrivateKey};

/// An item and the input that it was found in.
pub(super) struct InspectedItem {
    pub(super) source: String,
    pub(super) item: Description,
    pub(super) dump: Option<String>,
}

/// Everything that is found, and what is wrong with the inputs that were asked for and hold nothing
/// known.
pub(super) fn look(
    text: bool,
    gathered: &mut Gathered,
    config: Option<&Kubeconfig>,
    now: UnixTime,
) -> (Vec<InspectedItem>, Vec<String>) {
    let mut placed = Vec::new();
    let mut items = Vec::new();
    let mut unknown = Vec::new();
    let mut useless = Vec::new();
    for source in std::mem::take(&mut gathered.sources) {
        let found = match source.found {
            Ok(found) => found,
            Err(error) if source.asked && !source.names => {
                unknown.push(format!("{}: {error}", source.name));
                continue;
            }
            Err(_) => {
                useless.extend(source.named.iter().map(|(file, named)| InspectedItem {
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
        placed.extend(found.into_iter().map(|found| LocatedArtifact {
            source: source.name.clone(),
            // What came from a store is as open as that, which is to be closed.
            open: source.open && !found.about.contains_key("store"),
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
    let mut rows: Vec<InspectedItem> = placed
        .into_iter()
        .zip(items)
        .map(|(p, item)| InspectedItem {
            dump: if text { dump::dump(&p.found) } else { None },
            source: p.source,
            item,
        })
        .collect();
    rows.extend(useless);
    rows.extend(gathered.missing.iter().map(|(file, named, is_directory)| InspectedItem {
        source: show(&named.path),
        item: manifest::missing(file, named, *is_directory),
        dump: None,
    }));
    (rows, unknown)
}

/// The public half of a private key, where the provider can tell it.
fn public_half(placed: &LocatedArtifact, item: &mut Description) -> Option<Vec<u8>> {
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
fn add_contexts(config: &Kubeconfig, placed: &[LocatedArtifact], items: &mut [Description]) {
    let wanted = |(p, item): &(&LocatedArtifact, &mut Description)| {
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
