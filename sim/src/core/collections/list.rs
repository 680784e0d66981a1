//! A persistent list that grows at its end and shrinks at its beginning.

use std::fmt;
use std::ops::Index;
use std::rc::Rc;

use super::CHUNK;

/// A persistent list that grows at its end and shrinks at its beginning, such as a log: full chunks, of which the first may have been
/// used up in part and the last is not full yet. A clone copies the list of chunks.
#[derive(Clone)]
pub struct PVec<T> {
    chunks: Vec<Rc<Vec<T>>>,
    /// As many items of the first chunk are gone.
    gone: usize,
    len: usize,
}

impl<T> PVec<T> {
    /// An empty list.
    pub const fn new() -> Self {
        Self { chunks: Vec::new(), gone: 0, len: 0 }
    }

    /// The number of items.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no item.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The item at `at`.
    pub fn get(&self, at: usize) -> Option<&T> {
        let at = at + self.gone;
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    /// The first item.
    pub fn front(&self) -> Option<&T> {
        self.get(0)
    }

    /// The last item.
    pub fn last(&self) -> Option<&T> {
        self.get(self.len.checked_sub(1)?)
    }

    /// The items in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        self.iter_from(0)
    }

    /// The items from position `from` on.
    pub fn iter_from(&self, from: usize) -> impl DoubleEndedIterator<Item = &T> + Clone {
        (from..self.len).map(|at| &self[at])
    }

    /// The first position whose item `before` does not hold for; it must hold for a beginning of the list and for nothing after it.
    pub fn partition_point(&self, mut before: impl FnMut(&T) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = usize::midpoint(low, high);
            if before(&self[middle]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl<T: Clone> PVec<T> {
    /// Appends an item.
    pub fn push_back(&mut self, item: T) {
        match self.chunks.last_mut().filter(|chunk| chunk.len() < CHUNK) {
            Some(chunk) => Rc::make_mut(chunk).push(item),
            None => self.chunks.push(Rc::new(vec![item])),
        }
        self.len += 1;
    }

    /// Drops all items from position `len` on.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            let end = self.gone + len;
            self.chunks.truncate(end.div_ceil(CHUNK));
            let full = self.chunks.len().saturating_sub(1) * CHUNK;
            if let Some(last) = self.chunks.last_mut() {
                Rc::make_mut(last).truncate(end - full);
            }
            self.len = len;
        }
    }

    /// Removes the first item.
    pub fn pop_front(&mut self) -> Option<T> {
        let item = self.front()?.clone();
        self.len -= 1;
        self.gone += 1;
        if self.gone == CHUNK {
            self.chunks.remove(0);
            self.gone = 0;
        }
        Some(item)
    }
}

impl<T: Clone> Extend<T> for PVec<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        for item in items {
            self.push_back(item);
        }
    }
}

impl<T> Index<usize> for PVec<T> {
    type Output = T;
    /// The item at `at`, which must be there.
    fn index(&self, at: usize) -> &T {
        self.get(at).expect("the list is long enough")
    }
}

impl<T> Default for PVec<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for PVec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    #[test]
    fn behaves_as_a_deque() {
        let (mut list, mut model) = (PVec::new(), VecDeque::new());
        for number in 0..1000 {
            list.push_back(number);
            model.push_back(number);
            if number % 3 == 0 {
                assert_eq!(list.pop_front(), model.pop_front());
            }
        }
        let kept = list.clone();
        assert!(list.iter().eq(model.iter()));
        assert!(list.iter().rev().eq(model.iter().rev()));
        assert_eq!((list.front(), list.last(), list.len()), (model.front(), model.back(), model.len()));
        assert_eq!(list.partition_point(|number| *number < 700), model.iter().position(|number| *number == 700).unwrap());
        for len in [600, 600, 513, 512, 400] {
            list.truncate(len);
            model.truncate(len);
            assert!(list.iter().eq(model.iter()));
        }
        list.extend(0..100);
        model.extend(0..100);
        while let Some(item) = list.pop_front() {
            assert_eq!(Some(item), model.pop_front());
        }
        assert_eq!((list.len(), list.front(), kept.len()), (0, None, 666));
        list.push_back(7);
        assert_eq!(list.iter().collect::<Vec<_>>(), [&7]);
    }
}
