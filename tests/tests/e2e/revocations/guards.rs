//! What a revocation must not do: block oneself or the cluster by mistake, or hide what it does not know.

use super::{becomes, own_server, powerful};
use crate::cases;
use crate::trial::{Person, Trial};

cases!(
    ones_own_certificate_is_found_behind_as_too,
    a_sha256_is_looked_up_before_it_is_blocked,
    what_has_no_known_end_is_told,
    whoever_is_revoked_is_told_which_context,
    a_ca_without_a_cluster_reads_the_list_from_a_file,
);

fn sha256(person: &Person, file: &str) -> String {
    let found = person.run(&["inspect", file, "-o", "json"]);
    let text = found.stdout;
    let at = text.find("\"sha256\":").expect("a SHA-256");
    let digits: String = text[at + 9..].chars().filter(char::is_ascii_hexdigit).take(64).collect();
    assert_eq!(digits.len(), 64, "{text}");
    digits
}

fn ones_own_certificate_is_found_behind_as_too(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let (admin, boss) = (trial.admin(), powerful(&trial, "boss"));
    admin.run(&["revocations", "install", "--yes"]).ok();
    powerful(&trial, "other");
    let own = ["revoke", "--certificate", ".kube/config", "--yes", "--as", "other"];
    boss.run(&own).exits(3).says(&["this is the certificate that you are using"]);
    let name = ["revoke", "boss", "--all-certificates", "--yes", "--as", "other"];
    boss.run(&name).exits(3).says(&["this is your own user"]);
    boss.kubectl(&["create", "serviceaccount", "x", "--dry-run=server"]).ok();
    // Somebody else's can be blocked that way, and the list names both.
    let alice = powerful(&trial, "alice");
    boss.write("alice.conf", &alice.read(".kube/config"));
    boss.run(&["revoke", "--certificate", "alice.conf", "--yes", "--as", "other"])
        .exits(1)
        .prints(&["cannot tell whether it is blocked: you act as somebody else"]);
    admin.run(&["revocations", "list"]).ok().prints(&["(by boss as other)"]);
}

fn a_sha256_is_looked_up_before_it_is_blocked(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    // A component's certificate, in another entry of the kubeconfig.
    admin.run(&["ca", "init", "--name", "x", "--ca-cert", "c.crt", "--ca-key", "c.key"]).ok();
    let sign = ["ca", "sign", "--profile", "scheduler", "--ca-cert", "c.crt", "--ca-key", "c.key"];
    let into = ["--new-key", "s.key", "--out", "s.crt", "--yes"];
    admin.run(&[&sign[..], &into].concat()).ok();
    let print = sha256(&admin, "s.crt");
    let entry = ["config", "set-credentials", "scheduler", "--client-certificate=s.crt"];
    let embed = ["--client-key=s.key", "--embed-certs"];
    admin.kubectl(&[&entry[..], &embed].concat()).ok();
    admin
        .run(&["revoke", "--certificate", &print, "--yes"])
        .exits(3)
        .says(&["user entry scheduler", "belongs to the cluster itself"]);
    // One that nobody here knows takes a second yes.
    let unknown = "ab".repeat(32);
    let mut terminal = admin.on_terminal(&["revoke", "--certificate", &unknown]);
    assert!(terminal.asked().contains("Block it on "));
    terminal.press("y");
    assert!(terminal.says("without knowing").contains("is unknown"));
    terminal.answer("n").exits(3);
    admin.run(&["revocations", "list"]).ok().prints(&["Nothing is revoked."]);
    admin
        .run(&["revoke", "--certificate", &unknown, "--yes"])
        .ok()
        .says(&["warning: the holder of this certificate is unknown"])
        .prints(&["blocked, unless its user is a component (system:…): refused for writes"]);
    // The requests of the cluster tell whose it is, and until when.
    admin.run(&["request", "carol"]).ok();
    admin.run(&["approve", "carol", "--yes"]).ok();
    let issued = ["get", "csr", "carol", "-o", "jsonpath={.status.certificate}"];
    let pem = becomes(|| admin.kubectl(&issued), false).ok().stdout;
    admin.write("carol.b64", &pem);
    let print = sha256(&admin, "carol.b64");
    admin
        .run(&["revoke", "--certificate", &print, "--yes"])
        .ok()
        .prints(&["of carol (request carol) blocked"]);
}

fn what_has_no_known_end_is_told(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    let unknown = "cd".repeat(32);
    admin.run(&["revoke", "--certificate", &unknown, "--yes"]).ok();
    admin.run(&["revocations", "list"]).ok().prints(&["no known expiry"]);
    admin.run(&["revocations", "prune"]).ok().prints(&[
        "Nothing to remove.",
        "The expiry of one certificate is unknown; until lifted, it stays:",
        &unknown,
    ]);
    // An exception without a block is called so, by the id that `list` has.
    let key = format!("{{\"data\":{{\"except.{unknown}\":\"x\\nuser: bob\"}}}}");
    let patch = ["patch", "configmap", "-n", "usercert-system", "revoked-certificates"];
    admin.kubectl(&[&patch[..], &["--type=merge", "-p", &key]].concat()).ok();
    admin
        .run(&["revocations", "prune", "--yes"])
        .ok()
        .prints(&[&format!("exception for certificate {unknown} of bob removed")])
        .never_shows("except.");
}

fn whoever_is_revoked_is_told_which_context(trial: &Trial) {
    let Some((trial, file)) = own_server(trial) else { return };
    let (admin, alice) = (trial.admin(), powerful(&trial, "alice"));
    admin.run(&["revocations", "install", "--yes"]).ok();
    alice.run(&["contexts", "--check-revoked"]).ok().prints(&["valid"]).never_shows("not known");
    // Without the right to read the list it is not known, and nothing is claimed.
    let nobody = trial.nobody_special("nobody", &[]);
    nobody.run(&["contexts", "--check-revoked"]).ok().prints(&["valid"]).says(&[
        "cannot tell whether it was revoked: you may not read the list of revoked certificates",
    ]);
    for person in [&alice, &nobody] {
        admin.write("one.conf", &person.read(".kube/config"));
        admin.run(&["revoke", "--certificate", "one.conf", "--reason", "lost", "--yes"]).ok();
    }
    // Nothing is asked unless it is told to.
    alice.run(&["contexts"]).ok().prints(&["valid"]).never_shows("revoked");
    alice.run(&["contexts", "--check-revoked"]).ok().prints(&["revoked"]).never_shows("valid");
    let value = alice.run(&["contexts", "--check-revoked", "-o", "json"]).ok().json();
    assert_eq!(value["items"][0]["revoked"], true);
    let said = ["WARNING      this certificate was revoked: 20", "lost"];
    alice.run(&["doctor"]).ok().prints(&said);
    let diagnosis = alice.run(&["doctor", "-o", "json"]).ok().json();
    assert_eq!(diagnosis["certificate"]["revoked"], true);
    let unknown = "cannot tell whether";
    nobody
        .run(&["verify"])
        .ok()
        .says(&[unknown, "you may not read the list of revoked certificates"]);
    nobody.run(&["doctor"]).ok().prints(&[unknown]);
    assert_eq!(
        nobody.run(&["verify", "-o", "json"]).ok().json()["revoked"],
        serde_json::Value::Null
    );
    alice.run(&["verify"]).exits(1).says(&["was revoked: 20", "lost", "user alice, context "]);
    let sync = ["revocations", "sync", "--once", "--authorization-config"];
    admin.run(&[&sync[..], &[file.to_str().expect("UTF-8")]].concat()).ok();
    nobody.run(&["contexts", "--check-revoked"]).ok().prints(&["revoked"]);
}

fn a_ca_without_a_cluster_reads_the_list_from_a_file(trial: &Trial) {
    let Some((trial, _)) = own_server(trial) else { return };
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    admin.run(&["revoke", "alice", "--all-certificates", "--reason", "left", "--yes"]).exits(1);
    let get = ["get", "configmap", "-n", "usercert-system", "revoked-certificates", "-o"];
    admin.write("list.yaml", &admin.kubectl(&[&get[..], &["yaml"]].concat()).ok().stdout);
    admin.write("list.json", &admin.kubectl(&[&get[..], &["json"]].concat()).ok().stdout);
    admin.run(&["ca", "init", "--name", "x", "--ca-cert", "c.crt", "--ca-key", "c.key"]).ok();
    let key = ["ca", "sign", "--ca-cert", "c.crt", "--ca-key", "c.key", "--yes"];
    for (name, list, exit) in
        [("alice", "list.yaml", 3), ("alice", "list.json", 3), ("bob", "list.yaml", 0)]
    {
        let csr = format!("{name}.csr");
        let subject = format!("/CN={name}");
        let make = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", &subject];
        admin.tool("openssl", &[&make[..], &["-keyout", "k.key", "-out", &csr]].concat()).ok();
        let out = admin.run(&[&key[..], &["--revocations", list, &csr]].concat()).exits(exit);
        if exit == 3 {
            out.says(&["certificates are revoked", "left", "[revoked-user]"])
                .never_shows("BEGIN CERT");
            // Where it is not asked for, nothing is known of it.
            admin.run(&[&key[..], &[&csr]].concat()).ok();
        } else {
            out.says(&["compared with the list in list.yaml"]);
        }
    }
    let new = ["--name", "alice", "--new-key", "n.key", "--out", "n.crt"];
    admin
        .run(&[&key[..], &new, &["--revocations", "list.yaml"]].concat())
        .exits(3)
        .says(&["[revoked-user]"]);
    assert!(!admin.has("n.key") && !admin.has("n.crt"), "nothing is left of what was refused");
    admin
        .run(&[&key[..], &["--revocations", "c.crt", "bob.csr"]].concat())
        .exits(1)
        .says(&["c.crt"]);
}
