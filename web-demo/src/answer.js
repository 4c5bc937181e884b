// The third step: the admin's answer and the key become a kubeconfig.

import * as usercert from "./usercert.js";
import { PRIVATE, announce, button, byId, chips, code, facts, field, fieldError, fill, h, heading, sentence, verdict } from "./dom.js";
import { download } from "./copy.js";
import { checkList } from "./findings.js";
import { stemOf, when } from "./names.js";
import { keyAtHand, state } from "./state.js";
import { t } from "./texts.js";

export function answerPanel(panel, { open }) {
  let turn = 0;

  /** What was asked for, and how that is known. */
  function asked() {
    const { answer, made, asked: request } = state;
    const hand = keyAtHand();
    if (hand !== null && hand === made) return [made.asked, "fromVisit"];
    if (hand?.asked) return [hand.asked, "fromKey"];
    // Only the request that this certificate's key made.
    if (request !== null && request.spki === answer?.read.key.spki) return [request, "fromRequest"];
    return [null, "fromNowhere"];
  }

  function draw() {
    const { answer, made, fileKey } = state;
    const key = fileKey !== null ? t("keyFile", fileKey.name) : made !== null ? t("keyHere", made.handOver.user) : null;
    fill(panel, 
      heading(2, t("answer")),
      h("p", { id: "which-key", className: key === null ? "missing" : "there" }, key ?? t("needKey")),
      h("p", { id: "which-answer", className: answer === null ? "missing" : "there" }, answer === null ? t("needAnswer") : answer.name),
      answer !== null && key !== null && h("p", { id: "which-asked", className: "hint" }, t(asked()[1])),
      answer !== null && answer.read.form !== "reply" && clusterFields(),
      h("div", { id: "account", hidden: true }));
    return update();
  }

  function clusterFields() {
    const { typed } = state;
    const text = (id, more) => h("input", { type: "text", ...PRIVATE, ...more, value: typed[id], on: { change: (e) => { typed[id] = e.target.value; update(); } } });
    return h("fieldset", { id: "cluster" },
      h("legend", {}, t("cluster")),
      h("p", { className: "hint" }, t("clusterHint")),
      field("server", t("server"), text("server", { inputMode: "url", placeholder: "https://" })),
      field("ca", t("ca"), h("textarea", { rows: 3, ...PRIVATE, value: typed.ca, on: { change: (e) => { typed.ca = e.target.value; update(); } } })),
      field("cluster-name", t("clusterName"), text("cluster-name")),
      field("namespace", t("namespace"), text("namespace")));
  }

  /** The reply: as it came, or completed by what was said of the cluster; null while that is missing. */
  function reply() {
    const { answer: { input, read }, typed } = state;
    if (read.form === "reply") return input;
    if (typed.server === "" || typed.ca === "") return null;
    return usercert.completeAnswer(input, {
      server: typed.server.trim(), ca: typed.ca, name: typed["cluster-name"].trim() || undefined, namespace: typed.namespace.trim() || null,
    });
  }

  async function update() {
    const mine = ++turn;
    const hand = keyAtHand();
    const account = byId("account");
    account.hidden = true;
    account.replaceChildren();
    if (state.answer === null || hand === null) return;
    let complete = null;
    if (byId("server")) fieldError("server", null);
    try {
      complete = reply();
    } catch (error) {
      fieldError("server", sentence(error, t("broken")));
    }
    const [wanted] = asked();
    const { checks, good } = await usercert.checkAnswer(complete ?? state.answer.input, hand.key, wanted);
    if (mine === turn) show(checks, good, complete, hand.key);
  }

  function show(checks, good, complete, key) {
    const said = (outcome) => checks.filter((check) => check.outcome === outcome).map((check) => check.message).join("; ");
    // Where the cluster is to be said first, that its CA is not known yet is no remark.
    const notes = checks.filter((c) => c.outcome === "note" && !(complete === null && c.code === "chain"));
    const line = !good ? verdict("bad", t("wrong", said("fail")))
      : notes.length > 0 ? verdict("warn", t("fitsWith", notes.map((n) => n.message).join("; ")))
        : verdict("good", t("fits"));
    fill(byId("account"), h("section", { className: "step" },
      line,
      h("details", { open: !good }, h("summary", {}, t("checks")), checkList(checks)),
      good && complete === null && h("p", { className: "notice" }, t("needCluster")),
      good && complete !== null && confirmation(usercert.readAnswer(complete), complete, key)));
    byId("account").hidden = false;
    announce(line.textContent);
  }

  function confirmation(read, complete, key) {
    const { cluster } = read;
    const file = `${state.made !== null && keyAtHand() === state.made ? state.made.handOver.files.kubeconfig.replace(/\.kubeconfig$/, "") : stemOf(read.user, 1)}.kubeconfig`;
    const save = button("save-kubeconfig", t("save", file), () => finish(), "primary");
    save.disabled = true;
    const agree = h("input", { type: "checkbox", id: "agree", on: { change: () => { save.disabled = !agree.checked; } } });
    async function finish() {
      // What is on show may be of yesterday.
      if (!save.isConnected || !agree.checked) return;
      const kubeconfig = await key.kubeconfig(complete);
      download(file, kubeconfig);
      state.finished = { file, read, complete, key };
      open("done");
    }
    return h("div", {},
      h("h3", {}, t("yours")),
      facts([
        [t("server"), cluster.server],
        [t("checkedAs"), cluster.tlsServerName],
        ...cluster.ca.map((c) => ["CA", t("of", c.subject, c.sha256)]),
        [t("user"), read.user],
        [t("groups"), chips(read.groups, t("none"))],
        [t("until"), when(read.notAfter)],
        ["Namespace", cluster.namespace],
        [t("codeFact"), code(cluster.code)],
      ]),
      h("p", {}, t("trust")),
      h("p", { className: "check" }, agree, h("label", { for: "agree" }, t(state.answer.read.form === "reply" ? "agreeReply" : "agreeOther"))),
      h("div", { className: "actions" }, save));
  }

  return draw;
}
