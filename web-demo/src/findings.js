// What an approver would find, and the lines of a check.

import { h } from "./dom.js";
import { t } from "./texts.js";

const WEIGHT = { info: "note", warn: "warn", refuse: "bad", hard: "bad" };
const MOST = 50;

/** The gravest first, so that what is left out of a long list weighs no more than what is shown. */
export function byWeight(findings) {
  const weight = (finding) => Object.keys(WEIGHT).indexOf(finding.severity);
  return [...findings].sort((a, b) => weight(b) - weight(a));
}

export function findingList(findings) {
  const more = findings.length - MOST;
  return h("ul", { className: "lines" },
    byWeight(findings).slice(0, MOST).map((finding) => h("li", { className: WEIGHT[finding.severity] },
      h("strong", {}, `${t(finding.severity)}: `), h("bdi", {}, finding.message), " ", h("code", {}, finding.code))),
    more > 0 && h("li", {}, t("moreItems", more)));
}

const OUTCOME = { pass: ["good", "good"], note: ["warn", "note"], fail: ["bad", "bad"] };

export function checkList(checks) {
  return h("ul", { className: "lines", "aria-label": t("checks") }, checks.map((check) => {
    const [kind, word] = OUTCOME[check.outcome];
    return h("li", { className: kind, "data-check": check.code },
      h("strong", {}, `${t(word)}, ${check.code}: `), h("bdi", {}, check.message));
  }));
}
