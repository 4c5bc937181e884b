//! RoleBinding and ClusterRoleBinding, and whom they reach.

use serde_json::{Value, json};

use super::{API_GROUP, RoleKind, RoleRef, Scope, Subject};
use crate::text::show_short;

/// The value of the label `app.kubernetes.io/managed-by` on what we make, and our field manager.
pub const MANAGED_BY: &str = "kubectl-usercert";
pub(super) const LABEL: &str = "app.kubernetes.io/managed-by";

/// One of a binding's subjects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundSubject {
    /// A user.
    User(String),
    /// A group.
    Group(String),
    /// A service account.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Of a kind that reaches nobody.
    Other,
}

impl BoundSubject {
    /// Reads a subject of a binding in `scope`, whose namespace is a service account's default.
    pub fn read(value: &Value, scope: &Scope) -> Self {
        let name = value["name"].as_str().unwrap_or_default().to_owned();
        match value["kind"].as_str() {
            Some("User") => Self::User(name),
            Some("Group") => Self::Group(name),
            Some("ServiceAccount") => {
                let own = value["namespace"].as_str().filter(|n| !n.is_empty());
                let namespace = own.or(scope.namespace()).unwrap_or_default().to_owned();
                Self::ServiceAccount { namespace, name }
            }
            _ => Self::Other,
        }
    }

    /// The name of a user or group.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::User(name) | Self::Group(name) => Some(name),
            Self::ServiceAccount { .. } | Self::Other => None,
        }
    }

    /// Whether this is the holder. A service account is compared by its user name, whoever bears it.
    pub fn is(&self, holder: &Subject) -> bool {
        match (self, holder) {
            (Self::User(name), Subject::User(wanted))
            | (Self::Group(name), Subject::Group(wanted)) => name == wanted,
            (Self::ServiceAccount { namespace, name }, Subject::User(wanted)) => {
                service_account(wanted) == Some((namespace, name))
            }
            _ => false,
        }
    }
}

/// Namespace and name in `system:serviceaccount:NAMESPACE:NAME`.
pub fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

impl Subject {
    /// As a subject of a binding.
    pub(crate) fn to_subject(&self) -> Value {
        match self {
            Self::User(user) => match service_account(user) {
                Some((namespace, name)) => {
                    json!({ "kind": "ServiceAccount", "name": name, "namespace": namespace })
                }
                None => json!({ "kind": "User", "apiGroup": API_GROUP, "name": user }),
            },
            Self::Group(name) => json!({ "kind": "Group", "apiGroup": API_GROUP, "name": name }),
        }
    }
}

/// The parts of a binding that matter here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Where it counts, which also tells its kind.
    pub scope: Scope,
    /// Name.
    pub name: String,
    /// Unique among all objects for all time.
    pub uid: String,
    /// Changes with every write.
    pub resource_version: String,
    /// The role.
    pub role: RoleRef,
    /// Who has it.
    pub subjects: Vec<BoundSubject>,
    /// Whether we made it.
    pub ours: bool,
    /// Whether the API server puts it back whenever it starts.
    pub built_in: bool,
}

impl Binding {
    /// Reads a binding; `None` if it lacks what every binding has.
    pub fn read(value: &Value) -> Option<Self> {
        let metadata = &value["metadata"];
        let word = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let scope = match metadata["namespace"].as_str() {
            None | Some("") => Scope::Cluster,
            Some(namespace) => Scope::Namespace(namespace.to_owned()),
        };
        let kind = match value["roleRef"]["kind"].as_str()? {
            "Role" => RoleKind::Role,
            "ClusterRole" => RoleKind::ClusterRole,
            _ => return None,
        };
        let subjects = value["subjects"].as_array().map(Vec::as_slice).unwrap_or_default();
        Some(Self {
            subjects: subjects.iter().map(|s| BoundSubject::read(s, &scope)).collect(),
            name: metadata["name"].as_str()?.to_owned(),
            uid: word(&metadata["uid"]),
            resource_version: word(&metadata["resourceVersion"]),
            role: RoleRef { kind, name: value["roleRef"]["name"].as_str()?.to_owned() },
            ours: metadata["labels"][LABEL] == MANAGED_BY,
            built_in: metadata["labels"]["kubernetes.io/bootstrapping"] == "rbac-defaults",
            scope,
        })
    }

    /// Whether it gives its role to the holder.
    pub fn reaches(&self, holder: &Subject) -> bool {
        self.subjects.iter().any(|s| s.is(holder))
    }

    /// What it gives and where, as `ClusterRole edit in namespace dev`.
    pub fn in_words(&self) -> String {
        let kind = self.role.kind.as_str();
        let role = show_short(&self.role.name, 60);
        match &self.scope {
            Scope::Cluster => format!("{kind} {role} everywhere"),
            Scope::Namespace(name) => {
                format!("{kind} {role} in namespace {}", show_short(name, 60))
            }
        }
    }

    /// `rolebinding.rbac.authorization.k8s.io/NAME`, as kubectl prints it.
    pub fn full_name(&self) -> String {
        self.scope.full_name_of_binding(&self.name)
    }
}

/// The bindings that reach the holder.
pub fn reaching<'a, 'h>(
    bindings: &'a [Binding],
    holder: &'h Subject,
) -> impl Iterator<Item = &'a Binding> + use<'a, 'h> {
    bindings.iter().filter(move |b| b.reaches(holder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> Subject {
        Subject::User(name.into())
    }

    fn binding(namespace: Option<&str>, subjects: Value) -> Binding {
        let value = json!({
            "metadata": {"name": "b", "namespace": namespace, "uid": "1", "resourceVersion": "7"},
            "roleRef": {"kind": "ClusterRole", "name": "edit"}, "subjects": subjects,
        });
        Binding::read(&value).unwrap()
    }

    #[test]
    fn names_are_compared_exactly() {
        let bound = binding(
            None,
            json!([{"kind": "User", "name": "alice"}, {"kind": "Group", "name": "dev"}]),
        );
        assert!(bound.reaches(&user("alice")));
        assert!(!bound.reaches(&user("Alice")) && !bound.reaches(&user("dev")));
        assert!(bound.reaches(&Subject::Group("dev".into())));
        assert!(!bound.reaches(&Subject::Group("alice".into())));
        assert!(!binding(None, Value::Null).reaches(&user("")));
    }

    #[test]
    fn service_accounts_are_reached_by_user_name() {
        let account = json!([{"kind": "ServiceAccount", "name": "ci"}]);
        let who = user("system:serviceaccount:dev:ci");
        assert!(binding(Some("dev"), account.clone()).reaches(&who), "own namespace by default");
        assert!(!binding(Some("ops"), account.clone()).reaches(&who));
        assert!(!binding(None, account).reaches(&who), "no default in the whole cluster");
        let elsewhere = json!([{"kind": "ServiceAccount", "name": "ci", "namespace": "dev"}]);
        assert!(binding(Some("ops"), elsewhere).reaches(&who));
        let by_name = json!([{"kind": "User", "name": "system:serviceaccount:dev:ci"}]);
        assert!(binding(None, by_name).reaches(&who));
    }

    #[test]
    fn a_service_account_has_groups_by_being_one() {
        let groups = user("system:serviceaccount:dev:ci").account_groups();
        let names: Vec<&str> = groups.iter().map(Subject::name).collect();
        assert_eq!(names, ["system:serviceaccounts", "system:serviceaccounts:dev"]);
        assert!(user("alice").account_groups().is_empty());
        assert!(Subject::Group("system:serviceaccount:dev:ci".into()).account_groups().is_empty());
    }

    #[test]
    fn a_service_account_becomes_a_subject_of_its_own_kind() {
        assert_eq!(user("system:serviceaccount:dev:ci").to_subject()["kind"], "ServiceAccount");
        for odd in ["system:serviceaccount:dev", "system:serviceaccount::ci", "alice"] {
            assert_eq!(user(odd).to_subject()["kind"], "User", "{odd}");
        }
    }
}
