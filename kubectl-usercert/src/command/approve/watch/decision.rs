//! One request: what it comes to, and doing that.

use std::time::Instant;

use serde_json::{Value, json};
use usercert_core::api::csr::{CsrObject, Decision, RESOURCE, State};
use usercert_core::lifecycle::RevocationList;
use usercert_core::lifecycle::admission::config_maps;
use usercert_core::lifecycle::record::{
    CertificateRecord, Descent, Ledger, RenewalClaim, StoredMap, UnrecordedClaim, claim_name,
    evidence, record_name, unrecorded_name,
};
use usercert_core::lifecycle::renewal::{
    self, APPROVED, REVOKED, RenewalCase, RenewalDecision, Stored,
};
use usercert_core::review::policy::Policy;
use usercert_core::text::{show, show_short};
use usercert_core::x509::lifetime::expiry_in_words;

use super::approver::Approver;
use crate::cluster::{ApiError, Cluster, Need, explain};
use crate::error::{Error, Exit, Result};
use crate::ui::args::{DryRun, Format};
use crate::ui::output;
use crate::workflow::approval::{self, ApprovalCondition};
use crate::workflow::known_certificates::{Held, recorded};
use crate::workflow::monitor::Count;
use crate::workflow::records::{self, Written};
use crate::workflow::review_bindings::Bindings;
use crate::workflow::review_sheet::Sheet;
use crate::workflow::revocation;

/// How many ancestors of a certificate are read at most: they are kept for a day after they have ended.
const ANCESTORS: usize = 300;
/// How often a request is decided anew since its claim was made in between.
const TRIES: usize = 3;

/// What became of a request, as it is told.
pub(super) struct Told<'a> {
    pub(super) decision: &'static str,
    pub(super) rule: Option<&'a str>,
    pub(super) why: Option<&'a str>,
}

impl Approver<'_> {
    /// Handles a request as it is now.
    pub(super) async fn handle(&self, name: &str) -> Result<Exit> {
        let begun = Instant::now();
        let cluster = self.connection()?;
        let object = match cluster.get_csr(name).await {
            Ok(object) => object,
            Err(error) if error.reason() == "NotFound" => return Ok(Exit::Done),
            Err(error) => return Err(explain(&error, &cluster.server, &Need::Get)),
        };
        match object.state() {
            State::Issued => self.record(&cluster, &object).await.map(|()| Exit::Done),
            State::Pending => {
                let exit = self.decide(&cluster, &object).await?;
                self.monitor.decided(begun.elapsed());
                Ok(exit)
            }
            _ => Ok(Exit::Done),
        }
    }

    async fn decide(&self, cluster: &Cluster, object: &CsrObject) -> Result<Exit> {
        let rules = std::rc::Rc::clone(&self.rules.borrow());
        let nothing = Policy::default();
        let policy = rules.policy().unwrap_or(&nothing);
        let parent = match renewal::parent(object, policy) {
            Ok(parent) => parent,
            Err(why) => return self.leave(object, &why),
        };
        let failed = |error: ApiError| explain(&error, &cluster.server, &revocation::see());
        // Read for every decision: a revocation counts from the moment in which it is written.
        let (maps, record) = (config_maps(), record_name(&parent));
        let (bindings, revoked, record) = tokio::try_join!(
            self.bindings.get(Bindings::try_read(cluster)),
            cluster.revoked(),
            cluster.object(&maps, &record),
        )
        .map_err(failed)?;
        if let Some(why) = bindings.why_revoked_unknown() {
            return Err(Error::new(format!("cannot tell what is revoked: {why}")));
        }
        let revoked = RevocationList::read(&revoked.ok_or_else(revocation::no_list)?);
        let ancestors = match ancestors(cluster, record.as_ref(), &object.spec.username).await? {
            Ok(ancestors) => ancestors,
            Err(why) => return self.leave(object, &why),
        };
        let record = Stored::of(record, |value| CertificateRecord::read(&value));
        let now = self.now(cluster).await.unwrap_or_else(|| self.host.now());
        let mut held = Held::default();
        if let Stored::There(record) = &record {
            held.add(recorded(record), now);
        }
        let sheet = Sheet::compared(object.clone(), true, &bindings, &held, &rules);
        let (others, mut unrecorded) = match record {
            Stored::Absent => self.unrecorded(cluster, object).await?,
            _ => (Ledger::default(), Stored::Absent),
        };
        let mut claim = Stored::Absent;
        let mut claimed_is_over = false;
        for _ in 0..TRIES {
            let decision = renewal::decide(&RenewalCase {
                object,
                findings: &sheet.findings,
                policy,
                revoked: &revoked,
                record: record.as_ref(),
                ancestors: &ancestors,
                others: &others,
                unrecorded: unrecorded.as_ref(),
                claim: claim.as_ref(),
                claimed_is_over,
                now,
            });
            match decision {
                RenewalDecision::Leave(why) => return self.leave(object, &why),
                RenewalDecision::Deny(why) => {
                    return self.deny(cluster, object, REVOKED, &why, Count::Denied).await;
                }
                RenewalDecision::Reuse { parent, revoke } => {
                    let Stored::There(claim) = &claim else { break };
                    return self.reused(cluster, object, claim, &parent, revoke).await;
                }
                RenewalDecision::Approve { claim: wanted, unrecorded: first } => {
                    if let Some(first) = first
                        && !self.claim(cluster, &first.name(), &first.to_value()).await?
                    {
                        unrecorded = self.unrecorded(cluster, object).await?.1;
                        continue;
                    }
                    let name = claim_name(&wanted.parent);
                    if !matches!(claim, Stored::Absent)
                        || self.claim(cluster, &name, &wanted.to_value()).await?
                    {
                        return self.approve(cluster, object, &wanted).await;
                    }
                    let found = self.evidence(cluster, &claim_name(&parent)).await?;
                    claim = Stored::of(found, |value| RenewalClaim::read(&value));
                    claimed_is_over = match &claim {
                        Stored::There(claim) => self.is_over(cluster, claim).await?,
                        _ => false,
                    };
                }
            }
        }
        Err(Error::new("the claim on its certificate's renewal keeps changing"))
    }

    /// The user's records, and which unrecorded certificate of theirs is the one that may be renewed.
    async fn unrecorded(
        &self,
        cluster: &Cluster,
        object: &CsrObject,
    ) -> Result<(Ledger, Stored<UnrecordedClaim>)> {
        let user = &object.spec.username;
        let name = unrecorded_name(user);
        let (ledger, found) =
            tokio::join!(records::of_user(cluster, user), self.evidence(cluster, &name));
        let ledger = ledger.map_err(|e| explain(&e, &cluster.server, &records::see()))?;
        Ok((ledger, Stored::of(found?, |value| UnrecordedClaim::read(&value))))
    }

    /// Creates a claim; false if there is one.
    async fn claim(&self, cluster: &Cluster, name: &str, claim: &Value) -> Result<bool> {
        if self.dry_run() == DryRun::Client {
            return Ok(self.evidence(cluster, name).await?.is_none());
        }
        self.create_evidence(cluster, claim).await
    }

    /// Creates a claim or a descent; false if there is one.
    async fn create_evidence(&self, cluster: &Cluster, value: &Value) -> Result<bool> {
        let dry = self.dry_run() == DryRun::Server;
        match cluster.create_object(&evidence::collection(), value, dry).await {
            Ok(_) => Ok(true),
            Err(error) if error.reason() == "AlreadyExists" => Ok(false),
            Err(error) => Err(explain(&error, &cluster.server, &records::evidence_need())),
        }
    }

    /// A claim or a descent.
    pub(super) async fn evidence(&self, cluster: &Cluster, name: &str) -> Result<Option<Value>> {
        let found = cluster.object(&evidence::collection(), name).await;
        found.map_err(|e| explain(&e, &cluster.server, &records::evidence_need()))
    }

    /// Whether the request that has claimed a renewal will not bring a certificate any more.
    pub(super) async fn is_over(&self, cluster: &Cluster, claim: &RenewalClaim) -> Result<bool> {
        let (name, uid) = &claim.request;
        match cluster.get_csr(name).await {
            Ok(object) => {
                let ended = matches!(object.state(), State::Denied { .. } | State::Failed { .. });
                Ok(object.metadata.uid != *uid || ended)
            }
            Err(error) if error.reason() == "NotFound" => Ok(true),
            Err(error) => Err(explain(&error, &cluster.server, &Need::Get)),
        }
    }

    async fn approve(
        &self,
        cluster: &Cluster,
        object: &CsrObject,
        claim: &RenewalClaim,
    ) -> Result<Exit> {
        let message = format!(
            "Renews the certificate {} under the rule {} of the policy.",
            claim.parent, claim.rule
        );
        if self.dry_run() != DryRun::Client {
            let condition = ApprovalCondition {
                decision: Decision::Approve,
                reason: &format!("{APPROVED}/{}", claim.rule),
                message: &message,
                dry_run: self.dry_run() == DryRun::Server,
            };
            approval::write(self.host, cluster, object, &condition).await?;
        }
        self.monitor.count(Count::Approved);
        self.tell(object, &Told { decision: "Approved", rule: Some(&claim.rule), why: None })?;
        Ok(Exit::Done)
    }

    pub(super) async fn deny(
        &self,
        cluster: &Cluster,
        object: &CsrObject,
        reason: &str,
        why: &str,
        count: Count,
    ) -> Result<Exit> {
        if self.dry_run() != DryRun::Client {
            let condition = ApprovalCondition {
                decision: Decision::Deny,
                reason,
                message: why,
                dry_run: self.dry_run() == DryRun::Server,
            };
            approval::write(self.host, cluster, object, &condition).await?;
        }
        self.monitor.count(count);
        self.tell(object, &Told { decision: "Denied", rule: None, why: Some(why) })?;
        Ok(Exit::Refused)
    }

    /// Leaves a request to people; told once.
    fn leave(&self, object: &CsrObject, why: &str) -> Result<Exit> {
        if self.left.insert((object.metadata.uid.clone(), why.to_owned())) {
            self.monitor.count(Count::Left);
            self.tell(object, &Told { decision: "Left", rule: None, why: Some(why) })?;
        }
        Ok(Exit::Done)
    }

    /// Records the certificate of an issued request, whoever approved it.
    pub(super) async fn record(&self, cluster: &Cluster, object: &CsrObject) -> Result<()> {
        let uid = &object.metadata.uid;
        let Some(mut record) = CertificateRecord::of_issued(object, None) else { return Ok(()) };
        if self.dry_run() != DryRun::None || self.recorded.contains(uid) {
            return Ok(());
        }
        if let Some(parent) =
            renewal::submitted_with(object).filter(|_| object.spec.username == record.user)
        {
            let found = self.evidence(cluster, &claim_name(&parent)).await?;
            let key = object.request().map(|r| RenewalClaim::key_of(&r.key)).ok();
            let claim = found.and_then(|value| RenewalClaim::read(&value).ok());
            if claim.is_some_and(|claim| claim.request.1 == *uid || Some(claim.key) == key) {
                let descent = Descent {
                    certificate: record.fingerprint,
                    parent,
                    user: record.user.clone(),
                    until: record.not_after,
                };
                self.create_evidence(cluster, &descent.to_value()).await?;
                record.renews = Some(parent);
                if record.approval.reason.starts_with(APPROVED) {
                    record.approval.by = Some(self.me(cluster).await?);
                }
            }
        }
        let written = records::write(cluster, &record).await;
        let written = written.map_err(|e| explain(&e, &cluster.server, &records::write_need()))?;
        match written {
            Written::Created => {
                self.monitor.count(Count::Recorded);
                self.host.say(format!(
                    "recorded: certificate {} of {}, {}",
                    record.fingerprint,
                    show_short(&record.user, 60),
                    expiry_in_words(record.not_after, self.host.now())
                ));
            }
            Written::There => {}
            Written::Differs => self.host.warn(format!(
                "warning: configmap/{} does not match the issued certificate",
                record.name()
            )),
        }
        self.recorded.insert(uid.clone());
        Ok(())
    }

    /// A line, or an object, about what became of a request.
    pub(super) fn tell(&self, object: &CsrObject, told: &Told<'_>) -> Result<()> {
        let request = object.request().ok();
        let user = request.map(|r| r.subject.user()).unwrap_or_default();
        let name = format!("{RESOURCE}/{}", object.metadata.name);
        let value: Value = output::object(
            "RenewalDecision",
            json!({
                "name": object.metadata.name, "uid": object.metadata.uid, "user": user,
                "decision": told.decision, "rule": told.rule, "reason": told.why,
                "requester": object.spec.username,
                "credential": object.requester_credential(),
                "dryRun": self.dry_run() != DryRun::None,
            }),
        );
        match self.args.output.format {
            // One object a line: it is a stream.
            Some(Format::Json) => self.host.result(output::visible(&value.to_string())),
            Some(Format::Yaml) => {
                let text = usercert_core::encoding::yaml::to_string(&value);
                self.host.result(format!("---\n{text}"))
            }
            Some(Format::Name) => self.host.result(show(&name)),
            Some(Format::Wide) | None => {
                let rule = told.rule.map(|rule| format!(" under the rule {rule}"));
                let why = told.why.map(|why| format!(": {why}"));
                self.host.result(format!(
                    "{} {}{}, user {}{}{}",
                    show_short(&name, 120),
                    told.decision.to_lowercase(),
                    rule.unwrap_or_default(),
                    show_short(user, 60),
                    self.dry_run().mark(),
                    why.unwrap_or_default(),
                ))
            }
        }
    }
}

/// The records of a certificate of this user, and of those from which it descends by renewals, as far as they
/// are kept; or why they cannot be gone by, safe to show.
async fn ancestors(
    cluster: &Cluster,
    record: Option<&Value>,
    user: &str,
) -> Result<Result<Ledger, String>> {
    let mut ledger = Ledger::default();
    let mut found = record.cloned();
    while let Some(value) = found {
        let Ok(read) = CertificateRecord::read(&value) else {
            return Ok(Err(
                "the record of a certificate from which its own descends is damaged".to_owned()
            ));
        };
        if ledger.records().len() == ANCESTORS {
            return Ok(Err(format!("its certificate has more than {ANCESTORS} ancestors")));
        }
        if let Ok(map) = StoredMap::read(&value) {
            ledger.add(&map);
        }
        found = match read.renews.filter(|_| read.user == user) {
            Some(parent) => cluster.object(&config_maps(), &record_name(&parent)).await,
            None => Ok(None),
        }
        .map_err(|e| explain(&e, &cluster.server, &records::see()))?;
    }
    Ok(Ok(ledger))
}
