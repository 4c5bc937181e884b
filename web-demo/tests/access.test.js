// The page for everybody: no violation of the accessibility rules in any state, theme or width.
//
// With SCREENSHOTS=FOLDER it leaves a picture of each state there.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import { FILE_URL, downloadBy, give, openPage, startBrowser } from "./support/browser.js";
import { startCluster, workFolder } from "./support/cluster.js";

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];

const VIEWS = {
  light: { colorScheme: "light", viewport: { width: 1000, height: 800 } },
  dark: { colorScheme: "dark", viewport: { width: 1000, height: 800 } },
  narrow: { colorScheme: "light", viewport: { width: 320, height: 640 } },
  "narrow-dark": { colorScheme: "dark", viewport: { width: 320, height: 640 } },
};

let cluster;
before(async () => { cluster = await startCluster(); });
after(() => cluster?.close());

async function violations(frame) {
  await frame.evaluate(axeSource);
  const found = await frame.evaluate((tags) => axe.run(document, { runOnly: tags }), TAGS);
  return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(" | ")}`);
}

for (const [view, options] of Object.entries(VIEWS)) {
  test(`every state, ${view}`, async (t) => {
    const folder = await workFolder(t);
    const browser = await startBrowser(options);
    const { page, frame } = await openPage(browser.context, FILE_URL);
    const look = async (state) => {
      assert.deepEqual(await violations(frame), [], `${state}, ${view}`);
      assert.doesNotMatch(await frame.evaluate(() => document.body.innerText), /\[object |undefined|\bnull\b/, `${state}, ${view}`);
      const wide = await frame.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${state} is ${wide} pixels too wide`);
      if (process.env.SCREENSHOTS) {
        const height = await frame.evaluate(() => document.documentElement.scrollHeight);
        await page.setViewportSize({ width: options.viewport.width, height });
        await page.screenshot({ path: join(process.env.SCREENSHOTS, `${view}-${state}.png`) });
        await page.setViewportSize(options.viewport);
      }
    };
    await look("1-form");
    await frame.fill("#user", "ali\u200bce");
    await frame.fill("#groups", "System:masters\ndev,ops");
    await frame.fill("#expires", "soon");
    await frame.click("#make");
    await look("2-errors");
    await frame.fill("#user", "Jürgen Groß 🦀");
    await frame.fill("#expires", "30d");
    await frame.locator("#names-found li").first().waitFor();
    await look("3-findings");
    await frame.fill("#groups", "dev\nops");
    await frame.click("#make");
    await frame.waitForSelector("#save-key");
    await look("4-key");
    await downloadBy(page, () => frame.click("#save-key"));
    await look("5-is-it-there");
    await frame.click("#key-is-there-yes");
    for (const summary of await frame.locator("#panel-key summary").all()) await summary.click();
    await look("6-saved");
    await frame.click("#go-send");
    for (const summary of await frame.locator("#panel-send summary").all()) await summary.click();
    await look("7-send");
    const manifest = await downloadBy(page, () => frame.click("#save-manifest"));
    const line = (await frame.locator("#message").textContent()).match(/^kubectl usercert approve .*$/m)[0];
    await frame.click("#sent-it");
    await look("8-answer");
    if (cluster !== null) {
      const reply = await cluster.approve(folder, manifest, line);
      await give(frame, reply);
      await frame.waitForSelector("#agree");
      for (const summary of await frame.locator("#account summary").all()) await summary.click();
      await look("9-checks");
      await frame.check("#agree");
      const kubeconfig = await downloadBy(page, () => frame.click("#save-kubeconfig"));
      await frame.waitForSelector("#save-calendar");
      await look("a-done");
      await frame.click("#step-answer");
      await give(frame, reply.replace("client-certificate-data", "exec"));
      await frame.waitForFunction(() => document.getElementById("paste-error").textContent !== "");
      await look("b-refused");
      const bare = Buffer.from(reply.match(/client-certificate-data: "([^"]+)"/)[1], "base64").toString();
      await give(frame, bare);
      await frame.waitForSelector("#cluster");
      await look("c-cluster");
      await frame.click("#step-inspect");
      await give(frame, kubeconfig.text);
      await frame.waitForSelector("#found .item");
      await look("d-kubeconfig");
    }
    await frame.click("#step-inspect");
    await give(frame, manifest.text);
    await frame.waitForSelector("#found .review");
    await look("e-review");
    for (const summary of await frame.locator("footer summary").all()) await summary.click();
    await give(frame, "nothing of the kind");
    await frame.waitForFunction(() => document.getElementById("paste-error").textContent !== "");
    await look("f-nothing");
    await frame.click("#language-de");
    await frame.click("#step-key");
    await look("g-german");
    await browser.close();
  });
}
