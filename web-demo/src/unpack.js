// Unpacks what build/src/pack.rs packs: the wasm, a quarter smaller than browsers could unpack by themselves.
//
// Every bit is guessed from several things that stand before it, the guesses are weighed, and a range decoder
// takes the bit. Then guesses and weights learn from it. Packing does the same, so both must count alike to
// the last digit: with + - * / and integers, which leave nothing to choose.

/** How long the page is kept busy at once: whoever types meanwhile notices nothing. */
const SLICE_MS = 8;

/** Lets the page do what else there is to do. */
function breath() {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { channel.port1.close(); resolve(); };
    channel.port2.postMessage(null);
  });
}

/** Which streams the operands of an opcode are in; more than that for a few. */
function operandsOf(code) {
  if (code >= 0x28 && code <= 0x3e) return "aO";
  return { 2: "b", 3: "b", 4: "b", 0x0c: "r", 0x0d: "r", 0x10: "c", 0xd2: "c", 0x11: "tt", 0x20: "g", 0x21: "s", 0x22: "s", 0x23: "G", 0x24: "G", 0x25: "m", 0x26: "m", 0x3f: "m", 0x40: "m", 0xd0: "m", 0x41: "i", 0x42: "I" }[code] ?? "";
}

const STREAMS = "=olbrtcgsGmaOiIf";
const CONTEXTS = 8;
const INPUTS = 2 * CONTEXTS + 1;

/** A chance from its odds, whose logarithm has steps of 1/256, and back. */
const SQUASH = new Float64Array(4097);
const STRETCH = new Float64Array(4096);
for (let i = 2048, odds = 1; i <= 4096; i += 1) {
  SQUASH[i] = odds / (1 + odds);
  SQUASH[4096 - i] = 1 / (1 + odds);
  odds *= 257 / 256;
}
for (let i = 0, at = 0; i < 4096; i += 1) {
  while (at < 4095 && SQUASH[at] * 4096 < i + 0.5) at += 1;
  STRETCH[i] = (at - 2048) / 256;
}

/** How far a guess moves that was made so often before. */
const SLOWER = Float64Array.from({ length: 256 }, (_, often) => 1 / (often + 1.5));

function mix(a, b) {
  const c = Math.imul(a ^ a >>> 15, 0x2c1b3c6d) + b | 0;
  const d = Math.imul(c ^ c >>> 12, 0x297a2d39);
  return d ^ d >>> 15;
}

/** What gives the next bit: `bit(chance)`, the chance of a 1 in 65536ths. */
function decoder(packed) {
  // Numbers of 32 bits without sign, which is what this kind of array keeps without detours.
  const [LOW, HIGH, CODE] = [0, 1, 2];
  const coder = new Uint32Array([0, 2 ** 32 - 1, 0]);
  let at = 0;
  for (; at < 4; at += 1) coder[CODE] = coder[CODE] << 8 | packed[at];
  return (chance) => {
    const middle = coder[LOW] + Math.floor((coder[HIGH] - coder[LOW]) * chance / 65536);
    const one = coder[CODE] <= middle ? 1 : 0;
    if (one === 1) coder[HIGH] = middle;
    else coder[LOW] = middle + 1;
    while (coder[LOW] >>> 24 === coder[HIGH] >>> 24) {
      coder[LOW] <<= 8;
      coder[HIGH] = coder[HIGH] << 8 | 255;
      coder[CODE] = coder[CODE] << 8 | packed[at];
      at += 1;
    }
    return one;
  };
}

/** What gives the next byte: `byte(stream, contexts, later, opcode)`. */
function model(bit, past) {
  // For each thing that was seen before: a chance in 12 bits, how often in 4, and the latest bits behind a 1.
  const memory = new Int32Array(2 ** 24);
  const learned = new Float64Array(STREAMS.length * CONTEXTS * 256);
  const often = new Uint8Array(learned.length);
  for (let i = 0; i < learned.length; i += 1) {
    let [one, zero] = [0.4, 0.4];
    for (let left = 30 - Math.clz32(i & 255); left >= 0; left -= 1) {
      one = one * 0.85 + (i >> left & 1);
      zero = zero * 0.85 + (~i >> left & 1);
    }
    learned[i] = one / (one + zero);
  }
  const right = new Float64Array(32).fill(0.9);
  const [byBit, byCode, byNode] = [STREAMS.length * 16, 256 * 8, STREAMS.length * 256].map((sets) => new Float64Array(sets * INPUTS).fill(0.13));
  const inputs = new Float64Array(INPUTS);
  const base = new Int32Array(CONTEXTS);
  const places = new Int32Array(CONTEXTS);
  const ends = new Int32Array(65536);
  const rate = new Float64Array([0.02]);
  let [at, match, run] = [0, 0, 0];

  return (stream, contexts, later, opcode) => {
    let node = 1;
    let place = 1;
    for (let k = 7; k >= 0; k -= 1) {
      if (k === 7 || k === 3) {
        place = 1;
        for (let i = 0; i < CONTEXTS; i += 1) base[i] = mix(contexts[i], i * 16 + (k === 3 ? node : 0)) >>> 8 & ~15;
      }
      for (let i = 0; i < CONTEXTS; i += 1) {
        const before = memory[base[i] + place];
        const spot = (stream * CONTEXTS + i) * 256 + (before & 255);
        places[i] = spot;
        inputs[2 * i] = before === 0 ? 0 : STRETCH[before >> 12];
        inputs[2 * i + 1] = before === 0 ? 0 : STRETCH[learned[spot] * 4096 | 0];
      }
      let likely = -1;
      let guess = 0;
      if (run > 0) {
        const byte = past[match] | 256;
        if (byte >> k + 1 === node) {
          likely = byte >> k & 1;
          guess = STRETCH[right[run] * 4096 | 0];
        } else run = 0;
      }
      inputs[INPUTS - 1] = likely === 0 ? -guess : guess;
      const a = ((stream * 2 + later) * 8 + k) * INPUTS;
      const b = (opcode * 8 + k) * INPUTS;
      const c = (stream * 256 + node) * INPUTS;
      let sum = 0;
      for (let i = 0; i < INPUTS; i += 1) sum += inputs[i] * (byBit[a + i] + byCode[b + i] + byNode[c + i]);
      const chance = SQUASH[Math.min(Math.max(sum / 3 * 256 + 2048.5 | 0, 1), 4095)];
      const one = bit(Math.min(Math.max(chance * 65536 | 0, 1), 65535));
      const step = (one - chance) * rate[0];
      for (let i = 0; i < INPUTS; i += 1) {
        const change = step * inputs[i];
        byBit[a + i] += change;
        byCode[b + i] += change;
        byNode[c + i] += change;
      }
      for (let i = 0; i < CONTEXTS; i += 1) {
        const spot = places[i];
        learned[spot] += (one - learned[spot]) * SLOWER[often[spot]];
        if (often[spot] < 180) often[spot] += 1;
        const before = memory[base[i] + place] || 2048 << 12 | 1;
        const now = before >> 12;
        const count = before >> 8 & 15;
        const latest = (before & 255) << 1 | one;
        memory[base[i] + place] = (now + (one * 4095 - now) * SLOWER[count < 15 ? count : 38] + 0.5 | 0) << 12 | (count < 15 ? count + 1 : 15) << 8 | (latest > 255 ? latest & 127 | 128 : latest);
      }
      if (likely >= 0) {
        right[run] += ((likely === one ? 1 : 0) - right[run]) * 0.01;
        if (likely !== one) run = 0;
      }
      node = node * 2 + one;
      place = place * 2 + one;
    }
    rate[0] = rate[0] * 0.99998 + 0.0045 * 0.00002;
    past[at++] = node & 255;
    if (run > 0) {
      run = Math.min(run + 1, 31);
      match += 1;
    }
    if (at >= 5) {
      let sum = 0;
      for (let i = 1; i <= 5; i += 1) sum = Math.imul(sum + past[at - i] + 1, 0x2f0b4c47);
      const spot = sum >>> 16;
      if (run === 0 && ends[spot] > 0) {
        match = ends[spot];
        while (run < 31 && run < match && past[match - 1 - run] === past[at - 1 - run]) run += 1;
        if (run < 5) run = 0;
      }
      ends[spot] = at;
    }
    return node & 255;
  };
}

/** The wasm of this size. The input is under the page's hash, so it is not damaged. */
export async function unpack(packed, size) {
  const out = new Uint8Array(size);
  const past = new Uint8Array(size);
  const next = model(decoder(packed), past);
  const contexts = new Int32Array(CONTEXTS);
  const operands = Array.from({ length: 256 }, (_, code) => operandsOf(code));
  const histories = new Int32Array(STREAMS.length);
  // The latest bytes of all streams but the first, of the first one, and of opcodes: four and the four before.
  const [all, first, codes] = [0, 0, 0].map(() => new Int32Array(2));
  const remember = (list, byte) => { list[1] = list[1] << 8 | list[0] >>> 24; list[0] = list[0] << 8 | byte; };
  let locals = 0;
  let at = 0;
  let to = 0;

  /** The next byte; `before` are those of the same number. */
  function byte(stream, before = 0, count = 0) {
    const kind = STREAMS.indexOf(stream);
    const own = histories[kind];
    const q = mix(before, count);
    const c = codes[0];
    const list = kind === 0
      ? [0, own & 0xff, own & 0xffff, own & 0xffffff, own, mix(own, first[1] & 0xffff), mix(own, first[1]), mix(own & 0xff00, count)]
      : [mix(q, c & 0xffff), kind === 1 ? c & 0xffffff : mix(mix(q, own & 0xff), c & 0xffff), mix(q, c), mix(mix(q, all[0]), all[1]),
        mix(mix(q, c & 0xff), locals), mix(q, all[0] & 0xffff), kind === 1 ? c & 0xffff : q, mix(mix(q, c), codes[1])];
    for (let i = 0; i < CONTEXTS; i += 1) contexts[i] = mix(list[i], kind + 1);
    const value = next(kind, contexts, count > 0 ? 1 : 0, c & 255);
    histories[kind] = own << 8 | value;
    remember(kind === 0 ? first : all, value);
    at += 1;
    out[to++] = value;
    return value;
  }
  function number(stream) {
    let [value, factor, one, before] = [0, 1, 128, 0];
    for (let count = 0; one >= 128; count += 1) {
      one = byte(stream, before, count);
      before = before << 9 | one | 256;
      value += one % 128 * factor;
      factor *= 128;
    }
    if (stream === "g" || stream === "s") locals = (locals << 8 | value & 255) & 0xffff;
    return value;
  }
  /** How much deeper an instruction leads. */
  function instruction() {
    const code = byte("o");
    remember(codes, code);
    if (code === 0x0e) for (let left = number("t"); left >= 0; left -= 1) number("t");
    if (code === 0x43 || code === 0x44) for (let left = code === 0x43 ? 4 : 8; left > 0; left -= 1) byte("f");
    if (code === 0xfc) {
      const more = number("o");
      if (more > 7) number("m");
      if ([8, 10, 12, 14].includes(more)) number("m");
    }
    for (const stream of operands[code]) number(stream);
    return code >= 2 && code <= 4 ? 1 : code === 0x0b ? -1 : 0;
  }
  /** Puts before what came since `start` how long it is. */
  function insertLength(start) {
    const bytes = [];
    for (let left = to - start; bytes.length === 0 || left > 0; left = left >> 7) bytes.push(left > 127 ? left & 127 | 128 : left);
    out.copyWithin(start + bytes.length, start, to);
    out.set(bytes, start);
    to += bytes.length;
  }
  let pause = performance.now() + SLICE_MS;
  async function breathe() {
    if (performance.now() < pause) return;
    await breath();
    pause = performance.now() + SLICE_MS;
  }
  for (let left = 8; left > 0; left -= 1) byte("=");
  while (to < size) {
    if (byte("=") !== 10) {
      for (let left = number("="); left > 0; left -= 1) {
        byte("=");
        if (left % 64 === 0) await breathe();
      }
      continue;
    }
    const section = to;
    for (let bodies = number("="); bodies > 0; bodies -= 1) {
      const body = to;
      for (let groups = number("l"); groups > 0; groups -= 1) {
        number("l");
        byte("l");
      }
      for (let [depth, count] = [1, 0]; depth > 0; depth += instruction()) if ((count += 1) % 16 === 0) await breathe();
      insertLength(body);
    }
    insertLength(section);
  }
  return out;
}
