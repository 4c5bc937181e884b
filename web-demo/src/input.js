// A box that takes a file, dropped or picked, or pasted text.

import { byId, fieldError, h } from "./dom.js";

const MAX_BYTES = 4 * 1024 * 1024;

/** Pasted text beyond this is not put on show: laying it out would take longer than reading it. */
const MAX_SHOWN = 64 * 1024;

/** Boxes by the panel that they are in, so that a file may be dropped anywhere on it. */
const boxes = new Map();

/**
 * `onInput` gets bytes (null: emptied) and throws an Error in words when they are of no use.
 * For `secret` things the text field is left out of sight, spell checkers and translation.
 */
export function inputBox({ id, panel, label, hint, secret = false, main = false, onInput }) {
  const encoder = new TextEncoder();
  let turn = 0;
  const area = h("textarea", {
    id, rows: secret ? 2 : 5, spellcheck: false, autocomplete: "off", autocapitalize: "none", translate: "no",
    wrap: "off", placeholder: secret ? "or paste it here" : "Paste it here, or drop a file anywhere on this page",
    "aria-describedby": `${id}-hint ${id}-error`, "data-secret": secret || null,
  });
  const picker = h("input", { type: "file", id: `${id}-file`, className: "visually-hidden", tabIndex: -1, "aria-hidden": "true" });
  const pick = h("button", { type: "button", on: { click: () => picker.click() } }, "Choose a file");
  const clear = h("button", { type: "button", className: "quiet", hidden: true, on: { click: () => { reset(); area.focus(); give(null); } } }, "Remove");
  const name = h("p", { className: "chosen", hidden: true });

  async function give(bytes) {
    const mine = ++turn;
    fieldError(id, null);
    try {
      await onInput(bytes);
    } catch (error) {
      if (mine === turn) fieldError(id, sentence(error));
    }
  }

  function reset() {
    area.value = "";
    picker.value = "";
    area.hidden = false;
    name.hidden = clear.hidden = true;
  }

  /** Takes something by its name, without showing it. */
  async function take(what, size, read) {
    turn += 1;
    area.value = "";
    area.hidden = true;
    name.textContent = `${what} (${size} bytes)`;
    name.hidden = clear.hidden = false;
    if (size <= MAX_BYTES) return give(await read());
    await give(null);
    fieldError(id, `This is too long: ${size} bytes, where at most ${MAX_BYTES} are looked at.`);
  }

  async function takeFile(file) {
    if (file) await take(file.name, file.size, async () => new Uint8Array(await file.arrayBuffer()));
  }

  async function takeText(text) {
    const bytes = encoder.encode(text);
    await take("Pasted text", bytes.length, () => bytes);
  }

  let timer;
  area.addEventListener("input", (event) => {
    clearTimeout(timer);
    clear.hidden = area.value === "";
    const read = () => {
      if (area.value.length > MAX_SHOWN) {
        takeText(area.value);
        return;
      }
      const bytes = area.value.trim() === "" ? null : encoder.encode(area.value);
      give(bytes);
    };
    // A paste is answered at once, typing when it pauses.
    if (event.inputType === "insertText" || event.inputType?.startsWith("delete")) timer = setTimeout(read, 150);
    else read();
  });
  picker.addEventListener("change", () => takeFile(picker.files[0]));
  area.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text.length <= MAX_SHOWN) return;
    event.preventDefault();
    takeText(text);
  });

  const box = h("div", { className: "field box" },
    h("label", { for: id }, label),
    h("p", { id: `${id}-hint`, className: "hint" }, hint),
    name, area,
    h("div", { className: "actions" }, pick, clear, picker),
    h("p", { id: `${id}-error`, className: "error", role: "alert" }));
  box.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    box.classList.remove("over");
    takeDrop(event, takeFile, (text) => { reset(); area.value = text; area.dispatchEvent(new Event("input")); });
  });
  if (main) boxes.set(panel, box);
  return { element: box, clear: () => { turn += 1; reset(); fieldError(id, null); } };
}

function takeDrop(event, onFile, onText) {
  const file = event.dataTransfer.files[0];
  if (file) onFile(file);
  else onText(event.dataTransfer.getData("text/plain"));
}

/** A file that misses every box goes to the panel's main one; it never opens in place of the page. */
export function catchDrops(activePanel) {
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    const box = boxes.get(activePanel());
    box?.dispatchEvent(new DragEvent("drop", { dataTransfer: event.dataTransfer }));
  });
}

/** An error's message as a sentence. */
export function sentence(error) {
  const text = error instanceof WebAssembly.RuntimeError
    ? "this could not be worked on; reload the page before you go on"
    : String(error?.message ?? error);
  const shown = text.length > 800 ? `${text.slice(0, 800)}…` : text;
  return shown.charAt(0).toUpperCase() + shown.slice(1) + (/[.?!…]$/.test(shown) ? "" : ".");
}
