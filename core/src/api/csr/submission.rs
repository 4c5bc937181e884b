//! What a name that is taken means for the request that was to be submitted under it.

use super::{CsrObject, State};
use crate::x509::certificate::Expected;

/// Whose request is submitted, which decides what of one that is there already must be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// One's own. The key tells it: it may have been signed anew, and its lifetime stays as it was.
    Own,
    /// Somebody else's that was handed over. It must be what was reviewed, byte for byte.
    HandedOver,
}

/// What the server says of the object that has the name.
#[derive(Clone, Copy, Debug)]
pub enum NameAnswer<'a> {
    /// This is it.
    Found(&'a CsrObject),
    /// One may not look at it.
    Forbidden,
    /// It is gone again.
    Gone,
}

/// Who has the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameHolder {
    /// The very request that was to be submitted, of an earlier run.
    Ours,
    /// It too, and it was denied or has failed.
    Ended(State),
    /// It too, as far as an earlier run was told: one may not look.
    OursUnseen,
    /// Another request.
    Another,
}

/// Who has the name under which `sent` was to be submitted. `known_uid`: the UID that an earlier run was
/// told for this request, or empty.
pub fn name_holder(
    answer: NameAnswer<'_>,
    sent: &CsrObject,
    whose: Whose,
    known_uid: &str,
) -> NameHolder {
    let found = match answer {
        NameAnswer::Found(found) => found,
        NameAnswer::Forbidden if !known_uid.is_empty() => return NameHolder::OursUnseen,
        NameAnswer::Forbidden | NameAnswer::Gone => return NameHolder::Another,
    };
    let same = match whose {
        Whose::Own => match (sent.request(), found.request()) {
            (Ok(sent), Ok(found)) => Expected::of(sent, None).is_asked_by(found),
            _ => false,
        },
        Whose::HandedOver => {
            found.spec.request == sent.spec.request
                && found.spec.expiration_seconds == sent.spec.expiration_seconds
        }
    };
    let same = same
        && found.spec.signer_name == sent.spec.signer_name
        && found.spec.usages == sent.spec.usages;
    match found.state() {
        _ if !same => NameHolder::Another,
        state @ (State::Denied { .. } | State::Failed { .. }) => NameHolder::Ended(state),
        State::Pending | State::Approved | State::Issued => NameHolder::Ours,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::csr::{CLIENT_AUTH, CLIENT_SIGNER, Manifest};
    use crate::x509::lifetime::Lifetime;
    use crate::x509::pkcs10::CertificateRequest;
    use crate::x509::testing::request;

    fn object(request: &CertificateRequest, change: impl FnOnce(&mut Value)) -> CsrObject {
        let mut value = Manifest {
            name: "alice",
            request_der: &request.der,
            signer_name: CLIENT_SIGNER,
            usages: &[CLIENT_AUTH.to_owned()],
            lifetime: Lifetime::from_seconds(86_400),
        }
        .to_value();
        change(&mut value);
        CsrObject::from_value(value).unwrap()
    }

    /// Who has the name, for one's own request and for one that was handed over.
    fn holders(found: &CsrObject) -> [NameHolder; 2] {
        let sent = object(&request("alice", &["dev"]), |_| {});
        [Whose::Own, Whose::HandedOver]
            .map(|whose| name_holder(NameAnswer::Found(found), &sent, whose, ""))
    }

    #[test]
    fn the_same_request_is_taken_up_and_every_other_is_not() {
        use NameHolder::{Another, Ours};
        let alice = request("alice", &["dev"]);
        assert_eq!(holders(&object(&alice, |_| {})), [Ours, Ours]);
        for other in [request("bob", &["dev"]), request("alice", &[]), request("alice", &["ops"])] {
            assert_eq!(holders(&object(&other, |_| {})), [Another, Another]);
        }
        let signer = object(&alice, |v| v["spec"]["signerName"] = "example.com/other".into());
        assert_eq!(holders(&signer), [Another, Another]);
        let usages = object(&alice, |v| v["spec"]["usages"] = json!(["server auth"]));
        assert_eq!(holders(&usages), [Another, Another]);
        let junk = object(&alice, |v| v["spec"]["request"] = "eA==".into());
        assert_eq!(holders(&junk), [Another, Another]);
    }

    #[test]
    fn ones_own_may_be_signed_anew_and_asks_for_what_it_asked_for() {
        use NameHolder::{Another, Ours};
        let mut anew = request("alice", &["dev"]);
        // The signature's last byte, which nothing here looks at.
        *anew.der.last_mut().unwrap() ^= 1;
        assert_eq!(holders(&object(&anew, |_| {})), [Ours, Another]);
        let longer = |v: &mut Value| v["spec"]["expirationSeconds"] = 172_800.into();
        assert_eq!(holders(&object(&request("alice", &["dev"]), longer)), [Ours, Another]);
    }

    #[test]
    fn a_decision_ends_it() {
        for (kind, ended) in [("Denied", true), ("Failed", true), ("Approved", false)] {
            let conditions = json!([{ "type": kind, "status": "True", "reason": "No" }]);
            let found = object(&request("alice", &["dev"]), |v| {
                v["status"] = json!({ "conditions": conditions });
            });
            for holder in holders(&found) {
                assert_eq!(matches!(holder, NameHolder::Ended(_)), ended, "{kind}: {holder:?}");
            }
        }
    }

    #[test]
    fn what_may_not_be_seen_is_ours_only_if_we_were_told_so() {
        let sent = object(&request("alice", &[]), |_| {});
        let holder = |answer, uid| name_holder(answer, &sent, Whose::Own, uid);
        assert_eq!(holder(NameAnswer::Forbidden, "1"), NameHolder::OursUnseen);
        assert_eq!(holder(NameAnswer::Forbidden, ""), NameHolder::Another);
        assert_eq!(holder(NameAnswer::Gone, "1"), NameHolder::Another);
    }
}
