//! The picture, without a browser: [`model`] (what there is; [`follow`] keeps it up to date) → [`layout`] (where it stands) → [`marks`] (what is
//! painted) → painters ([`svg`] here, Yew and the message layer in the page). [`deciding`] lays a decision of the scheduler over it. [`messages`] and [`flight`] say what
//! travels, under which label, and where it is at a moment; [`camera`] which part of it is seen. [`field`] draws what is too much for a drawing of every part.

pub mod camera;
pub mod compose;
pub mod deciding;
pub mod field;
pub mod flight;
pub mod follow;
pub mod geometry;
pub mod layout;
mod links;
pub mod look;
pub mod marks;
pub mod messages;
pub mod model;
pub mod plan;
pub mod prims;
pub mod quantity;
pub mod sequence;
#[cfg(test)]
mod snapshots;
pub mod svg;
#[cfg(test)]
pub(crate) mod tests;
pub mod wires;

pub use camera::Camera;
pub use deciding::{Deciding, Guess, Phase};
pub use flight::Flights;
pub use follow::Follower;
pub use layout::{Detail, Layout};
pub use look::{Colouring, Grouping, Look};
pub use marks::{Group, Scene, Selection};
pub use messages::MessageKind;
pub use model::ViewModel;
