//! Persistent collections: cloning shares, changing copies the way to the change. Checkpoints are clones of the cluster, so everything large is one of these.

use imbl::shared_ptr::RcK;

/// A persistent map in the order of its keys.
pub type PMap<K, V> = imbl::GenericOrdMap<K, V, RcK>;
/// A persistent list.
pub type PVec<T> = imbl::GenericVector<T, RcK>;
/// A persistent set in order.
pub type PSet<K> = imbl::GenericOrdSet<K, RcK>;
