//! What a service remembers of requests, without growing for ever.

use std::cell::RefCell;
use std::collections::BTreeSet;

/// Half of how much is remembered at most.
const MOST: usize = 5_000;

/// What has not been asked for in the longest time is forgotten first.
pub struct Remembered<T>(RefCell<Generations<T>>);

struct Generations<T> {
    recent: BTreeSet<T>,
    older: BTreeSet<T>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T: Ord> Remembered<T> {
    /// Remembers something; whether it is new.
    pub fn insert(&self, thing: T) -> bool {
        let mut known = self.0.borrow_mut();
        if known.recent.contains(&thing) {
            return false;
        }
        let new = !known.older.remove(&thing);
        known.keep(thing);
        new
    }

    /// Whether it is remembered, as it is from now on for longer.
    pub fn contains(&self, thing: &T) -> bool {
        let mut known = self.0.borrow_mut();
        if let Some(thing) = known.older.take(thing) {
            known.keep(thing);
            return true;
        }
        known.recent.contains(thing)
    }

    pub fn is_empty(&self) -> bool {
        let known = self.0.borrow();
        known.recent.is_empty() && known.older.is_empty()
    }

    pub fn clear(&self) {
        self.0.take();
    }
}

impl<T: Ord> Generations<T> {
    fn keep(&mut self, thing: T) {
        if self.recent.len() >= MOST {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(thing);
    }
}

impl<T> Default for Generations<T> {
    fn default() -> Self {
        Self { recent: BTreeSet::new(), older: BTreeSet::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_grow_for_ever_and_keeps_what_is_asked_for() {
        let numbers = Remembered::default();
        assert!(numbers.is_empty());
        assert!(numbers.insert(0) && !numbers.insert(0));
        for number in 1..4 * MOST {
            assert!(numbers.insert(number), "{number}");
            assert!(numbers.contains(&0), "after {number}");
        }
        assert!(!numbers.contains(&1));
        assert!(numbers.contains(&(4 * MOST - 1)) && numbers.contains(&(3 * MOST + 1)));
        let known = numbers.0.borrow();
        assert!(known.recent.len() + known.older.len() <= 2 * MOST);
        drop(known);
        numbers.clear();
        assert!(numbers.is_empty() && !numbers.contains(&0));
    }
}
