// The road in WebKit: WebKitGTK's MiniBrowser by WebDriver, on a screen that nobody sees. In a frame its
// driver neither types nor clicks nor chooses files, so fields are set and controls pressed by script.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { FILE_URL, servePage } from "./support/browser.js";
import { startCluster, workFolder } from "./support/cluster.js";

const DRIVER = process.env.WEBKIT_DRIVER ?? "WebKitWebDriver";

let server;
let cluster;
before(async () => { [server, cluster] = await Promise.all([servePage(), startCluster()]); });
after(async () => { await server?.close(); await cluster?.close(); });

/** A port that is free now. */
async function freePort() {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address();
  listener.close();
  await once(listener, "close");
  return port;
}

/** Tries until it gives something, for up to a minute. */
async function until(what, attempt) {
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await attempt();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited in vain for ${what}`);
}

/** Starts the browser with `home` as its home; `downloads` is where it saves. */
async function startWebKit(t, home) {
  const port = await freePort();
  const downloads = join(home, "Downloads");
  await mkdir(downloads);
  await mkdir(join(home, ".config"));
  await writeFile(join(home, ".config", "user-dirs.dirs"), 'XDG_DOWNLOAD_DIR="$HOME/Downloads"\n');
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: join(home, ".config"), WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" };
  const driver = spawn("xvfb-run", ["--auto-servernum", DRIVER, `--port=${port}`], { env, stdio: "ignore", detached: true });
  t.after(() => process.kill(-driver.pid));
  const call = async (method, path, body) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  };
  await until("the driver", () => call("GET", "/status").catch(() => null));
  const { sessionId } = await call("POST", "/session", { capabilities: { alwaysMatch: {} } });
  const session = (method, path, body) => call(method, `/session/${sessionId}${path}`, body);
  t.after(() => session("DELETE", "").catch(() => {}));
  const script = (text, ...args) => session("POST", "/execute/sync", { script: text, args });
  return {
    async open(url) {
      await session("POST", "/url", { url });
      await session("POST", "/frame", { id: 0 });
      await until("the page", () => script("return document.querySelector('#app')?.hidden === false"));
    },
    script,
    set: (selector, value) => script(
      "const f = document.querySelector(arguments[0]); f.value = arguments[1]; f.dispatchEvent(new Event('input', { bubbles: true }));",
      selector, value),
    text: (selector) => script("return document.querySelector(arguments[0])?.innerText ?? null", selector),
    seen: (selector) => until(selector, () => script("return document.querySelector(arguments[0]) !== null", selector)),
    async click(selector) {
      await this.seen(selector);
      await script("document.querySelector(arguments[0]).click()", selector);
    },
    /** Clicks what saves a file; gives its name and text. */
    async save(selector) {
      const before = new Set(await readdir(downloads));
      await this.click(selector);
      return until("a download", async () => {
        const name = (await readdir(downloads)).find((one) => !before.has(one) && !one.endsWith(".wkdownload"));
        const text = name && (await readFile(join(downloads, name), "utf8"));
        return text ? { name, text } : null;
      });
    },
  };
}

for (const from of ["file://", "http://localhost"]) {
  test(`WebKit, ${from}: key, request, approval, answer, kubeconfig`, async (t) => {
    assert.ok(cluster, "the sandbox and the plugin are built first");
    const folder = await workFolder(t);
    const browser = await startWebKit(t, folder);
    await browser.open(from === "file://" ? FILE_URL : server.url);
    await browser.set("#user", "wendy");
    await browser.set("#groups", "dev");
    await browser.click("#make");
    const key = await browser.save("#save-key");
    assert.match(key.text, /^-----BEGIN PRIVATE KEY-----$/m);
    await browser.click("#key-is-there-yes");
    await browser.click("#go-send");
    const manifest = await browser.save("#save-manifest");
    const line = (await browser.text("#message")).match(/^kubectl usercert approve .*$/m)[0];
    const reply = await cluster.approve(folder, manifest, line);
    await browser.click("#sent-it");
    await browser.set("#paste", reply);
    await browser.click("#agree");
    const kubeconfig = await browser.save("#save-kubeconfig");
    await writeFile(join(folder, "me.conf"), kubeconfig.text, { mode: 0o600 });
    assert.deepEqual(await cluster.whoami(join(folder, "me.conf")), { user: "wendy", groups: ["dev"] });
  });
}
