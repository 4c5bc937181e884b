//! One entry of the merged view.

use std::borrow::Cow;
use std::path::Path;

use serde_json::Value;

use super::decode::Body;
use crate::kubeconfig::Kind;

/// An entry of the merged view.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// Its name.
    pub name: &'a str,
    /// The file that holds it.
    pub file: &'a Path,
    pub(super) kind: Kind,
    pub(super) body: &'a Body,
    pub(super) text: &'a str,
}

impl<'a> Entry<'a> {
    /// Its body as written, paths not resolved.
    pub fn value(&self) -> Cow<'a, Value> {
        self.body.value(self.kind, self.text)
    }
}
