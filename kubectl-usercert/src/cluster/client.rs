//! The HTTP client: sockets, proxies, TLS and credentials put together.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, Write};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt as _};
use kube::{Client, Config};
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret;
use tower::{BoxError, Service, ServiceExt as _};
use usercert_core::text::show;

use super::transport::transport_message;
use crate::error::{Error, Result};

/// A client as `config` says; nothing is sent yet.
///
/// The library's own leaves Nagle's algorithm on, so that every write after a read waits for the peer's
/// delayed acknowledgement, some 40 ms. Apart from that, this is how the library builds it.
pub(super) fn build(config: &Config) -> Result<Client> {
    check(config)?;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let Some(proxy) = config.proxy_url.clone() else { return over(tcp, config) };
    match proxy.scheme_str() {
        Some("http") => over(tunnel(proxy, tcp), config),
        Some("https") => {
            // The name to check is the cluster's, not the proxy's.
            let mut to_proxy = config.clone();
            to_proxy.tls_server_name = None;
            let tls = to_proxy.rustls_https_connector_with_connector(tcp).map_err(refused)?;
            over(tunnel(proxy, tls), config)
        }
        Some("socks5") => over(SocksV5::new(proxy, tcp), config),
        scheme => Err(Error::new(format!(
            "the proxy's scheme {} is not supported",
            show(scheme.unwrap_or_default())
        ))
        .hint("give its address as http://…, https://… or socks5://…")),
    }
}

/// A tunnel through an HTTP proxy, with the user and password of its address.
fn tunnel<C>(proxy: Uri, connector: C) -> Tunnel<C> {
    let login = proxy.authority().and_then(|a| a.as_str().rsplit_once('@'));
    let header = login.and_then(|(login, _)| {
        let login = percent_decode_str(login).collect::<Vec<u8>>();
        HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(login))).ok()
    });
    let tunnel = Tunnel::new(proxy, connector);
    match header {
        Some(header) => tunnel.with_auth(header),
        None => tunnel,
    }
}

/// The client over connections that `connector` opens.
fn over<C>(connector: C, config: &Config) -> Result<Client>
where
    C: Service<Uri, Error: std::error::Error + Send + Sync, Future: Send>,
    C: Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
{
    let tls = config.rustls_https_connector_with_connector(connector).map_err(refused)?;
    let mut connector = TimeoutConnector::new(tls);
    connector.set_connect_timeout(config.connect_timeout);
    let http = HyperClient::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let http = http.map_err(BoxError::from);
    let headers = config.extra_headers_layer().map_err(refused)?;
    let client = ClientBuilder::new(http, &config.default_namespace).with_layer(&headers);
    let address = config.base_uri_layer();
    Ok(match config.auth_layer().map_err(refused)? {
        Some(credentials) => client.with_layer(&credentials).with_layer(&address).build(),
        None => client.with_layer(&address).build(),
    })
}

/// Refuses a token that cannot be sent: the library panics at it.
fn check(config: &Config) -> Result<()> {
    let token = config.auth_info.token.as_ref().map_or("", ExposeSecret::expose_secret);
    if HeaderValue::from_str(token).is_ok() {
        return Ok(());
    }
    Err(Error::new("the token contains a line break or another control character")
        .hint("check the user entry's token, its tokenFile or --token"))
}

fn refused(error: kube::Error) -> Error {
    Error::new(format!("cannot set up the connection: {}", transport_message(&error)))
}
