// Puts the bytes of the wasm together again that build/src/split.rs has sorted by what they mean.

const STREAMS = "=onlbrtcgsGmaOiIf";

/** Which streams the operands of an opcode are in; null for those that need more than that. */
function operandsOf(code) {
  if (code >= 0x28 && code <= 0x3e) return "aO";
  return { 2: "b", 3: "b", 4: "b", 0x0c: "r", 0x0d: "r", 0x10: "c", 0xd2: "c", 0x11: "tt", 0x20: "g", 0x21: "s", 0x22: "s", 0x23: "G", 0x24: "G", 0x25: "m", 0x26: "m", 0x3f: "m", 0x40: "m", 0xd0: "m", 0x41: "i", 0x42: "I" }[code] ?? "";
}

/** The wasm out of its streams, which stand one after the other and have these sizes. */
export function join(sorted, sizes) {
  const out = new Uint8Array(sorted.length);
  const at = {};
  sizes.reduce((start, size, index) => { at[STREAMS[index]] = start; return start + size; }, 0);
  const operands = Array.from({ length: 256 }, (_, code) => operandsOf(code));
  let to = 0;
  const byte = (stream) => { const value = sorted[at[stream]++]; out[to++] = value; return value; };
  function number(stream) {
    let [value, factor, one] = [0, 1, 128];
    while (one >= 128) {
      one = byte(stream);
      value += one % 128 * factor;
      factor *= 128;
    }
    return value;
  }
  const bytes = (stream, count) => { for (let left = count; left > 0; left -= 1) byte(stream); };
  function instruction() {
    const code = byte("o");
    if (code === 0x0e) for (let left = number("t"); left >= 0; left -= 1) number("t");
    if (code === 0x43 || code === 0x44) bytes("f", code === 0x43 ? 4 : 8);
    if (code !== 0xfc) for (const stream of operands[code]) number(stream);
    else {
      const more = number("o");
      if (more > 7) number("m");
      if ([8, 10, 12, 14].includes(more)) number("m");
    }
  }
  bytes("=", 8);
  while (to < out.length) {
    const id = byte("=");
    const size = number("=");
    if (id !== 10) {
      bytes("=", size);
      continue;
    }
    for (let bodies = number("="); bodies > 0; bodies -= 1) {
      const body = number("n");
      const end = to + body;
      for (let groups = number("l"); groups > 0; groups -= 1) {
        number("l");
        byte("l");
      }
      while (to < end) instruction();
    }
  }
  return out;
}
