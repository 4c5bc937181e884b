//! From a certificate to a cluster's CA, by names; whether the signatures hold is the caller's to find
//! out, link by link.

use crate::x509::certificate::{Certificate, Chain};
use crate::x509::key::Verification;

/// One step: who was signed, and by whom it says so.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// The signed certificate.
    pub subject: &'a Certificate,
    /// The certificate whose key is to have signed it.
    pub issuer: &'a Certificate,
}

/// The certificates from `start` upwards, `start` among them. `next` is given the way so far and says
/// who comes next, so each caller decides who counts as an issuer; `certificate` says which one a step
/// is. The way ends before a name and key that it has already, which CAs that signed each other would
/// lead to for ever (`Go: crypto/x509` passes over them too).
pub fn way<'c, T: Copy>(
    start: T,
    certificate: impl Fn(T) -> &'c Certificate,
    next: impl Fn(&[T]) -> Option<T>,
) -> Vec<T> {
    let mut way = vec![start];
    while let Some(step) = next(&way) {
        let above = certificate(step);
        let same =
            |c: &Certificate| c.subject_der == above.subject_der && c.key.spki == above.key.spki;
        if way.iter().any(|step| same(certificate(*step))) {
            break;
        }
        way.push(step);
    }
    way
}

/// The way from `leaf` by way of `intermediates` to one of `ca`, as the names tell it. The last link
/// leads to a CA of the cluster; where none does, there are no links.
pub fn links<'a>(
    leaf: &'a Certificate,
    intermediates: &'a [Certificate],
    ca: &'a [Certificate],
) -> Vec<Link<'a>> {
    // With whether it is a CA of the cluster, where the way ends.
    let next = |way: &[(&'a Certificate, bool)]| {
        let (below, _) = way.last().filter(|(_, trusted)| !trusted)?;
        let fits = |c: &&Certificate| below.names_as_issuer(c);
        let trusted = ca.iter().find(fits).map(|c| (c, true));
        trusted.or_else(|| intermediates.iter().filter(|c| c.is_ca).find(fits).map(|c| (c, false)))
    };
    let way = way((leaf, false), |(certificate, _)| certificate, next);
    match way.last() {
        Some((_, true)) => {
            let pairs = way.iter().zip(way.iter().skip(1));
            pairs.map(|((subject, _), (issuer, _))| Link { subject, issuer }).collect()
        }
        _ => Vec::new(),
    }
}

/// What the signatures of [`links`] amount to: `signatures` has one answer for each link, in order.
#[must_use]
pub fn outcome(ca_is_known: bool, signatures: &[Verification]) -> Chain {
    let Some((last, before)) = signatures.split_last() else {
        return if ca_is_known { Chain::OtherIssuer } else { Chain::NoCa };
    };
    match before.iter().find(|v| **v != Verification::Valid) {
        // An intermediate that did not sign leads nowhere.
        Some(_) => Chain::OtherIssuer,
        None => Chain::Issuer(*last),
    }
}
