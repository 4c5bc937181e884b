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

  async pem() {
    return this.#withPkcs8((pkcs8) => wasm.keyPem(pkcs8));
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

export function handOver(request, { seconds = null, signer = defaultSigner() } = {}) {
  return JSON.parse(wasm.handOver(request, seconds ?? undefined, signer));
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
  const signatures = [];
  for (const task of answer.signatures) signatures.push(await webcrypto.verify(task));
  const { user, groups = [], seconds: lifetime } = asked ?? {};
  return JSON.parse(wasm.checkAnswer(
    bytesOf(input), keyMatches, user, lines(groups), lifetime ?? undefined, lines(signatures), seconds(now)));
}

export function inspect(input, now = new Date()) {
  return JSON.parse(wasm.inspect(bytesOf(input), seconds(now)));
}

export async function review(input) {
  const found = JSON.parse(wasm.requestSignature(bytesOf(input)));
  if (found === null) return null;
  const signature = found.task === null ? "unsupported" : await webcrypto.verify(found.task);
  return JSON.parse(wasm.review(bytesOf(input), signature));
}
