//! Being told to stop.

use std::time::Duration;

use tokio::sync::watch;

use crate::error::Result;
use crate::ui::terminal;

/// SIGTERM, or ctrl-c; once told, it stays told.
pub struct Stop {
    told: watch::Receiver<bool>,
}

impl Stop {
    /// Listens to the signals from here on.
    pub fn new() -> Result<Self> {
        terminal::leave_signals();
        let (sender, told) = watch::channel(false);
        #[cfg(unix)]
        let signalled = {
            use tokio::signal::unix::{SignalKind, signal};
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            async move {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
        };
        #[cfg(not(unix))]
        let signalled = async {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::spawn(async move {
            signalled.await;
            sender.send_replace(true);
        });
        Ok(Self { told })
    }

    /// Never told: a signal ends the process at once.
    pub fn never() -> Self {
        Self { told: watch::channel(false).1 }
    }

    /// Where it is told, for those who wait elsewhere.
    pub fn receiver(&self) -> watch::Receiver<bool> {
        self.told.clone()
    }

    pub async fn told(&self) {
        if self.told.clone().wait_for(|told| *told).await.is_err() {
            // Nobody is there to tell.
            std::future::pending::<()>().await;
        }
    }

    pub async fn is_told(&self) -> bool {
        // A signal is noticed while nothing else is done.
        tokio::task::yield_now().await;
        *self.told.borrow()
    }

    pub async fn within(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.told()).await.is_ok()
    }

    /// Runs `work` to its result; `None` if told to stop first, and `work` is dropped.
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.told() => None,
            done = work => Some(done),
        }
    }
}
