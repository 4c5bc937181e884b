// The npm package in Node: it packs, its types hold, and it makes the bytes that the plugin makes.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { tool, workFolder } from "./support/cluster.js";

const pkg = fileURLToPath(new URL("../../wasm/pkg/", import.meta.url));
const usercert = await import(join(pkg, "node.js"));

test("the same names and key give the same bytes to be signed as in the native build", async () => {
  const vectors = JSON.parse(await readFile(new URL("../../wasm/tests/vectors.json", import.meta.url), "utf8"));
  assert.ok(vectors.length >= 6);
  for (const { user, groups, spki, toBeSigned } of vectors) {
    const made = usercert.toBeSigned(user, groups, Buffer.from(spki, "base64"));
    assert.equal(Buffer.from(made).toString("base64"), toBeSigned, user);
  }
});

test("every kind of key makes a request that openssl verifies, and comes back from its file", async (t) => {
  const folder = await workFolder(t);
  for (const type of usercert.KEY_TYPES) {
    const key = await usercert.Key.generate(type);
    const request = await usercert.makeRequest(key, { user: "alice", groups: ["dev", "ops"] });
    const { csr, code } = usercert.handOver(request);
    await writeFile(join(folder, "csr"), csr);
    const { stdout, stderr } = await tool("openssl", ["req", "-in", join(folder, "csr"), "-verify", "-noout"]);
    assert.match(stdout + stderr, /verify OK/, type);
    const [review] = await usercert.review(csr);
    assert.deepEqual([review.code, review.refused, review.findings], [code, false, []], type);
    const again = await usercert.Key.read(await key.pem());
    const second = usercert.handOver(await usercert.makeRequest(again, { user: "alice" }));
    assert.equal(second.name, usercert.handOver(request).name, "the same key gives the same object name");
  }
});

test("keys in older forms are read, and encrypted ones are told", async (t) => {
  const folder = await workFolder(t);
  const file = join(folder, "key");
  const forms = [
    ["genrsa", "-traditional", "-out", file, "2048"],
    ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", file],
    ["genpkey", "-algorithm", "ed25519", "-out", file],
    ["genpkey", "-algorithm", "ed25519", "-outform", "DER", "-out", file],
  ];
  for (const form of forms) {
    await tool("openssl", form);
    const key = await usercert.Key.read(new Uint8Array(await readFile(file)));
    assert.match(key.kind, /RSA-2048|P-256|Ed25519/);
  }
  await tool("openssl", ["genpkey", "-algorithm", "ed25519", "-aes128", "-pass", "pass:x", "-out", file]);
  await assert.rejects(usercert.Key.read(await readFile(file, "utf8")), /the private key is encrypted/);
});

test("numbers that this build cannot read do not stand in the way", async () => {
  const [found] = await usercert.inspect("apiVersion: v1\nkind: Config\nextensions: [1.5, 0.5e3, {2.5: x}]\nclusters: []\n");
  assert.equal(found.what, "kubeconfig");
});

test("a changed request is found out", async () => {
  const key = await usercert.Key.generate("p256");
  const request = await usercert.makeRequest(key, { user: "alice", groups: ["dev"] });
  const changed = request.map((byte, at) => (at === 24 ? byte ^ 1 : byte)); // a letter of the name
  const [review] = await usercert.review(usercert.handOver(changed).csr);
  assert.ok(review.findings.some((f) => f.code === "signature-invalid"));
});

test("the wasm in the page is the package's, byte for byte", async (t) => {
  const folder = await workFolder(t);
  for (const name of ["unpack", "join"]) await writeFile(join(folder, `${name}.mjs`), await readFile(new URL(`../src/${name}.js`, import.meta.url)));
  const [{ unpack }, page] = await Promise.all([import(join(folder, "unpack.mjs")), import(join(folder, "join.mjs"))]);
  const html = await readFile(new URL("../dist/index.html", import.meta.url), "utf8");
  const sizes = JSON.parse(html.match(/WASM_SIZES = (\[[^\]]*\])/)[1]);
  const packed = Buffer.from(html.match(/WASM_LZMA_BASE64 = "([^"]*)"/)[1], "base64");
  const wasm = page.join(await unpack(packed, sizes.reduce((sum, size) => sum + size, 0)), sizes);
  assert.ok(Buffer.from(wasm).equals(await readFile(join(pkg, "usercert_wasm_bg.wasm"))));
});

test("it packs with types, licence and the workspace's version", async () => {
  const [packed] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json"], { cwd: pkg, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  const files = packed.files.map((f) => f.path).sort();
  assert.deepEqual(files, [
    "LICENSE", "README.md", "browser.js", "index.d.ts", "node.js", "package.json", "usercert.js", "usercert_wasm_bg.js",
    "usercert_wasm_bg.wasm", "webcrypto.js",
  ]);
  assert.equal(usercert.version(), packed.version);
});

test("the types say what is there, no more and no less", async (t) => {
  const types = await readFile(join(pkg, "index.d.ts"), "utf8");
  const declared = [...types.matchAll(/^export (?:function|const|class) (\w+)/gm)].map((m) => m[1]).sort();
  const there = Object.keys(usercert).filter((name) => name !== "attach").sort();
  assert.deepEqual(declared, there);
  const folder = await workFolder(t);
  await writeFile(join(folder, "use.ts"), `
    import * as usercert from "${join(pkg, "index.d.ts").replace(".d.ts", "")}";
    const key: usercert.Key = await usercert.Key.generate("p256");
    const made: usercert.HandOver = usercert.handOver(await usercert.makeRequest(key, { user: "alice" }), { seconds: 600 });
    const { checks, good }: { checks: usercert.Check[]; good: boolean } = await usercert.checkAnswer(made.manifest, key, { user: "a", groups: [] });
    // @ts-expect-error: there is no such kind of key
    await usercert.Key.generate("p512");
    // @ts-expect-error: a key is made or read, not put together
    new usercert.Key();
    export { checks, good };
  `);
  const tsc = fileURLToPath(new URL("node_modules/.bin/tsc", import.meta.url));
  execFileSync(tsc, ["--strict", "--noEmit", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2023,dom", "--types", "", join(folder, "use.ts")], { stdio: "inherit" });
});
