//! Which signatures are to be verified.

use super::located::{Link, LocatedArtifact, Places, certificate};
use crate::inspect::Artifact;
use crate::x509::code::hex;

/// CAs of one name that are tried for a certificate.
pub(super) const CANDIDATES: usize = 8;
/// Certificates of one name that are looked at for that.
const LOOKED_AT: usize = 64;

/// Who may have signed whom, by names and key identifiers; each request signs itself.
pub fn links(placed: &[LocatedArtifact]) -> Vec<Link> {
    let mut by_name = Places::new();
    let mut known = Places::new();
    // The same CA often stands in several files; the first is named that begins with it, before chains
    // and copies in kubeconfigs.
    let mut order: Vec<(usize, &LocatedArtifact)> = placed.iter().enumerate().collect();
    let leads = |i: usize| i == 0 || placed[i - 1].source != placed[i].source;
    order.sort_by_key(|(i, p)| (p.found.role.is_some(), !leads(*i)));
    for (index, p) in order {
        if let Some(ca) = p.found.certificate()
            && known.insert(ca.fingerprint(), Vec::new()).is_none()
        {
            by_name.entry(hex(&ca.subject_der)).or_default().push(index);
        }
    }
    let mut links = Vec::new();
    for (subject, p) in placed.iter().enumerate() {
        match &p.found.thing {
            Artifact::Request(_) => links.push(Link { subject, issuer: subject }),
            Artifact::Certificate(leaf) => {
                let named = by_name.get(&hex(&leaf.issuer_der));
                let named = named.into_iter().flatten().take(LOOKED_AT);
                // As in Go those with other key identifiers come after the others; non-CAs come last, so that
                // their signatures can still be reported.
                let is = |i: &usize, authority, fits| {
                    certificate(placed, *i).is_some_and(|ca| {
                        (ca.may_be_authority() || ca.der == leaf.der) == authority
                            && leaf.names_as_issuer(ca) == fits
                    })
                };
                let ranks = [(true, true), (true, false), (false, true)];
                let candidates = ranks.iter().flat_map(|(authority, fits)| {
                    named.clone().filter(|i| is(i, *authority, *fits))
                });
                let candidates = candidates.take(CANDIDATES);
                links.extend(candidates.map(|issuer| Link { subject, issuer: *issuer }));
            }
            _ => {}
        }
    }
    links
}
