//! Tests that somebody has made show nothing: what is refused is claimed only if what should pass does.

use serde_json::{Value, json};

use super::{MAP, becomes, own_server, patch, powerful};
use crate::cases;
use crate::trial::{Person, Trial};

cases!(a_blocked_tester_is_told_and_nothing_is_claimed, the_words_of_another_policy_are_no_refusal,);

const LIST: [&str; 2] = ["revocations", "list"];
const REVOKE: [&str; 4] = ["revoke", "--certificate", "alice.conf", "--yes"];

/// An API server with the mechanism, and the admin, who has the file of somebody powerful.
fn stage(trial: &Trial) -> Option<(Trial, Person)> {
    let (trial, _) = own_server(trial)?;
    let admin = trial.admin();
    admin.run(&["revocations", "install", "--yes"]).ok();
    admin.write("alice.conf", &powerful(&trial, "alice").read(".kube/config"));
    Some((trial, admin))
}

fn a_blocked_tester_is_told_and_nothing_is_claimed(trial: &Trial) {
    let Some((_trial, admin)) = stage(trial) else { return };
    admin
        .run(&["revoke", "usercert-probe", "--all-certificates", "--yes"])
        .exits(3)
        .says(&["impersonate the user usercert-probe"]);
    // Whoever may write the list can do it by hand.
    let entry = "\nuser.75736572636572742d70726f6265 2026-11-30 planted\n";
    patch(&admin, &MAP, &json!({ "data": { "users": entry } }));
    let nothing = "a certificate that is not on the list is refused too, so the test shows nothing";
    let told =
        [nothing, "WARNING: the list blocks the user usercert-probe", "lift user/usercert-probe"];
    admin.run(&LIST).exits(1).prints(&told);
    admin.run(&["doctor"]).ok().prints(&[nothing, "the list blocks the user usercert-probe"]);
    admin
        .run(&REVOKE)
        .exits(1)
        .prints(&[&format!("cannot tell whether it is blocked: {nothing}")])
        .never_shows("blocked: refused");
    let value = admin.run(&[&REVOKE[..], &["-o", "json"]].concat()).exits(1).json();
    let one = &value["certificates"][0];
    assert_eq!(
        (&one["state"], &one["enforcement"]["admission"]),
        (&json!("unknown"), &json!("unknown"))
    );
    let list = admin.run(&[&LIST[..], &["-o", "json"]].concat()).exits(1).json();
    assert_eq!(list["policy"]["inForce"], Value::Null);
    admin.run(&["revocations", "lift", "user/usercert-probe", "--yes"]).ok();
    admin.run(&REVOKE).ok().prints(&["already blocked: refused for writes"]);
    admin.run(&LIST).ok().prints(&["refuses writes, exec and proxy (tested)"]);
}

fn the_words_of_another_policy_are_no_refusal(trial: &Trial) {
    let Some((trial, admin)) = stage(trial) else { return };
    // The sandbox evaluates no policy but ours.
    if trial.backend.sandbox().is_some() {
        return;
    }
    let bob = powerful(&trial, "bob");
    admin.write("bob.conf", &bob.read(".kube/config"));
    admin.run(&["revoke", "--certificate", "bob.conf", "--yes"]).ok();
    let create = ["create", "serviceaccount", "made", "--dry-run=server"];
    // Made anew, ours goes by the list as it is now, so that it does not refuse what comes.
    for kind in ["validatingadmissionpolicybinding", "validatingadmissionpolicy"] {
        admin.kubectl(&["delete", kind, "usercert-revoked-certificates"]).ok();
    }
    becomes(|| bob.kubectl(&create), false).ok();
    admin.run(&["revocations", "install", "--yes"]).exits(1);
    let ours = "'usercert-revoked-certificates'";
    let words = format!(
        "ValidatingAdmissionPolicy {ours} with binding {ours} denied request: this client certificate was revoked: x"
    );
    let api = "admissionregistration.k8s.io/v1";
    let anything = json!([{ "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"] }]);
    let policy = json!({
        "apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": { "name": "other" },
        "spec": {
            "matchConstraints": { "resourceRules": anything },
            "matchConditions": [{ "name": "tester", "expression": "request.userInfo.username == 'usercert-probe'" }],
            "validations": [{ "expression": "false", "message": words }],
        },
    });
    let binding = json!({
        "apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": { "name": "other" },
        "spec": { "policyName": "other", "validationActions": ["Deny"] },
    });
    for object in [policy, binding] {
        admin.write("other.json", &object.to_string());
        admin.kubectl(&["create", "-f", "other.json"]).ok();
    }
    let tester = ["--as=usercert-probe", "--as-group=system:masters"];
    becomes(|| admin.kubectl(&[&create[..], &tester].concat()), true).exits(1);
    admin.run(&REVOKE).exits(1).prints(&["not blocked: it is on the list"]);
    admin.run(&LIST).exits(1);
}
