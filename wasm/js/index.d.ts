/** Kinds of key that can be made. */
export type KeyType = "p256" | "p384" | "ed25519" | "rsa2048" | "rsa3072" | "rsa4096";

/** All kinds, in the order in which they are offered. */
export const KEY_TYPES: readonly KeyType[];

/** A file's content, or text. */
export type Input = Uint8Array<ArrayBuffer> | string;

/** The version of this library, which is the plugin's as well. */
export function version(): string;

/** Whether WebCrypto is there: on https, on localhost and for local files it is. */
export function canMakeKeys(): boolean;

/** Throws an `Error` that says why, when this cannot be a user's name. */
export function checkUser(name: string): void;

/** Throws an `Error` that says why, when this cannot be a group's name. */
export function checkGroup(name: string): void;

/** `hard` cannot be waved through by an approver, `refuse` can. */
export type Severity = "info" | "warn" | "refuse" | "hard";

/** Something that an approver should know. */
export interface Finding {
  code: string;
  severity: Severity;
  message: string;
}

/** What an approver will find about these names; throws when they cannot be asked for. */
export function reviewNames(user: string, groups: string[]): Finding[];

/** Seconds of a lifetime such as `30d`, `24h` or `1h30m`; throws when it is none or out of bounds. */
export function lifetimeSeconds(text: string): number;

/** The lifetime that is asked for unless told otherwise. */
export function defaultLifetime(): string;

/** The signer that is asked unless told otherwise. */
export function defaultSigner(): string;

/** A private key in WebCrypto's keeping. Whoever holds the object can sign with it and export it. */
export class Key {
  private constructor();
  /** Its kind: the type that it was made as, or for a key from a file a name such as `RSA-3072`. */
  readonly kind: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** Makes a new key. */
  static generate(type: KeyType): Promise<Key>;
  /** Reads a key file: PEM or DER; PKCS#8, PKCS#1 or SEC1. */
  static read(file: Input): Promise<Key>;
  /** PKCS#8 in PEM. */
  pem(asked?: ExpectedIdentity | null): Promise<string>;
  /** The kubeconfig that a reply and this key make. */
  kubeconfig(reply: Input): Promise<string>;
}

/** Whom a request names. Groups are a set: order and repetition mean nothing. */
export interface Identity {
  user: string;
  groups?: string[];
}

/** The bytes that the key with this SubjectPublicKeyInfo (DER) has to sign to request this identity. */
export function toBeSigned(user: string, groups: string[], spki: Uint8Array): Uint8Array<ArrayBuffer>;

/** A certificate request (PKCS#10, DER), signed by the key. */
export function makeRequest(key: Key, identity: Identity): Promise<Uint8Array<ArrayBuffer>>;

/** A command line and what it is for. */
export interface Step {
  purpose: string;
  line: string;
}

/** A request as it is handed to an admin. Names in it are safe to show. */
export interface HandOver {
  user: string;
  groups: string[];
  key: string;
  signature: string;
  /** The short code that both sides compare. */
  code: string;
  /** The whole digest behind it, hexadecimal. */
  sha256: string;
  /** Name of the CertificateSigningRequest object. */
  name: string;
  /** The certificate request, PEM. */
  csr: string;
  /** The CertificateSigningRequest object, YAML. */
  manifest: string;
  /** File names that are safe everywhere. */
  files: { key: string; csr: string; manifest: string; reply: string; kubeconfig: string };
  /** What the admin runs. The code is not in it: it travels apart from the file. */
  approve: string;
  /** What the person runs on the admin's reply. */
  install: string;
  /** What an admin without the plugin runs. */
  withKubectl: Step[];
}

/** What to ask for beside the identity. */
export interface Asked {
  /** Lifetime; `null` leaves it to the signer. */
  seconds?: number | null;
  signer?: string;
  /** What the files are called, without extension; the user's name unless told otherwise. */
  stem?: string;
}

/** Puts a certificate request (DER) into the forms in which it is handed over. */
export function handOver(request: Uint8Array, asked?: Asked): HandOver;

/** A signature that WebCrypto is to verify; bytes are base64. */
export interface SignatureTask {
  names: WebCryptoNames | null;
  spki: string;
  signed: string;
  signature: string | null;
}

/** What WebCrypto calls an algorithm. */
export interface WebCryptoNames {
  key: { name: string; [parameter: string]: unknown };
  signature: { name: string; [parameter: string]: unknown };
}

/** The cluster that a reply leads to. */
export interface ReplyCluster {
  server: string;
  tlsServerName: string | null;
  ca: { subject: string; sha256: string }[];
  name: string;
  context: string;
  namespace: string | null;
  /** The short code that both sides compare. */
  code: string;
}

/** What an answer holds. Names in it are safe to show. */
export interface Answer {
  /** A reply (keyless kubeconfig), bare certificates, or a CertificateSigningRequest object. */
  form: "reply" | "certificate" | "object";
  user: string;
  groups: string[];
  validity: string;
  /** Seconds since 1970. */
  notBefore: number;
  notAfter: number;
  sha256: string;
  key: { kind: string; spki: string; names: WebCryptoNames | null };
  signatures: SignatureTask[];
  /** What the request inside an object asked for. */
  asked: ExpectedIdentity | null;
  /** Where the cluster is, if the answer says so. */
  cluster: ReplyCluster | null;
}

/** Reads an answer; throws when it is none. */
export function readAnswer(input: Input, now?: Date): Answer;

/** Where a cluster is. */
export interface Cluster {
  server: string;
  /** CA certificates: PEM, or base64 of it. */
  ca: string;
  name?: string;
  namespace?: string | null;
}

/** The reply that an answer without a cluster and the cluster's data amount to. */
export function completeAnswer(input: Input, cluster: Cluster): string;

/** Server and CA from what `kubectl config view` prints; `null` when it is something else. */
export function readCluster(text: string): { server: string; ca: string } | null;

/** What was asked for, to be compared with what came. */
export interface ExpectedIdentity {
  user: string;
  groups: string[];
  seconds?: number | null;
}

/** One line of the account of an answer. */
export interface Check {
  code: "key" | "user" | "groups" | "usage" | "validity" | "chain" | "names" | "accepted";
  outcome: "pass" | "note" | "fail";
  message: string;
}

/**
 * Whether an answer belongs to the key (shown by a signed nonce) and to what was asked for; without
 * `asked` the names are noted as not compared.
 */
export function checkAnswer(
  input: Input,
  key: Key,
  asked?: ExpectedIdentity | null,
  now?: Date,
): Promise<{ checks: Check[]; good: boolean }>;

/** One thing that was found. Texts are safe to show. */
export interface Item {
  what: string;
  /** The name of the input that it was found in, and its number. */
  source: string;
  input: number;
  properties: Record<string, string | number | boolean | string[]>;
  findings: Finding[];
  expires?: string;
}

/** Says what something is, in Kubernetes terms; several things are looked at together. Throws when nothing in them is known. */
export function inspect(input: Input | { name: string; bytes: Input }[], now?: Date): Promise<Item[]>;

/** What an approver must know of a request. */
export interface Review {
  user: string | null;
  groups: string[];
  requester: string | null;
  code: string | null;
  sha256: string | null;
  /** What has been decided already, of an object from a cluster. */
  state: string | null;
  /** Why it would not even be submitted. */
  problem: string | null;
  /** Whether `kubectl usercert approve` would refuse it. */
  refused: boolean;
  findings: Finding[];
}

/** Reviews the requests in the input as `kubectl usercert review` does. */
export function review(input: Input): Promise<Review[]>;

/** What something is for, and its text without what mail programs and chats put around it. */
export function sort(input: Input): {
  purpose: "key" | "answer" | "request" | "cluster" | "kubeconfig" | "other";
  bytes: Uint8Array;
};

/** What a request asked for; `null` unless there is exactly one. */
export function readRequest(input: Input): (ExpectedIdentity & { code: string; spki: string }) | null;

/** What was asked for with the key in a file, as `Key.pem` noted it there. */
export function askedWith(file: Input): ExpectedIdentity | null;
