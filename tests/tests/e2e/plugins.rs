//! Credential plugins of other people in the kubeconfig.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cases;
use crate::trial::{Outcome, Person, Trial};

cases!(
    they_are_told_of_the_cluster,
    what_broken_ones_print_stays_unseen,
    they_run_as_far_as_kuberc_lets_them,
);

const V1: &str = "client.authentication.k8s.io/v1";

/// Answers with the certificate and key of `user.json`, after what `check` says.
fn script(check: &str) -> String {
    format!(
        "import base64, json, os\n\
         info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n\
         {check}\n\
         u = json.load(open('user.json'))\n\
         d = lambda k: base64.b64decode(u[k]).decode()\n\
         print(json.dumps({{'apiVersion': '{V1}', 'kind': 'ExecCredential',\n\
           'status': {{'clientCertificateData': d('client-certificate-data'), 'clientKeyData': d('client-key-data')}}}}))\n"
    )
}

/// An admin whose `exec.conf` runs a script for its credentials.
struct Admin {
    person: Person,
    view: Value,
}

impl Admin {
    fn new(trial: &Trial) -> Self {
        let person = trial.admin();
        let view = person.kubectl(&["config", "view", "--raw", "-o", "json"]).ok().json();
        person.write("user.json", &view["users"][0]["user"].to_string());
        Self { person, view }
    }

    fn configure(&self, command: &str, args: &[&str]) {
        let mut config = self.view.clone();
        config["users"][0]["user"] = json!({ "exec": {
            "apiVersion": V1, "command": command, "args": args,
            "interactiveMode": "Never", "provideClusterInfo": true } });
        config["clusters"][0]["cluster"]["extensions"] = json!([
            { "name": "other", "extension": "no" },
            { "name": "client.authentication.k8s.io/exec", "extension": { "audience": "k8s" } },
        ]);
        self.person.write("exec.conf", &config.to_string());
    }

    fn list(&self, more: &[&str]) -> Outcome {
        self.person.run(&[&["list", "--kubeconfig", "exec.conf"], more].concat())
    }
}

fn they_are_told_of_the_cluster(trial: &Trial) {
    let admin = Admin::new(trial);
    let check = "cluster = info['spec']['cluster']\n\
         assert cluster['server'].startswith('https://') and 'certificate-authority-data' in cluster\n\
         assert cluster['config'] == {'audience': 'k8s'}, cluster\n\
         assert info['spec']['interactive'] is False";
    admin.person.write("good.py", &script(check));
    admin.configure("python3", &["good.py"]);
    admin.list(&[]).ok();
    // The same for kubectl.
    admin.person.kubectl(&["--kubeconfig", "exec.conf", "get", "csr"]).ok();
}

fn what_broken_ones_print_stays_unseen(trial: &Trial) {
    let admin = Admin::new(trial);
    let answer = |status: &str| {
        format!(
            "print('''{{\"kind\": \"ExecCredential\", \"apiVersion\": \"{V1}\", \"status\": {status}}}''')\n"
        )
    };
    for (text, says) in [
        (
            "print('{\"token\": \"SECRET\"}')\nraise SystemExit(1)\n".to_owned(),
            "failed with exit code 1",
        ),
        ("print('token: SECRET: [')\n".to_owned(), "did not print an ExecCredential"),
        (answer(r#"{"token": "SECRET\\nHost: b"}"#), "control character"),
        (answer(r#"{"clientKeyData": "SECRET"}"#), "not both"),
    ] {
        admin.person.write("broken.py", &text);
        admin.configure("python3", &["broken.py"]);
        admin.list(&[]).exits(1).says(&["python3", says]).never_shows("SECRET");
    }
    admin.configure("no-such-plugin", &[]);
    admin.list(&[]).exits(1).says(&["no-such-plugin not found"]);
}

fn they_run_as_far_as_kuberc_lets_them(trial: &Trial) {
    let admin = Admin::new(trial);
    let person = &admin.person;
    person.write("plugin.py", &script("open('ran', 'w').close()"));
    admin.configure("python3", &["plugin.py"]);
    let ran = || {
        let file = person.home.join("ran");
        let there = file.exists();
        let _ = std::fs::remove_file(file);
        there
    };
    let python = person.tool("sh", &["-c", "command -v python3"]).ok().stdout;
    let kuberc = |file: &str, policy: &str| {
        let head = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n";
        person.write(file, &format!("{head}{policy}"));
    };
    let allow = |command: &str| {
        format!(
            "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n- command: {command}\n"
        )
    };
    admin.list(&[]).ok();
    assert!(ran(), "all are allowed where nothing is said");

    kuberc(".kube/kuberc", "credentialPluginPolicy: DenyAll\n");
    admin.list(&[]).exits(1).says(&["plugin \"python3\" not allowed", "DenyAll", ".kube/kuberc"]);
    assert!(!ran());
    kuberc("other", &allow("aws"));
    admin
        .list(&["--kuberc", "other"])
        .exits(1)
        .says(&["not permitted by the credential plugin allowlist"]);
    assert!(!ran());
    for command in ["python3", python.trim()] {
        kuberc("other", &allow(command));
        admin.list(&["--kuberc", "other"]).ok();
        assert!(ran(), "{command}");
    }
    let list = ["list", "--kubeconfig", "exec.conf"];
    person.run_env(&list, &[("KUBERC", "other")]).ok();
    person.run_env(&list, &[("KUBERC", "off")]).ok();
    person.run_env(&list, &[("KUBECTL_KUBERC", "false")]).ok();
    assert!(ran());
    person.run_env(&list, &[("KUBERC", "missing")]).exits(1).says(&["missing"]);
    kuberc(".kube/kuberc", "credentialPluginPolicy: Denyall\n");
    admin
        .list(&[])
        .exits(1)
        .says(&["unknown plugin policy: \"Denyall\"", "no credential plugin runs"]);
    assert!(!ran());
    // Nobody else's policy keeps from connecting without a plugin.
    person.run(&["list"]).ok();

    // Where there is a kubectl that knows such policies, it judges alike.
    let Some(kubectl) = std::env::var_os("USERCERT_NEW_KUBECTL").map(PathBuf::from) else { return };
    for (policy, runs) in [
        ("credentialPluginPolicy: DenyAll\n".to_owned(), false),
        (allow("aws"), false),
        (allow("python3"), true),
        (allow(python.trim()), true),
        (allow("/bin/../bin/python3"), false),
        ("credentialPluginPolicy: Denyall\n".to_owned(), false),
    ] {
        kuberc(".kube/kuberc", &policy);
        let mut command = person.command(&kubectl, &["--kubeconfig", "exec.conf", "get", "csr"]);
        let output = command.output().expect("kubectl runs");
        assert_eq!((output.status.success(), ran()), (runs, runs), "{policy}: {output:?}");
        let ours = admin.list(&[]).code == 0;
        assert_eq!((ours, ran()), (runs, runs), "{policy}");
    }
}
