//! The log of a member: entries from the last compaction on, and how far they are committed and applied.

use super::Entry;
use crate::core::collections::PVec;

/// At most so many entries go in one message.
const ENTRIES_PER_MESSAGE: usize = 64;

/// A member's log.
#[derive(Clone, Debug)]
pub struct Log<D: Clone> {
    entries: PVec<Entry<D>>,
    /// The last entry that was compacted away, or that a snapshot brought, and its term.
    before: (u64, u64),
    committed: u64,
    applied: u64,
}

impl<D: Clone> Default for Log<D> {
    fn default() -> Self {
        Self { entries: PVec::new(), before: (0, 0), committed: 0, applied: 0 }
    }
}

impl<D: Clone> Log<D> {
    /// The first entry that is still there, or would be.
    pub fn first_index(&self) -> u64 {
        self.before.0 + 1
    }
    /// The last entry.
    pub fn last_index(&self) -> u64 {
        self.before.0 + self.entries.len() as u64
    }
    /// The last entry's term.
    pub fn last_term(&self) -> u64 {
        self.entries.last().map_or(self.before.1, |entry| entry.term)
    }
    /// The last entry that is known to be on a majority.
    pub fn committed(&self) -> u64 {
        self.committed
    }
    /// The last entry that was handed to the host.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// The term of an entry; `None` when it was compacted away or has not come yet.
    pub fn term(&self, index: u64) -> Option<u64> {
        if index == self.before.0 {
            return Some(self.before.1);
        }
        self.get(index).map(|entry| entry.term)
    }

    /// An entry.
    pub fn get(&self, index: u64) -> Option<&Entry<D>> {
        self.entries.get(usize::try_from(index.checked_sub(self.first_index())?).ok()?)
    }

    /// Whether this very entry is here.
    pub fn matches(&self, index: u64, term: u64) -> bool {
        self.term(index) == Some(term)
    }

    /// Whether a log that ends so is at least as complete as this one (Raft's restriction on votes).
    pub fn is_up_to_date(&self, last_index: u64, last_term: u64) -> bool {
        (last_term, last_index) >= (self.last_term(), self.last_index())
    }

    /// Entries from `index` on, as many as go into one message; `None` when the first has been compacted away.
    pub fn from(&self, index: u64) -> Option<Vec<Entry<D>>> {
        let skip = usize::try_from(index.checked_sub(self.first_index())?).ok()?;
        let end = self.entries.len().min(skip.saturating_add(ENTRIES_PER_MESSAGE));
        Some((skip..end).filter_map(|at| self.entries.get(at).cloned()).collect())
    }

    /// A leader's own new entry.
    pub(super) fn push(&mut self, entry: Entry<D>) {
        assert_eq!(entry.index, self.last_index() + 1, "a leader appends at the end");
        self.entries.push_back(entry);
    }

    /// A leader's entries behind one that must agree: the last of them, or `None` when that one does not agree. What contradicts
    /// them is dropped.
    pub(super) fn append(&mut self, prev_index: u64, prev_term: u64, entries: &[Entry<D>]) -> Option<u64> {
        if !self.matches(prev_index, prev_term) {
            return None;
        }
        let last = prev_index + entries.len() as u64;
        let new = entries.iter().position(|entry| !self.matches(entry.index, entry.term));
        if let Some(new) = new {
            let from = entries[new].index;
            assert!(from > self.committed, "entry {from} contradicts one that is committed");
            self.entries.truncate((from - self.first_index()) as usize);
            self.entries.extend(entries[new..].iter().cloned());
        }
        Some(last)
    }

    /// Where this log and one with `term` at `index` may agree at the latest: the last entry up to `index` whose term is not newer,
    /// and that entry's term.
    pub(super) fn find_conflict(&self, index: u64, term: u64) -> (u64, u64) {
        let mut at = index.min(self.last_index());
        loop {
            match self.term(at) {
                Some(have) if have > term && at > 0 => at -= 1,
                Some(have) => return (at, have),
                None => return (at, 0),
            }
        }
    }

    /// Commits up to `index`; says whether that is new.
    pub(super) fn commit_to(&mut self, index: u64) -> bool {
        if index <= self.committed {
            return false;
        }
        assert!(index <= self.last_index(), "entry {index} is committed but has not come");
        self.committed = index;
        true
    }

    /// Takes the next committed entry that was not applied yet.
    pub(super) fn next_committed(&mut self) -> Option<Entry<D>> {
        if self.applied >= self.committed {
            return None;
        }
        let entry = self.get(self.applied + 1).cloned();
        assert!(entry.is_some(), "entry {} is committed but not in the log", self.applied + 1);
        self.applied += 1;
        entry
    }

    /// The committed entries that were not applied yet.
    pub(super) fn unapplied(&self) -> impl Iterator<Item = &Entry<D>> {
        (self.applied + 1..=self.committed).filter_map(|index| self.get(index))
    }

    /// Becomes what a snapshot says.
    pub(super) fn restore(&mut self, index: u64, term: u64) {
        *self = Self { entries: PVec::new(), before: (index, term), committed: index, applied: index };
    }

    /// Forgets applied entries up to and including `index`.
    pub fn compact(&mut self, index: u64) {
        let index = index.min(self.applied);
        let Some(term) = self.term(index) else { return };
        if index >= self.first_index() {
            for _ in self.before.0..index {
                self.entries.pop_front();
            }
            self.before = (index, term);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Payload;
    use super::*;

    fn entry(index: u64, term: u64) -> Entry<u8> {
        Entry { index, term, payload: Payload::Empty }
    }

    fn log(terms: &[u64]) -> Log<u8> {
        let mut log = Log::default();
        for (at, term) in terms.iter().enumerate() {
            log.push(entry(at as u64 + 1, *term));
        }
        log
    }

    #[test]
    fn contradicting_entries_are_replaced() {
        let mut log = log(&[1, 1, 2, 2]);
        assert_eq!(log.append(5, 2, &[]), None);
        assert_eq!(log.append(2, 1, &[entry(3, 3)]), Some(3));
        assert_eq!((log.last_index(), log.last_term()), (3, 3));
        // An old message with entries that are there already drops nothing.
        assert_eq!(log.append(0, 0, &[entry(1, 1)]), Some(1));
        assert_eq!(log.last_index(), 3);
    }

    #[test]
    fn conflicts_are_found_by_term() {
        let log = log(&[1, 1, 4, 4, 5]);
        assert_eq!(log.find_conflict(9, 9), (5, 5));
        assert_eq!(log.find_conflict(5, 3), (2, 1));
        assert_eq!(log.find_conflict(4, 4), (4, 4));
    }

    #[test]
    fn compaction_keeps_the_rest() {
        let mut log = log(&[1, 1, 2, 2]);
        log.commit_to(3);
        while log.next_committed().is_some() {}
        log.compact(9);
        assert_eq!((log.first_index(), log.last_index(), log.term(3), log.term(2)), (4, 4, Some(2), None));
        assert!(log.from(3).is_none());
        assert_eq!(log.from(4).map(|entries| entries.len()), Some(1));
    }
}
