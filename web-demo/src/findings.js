// What an approver would find, and the lines of a check.

import { h } from "./dom.js";

const WEIGHT = {
  info: ["note", "Note"],
  warn: ["warn", "Warning"],
  refuse: ["bad", "Refused unless the approver accepts it"],
  hard: ["bad", "Refused, cannot be accepted"],
};

const MOST = 50;

/** The gravest first, so that what is left out of a long list weighs no more than what is shown. */
export function findingList(findings) {
  const weight = (finding) => Object.keys(WEIGHT).indexOf(finding.severity);
  const sorted = [...findings].sort((a, b) => weight(b) - weight(a));
  const more = findings.length - MOST;
  return h("ul", { className: "lines" },
    sorted.slice(0, MOST).map((finding) => {
      const [kind, word] = WEIGHT[finding.severity];
      return h("li", { className: kind },
        h("strong", {}, `${word}: `), h("bdi", {}, finding.message), " ", h("code", {}, finding.code));
    }),
    more > 0 && h("li", {}, `… and ${more} more.`));
}

const OUTCOME = { pass: ["good", "Good"], note: ["warn", "Note"], fail: ["bad", "Wrong"] };

export function checkList(checks) {
  return h("ul", { className: "lines", "aria-label": "Checks" }, checks.map((check) => {
    const [kind, word] = OUTCOME[check.outcome];
    return h("li", { className: kind, "data-check": check.code },
      h("strong", {}, `${word}, ${check.code}: `), h("bdi", {}, check.message));
  }));
}
