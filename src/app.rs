//! The start of the page.

use crate::browser::store::Store;
use crate::browser::{api, frames, panic, settings};
use crate::view::{App, AppProps};

/// Mounts the application on the element `#app` of the page.
///
/// Without a browser document, or without that element, nothing is mounted.
pub fn start() {
    panic::install();
    let document = gloo::utils::document();
    if let Some(mount) = document.get_element_by_id("app") {
        mount.set_inner_html("");
        let store = Store::new(&settings::read());
        api::install(&store);
        // A frame out of sight gets no size and no frames, but whoever has embedded it may ask it already.
        frames::request(&store);
        yew::Renderer::<App>::with_root_and_props(mount, AppProps { store }).render();
    }
}
