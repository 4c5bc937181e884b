//! Watches: a stream of changes as lines of JSON, after `k8s.io/apiserver/pkg/endpoints/handlers/watch.go` and
//! `…/pkg/storage/cacher`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use hyper::Response;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

use crate::answer::{self, Body, Form};
use crate::api::{Object, Resource, with_type};
use crate::cluster::Cluster;
use crate::rest::Call;
use crate::selector::Selector;
use crate::status::{Result, Status};
use crate::store::{Change, Event};
use crate::table::table;

/// How long a watch lasts whose client does not say.
const DEFAULT_SECONDS: usize = 1800;

struct Watch {
    cluster: Arc<Cluster>,
    resource: &'static Resource,
    namespace: String,
    selector: Selector,
    /// Whether events carry tables, and those whole objects.
    table: Option<bool>,
    version: u64,
    changes: Receiver<u64>,
    deadline: Instant,
    pending: VecDeque<String>,
    over: bool,
}

/// Starts a watch. Without a version it begins with what is there; from a version too old it ends with an error event.
///
/// A name that does not exist is no error: such a watch just stays silent.
pub(crate) fn watch(call: &Call<'_>) -> Result<Response<Body>> {
    let selector = Selector::of(call.query, call.resource)?;
    let from = match call.query.get("resourceVersion") {
        None | Some("0") => None,
        Some(text) => Some(text.parse::<u64>().map_err(|_| {
            Status::unexpected(format!(
                "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
            ))
        })?),
    };
    let initial_events = call.query.is_true("sendInitialEvents");
    let seconds = call.query.number("timeoutSeconds")?.unwrap_or(DEFAULT_SECONDS);
    let store = call.cluster.store();
    let mut watch = Watch {
        cluster: Arc::clone(call.cluster),
        resource: call.resource,
        namespace: call.namespace().into(),
        selector,
        table: (call.form == Form::Table)
            .then(|| call.query.get("includeObject") == Some("Object")),
        version: store.version(),
        changes: store.subscribe(),
        deadline: Instant::now() + Duration::from_secs(seconds as u64),
        pending: VecDeque::new(),
        over: false,
    };
    match from {
        Some(version) if !initial_events => watch.version = version,
        _ => {
            for object in store.list(call.resource, call.namespace()) {
                if watch.selector.matches(object) {
                    watch.send("ADDED", object);
                }
            }
            if initial_events {
                watch.send_initial_events_end();
            }
        }
    }
    drop(store);
    Ok(answer::stream(stream::unfold(watch, |mut watch| async move {
        watch.next().await.map(|line| (line, watch))
    })))
}

impl Watch {
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.pending.pop_front() {
                return Some(line);
            }
            if self.over {
                return None;
            }
            self.changes.mark_unchanged();
            self.collect();
            if self.pending.is_empty() {
                let changed = tokio::time::timeout_at(self.deadline, self.changes.changed());
                if !matches!(changed.await, Ok(Ok(()))) {
                    return None;
                }
            }
        }
    }

    /// Takes over what has happened since the last time.
    fn collect(&mut self) {
        let cluster = Arc::clone(&self.cluster);
        let store = cluster.store();
        let Some(events) = store.changes_after(self.version, self.resource) else {
            let status = Status::expired(format!(
                "too old resource version: {} ({})",
                self.version,
                store.floor()
            ));
            self.pending.push_back(line("ERROR", &status.to_json()));
            self.over = true;
            return;
        };
        self.version = self.version.max(store.version());
        drop(store);
        for event in events {
            self.deliver(&event);
        }
    }

    /// Sends an event as the selector sees it: an object may come into view or leave it by changing.
    fn deliver(&mut self, event: &Event) {
        let inside = |object: &Object| {
            (self.namespace.is_empty() || object.meta().namespace == self.namespace)
                && self.selector.matches(object)
        };
        let now = event.change != Change::Deleted && inside(&event.object);
        let before = event.previous.as_deref().is_some_and(inside);
        match (before, now) {
            (false, true) => self.send("ADDED", &event.object),
            (true, true) => self.send("MODIFIED", &event.object),
            (true, false) => self.send("DELETED", &event.object),
            (false, false) => {}
        }
    }

    fn send(&mut self, kind: &str, object: &Object) {
        let json = match self.table {
            Some(whole) => {
                let version = json!({"resourceVersion": object.meta().resource_version});
                table(self.resource, &[object], &version, whole)
            }
            None => object.to_json(self.resource),
        };
        self.pending.push_back(line(kind, &json));
    }

    fn send_initial_events_end(&mut self) {
        let metadata = json!({
            "resourceVersion": self.version.to_string(),
            "annotations": {"k8s.io/initial-events-end": "true"},
        });
        let bookmark = with_type(
            self.resource.kind_name,
            &self.resource.api_version(),
            json!({"metadata": metadata}),
        );
        self.pending.push_back(line("BOOKMARK", &bookmark));
    }
}

fn line(kind: &str, object: &Value) -> String {
    let mut line = json!({"type": kind, "object": object}).to_string();
    line.push('\n');
    line
}
