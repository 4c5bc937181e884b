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

/// The way from `leaf` by way of `intermediates` to one of `ca`, as the names tell it. The last link
/// leads to a CA of the cluster; where none does, there are no links.
#[must_use]
pub fn links<'a>(
    leaf: &'a Certificate,
    intermediates: &'a [Certificate],
    ca: &'a [Certificate],
) -> Vec<Link<'a>> {
    let mut links = Vec::new();
    let mut subject = leaf;
    // A way is never longer than the certificates that there are.
    for _ in 0..=intermediates.len() {
        if let Some(issuer) = ca.iter().find(|c| subject.names_as_issuer(c)) {
            links.push(Link { subject, issuer });
            return links;
        }
        let next = intermediates.iter().find(|c| c.is_ca && subject.names_as_issuer(c));
        let Some(issuer) = next else { break };
        links.push(Link { subject, issuer });
        subject = issuer;
    }
    Vec::new()
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
