//! Roles and bindings (`rbac.authorization.k8s.io/v1`): what a role allows, whom a binding reaches,
//! and what is to be done to give or take a role.
//!
//! Sources: `api/rbac/v1/types.go`, `pkg/apis/rbac/validation/validation.go` (what is legal),
//! `pkg/registry/rbac/validation/rule.go` (who is reached: exact, case-sensitive equality).

mod allows;
mod binding;
mod escalation;
mod grant;
mod power;
mod revoke;
mod rule;

use std::fmt;

use serde::Serialize;

pub use allows::{Action, Allowance, allowance};
pub use binding::{Binding, BoundSubject, MANAGED_BY, reaching, service_account};
pub use escalation::lacking;
pub use grant::{Grant, GrantError};
pub use revoke::{Removal, RevokeFilter, mistaken, not_taken, plan, without};
pub use rule::{Rule, allows_something, rules_of};

use crate::text::show;

/// The API group.
pub const API_GROUP: &str = "rbac.authorization.k8s.io";
/// The group of everybody whose credentials the server takes.
pub const AUTHENTICATED: &str = "system:authenticated";

/// The two kinds of roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum RoleKind {
    /// Of a namespace.
    Role,
    /// Of the cluster; can be bound in a namespace as well.
    ClusterRole,
}

impl RoleKind {
    /// As in `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Role => "Role",
            Self::ClusterRole => "ClusterRole",
        }
    }

    /// As in URLs and rules.
    pub fn resource(self) -> &'static str {
        match self {
            Self::Role => "roles",
            Self::ClusterRole => "clusterroles",
        }
    }
}

/// A role by kind and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RoleRef {
    /// Kind.
    pub kind: RoleKind,
    /// Name.
    pub name: String,
}

impl fmt::Display for RoleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), show(&self.name))
    }
}

/// Where a binding counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// In every namespace and for what lies in none.
    Cluster,
    /// In one namespace.
    Namespace(String),
}

impl Scope {
    /// The namespace, if it is one.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Cluster => None,
            Self::Namespace(name) => Some(name),
        }
    }

    /// The kind of the bindings that count there.
    pub fn binding_kind(&self) -> &'static str {
        match self {
            Self::Cluster => "ClusterRoleBinding",
            Self::Namespace(_) => "RoleBinding",
        }
    }

    fn full_name_of_binding(&self, name: &str) -> String {
        format!("{}.{API_GROUP}/{name}", self.binding_kind().to_lowercase())
    }

    /// Their resource, as in URLs and rules.
    pub fn binding_resource(&self) -> &'static str {
        match self {
            Self::Cluster => "clusterrolebindings",
            Self::Namespace(_) => "rolebindings",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("everywhere"),
            Self::Namespace(name) => write!(f, "in namespace {}", show(name)),
        }
    }
}

/// Whom a role is given to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A user, by the certificate's common name; or a service account, by its user name.
    User(String),
    /// A group, by one of the certificate's organizations.
    Group(String),
}

impl Subject {
    /// The user of this name, or the group.
    pub fn named(name: &str, group: bool) -> Self {
        if group { Self::Group(name.to_owned()) } else { Self::User(name.to_owned()) }
    }

    /// The groups that a service account has by being one; a certificate with its name has them not
    /// (`apiserver/pkg/authentication/serviceaccount/util.go`).
    pub fn account_groups(&self) -> Vec<Self> {
        let Self::User(user) = self else { return Vec::new() };
        let groups = service_account(user).map(|(namespace, _)| {
            ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]
        });
        groups.into_iter().flatten().map(Self::Group).collect()
    }

    /// The bare name.
    pub fn name(&self) -> &str {
        match self {
            Self::User(name) | Self::Group(name) => name,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::User(_) => "user",
            Self::Group(_) => "group",
        };
        write!(f, "{kind} {}", show(self.name()))
    }
}
