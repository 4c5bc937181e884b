// What the library offers: wasm decides, WebCrypto signs and verifies, and this module leads the one
// to the other. The types are in index.d.ts.

import * as wasm from "./usercert_wasm_bg.js";
import * as webcrypto from "./webcrypto.js";

export const KEY_TYPES = ["p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096"];

const bytesOf = (input) => (typeof input === "string" ? new TextEncoder().encode(input) : input);
// Lists go into wasm as lines.
function lines(names) {
  if (names.some((name) => name.includes("\n"))) throw new Error("a group's name holds a line break");
  return names.map((name) => `${name}\n`).join("");
}
const seconds = (now) => Math.floor(now.getTime() / 1000);

/** Takes what a WebAssembly.instantiate of the wasm gives; the loaders beside this file do it. */
export function attach(instance) {
  wasm.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start?.();
}

export function version() {
  return wasm.version();
}

export function canMakeKeys() {
  return webcrypto.available();
}

export function checkUser(name) {
  wasm.checkUser(name);
}

export function checkGroup(name) {
  wasm.checkGroup(name);
}

export function reviewNames(user, groups) {
  return JSON.parse(wasm.reviewNames(user, lines(groups)));
}

export function lifetimeSeconds(text) {
  return wasm.lifetimeSeconds(text);
}

export function defaultLifetime() {
  return wasm.defaultLifetime();
}

export function defaultSigner() {
  return wasm.defaultSigner();
}

const ASKED = "# asked: ";

/** What was asked for with the key in a file, as `Key.pem` noted it there; null when it does not say. */
export function askedWith(file) {
  const text = typeof file === "string" ? file : new TextDecoder().decode(file);
  const line = text.split("\n").find((l) => l.startsWith(ASKED));
  if (line === undefined) return null;
  try {
    const { user, groups, seconds } = JSON.parse(line.slice(ASKED.length));
    const names = Array.isArray(groups) ? [user, ...groups] : [null];
    const good = names.every((name) => typeof name === "string") && (seconds === null || Number.isInteger(seconds));
    return good ? { user, groups, seconds } : null;
  } catch {
    return null;
  }
}

/** A private key. Whoever holds the object can sign with it and export it. */
export class Key {
  constructor(kind, names, privateKey, publicKey) {
    Object.assign(this, { kind, names, privateKey, publicKey });
    Object.freeze(this);
  }

  static async generate(type) {
    const names = JSON.parse(wasm.generateNames(type));
    const pair = await webcrypto.generate(names);
    return new Key(type, names, pair.privateKey, pair.publicKey);
  }

  static async read(file) {
    const pkcs8 = wasm.toPkcs8(bytesOf(file));
    const { kind, names } = JSON.parse(wasm.keyNames(pkcs8));
    if (names === null) throw new Error(`a key of the kind ${kind} cannot be used`);
    let privateKey;
    try {
      privateKey = await webcrypto.importPrivate(pkcs8, names);
    } catch {
      throw new Error(`the ${kind} key cannot be read: it is damaged, or this browser does not know its kind`);
    } finally {
      pkcs8.fill(0);
    }
    return new Key(kind, names, privateKey, await webcrypto.publicOf(privateKey, names));
  }

  /** With `asked` the file says in a comment of its own what was asked for with the key. */
  async pem(asked = null) {
    const pem = await this.#withPkcs8((pkcs8) => wasm.keyPem(pkcs8));
    if (asked === null) return pem;
    const { user, groups = [], seconds = null } = asked;
    return `${ASKED}${JSON.stringify({ user, groups, seconds })}\n${pem}`;
  }

  async kubeconfig(reply) {
    return this.#withPkcs8((pkcs8) => wasm.kubeconfig(bytesOf(reply), pkcs8));
  }

  async #withPkcs8(use) {
    const pkcs8 = await webcrypto.pkcs8Of(this.privateKey);
    try {
      return use(pkcs8);
    } finally {
      pkcs8.fill(0);
    }
  }
}

export function toBeSigned(user, groups, spki) {
  return wasm.toBeSigned(user, lines(groups), spki);
}

export async function makeRequest(key, { user, groups = [] }) {
  const spki = await webcrypto.spkiOf(key.publicKey);
  const signed = toBeSigned(user, groups, spki);
  const signature = await webcrypto.sign(key.privateKey, key.names, signed);
  return wasm.assembleRequest(signed, spki, signature);
}

export function handOver(request, { seconds = null, signer = defaultSigner(), stem = "" } = {}) {
  return JSON.parse(wasm.handOver(request, seconds ?? undefined, signer, stem));
}

export function readAnswer(input, now = new Date()) {
  return JSON.parse(wasm.readAnswer(bytesOf(input), seconds(now)));
}

export function completeAnswer(input, { server, ca, name = "kubernetes", namespace = null }) {
  return wasm.completeAnswer(bytesOf(input), server, ca, name, namespace ?? undefined);
}

export function readCluster(text) {
  return JSON.parse(wasm.readCluster(text));
}

export async function checkAnswer(input, key, asked = null, now = new Date()) {
  const answer = readAnswer(input, now);
  const spki = webcrypto.bytesFromBase64(answer.key.spki);
  const keyMatches =
    answer.key.names !== null && (await webcrypto.belongTogether(key.privateKey, answer.key.names, spki));
  const signatures = await verifyAll(answer.signatures);
  const { user, groups = [], seconds: lifetime } = asked ?? {};
  return JSON.parse(wasm.checkAnswer(
    bytesOf(input), keyMatches, user, lines(groups), lifetime ?? undefined, lines(signatures), seconds(now)));
}

/** What something is for, and its text without what mail programs and chats put around it. */
export function sort(input) {
  const { purpose, text } = JSON.parse(wasm.sort(bytesOf(input)));
  return { purpose, bytes: text === null ? bytesOf(input) : bytesOf(text) };
}

export function readRequest(input) {
  return JSON.parse(wasm.readRequest(bytesOf(input)));
}

/** One input, or several as `{ name, bytes }`, which are looked at together. */
export async function inspect(inputs, now = new Date()) {
  const several = (Array.isArray(inputs) ? inputs : [{ name: "-", bytes: inputs }])
    .map(({ name, bytes }) => ({ name: name.replaceAll("\n", " "), bytes: bytesOf(bytes) }));
  const all = new Uint8Array(several.reduce((sum, { bytes }) => sum + bytes.length, 0));
  several.reduce((at, { bytes }) => { all.set(bytes, at); return at + bytes.length; }, 0);
  const sizes = lines(several.map(({ bytes }) => String(bytes.length)));
  const names = lines(several.map(({ name }) => name));
  const tasks = JSON.parse(wasm.inspectionTasks(all, sizes, names));
  const signatures = await verifyAll(tasks.signatures);
  const keys = [];
  for (const key of tasks.keys) keys.push(key === null ? "" : await webcrypto.publicHalf(key));
  return JSON.parse(wasm.inspect(all, sizes, names, lines(signatures), lines(keys), seconds(now)));
}

/** The requests in the input, each as an approver would see it. */
export async function review(input) {
  const bytes = bytesOf(input);
  const signatures = await verifyAll(JSON.parse(wasm.requestSignatures(bytes)));
  return JSON.parse(wasm.review(bytes, lines(signatures)));
}

async function verifyAll(tasks) {
  const answers = [];
  for (const task of tasks) answers.push(task === null ? "unsupported" : await webcrypto.verify(task));
  return answers;
}
