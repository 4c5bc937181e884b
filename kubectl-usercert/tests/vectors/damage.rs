//! Certificates with something wrong in them, still put together as ASN.1 is for the most part.

/// Numbers that are the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most.max(1)
    }
}

/// An element and, where it is made of elements, what is in it.
#[derive(Clone)]
struct Node {
    tag: u8,
    content: Vec<u8>,
    children: Option<Vec<Node>>,
}

fn parse(der: &[u8]) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    let mut rest = der;
    while let [tag, first, after @ ..] = rest {
        let (length, after) = match first {
            0..=0x7f => (usize::from(*first), after),
            0x81..=0x83 => {
                let (size, after) = after.split_at_checked(usize::from(first & 0x7f))?;
                (size.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), after)
            }
            _ => return None,
        };
        let (content, after) = after.split_at_checked(length)?;
        let inside = match tag {
            // What extensions hold is DER as well, and so are most keys.
            4 => parse(content).filter(|c| !c.is_empty()),
            3 => content.strip_prefix(&[0]).and_then(parse).filter(|c| !c.is_empty()),
            tag if tag & 0x20 != 0 => parse(content),
            _ => None,
        };
        nodes.push(Node { tag: *tag, content: content.to_vec(), children: inside });
        rest = after;
    }
    rest.is_empty().then_some(nodes)
}

fn write(nodes: &[Node]) -> Vec<u8> {
    let mut out = Vec::new();
    for node in nodes {
        let content = match (&node.children, node.tag) {
            (Some(children), 3) => [vec![0], write(children)].concat(),
            (Some(children), _) => write(children),
            (None, _) => node.content.clone(),
        };
        out.push(node.tag);
        match content.len() {
            length @ 0..=0x7f => out.push(u8::try_from(length).unwrap()),
            length => {
                let size: Vec<u8> =
                    length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
                out.push(0x80 | u8::try_from(size.len()).unwrap());
                out.extend(size);
            }
        }
        out.extend(content);
    }
    out
}

fn count(nodes: &[Node]) -> usize {
    nodes.iter().map(|node| 1 + node.children.as_deref().map_or(0, count)).sum()
}

/// The list that holds a node, and its place there.
fn find(nodes: &mut Vec<Node>, mut number: usize) -> Option<(&mut Vec<Node>, usize)> {
    let sizes: Vec<usize> =
        nodes.iter().map(|n| 1 + n.children.as_deref().map_or(0, count)).collect();
    for (place, size) in sizes.into_iter().enumerate() {
        if number == 0 {
            return Some((nodes, place));
        }
        if number < size {
            return find(nodes.get_mut(place)?.children.as_mut()?, number - 1);
        }
        number -= size;
    }
    None
}

/// The certificate with one thing changed: an element's tag, content or place, or a byte of the whole.
pub(crate) fn damaged(der: &[u8], random: &mut Random) -> Vec<u8> {
    let whole = parse(der).filter(|nodes| !nodes.is_empty());
    let Some(mut nodes) = whole.filter(|_| random.below(8) > 0) else {
        let mut der = der.to_vec();
        let at = random.below(der.len());
        if let Some(byte) = der.get_mut(at) {
            *byte = u8::try_from(random.below(256)).unwrap();
        }
        return der;
    };
    let number = random.below(count(&nodes));
    let Some((list, place)) = find(&mut nodes, number) else { return der.to_vec() };
    let other = random.below(256);
    let byte = u8::try_from(other).unwrap();
    let length = list[place].content.len();
    let node = &mut list[place];
    match random.below(14) {
        0 => node.tag = byte,
        1 => node.tag = [1, 2, 3, 4, 5, 6, 12, 19, 20, 22, 23, 24, 28, 30, 48, 49][other % 16],
        2 => node.tag = [0x80, 0xa0][other % 2] | byte >> 4,
        3 => node.tag ^= 0x20,
        4 => drop(list.remove(place)),
        5 => {
            let again = node.clone();
            list.insert(place, again);
        }
        6 => {
            let next = (place + 1) % list.len();
            list.swap(place, next);
        }
        7 => list.insert(place + 1, Node { tag: 5, content: Vec::new(), children: None }),
        8 => *node = Node { tag: node.tag, content: Vec::new(), children: None },
        9 => {
            node.children = None;
            node.content.insert(0, [0, 0xff, 0x80, 1][other % 4]);
        }
        10 => {
            node.children = None;
            node.content.push(byte);
        }
        11 => {
            node.children = None;
            node.content.truncate(length / 2);
        }
        12 if length > 0 => {
            node.children = None;
            node.content[0] = [0, 0xff, 0x80, 1, 0x7f][other % 5];
        }
        _ if length > 0 => {
            node.children = None;
            let at = random.below(length);
            node.content[at] = byte;
        }
        _ => node.content.push(byte),
    }
    write(&nodes)
}
