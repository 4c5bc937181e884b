//! What was read a moment ago, and need not be read again yet.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long what was read is taken for current.
const FRESH: Duration = Duration::from_secs(10);

pub struct Recent<T>(RefCell<Option<(Instant, Rc<T>)>>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(RefCell::new(None))
    }
}

impl<T> Recent<T> {
    /// What is known, if it is recent enough; else what `read` finds.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn get<E>(&self, read: impl Future<Output = Result<T, E>>) -> Result<Rc<T>, E> {
        let known = self.0.borrow().clone();
        if let Some((_, known)) = known.filter(|(since, _)| since.elapsed() < FRESH) {
            return Ok(known);
        }
        let begun = Instant::now();
        let found = Rc::new(read.await?);
        *self.0.borrow_mut() = Some((begun, Rc::clone(&found)));
        Ok(found)
    }
}
