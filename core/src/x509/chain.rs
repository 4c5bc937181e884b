//! From a certificate to a cluster's CA, by names; whether the signatures hold is the caller's to find
//! out, link by link.

use crate::x509::certificate::{Certificate, Chain};
use crate::x509::key::Verification;
use crate::x509::policy;

/// One step: who was signed, and by whom it says so.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// The signed certificate.
    pub subject: &'a Certificate,
    /// The certificate whose key is to have signed it.
    pub issuer: &'a Certificate,
}

/// Walks up from `start`. `next` gets the path so far and returns the next issuer. The walk stops at a repeated name
/// and key, as cross-signed CAs would loop.
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

/// Whether a chain, the leaf first and the trust anchor last, has the certificate policies that those in it
/// require; `None` where this build cannot tell.
pub(crate) fn has_policies(chain: &[&Certificate]) -> Option<bool> {
    let policies = chain.iter().map(|c| (&c.policies, c.is_self_issued()));
    policy::are_met(&policies.collect::<Vec<_>>())
}

/// Links that are looked at; Go verifies as many signatures of one chain.
const MOST: usize = 100;

/// All links by names from `leaf` upwards, by way of `intermediates`, to each of `ca`, where a way ends.
pub fn links<'a>(
    leaf: &'a Certificate,
    intermediates: &'a [Certificate],
    ca: &'a [Certificate],
) -> Vec<Link<'a>> {
    let mut links = Vec::new();
    let mut reached = vec![leaf];
    let mut at = 0;
    while let Some(subject) = reached.get(at).copied() {
        at += 1;
        let mut issuers = ca.iter().chain(intermediates.iter().filter(|c| c.is_ca));
        if is_among(subject, ca) {
            continue;
        }
        while let Some(issuer) = issuers.find(|c| c.subject_der == subject.issuer_der) {
            if links.len() < MOST && issuer.der != subject.der {
                links.push(Link { subject, issuer });
            }
            if !reached.iter().any(|c| c.der == issuer.der) {
                reached.push(issuer);
            }
        }
    }
    links
}

fn is_among(certificate: &Certificate, others: &[Certificate]) -> bool {
    others.iter().any(|c| c.der == certificate.der)
}

/// What the signatures of [`links`] amount to: `signatures` has one answer for each link, in order.
#[must_use]
pub fn outcome(
    leaf: &Certificate,
    ca: &[Certificate],
    links: &[Link<'_>],
    signatures: &[Verification],
) -> Chain {
    let leads_to_a_ca = |by: fn(&Link<'_>, Verification) -> bool| {
        let mut reached = vec![leaf];
        for _ in links {
            for (link, signature) in links.iter().zip(signatures) {
                let has = |c: &Certificate| reached.iter().any(|r| r.der == c.der);
                if by(link, *signature) && has(link.subject) && !has(link.issuer) {
                    reached.push(link.issuer);
                }
            }
        }
        reached.iter().any(|c| is_among(c, ca))
    };
    if ca.is_empty() {
        Chain::NoCa
    } else if leads_to_a_ca(|_, signature| signature == Verification::Valid) {
        Chain::Issuer(Verification::Valid)
    } else if leads_to_a_ca(|_, signature| signature != Verification::Invalid) {
        Chain::Issuer(Verification::Unsupported)
    } else if leads_to_a_ca(|link, _| link.subject.names_as_issuer(link.issuer)) {
        Chain::Issuer(Verification::Invalid)
    } else {
        Chain::OtherIssuer
    }
}
