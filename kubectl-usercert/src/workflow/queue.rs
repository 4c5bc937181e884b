//! A queue of names to work on: each once at a time, and after a failure later and later.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::follow::BACKOFF;

#[derive(Default)]
pub struct Queue {
    entries: RefCell<BTreeMap<String, Entry>>,
    changed: Notify,
    /// Some work is done.
    finished: Notify,
}

struct Entry {
    state: State,
    failures: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// It may be worked on from then on.
    Due(Instant),
    InWork,
    /// It has changed while it was worked on.
    InWorkAgain,
}

impl Queue {
    /// Adds a name; one that waits for its next try is tried at once.
    pub fn add(&self, name: &str) {
        self.put(name, Instant::now());
        self.changed.notify_one();
    }

    /// Forgets everything, also what was in work when that was broken off.
    pub fn clear(&self) {
        self.entries.borrow_mut().clear();
    }

    /// The next name that is due; waits for it.
    pub async fn take(&self) -> String {
        loop {
            let next = match self.due(Instant::now()) {
                Ok(name) => {
                    // Whoever else waits looks for the one after it.
                    self.changed.notify_one();
                    return name;
                }
                Err(next) => next,
            };
            let up = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = up => {}
            }
        }
    }

    /// The work is done, well or not.
    pub fn done(&self, name: &str, well: bool) {
        self.finish(name, well, Instant::now());
        self.changed.notify_one();
        self.finished.notify_one();
    }

    /// Waits until nothing is due or in work: what is left then waits for another try.
    pub async fn idle(&self) {
        while !self.is_idle() {
            self.finished.notified().await;
        }
    }

    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    fn is_idle(&self) -> bool {
        let now = Instant::now();
        self.entries.borrow().values().all(|e| matches!(e.state, State::Due(at) if at > now))
    }

    fn put(&self, name: &str, now: Instant) {
        let mut entries = self.entries.borrow_mut();
        let new = || Entry { state: State::Due(now), failures: 0 };
        let entry = entries.entry(name.to_owned()).or_insert_with(new);
        entry.state = match entry.state {
            State::Due(_) => State::Due(now),
            State::InWork | State::InWorkAgain => State::InWorkAgain,
        };
    }

    /// Marks the name that has waited longest as in work; else when the next one is due.
    fn due(&self, now: Instant) -> Result<String, Option<Instant>> {
        let mut entries = self.entries.borrow_mut();
        let due = entries.iter_mut().filter_map(|(name, entry)| match entry.state {
            State::Due(at) => Some((at, name, entry)),
            State::InWork | State::InWorkAgain => None,
        });
        match due.min_by_key(|(at, ..)| *at) {
            Some((at, name, entry)) if at <= now => {
                entry.state = State::InWork;
                Ok(name.clone())
            }
            next => Err(next.map(|(at, ..)| at)),
        }
    }

    fn finish(&self, name: &str, well: bool, now: Instant) {
        let mut entries = self.entries.borrow_mut();
        let Some(entry) = entries.get_mut(name) else { return };
        if well && entry.state != State::InWorkAgain {
            entries.remove(name);
            return;
        }
        entry.failures = if well { 0 } else { entry.failures + 1 };
        let pause = match entry.failures {
            0 => Duration::ZERO,
            n => (BACKOFF.0 * (1 << (n - 1).min(6))).min(BACKOFF.1),
        };
        entry.state = State::Due(now + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_worked_on_once_at_a_time() {
        let (queue, now) = (Queue::default(), Instant::now());
        ["a", "a", "b"].iter().for_each(|name| queue.put(name, now));
        assert_eq!([queue.due(now), queue.due(now)], [Ok("a".to_owned()), Ok("b".to_owned())]);
        queue.put("a", now);
        assert_eq!(queue.due(now), Err(None), "both are in work");
        queue.finish("b", true, now);
        // Changed meanwhile: once more, but only now.
        queue.finish("a", true, now);
        assert_eq!(queue.due(now), Ok("a".to_owned()));
        queue.finish("a", true, now);
        assert!(queue.len() == 0 && queue.is_idle());
    }

    #[test]
    fn failures_are_tried_later_and_later_unless_something_changes() {
        let (queue, begun) = (Queue::default(), Instant::now());
        queue.put("a", begun);
        let (mut now, mut pauses) = (begun, Vec::new());
        for _ in 0..8 {
            assert_eq!(queue.due(now), Ok("a".to_owned()));
            queue.finish("a", false, now);
            let next = queue.due(now).unwrap_err().unwrap();
            pauses.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        queue.due(now).unwrap();
        queue.finish("a", false, now);
        queue.put("a", now);
        assert_eq!(queue.due(now), Ok("a".to_owned()));
    }

    #[test]
    fn whoever_waits_is_woken() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let queue = Queue::default();
            queue.idle().await;
            let (both, ()) =
                tokio::join!(async { tokio::join!(queue.take(), queue.take()) }, async {
                    ["a", "b"].iter().for_each(|name| queue.add(name))
                },);
            let mut both: [String; 2] = both.into();
            both.sort();
            assert_eq!(both, ["a", "b"]);
            let idle = std::cell::Cell::new(false);
            let wait = async {
                queue.idle().await;
                idle.set(true);
            };
            tokio::join!(wait, async {
                queue.done("a", true);
                tokio::task::yield_now().await;
                assert!(!idle.get(), "one is in work");
                // It waits for another try.
                queue.done("b", false);
            });
            assert!(idle.get());
        });
    }
}
