//! Objects in memory, numbered by one resourceVersion that grows with every change, and the window of past changes that
//! watches read (as `k8s.io/apiserver/pkg/storage/cacher` keeps one).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::watch;

use crate::api::{Kind, Object, Resource};

/// How many past changes a watch can catch up with.
const WINDOW: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Added,
    Modified,
    Deleted,
}

/// One change to one object.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) version: u64,
    pub(crate) resource: &'static Resource,
    pub(crate) change: Change,
    /// The new object, or the last one if it was deleted.
    pub(crate) object: Arc<Object>,
    pub(crate) previous: Option<Arc<Object>>,
}

/// Resource, namespace, name. Plural names are unique among the stored resources.
type Key = (&'static str, String, String);

pub(crate) struct Store {
    version: u64,
    objects: BTreeMap<Key, Arc<Object>>,
    window: VecDeque<Event>,
    /// Watches may start from this version on.
    floor: u64,
    changed: watch::Sender<u64>,
    /// The ConfigMaps as they were when the last admission policy or binding with a parameter was deleted: kube-apiserver
    /// stops watching them then, and never begins again (`k8s.io/apiserver/pkg/admission/plugin/policy/generic`).
    unwatched: Option<BTreeMap<Key, Arc<Object>>>,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            version: 1,
            objects: BTreeMap::new(),
            window: VecDeque::new(),
            floor: 1,
            changed: watch::Sender::new(1),
            unwatched: None,
        }
    }

    /// The version of the latest change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The oldest version that a watch can start from.
    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// Forgets past changes, so that no watch starts before now.
    pub(crate) fn compact(&mut self) {
        self.window.clear();
        self.floor = self.version;
    }

    /// Forgets past changes while watches go on: each of them has to begin anew.
    pub(crate) fn overtake(&mut self) {
        self.version += 1;
        self.compact();
        self.changed.send_replace(self.version);
    }

    /// Tells the version after each change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn get(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<Object>> {
        self.objects.get(&(resource.plural, namespace.into(), name.into())).cloned()
    }

    /// A ConfigMap as admission policies see it.
    pub(crate) fn parameter(&self, namespace: &str, name: &str) -> Option<Arc<Object>> {
        let key = ("configmaps", namespace.to_owned(), name.to_owned());
        self.unwatched.as_ref().unwrap_or(&self.objects).get(&key).cloned()
    }

    /// Whether some object of a resource has a spec with this field.
    fn has_with(&self, kind: Kind, field: &str) -> bool {
        let has = |object: &Arc<Object>| match object.as_ref() {
            Object::Custom(it) => !it.spec[field].is_null(),
            _ => false,
        };
        Resource::of(kind).is_some_and(|resource| self.list(resource, "").any(has))
    }

    /// All objects of a resource, in all namespaces if `namespace` is empty, ordered by namespace and name.
    pub(crate) fn list(
        &self,
        resource: &Resource,
        namespace: &str,
    ) -> impl Iterator<Item = &Arc<Object>> {
        let plural = resource.plural;
        self.objects
            .range((plural, namespace.to_owned(), String::new())..)
            .take_while(move |((it, ..), _)| *it == plural)
            .map(|(_, object)| object)
            .take_while(move |object| namespace.is_empty() || object.meta().namespace == namespace)
    }

    /// Adds or replaces an object; it gets a new resourceVersion.
    pub(crate) fn put(&mut self, resource: &'static Resource, mut object: Object) -> Arc<Object> {
        self.version += 1;
        object.meta_mut().resource_version = self.version.to_string();
        let object = Arc::new(object);
        let previous = self.objects.insert(key(resource, &object), Arc::clone(&object));
        let change = if previous.is_some() { Change::Modified } else { Change::Added };
        self.record(resource, change, Arc::clone(&object), previous);
        object
    }

    /// Removes an object.
    pub(crate) fn remove(&mut self, resource: &'static Resource, object: &Object) {
        if let Some(previous) = self.objects.remove(&key(resource, object)) {
            self.version += 1;
            let mut last = Object::clone(&previous);
            last.meta_mut().resource_version = self.version.to_string();
            self.record(resource, Change::Deleted, Arc::new(last), Some(previous));
        }
        let (policy, binding) =
            (Kind::ValidatingAdmissionPolicy, Kind::ValidatingAdmissionPolicyBinding);
        let of_policies = resource.kind == policy || resource.kind == binding;
        let used = || self.has_with(policy, "paramKind") && self.has_with(binding, "paramRef");
        if of_policies && self.unwatched.is_none() && !used() {
            self.unwatched = Some(self.objects.clone());
        }
    }

    fn record(
        &mut self,
        resource: &'static Resource,
        change: Change,
        object: Arc<Object>,
        previous: Option<Arc<Object>>,
    ) {
        if self.window.len() == WINDOW
            && let Some(oldest) = self.window.pop_front()
        {
            self.floor = oldest.version;
        }
        self.window.push_back(Event { version: self.version, resource, change, object, previous });
        self.changed.send_replace(self.version);
    }

    /// The changes to a resource after a version; `None` if some are no longer known.
    pub(crate) fn changes_after(
        &self,
        version: u64,
        resource: &'static Resource,
    ) -> Option<Vec<Event>> {
        if version < self.floor {
            return None;
        }
        let start = self.window.partition_point(|event| event.version <= version);
        let events = self.window.range(start..);
        Some(events.filter(|event| event.resource == resource).cloned().collect())
    }
}

fn key(resource: &Resource, object: &Object) -> Key {
    let meta = object.meta();
    (resource.plural, meta.namespace.clone(), meta.name.clone())
}
