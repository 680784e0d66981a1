//! How the leader's entries reach the others, and when they count as committed.

use super::{Body, Entry, MemberId, ProgressState, Raft, ReadContext, SnapshotMeta};

impl<D: Clone> Raft<D> {
    fn others(&self) -> Vec<MemberId> {
        self.progress.keys().copied().filter(|id| *id != self.id).collect()
    }

    pub(super) fn broadcast_append(&mut self) {
        for to in self.others() {
            self.send_append(to);
        }
    }

    /// Sends to who does not have all entries yet.
    pub(super) fn broadcast_entries(&mut self) {
        for to in self.others() {
            self.maybe_send_append(to, false);
        }
    }

    pub(super) fn broadcast_heartbeat(&mut self, read: Option<ReadContext>) {
        // A read that is still waiting is asked for again with every heartbeat, for messages get lost.
        let read = read.or_else(|| self.reads.back().map(|pending| pending.context));
        for to in self.others() {
            let matched = self.progress.get(&to).map_or(0, |progress| progress.matched);
            self.send(to, Body::Heartbeat { commit: matched.min(self.log.committed()), read });
        }
    }

    /// Sends what a follower does not have yet, or at least how far the log is committed.
    pub(super) fn send_append(&mut self, to: MemberId) {
        self.maybe_send_append(to, true);
    }

    /// The same, but nothing at all when there are no entries and `empty` is false; says whether something was sent.
    fn maybe_send_append(&mut self, to: MemberId, empty: bool) -> bool {
        let Some(progress) = self.progress.get_mut(&to).filter(|progress| !progress.is_paused()) else { return false };
        let prev_index = progress.next - 1;
        let (prev_term, entries) = match (self.log.term(prev_index), self.log.from(progress.next)) {
            (Some(term), Some(entries)) => (term, if progress.has_room() { entries } else { Vec::new() }),
            _ => return self.send_snapshot(to),
        };
        if entries.is_empty() && !empty {
            return false;
        }
        progress.sent(entries.len());
        let commit = self.log.committed();
        self.send(to, Body::Append { prev_index, prev_term, entries, commit });
        true
    }

    /// The state as far as it is applied, for who needs entries that are compacted away.
    fn send_snapshot(&mut self, to: MemberId) -> bool {
        let meta = self.snapshot_meta();
        let Some(progress) = self.progress.get_mut(&to).filter(|progress| progress.recent_active) else { return false };
        progress.become_snapshot(meta.index);
        self.send(to, Body::Snapshot(meta));
        true
    }

    pub(super) fn on_append(&mut self, from: MemberId, prev_index: u64, prev_term: u64, entries: &[Entry<D>], commit: u64) {
        if prev_index < self.log.committed() && prev_index + (entries.len() as u64) < self.log.committed() {
            // Old news: all of it is committed here already.
            return self.send(from, Body::AppendResp { index: self.log.committed(), reject: None });
        }
        let skip = self.log.committed().saturating_sub(prev_index) as usize;
        // Entries up to the committed one agree anyway, and may be compacted away.
        let (prev_index, prev_term) = match skip.checked_sub(1).and_then(|at| entries.get(at)) {
            Some(entry) => (entry.index, entry.term),
            None => (prev_index, prev_term),
        };
        let entries = &entries[skip.min(entries.len())..];
        let body = match self.log.append(prev_index, prev_term, entries) {
            Some(last) => {
                self.log.commit_to(commit.min(last));
                Body::AppendResp { index: last, reject: None }
            }
            None => Body::AppendResp { index: prev_index, reject: Some(self.log.find_conflict(prev_index, prev_term)) },
        };
        self.send(from, body);
    }

    pub(super) fn on_snapshot(&mut self, from: MemberId, meta: SnapshotMeta) {
        if meta.index > self.log.committed() {
            if self.log.matches(meta.index, meta.term) {
                // All of it is here already.
                self.log.commit_to(meta.index);
            } else {
                self.restored(meta);
            }
        }
        self.send(from, Body::AppendResp { index: self.log.committed(), reject: None });
    }

    pub(super) fn on_append_resp(&mut self, from: MemberId, index: u64, reject: Option<(u64, u64)>) {
        let Some(progress) = self.progress.get_mut(&from) else { return };
        progress.recent_active = true;
        if let Some((hint, term)) = reject {
            let hint = if term > 0 { self.log.find_conflict(hint, term).0 } else { hint };
            if progress.decrease(index, hint) {
                if progress.state == ProgressState::Replicate {
                    progress.become_probe();
                }
                self.send_append(from);
            }
            return;
        }
        let was_paused = progress.is_paused();
        let known = progress.matched == index && progress.state == ProgressState::Probe;
        if !progress.update(index) && !known {
            return;
        }
        match progress.state {
            ProgressState::Probe => progress.become_replicate(),
            // It has what the log begins with: entries can follow.
            ProgressState::Snapshot { index } if progress.matched >= index || progress.matched + 1 >= self.log.first_index() => {
                progress.become_replicate();
            }
            ProgressState::Snapshot { .. } | ProgressState::Replicate => {}
        }
        let matched = progress.matched;
        if self.maybe_commit() {
            self.release_early_reads();
            self.broadcast_append();
        } else if was_paused {
            self.send_append(from);
        }
        while self.maybe_send_append(from, false) {}
        if self.transferee == from && matched == self.log.last_index() {
            self.send(from, Body::TimeoutNow);
        }
    }

    pub(super) fn on_heartbeat_resp(&mut self, from: MemberId, read: Option<ReadContext>) {
        let Some(progress) = self.progress.get_mut(&from) else { return };
        progress.recent_active = true;
        progress.unpause();
        if progress.matched < self.log.last_index() || progress.state == ProgressState::Probe {
            self.send_append(from);
        }
        if let Some(read) = read {
            self.on_read_ack(from, read);
        }
    }

    /// Commits what is on a majority; says whether that is new. Only an entry of the own term commits by counting: with it,
    /// everything before.
    pub(super) fn maybe_commit(&mut self) -> bool {
        let mut matched: Vec<u64> =
            self.conf.voters.iter().map(|id| self.progress.get(id).map_or(0, |progress| progress.matched)).collect();
        matched.sort_unstable_by(|a, b| b.cmp(a));
        let Some(index) = matched.get(self.conf.voters.len() / 2).copied() else { return false };
        self.log.matches(index, self.term) && self.log.commit_to(index)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConfChange, Payload, RaftMessage};
    use super::*;
    use crate::core::Rng;

    /// Member 1 of three, leading, with all that it has said until then thrown away.
    fn leader() -> Raft<u8> {
        let voters = [(1, None), (2, None), (3, None)];
        let mut raft = Raft::bootstrap(1, &voters, Rng::new(1, "raft"));
        while raft.next_committed().is_some() {}
        raft.campaign_now();
        for body in [Body::PreVoteResp { reject: false }, Body::VoteResp { reject: false }] {
            raft.step(RaftMessage { from: 2, to: 1, term: 2, body });
        }
        assert!(raft.is_leader());
        raft.take_messages();
        raft
    }

    fn ack(raft: &mut Raft<u8>, from: MemberId, index: u64) {
        let term = raft.term();
        raft.step(RaftMessage { from, to: 1, term, body: Body::AppendResp { index, reject: None } });
    }

    fn apply(raft: &mut Raft<u8>) {
        while raft.next_committed().is_some() {}
    }

    #[test]
    fn a_snapshot_goes_as_far_as_the_state_that_is_sent_with_it() {
        let mut raft = leader();
        let first = raft.log().last_index();
        ack(&mut raft, 2, first);
        raft.propose(Payload::Data(1)).unwrap();
        apply(&mut raft);
        raft.compact(first);
        raft.take_messages();
        // Member 3 has lost everything: it needs a snapshot. Before that is sent, one more entry is committed and applied.
        let term = raft.term();
        raft.step(RaftMessage { from: 3, to: 1, term, body: Body::AppendResp { index: first - 1, reject: Some((0, 0)) } });
        ack(&mut raft, 2, first + 1);
        apply(&mut raft);
        assert_eq!(raft.log().applied(), first + 1);
        let messages = raft.take_messages();
        let snapshot = messages.iter().find_map(|message| match &message.body {
            Body::Snapshot(meta) => Some(meta.index),
            _ => None,
        });
        assert_eq!(snapshot, Some(first + 1));
    }

    #[test]
    fn a_change_of_the_membership_is_news_to_the_new_member_only() {
        let mut raft = leader();
        let first = raft.log().last_index();
        for member in [2, 3] {
            ack(&mut raft, member, first);
        }
        raft.propose(Payload::Conf(ConfChange::AddLearner(4), None)).unwrap();
        for member in [2, 3] {
            ack(&mut raft, member, first + 1);
        }
        raft.take_messages();
        apply(&mut raft);
        let to: Vec<MemberId> = raft.take_messages().iter().map(|message| message.to).collect();
        assert_eq!(to, [4]);
    }
}
