//! The people in a kubeconfig: which context acts as whom, until when, and what is dead.

use crate::text::sorted::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::kubeconfig::edit::Edit;
use crate::kubeconfig::merged::Merged;
use crate::kubeconfig::{Kind, UserEntry};
use crate::time::UnixTime;

/// What can be said of an entry without asking a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContextState {
    /// Its certificate is within its validity.
    Valid,
    /// Its certificate is not valid yet.
    NotYetValid,
    /// Its certificate has expired.
    Expired,
    /// It has a certificate and no key.
    NoKey,
    /// It authenticates by something else than a certificate.
    OtherCredential,
    /// It names a certificate that cannot be read.
    Unreadable,
    /// It has no credentials.
    NoCredential,
    /// The context names a user entry that does not exist.
    UserMissing,
    /// The context names a cluster entry that does not exist.
    ClusterMissing,
}

impl ContextState {
    /// The word for tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::NotYetValid => "not yet valid",
            Self::Expired => "expired",
            Self::NoKey => "no key",
            Self::OtherCredential => "no certificate",
            Self::Unreadable => "unreadable",
            Self::NoCredential => "no credentials",
            Self::UserMissing => "user missing",
            Self::ClusterMissing => "cluster missing",
        }
    }
}

/// Why a certificate that renews itself has no successor although it is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotRenewed {
    /// Whether the request for it waits for somebody; if not, the last attempt failed.
    pub waits: bool,
    /// What the last attempt met; a foreign text.
    pub why: String,
}

/// A context, or a user entry that no context uses.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextRow {
    /// The context; `None` for a user entry without one.
    pub context: Option<String>,
    /// Whether it is the current one.
    pub current: bool,
    /// The cluster entry.
    pub cluster: String,
    /// The user entry.
    pub user_entry: String,
    /// The user that the certificate names.
    pub user: Option<String>,
    /// The groups that the certificate names.
    pub groups: BTreeSet<String>,
    /// End of the certificate's validity.
    pub not_after: Option<UnixTime>,
    /// What can be said of it.
    pub state: ContextState,
    /// Whether the certificate is revoked; `None` where no server was asked, or none could tell.
    pub revoked: Option<bool>,
    /// Whether the certificate renews itself.
    pub renews_itself: bool,
    /// What its last attempt to renew itself met, unless that succeeded.
    pub not_renewed: Option<NotRenewed>,
    /// The file that defines the context, or the user entry without one.
    pub file: PathBuf,
}

/// All contexts, then the user entries that no context uses. `users` holds every user entry.
pub fn rows(
    merged: &Merged,
    users: &BTreeMap<String, UserEntry>,
    now: UnixTime,
) -> Vec<ContextRow> {
    let mut used = BTreeSet::new();
    let mut rows: Vec<ContextRow> = merged
        .contexts()
        .map(|entry| {
            let body = entry.value();
            let word = |key| body.get(key).and_then(Value::as_str).unwrap_or_default();
            let (cluster, user) = (word("cluster"), word("user"));
            used.insert(user.to_owned());
            let mut row = row(users, user, entry.file, now);
            row.context = Some(entry.name.to_owned());
            row.current = merged.current_context() == Some(entry.name);
            cluster.clone_into(&mut row.cluster);
            if merged.cluster(cluster).is_none() {
                row.state = ContextState::ClusterMissing;
            }
            row
        })
        .collect();
    let unused = merged.users().filter(|u| !used.contains(u.name));
    rows.extend(unused.map(|u| row(users, u.name, u.file, now)));
    rows
}

impl ContextRow {
    /// What can be said of it, in words for tables.
    pub fn state_in_words(&self) -> String {
        let state = self.state.as_str();
        match &self.not_renewed {
            _ if self.revoked == Some(true) => "revoked".to_owned(),
            // It is too late for that.
            _ if !self.renews_itself || self.state == ContextState::Expired => state.to_owned(),
            None => format!("{state}, renews itself"),
            Some(NotRenewed { waits: true, .. }) => format!("{state}, renewal waits for an admin"),
            Some(NotRenewed { waits: false, .. }) => format!("{state}, renewal fails"),
        }
    }
}

fn row(users: &BTreeMap<String, UserEntry>, user: &str, file: &Path, now: UnixTime) -> ContextRow {
    let entry = users.get(user);
    let certificate = entry.and_then(UserEntry::certificate);
    ContextRow {
        context: None,
        current: false,
        cluster: String::new(),
        user_entry: user.to_owned(),
        user: certificate.map(|c| c.subject.user().to_owned()),
        groups: certificate.map(|c| c.subject.groups()).unwrap_or_default(),
        not_after: certificate.map(|c| c.not_after),
        state: match entry {
            Some(entry) => state(entry, now),
            // Naming nobody is not a mistake: `kubectl proxy` asks for no credentials.
            None if user.is_empty() => ContextState::NoCredential,
            None => ContextState::UserMissing,
        },
        revoked: None,
        renews_itself: entry.is_some_and(|entry| entry.store.is_some()),
        not_renewed: None,
        file: file.to_owned(),
    }
}

fn state(entry: &UserEntry, now: UnixTime) -> ContextState {
    match &entry.leaf {
        Err(_) => ContextState::Unreadable,
        Ok(Some(leaf)) if now > leaf.not_after => ContextState::Expired,
        Ok(Some(leaf)) if now < leaf.not_before => ContextState::NotYetValid,
        Ok(Some(_)) if entry.lacks_key => ContextState::NoKey,
        Ok(Some(_)) => ContextState::Valid,
        Ok(None) if entry.other.is_some() => ContextState::OtherCredential,
        Ok(None) => ContextState::NoCredential,
    }
}

/// Whether a row's certificate ends within `seconds` from now, or has ended.
pub fn expires_within(row: &ContextRow, seconds: i64, now: UnixTime) -> bool {
    row.not_after.is_some_and(|end| end.since(now) <= seconds)
}

/// What `--prune` removes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dead {
    /// User entries whose only credential is a certificate that has expired.
    pub users: BTreeSet<String>,
    /// Contexts of those, and contexts that name an entry that does not exist.
    pub contexts: BTreeSet<String>,
    /// Clusters that only those contexts used.
    pub clusters: BTreeSet<String>,
}

impl Dead {
    /// Whether there is nothing to remove.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.contexts.is_empty() && self.clusters.is_empty()
    }
}

/// Finds what is dead for certain.
pub fn dead(
    merged: &Merged,
    users: &BTreeMap<String, UserEntry>,
    rows: &[ContextRow],
    now: UnixTime,
) -> Dead {
    // Another credential beside the certificate still works.
    let over = |entry: &UserEntry| {
        entry.other.is_none() && entry.certificate().is_some_and(|c| now > c.not_after)
    };
    let over = users.iter().filter(|(_, entry)| over(entry));
    let mut dead = Dead { users: over.map(|(name, _)| name.clone()).collect(), ..Dead::default() };
    let mut kept_clusters = BTreeSet::new();
    for row in rows {
        let Some(context) = &row.context else { continue };
        let broken = matches!(row.state, ContextState::UserMissing | ContextState::ClusterMissing);
        if broken || dead.users.contains(&row.user_entry) {
            dead.contexts.insert(context.clone());
            if merged.cluster(&row.cluster).is_some() {
                dead.clusters.insert(row.cluster.clone());
            }
        } else {
            kept_clusters.insert(row.cluster.clone());
        }
    }
    // A user entry whose cluster is missing is not dead by that: another context may come.
    dead.clusters.retain(|c| !kept_clusters.contains(c));
    dead
}

/// The edits that remove what is dead, by file.
pub fn prune(merged: &Merged, dead: &Dead) -> Vec<(PathBuf, Vec<Edit>)> {
    let mut by_file: Vec<(PathBuf, Vec<Edit>)> = Vec::new();
    let mut add = |file: &Path, edit: Edit| match by_file.iter_mut().find(|(f, _)| f == file) {
        Some((_, edits)) => edits.push(edit),
        None => by_file.push((file.to_owned(), vec![edit])),
    };
    for (kind, names) in [
        (Kind::User, &dead.users),
        (Kind::Cluster, &dead.clusters),
        (Kind::Context, &dead.contexts),
    ] {
        for entry in names.iter().filter_map(|name| merged.entry(kind, name)) {
            add(entry.file, Edit::Remove { kind, name: entry.name.to_owned() });
        }
    }
    let current = merged.current_context().filter(|c| dead.contexts.contains(*c));
    if let (Some(_), Some(file)) = (current, merged.current_context_file()) {
        add(file, Edit::ClearCurrentContext);
    }
    by_file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubeconfig::merged::SourceFile;
    use crate::kubeconfig::path::LoadingList;
    use crate::x509::testing::expired;

    fn merged(text: &str) -> Merged {
        let list = LoadingList::new(Some("/f"), None, None, ':');
        let file = SourceFile { path: "/f".into(), text: Some(text.to_owned()) };
        Merged::load(&list, vec![file]).unwrap()
    }

    const TEXT: &str = "current-context: old\n\
        clusters: [{name: a, cluster: {server: 'https://a'}}, {name: b, cluster: {server: 'https://b'}}]\n\
        users: [{name: old, user: {client-certificate-data: eA==}}, {name: new, user: {token: t}}]\n\
        contexts:\n\
        - {name: old, context: {cluster: a, user: old}}\n\
        - {name: new, context: {cluster: b, user: new}}\n\
        - {name: lost, context: {cluster: b, user: nobody}}\n\
        - {name: nowhere, context: {cluster: c, user: new}}\n";

    /// The user entries; what is there as a certificate is one for CN=old, valid on the first of January
    /// 2020 only.
    fn users(merged: &Merged) -> BTreeMap<String, UserEntry> {
        let pem = expired().to_pem();
        let entry = |name: &str| {
            let user = merged.user(name).unwrap();
            let pem = user.client_certificate_data.as_ref().map(|_| pem.as_bytes());
            UserEntry::new(&user, pem)
        };
        merged.users().map(|u| (u.name.to_owned(), entry(u.name))).collect()
    }

    #[test]
    fn dead_is_what_cannot_work_any_more() {
        let merged = merged(TEXT);
        let users = users(&merged);
        let rows = rows(&merged, &users, UnixTime(1_800_000_000));
        let states: Vec<ContextState> = rows.iter().map(|r| r.state).collect();
        assert_eq!(
            states,
            [
                ContextState::Expired,
                ContextState::OtherCredential,
                ContextState::UserMissing,
                ContextState::ClusterMissing
            ]
        );
        assert!(expires_within(&rows[0], 0, UnixTime(1_800_000_000)));
        assert!(!expires_within(&rows[1], i64::MAX, UnixTime(1_800_000_000)));
        let dead = dead(&merged, &users, &rows, UnixTime(1_800_000_000));
        assert_eq!(dead.users, ["old".to_owned()].into());
        assert_eq!(dead.contexts, ["lost", "nowhere", "old"].map(str::to_owned).into());
        assert_eq!(dead.clusters, ["a".to_owned()].into(), "b is in use");
        let edits = prune(&merged, &dead);
        assert_eq!(edits.len(), 1);
        let after = crate::kubeconfig::edit::apply(TEXT, &edits[0].1).unwrap();
        let value = crate::encoding::yaml::parse(&after).unwrap();
        assert_eq!(value["users"].as_array().unwrap().len(), 1);
        assert_eq!(value["contexts"].as_array().unwrap().len(), 1);
        assert_eq!(value["clusters"].as_array().unwrap().len(), 1);
        assert!(value["current-context"].as_str().is_none_or(str::is_empty));
    }

    #[test]
    fn another_credential_beside_an_expired_certificate_keeps_the_user() {
        for other in [
            "token: t",
            "tokenFile: /t",
            "exec: {command: c}",
            "auth-provider: {name: oidc}",
            "username: u",
        ] {
            let merged = merged(&format!(
                "clusters: [{{name: a, cluster: {{server: 'https://a'}}}}]\n\
                 users: [{{name: old, user: {{client-certificate-data: eA==, {other}}}}}]\n\
                 contexts: [{{name: old, context: {{cluster: a, user: old}}}}]\n"
            ));
            let users = users(&merged);
            let rows = rows(&merged, &users, UnixTime(1_800_000_000));
            assert_eq!(rows[0].state, ContextState::Expired);
            assert_eq!(
                dead(&merged, &users, &rows, UnixTime(1_800_000_000)),
                Dead::default(),
                "{other}"
            );
        }
    }

    #[test]
    fn a_context_without_a_user_works() {
        // As for `kubectl proxy`, which needs no credentials; its cluster is in use too.
        let merged = merged(
            "clusters: [{name: p, cluster: {server: 'http://localhost:8001'}}]\n\
             contexts:\n\
             - {name: proxy, context: {cluster: p}}\n\
             - {name: empty, context: {cluster: p, user: ''}}\n\
             - {name: lost, context: {cluster: p, user: nobody}}\n",
        );
        let rows = rows(&merged, &users(&merged), UnixTime(0));
        let states: Vec<ContextState> = rows.iter().map(|r| r.state).collect();
        assert_eq!(
            states,
            [ContextState::NoCredential, ContextState::NoCredential, ContextState::UserMissing]
        );
        let contexts = ["lost".to_owned()].into();
        assert_eq!(
            dead(&merged, &users(&merged), &rows, UnixTime(0)),
            Dead { contexts, ..Dead::default() }
        );
    }

    #[test]
    fn nothing_dead_nothing_to_do() {
        let merged = merged("contexts: []\n");
        let rows = rows(&merged, &users(&merged), UnixTime(0));
        assert!(dead(&merged, &users(&merged), &rows, UnixTime(1_800_000_000)).is_empty());
        assert!(prune(&merged, &Dead::default()).is_empty());
    }
}
