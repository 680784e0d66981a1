//! The page: the only code of the project that knows the browser.
//!
//! [`start`] mounts the application on the element `#app` of `index.html`.

mod app;
pub mod i18n;
pub mod lens;
pub mod scene;
pub mod state;

pub use app::start;
