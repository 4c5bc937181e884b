//! All records together: what is blocked, what was renewed, whose they are, what has ended.

use std::collections::{BTreeMap, BTreeSet};

use super::{CertificateRecord, GRACE, StoredMap};
use crate::lifecycle::{Fingerprint, Revocation, RevocationKey, RevocationList};
use crate::time::UnixTime;

/// A record, and what others say of its certificate.
#[derive(Clone, Debug)]
pub struct Recorded<'a> {
    /// The record.
    pub record: &'a CertificateRecord,
    /// The line that its holder is refused with, if it is blocked.
    pub blocked: Option<&'a str>,
    /// Whether another one was issued as its renewal.
    pub renewed: bool,
}

impl Recorded<'_> {
    /// Whether it counts no more.
    #[must_use]
    pub fn has_ended(&self, now: UnixTime) -> bool {
        self.record.not_after < now
    }

    /// Whether its holder is about to be left without: it ends within so many seconds, and is neither
    /// over, blocked nor renewed.
    #[must_use]
    pub fn expires_within(&self, seconds: i64, now: UnixTime) -> bool {
        let soon = self.record.not_after <= now.plus(seconds);
        soon && !self.has_ended(now) && self.blocked.is_none() && !self.renewed
    }
}

/// The records that were read.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    records: Vec<CertificateRecord>,
    /// Names of ConfigMaps that are labeled as records and are none, and why.
    pub damaged: Vec<(String, &'static str)>,
}

impl Ledger {
    /// Adds what the server has.
    pub fn add(&mut self, map: &StoredMap) {
        match CertificateRecord::of(map) {
            Ok(record) => self.records.push(record),
            Err(problem) => self.damaged.push((map.name().to_owned(), problem)),
        }
    }

    /// All records.
    #[must_use]
    pub fn records(&self) -> &[CertificateRecord] {
        &self.records
    }

    /// All records by their end, the first to end first.
    #[must_use]
    pub fn by_end<'a>(&'a self, revoked: Option<&'a RevocationList>) -> Vec<Recorded<'a>> {
        let renewed: BTreeSet<&Fingerprint> =
            self.records.iter().filter_map(|r| r.renews.as_ref()).collect();
        let blocked = |record: &CertificateRecord| {
            let by = revoked?.blocked(&record.fingerprint, &record.user)?;
            Some(by.entry.line.as_str())
        };
        let mut all: Vec<Recorded<'_>> = self
            .records
            .iter()
            .map(|record| Recorded {
                record,
                blocked: blocked(record),
                renewed: renewed.contains(&record.fingerprint),
            })
            .collect();
        all.sort_by_key(|r| (r.record.not_after, &r.record.user, r.record.fingerprint));
        all
    }

    /// A certificate and all that descend from it by renewals: whoever took one of them may hold any of
    /// those after it.
    #[must_use]
    pub fn family(&self, first: &Fingerprint) -> Vec<&CertificateRecord> {
        let mut children: BTreeMap<&Fingerprint, Vec<&CertificateRecord>> = BTreeMap::new();
        for record in &self.records {
            if let Some(parent) = &record.renews {
                children.entry(parent).or_default().push(record);
            }
        }
        let mut family: Vec<&CertificateRecord> =
            self.records.iter().filter(|r| r.fingerprint == *first).collect();
        let mut seen = BTreeSet::from([first]);
        let mut open = vec![first];
        while let Some(parent) = open.pop() {
            for child in children.get(parent).into_iter().flatten() {
                if seen.insert(&child.fingerprint) {
                    family.push(child);
                    open.push(&child.fingerprint);
                }
            }
        }
        family
    }

    /// The certificate that one of this user renews, if that is recorded.
    #[must_use]
    pub fn parent(&self, of: &Fingerprint, user: &str) -> Option<Fingerprint> {
        let record = self.records.iter().find(|r| r.fingerprint == *of && r.user == user)?;
        record.renews
    }

    /// The entry that revokes a certificate from which this one of the user descends by renewals, if one
    /// does: whoever had that one may hold this one. A record is written by others, so that one of another
    /// user, or the entry of one, says nothing of this user's.
    #[must_use]
    pub fn revoked_ancestor<'a>(
        &self,
        of: &Fingerprint,
        user: &str,
        revoked: &'a RevocationList,
    ) -> Option<&'a Revocation> {
        let mut seen = BTreeSet::from([*of]);
        let mut next = self.parent(of, user);
        while let Some(ancestor) = next.filter(|ancestor| seen.insert(*ancestor)) {
            let entry = revoked.entry(&RevocationKey::Certificate(ancestor));
            let entry = entry.filter(|e| e.user.as_deref().is_none_or(|named| named == user));
            if entry.is_some() {
                return entry;
            }
            next = self.parent(&ancestor, user);
        }
        None
    }
}

/// Whether a record is of no use any more: its certificate has ended more than [`GRACE`] ago.
/// What cannot be read stays, for somebody to look at.
#[must_use]
pub fn has_ended(map: &StoredMap, now: UnixTime) -> bool {
    CertificateRecord::of(map).is_ok_and(|record| now > record.not_after.plus(GRACE))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::record;
    use super::*;

    fn ledger(records: &[CertificateRecord]) -> Ledger {
        let mut ledger = Ledger::default();
        for record in records {
            ledger.add(&StoredMap::read(&record.to_value()).unwrap());
        }
        ledger
    }

    fn at(days: i64) -> UnixTime {
        UnixTime(days * 86_400)
    }

    #[test]
    fn records_come_by_their_end_with_what_others_say_of_them() {
        let [old, mut new, other] =
            [record(1, "alice", 5), record(2, "alice", 9), record(3, "bob", 7)];
        new.renews = Some(old.fingerprint);
        let ledger = ledger(&[new, other.clone(), old]);
        let list =
            json!({ "data": { other.fingerprint.to_string(): "2026-11-30 left (by jane)" } });
        let list = RevocationList::read(&list);
        let rows: Vec<_> = ledger
            .by_end(Some(&list))
            .iter()
            .map(|r| {
                (
                    r.record.user.clone(),
                    r.blocked.is_some(),
                    r.renewed,
                    r.expires_within(8 * 86_400, at(4)),
                )
            })
            .collect();
        let row = |user: &str, blocked, renewed, soon| (user.to_owned(), blocked, renewed, soon);
        assert_eq!(
            rows,
            [
                row("alice", false, true, false),
                row("bob", true, false, false),
                row("alice", false, false, true),
            ]
        );
        let all = ledger.by_end(None);
        assert!(all.iter().all(|r| r.blocked.is_none()));
        assert!(!all[1].expires_within(86_400, at(8)), "it is over");
        assert!(all[1].expires_within(86_400, at(6)));
    }

    #[test]
    fn a_family_is_all_that_descends_and_ends_even_in_a_circle() {
        let [a, mut b, mut c, d] = [1, 2, 3, 4].map(|mark| record(mark, "alice", mark.into()));
        b.renews = Some(a.fingerprint);
        c.renews = Some(b.fingerprint);
        let found = |ledger: &Ledger, first: &CertificateRecord| -> Vec<String> {
            ledger.family(&first.fingerprint).iter().map(|r| r.serial.clone()).collect()
        };
        let whole = ledger(&[a.clone(), b.clone(), c.clone(), d]);
        assert_eq!(found(&whole, &a), ["01", "02", "03"]);
        assert_eq!(found(&whole, &b), ["02", "03"]);
        let mut circle = a.clone();
        circle.renews = Some(c.fingerprint);
        assert_eq!(found(&ledger(&[circle, b.clone(), c]), &b), ["02", "03", "01"]);
        // Its own record need not be there.
        assert_eq!(found(&ledger(&[b]), &a), ["02"]);
    }

    #[test]
    fn whatever_descends_from_a_revoked_certificate_of_the_same_user_is_found() {
        let [a, mut b, mut c, mut d] = [1, 2, 3, 4].map(|mark| record(mark, "alice", mark.into()));
        (b.renews, c.renews) = (Some(a.fingerprint), Some(b.fingerprint));
        let ledger_of = ledger(&[a.clone(), b.clone(), c.clone(), d.clone()]);
        let revoked = |print: &Fingerprint, rest: &str| {
            RevocationList::read(&json!({ "data": { print.to_string(): format!("stolen{rest}") } }))
        };
        let list = revoked(&a.fingerprint, "\nuser: alice");
        let found = |ledger: &Ledger, of: &CertificateRecord, list: &RevocationList| {
            ledger.revoked_ancestor(&of.fingerprint, "alice", list).map(|e| e.line.clone())
        };
        assert_eq!(found(&ledger_of, &b, &list).as_deref(), Some("stolen"));
        assert_eq!(found(&ledger_of, &c, &list).as_deref(), Some("stolen"));
        assert_eq!(found(&ledger_of, &a, &list), None, "its own entry is looked at elsewhere");
        assert_eq!(found(&ledger_of, &d, &list), None);
        // The revoked one's own record need not be there any more.
        assert!(found(&ledger(&[b.clone(), c.clone()]), &c, &list).is_some());
        assert!(found(&ledger_of, &c, &revoked(&a.fingerprint, "")).is_some());
        // Somebody else's record or certificate says nothing of hers.
        assert_eq!(found(&ledger_of, &c, &revoked(&a.fingerprint, "\nuser: mallory")), None);
        b.user = "mallory".to_owned();
        assert_eq!(found(&ledger(&[b, c.clone()]), &c, &list), None);
        // In a circle it ends.
        c.renews = Some(d.fingerprint);
        d.renews = Some(c.fingerprint);
        assert_eq!(found(&ledger(&[c.clone(), d]), &c, &list), None);
    }

    #[test]
    fn what_cannot_be_read_is_kept_apart_and_never_pruned() {
        let mut value = record(1, "alice", 1).to_value();
        value["data"]["notAfter"] = "x".into();
        let damaged = StoredMap::read(&value).unwrap();
        let mut ledger = Ledger::default();
        ledger.add(&damaged);
        assert_eq!(ledger.damaged, [(record(1, "alice", 1).name(), "a time cannot be read")]);
        assert!(!has_ended(&damaged, at(1000)));
        let whole = StoredMap::read(&record(1, "alice", 1).to_value()).unwrap();
        assert!(!has_ended(&whole, at(2)) && has_ended(&whole, at(2).plus(1)));
    }
}
