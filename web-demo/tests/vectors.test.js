// Page and plugin judge alike: the npm package, which is what the page runs, beside `kubectl usercert inspect`
// and `review --from`, finding by finding.
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
    const names = [["alice", ["dev"]], ["Jürgen 🦀", []], ["system:node:x", ["system:nodes"]], ["a".repeat(200), ["a b", "c,d"]]];
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

/** Whether the numbers of an RSA key fit together is the provider's to find out; WebCrypto looks at fewer of them. */
const providers = (item, finding) => item.what === "private key" && /^RSA/.test(item.properties.key ?? "") && finding.code === "unreadable";
const judged = (items) => items.map((item) => [item.what, item.findings.filter((f) => !providers(item, f)).map((f) => `${f.severity} ${f.code}`).sort()]);

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
    const [a, b] = [theirs?.items ?? null, ours].map((items) => JSON.stringify(items && judged(items)));
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
