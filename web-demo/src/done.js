// The last step: the kubeconfig is saved; what to do with it.

import { button, fill, h, heading } from "./dom.js";
import { download, isItThere, perSystem, privately } from "./copy.js";
import { calendar, when } from "./names.js";
import { state } from "./state.js";
import { t } from "./texts.js";

export function donePanel(panel, { open }) {
  return () => {
    const { finished } = state;
    if (finished === null) {
      fill(panel, heading(2, t("done")), h("p", {}, t("doneNone")), h("div", { className: "actions" }, button("back-answer", t("step-answer"), () => open("answer"))));
      return;
    }
    const { file, read, complete, key } = finished;
    const reminder = file.replace(/kubeconfig$/, "ics");
    const attempt = (windows) => (windows ? `kubectl --kubeconfig "$HOME\\Downloads\\${file}" auth whoami` : `kubectl --kubeconfig ~/Downloads/${file} auth whoami`);
    const both = (windows) => (windows ? `$env:KUBECONFIG = "$HOME\\.kube\\config;$HOME\\Downloads\\${file}"` : `export KUBECONFIG=~/.kube/config:~/Downloads/${file}`);
    fill(panel, 
      heading(2, t("done")),
      isItThere(file, "kubeconfig-is-there", null),
      h("div", { className: "actions" }, button("save-again", t("saveAgain", file), async () => download(file, await key.kubeconfig(complete)))),
      h("p", {}, t("holdsKey")),
      perSystem(t("theCommand"), (windows) => `${privately(windows, file)}\n${attempt(windows)}\n# ${t("beside")}\n${both(windows)}`),
      h("h3", {}, t("remind")),
      h("p", {}, t("remindHint", when(read.notAfter))),
      h("div", { className: "actions" }, button("save-calendar", t("save", reminder), () => download(reminder, calendar(t("remindTitle", read.cluster.name, read.user), read.notAfter, read.sha256)))),
      h("p", {}, t("cleanup")));
  };
}
