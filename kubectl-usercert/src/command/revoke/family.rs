//! What descends from a certificate by renewals: whoever took it may hold any of those.

use usercert_core::lifecycle::RevocationKey;
use usercert_core::text::show_short;
use usercert_core::time::UnixTime;

use super::candidate::Candidate;
use crate::cluster::{ApiError, Cluster};
use crate::workflow::known_certificates::{KnownCertificate, recorded};
use crate::workflow::records;

/// What the cluster's records say.
#[derive(Default)]
pub struct Family {
    /// Certificates of the same users.
    pub known: Vec<KnownCertificate>,
    /// Those of other users, a line each. A renewal has the user of its parent, so that such a record is
    /// wrong, or somebody made it to shut another one out.
    pub others: Vec<String>,
}

impl Family {
    /// The valid descendants of what is to be blocked.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn of(
        cluster: &Cluster,
        candidates: &[Candidate],
        now: UnixTime,
    ) -> Result<Self, ApiError> {
        let ledger = records::read(cluster, None).await?;
        let mut family = Self::default();
        for candidate in candidates {
            let RevocationKey::Certificate(first) = &candidate.key else { continue };
            let user = candidate.certificate.as_ref().map(|c| c.user.as_str());
            let all = ledger.family(first).into_iter();
            for record in all.filter(|r| r.fingerprint != *first && r.not_after >= now) {
                let print = record.fingerprint;
                if user == Some(record.user.as_str()) {
                    let parent: String = first.to_string().chars().take(16).collect();
                    let place = format!("recorded as a renewal of {parent}…");
                    family.known.push(KnownCertificate { place, ..recorded(record) });
                } else {
                    let whose = show_short(&record.user, 60);
                    family.others.push(format!("certificate {print} of {whose}"));
                }
            }
        }
        Ok(family)
    }
}
