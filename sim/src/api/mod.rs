//! What the Kubernetes API is made of, independent of who serves it: pure functions over [`Value`](crate::value::Value).

pub mod names;
pub mod quantity;
pub mod resource;
pub mod selector;
pub mod status;
pub mod table;

pub use resource::{RESOURCES, Resource};
pub use selector::{FieldSelector, LabelSelector};
pub use status::ApiError;
pub use table::Column;
