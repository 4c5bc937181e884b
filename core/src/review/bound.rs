//! Names that have role bindings, and names that imitate them.

use std::collections::{HashMap, HashSet};

use super::finding::FindingCode;
use crate::api::rbac::{Binding, BoundSubject, Scope};
use crate::text::confusable::Look;
use crate::x509::identity::MAX_GROUP_BYTES;

/// Names that have bindings: folded once for many reviews.
///
/// Whoever administers one namespace can bind any name there. So a binding in a namespace neither
/// lets an imitator pass nor refuses anybody; what counts is bound in the whole cluster.
#[derive(Clone, Debug, Default)]
pub struct BoundNames {
    names: Vec<Bound>,
    places: HashMap<String, usize>,
    by_key: HashMap<String, Vec<usize>>,
    /// Users that ClusterRoleBindings name.
    users: HashSet<String>,
    /// How often a name was not taken.
    left_out: usize,
}

/// Names that are compared, in bytes altogether: folding them takes a microsecond a character, and whoever
/// administers a namespace can bind any number.
const MOST_BYTES: usize = 2 << 20;

#[derive(Clone, Debug)]
struct Bound {
    name: String,
    look: Look,
    /// Whether it has a ClusterRoleBinding.
    everywhere: bool,
}

impl BoundNames {
    /// The users and groups in these bindings: of the whole cluster first, and no more than fit into
    /// 2 MiB. Names that are too long for a request have no imitators.
    pub fn of(bindings: &[Binding]) -> Self {
        let (mut bound, mut room) = (Self::default(), MOST_BYTES);
        let (wide, narrow): (Vec<&Binding>, Vec<&Binding>) =
            bindings.iter().partition(|binding| binding.scope == Scope::Cluster);
        for binding in wide.into_iter().chain(narrow) {
            let everywhere = binding.scope == Scope::Cluster;
            for subject in &binding.subjects {
                let name = subject.name().filter(|name| name.len() <= MAX_GROUP_BYTES);
                let Some(name) = name else { continue };
                if !bound.places.contains_key(name) {
                    let Some(rest) = room.checked_sub(name.len()) else {
                        bound.left_out += 1;
                        continue;
                    };
                    room = rest;
                }
                bound.add(name, everywhere);
                if everywhere && matches!(subject, BoundSubject::User(_)) {
                    bound.users.insert(name.to_owned());
                }
            }
        }
        bound
    }

    /// How many entries of bindings have names that nothing is compared with, since there are too many.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    fn add(&mut self, name: &str, everywhere: bool) {
        if let Some(bound) = self.places.get(name).and_then(|place| self.names.get_mut(*place)) {
            bound.everywhere |= everywhere;
            return;
        }
        let (place, look) = (self.names.len(), Look::of(name));
        for (order, key) in look.keys().iter().enumerate() {
            if order == 0 || *key != look.keys()[0] {
                self.by_key.entry(key.clone()).or_default().push(place);
            }
        }
        self.places.insert(name.to_owned(), place);
        self.names.push(Bound { name: name.to_owned(), look, everywhere });
    }

    /// Whether a ClusterRoleBinding names this user.
    pub(super) fn has_user_everywhere(&self, user: &str) -> bool {
        // The web page sees no bindings.
        cfg!(feature = "unicode") && self.users.contains(user)
    }

    /// The bound name that `name` imitates, if there is one, and what is to be made of it.
    pub(super) fn imitated(&self, name: &str, look: &Look) -> Option<(FindingCode, &str)> {
        if cfg!(not(feature = "unicode")) {
            // The web page sees no bindings.
            return None;
        }
        let known = self.places.get(name).and_then(|place| self.names.get(*place));
        let known = known.is_some_and(|bound| bound.everywhere);
        let places = look.keys().iter().filter_map(|key| self.by_key.get(key)).flatten();
        let alike = places
            .filter_map(|place| self.names.get(*place))
            .filter(|bound| bound.name != name && bound.look.imitates(look));
        // One that is bound in a namespace only says nothing about one that is bound everywhere.
        let twin = alike.filter(|twin| twin.everywhere || !known).max_by_key(|t| t.everywhere)?;
        let code = match twin.everywhere && !known {
            true => FindingCode::LookAlike,
            false => FindingCode::SimilarName,
        };
        Some((code, &twin.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(names: &[(&str, bool)]) -> BoundNames {
        let mut bound = BoundNames::default();
        names.iter().for_each(|(name, everywhere)| bound.add(name, *everywhere));
        bound
    }

    fn found<'a>(bound: &'a BoundNames, name: &str) -> Option<(&'static str, &'a str)> {
        bound.imitated(name, &Look::of(name)).map(|(code, twin)| (code.as_str(), twin))
    }

    #[test]
    fn what_is_bound_in_the_cluster_is_not_imitated() {
        let bound = bound(&[("alice", true), ("pool1", true), ("Ops", true)]);
        for (name, twin) in
            [("аlice", "alice"), ("ALICE", "alice"), ("pooll", "pool1"), ("ops", "Ops")]
        {
            assert_eq!(found(&bound, name), Some(("look-alike", twin)), "{name}");
        }
        for name in ["alice", "pool1", "Ops", "bob"] {
            assert_eq!(found(&bound, name), None, "{name}");
        }
    }

    #[test]
    fn a_binding_in_a_namespace_neither_silences_nor_condemns() {
        let silenced = bound(&[("alice", true), ("аlice", false)]);
        assert_eq!(found(&silenced, "аlice"), Some(("look-alike", "alice")));
        assert_eq!(found(&silenced, "alice"), None);
        let condemned = bound(&[("Carol", false)]);
        assert_eq!(found(&condemned, "carol"), Some(("similar-name", "Carol")));
        let both = bound(&[("Carol", false), ("carol", false)]);
        assert_eq!(found(&both, "carol"), Some(("similar-name", "Carol")));
        // Whoever may bind in the whole cluster knows what they do.
        let known = bound(&[("Carol", true), ("carol", true)]);
        assert_eq!(found(&known, "carol"), Some(("similar-name", "Carol")));
        // The one that counts is named, whichever was read first.
        let mixed = bound(&[("CAROL", false), ("Carol", true)]);
        assert_eq!(found(&mixed, "carol"), Some(("look-alike", "Carol")));
    }

    #[test]
    fn a_name_that_is_bound_twice_is_bound_everywhere() {
        let bound = bound(&[("alice", false), ("alice", true)]);
        assert_eq!(found(&bound, "Alice"), Some(("look-alike", "alice")));
    }
}
