//! Changing what is on the list already: revoking it again, and taking out what has ended.

use super::{Revocation, RevocationKey, RevocationList};
use crate::time::UnixTime;

impl RevocationList {
    /// What to write for an entry; `None` where one is there that says as much. Without a new reason the
    /// holder is told the same as before. An end that is over, or earlier than the known one, is corrected:
    /// pruning would let the certificate in again.
    #[must_use]
    pub fn again(&self, entry: Revocation, has_reason: bool, now: UnixTime) -> Option<Revocation> {
        let Some(before) = self.entry(&entry.key).filter(|_| !has_reason) else {
            return Some(entry);
        };
        let is_wrong = match (before.until, entry.until) {
            (None, end) => end.is_some(),
            (Some(before), Some(end)) => before < end,
            (Some(before), None) => before < now,
        };
        is_wrong.then(|| Revocation { line: before.line.clone(), ..entry })
    }

    /// The exceptions from the block of this user.
    pub fn exceptions(&self, user: &str) -> impl Iterator<Item = &RevocationKey> {
        let of_user = move |entry: &&Revocation| entry.user.as_deref() == Some(user);
        self.all_exceptions().filter(of_user).map(|entry| &entry.key)
    }

    /// How many exceptions name no user: each may let in a certificate of anybody.
    #[must_use]
    pub fn unowned_exceptions(&self) -> usize {
        self.all_exceptions().filter(|entry| entry.user.is_none()).count()
    }

    fn all_exceptions(&self) -> impl Iterator<Item = &Revocation> {
        self.entries().filter(|entry| matches!(entry.key, RevocationKey::Exception(_)))
    }

    /// Of entries that were shown as ended, those that are still the same and have ended.
    #[must_use]
    pub fn still_ended(&self, shown: &[&Revocation], now: UnixTime) -> Vec<RevocationKey> {
        let ended = self.ended(now).into_iter().filter(|entry| shown.contains(entry));
        ended.map(|entry| entry.key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn day(day: u8) -> UnixTime {
        format!("2026-11-{day:02}T00:00:00Z").parse().unwrap()
    }

    fn key() -> RevocationKey {
        RevocationKey::Certificate("a".repeat(64).parse().unwrap())
    }

    fn list(until: Option<u8>) -> RevocationList {
        let until = until.map(|at| format!("\nuntil: {}", day(at))).unwrap_or_default();
        let data = json!({ key().to_string(): format!("2026-11-01 stolen (by jane){until}") });
        RevocationList::read(&json!({ "data": data }))
    }

    fn again(before: Option<u8>, end: Option<u8>, reason: &str) -> Option<Revocation> {
        let entry = Revocation::new(key(), reason, "admin", day(10));
        let entry = match end {
            Some(end) => entry.of_certificate("alice", day(end)),
            None => entry,
        };
        list(before).again(entry, !reason.is_empty(), day(10))
    }

    #[test]
    fn an_end_that_is_over_or_too_early_is_corrected() {
        let end = |before, end| again(before, end, "").map(|entry| entry.until);
        assert_eq!(end(Some(5), Some(20)), Some(Some(day(20))));
        assert_eq!(end(Some(15), Some(20)), Some(Some(day(20))));
        assert_eq!(end(Some(5), None), Some(None), "over, and nobody knows better");
        assert_eq!(end(None, Some(20)), Some(Some(day(20))));
        for (before, known) in [(Some(20), Some(20)), (Some(25), Some(20)), (Some(15), None)] {
            assert_eq!(end(before, known), None, "{before:?} {known:?}");
        }
        assert_eq!(end(None, None), None);
    }

    #[test]
    fn the_reason_stays_unless_there_is_a_new_one() {
        let line = |reason| again(Some(5), Some(20), reason).unwrap().line;
        assert_eq!(line(""), "2026-11-01 stolen (by jane)");
        assert_eq!(line("lost"), "2026-11-10 lost (by admin)");
    }

    #[test]
    fn what_was_changed_since_it_was_shown_stays() {
        let shown = list(Some(2));
        let shown = shown.ended(day(10));
        assert_eq!(list(Some(2)).still_ended(&shown, day(10)), [key()]);
        assert!(list(Some(3)).still_ended(&shown, day(10)).is_empty());
        assert!(list(None).still_ended(&shown, day(10)).is_empty());
    }
}
