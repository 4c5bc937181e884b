// The last step: the kubeconfig is saved; what to do with it.

import { button, fill, h, heading } from "./dom.js";
import { download, downloaded, isItThere, perSystem, privately, word } from "./copy.js";
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
    const { file, make, read, adds } = finished;
    const attempt = (windows) => `kubectl --kubeconfig ${downloaded(windows, file)} ${adds ? `--context ${word(windows, read.cluster.context)} ` : ""}auth whoami`;
    const both = (windows) => (windows ? `$env:KUBECONFIG = "$HOME\\.kube\\config;$HOME\\Downloads\\${file}"` : `export KUBECONFIG=~/.kube/config:~/Downloads/${file}`);
    const instead = (windows) => (windows
      ? `Copy-Item "$HOME\\.kube\\config" "$HOME\\.kube\\config.before"\nMove-Item -Force ${downloaded(windows, file)} "$HOME\\.kube\\config"`
      : `cp -p ~/.kube/config ~/.kube/config.before\nmv ~/Downloads/${word(windows, file)} ~/.kube/config`);
    fill(panel, 
      heading(2, t("done")),
      isItThere(file, "kubeconfig-is-there", null),
      h("div", { className: "actions" }, button("save-again", t("saveAgain", file), async () => download(file, await make()))),
      h("p", {}, t("holdsKey")),
      perSystem(t("theCommand"), (windows) => `${privately(windows, file)}\n${attempt(windows)}\n# ${t(adds ? "instead" : "beside")}\n${(adds ? instead : both)(windows)}`),
      h("h3", {}, t("remind")),
      h("p", {}, t("remindHint", when(read.notAfter))),
      h("div", { className: "actions" }, button("save-calendar", t("save", "reminder.ics"), () => download("reminder.ics", calendar(t("remindTitle", read.cluster.name, read.user), read.notAfter, read.sha256)))),
      h("p", {}, t("cleanup")));
  };
}
