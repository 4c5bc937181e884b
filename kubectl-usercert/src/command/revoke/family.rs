//! What descends from a certificate by renewals: whoever took it may hold any of those.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use usercert_core::api::csr::{CsrObject, State};
use usercert_core::lifecycle::record::{Descent, Ledger};
use usercert_core::lifecycle::renewal::submitted_with;
use usercert_core::lifecycle::{Fingerprint, RevocationKey};
use usercert_core::text::show_short;
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::Certificate;

use super::candidate::Candidate;
use crate::cluster::{ApiError, Cluster};
use crate::workflow::known_certificates::{self, KnownCertificate, recorded};
use crate::workflow::records::{self, Unread};

/// What descends from what is to be blocked.
#[derive(Default)]
pub struct Family {
    /// Certificates of the same users.
    pub known: Vec<KnownCertificate>,
    /// Those of other users, a line each. A renewal has the user of its parent, so that such a record is
    /// wrong, or somebody made it to shut another one out.
    pub others: BTreeSet<String>,
    /// Requests that may still bring one.
    pub in_flight: Vec<CsrObject>,
    /// Why the records could not be read, if they could not.
    pub unrecorded: Option<Unread>,
    /// Why the requests could not be seen, if they could not.
    pub unlisted: Option<ApiError>,
}

impl Family {
    /// The valid descendants of these: by the records, and by the requests that were submitted with them.
    pub async fn read(cluster: &Cluster, candidates: &[Candidate], now: UnixTime) -> Self {
        let users: BTreeSet<&str> = candidates
            .iter()
            .filter_map(|c| c.certificate.as_ref())
            .map(|c| c.user.as_str())
            .collect();
        let nobodys = candidates.iter().any(Candidate::is_of_nobody_known);
        // The user of a renewal is whoever submitted it.
        let keep = |object: &CsrObject| {
            let user = object.spec.username.as_str();
            submitted_with(object).is_some()
                && object.request().is_ok_and(|r| r.subject.user() == user)
                && (nobodys || users.contains(user))
        };
        let (records, descents, requests) = tokio::join!(
            records::read(cluster, None),
            records::descents(cluster),
            known_certificates::requests(cluster, keep)
        );
        let (ledger, unrecorded) = parted(records);
        let (descents, unnoted) = parted(descents);
        let (requests, unlisted) = parted(requests);
        let unrecorded = unrecorded.map(Unread::records).or(unnoted.map(Unread::descents));
        let family = Self::of(candidates, &ledger, &descents, requests, now);
        Self { unrecorded, unlisted, ..family }
    }

    fn of(
        candidates: &[Candidate],
        ledger: &Ledger,
        descents: &[Descent],
        mut requests: Vec<CsrObject>,
        now: UnixTime,
    ) -> Self {
        let mut family = Self::default();
        // Whose each certificate is, as far as it is known.
        let mut users: BTreeMap<Fingerprint, Option<String>> = candidates
            .iter()
            .filter_map(|c| match c.key {
                RevocationKey::Certificate(print) => {
                    Some((print, c.certificate.as_ref().map(|c| c.user.clone())))
                }
                _ => None,
            })
            .collect();
        let mut open: Vec<Fingerprint> = users.keys().copied().collect();
        while let Some(parent) = open.pop() {
            let user = users.get(&parent).cloned().flatten();
            let mut children = Vec::new();
            let is_child = |object: &mut CsrObject| {
                submitted_with(object) == Some(parent)
                    && user.as_ref().is_none_or(|user| *user == object.spec.username)
            };
            for object in requests.extract_if(.., is_child) {
                match object.state() {
                    State::Issued => children.extend(renewed(&object, &parent)),
                    State::Pending | State::Approved => family.in_flight.push(object),
                    State::Denied { .. } | State::Failed { .. } => {}
                }
            }
            for record in ledger.records().iter().filter(|r| r.renews == Some(parent)) {
                if user.as_ref() == Some(&record.user) {
                    let place = format!("recorded as a renewal of {}", parent.short());
                    children.push(KnownCertificate { place, ..recorded(record) });
                } else {
                    let whose = show_short(&record.user, 60);
                    family.others.insert(format!("certificate {} of {whose}", record.fingerprint));
                }
            }
            let noted = descents
                .iter()
                .filter(|d| d.parent == parent && user.as_ref().is_none_or(|user| *user == d.user));
            children.extend(noted.map(known_certificates::descended));
            for child in children {
                if let Entry::Vacant(place) = users.entry(child.fingerprint) {
                    place.insert(Some(child.user.clone()));
                    open.push(child.fingerprint);
                }
                // What has ended may have been renewed.
                if child.not_after >= now {
                    known_certificates::add(&mut family.known, child);
                }
            }
        }
        family
    }
}

fn parted<T: Default, E>(result: Result<T, E>) -> (T, Option<E>) {
    match result {
        Ok(found) => (found, None),
        Err(error) => (T::default(), Some(error)),
    }
}

/// The certificate that a request has brought.
fn renewed(object: &CsrObject, parent: &Fingerprint) -> Option<KnownCertificate> {
    let chain = Certificate::chain_from_pem(&object.certificate_pem().ok()?).ok()?;
    let name = show_short(&object.metadata.name, 60);
    let place = format!("request {name}, submitted with {}", parent.short());
    chain.first().map(|leaf| KnownCertificate::of(leaf, place))
}
