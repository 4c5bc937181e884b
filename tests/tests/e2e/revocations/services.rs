//! What is revoked, where services sign and note: with exactly the rights that they print.

use std::process::Command;

use serde_json::json;

use super::own_server;
use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    the_signer_sees_the_list,
    a_renewal_without_a_true_record,
    a_damaged_record,
    a_name_that_nobody_knows,
    an_unblocked_user_with_blocked_certificates,
    somebody_who_may_only_revoke
);

fn installed(trial: &Trial) -> Option<(Trial, Person)> {
    let (trial, _) = own_server(trial)?;
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    Some((trial, admin))
}

fn the_signer_sees_the_list(trial: &Trial) {
    let Some((trial, admin)) = installed(trial) else { return };
    const SIGNER: &str = "example.com/people";
    admin.run(&["ca", "init", "--name", "people"]).ok();
    let printed = admin.run(&["ca", "serve", "--signer", SIGNER, "--print-rbac"]).ok();
    admin.write("signer.yaml", &printed.stdout);
    admin.kubectl(&["create", "--validate=false", "-f", "signer.yaml"]).ok();
    let role = "usercert-signer:example.com:people";
    let bot = trial.nobody_special("bot", &[]);
    let bind = ["create", "clusterrolebinding", "bot", "--clusterrole", role, "--user=bot"];
    admin.kubectl(&bind).ok();
    let bind = ["create", "rolebinding", "bot", "-n", "default", "--role", role, "--user=bot"];
    admin.kubectl(&bind).ok();
    for file in ["ca.crt", "ca.key"] {
        bot.write(file, &admin.read(file));
    }
    let serve = ["ca", "serve", "--signer", SIGNER, "--once"];
    admin.run(&["request", "zed", "--signer", SIGNER]).ok();
    admin.run(&["revoke", "zed", "--all-certificates", "--yes"]).ok();
    admin.kubectl(&["certificate", "approve", "zed"]).ok();
    bot.run(&serve)
        .exits(3)
        .says(&["zed is not signed for now", "[revoked-user]"])
        .never_shows("no event");
    let events = admin.kubectl(&["get", "events", "-n", "default", "-o", "json"]).ok().json();
    let items = events["items"].as_array().expect("a list");
    assert!(items.iter().any(|e| e["reason"] == "UsercertNotSigned"), "{events}");
    // Where it may not look, it signs nothing.
    let removed = json!([{ "op": "remove", "path": "/rules/4" }]).to_string();
    admin.kubectl(&["patch", "clusterrole", role, "--type=json", "-p", &removed]).ok();
    admin.run(&["request", "ann", "--signer", SIGNER]).ok();
    admin.run(&["approve", "ann", "--yes"]).ok();
    bot.run(&serve).exits(1).says(&[
        "ann is not signed for now: you may not read the list of revoked certificates",
        "--print-rbac",
    ]);
    let ann = admin.kubectl(&["get", "csr", "ann", "-o", "json"]).ok().json();
    assert!(ann["status"]["certificate"].is_null(), "{ann}");
    // Once it may, it comes back to what it has left.
    let serving = bot.serving(&serve[..4], "ann is not signed for now");
    let rule = json!({ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"] });
    let added = json!([{ "op": "add", "path": "/rules/-", "value": rule }]).to_string();
    admin.kubectl(&["patch", "clusterrole", role, "--type=json", "-p", &added]).ok();
    let signed = ["wait", "--for=jsonpath={.status.certificate}", "csr/ann", "--timeout=60s"];
    admin.kubectl(&signed).ok();
    serving.stop().ok();
}

/// SHA-256 of the certificate in a kubeconfig.
fn sha256(person: &Person, file: &str) -> String {
    let script = "import base64, hashlib, re, sys\n\
        text = open(sys.argv[1]).read()\n\
        pem = base64.b64decode(re.search('client-certificate-data: (\\\\S+)', text)[1]).decode()\n\
        body = ''.join(pem.split('-----')[2].split())\n\
        print(hashlib.sha256(base64.b64decode(body)).hexdigest())";
    let path = person.home.join(file);
    let out = Command::new("python3").args(["-c", script]).arg(path).output().expect("Python");
    assert!(out.status.success(), "{out:?}");
    String::from_utf8(out.stdout).expect("text").trim().to_owned()
}

/// The service that approves renewals has noted one that no record tells of.
fn a_renewal_without_a_true_record(trial: &Trial) {
    let Some((trial, admin)) = installed(trial) else { return };
    trial.nobody_special("mallory", &[]);
    admin.run(&["create", "mallory", "--standalone", "old.conf", "--yes"]).ok();
    admin.run(&["create", "mallory", "--standalone", "new.conf", "--yes"]).ok();
    let (old, new) = (sha256(&admin, "old.conf"), sha256(&admin, "new.conf"));
    let descent = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {
            "name": format!("descent-{new}"), "namespace": "usercert-system",
            "labels": { "usercert/kind": "descent" },
            "annotations": { "usercert/certificate": format!("X509SHA256={new}"),
                             "usercert/user": "mallory", "usercert/until": "2099-01-01T00:00:00Z" },
        },
        "spec": { "holderIdentity": format!("X509SHA256={old}") },
    });
    admin.write("descent.json", &descent.to_string());
    admin.kubectl(&["create", "--validate=false", "-f", "descent.json"]).ok();
    // Neither its request is left, nor its record.
    admin.kubectl(&["delete", "csr", "--all"]).ok();
    let record = format!("certificate-{new}");
    admin.kubectl(&["delete", "configmap", "-n", "usercert-system", &record]).ok();
    let whole = admin.run(&["revoke", "mallory", "--dry-run=client"]).ok();
    let short = |print: &str| print[..16].to_owned();
    for print in [&old, &new] {
        assert!(whole.stdout.contains(&short(print)), "{print}: {}", whole.stdout);
    }
    whole.prints(&[&format!("noted as a renewal of {}", short(&old))]);
    let family = admin.run(&["revoke", "--certificate", &old, "--dry-run=client"]).ok();
    family.prints(&[&short(&new)]);
}

fn a_damaged_record(trial: &Trial) {
    let Some((_trial, admin)) = installed(trial) else { return };
    admin.run(&["create", "jane", "--standalone", "jane.conf", "--yes"]).ok();
    let name = format!("certificate-{}", sha256(&admin, "jane.conf"));
    let map = ["get", "configmap", "-n", "usercert-system", &name, "-o", "json"];
    let mut record = admin.kubectl(&map).ok().json();
    let other = format!("certificate-{}", "0".repeat(64));
    record["metadata"] = json!({ "name": other, "namespace": "usercert-system",
                                 "labels": record["metadata"]["labels"] });
    admin.write("record.json", &record.to_string());
    admin.kubectl(&["create", "--validate=false", "-f", "record.json"]).ok();
    let revoked = admin.run(&["revoke", "jane", "--yes"]).exits(1);
    let revoked =
        revoked.says(&["damaged record, so a certificate of the user may not be known", &other]);
    revoked.prints(&["of jane (", "blocked: refused"]);
}

fn a_name_that_nobody_knows(trial: &Trial) {
    let Some((_trial, admin)) = installed(trial) else { return };
    let block = ["revoke", "alcie", "--all-certificates", "--reason", "stolen"];
    let mut terminal = admin.on_terminal(&block);
    terminal.asked();
    terminal.press("y");
    terminal.says("check the name");
    terminal.asked();
    terminal.answer("n").exits(3);
    admin.run(&["revocations", "list"]).ok().never_shows("alcie");
    let blocked = admin.run(&[&block[..], &["--yes"]].concat()).exits(1);
    let blocked = blocked.says(&["of the user alcie is known here; check the name"]);
    blocked.prints(&["every certificate of alcie"]);
    // Of one who has only asked there is something.
    admin.run(&["request", "alice"]).ok();
    admin.run(&["revoke", "alice", "--all-certificates", "--yes"]).ok();
}

fn an_unblocked_user_with_blocked_certificates(trial: &Trial) {
    let Some((_trial, admin)) = installed(trial) else { return };
    admin.run(&["create", "jim", "--standalone", "jim.conf", "--yes"]).ok();
    admin.run(&["revoke", "jim", "--yes"]).ok();
    admin.run(&["revoke", "jim", "--all-certificates", "--yes"]).ok();
    let print = sha256(&admin, "jim.conf");
    let lifted = admin.run(&["revocations", "lift", "user/jim", "--yes"]).ok();
    lifted.says(&["still on the list", &format!("revocations lift {print}")]);
    admin.run(&["revocations", "lift", &print, "--yes"]).ok().never_shows("still on the list");
    // Again, while somebody else is blocked: an exception would outlive the next block.
    admin.run(&["request", "bob"]).ok();
    admin.run(&["revoke", "bob", "--all-certificates", "--yes"]).ok();
    admin.run(&["revocations", "lift", &print, "--yes"]).exits(1).says(&["is not revoked here"]);
    admin.run(&["revoke", "jim", "--all-certificates", "--yes"]).ok();
    // Its owner's block has an exception of it, which the next block ends.
    admin.run(&["revocations", "lift", &print, "--yes"]).ok().prints(&["excepted"]);
    admin.run(&["revoke", "jim", "--all-certificates", "--yes"]).ok();
    admin.run(&["revocations", "list", "-o", "name"]).ok().never_shows("except/");
}

/// The role for it gives no view of role bindings: certificates are blocked all the same.
fn somebody_who_may_only_revoke(trial: &Trial) {
    let Some((trial, admin)) = installed(trial) else { return };
    admin.run(&["create", "alice", "--standalone", "alice.conf", "--yes"]).ok();
    let revoker = trial.nobody_special("revoker", &[]);
    let bind = ["create", "clusterrolebinding", "revoker", "--clusterrole=usercert-revoker"];
    admin.kubectl(&[&bind[..], &["--user=revoker"]].concat()).ok();
    let requests = ["--verb=get,list,watch", "--resource=certificatesigningrequests"];
    admin.kubectl(&[&["create", "clusterrole", "requests"][..], &requests].concat()).ok();
    let bind = ["create", "clusterrolebinding", "requests", "--clusterrole=requests"];
    admin.kubectl(&[&bind[..], &["--user=revoker"]].concat()).ok();
    let out = revoker.run(&["revoke", "alice", "--yes"]).exits(1);
    let out = out.says(&["cannot list", "only role bindings that could be seen are looked at"]);
    out.prints(&["of alice (", "blocked: refused for writes"]);
}
