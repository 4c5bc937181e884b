//! Packs a wasm file; `src/unpack.js` unpacks it, and says how. What counts there counts here, in the same
//! order and to the last digit.

/// Everything outside of code, opcodes, locals, types of blocks, branches, tables, calls, reads and writes of
/// locals, globals, memory, alignments, offsets, numbers of 32 and 64 bits, and of floating point.
const STREAMS: &[u8] = b"=olbrtcgsGmaOiIf";
const CONTEXTS: usize = 8;
const INPUTS: usize = 2 * CONTEXTS + 1;
const SLOTS: usize = 1 << 24;

fn mix(a: u32, b: u32) -> u32 {
    let c = (a ^ a >> 15).wrapping_mul(0x2c1b_3c6d).wrapping_add(b);
    let d = (c ^ c >> 12).wrapping_mul(0x297a_2d39);
    d ^ d >> 15
}

/// How far a guess moves that was made so often before.
fn slower(often: u8) -> f64 {
    1.0 / (f64::from(often) + 1.5)
}

struct Encoder {
    low: u32,
    high: u32,
    out: Vec<u8>,
}

impl Encoder {
    /// Writes a bit whose chance to be 1 is given in 65536ths.
    fn bit(&mut self, one: bool, chance: u64) {
        let part = u64::from(self.high - self.low) * chance / 65536;
        let middle = self.low + part as u32;
        if one {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        while self.low >> 24 == self.high >> 24 {
            self.out.push((self.low >> 24) as u8);
            self.low <<= 8;
            self.high = self.high << 8 | 255;
        }
    }
}

struct Model {
    encoder: Encoder,
    squash: Vec<f64>,
    stretch: Vec<f64>,
    chances: Vec<u16>,
    seen: Vec<u8>,
    learned: Vec<f64>,
    often: Vec<u8>,
    right: [f64; 32],
    weights: [Vec<f64>; 3],
    rate: f64,
    past: Vec<u8>,
    latest: Vec<usize>,
    matched: usize,
    run: usize,
}

impl Model {
    fn new() -> Self {
        let (mut squash, mut stretch) = (vec![0.0; 4097], vec![0.0; 4096]);
        let mut odds = 1.0;
        for i in 2048..=4096 {
            squash[i] = odds / (1.0 + odds);
            squash[4096 - i] = 1.0 / (1.0 + odds);
            odds *= 257.0 / 256.0;
        }
        let mut at = 0;
        for (i, stretched) in stretch.iter_mut().enumerate() {
            while at < 4095 && squash[at] * 4096.0 < i as f64 + 0.5 {
                at += 1;
            }
            *stretched = (at as f64 - 2048.0) / 256.0;
        }
        let learned: Vec<f64> = (0..STREAMS.len() * CONTEXTS * 256)
            .map(|i| {
                let (mut one, mut zero) = (0.4, 0.4);
                let seen = (i & 255) as u32;
                for left in (0..31u32.saturating_sub(seen.leading_zeros())).rev() {
                    one = one * 0.85 + f64::from(seen >> left & 1);
                    zero = zero * 0.85 + f64::from(!seen >> left & 1);
                }
                one / (one + zero)
            })
            .collect();
        Self {
            encoder: Encoder { low: 0, high: u32::MAX, out: Vec::new() },
            squash,
            stretch,
            chances: vec![0x8000; SLOTS],
            seen: vec![0; SLOTS],
            often: vec![0; learned.len()],
            learned,
            right: [0.9; 32],
            weights: [STREAMS.len() * 16, 256 * 8, STREAMS.len() * 256]
                .map(|sets| vec![0.13; sets * INPUTS]),
            rate: 0.02,
            past: Vec::new(),
            latest: vec![0; 65536],
            matched: 0,
            run: 0,
        }
    }

    fn byte(
        &mut self,
        byte: u8,
        stream: usize,
        contexts: [u32; CONTEXTS],
        later: bool,
        opcode: u8,
    ) {
        let (mut node, mut place) = (1usize, 1usize);
        let mut base = [0usize; CONTEXTS];
        for k in (0..8).rev() {
            if k == 7 || k == 3 {
                place = 1;
                let half = if k == 3 { node as u32 } else { 0 };
                for (i, context) in contexts.iter().enumerate() {
                    base[i] = (mix(*context, i as u32 * 16 + half) >> 8 & !15) as usize;
                }
            }
            let mut inputs = [0.0; INPUTS];
            let mut places = [0; CONTEXTS];
            for i in 0..CONTEXTS {
                let x = base[i] + place;
                let before = usize::from(self.seen[x]);
                places[i] = (stream * CONTEXTS + i) * 256 + before;
                if before != 0 {
                    inputs[2 * i] = self.stretch[usize::from(self.chances[x] >> 4)];
                    inputs[2 * i + 1] = self.stretch[(self.learned[places[i]] * 4096.0) as usize];
                }
            }
            let mut likely = None;
            if self.run > 0 {
                let expected = usize::from(self.past[self.matched]) | 256;
                if expected >> (k + 1) == node {
                    let one = expected >> k & 1 == 1;
                    likely = Some(one);
                    let guess = self.stretch[(self.right[self.run] * 4096.0) as usize];
                    inputs[INPUTS - 1] = if one { guess } else { -guess };
                } else {
                    self.run = 0;
                }
            }
            let sets = [
                ((stream * 2 + usize::from(later)) * 8 + k) * INPUTS,
                (usize::from(opcode) * 8 + k) * INPUTS,
                (stream * 256 + node) * INPUTS,
            ];
            let mut sum = 0.0;
            for (i, input) in inputs.iter().enumerate() {
                let [by_bit, by_code, by_node] = &self.weights;
                sum += input * (by_bit[sets[0] + i] + by_code[sets[1] + i] + by_node[sets[2] + i]);
            }
            let chance = self.squash[((sum / 3.0 * 256.0 + 2048.5) as i32).clamp(1, 4095) as usize];
            let one = byte >> k & 1 == 1;
            self.encoder.bit(one, ((chance * 65536.0) as u64).clamp(1, 65535));
            let value = f64::from(u8::from(one));
            let step = (value - chance) * self.rate;
            for (weights, set) in self.weights.iter_mut().zip(sets) {
                for (i, input) in inputs.iter().enumerate() {
                    weights[set + i] += step * input;
                }
            }
            for i in 0..CONTEXTS {
                let x = base[i] + place;
                let (learned, often) = (&mut self.learned[places[i]], &mut self.often[places[i]]);
                *learned += (value - *learned) * slower(*often);
                *often = (*often + 1).min(180);
                let (now, count) = (self.chances[x] >> 4, self.chances[x] & 15);
                let now = f64::from(now);
                let goal = if one { 4095.0 } else { 0.0 };
                let after =
                    now + (goal - now) * slower(if count < 15 { count as u8 } else { 38 }) + 0.5;
                self.chances[x] = (after as u16) << 4 | (count + 1).min(15);
                let before = usize::from(self.seen[x]);
                let after = if before == 0 { 2 } else { before << 1 } | usize::from(one);
                self.seen[x] = (if after > 255 { after & 127 | 128 } else { after }) as u8;
            }
            if let Some(likely) = likely {
                let right = &mut self.right[self.run];
                *right += (f64::from(u8::from(likely == one)) - *right) * 0.01;
                if likely != one {
                    self.run = 0;
                }
            }
            node = node * 2 + usize::from(one);
            place = place * 2 + usize::from(one);
        }
        self.rate = self.rate * 0.99998 + 0.0045 * 0.00002;
        self.past.push(byte);
        self.look_for_match();
    }

    fn look_for_match(&mut self) {
        let at = self.past.len();
        if self.run > 0 {
            self.run = (self.run + 1).min(31);
            self.matched += 1;
        }
        if at < 5 {
            return;
        }
        let sum = (1..=5).fold(0u32, |sum, i| {
            sum.wrapping_add(u32::from(self.past[at - i])).wrapping_add(1).wrapping_mul(0x2f0b_4c47)
        });
        let latest = &mut self.latest[(sum >> 16) as usize];
        if self.run == 0 && *latest > 0 {
            self.matched = *latest;
            let same = |run: &usize| self.past[*latest - 1 - run] == self.past[at - 1 - run];
            self.run = (0..31.min(*latest)).take_while(same).count();
            if self.run < 5 {
                self.run = 0;
            }
        }
        *latest = at;
    }
}

/// The four latest bytes, and the four before.
#[derive(Default)]
struct Latest(u32, u32);

impl Latest {
    fn remember(&mut self, byte: u8) {
        *self = Self(self.0 << 8 | u32::from(byte), self.1 << 8 | self.0 >> 24);
    }
}

struct Packer<'a> {
    wasm: &'a [u8],
    at: usize,
    model: Model,
    histories: [u32; STREAMS.len()],
    all: Latest,
    first: Latest,
    codes: Latest,
    locals: u32,
}

impl Packer<'_> {
    fn byte(&mut self, stream: u8, before: u32, count: u32) -> Option<u8> {
        let byte = *self.wasm.get(self.at)?;
        self.at += 1;
        let kind = STREAMS.iter().position(|s| *s == stream)?;
        let own = self.histories[kind];
        let q = mix(before, count);
        let Latest(c, d) = self.codes;
        let contexts = if kind == 0 {
            let earlier = self.first.1;
            [
                0,
                own & 0xff,
                own & 0xffff,
                own & 0xff_ffff,
                own,
                mix(own, earlier & 0xffff),
                mix(own, earlier),
                mix(own & 0xff00, count),
            ]
        } else {
            [
                mix(q, c & 0xffff),
                if kind == 1 { c & 0xff_ffff } else { mix(mix(q, own & 0xff), c & 0xffff) },
                mix(q, c),
                mix(mix(q, self.all.0), self.all.1),
                mix(mix(q, c & 0xff), self.locals),
                mix(q, self.all.0 & 0xffff),
                if kind == 1 { c & 0xffff } else { q },
                mix(mix(q, c), d),
            ]
        };
        let contexts = contexts.map(|context| mix(context, kind as u32 + 1));
        self.model.byte(byte, kind, contexts, count > 0, c as u8);
        self.histories[kind] = own << 8 | u32::from(byte);
        if kind == 0 { &mut self.first } else { &mut self.all }.remember(byte);
        Some(byte)
    }

    /// A number in LEB128.
    fn number(&mut self, stream: u8) -> Option<usize> {
        let (mut value, mut before) = (0, 0u32);
        for count in 0..10 {
            let byte = self.byte(stream, before, count)?;
            before = before << 9 | u32::from(byte) | 256;
            value |= usize::from(byte & 127).checked_shl(count * 7).unwrap_or_default();
            if byte < 128 {
                if b"gs".contains(&stream) {
                    self.locals = (self.locals << 8 | (value & 255) as u32) & 0xffff;
                }
                return Some(value);
            }
        }
        None
    }

    /// A length, which is not packed: it follows from what it is the length of.
    fn length(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = *self.wasm.get(self.at)?;
            self.at += 1;
            value |= usize::from(byte & 127) << shift;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }

    fn sections(&mut self) -> Option<()> {
        for _ in 0..8 {
            self.byte(b'=', 0, 0)?;
        }
        while self.at < self.wasm.len() {
            if self.byte(b'=', 0, 0)? != 10 {
                for _ in 0..self.number(b'=')? {
                    self.byte(b'=', 0, 0)?;
                }
                continue;
            }
            let end = self.length()? + self.at;
            for _ in 0..self.number(b'=')? {
                self.body()?;
            }
            if self.at != end {
                return None;
            }
        }
        Some(())
    }

    fn body(&mut self) -> Option<()> {
        let end = self.length()? + self.at;
        for _ in 0..self.number(b'l')? {
            self.number(b'l')?;
            self.byte(b'l', 0, 0)?;
        }
        let mut depth = 1;
        while depth > 0 {
            depth += self.instruction()?;
        }
        (self.at == end).then_some(())
    }

    /// How much deeper an instruction leads.
    fn instruction(&mut self) -> Option<i32> {
        let code = self.byte(b'o', 0, 0)?;
        self.codes.remember(code);
        let operands: &[u8] = match code {
            0x02..=0x04 => b"b",
            0x0c | 0x0d => b"r",
            0x0e => {
                for _ in 0..=self.number(b't')? {
                    self.number(b't')?;
                }
                b""
            }
            0x10 | 0xd2 => b"c",
            0x11 => b"tt",
            0x06..=0x0a | 0x12..=0x19 | 0x1c | 0xfb | 0xfd | 0xfe => return None,
            0x20 => b"g",
            0x21 | 0x22 => b"s",
            0x23 | 0x24 => b"G",
            0x25 | 0x26 | 0x3f | 0x40 | 0xd0 => b"m",
            0x28..=0x3e => b"aO",
            0x41 => b"i",
            0x42 => b"I",
            0x43 | 0x44 => {
                for _ in 0..if code == 0x43 { 4 } else { 8 } {
                    self.byte(b'f', 0, 0)?;
                }
                b""
            }
            0xfc => match self.number(b'o')? {
                0..=7 => b"",
                8 | 10 | 12 | 14 => b"mm",
                _ => b"m",
            },
            _ => b"",
        };
        for stream in operands {
            self.number(*stream)?;
        }
        Some(match code {
            0x02..=0x04 => 1,
            0x0b => -1,
            _ => 0,
        })
    }
}

/// The wasm, packed; nothing where an instruction is not known here.
pub fn pack(wasm: &[u8]) -> Option<Vec<u8>> {
    let mut packer = Packer {
        wasm,
        at: 0,
        model: Model::new(),
        histories: [0; STREAMS.len()],
        all: Latest::default(),
        first: Latest::default(),
        codes: Latest::default(),
        locals: 0,
    };
    packer.sections()?;
    let Encoder { low, mut out, .. } = packer.model.encoder;
    out.extend(low.to_be_bytes());
    Some(out)
}
