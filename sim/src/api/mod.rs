//! What the Kubernetes API is made of, independent of who serves it.

pub mod resource;
pub mod status;

pub use resource::{RESOURCES, Resource};
pub use status::ApiError;
