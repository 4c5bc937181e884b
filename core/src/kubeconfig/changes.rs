//! What is to change in a kubeconfig, and what becomes of each of its lists.

use crate::text::sorted::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use super::Kind;
use super::digest;
use super::document::{Document, DocumentError};

/// One change. `Debug` shows names, not what is set.
#[derive(Clone, PartialEq)]
pub enum Edit {
    /// Adds an entry or replaces the whole body of the one with this name.
    Set {
        /// Which list.
        kind: Kind,
        /// The entry's name.
        name: String,
        /// The new body, an object.
        body: Value,
    },
    /// Removes the entry of this name.
    Remove {
        /// Which list.
        kind: Kind,
        /// The entry's name.
        name: String,
    },
    /// Sets the current context.
    SetCurrentContext(String),
    /// Empties the current context.
    ClearCurrentContext,
}

/// Why a text was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The text cannot be read.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// There is no such entry to remove.
    #[error("there is no {0} {1:?}")]
    NotFound(Kind, String),
    /// An entry without a name, which nothing could refer to.
    #[error("a {0} needs a name")]
    EmptyName(Kind),
    /// A body that is not an object.
    #[error("the {0} {1:?} must be set to an object")]
    NotAnObject(Kind, String),
    /// The place is written in a way in which a change could reach further than intended.
    #[error("line {line}: {reason}")]
    Unsafe {
        /// Where.
        line: usize,
        /// Why.
        reason: &'static str,
    },
    /// The result would not read as the original with the intended changes.
    #[error("the file is written in a way that cannot be edited safely ({0})")]
    Unproven(&'static str),
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edit::Set { kind, name, .. } => write!(f, "Set({kind} {name:?})"),
            Edit::Remove { kind, name } => write!(f, "Remove({kind} {name:?})"),
            Edit::SetCurrentContext(name) => write!(f, "SetCurrentContext({name:?})"),
            Edit::ClearCurrentContext => f.write_str("ClearCurrentContext"),
        }
    }
}

/// The outcome of all edits, by entry.
pub(super) struct Changes<'e> {
    pub(super) lists: [ListChanges<'e>; 3],
    /// The current context to set; empty to clear it.
    pub(super) current: Option<&'e str>,
}

/// What becomes of one list.
#[derive(Default)]
pub(super) struct ListChanges<'e> {
    /// By position: the new body, or nothing for a removal.
    pub(super) existing: BTreeMap<usize, Option<&'e Value>>,
    /// New entries in the order in which they were asked for.
    pub(super) added: Vec<(&'e str, &'e Value)>,
}

impl ListChanges<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.existing.is_empty() && self.added.is_empty()
    }

    /// The new entries as they are written.
    pub(super) fn entries(&self, kind: Kind) -> Value {
        self.added.iter().map(|(name, body)| entry(kind, name, body)).collect()
    }
}

impl<'e> Changes<'e> {
    pub(super) fn of(document: &Document<'_>, edits: &'e [Edit]) -> Result<Self, EditError> {
        let mut changes = Changes { lists: Default::default(), current: None };
        for edit in edits {
            match edit {
                Edit::Set { kind, name, body } => changes.set(document, *kind, name, body)?,
                Edit::Remove { kind, name } => changes.remove(document, *kind, name)?,
                Edit::SetCurrentContext(name) => changes.current = Some(name),
                Edit::ClearCurrentContext => changes.current = Some(""),
            }
        }
        changes.drop_idle(document);
        Ok(changes)
    }

    fn set(
        &mut self,
        document: &Document<'_>,
        kind: Kind,
        name: &'e str,
        body: &'e Value,
    ) -> Result<(), EditError> {
        if name.is_empty() {
            return Err(EditError::EmptyName(kind));
        }
        if !body.is_object() {
            return Err(EditError::NotAnObject(kind, name.to_owned()));
        }
        let list = &mut self.lists[kind.index()];
        if let Some(position) = document.position(kind, name) {
            list.existing.insert(position, Some(body));
        } else if let Some(added) = list.added.iter_mut().find(|added| added.0 == name) {
            added.1 = body;
        } else {
            list.added.push((name, body));
        }
        Ok(())
    }

    fn remove(
        &mut self,
        document: &Document<'_>,
        kind: Kind,
        name: &'e str,
    ) -> Result<(), EditError> {
        let list = &mut self.lists[kind.index()];
        let not_found = || EditError::NotFound(kind, name.to_owned());
        match document.position(kind, name) {
            Some(position) => match list.existing.insert(position, None) {
                Some(None) => Err(not_found()),
                _ => Ok(()),
            },
            None => {
                let added = list.added.iter().position(|added| added.0 == name);
                list.added.remove(added.ok_or_else(not_found)?);
                Ok(())
            }
        }
    }

    /// What is so already needs no change.
    fn drop_idle(&mut self, document: &Document<'_>) {
        for kind in Kind::ALL {
            let entries = document.entries(kind);
            self.lists[kind.index()].existing.retain(|position, body| {
                let now = entries.get(*position).and_then(|entry| entry.body_node.as_ref());
                !matches!((body, now), (Some(body), Some((_, now))) if now.digest == digest::value(body))
            });
        }
        let now = document.current_context().unwrap_or_default();
        self.current = self.current.filter(|name| *name != now);
    }

    pub(super) fn list(&self, kind: Kind) -> &ListChanges<'e> {
        &self.lists[kind.index()]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.current.is_none() && self.lists.iter().all(ListChanges::is_empty)
    }
}

/// What a new file says besides its entries.
pub(super) fn header_fields() -> [(&'static str, &'static str); 2] {
    [("apiVersion", "v1"), ("kind", "Config")]
}

/// An entry as it is added, in kubectl's order.
pub(super) fn entry(kind: Kind, name: &str, body: &Value) -> Value {
    let name = ("name".to_owned(), Value::from(name));
    let body = (kind.body_key().to_owned(), body.clone());
    let pairs = if kind == Kind::User { [name, body] } else { [body, name] };
    Value::Object(Map::from_iter(pairs))
}
