//! What the Kubernetes API is made of, independent of who serves it: pure functions over [`Value`](crate::value::Value).

pub mod decode;
pub mod defaults;
mod draft;
pub mod names;
pub mod patch;
pub mod pod;
pub mod quantity;
pub mod resource;
pub mod schema;
pub mod selector;
pub mod status;
pub mod table;
pub mod validation;
pub mod yaml_out;

pub use decode::{DecodeError, Document, Place, documents, locate, parse_documents};
pub use defaults::apply_defaults;
pub use resource::{RESOURCES, Resource};
pub use selector::{FieldSelector, LabelSelector};
pub use status::ApiError;
pub use table::Column;
pub use yaml_out::{to_json_pretty, to_yaml};
