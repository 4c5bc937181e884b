//! One HTTPS request by hand, for what kubectl does not show: status codes and whole bodies.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

pub(crate) const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// Sends a request with the credentials of a kubeconfig and returns code and body.
pub(crate) fn send(
    kubeconfig: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let body = body.map_or_else(String::new, Value::to_string);
    let (code, text) = send_text(kubeconfig, method, path, "application/json", &body);
    (code, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

pub(crate) fn send_text(
    kubeconfig: &str,
    method: &str,
    path: &str,
    content_type: &str,
    body: &str,
) -> (u16, String) {
    let config: Value = serde_json::from_str(kubeconfig).unwrap();
    let cluster = &config["clusters"][0]["cluster"];
    let user = &config["users"][0]["user"];
    let decode = |data: &Value| STANDARD.decode(data.as_str().unwrap()).unwrap();
    let address = cluster["server"].as_str().unwrap().strip_prefix("https://").unwrap();
    let authorization = match user["token"].as_str() {
        Some(token) => format!("Authorization: Bearer {token}\r\n"),
        None => String::new(),
    };

    let mut roots = RootCertStore::empty();
    let ca = decode(&cluster["certificate-authority-data"]);
    roots.add(CertificateDer::from_pem_slice(&ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let tls = if user["client-key-data"].is_string() {
        let chain = decode(&user["client-certificate-data"]);
        let chain = CertificateDer::pem_slice_iter(&chain).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(&decode(&user["client-key-data"])).unwrap();
        tls.with_client_auth_cert(chain, key).unwrap()
    } else {
        tls.with_no_client_auth()
    };
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(Arc::new(tls), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\n{authorization}\
         Content-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The server may answer and hang up before it has read all.
    let _cut_off = stream.write_all(body.as_bytes());
    let mut answer = Vec::new();
    let _closed = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, body.into())
}
