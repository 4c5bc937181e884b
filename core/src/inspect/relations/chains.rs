//! What stands above a certificate, and what that makes of it.

use super::issuers::is_valid;
use super::located::{LocatedArtifact, certificate};
use crate::inspect::{Description, profile};
use crate::text::show_short;
use crate::x509::certificate::Certificate;
use crate::x509::chain;

/// Steps of a chain that are followed.
const STEPS: usize = 16;

/// Reports the signer of each certificate and the chain above it.
pub(super) fn chains(
    placed: &[LocatedArtifact],
    items: &mut [Description],
    issuers: &[Option<usize>],
) {
    for (subject, issuer) in issuers.iter().enumerate() {
        let (Some(issuer), Some(leaf)) = (*issuer, certificate(placed, subject)) else { continue };
        let Some(ca) = certificate(placed, issuer) else { continue };
        if ca.der == leaf.der {
            continue;
        }
        items[subject].set("issuedBy", placed[issuer].source.clone());
        if !ca.is_ca && ca.may_be_authority() && !items[issuer].word("profile").eq("ca") {
            // Of version 1, which cannot say so itself.
            items[issuer].set("profile", "ca");
            items[issuer].set("meaning", "signs certificates");
            items[issuer].findings.retain(|f| f.code != "self-signed");
        }
        // Of the same name as its issuer, but signed by another key.
        items[subject].findings.retain(|f| f.code != "self-signed");
        let next = |way: &[(usize, &Certificate)]| {
            let (below, _) = way.last().filter(|_| way.len() < STEPS)?;
            let issuer = issuers[*below].filter(|issuer| issuer != below)?;
            certificate(placed, issuer).map(|ca| (issuer, ca))
        };
        let above = chain::way((issuer, ca), |(_, ca)| ca, next);
        let names: Vec<String> =
            above.iter().map(|(_, ca)| show_short(&ca.subject.shown(), 200)).collect();
        items[subject].set("chain", names);
        if check_chain(items, subject, leaf, &above) && ca.not_after < leaf.not_after {
            let message = format!(
                "it outlives its CA, which ends at {}: from then on nobody accepts it",
                ca.not_after
            );
            items[subject].note("outlives-its-ca", message);
        }
    }
}

/// What the CAs above a certificate make of it (`Go: crypto/x509`, verification of chains). Whether
/// all of them are still valid.
pub(super) fn check_chain(
    items: &mut [Description],
    subject: usize,
    leaf: &Certificate,
    above: &[(usize, &Certificate)],
) -> bool {
    let name = |ca: &Certificate| show_short(&ca.subject.shown(), 200);
    let cannot_sign = |(_, ca): &(usize, &Certificate)| Some((name(ca), ca.cannot_sign()?));
    if let Some((name, why)) = above.iter().find_map(cannot_sign) {
        let message = format!("{name} above it {why}: nobody accepts it");
        items[subject].problem("issuer-cannot-sign", message);
    }
    let ended = above.iter().find(|(index, _)| !is_valid(&items[*index])).map(|(_, ca)| *ca);
    if let Some(ca) = ended {
        let name = name(ca);
        let message = format!("{name} above it is not valid now: nobody accepts it");
        items[subject].problem("ca-expired", message);
    }
    let mut counted = (0..).zip(above);
    let full = |(below, (_, ca)): &(u32, &(usize, &Certificate))| {
        ca.path_length.is_some_and(|most| *below > most)
    };
    if let Some((_, (_, ca))) = counted.find(full) {
        let message = format!("{} allows fewer CAs below it: nobody accepts it", name(ca));
        items[subject].problem("path-too-long", message);
    }
    if !leaf.is_ca {
        for (purpose, wanted) in [
            ("client auth", leaf.allows_client_auth()),
            ("server auth", profile::allows_server_auth(leaf)),
        ] {
            let lacks = |ca: &Certificate| {
                let usages = ca.extended_key_usages.as_ref();
                usages.is_some_and(|all| all.iter().all(|u| u != purpose && u != "any"))
            };
            // One that says nothing is taken for a server's where it names hosts, else for a client's.
            let stated = leaf.extended_key_usages.is_some();
            let meant = stated || leaf.names_hosts() == (purpose == "server auth");
            if let Some((_, ca)) = above.iter().find(|(_, ca)| wanted && lacks(ca)) {
                let message = format!("{} above it is not meant for {purpose}", name(ca));
                match meant {
                    true => items[subject].problem("ca-other-purpose", message),
                    false => items[subject].note("ca-other-purpose", message),
                }
            }
        }
    }
    if let Some((_, ca)) = above.iter().find(|(_, ca)| ca.has_name_constraints) {
        let message =
            format!("{} above it limits which names it may certify; not checked here", name(ca));
        items[subject].note("name-constraints", message);
    }
    let all: Vec<_> = [leaf].into_iter().chain(above.iter().map(|(_, ca)| *ca)).collect();
    match chain::has_policies(&all) {
        Some(true) => {}
        Some(false) => items[subject].problem(
            "policy-constraints",
            "its chain lacks certificate policies that it requires: Go programs reject it",
        ),
        None => items[subject].note(
            "policy-constraints",
            "its chain constrains certificate policies; not checked here",
        ),
    }
    ended.is_none()
}
