//! Giving a role: the binding that we make, and what an object of its name means.

use serde_json::{Value, json};

use super::binding::{LABEL, MANAGED_BY};
use super::{API_GROUP, Binding, RoleKind, RoleRef, Scope, Subject};
use crate::text::show;
use crate::x509::code::sha256_hex;
use crate::x509::identity::{Group, NameError, UserName};

/// A role for somebody, somewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Who gets it.
    pub holder: Subject,
    /// What.
    pub role: RoleRef,
    /// Where.
    pub scope: Scope,
}

/// Why something cannot be granted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GrantError {
    /// A name that nobody can read.
    #[error("{0}")]
    Name(#[from] NameError),
    /// A Role belongs to a namespace.
    #[error("the Role {} belongs to a namespace: it cannot be granted in the whole cluster", show(.0))]
    RoleEverywhere(String),
    /// A name that the API cannot hold.
    #[error("{} cannot be the name of a role or namespace", show(.0))]
    ObjectName(String),
    /// Something that has our binding's name and is another.
    #[error("{kind} {} already exists, and {why}", show(.name))]
    Taken {
        /// The binding's kind.
        kind: &'static str,
        /// The binding's name.
        name: String,
        /// What is different.
        why: String,
    },
}

impl Grant {
    /// Checks what can be checked without a server.
    ///
    /// # Errors
    /// Names that cannot be, and a Role for the whole cluster.
    pub fn check(&self) -> Result<(), GrantError> {
        match &self.holder {
            Subject::User(name) => drop(name.parse::<UserName>()?),
            Subject::Group(name) => drop(name.parse::<Group>()?),
        }
        for name in [Some(self.role.name.as_str()), self.scope.namespace()].into_iter().flatten() {
            if matches!(name, "" | "." | "..") || name.contains(['/', '%']) {
                return Err(GrantError::ObjectName(name.to_owned()));
            }
        }
        if self.role.kind == RoleKind::Role && self.scope == Scope::Cluster {
            return Err(GrantError::RoleEverywhere(self.role.name.clone()));
        }
        Ok(())
    }

    /// The binding's name: readable parts for people, a hash that tells all others apart.
    pub fn binding_name(&self) -> String {
        let holder = match &self.holder {
            Subject::User(_) => "User",
            Subject::Group(_) => "Group",
        };
        // NUL is in no name, so that the parts cannot run into one another.
        let parts = [holder, self.holder.name(), self.role.kind.as_str(), &self.role.name];
        let hash = sha256_hex(parts.join("\0").as_bytes());
        let hash = hash.get(..10).unwrap_or_default();
        format!("usercert-{}-{}-{hash}", readable(self.holder.name()), readable(&self.role.name))
    }

    /// `rolebinding.rbac.authorization.k8s.io/NAME`, as kubectl prints it.
    pub fn full_name(&self) -> String {
        self.scope.full_name_of_binding(&self.binding_name())
    }

    /// The binding to create.
    pub fn manifest(&self) -> Value {
        let mut metadata = json!({ "name": self.binding_name() });
        if let Some(namespace) = self.scope.namespace() {
            metadata["namespace"] = namespace.into();
        }
        metadata["labels"] = json!({ LABEL: MANAGED_BY });
        json!({
            "apiVersion": format!("{API_GROUP}/v1"),
            "kind": self.scope.binding_kind(),
            "metadata": metadata,
            "roleRef": { "apiGroup": API_GROUP, "kind": self.role.kind.as_str(), "name": self.role.name },
            "subjects": [self.holder.to_subject()],
        })
    }

    /// Makes sure that the object that has the binding's name is this very grant. Others' objects are
    /// never changed, and a roleRef cannot be.
    ///
    /// # Errors
    /// It is another's, or says something else.
    pub fn check_existing(&self, existing: &Value) -> Result<(), GrantError> {
        let taken = |why: String| GrantError::Taken {
            kind: self.scope.binding_kind(),
            name: self.binding_name(),
            why,
        };
        let Some(binding) = Binding::read(existing) else {
            return Err(taken("it cannot be read".to_owned()));
        };
        if binding.role != self.role {
            return Err(taken(format!("it is for the {}", binding.role)));
        }
        if !binding.ours {
            return Err(taken(format!("it does not carry the label {LABEL}={MANAGED_BY}")));
        }
        if !binding.reaches(&self.holder) {
            return Err(taken(format!("it does not name the {}", self.holder)));
        }
        Ok(())
    }
}

/// At most 30 characters of `a-z0-9.` and single dashes.
fn readable(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().take(60) {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9' | '.') => out.push(c),
            _ if out.is_empty() || out.ends_with('-') => {}
            _ => out.push('-'),
        }
        if out.len() == 30 {
            break;
        }
    }
    let out = out.trim_end_matches('-');
    if out.is_empty() { "x".to_owned() } else { out.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(user: &str, role: &str) -> Grant {
        Grant {
            holder: Subject::User(user.into()),
            role: RoleRef { kind: RoleKind::ClusterRole, name: role.into() },
            scope: Scope::Namespace("dev".into()),
        }
    }

    #[test]
    fn binding_names_are_stable_readable_and_apart() {
        assert_eq!(grant("alice", "edit").binding_name(), "usercert-alice-edit-8516ce37cb");
        let mut seen = std::collections::BTreeSet::new();
        let mut see = |grant: &Grant| {
            let name = grant.binding_name();
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
            );
            assert!(name.len() <= 90, "{name}");
            assert!(seen.insert(name), "{grant:?}");
        };
        for (user, role) in [
            ("a-b", "c"),
            ("a", "b-c"),
            ("A", "b"),
            ("a", "b"),
            ("ä", "b"),
            ("ö", "b"),
            ("..", "/"),
            ("system:serviceaccount:a:b", "c"),
            (&"x".repeat(250), "c"),
            (&"x".repeat(251), "c"),
        ] {
            see(&grant(user, role));
        }
        see(&Grant { holder: Subject::Group("a".into()), ..grant("a", "b") });
        let role = RoleRef { kind: RoleKind::Role, name: "b".into() };
        see(&Grant { role, ..grant("a", "b") });
    }

    #[test]
    fn what_has_the_name_is_ours_and_the_same_or_refused() {
        let wanted = grant("alice", "edit");
        let made = wanted.manifest();
        assert_eq!(wanted.check_existing(&made), Ok(()));
        let with = |pointer: &str, value: Value| {
            let mut other = made.clone();
            *other.pointer_mut(pointer).unwrap() = value;
            wanted.check_existing(&other).unwrap_err().to_string()
        };
        assert!(with("/roleRef/name", "admin".into()).contains("for the ClusterRole admin"));
        assert!(with("/roleRef/kind", "Role".into()).contains("for the Role edit"));
        assert!(with("/metadata/labels", json!({})).contains("label"));
        assert!(with("/subjects", json!([])).contains("does not name the user alice"));
        assert!(with("/roleRef", Value::Null).contains("cannot be read"));
    }

    #[test]
    fn grants_that_cannot_be() {
        let role = RoleRef { kind: RoleKind::Role, name: "reader".into() };
        let everywhere = Grant { scope: Scope::Cluster, role, ..grant("alice", "") };
        assert!(matches!(everywhere.check(), Err(GrantError::RoleEverywhere(_))));
        assert!(matches!(grant("alice", "a/b").check(), Err(GrantError::ObjectName(_))));
        assert!(matches!(grant("ali\u{202e}ce", "edit").check(), Err(GrantError::Name(_))));
        let masters =
            Grant { holder: Subject::Group("system:masters".into()), ..grant("", "edit") };
        assert!(matches!(masters.check(), Err(GrantError::Name(_))));
        assert_eq!(grant("alice", "system:certificates.k8s.io:x").check(), Ok(()));
    }
}
