//! Whether a context's own certificate was revoked, as far as it may ask.

use usercert_core::lifecycle::{Fingerprint, refusal};

use super::Known;
use crate::cluster::{Cluster, Credentials, Need, Target, explain};
use crate::error::{Error, Result};
use crate::ui::args::{ClientArgs, parse_request_timeout};

/// Longest time for one server.
const TIMEOUT: &str = "5s";

/// Asks the server of a context: by the list, if the context may read it, and by whether it answers at
/// all.
///
/// # Errors
/// Why it is not known, safe to show: no connection, or the list may not be read and only the
/// admission policy, which does not see reads, could refuse.
pub async fn is_revoked(kubeconfig: Option<&str>, context: &str) -> Result<bool, String> {
    ask(kubeconfig, context).await.map_err(|error| error.message)
}

async fn ask(kubeconfig: Option<&str>, context: &str) -> Result<bool> {
    let request_timeout = parse_request_timeout(TIMEOUT).map_err(Error::new)?;
    let args = ClientArgs {
        kubeconfig: kubeconfig.map(str::to_owned),
        context: Some(context.to_owned()),
        request_timeout,
        ..ClientArgs::default()
    };
    let target = Target::resolve(&args)?;
    let Credentials::Certificate { chain, key_pem } = target.credentials()? else {
        return Err(Error::new("it has no certificate with a key"));
    };
    let key = String::from_utf8_lossy(&key_pem);
    let cluster = Cluster::with_certificate(&target.endpoint, &chain, &key, request_timeout)?;
    let (me, list) = tokio::join!(cluster.who_am_i(), Known::read(&cluster));
    let me = match me {
        Ok(me) => me,
        Err(error) if refusal(&error.to_string()).is_some() => return Ok(true),
        Err(error) => return Err(explain(&error, &cluster.server, &Need::WhoAmI)),
    };
    if let Some(why) = list.why_unknown() {
        return Err(Error::new(why));
    }
    let leaf = chain.first().map(|leaf| Fingerprint::of(&leaf.der));
    let blocked = |print| list.list().and_then(|list| list.blocked(&print, &me.username)).is_some();
    Ok(leaf.is_some_and(blocked))
}
