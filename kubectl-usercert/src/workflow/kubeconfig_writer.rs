//! Writing a certificate and its key into the kubeconfig, or into a file of their own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use usercert_core::kubeconfig::edit::{self, Edit};
use usercert_core::kubeconfig::install::{
    self, ExistingEntries, InstallError, InstallPlan, NewEntries,
};
use usercert_core::kubeconfig::merged::{Merged, SourceFile};
use usercert_core::kubeconfig::path::LoadingList;
use usercert_core::kubeconfig::{Endpoint, Kind, UserEntry, context_body, self_renewing};
use usercert_core::text::{delete_line, protect_line, shell_word, show, show_path};
use usercert_core::time::UnixTime;
use usercert_core::x509::certificate::{Certificate, chain_to_pem};

use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::files::atomic;
use crate::files::folder::Access;
use crate::files::kubeconfig::UpdateError;
use crate::files::{LockError, ReadError, is_readable_by_others, kubeconfig, named, writers};
use crate::ui::host::Host;

/// How long to wait for another writer of the kubeconfig.
const LOCK_LIMIT: Duration = Duration::from_secs(10);

pub struct Entry<'a> {
    pub context_name: String,
    /// Name for the cluster entry, should one have to be added.
    pub cluster_name: String,
    pub endpoint: &'a Endpoint,
    pub chain: &'a [Certificate],
    pub key_pem: &'a str,
    pub namespace: Option<String>,
    /// Whether the namespace was asked for, rather than that of the cluster's own context.
    pub namespace_is_asked: bool,
    /// The user entry to renew; nothing but its certificate and key is written then.
    pub renewed: Option<String>,
    /// Whether a server has accepted the certificate, or a person has said that none is to be asked.
    pub accepted: bool,
    /// The present time.
    pub now: UnixTime,
    /// By what clients get certificate and key, if the entry does not hold them itself.
    pub exec: Option<Value>,
}

pub struct WrittenEntry {
    pub files: Vec<PathBuf>,
    pub context_name: String,
    /// The cluster entry that it uses.
    pub cluster_name: String,
    /// Whether it was made the current context.
    pub made_current: bool,
    /// Whether it is the current context now.
    pub is_current: bool,
    pub renews_itself: bool,
}

impl WrittenEntry {
    pub fn outcome(&self) -> String {
        let files: Vec<String> = self.files.iter().map(|f| show_path(f)).collect();
        format!("context {} written to {}", show(&self.context_name), files.join(", "))
    }
}

impl Entry<'_> {
    fn leaf(&self) -> Result<&Certificate> {
        self.chain.first().ok_or_else(|| Error::new("there is no certificate to write"))
    }

    fn user_name(&self) -> &str {
        self.renewed.as_deref().unwrap_or(&self.context_name)
    }

    /// The body of the user entry. What one that is renewed or replaced says besides, stays.
    fn user_body(&self, merged: Option<&Merged>) -> Result<Value> {
        let old = merged.and_then(|merged| merged.entry(Kind::User, self.user_name()));
        let old = old.and_then(|entry| entry.value().as_object().cloned());
        if let Some(exec) = &self.exec {
            return self_renewing::body(old.as_ref(), exec.clone()).hint(
                "nothing was written; remove it with `kubectl config`, or keep the entry as it is",
            );
        }
        let pair = json!({
            "client-certificate-data": STANDARD.encode(chain_to_pem(self.chain)),
            "client-key-data": STANDARD.encode(self.key_pem),
        });
        Ok(self_renewing::static_body(old.as_ref(), pair))
    }

    /// The text of a kubeconfig of its own.
    ///
    /// # Errors
    /// None that names and certificates can cause.
    pub fn standalone_text(&self) -> Result<String> {
        one_context(
            &self.context_name,
            &self.cluster_name,
            self.endpoint,
            self.user_body(None)?,
            self.namespace.as_deref(),
        )
    }

    /// Writes a kubeconfig of its own to `file`, which must not exist.
    pub fn write_standalone(&self, file: &Path) -> Result<WrittenEntry> {
        let text = self.standalone_text()?;
        atomic::create_new(file, text.as_bytes(), Access::Private)
            .hint("name another file with --standalone")?;
        Ok(WrittenEntry {
            files: vec![file.to_owned()],
            context_name: self.context_name.clone(),
            cluster_name: self.cluster_name.clone(),
            made_current: true,
            is_current: true,
            renews_itself: self.exec.is_some(),
        })
    }

    /// Finds out whether [`Entry::write`] would go through, without writing.
    pub fn check(&self, list: &LoadingList, replace: bool) -> Result<()> {
        let files = kubeconfig::read_all(list)?;
        self.decide(list, files, replace, false).map(drop)
    }

    pub fn write(
        &self,
        host: &Host,
        list: &LoadingList,
        replace: bool,
        use_context: bool,
    ) -> Result<WrittenEntry> {
        let busy = writers::is_locked(list);
        let (mut cluster_name, mut made_current, mut is_current) = (String::new(), false, false);
        let update = kubeconfig::update_and_keep(list, LOCK_LIMIT, |files| {
            let (plan, texts) = self.decide(list, files, replace, use_context).map_err(Refused)?;
            (made_current, is_current) = (plan.made_current, plan.is_current);
            cluster_name = plan.cluster_name;
            Ok(texts)
        });
        let written = update.map_err(|error| match error {
            UpdateError::Decide(Refused(error)) => error,
            error => unwritten(error).hint("the key is kept, so run the command again"),
        })?;
        if self.exec.is_none() {
            let readable = written.iter().filter(|(file, _)| is_readable_by_others(file));
            readable.for_each(|(file, _)| host.warn(readable_by_others(file)));
        }
        self.look_again(host, list, busy, &written)?;
        let files = written.into_iter().map(|(file, _)| file).collect();
        let context_name = self.context_name.clone();
        let renews_itself = self.exec.is_some();
        Ok(WrittenEntry {
            files,
            context_name,
            cluster_name,
            made_current,
            is_current,
            renews_itself,
        })
    }

    /// kubectl reads before it locks and then removes what it did not see; a loss shows shortly after.
    fn look_again(
        &self,
        host: &Host,
        list: &LoadingList,
        busy: bool,
        written: &[(PathBuf, String)],
    ) -> Result<()> {
        let leaf = self.leaf()?;
        let there = |files: Vec<SourceFile>| {
            Merged::load(list, files)
                .ok()
                .and_then(|m| m.user(self.user_name()))
                .is_some_and(|u| named::user_entry(&u).certificate() == Some(leaf))
        };
        let settled = writers::settle(list, busy, || {
            host.say("waiting for a kubectl config that may have read the kubeconfig before");
        });
        if !settled {
            return Err(Error::new(format!(
                "the entry {} is written, but a kubectl config that may remove it again still runs",
                show(&self.context_name)
            ))
            .hint("the key is still kept: run the same command again once it has ended"));
        }
        // Only what somebody else has written since needs reading.
        if kubeconfig::all_hold(written) {
            return Ok(());
        }
        match kubeconfig::verify_still_there(list, LOCK_LIMIT, there) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::new(format!(
                "another program (kubectl reads before it locks) has removed the entry {} that was just written",
                show(&self.context_name)
            ))
            .hint("the key is still kept: run the same command again once the other program is done")),
            Err(error) => {
                host.warn(format!("warning: the kubeconfig was written but could not be read back: {error}"));
                Ok(())
            }
        }
    }

    fn unplanned(&self, error: InstallError) -> Error {
        let of_error = |error| Error { exit: Exit::Failed, ..Error::from(error) };
        if matches!(error, InstallError::Unproven { .. }) {
            return self.kept_beside(of_error(error));
        }
        if self.renewed.is_some() {
            return of_error(error).hint("nothing was written, and the key is kept: put it under another name with\n  kubectl usercert install --context-name NEW -- NAME");
        }
        taken(error, &self.context_name)
    }

    /// What to do with a new certificate that is not to replace the old one yet.
    fn kept_beside(&self, error: Error) -> Error {
        let error = error.hint(
            "nothing was written and the key is kept: once the server answers, run the same command again",
        );
        match &self.renewed {
            Some(_) => error.hint(
                "to use the new certificate beside the old one:\n  kubectl usercert install --context-name NEW -- NAME",
            ),
            None => error.hint(format!(
                "to use it beside the old one, add --context-name {}; --no-verify replaces the old \
                 one anyway",
                shell_word(&format!("{}-2", self.context_name))
            )),
        }
    }

    /// What is to be written, and the new texts by file.
    fn decide(
        &self,
        list: &LoadingList,
        files: Vec<SourceFile>,
        replace: bool,
        use_context: bool,
    ) -> Result<(InstallPlan, Vec<(PathBuf, String)>)> {
        // As for kubectl config, a file that is named and missing is begun.
        let merged = Merged::load(&LoadingList { explicit: false, ..list.clone() }, files)
            .hint("fix the file first; it was left unchanged")?;
        let default = list
            .default_file(Path::exists)
            .ok_or_else(|| Error::new("there is no kubeconfig file to write: neither --kubeconfig, $KUBECONFIG nor a home directory"))?;
        let wanted = NewEntries {
            context_name: &self.context_name,
            cluster_name: &self.cluster_name,
            cluster_body: self.endpoint.body(),
            renewed: self.renewed.as_deref(),
            user_body: self.user_body(Some(&merged))?,
            namespace: self.namespace.as_deref(),
            namespace_is_asked: self.namespace_is_asked,
            leaf: self.leaf()?,
            replace,
            accepted: self.accepted,
            now: self.now,
            use_context,
        };
        let existing = existing(&merged, self.endpoint, self.user_name());
        let plan = install::plan(&merged, default, &wanted, &existing)
            .map_err(|error| self.unplanned(error))?;
        let texts = edited(merged, &plan.edits)
            .hint("write a separate file with --standalone FILE, or fix the file first")?;
        Ok((plan, texts))
    }
}

/// What to say of a kubeconfig that others can read. Its mode is its owner's choice.
pub fn readable_by_others(file: &Path) -> String {
    format!(
        "warning: {} holds credentials and other users can read it: {}",
        show_path(file),
        protect_line(&file.display().to_string())
    )
}

pub fn one_context(
    context_name: &str,
    cluster_name: &str,
    endpoint: &Endpoint,
    user_body: Value,
    namespace: Option<&str>,
) -> Result<String> {
    let context = context_body(cluster_name, context_name, namespace);
    Ok(edit::new_file(&[
        Edit::Set { kind: Kind::User, name: context_name.to_owned(), body: user_body },
        Edit::Set { kind: Kind::Cluster, name: cluster_name.to_owned(), body: endpoint.body() },
        Edit::Set { kind: Kind::Context, name: context_name.to_owned(), body: context },
        Edit::SetCurrentContext(context_name.to_owned()),
    ])?)
}

/// Why the names are taken, and by what others it would go through.
pub(super) fn taken(error: InstallError, context_name: &str) -> Error {
    let replaceable = matches!(error, InstallError::Taken { replaceable: true, .. });
    let error = Error { exit: Exit::Failed, ..Error::from(error) };
    let error = match replaceable {
        true => error.hint("to put the new certificate in its place, add --replace"),
        false => error,
    };
    let other = shell_word(&format!("{context_name}-2"));
    error.hint(format!("choose another name with --context-name, as --context-name {other}"))
}

pub fn edited(merged: Merged, edits: &[(PathBuf, Vec<Edit>)]) -> Result<Vec<(PathBuf, String)>> {
    merged.edited(edits).map_err(|(file, error)| {
        let mut error = Error::from(error);
        let file = show_path(&file);
        error.message = format!("{file} is left as it is: {}", error.message);
        error
    })
}

/// A decision that came out negative while the lock was held.
#[derive(Debug)]
pub struct Refused(pub Error);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}

pub fn unwritten(error: UpdateError<Refused>) -> Error {
    let unlock = |path: &Path, who: &str| {
        let delete = delete_line(&path.display().to_string());
        format!("if {who}, remove what it has left over: {delete}")
    };
    let hint = match &error {
        UpdateError::Lock(LockError::Foreign { path, .. }) => {
            unlock(path, "no other program is writing the kubeconfig")
        }
        UpdateError::Lock(LockError::Held { path, .. }) => unlock(path, "that process is gone"),
        UpdateError::Read(ReadError::NotUtf8 { .. }) => "save it as UTF-8 first".to_owned(),
        UpdateError::Write { written, .. } if !written.is_empty() => {
            let files = written.iter().map(|file| show_path(file));
            format!("{} was written before that", files.collect::<Vec<_>>().join(", "))
        }
        _ => String::new(),
    };
    let error = match error {
        UpdateError::Decide(Refused(error)) => return error,
        UpdateError::Write { source, .. } if source.may_be_in_use() => Error::from(source)
            .hint("perhaps another program has it open: close that program and run this again"),
        UpdateError::Write { source, .. } => Error::from(source),
        other => Error::from(other),
    };
    if hint.is_empty() { error } else { error.hint(hint) }
}

/// A context that uses this user entry for another cluster.
pub fn used_elsewhere(merged: &Merged, endpoint: &Endpoint, user: &str) -> Option<String> {
    install::used_elsewhere(merged, user, &existing(merged, endpoint, user))
}

/// What the files behind existing entries say.
pub(super) fn existing(merged: &Merged, endpoint: &Endpoint, user: &str) -> ExistingEntries {
    let mut existing = ExistingEntries::default();
    for entry in merged.clusters() {
        let Some(cluster) = merged.cluster(entry.name) else { continue };
        let other = Endpoint::new(&cluster, named::authority(&cluster).ok().flatten());
        if endpoint.interchangeable(&other) {
            existing.same_clusters.insert(entry.name.to_owned());
        }
    }
    let entry = merged.user(user).map(|entry| named::user_entry(&entry));
    if let Some(leaf) = entry.as_ref().and_then(UserEntry::certificate) {
        existing.certificates.insert(user.to_owned(), leaf.clone());
    }
    existing
}
