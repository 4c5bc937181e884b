//! Roles and bindings: defaults, validation and the rule that nobody grants what he does not hold.

mod defaults;
mod escalation;
mod validate;

pub(crate) use self::defaults::{bootstrap, root_ca};
pub(crate) use self::escalation::{confirm_binding, confirm_role};
pub(crate) use self::validate::{
    fill_defaults, validate_binding, validate_binding_update, validate_role,
};

const GROUP: &str = "rbac.authorization.k8s.io";
