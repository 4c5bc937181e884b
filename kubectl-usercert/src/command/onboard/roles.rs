//! The roles that rows name: looked at once each before the question, bound for each person.

use std::collections::BTreeMap;

use usercert_core::api::rbac::{self, RoleKind};
use usercert_core::roster::{Problem, RoleAt};

use crate::cluster::Cluster;
use crate::workflow::grant_role;

/// Makes sure that the roles and their namespaces exist, and says what each allows. Each comes with the
/// line that names it.
///
/// # Errors
/// What does not exist or cannot be read, with the lines that name it first.
pub async fn look_up<'g>(
    cluster: &Cluster,
    grants: impl Iterator<Item = (usize, &'g RoleAt)>,
) -> Result<Vec<String>, Vec<Problem>> {
    let mut named: BTreeMap<&RoleAt, (usize, usize)> = BTreeMap::new();
    for (line, grant) in grants {
        named.entry(grant).or_insert((line, 0)).1 += 1;
    }
    let mut namespaces = BTreeMap::new();
    let (mut words, mut problems) = (Vec::new(), Vec::new());
    for (grant, (line, people)) in named {
        match grant_role::rules_of(cluster, &grant.role, &grant.scope).await {
            Ok(rules) => {
                let allows = rbac::allowance(&rules, &grant.scope).brief();
                words.push(format!("{grant} (for {people}) allows {allows}"));
            }
            Err(error) => problems.push(Problem { line, what: error.message.replace('\n', " ") }),
        }
        // That of a role is there if the role is.
        if grant.role.kind == RoleKind::ClusterRole {
            let first = namespaces.entry(&grant.scope).or_insert(line);
            *first = line.min(*first);
        }
    }
    for (scope, line) in namespaces {
        if let Err(error) = grant_role::check_namespace(cluster, scope).await {
            problems.push(Problem { line, what: error.message });
        }
    }
    problems.sort_by_key(|p| p.line);
    if problems.is_empty() { Ok(words) } else { Err(problems) }
}
