// The first step: who, groups, lifetime, kind of key; then the key.

import * as usercert from "./usercert.js";
import { PRIVATE, announce, button, byId, chips, facts, field, fieldError, fill, h, heading, sentence } from "./dom.js";
import { copyable, download, isItThere, perSystem, privately } from "./copy.js";
import { findingList } from "./findings.js";
import { stemOf } from "./names.js";
import { state } from "./state.js";
import { t } from "./texts.js";

let keysMade = 0;

export function keyPanel(panel, { ready, hasEd25519, open }) {
  let pause;
  let busy = false;

  function draw() {
    if (state.made === null) drawForm();
    else drawKey();
  }

  function drawForm() {
    const { form } = state;
    const remember = (id, control) => {
      control.value = form[id];
      control.addEventListener("input", () => { form[id] = control.value; });
      return control;
    };
    const text = (id, more = {}) => remember(id, h("input", { type: "text", ...PRIVATE, ...more }));
    const kinds = usercert.KEY_TYPES.map((type) => h("option", { value: type }, t(type)));
    const kind = remember("key-type", h("select", {}, kinds));
    hasEd25519().then((has) => {
      if (has) return;
      const option = kinds[usercert.KEY_TYPES.indexOf("ed25519")];
      option.disabled = true;
      option.textContent = t("noEd25519");
    });
    // No form element: the frame is not allowed to submit any.
    const all = h("div", { role: "form", "aria-labelledby": "ask" },
      h("h2", { id: "ask" }, t("ask")),
      field("user", t("user"), text("user", { required: true }), t("userHint")),
      field("groups", t("groups"), remember("groups", h("textarea", { rows: 3, wrap: "off", ...PRIVATE })), t("groupsHint")),
      h("div", { id: "names-found", "aria-live": "polite" }),
      field("expires", t("lifetime"), text("expires", { list: "lifetimes" }), t("lifetimeHint")),
      h("datalist", { id: "lifetimes" }, ["24h", "7d", "30d", "90d", "365d", "signer"].map((v) => h("option", { value: v }))),
      field("key-type", t("keyType"), kind),
      h("details", {}, h("summary", {}, t("more")), field("signer", t("signer"), text("signer"), t("signerHint"))),
      h("div", { className: "actions" }, button("make", busy ? t("making") : t("make"), make, "primary")),
      h("p", { id: "make-error", className: "error", role: "alert" }));
    fill(panel, all);
    byId("make").disabled = busy;
    // While typing pauses, not when the field is left: what appears would move the button from under
    // the pointer that is about to press it.
    for (const id of ["user", "groups"]) {
      byId(id).addEventListener("input", () => {
        clearTimeout(pause);
        pause = setTimeout(() => ready.then(() => { if (byId("user")) check(true); }), 200);
      });
    }
    all.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input")) make();
    });
  }

  // Names are taken as servers compare them, byte by byte: accents in one piece.
  const groups = () => byId("groups").value.normalize("NFC").split("\n").map((l) => l.replace(/\r$/, "")).filter((l) => l.trim() !== "");

  /** Says beside each field what is wrong with it; gives what is asked for, or null. */
  function check(whileTyping = false) {
    const user = byId("user").value.normalize("NFC");
    const found = byId("names-found");
    found.replaceChildren();
    let good = true;
    const of = (id, test) => {
      try {
        fieldError(id, null);
        return test();
      } catch (error) {
        good = false;
        fieldError(id, sentence(error, t("broken")));
        return null;
      }
    };
    if (!(whileTyping && user === "")) of("user", () => usercert.checkUser(user));
    of("groups", () => {
      groups().forEach(usercert.checkGroup);
      const several = groups().find((group) => group.includes(","));
      if (several !== undefined) found.append(h("p", { className: "hint" }, t("commas", several), " ", button("split", t("split"), split, "small")));
      if (good && user !== "") {
        const findings = usercert.reviewNames(user, groups());
        if (findings.length > 0) found.append(h("p", { className: "hint" }, t("told")), findingList(findings));
      }
    });
    const lifetime = byId("expires").value.trim();
    const seconds = of("expires", () => (lifetime === "signer" ? null : usercert.lifetimeSeconds(lifetime)));
    const signer = byId("signer").value.trim();
    of("signer", () => { if (!/^[^\s/]+\/[^\s]+$/.test(signer)) throw new Error(t("signerForm")); });
    return good ? { user, groups: groups(), seconds, signer, lifetime } : null;
  }

  function split() {
    state.form.groups = byId("groups").value.split(/[\n,]/).map((group) => group.trim()).filter(Boolean).join("\n");
    byId("groups").value = state.form.groups;
    byId("groups").focus();
    check(true);
  }

  async function make() {
    // One at a time: a second press must not put another key in the place of the first.
    if (busy || state.made !== null) return;
    clearTimeout(pause);
    busy = true;
    byId("make").disabled = true;
    let problem = null;
    const { visit } = state;
    try {
      if (!(await ready)) return;
      const asked = check();
      byId("make-error").textContent = "";
      if (asked === null) {
        panel.querySelector("[aria-invalid]")?.focus();
        return;
      }
      byId("make").textContent = t("making");
      announce(t("makingSaid"));
      const key = await usercert.Key.generate(byId("key-type").value);
      const request = await usercert.makeRequest(key, asked);
      if (visit !== state.visit) return;
      keysMade += 1;
      const handOver = usercert.handOver(request, { ...asked, stem: stemOf(asked.user, keysMade) });
      state.made = { key, asked, handOver, saved: false };
    } catch (error) {
      problem = sentence(error, t("broken"));
    } finally {
      busy = false;
      draw();
      if (problem !== null) byId("make-error").textContent = problem;
      if (state.made === null) check();
      if (state.made === null) panel.querySelector("[aria-invalid]")?.focus();
    }
    if (state.made !== null) {
      panel.querySelector("h2").focus();
      announce(t("made"));
    }
  }

  function drawKey() {
    const { handOver, asked, saved } = state.made;
    const warning = h("div", { id: "key-warning", className: "notice warn" }, t("saveNow"));
    fill(panel, 
      heading(2, t("keep")),
      facts([
        [t("user"), handOver.user],
        [t("groups"), chips(handOver.groups, t("none"))],
        [t("keyFact"), t("keySigned", handOver.key, handOver.signature)],
        [t("lifetime"), asked.seconds === null ? t("bySigner") : asked.lifetime],
      ]),
      h("p", {}, t("keepWhy")),
      !saved && warning,
      h("div", { className: "actions" }, button("save-key", t(saved ? "saveAgain" : "save", handOver.files.key), save, saved ? "" : "primary")),
      h("div", { id: "key-after" }, saved && after()),
      h("p", { className: "again" }, button("another", t("another"), another, "quiet")));
  }

  async function save() {
    const mine = state.made;
    if (mine === null) return;
    download(mine.handOver.files.key, await mine.key.pem(mine.asked));
    if (mine !== state.made || mine.saved) return;
    byId("save-key").className = "";
    byId("save-key").textContent = t("saveAgain", mine.handOver.files.key);
    byId("key-after").replaceChildren(isItThere(mine.handOver.files.key, "key-is-there", isThere));
    byId("key-is-there-yes").focus();
  }

  function isThere() {
    state.made.saved = true;
    draw();
    byId("go-send").focus();
  }

  function after() {
    const { key } = state.made.handOver.files;
    return [
      h("p", {}, t("private")),
      perSystem(t("theCommand"), (windows) => privately(windows, key)),
      h("div", { className: "actions" }, button("go-send", t("next"), () => open("send"), "primary")),
    ];
  }

  function another() {
    if (!confirm(t("anotherAsk"))) return;
    state.made = null;
    state.sent = false;
    draw();
    byId("user").focus();
  }

  return draw;
}
