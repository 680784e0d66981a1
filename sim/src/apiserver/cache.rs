//! The watch cache: every object as etcd has it, and the watches of clients, after apiserver's `storage/cacher`.

use crate::core::collections::sort::Sort as _;
use crate::core::collections::{PMap, PSet, PVec};

use crate::api::selector::{FieldSelector, LabelSelector};
use crate::api::{ApiError, Resource};
use crate::core::{Addr, Duration, EnvelopeId, Outbox, Request, Time, WatchBatch, WatchEvent, WatchType};
use crate::etcd::{EtcdResponse, EtcdWatch};
use crate::value::{Text, Value};
use crate::{api, value};

/// How many changes of a resource are kept for watches that begin in the past.
const WINDOW: usize = 1_000;

/// A change that a watch may still ask for.
#[derive(Clone, Debug)]
struct Past {
    revision: u64,
    old: Option<Value>,
    new: Option<Value>,
}

/// A client's watch.
#[derive(Clone, Debug)]
struct Watcher {
    client: Addr,
    selection: Selection,
    as_table: bool,
    /// What the client has seen already, perhaps from another server that was ahead of this one.
    after: u64,
}

/// What a list or watch selects.
#[derive(Clone, Debug)]
pub struct Selection {
    resource: Resource,
    namespace: Text,
    fields: FieldSelector,
    labels: LabelSelector,
}

impl Selection {
    /// Reads namespace and selectors of a request.
    pub fn of(request: &Request) -> Result<Self, ApiError> {
        let resource = request.resource.expect("only collections are selected from");
        let fields =
            FieldSelector::parse(request.query("fieldSelector").unwrap_or(""), resource).map_err(ApiError::bad_request)?;
        let labels = LabelSelector::parse(request.query("labelSelector").unwrap_or("")).map_err(ApiError::bad_request)?;
        Ok(Self { resource, namespace: request.namespace.clone(), fields, labels })
    }

    /// Whether the object is selected.
    pub fn matches(&self, object: &Value) -> bool {
        (self.namespace.is_empty() || object.namespace() == &*self.namespace)
            && self.fields.matches(self.resource, object)
            && self.labels.matches_object(object)
    }
}

/// The cache of one resource.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    objects: PMap<Text, Value>,
    past: PVec<Past>,
    /// The newest revision seen on this resource's stream.
    revision: u64,
    /// Watches cannot begin at or before this revision.
    oldest: u64,
    /// The stream of changes from etcd; `None` while there is none.
    stream: Option<EnvelopeId>,
    /// Keys in etcd whose values are no objects: somebody else has written them.
    undecodable: PSet<Text>,
    watchers: PMap<EnvelopeId, Watcher>,
}

/// The caches of all resources.
#[derive(Clone, Debug, Default)]
pub struct Caches {
    caches: PMap<Resource, Cache>,
    by_stream: PMap<EnvelopeId, Resource>,
    by_watch: PMap<EnvelopeId, Resource>,
    newest: u64,
}

/// The object as clients see it: with etcd's revision as its resourceVersion.
pub fn with_revision(object: &Value, revision: u64) -> Value {
    let mut object = object.clone();
    object["metadata"].set("resourceVersion", revision.to_string());
    object
}

/// The object as etcd stores it.
pub fn without_revision(object: &Value) -> Value {
    let mut object = object.clone();
    object["metadata"].remove("resourceVersion");
    object
}

/// Whether etcd's value can be decoded.
pub fn is_object(value: &Value) -> bool {
    matches!(value, Value::Map(_))
}

/// 500: etcd holds something else than an object, as whoever writes there by himself may have put it.
pub fn undecodable() -> ApiError {
    const WORDS: &str = "couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }";
    ApiError::new(500, "", WORDS)
}

impl Caches {
    /// Fails when etcd holds something among a resource's objects in a namespace ("" for all) that is none.
    fn check_decodable(&self, resource: Resource, namespace: &str) -> Result<(), ApiError> {
        let Some(cache) = self.caches.get(&resource).filter(|cache| !cache.undecodable.is_empty()) else { return Ok(()) };
        let prefix = resource.etcd_key(namespace, "");
        if cache.undecodable.iter().any(|key| key.starts_with(prefix.as_str())) { Err(undecodable()) } else { Ok(()) }
    }

    /// One object.
    pub fn get(&self, resource: Resource, namespace: &str, name: &str) -> Option<&Value> {
        let cache = self.caches.get(&resource)?;
        if namespace.is_empty() { cache.objects.get(name) } else { cache.objects.get([namespace, "/", name].concat().as_str()) }
    }

    /// All objects of a resource in the order of their keys.
    pub fn list(&self, resource: Resource) -> impl Iterator<Item = &Value> {
        self.caches.get(&resource).into_iter().flat_map(|cache| cache.objects.values())
    }

    /// The objects of a resource in a namespace.
    pub fn list_in<'a>(&'a self, resource: Resource, namespace: &'a str) -> impl Iterator<Item = &'a Value> {
        let prefix = [namespace, "/"].concat();
        let range = (std::ops::Bound::Included(prefix.as_str()), std::ops::Bound::Unbounded);
        let selected: Vec<&Value> = self.caches.get(&resource).map_or_else(Vec::new, |cache| {
            cache
                .objects
                .range::<_, str>(range)
                .take_while(|(key, _)| key.starts_with(prefix.as_str()))
                .map(|(_, object)| object)
                .collect()
        });
        selected.into_iter()
    }

    /// The objects that a list, a watch or a deletecollection selects, in the order of their keys.
    pub fn select(&self, request: &Request) -> Result<Vec<Value>, ApiError> {
        let selection = Selection::of(request)?;
        self.check_decodable(selection.resource, &request.namespace)?;
        if request.namespace.is_empty() {
            Ok(self.list(selection.resource).filter(|object| selection.matches(object)).cloned().collect())
        } else {
            Ok(self.list_in(selection.resource, &request.namespace).filter(|object| selection.matches(object)).cloned().collect())
        }
    }

    /// The newest revision seen for a resource.
    pub fn revision(&self, resource: Resource) -> u64 {
        self.caches.get(&resource).map_or(0, |cache| cache.revision)
    }

    /// The newest revision seen at all.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// How many watches are open on a resource.
    pub fn watch_count(&self, resource: Resource) -> usize {
        self.caches.get(&resource).map_or(0, |cache| cache.watchers.len())
    }

    /// Whether the cache has this very state of the object.
    pub fn is_current(&self, resource: Resource, object: &Value) -> bool {
        self.get(resource, object.namespace(), object.name())
            .is_some_and(|have| have.resource_version() == object.resource_version())
    }

    /// Whether nothing newer than `revision` can be missing for the resource: etcd sends changes in order, so it is enough that the
    /// resource's own last change before `revision` has come; the caller passes etcd's revision at the time of the question.
    pub fn is_fresh(&self, resource: Resource, revision: u64) -> bool {
        let streams = self.caches.get(&resource).is_some_and(|cache| cache.stream.is_some());
        (streams && self.newest >= revision) || self.revision(resource) >= revision
    }

    /// Whether etcd's state of the resource has come at least once.
    pub fn is_filled(&self, resource: Resource) -> bool {
        self.revision(resource) > 0
    }

    /// Fills a resource's cache with etcd's state; open watches get the differences.
    pub fn fill(&mut self, resource: Resource, stream: EnvelopeId, response: &EtcdResponse, out: &mut Outbox<'_>) {
        let cache = self.caches.entry(resource).or_default();
        let mut objects = PMap::new();
        cache.undecodable = PSet::new();
        for kv in &response.kvs {
            if !is_object(&kv.value) {
                cache.undecodable.insert(kv.key.clone());
                continue;
            }
            let object = with_revision(&kv.value, kv.mod_revision);
            objects.insert(object.key(), object);
        }
        let mut changes = Vec::new();
        for (key, old) in &cache.objects {
            if !objects.contains_key(key.as_str()) {
                changes.push((Some(old.clone()), None));
            }
        }
        for (key, new) in &objects {
            let old = cache.objects.get(key.as_str());
            if old.is_none_or(|old| old.resource_version() != new.resource_version()) {
                changes.push((old.cloned(), Some(new.clone())));
            }
        }
        cache.objects = objects;
        cache.revision = response.revision;
        cache.oldest = response.revision;
        cache.past = PVec::new();
        cache.stream = Some(stream);
        self.by_stream.insert(stream, resource);
        self.newest = self.newest.max(response.revision);
        // In the order in which they happened, as far as one can tell; what is gone comes last.
        changes.order_by_key(|(_, new): &(Option<Value>, Option<Value>)| new.as_ref().map_or(u64::MAX, Value::resource_version));
        for (old, new) in changes {
            self.dispatch(resource, old.as_ref(), new.as_ref(), response.revision, out);
        }
    }

    /// A resource's stream of changes goes on as this one.
    pub fn resume(&mut self, resource: Resource, stream: EnvelopeId) {
        self.caches.entry(resource).or_default().stream = Some(stream);
        self.by_stream.insert(stream, resource);
    }

    /// etcd's stream of a resource broke: which one.
    pub fn etcd_stream_broke(&mut self, stream: EnvelopeId) -> Option<Resource> {
        let resource = self.by_stream.remove(&stream)?;
        if let Some(cache) = self.caches.get_mut(&resource) {
            cache.stream = None;
        }
        Some(resource)
    }

    /// Takes changes from etcd and passes them on to the watches.
    pub fn on_etcd_events(&mut self, batch: &EtcdWatch, out: &mut Outbox<'_>) {
        let Some(resource) = self.by_stream.get(&batch.stream).copied() else { return };
        for event in &batch.events {
            let cache = self.caches.entry(resource).or_default();
            let value = event.value.as_ref().filter(|value| is_object(value));
            if event.value.is_some() && value.is_none() {
                cache.undecodable.insert(event.key.clone());
            } else {
                cache.undecodable.remove(event.key.as_str());
            }
            let previous = event.previous.as_ref().filter(|previous| is_object(previous));
            let (old, new) = if let Some(value) = value {
                let new = with_revision(value, event.revision);
                (cache.objects.insert(new.key(), new.clone()), Some(new))
            } else {
                let gone = previous.map(|object| with_revision(object, event.revision));
                if let Some(gone) = &gone {
                    cache.objects.remove(gone.key().as_str());
                }
                (gone, None)
            };
            cache.revision = event.revision;
            cache.past.push_back(Past { revision: event.revision, old: old.clone(), new: new.clone() });
            if cache.past.len() > WINDOW {
                cache.oldest = cache.past.pop_front().map_or(cache.oldest, |past| past.revision);
            }
            self.newest = self.newest.max(event.revision);
            self.dispatch(resource, old.as_ref(), new.as_ref(), event.revision, out);
        }
        if let Some(cache) = self.caches.get_mut(&resource) {
            cache.revision = cache.revision.max(batch.revision);
        }
        self.newest = self.newest.max(batch.revision);
    }

    fn dispatch(&self, resource: Resource, old: Option<&Value>, new: Option<&Value>, revision: u64, out: &mut Outbox<'_>) {
        let Some(cache) = self.caches.get(&resource) else { return };
        let now = out.now();
        for (stream, watcher) in cache.watchers.iter().filter(|(_, watcher)| watcher.after < revision) {
            if let Some(event) = watcher.selection.event(old, new, revision) {
                let event = if watcher.as_table { table_event(resource, event, now) } else { event };
                out.watch(Duration::us(60), watcher.client, WatchBatch { stream: *stream, resource, events: vec![event] });
            }
        }
    }

    /// Opens a watch. `Err` is the answer when it cannot begin where the client wants it to.
    pub fn open(&mut self, client: Addr, id: EnvelopeId, request: &Request, out: &mut Outbox<'_>) -> Result<(), ApiError> {
        let selection = Selection::of(request)?;
        let resource = selection.resource;
        let asked = request.query("resourceVersion").unwrap_or("");
        let from: u64 = if asked.is_empty() {
            0
        } else {
            asked.parse().map_err(|_| {
                ApiError::bad_request(format!("Invalid value: {asked:?}: strconv.ParseUint: parsing {asked:?}: invalid syntax"))
            })?
        };
        let initial = request.query("sendInitialEvents") == Some("true");
        let cache = self.caches.entry(resource).or_default();
        let mut events: Vec<WatchEvent> = Vec::new();
        if initial || from == 0 {
            events.extend(
                cache
                    .objects
                    .values()
                    .filter(|object| selection.matches(object))
                    .map(|object| WatchEvent { kind: WatchType::Added, object: object.clone() }),
            );
            if initial {
                let bookmark = value!({"kind": resource.kind, "apiVersion": resource.api_version(), "metadata": {"resourceVersion": cache.revision.to_string(), "annotations": {"k8s.io/initial-events-end": "true"}}});
                events.push(WatchEvent { kind: WatchType::Bookmark, object: bookmark });
            }
        } else if from < cache.oldest {
            let message = format!("too old resource version: {from} ({})", cache.oldest);
            return Err(ApiError::new(410, "Expired", message));
        } else {
            events.extend(
                cache
                    .past
                    .iter()
                    .filter(|past| past.revision > from)
                    .filter_map(|past| selection.event(past.old.as_ref(), past.new.as_ref(), past.revision)),
            );
        }
        let as_table = request.as_table;
        cache.watchers.insert(id, Watcher { client, selection, as_table, after: from });
        self.by_watch.insert(id, resource);
        if !events.is_empty() {
            let now = out.now();
            let events =
                if as_table { events.into_iter().map(|event| table_event(resource, event, now)).collect() } else { events };
            out.watch(Duration::us(200), client, WatchBatch { stream: id, resource, events });
        }
        Ok(())
    }

    /// Closes a watch; says whether there was one.
    pub fn close(&mut self, id: EnvelopeId) -> bool {
        let Some(resource) = self.by_watch.remove(&id) else { return false };
        self.caches.get_mut(&resource).is_some_and(|cache| cache.watchers.remove(&id).is_some())
    }
}

impl Selection {
    /// What a watch with this selection is told of a change: an object that comes into view is ADDED, one that leaves it is DELETED.
    fn event(&self, old: Option<&Value>, new: Option<&Value>, revision: u64) -> Option<WatchEvent> {
        let had = old.is_some_and(|object| self.matches(object));
        let has = new.is_some_and(|object| self.matches(object));
        match (had, has) {
            (false, false) => None,
            (false, true) => Some(WatchEvent { kind: WatchType::Added, object: new?.clone() }),
            (true, true) => Some(WatchEvent { kind: WatchType::Modified, object: new?.clone() }),
            (true, false) => Some(WatchEvent { kind: WatchType::Deleted, object: with_revision(old?, revision) }),
        }
    }
}

fn table_event(resource: Resource, event: WatchEvent, now: Time) -> WatchEvent {
    if event.kind == WatchType::Bookmark {
        return event;
    }
    let table = api::table::table(
        resource,
        std::slice::from_ref(&event.object),
        now,
        event.object["metadata"]["resourceVersion"].str(),
        false,
    );
    WatchEvent { kind: event.kind, object: table }
}
