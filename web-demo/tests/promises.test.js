// What the page promises: it sends nothing, keeps nothing, and lets no key slip.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { createSocket } from "node:dgram";
import { gzipSync } from "node:zlib";
import { test } from "node:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CHANNELS } from "./support/channels.js";
import { FILE, FILE_URL, downloadBy, isFirefox, saveKey, inner, openPage, serve, servePage, startBrowser } from "./support/browser.js";

/** Chromium asks before a page may reach this machine; here it is the page that must be stopped. */
const ANY_ADDRESS = "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets,LocalNetworkAccessChecksWebTransport,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable";

/** Where Chromium connects, without a word, before it refuses; no page can forbid it that. */
const NAME_ONLY = [
  "iframe", "frame via frameset", "link preconnect", "location", "location.replace", "navigation API", "meta refresh",
  "anchor click", "download across origins",
];

/** Takes every connection, and remembers who was asked for. */
async function startTrap() {
  const seen = [];
  const server = createServer((socket) => {
    seen.push("");
    const at = seen.length - 1;
    socket.on("error", () => {});
    socket.once("data", (data) => {
      seen[at] = data.toString("latin1").slice(0, 300);
      socket.end("HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n");
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { seen, port: server.address().port, close: () => new Promise((resolve) => server.close(resolve)) };
}

/** Lets one channel try, in a frame or page. */
async function attempt(frame, name, url) {
  const source = `(async (url) => { try { ${CHANNELS[name].body} } catch {} })(${JSON.stringify(url)})`;
  await Promise.race([frame.evaluate(source).catch(() => {}), new Promise((resolve) => setTimeout(resolve, 1500))]);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const hostOf = (name) => `${name.replace(/[^a-zA-Z0-9]+/g, "-").replace(/-$/, "").toLowerCase()}.leak.example`;

/** Runs all channels with `open` giving a fresh frame; gives the names of those that got out. */
async function leaks(open, trap, names) {
  const together = names.filter((name) => !CHANNELS[name].unload);
  let at = await open();
  for (const name of together) await attempt(at.frame, name, `http://${hostOf(name)}:${trap.port}/`);
  await pause(1200);
  await at.page.close();
  for (const name of names.filter((n) => CHANNELS[n].unload)) {
    at = await open();
    await attempt(at.frame, name, `http://${hostOf(name)}:${trap.port}/`);
    await pause(250);
    for (const page of at.page.context().pages()) if (page !== at.keep) await page.close().catch(() => {});
  }
  await pause(500);
  return new Set(names.filter((name) => trap.seen.some((text) => text.includes(hostOf(name)))));
}

test("it weighs little: at most 150,000 bytes on its way", async (t) => {
  const packed = gzipSync(await readFile(FILE), { level: 9 }).length;
  t.diagnostic(`${packed} bytes gzip`);
  assert.ok(packed <= 150_000, `${packed} bytes`);
});

test("no channel gets anything out, and the trap would have seen it", { skip: isFirefox && "needs Chromium's account of its network work" }, async (t) => {
  const names = Object.keys(CHANNELS);
  assert.ok(names.length >= 40);
  const log = await mkdtemp(join(tmpdir(), "usercert-netlog-"));
  const run = async (open, netlog) => {
    const trap = await startTrap();
    const browser = await startBrowser({ args: [
      "--host-resolver-rules=MAP *.leak.example 127.0.0.1", `--log-net-log=${netlog}`, "--disable-popup-blocking", ANY_ADDRESS,
    ] });
    const keep = browser.context.pages()[0];
    const out = await leaks(async () => ({ ...(await open(browser.context)), keep }), trap, names);
    await browser.close();
    await trap.close();
    return { out, words: trap.seen, log: await readFile(netlog, "utf8") };
  };

  const bareServer = await serve("<!doctype html><body>");
  t.after(() => bareServer.close());
  const bare = await run(async (context) => {
    const page = await context.newPage();
    await page.goto(bareServer.url);
    return { page, frame: page.mainFrame() };
  }, join(log, "bare.json"));
  t.diagnostic(`without protection ${bare.out.size} of ${names.length} get out`);
  t.diagnostic(`without protection these do not either: ${names.filter((n) => !bare.out.has(n)).join(", ")}`);
  assert.ok(bare.out.size >= 40, `only ${bare.out.size} channels work at all here`);

  const guarded = await run((context) => openPage(context, FILE_URL), join(log, "page.json"));
  assert.deepEqual([...guarded.out], [], "nothing was said to anybody");
  assert.ok(guarded.words.every((text) => text === ""), "not a byte");
  // Chromium connects to where a refused navigation would have led before it refuses, so that a host's
  // name alone can tell something. Its own account of its network work says which names it knew.
  const named = names.filter((name) => guarded.log.includes(`${hostOf(name)}:`));
  t.diagnostic(`refused, but the host's name got known by: ${named.join(", ") || "none"}`);
  assert.deepEqual(named.filter((name) => !NAME_ONLY.includes(name)), []);
  await rm(log, { recursive: true, force: true });
});

test("WebRTC is the one channel that a policy cannot stop; the script has nothing of that, nor any address", async (t) => {
  const socket = createSocket("udp4");
  let packets = 0;
  socket.on("message", () => { packets += 1; });
  await new Promise((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const browser = await startBrowser();
  const { frame } = await openPage(browser.context, FILE_URL);
  await frame.evaluate(async (port) => {
    const peer = new RTCPeerConnection({ iceServers: [{ urls: `stun:127.0.0.1:${port}` }] });
    peer.createDataChannel("x");
    await peer.setLocalDescription(await peer.createOffer());
  }, socket.address().port);
  await pause(1500);
  t.diagnostic(packets > 0 ? "WebRTC got out, as stated" : "WebRTC did not get out here");
  await browser.close();
  socket.close();
  const source = (await readFile(FILE, "utf8")).replace(/WASM_LZMA_BASE64 = "[^"]*/, "");
  assert.doesNotMatch(source, /RTCPeerConnection|RTCDataChannel|webkitRTC|preconnect|fetch\(|XMLHttpRequest|sendBeacon/);
  assert.doesNotMatch(source, /[a-z]+:\/\/[a-z0-9]/i, "no address in the whole file");
});

test("a whole visit asks the network for the file alone, and keeps nothing", async () => {
  const server = await servePage();
  const log = await mkdtemp(join(tmpdir(), "usercert-netlog-"));
  const browser = await startBrowser();
  const asked = [];
  browser.context.on("request", (request) => asked.push(request.url()));
  const { page, frame } = await openPage(browser.context, server.url);
  await frame.fill("#user", "alice");
  await frame.click("#make");
  await saveKey(page, frame);
  await frame.click("#go-send");
  await downloadBy(page, () => frame.click("#save-manifest"));
  await frame.click("#step-inspect");
  await frame.fill("#paste", "hello");
  await pause(500);
  assert.deepEqual(asked.filter((url) => !url.startsWith("blob:")), [server.url]);
  assert.deepEqual(server.requests, ["GET /"]);
  assert.deepEqual(await browser.context.cookies(), []);
  const kept = await page.evaluate(async () => ({
    cookie: document.cookie, local: localStorage.length, session: sessionStorage.length,
    databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length,
    workers: (await navigator.serviceWorker.getRegistrations()).length,
  }));
  assert.deepEqual(kept, { cookie: "", local: 0, session: 0, databases: 0, caches: 0, workers: 0 });
  const refused = await frame.evaluate(() => ["localStorage", "sessionStorage", "indexedDB", "caches"].map((name) => {
    try {
      const thing = window[name];
      if (name === "indexedDB") thing.open("x");
      return thing === undefined || typeof thing.setItem === "function" ? "there" : "perhaps";
    } catch {
      return "refused";
    }
  }));
  assert.ok(!refused.includes("there"), String(refused));
  await browser.close();
  await server.close();
  await rm(log, { recursive: true, force: true });
});

test("the key is in no attribute, address, text, console or clipboard", async () => {
  const browser = await startBrowser();
  const { page, frame, told } = await openPage(browser.context, FILE_URL);
  await frame.evaluate(() => {
    window.copied = [];
    document.addEventListener("copy", (event) => window.copied.push(String(getSelection())));
  });
  await frame.fill("#user", "alice");
  await frame.selectOption("#key-type", "rsa2048");
  await frame.click("#make");
  await frame.waitForSelector("#save-key");
  const key = await saveKey(page, frame);
  // The modulus stands first and is public; what comes behind is not.
  const secret = key.text.replace(/^#.*$/m, "").replace(/-----[^-]+-----|\s/g, "").slice(500);
  await frame.click("#go-send");
  for (const summary of await frame.locator("#panel-send summary").all()) await summary.click();
  const buttons = frame.locator("#panel-send button[aria-label^=Copy]");
  for (let at = 0; at < (await buttons.count()); at += 1) await buttons.nth(at).click();
  const everything = await frame.evaluate(() => JSON.stringify([
    document.documentElement.outerHTML, [...document.querySelectorAll("input, textarea")].map((e) => e.value),
    window.copied, location.href, performance.getEntries().map((e) => e.name), window.name, history.state,
  ]));
  for (const text of [everything, told.join("\n"), page.url(), await page.content()]) {
    assert.ok(!text.includes("PRIVATE KEY-----\\n"));
    for (let at = 0; at + 24 < secret.length; at += 8) assert.ok(!text.includes(secret.slice(at, at + 24)));
  }
  await browser.close();
});

test("a key that was pasted stays in no box", async () => {
  const browser = await startBrowser();
  const { page, frame } = await openPage(browser.context, FILE_URL);
  await frame.fill("#user", "alice");
  await frame.click("#make");
  const key = await saveKey(page, frame);
  await frame.click("#step-answer");
  await frame.fill("#paste", key.text);
  await frame.locator("#which-key", { hasText: "pasted" }).waitFor();
  assert.equal(await frame.inputValue("#paste"), "");
  await browser.close();
});

test("no field is checked for spelling, kept or translated, in any step", async () => {
  const browser = await startBrowser();
  const { page, frame } = await openPage(browser.context, FILE_URL);
  const fields = () => frame.evaluate(() => [...document.querySelectorAll("textarea, input[type=text]")]
    .map((e) => [e.id, e.spellcheck, e.autocomplete, e.getAttribute("translate")]));
  const seen = [];
  for (const step of ["key", "answer", "inspect"]) {
    await frame.click(`#step-${step}`);
    if (step === "answer") {
      await frame.fill("#paste", await readFile(new URL("../../core/tests/data/expired.pem", import.meta.url), "utf8"));
      await frame.waitForSelector("#cluster");
    }
    seen.push(...(await fields()));
  }
  assert.ok(["user", "groups", "expires", "signer", "paste", "server", "ca", "cluster-name", "namespace"].every((id) => seen.some(([seenId]) => seenId === id)), String(seen));
  for (const [id, ...properties] of seen) assert.deepEqual(properties, [false, "off", "no"], id);
  await page.close();
  await browser.close();
});

test("inside somebody else's page it makes no key", async () => {
  const server = await servePage();
  const framer = await serve(`<!doctype html><iframe src="${server.url}" width="800" height="600"></iframe>`);
  const browser = await startBrowser({ args: [ANY_ADDRESS] });
  const page = await browser.context.newPage();
  await page.goto(framer.url);
  const outer = await (await page.waitForSelector("iframe")).contentFrame();
  const frame = await inner(outer);
  await frame.locator("#state.bad").waitFor();
  assert.match(await frame.locator("#state").textContent(), /inside another page/);
  assert.ok(await frame.locator("#app").isHidden());
  await browser.close();
  await framer.close();
  await server.close();
});

test("on a plain http host it says how to go on, and makes no key", { skip: isFirefox && "the driver loses such a page" }, async () => {
  const server = await servePage("0.0.0.0");
  const browser = await startBrowser({ args: ["--host-resolver-rules=MAP page.example 127.0.0.1"] });
  const page = await browser.context.newPage();
  await page.goto(`http://page.example:${server.port}/`);
  const frame = await inner(page);
  await frame.locator("#state.bad").waitFor();
  assert.match(await frame.locator("#state").textContent(), /plain http.*Save this page as a file/s);
  assert.ok(await frame.locator("#app").isHidden());
  await browser.close();
  await server.close();
});
