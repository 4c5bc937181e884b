//! A certificate that was renewed twice: two hold it.

use usercert_core::api::csr::{CsrObject, State};
use usercert_core::api::rbac::AUTHENTICATED;
use usercert_core::lifecycle::approver::NAME;
use usercert_core::lifecycle::record::{CertificateRecord, Descent, RenewalClaim, descent_name};
use usercert_core::lifecycle::renewal::REUSED;
use usercert_core::lifecycle::{Fingerprint, Revocation, RevocationKey, protected};
use usercert_core::text::show_short;

use super::approver::Approver;
use crate::cluster::{Cluster, Need, explain};
use crate::error::{Error, Exit, Result};
use crate::ui::args::DryRun;
use crate::workflow::monitor::Count;
use crate::workflow::{events, records, revocation};

/// What those read whose certificate is blocked for it.
const REASON: &str = "renewed twice, so two parties hold it";

impl Approver<'_> {
    /// Tells of a second renewal, revokes the family where the rule says so, and only then denies it: a
    /// run that ends in between does it again.
    pub(super) async fn reused(
        &self,
        cluster: &Cluster,
        object: &CsrObject,
        claim: &RenewalClaim,
        parent: &Fingerprint,
        revoke: bool,
    ) -> Result<Exit> {
        let mut why = format!(
            "the certificate {parent} was renewed before, with another key, by the request {}: two hold it",
            show_short(&claim.request.0, 60),
        );
        if self.dry_run() == DryRun::None {
            events::write(self.host, cluster, NAME, object, (REUSED, &why)).await;
            if revoke && let Some(what) = self.revoke_family(cluster, object, claim, parent).await?
            {
                why = format!("{why}; {what}");
            }
        }
        self.deny(cluster, object, REUSED, &why, Count::Reused).await
    }

    /// Whether a certificate is this one, or was seen here to be issued as the renewal that its record
    /// names: a record alone may be somebody's invention.
    async fn is_of_family(
        &self,
        cluster: &Cluster,
        record: &CertificateRecord,
        first: &Fingerprint,
    ) -> Result<bool> {
        if record.fingerprint == *first {
            return Ok(true);
        }
        let found = self.evidence(cluster, &descent_name(&record.fingerprint)).await?;
        let descent = found.and_then(|value| Descent::read(&value).ok());
        Ok(descent.is_some_and(|descent| {
            Some(descent.parent) == record.renews
                && descent.user == record.user
                && descent.until == record.not_after
        }))
    }

    /// Revokes the certificate and all that descend from it; in words, what was.
    async fn revoke_family(
        &self,
        cluster: &Cluster,
        object: &CsrObject,
        claim: &RenewalClaim,
        parent: &Fingerprint,
    ) -> Result<Option<String>> {
        let user = &object.spec.username;
        let groups = object.spec.groups.iter().map(String::as_str);
        if let Some(why) = protected(user, groups.filter(|g| *g != AUTHENTICATED)) {
            self.host.warn(format!("warning: nothing is revoked: {why}"));
            return Ok(None);
        }
        // The first renewal may be on its way: only once it is recorded it can be revoked.
        let first = match cluster.get_csr(&claim.request.0).await {
            Ok(first) => Some(first).filter(|first| first.metadata.uid == claim.request.1),
            Err(error) if error.reason() == "NotFound" => None,
            Err(error) => return Err(explain(&error, &cluster.server, &Need::Get)),
        };
        let brings_none = match first.as_ref().map(|first| first.state()) {
            Some(State::Pending | State::Approved) => {
                return Err(Error::new(
                    "its certificate was renewed twice, and the first renewal is not issued yet",
                ));
            }
            Some(State::Denied { .. } | State::Failed { .. }) => true,
            Some(State::Issued) | None => false,
        };
        if let Some(first) = &first {
            self.record(cluster, first).await?;
        }
        let ledger = records::of_user(cluster, user).await;
        let ledger = ledger.map_err(|e| explain(&e, &cluster.server, &records::see()))?;
        let mut family = Vec::new();
        let mut unproven = 0;
        for record in ledger.family(parent) {
            match record.user == *user && self.is_of_family(cluster, record, parent).await? {
                true => family.push(record),
                false => unproven += 1,
            }
        }
        if unproven > 0 {
            self.host.warn(format!(
                "warning: not revoked, because only their records call them its renewals: \
                 {unproven}; `kubectl usercert certificates` lists them"
            ));
        }
        let known = brings_none || family.iter().any(|r| r.renews.as_ref() == Some(parent));
        let (me, now) = (self.me(cluster).await?, self.host.now());
        let entry = |key| Revocation::new(key, REASON, &me, now);
        let mut entries: Vec<Revocation> = family
            .iter()
            .map(|record| {
                let key = RevocationKey::Certificate(record.fingerprint);
                entry(key).of_certificate(&record.user, record.not_after)
            })
            .collect();
        if family.iter().all(|record| record.fingerprint != *parent) {
            entries.push(entry(RevocationKey::Certificate(*parent)).naming(user));
        }
        let count = entries.len();
        if !known {
            // A certificate that nobody has seen can only be blocked with its user.
            let key = RevocationKey::of_user(user).map_err(|e| Error::new(e.to_string()))?;
            entries.push(entry(key));
        }
        revocation::write(cluster, &entries, false).await?;
        Ok(Some(match known {
            true if count == 1 => "the certificate is revoked".to_owned(),
            true => format!("the certificate and its renewals are revoked, {count} in all"),
            false => {
                "every certificate of the user is revoked, since one is not recorded".to_owned()
            }
        }))
    }
}
