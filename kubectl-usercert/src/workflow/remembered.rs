//! What a service remembers of requests, without growing for ever.

use std::cell::RefCell;
use std::collections::BTreeSet;

/// How many things are remembered; past that all are forgotten.
const MOST: usize = 10_000;

pub struct Remembered<T>(RefCell<BTreeSet<T>>);

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T: Ord> Remembered<T> {
    /// Remembers something; whether it is new.
    pub fn insert(&self, thing: T) -> bool {
        let mut things = self.0.borrow_mut();
        if things.len() >= MOST {
            things.clear();
        }
        things.insert(thing)
    }

    pub fn contains(&self, thing: &T) -> bool {
        self.0.borrow().contains(thing)
    }

    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_grow_for_ever() {
        let numbers = Remembered::default();
        assert!(numbers.insert(0) && !numbers.insert(0));
        (1..MOST).for_each(|number| assert!(numbers.insert(number)));
        assert!(numbers.contains(&0));
        assert!(numbers.insert(MOST) && numbers.contains(&MOST) && !numbers.contains(&0));
        numbers.clear();
        assert!(!numbers.contains(&MOST));
    }
}
