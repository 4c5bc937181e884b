//! Flags that name roles and the place where they count.

use clap::Args;
use usercert_core::api::rbac::{Grant, RoleKind, RoleRef, Scope, Subject};
use usercert_core::text::shell_word;

use crate::error::{Error, Result, ResultExt as _};

/// Roles to give, and where.
#[derive(Args, Clone, Debug, Default)]
pub struct RoleArgs {
    /// Role of the namespace given with -n; repeat for several
    #[arg(long, value_name = "NAME")]
    pub role: Vec<String>,
    /// ClusterRole, in the namespace given with -n or with --cluster-wide; repeat for several
    #[arg(long, value_name = "NAME")]
    pub clusterrole: Vec<String>,
    /// In the whole cluster, not in one namespace
    #[arg(long)]
    pub cluster_wide: bool,
}

impl RoleArgs {
    pub fn named(&self) -> Vec<RoleRef> {
        let named = |kind, names: &[String]| {
            let names = names.iter().map(move |name| RoleRef { kind, name: name.clone() });
            names.collect::<Vec<_>>()
        };
        let mut all = named(RoleKind::Role, &self.role);
        all.extend(named(RoleKind::ClusterRole, &self.clusterrole));
        all.dedup();
        all
    }

    pub fn any(&self) -> bool {
        self.cluster_wide || !self.role.is_empty() || !self.clusterrole.is_empty()
    }

    /// The place that the flags name, if any.
    pub fn scope(&self, namespace: Option<&str>) -> Result<Option<Scope>> {
        match (self.cluster_wide, namespace) {
            (true, Some(name)) => Err(Error::usage(format!(
                "-n {} and --cluster-wide cannot be combined",
                shell_word(name)
            ))),
            (true, None) => Ok(Some(Scope::Cluster)),
            (false, name) => Ok(name.map(|n| Scope::Namespace(n.to_owned()))),
        }
    }

    /// What is to be given to the holder; nothing if no role is named.
    pub fn grants(&self, holder: &Subject, namespace: Option<&str>) -> Result<Vec<Grant>> {
        let roles = self.named();
        if roles.is_empty() {
            return match self.cluster_wide {
                true => {
                    Err(Error::usage("--cluster-wide needs a role")
                        .hint("name it with --clusterrole"))
                }
                false => Ok(Vec::new()),
            };
        }
        let Some(scope) = self.scope(namespace)? else {
            return Err(Error::usage("the scope of the role is missing")
                .hint("in one namespace: -n NAMESPACE; in all of them: --cluster-wide"));
        };
        let grant = |role| {
            let grant = Grant { holder: holder.clone(), role, scope: scope.clone() };
            grant.check().usage().map(|()| grant)
        };
        roles.into_iter().map(grant).collect()
    }
}
