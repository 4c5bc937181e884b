//! Responses, and which form of them a client accepts.

use std::io;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER, WARNING};
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::Value;

use crate::Fault;
use crate::status::{Result, Status};

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

const JSON: &str = "application/json";
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The forms of an answer that the sandbox can choose from. All of them are JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    /// Printed columns, as `kubectl get` asks for.
    Table,
    /// All groups and resources in one document.
    Discovery,
}

impl Form {
    /// The first form in the Accept header that is offered here.
    pub(crate) fn accepted(headers: &HeaderMap) -> Result<Self> {
        let accept = headers.get("accept").and_then(|value| value.to_str().ok()).unwrap_or("*/*");
        for media_type in accept.split(',') {
            let mut parts = media_type.split(';').map(str::trim);
            let base = parts.next().unwrap_or_default();
            if !matches!(base, JSON | "application/*" | "*/*" | "") {
                continue;
            }
            let parameters: Vec<&str> = parts.collect();
            let has = |wanted: &[&str]| wanted.iter().all(|it| parameters.contains(it));
            if has(&["as=Table", "v=v1", "g=meta.k8s.io"]) {
                return Ok(Self::Table);
            }
            if has(&["as=APIGroupDiscoveryList", "v=v2", "g=apidiscovery.k8s.io"]) {
                return Ok(Self::Discovery);
            }
            if !parameters.iter().any(|it| it.starts_with("as=")) {
                return Ok(Self::Plain);
            }
        }
        Err(Status::not_acceptable())
    }
}

/// A successful answer.
pub(crate) fn json(code: StatusCode, json: &Value) -> Response<Body> {
    respond(code, JSON, json.to_string())
}

/// Discovery in one document.
pub(crate) fn discovery(json: &Value) -> Response<Body> {
    respond(StatusCode::OK, DISCOVERY, json.to_string())
}

pub(crate) fn text(code: StatusCode, text: &str) -> Response<Body> {
    respond(code, "text/plain; charset=utf-8", text.into())
}

/// The answer of a Go server that knows nothing about a path.
pub(crate) fn no_such_page() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

pub(crate) fn failure(status: &Status) -> Response<Body> {
    json(status.code, &status.to_json())
}

/// What a server says that has too many requests already (`apiserver/pkg/server/filters/maxinflight.go`).
pub(crate) fn too_many_requests(seconds: u64) -> Response<Body> {
    let words = "Too many requests, please try again later.\n";
    let mut response = text(StatusCode::TOO_MANY_REQUESTS, words);
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}

/// Lines of JSON, one by one.
pub(crate) fn stream(lines: impl Stream<Item = String> + Send + 'static) -> Response<Body> {
    let frames = lines.map(|line| Ok(Frame::data(Bytes::from(line))));
    with_type(StatusCode::OK, JSON, StreamBody::new(frames).boxed_unsync())
}

/// Each part of an answer twice, and the one before once more.
pub(crate) fn repeated(response: Response<Body>) -> Response<Body> {
    let (head, body) = response.into_parts();
    let mut last = Bytes::new();
    let body = body.map_frame(move |frame| {
        let part = frame.into_data().unwrap_or_default();
        let all = [&part[..], &part[..], &last[..]].concat();
        last = part;
        Frame::data(Bytes::from(all))
    });
    Response::from_parts(head, body.boxed_unsync())
}

/// Adds warnings, which kubectl prints.
pub(crate) fn warn(mut response: Response<Body>, warnings: &[String]) -> Response<Body> {
    for warning in warnings {
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            response.headers_mut().append(WARNING, value);
        }
    }
    response
}

/// An answer with something wrong with it.
pub(crate) fn faulty(fault: Fault) -> Response<Body> {
    const START: &str = r#"{"kind":"CertificateSigningRequest","metadata":{"name":"#;
    let start = || stream::iter([Ok(Frame::data(Bytes::from_static(START.as_bytes())))]);
    let body = match fault {
        Fault::Busy(seconds) => return too_many_requests(seconds),
        Fault::Failing(code) => {
            let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return text(code, "it is out of order\n");
        }
        Fault::Page => {
            return respond(StatusCode::OK, "text/html", "<html>Please log in</html>".into());
        }
        Fault::Redirect => {
            let mut response = text(StatusCode::FOUND, "Found");
            let to = HeaderValue::from_static("https://login.example.com/");
            response.headers_mut().insert(LOCATION, to);
            return response;
        }
        Fault::Gone => {
            let status = Status::expired("too old resource version: 1 (2)".to_owned());
            let event = serde_json::json!({"type": "ERROR", "object": status.to_json()});
            return respond(StatusCode::OK, JSON, format!("{event}\n"));
        }
        Fault::Nonsense => return respond(StatusCode::OK, JSON, "[1, 2".repeat(100)),
        Fault::Other => {
            let body = r#"{"metadata":{"name":"other","continue":"again"},"items":[{"metadata":{"name":"other"}}]}"#;
            return respond(StatusCode::OK, JSON, body.to_owned());
        }
        Fault::Empty => return respond(StatusCode::OK, JSON, String::new()),
        Fault::Reset => {
            // Not before the start of it is out.
            let reset = stream::once(async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(io::Error::from(io::ErrorKind::ConnectionReset))
            });
            StreamBody::new(start().chain(reset)).boxed_unsync()
        }
        Fault::Stalled | Fault::Silent | Fault::Repeated => {
            StreamBody::new(start().chain(stream::pending())).boxed_unsync()
        }
        Fault::Dripping => {
            let drops = stream::repeat(()).then(|()| async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(Frame::data(Bytes::from_static(b" ")))
            });
            StreamBody::new(drops).boxed_unsync()
        }
        Fault::Endless => {
            let block = Bytes::from(vec![b' '; 1 << 16]);
            StreamBody::new(stream::repeat_with(move || Ok(Frame::data(block.clone()))))
                .boxed_unsync()
        }
        Fault::Huge(megabytes) => {
            let block = Bytes::from(vec![b'A'; 1 << 20]);
            let blocks = stream::iter((0..megabytes).map(move |_| Ok(Frame::data(block.clone()))));
            let quote = stream::iter([Ok(Frame::data(Bytes::from_static(b"\"")))]);
            let end = stream::iter([Ok(Frame::data(Bytes::from_static(b"\"}}")))]);
            StreamBody::new(start().chain(quote).chain(blocks).chain(end)).boxed_unsync()
        }
    };
    with_type(StatusCode::OK, JSON, body)
}

fn respond(code: StatusCode, content_type: &'static str, text: String) -> Response<Body> {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {});
    with_type(code, content_type, body.boxed_unsync())
}

fn with_type(code: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}
