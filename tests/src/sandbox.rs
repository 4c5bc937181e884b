//! The running sandbox and its handle.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::cluster::Cluster;
use crate::csr;
use crate::kubeconfig::{Credential, kubeconfig};
use crate::server::serve;
use crate::tls::{client_verifier, server_config};
use crate::token;
use crate::user::{MASTERS, User};
use crate::x509::{self, AltNames, Authority, ClientKey, Name, Profile, Usages, encode_pem};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const YEAR: i64 = 365 * 24 * HOUR;

/// How a [`Sandbox`] is to behave.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// Whether approved requests are signed. Can be switched later with [`Sandbox::set_signer`].
    pub signer: bool,
    /// Whether users' certificates come from another CA than the server's own certificate, as some installers have it.
    pub separate_client_ca: bool,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Whether requests without credentials run as `system:anonymous` rather than being refused.
    pub anonymous: bool,
    /// The longest lifetime that the signer grants; also used when the request names none.
    pub max_cert_duration: Duration,
    /// The longest lifetime of service account tokens, if there is a limit.
    pub max_token_duration: Option<Duration>,
    /// An AuthorizationConfiguration; its entries that refuse revoked certificates count, and are read again for each
    /// request.
    pub authorization_config: Option<PathBuf>,
    /// Whether it speaks no newer TLS than 1.2.
    pub tls12: bool,
    /// Whether it speaks no newer HTTP than 1.1.
    pub http11: bool,
    /// Whether it listens on ::1 instead of 127.0.0.1.
    pub ipv6: bool,
}

impl Default for SandboxOptions {
    /// A signer, one CA, a free port, anonymous requests, and a year: what kubeadm would set up.
    fn default() -> Self {
        Self {
            signer: true,
            separate_client_ca: false,
            port: 0,
            anonymous: true,
            max_cert_duration: Duration::from_secs(YEAR.unsigned_abs()),
            max_token_duration: None,
            authorization_config: None,
            tls12: false,
            http11: false,
            ipv6: false,
        }
    }
}

/// What can be wrong with a server, or with the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It takes the request and never answers.
    Silent,
    /// It has too much to do, and says to come back after so many seconds.
    Busy(u64),
    /// It fails with this code, and says nothing of coming back.
    Failing(u16),
    /// Its answer is cut off in the middle.
    Reset,
    /// Its answer stops in the middle and the connection stays.
    Stalled,
    /// Its answer comes one byte a second.
    Dripping,
    /// Its answer is empty.
    Empty,
    /// Its answer never ends, and holds no line's end.
    Endless,
    /// Its answer is one object of so many megabytes.
    Huge(u32),
    /// Its answer is a page for people.
    Page,
    /// It sends people to another host.
    Redirect,
    /// Its answer is JSON of no kind that was asked for.
    Nonsense,
    /// Its answer is an object of another name; as a list, the same page again and again.
    Other,
    /// It does not know the past any more: a watch ends with the error 410.
    Gone,
    /// Each line of its answer comes twice, and once more after the next one.
    Repeated,
}

/// What went over the wire so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that were opened.
    pub connections: u64,
    /// Bytes that clients sent, with TLS.
    pub received: u64,
    /// Bytes that the server sent, with TLS.
    pub sent: u64,
}

/// One request that was answered, or is never going to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The HTTP method.
    pub method: String,
    /// The path as sent, with the query.
    pub path: String,
    /// The user in whose name it ran (the impersonated one, if any); empty if authentication failed.
    pub user: String,
    /// The HTTP status; 0 for none.
    pub status: u16,
}

/// A running API server. Dropping it stops the server and closes every connection.
pub struct Sandbox {
    cluster: Arc<Cluster>,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a server on a thread of its own and returns once it accepts connections.
    pub fn start(options: SandboxOptions) -> io::Result<Self> {
        let server_ca = Authority::generate("sandbox-ca").map_err(io::Error::other)?;
        let client_ca = if options.separate_client_ca {
            Some(Authority::generate("sandbox-client-ca").map_err(io::Error::other)?)
        } else {
            None
        };
        let tls = server_config(&server_ca, options.tls12, options.http11);
        let tls = Arc::new(tls.map_err(io::Error::other)?);
        let seconds = i64::try_from(options.max_cert_duration.as_secs()).unwrap_or(i64::MAX / 4);
        let cluster = Arc::new(Cluster::new(
            server_ca,
            client_ca,
            options.signer,
            options.anonymous,
            seconds.min(i64::MAX / 4),
            token::Issuer::generate(options.max_token_duration).map_err(io::Error::other)?,
            options.authorization_config,
        ));
        let verifier = client_verifier(cluster.client_ca()).map_err(io::Error::other)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (address, host) = match options.ipv6 {
            true => (IpAddr::from(Ipv6Addr::LOCALHOST), "[::1]"),
            false => (IpAddr::from(Ipv4Addr::LOCALHOST), "127.0.0.1"),
        };
        let (started, port) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let shared = Arc::clone(&cluster);
        let thread = thread::Builder::new().name("sandbox".into()).spawn(move || {
            runtime.block_on(async move {
                let bound = TcpListener::bind((address, options.port)).await;
                let listener = match bound.and_then(|it| Ok((it.local_addr()?.port(), it))) {
                    Ok((port, listener)) => {
                        let _waiting = started.send(Ok(port));
                        listener
                    }
                    Err(error) => {
                        let _waiting = started.send(Err(error));
                        return;
                    }
                };
                tokio::spawn(csr::run_signer(Arc::clone(&shared)));
                let tls = TlsAcceptor::from(tls);
                tokio::spawn(serve(shared, listener, tls, verifier));
                let _stopped = stopped.await;
            });
        })?;
        let port = port.recv().map_err(io::Error::other)??;
        let url = format!("https://{host}:{port}");
        Ok(Self { cluster, url, stop: Some(stop), thread: Some(thread) })
    }

    /// The server's address, `https://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The CA of the server's certificate, PEM.
    pub fn ca_pem(&self) -> &str {
        self.cluster.server_ca.pem()
    }

    /// The CA of users' certificates, PEM; the same unless [`SandboxOptions::separate_client_ca`] is set.
    pub fn client_ca_pem(&self) -> &str {
        self.cluster.client_ca().pem()
    }

    /// The private key of the CA of users' certificates, PEM.
    pub fn client_ca_key_pem(&self) -> String {
        self.cluster.client_ca().key_pem()
    }

    /// A kubeconfig with the context `admin@sandbox` and a certificate of group `system:masters`.
    pub fn admin_kubeconfig(&self) -> String {
        self.kubeconfig_for("admin", &[MASTERS])
    }

    /// A kubeconfig with the context `USER@sandbox` and a fresh P-256 certificate, embedded.
    ///
    /// # Panics
    ///
    /// If the system's random generator fails.
    #[expect(clippy::expect_used, reason = "nothing to handle where this is used, in tests")]
    pub fn kubeconfig_for(&self, user: &str, groups: &[&str]) -> String {
        let (certificate, key) = self.issue(user, groups).expect("a certificate is issued");
        let credential = Credential::Certificate(&certificate, &key);
        kubeconfig(&self.url, self.ca_pem(), user, &credential)
    }

    /// Certificate and key for a user, PEM.
    fn issue(&self, user: &str, groups: &[&str]) -> Result<(String, String), x509::IssueError> {
        let key = ClientKey::generate()?;
        let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
        let now = jiff::Timestamp::now().as_second();
        let certificate = self.cluster.client_ca().issue(&Profile {
            subject: &Name::of(user, &groups),
            public_key_info: &key.public_key_info(),
            usages: Usages::from_names(&["digital signature", "client auth"]),
            alt_names: AltNames::default(),
            not_before: now - 5 * MINUTE,
            not_after: now + YEAR,
        })?;
        Ok((encode_pem("CERTIFICATE", &certificate), key.pem()))
    }

    /// A kubeconfig with the context `USER@sandbox` and a bearer token.
    pub fn token_kubeconfig_for(&self, user: &str, groups: &[&str]) -> String {
        let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
        let token = self.cluster.add_token(User::new(user, &groups));
        kubeconfig(&self.url, self.ca_pem(), user, &Credential::Token(&token))
    }

    /// A kubeconfig with the context `anonymous@sandbox` and no credentials.
    pub fn anonymous_kubeconfig(&self) -> String {
        kubeconfig(&self.url, self.ca_pem(), "anonymous", &Credential::None)
    }

    /// The requests answered so far.
    pub fn log(&self) -> Vec<LogEntry> {
        self.cluster.log().clone()
    }

    /// Forgets the requests answered so far.
    pub fn clear_log(&self) {
        self.cluster.log().clear();
    }

    /// Answers so many of the next requests with 429 and `Retry-After`.
    pub fn be_busy(&self, requests: u32, seconds: u32) {
        self.cluster.be_busy(requests, seconds);
    }

    /// From now on all requests whose path and query hold `part` meet this fault.
    pub fn fail_at(&self, part: &str, fault: Fault) {
        self.cluster.add_fault(part, fault);
    }

    /// After so many more requests that change something, all such are held, neither handled nor answered,
    /// until [`Sandbox::recover`]. In the log their status is 0.
    pub fn hold_writes(&self, after: u32) {
        self.cluster.hold_writes(after);
    }

    /// So many more requests are authenticated, from then on none.
    pub fn expire_credentials(&self, requests: u32) {
        self.cluster.expire_credentials(requests);
    }

    /// From now on each connection is closed, unanswered, when its second request comes: as by a server
    /// that ends idle connections at that very moment.
    pub fn close_reused(&self) {
        self.cluster.close_reused();
    }

    /// Closes so many of the next connections before anything is said on them.
    pub fn drop_connections(&self, connections: u32) {
        self.cluster.drop_connections(connections);
    }

    /// What went over the wire since the start.
    pub fn traffic(&self) -> Traffic {
        self.cluster.traffic()
    }

    /// From now on no request meets a fault.
    pub fn recover(&self) {
        self.cluster.clear_faults();
    }

    /// Forgets past changes, as an API server does in time: every watch ends with the error 410.
    pub fn forget_changes(&self) {
        self.cluster.store().overtake();
    }

    /// Lets answers tell a time (`Date`) so many seconds ahead; nothing else goes by it.
    pub fn tell_time(&self, ahead: i64) {
        self.cluster.ahead.store(ahead, Ordering::Relaxed);
    }

    /// Switches the signer on or off. Switched on, it signs what was approved in the meantime.
    pub fn set_signer(&self, on: bool) {
        self.cluster.signer.send_replace(on);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("url", &self.url).finish_non_exhaustive()
    }
}
