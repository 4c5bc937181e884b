// Page and plugin judge alike: the npm package, which is what the page runs, beside `kubectl usercert inspect`,
// `review --from` and `install --reply`, finding by finding and check by check.
//
// The inputs are core's test data and requests, objects, certificates and keys that openssl and this test make,
// each also changed in places. With cryptography's vectors in target/vectors, those as well.

import assert from "node:assert/strict";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { PLUGIN, tool, workFolder } from "./support/cluster.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const usercert = await import(join(root, "wasm/pkg/node.js"));
const LEAST = 500;

async function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** A random number generator that gives the same numbers every time. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return (state >>> 0) % below;
  };
}

async function vectors(folder) {
  const all = [];
  const sources = [...(await filesBelow(join(root, "core/tests/data"))), ...(await filesBelow(join(root, "target/vectors"))).slice(0, 300)];
  for (const file of sources) {
    const bytes = await readFile(file);
    if (bytes.length < 200_000 && !file.endsWith(".json")) all.push({ name: file.slice(root.length), bytes });
  }
  for (const [index, type] of ["p256", "p384", "ed25519", "rsa2048"].entries()) {
    const key = await usercert.Key.generate(type);
    const names = [["alice", ["dev"]], ["Jürgen 🦀", []], ["system:node:x", ["system:nodes"]], ["a".repeat(124), ["a b", "c,d"]]];
    for (const [user, groups] of names) {
      const request = await usercert.makeRequest(key, { user, groups });
      const { csr, manifest } = usercert.handOver(request, { seconds: index === 0 ? 630_720_000 : 3600 });
      all.push({ name: `request of ${user.slice(0, 20)}, ${type}`, bytes: Buffer.from(csr) });
      all.push({ name: `object of ${user.slice(0, 20)}, ${type}`, bytes: Buffer.from(manifest) });
    }
    all.push({ name: `key ${type}`, bytes: Buffer.from(await key.pem({ user: "alice", groups: [] })) });
    const file = join(folder, type);
    await writeFile(`${file}.key`, await key.pem());
    await tool("openssl", ["req", "-x509", "-key", `${file}.key`, "-subj", "/CN=ca", "-days", "30", "-out", `${file}.ca`]);
    await tool("openssl", ["req", "-new", "-key", `${file}.key`, "-subj", "/CN=alice/O=dev", "-out", `${file}.csr`]);
    await tool("openssl", ["x509", "-req", "-in", `${file}.csr`, "-CA", `${file}.ca`, "-CAkey", `${file}.key`, "-CAcreateserial", "-days", "20", "-out", `${file}.crt`]);
    const [ca, leaf] = await Promise.all(["ca", "crt"].map((name) => readFile(`${file}.${name}`)));
    all.push({ name: `CA ${type}`, bytes: ca }, { name: `chain ${type}`, bytes: Buffer.concat([leaf, ca]) }, { name: `leaf with key ${type}`, bytes: Buffer.concat([leaf, await readFile(`${file}.key`)]) });
  }
  // Each once more with a few characters changed, until there are enough.
  const random = numbers(7);
  const originals = all.length;
  for (let at = 0; all.length < LEAST + 50; at += 1) {
    const { name, bytes } = all[at % originals];
    const changed = Buffer.from(bytes);
    for (let times = 1 + random(3); times > 0; times -= 1) changed[random(changed.length)] = "A/+=\n-:x0 "[random(10)].charCodeAt(0);
    all.push({ name: `${name}, changed ${at}`, bytes: changed });
  }
  return all;
}

/** The page knows only the most common of what Go's reader refuses in a certificate. */
const readers = (finding) => finding.code === "unreadable-to-go";
/** Whether the numbers of an RSA key fit together is the provider's to find out; WebCrypto looks at fewer of them. */
const providers = (item, finding) => item.what === "private key" && /^RSA/.test(item.properties.key ?? "") && finding.code === "unreadable";
/** Whether a key is one that the other side could not read; then no certificate can be told to belong to another. */
const unread = (items) => items?.some((item) => item.findings.some((f) => providers(item, f)));
const judged = (items, alone) => items.map((item) => [item.what, item.findings.filter((f) => !providers(item, f) && !readers(f) && !(alone && f.code === "key-mismatch")).map((f) => `${f.severity} ${f.code}`).sort()]);

/** What the plugin says, or null where it refuses the input. */
async function plugin(args) {
  try {
    return JSON.parse((await tool(PLUGIN, args, { env: { KUBECONFIG: "/dev/null" } })).stdout);
  } catch (error) {
    return error.stdout?.startsWith("{") ? JSON.parse(error.stdout) : null;
  }
}

test("page and plugin agree, verdict by verdict", { skip: !existsSync(PLUGIN) && "the plugin is not built" }, async (t) => {
  const folder = await workFolder(t);
  const all = await vectors(folder);
  assert.ok(all.length >= LEAST);
  const different = [];
  let known = 0;
  let reviewed = 0;
  let refused = 0;
  const file = (at) => join(folder, `${at}.in`);
  await Promise.all(all.map(({ bytes }, at) => writeFile(file(at), bytes, { mode: 0o600 })));
  const check = async ({ name, bytes }, at) => {
    const [theirs, theirReview] = await Promise.all([plugin(["inspect", file(at), "-o", "json"]), plugin(["review", "--from", file(at), "-o", "json"])]);
    const ours = await usercert.inspect([{ name: file(at), bytes }]).catch(() => null);
    const [a, b] = [theirs?.items ?? null, ours].map((items) => JSON.stringify(items && judged(items, unread(theirs?.items) || unread(ours))));
    if (a !== "null") known += 1;
    // The page reads less of YAML; what it does not read, it must refuse and not judge.
    const refuses = ours === null && /apiVersion|kind|^spec/m.test(bytes.toString());
    if (refuses && a !== "null") refused += 1;
    else if (a !== b) different.push(`inspect ${name}:\n  plugin ${a}\n  page   ${b}`);
    const reviews = theirReview === null ? [] : theirReview.items ?? [theirReview];
    const ourReviews = (await usercert.review(bytes)).filter((review) => review.problem === null);
    reviewed += reviews.length;
    const [c, d] = [reviews, ourReviews].map((list) => JSON.stringify(list.map((r) => r.findings.map((f) => `${f.severity} ${f.code}`).sort())));
    if (refuses) assert.equal(ourReviews.length, 0, name);
    else if (c !== d) different.push(`review ${name}:\n  plugin ${c}\n  page   ${d}`);
  };
  for (let at = 0; at < all.length; at += 4) await Promise.all(all.slice(at, at + 4).map((vector, offset) => check(vector, at + offset)));
  t.diagnostic(`${all.length} vectors, ${known} known, ${reviewed} reviewed, ${refused} refused by the page alone, ${different.length} differences`);
  assert.deepEqual(different, []);
  assert.ok(refused * 10 <= all.length, `${refused} of ${all.length} are refused by the page alone`);
});

/** Replies with the file of the key that they are to answer. */
async function replies(folder) {
  const path = (name) => join(folder, name);
  const text = (name) => readFile(path(name), "utf8");
  const openssl = (...args) => tool("openssl", args);
  const config = (name, lines) => writeFile(path(name), lines.join("\n"));
  const all = [];
  await config("client.ext", ["keyUsage=critical,digitalSignature", "extendedKeyUsage=clientAuth"]);
  await config("server.ext", ["extendedKeyUsage=serverAuth"]);
  await config("odd.ext", ["extendedKeyUsage=clientAuth", "1.2.3.4=critical,ASN1:UTF8String:x"]);
  await config("points.ext", ["extendedKeyUsage=clientAuth", "2.5.29.31=DER:04:00"]);
  await config("ca.ext", ["basicConstraints=critical,CA:TRUE"]);
  for (const type of ["p256", "ed25519", "rsa2048"]) {
    await writeFile(path(`${type}.key`), await (await usercert.Key.generate(type)).pem(), { mode: 0o600 });
    await openssl("req", "-new", "-key", path(`${type}.key`), "-subj", "/CN=alice/O=dev", "-out", path(`${type}.csr`));
    for (const ca of ["ca", "other"]) {
      await openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path(`${ca}.key`), "-subj", "/CN=ca", "-days", "30", "-out", path(`${ca}.crt`));
    }
    await openssl("req", "-new", "-key", path("other.key"), "-subj", "/CN=sub", "-out", path("sub.csr"));
    const sign = (csr, out, ca, ...more) => openssl("x509", "-req", "-in", path(csr), "-CA", path(`${ca}.crt`), "-CAkey", path(`${ca}.key`), "-CAcreateserial", "-out", path(out), ...more);
    await sign("sub.csr", "sub.crt", "ca", "-days", "20", "-extfile", path("ca.ext"));
    const leaves = {
      good: ["ca", "-days", "20", "-extfile", path("client.ext")],
      plain: ["ca", "-days", "20"],
      server: ["ca", "-days", "20", "-extfile", path("server.ext")],
      "critical extension": ["ca", "-days", "20", "-extfile", path("odd.ext")],
      "malformed distribution points": ["ca", "-days", "20", "-extfile", path("points.ext")],
      "SHA-1": ["ca", "-days", "20", "-sha1", "-extfile", path("client.ext")],
      CA: ["ca", "-days", "20", "-extfile", path("ca.ext")],
      expired: ["ca", "-days", "-1", "-extfile", path("client.ext")],
      "another CA of that name": ["other", "-days", "20", "-extfile", path("client.ext")],
    };
    const complete = async (name, leaf, ca, more = {}) => {
      const made = usercert.completeAnswer(leaf, { server: "https://10.0.0.1:6443", ca, ...more });
      all.push({ name: `${name}, ${type}`, key: path(`${type}.key`), bytes: Buffer.from(made) });
    };
    const ca = await text("ca.crt");
    for (const [name, [signer, ...args]] of Object.entries(leaves)) {
      // Some versions of openssl make no certificate that has ended, or sign no SHA-1.
      if (await sign(`${type}.csr`, "leaf.crt", signer, ...args).catch(() => null) === null) continue;
      await complete(name, await text("leaf.crt"), ca, { namespace: name === "good" ? "team-a" : null });
    }
    await writeFile(path("sub.key"), await text("other.key"));
    await sign(`${type}.csr`, "leaf.crt", "sub", "-days", "20", "-extfile", path("client.ext"));
    await complete("by way of another CA", await text("leaf.crt") + await text("sub.crt"), ca);
    await complete("without the CA between", await text("leaf.crt"), ca);
    all.push({ ...all.at(-1), name: `another key, ${type}`, key: path(type === "p256" ? "other.key" : "p256.key") });
  }
  const random = numbers(11);
  for (const { name, key, bytes } of [...all]) {
    for (const at of [1, 2, 3, 4]) {
      const changed = Buffer.from(bytes);
      changed[random(changed.length)] = "A/+=\n-:x0 "[random(10)].charCodeAt(0);
      all.push({ name: `${name}, changed ${at}`, key, bytes: changed });
    }
  }
  return all;
}

/** The checks that `install` prints, as `code outcome`, and the reply's code; null where it refuses the reply. */
async function installed(user, { key, file }) {
  const args = ["install", "--reply", file, "--key", key, "--dry-run", "--yes", "--", user];
  const { stderr } = await tool(PLUGIN, args, { env: { KUBECONFIG: "/dev/null", HOME: "/nonexistent" } }).catch((error) => error);
  const marks = { ok: "pass", note: "note", FAILED: "fail" };
  const checks = [...stderr.matchAll(/^(?:warning: )?(ok|note|FAILED) +([a-z]+) +/gm)].map(([, mark, code]) => `${code} ${marks[mark]}`);
  return checks.length === 0 ? null : { checks, code: stderr.match(/^Code +(\S+)$/m)?.[1] };
}

test("page and plugin take the same answers", { skip: !existsSync(PLUGIN) && "the plugin is not built" }, async (t) => {
  const folder = await workFolder(t);
  const all = await replies(folder);
  const different = [];
  let taken = 0;
  let doubted = 0;
  for (const [at, { name, key, bytes }] of all.entries()) {
    const file = join(folder, `${at}.reply`);
    await writeFile(file, bytes);
    let ours = null;
    let user = "alice";
    try {
      const read = usercert.readAnswer(bytes);
      user = read.user;
      const asked = { user: read.user, groups: read.groups };
      const { checks } = await usercert.checkAnswer(bytes, await usercert.Key.read(await readFile(key)), asked);
      // What a review says of names, the page adds.
      const compared = checks.filter((check) => check.code !== "names").map((check) => `${check.code} ${check.outcome}`);
      ours = { checks: compared, code: read.cluster?.code };
    } catch (error) {
      ours = null;
    }
    const theirs = await installed(user, { key, file });
    if (theirs !== null) taken += 1;
    // The page does not read all that can be in a certificate: it says so where there is more, or refuses it anyway.
    const inPart = ours !== null && ours.checks.includes("accepted note");
    if (inPart) doubted += 1;
    if (inPart || [ours, theirs].every((side) => side?.checks.some((check) => check.endsWith("fail")))) {
      for (const side of [ours, theirs].filter((side) => side !== null)) side.checks = side.checks.filter((check) => !check.startsWith("accepted"));
    }
    if (JSON.stringify(ours) !== JSON.stringify(theirs)) different.push(`${name}:\n  plugin ${JSON.stringify(theirs)}\n  page   ${JSON.stringify(ours)}`);
  }
  t.diagnostic(`${all.length} replies, ${taken} taken apart, ${different.length} differences`);
  assert.deepEqual(different, []);
  assert.ok(doubted >= 3, `${doubted} were read in part`);
  assert.ok(taken * 3 >= all.length, `only ${taken} of ${all.length} were taken apart`);
});
