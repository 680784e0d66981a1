//! The multi-version store of an etcd member.

use std::ops::Bound;
use std::rc::Rc;

use super::{EtcdEvent, KeyValue};
use crate::core::Duration;
use crate::core::collections::{PMap, PVec};
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
    pub fn prefix<'a>(&'a self, prefix: &str) -> impl Iterator<Item = &'a Rc<KeyValue>> + use<'a> {
        // Up to the first string that is greater than all that begin so: none of the keys in between needs to be looked at.
        let mut end = prefix.to_string();
        while let Some(last) = end.pop() {
            // The greatest character has no next one: the one before it counts.
            if let Some(next) = (last..=char::MAX).nth(1) {
                end.push(next);
                break;
            }
        }
        let end = if end.is_empty() { Bound::Unbounded } else { Bound::Excluded(end.as_str()) };
        self.keys.range::<_, str>((Bound::Included(prefix), end)).map(|(_, kv)| kv)
    }
    /// The changes since the last compaction, oldest first.
    pub fn log(&self) -> &PVec<Rc<EtcdEvent>> {
        &self.log
    }

    /// Writes, for `ttl` only if there is one, or deletes (`value` is `None`) when the comparison holds; returns the change, or the key as
    /// it is.
    pub fn write(
        &mut self,
        key: &Text,
        expected: Option<u64>,
        value: Option<crate::value::Value>,
        ttl: Option<Duration>,
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
                    Rc::new(KeyValue { key: key.clone(), mod_revision: self.revision, create_revision, version, value, ttl }),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn writes_compare_revisions() {
        let mut store = Store::new();
        let key = Text::from("/registry/pods/default/a");
        let first = store.write(&key, Some(0), Some(value!({"v": 1})), None).unwrap();
        assert_eq!(first.revision, 2);
        assert_eq!(store.write(&key, Some(0), Some(value!({})), None).unwrap_err().unwrap().mod_revision, 2);
        store.write(&key, Some(2), Some(value!({"v": 2})), None).unwrap();
        assert_eq!(store.get(&key).unwrap().version, 2);
        assert_eq!(store.prefix("/registry/pods/").count(), 1);
        for other in ["/registry/pods0", "/registry/podtemplates/x", "/a\u{10ffff}b", "/b", "\u{10ffff}"] {
            store.write(&Text::from(other), None, Some(value!({})), None).unwrap();
        }
        for (prefix, count) in [("/registry/pods/", 1), ("/a\u{10ffff}", 1), ("/a", 1), ("/", 5), ("\u{10ffff}", 1), ("", 6)] {
            assert_eq!(store.prefix(prefix).count(), count, "{prefix:?}");
        }
        let mut store = Store::new();
        store.write(&key, Some(0), Some(value!({})), None).unwrap();
        store.write(&key, None, Some(value!({})), None).unwrap();
        store.write(&key, None, None, None).unwrap();
        assert!(store.write(&key, None, None, None).is_err());
        store.compact(4);
        assert_eq!(store.log().len(), 1);
    }

    #[test]
    fn a_clone_is_a_checkpoint() {
        let mut store = Store::new();
        store.write(&"a".into(), None, Some(1.into()), None).unwrap();
        let checkpoint = store.clone();
        store.write(&"a".into(), None, Some(2.into()), None).unwrap();
        assert_eq!(checkpoint.get("a").unwrap().value.int(), 1);
    }
}
