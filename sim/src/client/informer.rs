//! Reflector and store in one, after client-go's `tools/cache/{reflector,shared_informer}.go`.
//!
//! The contract of a watch: the server first sends every object that is there as ADDED, then a BOOKMARK, then each change once, in
//! order. When the stream breaks, the informer opens a new one (back-off 0.8 s doubling to 30 s, as client-go's) that goes on from the last
//! revision it has seen, whichever api-server answers. Where that is too old (410), it replaces its store with what it is sent, reporting
//! the differences as changes; whoever listens may see several changes folded into one, never a change undone.

use crate::api::Resource;
use crate::core::collections::PMap;
use crate::core::{Addr, Duration, Envelope, EnvelopeId, Message, Outbox, Request, WatchType};
use crate::value::{Text, Value};

/// A change in an informer's store. An object that came has no `old`, one that went has no `new`.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The object before.
    pub old: Option<Value>,
    /// The object now.
    pub new: Option<Value>,
}

impl Change {
    /// The object now, or its last state when it is gone.
    pub fn object(&self) -> &Value {
        self.new.as_ref().or(self.old.as_ref()).expect("a change has an object")
    }
}

/// Keeps a copy of a collection by a watch. Objects are found by `namespace/name` ([`Value::key`]).
#[derive(Clone, Debug)]
pub struct Informer {
    request: Request,
    server: Addr,
    stream: Option<EnvelopeId>,
    /// Objects of the initial state of a new stream, until its bookmark.
    initial: Option<PMap<Text, Value>>,
    store: PMap<Text, Value>,
    /// The last revision it has seen; 0 to begin anew.
    revision: u64,
    synced: bool,
    failures: u32,
}

impl Informer {
    /// An informer for a whole collection; see [`Informer::with`] for selectors.
    pub fn new(server: Addr, resource: Resource, namespace: impl Into<Text>) -> Self {
        let request =
            Request::watch(resource, namespace).param("resourceVersionMatch", "NotOlderThan").param("sendInitialEvents", "true");
        Self { request, server, stream: None, initial: None, store: PMap::new(), revision: 0, synced: false, failures: 0 }
    }

    /// With a query parameter such as `fieldSelector`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Text>) -> Self {
        self.request.query.push((name, value.into()));
        self
    }

    /// What it watches.
    pub fn resource(&self) -> Resource {
        self.request.resource.expect("an informer watches a resource")
    }

    /// Opens the watch.
    pub fn start(&mut self, out: &mut Outbox<'_>) {
        if self.revision == 0 {
            self.stream = Some(out.request(self.server, self.request.clone()));
            self.initial = Some(PMap::new());
            return;
        }
        let mut request = self.request.clone();
        request.query.retain(|(name, _)| !matches!(*name, "resourceVersionMatch" | "sendInitialEvents"));
        request.query.push(("resourceVersion", Text::from(self.revision.to_string())));
        self.stream = Some(out.request(self.server, request));
        self.initial = None;
    }

    /// Closes the watch and forgets everything.
    pub fn stop(&mut self, out: &mut Outbox<'_>) {
        if let Some(stream) = self.stream.take() {
            out.close(self.server, stream);
        }
        self.store = PMap::new();
        self.revision = 0;
        self.synced = false;
    }

    /// Closes the watch, and opens another one in a while that goes on from there.
    pub fn reconnect(&mut self, out: &mut Outbox<'_>) {
        if let Some(stream) = self.stream.take() {
            out.close(self.server, stream);
            self.retry(out);
        }
    }

    /// Whether it has been started.
    pub fn is_started(&self) -> bool {
        self.stream.is_some() || self.failures > 0
    }

    /// Whether the store holds the whole collection.
    pub fn has_synced(&self) -> bool {
        self.synced
    }

    /// The object with this key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.store.get(key)
    }

    /// All objects in the order of their keys.
    pub fn list(&self) -> impl Iterator<Item = &Value> {
        self.store.values()
    }

    /// The objects of a namespace.
    pub fn list_in<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Value> {
        let from = format!("{namespace}/");
        self.store
            .range::<_, str>((std::ops::Bound::Included(from.as_str()), std::ops::Bound::Unbounded))
            .take_while(move |(key, _)| key.strip_prefix(namespace).is_some_and(|rest| rest.starts_with('/')))
            .map(|(_, object)| object)
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// The store itself: cloning it is cheap and gives a snapshot.
    pub fn store(&self) -> &PMap<Text, Value> {
        &self.store
    }

    /// Handles a message if it belongs to this informer's stream: `None` when it does not, else the changes.
    pub fn on_message(&mut self, envelope: &Envelope, out: &mut Outbox<'_>) -> Option<Vec<Change>> {
        let stream = self.stream?;
        match &envelope.message {
            Message::Watch(batch) if batch.stream == stream => Some(self.on_events(&batch.events, out)),
            Message::Response(response) if response.to == stream => {
                if response.code == 410 {
                    // Its history does not reach back so far: everything anew, at once.
                    self.revision = 0;
                    self.start(out);
                } else if !response.ok() {
                    self.retry(out);
                }
                Some(Vec::new())
            }
            Message::Failure(failure) if failure.to == stream => {
                self.retry(out);
                Some(Vec::new())
            }
            _ => None,
        }
    }

    /// Handles a timer of the name `reflector`; the component passes it to all its informers.
    pub fn on_retry_timer(&mut self, key: &str, out: &mut Outbox<'_>) {
        if self.stream.is_none() && self.failures > 0 && key == self.timer_key() {
            self.start(out);
        }
    }

    fn timer_key(&self) -> String {
        self.request.path()
    }

    fn retry(&mut self, out: &mut Outbox<'_>) {
        self.stream = None;
        self.initial = None;
        let wait = Duration::ms((800_u64 << self.failures.min(6)).min(30_000));
        self.failures += 1;
        out.tick(wait, "reflector", self.timer_key(), 0);
    }

    fn on_events(&mut self, events: &[crate::core::WatchEvent], out: &mut Outbox<'_>) -> Vec<Change> {
        let mut changes = Vec::new();
        for event in events {
            let object = &event.object;
            if event.kind != WatchType::Error && self.initial.is_none() {
                self.revision = self.revision.max(object.resource_version());
                self.failures = 0;
            }
            match (event.kind, &mut self.initial) {
                (WatchType::Error, _) => {
                    self.revision = 0;
                    self.retry(out);
                    return changes;
                }
                (WatchType::Bookmark, Some(_)) => {
                    let fresh = self.initial.take().expect("matched above");
                    self.replace(fresh, &mut changes);
                    self.revision = object.resource_version();
                    self.synced = true;
                    self.failures = 0;
                }
                (WatchType::Bookmark, None) => {}
                (WatchType::Added | WatchType::Modified, Some(initial)) => {
                    initial.insert(object.key(), object.clone());
                }
                (WatchType::Deleted, Some(initial)) => {
                    initial.remove(object.key().as_str());
                }
                (WatchType::Added | WatchType::Modified, None) => {
                    let old = self.store.insert(object.key(), object.clone());
                    changes.push(Change { old, new: Some(object.clone()) });
                }
                (WatchType::Deleted, None) => {
                    self.store.remove(object.key().as_str());
                    changes.push(Change { old: Some(object.clone()), new: None });
                }
            }
        }
        changes
    }

    fn replace(&mut self, fresh: PMap<Text, Value>, changes: &mut Vec<Change>) {
        for (key, old) in &self.store {
            if !fresh.contains_key(key.as_str()) {
                changes.push(Change { old: Some(old.clone()), new: None });
            }
        }
        for (key, new) in &fresh {
            let old = self.store.get(key.as_str());
            if old.is_none_or(|old| old.resource_version() != new.resource_version()) {
                changes.push(Change { old: old.cloned(), new: Some(new.clone()) });
            }
        }
        self.store = fresh;
    }
}
