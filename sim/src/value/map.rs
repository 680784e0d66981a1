//! The map of a [`Value`]: entries sorted by key.

use super::{Text, Value};

/// Entries sorted by key, as Go's encoding/json writes maps and as kubectl prints objects.
/// Kubernetes objects have few keys a level, so a sorted vector beats a tree in memory and in speed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    entries: Vec<(Text, Value)>,
}

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty map with room for so many entries.
    pub fn with_capacity(entries: usize) -> Self {
        Self { entries: Vec::with_capacity(entries) }
    }

    /// The entries in the order of their keys.
    pub fn entries(&self) -> &[(Text, Value)] {
        &self.entries
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        // Most maps have a handful of keys, most of different lengths: comparing those costs nothing, and beats a binary search.
        if self.entries.len() <= 16 {
            return self.entries.iter().find(|(have, _)| same(have, key)).map(|(_, value)| value);
        }
        self.position(key).ok().map(|at| &self.entries[at].1)
    }

    /// The value under `key`, made as null when it is missing.
    pub fn entry(&mut self, key: &str) -> &mut Value {
        // Most often it is there: found as in `get`.
        let known = self.entries.iter().take(16).position(|(have, _)| same(have, key));
        let at = known.map_or_else(|| self.position(key), Ok).unwrap_or_else(|at| {
            self.entries.insert(at, (Text::new(key), Value::Null));
            at
        });
        &mut self.entries[at].1
    }

    /// Sets `key`, returning what was there.
    pub fn insert(&mut self, key: impl Into<Text>, value: impl Into<Value>) -> Option<Value> {
        let key = key.into();
        match self.position(&key) {
            Ok(at) => Some(std::mem::replace(&mut self.entries[at].1, value.into())),
            Err(at) => {
                self.entries.insert(at, (key, value.into()));
                None
            }
        }
    }

    /// Sets `key`, whatever was there. What [`value!`](crate::value!) calls for each key: it stays one function.
    #[inline(never)]
    pub fn put(&mut self, key: &'static str, value: Value) {
        self.insert(key, value);
    }

    /// Removes `key`, returning what was there.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.position(key).ok().map(|at| self.entries.remove(at).1)
    }

    /// Whether `key` is present (its value may be null).
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_ok()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keeps the entries for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Value) -> bool) {
        self.entries.retain_mut(|(key, value)| keep(key, value));
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        // Whoever builds a map from a sorted one appends.
        if self.entries.last().is_none_or(|(last, _)| last.as_str() < key) {
            return Err(self.entries.len());
        }
        self.entries.binary_search_by(|(have, _)| have.as_str().cmp(key))
    }
}

/// Whether two keys are the same. Most that differ do so in length or first byte; most that do not are the same literal.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && (a.as_ptr() == b.as_ptr() || (a.as_bytes().first() == b.as_bytes().first() && a == b))
}

impl FromIterator<(Text, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(iter: I) -> Self {
        let iter = iter.into_iter();
        let mut map = Self::with_capacity(iter.size_hint().0);
        for (key, value) in iter {
            map.insert(key, value);
        }
        map
    }
}
