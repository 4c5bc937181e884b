//! Which cluster is meant: where its API server is and how it is recognized.

use serde_json::Value;

use super::merged::Cluster;
use crate::encoding::{base64, pem, yaml};
use crate::x509::certificate::{Certificate, chain_to_pem};
use crate::x509::code::Code;

/// Where an API server is and how it is recognized.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub server: String,
    /// PEM of the CA certificates; `None` for the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// The name that its certificate is checked for, if not the address.
    pub tls_server_name: Option<String>,
    /// Whether its certificate goes unchecked.
    pub insecure: bool,
    /// Proxy on the way.
    pub proxy_url: Option<String>,
}

impl Endpoint {
    /// The endpoint of a cluster entry; `ca_pem` is what the entry embeds or the file that it names
    /// holds.
    pub fn new(cluster: &Cluster, ca_pem: Option<Vec<u8>>) -> Self {
        Self {
            server: cluster.server.clone(),
            ca_pem,
            tls_server_name: cluster.tls_server_name.clone(),
            insecure: cluster.insecure_skip_tls_verify,
            proxy_url: cluster.proxy_url.clone(),
        }
    }

    /// An endpoint that is recognized by these CA certificates.
    pub fn verified(server: &str, ca: &[Certificate], tls_server_name: Option<&str>) -> Self {
        Self {
            server: server.to_owned(),
            ca_pem: Some(chain_to_pem(ca).into_bytes()),
            tls_server_name: tls_server_name.map(str::to_owned),
            ..Self::default()
        }
    }

    /// The CA's certificates; empty when none are known or they cannot be read.
    pub fn ca(&self) -> Vec<Certificate> {
        // As Go does, blocks that are no certificate are passed over.
        let blocks = pem::all(self.ca_pem.as_deref().unwrap_or_default());
        blocks.iter().filter_map(|b| Certificate::from_der(&b.der).ok()).collect()
    }

    /// Whether both have the same address and the same CA, however they are reached. An address alone
    /// says little: several clusters can stand behind one, as forwarded ports do one after the other.
    ///
    /// Where a connection does not check the server, its address is all that is known.
    pub fn same_cluster(&self, other: &Self) -> bool {
        self.same_address(other) && (self.insecure || other.insecure || self.same_ca(other))
    }

    /// Whether an entry for one serves the other: the same cluster, reached and recognized in the same
    /// way.
    pub fn interchangeable(&self, other: &Self) -> bool {
        self.insecure == other.insecure
            && self.tls_server_name == other.tls_server_name
            && self.proxy_url == other.proxy_url
            && self.same_address(other)
            && self.same_ca(other)
    }

    /// The address as addresses are compared: a slash at the end says nothing.
    pub fn address(&self) -> &str {
        self.server.trim_end_matches('/')
    }

    fn same_address(&self, other: &Self) -> bool {
        self.address() == other.address()
    }

    fn same_ca(&self, other: &Self) -> bool {
        let der = |e: &Self| e.ca().into_iter().map(|c| c.der).collect::<Vec<_>>();
        // Most often it is the very same text.
        self.ca_pem == other.ca_pem || der(self) == der(other)
    }

    /// Digest of the CA, which is part of what identifies a cluster: SHA-256 in hexadecimal over the
    /// certificates, each preceded by its length.
    pub fn ca_digest(&self) -> String {
        Code::of_parts(self.ca().iter().map(|ca| ca.der.as_slice())).full()
    }

    /// The body of a cluster entry that leads there.
    pub fn body(&self) -> Value {
        let mut body = yaml::object([("server", self.server.clone().into())]);
        if let Some(pem) = &self.ca_pem {
            body["certificate-authority-data"] = base64::encode(pem).into();
        }
        if let Some(name) = &self.tls_server_name {
            body["tls-server-name"] = name.clone().into();
        }
        if self.insecure {
            body["insecure-skip-tls-verify"] = true.into();
        }
        if let Some(url) = &self.proxy_url {
            body["proxy-url"] = url.clone().into();
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::x509::testing::expired;

    const OTHER_CA: &[u8] = include_bytes!("../../tests/data/leaf-v3.pem");

    fn endpoint(server: &str) -> Endpoint {
        let ca_pem = Some(expired().to_pem().into_bytes());
        Endpoint { server: server.to_owned(), ca_pem, ..Endpoint::default() }
    }

    fn other_ca(endpoint: &Endpoint) -> Endpoint {
        Endpoint { ca_pem: Some(OTHER_CA.to_vec()), ..endpoint.clone() }
    }

    #[test]
    fn a_cluster_is_an_address_and_a_ca() {
        let one = endpoint("https://a:6443");
        assert!(one.same_cluster(&endpoint("https://a:6443/")), "a slash at the end says nothing");
        assert!(!one.same_cluster(&endpoint("https://b:6443")));
        assert!(!one.same_cluster(&other_ca(&one)), "another cluster behind the same address");
        assert!(!one.same_cluster(&Endpoint { ca_pem: None, ..one.clone() }));
        let commented = [b"the CA\n".to_vec(), expired().to_pem().into_bytes()].concat();
        assert!(one.same_cluster(&Endpoint { ca_pem: Some(commented), ..one.clone() }));
        let unchecked = Endpoint { insecure: true, ca_pem: None, ..one.clone() };
        assert!(one.same_cluster(&unchecked) && unchecked.same_cluster(&other_ca(&one)));
    }

    #[test]
    fn an_entry_is_reused_only_if_it_leads_there_in_the_same_way() {
        let one = endpoint("https://a:6443");
        assert!(one.interchangeable(&one.clone()));
        let proxy_url = Some("socks5://p".to_owned());
        let tls_server_name = Some("kubernetes".to_owned());
        for other in [
            endpoint("https://b:6443"),
            other_ca(&one),
            Endpoint { insecure: true, ..one.clone() },
            Endpoint { proxy_url, ..one.clone() },
            Endpoint { tls_server_name, ..one.clone() },
        ] {
            assert!(!one.interchangeable(&other), "{other:?}");
        }
        let unchecked = |ca_pem| Endpoint { insecure: true, ca_pem, ..one.clone() };
        assert!(!unchecked(None).interchangeable(&unchecked(one.ca_pem.clone())));
    }

    #[test]
    fn the_body_says_no_more_than_is_known() {
        let plain = Endpoint { ca_pem: None, ..endpoint("https://a") };
        assert_eq!(plain.body(), json!({ "server": "https://a" }));
        let all = Endpoint {
            server: "https://a".to_owned(),
            ca_pem: Some(b"PEM".to_vec()),
            tls_server_name: Some("kubernetes".to_owned()),
            insecure: true,
            proxy_url: Some("socks5://p".to_owned()),
        };
        let body = json!({
            "server": "https://a", "certificate-authority-data": "UEVN",
            "tls-server-name": "kubernetes", "insecure-skip-tls-verify": true,
            "proxy-url": "socks5://p",
        });
        assert_eq!(all.body(), body);
        let read = Cluster {
            server: "https://a".to_owned(),
            tls_server_name: Some("kubernetes".to_owned()),
            insecure_skip_tls_verify: true,
            proxy_url: Some("socks5://p".to_owned()),
            ..Cluster::default()
        };
        assert_eq!(Endpoint::new(&read, Some(b"PEM".to_vec())), all);
    }

    #[test]
    fn the_digest_tells_cas_apart_and_not_their_form() {
        let one = endpoint("https://a");
        assert_eq!(one.ca_digest().len(), 64);
        assert_ne!(one.ca_digest(), other_ca(&one).ca_digest());
        let indented = [one.ca_pem.clone().unwrap(), b"\n\n".to_vec()].concat();
        assert_eq!(one.ca_digest(), Endpoint { ca_pem: Some(indented), ..one.clone() }.ca_digest());
        assert!(Endpoint { ca_pem: Some(b"junk".to_vec()), ..one }.ca().is_empty());
    }
}
