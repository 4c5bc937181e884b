//! Which hosts and addresses the certificates of a profile name.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeSet;

use super::definition::{Names, Profile};
use super::error::ProfileError;
use crate::x509::san::AlternativeName;

/// What a profile takes from the cluster's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterNames {
    /// The cluster's domain, as `cluster.local`.
    pub domain: String,
    /// Addresses of the service `kubernetes`.
    pub service_addresses: Vec<IpAddr>,
}

impl Profile {
    /// The names that the certificate holds: those of the profile, then `asked`, each once. `host` is
    /// the server's own name; it is taken where the profile says so, or where there is no other.
    ///
    /// # Errors
    /// Names for what is not a server, or a server without any.
    pub fn alternative_names(
        &self,
        asked: &[AlternativeName],
        host: Option<&AlternativeName>,
        cluster: &ClusterNames,
    ) -> Result<Vec<AlternativeName>, ProfileError> {
        let dns = |name: &str| AlternativeName::Dns(name.to_owned());
        let localhost = || vec![dns("localhost"), AlternativeName::Ip(Ipv4Addr::LOCALHOST.into())];
        let mut names: Vec<AlternativeName> = match self.names {
            Names::None if asked.is_empty() => return Ok(Vec::new()),
            Names::None => return Err(ProfileError::NamesNotTaken(self.name)),
            Names::Host => Vec::new(),
            Names::ApiServer => {
                let service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
                let qualified = format!("kubernetes.default.svc.{}", cluster.domain);
                let addresses = cluster.service_addresses.iter().copied();
                service
                    .map(dns)
                    .into_iter()
                    .chain([qualified.parse()?])
                    .chain(addresses.map(AlternativeName::Ip))
                    .chain(localhost())
                    .collect()
            }
            Names::Etcd => {
                let own = host.cloned().into_iter();
                let loopback = AlternativeName::Ip(Ipv6Addr::LOCALHOST.into());
                own.chain(localhost()).chain([loopback]).collect()
            }
        };
        names.extend_from_slice(asked);
        if names.is_empty() {
            names.extend(host.cloned());
        }
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        if names.is_empty() { Err(ProfileError::NoNames) } else { Ok(names) }
    }
}
