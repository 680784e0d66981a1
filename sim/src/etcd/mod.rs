//! etcd: a multi-version key-value store, and the messages of its protocol (after etcd's `api/etcdserverpb`).
//!
//! - [`store`](Store): the keys with their history; [`raft`]: how members agree on the order of writes;
//! - [`member`](Etcd): a member as a component: it proposes what clients write, applies what is committed, answers;
//!   `serve.rs`: what clients ask; `admin.rs`: status and membership; [`membership`](Member): who the members are.
//!
//! A group of one commits by itself and needs no messages; every write of a larger one is appended by the leader, acknowledged by a majority,
//! committed, and applied by each member.

mod admin;
mod member;
mod membership;
pub mod raft;
mod serve;
mod store;

use std::rc::Rc;

use crate::core::{Duration, EnvelopeId};
use crate::value::{Text, Value};

pub use member::{DataDir, Etcd};
pub use membership::{Member, member_id};
pub use serve::{DROPPED, LEADER_FAILED, TIMED_OUT};
pub use store::Store;

/// Where a member keeps its data.
pub const DATA_DIR: &str = "/var/lib/etcd";

use raft::{MemberId, RaftMessage};

/// A request of an api-server.
#[derive(Clone, Debug, PartialEq)]
pub enum EtcdRequest {
    /// Reads one key, or all keys that begin with `key` when `prefix` is set.
    Range {
        /// Key or prefix.
        key: Text,
        /// Whether `key` is a prefix.
        prefix: bool,
        /// At most so many; 0 for all.
        limit: usize,
    },
    /// Writes when the key's mod revision is the expected one (0: the key does not exist).
    Put {
        /// Key.
        key: Text,
        /// Expected mod revision; `None` writes in any case.
        expected: Option<u64>,
        /// The object.
        value: Value,
        /// After which the key vanishes by itself (an etcd lease; used for Events).
        ttl: Option<Duration>,
    },
    /// Deletes when the key's mod revision is the expected one.
    Delete {
        /// Key, or prefix.
        key: Text,
        /// Expected mod revision.
        expected: Option<u64>,
        /// Whether everything goes that begins with `key`, each with a revision of its own (etcd gives them one); it is answered.
        prefix: bool,
    },
    /// Opens a watch on a prefix, from a revision on (0: from now).
    Watch {
        /// Prefix.
        prefix: Text,
        /// First revision to send.
        from: u64,
    },
    /// Drops history before a revision.
    Compact {
        /// The revision.
        revision: u64,
    },
    /// A call of etcdctl's or kubeadm's: `status`, `get` (serializable: from this member's own state), `member-list`, `member-add`,
    /// `member-promote`, `member-remove`, `move-leader`.
    Admin {
        /// What to do.
        verb: &'static str,
        /// With what.
        args: Value,
    },
}

/// An entry of the log: what some member proposed for its client.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Who proposed it.
    pub member: MemberId,
    /// The client's envelope, by which the proposer knows whom to answer; `None` for its own.
    pub call: Option<EnvelopeId>,
    /// Whether it is a heartbeat, and whether it is background work.
    pub flags: (bool, bool),
    /// The write, or for a change of the membership the member.
    pub what: What,
}

/// What a [`Command`] does.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A put, a delete or a compaction.
    Write(Rc<EtcdRequest>),
    /// A member comes, is promoted or goes: the change itself is the entry's; or it tells its name.
    Member(Rc<Member>),
}

/// A message between members: Raft's, and with a snapshot the state itself.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerMessage {
    /// Raft's message.
    pub raft: RaftMessage<Rc<Command>>,
    /// The state, with `MsgSnap`.
    pub state: Option<Rc<State>>,
}

/// Everything that entries have made of a member.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The keys.
    pub store: Store,
    /// The members, by their numbers.
    pub members: std::collections::BTreeMap<MemberId, Rc<Member>>,
}

impl PartialEq for State {
    /// States of one cluster are equal when they are of the same revision.
    fn eq(&self, other: &Self) -> bool {
        self.store.revision() == other.store.revision() && self.members == other.members
    }
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyValue {
    /// Key.
    pub key: Text,
    /// Revision of the last change.
    pub mod_revision: u64,
    /// Revision of the creation.
    pub create_revision: u64,
    /// Changes since the creation, from 1.
    pub version: u64,
    /// The object.
    pub value: Value,
    /// Its lease's time: how long it lives after it was written, or after a new leader was elected.
    pub ttl: Option<Duration>,
}

/// The answer to an [`EtcdRequest`].
#[derive(Clone, Debug, PartialEq)]
pub struct EtcdResponse {
    /// The request's envelope.
    pub to: EnvelopeId,
    /// The store's revision after the request.
    pub revision: u64,
    /// Whether the comparison held (always for reads).
    pub succeeded: bool,
    /// What was read; for a failed comparison the key as it is.
    pub kvs: Vec<KeyValue>,
    /// Why nothing was done, in etcd's words: `etcdserver: request timed out`.
    pub error: Option<&'static str>,
    /// The answer to [`EtcdRequest::Admin`]; null otherwise.
    pub body: Value,
}

/// A change on a watch.
#[derive(Clone, Debug, PartialEq)]
pub struct EtcdEvent {
    /// Key.
    pub key: Text,
    /// Revision of this change.
    pub revision: u64,
    /// The new value; `None` for a deletion.
    pub value: Option<Value>,
    /// The value before; `None` for a creation.
    pub previous: Option<Value>,
    /// Revision of the change before; 0 for a creation.
    pub previous_revision: u64,
}

/// Changes on a watch stream.
#[derive(Clone, Debug, PartialEq)]
pub struct EtcdWatch {
    /// The envelope of the watch request.
    pub stream: EnvelopeId,
    /// The changes, oldest first.
    pub events: Vec<EtcdEvent>,
    /// The store's revision.
    pub revision: u64,
    /// Not 0: the watch has ended, for what it asks for was compacted; nothing before this revision can be had.
    pub compact_revision: u64,
}
