//! Whoever revokes, so that they do not block themselves by mistake.

use usercert_core::lifecycle::{Fingerprint, RevocationKey};

use crate::cluster::{Cluster, Credentials, Need, Target, explain};
use crate::error::Result;

/// Whoever runs this, whatever they act as.
pub struct Me {
    /// The user name.
    pub name: String,
    /// As the list names them: with `--as` both names.
    pub by: String,
    /// The certificate in use.
    certificate: Option<Fingerprint>,
}

impl Me {
    /// Asks the server.
    ///
    /// # Errors
    /// As the server answers.
    pub async fn ask(target: &Target, cluster: &Cluster) -> Result<Self> {
        let who = async |cluster: &Cluster| {
            let me = cluster.who_am_i().await;
            me.map_err(|e| explain(&e, &cluster.server, &Need::WhoAmI))
        };
        // Somebody else who is acted as has no certificate: what is not to be blocked is one's own.
        let (me, by) = match &target.resolved.user.impersonate {
            None => {
                let me = who(cluster).await?;
                let by = me.username.clone();
                (me, by)
            }
            Some(other) => {
                let me = who(&target.connect_without_impersonation()?).await?;
                let by = format!("{} as {other}", me.username);
                (me, by)
            }
        };
        let seen = me.credential().and_then(|id| id.parse().ok());
        let held = match target.credentials() {
            Ok(Credentials::Certificate { chain, .. }) => chain.into_iter().next(),
            _ => None,
        };
        // Before Kubernetes 1.32 the server does not say which it saw.
        let certificate = seen.or_else(|| held.map(|leaf| Fingerprint::of(&leaf.der)));
        Ok(Self { name: me.username, by, certificate })
    }

    /// Whether blocking this would block whoever runs this.
    pub fn is_cut_off_by(&self, key: &RevocationKey) -> bool {
        match key {
            RevocationKey::Certificate(print) => self.certificate == Some(*print),
            RevocationKey::User(user) => *user == self.name,
            RevocationKey::Exception(_) => false,
        }
    }
}
