// Starts the page: the form is there at once, the wasm a moment later.

import * as glue from "./usercert_wasm_bg.js";
import * as usercert from "./usercert.js";
import { WASM_LZMA_BASE64, WASM_SIZES } from "./wasm.js";
import { join } from "./join.js";
import { unpack } from "./unpack.js";
import { announce, button, byId } from "./dom.js";
import { dropZone } from "./drop.js";
import { keyPanel } from "./key.js";
import { sendPanel } from "./send.js";
import { answerPanel } from "./answer.js";
import { donePanel } from "./done.js";
import { inspectPanel } from "./inspect.js";
import { forget, keyAtRisk, state } from "./state.js";
import { TEXTS, language, speak, t } from "./texts.js";

const STEPS = ["key", "send", "answer", "done", "inspect"];
let active = "key";
let panels;
let zone;

function stop(text) {
  const note = byId("state");
  note.className = "notice bad";
  note.textContent = text;
  note.hidden = false;
  byId("app").hidden = true;
}

/** Shows a step; what is in it is drawn anew from what is known. */
function open(step, focus = true) {
  const moved = step !== active;
  active = step;
  for (const name of STEPS) {
    if (name === step) byId(`step-${name}`).setAttribute("aria-current", "step");
    else byId(`step-${name}`).removeAttribute("aria-current");
    byId(`panel-${name}`).hidden = name !== step;
  }
  marks();
  // Where something is waited for, the box for it comes first.
  const panel = byId("panels");
  if (["answer", "inspect"].includes(step)) panel.before(byId("zone"));
  else panel.after(byId("zone"));
  byId("zone").hidden = step === "send";
  panels[step]();
  const waits = step === "inspect" || (step === "answer" && state.answer === null);
  if (moved && focus) (waits ? byId("paste") : byId(`panel-${step}`).querySelector("h2"))?.focus();
}

/** Which steps are behind. */
function marks() {
  const behind = { key: state.made?.saved === true || state.fileKey !== null, send: state.sent || state.answer !== null, answer: state.finished !== null, done: false };
  for (const [name, is] of Object.entries(behind)) byId(`step-${name}`).classList.toggle("behind", is);
}

/** Every text anew, in the language that was chosen. */
function draw() {
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  byId("road").setAttribute("aria-label", t("road"));
  if (byId("version").dataset.version) byId("version").textContent = t("version", byId("version").dataset.version);
  byId("languages").replaceChildren(...Object.entries(TEXTS).map(([name, texts]) => {
    const press = button(`language-${name}`, texts.name, () => { speak(name); draw(); byId(`language-${name}`).focus(); }, "small quiet");
    press.lang = name;
    press.setAttribute("aria-pressed", String(name === language()));
    return press;
  }));
  zone();
  for (const name of STEPS) if (name !== active) byId(`panel-${name}`).replaceChildren();
  open(active);
}

function forgetEverything() {
  if (!confirm(t(keyAtRisk() ? "forgetKey" : "forgetAll"))) return;
  forget();
  for (const name of STEPS) byId(`panel-${name}`).replaceChildren();
  byId("zone").replaceChildren();
  panels.clear();
  active = "key";
  draw();
  byId("user").focus();
  announce(t("forgotten"));
}

async function loadWasm() {
  const packed = Uint8Array.from(atob(WASM_LZMA_BASE64), (c) => c.charCodeAt(0));
  const sorted = await unpack(packed, WASM_SIZES.reduce((sum, size) => sum + size, 0));
  const wasm = join(sorted, WASM_SIZES);
  const { instance } = await WebAssembly.instantiate(wasm, { "./usercert_wasm_bg.js": glue });
  usercert.attach(instance);
  byId("version").dataset.version = usercert.version();
  byId("version").textContent = t("version", usercert.version());
  return true;
}

let ed25519;
function hasEd25519() {
  ed25519 ??= crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]).then(() => true, () => false);
  return ed25519;
}

function start() {
  speak(language());
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  // Not a link: browsers would take one for leaving, which the frame may not.
  byId("skip").addEventListener("click", () => byId("main").focus());
  // The frame's parent is this file itself; above that there must be nobody.
  if (window.parent !== window.top) return stop(t("framed"));
  if (typeof WebAssembly === "undefined") return stop(t("noWasm"));
  if (!usercert.canMakeKeys()) return stop(t("noCrypto"));
  // Once what stands here is drawn; nobody types faster.
  const ready = new Promise((resolve) => { setTimeout(resolve, 0); }).then(loadWasm).catch(() => { stop(t("noWasm")); return false; });
  const shared = { ready, open, hasEd25519 };
  const inspection = inspectPanel(byId("panel-inspect"));
  panels = {
    key: keyPanel(byId("panel-key"), shared),
    send: sendPanel(byId("panel-send"), shared),
    answer: answerPanel(byId("panel-answer"), shared),
    done: donePanel(byId("panel-done"), shared),
    inspect: inspection.draw,
    clear: () => { byId("account")?.replaceChildren(); inspection.look([]); },
  };
  zone = dropZone(byId("zone"), { ready, clear: () => panels.clear(), step: () => active, open, look: inspection.look });
  for (const name of STEPS) byId(`step-${name}`).addEventListener("click", () => open(name));
  byId("forget").addEventListener("click", forgetEverything);
  // The browser would print what is in view of the frame, and no second page.
  window.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key !== "p") return;
    event.preventDefault();
    print();
  });
  byId("print").addEventListener("click", () => print());
  window.addEventListener("beforeunload", (event) => { if (keyAtRisk()) event.preventDefault(); });
  draw();
  byId("state").hidden = true;
  byId("app").hidden = false;
}

start();
