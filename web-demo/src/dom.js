// Building the page. Everything foreign goes in as text: no markup is ever parsed.

const ATTRIBUTES = ["role", "for", "list", "translate", "autocapitalize", "autocomplete", "spellcheck", "lang"];

/** An element with properties, attributes (names with a dash, and those above) and children. */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (key === "on") {
      for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    } else if (key.includes("-") || ATTRIBUTES.includes(key)) {
      element.setAttribute(key, String(value));
    } else {
      element[key] = value;
    }
  }
  element.append(...shown(children));
  return element;
}

const shown = (children) => children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false);

/** Puts these in the place of what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...shown(children));
}

/** For every field: nothing of it is sent for spelling, kept or translated. */
export const PRIVATE = { spellcheck: "false", autocomplete: "off", autocapitalize: "none", translate: "no" };

export const byId = (id) => document.getElementById(id);

/** Tells screen readers what happened. */
export function announce(text) {
  byId("announce").textContent = "";
  setTimeout(() => { byId("announce").textContent = text; }, 50);
}

/** A foreign text: set apart from its surroundings, cut where it would drown them. */
export function foreign(text, max = 600) {
  const shown = text.length > max ? `${text.slice(0, max)}… (${text.length} characters)` : text;
  return h("bdi", { className: "foreign" }, shown);
}

/** A labelled field with a hint and a place for what is wrong with it. */
export function field(id, label, control, hint) {
  control.id = id;
  control.setAttribute("aria-describedby", hint ? `${id}-hint ${id}-error` : `${id}-error`);
  return h("div", { className: "field" },
    h("label", { for: id }, label),
    hint && h("p", { id: `${id}-hint`, className: "hint" }, hint),
    control,
    h("p", { id: `${id}-error`, className: "error" }));
}

/** Says beside a field what is wrong with it, or nothing. */
export function fieldError(id, message) {
  const control = byId(id);
  byId(`${id}-error`).textContent = message ?? "";
  if (message) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

/** A list of names and values. */
export function facts(pairs) {
  return h("dl", { className: "facts" }, pairs
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, typeof value === "string" ? foreign(value) : value))));
}

/** Names as chips. */
export function chips(names, none) {
  if (names.length === 0) return none;
  return h("span", { className: "chips" }, names.map((name) => h("span", { className: "chip" }, foreign(name, 120))));
}

/** A code for two people to compare. */
export function code(text) {
  return h("span", { className: "code" }, text);
}

export function button(id, text, press, className = "") {
  return h("button", { type: "button", id, className, on: { click: press } }, text);
}

/** A heading that can take the focus when its section appears. */
export function heading(level, text) {
  return h(`h${level}`, { tabIndex: -1 }, text);
}

/** What came out, in one line; `kind` is good, warn or bad. */
export function verdict(kind, text) {
  const mark = { good: "✓", warn: "!", bad: "✗" }[kind];
  return h("p", { className: `notice verdict ${kind}` }, h("span", { "aria-hidden": "true" }, mark), h("bdi", {}, text));
}

/** An error's message as a sentence. */
export function sentence(error, broken) {
  const text = error instanceof WebAssembly.RuntimeError ? broken : String(error?.message ?? error);
  const shown = text.length > 800 ? `${text.slice(0, 800)}…` : text;
  return shown.charAt(0).toUpperCase() + shown.slice(1) + (/[.?!…]$/.test(shown) ? "" : ".");
}
