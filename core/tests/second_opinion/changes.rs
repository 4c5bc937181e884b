//! DER with one thing changed.

/// An element of DER as a tree, to be changed and written again with lengths that fit.
#[derive(Clone)]
pub enum Tree {
    Leaf(u8, Vec<u8>),
    Node(u8, Vec<Tree>),
}

impl Tree {
    /// The elements that the bytes consist of, those in octet and bit strings too.
    pub fn read(mut der: &[u8]) -> Option<Vec<Tree>> {
        let mut trees = Vec::new();
        while !der.is_empty() {
            let (header, rest) = der.split_at_checked(2)?;
            let (length, rest) = match usize::from(header[1]) {
                short @ ..=0x7f => (short, rest),
                0x81 => (usize::from(*rest.first()?), &rest[1..]),
                0x82 => (usize::from(*rest.first()?) << 8 | usize::from(*rest.get(1)?), &rest[2..]),
                _ => return None,
            };
            let (content, after) = rest.split_at_checked(length)?;
            let holds = header[0] & 0x20 != 0 || header[0] == 4 && content.first() == Some(&0x30);
            let inside = holds.then(|| Tree::read(content)).flatten();
            trees.push(match inside {
                Some(inside) => Tree::Node(header[0], inside),
                None => Tree::Leaf(header[0], content.to_vec()),
            });
            der = after;
        }
        Some(trees)
    }

    pub fn write(&self) -> Vec<u8> {
        let (tag, content) = match self {
            Tree::Leaf(tag, content) => (*tag, content.clone()),
            Tree::Node(tag, inside) => (*tag, inside.iter().flat_map(Tree::write).collect()),
        };
        let length = content.len();
        let header = match length {
            ..0x80 => vec![tag, length as u8],
            0x80..0x100 => vec![tag, 0x81, length as u8],
            _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
        };
        [header, content].concat()
    }

    /// This tree with each change made to each of its parts, one at a time.
    fn changed(&self) -> Vec<Tree> {
        let mut all = Vec::new();
        match self {
            Tree::Leaf(tag, content) => {
                all.push(Tree::Leaf(*tag, Vec::new()));
                all.push(Tree::Leaf(*tag, [&content[..], &[7]].concat()));
                all.extend(
                    [0x0c, 0x13, 0x14, 0x16, 0x1e].map(|tag| Tree::Leaf(tag, content.clone())),
                );
                for (place, bit) in
                    (0..content.len().min(8)).flat_map(|place| [(place, 1), (place, 0x80)])
                {
                    let mut content = content.clone();
                    content[place] ^= bit;
                    all.push(Tree::Leaf(*tag, content));
                }
            }
            Tree::Node(tag, inside) => {
                for (place, part) in inside.iter().enumerate() {
                    let with = |parts: &[Tree]| {
                        Tree::Node(*tag, [&inside[..place], parts, &inside[place + 1..]].concat())
                    };
                    all.push(with(&[]));
                    all.push(with(&[part.clone(), part.clone()]));
                    all.extend(part.changed().into_iter().map(|part| with(&[part])));
                }
            }
        }
        all
    }
}

/// The structure with one thing changed: the low bits of each byte, and whatever can be changed so that
/// lengths still fit. The high bits of a tag are its class and form, which x509-parser passes over.
pub fn changes(der: &[u8]) -> Vec<Vec<u8>> {
    let bits = (0..der.len()).flat_map(|place| (0..5).map(move |bit| (place, bit)));
    let bytes = bits.map(|(place, bit)| {
        let mut der = der.to_vec();
        der[place] ^= 1 << bit;
        der
    });
    let whole = Tree::read(der).unwrap().remove(0);
    assert_eq!(whole.write(), der);
    bytes.chain(whole.changed().iter().map(Tree::write)).collect()
}
