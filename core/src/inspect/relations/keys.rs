//! Which private key belongs to what.

use super::located::{LocatedArtifact, Places};
use crate::inspect::Description;
use crate::x509::code::hex;

/// Artifacts of one key that are told.
const LOOKED_AT: usize = 64;

/// What each private key belongs to: places of certificates, requests and public keys.
pub(super) fn keys(
    placed: &[LocatedArtifact],
    items: &mut [Description],
    publics: &[Option<Vec<u8>>],
) -> Vec<Vec<usize>> {
    let mut by_key = Places::new();
    for (index, p) in placed.iter().enumerate() {
        if let Some(spki) = p.found.spki() {
            let owners = by_key.entry(hex(spki)).or_default();
            if owners.len() < LOOKED_AT {
                owners.push(index);
            }
        }
    }
    let mut all = vec![Vec::new(); placed.len()];
    for (index, spki) in publics.iter().enumerate() {
        let Some(owners) = spki.as_deref().and_then(|s| by_key.get(&hex(s))) else { continue };
        for owner in owners {
            let source = placed[index].source.clone();
            if items[*owner].word("privateKey").is_empty() {
                items[*owner].set("privateKey", source);
            }
        }
        let mut sources: Vec<String> = owners.iter().map(|o| placed[*o].source.clone()).collect();
        sources.dedup();
        items[index].set("belongsTo", sources);
        all[index].clone_from(owners);
    }
    all
}

/// Keys that stand beside a certificate and do not belong to it.
pub(super) fn mismatches(
    placed: &[LocatedArtifact],
    items: &mut [Description],
    publics: &[Option<Vec<u8>>],
    owners: &[Vec<usize>],
) {
    let mut groups = Places::new();
    // In files of their own.
    let mut pairs = Places::new();
    for (index, p) in placed.iter().enumerate() {
        let group = format!("{} {}", p.found.group, p.source);
        groups.entry(group).or_default().push(index);
        let named = p.pairs.iter().map(String::as_str).chain(stem(&p.source));
        named.for_each(|name| pairs.entry(name.to_owned()).or_default().push(index));
    }
    let mut told = vec![false; placed.len()];
    let in_one = groups.values().map(|members| (members, true));
    for (members, in_one) in in_one.chain(pairs.values().map(|members| (members, false))) {
        // The first certificate is the one that is presented with the key.
        let first = members.iter().find(|i| placed[**i].found.certificate().is_some());
        let Some(first) = first.copied() else { continue };
        let known = |i: &&usize| publics.get(**i).is_some_and(Option::is_some);
        let keys: Vec<usize> = members.iter().filter(known).copied().collect();
        // In files of their own, a key may belong to another file's first certificate.
        let here = |owner: usize| placed[owner].source == placed[first].source;
        let fits = |key: &usize| {
            let other_file = |owner: usize| !in_one && members.contains(&owner) && !here(owner);
            owners[*key].iter().any(|owner| *owner == first || other_file(*owner))
        };
        if keys.is_empty() || keys.iter().any(fits) || std::mem::replace(&mut told[first], true) {
            continue;
        }
        let of = &placed[keys[0]].source;
        let other = owners[keys[0]].iter().any(|o| members.contains(o) && here(*o));
        let (code, message) = match other {
            true => (
                "leaf-not-first",
                "the key beside it belongs to a later certificate: programs present the first one, so put the leaf first".to_owned(),
            ),
            false => (
                "key-mismatch",
                format!("the private key in {of} does not belong to it: no handshake succeeds"),
            ),
        };
        items[first].problem(code, message);
    }
}

/// What files of a certificate and of its key have in common: `a/x` of `a/x.crt`, `a/x.key`,
/// `a/x.pem` and `a/x-key.pem`.
fn stem(source: &str) -> Option<&str> {
    let (stem, extension) = source.rsplit_once('.')?;
    let is_hidden = stem.is_empty() || stem.ends_with('/');
    if is_hidden || !["crt", "cert", "cer", "pem", "key"].contains(&extension) {
        return None;
    }
    let ends = ["-key", "-cert", "key", "cert"];
    // Only whole names are so short: `key.pem` beside `cert.pem`.
    let whole =
        |end: &&str| end.starts_with('-') || stem == *end || stem.ends_with(&format!("/{end}"));
    let end = ends.into_iter().find(|end| whole(end) && stem.ends_with(*end));
    Some(end.and_then(|end| stem.strip_suffix(end)).unwrap_or(stem))
}
