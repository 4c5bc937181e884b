// The second tab: the admin's answer and the key become a kubeconfig.

import * as usercert from "./usercert.js";
import { announce, byId, code, facts, field, fieldError, h, heading } from "./dom.js";
import { copyable, download } from "./copy.js";
import { checkList } from "./findings.js";
import { inputBox, sentence } from "./input.js";
import { madeHere } from "./request.js";

export function installPanel(panel) {
  // What has been given so far; every change leads to a new account.
  let answer = null; // { input, read }
  let fileKey = null;
  let turn = 0;

  const answerBox = inputBox({
    id: "answer", panel: "install", main: true, label: "The admin’s answer",
    hint: "A reply file (kubeconfig without key), a certificate (PEM or base64), or the CertificateSigningRequest as YAML or JSON.",
    onInput: takeAnswer,
  });
  const keyBox = inputBox({
    id: "key", panel: "install", label: "Your key file", secret: true,
    hint: "The file that you downloaded when you made the request. It is read here and goes nowhere.",
    onInput: takeKey,
  });
  const plainText = { spellcheck: false, autocomplete: "off", autocapitalize: "none", translate: "no" };
  const cluster = h("fieldset", { id: "cluster", hidden: true },
    h("legend", {}, "The cluster"),
    h("p", { className: "hint" }, "This answer does not say where the cluster is. Your admin knows; the file cluster.json holds both."),
    field("server", "Server address", h("input", { type: "text", inputMode: "url", placeholder: "https://", ...plainText })),
    inputBox({
      id: "ca", panel: "install", label: "CA certificate of the cluster",
      hint: "PEM, base64, or what `kubectl config view` prints of the cluster (cluster.json).", onInput: takeCa,
    }).element,
    field("cluster-name", "Name for the cluster", h("input", { type: "text", value: "kubernetes", ...plainText })),
    field("namespace", "Namespace (may be empty)", h("input", { type: "text", ...plainText })));
  const ownKey = h("div", { id: "own-key", className: "notice good", hidden: true });
  const account = h("div", { id: "account", hidden: true });
  panel.append(
    h("h2", {}, "Turn the answer into a kubeconfig"),
    h("div", { className: "step" }, answerBox.element, cluster),
    h("div", { className: "step" }, ownKey, keyBox.element),
    account);
  let ca = "";
  for (const id of ["server", "cluster-name", "namespace"]) byId(id).addEventListener("change", update);
  const useFile = h("button", { type: "button", className: "quiet", on: { click: () => { ownKey.hidden = true; keyBox.element.hidden = false; byId("key").focus(); } } }, "Use a key file instead");

  function takeAnswer(bytes) {
    answer = null;
    cluster.hidden = true;
    try {
      if (bytes !== null) {
        answer = { input: bytes, read: usercert.readAnswer(bytes) };
        cluster.hidden = answer.read.form === "reply";
      }
    } finally {
      update();
    }
  }

  async function takeKey(bytes) {
    fileKey = null;
    try {
      if (bytes !== null) fileKey = await usercert.Key.read(bytes);
    } finally {
      update();
    }
  }

  function takeCa(bytes) {
    ca = "";
    if (bytes !== null) {
      const text = new TextDecoder().decode(bytes);
      const found = usercert.readCluster(text);
      if (found !== null) byId("server").value = found.server;
      ca = found?.ca ?? text;
    }
    update();
  }

  /** Shows which key counts; called whenever the tab is opened. */
  function refresh() {
    const made = madeHere();
    const offer = made !== null && fileKey === null;
    ownKey.hidden = !offer;
    keyBox.element.hidden = offer;
    if (offer) {
      ownKey.replaceChildren(h("p", {}, "The key that was made here for ", h("strong", {}, h("bdi", {}, made.handOver.user)), " will be used."), useFile);
    }
    update();
  }

  /** The key at hand and, if it was made here, what was asked for with it. */
  function keyAtHand() {
    if (fileKey !== null) return { key: fileKey, asked: answer?.read.asked ?? null };
    const made = madeHere();
    return made === null || ownKey.hidden ? null : { key: made.key, asked: made.asked };
  }

  /** The reply: as it came, or completed by what was said of the cluster. Throws in words. */
  function reply() {
    if (answer.read.form === "reply") return answer.input;
    return usercert.completeAnswer(answer.input, {
      server: byId("server").value.trim(),
      ca,
      name: byId("cluster-name").value.trim() || undefined,
      namespace: byId("namespace").value.trim() || null,
    });
  }

  async function update() {
    const mine = ++turn;
    const hand = keyAtHand();
    if (answer === null || hand === null) {
      account.hidden = true;
      account.replaceChildren();
      return;
    }
    let complete = null;
    fieldError("server", null);
    try {
      if (answer.read.form === "reply" || (byId("server").value !== "" && ca !== "")) complete = reply();
    } catch (error) {
      fieldError("server", sentence(error));
    }
    const input = complete ?? answer.input;
    const { checks, good } = await usercert.checkAnswer(input, hand.key, hand.asked);
    if (mine !== turn) return;
    show(checks, good, complete, complete === null ? null : usercert.readAnswer(complete), hand.key);
  }

  function show(checks, good, complete, read, key) {
    const parts = [h("h2", {}, "Does it all belong together?"), checkList(checks)];
    if (!good) {
      parts.push(h("p", { className: "notice bad" }, "This certificate is not the answer to your request, or not for your key. No kubeconfig is made. Ask your admin, or choose the right key."));
    } else if (complete === null) {
      parts.push(h("p", { className: "notice" }, "So far so good. Say where the cluster is, and the kubeconfig is ready."));
    } else {
      parts.push(confirmation(read, complete, key));
    }
    account.replaceChildren(h("section", { className: "step" }, parts));
    account.hidden = false;
    announce(good ? "The answer belongs to your key." : "The answer does not fit.");
  }

  function confirmation(read, complete, key) {
    const { cluster } = read;
    const file = read.files.kubeconfig;
    const save = h("button", { type: "button", className: "primary", id: "save-kubeconfig", disabled: true, on: { click: () => finish(complete, key, file, done) } }, `Save ${file}`);
    const done = h("div", { id: "installed" });
    const told = answer.read.form === "reply"
      ? "This is my cluster: the code is the one that the admin told me"
      : "This is my cluster: address and CA come from somebody whom I trust";
    const agree = h("input", { type: "checkbox", id: "agree", on: { change: () => { save.disabled = !agree.checked; } } });
    return h("div", {},
      h("h3", {}, "Is this your cluster?"),
      facts([
        ["Server", cluster.server],
        ["Checked as", cluster.tlsServerName],
        ...cluster.ca.map((c) => ["CA", `${c.subject} (SHA-256 ${c.sha256})`]),
        ["User", read.user],
        ["Groups", read.groups.length === 0 ? "(none)" : read.groups.join(", ")],
        ["Until", read.validity],
        ["Namespace", cluster.namespace],
        ["Code", code(cluster.code)],
      ]),
      h("p", {}, "kubectl will trust this server from then on. That a server answers proves nothing about whose it is: compare the code with the admin by another way, such as the phone."),
      h("p", { className: "check" }, agree, h("label", { for: "agree" }, told)),
      h("div", { className: "actions" }, save),
      done);
  }

  async function finish(complete, key, file, done) {
    download(file, await key.kubeconfig(complete));
    const title = heading(3, "Is it there?");
    done.replaceChildren(title,
      h("p", {}, "Your browser was asked to save ", h("strong", {}, file), ", usually in your Downloads folder. If it is not there, save it again, or open this page in another browser."),
      h("p", {}, "The file holds your key now. Make it readable for you alone, and try it:"),
      copyable("the commands that try the kubeconfig", `chmod 600 ${file}\nkubectl --kubeconfig ${file} auth whoami`),
      h("p", {}, "To use it beside the kubeconfig that you have, name both files:"),
      copyable("the command that names both files", `export KUBECONFIG=~/.kube/config:$PWD/${file}`),
      h("p", {}, "Then delete what is left in your Downloads folder, and close this page."));
    title.focus();
    announce(`Your browser was asked to save ${file}. Is it there?`);
  }

  refresh();
  return { refresh };
}
