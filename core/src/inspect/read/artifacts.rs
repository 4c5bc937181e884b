//! The things that were found so far, and how many more are looked for.

use serde_json::Map;

use crate::inspect::{Artifact, Finding, FoundArtifact};

/// Artifacts that are looked for in a text of any size, and how many of its bytes allow for one more: a
/// certificate and the entry of a user with any credential take more than that.
const THINGS: usize = 1_000;
const BYTES_PER_THING: usize = 64;

/// What was found so far.
pub(super) struct Artifacts {
    pub(super) found: Vec<FoundArtifact>,
    group: usize,
    /// How many things are looked for.
    most: usize,
    /// Whether there were more.
    cut: bool,
}

impl Artifacts {
    /// Nothing yet, in a text of so many bytes.
    pub(super) fn in_bytes(length: usize) -> Self {
        let most = THINGS.saturating_add(length / BYTES_PER_THING);
        Artifacts { found: Vec::new(), group: 0, most, cut: false }
    }

    /// Everything, and that there is more where there is.
    pub(super) fn all(mut self) -> Vec<FoundArtifact> {
        if self.cut {
            let read = self.found.len();
            let error = format!("only its first {read} things were read");
            self.group();
            self.push_unreadable("rest", error);
        }
        self.found
    }

    /// Whether more things are looked for; asked when there is one more.
    pub(super) fn goes_on(&mut self) -> bool {
        let goes_on = self.found.len() < self.most;
        self.cut |= !goes_on;
        goes_on
    }

    /// From here on things belong together.
    pub(super) fn group(&mut self) {
        self.group += 1;
    }

    pub(super) fn push(&mut self, thing: Artifact) {
        let (group, about) = (self.group, Map::new());
        self.found.push(FoundArtifact { thing, role: None, about, group, findings: Vec::new() });
    }

    /// Something that claims to be a thing of this kind, and has no DER.
    pub(super) fn push_unreadable(&mut self, kind: &str, error: impl Into<String>) {
        let (name, error) = (kind.to_owned(), error.into());
        self.push(Artifact::Unreadable { name, error, der: Vec::new() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Adds a finding to all that was found.
    pub(super) fn mark(&mut self, code: &'static str, message: &str) {
        for found in &mut self.found {
            found.findings.push(Finding::warn(code, message));
        }
    }

    /// Adds a finding to the last thing.
    pub(super) fn mark_last(&mut self, code: &'static str, message: &str) {
        if let Some(found) = self.found.last_mut() {
            found.findings.push(Finding::warn(code, message));
        }
    }
}
