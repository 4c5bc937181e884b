// Beside the road: what is this?

import * as usercert from "./usercert.js";
import { announce, chips, code, facts, foreign, h, heading, verdict } from "./dom.js";
import { byWeight, findingList } from "./findings.js";
import { t } from "./texts.js";

const MOST = 100;

const LABELS = {
  profile: "Profile", meaning: "Is", user: "User", groups: "Groups", uid: "UID", subject: "Subject", key: "Key", signature: "Signature", code: "Code",
  usages: "Good for", issuer: "Issuer", serial: "Serial number", notBefore: "Valid from", notAfter: "Valid until",
  validity: "Validity", sha256: "SHA-256", alternativeNames: "Also names", name: "Name", signer: "Signer",
  lifetime: "Lifetime", state: "State", requester: "Requester", currentContext: "Current context",
  clusters: "Clusters", contexts: "Contexts", users: "Users", server: "Server", credentials: "Credentials",
  keyUsages: "Key usages", current: "In use", object: "In", field: "Field", otherRequests: "Also asks for",
  issuedBy: "Issued by", chain: "Chain", selfSigned: "Signed itself", privateKey: "Private key", belongsTo: "Belongs to",
  "certificate-authority": "CA file", "client-certificate": "Certificate file", "client-key": "Key file", renewsItself: "Renews itself",
};

export function inspectPanel(panel) {
  const found = h("div", { id: "found", hidden: true });
  let turn = 0;

  function draw() {
    panel.replaceChildren(heading(2, t("what")), h("p", {}, t("whatHint")), found);
  }

  /** Looks at some things together and names those in which nothing is known; throws when all are such. */
  async function look(things) {
    const mine = ++turn;
    found.hidden = true;
    found.replaceChildren();
    if (things.length === 0) return [];
    const reviews = [];
    const known = new Set();
    for (const { name, bytes } of things) {
      const more = await usercert.review(bytes);
      if (more.length > 0) known.add(name);
      reviews.push(...more);
    }
    let items = [];
    try {
      items = await usercert.inspect(things);
    } catch (error) {
      if (reviews.length === 0) throw error;
    }
    items.forEach(({ input }) => known.add(things[input].name));
    if (mine === turn) show(reviews, items, things.length > 1);
    return things.filter(({ name }) => !known.has(name)).map(({ name }) => name);
  }

  function show(reviews, items, several) {
    const cards = [
      ...reviews.slice(0, MOST).map((review, at) => reviewCard(review, at + 1, reviews.length)),
      ...items.slice(0, MOST).map((item) => itemCard(item, several)),
    ];
    const more = Math.max(0, reviews.length - MOST) + Math.max(0, items.length - MOST);
    found.replaceChildren(...cards, ...(more > 0 ? [h("p", { className: "notice" }, t("moreItems", more))] : []));
    found.hidden = false;
    announce(t("found", items.length + reviews.length));
  }

  return { draw, look };
}

function reviewCard(review, number, all) {
  const against = byWeight(review.findings).filter((f) => f.severity !== "info").map((f) => f.message);
  if (review.problem !== null) against.unshift(review.problem);
  const line = review.refused ? verdict("bad", t("refused", against.join("; ")))
    : review.state !== null && review.state !== "Pending" ? verdict("warn", t("decided", review.state))
      : against.length > 0 ? verdict("warn", t("remarks", against.join("; ")))
        : verdict("good", t("clean"));
  return h("section", { className: "step review" },
    h("h3", {}, all > 1 ? t("reviewOf", number, all) : t("review")),
    line,
    facts([[t("user"), review.user], [t("groups"), chips(review.groups, t("none"))], [t("requester"), review.requester], [t("codeFact"), review.code && code(review.code)]]),
    review.findings.length > 0 && findingList(review.findings),
    h("p", { className: "hint" }, t("bindings")));
}

function itemCard(item, several) {
  const pairs = Object.entries(item.properties).map(([name, value]) => [LABELS[name] ?? name, plain(value)]);
  if (several) pairs.unshift([t("inFile"), item.source]);
  return h("section", { className: "step item" },
    h("h3", {}, foreign(item.what.charAt(0).toUpperCase() + item.what.slice(1))),
    item.findings.length > 0 && findingList(item.findings),
    facts(pairs));
}

function plain(value) {
  if (Array.isArray(value)) return value.length === 0 ? t("none") : value.join(", ");
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  return String(value);
}
