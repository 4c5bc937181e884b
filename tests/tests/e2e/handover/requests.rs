//! Requests as people hand them over, taken in by `approve --from`.

use crate::cases;
use crate::trial::Trial;

cases!(
    what_is_needed_is_said_when_quiet,
    forms_of_requests,
    what_is_refused_at_intake,
    submitted_before_by_somebody_else,
);

fn what_is_needed_is_said_when_quiet(trial: &Trial) {
    let (admin, user) = (trial.admin(), trial.user("quiet"));
    let out = admin.run(&["request", &user, "--wait", "--timeout", "0", "-q"]).exits(5);
    out.says(&["Code ", "kubectl usercert approve -- "]);
    let newcomer = trial.newcomer();
    let offline = ["request", &user, "--offline", "-q"];
    newcomer.run(&offline).ok().says(&["Code "]);
    let json = newcomer.run(&["request", &user, "--offline", "-o", "json"]).ok();
    json.says(&["what is under \"manifest\"", "--withdraw"]).never_shows("the text above");
    let name = newcomer.run(&["request", &user, "--offline", "-o", "name"]).ok();
    name.says(&["with -o yaml"]).never_shows("the text above");
}

fn forms_of_requests(trial: &Trial) {
    let admin = trial.admin();
    let user = trial.user("forms");
    let newcomer = trial.newcomer();
    newcomer.run(&["request", &user, "-g", "dev", "--offline", "--out-dir", "."]).ok();
    let pem = newcomer.read(&format!("{user}.csr"));
    let yaml = newcomer.read(&format!("{user}.yaml"));
    newcomer
        .tool("openssl", &["req", "-in", &format!("{user}.csr"), "-outform", "DER", "-out", "der"])
        .ok();
    let der = std::fs::read(newcomer.home.join("der")).expect("a file");
    let verbose =
        newcomer.tool("openssl", &["req", "-in", &format!("{user}.csr"), "-text"]).ok().stdout;
    let base64 = newcomer.tool("base64", &["-w0", &format!("{user}.csr")]).ok().stdout;
    let quoted: String = pem.lines().map(|l| format!("> {l}\r\n")).collect();
    let forms: [(&str, Vec<u8>); 9] = [
        ("PEM", pem.clone().into()),
        ("YAML", yaml.clone().into()),
        ("DER", der),
        ("openssl -text", verbose.into()),
        ("base64", base64.into()),
        ("quoted mail", format!("Hello,\r\n\r\n{quoted}\r\nBye").into()),
        ("CRLF", pem.replace('\n', "\r\n").into()),
        ("BOM", format!("\u{feff}{pem}").into()),
        ("indented", pem.lines().map(|l| format!("    {l}\n")).collect::<String>().into()),
    ];
    let code = newcomer.run_with(&["inspect", "-o", "json"], pem.as_bytes()).ok().json()["items"]
        [0]["properties"]["code"]
        .clone();
    for (form, input) in forms {
        let review = admin.run_with(&["review", "--from", "-", "-o", "json"], &input).ok().json();
        assert_eq!(review["user"], user.as_str(), "{form}");
        assert_eq!(review["code"], code, "{form}");
    }
}

fn what_is_refused_at_intake(trial: &Trial) {
    let admin = trial.admin();
    let newcomer = trial.newcomer();
    let user = trial.user("intake");
    newcomer.run(&["request", &user, "--offline", "--out-dir", "."]).ok();
    let pem = newcomer.read(&format!("{user}.csr"));
    let key = newcomer.read(&format!("{user}.key"));
    let cases = [
        (String::new(), "it is empty"),
        (format!("{pem}{key}"), "private key"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n".to_owned(), "Secret"),
        ("hello".to_owned(), "neither a certificate request"),
        (pem.replace("REQUEST-----\n", "REQUEST-----\nAAAA"), "cannot be read"),
        (pem.replace("END CERTIFICATE REQUEST", "END CERTIFICATE"), "damaged"),
    ];
    for (input, says) in cases {
        let out = admin
            .run_with(&["approve", "--from", "-", "--yes"], input.as_bytes())
            .exits(1)
            .says(&[says]);
        out.never_shows(key.lines().nth(1).expect("a line"));
    }
    // Labels, owners and finalizers of a foreign manifest are left behind.
    let yaml = newcomer.read(&format!("{user}.yaml"));
    let name_line = yaml.lines().find(|l| l.trim_start().starts_with("name:")).expect("a name");
    let decorated = yaml.replace(
        name_line,
        &format!("{name_line}\n  labels: {{a: b}}\n  finalizers: [x/y]\n  annotations: {{c: d}}"),
    );
    admin.run_with(&["approve", "--from", "-", "--yes"], decorated.as_bytes()).ok();
    let metadata = admin
        .kubectl(&[
            "get",
            "csr",
            &user,
            "-o",
            "jsonpath={.metadata.labels}{.metadata.finalizers}{.metadata.annotations}",
        ])
        .ok();
    assert_eq!(metadata.stdout, "");
}

/// A request that lies there already is judged with its requester, as any in the cluster.
fn submitted_before_by_somebody_else(trial: &Trial) {
    let (user, eve) = (trial.user("taken"), trial.user("eve"));
    let yaml = trial.newcomer().run(&["request", &user, "--offline", "-o", "yaml"]).ok().stdout;
    let rule = serde_json::json!([{"apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests"], "verbs": ["create"]}]);
    trial.grant(&eve, rule);
    let stranger = trial.nobody_special(&eve, &[]);
    let admin = trial.admin();
    for person in [&stranger, &admin] {
        person.write("r.yaml", &yaml);
    }
    admin.write("strict", "apiVersion: usercert/v1\nkind: Policy\nrequester: {users: [nobody]}\n");
    stranger.kubectl(&["create", "--validate=false", "-f", "r.yaml"]).ok();
    let approve = ["approve", "--from", "r.yaml"];
    let strict = [&approve[..], &["--policy", "strict", "--yes"]].concat();
    admin.run(&strict).exits(3).says(&[
        &format!("the policy does not let {eve} submit requests for {user}"),
        "--accept policy-requester",
    ]);
    // Somebody who is asked is asked again, now that it turns out to be another's.
    let mut terminal = admin.on_terminal(&approve);
    assert!(!terminal.asked().contains(&eve));
    terminal.press("y");
    assert!(terminal.asked().contains(&format!("Submitted by {eve}")));
    terminal.answer("n").exits(3);
    let state = ["get", "csr", &user, "-o", "jsonpath={.status.conditions}"];
    assert_eq!(admin.kubectl(&state).ok().stdout, "");
    let yes = [&approve[..], &["--yes", "-o", "json"]].concat();
    let done = admin.run(&yes).ok().says(&["This request was submitted before"]).json();
    assert_eq!(done["findings"][0]["code"], "requester-differs");

    // What an interrupted run of one's own has left is one's own.
    let user = trial.user("left");
    let yaml = trial.newcomer().run(&["request", &user, "--offline", "-o", "yaml"]).ok().stdout;
    admin.write("r.yaml", &yaml);
    admin.kubectl(&["create", "--validate=false", "-f", "r.yaml"]).ok();
    admin.run(&strict).ok();
}
