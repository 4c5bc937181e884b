// The third tab: what is this?

import * as usercert from "./usercert.js";
import { announce, code, facts, foreign, h } from "./dom.js";
import { findingList } from "./findings.js";
import { inputBox } from "./input.js";

const MOST = 100;

const LABELS = {
  profile: "Profile", meaning: "Is", user: "User", groups: "Groups", uid: "UID", subject: "Subject", key: "Key", signature: "Signature", code: "Code",
  usages: "Good for", issuer: "Issuer", serial: "Serial number", notBefore: "Valid from", notAfter: "Valid until",
  validity: "Validity", sha256: "SHA-256", alternativeNames: "Also names", name: "Name", signer: "Signer",
  lifetime: "Lifetime", state: "State", requester: "Requester", currentContext: "Current context",
  clusters: "Clusters", contexts: "Contexts", users: "Users", server: "Server", credentials: "Credentials",
  keyUsages: "Key usages", current: "In use", object: "In", field: "Field", otherRequests: "Also asks for",
  "certificate-authority": "CA file", "client-certificate": "Certificate file", "client-key": "Key file",
};

export function inspectPanel(panel) {
  const found = h("div", { id: "found", hidden: true });
  let turn = 0;
  const box = inputBox({
    id: "thing", panel: "inspect", main: true, label: "Anything from a cluster’s world",
    hint: "A certificate or chain, a request, a CertificateSigningRequest object, a kubeconfig: PEM, DER, YAML, JSON or base64. Of a private key only its kind is said.",
    onInput: async (bytes) => {
      const mine = ++turn;
      found.hidden = true;
      found.replaceChildren();
      if (bytes === null) return;
      let items;
      let problem;
      try {
        items = usercert.inspect(bytes);
      } catch (error) {
        problem = error;
      }
      const review = await usercert.review(bytes);
      if (mine !== turn) return;
      if (review === null && items === undefined) throw problem;
      show(review, items ?? []);
    },
  });
  panel.append(h("h2", {}, "What is this?"), h("div", { className: "step" }, box.element), found);

  function show(review, items) {
    const parts = [];
    if (review !== null) parts.push(reviewCard(review));
    parts.push(...items.slice(0, MOST).map(itemCard));
    if (items.length > MOST) parts.push(h("p", { className: "notice" }, `… and ${items.length - MOST} more, which are not shown.`));
    found.replaceChildren(...parts);
    found.hidden = false;
    announce(items.length === 1 ? "Found one thing" : `Found ${items.length} things`);
  }
}

function reviewCard(review) {
  const verdict = review.refused
    ? h("p", { className: "notice bad" }, "kubectl usercert approve would refuse this request.")
    : h("p", { className: "notice good" }, "No objections that an approver could not weigh.");
  return h("section", { className: "step", id: "review" },
    h("h3", {}, "Review of the request"),
    verdict,
    facts([["User", review.user], ["Submitted by", review.requester], ["Code", review.code && code(review.code)]]),
    findingList(review.findings),
    h("p", { className: "hint" }, "Bindings that these names have in the cluster are not looked at here; kubectl usercert review shows them."));
}

function itemCard(item) {
  const pairs = Object.entries(item.properties).map(([name, value]) => [LABELS[name] ?? name, plain(value)]);
  return h("section", { className: "step item" },
    h("h3", {}, foreign(item.what.charAt(0).toUpperCase() + item.what.slice(1))),
    item.findings.length > 0 && findingList(item.findings),
    facts(pairs));
}

function plain(value) {
  if (Array.isArray(value)) return value.length === 0 ? "(none)" : value.join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}
