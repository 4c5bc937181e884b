use super::*;
use crate::lifecycle::enforcement::{Effect, Holder, Owner};

fn objects(policy: ObjectState, binding: ObjectState) -> Vec<(String, ObjectState)> {
    vec![("policy/x".to_owned(), policy), ("binding/x".to_owned(), binding)]
}

fn seen(admission: &Seen, authorization: &Seen) -> Enforcement {
    Enforcement { admission: admission.clone(), authorization: authorization.clone() }
}

fn of(list: Listed, objects: &[(String, ObjectState)], tried: &[Enforcement]) -> Verdict {
    Verdict::of(&Evidence { list, objects: Ok(objects), tried })
}

use ObjectState::{Absent, AsIntended};
use Seen::{Passes, Refuses};

#[test]
fn every_entry_that_was_tried_counts() {
    let fine = objects(AsIntended, AsIntended);
    let (both, first, none) =
        (seen(&Refuses, &Refuses), seen(&Refuses, &Passes), seen(&Passes, &Passes));
    let all = of(Listed::Complete, &fine, &[both.clone(), both.clone()]);
    assert!(!all.is_alarming() && all.in_force() == Some(true));
    assert_eq!(all.authorization, Standing::Refuses);
    // An authorization configuration that nobody has set up is no alarm; one that is behind is.
    assert!(!of(Listed::Complete, &fine, std::slice::from_ref(&first)).is_alarming());
    let behind = of(Listed::Complete, &fine, &[both.clone(), first.clone(), first]);
    assert_eq!(behind.authorization, Standing::Behind { passed: 2, tried: 3 });
    assert!(behind.is_alarming());
    assert!(behind.authorization_in_words().contains("2 of 3 tested"));
    assert!(behind.authorization_in_words().contains("revocations sync"));
    let half = of(Listed::Complete, &fine, &[both, none.clone()]);
    assert_eq!(half.admission, Standing::Behind { passed: 1, tried: 2 });
    // Objects as they should be that refuse nothing.
    let idle = of(Listed::Complete, &fine, &[none]);
    assert_eq!((idle.is_alarming(), idle.in_force()), (true, Some(false)));
    assert!(idle.admission_in_words().contains("restart the API server"));
}

#[test]
fn a_control_that_is_refused_is_an_alarm() {
    let fine = objects(AsIntended, AsIntended);
    let all = seen(&Refuses, &Refuses);
    for (control, admission, authorization) in [
        (seen(&Refuses, &Passes), Standing::Blind, Standing::Refuses),
        (seen(&Passes, &Refuses), Standing::Refuses, Standing::Blind),
    ] {
        let tried = [all.clone().beside(&control), all.clone()];
        let verdict = of(Listed::Complete, &fine, &tried);
        assert_eq!((&verdict.admission, &verdict.authorization), (&admission, &authorization));
        assert!(verdict.is_alarming());
        let words = verdict.admission_in_words() + &verdict.authorization_in_words();
        assert!(words.contains("WARNING: unknown: a certificate that is not on the list"));
    }
    let data = serde_json::json!({ "data": {
        super::super::RevocationKey::test().to_string(): "x",
        "users": "\nuser.75736572636572742d70726f6265 x\n",
    } });
    let listed = Listed::of(&RevocationList::read(&data));
    let verdict = of(listed, &fine, &[all]);
    assert!(verdict.is_alarming() && verdict.list.unwrap().contains("lift user/usercert-probe"));
}

#[test]
fn a_change_outranks_the_trial() {
    let changed = ObjectState::Changed(vec!["spec.validationActions".to_owned()]);
    let tried = [seen(&Refuses, &Passes)];
    let verdict = of(Listed::Complete, &objects(AsIntended, changed), &tried);
    let words = verdict.admission_in_words();
    assert!(words.contains("binding/x was changed: spec.validationActions"), "{words}");
    assert!(words.contains("install` restores it") && verdict.is_alarming());
    let [tested] = tried.clone();
    let weighed = verdict.weigh(tested.clone());
    assert_eq!(weighed.effect(Owner::Person), Effect::Unknown);
    assert!(weighed.line(&Holder::default()).contains("was changed: spec.validationActions"));
    // The API server's file refuses whatever became of the policy.
    assert_eq!(verdict.weigh(seen(&Refuses, &Refuses)).effect(Owner::Person), Effect::Blocked);
    assert_eq!(verdict.weigh(seen(&Passes, &Passes)), seen(&Passes, &Passes));
    let fine = of(Listed::Complete, &objects(AsIntended, AsIntended), &tried);
    assert_eq!(fine.weigh(tested.clone()), tested);
    let removed = of(Listed::Complete, &objects(AsIntended, Absent), &tried);
    assert!(removed.admission_in_words().contains("not enforced: binding/x is missing"));
}

#[test]
fn a_list_that_is_gone_or_emptied_is_an_alarm_and_none_at_all_is_not() {
    let fine = objects(AsIntended, AsIntended);
    for list in [Listed::Absent, Listed::Emptied, Listed::Immutable] {
        let verdict = of(list, &fine, &[]);
        assert!(verdict.is_alarming() && verdict.list.is_some(), "{list:?}");
    }
    let nothing = of(Listed::Absent, &objects(Absent, Absent), &[]);
    assert_eq!((nothing.is_alarming(), nothing.admission), (false, Standing::NotSetUp));
}

#[test]
fn what_was_not_tried_with_a_new_entry_is_not_claimed_of_new_ones() {
    let tried = [seen(&Refuses, &Passes)];
    let mut verdict = of(Listed::Complete, &objects(AsIntended, AsIntended), &tried);
    assert_eq!(verdict.in_force(), Some(true));
    verdict.stale = Some("you may not change the list".to_owned());
    assert_eq!((verdict.in_force(), verdict.is_alarming()), (None, false));
    let words = verdict.admission_in_words();
    assert!(words.ends_with("not tested with a new entry: you may not change the list"), "{words}");
}

#[test]
fn what_was_neither_seen_nor_tried_is_not_claimed() {
    let why = Seen::MayNotImpersonate;
    let tried = [seen(&why, &why)];
    let fine = objects(AsIntended, AsIntended);
    let verdict = of(Listed::Complete, &fine, &tried);
    assert_eq!((verdict.in_force(), verdict.is_alarming()), (None, false));
    assert!(verdict.admission_in_words().contains("not tested: you may not impersonate"));
    let hidden = Evidence { list: Listed::Hidden, objects: Err("forbidden"), tried: &[] };
    let hidden = Verdict::of(&hidden);
    assert_eq!((hidden.in_force(), hidden.is_alarming()), (None, false));
    assert!(hidden.admission_in_words().starts_with("unknown: "));
}
