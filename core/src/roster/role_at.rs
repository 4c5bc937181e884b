//! A role to bind, in one word: `role/deployer@dev`, `clusterrole/view@dev`, `clusterrole/view@*`.

use std::fmt;
use std::str::FromStr;

use crate::api::rbac::{self, RoleKind, RoleRef, Scope, Subject};
use crate::text;
use crate::text::dns::is_label;

/// A role and where it is to hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleAt {
    /// Which.
    pub role: RoleRef,
    /// Where.
    pub scope: Scope,
}

impl RoleAt {
    /// The same, for somebody.
    pub fn to(&self, user: &str) -> rbac::Grant {
        rbac::Grant {
            holder: Subject::User(user.to_owned()),
            role: self.role.clone(),
            scope: self.scope.clone(),
        }
    }
}

/// Why a text is not a grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleAtError {
    /// Not of the form.
    #[error("{} is not a grant; write it as role/NAME@NAMESPACE, clusterrole/NAME@NAMESPACE, or \
             clusterrole/NAME@* for the whole cluster", text::show_short(.0, 80))]
    Syntax(String),
    /// A role everywhere.
    #[error("{}: a role is in one namespace; only a cluster role can be granted in all", text::show_short(.0, 80))]
    RoleEverywhere(String),
}

impl FromStr for RoleAt {
    type Err = RoleAtError;

    fn from_str(text: &str) -> Result<Self, RoleAtError> {
        let syntax = || RoleAtError::Syntax(text.to_owned());
        let (kind, rest) = text.split_once('/').ok_or_else(syntax)?;
        // A role's name may hold an @, a namespace's may not.
        let (name, place) = rest.rsplit_once('@').ok_or_else(syntax)?;
        let kind = match kind {
            "role" => RoleKind::Role,
            "clusterrole" => RoleKind::ClusterRole,
            _ => return Err(syntax()),
        };
        if matches!(name, "" | "." | "..")
            || name.contains(['/', '%'])
            || text::first_hidden(name).is_some()
        {
            return Err(syntax());
        }
        let scope = match place {
            "*" if kind == RoleKind::Role => {
                return Err(RoleAtError::RoleEverywhere(text.to_owned()));
            }
            "*" => Scope::Cluster,
            name if is_label(name, 63) => Scope::Namespace(name.to_owned()),
            _ => return Err(syntax()),
        };
        Ok(Self { role: RoleRef { kind, name: name.to_owned() }, scope })
    }
}

impl fmt::Display for RoleAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.role.kind.as_str().to_lowercase();
        write!(f, "{kind}/{}@{}", self.role.name, self.scope.namespace().unwrap_or("*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_read_back_as_they_are_written() {
        for text in ["role/deployer@dev", "clusterrole/view@dev", "clusterrole/system:x@y@*"] {
            assert_eq!(text.parse::<RoleAt>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "view",
            "view@dev",
            "role/x",
            "role/@dev",
            "role/x@",
            "Role/x@dev",
            "role/x@a b",
            "role/a/b@c",
        ] {
            assert!(matches!(text.parse::<RoleAt>(), Err(RoleAtError::Syntax(_))), "{text}");
        }
        assert!(matches!("role/x@*".parse::<RoleAt>(), Err(RoleAtError::RoleEverywhere(_))));
    }
}
