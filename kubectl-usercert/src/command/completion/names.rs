//! Names from the kubeconfig, the state folder and the cluster, as far as they can be had at once.

use std::collections::BTreeSet;
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use clap_complete::engine::CompletionCandidate;
use usercert_core::api::rbac::BoundSubject;
use usercert_core::lifecycle::RevocationList;
use usercert_core::lifecycle::record::CertificateRecord;
use usercert_core::text::shell_word;

use crate::cluster::runtime;
use crate::cluster::{ApiError, Cluster, Freshness, Kubeconfig, Target};
use crate::error::{Error, Result};
use crate::files::environment;
use crate::ui::args::{ClientArgs, parse_timeout};
use crate::workflow::pending_request;
use crate::workflow::{records, revocation};

/// Whoever presses TAB waits this long at most, unless [`LIMIT_VARIABLE`] says otherwise.
const LIMIT: Duration = Duration::from_millis(200);

/// Another limit, as `2s`, for clusters that are far away.
const LIMIT_VARIABLE: &str = "USERCERT_COMPLETION_TIMEOUT";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Contexts,
    Clusters,
    Users,
    /// Users whose key waits in the state folder.
    Waiting,
    Pending,
    Requests,
    /// Users or groups that have role bindings.
    Subjects {
        groups: bool,
    },
    /// Users whose certificates are recorded.
    Recorded,
    /// What is on the list of revoked certificates.
    Revoked,
    Namespaces,
    Roles,
    ClusterRoles,
    ServiceAccounts,
    /// Signers of the requests that there are.
    Signers {
        usual: &'static str,
    },
}

/// What was found in time; nothing where something is in the way.
pub(super) fn find(source: Source, client: &ClientArgs) -> Vec<CompletionCandidate> {
    let (found, candidates) = mpsc::channel();
    let client = client.clone();
    // On a thread of its own, which ends with the process: neither a slow name server nor a login
    // program that the kubeconfig names can be interrupted otherwise.
    std::thread::spawn(move || look(source, &client, &found));
    let limit = environment::variable(LIMIT_VARIABLE)
        .and_then(|text| parse_timeout(&text).ok()?.for_requests())
        .unwrap_or(LIMIT);
    let end = Instant::now() + limit;
    let mut all = BTreeSet::new();
    while let Ok(candidate) = candidates.recv_timeout(end.saturating_duration_since(Instant::now()))
    {
        all.insert(candidate);
    }
    all.iter()
        .filter(|(word, _)| is_plain(word))
        .map(|(word, about)| CompletionCandidate::new(word).help(Some(defused(about).into())))
        .collect()
}

/// Whether a shell takes the word as it is, and the plugin takes it for a value. Foreign names that mean
/// something to either are not offered: they would be inserted unquoted.
fn is_plain(word: &str) -> bool {
    shell_word(word) == word && !word.starts_with(['-', ':', '=', '@', '+', '%'])
}

/// Some shells' scripts evaluate descriptions too.
fn defused(about: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " ,.:@/_=+-".contains(c);
    about.chars().map(|c| if plain(c) { c } else { '?' }).take(80).collect()
}

fn look(source: Source, client: &ClientArgs, found: &Sender<(String, String)>) {
    let found = |word: &str, about: String| {
        // Nobody listens any more when the time is up.
        let _ = found.send((word.to_owned(), about));
    };
    // Silent by contract: a shell cannot show why.
    let _ = match source {
        Source::Contexts | Source::Clusters | Source::Users => entries(source, client, &found),
        Source::Waiting => waiting(&found),
        _ => runtime::new()
            .map_err(Into::into)
            .and_then(|runtime| runtime.block_on(in_cluster(source, client, &found))),
    };
}

fn entries(source: Source, client: &ClientArgs, found: &dyn Fn(&str, String)) -> Result<()> {
    let merged = Kubeconfig::read(client.kubeconfig.as_deref())?.merged;
    match source {
        Source::Clusters => {
            for entry in merged.clusters() {
                let server = merged.cluster(entry.name).map(|c| c.server);
                found(entry.name, server.unwrap_or_default());
            }
        }
        Source::Users => merged.users().for_each(|entry| found(entry.name, String::new())),
        _ => {
            for entry in merged.contexts() {
                let context = merged.context(entry.name).unwrap_or_default();
                found(entry.name, format!("{} on {}", context.user, context.cluster));
            }
        }
    }
    Ok(())
}

fn waiting(found: &dyn Fn(&str, String)) -> Result<()> {
    if !pending_request::is_there() {
        return Ok(());
    }
    for pending in pending_request::all(&pending_request::store()?)? {
        let server = pending.record.submitted.map_or("offline".to_owned(), |s| s.server);
        found(pending.record.identity.user.as_str(), server);
    }
    Ok(())
}

async fn in_cluster(
    source: Source,
    client: &ClientArgs,
    found: &dyn Fn(&str, String),
) -> Result<()> {
    let target = Target::resolve(client)?;
    let namespace = target.namespace().unwrap_or("default").to_owned();
    let cluster = target.connect()?;
    const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
    let names = match source {
        Source::Namespaces => cluster.names("/api/v1", None, "namespaces").await,
        Source::Roles => cluster.names(RBAC, Some(&namespace), "roles").await,
        Source::ClusterRoles => cluster.names(RBAC, None, "clusterroles").await,
        Source::ServiceAccounts => {
            cluster.names("/api/v1", Some(&namespace), "serviceaccounts").await
        }
        Source::Subjects { groups } => subjects(&cluster, groups).await,
        Source::Recorded => {
            let user = |r: &CertificateRecord| r.user.clone();
            records::read(&cluster, None).await.map(|all| all.records().iter().map(user).collect())
        }
        Source::Revoked => {
            revoked(&cluster, found).await?;
            Ok(Vec::new())
        }
        _ => requests(&cluster, source, found).await.map(|()| Vec::new()),
    };
    let names = names.map_err(|error| Error::new(error.to_string()))?;
    names.iter().for_each(|name| found(name, String::new()));
    Ok(())
}

async fn revoked(cluster: &Cluster, found: &dyn Fn(&str, String)) -> Result<()> {
    let list = revocation::read(cluster).await?;
    for entry in list.iter().flat_map(RevocationList::entries) {
        let user = entry.user.as_deref().unwrap_or_default();
        found(&revocation::id(&entry.key), format!("{user} {}", entry.line).trim().to_owned());
    }
    Ok(())
}

async fn subjects(cluster: &Cluster, groups: bool) -> Result<Vec<String>, ApiError> {
    let subjects = cluster.bindings(Freshness::Cached).await?.into_iter().flat_map(|b| b.subjects);
    let name = |subject| match subject {
        BoundSubject::Group(name) if groups => Some(name),
        BoundSubject::User(name) if !groups => Some(name),
        _ => None,
    };
    Ok(subjects.filter_map(name).collect())
}

async fn requests(
    cluster: &Cluster,
    source: Source,
    found: &dyn Fn(&str, String),
) -> Result<(), ApiError> {
    if let Source::Signers { usual } = source {
        found(usual, String::new());
    }
    for row in cluster.csr_table().await? {
        let about = || format!("by {}", row.requester);
        match source {
            Source::Signers { .. } => found(&row.signer, String::new()),
            Source::Pending if row.condition != "Pending" => {}
            Source::Requests => found(&row.name, row.condition),
            _ => found(&row.name, about()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_to_a_shell_are_not_offered() {
        for word in
            ["=ls", "@file", "-n", "--yes", ":4", "a b", "$(ls)", "a\u{1b}[2J", "a\tb", "", "*"]
        {
            assert!(!is_plain(word), "{word:?}");
        }
        for word in ["alice", "jane@example.com", "system:masters", "kubernetes.io/x", "a=b"] {
            assert!(is_plain(word), "{word}");
        }
        assert_eq!(defused("by $(ls)\u{1b}"), "by ??ls??");
    }
}
