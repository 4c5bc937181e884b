//! What a service tells those who watch it: `/healthz`, `/readyz`, and `/metrics` in OpenMetrics.
//!
//! Source: the OpenMetrics specification, version 1.0.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kube::client::Body;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::error::{Result, ResultExt as _};

/// Upper bounds of the histogram's buckets, in milliseconds.
const BUCKETS: [u64; 9] = [10, 25, 50, 100, 250, 500, 1000, 2500, 10_000];
/// Connections that are served at the same time; the oldest makes room for another.
const CONNECTIONS: usize = 32;
/// How long a client may take to send a request.
const HEADERS: Duration = Duration::from_secs(5);
/// The type of what `/metrics` answers.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A number that only grows, by what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Count {
    Approved,
    Left,
    Denied,
    Reused,
    Recorded,
    Failed,
}

/// What is told; shared by those who do the work and the server.
#[derive(Clone, Default)]
pub struct Monitor(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    counts: BTreeMap<Count, u64>,
    /// Decisions by their time, a number for each bucket and one for what took longer.
    took: [u64; BUCKETS.len() + 1],
    took_in_all: Duration,
    queued: usize,
    leads: bool,
    /// What keeps it from being ready, by subject.
    troubles: BTreeMap<&'static str, String>,
}

impl Monitor {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn count(&self, what: Count) {
        *self.told().counts.entry(what).or_default() += 1;
    }

    /// A decision was made, so long after its request was taken up.
    pub fn decided(&self, took: Duration) {
        let mut told = self.told();
        let millis = took.as_millis();
        let bucket = BUCKETS.iter().position(|most| millis <= u128::from(*most));
        told.took[bucket.unwrap_or(BUCKETS.len())] += 1;
        told.took_in_all += took;
    }

    pub fn queued(&self, length: usize) {
        self.told().queued = length;
    }

    pub fn leads(&self, leads: bool) {
        self.told().leads = leads;
    }

    /// It is not ready for this reason, or no more. `subject` is a word.
    pub fn trouble(&self, subject: &'static str, why: Option<String>) {
        let troubles = &mut self.told().troubles;
        match why {
            Some(why) => drop(troubles.insert(subject, why)),
            None => drop(troubles.remove(subject)),
        }
    }

    /// What `/metrics` answers.
    fn metrics(&self) -> String {
        let told = self.told();
        let count = |what| told.counts.get(&what).copied().unwrap_or_default();
        let mut out = String::new();
        // Writing into a text does not fail.
        let mut line = |text: std::fmt::Arguments<'_>| {
            let _ = writeln!(out, "{text}");
        };
        line(format_args!("# TYPE usercert_approver_decisions counter"));
        line(format_args!("# HELP usercert_approver_decisions Decisions about requests."));
        for (name, what) in [
            ("approved", Count::Approved),
            ("left", Count::Left),
            ("denied", Count::Denied),
            ("reused", Count::Reused),
        ] {
            let count = count(what);
            line(format_args!("usercert_approver_decisions_total{{decision=\"{name}\"}} {count}"));
        }
        for (name, help, what) in [
            ("recorded", "Issued certificates that were recorded.", Count::Recorded),
            ("failures", "Requests that could not be handled and are tried again.", Count::Failed),
        ] {
            line(format_args!("# TYPE usercert_approver_{name} counter"));
            line(format_args!("# HELP usercert_approver_{name} {help}"));
            line(format_args!("usercert_approver_{name}_total {}", count(what)));
        }
        let name = "usercert_approver_decision_seconds";
        line(format_args!("# TYPE {name} histogram"));
        line(format_args!("# UNIT {name} seconds"));
        line(format_args!("# HELP {name} Time from taking a request up to its decision."));
        let mut below = 0;
        for (most, here) in BUCKETS.iter().zip(told.took) {
            below += here;
            let most = Duration::from_millis(*most).as_secs_f64();
            line(format_args!("{name}_bucket{{le=\"{most:?}\"}} {below}"));
        }
        let all: u64 = told.took.iter().sum();
        line(format_args!("{name}_bucket{{le=\"+Inf\"}} {all}"));
        line(format_args!("{name}_sum {:?}", told.took_in_all.as_secs_f64()));
        line(format_args!("{name}_count {all}"));
        let valid = !told.troubles.contains_key("policy");
        for (name, help, value) in [
            ("queued", "Requests that wait to be handled.", told.queued),
            ("leader", "Whether this replica holds the lease.", usize::from(told.leads)),
            (
                "policy_valid",
                "Whether the policy file could be read as it is now.",
                usize::from(valid),
            ),
        ] {
            line(format_args!("# TYPE usercert_approver_{name} gauge"));
            line(format_args!("# HELP usercert_approver_{name} {help}"));
            line(format_args!("usercert_approver_{name} {value}"));
        }
        line(format_args!("# EOF"));
        out
    }

    fn answer(&self, method: &Method, path: &str) -> (StatusCode, &'static str, String) {
        const TEXT: &str = "text/plain; charset=utf-8";
        match (method, path) {
            (&Method::GET | &Method::HEAD, "/healthz") => (StatusCode::OK, TEXT, "ok\n".to_owned()),
            (&Method::GET | &Method::HEAD, "/readyz") => {
                let troubles: Vec<String> = self
                    .told()
                    .troubles
                    .iter()
                    .map(|(subject, why)| format!("{subject}: {why}\n"))
                    .collect();
                match troubles.is_empty() {
                    true => (StatusCode::OK, TEXT, "ok\n".to_owned()),
                    false => (StatusCode::SERVICE_UNAVAILABLE, TEXT, troubles.concat()),
                }
            }
            (&Method::GET | &Method::HEAD, "/metrics") => {
                (StatusCode::OK, OPEN_METRICS, self.metrics())
            }
            (_, "/healthz" | "/readyz" | "/metrics") => {
                (StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET only\n".to_owned())
            }
            _ => (StatusCode::NOT_FOUND, TEXT, "/healthz, /readyz and /metrics\n".to_owned()),
        }
    }

    /// Serves it on this address until the process ends; the address with its port.
    ///
    /// # Errors
    /// The address is taken, or is none of this machine's.
    pub async fn listen(&self, address: SocketAddr) -> Result<SocketAddr> {
        let listener = TcpListener::bind(address).await.context(format!("--listen {address}"))?;
        let bound = listener.local_addr()?;
        tokio::spawn(self.clone().serve(listener));
        Ok(bound)
    }

    async fn serve(self, listener: TcpListener) {
        let mut served: VecDeque<AbortHandle> = VecDeque::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file descriptors, most likely.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            served.retain(|connection| !connection.is_finished());
            if served.len() >= CONNECTIONS
                && let Some(oldest) = served.pop_front()
            {
                oldest.abort();
            }
            let monitor = self.clone();
            let connection = tokio::spawn(async move {
                let answer = service_fn(|request: Request<Incoming>| {
                    let (code, kind, body) = monitor.answer(request.method(), request.uri().path());
                    let mut response = Response::new(Body::from(body.into_bytes()));
                    *response.status_mut() = code;
                    let kind = http::HeaderValue::from_static(kind);
                    response.headers_mut().insert(CONTENT_TYPE, kind);
                    std::future::ready(Ok::<_, Infallible>(response))
                });
                let mut server = http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(HEADERS);
                // Whoever breaks off has what they wanted.
                let _ = server.serve_connection(TokioIo::new(stream), answer).await;
            });
            served.push_back(connection.abort_handle());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_open_metrics() {
        let monitor = Monitor::default();
        [Count::Approved, Count::Approved, Count::Left, Count::Recorded]
            .into_iter()
            .for_each(|what| monitor.count(what));
        [5, 60, 20_000].into_iter().for_each(|ms| monitor.decided(Duration::from_millis(ms)));
        monitor.queued(3);
        monitor.trouble("policy", Some("line 1".to_owned()));
        insta::assert_snapshot!(monitor.metrics(), @r#"
        # TYPE usercert_approver_decisions counter
        # HELP usercert_approver_decisions Decisions about requests.
        usercert_approver_decisions_total{decision="approved"} 2
        usercert_approver_decisions_total{decision="left"} 1
        usercert_approver_decisions_total{decision="denied"} 0
        usercert_approver_decisions_total{decision="reused"} 0
        # TYPE usercert_approver_recorded counter
        # HELP usercert_approver_recorded Issued certificates that were recorded.
        usercert_approver_recorded_total 1
        # TYPE usercert_approver_failures counter
        # HELP usercert_approver_failures Requests that could not be handled and are tried again.
        usercert_approver_failures_total 0
        # TYPE usercert_approver_decision_seconds histogram
        # UNIT usercert_approver_decision_seconds seconds
        # HELP usercert_approver_decision_seconds Time from taking a request up to its decision.
        usercert_approver_decision_seconds_bucket{le="0.01"} 1
        usercert_approver_decision_seconds_bucket{le="0.025"} 1
        usercert_approver_decision_seconds_bucket{le="0.05"} 1
        usercert_approver_decision_seconds_bucket{le="0.1"} 2
        usercert_approver_decision_seconds_bucket{le="0.25"} 2
        usercert_approver_decision_seconds_bucket{le="0.5"} 2
        usercert_approver_decision_seconds_bucket{le="1.0"} 2
        usercert_approver_decision_seconds_bucket{le="2.5"} 2
        usercert_approver_decision_seconds_bucket{le="10.0"} 2
        usercert_approver_decision_seconds_bucket{le="+Inf"} 3
        usercert_approver_decision_seconds_sum 20.065
        usercert_approver_decision_seconds_count 3
        # TYPE usercert_approver_queued gauge
        # HELP usercert_approver_queued Requests that wait to be handled.
        usercert_approver_queued 3
        # TYPE usercert_approver_leader gauge
        # HELP usercert_approver_leader Whether this replica holds the lease.
        usercert_approver_leader 0
        # TYPE usercert_approver_policy_valid gauge
        # HELP usercert_approver_policy_valid Whether the policy file could be read as it is now.
        usercert_approver_policy_valid 0
        # EOF
        "#);
    }

    #[tokio::test]
    async fn whoever_never_ends_a_request_keeps_nobody_out() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let address = Monitor::default().listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let mut stalled = Vec::new();
        for _ in 0..3 * CONNECTIONS {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost:").await.unwrap();
            stalled.push(stream);
        }
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        tokio::time::timeout(HEADERS / 2, read).await.expect("an answer in time").unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");
    }

    #[test]
    fn readiness_names_what_is_in_the_way() {
        let monitor = Monitor::default();
        assert_eq!(monitor.answer(&Method::GET, "/readyz").0, StatusCode::OK);
        monitor.trouble("policy", Some("line 1, column 1: x".to_owned()));
        let (code, _, text) = monitor.answer(&Method::GET, "/readyz");
        assert_eq!((code.as_u16(), text.as_str()), (503, "policy: line 1, column 1: x\n"));
        assert_eq!(monitor.answer(&Method::GET, "/healthz").0, StatusCode::OK);
        monitor.trouble("policy", None);
        assert_eq!(monitor.answer(&Method::GET, "/readyz").0, StatusCode::OK);
        assert_eq!(monitor.answer(&Method::POST, "/metrics").0.as_u16(), 405);
        assert_eq!(monitor.answer(&Method::GET, "/").0.as_u16(), 404);
    }
}
