//! Who could end what refuses them.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use usercert_core::api::rbac::AUTHENTICATED;
use usercert_core::lifecycle::admission;

use crate::cluster::Cluster;

/// Whether a user with these groups may write policies or bindings by which they could end it; `None` if that
/// could not be asked.
pub async fn may_end(cluster: &Cluster, user: &str, groups: &BTreeSet<String>) -> Option<bool> {
    let groups: Vec<&str> = groups.iter().map(String::as_str).chain([AUTHENTICATED]).collect();
    let ways = admission::ways_to_end();
    let answers = join_all(ways.iter().map(|way| cluster.may(user, &groups, way))).await;
    if answers.iter().any(|answer| matches!(answer, Ok(true))) {
        return Some(true);
    }
    answers.iter().all(Result::is_ok).then_some(false)
}
