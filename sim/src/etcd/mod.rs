//! etcd: a multi-version key-value store, and the messages of its protocol (after etcd's `api/etcdserverpb`).

pub mod raft;
mod store;

use crate::core::{Duration, EnvelopeId};
use crate::value::{Text, Value};

pub use store::{Etcd, Store};

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
        /// Key.
        key: Text,
        /// Expected mod revision.
        expected: Option<u64>,
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
}
