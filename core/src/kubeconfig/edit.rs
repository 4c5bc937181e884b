//! Changes to a kubeconfig as splices of its text.
//!
//! kubectl itself decodes the whole file and writes it anew (`tools/clientcmd/config.go` of
//! client-go), which drops comments, order, anchors and every field that it does not know. Here the
//! text stays, and the result is handed out only when it reads back as the original with the
//! intended changes.

use super::Kind;
use super::changes::{Changes, ListChanges, header_fields};
pub use super::changes::{Edit, EditError};
use super::digest::{self, Digest};
use super::document::Document;
use super::splice::Plan;

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
pub(crate) fn apply_to(mut text: String, edits: &[Edit]) -> Result<String, EditError> {
    let document = Document::parse(&text)?;
    let changes = Changes::of(&document, edits)?;
    let plan = Plan::make(&document, &changes)?;
    let expected = Expected::of(&document, &changes);
    drop(document);
    plan.carry_out(&mut text);
    let after = Document::parse(&text)
        .map_err(|_| EditError::Unproven("the result would not be a kubeconfig"))?;
    expected.check(&after)?;
    Ok(text)
}

/// A fresh file that holds what the edits set.
///
/// # Errors
/// When an edit is meaningless in an empty file.
pub fn new_file(edits: &[Edit]) -> Result<String, EditError> {
    apply("", edits)
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
        let mut rest = digest::Collection::mapping();
        rest.pair(digest::text("name"), digest::text(name));
        ((*name).to_owned(), rest.finish(), Some(digest::value(body)))
    });
    kept.chain(added).collect()
}

fn header() -> Digest {
    let mut header = digest::Collection::mapping();
    for (key, value) in header_fields() {
        header.pair(digest::text(key), digest::text(value));
    }
    header.finish()
}
