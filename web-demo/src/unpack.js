// Unpacks what `xz --format=lzma` packs, a fifth smaller than what browsers can unpack by themselves.
// The format is Igor Pavlov's "LZMA specification": a range decoder whose chances adapt, and on top
// literals and copies of what came before.

const TOP = 2 ** 24;
const HEADER = 13;

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

const chances = (count) => new Uint16Array(count).fill(1024);

/** The first `size` bytes that were packed; what comes out of damaged input is as long, and wrong. */
export async function unpack(packed, size) {
  const literalBits = packed[0] % 9;
  const literalMask = 2 ** (Math.floor(packed[0] / 9) % 5) - 1;
  const placeBits = Math.floor(packed[0] / 45);
  const out = new Uint8Array(size);

  // One byte behind the header is always 0.
  let next = HEADER + 1;
  // Numbers of 32 bits without sign, which is what this kind of array keeps without detours.
  const [RANGE, CODE] = [0, 1];
  const coder = new Uint32Array([2 ** 32 - 1, 0]);
  function widen() {
    coder[RANGE] <<= 8;
    coder[CODE] = coder[CODE] << 8 | packed[next];
    next += 1;
  }
  for (let i = 0; i < 4; i += 1) coder[CODE] = coder[CODE] << 8 | packed[next++];

  function bit(table, at) {
    const range = coder[RANGE];
    const code = coder[CODE];
    const chance = table[at];
    const bound = (range >>> 11) * chance;
    const one = code >= bound ? 1 : 0;
    if (one === 1) {
      coder[RANGE] = range - bound;
      coder[CODE] = code - bound;
      table[at] = chance - (chance >>> 5);
    } else {
      coder[RANGE] = bound;
      table[at] = chance + ((2048 - chance) >>> 5);
    }
    if (coder[RANGE] < TOP) widen();
    return one;
  }
  function evenBits(count) {
    let value = 0;
    for (let i = 0; i < count; i += 1) {
      coder[RANGE] >>>= 1;
      const one = coder[CODE] >= coder[RANGE] ? 1 : 0;
      if (one === 1) coder[CODE] -= coder[RANGE];
      value = value * 2 + one;
      if (coder[RANGE] < TOP) widen();
    }
    return value;
  }
  /** A number of so many bits, the highest first. */
  function number(table, count, start = 0) {
    let node = 1;
    for (let i = 0; i < count; i += 1) node = node * 2 + bit(table, start + node);
    return node - 2 ** count;
  }
  /** The same, the lowest first. */
  function backwards(table, count, start = 0) {
    let node = 1;
    let value = 0;
    for (let i = 0; i < count; i += 1) {
      const one = bit(table, start + node);
      node = node * 2 + one;
      value += one * 2 ** i;
    }
    return value;
  }

  const lengths = () => ({ choice: chances(2), short: chances(8 << 4), medium: chances(8 << 4), long: chances(256) });
  function length(from, place) {
    if (!bit(from.choice, 0)) return 2 + number(from.short, 3, place * 8);
    if (!bit(from.choice, 1)) return 10 + number(from.medium, 3, place * 8);
    return 18 + number(from.long, 8);
  }

  const literals = chances(0x300 * 2 ** literalBits * (literalMask + 1));
  const [isCopy, isSingle] = [chances(12 << 4), chances(12 << 4)];
  const [isRecent, isSecond, isThird, isFourth] = [chances(12), chances(12), chances(12), chances(12)];
  const [slots, middle, low] = [chances(4 * 64), chances(115), chances(16)];
  const [newLengths, recentLengths] = [lengths(), lengths()];

  function literal(at, afterCopy, distance) {
    const before = at > 0 ? out[at - 1] : 0;
    const start = 0x300 * (((at & literalMask) << literalBits) + (before >> (8 - literalBits)));
    let symbol = 1;
    if (afterCopy) {
      let likely = out[at - distance - 1];
      let asLikely = true;
      while (asLikely && symbol < 0x100) {
        const guess = likely >> 7 & 1;
        likely <<= 1;
        const one = bit(literals, start + ((1 + guess) << 8) + symbol);
        symbol = symbol * 2 + one;
        asLikely = one === guess;
      }
    }
    while (symbol < 0x100) symbol = symbol * 2 + bit(literals, start + symbol);
    return symbol - 0x100;
  }
  function distance(copied) {
    const slot = number(slots, 6, Math.min(copied - 2, 3) * 64);
    if (slot < 4) return slot;
    const count = (slot >> 1) - 1;
    const high = (2 + slot % 2) * 2 ** count;
    if (slot < 14) return high + backwards(middle, count, high - slot);
    return high + evenBits(count - 4) * 16 + backwards(low, 4);
  }

  // The last four distances, the latest first.
  let [first, second, third, fourth] = [0, 0, 0, 0];
  let state = 0;
  let at = 0;
  let pause = performance.now() + SLICE_MS;
  while (at < size) {
    if (performance.now() > pause) {
      await breath();
      pause = performance.now() + SLICE_MS;
    }
    const place = at & (2 ** placeBits - 1);
    if (!bit(isCopy, state * 16 + place)) {
      out[at] = literal(at, state >= 7, first);
      at += 1;
      state = state < 4 ? 0 : state - (state < 10 ? 3 : 6);
      continue;
    }
    let copied = 1;
    if (!bit(isRecent, state)) {
      copied = length(newLengths, place);
      [first, second, third, fourth] = [distance(copied), first, second, third];
      state = state < 7 ? 7 : 10;
    } else {
      if (!bit(isSecond, state)) {
        if (!bit(isSingle, state * 16 + place)) copied = 0;
      } else if (!bit(isThird, state)) {
        [first, second] = [second, first];
      } else if (!bit(isFourth, state)) {
        [first, second, third] = [third, first, second];
      } else {
        [first, second, third, fourth] = [fourth, first, second, third];
      }
      if (copied === 0) {
        copied = 1;
        state = state < 7 ? 9 : 11;
      } else {
        copied = length(recentLengths, place);
        state = state < 7 ? 8 : 11;
      }
    }
    for (const end = Math.min(at + copied, size); at < end; at += 1) out[at] = out[at - first - 1];
  }
  return out;
}
