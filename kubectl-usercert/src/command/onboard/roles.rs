//! The roles that rows name: looked at once each before the question, bound for each person.

use std::collections::BTreeMap;

use usercert_core::api::rbac::{self, RoleKind, Rule};
use usercert_core::roster::{Person, Problem, RoleAt};
use usercert_core::text::show_list;

use crate::cluster::Cluster;
use crate::error;
use crate::workflow::grant_role;

/// Roles with what they allowed when they were shown.
#[derive(Default)]
pub struct Roles(BTreeMap<RoleAt, Shown>);

struct Shown {
    rules: Vec<Rule>,
    words: String,
}

impl Roles {
    /// What each allows, in words.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(|shown| shown.words.as_str())
    }

    /// Gives a role to somebody, if it still allows what was shown.
    ///
    /// # Errors
    /// It does not, or as the server answers.
    pub async fn bind(&self, cluster: &Cluster, role: &RoleAt, user: &str) -> error::Result<()> {
        let shown = self.0.get(role).map(|shown| shown.rules.as_slice()).unwrap_or_default();
        grant_role::still_allows(cluster, &role.role, &role.scope, shown).await?;
        grant_role::bind(cluster, &role.to(user), false).await.map(drop)
    }
}

/// How many people are named beside a role.
const NAMED: usize = 5;

/// Makes sure that the roles and their namespaces exist, and sees what each allows. Each comes with the
/// person in whose row it stands.
///
/// # Errors
/// What does not exist or cannot be read, with the lines that name it first.
pub async fn look_up<'g>(
    cluster: &Cluster,
    grants: impl Iterator<Item = (&'g Person, &'g RoleAt)>,
) -> Result<Roles, Vec<Problem>> {
    let mut named: BTreeMap<&RoleAt, Vec<&Person>> = BTreeMap::new();
    for (person, grant) in grants {
        named.entry(grant).or_default().push(person);
    }
    let mut namespaces = BTreeMap::new();
    let (mut roles, mut problems) = (Roles::default(), Vec::new());
    for (grant, people) in named {
        let line = people.first().map_or(0, |person| person.line);
        match grant_role::rules_of(cluster, &grant.role, &grant.scope).await {
            Ok(rules) => {
                let allows = rbac::allowance(&rules, &grant.scope).brief();
                let users = people.iter().map(|person| person.identity.user.as_str());
                let whom = show_list(users, NAMED, 40);
                let words = format!("{grant} (for {whom}) allows {allows}");
                roles.0.insert(grant.clone(), Shown { rules, words });
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
    if problems.is_empty() { Ok(roles) } else { Err(problems) }
}
