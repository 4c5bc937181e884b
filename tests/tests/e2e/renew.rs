//! Renewing a context's certificate, in its place.

use usercert_sandbox::{Fault, Sandbox, SandboxOptions};

use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    in_its_place,
    an_entry_of_another_name,
    what_cannot_be_renewed,
    who_may_not_ask,
    only_by_what_a_server_has_accepted,
);

/// Somebody with a context and the right to ask for certificates.
fn holder(trial: &Trial, base: &str, more: &[&str]) -> (Person, String, String) {
    let person = trial.admin();
    let user = trial.user(base);
    person.run(&[&["request", &user, "-g", "dev", "-g", "ops"][..], more].concat()).ok();
    person.run(&["approve", &user, "--yes"]).ok();
    person.run(&["install", &user, "--namespace", "team-a"]).ok();
    let rules = serde_json::json!([{
        "apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"],
        "verbs": ["create", "get", "list", "watch"],
    }]);
    trial.grant(&user, rules);
    let context = person.context_of(&user);
    (person, user, context)
}

fn users(config: &mut serde_json::Value) -> &mut Vec<serde_json::Value> {
    config["users"].as_array_mut().expect("users")
}

fn in_its_place(trial: &Trial) {
    let more = ["--expires", "90m", "--key-type", "ed25519"];
    let (person, user, context) = holder(trial, "renewer", &more);
    let before = person.read(".kube/config");
    let view = || person.kubectl(&["config", "view", "--raw", "-o", "json"]).ok().json();
    let shown_before = view();

    let out = person.run(&["renew", &context, "--timeout", "0"]).exits(5);
    let code = out.says(&["still pending", "kubectl usercert approve --"]).code_shown();
    assert_eq!(person.read(".kube/config"), before);
    assert_eq!(person.whoami(&context).0, user, "the old one goes on working");
    let waiting = person.run(&["list", "-o", "json"]).ok().json();
    let waiting = waiting["items"].as_array().expect("items");
    let asked = waiting.iter().find(|i| i["user"] == user.as_str()).expect("a request");
    assert_eq!(asked["requester"], user.as_str(), "asked with the present certificate");
    let name = asked["name"].as_str().expect("a name");
    person.run(&["approve", name, "--expect", &code, "--yes"]).ok();

    // With another kind of key it would be another request; a kind that is named is what one gets.
    let p384 = person.run(&["renew", &context, "--key-type", "p384", "--timeout", "0"]).exits(1);
    let withdraw = "kubectl usercert request -g dev -g ops --context ";
    p384.says(&["another kind of key, Ed25519", &code, "leave out --key-type", withdraw]);
    assert_eq!(person.pending().len(), 1);

    // The same request is taken up.
    let renew = ["renew", &context, "--key-type", "ed25519", "-o", "json"];
    let renewed = person.run(&renew).ok().says(&["unchanged"]);
    let renewed = renewed.json();
    assert_eq!(renewed["context"], context.as_str());
    assert_eq!(renewed["groups"], serde_json::json!(["dev", "ops"]));
    assert!(person.pending().is_empty());
    assert_eq!(person.read(".kube/config").lines().count(), before.lines().count());
    let (mut old, mut new) = (shown_before, view());
    let fields = ["client-certificate-data", "client-key-data"];
    for (old, new) in users(&mut old).iter_mut().zip(users(&mut new)) {
        if old["name"] == context.as_str() {
            for field in fields {
                assert_ne!(old["user"][field].take(), new["user"][field].take(), "{field}");
            }
        }
    }
    assert_eq!(old, new, "nothing else has changed");
    let (name, groups) = person.whoami(&context);
    assert_eq!((name, &groups[..2]), (user.clone(), &["dev".to_owned(), "ops".to_owned()][..]));

    // Kind of key and lifetime are those of before.
    let read = person.run(&["inspect", ".kube/config", "-o", "json"]).ok().json();
    let items = read["items"].as_array().expect("items");
    let of = |item: &&serde_json::Value| item["properties"]["user"] == user.as_str();
    let item = items.iter().find(of).expect("the certificate");
    assert_eq!(item["properties"]["key"], "Ed25519");
    let shown = person.run(&["contexts"]).ok().stdout;
    let row = shown.lines().find(|l| l.contains(&context)).expect("a row");
    assert!(row.contains(" 89m ") || row.contains(" 90m ") || row.contains(" 1h"), "{row}");
}

fn an_entry_of_another_name(trial: &Trial) {
    let (person, user, context) = holder(trial, "files", &[]);
    // As by hand: the entry's name is not the context's, files hold certificate and key.
    let view = ["config", "view", "--raw", "-o"];
    for (field, file) in [("certificate", "old.crt"), ("key", "old.key")] {
        let path =
            format!("jsonpath={{.users[?(@.name==\"{context}\")].user.client-{field}-data}}");
        let data = person.kubectl(&[&view[..], &[&path]].concat()).ok().stdout;
        person.write("data", &data);
        let decoded = person.tool("base64", &["-d", "data"]).ok().stdout;
        person.write(file, &decoded);
    }
    let config = |args: &[&str]| person.kubectl(&[&["config"], args].concat()).ok();
    let files = ["--client-certificate=old.crt", "--client-key=old.key"];
    config(&[&["set-credentials", "by-hand"][..], &files].concat());
    config(&["set-context", "mine", "--user=by-hand", "--namespace=team-b"]);
    let cluster = person.kubectl(&[&view[..], &["jsonpath={.clusters[0].name}"]].concat()).ok();
    config(&["set-context", "mine", &format!("--cluster={}", cluster.stdout)]);
    let context_before =
        config(&["view", "-o", "jsonpath={.contexts[?(@.name==\"mine\")]}"]).stdout;
    let (certificate, key) = (person.read("old.crt"), person.read("old.key"));

    person.run(&["renew", "mine", "--timeout", "0", "--expires", "2h"]).exits(5);
    let waiting = person.run(&["list", "-o", "json"]).ok().json();
    let waiting = waiting["items"].as_array().expect("items");
    let asked = waiting.iter().find(|i| i["user"] == user.as_str()).expect("a request");
    person.run(&["approve", asked["name"].as_str().expect("a name"), "--yes"]).ok();
    person.run(&["renew", "mine"]).ok().prints(&["context mine written", "expires in "]);
    assert_eq!(person.whoami("mine").0, user);
    let context_after = config(&["view", "-o", "jsonpath={.contexts[?(@.name==\"mine\")]}"]).stdout;
    assert_eq!(context_before, context_after);
    let entry = config(&["view", "-o", "jsonpath={.users[?(@.name==\"by-hand\")]}"]).stdout;
    assert!(!entry.contains("old.") && entry.contains("client-key-data"), "{entry}");
    assert_eq!((person.read("old.crt"), person.read("old.key")), (certificate, key));
    assert_eq!(person.whoami(&context).0, user, "other entries stay");
}

fn what_cannot_be_renewed(trial: &Trial) {
    let (person, user, context) = holder(trial, "kept", &[]);
    let before = person.read(".kube/config");
    person.run(&["renew", "nowhere"]).exits(1).says(&["nowhere", "get-contexts"]);
    let by_user = person.run(&["renew", &user]).exits(1);
    by_user.says(&["renew takes a context", &format!("kubectl usercert renew {context}")]);
    person.run(&["renew", "a", "--context", "b"]).exits(2);
    person.run(&["renew", &context, "--expires", "soon"]).exits(2).says(&["soon"]);
    let dry = person.run(&["renew", &context, "--dry-run=server", "-o", "json"]).ok().json();
    assert_eq!(dry["spec"]["username"], user.as_str());
    person.run(&["renew", &context, "--dry-run"]).ok().prints(&["created (dry run)"]);
    assert_eq!(person.read(".kube/config"), before);
    assert!(person.pending().is_empty());

    let config = |args: &[&str]| person.kubectl(&[&["config"], args].concat()).ok();
    config(&["set-credentials", "robot", "--token=abc"]);
    config(&["set-context", "robot", "--user=robot", "--cluster=sandbox"]);
    let view = ["view", "--raw", "-o", "jsonpath={.clusters[0].name}"];
    let cluster = config(&view).stdout;
    config(&["set-context", "robot", &format!("--cluster={cluster}")]);
    person.run(&["renew", "robot"]).exits(1).says(&["no certificate to renew", "request"]);

    person.write("old.crt", include_str!("../../../core/tests/data/expired.pem"));
    let key = ["genpkey", "-algorithm", "ed25519", "-out", "old.key"];
    person.tool("openssl", &key).ok();
    let files = ["--client-certificate=old.crt", "--client-key=old.key"];
    config(&[&["set-credentials", "old"][..], &files].concat());
    config(&["set-context", "old", "--user=old", &format!("--cluster={cluster}")]);
    let late = person.run(&["renew", "old"]).exits(1);
    late.says(&["expired", "--offline", "--reply FILE --context-name old --replace"]);

    // A certificate that another cluster's context uses as well would be lost to it.
    config(&["set-cluster", "other", "--server=https://other.invalid:6443"]);
    config(&["set-context", "shared", "--cluster=other", &format!("--user={context}")]);
    person.run(&["renew", &context]).exits(1).says(&["another cluster", "shared"]);
    assert!(person.pending().is_empty(), "nothing was asked for");
}

fn who_may_not_ask(trial: &Trial) {
    let person = trial.admin();
    let user = trial.user("bare");
    person.run(&["request", &user]).ok();
    person.run(&["approve", &user, "--yes"]).ok();
    person.run(&["install", &user]).ok();
    let context = person.context_of(&user);
    let before = person.read(".kube/config");
    person.run(&["renew", &context]).exits(1).says(&["create", "--offline"]);
    assert_eq!(person.read(".kube/config"), before);
}

/// A certificate that nobody has accepted replaces none that works, be it by renew or by install.
fn only_by_what_a_server_has_accepted(trial: &Trial) {
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("the sandbox starts");
    let person = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    person.run(&["request", "alice"]).ok();
    person.run(&["approve", "alice", "--yes"]).ok();
    person.run(&["install", "alice"]).ok();
    let context = person.context_of("alice");
    let before = person.read(".kube/config");
    let admin = person.kubectl(&["config", "current-context"]).ok().stdout;

    // Asked for by the admin, and approved; the server answers everything but who one is.
    let asked = ["request", "alice", "--csr-name", "again"];
    person.run(&asked).ok();
    person.run(&["approve", "again", "--yes"]).ok();
    sandbox.fail_at("selfsubjectreviews", Fault::Failing(503));
    let install = ["install", "alice", "--csr-name", "again"];
    let replace = [&install[..], &["--replace"]].concat();
    let out = person.run(&replace).exits(1);
    out.says(&[
        "no server has accepted the new certificate",
        &context,
        "--no-verify",
        "beside the old one",
    ]);
    assert_eq!(person.read(".kube/config"), before);
    assert_eq!(person.pending().len(), 1, "the new key is kept");
    // Beside it there is room, and whoever says so has it replaced.
    person.run(&[&install[..], &["--context-name", "beside"]].concat()).ok().says(&["note"]);
    assert_eq!(person.pending().len(), 1, "kept until the server has accepted it");
    person.run(&[&replace[..], &["--no-verify"]].concat()).ok();
    assert_ne!(person.read(".kube/config"), before);

    let before = person.read(".kube/config");
    let renew = ["renew", &context, "--user", admin.trim(), "--timeout", "0"];
    person.run(&renew).exits(5);
    let waiting = person.run(&["list", "-o", "json"]).ok().json();
    let name = waiting["items"][0]["name"].as_str().expect("a request").to_owned();
    person.run(&["approve", &name, "--yes"]).ok();
    let out = person.run(&renew).exits(1);
    out.says(&["no server has accepted the new certificate", "install --context-name NEW"]);
    assert_eq!(person.read(".kube/config"), before);
    sandbox.recover();
    sandbox.fail_at("selfsubjectreviews", Fault::Silent);
    let out = person.run(&[&renew[..], &["--request-timeout", "2s"]].concat()).exits(1);
    out.says(&["no server has accepted the new certificate"]);
    assert_eq!(person.read(".kube/config"), before);
    sandbox.recover();
    person.run(&renew).ok().says(&["unchanged"]);
    assert_ne!(person.read(".kube/config"), before);
}
