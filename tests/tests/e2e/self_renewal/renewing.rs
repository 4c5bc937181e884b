//! When a renewal is due.

use super::Holder;
use crate::cases;
use crate::trial::Trial;

cases!(
    in_one_call,
    while_it_is_pending,
    after_a_denial,
    by_hand,
    one_at_a_time,
    a_server_that_is_away,
);

fn in_one_call(trial: &Trial) {
    let Some(holder) = Holder::aged(trial, "due", 2000, 280) else { return };
    let (admin, before) = (trial.admin(), holder.stored());
    let config = holder.person.read(".kube/config");
    let out = holder.whoami_while(&admin, &["approve", "--yes", "--"]).ok();
    assert_eq!(out.json()["status"]["userInfo"]["username"], holder.user.as_str());
    holder.collect(&before);
    let after = holder.stored();
    assert_ne!(before["certificate"], after["certificate"]);
    assert_ne!(before["key"], after["key"], "a new key");
    assert_eq!(before["server"], after["server"]);
    assert!(holder.person.pending().is_empty());
    assert_eq!(holder.person.read(".kube/config"), config);
    let (name, groups) = holder.person.whoami(&holder.context);
    assert_eq!(
        (name, &groups[..2]),
        (holder.user.clone(), &["dev".to_owned(), "ops".to_owned()][..])
    );
    let names = holder.requests(&admin, |_| true);
    assert_eq!(names.len(), 1, "{names:?}");
    // By the certificate that it renews, with the same lifetime as before.
    let csr = admin.kubectl(&["get", "csr", &names[0], "-o", "json"]).ok().json();
    assert_eq!(csr["spec"]["username"], holder.user.as_str());
    assert_eq!(csr["spec"]["expirationSeconds"], 2000 + 280 - 300);
    if trial.tells_credentials() {
        let id = &csr["spec"]["extra"]["authentication.kubernetes.io/credential-id"][0];
        assert!(id.as_str().is_some_and(|id| id.starts_with("X509SHA256=")), "{csr}");
    }
}

fn while_it_is_pending(trial: &Trial) {
    let Some(holder) = Holder::aged(trial, "pending", 2000, 280) else { return };
    let cluster = holder.cluster.clone();
    let first = holder.answer(Some(&cluster), &[]).ok();
    let first = first.says(&["waits for an admin", "(code ", "kubectl usercert approve -- "]);
    let answer = first.json();
    let status = &answer["status"];
    assert_eq!(
        (&answer["kind"], &answer["apiVersion"]),
        (&"ExecCredential".into(), &super::V1.into())
    );
    assert_eq!(status["clientCertificateData"], holder.stored()["certificate"]);
    let read = holder.person.run(&["contexts", "-o", "json"]).ok().json();
    let end = read["items"][0]["notAfter"].as_str().expect("an end").to_owned();
    let until = status["expirationTimestamp"].as_str().expect("a time");
    assert!(until < end.as_str(), "{until} is before {end}");
    assert_eq!(holder.person.pending().len(), 1, "the key is kept");
    // The next answer is the same certificate, at once and without a word.
    let second = holder.answer(Some(&cluster), &[]).ok();
    assert_eq!(second.stderr, "");
    assert_eq!(second.json()["status"]["clientKeyData"], status["clientKeyData"]);
    assert_eq!(holder.person.whoami(&holder.context).0, holder.user);
    let admin = trial.admin();
    assert_eq!(holder.requests(&admin, |_| true).len(), 1);

    // Approved in the meantime: whoever comes next takes the same request up.
    holder.when_asked(&admin, &["approve", "--yes", "--"]);
    holder.person.run(&["renew"]).ok().says(&["unchanged"]).prints(&["renews itself from"]);
    let renewed = holder.answer(Some(&cluster), &[]).ok().json();
    assert_ne!(renewed["status"]["clientCertificateData"], status["clientCertificateData"]);
    assert_eq!(holder.requests(&admin, |_| true).len(), 1);
    assert_eq!(holder.person.whoami(&holder.context).0, holder.user);
}

fn after_a_denial(trial: &Trial) {
    let Some(holder) = Holder::aged(trial, "denied", 2000, 280) else { return };
    let (admin, before) = (trial.admin(), holder.stored());
    let deny = ["deny", "--message", "not any more", "--"];
    let mut out = holder.whoami_while(&admin, &deny).ok();
    if !out.stderr.contains("was denied") {
        // The admin was slow: whoever looks next is told.
        std::fs::remove_file(holder.store().join("attempts.json")).expect("a note");
        out = holder.person.kubectl(&["auth", "whoami"]).ok();
    }
    out.says(&["could not be renewed", "was denied", "not any more"]);
    assert_eq!(holder.stored(), before);
    assert!(holder.person.pending().is_empty(), "a denied request is over");
    let again = holder.person.kubectl(&["auth", "whoami"]).ok();
    assert_eq!(again.stderr, "", "not tried again at once");
    assert_eq!(holder.requests(&admin, |_| true).len(), 1);
}

/// `renew` does not wait for the time, and an approved one is found by whoever comes next.
fn by_hand(trial: &Trial) {
    let Some(holder) = Holder::aged(trial, "byhand", 60, 6000) else { return };
    let Holder { person, user, context, .. } = &holder;
    let (admin, before) = (trial.admin(), holder.stored());
    person.run(&["renew", "--timeout", "0", "--expires", "2h"]).exits(5).says(&["still pending"]);
    assert_eq!(holder.stored(), before);
    assert_eq!(person.whoami(context).0, *user);
    holder.when_asked(&admin, &["approve", "--yes", "--"]);
    person.run(&["renew", context]).ok().prints(&["renews itself from"]);
    assert_ne!(holder.stored()["certificate"], before["certificate"]);
    assert!(person.pending().is_empty());
    assert!(person.read(".kube/config").contains("credential"));
    assert_eq!(person.whoami(context).0, *user);
}

fn one_at_a_time(trial: &Trial) {
    let Some(holder) = Holder::aged(trial, "many", 2000, 280) else { return };
    let admin = trial.admin();
    let before = holder.stored();
    std::thread::scope(|scope| {
        let whoami = || holder.person.kubectl(&["auth", "whoami", "-o", "json"]);
        let runs: Vec<_> = (0..8).map(|_| scope.spawn(whoami)).collect();
        holder.when_asked(&admin, &["approve", "--yes", "--"]);
        for run in runs {
            let out = run.join().expect("kubectl ends").ok();
            assert_eq!(out.json()["status"]["userInfo"]["username"], holder.user.as_str());
        }
    });
    holder.collect(&before);
    assert_eq!(holder.requests(&admin, |_| true).len(), 1, "one request");
}

fn a_server_that_is_away(trial: &Trial) {
    let Some(holder) = Holder::aged(trial, "away", 2000, 280) else { return };
    let before = holder.stored();
    let mut gone = before.clone();
    gone["server"] = "https://127.0.0.1:1".into();
    let file = holder.store().join("credential.json");
    std::fs::write(&file, gone.to_string()).expect("a file");
    let mut cluster = holder.cluster.clone();
    cluster["server"] = gone["server"].clone();
    let out = holder.answer(Some(&cluster), &[]).ok();
    let out = out.says(&["could not be renewed", "refused"]);
    assert_eq!(out.json()["status"]["clientCertificateData"], before["certificate"]);
    let again = holder.answer(Some(&cluster), &[]).ok();
    assert_eq!(again.stderr, "", "not tried again at once");
    assert_eq!(holder.person.pending().len(), 1, "the key is kept");
}
