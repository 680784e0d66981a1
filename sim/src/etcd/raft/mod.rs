//! Raft, after etcd's (`go.etcd.io/raft`): agreement of several members on one order of entries.
//!
//! A pure state machine: ticks (100 ms each) and messages go in, messages and committed entries come out; no clock, no network, no
//! disk. What a member must not forget is [`Durable`]; whoever hosts a member keeps it before anything that follows from it is sent.
//!
//! - [`log`]: the entries, from the last compaction on;
//! - [`progress`]: what the leader knows of each follower;
//! - [`node`]: roles, terms, ticks, proposals, what has been committed; `election.rs`: votes and pre-votes; `replication.rs`: appending,
//!   acknowledging, heartbeats, snapshots; `reads.rs`: linearizable reads without an entry (ReadIndex).
//!
//! As etcd is configured: pre-vote and check-quorum are on, an election times out after 10 to 19 ticks, heartbeats come every tick.
//! Membership changes one member at a time; a new one is a learner first, which receives everything and does not vote.
//!
//! **Invariants** (property-tested in `tests/raft.rs`): one leader a term at most; two logs that agree on an entry agree on all before it;
//! what has been committed is in the log of every later leader; all members apply the same entries in the same order.

pub mod log;
pub mod node;
pub mod progress;

mod election;
mod reads;
mod replication;

use std::collections::BTreeSet;

pub use log::Log;
pub use node::{Dropped, Durable, Raft, Role};
pub use progress::{Progress, ProgressState};

/// A member's number; 0 is nobody.
pub type MemberId = u64;

/// Nobody: no leader, no vote.
pub const NOBODY: MemberId = 0;

/// Ticks of silence after which a follower doubts its leader, at least; at most one less than twice as many.
pub const ELECTION_TICKS: u32 = 10;

/// An entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<D> {
    /// Its place, counted from 1.
    pub index: u64,
    /// The term of the leader who appended it.
    pub term: u64,
    /// What it says.
    pub payload: Payload<D>,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload<D> {
    /// Nothing: a new leader's first entry.
    Empty,
    /// Something for the host.
    Data(D),
    /// The membership changes; the host may have attached what it wants to remember.
    Conf(ConfChange, Option<D>),
}

/// A change of the membership, of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfChange {
    /// A member that votes; a learner becomes one by this.
    AddVoter(MemberId),
    /// A member that receives everything and does not vote.
    AddLearner(MemberId),
    /// A member leaves.
    Remove(MemberId),
}

/// Who is a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conf {
    /// Who votes.
    pub voters: BTreeSet<MemberId>,
    /// Who only learns.
    pub learners: BTreeSet<MemberId>,
}

impl Conf {
    /// Carries out a change.
    pub fn apply(&mut self, change: ConfChange) {
        match change {
            ConfChange::AddVoter(id) => {
                self.learners.remove(&id);
                self.voters.insert(id);
            }
            ConfChange::AddLearner(id) => {
                if !self.voters.contains(&id) {
                    self.learners.insert(id);
                }
            }
            ConfChange::Remove(id) => {
                self.voters.remove(&id);
                self.learners.remove(&id);
            }
        }
    }

    /// Everybody.
    pub fn members(&self) -> impl Iterator<Item = MemberId> {
        self.voters.iter().chain(&self.learners).copied()
    }

    /// Whether so many voters are a majority.
    pub fn is_quorum(&self, votes: usize) -> bool {
        votes > self.voters.len() / 2
    }
}

/// What a snapshot stands for; the state itself is the host's.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotMeta {
    /// The last entry in it.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// The membership then.
    pub conf: Conf,
}

/// A read that waits for its index: who asks, and the asker's number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadContext {
    /// The member that asks.
    pub member: MemberId,
    /// Its number for the read.
    pub number: u64,
}

/// A message between members.
#[derive(Clone, Debug, PartialEq)]
pub struct RaftMessage<D> {
    /// Sender.
    pub from: MemberId,
    /// Receiver.
    pub to: MemberId,
    /// The sender's term, or the term that it stands for election in; 0 for what members hand on for their clients.
    pub term: u64,
    /// The content.
    pub body: Body<D>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body<D> {
    /// Would you vote for me? (MsgPreVote)
    PreVote {
        /// The candidate's last entry.
        last_index: u64,
        /// Its term.
        last_term: u64,
    },
    /// The answer (MsgPreVoteResp).
    PreVoteResp {
        /// No.
        reject: bool,
    },
    /// Vote for me (MsgVote).
    Vote {
        /// The candidate's last entry.
        last_index: u64,
        /// Its term.
        last_term: u64,
        /// The leader itself wants it: voters do not wait for its silence.
        transfer: bool,
    },
    /// The answer (MsgVoteResp).
    VoteResp {
        /// No.
        reject: bool,
    },
    /// Append these entries (MsgApp).
    Append {
        /// The entry before them.
        prev_index: u64,
        /// Its term.
        prev_term: u64,
        /// The entries.
        entries: Vec<Entry<D>>,
        /// Up to which entry the leader has committed.
        commit: u64,
    },
    /// The answer (MsgAppResp).
    AppendResp {
        /// The last entry that agrees; when rejected, the one that did not.
        index: u64,
        /// The entry before the appended ones is missing or another one; a place where the logs may agree, and the term there.
        reject: Option<(u64, u64)>,
    },
    /// The state instead of entries that the leader has compacted (MsgSnap).
    Snapshot(SnapshotMeta),
    /// I lead (MsgHeartbeat).
    Heartbeat {
        /// Up to which entry is committed, as far as the receiver is known to have it.
        commit: u64,
        /// A read that waits for a majority to confirm the leader.
        read: Option<ReadContext>,
    },
    /// The answer (MsgHeartbeatResp).
    HeartbeatResp {
        /// The same read.
        read: Option<ReadContext>,
    },
    /// A follower hands a proposal on to its leader (MsgProp).
    Propose(Vec<Payload<D>>),
    /// A follower asks its leader which index a read must wait for (MsgReadIndex).
    ReadIndex(ReadContext),
    /// The answer (MsgReadIndexResp).
    ReadIndexResp {
        /// The index.
        index: u64,
        /// The read.
        read: ReadContext,
    },
    /// A follower hands on the wish that this member leads (MsgTransferLeader).
    TransferLeader(MemberId),
    /// Stand for election now (MsgTimeoutNow).
    TimeoutNow,
}

impl<D> Body<D> {
    /// etcd's name for it: `MsgApp`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PreVote { .. } => "MsgPreVote",
            Self::PreVoteResp { .. } => "MsgPreVoteResp",
            Self::Vote { .. } => "MsgVote",
            Self::VoteResp { .. } => "MsgVoteResp",
            Self::Append { .. } => "MsgApp",
            Self::AppendResp { .. } => "MsgAppResp",
            Self::Snapshot(_) => "MsgSnap",
            Self::Heartbeat { .. } => "MsgHeartbeat",
            Self::HeartbeatResp { .. } => "MsgHeartbeatResp",
            Self::Propose(_) => "MsgProp",
            Self::ReadIndex(_) => "MsgReadIndex",
            Self::ReadIndexResp { .. } => "MsgReadIndexResp",
            Self::TransferLeader(_) => "MsgTransferLeader",
            Self::TimeoutNow => "MsgTimeoutNow",
        }
    }
}
