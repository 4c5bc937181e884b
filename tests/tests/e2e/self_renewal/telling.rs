//! What people are told of a renewal that does not come.

use super::{Holder, REQUESTER};
use crate::cases;
use crate::trial::Trial;

cases!(without_the_right_to_ask, of_a_request_made_by_hand);

fn without_the_right_to_ask(trial: &Trial) {
    let Some(holder) = Holder::without_rights(trial, "unable", 2000, 280) else { return };
    let Holder { person, user, context, .. } = &holder;
    let warning = "may not create, get, watch certificatesigningrequests";
    let grant = format!("grant --clusterrole usercert-requester --cluster-wide -- {user}");
    let out = person.run(&["renew", "--auto"]).ok().prints(&["written"]);
    out.says(&["cannot renew itself", warning, &grant]);

    person.kubectl(&["auth", "whoami"]).ok().says(&["could not be renewed", "Forbidden"]);
    let try_now = format!("kubectl usercert renew -- {context}");
    let shown = person.run(&["contexts"]).ok().says(&["is not renewed", "Forbidden", &try_now]);
    shown.prints(&["valid, renewal fails"]);
    let out = person.run(&["verify"]).ok().prints(&["Renewal     fails: ", "Forbidden"]);
    out.says(&[&try_now]);
    for args in [["contexts", "-o", "json"], ["verify", "-o", "json"]] {
        let value = person.run(&args).ok().json();
        let value = if value["items"].is_array() { &value["items"][0] } else { &value };
        let why = value["notRenewed"]["why"].as_str().expect("a reason");
        assert!(why.contains("Forbidden") && value["notRenewed"]["waits"] == false, "{value}");
    }
    person.run(&["renew"]).exits(1).says(&["Forbidden", "an admin can grant this"]);

    trial.grant(user, REQUESTER.clone());
    let out = person.run(&["renew", "--auto"]).ok();
    assert!(!out.stderr.contains("may not"), "{out:?}");
}

fn of_a_request_made_by_hand(trial: &Trial) {
    let Some(holder) = Holder::aged(trial, "begun", 2000, 280) else { return };
    let Holder { person, user, .. } = &holder;
    person.run(&["renew", "--timeout", "0"]).exits(5);
    let name = holder.requests(&trial.admin(), |_| true).remove(0);
    let line = format!("kubectl usercert approve -- {name}");
    let first = person.kubectl(&["auth", "whoami"]).ok();
    first.says(&[user, "waits for an admin (code ", &line]);
    assert_eq!(person.kubectl(&["auth", "whoami"]).ok().stderr, "", "it is told once");
    let shown = person.run(&["contexts"]).ok().says(&["is not renewed", &line]);
    shown.prints(&["valid, renewal waits for an admin"]);
    person.run(&["verify"]).ok().prints(&["Renewal     not yet: it waits for an admin", &line]);
}
