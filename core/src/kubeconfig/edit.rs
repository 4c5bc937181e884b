//! Changes to a kubeconfig as splices of its text.
//!
//! kubectl itself decodes the whole file and writes it anew (`tools/clientcmd/config.go` of
//! client-go), which drops comments, order, anchors and every field that it does not know. Here the
//! text stays, and the result is handed out only when it reads back as the original with the
//! intended changes.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use super::Kind;
use super::digest::{self, Digest};
use super::document::{Document, DocumentError};
use super::splice::Plan;

/// One change. `Debug` shows names, not what is set.
#[derive(Clone, PartialEq)]
pub enum Edit {
    /// Adds a cluster or replaces the whole body of the one with this name.
    SetCluster {
        /// The entry's name.
        name: String,
        /// The new body, an object.
        body: Value,
    },
    /// Adds a user or replaces the whole body of the one with this name.
    SetUser {
        /// The entry's name.
        name: String,
        /// The new body, an object.
        body: Value,
    },
    /// Adds a context or replaces the whole body of the one with this name.
    SetContext {
        /// The entry's name.
        name: String,
        /// The new body, an object.
        body: Value,
    },
    /// Sets the current context.
    SetCurrentContext(String),
    /// Removes the cluster of this name.
    RemoveCluster(String),
    /// Removes the user of this name.
    RemoveUser(String),
    /// Removes the context of this name.
    RemoveContext(String),
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
    #[error("there is no {kind} {name:?}")]
    NotFound {
        /// Which list.
        kind: Kind,
        /// The missing name.
        name: String,
    },
    /// An entry without a name, which nothing could refer to.
    #[error("a {0} needs a name")]
    EmptyName(Kind),
    /// A body that is no object.
    #[error("the {kind} {name:?} must be set to an object")]
    NotAnObject {
        /// Which list.
        kind: Kind,
        /// The entry's name.
        name: String,
    },
    /// The place is written in a way in which a change could reach further than intended.
    #[error("line {line}: {reason}")]
    Unsafe {
        /// Where.
        line: usize,
        /// Why.
        reason: &'static str,
    },
    /// The result would not read as the original with the intended changes.
    #[error("the file is written in a way in which this cannot be changed safely ({0})")]
    Unproven(&'static str),
}

/// The text with the edits made; nothing but the touched entries differs.
///
/// Several edits of the same entry count as their outcome.
///
/// # Errors
/// When the text cannot be read, when an edit would not be safe, and when the result does not read
/// back as intended.
pub fn apply(text: &str, edits: &[Edit]) -> Result<String, EditError> {
    apply_to(text.to_owned(), edits)
}

/// [`apply`] for whoever needs the text no longer: a large one is not held twice.
///
/// # Errors
/// The same.
pub fn apply_to(mut text: String, edits: &[Edit]) -> Result<String, EditError> {
    let document = Document::parse(&text)?;
    let changes = Changes::of(&document, edits)?;
    let plan = Plan::make(&document, &changes)?;
    let expected = Expected::of(&document, &changes);
    drop(document);
    plan.carry_out(&mut text);
    let after = Document::parse(&text)
        .map_err(|_| EditError::Unproven("the result would be no kubeconfig"))?;
    expected.check(&after)?;
    Ok(text)
}

/// A fresh file that holds what the edits set.
///
/// # Errors
/// When an edit makes no sense in an empty file.
pub fn new_file(edits: &[Edit]) -> Result<String, EditError> {
    apply("", edits)
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
}

impl<'e> Changes<'e> {
    fn of(document: &Document<'_>, edits: &'e [Edit]) -> Result<Self, EditError> {
        let mut changes = Changes { lists: Default::default(), current: None };
        for edit in edits {
            match edit {
                Edit::SetCluster { name, body } => {
                    changes.set(document, Kind::Cluster, name, body)?;
                }
                Edit::SetUser { name, body } => changes.set(document, Kind::User, name, body)?,
                Edit::SetContext { name, body } => {
                    changes.set(document, Kind::Context, name, body)?;
                }
                Edit::RemoveCluster(name) => changes.remove(document, Kind::Cluster, name)?,
                Edit::RemoveUser(name) => changes.remove(document, Kind::User, name)?,
                Edit::RemoveContext(name) => changes.remove(document, Kind::Context, name)?,
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
            return Err(EditError::NotAnObject { kind, name: name.to_owned() });
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
        let not_found = || EditError::NotFound { kind, name: name.to_owned() };
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

/// What the result must say.
struct Expected {
    current: String,
    rest: Digest,
    lists: [Vec<Outline>; 3],
}

/// Name, rest and body of an entry.
type Outline = (String, Digest, Option<Digest>);

impl Expected {
    fn of(before: &Document<'_>, changes: &Changes<'_>) -> Self {
        let current = changes.current.or(before.current_context()).unwrap_or_default();
        let begun = before.is_blank() && !changes.is_empty();
        Expected {
            current: current.to_owned(),
            rest: if begun { header() } else { before.rest },
            lists: Kind::ALL.map(|kind| outlines(before, changes.list(kind), kind)),
        }
    }

    fn check(&self, after: &Document<'_>) -> Result<(), EditError> {
        if after.current_context().unwrap_or_default() != self.current {
            return Err(EditError::Unproven("the current context would be another one"));
        }
        if after.rest != self.rest {
            return Err(EditError::Unproven("other settings would change"));
        }
        for (kind, list) in Kind::ALL.into_iter().zip(&self.lists) {
            let found = after.entries(kind).iter().map(|entry| {
                let body = entry.body_node.as_ref().map(|(_, node)| node.digest);
                (entry.name.as_str(), entry.rest, body)
            });
            if !found.eq(list.iter().map(|(name, rest, body)| (name.as_str(), *rest, *body))) {
                return Err(EditError::Unproven("entries would change that should not"));
            }
        }
        Ok(())
    }
}

fn outlines(before: &Document<'_>, list: &ListChanges<'_>, kind: Kind) -> Vec<Outline> {
    let kept = before.entries(kind).iter().enumerate().filter_map(|(position, entry)| {
        let body = match list.existing.get(&position) {
            None => entry.body_node.as_ref().map(|(_, node)| node.digest),
            Some(Some(body)) => Some(digest::value(body)),
            Some(None) => return None,
        };
        Some((entry.name.clone(), entry.rest, body))
    });
    let added = list.added.iter().map(|(name, body)| {
        let mut rest = digest::Mapping::new();
        rest.pair(digest::text("name"), digest::text(name));
        ((*name).to_owned(), rest.finish(), Some(digest::value(body)))
    });
    kept.chain(added).collect()
}

/// What a new file says besides its entries.
pub(super) fn header_fields() -> [(&'static str, &'static str); 2] {
    [("apiVersion", "v1"), ("kind", "Config")]
}

fn header() -> Digest {
    let mut header = digest::Mapping::new();
    for (key, value) in header_fields() {
        header.pair(digest::text(key), digest::text(value));
    }
    header.finish()
}

/// An entry as it is added, in kubectl's order.
pub(super) fn entry(kind: Kind, name: &str, body: &Value) -> Value {
    let name = ("name".to_owned(), Value::from(name));
    let body = (kind.body_key().to_owned(), body.clone());
    let pairs = if kind == Kind::User { [name, body] } else { [body, name] };
    Value::Object(Map::from_iter(pairs))
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, name) = match self {
            Edit::SetCluster { name, .. } => ("SetCluster", name),
            Edit::SetUser { name, .. } => ("SetUser", name),
            Edit::SetContext { name, .. } => ("SetContext", name),
            Edit::SetCurrentContext(name) => ("SetCurrentContext", name),
            Edit::RemoveCluster(name) => ("RemoveCluster", name),
            Edit::RemoveUser(name) => ("RemoveUser", name),
            Edit::RemoveContext(name) => ("RemoveContext", name),
            Edit::ClearCurrentContext => return f.write_str("ClearCurrentContext"),
        };
        f.debug_struct(what).field("name", name).finish_non_exhaustive()
    }
}
