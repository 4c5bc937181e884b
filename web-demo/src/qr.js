// A code as a QR symbol (ISO/IEC 18004): version 1, level M, alphanumeric. That holds 20 characters, one more than a code.

import { h } from "./dom.js";

const SIZE = 21;
const CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const DATA_BYTES = 16;
// The generator polynomial of 10 correction bytes, highest power first, without its leading 1 (annex A).
const GENERATOR = [216, 194, 159, 111, 199, 94, 95, 113, 157, 193];
// Level M with mask 0 (annex C).
const FORMAT = 0x5412;

/** The product of two bytes in the field of the correction code (x⁸+x⁴+x³+x²+1). */
function times(a, b) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) product = ((product << 1) ^ (product & 128 ? 0x11d : 0)) ^ (b & (1 << bit) ? a : 0);
  return product;
}

function bytesOf(text) {
  let bits = "0010" + text.length.toString(2).padStart(9, "0");
  for (let i = 0; i < text.length; i += 2) {
    const [a, b] = [...text.slice(i, i + 2)].map((c) => CHARACTERS.indexOf(c));
    bits += b === undefined ? a.toString(2).padStart(6, "0") : (a * 45 + b).toString(2).padStart(11, "0");
  }
  const data = `${bits}0000`.slice(0, DATA_BYTES * 8).match(/.{1,8}/g).map((byte) => parseInt(byte.padEnd(8, "0"), 2));
  for (let pad = 0xec; data.length < DATA_BYTES; pad ^= 0xfd) data.push(pad);
  const rest = GENERATOR.map(() => 0);
  for (const byte of data) {
    const factor = byte ^ rest.shift();
    rest.push(0);
    GENERATOR.forEach((g, i) => { rest[i] ^= times(g, factor); });
  }
  return [...data, ...rest];
}

/** Rows of 21 modules, true where dark. */
export function modules(text) {
  const rows = Array.from({ length: SIZE }, () => Array(SIZE).fill(null));
  // Finder patterns with the light frame around them, and the timing patterns between.
  for (const [top, left] of [[0, 0], [0, SIZE - 7], [SIZE - 7, 0]]) {
    for (let y = -1; y < 8; y += 1) for (let x = -1; x < 8; x += 1) {
      const ring = Math.max(Math.abs(x - 3), Math.abs(y - 3));
      if (rows[top + y]?.[left + x] !== undefined) rows[top + y][left + x] = ring !== 2 && ring !== 4;
    }
  }
  for (let i = 8; i < SIZE - 8; i += 1) rows[6][i] = rows[i][6] = i % 2 === 0;
  for (let i = 0; i < 15; i += 1) {
    const dark = ((FORMAT >> i) & 1) === 1;
    rows[i < 6 ? i : i < 8 ? i + 1 : SIZE - 15 + i][8] = dark;
    rows[8][i < 8 ? SIZE - 1 - i : i === 8 ? 7 : 14 - i] = dark;
  }
  rows[SIZE - 8][8] = true;
  const bits = bytesOf(text).map((byte) => byte.toString(2).padStart(8, "0")).join("");
  // Two columns at a time from the right, up and down by turns, past the timing pattern.
  let at = 0;
  for (let right = SIZE - 1; right > 0; right -= right === 8 ? 3 : 2) {
    const up = ((right + (right < 6 ? 1 : 0)) & 2) === 0;
    for (let step = 0; step < SIZE; step += 1) {
      const y = up ? SIZE - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (rows[y][x] === null) rows[y][x] = (bits[at++] === "1") !== ((x + y) % 2 === 0);
      }
    }
  }
  return rows;
}

/** A picture of the symbol, with the quiet zone that readers need. */
export function picture(text, label) {
  const canvas = h("canvas", { className: "qr", width: SIZE + 8, height: SIZE + 8, role: "img", "aria-label": label });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, SIZE + 8, SIZE + 8);
  pen.fillStyle = "#000";
  modules(text).forEach((row, y) => row.forEach((dark, x) => { if (dark) pen.fillRect(x + 4, y + 4, 1, 1); }));
  return canvas;
}
