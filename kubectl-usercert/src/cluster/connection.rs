//! The client that requests go through; exchanged where its credentials come from a plugin and end.

use std::sync::Arc;

use kube::Client;
use tokio::sync::Mutex;
use usercert_core::time::UnixTime;

use super::failure::ApiError;
use super::plugin::{Issued, Plugin};
use crate::error::Result;
use crate::ui::host;

/// Seconds before their end from which on credentials are not used.
const MARGIN: i64 = 5;

#[derive(Clone)]
pub(super) enum Connection {
    Lasting(Client),
    Renewing(Arc<Renewing>),
}

/// A client by the credentials that a plugin has given last.
pub(super) struct Renewing {
    plugin: Plugin,
    make: Box<dyn Fn(Issued) -> Result<Client> + Send + Sync>,
    current: Mutex<Current>,
}

#[derive(Clone)]
struct Current {
    client: Client,
    until: Option<UnixTime>,
}

impl Connection {
    /// Runs the plugin for a first time.
    pub(super) fn by_plugin(
        plugin: Plugin,
        make: impl Fn(Issued) -> Result<Client> + Send + Sync + 'static,
    ) -> Result<Self> {
        let issued = plugin.run()?;
        let until = issued.until;
        let current = Mutex::new(Current { client: make(issued)?, until });
        Ok(Self::Renewing(Arc::new(Renewing { plugin, make: Box::new(make), current })))
    }

    pub(super) async fn client(&self) -> Result<Client, ApiError> {
        let renewing = match self {
            Self::Lasting(client) => return Ok(client.clone()),
            Self::Renewing(renewing) => Arc::clone(renewing),
        };
        let mut current = renewing.current.lock().await;
        let ends = |until: UnixTime| host::now().plus(MARGIN) >= until;
        if current.until.is_some_and(ends) {
            let again = Arc::clone(&renewing);
            let run = move || {
                let issued = again.plugin.run()?;
                let until = issued.until;
                Ok(Current { client: (again.make)(issued)?, until })
            };
            let made: Result<Current> =
                tokio::task::spawn_blocking(run).await.unwrap_or_else(|error| Err(error.into()));
            *current = made.map_err(|error| ApiError::Credential(error.message))?;
        }
        Ok(current.client.clone())
    }

    /// Marks the credentials as rejected; the next request gets new ones.
    pub(super) async fn refused(&self) {
        if let Self::Renewing(renewing) = self {
            renewing.current.lock().await.until = Some(UnixTime(0));
        }
    }
}
