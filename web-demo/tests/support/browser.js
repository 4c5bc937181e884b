// A fresh browser, the page in it, and a server that counts what it is asked for.
//
// USERCERT_ENGINE names the engine: chromium (unless told otherwise) or firefox.

import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { chromium, firefox } from "playwright-core";

export const FILE = process.env.USERCERT_PAGE ?? fileURLToPath(new URL("../../dist/index.html", import.meta.url));
export const FILE_URL = pathToFileURL(FILE).href;
export const ENGINE = process.env.USERCERT_ENGINE ?? "chromium";
export const isFirefox = ENGINE === "firefox";

const QUIET = [
  "--no-sandbox", "--disable-background-networking", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-component-update", "--disable-sync",
];

/** Firefox tells of no download, so what it saves is waited for in this folder; see `downloadBy`. */
const FIREFOX_PREFS = {
  "browser.download.alwaysOpenPanel": false,
  // Names lead to this machine, and nowhere else.
  "network.dns.forceResolve": "127.0.0.1",
};

function firefoxOptions({ colorScheme, ...options }, downloads) {
  const scheme = { dark: 0, light: 1 }[colorScheme];
  const prefs = { ...FIREFOX_PREFS };
  if (scheme !== undefined) prefs["layout.css.prefers-color-scheme.content-override"] = scheme;
  return {
    channel: "moz-firefox",
    executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
    downloadsPath: downloads,
    firefoxUserPrefs: prefs,
    ...options,
  };
}

/** Starts the engine with a profile of its own; `close` removes it. `args` are Chromium's. */
export async function startBrowser({ args = [], ...options } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "usercert-page-"));
  const downloads = join(folder, "downloads");
  await mkdir(downloads);
  const context = isFirefox
    ? await firefox.launchPersistentContext(join(folder, "profile"), { headless: true, acceptDownloads: true, ...firefoxOptions(options, downloads) })
    : await chromium.launchPersistentContext(join(folder, "profile"), {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      headless: true,
      acceptDownloads: true,
      args: [...QUIET, ...args],
      ...options,
    });
  context.downloads = downloads;
  return {
    context,
    async close() {
      await context.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

/** Serves the page, and nothing else, on localhost; `requests` lists what was asked for. */
export async function servePage(host) {
  return serve(readFileSync(FILE), host);
}

/** Serves one document. */
export async function serve(html, host = "127.0.0.1") {
  const requests = [];
  const server = createServer((request, response) => {
    // Firefox looks for an icon of whatever it shows, before any page can say a word.
    if (request.url === "/favicon.ico") {
      response.writeHead(404).end();
      return;
    }
    requests.push(`${request.method} ${request.url}`);
    if (request.url !== "/") {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
  });
  await new Promise((resolve) => server.listen(0, host, resolve));
  const url = `http://localhost:${server.address().port}/`;
  return { url, port: server.address().port, requests, close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) };
}

/** Opens the page and gives it with the frame in which everything happens. */
export async function openPage(context, url) {
  const page = await context.newPage();
  const told = [];
  // Firefox asks every server for an icon, and says that the policy refused it.
  const tell = (text) => { if (!text.includes("/favicon.ico")) told.push(text); };
  page.on("console", (message) => tell(message.text()));
  page.on("pageerror", (error) => tell(String(error)));
  await page.goto(url);
  const frame = await inner(page);
  await frame.locator("#app").waitFor();
  return { page, frame, told };
}

/** The frame inside the page. */
export async function inner(page) {
  const handle = await page.waitForSelector("iframe");
  return handle.contentFrame();
}

/** Clicks something that downloads; gives name and content. */
export async function downloadBy(page, act) {
  if (isFirefox) return downloadInFirefox(page.context().downloads, act);
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), "utf8") };
}

async function downloadInFirefox(folder, act) {
  const before = new Set(await readdir(folder));
  await act();
  for (let tries = 0; tries < 200; tries += 1) {
    const name = (await readdir(folder)).find((file) => !before.has(file) && !file.endsWith(".part"));
    // While it is being written, an empty file keeps its name.
    if (name !== undefined && !existsSync(join(folder, `${name}.part`))) {
      const text = await readFile(join(folder, name), "utf8");
      await rm(join(folder, name));
      if (text !== "") return { name, text };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("nothing was downloaded");
}

/** Lines up what the smart box is given: text as a paste, files as chosen. */
export async function give(frame, ...things) {
  for (const thing of things.filter((one) => typeof one === "string")) await frame.fill("#paste", thing);
  const files = things.filter((one) => typeof one !== "string")
    .map(({ name, text }) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(text) }));
  if (files.length > 0) await frame.setInputFiles("#files", files);
}

/** Saves the key that was made, and says that it arrived. */
export async function saveKey(page, frame) {
  const key = await downloadBy(page, () => frame.click("#save-key"));
  await frame.click("#key-is-there-yes");
  return key;
}
