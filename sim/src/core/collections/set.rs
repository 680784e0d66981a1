//! A persistent set in order.

use std::borrow::Borrow;
use std::fmt;
use std::ops::RangeBounds;

use super::PMap;

/// A persistent set in order; used like a `BTreeSet`.
pub struct PSet<K> {
    map: PMap<K, ()>,
}

impl<K> PSet<K> {
    /// An empty set.
    pub const fn new() -> Self {
        Self { map: PMap::new() }
    }

    /// The number of items.
    pub const fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there is no item.
    pub const fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Removes all items.
    pub fn clear(&mut self) {
        self.map.clear();
    }

    /// The items in order.
    pub fn iter(&self) -> Iter<'_, K> {
        self.map.iter().map(first)
    }

    /// The least item.
    pub fn first(&self) -> Option<&K> {
        self.iter().next()
    }

    /// The greatest item.
    pub fn last(&self) -> Option<&K> {
        self.iter().next_back()
    }
}

impl<K: Ord> PSet<K> {
    /// Whether `item` is there.
    pub fn contains<Q: Ord + ?Sized>(&self, item: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.map.contains_key(item)
    }

    /// The items within `range`.
    pub fn range<R: RangeBounds<Q>, Q: Ord + ?Sized>(&self, range: R) -> Iter<'_, K>
    where
        K: Borrow<Q>,
    {
        self.map.range(range).map(first)
    }

    /// The items that are not in `other`.
    pub fn difference<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a K> {
        self.iter().filter(|item| !other.contains(*item))
    }

    /// The items that are also in `other`.
    pub fn intersection<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a K> {
        self.iter().filter(|item| other.contains(*item))
    }

    /// Whether all items are in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.iter().all(|item| other.contains(item))
    }
}

impl<K: Ord + Clone> PSet<K> {
    /// Adds an item; whether it is new.
    pub fn insert(&mut self, item: K) -> bool {
        self.map.insert(item, ()).is_none()
    }

    /// Removes an item; whether it was there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, item: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.map.remove(item).is_some()
    }

    /// Removes the least item.
    pub fn pop_first(&mut self) -> Option<K> {
        self.map.pop_first().map(|(item, ())| item)
    }

    /// Keeps the items for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        self.map.retain(|item, ()| keep(item));
    }
}

/// Items in order.
pub(super) type Iter<'a, K> = std::iter::Map<super::map::Iter<'a, K, ()>, fn((&'a K, &'a ())) -> &'a K>;

fn first<'a, K>((item, ()): (&'a K, &'a ())) -> &'a K {
    item
}

impl<'a, K> IntoIterator for &'a PSet<K> {
    type Item = &'a K;
    type IntoIter = Iter<'a, K>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

type First<K> = fn((K, ())) -> K;

impl<K: Clone> IntoIterator for PSet<K> {
    type Item = K;
    type IntoIter = std::iter::Map<<PMap<K, ()> as IntoIterator>::IntoIter, First<K>>;
    fn into_iter(self) -> Self::IntoIter {
        let first: First<K> = |(item, ())| item;
        self.map.into_iter().map(first)
    }
}

impl<K: Ord + Clone> Extend<K> for PSet<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, items: I) {
        for item in items {
            self.insert(item);
        }
    }
}

impl<K: Ord + Clone> FromIterator<K> for PSet<K> {
    fn from_iter<I: IntoIterator<Item = K>>(items: I) -> Self {
        let mut set = Self::new();
        set.extend(items);
        set
    }
}

impl<K: Ord + Clone, const N: usize> From<[K; N]> for PSet<K> {
    fn from(items: [K; N]) -> Self {
        items.into_iter().collect()
    }
}

impl<K> Default for PSet<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> Clone for PSet<K> {
    fn clone(&self) -> Self {
        Self { map: self.map.clone() }
    }
}

impl<K: PartialEq> PartialEq for PSet<K> {
    fn eq(&self, other: &Self) -> bool {
        self.map == other.map
    }
}

impl<K: Eq> Eq for PSet<K> {}

impl<K: fmt::Debug> fmt::Debug for PSet<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
