//! Persistent collections: cloning shares, changing copies the piece that is changed. Checkpoints are clones of the cluster, so
//! everything that a component keeps is one of these.
//!
//! They are used for passing results of a function too, instead of those of the standard library: what is instantiated for a type
//! anyway costs the page's module nothing more, and each of these costs a fifth of a `BTreeMap` (`docs/decisions/tooling.md`).
//! [`sort`] orders slices, for the same reason.

mod list;
mod map;
mod set;
pub mod sort;

pub use list::PVec;
pub use map::PMap;
pub use set::PSet;

/// As many items lie in one allocation at most.
const CHUNK: usize = 64;
