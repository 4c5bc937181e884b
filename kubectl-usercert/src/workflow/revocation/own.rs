//! Whether a context's own certificate was revoked, as far as it may ask.

use usercert_core::lifecycle::{Fingerprint, Refusal, refusal};
use usercert_core::x509::identity::Identity;
use usercert_core::x509::key::KeyType;

use super::Known;
use crate::cluster::{Cluster, Credentials, Need, Target, explain};
use crate::error::{Error, Result};
use crate::ui::args::{ClientArgs, Expires, parse_request_timeout};
use crate::workflow::own_request::{KeySource, RequestSpec};

/// Longest time for one server.
const TIMEOUT: &str = "5s";
/// Whom the request names that is tried.
const NAME: &str = "usercert-probe";

/// What the server does with a write of one's own, which the admission policy sees.
pub enum Trial {
    /// It refuses the certificate as revoked.
    Refused(Refusal),
    /// It would do it.
    Passes,
    /// It refuses for another reason, or does not answer.
    Unknown,
}

/// Tries what `request` would do, without a trace: submits a request that the server only checks.
pub async fn tried(cluster: &Cluster) -> Trial {
    let Ok(manifest) = manifest() else { return Trial::Unknown };
    match cluster.create_csr(&manifest, true).await {
        Ok(_) => Trial::Passes,
        Err(error) => refusal(&error.to_string()).map_or(Trial::Unknown, Trial::Refused),
    }
}

fn manifest() -> Result<serde_json::Value> {
    let spec = RequestSpec {
        identity: Identity::parse::<&str>(NAME, &[])?,
        expires: "1h".parse::<Expires>()?,
        key: KeySource::New(KeyType::P256),
        signer: usercert_core::api::csr::CLIENT_SIGNER.to_owned(),
        csr_name: Some(NAME.to_owned()),
    };
    Ok(spec.manifest(NAME, &spec.make()?.csr)?.raw().clone())
}

/// Asks the server of a context: by the list, if the context may read it, else by trying a write; and by
/// whether it answers at all.
///
/// # Errors
/// Why it is not known, safe to show: no connection, or neither the list may be read nor a write be tried.
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
        return match tried(&cluster).await {
            Trial::Refused(_) => Ok(true),
            Trial::Passes => Ok(false),
            Trial::Unknown => Err(Error::new(why)),
        };
    }
    let leaf = chain.first().map(|leaf| Fingerprint::of(&leaf.der));
    let blocked = |print| list.list().and_then(|list| list.blocked(&print, &me.username)).is_some();
    Ok(leaf.is_some_and(blocked))
}
