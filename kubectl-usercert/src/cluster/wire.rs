//! One request to the API server and its answer, byte for byte.
//!
//! A server that is overloaded answers 429 or 503 and says in `Retry-After` when to come back; it has
//! done nothing until then. client-go obeys, and so does this (`client-go/rest/with_retry.go`). What
//! changes nothing is sent again if its connection ends before an answer comes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::core::response::Status;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use usercert_core::lifecycle;
use usercert_core::text::show;
use usercert_core::time::UnixTime;

use super::connection::Connection;
use super::failure::ApiError;
use super::transport::ended_unanswered;

/// How often a busy server is asked again, as client-go does.
const RETRIES: u32 = 10;
/// How many connections that were kept open may have ended, before one is new: more are never kept.
const KEPT: u32 = 10;
/// The longest time that a busy server is waited for, all waits of one request together.
const PATIENCE: Duration = Duration::from_secs(120);
/// The longest answer that is read where nothing else is said, in bytes. The server's storage takes
/// objects of a megabyte and a half, which are longer as JSON.
pub(super) const ANSWER_LIMIT: usize = 8 << 20;
/// Longest failure that is read: it may repeat the whole request.
const FAILURE_LIMIT: usize = 4 << 20;

/// Told how long a busy server wants to be left alone.
pub type OnBusy = Arc<dyn Fn(Duration) + Send + Sync>;

#[derive(Clone)]
pub(super) struct Wire {
    pub(super) connection: Connection,
    /// Longest time for one request; `None` waits for ever.
    pub(super) timeout: Option<Duration>,
    pub(super) on_busy: Option<OnBusy>,
    /// Whether it is time to stop: then a busy server is not waited for.
    pub(super) stop: Option<watch::Receiver<bool>>,
    /// The form of answers.
    pub(super) accept: &'static str,
    /// Who connects, and by which context, where that is known.
    pub(super) who: Option<Arc<str>>,
    /// The server's time in its last answer, and when that came.
    pub(super) clock: Arc<Mutex<Option<(UnixTime, Instant)>>>,
}

pub(super) const OBJECTS: &str = "application/json";
/// Lists as the server's own tables, as kubectl prints them.
pub(super) const TABLES: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

impl Wire {
    /// Sends a request and reads its whole answer.
    pub(super) async fn exchange(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Vec<u8>, ApiError> {
        let answer = self.exchange_limited(method, path, body, ANSWER_LIMIT).await?;
        answer.ok_or_else(|| too_long(ANSWER_LIMIT))
    }

    /// The same, for an answer of up to `limit` bytes; `None` if it is longer.
    pub(super) async fn exchange_limited(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, ApiError> {
        Ok(self.respond(method, path, body, limit).await?.1)
    }

    pub(super) async fn respond(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        limit: usize,
    ) -> Result<(HeaderMap, Option<Vec<u8>>), ApiError> {
        let (response, time) = self.open(method, path, body).await?;
        let headers = response.headers().clone();
        Ok((headers, time.limit(read(response.into_body(), limit)).await?))
    }

    /// Sends a request until it succeeds; the answer with its body unread, and the time for that. A busy
    /// server is asked again when it says so, within limits.
    pub(super) async fn open(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(Response<Body>, Time), ApiError> {
        let body = body.map(Value::to_string).unwrap_or_default().into_bytes();
        let mut waited = Duration::ZERO;
        let mut tries = 0;
        let mut ended = 0;
        loop {
            let time = Time::from_now(self.timeout);
            let (status, pause) = match time.limit(self.attempt(method, path, body.clone())).await {
                Ok(Outcome::Done(response)) => return Ok((response, time)),
                Ok(Outcome::Failed(status, pause)) => (status, pause),
                Err(ApiError::Transport(error))
                    if ended < KEPT
                        && changes_nothing(method, path)
                        && ended_unanswered(&error) =>
                {
                    ended += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Some(pause) = pause.filter(|_| tries < RETRIES) else {
                return Err(self.failed(status));
            };
            tries += 1;
            waited = waited.saturating_add(pause);
            if waited > PATIENCE {
                return Err(ApiError::Busy(status, pause));
            }
            if let Some(on_busy) = &self.on_busy {
                on_busy(pause);
            }
            if self.stopped_within(pause).await {
                return Err(ApiError::Status(status));
            }
        }
    }

    /// The server's time, by its last answer.
    pub(super) fn time(&self) -> Option<UnixTime> {
        let (told, at) = (*self.clock.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(told.plus(i64::try_from(at.elapsed().as_secs()).ok()?))
    }

    fn failed(&self, status: Box<Status>) -> ApiError {
        match self.who.clone().filter(|_| lifecycle::refusal(&status.message).is_some()) {
            Some(who) => ApiError::Revoked(status, who),
            None => ApiError::Status(status),
        }
    }

    /// Sends a request once; the code of its answer, and the message of a failure.
    pub(super) async fn plain(
        &self,
        request: Request<Vec<u8>>,
        limit: usize,
    ) -> Result<(u16, String), ApiError> {
        let (head, body) =
            self.connection.client().await?.send(request.map(Body::from)).await?.into_parts();
        let body = read(body, limit).await?.unwrap_or_default();
        let code = head.status;
        let message = if code.is_success() { String::new() } else { failure(code, &body).message };
        Ok((code.as_u16(), message))
    }

    /// Waits; true if it was told to stop before the time was up.
    async fn stopped_within(&self, pause: Duration) -> bool {
        let Some(mut stop) = self.stop.clone() else {
            tokio::time::sleep(pause).await;
            return false;
        };
        let told = tokio::time::timeout(pause, async {
            if stop.wait_for(|told| *told).await.is_err() {
                // Nobody is there to tell.
                std::future::pending::<()>().await;
            }
        });
        told.await.is_ok()
    }

    async fn attempt(
        &self,
        method: &Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Outcome, ApiError> {
        let form = match *method {
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(ACCEPT, self.accept)
            .header(CONTENT_TYPE, form)
            .body(Body::from(body))
            .map_err(|e| ApiError::Malformed(e.to_string()))?;
        let (head, body) = self.connection.client().await?.send(request).await?.into_parts();
        let code = head.status;
        if code == StatusCode::UNAUTHORIZED {
            self.connection.refused().await;
        }
        let header = |name| head.headers.get(name).map(|v| String::from_utf8_lossy(v.as_bytes()));
        if let Some(told) = header(DATE).and_then(|date| UnixTime::from_http_date(&date)) {
            let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
            *clock = Some((told, Instant::now()));
        }
        if code.is_success() {
            return match header(CONTENT_TYPE).filter(|kind| !is_json(kind)) {
                Some(kind) => {
                    let kind = show(&kind);
                    Err(ApiError::Malformed(format!("it is {kind} instead of application/json")))
                }
                None => Ok(Outcome::Done(Response::from_parts(head, body))),
            };
        }
        if code.is_redirection() {
            let to = show(&header(LOCATION).unwrap_or_default());
            return Err(ApiError::Malformed(format!(
                "it redirects to {to}, and redirects are not followed"
            )));
        }
        let pause = header(RETRY_AFTER).filter(|_| is_busy(code)).and_then(|v| seconds(&v));
        let status = match read(body, FAILURE_LIMIT).await? {
            Some(body) => failure(code, &body),
            None => failure(code, b"its message is too long"),
        };
        Ok(Outcome::Failed(status, pause))
    }
}

enum Outcome {
    Done(Response<Body>),
    /// With the time after which to ask again, if the server named one.
    Failed(Box<Status>, Option<Duration>),
}

#[derive(Clone, Copy)]
pub(super) struct Time(Option<(Duration, Instant)>);

impl Time {
    fn from_now(limit: Option<Duration>) -> Self {
        Self(limit.and_then(|limit| Some((limit, Instant::now().checked_add(limit)?))))
    }

    /// What `work` comes to within the time.
    async fn limit<T>(
        self,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        match self.0 {
            Some((limit, end)) => {
                tokio::time::timeout_at(end, work).await.unwrap_or(Err(ApiError::Timeout(limit)))
            }
            None => work.await,
        }
    }
}

/// Whether a request may be sent twice: it reads, or asks for a review, which is not stored.
fn changes_nothing(method: &Method, path: &str) -> bool {
    *method == Method::GET || (*method == Method::POST && path.ends_with("reviews"))
}

/// Whether a content type is JSON.
fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// A number of seconds, however large; a date is none.
fn seconds(text: &str) -> Option<Duration> {
    let digits = text.trim();
    let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    number.then(|| Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

pub(super) fn too_long(limit: usize) -> ApiError {
    ApiError::Malformed(format!("it is longer than {} MiB", limit >> 20))
}

fn is_busy(code: StatusCode) -> bool {
    code == StatusCode::TOO_MANY_REQUESTS || code == StatusCode::SERVICE_UNAVAILABLE
}

/// The body, or `None` if it is longer than `limit` bytes; then the rest goes unread.
async fn read(mut body: Body, limit: usize) -> Result<Option<Vec<u8>>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref() {
            if bytes.len() + data.len() > limit {
                return Ok(None);
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(Some(bytes))
}

/// The failure that an answer states; a proxy on the way may answer in any form.
fn failure(code: StatusCode, body: &[u8]) -> Box<Status> {
    serde_json::from_slice::<Status>(body).map_or_else(
        |_| {
            let text = String::from_utf8_lossy(body);
            let reason = match code {
                StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
                StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
                StatusCode::GATEWAY_TIMEOUT => "Timeout",
                code if code.is_server_error() => "InternalError",
                _ => "Unknown",
            };
            let text = match text.trim() {
                "" => format!("HTTP status {code}"),
                text => text.to_owned(),
            };
            Status::failure(&text, reason).with_code(code.as_u16()).boxed()
        },
        Status::boxed,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_of_any_number() {
        assert_eq!(seconds(" 30 "), Some(Duration::from_secs(30)));
        assert_eq!(seconds("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        for no_number in ["", "-1", "1.5", "Fri, 31 Dec 1999 23:59:59 GMT"] {
            assert_eq!(seconds(no_number), None, "{no_number}");
        }
    }

    #[test]
    fn what_is_stored_is_not_sent_twice() {
        let reviews = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
        assert!(changes_nothing(&Method::POST, reviews) && changes_nothing(&Method::GET, requests));
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(!changes_nothing(&method, requests), "{method}");
        }
    }

    #[test]
    fn json_by_its_content_type() {
        assert!(is_json("application/json"));
        assert!(is_json("Application/JSON; charset=utf-8"));
        assert!(is_json("application/json;as=Table;v=v1;g=meta.k8s.io"));
        assert!(!is_json("text/html; charset=utf-8"));
        assert!(!is_json("application/vnd.kubernetes.protobuf"));
    }
}
