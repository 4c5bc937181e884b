//! Short values by which two nodes are compared without keeping either.
//!
//! They tell a change by mistake from none; nothing secret or hostile hangs on them.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use serde_json::Value;

use crate::encoding::yaml::Scalar;

/// The digest of a node's meaning: of values, not of how they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(super) struct Digest(u64);

/// From how many bytes on texts are digested in larger steps.
const LONG: usize = 256;

/// The digest of a list or mapping that is being read, in its order.
pub(super) struct Collection(DefaultHasher);

impl Collection {
    pub(super) fn list() -> Self {
        Collection(start(b'['))
    }

    pub(super) fn mapping() -> Self {
        Collection(start(b'{'))
    }

    pub(super) fn item(&mut self, item: Digest) {
        item.hash(&mut self.0);
    }

    pub(super) fn pair(&mut self, key: Digest, value: Digest) {
        (key, value).hash(&mut self.0);
    }

    pub(super) fn finish(self) -> Digest {
        Digest(self.0.finish())
    }
}

fn start(kind: u8) -> DefaultHasher {
    let mut hasher = DefaultHasher::new();
    kind.hash(&mut hasher);
    hasher
}

fn leaf(kind: u8, content: impl Hash) -> Digest {
    let mut hasher = start(kind);
    content.hash(&mut hasher);
    Digest(hasher.finish())
}

pub(super) fn scalar(scalar: &Scalar<'_>) -> Digest {
    match scalar {
        Scalar::Null => leaf(b'0', ()),
        Scalar::Bool(value) => leaf(b'b', value),
        Scalar::Int(value) => leaf(b'i', i128::from(*value)),
        Scalar::Uint(value) => leaf(b'i', i128::from(*value)),
        Scalar::Float(value) => leaf(b'f', value.to_bits()),
        Scalar::Text(text) => self::text(text),
    }
}

pub(super) fn text(text: &str) -> Digest {
    if text.len() < LONG {
        return leaf(b's', text);
    }
    // Every step can be undone, so that two texts that differ in one place never come out alike.
    // Four sums, because each step has to wait for the one before.
    let (blocks, rest) = text.as_bytes().as_chunks::<32>();
    let mix = |sum: u64, word: [u8; 8]| {
        (sum.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517c_c1b7_2722_0a95)
    };
    let mut sums = [0; 4];
    for block in blocks {
        for (sum, word) in sums.iter_mut().zip(block.as_chunks::<8>().0) {
            *sum = mix(*sum, *word);
        }
    }
    leaf(b'l', (sums, rest, text.len()))
}

pub(super) fn value(value: &Value) -> Digest {
    match value {
        Value::Null => leaf(b'0', ()),
        Value::Bool(value) => leaf(b'b', value),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(int), _, _) => leaf(b'i', i128::from(int)),
            (_, Some(int), _) => leaf(b'i', i128::from(int)),
            (_, _, float) => leaf(b'f', float.unwrap_or(f64::NAN).to_bits()),
        },
        Value::String(string) => text(string),
        Value::Array(items) => {
            let mut list = Collection::list();
            items.iter().for_each(|item| list.item(self::value(item)));
            list.finish()
        }
        Value::Object(map) => {
            let mut mapping = Collection::mapping();
            map.iter().for_each(|(key, item)| mapping.pair(text(key), self::value(item)));
            mapping.finish()
        }
    }
}
