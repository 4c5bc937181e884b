// One place for everything: files, several at once, dropped anywhere or chosen, and pasted text.

import * as usercert from "./usercert.js";
import { PRIVATE, button, byId, foreign, h, sentence } from "./dom.js";
import { state } from "./state.js";
import { t } from "./texts.js";

const MAX_BYTES = 4 * 1024 * 1024;

/** Pasted text beyond this is not put on show: laying it out would take longer than reading it. */
const MAX_SHOWN = 64 * 1024;

/**
 * `clear` takes old verdicts away, `step` tells where the person is, `open` leads on, and `look` inspects.
 */
export function dropZone(zone, { ready, clear, step, open, look }) {
  let turn = 0;

  function draw() {
    const before = byId("paste")?.value ?? "";
    const area = h("textarea", {
      id: "paste", value: before, rows: 2, wrap: "off", ...PRIVATE, "aria-describedby": "paste-hint paste-error", on: { input: typed, paste: pasted },
    });
    const picker = h("input", { type: "file", id: "files", multiple: true, className: "visually-hidden", tabIndex: -1, "aria-hidden": "true", on: { change: chosen } });
    zone.replaceChildren(
      h("label", { for: "paste" }, t("zone")),
      h("p", { id: "paste-hint", className: "hint" }, t("zoneHint")),
      area,
      h("div", { className: "actions" }, button("choose", t("choose"), () => picker.click()), picker),
      h("p", { id: "paste-error", className: "error", role: "alert" }),
      h("ul", { id: "things" }));
    list();
  }

  /** What was given so far, each with a way to take it back. */
  function list() {
    byId("things").replaceChildren(...state.things.map((thing) => h("li", {},
      h("span", { className: "chip" }, t(`kind${thing.purpose}`)), " ", foreign(thing.name, 100), " ",
      button(null, "×", () => remove(thing), "small quiet"))));
    byId("things").querySelectorAll("button").forEach((b, at) => b.setAttribute("aria-label", t("remove", state.things[at].name)));
  }

  function remove(thing) {
    state.things = state.things.filter((other) => other !== thing);
    const slot = { key: "fileKey", answer: "answer", request: "asked", cluster: "cluster" }[thing.purpose];
    if (slot !== undefined && state[slot]?.name === thing.name) state[slot] = null;
    byId("paste-error").textContent = "";
    list();
    clear();
    byId("paste").focus();
    if (step() === "inspect") look(state.things.filter((one) => one.inspected)).catch(() => {});
    else open(step());
  }

  let timer;
  function typed(event) {
    clearTimeout(timer);
    // A paste is answered at once, typing when it pauses.
    const pause = event.inputType === "insertText" || event.inputType?.startsWith("delete") ? 400 : 0;
    timer = setTimeout(() => {
      const { value } = byId("paste");
      if (value.trim() !== "") take([{ name: t("pasted"), bytes: new TextEncoder().encode(value) }]);
    }, pause);
  }

  function pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (files.length === 0 && text.length <= MAX_SHOWN) return;
    event.preventDefault();
    takeFiles(files.length > 0 ? files.map((file) => ({ file })) : [], files.length > 0 ? "" : text);
  }

  function chosen(event) {
    const files = [...event.target.files].map((file) => ({ file }));
    takeFiles(files, "").finally(() => { event.target.value = ""; });
  }

  function dropped(event) {
    event.preventDefault();
    zone.classList.remove("over");
    // What is a folder is told only while the event lasts.
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const folders = items.map((item) => item.webkitGetAsEntry?.()?.isDirectory === true);
    const files = [...event.dataTransfer.files].map((file, at) => ({ file, folder: folders[at] === true }));
    takeFiles(files, files.length > 0 ? "" : event.dataTransfer.getData("text/plain"));
  }

  async function takeFiles(files, text) {
    const things = [];
    for (const { file, folder } of files) {
      const { name, size } = file;
      if (folder) things.push({ name, problem: t("folder", name) });
      else if (size > MAX_BYTES) things.push({ name, problem: t("tooLong", name, size, MAX_BYTES) });
      else {
        try {
          things.push({ name, bytes: new Uint8Array(await file.arrayBuffer()) });
        } catch {
          things.push({ name, problem: t("unreadable", name) });
        }
      }
    }
    if (text !== "") things.push({ name: t("pasted"), bytes: new TextEncoder().encode(text) });
    if (things.length > 0) await take(things);
  }

  /** Sorts what was given and puts each thing where it is needed. */
  async function take(things) {
    const mine = ++turn;
    const { visit } = state;
    byId("paste-error").textContent = "";
    // Old verdicts are about other things.
    clear();
    if (!(await ready) || mine !== turn || visit !== state.visit) return;
    const problems = things.filter((thing) => thing.problem).map((thing) => thing.problem);
    const taken = [];
    for (const thing of things) {
      if (thing.problem) continue;
      if (thing.bytes.length === 0) problems.push(t("emptyFile", thing.name));
      else if (thing.bytes.length > MAX_BYTES) problems.push(t("tooLong", thing.name, thing.bytes.length, MAX_BYTES));
      else taken.push({ ...usercert.sort(thing.bytes), name: unique(thing.name) });
    }
    const refused = step() === "inspect" ? await inspectAll(taken) : await placeAll(taken);
    if (mine !== turn) return;
    problems.push(...refused);
    // What was pasted and taken stays in no box, a key least of all.
    if (problems.length === 0 || taken.some((thing) => thing.purpose !== "other")) byId("paste").value = "";
    if (problems.length > 0 && step() !== "inspect") {
      // No verdict must be taken for one on what was refused.
      state.answer = null;
      state.things = state.things.filter((thing) => thing.purpose !== "answer");
    }
    list();
    byId("paste-error").textContent = problems.join("\n");
    if (step() !== "inspect") open(leadsTo(taken));
  }

  function leadsTo(taken) {
    const forAnswer = taken.some((thing) => ["key", "answer", "cluster"].includes(thing.purpose));
    return forAnswer ? "answer" : step();
  }

  /** Looks at what was given before and now, together; gives what is wrong with it. */
  async function inspectAll(taken) {
    const before = state.things;
    state.things = [...before, ...taken.map((thing) => ({ ...thing, inspected: true }))];
    const all = state.things.filter((thing) => thing.inspected);
    try {
      const unknown = taken.length > 0 ? await look(all) : [];
      state.things = state.things.filter((thing) => !unknown.includes(thing.name));
      return unknown.map((name) => `${name}: ${sentence(new Error(t("unknown")), "")}`);
    } catch (problem) {
      state.things = before;
      return [sentence(problem, t("broken"))];
    }
  }

  async function placeAll(taken) {
    const problems = [];
    for (const thing of taken) {
      try {
        await place(thing);
        state.things = [...state.things.filter((old) => old.purpose !== thing.purpose || old.inspected), thing];
      } catch (problem) {
        problems.push(`${thing.name}: ${sentence(problem, t("broken"))}`);
      }
    }
    return problems;
  }

  const unique = (name) => {
    const same = state.things.filter((thing) => thing.name === name || thing.name.startsWith(`${name} (`)).length;
    return same === 0 ? name : `${name} (${same + 1})`;
  };

  /** Puts one thing where it is needed. Throws in words when it is of no use. */
  async function place({ name, purpose, bytes }) {
    if (purpose === "key") {
      state.fileKey = { key: await usercert.Key.read(bytes), asked: usercert.askedWith(bytes), name };
    } else if (purpose === "answer") {
      state.answer = { input: bytes, read: usercert.readAnswer(bytes), name };
    } else if (purpose === "request") {
      // An object as the cluster holds it says why there is no certificate yet.
      if (/\busername\b/.test(new TextDecoder().decode(bytes))) usercert.readAnswer(bytes);
      const asked = usercert.readRequest(bytes);
      if (asked === null) throw new Error(t("severalRequests"));
      state.asked = { ...asked, name };
    } else if (purpose === "cluster") {
      const text = new TextDecoder().decode(bytes);
      const { server, ca } = usercert.readCluster(text) ?? { ca: text };
      if (server) state.typed.server = server;
      if (ca) state.typed.ca = ca;
      state.cluster = { name };
    } else if (purpose === "kubeconfig") {
      throw new Error(t("wholeConfig"));
    } else {
      throw new Error(t("unknown"));
    }
  }

  window.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  window.addEventListener("dragleave", (event) => { if (event.relatedTarget === null) zone.classList.remove("over"); });
  window.addEventListener("drop", dropped);
  return draw;
}
