//! Certificate policies where they are not evaluated (without the feature `certificate-policies`).

use crate::encoding::der::Element;

/// Whether a certificate constrains policies, its own or those of others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policies {
    constrained: bool,
}

impl Policies {
    pub(crate) fn take_named(&mut self, _value: &Element<'_>) -> Option<()> {
        Some(())
    }

    pub(crate) fn take_mappings(&mut self, _value: &Element<'_>) -> Option<()> {
        self.constrained = true;
        Some(())
    }

    pub(crate) fn take_constraints(&mut self, _value: &Element<'_>) {
        self.constrained = true;
    }

    pub(crate) fn take_inhibit_any(&mut self, _value: &[u8]) {}
}

/// Met for certain where nobody constrains them, else not known.
pub(crate) fn are_met(chain: &[(&Policies, bool)]) -> Option<bool> {
    chain.iter().all(|(policies, _)| !policies.constrained).then_some(true)
}
