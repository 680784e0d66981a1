//! The multi-version store of an etcd member, and the member as a component.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{EtcdEvent, EtcdRequest, EtcdResponse, EtcdWatch, KeyValue};
use crate::core::collections::{PMap, PVec};
use crate::core::{Addr, Component, Disk, Duration, Envelope, EnvelopeId, Event, Message, Outbox, Rng};
use crate::programs::Launch;
use crate::value::Text;

/// A multi-version key-value store: the present state, and the changes since the last compaction.
#[derive(Clone, Debug, Default)]
pub struct Store {
    revision: u64,
    compacted: u64,
    keys: PMap<Text, Rc<KeyValue>>,
    log: PVec<Rc<EtcdEvent>>,
}

impl Store {
    /// An empty store; as in etcd, its revision is 1.
    pub fn new() -> Self {
        Self { revision: 1, ..Self::default() }
    }

    /// The revision of the last change.
    pub fn revision(&self) -> u64 {
        self.revision
    }
    /// The revision before which history was dropped.
    pub fn compacted(&self) -> u64 {
        self.compacted
    }
    /// All keys in their order.
    pub fn keys(&self) -> impl Iterator<Item = &Rc<KeyValue>> {
        self.keys.values()
    }
    /// One key.
    pub fn get(&self, key: &str) -> Option<&Rc<KeyValue>> {
        self.keys.get(key)
    }
    /// The keys that begin with `prefix`, in their order.
    pub fn prefix<'a, 'p>(&'a self, prefix: &'p str) -> impl Iterator<Item = &'a Rc<KeyValue>> + use<'a, 'p> {
        self.keys
            .range::<_, str>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded))
            .map(|(_, kv)| kv)
            .take_while(move |kv| kv.key.starts_with(prefix))
    }
    /// The changes since the last compaction, oldest first.
    pub fn log(&self) -> &PVec<Rc<EtcdEvent>> {
        &self.log
    }

    /// Writes or deletes (`value` is `None`) when the comparison holds; returns the change, or the key as it is.
    pub fn write(
        &mut self,
        key: &Text,
        expected: Option<u64>,
        value: Option<crate::value::Value>,
    ) -> Result<Rc<EtcdEvent>, Option<Rc<KeyValue>>> {
        let current = self.keys.get(key.as_str()).cloned();
        let have = current.as_ref().map_or(0, |kv| kv.mod_revision);
        if expected.is_some_and(|expected| expected != have) || (value.is_none() && current.is_none()) {
            return Err(current);
        }
        self.revision += 1;
        let event = Rc::new(EtcdEvent {
            key: key.clone(),
            revision: self.revision,
            value: value.clone(),
            previous: current.as_ref().map(|kv| kv.value.clone()),
            previous_revision: have,
        });
        match value {
            Some(value) => {
                let (create_revision, version) = current.map_or((self.revision, 1), |kv| (kv.create_revision, kv.version + 1));
                self.keys.insert(
                    key.clone(),
                    Rc::new(KeyValue { key: key.clone(), mod_revision: self.revision, create_revision, version, value }),
                );
            }
            None => {
                self.keys.remove(key.as_str());
            }
        }
        self.log.push_back(Rc::clone(&event));
        Ok(event)
    }

    /// Drops the changes before `revision`.
    pub fn compact(&mut self, revision: u64) {
        self.compacted = self.compacted.max(revision.min(self.revision));
        while self.log.front().is_some_and(|event| event.revision < self.compacted) {
            self.log.pop_front();
        }
    }
}

/// An etcd member.
#[derive(Clone, Debug)]
pub struct Etcd {
    store: Store,
    watches: BTreeMap<EnvelopeId, (Addr, Text)>,
    rng: Rng,
}

impl Etcd {
    /// A member on its machine's data directory.
    pub fn start(launch: &Launch<'_>) -> Self {
        let store = launch.disk.etcd.clone().unwrap_or_else(Store::new);
        Self { store, watches: BTreeMap::new(), rng: Rng::new(launch.seed, launch.purpose) }
    }

    /// Its store.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

impl Component for Etcd {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        match event {
            Event::Message(envelope) => match &envelope.message {
                Message::EtcdRequest(request) => self.on_request(envelope, request, out),
                Message::Failure(failure) => {
                    self.watches.remove(&failure.to);
                }
                _ => {}
            },
            Event::Timer(timer) if timer.name == "lease-expired" => {
                let expected = Some(timer.number);
                if let Ok(change) = self.store.write(&timer.key, expected, None) {
                    self.notify(&change, Duration::ZERO, out);
                }
            }
            _ => {}
        }
    }

    fn persist(&self, disk: &mut Disk) {
        disk.etcd = Some(self.store.clone());
    }

    crate::component_boilerplate!();
}

impl Etcd {
    fn on_request(&mut self, envelope: &Envelope, request: &EtcdRequest, out: &mut Outbox<'_>) {
        // Reads take 50–150 µs; writes wait for the write-ahead log's fsync, 400–1,200 µs on an SSD.
        let read = Duration(self.rng.between(50, 150));
        let mut answer = EtcdResponse { to: envelope.id, revision: 0, succeeded: true, kvs: Vec::new() };
        match request {
            EtcdRequest::Range { key, prefix: true, limit } => {
                let limit = if *limit == 0 { usize::MAX } else { *limit };
                answer.kvs = self.store.prefix(key).take(limit).map(|kv| (**kv).clone()).collect();
                self.answer(read, envelope, answer, out);
            }
            EtcdRequest::Range { key, prefix: false, .. } => {
                answer.kvs = self.store.get(key).map(|kv| (**kv).clone()).into_iter().collect();
                self.answer(read, envelope, answer, out);
            }
            EtcdRequest::Put { key, expected, value, ttl } => {
                let change = self.store.write(key, *expected, Some(value.clone()));
                if let (Ok(change), Some(ttl)) = (&change, ttl) {
                    out.tick(*ttl, "lease-expired", key.clone(), change.revision);
                }
                self.written(change, envelope, answer, out);
            }
            EtcdRequest::Delete { key, expected } => {
                let change = self.store.write(key, *expected, None);
                self.written(change, envelope, answer, out);
            }
            EtcdRequest::Watch { prefix, from } => {
                self.watches.insert(envelope.id, (envelope.from, prefix.clone()));
                let missed: Vec<EtcdEvent> = if *from == 0 {
                    Vec::new()
                } else {
                    self.store
                        .log
                        .iter()
                        .filter(|event| event.revision >= *from && event.key.starts_with(prefix.as_str()))
                        .map(|event| (**event).clone())
                        .collect()
                };
                let batch = EtcdWatch { stream: envelope.id, events: missed, revision: self.store.revision };
                out.send_after(read, envelope.from, Message::EtcdWatch(Rc::new(batch)));
            }
            EtcdRequest::Compact { revision } => self.store.compact(*revision),
        }
    }

    fn written(
        &mut self,
        change: Result<Rc<EtcdEvent>, Option<Rc<KeyValue>>>,
        envelope: &Envelope,
        mut answer: EtcdResponse,
        out: &mut Outbox<'_>,
    ) {
        let fsync = Duration(self.rng.between(400, 1_200));
        match change {
            Ok(change) => {
                answer.kvs = self.store.get(&change.key).map(|kv| (**kv).clone()).into_iter().collect();
                self.answer(fsync, envelope, answer, out);
                self.notify(&change, fsync, out);
            }
            Err(current) => {
                answer.succeeded = false;
                answer.kvs = current.map(|kv| (*kv).clone()).into_iter().collect();
                self.answer(fsync, envelope, answer, out);
            }
        }
    }

    fn answer(&self, delay: Duration, envelope: &Envelope, mut answer: EtcdResponse, out: &mut Outbox<'_>) {
        answer.revision = self.store.revision;
        out.send_after(delay, envelope.from, Message::EtcdResponse(Rc::new(answer)));
    }

    fn notify(&self, change: &Rc<EtcdEvent>, delay: Duration, out: &mut Outbox<'_>) {
        for (stream, (client, prefix)) in &self.watches {
            if change.key.starts_with(prefix.as_str()) {
                let batch = EtcdWatch { stream: *stream, events: vec![(**change).clone()], revision: change.revision };
                out.send_after(delay, *client, Message::EtcdWatch(Rc::new(batch)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn writes_compare_revisions() {
        let mut store = Store::new();
        let key = Text::from("/registry/pods/default/a");
        let first = store.write(&key, Some(0), Some(value!({"v": 1}))).unwrap();
        assert_eq!(first.revision, 2);
        assert_eq!(store.write(&key, Some(0), Some(value!({}))).unwrap_err().unwrap().mod_revision, 2);
        store.write(&key, Some(2), Some(value!({"v": 2}))).unwrap();
        assert_eq!(store.get(&key).unwrap().version, 2);
        assert_eq!(store.prefix("/registry/pods/").count(), 1);
        store.write(&key, None, None).unwrap();
        assert!(store.write(&key, None, None).is_err());
        store.compact(4);
        assert_eq!(store.log().len(), 1);
    }

    #[test]
    fn a_clone_is_a_checkpoint() {
        let mut store = Store::new();
        store.write(&"a".into(), None, Some(1.into())).unwrap();
        let checkpoint = store.clone();
        store.write(&"a".into(), None, Some(2.into())).unwrap();
        assert_eq!(checkpoint.get("a").unwrap().value.int(), 1);
    }
}
