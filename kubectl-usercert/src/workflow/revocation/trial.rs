//! Trying what refuses revoked certificates here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use usercert_core::lifecycle::enforcement::Enforcement;
use usercert_core::lifecycle::probe::{Probe, Seen};
use usercert_core::lifecycle::verdict::{Evidence, Listed, Standing, Verdict};
use usercert_core::lifecycle::{
    Fingerprint, Layer, PROBE_USER, Revocation, RevocationKey, RevocationList, changes, gathered,
};

use super::{Installed, Known, altered_in_words, kept, rewrite};
use crate::cluster::{Cluster, Target};
use crate::error::Result;
use crate::keys;
use crate::ui::host::Host;
use crate::workflow::clock;

/// How long a change takes at most to be noticed by the API server.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(150);
/// Entries that are tried at most, the newest ones.
pub const TRIED: usize = 10;

/// Tries what refuses the holders of what these keys block, an item for each; and beside them what should
/// pass, for where that is refused too, nothing is shown.
pub async fn tried(target: &Target, cluster: &Cluster, keys: &[RevocationKey]) -> Vec<Enforcement> {
    let unlisted = match keys::random::<32>() {
        Ok(random) => Fingerprint::of(&random),
        Err(error) => return vec![not_tried(&error.to_string()); keys.len()],
    };
    let blocked: BTreeSet<Option<&str>> = keys.iter().map(blocked_user).collect();
    let seen = join_all(keys.iter().map(|key| try_one(target, cluster, key, None)));
    let controls = join_all(blocked.iter().map(|user| {
        let control = |layer| Probe::control(layer, *user, &unlisted);
        try_probes(target, cluster, control)
    }));
    let (seen, controls) = tokio::join!(seen, controls);
    let controls: BTreeMap<_, _> = blocked.into_iter().zip(controls).collect();
    let beside = |(key, seen): (&RevocationKey, Enforcement)| match controls.get(&blocked_user(key))
    {
        Some(control) => seen.beside(control),
        None => seen,
    };
    keys.iter().zip(seen).map(beside).collect()
}

fn blocked_user(key: &RevocationKey) -> Option<&str> {
    match key {
        RevocationKey::User(name) => Some(name),
        RevocationKey::Certificate(_) | RevocationKey::Exception(_) => None,
    }
}

async fn try_one(
    target: &Target,
    cluster: &Cluster,
    key: &RevocationKey,
    user: Option<&str>,
) -> Enforcement {
    try_probes(target, cluster, |layer| Probe::new(layer, key, user)).await
}

async fn try_probes(
    target: &Target,
    cluster: &Cluster,
    probe: impl Fn(Layer) -> Probe,
) -> Enforcement {
    if target.resolved.user.impersonate.is_some() {
        return not_tried("you act as somebody else (--as)");
    }
    let authorization = probe(Layer::Authorization);
    let admission = async {
        let probe = probe(Layer::Admission);
        match cluster.probe(&probe).await {
            Seen::MayNotImpersonate => cluster.probe(&probe.by_revoker()).await,
            seen => seen,
        }
    };
    let (admission, authorization) = tokio::join!(admission, cluster.probe(&authorization));
    Enforcement { admission, authorization }
}

/// Judges what refuses here: by the objects, and by trying the test entry and these keys. What may
/// change within moments is waited for. Also gives what was seen of each key.
pub async fn judged(
    target: &Target,
    cluster: &Cluster,
    list: Listed,
    keys: &[RevocationKey],
) -> (Verdict, Vec<Enforcement>) {
    judge(target, cluster, list, keys, true).await
}

/// The same; `file`: whether the API server's file is waited for.
async fn judge(
    target: &Target,
    cluster: &Cluster,
    list: Listed,
    keys: &[RevocationKey],
    file: bool,
) -> (Verdict, Vec<Enforcement>) {
    let mut all = keys.to_vec();
    all.extend((list != Listed::Absent && list != Listed::Emptied).then(RevocationKey::test));
    let until = Instant::now() + PATIENCE;
    let objects = Installed::look(cluster, true).await;
    let objects = objects.map(|found| found.enforcing()).map_err(|error| match error.code() {
        403 => "you may not read it".to_owned(),
        _ => error.to_string(),
    });
    loop {
        let mut seen = tried(target, cluster, &all).await;
        let evidence =
            Evidence { list, objects: objects.as_deref().map_err(String::as_str), tried: &seen };
        let verdict = Verdict::of(&evidence);
        let settling = matches!(verdict.admission, Standing::Idle | Standing::Behind { .. })
            || file && matches!(verdict.authorization, Standing::Behind { .. });
        if !settling || Instant::now() >= until {
            seen.truncate(keys.len());
            let seen = seen.into_iter().map(|one| verdict.weigh(one)).collect();
            return (verdict, seen);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What refuses here, judged with the newest entries; and if those are refused, whether one that is new is
/// too, which is put on the list for a moment.
pub async fn status(host: &Host, target: &Target, cluster: &Cluster, known: &Known) -> Verdict {
    let (list, keys) = match known {
        Known::None => (Listed::Absent, Vec::new()),
        Known::Hidden(_) => (Listed::Hidden, Vec::new()),
        Known::List(list) => {
            let newest = list.newest().into_iter().take(TRIED);
            (Listed::of(list), newest.map(|entry| entry.key.clone()).collect())
        }
    };
    let (mut verdict, _) = judged(target, cluster, list, &keys).await;
    if verdict.admission == Standing::Refuses {
        match try_anew(host, target, cluster, list).await {
            Ok(anew) => {
                verdict.admission = anew.admission;
                verdict.list = verdict.list.or(anew.list);
            }
            Err(error) => verdict.stale = Some(error.message),
        }
    }
    verdict
}

/// Tries with an entry that is new whether what is put on the list from now on is refused: a policy that
/// was made anew may go by the list as it was when the one before was deleted.
async fn try_anew(
    host: &Host,
    target: &Target,
    cluster: &Cluster,
    list: Listed,
) -> Result<Verdict> {
    let now = clock::now(host, cluster);
    let text = format!("kubectl usercert: tried at {now}");
    // Several may try in the same second.
    let unique = format!("{text}, process {}", std::process::id());
    let key = RevocationKey::Certificate(Fingerprint::of(unique.as_bytes()));
    // One that is left behind ends by itself.
    let entry = Revocation::new(key.clone(), &text, "nobody", now).of_certificate(PROBE_USER, now);
    let put = std::slice::from_ref(&entry);
    let mut altered = rewrite(cluster, false, |list| changes(list, put, &[])).await?;
    // What is there for a moment is not written into the file.
    let keys = std::slice::from_ref(&key);
    let (mut verdict, _) = judge(target, cluster, list, keys, false).await;
    altered.extend(rewrite(cluster, false, |list| changes(list, &[], keys)).await?);
    verdict.list = verdict.list.or(altered_in_words(&altered));
    Ok(verdict)
}

/// Tries with an entry that is new, after the policy was installed. If it is refused, what older versions
/// wrote is brought into the form that is fast.
///
/// # Errors
/// As changing the list fails.
pub async fn judged_anew(host: &Host, target: &Target, cluster: &Cluster) -> Result<Verdict> {
    let verdict = try_anew(host, target, cluster, Listed::Complete).await?;
    // A policy of an older version, were it still in force, would not look there.
    if verdict.in_force() == Some(true) {
        kept(&rewrite(cluster, false, gathered).await?)?;
    }
    Ok(verdict)
}

/// Whether the API server goes by an authorization configuration that has what is on the list; it is
/// given the time that it takes to read the file again. The test entry alone would tell nothing of a file
/// that was rejected: the server goes on by the one before, which had it too.
pub async fn reads_configuration(
    target: &Target,
    cluster: &Cluster,
    list: &RevocationList,
) -> Seen {
    let newest = list.newest().into_iter().take(TRIED).map(|entry| entry.key.clone());
    let keys: Vec<RevocationKey> = newest.chain([RevocationKey::test()]).collect();
    let until = Instant::now() + PATIENCE;
    loop {
        let seen = tried(target, cluster, &keys).await.into_iter().map(|seen| seen.authorization);
        let seen = seen.reduce(|all, one| if all == Seen::Refuses { one } else { all });
        let seen = seen.unwrap_or(Seen::Passes);
        if seen != Seen::Passes || Instant::now() >= until {
            return seen;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until what was lifted is let in, as far as that can be seen; what was seen last. `user` is that of
/// a certificate, if it is known.
pub async fn lifted(
    target: &Target,
    cluster: &Cluster,
    key: &RevocationKey,
    user: Option<&str>,
) -> Enforcement {
    let until = Instant::now() + PATIENCE;
    loop {
        let seen = try_one(target, cluster, key, user).await;
        let refused = seen.admission == Seen::Refuses || seen.authorization == Seen::Refuses;
        if !refused || Instant::now() >= until {
            return seen;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until a certificate that was excepted is let in, as far as that can be seen.
pub async fn until_let_in(cluster: &Cluster, user: &str, certificate: &Fingerprint) {
    let key = RevocationKey::Exception(*certificate);
    let probe = Probe::new(Layer::Authorization, &key, Some(user));
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && cluster.probe(&probe).await == Seen::Refuses {
        tokio::time::sleep(PAUSE).await;
    }
}

fn not_tried(why: &str) -> Enforcement {
    let seen = || Seen::NotTried(why.to_owned());
    Enforcement { admission: seen(), authorization: seen() }
}

/// What was seen, for `-o json`.
#[must_use]
pub fn seen_value(seen: &Enforcement) -> Value {
    json!({ "admission": seen.admission.as_str(), "authorization": seen.authorization.as_str() })
}
