//! A bounded memory: what was not used for longest is forgotten first (the LRU caches of client-go's event recorder).

use crate::core::collections::{PMap, PVec};
use crate::value::Text;

/// A map of at most `limit` entries.
#[derive(Clone, Debug)]
pub(super) struct Recent<V: Clone> {
    limit: usize,
    uses: u64,
    entries: PMap<Text, (u64, V)>,
    /// Keys in the order of their uses; those whose use is not the entry's last are outdated.
    order: PVec<(u64, Text)>,
}

impl<V: Clone> Recent<V> {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, uses: 0, entries: PMap::new(), order: PVec::new() }
    }

    pub(super) fn get(&self, key: &str) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    pub(super) fn insert(&mut self, key: Text, value: V) {
        self.uses += 1;
        self.entries.insert(key.clone(), (self.uses, value));
        self.note_use(key);
    }

    /// Changes the value under `key`, which is made when there is none, and says what `change` says.
    pub(super) fn change<R>(&mut self, key: Text, make: impl FnOnce() -> V, change: impl FnOnce(&mut V) -> R) -> R {
        self.uses += 1;
        let (used, value) = self.entries.entry(key.clone()).or_insert_with(|| (0, make()));
        *used = self.uses;
        let answer = change(value);
        self.note_use(key);
        answer
    }

    fn note_use(&mut self, key: Text) {
        self.order.push_back((self.uses, key));
        while self.entries.len() > self.limit
            && let Some((used, key)) = self.order.pop_front()
        {
            if self.entries.get(key.as_str()).is_some_and(|(last, _)| *last == used) {
                self.entries.remove(key.as_str());
            }
        }
        // Where few keys are used again and again, what is outdated goes from time to time.
        if self.order.len() > 2 * self.limit {
            let current = |(used, key): &&(u64, Text)| self.entries.get(key.as_str()).is_some_and(|(last, _)| last == used);
            let mut order = PVec::new();
            self.order.iter().filter(current).for_each(|used| order.push_back(used.clone()));
            self.order = order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_entry_goes_first() {
        let mut recent = Recent::new(2);
        for (key, value) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            recent.insert(key.into(), value);
        }
        assert_eq!((recent.get("a"), recent.get("b"), recent.get("c")), (Some(&3), None, Some(&4)));
        for value in 0..100 {
            recent.insert("c".into(), value);
        }
        assert_eq!(recent.get("c"), Some(&99));
        assert!(recent.order.len() <= 4);
        assert_eq!(recent.get("a"), Some(&3), "there are two only");
        assert_eq!(recent.change("a".into(), || 0, |value| *value), 3);
        recent.insert("d".into(), 5);
        assert_eq!((recent.get("a"), recent.get("c")), (Some(&3), None), "a change is a use");
    }
}
