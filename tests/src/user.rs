//! Who is asking.

use std::collections::BTreeMap;

use crate::api::{UserInfo, Values};

pub(crate) const AUTHENTICATED: &str = "system:authenticated";
pub(crate) const UNAUTHENTICATED: &str = "system:unauthenticated";
pub(crate) const ANONYMOUS: &str = "system:anonymous";
/// The group that may do everything, whatever RBAC says.
pub(crate) const MASTERS: &str = "system:masters";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) groups: Vec<String>,
    pub(crate) extra: BTreeMap<String, Values>,
}

impl User {
    pub(crate) fn new(name: &str, groups: &[String]) -> Self {
        Self { name: name.into(), groups: groups.into(), ..Self::default() }
    }

    pub(crate) fn anonymous() -> Self {
        Self::new(ANONYMOUS, &[UNAUTHENTICATED.into()])
    }

    pub(crate) fn is_master(&self) -> bool {
        self.in_group(MASTERS)
    }

    pub(crate) fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|it| it == group)
    }

    /// Appends `system:authenticated`, unless the groups already say yes or no to that.
    pub(crate) fn authenticated(mut self) -> Self {
        let said = self.in_group(AUTHENTICATED) || self.in_group(UNAUTHENTICATED);
        if !said && self.name != ANONYMOUS {
            self.groups.push(AUTHENTICATED.into());
        }
        self
    }

    pub(crate) fn info(&self) -> UserInfo {
        UserInfo {
            username: self.name.clone(),
            uid: self.uid.clone(),
            groups: self.groups.clone(),
            extra: self.extra.clone(),
        }
    }
}
