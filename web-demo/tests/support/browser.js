// A fresh Chromium, the page in it, and a server that counts what it is asked for.

import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

export const FILE = process.env.USERCERT_PAGE ?? fileURLToPath(new URL("../../dist/index.html", import.meta.url));
export const FILE_URL = pathToFileURL(FILE).href;

const QUIET = [
  "--no-sandbox", "--disable-background-networking", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-component-update", "--disable-sync",
];

/** Starts Chromium with a profile of its own; `close` removes it. */
export async function startBrowser({ args = [], ...options } = {}) {
  const profile = await mkdtemp(join(tmpdir(), "usercert-page-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    acceptDownloads: true,
    args: [...QUIET, ...args],
    ...options,
  });
  return {
    context,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
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
  page.on("console", (message) => told.push(message.text()));
  page.on("pageerror", (error) => told.push(String(error)));
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
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), "utf8") };
}
