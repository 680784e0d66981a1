//! A persistent map in the order of its keys.

use std::borrow::Borrow;
use std::fmt;
use std::ops::{Bound, Index, RangeBounds};
use std::rc::Rc;
use std::{slice, vec};

use super::CHUNK;

type Entries<K, V> = Vec<(K, V)>;
type Chunk<K, V> = Rc<Entries<K, V>>;

/// A persistent map in the order of its keys: chunks of sorted entries. A clone copies the list of chunks, which are shared until one of
/// them is changed.
///
/// Used like a `BTreeMap`. Looking up takes two binary searches; inserting moves at most [`CHUNK`] entries and, when a chunk is split, the
/// list of chunks, which is short for any number of objects that a cluster has (5,000 for 150,000 pods).
pub struct PMap<K, V> {
    /// None is empty.
    chunks: Vec<Chunk<K, V>>,
    len: usize,
}

impl<K, V> PMap<K, V> {
    /// An empty map.
    pub const fn new() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }

    /// The number of entries.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { front: [].iter(), chunks: self.chunks.iter(), back: [].iter() }
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// The entry with the least key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// The entry with the greatest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }
}

impl<K: Ord, V> PMap<K, V> {
    /// Where `key` is, or where it would have to be inserted: chunk and position in it.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> (usize, Result<usize, usize>)
    where
        K: Borrow<Q>,
    {
        // A chunk holds the keys from its first up to the next chunk's first; the first chunk also those before.
        let at = self.chunks.partition_point(|chunk| chunk[0].0.borrow() <= key).saturating_sub(1);
        let within = self.chunks.get(at).map_or(Err(0), |chunk| chunk.binary_search_by(|(have, _)| have.borrow().cmp(key)));
        (at, within)
    }

    /// The value under `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (chunk, at) = self.find(key);
        at.ok().map(|at| &self.chunks[chunk][at].1)
    }

    /// The entry under `key`.
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let (chunk, at) = self.find(key);
        let (key, value) = &self.chunks[chunk][at.ok()?];
        Some((key, value))
    }

    /// Whether `key` is there.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).1.is_ok()
    }

    /// The entries whose keys lie within `range`.
    pub fn range<R: RangeBounds<Q>, Q: Ord + ?Sized>(&self, range: R) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let place = |key: &Q, after_equal: bool| match self.find(key) {
            (chunk, Ok(at)) => (chunk, at + usize::from(after_equal)),
            (chunk, Err(at)) => (chunk, at),
        };
        let from = match range.start_bound() {
            Bound::Included(key) => place(key, false),
            Bound::Excluded(key) => place(key, true),
            Bound::Unbounded => (0, 0),
        };
        let to = match range.end_bound() {
            Bound::Included(key) => place(key, true),
            Bound::Excluded(key) => place(key, false),
            Bound::Unbounded => (self.chunks.len(), 0),
        };
        let entries = |chunk: usize| self.chunks.get(chunk).map_or(&[][..], |chunk| &chunk[..]);
        if from.0 >= to.0 {
            let one = entries(from.0).get(from.1..to.1).filter(|_| from.0 == to.0).unwrap_or_default();
            return Iter { front: one.iter(), chunks: [].iter(), back: [].iter() };
        }
        Iter {
            front: entries(from.0)[from.1..].iter(),
            chunks: self.chunks[from.0 + 1..to.0].iter(),
            back: entries(to.0)[..to.1].iter(),
        }
    }
}

impl<K: Ord + Clone, V: Clone> PMap<K, V> {
    /// The value under `key`, for changing.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (chunk, at) = self.find(key);
        at.ok().map(|at| &mut Rc::make_mut(&mut self.chunks[chunk])[at].1)
    }

    /// Sets `key`; returns what was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            (chunk, Ok(at)) => Some(std::mem::replace(&mut Rc::make_mut(&mut self.chunks[chunk])[at].1, value)),
            (chunk, Err(at)) => {
                self.insert_at(chunk, at, key, value);
                None
            }
        }
    }

    fn insert_at(&mut self, mut chunk: usize, mut at: usize, key: K, value: V) -> &mut V {
        self.len += 1;
        if self.chunks.is_empty() {
            self.chunks.push(Rc::default());
        } else if self.chunks[chunk].len() == CHUNK {
            // Keys that come in order fill their chunks.
            let last = at == CHUNK && chunk + 1 == self.chunks.len();
            let keep = if last { CHUNK } else { CHUNK / 2 };
            let rest = Rc::make_mut(&mut self.chunks[chunk]).split_off(keep);
            self.chunks.insert(chunk + 1, Rc::new(rest));
            if at > keep || last {
                (chunk, at) = (chunk + 1, at - keep);
            }
        }
        let entries = Rc::make_mut(&mut self.chunks[chunk]);
        entries.insert(at, (key, value));
        &mut entries[at].1
    }

    /// Removes `key`; returns what was there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.remove_entry(key).map(|(_, value)| value)
    }

    /// Removes `key`; returns the entry that was there.
    pub fn remove_entry<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let (chunk, at) = self.find(key);
        at.ok().map(|at| self.remove_at(chunk, at))
    }

    fn remove_at(&mut self, chunk: usize, at: usize) -> (K, V) {
        self.len -= 1;
        let entries = Rc::make_mut(&mut self.chunks[chunk]);
        let removed = entries.remove(at);
        if entries.is_empty() {
            self.chunks.remove(chunk);
        } else if entries.len() < CHUNK / 4 && self.chunks.get(chunk + 1).is_some_and(|next| next.len() < CHUNK / 4) {
            let next = self.chunks.remove(chunk + 1);
            Rc::make_mut(&mut self.chunks[chunk]).extend(Rc::unwrap_or_clone(next));
        }
        removed
    }

    /// Removes the entry with the least key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (self.len > 0).then(|| self.remove_at(0, 0))
    }

    /// Removes the entry with the greatest key.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        let last = self.chunks.last()?.len() - 1;
        Some(self.remove_at(self.chunks.len() - 1, last))
    }

    /// The place of `key`, to be looked at and filled with one search.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        Entry { place: self.find(&key), map: self, key }
    }

    /// The entries, their values for changing.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.chunks.iter_mut().flat_map(|chunk| Rc::make_mut(chunk).iter_mut().map(|(key, value)| (&*key, value)))
    }

    /// The values for changing.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// The values in the order of their keys.
    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.into_iter().map(|(_, value)| value)
    }

    /// The keys in order.
    pub fn into_keys(self) -> impl Iterator<Item = K> {
        self.into_iter().map(|(key, _)| key)
    }

    /// Keeps the entries for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        for chunk in &mut self.chunks {
            Rc::make_mut(chunk).retain_mut(|(key, value)| keep(key, value));
        }
        self.chunks.retain(|chunk| !chunk.is_empty());
        self.len = self.chunks.iter().map(|chunk| chunk.len()).sum();
    }

    /// Takes all entries of `other`.
    pub fn append(&mut self, other: &mut Self) {
        self.extend(std::mem::take(other));
    }
}

/// The place of a key in a map.
pub struct Entry<'a, K, V> {
    map: &'a mut PMap<K, V>,
    key: K,
    place: (usize, Result<usize, usize>),
}

impl<'a, K: Ord + Clone, V: Clone> Entry<'a, K, V> {
    /// The value; `make` makes it when there is none.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        match self.place {
            (chunk, Ok(at)) => &mut Rc::make_mut(&mut self.map.chunks[chunk])[at].1,
            (chunk, Err(at)) => self.map.insert_at(chunk, at, self.key, make()),
        }
    }

    /// The value; `value` when there is none.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// The value; the default when there is none.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

/// Entries in the order of their keys.
pub struct Iter<'a, K, V> {
    front: slice::Iter<'a, (K, V)>,
    chunks: slice::Iter<'a, Chunk<K, V>>,
    back: slice::Iter<'a, (K, V)>,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.front.next() {
                return Some((key, value));
            }
            match self.chunks.next() {
                Some(chunk) => self.front = chunk.iter(),
                None => return self.back.next().map(|(key, value)| (key, value)),
            }
        }
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.front.len() + self.chunks.as_slice().iter().map(|chunk| chunk.len()).sum::<usize>() + self.back.len();
        (len, Some(len))
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.back.next_back() {
                return Some((key, value));
            }
            match self.chunks.next_back() {
                Some(chunk) => self.back = chunk.iter(),
                None => return self.front.next_back().map(|(key, value)| (key, value)),
            }
        }
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self { front: self.front.clone(), chunks: self.chunks.clone(), back: self.back.clone() }
    }
}

impl<'a, K, V> IntoIterator for &'a PMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

type Unwrap<K, V> = fn(Chunk<K, V>) -> Entries<K, V>;

impl<K: Clone, V: Clone> IntoIterator for PMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::iter::FlatMap<vec::IntoIter<Chunk<K, V>>, Entries<K, V>, Unwrap<K, V>>;
    fn into_iter(self) -> Self::IntoIter {
        self.chunks.into_iter().flat_map(Rc::unwrap_or_clone as Unwrap<K, V>)
    }
}

impl<K: Ord + Clone, V: Clone> Extend<(K, V)> for PMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for PMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord + Clone, V: Clone, const N: usize> From<[(K, V); N]> for PMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<Q: Ord + ?Sized, K: Ord + Borrow<Q>, V> Index<&Q> for PMap<K, V> {
    type Output = V;
    /// The value under `key`, which must be there.
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the key is in the map")
    }
}

impl<K, V> Default for PMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> Clone for PMap<K, V> {
    fn clone(&self) -> Self {
        Self { chunks: self.chunks.clone(), len: self.len }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for PMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for PMap<K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for PMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn agrees(map: &PMap<u16, u32>, model: &BTreeMap<u16, u32>) {
        assert!(map.iter().eq(model.iter()));
        assert!(map.iter().rev().eq(model.iter().rev()));
        assert_eq!(map.len(), model.len());
        assert!(map.chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len())));
    }

    proptest! {
        #[test]
        fn behaves_as_a_btreemap(steps in prop::collection::vec((0..6_u8, 0..700_u16, any::<u32>()), 0..900)) {
            let (mut map, mut model) = (PMap::new(), BTreeMap::new());
            let (mut kept, mut kept_model) = (map.clone(), model.clone());
            for (what, key, value) in steps {
                match what {
                    0 | 1 => prop_assert_eq!(map.insert(key, value), model.insert(key, value)),
                    2 => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                    3 => *map.entry(key).or_default() += 1,
                    4 => (kept, kept_model) = (map.clone(), model.clone()),
                    _ => {
                        let to = key + (value % 300) as u16;
                        prop_assert!(map.range(key..to).eq(model.range(key..to)));
                        prop_assert!(map.range(key..=to).rev().eq(model.range(key..=to).rev()));
                        let after = (Bound::Excluded(key), Bound::Unbounded);
                        prop_assert!(map.range::<_, u16>(after).eq(model.range::<u16, _>(after)));
                        prop_assert_eq!(map.get(&key), model.get(&key));
                    }
                }
                if what == 3 {
                    *model.entry(key).or_default() += 1;
                }
            }
            agrees(&map, &model);
            agrees(&kept, &kept_model);
            map.retain(|key, value| { *value ^= 1; key % 3 == 0 });
            model.retain(|key, value| { *value ^= 1; key % 3 == 0 });
            agrees(&map, &model);
            agrees(&kept, &kept_model);
            prop_assert_eq!(map.pop_first(), model.pop_first());
            prop_assert_eq!(map.pop_last(), model.pop_last());
            prop_assert!(map.into_iter().eq(model));
        }
    }

    #[test]
    fn keys_in_order_fill_their_chunks() {
        let map: PMap<u32, ()> = (0..6400).map(|key| (key, ())).collect();
        assert_eq!(map.chunks.len(), 100);
    }

    #[test]
    fn a_change_copies_one_chunk() {
        let mut map: PMap<u32, u32> = (0..1000).map(|key| (key, 0)).collect();
        let before = map.clone();
        map.insert(500, 1);
        let copied = map.chunks.iter().zip(&before.chunks).filter(|(a, b)| !Rc::ptr_eq(a, b)).count();
        assert_eq!((copied, before[&500], map[&500]), (1, 0, 1));
    }
}
