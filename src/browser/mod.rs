//! Everything that touches the browser but draws nothing by Yew: the store with its frame loop, the painter of what
//! moves, `window.orrery`, settings, and the panel that a panic shows.

pub(crate) mod api;
pub(crate) mod bench;
pub(crate) mod canvas;
pub(crate) mod frames;
pub(crate) mod gestures;
pub(crate) mod keys;
pub(crate) mod paint;
pub(crate) mod panic;
pub(crate) mod settings;
pub(crate) mod store;
