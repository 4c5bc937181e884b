//! The main road: request, list, review, approve, install, verify.

use crate::cases;
use crate::trial::Trial;

cases!(
    p256,
    p384,
    ed25519,
    rsa2048,
    rsa3072,
    rsa4096,
    own_keys,
    three_people_and_wait,
    rerun_takes_up,
    name_taken_gets_a_suffix,
    names_are_squatted,
    unusual_names,
    dry_runs,
    many_names_gravest_decides,
    structured_output,
    signers_choice_and_short_lifetimes,
    out_dir,
    requests_under_impersonation,
    only_the_right_to_create,
);

fn walk(trial: &Trial, key_type: &str) {
    let alice = trial.user("alice");
    let admin = trial.admin();
    let request = admin
        .run(&["request", &alice, "-g", "dev", "-g", "ops", "-g", "sre", "--key-type", key_type])
        .ok();
    let request = request
        .prints(&[&format!("certificatesigningrequest.certificates.k8s.io/{alice} created")]);
    let code = request.code_shown();
    let list = admin.run(&["list"]).ok();
    let row = list.stdout.lines().find(|l| l.starts_with(&alice)).expect("a row").to_owned();
    assert!(row.contains("dev,ops,sre") && row.contains("30d") && row.contains("Pending"), "{row}");
    admin.run(&["review", &alice]).ok().prints(&[&alice, "dev, ops, sre", &code]);
    let approved = admin.run(&["approve", &alice, "--expect", &code, "--yes"]).ok();
    approved.prints(&[&format!("certificatesigningrequest.certificates.k8s.io/{alice} approved")]);
    admin.run(&["install", &alice]).ok().says(&["signed by the cluster's CA", "the server says"]);
    let context = admin.context_of(&alice);
    let (user, mut groups) = admin.whoami(&context);
    groups.sort();
    assert_eq!(user, alice);
    assert_eq!(groups, ["dev", "ops", "sre", "system:authenticated"]);
    let verified = admin.run(&["verify", &context]).ok();
    let credential = if trial.tells_credentials() {
        "the server saw this very certificate"
    } else {
        "does not say which certificate"
    };
    verified.prints(&[&alice, credential]);
    assert!(admin.pending().is_empty(), "the pending key is deleted");
}

fn p256(trial: &Trial) {
    walk(trial, "p256");
}
fn p384(trial: &Trial) {
    walk(trial, "p384");
}
fn ed25519(trial: &Trial) {
    walk(trial, "ed25519");
}
fn rsa2048(trial: &Trial) {
    walk(trial, "rsa2048");
}
fn rsa3072(trial: &Trial) {
    walk(trial, "rsa3072");
}
fn rsa4096(trial: &Trial) {
    walk(trial, "rsa4096");
}

/// Keys made by openssl in every form in which it writes them.
fn own_keys(trial: &Trial) {
    let admin = trial.admin();
    let make: [(&str, &[&str]); 5] = [
        ("pkcs1", &["genrsa", "-traditional", "-out", "pkcs1", "2048"]),
        (
            "pkcs8",
            &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "pkcs8"],
        ),
        ("sec1", &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "sec1"]),
        ("sec1params", &["ecparam", "-name", "secp384r1", "-genkey", "-out", "sec1params"]),
        ("ed", &["genpkey", "-algorithm", "ed25519", "-out", "ed"]),
    ];
    for (name, openssl) in make {
        admin.tool("openssl", openssl).ok();
        let user = trial.user(name);
        admin.run(&["request", &user, "--key", name, "-g", "dev"]).ok();
        admin.run(&["approve", &user, "--yes"]).ok();
        admin.run(&["install", &user]).ok();
        assert_eq!(admin.whoami(&admin.context_of(&user)).0, user);
        assert!(admin.has(name), "the key given with --key stays where it was");
    }
}

/// Requester, approver and their rights apart: neither can do the other's part.
fn three_people_and_wait(trial: &Trial) {
    let alice = trial.user("alice");
    let starter = trial.user("starter");
    let approver = trial.user("approver");
    let person = trial.nobody_special(&starter, &[]);
    let admin = trial.nobody_special(&approver, &[]);
    trial.grant(
        &starter,
        serde_json::json!([{"apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests"], "verbs": ["create", "get", "watch"]}]),
    );
    trial.grant(&approver, serde_json::json!([
        {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests/approval"], "verbs": ["update"]},
        {"apiGroups": ["certificates.k8s.io"], "resources": ["signers"],
         "resourceNames": ["kubernetes.io/kube-apiserver-client"], "verbs": ["approve"]}]));
    let code = person.run(&["request", &alice]).ok().code_shown();
    person.run(&["approve", &alice, "--yes"]).exits(1).says(&[
        "Forbidden",
        "certificatesigningrequests/approval",
        "signers",
    ]);
    let waiting = {
        let person = person.clone();
        let alice = alice.clone();
        std::thread::spawn(move || person.run(&["install", &alice, "--timeout", "60s"]))
    };
    admin.run(&["approve", &alice, "--expect", &code, "--yes"]).ok();
    waiting.join().expect("it ends").ok();
    assert_eq!(person.whoami(&person.context_of(&alice)).0, alice);
}

fn rerun_takes_up(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("again");
    let first = admin.run(&["request", &user, "-g", "dev"]).ok().code_shown();
    let again = admin.run(&["request", &user, "-g", "dev"]).ok().prints(&["unchanged"]);
    assert_eq!(again.code_shown(), first, "the same request");
    assert_eq!(admin.pending().len(), 1);
    // Cleaned up in the meantime: submitted again, with the same key.
    admin.kubectl(&["delete", "csr", &user]).ok();
    let resubmitted = admin.run(&["request", &user, "-g", "dev"]).ok();
    assert_eq!(resubmitted.code_shown(), first);
    admin.run(&["approve", &user, "--yes"]).ok();
    admin.run(&["install", &user]).ok();
    // Installing once more finds nothing pending and says so.
    admin
        .run(&["install", &user])
        .exits(1)
        .says(&["no request for", "already has a certificate here"]);
}

fn name_taken_gets_a_suffix(trial: &Trial) {
    let user = trial.user("taken");
    let first = trial.admin();
    let second = trial.admin();
    let one = first.run(&["request", &user, "-g", "dev"]).ok().code_shown();
    let other =
        second.run(&["request", &user, "-g", "dev"]).ok().says(&["is taken by another request"]);
    let other_code = other.code_shown();
    assert_ne!(one, other_code);
    // The user's name is ambiguous only where no object has it; here it names the first.
    first.run(&["approve", &user, "--expect", &other_code, "--yes"]).exits(3);
    let longer =
        other.stdout.split_whitespace().next().expect("a name").rsplit('/').next().expect("a name");
    first.run(&["approve", longer, "--expect", &other_code, "--yes"]).ok();
    // The printed line names the object, since another has the plain name.
    let line = format!("kubectl usercert install --csr-name {longer} -- {user}");
    assert!(other.stderr.contains(&line), "{}", other.stderr);
    second.run(&["install", "--csr-name", longer, "--", &user]).ok();
    assert_eq!(second.whoami(&second.context_of(&user)).0, user);
    // A name that was demanded is not changed.
    second
        .run(&["request", &user, "--csr-name", &user])
        .exits(1)
        .says(&["already exists", "--csr-name"]);
}

/// Whoever has seen a request knows the name that it gets next.
fn names_are_squatted(trial: &Trial) {
    let (user, other) = (trial.user("squatted"), trial.user("squatter"));
    let (admin, person) = (trial.admin(), trial.admin());
    admin.run(&["request", &other, "--csr-name", &user]).ok();
    let made = person.run(&["request", &user]).ok();
    let code = made.code_shown();
    let line = made.stdout.split_whitespace().next().expect("a name").to_owned();
    let name = line.rsplit('/').next().expect("a name");
    assert_eq!(name.len(), user.len() + 6);
    let pem = ["get", "csr", name, "-o", "jsonpath={.spec.request}"];
    admin.write("base64", &admin.kubectl(&pem).ok().stdout);
    let request = admin.tool("base64", &["-d", "base64"]).ok().stdout;
    admin.kubectl(&["delete", "csr", name]).ok();
    admin.run(&["request", &other, "--csr-name", name]).ok();
    let again = person.run(&["request", &user]).ok();
    assert_eq!(again.code_shown(), code, "the same request");
    let line = again.stdout.split_whitespace().next().expect("a name").to_owned();
    let longer = line.rsplit('/').next().expect("a name");
    assert_eq!(longer.len(), user.len() + 17);
    assert_eq!(person.pending().len(), 1);
    // The same where an admin submits it.
    admin.kubectl(&["delete", "csr", longer]).ok();
    let approve = ["approve", "--from", "-", "--expect", &code, "--yes"];
    admin.run_with(&approve, request.as_bytes()).ok().prints(&[&format!("{longer} approved")]);
    // It is another object with the same request: said before it is used.
    person.run(&["request", &user]).ok().says(&["submitted the same one again"]);
    person.run(&["install", &user]).ok();
}

fn unusual_names(trial: &Trial) {
    let admin = trial.admin();
    for base in ["Jürgen Groß", "🦀", "a/b%c", "alice@example.com", "-dash", "it's $(id)", "名前"]
    {
        let user = trial.user(base);
        let made = admin.run(&["request", "-g", "Gruppe Ä", "--", &user]).ok();
        let object = made.stdout.trim_end();
        assert!(object.ends_with(" created"), "{object}");
        let approve = made
            .stderr
            .lines()
            .find(|l| l.trim().starts_with("kubectl usercert approve"))
            .expect("a line");
        // The printed line is what an admin pastes into a shell.
        let line = approve
            .trim()
            .replace("kubectl usercert", &crate::trial::plugin().display().to_string())
            + " --yes";
        let line = line.replace(" -- ", " --yes -- ").trim_end_matches(" --yes").to_owned();
        admin.tool("sh", &["-c", &line]).ok();
        admin.run(&["install", "--", &user]).ok();
        let (who, groups) = admin.whoami(&admin.context_of(&user));
        assert_eq!(who, user);
        assert!(groups.contains(&"Gruppe Ä".to_owned()));
    }
    let dots = admin.run(&["request", "--dry-run=client", "-o", "name", ".."]).ok();
    dots.prints(&["certificatesigningrequest.certificates.k8s.io/user-dotdot"]);
}

fn dry_runs(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("dry");
    let manifest =
        admin.run(&["request", &user, "-g", "dev", "--dry-run=client", "-o", "yaml"]).ok();
    let manifest = manifest.says(&["discarded", "--offline"]);
    admin.write("m.yaml", &manifest.stdout);
    admin.kubectl(&["create", "--dry-run=server", "--validate=false", "-f", "m.yaml"]).ok();
    admin.run(&["request", &user, "--dry-run=server"]).ok();
    assert!(admin.pending().is_empty());
    admin.kubectl(&["get", "csr", &user]).exits(1);
    admin.run(&["request", &user]).ok();
    admin.run(&["approve", &user, "--dry-run"]).ok().prints(&["approved (dry run)"]);
    admin.run(&["approve", &user, "--dry-run=server", "--yes"]).ok().prints(&["(server dry run)"]);
    admin.run(&["deny", &user, "--dry-run=server"]).ok();
    admin.run(&["list"]).ok().prints(&[&user]);
    admin.run(&["approve", &user, "--yes"]).ok();
    let before = admin.read(".kube/config");
    admin.run(&["install", &user, "--dry-run"]).ok().prints(&["dry run"]);
    assert_eq!(admin.read(".kube/config"), before);
    assert_eq!(admin.pending().len(), 1);
}

fn many_names_gravest_decides(trial: &Trial) {
    let admin = trial.admin();
    let (one, two) = (trial.user("one"), trial.user("two"));
    admin.run(&["request", &one]).ok();
    admin.run(&["request", &two]).ok();
    let missing = trial.user("missing");
    let out = admin.run(&["approve", &one, &missing, &two, "--yes"]).exits(1).says(&["not found"]);
    out.prints(&[&format!("{one} approved"), &format!("{two} approved")]);
    admin.run(&["deny", &one]).exits(1).says(&["is already Approved"]);
    admin.run(&["approve", &one, "--yes"]).ok();
    let other = ["--expect", "K7QF-2M9X-0ATB-55WZ", "--yes"];
    admin.run(&[&["approve", &one, &two][..], &other].concat()).exits(3).says(&["not-expected"]);
}

fn structured_output(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("json");
    let request = admin.run(&["request", &user, "-g", "dev", "-o", "json"]).ok().json();
    assert_eq!(request["apiVersion"], "usercert/v1");
    assert_eq!(request["kind"], "Request");
    let review = admin.run(&["review", &user, "-o", "json"]).ok().json();
    for key in ["code", "sha256", "user", "uid"] {
        assert_eq!(review[key], request[key], "{key}");
    }
    let list = admin.run(&["list", "-o", "json"]).ok().json();
    let item = list["items"].as_array().expect("items").iter().find(|i| i["user"] == user.as_str());
    assert_eq!(item.expect("an item")["sha256"], request["sha256"]);
    let yaml = admin.run(&["review", &user, "-o", "yaml"]).ok();
    admin.write("review.yaml", &yaml.stdout);
    let code = request["code"].as_str().expect("a code");
    yaml.prints(&[code]);
    let name = format!("certificatesigningrequest.certificates.k8s.io/{user}");
    assert_eq!(admin.run(&["review", &user, "-o", "name"]).ok().stdout.trim(), name);
    let wide = admin.run(&["list", "-o", "wide"]).ok();
    let row = wide.stdout.lines().find(|l| l.starts_with(&user)).expect("a row");
    assert!(row.contains(code) && row.contains("kubernetes.io/kube-apiserver-client"), "{row}");
    let full = request["sha256"].as_str().expect("a digest");
    let decision =
        admin.run(&["approve", &user, "--expect", full, "--yes", "-o", "json"]).ok().json();
    assert_eq!(decision["decision"], "Approved");
    let installed = admin.run(&["install", &user, "-o", "json"]).ok().json();
    assert_eq!(installed["user"], user.as_str());
    assert_eq!(installed["kind"], "Installation");
    let context = installed["context"].as_str().expect("a context");
    let verified = admin.run(&["verify", context, "-o", "json"]).ok().json();
    if trial.tells_credentials() {
        let digest = installed["sha256"].as_str().expect("a digest");
        assert_eq!(verified["credentialId"], format!("X509SHA256={digest}"));
    }
}

fn signers_choice_and_short_lifetimes(trial: &Trial) {
    let admin = trial.admin();
    let (open, short) = (trial.user("open"), trial.user("short"));
    admin.run(&["request", &open, "--expires", "signer"]).ok();
    let object =
        admin.kubectl(&["get", "csr", &open, "-o", "jsonpath={.spec.expirationSeconds}"]).ok();
    assert_eq!(object.stdout, "");
    admin.run(&["approve", &open, "--yes"]).ok();
    admin.run(&["install", &open]).ok();
    admin.run(&["request", &short, "--expires", "10m"]).ok();
    admin.run(&["approve", &short, "--yes"]).ok();
    admin.run(&["install", &short]).ok().says(&["expires in"]);
    let long = trial.user("long");
    admin.run(&["request", &long, "--expires", "20000d"]).ok();
    admin.run(&["review", &long]).ok().prints(&["long-lifetime"]);
    admin.run(&["approve", &long, "--yes"]).ok();
    admin.run(&["install", &long]).ok().says(&["that were requested"]);
}

fn out_dir(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("dir");
    std::fs::create_dir(admin.home.join("out")).expect("a directory");
    let made = admin.run(&["request", &user, "-g", "dev", "--out-dir", "out"]).ok();
    assert!(admin.pending().is_empty(), "the key is where it was wanted");
    let key = format!("out/{user}.key");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(admin.home.join(&key)).expect("a key").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let install =
        made.stderr.lines().find(|l| l.contains("install")).expect("a line").trim().to_owned();
    assert!(install.contains("--key"), "{install}");
    admin.run(&["approve", &user, "--yes"]).ok();
    admin.run(&["install", "--key", &key, "--", &user]).ok();
    assert_eq!(admin.whoami(&admin.context_of(&user)).0, user);
    // Nothing is ever overwritten.
    admin
        .run(&["request", &user, "--out-dir", "out"])
        .exits(1)
        .says(&["already exists", "nothing was written"]);
}

fn requests_under_impersonation(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("imp");
    let manager = trial.user("manager");
    trial.grant(
        &manager,
        serde_json::json!([{"apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests"], "verbs": ["create"]}]),
    );
    admin.run(&["request", &user, "--as", &manager, "--as-group", "crew"]).ok();
    let review = admin.run(&["review", &user, "-o", "json"]).ok().json();
    assert_eq!(review["requester"], manager.as_str());
    assert!(review["requesterGroups"].to_string().contains("crew"), "{review}");
}

/// Without the right to read, a rerun still knows its own request.
fn only_the_right_to_create(trial: &Trial) {
    let (name, user) = (trial.user("creator"), trial.user("again"));
    let person = trial.nobody_special(&name, &[]);
    trial.grant(
        &name,
        serde_json::json!([{"apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests"], "verbs": ["create"]}]),
    );
    let first = person.run(&["request", &user]).ok().code_shown();
    for _ in 0..2 {
        assert_eq!(person.run(&["request", &user]).ok().prints(&["unchanged"]).code_shown(), first);
    }
    assert_eq!(person.pending().len(), 1);
    person.run(&["install", &user]).exits(1).says(&["Forbidden", "--reply"]);
    let admin = trial.admin();
    admin.run(&["approve", &user, "--expect", &first, "--yes", "--reply", "reply"]).ok();
    person.write("reply", &admin.read("reply"));
    person.run(&["install", &user, "--reply", "reply", "--yes", "--context-name", "mine"]).ok();
    assert_eq!(person.whoami("mine").0, user);
}
