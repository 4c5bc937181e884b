//! What somebody runs into in the first hour: no dead end, and lines that work as they are printed.

use crate::cases;
use crate::trial::{Outcome, Person, Trial};

cases!(
    the_printed_line_installs_the_second_request,
    a_renewal_takes_up_its_own_request,
    approved_before_with_another_pending,
    denied_before,
    install_without_a_name,
    the_approved_one_is_meant,
    withdrawn,
    installed_before,
    another_certificate_for_the_installed_key,
    the_wrong_file,
    the_first_context_is_the_current_one,
    files_are_found_by_their_flag,
    help_and_version,
    a_certificate_is_no_kubeconfig,
    somebody_elses_reply,
    directories_are_made,
    the_certificate_of_a_cluster_admin,
    nothing_is_allowed_yet,
);

/// Runs a line that was printed.
fn line(person: &Person, out: &Outcome, start: &str) -> Outcome {
    let all = format!("{}\n{}", out.stdout, out.stderr);
    let line = all.lines().find(|l| l.trim_start().starts_with(start)).expect("a line").trim();
    let words: Vec<&str> = line.split(' ').skip(2).collect();
    person.run(&words)
}

fn the_printed_line_installs_the_second_request(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("multi");
    admin.run(&["request", &user, "-g", "one"]).ok();
    let second = admin.run(&["request", &user, "-g", "two"]).ok();
    let name = second.stdout.split([' ', '/']).nth(1).expect("a name").to_owned();
    assert_ne!(name, user);
    // The name alone is not enough, and the hint tells what is.
    let context = admin.kubectl(&["config", "current-context"]).ok().stdout.trim().to_owned();
    let hint = format!("kubectl usercert install --context {context} --csr-name {name} -- {user}");
    let told = admin.run(&["install", &user, "--context", &context]).exits(1);
    let withdraw = format!(" --withdraw -- {user}");
    told.says(&["2 requests", &hint, "# groups two, code", ": pending", &withdraw]);
    admin.run(&["approve", &name, "--yes"]).ok();
    line(&admin, &second, "kubectl usercert install").ok();
    assert!(admin.whoami(&admin.context_of(&user)).1.contains(&"two".to_owned()));
    // An object of the same name that is done with is in nobody's way.
    admin.run(&["approve", &user, "--yes"]).ok();
    admin.run(&["install", &user, "--context-name", "one"]).ok();
    let third = admin.run(&["request", &user, "-g", "three"]).ok();
    let waiting = third.stdout.split([' ', '/']).nth(1).expect("a name").to_owned();
    admin.run(&["approve", &waiting, "--yes"]).ok();
    admin.run(&["install", &user, "--context-name", "three"]).ok();
    assert!(admin.whoami("three").1.contains(&"three".to_owned()));
}

fn a_renewal_takes_up_its_own_request(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("renews");
    admin.run(&["request", &user, "-g", "dev"]).ok();
    admin.run(&["approve", &user, "--yes"]).ok();
    admin.run(&["install", &user]).ok();
    let context = admin.context_of(&user);
    admin.kubectl(&["delete", "csr", &user]).ok();
    // Another request of the same person takes the plain name.
    admin.run(&["request", &user, "-g", "ops"]).ok();
    let renew = ["renew", &context, "--user", &user_entry(&admin), "--timeout", "0"];
    admin.run(&renew).exits(5);
    admin.run(&renew).exits(5).says(&["unchanged: it is still pending"]);
    assert_eq!(admin.pending().len(), 2, "one of each");
}

/// The user entry with which the kubeconfig began.
fn user_entry(person: &Person) -> String {
    let view = ["config", "view", "-o", "jsonpath={.users[0].name}"];
    person.kubectl(&view).ok().stdout
}

fn approved_before_with_another_pending(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("twice");
    admin.run(&["request", &user, "-g", "dev"]).ok();
    admin.run(&["approve", &user, "--yes"]).ok();
    let again = admin.run(&["approve", &user, "--yes"]).ok();
    again.prints(&["unchanged (already approved)"]);
    let second = admin.run(&["request", &user, "-g", "ops"]).ok();
    let name = second.stdout.split([' ', '/']).nth(1).expect("a name").to_owned();
    let told = admin.run(&["approve", &user, "--yes"]).exits(1);
    let line = format!("kubectl usercert approve -- {name}");
    told.says(&["is already approved", "is pending", "nothing was approved", &line]);
    let state = ["get", "csr", &name, "-o", "jsonpath={.status.conditions}"];
    assert_eq!(admin.kubectl(&state).ok().stdout, "");
    // Nobody is asked about a file whose request is approved.
    let handed = trial.user("handed");
    let request = trial.newcomer().run(&["request", &handed, "--offline"]).ok().stdout;
    admin.write("r.txt", &request);
    admin.run(&["approve", "-f", "r.txt", "--yes"]).ok();
    let again = admin.on_terminal(&["approve", "-f", "r.txt"]).rest();
    again.ok().prints(&["unchanged (already approved)"]).says(&["add --reply"]);
}

fn denied_before(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("no");
    admin.run(&["request", &user]).ok();
    admin.run(&["deny", &user, "--message", "not you"]).ok();
    let again = admin.run(&["deny", &user, "--message", "really not"]).ok();
    again.prints(&["unchanged (already denied)"]).says(&["is already denied", "not you"]);
    let second = admin.run(&["request", &user, "-g", "ops"]).ok();
    let name = second.stdout.split([' ', '/']).nth(1).expect("a name").to_owned();
    let line = format!("kubectl usercert approve -- {name}");
    admin.run(&["approve", &user, "--yes"]).exits(3).says(&["is already Denied", &line]);
}

fn install_without_a_name(trial: &Trial) {
    let admin = trial.admin();
    let (one, two) = (trial.user("one"), trial.user("two"));
    admin.run(&["install"]).exits(1).says(&["no request to the server"]);
    let offline = trial.admin();
    offline.run(&["request", &one, "--offline"]).ok();
    let told = offline.run(&["install"]).exits(1);
    told.says(&["made offline", "with --reply FILE"]).never_shows("is kept on this machine");
    admin.run(&["request", &one]).ok();
    admin.run(&["approve", &one, "--yes"]).ok();
    admin.run(&["install"]).ok();
    assert_eq!(admin.whoami(&admin.context_of(&one)).0, one);
    let three = trial.user("three");
    for name in [&two, &three] {
        admin.run(&["request", name]).ok();
    }
    admin.run(&["install"]).exits(1).says(&["2 requests are kept", &two, &three]);
    admin.run(&["install", "--key", "x"]).exits(2).says(&["no user or request is named"]);
}

/// Of several requests the only one that was approved is meant, and of the others none that is over.
fn the_approved_one_is_meant(trial: &Trial) {
    let (admin, user) = (trial.admin(), trial.user("typo"));
    admin.run(&["request", &user, "-g", "dve"]).ok();
    let second = admin.run(&["request", &user, "-g", "dev"]).ok();
    let name = second.stdout.split([' ', '/']).nth(1).expect("a name").to_owned();
    admin.run(&["approve", &name, "--yes"]).ok();
    admin.run(&["install", &user]).ok().says(&["2 requests are kept", "groups dev"]);
    assert!(admin.whoami(&admin.context_of(&user)).1.contains(&"dev".to_owned()));
}

fn withdrawn(trial: &Trial) {
    let (admin, user) = (trial.admin(), trial.user("typo"));
    admin.run(&["request", &user, "-g", "dve"]).ok();
    let told = admin.run(&["request", &user, "-g", "dev"]).ok();
    let all = ["request", &user, "--withdraw"];
    admin.run(&all).exits(1).says(&["2 requests", "# groups dve", "# groups dev"]);
    let dve = ["request", &user, "-g", "dve", "--withdraw"];
    admin.run(&[&dve[..], &["--dry-run=server"]].concat()).ok().prints(&["(server dry run)"]);
    assert_eq!(admin.pending().len(), 2);
    let line = format!("kubectl usercert request -g dve --csr-name {user} --withdraw -- {user}");
    told.says(&["Another request for this user is kept (groups dve", &line]);
    let gone = admin.run(&[&dve[..], &["-o", "json"]].concat()).ok().json();
    assert_eq!((&gone["kind"], &gone["deleted"]), (&"Withdrawal".into(), &true.into()));
    assert_eq!(admin.pending().len(), 1);
    admin.kubectl(&["get", "csr", &user]).exits(1);
    admin.run(&dve).exits(1).says(&["no such request"]);
    admin.run(&all).ok().prints(&["withdrawn"]);
    // Somebody else's object of the same name stays.
    admin.run(&["request", &user]).ok();
    admin.kubectl(&["delete", "csr", &user]).ok();
    trial.admin().run(&["request", &user, "--csr-name", &user]).ok();
    admin.run(&all).ok().prints(&["withdrawn"]);
    admin.kubectl(&["get", "csr", &user]).ok();
    assert!(admin.pending().is_empty());

    // Without the right to delete, the admin has to end it.
    let (name, user) = (trial.user("asks"), trial.user("stays"));
    let person = trial.nobody_special(&name, &[]);
    let rule = serde_json::json!([{"apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests"], "verbs": ["create", "get"]}]);
    trial.grant(&name, rule);
    person.run(&["request", &user]).ok();
    let deny = format!("kubectl usercert deny -- {user}");
    person.run(&["request", &user, "--withdraw"]).ok().says(&["stays in the cluster", &deny]);
    assert!(person.pending().is_empty());
    admin.run(&["deny", &user]).ok();
    let offline = ["request", &user, "--offline"];
    person.run(&offline).ok();
    person.run(&[&offline[..], &["--withdraw"]].concat()).ok().prints(&["withdrawn"]);
    assert!(person.pending().is_empty());
}

/// Installing twice, and after the kubeconfig was lost.
fn installed_before(trial: &Trial) {
    let (admin, newcomer) = (trial.admin(), trial.newcomer());
    let (jane, mary) = (trial.user("jane"), trial.user("mary"));
    let request = newcomer.run(&["request", &jane, "--offline", "-o", "yaml"]).ok().stdout;
    admin.write("r.yaml", &request);
    admin.run(&["approve", "-f", "r.yaml", "--yes", "--reply", "reply"]).ok();
    newcomer.write("reply", &admin.read("reply"));
    let install = ["install", "--reply", "reply", "--yes"];
    newcomer.run(&install).ok();
    let context = newcomer.context_of(&jane);
    let again = newcomer.run(&install).exits(1);
    again.says(&[&format!("is already installed, in the context {context}")]);
    std::fs::remove_file(newcomer.home.join(".kube/config")).expect("a file");
    newcomer.run(&install).exits(1).says(&["no key for this certificate", "make a new request"]);

    admin.run(&["request", &mary]).ok();
    admin.run(&["approve", &mary, "--yes"]).ok();
    admin.run(&["install", &mary]).ok();
    let context = admin.context_of(&mary);
    let again = admin.run(&["install", &mary]).exits(1);
    let line = format!("kubectl --context {context}");
    again.says(&["no request for", "already has a certificate here", &line]);
    admin.kubectl(&["config", "delete-context", &context]).ok();
    let lost = admin.run(&["install", &mary]).exits(1);
    lost.says(&["in the kubeconfig only", "kubectl usercert request"]);
}

/// The same request, approved again with another lifetime: the key is in the kubeconfig only.
fn another_certificate_for_the_installed_key(trial: &Trial) {
    let (admin, newcomer, erin) = (trial.admin(), trial.newcomer(), trial.user("erin"));
    let request = newcomer.run(&["request", &erin, "--offline", "-o", "yaml"]).ok().stdout;
    admin.write("r.yaml", &request);
    for (expires, reply) in [("2d", "first"), ("3d", "second"), ("4d", "third"), ("5d", "fourth")] {
        let approve = ["approve", "-f", "r.yaml", "--yes", "--expires", expires, "--reply", reply];
        admin.run(&approve).ok();
        // An object of another lifetime would be another request.
        admin.kubectl(&["delete", "csr", &erin]).ok();
        newcomer.write(reply, &admin.read(reply));
    }
    let install = |reply: &str, more: &[&str]| {
        newcomer.run(&[&["install", "--reply", reply, "--yes"], more].concat())
    };
    install("first", &[]).ok();
    let context = newcomer.context_of(&erin);
    let told = install("second", &["--use"]).exits(1);
    told.says(&[&format!("context {context} holds another certificate"), "add --replace"]);
    install("second", &["--replace", "--use"]).ok();
    assert_eq!(newcomer.whoami(&context).0, erin);
    install("second", &["--replace"]).exits(1).says(&["already installed"]);
    install("third", &["--context-name", "beside"]).ok();
    assert_eq!(newcomer.whoami("beside").0, erin);
    install("fourth", &["--standalone", "own.conf"]).ok();
    newcomer.kubectl(&["--kubeconfig", "own.conf", "auth", "whoami"]).ok().prints(&[&erin]);
    newcomer.write("no.key", &admin.read("first"));
    let told = install("fourth", &["--key", "no.key"]).exits(1);
    assert!(!told.stderr.contains("make a new one"), "{}", told.stderr);
}

fn the_wrong_file(trial: &Trial) {
    let (admin, newcomer, user) = (trial.admin(), trial.newcomer(), trial.user("mixed"));
    let request = newcomer.run(&["request", &user, "--offline"]).ok().stdout;
    newcomer.write("request.txt", &request);
    let told = newcomer.run(&["install", "--reply", "request.txt"]).exits(1);
    told.says(&["request.txt is a request, not the reply to it", "kubectl usercert approve -f"]);
    newcomer.run(&["inspect", "request.txt"]).ok().prints(&[&user, "not submitted"]);
    admin.write("r.txt", &request);
    admin.run(&["approve", "-f", "r.txt", "--yes", "--reply", "reply"]).ok();
    newcomer.write("reply", &admin.read("reply"));
    for person in [&newcomer, &admin] {
        let told = person.run(&["install", "reply"]).exits(1);
        told.says(&["a file has that name", "kubectl usercert install --reply reply"]);
    }
    let block = admin.run(&["approve", &user, "--yes", "--reply", "-"]).ok().stdout;
    newcomer.write("answer.txt", &block);
    newcomer.run(&["inspect", "answer.txt"]).ok().prints(&[&user, "kubeconfig"]);
}

fn the_first_context_is_the_current_one(trial: &Trial) {
    let (admin, newcomer, user) = (trial.admin(), trial.newcomer(), trial.user("first"));
    let request = newcomer.run(&["request", &user, "--offline", "-o", "yaml"]).ok().stdout;
    admin.write("r.yaml", &request);
    admin.run(&["approve", "-f", "r.yaml", "--yes", "--reply", "reply"]).ok();
    newcomer.write("reply", &admin.read("reply"));
    let installed = newcomer.run(&["install", "--reply", "reply", "--yes"]).ok();
    installed.says(&["It is the current context", "Try it: kubectl auth whoami"]);
    newcomer.kubectl(&["auth", "whoami"]).ok().prints(&[&user]);
    newcomer.run(&["verify"]).ok();
    let asked = ["request", &user, "--offline", "-o", "yaml", "-g", "dev"];
    admin.write("r.yaml", &newcomer.run(&asked).ok().stdout);
    let second = ["approve", "-f", "r.yaml", "--yes", "--reply", "second"];
    admin.run(&second).ok();
    newcomer.write("second", &admin.read("second"));
    let replaced = newcomer.run(&["install", "--reply", "second", "--yes", "--replace"]).ok();
    replaced.says(&["Try it: kubectl auth whoami"]).never_shows("since there was no other");
    // Whoever has chosen none among several has meant that.
    let before = admin.kubectl(&["config", "current-context"]).ok().stdout;
    admin.kubectl(&["config", "unset", "current-context"]).ok();
    let context = before.trim();
    admin.run(&["--context", context, "request", &user]).exits(2);
    admin.run(&["request", &user, "--csr-name", &format!("{user}-x"), "--context", context]).ok();
    admin.run(&["approve", &format!("{user}-x"), "--yes", "--context", context]).ok();
    let install = ["install", &user, "--context", context];
    admin.run(&install).ok().says(&["Try it: kubectl --context"]);
    admin.kubectl(&["config", "current-context"]).exits(1);
}

fn files_are_found_by_their_flag(trial: &Trial) {
    let (admin, user) = (trial.admin(), trial.user("file"));
    let request = trial.newcomer().run(&["request", &user, "--offline", "-o", "yaml"]).ok().stdout;
    admin.write("x.yaml", &request);
    for command in ["approve", "review"] {
        admin.run(&[command, "x.yaml"]).exits(1).says(&["a file has that name", "-f x.yaml"]);
    }
    admin.run(&["review", "-f", "x.yaml"]).ok().prints(&[&user]);
    admin.run(&["approve", "--filename", "x.yaml", "--yes"]).ok();
}

fn help_and_version(trial: &Trial) {
    let person = trial.newcomer();
    let long = person.run(&["approve", "--help"]).ok().stdout;
    assert_eq!(person.run(&["help", "approve"]).ok().stdout, long);
    assert_eq!(person.run(&["help"]).ok().stdout, person.run(&["--help"]).ok().stdout);
    person.run(&["help", "ca", "sign"]).ok().prints(&["kubectl usercert ca sign"]);
    person.run(&["help", "nonsense"]).exits(2).says(&["there is no command nonsense"]);
    let version = person.run(&["version"]).ok().stdout;
    assert_eq!(person.run(&["--version"]).ok().stdout, version);
}

fn a_certificate_is_no_kubeconfig(trial: &Trial) {
    let admin = trial.admin();
    admin.run(&["ca", "init"]).ok();
    let listed = admin.run(&["list", "--kubeconfig", "ca.crt"]).exits(2);
    listed.says(&["ca.crt is a PEM file, not a kubeconfig"]).never_shows("mapping");
}

fn somebody_elses_reply(trial: &Trial) {
    let (admin, newcomer) = (trial.admin(), trial.newcomer());
    let (jane, joe) = (trial.user("jane"), trial.user("joe"));
    let request = newcomer.run(&["request", &jane, "--offline", "-o", "yaml"]).ok().stdout;
    newcomer.run(&["request", &joe, "--offline"]).ok();
    admin.write("r.yaml", &request);
    admin.run(&["approve", "-f", "r.yaml", "--yes", "--reply", "reply"]).ok();
    newcomer.write("reply", &admin.read("reply"));
    let told = newcomer.run(&["install", "--reply", "reply", "--yes", "--", &joe]).exits(1);
    told.says(&[&format!("this is for the user {jane}, not for {joe}"), "leave the name out"]);
    newcomer.run(&["install", "--reply", "reply", "--yes"]).ok();
}

fn directories_are_made(trial: &Trial) {
    let (admin, user) = (trial.admin(), trial.user("dir"));
    admin.run(&["request", &user]).ok();
    admin.run(&["approve", &user, "--yes", "--reply", "replies/"]).ok();
    assert!(admin.has(&format!("replies/{user}.kubeconfig")));
    let standalone = ["create", &trial.user("robot"), "--yes", "--standalone", "robots/r.conf"];
    admin.run(&standalone).ok();
    assert!(admin.has("robots/r.conf"));
    admin.write("team.csv", &format!("name\n{}\n", trial.user("many")));
    let onboard = ["onboard", "team.csv", "--yes", "--standalone-dir", "team"];
    admin.run(&[&onboard[..], &["--dry-run"]].concat()).ok();
    assert!(!admin.has("team"), "a dry run makes nothing");
    admin.run(&onboard).ok();
    assert!(admin.has("team"));
}

fn the_certificate_of_a_cluster_admin(trial: &Trial) {
    let admin = trial.admin();
    let told = admin.run(&["renew"]).exits(1);
    told.says(&["system:masters", "no API server accepts", "kubeadm certs renew", "request NAME"]);
}

/// Whoever goes on with a new certificate knows why `get pods` is forbidden.
fn nothing_is_allowed_yet(trial: &Trial) {
    let (admin, user) = (trial.admin(), trial.user("bare"));
    let use_it = ["install", &user, "--use", "--namespace", "default"];
    let starter = admin.kubectl(&["config", "current-context"]).ok().stdout.trim().to_owned();
    let with = ["--context", &starter];
    admin.run(&["request", &user, "-g", "dev"]).ok();
    admin.run(&["approve", &user, "--yes"]).ok();
    let grant = format!("  kubectl usercert grant --clusterrole view -n default -- {user}");
    admin.run(&use_it).ok().says(&[
        "may not do anything in namespace default yet (others were not looked at)",
        &grant,
    ]);
    admin.kubectl(&["get", "pods", "-n", "default"]).exits(1).says(&["forbidden"]);
    // The printed line works, and afterwards there is nothing to say.
    let words: Vec<&str> = grant.split_whitespace().skip(3).collect();
    admin.run(&[&["grant", "--yes"][..], &with, &words].concat()).ok();
    admin.run(&[&["request", &user, "-g", "ops"][..], &with].concat()).ok();
    let waiting = admin.run(&[&["list", "-o", "json"][..], &with].concat()).ok().json();
    let items = waiting["items"].as_array().expect("items");
    let name = items.iter().find(|i| i["user"] == user.as_str()).expect("a request");
    let name = name["name"].as_str().expect("a name").to_owned();
    admin.run(&[&["approve", &name, "--yes"][..], &with].concat()).ok();
    let again = ["--csr-name", &name, "--replace"];
    let again = admin.run(&[&use_it[..], &again, &with].concat()).ok();
    again.never_shows("may not do anything");
}
