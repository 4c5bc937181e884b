//! Certificates that people hold, as far as the kubeconfig, the cluster's requests and its records tell.

use std::collections::{BTreeSet, HashMap};

use usercert_core::api::csr::{CsrObject, Object, State};
use usercert_core::kubeconfig::Endpoint;
use usercert_core::kubeconfig::merged::Merged;
use usercert_core::lifecycle::Fingerprint;
use usercert_core::lifecycle::admission::config_maps;
use usercert_core::lifecycle::record::{self, CertificateRecord, Descent, damage};
use usercert_core::text::{show, show_short};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::Certificate;

use super::records::{self, Unread};
use crate::cluster::{ApiError, Cluster, ListOptions, Target};
use crate::files::named;

/// What is known of a certificate that somebody holds.
#[derive(Clone, Debug)]
pub struct KnownCertificate {
    pub fingerprint: Fingerprint,
    pub user: String,
    pub groups: BTreeSet<String>,
    pub not_after: UnixTime,
    /// The DER of its SubjectPublicKeyInfo, where the certificate itself was seen.
    pub spki: Option<Vec<u8>>,
    /// As `context alice@kind, request alice`.
    pub place: String,
    /// The certificate that it renews, where nothing but the note of that is known of it, and so no groups.
    pub only_noted: Option<Fingerprint>,
    /// Whether it is noted as a renewal.
    pub is_noted: bool,
}

impl KnownCertificate {
    /// The certificate that an issued request holds.
    pub fn of_request(object: &Object) -> Option<Self> {
        if object.state() != State::Issued {
            return None;
        }
        let chain = Certificate::chain_from_pem(&object.certificate_pem().ok()?).ok()?;
        let place = format!("request {}", show_short(&object.metadata.name, 60));
        chain.first().map(|leaf| Self::of(leaf, place))
    }

    pub fn of(certificate: &Certificate, place: String) -> Self {
        Self {
            fingerprint: Fingerprint::of(&certificate.der),
            user: certificate.subject.user().to_owned(),
            groups: certificate.subject.groups(),
            not_after: certificate.not_after,
            spki: Some(certificate.key.spki.clone()),
            place,
            only_noted: None,
            is_noted: false,
        }
    }
}

/// What was found of a user.
pub struct Found {
    /// Valid certificates, those that last longest first.
    pub certificates: Vec<KnownCertificate>,
    /// Requests that may still bring some, or why they could not be seen.
    pub in_flight: Result<Vec<CsrObject>, ApiError>,
    /// Why the records of issued certificates could not be read, if they could not.
    pub unrecorded: Option<Unread>,
    /// Whether there is one that has expired.
    pub has_ended: bool,
    /// What is wrong with records that say they are of the user, a sentence each.
    pub damaged: Vec<String>,
}

/// The valid certificates of the user that can be found: in contexts of the kubeconfig for this cluster, in
/// requests that the cluster still holds, and in its records. Also the requests that may still bring some.
pub async fn of_user(target: &Target, cluster: &Cluster, user: &str, now: UnixTime) -> Found {
    let mut all = in_kubeconfig(&target.kubeconfig.merged, &target.endpoint, user);
    let (mut in_requests, mut in_flight) = (Vec::new(), Vec::new());
    let take = |object: CsrObject| {
        let known = KnownCertificate::of_request(&object);
        in_requests.extend(known.filter(|known| known.user == user));
        if is_in_flight(&object) && object.request().is_ok_and(|r| r.subject.user() == user) {
            in_flight.push(object);
        }
    };
    let every = ListOptions::default();
    let (listed, records, descents) = tokio::join!(
        cluster.list_csrs(&every, take),
        records::of_user(cluster, user),
        records::descents(cluster)
    );
    let in_flight = listed.map(|()| in_flight);
    // The server's clock decides.
    let now = cluster.time().unwrap_or(now);
    all.extend(in_requests);
    let (mut unrecorded, mut damaged) = (None, Vec::new());
    match records {
        Ok(records) => {
            all.extend(records.records().iter().map(recorded));
            damaged.extend(records.damaged.iter().map(|(name, problem)| damage(name, problem)));
        }
        Err(error) => unrecorded = Some(Unread::records(error)),
    }
    match descents {
        Ok(descents) => all.extend(descents.iter().filter(|d| d.user == user).map(descended)),
        Err(error) => unrecorded = unrecorded.or(Some(Unread::descents(error))),
    }
    let_groups_be_inherited(&mut all);
    let mut found = Vec::new();
    let (valid, ended): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.not_after >= now);
    valid.into_iter().for_each(|one| add(&mut found, one));
    // A record alone may be forged.
    let has_ended = ended.iter().any(|one| one.spki.is_some());
    found.sort_by_key(|known| std::cmp::Reverse(known.not_after));
    Found { certificates: found, in_flight, unrecorded, has_ended, damaged }
}

impl Default for Found {
    fn default() -> Self {
        Self {
            certificates: Vec::new(),
            in_flight: Ok(Vec::new()),
            unrecorded: None,
            has_ended: false,
            damaged: Vec::new(),
        }
    }
}

/// A renewal has the groups of the certificate that it renews.
fn let_groups_be_inherited(all: &mut [KnownCertificate]) {
    let known = all.iter().filter(|one| one.only_noted.is_none());
    let mut known: HashMap<Fingerprint, BTreeSet<String>> =
        known.map(|one| (one.fingerprint, one.groups.clone())).collect();
    // Until no further one has a known parent.
    loop {
        let before = known.len();
        for one in all.iter_mut() {
            if let Some(groups) = one.only_noted.and_then(|parent| known.get(&parent)).cloned() {
                known.entry(one.fingerprint).or_insert_with(|| groups.clone());
                one.groups = groups;
                one.only_noted = None;
            }
        }
        if known.len() == before {
            return;
        }
    }
}

/// Whether a request may still bring a certificate.
fn is_in_flight(object: &Object) -> bool {
    matches!(object.state(), State::Pending | State::Approved)
}

/// The requests that `keep` wants.
///
/// # Errors
/// As the server answers.
pub async fn requests(
    cluster: &Cluster,
    keep: impl Fn(&CsrObject) -> bool,
) -> Result<Vec<CsrObject>, ApiError> {
    let mut found = Vec::new();
    let take = |object: CsrObject| found.extend(Some(object).filter(&keep));
    cluster.list_csrs(&ListOptions::default(), take).await?;
    Ok(found)
}

/// Adds a certificate, or another place of one that is there.
pub fn add(found: &mut Vec<KnownCertificate>, one: KnownCertificate) {
    match found.iter_mut().find(|known| known.fingerprint == one.fingerprint) {
        Some(known) => {
            known.place.push_str(&format!(", {}", one.place));
            // What a certificate says counts, then a record, which others can forge, and last a note.
            if known.only_noted.is_some() || known.spki.is_none() && one.spki.is_some() {
                known.groups = one.groups;
                known.only_noted = one.only_noted;
            }
            known.spki = known.spki.take().or(one.spki);
            known.is_noted |= one.is_noted;
        }
        None => found.push(one),
    }
}

/// The valid certificates that the cluster knows, by user: a review compares a request with them.
#[derive(Debug, Default)]
pub struct Held(HashMap<String, Vec<KnownCertificate>>);

impl Held {
    /// Reads requests and records, of all users or of one; what one may not see is left out.
    pub async fn read(cluster: &Cluster, user: Option<&str>, now: UnixTime) -> Self {
        let wanted = |known: &KnownCertificate| user.is_none_or(|user| known.user == user);
        let (requests, records) =
            tokio::join!(in_requests(cluster, wanted), records::read(cluster, user));
        let mut held = Self::default();
        let records = records.unwrap_or_default();
        let all = requests.into_iter().chain(records.records().iter().map(recorded));
        all.for_each(|one| held.add(one, now));
        held
    }

    /// Adds a certificate if it is valid.
    pub fn add(&mut self, one: KnownCertificate, now: UnixTime) {
        if one.not_after >= now {
            add(self.0.entry(one.user.clone()).or_default(), one);
        }
    }

    /// Adds the certificate of this fingerprint if the cluster knows it, from its record or from a request.
    pub async fn look_up(&mut self, cluster: &Cluster, print: &Fingerprint, now: UnixTime) {
        if self.0.values().flatten().any(|known| known.fingerprint == *print) {
            return;
        }
        let found = of_fingerprint(cluster, print).await;
        found.into_iter().for_each(|one| self.add(one, now));
    }

    /// The certificates of a user.
    pub fn by(&self, user: &str) -> &[KnownCertificate] {
        self.0.get(user).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The certificate of this fingerprint, if the cluster has a record or a request of it and one may look.
pub async fn of_fingerprint(cluster: &Cluster, print: &Fingerprint) -> Option<KnownCertificate> {
    match in_records(cluster, print).await {
        Some(known) => Some(known),
        None => in_requests(cluster, |known| known.fingerprint == *print).await.pop(),
    }
}

/// The certificate of this fingerprint, if the cluster has a record of it and one may look.
pub async fn in_records(cluster: &Cluster, print: &Fingerprint) -> Option<KnownCertificate> {
    let name = record::record_name(print);
    let found = cluster.object(&config_maps(), &name).await.ok()??;
    let record = CertificateRecord::read(&found).ok()?;
    Some(recorded(&record)).filter(|known| known.fingerprint == *print)
}

/// The certificate of a record.
pub fn recorded(record: &CertificateRecord) -> KnownCertificate {
    KnownCertificate {
        fingerprint: record.fingerprint,
        user: record.user.clone(),
        groups: record.groups.clone(),
        not_after: record.not_after,
        spki: None,
        place: "recorded".to_owned(),
        only_noted: None,
        is_noted: false,
    }
}

/// A renewal as the service that approved it has noted it: a record is written by others too, and can be wrong.
pub fn descended(descent: &Descent) -> KnownCertificate {
    KnownCertificate {
        fingerprint: descent.certificate,
        user: descent.user.clone(),
        groups: BTreeSet::new(),
        not_after: descent.until,
        spki: None,
        place: format!("noted as a renewal of {}", descent.parent.short()),
        only_noted: Some(descent.parent),
        is_noted: true,
    }
}

fn in_kubeconfig(merged: &Merged, endpoint: &Endpoint, user: &str) -> Vec<KnownCertificate> {
    let mut found = Vec::new();
    for entry in merged.contexts() {
        let Some(context) = merged.context(entry.name) else { continue };
        let here = merged.cluster(&context.cluster).is_some_and(|c| {
            Endpoint::new(&c, named::authority(&c).ok().flatten()).same_cluster(endpoint)
        });
        let entry_of = |name: &String| Some(named::user_entry(&merged.user(name)?));
        if let Some(held) = Some(&context.user).filter(|_| here).and_then(entry_of)
            && let Some(certificate) = held.certificate().filter(|c| c.subject.user() == user)
        {
            let place = format!("context {}", show(entry.name));
            found.push(KnownCertificate::of(certificate, place));
        }
    }
    found
}

/// Certificates that requests in the cluster still hold and that `keep` wants; none if one may not look.
pub async fn in_requests(
    cluster: &Cluster,
    keep: impl Fn(&KnownCertificate) -> bool,
) -> Vec<KnownCertificate> {
    let mut found = Vec::new();
    let take =
        |object: CsrObject| found.extend(KnownCertificate::of_request(&object).filter(&keep));
    // Requests are no inventory: they are gone an hour after they were approved.
    let _best_effort = cluster.list_csrs(&ListOptions::default(), take).await;
    found
}

#[cfg(test)]
mod tests {
    use usercert_core::kubeconfig::merged::SourceFile;
    use usercert_core::kubeconfig::path::LoadingList;

    use super::*;

    #[test]
    fn a_cluster_behind_the_same_address_is_another() {
        let data = |name: &str| format!("{}/../core/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
        let (old, other) = (data("expired.pem"), data("leaf-v3.pem"));
        let text = format!(
            "clusters:\n\
             - {{name: here, cluster: {{server: 'https://a', certificate-authority: '{old}'}}}}\n\
             - {{name: slash, cluster: {{server: 'https://a/', certificate-authority: '{old}'}}}}\n\
             - {{name: other, cluster: {{server: 'https://a', certificate-authority: '{other}'}}}}\n\
             - {{name: away, cluster: {{server: 'https://b', certificate-authority: '{old}'}}}}\n\
             users:\n\
             - {{name: old, user: {{client-certificate: '{old}'}}}}\n\
             contexts:\n\
             - {{name: here, context: {{cluster: here, user: old}}}}\n\
             - {{name: slash, context: {{cluster: slash, user: old}}}}\n\
             - {{name: other, context: {{cluster: other, user: old}}}}\n\
             - {{name: away, context: {{cluster: away, user: old}}}}\n\
             - {{name: nobody, context: {{cluster: here}}}}\n"
        );
        let list = LoadingList::new(Some("/f"), None, None, ':');
        let file = SourceFile { path: "/f".into(), text: Some(text) };
        let merged = Merged::load(&list, vec![file]).unwrap();
        let ca_pem = Some(std::fs::read(&old).unwrap());
        let endpoint = Endpoint { server: "https://a".to_owned(), ca_pem, ..Endpoint::default() };
        let places: Vec<String> =
            in_kubeconfig(&merged, &endpoint, "old").into_iter().map(|k| k.place).collect();
        assert_eq!(places, ["context here", "context slash"]);
        assert!(in_kubeconfig(&merged, &endpoint, "somebody").is_empty());
    }
}
