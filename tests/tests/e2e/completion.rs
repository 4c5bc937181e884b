//! What TAB offers: through kubectl, and through bash's script.

use std::net::TcpListener;

use crate::cases;
use crate::revocations::own_server;
use crate::trial::{Outcome, Person, Trial, plugin};

cases!(
    through_kubectl,
    names_of_the_cluster,
    names_that_a_shell_would_run_are_not_offered,
    what_is_revoked,
    silent_when_the_cluster_is_away,
    bash_script,
);

/// Runs a shell command with the plugin, and what helps kubectl to complete, on the PATH.
fn shell(person: &Person, command: &str) -> Outcome {
    std::fs::create_dir_all(person.home.join("bin")).expect("a directory");
    let link = person.home.join("bin/kubectl-usercert");
    if !link.exists() {
        std::os::unix::fs::symlink(plugin(), link).expect("a link");
    }
    let helper = "kubectl-usercert completion kubectl > bin/kubectl_complete-usercert";
    // How fast a busy machine is is not what is tested.
    let set = format!(
        "set -e; export USERCERT_COMPLETION_TIMEOUT=60s PATH=$HOME/bin:$PATH
        {helper}; chmod +x bin/kubectl_complete-usercert; {command}"
    );
    person.tool("bash", &["-c", &set])
}

fn through_kubectl(trial: &Trial) {
    let person = trial.newcomer();
    shell(&person, "kubectl __complete usercert request --ke")
        .ok()
        .prints(&["--key\t", "--key-type\t", ":4\n"])
        .says(&["ShellCompDirectiveNoFileComp"]);
    shell(&person, "kubectl __complete usercert req").ok().prints(&["request\tMake a key"]);
    shell(&person, "kubectl __complete usercert request --key ''")
        .ok()
        .prints(&[":0\n"])
        .says(&["ShellCompDirectiveDefault"]);
    assert!(!person.has(".local"), "asking leaves nothing behind");
}

/// What TAB offers behind these words, which must hold this.
fn offered(person: &Person, line: &str, expected: &str) -> Outcome {
    shell(person, &format!("kubectl __complete usercert {line}")).ok().prints(&[expected])
}

fn names_of_the_cluster(trial: &Trial) {
    let (user, other, admin) = (trial.user("tab"), trial.user("tab"), trial.admin());
    let person = trial.newcomer();
    person.write("cluster.conf", &trial.backend.admin_kubeconfig());
    admin.run(&["request", "-q", "-g", "dev", "--", &user]).ok();
    admin.run(&["request", "-q", "--", &other]).ok();
    let line = |user: &str| format!("{user}\tby ");
    offered(&admin, "approve tab-", &line(&user)).prints(&[&line(&other)]);
    // The flags that stand before the cursor count.
    offered(&person, "approve --kubeconfig cluster.conf tab-", &line(&user));
    shell(&person, "kubectl __complete usercert approve tab-").ok().never_shows(&user);
    offered(&admin, &format!("approve {user} tab-"), &line(&other)).never_shows(&line(&user));
    offered(&admin, "inspect csr/tab-", &format!("csr/{user}\tPending\n"));
    offered(&admin, "install tab-", &user);
    offered(&admin, "list -n kube-", "kube-system\n");
    let context = admin.kubectl(&["config", "current-context"]).ok().stdout;
    offered(&admin, "verify ''", context.trim());
    admin.run(&["approve", "--yes", "-q", "--", &user]).ok();
    offered(&admin, "approve tab-", &line(&other)).never_shows(&line(&user));
}

fn names_that_a_shell_would_run_are_not_offered(trial: &Trial) {
    let admin = trial.admin();
    let (user, other) = (trial.user("tab"), trial.user("tab"));
    admin.run(&["request", "-q", "--csr-name", &format!("{user} $(touch ran)"), "--", &user]).ok();
    admin.run(&["request", "-q", "--", &other]).ok();
    offered(&admin, "approve tab-", &format!("{other}\t"))
        .never_shows(&format!("{user} "))
        .never_shows("$(");
    assert!(!admin.has("ran"));
}

fn what_is_revoked(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    let print = "5f3a".repeat(16);
    admin.run(&["revocations", "install", "--yes"]).ok();
    admin.run(&["revoke", "--certificate", &print, "--reason", "lost", "--yes"]).ok();
    admin.run(&["request", "alice"]).ok();
    admin.run(&["revoke", "alice", "--all-certificates", "--yes"]).ok();
    offered(&admin, "revocations lift 5f", &format!("{print}\t")).prints(&["lost", ":4\n"]);
    offered(&admin, "revocations lift user", "user/alice\t").never_shows(&print);
    // The file of a certificate.
    offered(&admin, "revocations lift no", ":0\n");
}

fn silent_when_the_cluster_is_away(trial: &Trial) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let person = trial.with_kubeconfig(&format!(
        r#"{{"clusters": [{{"name": "away", "cluster": {{"server": "https://127.0.0.1:{port}"}}}}],
            "contexts": [{{"name": "away", "context": {{"cluster": "away", "user": ""}}}}],
            "current-context": "away"}}"#
    ));
    // It takes the connection and never says a word.
    let out = person.run(&["__complete", "approve", ""]).ok();
    assert_eq!((out.stdout.as_str(), out.stderr.as_str()), (":4\n", ""));
    person.write(".kube/config", "no: [kubeconfig");
    let out = person.run(&["__complete", "approve", ""]).ok();
    assert_eq!((out.stdout.as_str(), out.stderr.as_str()), (":4\n", ""));
}

fn bash_script(trial: &Trial) {
    let person = trial.with_kubeconfig(
        r#"{"contexts": [{"name": "jane@away", "context": {"cluster": "", "user": ""}}]}"#,
    );
    person.write("notes.csr", "");
    let complete = |line: &str, words: &str| {
        let count = words.split(' ').count() - 1;
        let script = format!(
            "source <(kubectl-usercert completion bash)
            COMP_LINE='{line}' COMP_POINT=${{#COMP_LINE}} COMP_WORDS=({words}) COMP_CWORD={count}
            _kubectl_usercert 2>/dev/null || true; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        shell(&person, &script).ok().stdout.trim_end().to_owned()
    };
    assert_eq!(complete("kubectl-usercert inst", "kubectl-usercert inst"), "install");
    // bash cuts words at "@" and "=", and replaces what stands behind.
    let words = "kubectl-usercert verify --context jane @ aw";
    assert_eq!(complete("kubectl-usercert verify --context jane@aw", words), "away");
    let words = "kubectl-usercert verify --context = ja";
    assert_eq!(complete("kubectl-usercert verify --context=ja", words), "jane@away");
    let words = "kubectl-usercert inspect no";
    assert_eq!(complete("kubectl-usercert inspect no", words), "notes.csr");
}
