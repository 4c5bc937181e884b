//! What is done for one person, step by step. Each step can be done again: whatever a run that was killed
//! has done already is found, in the journal or in the cluster, and taken up.

use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use usercert_core::api::csr::{CsrObject, Decision, Object};
use usercert_core::roster::journal::{Step, Written};
use usercert_core::text::{show_path, show_short};
use usercert_core::x509::certificate::{
    Certificate, Check, Expected, Outcome as CheckOutcome, chain_to_pem,
};
use usercert_core::x509::pkcs10::{self, CertificateRequest};
use zeroize::Zeroizing;

use super::OnboardArgs;
use super::ledger::{Ledger, Place};
use super::roles::Roles;
use super::rows::Row;
use crate::cluster::{Cluster, Need, Signed, Target, explain};
use crate::error::{Error, Result, ResultExt as _};
use crate::files::atomic::WriteError;
use crate::files::folder::Access;
use crate::files::reading;
use crate::keys::PrivateKey;
use crate::ui::host::Host;
use crate::workflow::kubeconfig_writer::Entry;
use crate::workflow::records::Recorder;
use crate::workflow::reply::ClusterData;
use crate::workflow::review_bindings::Bindings;
use crate::workflow::review_policy::Rules;
use crate::workflow::review_sheet::Sheet;
use crate::workflow::{approval, await_certificate, revocation};

/// Longest file that may be one of an earlier run.
const FILE_LIMIT: usize = 1 << 20;

pub struct Work<'a> {
    pub host: &'a Host,
    pub args: &'a OnboardArgs,
    pub target: &'a Target,
    pub cluster: &'a Cluster,
    pub judge: &'a Judge<'a>,
    pub roles: &'a Roles,
    pub ca: &'a [Certificate],
    /// For those who have sent a request.
    pub reply: Option<&'a ClusterData>,
    pub signed: &'a Signed,
    pub ledger: &'a Ledger,
    pub recorder: Recorder<'a>,
    pub tried: Cell<bool>,
}

pub struct Judge<'a> {
    pub rules: &'a Rules,
    pub bindings: &'a Bindings,
    pub accepted: &'a [String],
    /// What is revoked once the question is answered; `None` where nobody was asked.
    pub revoked_since: Option<revocation::Known>,
}

impl Judge<'_> {
    /// Reviews a request that somebody else has submitted before, as `approve NAME` would.
    fn reviewed(&self, object: &CsrObject) -> Result<()> {
        let sheet = Sheet::new(object.clone(), true, self.bindings, self.rules);
        let by = show_short(&object.spec.username, 80);
        sheet.refuse(self.accepted).context(format!("submitted before by {by}"))
    }

    /// Goes on only if nothing was revoked of user or requester while the question was open.
    fn still_holds(&self, object: &CsrObject, user: &str) -> Result<()> {
        let now = self.revoked_since.as_ref();
        now.map_or(Ok(()), |now| self.bindings.hold_by(now, object, user))
    }
}

pub struct Issued {
    pub name: String,
    pub uid: String,
    pub written: Written,
    /// Whether the certificate is an earlier run's, and only roles were missing.
    pub before: bool,
    /// What is to be said of its lifetime.
    pub note: Option<String>,
}

struct Own {
    key: PrivateKey,
    place: Place,
}

impl Work<'_> {
    /// Does everything for one person.
    ///
    /// # Errors
    /// What stands in the way; run again, it goes on from there.
    pub async fn one(&self, row: &Row) -> Result<Issued> {
        let issued = match (&row.earlier.submitted, &row.earlier.written) {
            (Some((name, uid)), Some(written)) => {
                let (name, uid, written) = (name.clone(), uid.clone(), written.clone());
                Issued { name, uid, written, before: true, note: None }
            }
            _ => self.issue(row).await?,
        };
        for grant in row.missing_grants() {
            self.roles
                .bind(self.cluster, grant, row.user())
                .await
                .context("the certificate is issued, but not every role is bound")?;
            self.note(row, Step::Granted { grant: grant.to_string() }).await?;
        }
        Ok(issued)
    }

    async fn issue(&self, row: &Row) -> Result<Issued> {
        let (own, request) = self.request_of(row).await?;
        let manifest = row.manifest(&self.args.signer, &request)?;
        self.judge.still_holds(&manifest, row.user())?;
        let approval::Submitted { object, foreign } =
            approval::submit(self.cluster, &manifest).await?;
        if foreign {
            self.judge.reviewed(&object)?;
            self.judge.still_holds(&object, row.user())?;
        }
        let (name, uid) = (object.metadata.name.clone(), object.metadata.uid.clone());
        if row.earlier.submitted.as_ref().is_none_or(|(_, known)| *known != uid) {
            self.note(row, Step::Submitted { name: name.clone(), uid: uid.clone() }).await?;
        }
        let expected = self.signed.expect(&name);
        let approved = self.approve(object).await?;
        let limit = self.args.timeout.timeout.for_waiting();
        let end = self.signed.wait(expected, approved, &uid, limit).await;
        let end = end.map_err(|e| explain(&e, &self.cluster.server, &Need::Get))?;
        let object = await_certificate::conclude(&name, end)?;
        let (chain, note) = self.certificate(row, &request, &object)?;
        if let Some(leaf) = chain.first() {
            self.recorder.note(leaf, &object).await;
        }
        // Before it is handed out, and noted: a run that ends in between does it again.
        if let Some(leaf) = chain.first().filter(|_| row.is_of_revoked_user()) {
            revocation::except(self.host, self.cluster, leaf)
                .await
                .context("the certificate is issued, but not excepted from the user's block")?;
        }
        let written = self.write(row, own.as_ref(), chain).await?;
        self.note(row, Step::Written(written.clone())).await?;
        if let Some(own) = own {
            self.ledger.blank(own.place)?;
        }
        Ok(Issued { name, uid, written, before: false, note })
    }

    async fn note(&self, row: &Row, step: Step) -> Result<Place> {
        self.ledger.note(&row.digest, row.user(), step).await
    }

    /// The person's request; else the one of an earlier run, or a new one, with its key. The key is on
    /// disk before anybody hears of the request.
    async fn request_of(&self, row: &Row) -> Result<(Option<Own>, CertificateRequest)> {
        if let Some(request) = &row.request {
            return Ok((None, request.clone()));
        }
        if let (Some((key, pem)), Some(place)) = (&row.earlier.key, row.earlier.key_line) {
            let key = PrivateKey::read(key.as_bytes()).context("the journal's key is damaged")?;
            let request = CertificateRequest::from_pem(pem.as_bytes())?;
            if request.key != *key.public() {
                return Err(Error::new("the journal's key and request do not belong together"));
            }
            return Ok((Some(Own { key, place }), request));
        }
        let (key_type, identity) = (row.person.key_type, row.person.identity.clone());
        // An RSA key takes a second.
        let made = tokio::task::spawn_blocking(move || {
            let key = PrivateKey::generate(key_type)?;
            let request = key.certificate_request(&identity)?;
            Ok::<_, crate::keys::KeyError>((key, request))
        });
        let (key, request) = made.await??;
        let pem = key.to_pem();
        let step =
            Step::Key { key: pem.as_str().to_owned(), request: pkcs10::to_pem(&request.der) };
        let place = self.note(row, step).await?;
        Ok((Some(Own { key, place }), request))
    }

    async fn approve(&self, object: CsrObject) -> Result<Object> {
        if approval::already(&object, Decision::Approve)? {
            return Ok(object.into_fields());
        }
        let condition = approval::ApprovalCondition {
            decision: Decision::Approve,
            reason: "UsercertOnboard",
            message: "Reviewed and approved with kubectl usercert onboard.",
            dry_run: false,
        };
        let written = approval::write(self.host, self.cluster, &object, &condition).await?;
        Ok(written.into_fields())
    }

    /// The certificate, once it has turned out to be the answer to this request, and what is to be said
    /// of its lifetime.
    fn certificate(
        &self,
        row: &Row,
        request: &CertificateRequest,
        object: &Object,
    ) -> Result<(Vec<Certificate>, Option<String>)> {
        let chain = await_certificate::chain_of(object)?;
        let expected = Expected {
            spki: request.key.spki.clone(),
            user: row.user().to_owned(),
            groups: row.person.identity.group_set(),
            lifetime: row.person.lifetime,
        };
        let now = self.host.now();
        let checks = await_certificate::compare(&chain, &expected, self.ca, now)?;
        await_certificate::passed(&checks)?;
        let note = |check: Check| {
            let noted = check.code == "validity" && check.outcome == CheckOutcome::Note;
            noted.then_some(check.message)
        };
        Ok((chain, checks.into_iter().find_map(note)))
    }

    async fn write(
        &self,
        row: &Row,
        own: Option<&Own>,
        chain: Vec<Certificate>,
    ) -> Result<Written> {
        let leaf = chain.first().ok_or_else(|| Error::new("there is no certificate"))?;
        let mut written = Written {
            file: row.path().display().to_string(),
            sha256: leaf.fingerprint(),
            not_after: leaf.not_after,
            code: None,
            chain: None,
        };
        let held = STANDARD.encode(chain_to_pem(&chain));
        let namespace = self.args.client.namespace.clone();
        let (text, access) = match (own, self.reply) {
            (Some(own), _) => {
                let key_pem = own.key.to_pem();
                self.try_out(row, &chain, &key_pem).await?;
                let entry = Entry {
                    namespace_is_asked: false,
                    context_name: format!("{}@{}", row.user(), self.target.cluster_name()),
                    cluster_name: self.target.cluster_name().to_owned(),
                    endpoint: &self.target.endpoint,
                    chain: &chain,
                    key_pem: &key_pem,
                    namespace,
                    renewed: None,
                    accepted: true,
                    now: self.host.now(),
                    exec: None,
                };
                (Zeroizing::new(entry.standalone_text()?), Access::Private)
            }
            (None, Some(data)) => {
                written.chain = Some(chain_to_pem(&chain));
                let (reply, text) = data.render(chain, namespace)?;
                written.code = Some(reply.code().short());
                (Zeroizing::new(text), Access::Public)
            }
            (None, None) => return Err(Error::usage("--reply-dir is missing")),
        };
        let (folder, file) = (std::sync::Arc::clone(&row.folder), row.file.clone());
        let made =
            tokio::task::spawn_blocking(move || folder.create_new(file, text.as_bytes(), access));
        match made.await? {
            Ok(()) => Ok(written),
            // Of a run that was killed before it could note that. The file appears with all of its content.
            Err(WriteError::Exists { path }) => {
                let there = reading::read_sensitive(&path, FILE_LIMIT)?;
                if there.windows(held.len()).any(|part| part == held.as_bytes()) {
                    return Ok(written);
                }
                Err(Error::new(format!("{} already exists", show_path(&path)))
                    .hint("move it away and run the command again"))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The first certificate is tried on the server: if that does not take it, it takes none.
    async fn try_out(&self, row: &Row, chain: &[Certificate], key_pem: &str) -> Result<()> {
        if self.tried.get() {
            return Ok(());
        }
        let (groups, timeout) = (row.person.identity.group_set(), self.args.client.request_timeout);
        let endpoint = &self.target.endpoint;
        let cluster = Cluster::with_certificate(endpoint, chain, key_pem, timeout)?;
        await_certificate::try_out(&cluster, chain, row.user(), &groups).await?;
        self.tried.set(true);
        Ok(())
    }
}
