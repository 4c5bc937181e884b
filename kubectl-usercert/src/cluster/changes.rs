//! Watches, line by line: the only reader of them.
//!
//! Nothing that comes is believed to end: a line is bounded in size, a watch in time.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::core::response::Status;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use usercert_core::api::csr::CsrObject;
use usercert_core::api::selector::field_is;

use super::api::encode;
use super::failure::ApiError;
use super::wire::{ANSWER_LIMIT, Wire, too_long};

/// How much longer than asked a watch may last before its connection is taken for dead.
const SLACK: Duration = Duration::from_secs(15);

pub(super) struct Watch<'a> {
    /// Objects of this collection,
    pub path: &'a str,
    /// and of them those in which this field has this value, if one is given.
    pub field: Option<(&'static str, &'a str)>,
    /// From which version on.
    pub version: &'a str,
    pub seconds: u64,
}

pub(super) enum Event {
    Object(Value),
    Gone,
    /// Nothing but how far the watch has come.
    Progress,
}

pub(super) struct Events {
    body: Body,
    buffer: Vec<u8>,
    dead: Instant,
    version: String,
}

#[derive(Deserialize)]
struct Line {
    r#type: String,
    object: Value,
}

impl Wire {
    /// Begins to watch. The time for one request is the time until then: a way that carries lists and
    /// no watches would keep it deaf.
    pub(super) async fn watch(&self, watch: &Watch<'_>) -> Result<Events, ApiError> {
        let field = watch.field.map(|(field, value)| field_is(field, value));
        let field = field.map(|selector| format!("&fieldSelector={}", encode(&selector)));
        let url = format!(
            "{}?watch=1&allowWatchBookmarks=true&timeoutSeconds={}{}&resourceVersion={}",
            watch.path,
            watch.seconds,
            field.unwrap_or_default(),
            encode(watch.version)
        );
        let (response, _) = self.open(&Method::GET, &url, None).await?;
        Ok(Events {
            body: response.into_body(),
            buffer: Vec::new(),
            dead: Instant::now() + Duration::from_secs(watch.seconds) + SLACK,
            version: watch.version.to_owned(),
        })
    }
}

impl Events {
    /// The next event; `None` when the watch has ended, in due course or because the connection did.
    ///
    /// # Errors
    /// As the server answers; code 410 when it does not know the version any more.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, ApiError> {
        let Some(line) = self.line().await? else { return Ok(None) };
        let Line { r#type, object } =
            serde_json::from_slice(&line).map_err(|e| ApiError::Malformed(e.to_string()))?;
        if r#type == "ERROR" {
            let status = serde_json::from_value::<Status>(object);
            return Err(status.map_or_else(
                |e| ApiError::Malformed(e.to_string()),
                |status| ApiError::Status(status.boxed()),
            ));
        }
        if let Some(version) = object["metadata"]["resourceVersion"].as_str()
            && !version.is_empty()
        {
            version.clone_into(&mut self.version);
        }
        Ok(Some(match r#type.as_str() {
            "ADDED" | "MODIFIED" => Event::Object(object),
            "DELETED" => Event::Gone,
            _ => Event::Progress,
        }))
    }

    async fn line(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|b| *b == b'\n') {
                return Ok(Some(self.buffer.drain(..=searched + at).collect()));
            }
            searched = self.buffer.len();
            // A connection that breaks ends a watch as well as the server does: the next read tells.
            let frame = tokio::time::timeout_at(self.dead, self.body.frame()).await;
            let Ok(Some(Ok(frame))) = frame else { return Ok(None) };
            let data = frame.data_ref().map_or(&[][..], |data| data);
            if self.buffer.len() + data.len() > ANSWER_LIMIT {
                return Err(too_long(ANSWER_LIMIT));
            }
            self.buffer.extend_from_slice(data);
        }
    }
}

#[derive(Debug)]
pub enum Change {
    Object(Box<CsrObject>),
    Gone,
    /// Nothing but how far the watch has come.
    Progress,
}

pub struct Changes(pub(super) Events);

impl Changes {
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// The next change; `None` when the watch has ended.
    ///
    /// # Errors
    /// As the server answers; code 410 when it does not know the version any more.
    pub async fn next(&mut self) -> Result<Option<Change>, ApiError> {
        Ok(self.0.next().await?.map(|event| match event {
            Event::Object(object) => CsrObject::from_item(object)
                .map_or(Change::Progress, |object| Change::Object(Box::new(object))),
            Event::Gone => Change::Gone,
            Event::Progress => Change::Progress,
        }))
    }
}

/// When to watch again: a watch that ends at once is no news but a broken way.
#[derive(Default)]
pub(super) struct Pace {
    /// Watches in a row that ended at once.
    brief: u32,
}

impl Pace {
    /// A watch that lasted so long was worth it.
    const WORTH: Duration = Duration::from_secs(5);
    /// The first pause, and the longest.
    const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

    /// The pause after a watch that lasted `lasted`; none after the first that ended at once.
    pub(super) fn pause(&mut self, lasted: Duration) -> Duration {
        if lasted >= Self::WORTH {
            self.brief = 0;
            return Duration::ZERO;
        }
        let doubled = self.brief.checked_sub(1).map(|n| Self::PAUSES.0 * (1 << n.min(8)));
        self.brief += 1;
        doubled.unwrap_or_default().min(Self::PAUSES.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(body: Vec<u8>) -> Changes {
        Changes(Events {
            body: Body::from(body),
            buffer: Vec::new(),
            dead: Instant::now() + SLACK,
            version: "1".to_owned(),
        })
    }

    fn now<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn events_move_the_version_on_and_a_torn_line_ends_it() {
        now(async {
            let mut changes = changes(
                br#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}
{"type":"MODIFIED","object":{"apiVersion":"certificates.k8s.io/v1","kind":"CertificateSigningRequest","metadata":{"name":"a","resourceVersion":"8"},"spec":{"request":"","signerName":"s"}}}
{"type":"MODIFIED","object":{"meta"#
                    .to_vec(),
            );
            assert!(matches!(changes.next().await, Ok(Some(Change::Progress))));
            assert_eq!(changes.version(), "7");
            let Ok(Some(Change::Object(object))) = changes.next().await else {
                panic!("no object")
            };
            assert_eq!(object.metadata.name, "a");
            assert!(matches!(changes.next().await, Ok(None)));
            assert_eq!(changes.version(), "8");
        });
    }

    #[test]
    fn an_error_is_the_servers() {
        now(async {
            let line = br#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"#;
            let error = changes([line, &b"\n"[..]].concat()).next().await.unwrap_err();
            assert_eq!((error.code(), error.reason()), (410, "Expired"));
            let error = changes(b"<html>\n".to_vec()).next().await.unwrap_err();
            assert!(matches!(error, ApiError::Malformed(_)), "{error:?}");
        });
    }

    #[test]
    fn a_line_has_an_end() {
        now(async {
            let error = changes(vec![b' '; ANSWER_LIMIT + 1]).next().await.unwrap_err();
            assert!(error.to_string().contains("longer than 8 MiB"), "{error}");
        });
    }

    #[test]
    fn watches_that_end_at_once_come_ever_more_rarely() {
        let mut pace = Pace::default();
        let pauses: Vec<u128> = (0..7).map(|_| pace.pause(Duration::ZERO).as_millis()).collect();
        assert_eq!(pauses, [0, 250, 500, 1000, 2000, 2000, 2000]);
        assert_eq!(pace.pause(Duration::from_secs(55)), Duration::ZERO);
        assert_eq!(pace.pause(Duration::ZERO), Duration::ZERO);
    }
}
