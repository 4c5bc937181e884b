// The road of a newcomer, from nothing to a kubeconfig that works.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import jsQR from "jsqr";

import { FILE_URL, downloadBy, give, isFirefox, saveKey, openPage, servePage, startBrowser } from "./support/browser.js";
import { startCluster, tool, workFolder } from "./support/cluster.js";

const KEY_TYPES = ["p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096"];

let browser;
let server;
let cluster;

before(async () => {
  [browser, server, cluster] = await Promise.all([startBrowser(), servePage(), startCluster()]);
});
after(async () => {
  await browser?.close();
  await server?.close();
  await cluster?.close();
});

/** Whether a file in the folder holds an issued certificate. */
async function answered(folder) {
  const files = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
  const texts = await Promise.all(files.map((entry) => readFile(join(folder, entry.name), "utf8")));
  return texts.some((text) => /^ {2}certificate: /m.test(text));
}

/** Fills the first step and saves key and manifest. */
async function request(page, frame, { user, groups, type = "p256", expires = "30d" }) {
  await frame.fill("#user", user);
  await frame.fill("#groups", groups.join("\n"));
  await frame.fill("#expires", expires);
  await frame.selectOption("#key-type", type);
  await frame.click("#make");
  await frame.waitForSelector("#save-key", { timeout: 60_000 });
  assert.equal(await frame.locator("#go-send").count(), 0, "nothing is offered before the key is saved");
  const key = await saveKey(page, frame);
  await frame.click("#go-send");
  const manifest = await downloadBy(page, () => frame.click("#save-manifest"));
  const message = await frame.locator("#message").textContent();
  const line = message.match(/^kubectl usercert approve .*$/m)[0];
  const code = await frame.locator(".big-code .code").textContent();
  return { key, manifest, message, line, code };
}

/** Gives the answer, agrees, and saves the kubeconfig. */
async function install(page, frame, ...things) {
  await frame.click("#step-answer");
  await give(frame, ...things);
  await frame.waitForSelector("#agree");
  const outcomes = await frame.locator("#account .lines li").evaluateAll((lines) => lines.map((l) => [l.dataset.check, l.className]));
  const verdict = await frame.locator("#account .verdict").innerText();
  assert.ok(await frame.locator("#save-kubeconfig").isDisabled(), "not before the person has agreed");
  await frame.check("#agree");
  const kubeconfig = await downloadBy(page, () => frame.click("#save-kubeconfig"));
  return { kubeconfig, verdict, outcomes: Object.fromEntries(outcomes) };
}

for (const [index, type] of KEY_TYPES.entries()) {
  // Every kind of key, by turns from the server and from the file.
  const where = index % 2 === 0 ? "http://localhost" : "file://";
test(`${type} from ${where}: key, request, approval, answer, kubeconfig`, async (t) => {
    const folder = await workFolder(t);
    const { page, frame, told } = await openPage(browser.context, index % 2 === 0 ? server.url : FILE_URL);
    const user = `Jürgen ${type} 🦀`;
    const { key, manifest, message, line, code } = await request(page, frame, { user, groups: ["dev", "öps"], type });
    assert.match(key.name, new RegExp(`^jurgen-${type}-\\d{4}-\\d\\d-\\d\\d(-\\d+)?\\.key$`));
    assert.ok(message.includes(manifest.text.trimEnd()));
    assert.ok(!message.includes(code) && !message.includes(code.replaceAll("-", "")), "file and code travel apart");

    const csr = Buffer.from(manifest.text.match(/request: "([^"]+)"/)[1], "base64").toString();
    await writeFile(join(folder, "request.csr"), csr);
    const { stderr, stdout } = await tool("openssl", ["req", "-in", join(folder, "request.csr"), "-verify", "-noout", "-subject", "-nameopt", "utf8"]);
    assert.match(stderr + stdout, /verify OK/);
    assert.match(stdout, new RegExp(`CN=Jürgen ${type} 🦀, ?O=dev, ?O=öps`));
    await writeFile(join(folder, key.name), key.text, { mode: 0o600 });
    await tool("openssl", ["pkey", "-in", join(folder, key.name), "-noout", "-check"]);

    if (cluster === null) {
      t.diagnostic("no cluster: approval was not tried");
    } else {
      const reply = await cluster.approve(folder, manifest, line);
      const { kubeconfig, outcomes } = await install(page, frame, reply);
      assert.deepEqual(outcomes, {
        key: "good", user: "good", groups: "good", usage: "good", validity: "good", chain: outcomes.chain,
      });
      await writeFile(join(folder, "me.conf"), kubeconfig.text, { mode: 0o600 });
      assert.deepEqual(await cluster.whoami(join(folder, "me.conf")), { user, groups: ["dev", "öps"].sort() });
    }
    assert.deepEqual(told, []);
    await page.close();
  });
}

test("with the keyboard only: request, save, answer, kubeconfig", async (t) => {
  if (cluster === null) return t.skip("no cluster");
  const folder = await workFolder(t);
  const { page, frame } = await openPage(browser.context, server.url);
  const keyboard = page.keyboard;
  const focused = () => frame.evaluate(() => document.activeElement?.id);
  const tabTo = async (id) => {
    for (let presses = 0; (await focused()) !== id; presses += 1) {
      assert.ok(presses < 40, `${id} is not reached`);
      await keyboard.press("Tab");
    }
  };
  await tabTo("step-key");
  await tabTo("user");
  await keyboard.type("keyboard-only");
  await tabTo("groups");
  await keyboard.type("dev");
  await tabTo("make");
  await keyboard.press("Enter");
  await frame.waitForSelector("#save-key");
  await tabTo("save-key");
  const key = await downloadBy(page, () => keyboard.press("Enter"));
  assert.match(key.text, /^-----BEGIN PRIVATE KEY-----\n/m);
  await tabTo("key-is-there-yes");
  await keyboard.press("Enter");
  await tabTo("go-send");
  await keyboard.press("Enter");
  await tabTo("save-manifest");
  const manifest = await downloadBy(page, () => keyboard.press("Space"));
  const line = (await frame.locator("#message").textContent()).match(/^kubectl usercert approve .*$/m)[0];
  const reply = await cluster.approve(folder, manifest, line);
  await tabTo("sent-it");
  await keyboard.press("Enter");
  await tabTo("paste");
  await keyboard.insertText(reply);
  await frame.waitForSelector("#agree");
  await tabTo("agree");
  await keyboard.press("Space");
  await tabTo("save-kubeconfig");
  const kubeconfig = await downloadBy(page, () => keyboard.press("Enter"));
  await writeFile(join(folder, "me.conf"), kubeconfig.text, { mode: 0o600 });
  assert.deepEqual(await cluster.whoami(join(folder, "me.conf")), { user: "keyboard-only", groups: ["dev"] });
  await page.close();
});

test("in a later visit, with the key file and without the plugin on the admin's side", async (t) => {
  if (cluster === null) return t.skip("no cluster");
  const folder = await workFolder(t);
  let { page, frame } = await openPage(browser.context, FILE_URL);
  const { key, manifest, message } = await request(page, frame, { user: "o'hara; $(id)", groups: [], expires: "2h" });
  const steps = message.match(/```\n# Submit[^`]*```/)[0].split("\n").filter((line) => line.startsWith("kubectl"));
  assert.equal(steps.length, 6);
  await page.close();
  await writeFile(join(folder, manifest.name), manifest.text);
  for (const [position, step] of steps.entries()) {
    let { stdout } = await cluster.line(folder, step);
    // The fifth takes the answer once the certificate is there.
    for (let tries = 0; position === 4 && tries < 100 && !(await answered(folder)); tries += 1) {
      ({ stdout } = await cluster.line(folder, step));
    }
    if (position === 2) assert.match(stdout, /[0-9a-f]{64}/);
  }
  const answer = steps[4].split("> ")[1];
  ({ page, frame } = await openPage(browser.context, FILE_URL));
  // All at once, and in no order.
  await frame.setInputFiles("#files", [
    { name: "cluster.json", mimeType: "", buffer: await readFile(join(folder, "cluster.json")) },
    { name: "any.key", mimeType: "", buffer: Buffer.from(key.text) },
    { name: answer, mimeType: "", buffer: await readFile(join(folder, answer)) },
  ]);
  await frame.waitForSelector("#agree");
  assert.match(await frame.locator("#which-asked").innerText(), /noted in the key file/);
  await frame.check("#agree");
  const kubeconfig = await downloadBy(page, () => frame.click("#save-kubeconfig"));
  await writeFile(join(folder, "me.conf"), kubeconfig.text, { mode: 0o600 });
  assert.deepEqual(await cluster.whoami(join(folder, "me.conf")), { user: "o'hara; $(id)", groups: [] });
  await page.close();
});

test("the code is a QR code as well, and all of the step is printed", { skip: isFirefox && "the same code" }, async () => {
  const { page, frame } = await openPage(browser.context, FILE_URL);
  const { code } = await request(page, frame, { user: "picture", groups: [] });
  const { width, height, data } = await frame.locator("canvas.qr").evaluate((canvas) => {
    const big = new OffscreenCanvas(canvas.width * 8, canvas.height * 8);
    const pen = big.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.drawImage(canvas, 0, 0, big.width, big.height);
    const { width, height, data } = pen.getImageData(0, 0, big.width, big.height);
    return { width, height, data: [...data] };
  });
  assert.equal(jsQR(Uint8ClampedArray.from(data), width, height)?.data, code);
  await frame.evaluate(() => { window.print = () => { document.title = "printed alone"; }; });
  await frame.locator("#message").focus();
  await page.keyboard.press("Control+p");
  assert.equal(await frame.evaluate(() => document.title), "printed alone");
  await page.close();
});

test("an answer for somebody else's key is refused in words", async (t) => {
  if (cluster === null) return t.skip("no cluster");
  const folder = await workFolder(t);
  const first = await openPage(browser.context, FILE_URL);
  const { manifest, line } = await request(first.page, first.frame, { user: "somebody", groups: [] });
  const reply = await cluster.approve(folder, manifest, line);
  await first.page.close();
  const { page, frame } = await openPage(browser.context, FILE_URL);
  await request(page, frame, { user: "another", groups: ["dev"] });
  await frame.click("#step-answer");
  await give(frame, reply);
  await frame.waitForSelector("#account .verdict.bad");
  const text = await frame.locator("#account").innerText();
  for (const words of ["is for another key", "names the user somebody, not another as requested", "lacks the groups dev"]) {
    assert.ok(text.includes(words), `${words}: ${text}`);
  }
  assert.equal(await frame.locator("#save-kubeconfig").count(), 0);
  await page.close();
});

test("leaving is warned of until the person has said that the key is there", async () => {
  const { page, frame } = await openPage(browser.context, FILE_URL);
  const leavingIsWarnedOf = () => frame.evaluate(() => {
    const event = new Event("beforeunload", { cancelable: true });
    window.dispatchEvent(event);
    return event.defaultPrevented;
  });
  await frame.fill("#user", "alice");
  assert.equal(await leavingIsWarnedOf(), false);
  await frame.click("#make");
  await frame.waitForSelector("#save-key");
  assert.equal(await leavingIsWarnedOf(), true);
  await downloadBy(page, () => frame.click("#save-key"));
  const text = await frame.locator("#panel-key").innerText();
  assert.match(text, /was asked to save alice\S*\.key.*Is it there\?/s);
  assert.doesNotMatch(text, /downloaded/i, "a page cannot know");
  assert.equal(await leavingIsWarnedOf(), true, "asked to save is not saved");
  await frame.click("#key-is-there-yes");
  assert.equal(await leavingIsWarnedOf(), false);
  await page.close();
});

test("the browser does warn when leaving", { skip: isFirefox && "closing asks nothing by this driver" }, async () => {
  const { page, frame } = await openPage(browser.context, FILE_URL);
  await frame.fill("#user", "alice");
  await frame.click("#make");
  await frame.waitForSelector("#save-key");
  const question = page.waitForEvent("dialog");
  await page.close({ runBeforeUnload: true });
  await (await question).dismiss();
  assert.ok(!page.isClosed());
  await saveKey(page, frame);
  const closed = page.waitForEvent("close");
  await page.close({ runBeforeUnload: true });
  await closed;
});

test("names that cannot be asked for are told beside their field", async () => {
  const { page, frame } = await openPage(browser.context, FILE_URL);
  const cases = [
    ["#user", "", /user name is empty/],
    ["#user", "ali\u202ece", /invisible or control character U\+202E/],
    ["#groups", "system:masters", /cannot be requested/],
    ["#expires", "soon", /is not a duration/],
    ["#expires", "5m", /shorter than 10 minutes/],
  ];
  for (const [field, value, words] of cases) {
    await frame.fill("#user", "alice");
    await frame.fill("#groups", "");
    await frame.fill("#expires", "30d");
    await frame.fill(field, value);
    await frame.click("#make");
    assert.match(await frame.locator(`${field}-error`).textContent(), words);
    assert.equal(await frame.getAttribute(field, "aria-invalid"), "true");
  }
  await frame.fill("#expires", "30d");
  await frame.fill("#user", "alice");
  await frame.fill("#groups", "System:masters");
  await frame.locator("#names-found li").first().waitFor();
  assert.match(await frame.locator("#names-found").innerText(), /looks like system:masters/);
  await page.close();
});
