// What an approver would find, and the lines of a check.

import { h } from "./dom.js";

const WEIGHT = {
  info: ["note", "Note"],
  warn: ["warn", "Warning"],
  refuse: ["bad", "Refused unless the approver accepts it"],
  hard: ["bad", "Refused, cannot be accepted"],
};

export function findingList(findings) {
  return h("ul", { className: "lines" }, findings.map((finding) => {
    const [kind, word] = WEIGHT[finding.severity];
    return h("li", { className: kind },
      h("strong", {}, `${word}: `), h("bdi", {}, finding.message), " ", h("code", {}, finding.code));
  }));
}

const OUTCOME = { pass: ["good", "Good"], note: ["warn", "Note"], fail: ["bad", "Wrong"] };

export function checkList(checks) {
  return h("ul", { className: "lines", "aria-label": "Checks" }, checks.map((check) => {
    const [kind, word] = OUTCOME[check.outcome];
    return h("li", { className: kind, "data-check": check.code },
      h("strong", {}, `${word}, ${check.code}: `), h("bdi", {}, check.message));
  }));
}
