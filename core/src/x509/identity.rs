//! Who a certificate names: a user and groups.
//!
//! kube-apiserver takes the subject's common name as the user name and every organization as a group
//! (`apiserver/pkg/authentication/request/x509/x509.go`). Both are compared byte for byte, so names
//! that merely look alike are different people.

use crate::text::sorted::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::text;
#[cfg(feature = "unicode")]
use crate::text::confusable::COMPARED;
use crate::text::confusable::Look;

/// Longest user name that we make, in bytes: a longer one could not be revoked by name
/// ([`RevocationKey::of_user`](crate::lifecycle::RevocationKey::of_user)).
pub(crate) const MAX_USER_BYTES: usize = 124;
/// Longest group name that we make, in bytes; a server takes more, people and tables do not.
pub(crate) const MAX_GROUP_BYTES: usize = 256;
// What is longer is refused, so that it need not be compared.
#[cfg(feature = "unicode")]
const _: () = assert!(MAX_GROUP_BYTES <= COMPARED && MAX_USER_BYTES <= COMPARED);
/// Most groups that we put into one request.
pub const MAX_GROUPS: usize = 100;

/// Why a text is not a user or group name.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum NameError {
    /// Nothing there: the certificate's bearer would be anonymous.
    #[error("the {0} is empty")]
    Empty(&'static str),
    /// Longer than 124 bytes (a user name) or 256 (a group); how long, and how long it may be.
    #[error("the {0} is {1} bytes long; at most {2} are allowed")]
    TooLong(&'static str, usize, usize),
    /// Contains an invisible or control character.
    #[error("the {what} {} holds the invisible or control character U+{:04X} at position {}", text::show(.name), u32::from(*.character), .position + 1)]
    Hidden {
        /// "user name" or "group".
        what: &'static str,
        /// The whole name.
        name: String,
        /// The character.
        character: char,
        /// Where, counted in characters from 0.
        position: usize,
    },
    /// Begins or ends with a space.
    #[error("the {} {} begins or ends with a space", .0, text::show(.1))]
    Padded(&'static str, String),
    /// More groups than [`MAX_GROUPS`].
    #[error("{0} groups; at most {MAX_GROUPS} are allowed")]
    TooManyGroups(usize),
    /// The group whose members no authorizer can hold back, and which the API server refuses.
    #[error(
        "the group system:masters cannot be requested: its members pass every authorization check for ever, and the API server refuses it"
    )]
    SystemMasters,
}

fn check(what: &'static str, s: &str, most: usize) -> Result<(), NameError> {
    if s.is_empty() {
        return Err(NameError::Empty(what));
    }
    if s.len() > most {
        return Err(NameError::TooLong(what, s.len(), most));
    }
    if let Some((position, character)) = text::first_hidden(s) {
        return Err(NameError::Hidden { what, name: s.to_owned(), character, position });
    }
    if s.trim() != s {
        return Err(NameError::Padded(what, s.to_owned()));
    }
    Ok(())
}

/// A user name fit to be requested: 1 to 124 bytes, all visible, no space at either end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct UserName(String);

/// A group name fit to be requested; the rules of [`UserName`], and never `system:masters`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Group(String);

macro_rules! name_type {
    ($type:ident) => {
        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&text::show(&self.0))
            }
        }
        impl From<$type> for String {
            fn from(n: $type) -> Self {
                n.0
            }
        }
        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(s: String) -> Result<Self, NameError> {
                s.parse()
            }
        }
    };
}
name_type!(UserName);
name_type!(Group);

impl FromStr for UserName {
    type Err = NameError;

    fn from_str(s: &str) -> Result<Self, NameError> {
        check("user name", s, MAX_USER_BYTES)?;
        Ok(Self(s.to_owned()))
    }
}

impl FromStr for Group {
    type Err = NameError;

    fn from_str(s: &str) -> Result<Self, NameError> {
        check("group", s, MAX_GROUP_BYTES)?;
        if s == SYSTEM_MASTERS {
            return Err(NameError::SystemMasters);
        }
        Ok(Self(s.to_owned()))
    }
}

/// A user and a set of groups, as they can be requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The common name.
    pub user: UserName,
    /// The organizations, sorted and each once; the signer sorts them too, order carries no meaning.
    pub groups: Vec<Group>,
}

impl Identity {
    /// Reads a user name and group names as a person typed them; repeated groups collapse.
    ///
    /// # Errors
    /// The first name that is not acceptable, or too many groups.
    pub fn parse<S: AsRef<str>>(user: &str, groups: &[S]) -> Result<Self, NameError> {
        let user = user.parse()?;
        let mut names = BTreeSet::new();
        for group in groups {
            let Group(name) = group.as_ref().parse::<Group>()?;
            names.insert(name);
        }
        if names.len() > MAX_GROUPS {
            return Err(NameError::TooManyGroups(names.len()));
        }
        Ok(Self { user, groups: names.into_iter().map(Group).collect() })
    }

    /// The groups as a set of plain strings.
    pub fn group_set(&self) -> BTreeSet<String> {
        self.groups.iter().map(|g| g.0.clone()).collect()
    }
}

/// The group that the API server lets through every authorization check
/// (`pkg/kubeapiserver/authorizer/reload.go`).
pub const SYSTEM_MASTERS: &str = "system:masters";

/// The user that the tests of what refuses revoked certificates impersonate, and whose an entry is that is on the
/// list for a moment only; nobody is called so. Also their group, where whoever tests may revoke and no more.
pub const PROBE_USER: &str = "usercert-probe";

/// Why a name is power by itself, without any binding made for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// The group `system:masters`.
    Masters,
    /// Begins with `system:`: Kubernetes' own components, nodes, service accounts and built-in groups.
    System,
    /// Begins with `kubeadm:`; `kubeadm:cluster-admins` is bound to cluster-admin.
    Kubeadm,
    /// The usual client of the aggregation layer, who may name any user by request headers
    /// (`--requestheader-allowed-names`).
    FrontProxy,
    /// Impersonated by the tests of what refuses revoked certificates.
    Probe,
}

/// Names and what begins names of such power. A name has to be the whole of those that are marked.
const RESERVED: [(&str, bool, Reserved); 6] = [
    (SYSTEM_MASTERS, true, Reserved::Masters),
    ("system:", false, Reserved::System),
    ("kubeadm:", false, Reserved::Kubeadm),
    ("front-proxy-client", true, Reserved::FrontProxy),
    ("aggregator", true, Reserved::FrontProxy),
    (PROBE_USER, true, Reserved::Probe),
];

/// Whether `name` is reserved as it stands.
pub fn reserved(name: &str) -> Option<Reserved> {
    let is = |(text, whole, _): &&(&str, bool, Reserved)| {
        if *whole { name == *text } else { name.starts_with(text) }
    };
    RESERVED.iter().find(is).map(|(_, _, reserved)| *reserved)
}

/// What the reserved names look like, folded once.
static LOOKS: LazyLock<[Look; 6]> = LazyLock::new(|| RESERVED.map(|(text, ..)| Look::of(text)));

/// Whether `name` is not reserved itself but looks like a name that is (Unicode TR39, and letter
/// case, which people overlook too).
pub(crate) fn looks_reserved(name: &str) -> Option<Reserved> {
    if reserved(name).is_some() { None } else { reserved_look(&Look::of(name)) }
}

/// Which reserved name can be taken for one with this look.
pub(crate) fn reserved_look(look: &Look) -> Option<Reserved> {
    let is_like = |((_, whole, _), reserved): &(&(&str, bool, Reserved), &Look)| {
        if *whole { look.is_that_of(reserved) } else { look.begins_with(reserved) }
    };
    RESERVED.iter().zip(&*LOOKS).find(is_like).map(|((_, _, reserved), _)| *reserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_people_are_accepted() {
        for user in ["alice", "a/b", "Jürgen Groß", "alice@example.com", "名前", "🦀", ".."] {
            assert_eq!(user.parse::<UserName>().unwrap().as_str(), user);
        }
    }

    #[test]
    fn names_that_mislead_are_not() {
        assert_eq!("".parse::<UserName>(), Err(NameError::Empty("user name")));
        assert!(matches!("a".repeat(125).parse::<UserName>(), Err(NameError::TooLong { .. })));
        assert!(matches!(" a".parse::<UserName>(), Err(NameError::Padded { .. })));
        let error = "ali\u{202e}ce".parse::<UserName>().unwrap_err().to_string();
        assert_eq!(
            error,
            r#"the user name "ali\u{202e}ce" holds the invisible or control character U+202E at position 4"#
        );
        assert_eq!("system:masters".parse::<Group>(), Err(NameError::SystemMasters));
    }

    #[test]
    fn groups_are_a_set() {
        let id = Identity::parse("alice", &["ops", "dev", "ops"]).unwrap();
        assert_eq!(id.groups.len(), 2);
    }

    #[test]
    fn reserved_names_and_their_look_alikes() {
        assert_eq!(reserved("system:nodes"), Some(Reserved::System));
        assert_eq!(reserved("kubeadm:cluster-admins"), Some(Reserved::Kubeadm));
        assert_eq!(reserved("front-proxy-client"), Some(Reserved::FrontProxy));
        assert_eq!(reserved("alice"), None);
        assert_eq!(looks_reserved("System:masters"), Some(Reserved::Masters));
        assert_eq!(looks_reserved("ѕystem:nodes"), Some(Reserved::System), "Cyrillic ѕ");
        assert_eq!(looks_reserved("system：nodes"), Some(Reserved::System), "full-width colon");
        assert_eq!(looks_reserved("system:nodes"), None, "reserved, not a look-alike");
        assert_eq!(looks_reserved("FRONT-PROXY-CLIENT"), Some(Reserved::FrontProxy));
        assert_eq!(looks_reserved("alice"), None);
    }
}
