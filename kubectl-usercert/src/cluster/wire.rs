//! One request to the API server and its answer, byte for byte.
//!
//! A server that is overloaded answers 429 or 503 and says in `Retry-After` when to come back; it has
//! done nothing until then. client-go obeys, and so does this (`client-go/rest/with_retry.go`).

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use kube::core::response::Status;
use serde_json::Value;
use tokio::sync::watch;

use super::ApiError;

/// How often a busy server is asked again, as client-go does.
const RETRIES: u32 = 10;
/// The longest time that a busy server is waited for, all waits of one request together.
const PATIENCE: Duration = Duration::from_secs(120);
/// Longest failure that is read.
const FAILURE_LIMIT: usize = 4 << 20;

/// Told how long a busy server wants to be left alone.
pub type OnBusy = Arc<dyn Fn(Duration) + Send + Sync>;

/// How requests are sent.
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) client: Client,
    /// Longest time for one request; `None` waits for ever.
    pub(super) timeout: Option<Duration>,
    pub(super) on_busy: Option<OnBusy>,
    /// Whether it is time to stop: then a busy server is not waited for.
    pub(super) stop: Option<watch::Receiver<bool>>,
    /// The form of answers.
    pub(super) accept: &'static str,
}

/// Answers as they are.
pub(super) const OBJECTS: &str = "application/json";
/// Lists as the server's own tables, as kubectl prints them.
pub(super) const TABLES: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

impl Wire {
    /// Sends a request and reads its whole answer. A busy server is asked again when it says so, within
    /// limits.
    pub(super) async fn exchange(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Vec<u8>, ApiError> {
        match self.exchange_limited(method, path, body, usize::MAX).await? {
            Some(answer) => Ok(answer),
            None => Err(ApiError::Malformed("it is too long".to_owned())),
        }
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

    /// The same, with the headers of the answer.
    pub(super) async fn respond(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        limit: usize,
    ) -> Result<(HeaderMap, Option<Vec<u8>>), ApiError> {
        let body = body.map(Value::to_string).unwrap_or_default().into_bytes();
        let mut waited = Duration::ZERO;
        let mut tries = 0;
        loop {
            let attempt = self.attempt(method, path, body.clone(), limit);
            let outcome = self.limited(attempt).await?;
            let (status, pause) = match outcome {
                Outcome::Done(headers, answer) => return Ok((headers, answer)),
                Outcome::Failed(status, pause) => (status, pause),
            };
            tries += 1;
            match pause.filter(|p| tries <= RETRIES && waited + *p <= PATIENCE) {
                Some(pause) => {
                    waited += pause;
                    if let Some(on_busy) = &self.on_busy {
                        on_busy(pause);
                    }
                    if self.stopped_within(pause).await {
                        return Err(ApiError::Status(status));
                    }
                }
                None => return Err(ApiError::Status(status)),
            }
        }
    }

    /// Sends a request once; the code of its answer, and the message of a failure.
    pub(super) async fn plain(
        &self,
        request: Request<Vec<u8>>,
        limit: usize,
    ) -> Result<(u16, String), ApiError> {
        let response = self.client.send(request.map(Body::from)).await?;
        let code = response.status();
        let body = read(response, limit).await?.unwrap_or_default();
        let message = if code.is_success() { String::new() } else { failure(code, &body).message };
        Ok((code.as_u16(), message))
    }

    /// What `work` comes to within the time for one request.
    pub(super) async fn limited<T, E: Into<ApiError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ApiError> {
        let done = match self.timeout {
            Some(after) => {
                tokio::time::timeout(after, work).await.map_err(|_| ApiError::Timeout(after))?
            }
            None => work.await,
        };
        done.map_err(Into::into)
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
        limit: usize,
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
        let response = self.client.send(request).await?;
        if response.status().is_success() {
            let headers = response.headers().clone();
            return Ok(Outcome::Done(headers, read(response, limit).await?));
        }
        let code = response.status();
        let header =
            response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
        let body = read(response, FAILURE_LIMIT).await?.unwrap_or_default();
        let status = failure(code, &body);
        let pause = header.filter(|_| is_busy(code)).map(Duration::from_secs);
        Ok(Outcome::Failed(status, pause))
    }
}

enum Outcome {
    /// `None`: longer than wanted.
    Done(HeaderMap, Option<Vec<u8>>),
    /// With the time after which to ask again, if the server named one.
    Failed(Box<Status>, Option<Duration>),
}

fn is_busy(code: StatusCode) -> bool {
    code == StatusCode::TOO_MANY_REQUESTS || code == StatusCode::SERVICE_UNAVAILABLE
}

/// The body, or `None` if it is longer than `limit` bytes; then the rest goes unread.
async fn read(response: Response<Body>, limit: usize) -> Result<Option<Vec<u8>>, ApiError> {
    let mut body = response.into_body();
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
                _ => "Failed to parse error data",
            };
            Status::failure(text.trim(), reason).with_code(code.as_u16()).boxed()
        },
        Status::boxed,
    )
}
