// Building the page. Everything foreign goes in as text: no markup is ever parsed.

/** An element with properties, attributes (names with a dash, role, for) and children. */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.includes("-") || ["role", "for", "list", "translate", "autocapitalize"].includes(key)) {
      element.setAttribute(key, value === true ? "" : value);
    } else if (key === "on") {
      for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    } else {
      element[key] = value;
    }
  }
  element.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

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
  const hintId = `${id}-hint`;
  const errorId = `${id}-error`;
  control.id = id;
  const described = hint ? `${hintId} ${errorId}` : errorId;
  control.setAttribute("aria-describedby", described);
  return h("div", { className: "field" },
    h("label", { for: id }, label),
    hint && h("p", { id: hintId, className: "hint" }, hint),
    control,
    h("p", { id: errorId, className: "error" }));
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

/** A code for two people to compare. */
export function code(text) {
  return h("span", { className: "code" }, text);
}

/** A heading that can take the focus when its section appears. */
export function heading(level, text) {
  return h(`h${level}`, { tabIndex: -1 }, text);
}
