//! The roles that rows name: looked at once each before the question, bound for each person.

use std::collections::BTreeMap;

use usercert_core::api::rbac;
use usercert_core::roster::{Problem, RoleAt};

use super::OnboardArgs;
use super::rows::{self, Row};
use crate::cluster::Cluster;
use crate::error::Result;
use crate::workflow::grant_role;

/// Makes sure that the roles exist, and says what each allows.
///
/// # Errors
/// Roles that do not exist or cannot be read, with the lines that name them first.
pub async fn look_up(args: &OnboardArgs, cluster: &Cluster, rows: &[&Row]) -> Result<Vec<String>> {
    let mut named: BTreeMap<&RoleAt, (usize, usize)> = BTreeMap::new();
    for row in rows {
        for grant in row.missing_grants() {
            named.entry(grant).or_insert((row.person.line, 0)).1 += 1;
        }
    }
    let (mut words, mut problems) = (Vec::new(), Vec::new());
    for (grant, (line, people)) in named {
        match grant_role::rules_of(cluster, &grant.role, &grant.scope).await {
            Ok(rules) => {
                let allows = rbac::allowance(&rules, &grant.scope).brief();
                words.push(format!("{grant} (for {people}) allows {allows}"));
            }
            Err(error) => problems.push(Problem { line, what: error.message.replace('\n', " ") }),
        }
    }
    problems.sort_by_key(|p| p.line);
    if problems.is_empty() { Ok(words) } else { Err(rows::refuse(&args.file, &problems)) }
}
