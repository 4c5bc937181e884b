// A cluster to try things on, and the programs that the page's work must satisfy.
//
// By default the sandbox API server; with USERCERT_TEST_KUBECONFIG the cluster that it leads to.

import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const target = fileURLToPath(new URL("../../../target/debug/", import.meta.url));
export const PLUGIN = process.env.USERCERT_PLUGIN ?? join(target, "kubectl-usercert");
const SANDBOX = process.env.USERCERT_SANDBOX ?? join(target, "usercert-sandbox");

const run = promisify(execFile);

/** Runs a program; gives its standard output. A failure carries what it said. */
export async function tool(program, args, { input, env = {} } = {}) {
  const promise = run(program, args, { env: { ...process.env, ...env }, timeout: 60_000 });
  if (input !== undefined) promise.child.stdin.end(input);
  const { stdout, stderr } = await promise;
  return { stdout, stderr };
}

/** A folder that goes away with the test. */
export async function workFolder(test) {
  const folder = await mkdtemp(join(tmpdir(), "usercert-test-"));
  test.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts the cluster; null when there is neither sandbox nor cluster. */
export async function startCluster() {
  const given = process.env.USERCERT_TEST_KUBECONFIG;
  if (given) return cluster(given, async () => {});
  if (!existsSync(SANDBOX) || !existsSync(PLUGIN)) return null;
  const folder = await mkdtemp(join(tmpdir(), "usercert-sandbox-"));
  const child = spawn(SANDBOX, ["--dir", folder], { stdio: "ignore" });
  for (let tries = 0; !existsSync(join(folder, "ready")); tries += 1) {
    if (tries > 200 || child.exitCode !== null) throw new Error("the sandbox did not start");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return cluster(join(folder, "admin.kubeconfig"), async () => {
    child.kill();
    await new Promise((resolve) => child.once("exit", resolve));
    await rm(folder, { recursive: true, force: true });
  });
}

function cluster(kubeconfig, close) {
  const env = { KUBECONFIG: kubeconfig };
  return {
    kubeconfig,
    close,
    /** As the admin, with the plugin. */
    plugin: (...args) => tool(PLUGIN, args, { env }),
    /** As the admin, with kubectl. */
    kubectl: (...args) => tool("kubectl", args, { env }),
    /** Runs a line that the page told the admin, in a shell, in a folder. */
    async line(folder, line) {
      const words = line.replace(/^kubectl usercert /, `'${PLUGIN}' `);
      return tool("sh", ["-c", `cd '${folder}' && ${words}`], { env });
    },
    /** Approves the manifest with the very line that the page shows; gives the reply. */
    async approve(folder, manifest, line) {
      await writeFile(join(folder, manifest.name), manifest.text);
      await this.line(folder, `${line} --yes`);
      return readFile(join(folder, line.match(/--reply (\S+)/)[1].replaceAll("'", "")), "utf8");
    },
    /** Who the holder of a kubeconfig is to the server. */
    async whoami(file) {
      const { stdout } = await tool("kubectl", ["--kubeconfig", file, "auth", "whoami", "-o", "json"]);
      const { username, groups } = JSON.parse(stdout).status.userInfo;
      return { user: username, groups: groups.filter((g) => g !== "system:authenticated").sort() };
    },
  };
}
