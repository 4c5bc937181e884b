use serde_json::Value;

use super::*;

fn object(conditions: &[&str], certificate: &str) -> Object {
    let conditions: Vec<Value> =
        conditions.iter().map(|t| json!({"type": t, "status": "True"})).collect();
    let value = json!({
        "apiVersion": API_VERSION, "kind": KIND,
        "metadata": {"name": "alice", "uid": "1", "creationTimestamp": null},
        "spec": {"request": "eA==", "signerName": CLIENT_SIGNER, "usages": ["client auth"]},
        "status": {"conditions": conditions, "certificate": certificate},
    });
    Object::from_value(&value).unwrap()
}

#[test]
fn states_as_a_waiting_client_must_read_them() {
    for (conditions, certificate, name) in [
        (&[][..], "", "Pending"),
        (&[], "eA==", "Pending"),
        (&["Approved"], "", "Approved"),
        (&["Approved"], "eA==", "Issued"),
        (&["Approved", "Failed"], "", "Failed"),
        (&["Failed"], "", "Failed"),
        (&["Approved", "Denied"], "eA==", "Denied"),
        (&["Custom"], "", "Pending"),
    ] {
        assert_eq!(object(conditions, certificate).state().name(), name, "{conditions:?}");
    }
}

#[test]
fn a_missing_condition_status_counts_as_true_and_false_does_not() {
    let mut o = object(&["Approved"], "");
    o.status.conditions[0].status = String::new();
    assert_eq!(o.state(), State::Approved);
    o.status.conditions[0].status = "False".to_owned();
    assert_eq!(o.state(), State::Pending);
}

#[test]
fn only_the_very_same_request_is_the_same() {
    let a = object(&[], "");
    assert!(a.same_request(&object(&["Approved"], "")), "the status may differ");
    assert_eq!(a.digest(), object(&["Approved"], "").digest());
    for change in [
        |o: &mut Object| o.metadata.uid = "2".into(),
        |o: &mut Object| o.spec.request = "eQ==".into(),
        |o: &mut Object| o.spec.signer_name = "x/y".into(),
        |o: &mut Object| o.spec.usages.push("any".into()),
        |o: &mut Object| o.spec.expiration_seconds = Some(600),
        |o: &mut Object| o.spec.username = "eve".into(),
        |o: &mut Object| o.spec.groups.push("g".into()),
        |o: &mut Object| {
            o.spec.extra.insert("k".into(), vec![]);
        },
    ] {
        let mut b = a.clone();
        change(&mut b);
        assert!(!a.same_request(&b));
        assert_ne!(a.digest(), b.digest());
    }
}

#[test]
fn waiting_tells_the_ends_apart() {
    assert_eq!(progress(None, "1"), Progress::Vanished);
    assert_eq!(progress(Some(&object(&[], "")), "2"), Progress::Replaced);
    assert_eq!(progress(Some(&object(&["Approved"], "eA==")), "1"), Progress::Issued);
    assert_eq!(progress(Some(&object(&[], "")), ""), Progress::Waiting(State::Pending));
    assert!(matches!(progress(Some(&object(&["Denied"], "")), "1"), Progress::Ended(_)));
}

#[test]
fn of_several_requests_the_one_that_is_alive_is_meant() {
    let state =
        |conditions: &[&str], certificate: &str| Some(object(conditions, certificate).state());
    let (pending, denied) = (state(&[], ""), state(&["Denied"], ""));
    let (approved, issued) = (state(&["Approved"], ""), state(&["Approved"], "eA=="));
    for (states, meant) in [
        (vec![pending.clone(), issued.clone()], Some(1)),
        (vec![approved.clone(), pending.clone(), pending.clone()], Some(0)),
        (vec![denied.clone(), pending.clone(), None], Some(1)),
        (vec![pending.clone(), pending], None),
        (vec![approved, issued], None),
        (vec![denied, None], None),
        (vec![], None),
    ] {
        assert_eq!(State::only_live(&states), meant, "{states:?}");
    }
}
