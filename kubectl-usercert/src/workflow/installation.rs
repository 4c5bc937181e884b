//! From an issued certificate and its key to the written kubeconfig.

use std::time::Duration;

use serde_json::{Value, json};
use usercert_core::api::csr::{CLIENT_SIGNER, CsrObject, Progress};
use usercert_core::api::rbac;
use usercert_core::kubeconfig::path::LoadingList;
use usercert_core::lifecycle::credential::renewal_in_words;
use usercert_core::text::{shell_word, show, show_short};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::{Certificate, Check, Expected, Outcome};
use usercert_core::x509::lifetime::{self, Lifetime};

use crate::cluster::{Cluster, Target, WaitEnd};
use crate::error::{Error, Result, ResultExt as _};
use crate::keys::PrivateKey;
use crate::ui::args::{Format, Timeout};
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::await_certificate;
use crate::workflow::kubeconfig_writer::{Entry, WrittenEntry};
use crate::workflow::pending_request::{self, PendingRequest};
use crate::workflow::placement::{self, AutoRenew, ClusterEntry, Placement};
use crate::workflow::renewal_rights;
use crate::workflow::stored_credential;
use crate::workflow::submission::SubmittedRequest;
use crate::workflow::submitted_object;

/// A key, and what the certificate for it must be.
pub struct AwaitedCertificate {
    pub key: PrivateKey,
    pub expected: Expected,
    /// Who signs, as far as it is known.
    pub signer_name: Option<String>,
    /// The pending request that is over once the kubeconfig is written.
    pub kept: Option<KeptRequest>,
    /// The context that holds an earlier certificate for this key; `--replace` is about it.
    pub replaces: Option<String>,
}

pub struct KeptRequest {
    pub id: String,
    /// Whether it is kept although the certificate was not to be tried.
    pub until_recognized: bool,
}

impl AwaitedCertificate {
    pub fn of_pending(pending: &PendingRequest) -> Result<Self> {
        let key = pending.key()?;
        let record = &pending.record;
        let seconds = record.expiration_seconds.map(i64::from);
        let expected = Expected {
            spki: key.public().spki.clone(),
            user: record.identity.user.as_str().to_owned(),
            groups: record.identity.group_set(),
            lifetime: seconds.and_then(Lifetime::from_seconds),
        };
        let (id, until_recognized) = (pending.id.clone(), record.submitted.is_some());
        let signer_name = Some(record.signer_name.clone());
        let kept = Some(KeptRequest { id, until_recognized });
        Ok(Self { key, expected, signer_name, kept, replaces: None })
    }
}

/// A certificate that was checked, with everything else that goes into the kubeconfig.
pub struct CheckedCertificate {
    pub cluster: ClusterEntry,
    pub chain: Vec<Certificate>,
    pub checks: Vec<Check>,
    /// Whether a server has accepted it, or a person has said that none is to be asked.
    accepted: bool,
    /// The connection on which it was accepted.
    tried: Option<Cluster>,
    awaited: AwaitedCertificate,
}

/// Waits for the certificate of an object. A request that was denied or has failed is forgotten with its key.
/// `resume`: the command that goes on with it, if that is not the one that runs.
pub async fn collect(
    host: &Host,
    cluster: &Cluster,
    object: CsrObject,
    awaited: &AwaitedCertificate,
    limit: Duration,
    resume: Option<&str>,
) -> Result<Vec<Certificate>> {
    let (name, uid) = (object.metadata.name.clone(), object.metadata.uid.clone());
    let seen = object.into_fields();
    let end = await_certificate::until_end(host, cluster, seen, &uid, limit, resume).await?;
    if let (WaitEnd::Progress(Progress::Ended(_), _), Some(kept)) = (&end, &awaited.kept) {
        pending_request::store()?.remove(&kept.id)?;
    }
    await_certificate::chain_of(&await_certificate::conclude_with(&name, end, resume)?)
}

/// Checks a certificate and, with a time limit for that, tries it on the server.
pub async fn check(
    host: &Host,
    cluster: ClusterEntry,
    chain: Vec<Certificate>,
    awaited: AwaitedCertificate,
    trial: Option<Timeout>,
) -> Result<CheckedCertificate> {
    let (endpoint, expected) = (&cluster.endpoint, &awaited.expected);
    let mut checks = await_certificate::check(host, &chain, expected, &endpoint.ca())?;
    let (accepted, tried) = match trial {
        None => {
            host.say("not tried on the server");
            (true, None)
        }
        Some(timeout) => {
            let key_pem = awaited.key.to_pem();
            let tried = Cluster::with_certificate(endpoint, &chain, &key_pem, timeout)?;
            let (user, groups) = (&expected.user, &expected.groups);
            let check = await_certificate::try_out(&tried, &chain, user, groups).await?;
            await_certificate::tell(host, std::slice::from_ref(&check));
            let accepted = check.outcome == Outcome::Pass;
            checks.push(check);
            (accepted, Some(tried).filter(|_| accepted))
        }
    };
    Ok(CheckedCertificate { cluster, chain, checks, accepted, tried, awaited })
}

/// Waits for the certificate of a request that was just submitted, and installs it.
pub async fn after_submission(
    host: &Host,
    target: &Target,
    cluster: &Cluster,
    submitted: SubmittedRequest,
    placement: &Placement,
    limit: Duration,
    format: Option<Format>,
) -> Result<()> {
    // The result is the installation's.
    host.say(submitted.outcome());
    // Without it nobody can approve.
    host.warn(submitted.for_admin());
    let SubmittedRequest { object, made, kept, .. } = submitted;
    let lifetime = object.spec.expiration_seconds.and_then(Lifetime::from_seconds);
    let awaited = AwaitedCertificate {
        expected: Expected::of(&made.csr, lifetime),
        key: made.key,
        signer_name: Some(object.spec.signer_name.clone()),
        kept: kept.map(|id| KeptRequest { id, until_recognized: true }),
        replaces: None,
    };
    let (name, uid) = (&object.metadata.name, &object.metadata.uid);
    let read = submitted_object::look(cluster, name, uid, &made.csr.key).await?;
    let read = read.map_err(|progress| await_certificate::ended(name, progress))?;
    let chain = collect(host, cluster, read, &awaited, limit, None).await?;
    let trial = Some(target.request_timeout);
    let checked = check(host, ClusterEntry::of(target), chain, awaited, trial).await?;
    checked.install(host, &target.kubeconfig.list, placement, format).await
}

/// Refuses a flag that would be written into the kubeconfig for good.
pub fn refuse_insecure(insecure_skip_tls_verify: Option<bool>) -> Result<()> {
    if insecure_skip_tls_verify != Some(true) {
        return Ok(());
    }
    Err(Error::usage("--insecure-skip-tls-verify would stay in the kubeconfig")
        .hint("nothing was written; give the server's CA with --certificate-authority FILE"))
}

impl CheckedCertificate {
    fn context_name(&self, placement: &Placement) -> Result<String> {
        let name = placement
            .context_name
            .clone()
            .or_else(|| self.awaited.replaces.clone().filter(|_| placement.replace))
            .unwrap_or_else(|| format!("{}@{}", self.awaited.expected.user, self.cluster.name));
        if name.is_empty() {
            return Err(Error::usage("the context's name is empty"));
        }
        Ok(name)
    }

    fn entry<'a>(
        &'a self,
        placement: &Placement,
        key_pem: &'a str,
        now: UnixTime,
    ) -> Result<Entry<'a>> {
        Ok(Entry {
            context_name: self.context_name(placement)?,
            cluster_name: self.cluster.name.clone(),
            endpoint: &self.cluster.endpoint,
            chain: &self.chain,
            key_pem,
            namespace: placement.namespace.clone().or_else(|| self.cluster.namespace.clone()),
            namespace_is_asked: placement.namespace.is_some(),
            renewed: placement.renewed.clone(),
            accepted: self.accepted,
            now,
            exec: None,
        })
    }

    /// Writes it, deletes the pending request, and says so.
    pub async fn install(
        &self,
        host: &Host,
        list: &LoadingList,
        placement: &Placement,
        format: Option<Format>,
    ) -> Result<()> {
        let written = self.write(host, list, placement)?;
        self.remove_pending()?;
        self.report(host, &written, list, placement, format)?;
        if let (Some(AutoRenew::New { .. }), Some(cluster)) = (&placement.auto_renew, &self.tried) {
            renewal_rights::tell(host, cluster, self.leaf()?).await;
        }
        if placement.use_context {
            self.tell_what_is_allowed(host, placement).await;
        }
        Ok(())
    }

    /// Whoever goes on with a context that may do nothing is told what an admin runs: one request on the
    /// connection that is open. That it cannot be found out is no failure.
    async fn tell_what_is_allowed(&self, host: &Host, placement: &Placement) {
        let Some(cluster) = &self.tried else { return };
        let namespace = placement.namespace.as_ref().or(self.cluster.namespace.as_ref());
        let namespace = namespace.map_or("default", String::as_str);
        let Ok(review) = cluster.my_rules(namespace).await else { return };
        if rbac::allows_something(&review) == Some(false) {
            let user = &self.awaited.expected.user;
            host.say(format!(
                "note: {} may not do anything in namespace {} yet (others were not looked at); an admin can grant a role:\n  \
                 kubectl usercert grant --clusterrole view -n {} -- {}",
                show_short(user, 80),
                show(namespace),
                shell_word(namespace),
                shell_word(user),
            ));
        }
    }

    pub fn write(
        &self,
        host: &Host,
        list: &LoadingList,
        placement: &Placement,
    ) -> Result<WrittenEntry> {
        let key_pem = self.awaited.key.to_pem();
        let mut entry = self.entry(placement, &key_pem, host.now())?;
        if let Some(auto) = &placement.auto_renew {
            self.store(host, list, placement, auto, &mut entry)?;
        }
        match &placement.standalone {
            Some(file) => entry.write_standalone(file),
            None => entry.write(host, list, placement.replace, placement.use_context),
        }
    }

    /// Puts the certificate into its store, once nothing is in the way of an entry that leads there.
    fn store(
        &self,
        host: &Host,
        list: &LoadingList,
        placement: &Placement,
        auto: &AutoRenew,
        entry: &mut Entry<'_>,
    ) -> Result<()> {
        let endpoint = &self.cluster.endpoint;
        let reference = match auto {
            AutoRenew::New { .. } => stored_credential::reference(endpoint, self.leaf()?),
            AutoRenew::In(reference) => reference.clone(),
        };
        let exec = stored_credential::exec(&reference)?;
        if let AutoRenew::New { kuberc } = auto {
            stored_credential::tell_kuberc(host, &exec, kuberc.as_deref());
        }
        let signer = self.awaited.signer_name.as_deref().unwrap_or(CLIENT_SIGNER);
        let (context, chain) = (&entry.context_name, &self.chain);
        let credential =
            stored_credential::credential(context, endpoint, signer, chain, entry.key_pem)?;
        entry.exec = Some(exec);
        match &placement.standalone {
            Some(file) => placement::must_be_new(file)?,
            None => entry.check(list, placement.replace)?,
        }
        stored_credential::store(&reference, &credential, self.accepted, host.now())
    }

    pub fn dry_run(
        &self,
        host: &Host,
        list: &LoadingList,
        placement: &Placement,
        format: Option<Format>,
    ) -> Result<()> {
        let key_pem = self.awaited.key.to_pem();
        let entry = self.entry(placement, &key_pem, host.now())?;
        if placement.standalone.is_none() {
            entry.check(list, placement.replace)?;
        }
        let context = &entry.context_name;
        let value = output::object(
            "Installation",
            json!({ "context": context, "server": self.cluster.endpoint.server,
                    "checks": self.checks, "dryRun": true }),
        );
        output::print(host, format, &value, &[format!("context/{context}")], |_| {
            format!("context {} would be written (dry run)", show(context))
        })
    }

    /// The key of a certificate that no server has recognized yet may still be needed for another answer.
    pub fn remove_pending(&self) -> Result<()> {
        let Some(kept) = &self.awaited.kept else { return Ok(()) };
        let over = match self.checks.iter().find(|c| c.code == "server") {
            Some(tried) => tried.outcome == Outcome::Pass,
            None => !kept.until_recognized,
        };
        if !over {
            return Ok(());
        }
        pending_request::store()?
            .remove(&kept.id)
            .hint("the kubeconfig is written; only the pending copy of the key was not deleted")
    }

    /// What was written, as a versioned object.
    ///
    /// # Errors
    /// None in practice: there is a certificate.
    pub fn value(&self, written: &WrittenEntry) -> Result<Value> {
        let leaf = self.leaf()?;
        let files: Vec<String> = written.files.iter().map(|f| f.display().to_string()).collect();
        Ok(output::object(
            "Installation",
            json!({
                "context": written.context_name, "cluster": written.cluster_name,
                "server": self.cluster.endpoint.server, "files": files,
                "user": leaf.subject.user(), "groups": leaf.subject.groups(),
                "notAfter": leaf.not_after, "sha256": leaf.fingerprint(), "checks": self.checks,
                "renewsItself": written.renews_itself,
            }),
        ))
    }

    fn leaf(&self) -> Result<&Certificate> {
        self.chain.first().ok_or_else(|| Error::new("no certificate"))
    }

    fn report(
        &self,
        host: &Host,
        written: &WrittenEntry,
        list: &LoadingList,
        placement: &Placement,
        format: Option<Format>,
    ) -> Result<()> {
        let (leaf, now) = (self.leaf()?, host.now());
        let mut expiry = lifetime::expiry_in_words(leaf.not_after, now);
        if written.renews_itself {
            expiry = format!("{expiry}, {}", renewal_in_words(leaf, None, now));
        }
        let name = format!("context/{}", written.context_name);
        output::print(host, format, &self.value(written)?, &[name], |_| {
            format!("{}; {expiry}", written.outcome())
        })?;
        if placement.standalone.is_some() {
            try_standalone(host, placement);
            return Ok(());
        }
        match (written.made_current, placement.use_context) {
            (true, true) => host.say("It is the current context now."),
            (true, false) => host.say("It is the current context, since there was no other."),
            (false, _) => {}
        }
        let mut kubectl = "kubectl".to_owned();
        // What was named by a flag is known to nobody else.
        if let [file] = list.files.as_slice()
            && list.explicit
        {
            kubectl.push_str(&format!(" --kubeconfig {}", shell_word(&file.display().to_string())));
        }
        if !written.is_current {
            kubectl.push_str(&format!(" --context {}", shell_word(&written.context_name)));
        }
        host.say(format!("Try it: {kubectl} auth whoami"));
        Ok(())
    }
}

pub fn try_standalone(host: &Host, placement: &Placement) {
    if let Some(file) = &placement.standalone {
        let file = shell_word(&file.display().to_string());
        host.say(format!("Try it: kubectl --kubeconfig {file} auth whoami"));
    }
}
