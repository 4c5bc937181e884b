//! The journal of a run, kept by a thread of its own: many people's steps reach the disk together, and
//! nobody's request waits for somebody else's.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;
use usercert_core::roster::journal::{self, Step};
use usercert_core::text::show_path;
use zeroize::Zeroizing;

use crate::error::{Error, Result, ResultExt as _};
use crate::files::journal::Journal;

/// A place in the journal: first byte and length.
pub type Place = (u64, usize);

enum Order {
    Append { line: Zeroizing<Vec<u8>>, done: oneshot::Sender<io::Result<u64>> },
    Blank(Place),
}

/// The journal that a run writes.
pub struct Ledger {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    path: PathBuf,
}

impl Ledger {
    pub fn new(journal: Journal) -> Self {
        let path = journal.path().to_owned();
        let (orders, received) = mpsc::channel();
        let thread = std::thread::spawn(move || keep(journal, &received));
        Self { orders: Some(orders), thread: Some(thread), path }
    }

    /// Notes a step; returns once it is on disk, with its place.
    ///
    /// # Errors
    /// When the journal cannot be written: then nothing more may be done for this person.
    pub async fn note(&self, row: &str, user: &str, step: Step) -> Result<Place> {
        let line = journal::line(row, user, step)?;
        let length = line.len() - 1;
        let (done, answer) = oneshot::channel();
        self.order(Order::Append { line, done })?;
        let at = answer.await?.context(format!("cannot write {}", show_path(&self.path)))?;
        Ok((at, length))
    }

    /// Blanks a line whose key is safe elsewhere.
    ///
    /// # Errors
    /// When the journal has failed before. If blanking fails, the next run does it.
    pub fn blank(&self, place: Place) -> Result<()> {
        self.order(Order::Blank(place))
    }

    fn order(&self, order: Order) -> Result<()> {
        let sent = self.orders.as_ref().map(|orders| orders.send(order));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(Error::new("the journal is closed")),
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by itself.
            let _ = thread.join();
        }
    }
}

/// Writes what has come in meanwhile, waits for the disk once, and answers all.
fn keep(mut journal: Journal, orders: &mpsc::Receiver<Order>) {
    while let Ok(first) = orders.recv() {
        let mut answers = Vec::new();
        for order in std::iter::once(first).chain(orders.try_iter()) {
            match order {
                Order::Append { line, done } => answers.push((done, journal.append(&line))),
                Order::Blank((at, length)) => {
                    let _ = journal.blank(at, length);
                }
            }
        }
        let synced = if answers.is_empty() { Ok(()) } else { journal.sync() };
        for (done, written) in answers {
            let copy = |e: &io::Error| io::Error::new(e.kind(), e.to_string());
            let result = written.and_then(|at| synced.as_ref().map(|()| at).map_err(copy));
            let _ = done.send(result);
        }
    }
}
