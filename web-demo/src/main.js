// Starts the page: unpacks the wasm, fills the tabs and leads between them.

import * as glue from "./usercert_wasm_bg.js";
import * as usercert from "./usercert.js";
import { WASM_BYTES, WASM_LZMA_BASE64 } from "./wasm.js";
import { unpack } from "./unpack.js";
import { byId } from "./dom.js";
import { catchDrops } from "./input.js";
import { keyAtRisk, requestPanel } from "./request.js";
import { installPanel } from "./install.js";
import { inspectPanel } from "./inspect.js";

const TABS = ["request", "install", "inspect"];
let active = "request";
let install;

function stop(...sentences) {
  const state = byId("state");
  state.className = "notice bad";
  state.replaceChildren(...sentences.map((text) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = text;
    return paragraph;
  }));
}

function open(tab, focus = false) {
  active = tab;
  for (const name of TABS) {
    const chosen = name === tab;
    const button = byId(`tab-${name}`);
    button.setAttribute("aria-selected", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
    byId(`panel-${name}`).hidden = !chosen;
  }
  if (focus) byId(`tab-${tab}`).focus();
  if (tab === "install") install.refresh();
}

function tabs() {
  for (const name of TABS) {
    const button = byId(`tab-${name}`);
    button.addEventListener("click", () => open(name));
    button.addEventListener("keydown", (event) => {
      const at = TABS.indexOf(name);
      const to = {
        ArrowRight: TABS[(at + 1) % TABS.length],
        ArrowLeft: TABS[(at + TABS.length - 1) % TABS.length],
        Home: TABS[0],
        End: TABS.at(-1),
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      open(to, true);
    });
  }
}

async function loadWasm() {
  const packed = Uint8Array.from(atob(WASM_LZMA_BASE64), (c) => c.charCodeAt(0));
  const { instance } = await WebAssembly.instantiate(unpack(packed, WASM_BYTES), { "./usercert_wasm_bg.js": glue });
  usercert.attach(instance);
}

async function hasEd25519() {
  try {
    await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
    return true;
  } catch {
    return false;
  }
}

async function start() {
  // Not a link: browsers would take one for leaving, which the frame may not.
  byId("skip").addEventListener("click", () => byId("main").focus());
  // The frame's parent is this file itself; above that there must be nobody.
  if (window.parent !== window.top) {
    stop("This page is shown inside another page, which could deceive you. It makes and reads no keys here. Open the file itself.");
    return;
  }
  try {
    await loadWasm();
  } catch {
    stop("This browser cannot run the page: it needs WebAssembly, which every browser has had since 2021.");
    return;
  }
  byId("version").textContent = usercert.version();
  if (!usercert.canMakeKeys()) {
    stop(
      "Keys cannot be made or read here: browsers allow that only on https, on localhost and for local files, and this page came over plain http.",
      "Save this page as a file and open it from there, or open its https address. Nothing weaker is used instead.");
    return;
  }
  requestPanel(byId("panel-request"), {
    hasEd25519: await hasEd25519(),
    goToInstall: () => { open("install"); byId("answer").focus(); },
  });
  install = installPanel(byId("panel-install"));
  inspectPanel(byId("panel-inspect"));
  tabs();
  catchDrops(() => active);
  window.addEventListener("beforeunload", (event) => {
    if (keyAtRisk()) event.preventDefault();
  });
  byId("state").hidden = true;
  byId("app").hidden = false;
}

start();
