// The second step: one message for the admin, and the code apart from it.

import { button, code, facts, fill, h, heading } from "./dom.js";
import { copyButton, copyable, download } from "./copy.js";
import { picture } from "./qr.js";
import { state } from "./state.js";
import { t } from "./texts.js";

// As people spell on the phone, whatever they speak.
const SPELLED = {
  A: "Alfa", B: "Bravo", C: "Charlie", D: "Delta", E: "Echo", F: "Foxtrot", G: "Golf", H: "Hotel", J: "Juliett", K: "Kilo", M: "Mike", N: "November",
  P: "Papa", Q: "Quebec", R: "Romeo", S: "Sierra", T: "Tango", V: "Victor", W: "Whiskey", X: "X-ray", Y: "Yankee", Z: "Zulu",
};

const spelled = (text) => text.split("-").map((part) => [...part].map((c) => SPELLED[c] ?? c).join(" ")).join(" – ");

/** All that a chat or mail needs. The code is not in it. */
function message({ files, manifest, approve, withKubectl }) {
  const plain = withKubectl.map(({ purpose, line }) => `# ${purpose}\n${line}`).join("\n");
  const answer = files.reply.replace(/\.reply\.yaml$/, ".answer.yaml");
  return [
    t("message", files.manifest), ["```yaml", manifest.trimEnd(), "```"].join("\n"),
    t("messagePlugin", files.reply), ["```", approve, "```"].join("\n"), t("messageCode"),
    t("messagePlain", answer), ["```", plain, "```"].join("\n"), "",
  ].join("\n\n").trimEnd();
}

export function sendPanel(panel, { open }) {
  return () => {
    if (state.made === null || !state.made.saved) {
      fill(panel, heading(2, t("send")), h("p", {}, t("noRequest")),
        h("div", { className: "actions" }, button("back-key", t("step-key"), () => open("key")), button("skip-answer", t("step-answer"), () => open("answer"))));
      return;
    }
    const { handOver } = state.made;
    const { files } = handOver;
    const text = message(handOver);
    fill(panel, 
      heading(2, t("send")),
      h("p", {}, t("sendHint")),
      h("div", { className: "actions" },
        copyButton(t("theMessage"), text, "primary copy-message"),
        button("save-manifest", t("save", files.manifest), () => download(files.manifest, handOver.manifest))),
      h("pre", { id: "message", tabIndex: 0, role: "region", "aria-label": t("theMessage"), translate: "no" }, text),
      h("h3", {}, t("code")),
      h("p", {}, t("codeHint")),
      h("div", { className: "big-code" }, picture(handOver.code, t("qr")), code(handOver.code), copyButton(t("theCode"), handOver.code),
        h("p", { className: "hint" }, t("spelled", spelled(handOver.code)))),
      facts([[t("sha"), handOver.sha256]]),
      h("details", {}, h("summary", {}, t("looks")),
        h("h3", {}, files.csr), copyable(files.csr, handOver.csr),
        h("div", { className: "actions" }, button("save-csr", t("save", files.csr), () => download(files.csr, handOver.csr)))),
      h("p", {}, t("waiting")),
      h("div", { className: "actions" }, button("sent-it", t("sentIt"), () => { state.sent = true; open("answer"); }, "primary")));
  };
}
