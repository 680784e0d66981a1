//! Linearizable reads without an entry of their own (ReadIndex): the leader notes how far it has committed, makes sure by a round of
//! heartbeats that it still leads, and then the reader may read as soon as it has applied that far.

use std::collections::BTreeSet;

use super::{Body, Dropped, MemberId, NOBODY, Raft, ReadContext};

/// A read that waits for a majority to confirm the leader.
#[derive(Clone, Debug)]
pub(super) struct PendingRead {
    pub(super) context: ReadContext,
    index: u64,
    acks: BTreeSet<MemberId>,
}

impl<D: Clone> Raft<D> {
    /// Asks for the index that a read must wait for; `number` is the host's own for it. It is lost if the leader is.
    pub fn read_index(&mut self, number: u64) -> Result<(), Dropped> {
        let read = ReadContext { member: self.id, number };
        if self.is_leader() {
            self.on_read_index(read);
        } else if self.lead == NOBODY {
            return Err(Dropped);
        } else {
            self.hand_on(self.lead, Body::ReadIndex(read));
        }
        Ok(())
    }

    pub(super) fn on_read_index(&mut self, read: ReadContext) {
        // Before an entry of its own term is committed, a leader does not know how far its predecessors had got.
        if self.log.term(self.log.committed()) != Some(self.term) {
            self.early_reads.push(read);
            return;
        }
        let index = self.log.committed();
        if self.conf.is_quorum(1) && self.is_promotable() {
            self.confirm(read, index);
            return;
        }
        self.reads.push_back(PendingRead { context: read, index, acks: BTreeSet::from([self.id]) });
        self.broadcast_heartbeat(Some(read));
    }

    pub(super) fn release_early_reads(&mut self) {
        for read in std::mem::take(&mut self.early_reads) {
            self.on_read_index(read);
        }
    }

    /// A member has confirmed the leader after it had taken this read, and so after all before it.
    pub(super) fn on_read_ack(&mut self, from: MemberId, read: ReadContext) {
        let Some(at) = self.reads.iter().position(|pending| pending.context == read) else { return };
        self.reads[at].acks.insert(from);
        let acks = self.reads[at].acks.iter().filter(|id| self.conf.voters.contains(id)).count();
        if self.conf.is_quorum(acks) {
            let confirmed: Vec<PendingRead> = self.reads.drain(..=at).collect();
            for pending in confirmed {
                self.confirm(pending.context, pending.index);
            }
        }
    }

    fn confirm(&mut self, read: ReadContext, index: u64) {
        if read.member == self.id {
            self.read_states.push((read.number, index));
        } else {
            self.send(read.member, Body::ReadIndexResp { index, read });
        }
    }
}
