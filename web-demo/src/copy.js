// Handing things to the person: the clipboard and the Downloads folder.

import { announce, button, h } from "./dom.js";
import { t } from "./texts.js";

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { value: text, className: "visually-hidden", readOnly: true, "aria-hidden": "true", spellcheck: "false" });
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
export function copyButton(what, text, className = "small") {
  const label = t("copy", what);
  const press = button(null, t("copyShort"), async () => {
    const done = await toClipboard(text);
    press.textContent = done ? t("copied") : t("copyByHand");
    announce(done ? t("copiedSaid", what) : t("copyRefused"));
    setTimeout(() => { press.textContent = t("copyShort"); }, 2000);
  }, className);
  press.setAttribute("aria-label", label);
  return press;
}

/** A text in a box, with its copy button. */
export function copyable(what, text, className = "") {
  return h("div", { className: `copyable ${className}` },
    h("pre", { tabIndex: 0, role: "region", "aria-label": what, translate: "no" }, text),
    copyButton(what, text));
}

/** Asks the browser to save a text as a file. Whether it did, no page is told. */
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  // Never part of the page: nobody can click it in ways that lead elsewhere.
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The question that follows. With `yes` there is a button to answer it. */
export function isItThere(name, id, yes) {
  announce(t("asked", name));
  return h("div", { className: "notice", id },
    h("p", {}, t("asked", name)),
    h("p", { className: "actions" },
      yes && button(`${id}-yes`, t("isThere"), yes, "primary"),
      h("span", { className: "hint" }, t("notThere"))));
}

const mine = () => (/win/i.test(navigator.platform) ? "Windows" : /mac/i.test(navigator.platform) ? "macOS" : "Linux");

/** Commands for each kind of machine, this one's first and open: `lines` gives them for sh or PowerShell. */
export function perSystem(name, lines) {
  const all = ["Linux", "macOS", "Windows"].sort((a, b) => (b === mine()) - (a === mine()));
  return all.map((system) => h("details", { open: system === mine() },
    h("summary", {}, system === "Windows" ? "Windows (PowerShell)" : system),
    copyable(`${name}, ${system}`, lines(system === "Windows"))));
}

/** Takes a file's rights from everybody else. */
export function privately(windows, file) {
  return windows
    ? `icacls "$HOME\\Downloads\\${file}" /inheritance:r /grant:r "\${env:USERNAME}:F"`
    : `chmod 600 ~/Downloads/${file}`;
}
