// Key and certificate request in the browser, ours beside JavaScript libraries: bytes loaded and time.
//
// One Chromium run, every library in a fresh page of its own. Prints Markdown tables. ROUNDS=N: how often each page
// is opened for the second one.

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
const ROUNDS = { p256: 3, rsa3072: 1 };
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

/** What is served: an empty page, pages of the libraries, and ours. */
const pages = { "/": "<!doctype html><body>" };
const server = createServer(({ url }, response) => response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" }).end(pages[url] ?? ""));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://localhost:${server.address().port}`;
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
  await page.goto(`${origin}/`);
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
// An empty page that has a field and a library, and says when both are there.
const field = "<!doctype html><meta charset=utf-8><body><input id=user>";
const script = (text) => `${field}<script>${text.replaceAll("</script", "<\\/script")};document.getElementById("user").oninput = () => {}; window.library = library;</script>`;
const yaml = (await minified("yaml")).replace("var library", "var yaml");
pages["/page"] = await readFile(join(here, "../dist/index.html"), "utf8");
pages["/peculiar"] = script(`${yaml};${await minified("peculiar")}`);
pages["/pkijs"] = script(await minified("pkijs"));
pages["/forge"] = script(await minified("forge"));
const ours = { page: "this page", peculiar: "@peculiar/x509 and js-yaml", pkijs: "PKI.js", forge: "node-forge" };
// In every frame: when the field is there and heard, when the wasm is, and tasks of more than 50 ms.
await context.addInitScript(() => {
  const now = () => performance.timeOrigin + performance.now();
  window.seen = { tasks: [] };
  new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => window.seen.tasks.push(duration))).observe({ type: "longtask", buffered: true });
  const look = () => {
    const user = document.getElementById("user");
    if (user?.checkVisibility() && !window.seen.reacts && (window.library || document.getElementById("app"))) window.seen.reacts = now();
    const version = document.getElementById("version")?.textContent;
    if (window.seen.reacts && (window.library || version)) { window.seen.ready = now(); return; }
    setTimeout(look, 0);
  };
  if (window.parent !== window || location.pathname !== "/") look();
});
const found = Object.fromEntries(Object.keys(ours).map((name) => [name, { reacts: [], ready: [], tasks: [] }]));
const rounds = Number(process.env.ROUNDS ?? 15);
for (let round = 0; round < rounds; round += 1) {
  for (const name of Object.keys(ours)) {
    const page = await context.newPage();
    await page.goto(`${origin}/${name}`);
    const frame = name === "page" ? await (await page.waitForSelector("iframe")).contentFrame() : page.mainFrame();
    await frame.waitForFunction(() => window.seen?.ready, null, { timeout: 600_000 });
    const from = await page.evaluate(() => performance.timeOrigin);
    const { reacts, ready } = await frame.evaluate(() => window.seen);
    const tasks = (await Promise.all(page.frames().map((one) => one.evaluate(() => window.seen.tasks)))).flat();
    found[name].reacts.push(reacts - from);
    found[name].ready.push(ready - from);
    found[name].tasks.push(Math.max(0, ...tasks));
    await page.close();
  }
}
await context.close();
await rm(profile, { recursive: true, force: true });
server.close();

const html = await readFile(join(here, "../dist/index.html"));
console.log("| library | bytes, minified | gzip | start | P-256 key + CSR | RSA-3072 key + CSR |\n|---|---:|---:|---:|---:|---:|");
for (const row of rows) console.log(`| ${row.join(" | ")} |`);
console.log(`\nThe whole page: ${html.length} bytes, ${gzipSync(html, { level: 9 }).length} gzip. Medians of ${ROUNDS.p256} and ${ROUNDS.rsa3072} rounds.`);
console.log("\n| page | gzip | the form reacts | all is ready | longest task over 50 ms, median (most) |\n|---|---:|---:|---:|---:|");
for (const [name, { reacts, ready, tasks }] of Object.entries(found)) {
  const longest = Math.max(...tasks) === 0 ? "none" : `${median(tasks).toFixed(0)} ms (${Math.max(...tasks).toFixed(0)} ms)`;
  console.log(`| ${ours[name]} | ${gzipSync(pages[`/${name}`], { level: 9 }).length} | ${median(reacts).toFixed(0)} ms | ${median(ready).toFixed(0)} ms | ${longest} |`);
}
console.log(`\nMedians of ${rounds} rounds, from the start of navigation.`);
