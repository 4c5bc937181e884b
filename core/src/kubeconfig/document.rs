//! One kubeconfig text with the places of its entries.
//!
//! The text is read once as a stream of events, and only places are kept, so that a file of many
//! megabytes costs little more than itself. What the file means is `tools/clientcmd/api/v1/types.go`
//! of client-go; how entries of the same name are refused is `conversion.go` beside it.

use crate::text::sorted::BTreeMap;
use std::ops::Range;

use granit_parser::StructureStyle;

use super::Kind;
use super::digest::Digest;
use crate::encoding::yaml::YamlError;

/// Why a text is not a kubeconfig that can be worked with. Never holds anything of the file's content
/// but entry names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The text is not YAML that kubectl and we read alike.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// Something is there that a kubeconfig does not have, or has only once.
    #[error("line {0}: {1}")]
    Misfit(usize, String),
    /// Two entries of one list have the same name.
    #[error("lines {first} and {second}: the {kind} {name:?} appears twice")]
    DuplicateName {
        /// Which list.
        kind: Kind,
        /// The name.
        name: String,
        /// The first one's line.
        first: usize,
        /// The second one's line.
        second: usize,
    },
}

/// An entry of one of the lists, by place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntrySpan {
    /// The entry's name; empty when it has none.
    pub name: String,
    /// Line of its first byte, counted from 1.
    pub line: usize,
    /// Bytes of the whole entry, without the dash before it.
    pub span: Range<usize>,
    /// Bytes of the body's value, without the key.
    pub body: Option<Range<usize>>,
    pub(super) node: Node,
    /// Where its dash is, in block style.
    pub(super) dash: Option<usize>,
    /// Where the colon of the body's key ends, and the body.
    pub(super) body_node: Option<(usize, Node)>,
    /// Where its last value ends.
    pub(super) last: usize,
    /// Everything but the body.
    pub(super) rest: Digest,
}

/// How a node is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Not at all, so it is null.
    Empty,
    Alias,
    /// On a line, or on several when `block`.
    Scalar {
        null: bool,
        block: bool,
    },
    /// With brackets.
    Flow {
        empty: bool,
        list: bool,
    },
    /// By indentation.
    Block {
        list: bool,
    },
}

/// A place in the text with what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) shape: Shape,
    pub(super) line: usize,
    /// The first byte, anchor and tag included.
    pub(super) start: usize,
    /// The first byte of the content itself.
    pub(super) content: usize,
    /// Behind the last byte; for block scalars behind their last line break.
    pub(super) end: usize,
    pub(super) digest: Digest,
}

/// A list of the file.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// Where its key starts.
    pub(super) key: usize,
    /// Where the colon of its key ends.
    pub(super) colon: usize,
    pub(super) node: Node,
    pub(super) entries: Vec<EntrySpan>,
    pub(super) index: BTreeMap<String, usize>,
    /// The line of what leaves a name or the list itself to be found elsewhere.
    pub(super) indirect: Option<usize>,
}

/// The current context as written.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) colon: usize,
    pub(super) node: Node,
    pub(super) value: String,
}

/// The outermost mapping.
#[derive(Debug, Clone)]
pub(super) struct Root {
    pub(super) node: Node,
    /// Where the last value ends; where the content starts when there is none.
    pub(super) last: usize,
    /// Where the last key starts.
    pub(super) last_key: Option<usize>,
    /// The line of a merge into it.
    pub(super) merge: Option<usize>,
}

/// What there is besides comments.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Nothing, not even a document marker.
    Nothing,
    /// A document marker that ends here.
    Marker(usize),
    /// A null that is written on this line.
    Null(usize),
    Mapping(Root),
}

/// A text and where its entries are.
#[derive(Debug)]
pub struct Document<'t> {
    pub(super) text: &'t str,
    pub(super) content: Content,
    pub(super) sections: [Option<Section>; 3],
    pub(super) current: Option<Current>,
    /// Everything but the lists and the current context.
    pub(super) rest: Digest,
    /// Where aliases are, and where what they mean is.
    pub(super) aliases: Vec<(usize, Range<usize>)>,
    /// The line of a block scalar that the text ends in without a line break.
    pub(super) open_scalar: Option<usize>,
}

impl<'t> Document<'t> {
    /// The text itself.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The entries of a list in the order of the file.
    pub fn entries(&self, kind: Kind) -> &[EntrySpan] {
        self.section(kind).map_or(&[], |section| &section.entries)
    }

    /// An entry by name.
    pub fn entry(&self, kind: Kind, name: &str) -> Option<&EntrySpan> {
        self.position(kind, name).and_then(|index| self.entries(kind).get(index))
    }

    /// The current context, unless it is missing or empty.
    pub fn current_context(&self) -> Option<&str> {
        self.current.as_ref().map(|current| current.value.as_str()).filter(|name| !name.is_empty())
    }

    /// Whether it says nothing at all.
    pub(super) fn is_blank(&self) -> bool {
        match &self.content {
            Content::Mapping(root) => root.last_key.is_none(),
            _ => true,
        }
    }

    pub(super) fn section(&self, kind: Kind) -> Option<&Section> {
        self.sections[kind.index()].as_ref()
    }

    pub(super) fn position(&self, kind: Kind, name: &str) -> Option<usize> {
        self.section(kind)?.index.get(name).copied()
    }
}

impl Shape {
    /// Of a collection.
    pub(super) fn of(style: StructureStyle, list: bool, empty: bool) -> Self {
        match style {
            StructureStyle::Flow => Shape::Flow { empty, list },
            StructureStyle::Block => Shape::Block { list },
        }
    }
}

impl Node {
    pub(super) fn empty(at: usize, line: usize) -> Self {
        let digest = Digest::default();
        Node { shape: Shape::Empty, line, start: at, content: at, end: at, digest }
    }

    pub(super) fn has_props(&self) -> bool {
        self.start != self.content
    }
}

impl EntrySpan {
    pub(super) fn new(node: Node, dash: Option<usize>, rest: Digest) -> Self {
        EntrySpan {
            name: String::new(),
            line: node.line,
            span: node.start..node.end,
            body: None,
            last: node.end,
            node,
            dash,
            body_node: None,
            rest,
        }
    }
}

/// `end` without the line breaks of a block scalar before it.
pub(super) fn trimmed(text: &str, end: usize) -> usize {
    text[..end].trim_end_matches(['\n', '\r', ' ', '\t']).len()
}
