// What people do to a page without meaning harm: press twice, drop whatever lies there, choose again, change
// the language, begin anew. Nothing is lost, and nothing is said that is not so.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFile } from "node:fs/promises";

import { FILE_URL, downloadBy, give, openPage, saveKey, startBrowser } from "./support/browser.js";

const CERTIFICATE = await readFile(new URL("../../core/tests/data/expired.pem", import.meta.url), "utf8");

let browser;
let at;
before(async () => {
  browser = await startBrowser();
  at = await openPage(browser.context, FILE_URL);
  at.page.on("dialog", (dialog) => dialog.accept().catch(() => {}));
});
after(() => browser?.close());

const file = (name, content) => ({ name, mimeType: "", buffer: Buffer.from(content) });
const choose = (...files) => at.frame.setInputFiles("#files", files);
const said = (words) => at.frame.waitForFunction((source) => new RegExp(source).test(document.getElementById("paste-error").textContent), words.source);
const things = () => at.frame.locator("#things li").allInnerTexts();
const forget = async () => {
  await at.frame.click("#forget");
  await at.frame.waitForFunction(() => document.activeElement?.id === "user");
};

test("pressing twice makes one key, and another one only when asked for", async () => {
  const { page, frame } = at;
  await frame.fill("#user", "twice");
  await frame.selectOption("#key-type", "rsa3072");
  // All in one go, because nobody knows how soon there is a key.
  await frame.evaluate(async () => {
    for (let i = 0; i < 3; i += 1) document.getElementById("make").click();
    // The page has read its fields now; what is changed from here on changes nothing that was asked for.
    for (let i = 0; i < 10; i += 1) await null;
    const field = document.getElementById("expires");
    field.value = "1h";
    field.dispatchEvent(new Event("input"));
  });
  await frame.waitForSelector("#save-key", { timeout: 120_000 });
  assert.match(await frame.locator("#panel-key .facts").innerText(), /Lifetime\s+30d/);
  const first = await saveKey(page, frame);
  assert.match(first.name, /^twice-\d{4}-\d\d-\d\d\.key$/);
  assert.match(first.text, /"seconds":2592000/);
  await frame.click("#another");
  await frame.fill("#expires", "30d");
  await frame.selectOption("#key-type", "p256");
  await frame.click("#make");
  await frame.waitForSelector("#save-key");
  const second = await downloadBy(page, () => frame.click("#save-key"));
  assert.match(second.name, /^twice-\d{4}-\d\d-\d\d-2\.key$/);
  assert.notEqual(second.text, first.text);
  await forget();
});

test("keys are read as they come: UTF-16, a byte order mark, CRLF, a fence around them", async () => {
  const { page, frame } = at;
  await frame.fill("#user", "forms");
  await frame.click("#make");
  await frame.waitForSelector("#save-key");
  const { text } = await saveKey(page, frame);
  await forget();
  await frame.click("#step-answer");
  const forms = {
    "utf16.key": Buffer.from(`\ufeff${text}`, "utf16le"),
    "bom.key": `\ufeff${text}`,
    "crlf.key": text.replaceAll("\n", "\r\n"),
    "fenced.txt": `Hello\n\`\`\`\n${text}\`\`\`\nBye\n`,
  };
  for (const [name, content] of Object.entries(forms)) {
    await choose(file(name, content));
    await frame.waitForFunction((words) => document.getElementById("which-key").textContent.includes(words), name);
    assert.equal(await frame.locator("#paste-error").innerText(), "", name);
    await frame.click("#things button");
    // The same file once more.
    await choose(file(name, content));
    await frame.waitForFunction((words) => document.getElementById("which-key").textContent.includes(words), name);
    await frame.click("#things button");
  }
  await forget();
});

test("what is no use is refused by name, and takes nothing with it", async () => {
  const { frame } = at;
  await frame.click("#step-answer");
  const odd = {
    empty: "",
    "picture.png": Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"),
    "things.zip": Buffer.from("504b0304140000000800", "hex"),
    "letter.txt": "Hello, how are you?\n",
    "half.pem": CERTIFICATE.slice(0, 300),
  };
  for (const [name, content] of Object.entries(odd)) {
    await choose(file("cluster.json", '{"server": "https://10.0.0.1:6443", "certificate-authority-data": "eA=="}'));
    await choose(file(name, content));
    await said(new RegExp(`^${name.replaceAll(".", "\\.")}(:| is empty)`));
    assert.deepEqual((await things()).map((one) => one.replace(/\s+/g, " ").trim()), ["cluster cluster.json ×"], name);
    await frame.click("#things button");
  }
  // A thousand files at once, one of which is of use.
  await choose(...Array.from({ length: 999 }, (_, i) => file(`${i}.txt`, "x")), file("good.pem", CERTIFICATE));
  await said(/998\.txt/);
  assert.equal(await frame.locator("#which-answer.there").count(), 0, "no verdict beside what was refused");
  await forget();
});

test("a kubeconfig of several clusters gives the current one's", async () => {
  const { frame } = at;
  await frame.click("#step-answer");
  const cluster = (name) => ({ name, cluster: { server: `https://${name}:6443`, "certificate-authority-data": Buffer.from(CERTIFICATE).toString("base64") } });
  await choose(file("clusters.json", JSON.stringify({
    kind: "Config", clusters: [cluster("one"), cluster("two")], "current-context": "here", contexts: [{ name: "here", context: { cluster: "two" } }],
  })));
  await give(frame, CERTIFICATE);
  await frame.waitForSelector("#server");
  assert.equal(await frame.inputValue("#server"), "https://two:6443");
  await forget();
});

test("a change of language keeps what was typed and made, in every step", async () => {
  const { page, frame } = at;
  await frame.fill("#user", "polyglot");
  await frame.fill("#groups", "dev\nops");
  await frame.fill("#expires", "7d");
  await frame.selectOption("#key-type", "p384");
  await frame.click("#language-de");
  assert.deepEqual(await frame.evaluate(() => ["user", "groups", "expires", "key-type"].map((id) => document.getElementById(id).value)), ["polyglot", "dev\nops", "7d", "p384"]);
  assert.equal(await frame.locator("html").getAttribute("lang"), "de");
  await frame.click("#make");
  await frame.waitForSelector("#save-key");
  await frame.click("#language-en");
  assert.match(await frame.locator("#panel-key").innerText(), /polyglot.*exists only in this page/s);
  await saveKey(page, frame);
  await frame.click("#go-send");
  const code = await frame.locator(".big-code .code").textContent();
  await frame.click("#language-de");
  assert.equal(await frame.locator(".big-code .code").textContent(), code);
  assert.match(await frame.locator("#message").textContent(), /^Hallo/);
  await frame.click("#sent-it");
  await give(frame, CERTIFICATE);
  await frame.waitForSelector("#server");
  await frame.fill("#server", "https://typed:6443");
  await frame.locator("#server").blur();
  await frame.click("#language-en");
  assert.equal(await frame.inputValue("#server"), "https://typed:6443");
  await forget();
});

test("forgetting leaves nothing, from every step", async () => {
  const { page, frame } = at;
  for (const step of ["key", "send", "answer", "done", "inspect"]) {
    await frame.fill("#user", "unforgettable");
    await frame.click("#make");
    await frame.waitForSelector("#save-key");
    await saveKey(page, frame);
    await frame.click(`#step-${step}`);
    if (step !== "send") await give(frame, CERTIFICATE);
    await forget();
    for (const other of ["send", "answer", "done", "inspect", "key"]) {
      await frame.click(`#step-${other}`);
      const left = await frame.evaluate(() => document.body.innerText + [...document.querySelectorAll("input, textarea")].map((e) => e.value).join("\n"));
      assert.doesNotMatch(left, /unforgettable|BEGIN|SHA-256 [0-9a-f]/, `${step}, then ${other}`);
      assert.deepEqual(await things(), [], `${step}, then ${other}`);
    }
  }
  assert.deepEqual(at.told, []);
});
