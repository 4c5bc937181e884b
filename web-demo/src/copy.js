// Handing things to the person: the clipboard and the Downloads folder.

import { announce, h } from "./dom.js";

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { value: text, className: "visually-hidden", readOnly: true, "aria-hidden": "true" });
    const before = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    before?.focus();
    return done;
  }
}

/** A button that copies a text. Keys never get one. */
export function copyButton(what, text) {
  const button = h("button", { type: "button", className: "small", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    const done = await toClipboard(text);
    button.textContent = done ? "Copied" : "Select and copy by hand";
    announce(done ? `Copied ${what}` : "Copying was refused; select the text and copy it by hand");
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return button;
}

/** A text in a box, with its copy button. */
export function copyable(what, text, className = "") {
  return h("div", { className: `copyable ${className}` },
    h("pre", { tabIndex: 0, role: "region", "aria-label": what, translate: "no" }, text),
    copyButton(what, text));
}

/** Saves a text as a file. The browser keeps nothing of it in this page. */
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
