//! Taking roles away: which bindings change, and how.

use serde_json::Value;

use super::{Binding, BoundSubject, RoleRef, Scope, Subject};

/// What is to happen to a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It names nobody else: delete it.
    Delete,
    /// It names others too: take out one subject.
    RemoveSubject,
}

/// Which bindings are meant.
#[derive(Clone, Debug, Default)]
pub struct RevokeFilter {
    /// Only of these roles, unless empty.
    pub roles: Vec<RoleRef>,
    /// Only there.
    pub scope: Option<Scope>,
    /// Those that others made as well.
    pub others: bool,
}

impl RevokeFilter {
    fn takes(&self, binding: &Binding) -> bool {
        (binding.ours || self.others)
            && (self.roles.is_empty() || self.roles.contains(&binding.role))
            && self.scope.as_ref().is_none_or(|s| *s == binding.scope)
    }
}

/// What takes the meant roles away from the holder.
pub fn plan<'a>(
    bindings: &'a [Binding],
    holder: &Subject,
    filter: &RevokeFilter,
) -> Vec<(&'a Binding, Removal)> {
    let meant = bindings.iter().filter(|b| b.reaches(holder) && filter.takes(b));
    meant
        .map(|binding| {
            let alone = binding.subjects.iter().all(|s| s.is(holder));
            (binding, if alone { Removal::Delete } else { Removal::RemoveSubject })
        })
        .collect()
}

/// The roles that were meant by their names and of which the plan takes nothing away, each with whether
/// the holder has it there from others.
pub fn not_taken<'a>(
    bindings: &[Binding],
    holder: &Subject,
    filter: &'a RevokeFilter,
) -> Vec<(&'a RoleRef, bool)> {
    let has = |role: &RoleRef, others: bool| {
        let filter = RevokeFilter { others, roles: vec![role.clone()], ..filter.clone() };
        bindings.iter().any(|b| b.reaches(holder) && filter.takes(b))
    };
    let roles = filter.roles.iter().filter(|role| !has(role, filter.others));
    roles.map(|role| (role, has(role, true))).collect()
}

/// A role that was meant by the name but not by the kind: as it was asked for, and as the holder has it.
pub fn mistaken<'a>(
    bindings: &'a [Binding],
    holder: &Subject,
    filter: &'a RevokeFilter,
) -> Option<(&'a RoleRef, &'a RoleRef)> {
    let has = || bindings.iter().filter(|b| b.reaches(holder)).map(|b| &b.role);
    filter.roles.iter().filter(|role| has().all(|other| other != *role)).find_map(|role| {
        let given = has().find(|other| other.name == role.name)?;
        Some((role, given))
    })
}

/// `read`, a binding as the server sent it, without the holder among its subjects; UID and
/// resourceVersion stay in, so that a change made meanwhile is a conflict.
pub fn without(read: &Value, holder: &Subject) -> Value {
    let mut body = read.clone();
    let scope = Binding::read(read).map_or(Scope::Cluster, |b| b.scope);
    if let Some(subjects) = body["subjects"].as_array_mut() {
        subjects.retain(|s| !BoundSubject::read(s, &scope).is(holder));
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::rbac::{MANAGED_BY, RoleKind};
    use serde_json::json;

    fn value(name: &str, namespace: &str, role: &str, ours: bool, users: &[&str]) -> Value {
        let subjects: Vec<Value> =
            users.iter().map(|u| json!({"kind": "User", "name": u})).collect();
        let label = if ours { MANAGED_BY } else { "Helm" };
        json!({
            "metadata": {"name": name, "namespace": namespace, "uid": name, "resourceVersion": "1",
                "labels": {"app.kubernetes.io/managed-by": label}},
            "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": subjects,
        })
    }

    fn all() -> Vec<Binding> {
        [
            value("ours", "dev", "edit", true, &["alice"]),
            value("ours-everywhere", "", "view", true, &["alice"]),
            value("shared", "dev", "edit", true, &["alice", "bob"]),
            value("helm", "dev", "edit", false, &["alice"]),
            value("helm-shared", "ops", "admin", false, &["bob", "alice"]),
            value("bobs", "dev", "edit", true, &["bob"]),
        ]
        .iter()
        .filter_map(Binding::read)
        .collect()
    }

    fn names(filter: &RevokeFilter) -> Vec<(String, Removal)> {
        let alice = Subject::User("alice".into());
        plan(&all(), &alice, filter).iter().map(|(b, s)| (b.name.clone(), *s)).collect()
    }

    #[test]
    fn only_ours_go_unless_all_are_meant() {
        let ours = [
            ("ours".to_owned(), Removal::Delete),
            ("ours-everywhere".to_owned(), Removal::Delete),
            ("shared".to_owned(), Removal::RemoveSubject),
        ];
        assert_eq!(names(&RevokeFilter::default()), ours);
        let all = names(&RevokeFilter { others: true, ..RevokeFilter::default() });
        assert_eq!(all.len(), 5);
        assert!(all.contains(&("helm".to_owned(), Removal::Delete)));
        assert!(all.contains(&("helm-shared".to_owned(), Removal::RemoveSubject)));
    }

    #[test]
    fn roles_and_places_narrow_it() {
        let everywhere = RevokeFilter { scope: Some(Scope::Cluster), ..RevokeFilter::default() };
        assert_eq!(names(&everywhere), [("ours-everywhere".to_owned(), Removal::Delete)]);
        let role = RoleRef { kind: RoleKind::ClusterRole, name: "admin".into() };
        let admin = RevokeFilter { roles: vec![role], others: true, scope: None };
        assert_eq!(names(&admin), [("helm-shared".to_owned(), Removal::RemoveSubject)]);
    }

    #[test]
    fn a_named_role_that_nothing_is_taken_of_is_told() {
        let alice = Subject::User("alice".into());
        let role = |name: &str| RoleRef { kind: RoleKind::ClusterRole, name: name.into() };
        let filter = |scope, others| RevokeFilter {
            roles: vec![role("view"), role("admin"), role("nosuch")],
            scope,
            others,
        };
        let told = |filter: &RevokeFilter| {
            let told = not_taken(&all(), &alice, filter);
            told.into_iter().map(|(r, others)| (r.name.clone(), others)).collect::<Vec<_>>()
        };
        let nosuch = ("nosuch".to_owned(), false);
        assert_eq!(told(&filter(None, true)), std::slice::from_ref(&nosuch));
        assert_eq!(told(&filter(None, false)), [("admin".to_owned(), true), nosuch]);
        assert_eq!(told(&filter(Some(Scope::Namespace("nowhere".into())), true)).len(), 3);
    }

    #[test]
    fn one_subject_goes_and_everything_else_stays() {
        let read = value("helm-shared", "ops", "admin", false, &["bob", "alice", "carol"]);
        let mut expected = read.clone();
        expected["subjects"] =
            json!([{"kind": "User", "name": "bob"}, {"kind": "User", "name": "carol"}]);
        assert_eq!(without(&read, &Subject::User("alice".into())), expected);
    }
}
