//! Sorts the bytes of a wasm file by what they mean, so that they pack smaller: opcodes to opcodes,
//! indices to indices. `src/join.js` puts them together again.

/// Streams in their order: everything outside of code, opcodes, lengths of bodies, locals, types of
/// blocks, branches, tables, calls, reads and writes of locals, globals, memory, alignments, offsets,
/// numbers of 32 and 64 bits, and of floating point.
const STREAMS: &[u8] = b"=onlbrtcgsGmaOiIf";

struct Split<'a> {
    wasm: &'a [u8],
    at: usize,
    streams: Vec<Vec<u8>>,
}

impl Split<'_> {
    fn byte(&mut self, stream: u8) -> Option<u8> {
        let byte = *self.wasm.get(self.at)?;
        self.at += 1;
        let place = STREAMS.iter().position(|s| *s == stream)?;
        self.streams.get_mut(place)?.push(byte);
        Some(byte)
    }

    /// A number in LEB128.
    fn number(&mut self, stream: u8) -> Option<usize> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.byte(stream)?;
            value |= usize::from(byte & 127).checked_shl(shift).unwrap_or_default();
            shift += 7;
            if byte < 128 {
                return Some(value);
            }
        }
    }

    fn sections(&mut self) -> Option<()> {
        for _ in 0..8 {
            self.byte(b'=')?;
        }
        while self.at < self.wasm.len() {
            let id = self.byte(b'=')?;
            let size = self.number(b'=')?;
            if id != 10 {
                for _ in 0..size {
                    self.byte(b'=')?;
                }
                continue;
            }
            for _ in 0..self.number(b'=')? {
                self.body()?;
            }
        }
        Some(())
    }

    fn body(&mut self) -> Option<()> {
        let size = self.number(b'n')?;
        let end = self.at + size;
        for _ in 0..self.number(b'l')? {
            self.number(b'l')?;
            self.byte(b'l')?;
        }
        while self.at < end {
            self.instruction()?;
        }
        Some(())
    }

    fn instruction(&mut self) -> Option<()> {
        let operands: &[u8] = match self.byte(b'o')? {
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
            0x1c | 0xfd | 0xfe => return None,
            0x20 => b"g",
            0x21 | 0x22 => b"s",
            0x23 | 0x24 => b"G",
            0x25 | 0x26 | 0x3f | 0x40 | 0xd0 => b"m",
            0x28..=0x3e => b"aO",
            0x41 => b"i",
            0x42 => b"I",
            float @ (0x43 | 0x44) => {
                for _ in 0..if float == 0x43 { 4 } else { 8 } {
                    self.byte(b'f')?;
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
        Some(())
    }
}

/// The streams one after the other, and their sizes; nothing where an instruction is not known here.
pub fn split(wasm: &[u8]) -> Option<(Vec<u8>, Vec<usize>)> {
    let mut split = Split { wasm, at: 0, streams: vec![Vec::new(); STREAMS.len()] };
    split.sections()?;
    let sizes = split.streams.iter().map(Vec::len).collect();
    Some((split.streams.concat(), sizes))
}
