//! The page: the only code of the project that knows the browser.
//!
//! In reading order: [`scene`] makes a picture of a cluster and its messages, [`lens`] maps simulated time to the
//! audience's, [`state`] is the page's state and all that can be done to it; these three know no browser. `browser`
//! runs the frame loop, paints what moves and offers `window.orrery`; `view` are the Yew components. [`i18n`] holds all
//! texts. [`start`] mounts the application on the element `#app` of `index.html`.

mod app;
mod browser;
pub mod i18n;
pub mod lens;
pub mod scene;
pub mod state;
mod view;

pub use app::start;
