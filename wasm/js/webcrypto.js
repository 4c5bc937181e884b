// The only place that uses cryptography: the browser's or Node's own WebCrypto.
//
// `names` are what wasm says that WebCrypto calls an algorithm: { key, signature }.

/** Whether there is WebCrypto here: browsers have it on https, on localhost and for local files. */
export function available() {
  return globalThis.crypto?.subtle !== undefined;
}

export function bytesFromBase64(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

function base64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function forKey(names) {
  const { publicExponent, ...key } = names.key;
  return publicExponent === undefined
    ? key
    : { ...key, publicExponent: bytesFromBase64(publicExponent) };
}

export async function generate(names) {
  return crypto.subtle.generateKey(forKey(names), true, ["sign", "verify"]);
}

export async function spkiOf(publicKey) {
  return new Uint8Array(await crypto.subtle.exportKey("spki", publicKey));
}

export async function pkcs8Of(privateKey) {
  return new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
}

export async function importPrivate(pkcs8, names) {
  return crypto.subtle.importKey("pkcs8", pkcs8, forKey(names), true, ["sign"]);
}

async function importPublic(spki, names) {
  return crypto.subtle.importKey("spki", spki, forKey(names), true, ["verify"]);
}

/** The public half of a private key: WebCrypto gives it only by way of a JSON Web Key. */
export async function publicOf(privateKey, names) {
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey("jwk", privateKey);
  return crypto.subtle.importKey("jwk", { kty, crv, x, y, n, e }, forKey(names), true, ["verify"]);
}

/** SubjectPublicKeyInfo of a private key, in base64; nothing where its kind is not known here, "!" where it is damaged. */
export async function publicHalf({ pkcs8, names }) {
  const bytes = bytesFromBase64(pkcs8);
  try {
    const key = await importPrivate(bytes, names);
    const spki = await spkiOf(await publicOf(key, names));
    // Numbers that do not fit together are found out only when they are used.
    return (await belongTogether(key, names, spki)) ? base64(spki) : "!";
  } catch (error) {
    return error.name === "NotSupportedError" ? "" : "!";
  } finally {
    bytes.fill(0);
  }
}

export async function sign(privateKey, names, bytes) {
  return new Uint8Array(await crypto.subtle.sign(names.signature, privateKey, bytes));
}

/** "valid", "invalid", or "unsupported" where WebCrypto cannot tell. */
export async function verify(task) {
  if (task.names === null || !available()) return "unsupported";
  if (task.signature === null) return "invalid";
  let key;
  try {
    key = await importPublic(bytesFromBase64(task.spki), task.names);
  } catch (error) {
    // A key that is none verifies nothing; another error says that its kind is not known here.
    return error.name === "DataError" ? "invalid" : "unsupported";
  }
  const [signature, signed] = [task.signature, task.signed].map(bytesFromBase64);
  const good = await crypto.subtle.verify(task.names.signature, key, signature, signed);
  return good ? "valid" : "invalid";
}

/** Whether what this private key signs is verified by that public key. */
export async function belongTogether(privateKey, names, spki) {
  try {
    const publicKey = await importPublic(spki, names);
    const nonce = crypto.getRandomValues(new Uint8Array(32));
    const signature = await sign(privateKey, names, nonce);
    return await crypto.subtle.verify(names.signature, publicKey, signature, nonce);
  } catch {
    // Keys of different kinds do not even import under each other's names.
    return false;
  }
}
