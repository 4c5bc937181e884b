//! Connections, and the way of a request through them: authentication, impersonation, authorization, resource.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::server::danger::ClientCertVerifier;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::answer::{self, Body, Form};
use crate::api::{Kind, Resource};
use crate::authn::{Peer, authenticate, forbidden, impersonate};
use crate::authz::{Attributes, authorize};
use crate::cluster::Cluster;
use crate::codec::Payload;
use crate::rest::{self, Call};
use crate::status::{Result, Status};
use crate::target::{Query, Target};
use crate::user::User;
use crate::{Fault, LogEntry, Traffic, discovery, openapi, review, revocation, token, watch};

/// Accepts connections until the runtime goes down.
pub(crate) async fn serve(
    cluster: Arc<Cluster>,
    listener: TcpListener,
    tls: TlsAcceptor,
    verifier: Arc<dyn ClientCertVerifier>,
) {
    loop {
        // An error is one of the connection that was about to come, not of the listener.
        if let Ok((tcp, _)) = listener.accept().await {
            cluster.count(Traffic { connections: 1, ..Traffic::default() });
            if cluster.drops_connection() {
                tokio::spawn(end(tcp));
                continue;
            }
            // As Go does for every connection; else small answers wait for the client's ACK.
            let _best_effort = tcp.set_nodelay(true);
            let (cluster, tls, verifier) =
                (Arc::clone(&cluster), tls.clone(), Arc::clone(&verifier));
            tokio::spawn(connection(cluster, tcp, tls, verifier));
        }
    }
}

/// Ends a connection in order: a socket that is closed with unread data resets it, and then it depends on
/// the client's speed what the client sees.
async fn end(mut tcp: TcpStream) {
    let _gone = tcp.shutdown().await;
    let _gone = tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await;
}

async fn connection(
    cluster: Arc<Cluster>,
    tcp: TcpStream,
    tls: TlsAcceptor,
    verifier: Arc<dyn ClientCertVerifier>,
) {
    let tcp = Counted { stream: tcp, cluster: Arc::clone(&cluster) };
    // A client that breaks off the handshake or the connection knows that itself.
    let Ok(stream) = tls.accept(tcp).await else { return };
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificates = certificates.iter().map(|it| it.clone().into_owned()).collect();
    let peer = Peer { certificates, verifier };
    let requests = AtomicU32::new(0);
    let service = service_fn(move |request| {
        let (cluster, peer) = (Arc::clone(&cluster), peer.clone());
        let is_reused = requests.fetch_add(1, Ordering::Relaxed) > 0;
        async move {
            match is_reused && cluster.closes_reused() {
                true => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
                false => Ok(answer_request(&cluster, &peer, request).await),
            }
        }
    });
    let _closed =
        Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// A connection whose bytes are counted.
struct Counted {
    stream: TcpStream,
    cluster: Arc<Cluster>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let received = (buffer.filled().len() - before) as u64;
        self.cluster.count(Traffic { received, ..Traffic::default() });
        read
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(sent)) = written {
            self.cluster.count(Traffic { sent: sent as u64, ..Traffic::default() });
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Answers a request and writes it down.
async fn answer_request(
    cluster: &Arc<Cluster>,
    peer: &Peer,
    request: Request<Incoming>,
) -> Response<Body> {
    let method = request.method().to_string();
    let path = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
    let mut user = User::default();
    let fault = cluster.fault_at(&path);
    let held = || *request.method() != Method::GET && cluster.holds_write();
    let mut response = match fault.or_else(|| held().then_some(Fault::Silent)) {
        Some(Fault::Silent) => {
            cluster.log().push(LogEntry { method, path, user: user.name, status: 0 });
            return std::future::pending().await;
        }
        Some(Fault::Repeated) => answer::repeated(handled(cluster, peer, request, &mut user).await),
        Some(fault) => answer::faulty(fault),
        None => handled(cluster, peer, request, &mut user).await,
    };
    tell_time(&mut response, cluster.ahead.load(Ordering::Relaxed));
    let status = response.status().as_u16();
    cluster.log().push(LogEntry { method, path, user: user.name, status });
    response
}

/// Sets a `Date` that is ahead; else hyper sets the right one.
fn tell_time(response: &mut Response<Body>, ahead: i64) {
    let told = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_secs(ahead));
    if ahead == 0 {
        return;
    }
    if let Some(date) = told.ok().map(|told| told.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        && let Ok(date) = date.parse()
    {
        response.headers_mut().insert(hyper::header::DATE, date);
    }
}

async fn handled(
    cluster: &Arc<Cluster>,
    peer: &Peer,
    request: Request<Incoming>,
    user: &mut User,
) -> Response<Body> {
    let answer = match cluster.has_expired() {
        true => Err(Status::unauthorized()),
        false => handle(cluster, peer, request, user).await,
    };
    answer.unwrap_or_else(|status| answer::failure(&status))
}

async fn handle(
    cluster: &Arc<Cluster>,
    peer: &Peer,
    request: Request<Incoming>,
    user: &mut User,
) -> Result<Response<Body>> {
    let (head, body) = request.into_parts();
    *user = authenticate(cluster, peer, &head.headers)?;
    if let Some(seconds) = cluster.turns_away() {
        return Ok(answer::too_many_requests(seconds.into()));
    }
    let query = Query::of(&head.uri);
    let target = Target::of(&head.method, &head.uri, &query);
    let path = head.uri.path_and_query().map_or("", |it| it.as_str());
    {
        let store = cluster.store();
        if head.headers.contains_key("impersonate-user")
            && let Some(why) = revocation::refused_by_authorizer(cluster, user)
        {
            let wanted = Attributes { verb: "impersonate", ..target.attributes() };
            return Err(forbidden(user, &wanted).because(&why));
        }
        *user = impersonate(&store, user.clone(), &head.headers)?;
        if let Some(why) = revocation::refused_by_authorizer(cluster, user) {
            return Ok(revocation::authorizer_failed(path, &why));
        }
        let wanted = target.attributes();
        if authorize(&store, user, &wanted).is_none() {
            return Err(forbidden(user, &wanted));
        }
    }
    if head.method == Method::HEAD {
        return Err(Status::method_not_allowed());
    }
    let form = Form::accepted(&head.headers)?;
    if !target.is_resource {
        return plain(&target, form);
    }
    if !target.group.is_empty() && !discovery::groups().contains(&target.group.as_str()) {
        return Ok(answer::no_such_page());
    }
    let resource = Resource::find(&target.group, &target.resource)
        .filter(|_| target.version == "v1" && !target.deeper)
        .ok_or_else(Status::no_such_path)?;
    let call = Call { cluster, user, target: &target, query: &query, resource, form };
    call.check_verb()?;
    match target.verb.as_str() {
        "get" if target.subresource == "proxy" => rest::connect(&call),
        "get" => rest::get(&call),
        "list" => rest::list(&call),
        "watch" => watch::watch(&call),
        "deletecollection" => {
            revocation::admit(&call, None)?;
            rest::delete_collection(&call)
        }
        verb => {
            query.check_dry_run(match verb {
                "update" => "UpdateOptions",
                "patch" => "PatchOptions",
                "delete" => "DeleteOptions",
                _ => "CreateOptions",
            })?;
            let payload = Payload::read(&head.headers, body).await?;
            revocation::admit(&call, Some(&payload))?;
            match (verb, resource.kind) {
                ("update", _) => rest::put(&call, &payload),
                ("patch", _) => rest::patch(&call, &payload),
                ("delete", _) => rest::delete(&call, &payload),
                (_, Kind::ServiceAccount) if target.subresource == "token" => {
                    token::create(&call, &payload)
                }
                (
                    _,
                    Kind::SelfSubjectReview
                    | Kind::SelfSubjectAccessReview
                    | Kind::SelfSubjectRulesReview
                    | Kind::SubjectAccessReview,
                ) => review::create(&call, &payload),
                _ => rest::create(&call, &payload),
            }
        }
    }
}

impl Target {
    fn attributes(&self) -> Attributes<'_> {
        Attributes {
            verb: &self.verb,
            namespace: &self.namespace,
            group: &self.group,
            resource: &self.resource,
            subresource: &self.subresource,
            name: &self.name,
            path: if self.is_resource { "" } else { &self.path },
        }
    }
}

impl Call<'_> {
    /// Whether the resource or subresource takes the verb, and at this path.
    fn check_verb(&self) -> Result<()> {
        let target = self.target;
        let verbs = match target.subresource.as_str() {
            "" => self.resource.verbs,
            name => {
                let mut known = self.resource.subresources.iter();
                known.find(|it| it.name == name).ok_or_else(Status::no_such_path)?.verbs
            }
        };
        let fits = match target.verb.as_str() {
            // A list or watch has a name if its selector has one.
            "list" | "watch" | "deletecollection" => true,
            "create" => target.name.is_empty() == target.subresource.is_empty(),
            _ => !target.name.is_empty(),
        };
        let placed = !self.resource.namespaced
            || !target.namespace.is_empty()
            || matches!(target.verb.as_str(), "list" | "watch");
        if fits && placed && verbs.contains(&target.verb.as_str()) {
            Ok(())
        } else {
            Err(Status::method_not_allowed())
        }
    }
}

/// Answers outside of resources.
fn plain(target: &Target, form: Form) -> Result<Response<Body>> {
    if target.verb != "get" {
        return Err(Status::method_not_allowed());
    }
    let parts: Vec<&str> = target.path.trim_matches('/').split('/').collect();
    let known = |group: &str| discovery::groups().contains(&group);
    let json = match parts.as_slice() {
        ["version"] => discovery::version(),
        ["healthz" | "livez" | "readyz", ..] => return Ok(answer::text(StatusCode::OK, "ok")),
        [root @ ("api" | "apis")] if form == Form::Discovery => {
            return Ok(answer::discovery(&discovery::everything(*root == "api")));
        }
        ["openapi", "v3"] => openapi::index(),
        ["openapi", "v3", "api", "v1"] => openapi::description(""),
        ["openapi", "v3", "apis", group, "v1"] if known(group) => openapi::description(group),
        ["api"] => discovery::core_versions(),
        ["apis"] => discovery::group_list(),
        ["api", "v1"] => discovery::resource_list(""),
        ["apis", group] if known(group) => discovery::group(group),
        ["apis", group, "v1"] if known(group) => discovery::resource_list(group),
        _ => return Ok(answer::no_such_page()),
    };
    Ok(answer::json(StatusCode::OK, &json))
}
