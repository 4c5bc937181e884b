// Key and certificate request in the browser, ours beside JavaScript libraries: bytes loaded and time.
//
// One Chromium run, every library in a fresh page of its own. Prints a Markdown table.

import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { createServer } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { chromium } from "playwright-core";

const here = fileURLToPath(new URL(".", import.meta.url));
const ROUNDS = { p256: 200, rsa3072: 9 };
const NAMES = {
  usercert: "usercert (with Kubernetes logic)", pkijs: "PKI.js", peculiar: "@peculiar/x509", forge: "node-forge", root: "@root/csr",
};

const minified = async (name) => {
  const { outputFiles } = await build({
    entryPoints: [join(here, "libraries", `${name}.js`)], bundle: true, minify: true, format: "iife", globalName: "library",
    platform: "browser", target: "es2022", write: false, logLevel: "error", define: { global: "globalThis" },
    loader: { ".wasm": "binary" }, external: ["crypto", "node:*"],
  });
  return outputFiles[0].text;
};

const server = createServer((_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><body>"));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const profile = await mkdtemp(join(tmpdir(), "usercert-bench-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true,
  args: ["--no-sandbox", "--disable-background-networking", "--disable-gpu", "--no-first-run", "--disable-component-update", "--disable-sync"],
});

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const rows = [];
for (const name of Object.keys(NAMES)) {
  const text = await minified(name);
  const page = await context.newPage();
  await page.goto(`http://localhost:${server.address().port}/`);
  const start = await page.evaluate(async (source) => {
    const from = performance.now();
    globalThis.library = new Function(`${source}; return library;`)();
    await library.ready?.();
    return performance.now() - from;
  }, text);
  const times = {};
  for (const [type, rounds] of Object.entries(ROUNDS)) {
    const found = await page.evaluate(async ([type, rounds]) => {
      if (!library.types.includes(type)) return null;
      await library.make(type);
      const keys = [];
      const whole = [];
      for (let round = 0; round < rounds; round += 1) {
        const from = performance.now();
        const csr = await library.make(type);
        whole.push(performance.now() - from);
        if (csr.length < 200) throw new Error("that is no request");
      }
      // The browser's own share: making the key alone.
      const algorithm = type === "p256" ? { name: "ECDSA", namedCurve: "P-256" }
        : { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 3072, publicExponent: new Uint8Array([1, 0, 1]) };
      for (let round = 0; round < rounds; round += 1) {
        const from = performance.now();
        await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
        keys.push(performance.now() - from);
      }
      return { whole, keys };
    }, [type, rounds]);
    times[type] = found && { whole: median(found.whole), key: median(found.keys) };
  }
  const shown = (type) => (times[type] === null ? "no" : `${times[type].whole.toFixed(type === "p256" ? 2 : 0)} ms`);
  rows.push([NAMES[name], text.length, gzipSync(text, { level: 9 }).length, `${start.toFixed(1)} ms`, shown("p256"), shown("rsa3072")]);
  await page.close();
}
await context.close();
await rm(profile, { recursive: true, force: true });
server.close();

const html = await readFile(join(here, "../dist/index.html"));
console.log("| library | bytes, minified | gzip | start | P-256 key + CSR | RSA-3072 key + CSR |\n|---|---:|---:|---:|---:|---:|");
for (const row of rows) console.log(`| ${row.join(" | ")} |`);
console.log(`\nThe whole page: ${html.length} bytes, ${gzipSync(html, { level: 9 }).length} gzip. Medians of ${ROUNDS.p256} and ${ROUNDS.rsa3072} rounds.`);
