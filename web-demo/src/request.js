// The first tab: who, groups, lifetime, kind of key; then key, request and the lines for the admin.

import * as usercert from "./usercert.js";
import { announce, byId, code, facts, field, fieldError, h, heading } from "./dom.js";
import { copyButton, copyable, download } from "./copy.js";
import { findingList } from "./findings.js";
import { sentence } from "./input.js";

const KEY_NAMES = {
  p256: "ECDSA P-256: small, fast, taken everywhere",
  p384: "ECDSA P-384",
  ed25519: "Ed25519",
  rsa2048: "RSA, 2048 bits",
  rsa3072: "RSA, 3072 bits",
  rsa4096: "RSA, 4096 bits: takes some seconds",
};

/** What was made in this visit: { key, asked, handOver, saved }. Lives as long as the page. */
let made = null;

export function madeHere() {
  return made;
}

/** Whether there is a key that would be lost if the page went away now. */
export function keyAtRisk() {
  return made !== null && !made.saved;
}

const plainText = { spellcheck: false, autocomplete: "off", autocapitalize: "none", translate: "no" };

export function requestPanel(panel, { hasEd25519, goToInstall }) {
  const keyTypes = usercert.KEY_TYPES.map((type) => {
    const missing = type === "ed25519" && !hasEd25519;
    return h("option", { value: type, disabled: missing }, missing ? "Ed25519: this browser cannot make such keys" : KEY_NAMES[type]);
  });
  // No form element: the frame is not allowed to submit any.
  const form = h("div", { role: "form", "aria-labelledby": "ask" },
    h("h2", { id: "ask" }, "Ask for access"),
    field("user", "User name", h("input", { type: "text", required: true, ...plainText }),
      "The name by which the cluster will know you, such as alice or alice@example.com."),
    field("groups", "Groups", h("textarea", { rows: 3, wrap: "off", ...plainText }),
      "One on each line, as your admin told you. None is fine."),
    h("div", { id: "names-found", "aria-live": "polite" }),
    field("expires", "Lifetime", h("input", { type: "text", value: usercert.defaultLifetime(), list: "lifetimes", ...plainText }),
      "As 24h, 30d or 12w. With “signer”, the cluster’s signer decides."),
    h("datalist", { id: "lifetimes" }, ["24h", "7d", "30d", "90d", "365d", "signer"].map((v) => h("option", { value: v }))),
    field("key-type", "Kind of key", h("select", {}, keyTypes)),
    h("details", {},
      h("summary", {}, "More"),
      field("signer", "Signer", h("input", { type: "text", value: usercert.defaultSigner(), ...plainText }),
        "Leave it unless your admin named another.")),
    h("div", { className: "actions" },
      h("button", { type: "button", className: "primary", id: "make", on: { click: make } }, "Make key and request")),
    h("p", { id: "make-error", className: "error", role: "alert" }));
  const result = h("div", { id: "made", hidden: true });
  panel.append(form, result);
  // While typing pauses, not when the field is left: what appears would move the button from under the
  // pointer that is about to press it.
  let pause;
  for (const id of ["user", "groups"]) {
    byId(id).addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(() => check(true), 200); });
  }
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) make();
  });

  const groups = () => byId("groups").value.split("\n").map((l) => l.replace(/\r$/, "")).filter((l) => l.trim() !== "");

  /** Says beside each field what is wrong with it; gives what is asked for, or null. */
  function check(whileTyping = false) {
    const user = byId("user").value;
    const found = byId("names-found");
    found.replaceChildren();
    let good = true;
    const field = (id, test) => {
      try {
        fieldError(id, null);
        return test();
      } catch (error) {
        good = false;
        fieldError(id, sentence(error));
        return null;
      }
    };
    if (!(whileTyping && user === "")) field("user", () => usercert.checkUser(user));
    field("groups", () => {
      groups().forEach(usercert.checkGroup);
      if (good && user !== "") {
        const findings = usercert.reviewNames(user, groups());
        if (findings.length > 0) found.append(h("p", { className: "hint" }, "Whoever approves this will be told:"), findingList(findings));
      }
    });
    const lifetime = byId("expires").value.trim();
    const seconds = field("expires", () => (lifetime === "signer" ? null : usercert.lifetimeSeconds(lifetime)));
    const signer = byId("signer").value.trim();
    field("signer", () => { if (!/^[^\s/]+\/[^\s]+$/.test(signer)) throw new Error("a signer's name has the form domain/name"); });
    return good ? { user, groups: groups(), seconds, signer } : null;
  }

  async function make() {
    clearTimeout(pause);
    const asked = check();
    byId("make-error").textContent = "";
    if (asked === null) {
      panel.querySelector("[aria-invalid]")?.focus();
      return;
    }
    const button = byId("make");
    button.disabled = true;
    button.textContent = "Making the key …";
    announce("Making the key");
    try {
      const key = await usercert.Key.generate(byId("key-type").value);
      const request = await usercert.makeRequest(key, asked);
      made = { key, asked, handOver: usercert.handOver(request, asked), saved: false };
      form.hidden = true;
      result.hidden = false;
      show();
    } catch (error) {
      byId("make-error").textContent = sentence(error);
    }
    button.disabled = false;
    button.textContent = "Make key and request";
  }

  function show() {
    const { handOver, asked } = made;
    const title = heading(2, "Keep your key");
    const save = h("button", { type: "button", className: "primary", id: "save-key", on: { click: saveKey } }, `Save ${handOver.files.key}`);
    result.replaceChildren(
      facts([
        ["User", handOver.user],
        ["Groups", handOver.groups.length === 0 ? "(none)" : handOver.groups.join(", ")],
        ["Key", `${handOver.key}, signed with ${handOver.signature}`],
        ["Lifetime", asked.seconds === null ? "as the signer chooses" : byId("expires").value.trim()],
      ]),
      h("section", { className: "step", id: "step-key" }, title,
        h("p", {}, "This key exists only in this page. It is the half of your access that nobody else may ever see: do not mail it, do not show it, not even to your admin."),
        h("p", { className: "notice warn", id: "key-warning" }, "Save it now. If you leave this page without it, the certificate that your admin sends will be of no use."),
        h("div", { className: "actions" }, save)),
      h("div", { id: "after-key", hidden: true }),
      h("p", { className: "again" }, h("button", { type: "button", className: "quiet", on: { click: startOver } }, "Start over")));
    title.focus();
    announce("Key and request are made. Save your key now.");
  }

  /** Whether a file arrived is for the person to say: a page is not told. */
  async function saveKey() {
    const mine = made;
    if (mine === null) return;
    download(mine.handOver.files.key, await mine.key.pem());
    if (mine !== made) return;
    const warning = byId("key-warning");
    warning.replaceChildren(
      h("p", {}, "Your browser was asked to save ", h("strong", {}, mine.handOver.files.key), ", usually in your Downloads folder. Is it there?"),
      h("p", { className: "actions" },
        h("button", { type: "button", className: "primary", id: "key-is-there", on: { click: keyIsThere } }, "Yes, I have the file"),
        h("span", { className: "hint" }, "If not: save it again, or open this page in another browser.")));
    byId("save-key").className = "";
    byId("save-key").textContent = `Save ${mine.handOver.files.key} again`;
    byId("key-is-there").focus();
    announce(`Your browser was asked to save ${mine.handOver.files.key}. Is it there?`);
  }

  function keyIsThere() {
    if (made.saved) return;
    made.saved = true;
    const warning = byId("key-warning");
    warning.className = "notice";
    warning.replaceChildren(
      "Make the file readable for you alone, once it is where it should stay:",
      copyable("the command that makes the key file private", `chmod 600 ${made.handOver.files.key}`),
      h("span", { className: "hint" }, "On Windows: file properties, Security, remove everybody but yourself."));
    showRequest();
  }

  function showRequest() {
    const { handOver } = made;
    const title = heading(2, "Send the request");
    const after = byId("after-key");
    after.replaceChildren(
      h("section", { className: "step" }, title,
        h("p", {}, "Send this file to an admin of the cluster. It holds no secret."),
        h("div", { className: "actions" },
          h("button", { type: "button", className: "primary", id: "save-manifest", on: { click: () => download(handOver.files.manifest, handOver.manifest) } }, `Save ${handOver.files.manifest}`),
          copyButton("the request as YAML", handOver.manifest)),
        h("p", {}, "Tell the admin this code by another way, such as the phone, so that nobody can swap the request unnoticed:"),
        h("p", { className: "big-code" }, code(handOver.code), copyButton("the code", handOver.code)),
        h("h3", {}, "What the admin runs"),
        copyable("the admin’s command", handOver.approve),
        h("details", {}, h("summary", {}, "An admin without the plugin"), withKubectl(handOver)),
        h("details", {}, h("summary", {}, "Look at the request"),
          h("h3", {}, handOver.files.manifest), copyable("the CertificateSigningRequest object", handOver.manifest),
          h("h3", {}, handOver.files.csr), copyable("the certificate request in PEM", handOver.csr),
          h("div", { className: "actions" }, h("button", { type: "button", on: { click: () => download(handOver.files.csr, handOver.csr) } }, `Save ${handOver.files.csr}`)),
          facts([["SHA-256", handOver.sha256]]))),
      h("section", { className: "step" }, h("h2", {}, "Wait for the answer"),
        h("p", {}, "The admin sends back a small file, which holds no secret either. Then go on with Install: here, or later with your key file."),
        h("div", { className: "actions" }, h("button", { type: "button", id: "go-install", on: { click: goToInstall } }, "Go to Install")),
        h("details", {}, h("summary", {}, "With the plugin instead"), copyable("the command that installs the answer", handOver.install))));
    after.hidden = false;
    title.focus();
    announce("Now send the request to your admin.");
  }

  function startOver() {
    if (keyAtRisk() && !confirm("The key was not saved, as far as is known. Throw it away?")) return;
    made = null;
    result.replaceChildren();
    result.hidden = true;
    form.hidden = false;
    byId("user").focus();
  }
}

function withKubectl(handOver) {
  return [
    h("p", {}, "kubectl cannot tie an approval to what was looked at, so the request goes in under a name that comes from the key, and is compared after it was submitted."),
    h("ol", { className: "plain-steps" }, handOver.withKubectl.map((step, position) =>
      h("li", {}, h("p", {}, step.purpose), copyable(`step ${position + 1}`, step.line)))),
    h("p", {}, "The admin then sends back the two files of the last steps; neither holds a secret."),
  ];
}
