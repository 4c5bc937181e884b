//! Tokens of service accounts, with kubectl and Python as judges.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::Value;
use usercert_sandbox::{Sandbox, SandboxOptions};

use crate::cases;
use crate::trial::{Person, Trial, plugin};

cases!(
    a_kubeconfig_that_works,
    shortened_by_the_server,
    to_a_pipe_but_not_to_a_terminal,
    gone_with_its_account,
    for_another_audience,
    not_allowed,
    dry_runs,
    wrong_usage,
);

const NAMESPACE: &str = "default";

fn account(trial: &Trial, admin: &Person) -> String {
    let name = trial.user("robot");
    admin.kubectl(&["create", "serviceaccount", &name, "-n", NAMESPACE]).ok();
    name
}

/// The claims of the token in a kubeconfig, as Python reads them.
fn claims(person: &Person, file: &str) -> Value {
    let script = "import base64, json, re, sys\n\
        token = re.search(r'token\"?: *\"?([^\"\\n]+)', open(sys.argv[1]).read()).group(1)\n\
        part = token.split('.')[1]\n\
        print(base64.urlsafe_b64decode(part + '=' * (-len(part) % 4)).decode())";
    person.tool("python3", &["-c", script, file]).ok().json()
}

fn a_kubeconfig_that_works(trial: &Trial) {
    let admin = trial.admin();
    let robot = account(trial, &admin);
    let args = ["token", &robot, "-n", NAMESPACE, "--expires", "2h", "--standalone", "robot.conf"];
    let out = admin.run(&args).ok().prints(&["written to robot.conf", "expires in"]);
    out.says(&["the server says: system:serviceaccount:default:robot"]).never_shows("eyJ");
    let mode = std::fs::metadata(admin.home.join("robot.conf")).expect("a file").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let who = ["--kubeconfig", "robot.conf", "auth", "whoami", "-o", "json"];
    let who = admin.kubectl(&who).ok().json();
    let name = format!("system:serviceaccount:{NAMESPACE}:{robot}");
    assert_eq!(who["status"]["userInfo"]["username"], name.as_str());
    admin.run(&["verify", "--kubeconfig", "robot.conf"]).ok().prints(&[&name, "expires in"]);
    let token = claims(&admin, "robot.conf");
    assert_eq!(token["exp"].as_i64().zip(token["iat"].as_i64()).map(|(e, i)| e - i), Some(7200));
    let view = [
        "--kubeconfig",
        "robot.conf",
        "config",
        "view",
        "--minify",
        "-o",
        "jsonpath={..namespace}",
    ];
    assert_eq!(admin.kubectl(&view).ok().stdout, NAMESPACE);

    let json = ["token", &robot, "-n", NAMESPACE, "--standalone", "second.conf", "-o", "json"];
    let out = admin.run(&json).ok().never_shows("eyJ").json();
    assert_eq!(out["kind"], "ServiceAccountToken");
    assert_eq!((&out["user"], &out["expirationSeconds"]), (&name.as_str().into(), &3600.into()));
    let ends = claims(&admin, "second.conf")["exp"].as_i64().expect("an end");
    let seconds = admin.tool("date", &["-d", out["notAfter"].as_str().expect("a time"), "+%s"]);
    assert_eq!(seconds.ok().stdout.trim(), ends.to_string());
}

fn shortened_by_the_server(trial: &Trial) {
    let most = Some(Duration::from_secs(3600));
    let sandbox =
        Sandbox::start(SandboxOptions { max_token_duration: most, ..SandboxOptions::default() });
    let sandbox = sandbox.expect("the sandbox starts");
    let admin = trial.with_kubeconfig(&sandbox.admin_kubeconfig());
    let robot = account(trial, &admin);
    let out = admin.run(&["token", &robot, "--expires", "48h", "--standalone", "robot.conf"]).ok();
    out.says(&["Warning: requested expiration of 172800 seconds shortened to 3600 seconds"])
        .prints(&["2d was requested"]);
    let json =
        admin.run(&["token", &robot, "--expires", "48h", "--standalone", "2.conf", "-o", "json"]);
    assert_eq!(json.ok().json()["warnings"].as_array().map(Vec::len), Some(1));
}

fn to_a_pipe_but_not_to_a_terminal(trial: &Trial) {
    let admin = trial.admin();
    let robot = account(trial, &admin);
    let args = ["token", &robot, "-n", NAMESPACE, "--standalone", "-"];
    let out = admin.run(&args).ok().says(&["expires in"]);
    admin.write("piped.conf", &out.stdout);
    admin.kubectl(&["--kubeconfig", "piped.conf", "auth", "whoami"]).ok().prints(&[&robot]);
    let script =
        "import os, pty, sys\nsys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let program = plugin().to_str().expect("text");
    let on_terminal = [&["-c", script, program][..], &args].concat();
    admin
        .tool("python3", &on_terminal)
        .exits(2)
        .prints(&["standard output is a terminal"])
        .never_shows("eyJ");
}

fn gone_with_its_account(trial: &Trial) {
    let admin = trial.admin();
    let robot = account(trial, &admin);
    admin.run(&["token", &robot, "-n", NAMESPACE, "--standalone", "robot.conf"]).ok();
    admin.kubectl(&["delete", "serviceaccount", &robot, "-n", NAMESPACE]).ok();
    let until = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        let verified = admin.run(&["verify", "--kubeconfig", "robot.conf"]);
        if verified.code == 1 {
            verified.says(&["does not accept the token", "its service account was deleted"]);
            return;
        }
        assert!(std::time::Instant::now() < until, "the token outlives its account");
    }
}

fn for_another_audience(trial: &Trial) {
    let admin = trial.admin();
    let robot = account(trial, &admin);
    let args =
        ["token", &robot, "-n", NAMESPACE, "--audience", "vault", "--standalone", "vault.conf"];
    admin.run(&args).ok().says(&["the API server itself does not accept it"]);
    assert_eq!(claims(&admin, "vault.conf")["aud"], serde_json::json!(["vault"]));
    admin.run(&["verify", "--kubeconfig", "vault.conf"]).exits(1);
}

fn not_allowed(trial: &Trial) {
    let admin = trial.admin();
    let robot = account(trial, &admin);
    let nobody = trial.nobody_special(&trial.user("nobody"), &[]);
    nobody.run(&["token", &robot, "-n", NAMESPACE, "--standalone", "robot.conf"]).exits(1).says(&[
        "Forbidden",
        "resources: [serviceaccounts/token]",
        "verbs: [create]",
    ]);
    assert!(!nobody.has("robot.conf"));
}

fn dry_runs(trial: &Trial) {
    let admin = trial.admin();
    let robot = account(trial, &admin);
    let args = ["token", &robot, "-n", NAMESPACE, "--expires", "2h", "--standalone", "robot.conf"];
    let run = |more: &[&str]| admin.run(&[&args[..], more].concat()).never_shows("eyJ");
    run(&["--dry-run"]).ok().prints(&[&robot, "requested: for 120m (dry run)"]);
    let object = run(&["--dry-run", "-o", "json"]).ok().json();
    assert_eq!(
        (&object["kind"], &object["spec"]["expirationSeconds"]),
        (&"TokenRequest".into(), &7200.into())
    );
    run(&["--dry-run=server"]).ok().prints(&["expires in", "(server dry run)"]);
    // Standard output holds no secret then.
    let stdout = ["token", &robot, "-n", NAMESPACE, "--standalone", "-", "--dry-run", "-o", "name"];
    assert_eq!(admin.run(&stdout).ok().stdout, format!("serviceaccount/{robot}\n"));
    admin
        .run(&["token", "no-such", "-n", NAMESPACE, "--standalone", "x.conf", "--dry-run=server"])
        .exits(1)
        .says(&["there is no service account no-such"]);
    assert!(!admin.has("robot.conf"));
}

fn wrong_usage(trial: &Trial) {
    let admin = trial.admin();
    let file = ["--standalone", "x.conf", "-n", NAMESPACE];
    let run = |args: &[&str]| admin.run(&[&["token"][..], args, &file].concat());
    run(&["no-such"]).exits(1).says(&[
        "there is no service account no-such in namespace default",
        "kubectl create serviceaccount",
    ]);
    admin
        .run(&["token", "x", "-n", "no-such", "--standalone", "x.conf"])
        .exits(1)
        .says(&["there is no service account x in namespace no-such"]);
    run(&["x", "--expires", "9m"]).exits(2).says(&["shorter than 10 minutes"]);
    run(&["x", "--expires", "49711d"]).exits(2).says(&["longer than 2^32 seconds"]);
    run(&["x", "--expires", "soon"]).exits(2).says(&["\"soon\" is not a duration"]);
    admin.run(&["token", "x"]).exits(2).says(&["--standalone"]);
    admin
        .run(&["token", "x", "--standalone", "-", "-o", "json"])
        .exits(2)
        .says(&["-o and the kubeconfig cannot both go to standard output"]);
    admin.write("x.conf", "mine");
    run(&["x"]).exits(1).says(&["already exists"]);
    assert_eq!(admin.read("x.conf"), "mine");
}
