//! What a leader knows of a follower, after `raft/tracker`.

use std::collections::VecDeque;

/// Messages with entries that may be under way to a follower at once.
const INFLIGHT_MAX: usize = 256;

/// How a leader sends to a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressState {
    /// One message at a time: it is not known where the logs agree.
    Probe,
    /// One after the other, without waiting for answers.
    Replicate,
    /// Nothing until this snapshot has arrived.
    Snapshot {
        /// Its last entry.
        index: u64,
    },
}

/// A follower as its leader sees it.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The last entry that is known to be on it.
    pub matched: u64,
    /// The next entry to send.
    pub next: u64,
    /// How to send.
    pub state: ProgressState,
    /// Whether it was heard of since the last check of the quorum.
    pub recent_active: bool,
    paused: bool,
    /// Last entries of the messages under way.
    inflight: VecDeque<u64>,
    /// Rounds of the check of the quorum since a snapshot was sent.
    snapshot_age: u32,
}

impl Progress {
    /// Nothing is known but where to begin.
    pub(super) fn new(next: u64) -> Self {
        Self {
            matched: 0,
            next,
            state: ProgressState::Probe,
            recent_active: false,
            paused: false,
            inflight: VecDeque::new(),
            snapshot_age: 0,
        }
    }

    fn reset(&mut self, state: ProgressState) {
        self.state = state;
        self.paused = false;
        self.inflight.clear();
        self.snapshot_age = 0;
    }

    pub(super) fn become_probe(&mut self) {
        self.next = match self.state {
            // The snapshot may have arrived without our knowing.
            ProgressState::Snapshot { index } => self.matched.max(index) + 1,
            _ => self.matched + 1,
        };
        self.reset(ProgressState::Probe);
    }

    pub(super) fn become_replicate(&mut self) {
        self.reset(ProgressState::Replicate);
        self.next = self.matched + 1;
    }

    pub(super) fn become_snapshot(&mut self, index: u64) {
        self.reset(ProgressState::Snapshot { index });
        self.next = index + 1;
    }

    /// Whether nothing may be sent now.
    pub(super) fn is_paused(&self) -> bool {
        match self.state {
            ProgressState::Snapshot { .. } => true,
            ProgressState::Probe | ProgressState::Replicate => self.paused,
        }
    }

    /// Whether a message with entries may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.state != ProgressState::Replicate || self.inflight.len() < INFLIGHT_MAX
    }

    /// A heartbeat was answered: one more message may be tried.
    pub(super) fn unpause(&mut self) {
        self.paused = false;
    }

    /// So many entries have been sent.
    pub(super) fn sent(&mut self, entries: usize) {
        if entries == 0 {
            return;
        }
        if self.state == ProgressState::Replicate {
            self.next += entries as u64;
            self.inflight.push_back(self.next - 1);
            self.paused = !self.has_room();
        } else {
            self.paused = true;
        }
    }

    /// Entries up to `index` are on it; says whether that is new.
    pub(super) fn update(&mut self, index: u64) -> bool {
        self.next = self.next.max(index + 1);
        while self.inflight.front().is_some_and(|last| *last <= index) {
            self.inflight.pop_front();
        }
        if index <= self.matched {
            return false;
        }
        self.matched = index;
        self.paused = false;
        true
    }

    /// It rejected `rejected` and hints at another place; says whether that is news.
    pub(super) fn decrease(&mut self, rejected: u64, hint: u64) -> bool {
        if self.state == ProgressState::Replicate {
            if rejected <= self.matched {
                return false;
            }
            self.next = self.matched + 1;
            return true;
        }
        // A rejection of an earlier probe.
        if self.next != rejected + 1 {
            return false;
        }
        self.next = rejected.min(hint + 1).max(self.matched + 1);
        self.paused = false;
        true
    }

    /// A round of the check of the quorum has passed: a snapshot of which nothing was heard for two of them is taken for lost.
    pub(super) fn age_snapshot(&mut self) {
        if matches!(self.state, ProgressState::Snapshot { .. }) {
            self.snapshot_age += 1;
            if self.snapshot_age >= 2 {
                self.reset(ProgressState::Probe);
                self.next = self.matched + 1;
            }
        }
    }
}
