// Whatever is pressed, and however: the page stays, nothing is asked of the network, no window opens.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { FILE_URL, give, openPage, saveKey, servePage, startBrowser } from "./support/browser.js";

/** Somebody's certificate, long expired. */
const BARE = await readFile(new URL("../../core/tests/data/expired.pem", import.meta.url), "utf8");

const CONTROLS = "a, area, button, summary, input:not([type=file]), select, textarea, label, [tabindex]:not(input)";
const clickWith = (modifier, button = "left") => async (page, { x, y }) => {
  if (modifier) await page.keyboard.down(modifier);
  await page.mouse.click(x, y, { button });
  if (modifier) await page.keyboard.up(modifier);
};
const GESTURES = {
  Enter: (page) => page.keyboard.press("Enter"),
  Space: (page) => page.keyboard.press("Space"),
  click: clickWith(),
  "ctrl-click": clickWith("Control"),
  "shift-click": clickWith("Shift"),
  "alt-click": clickWith("Alt"),
  "middle-click": clickWith(null, "middle"),
};

/** Focuses a control and says where it is; null when it is not to be seen. Runs in the page. */
function reach([selector, index]) {
  const element = [...document.querySelectorAll(selector)][index];
  if (!element?.checkVisibility() || element.disabled) return null;
  element.focus();
  element.scrollIntoView({ block: "center", behavior: "instant" });
  const { x, y, width, height } = element.getBoundingClientRect();
  return { x: x + Math.min(width, 40) / 2, y: y + Math.min(height, 20) / 2, shown: element.outerHTML.slice(0, 100) };
}

let browser;
let server;
before(async () => { [browser, server] = await Promise.all([startBrowser(), servePage()]); });
after(async () => { await browser?.close(); await server?.close(); });

/** How the page gets into each of its states. */
const STATES = {
  form: async () => {},
  key: async (_, frame) => {
    await frame.fill("#user", "alice");
    await frame.click("#make");
    await frame.waitForSelector("#save-key");
  },
  saved: async (page, frame) => {
    await STATES.key(page, frame);
    await saveKey(page, frame);
  },
  send: async (page, frame) => {
    await STATES.saved(page, frame);
    await frame.click("#go-send");
    await frame.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
  },
  answer: async (_, frame) => {
    await frame.click("#step-answer");
    await give(frame, BARE);
    await frame.waitForSelector("#cluster");
  },
  done: async (_, frame) => frame.click("#step-done"),
  inspect: async (_, frame) => {
    await frame.click("#step-inspect");
    await give(frame, BARE);
    await frame.waitForSelector("#found .item");
  },
};

for (const [where, url] of [["file://", () => FILE_URL], ["http://localhost", () => server.url]]) {
  test(`every control, by every gesture, from ${where}`, async (t) => {
    let pressed = 0;
    let at;
    const asked = [];
    const open = async (state) => {
      await at?.page.close();
      at = await openPage(browser.context, url());
      at.page.on("dialog", (dialog) => dialog.dismiss().catch(() => {}));
      at.page.on("filechooser", () => {});
      at.page.on("request", (request) => { if (!/^blob:/.test(request.url())) asked.push(request.url()); });
      await STATES[state](at.page, at.frame);
      await at.frame.evaluate(() => { window.alive = true; });
    };
    const count = () => at.frame.evaluate((selector) => document.querySelectorAll(selector).length, CONTROLS);
    // From a file the same script runs: what is on the way to the key has to do.
    const states = where === "file://" ? ["form", "send"] : Object.keys(STATES);
    for (const state of states) {
      await open(state);
      const all = await count();
      const there = [];
      for (let index = 0; index < all; index += 1) if (await at.frame.evaluate(reach, [CONTROLS, index])) there.push(index);
      for (const [name, gesture] of Object.entries(GESTURES)) {
        for (const index of there) {
          // The press before may have led elsewhere, as it should.
          let place = await count() === all ? await at.frame.evaluate(reach, [CONTROLS, index]) : null;
          if (place === null) {
            await open(state);
            place = await at.frame.evaluate(reach, [CONTROLS, index]);
          }
          const pages = browser.context.pages().length;
          await gesture(at.page, place);
          pressed += 1;
          const alive = await at.frame.evaluate(() => window.alive === true).catch(() => false);
          assert.ok(alive, `${name} in the state ${state} lost the page: ${place.shown}`);
          assert.equal(browser.context.pages().length, pages, `${name} in the state ${state} opened a window: ${place.shown}`);
        }
      }
    }
    assert.deepEqual(asked, []);
    assert.deepEqual(at.told, []);
    await at.page.close();
    t.diagnostic(`${pressed} presses`);
    assert.ok(pressed > 100);
  });
}

test("nothing in the frame can lead anywhere or send", async () => {
  const { page, frame } = await openPage(browser.context, FILE_URL);
  const found = await frame.evaluate(() => {
    const leading = "[href]:not(svg *), [src], [action], [formaction], [ping], [srcset], form, iframe, object, embed, base, link, area";
    return [...document.querySelectorAll(leading)].map((e) => e.outerHTML);
  });
  assert.deepEqual(found, []);
  await page.close();
});

test("the frame prints itself, with all its pages, by its button and by the keyboard", async () => {
  const { page, frame } = await openPage(browser.context, FILE_URL);
  await frame.evaluate(() => { window.printed = 0; window.print = () => { window.printed += 1; }; });
  await frame.click("#print");
  await page.keyboard.press("Control+p");
  assert.equal(await frame.evaluate(() => window.printed), 2);
  await page.close();
});
