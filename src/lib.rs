//! The page: the only code of the project that knows the browser.
//!
//! [`start`] mounts the application on the element `#app` of `index.html`.

mod app;

pub use app::start;
