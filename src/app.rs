//! The root component and its start.

use yew::prelude::*;

/// The attribute of `<html>` that says `ready` as soon as the first picture stands. Tests, screenshots and benchmarks wait for it, and
/// read the moment from the performance mark `orrery-ready`.
pub(crate) const READY_ATTRIBUTE: &str = "data-orrery";

/// Mounts the application on the element `#app` of the page.
///
/// Without a browser document, or without that element, nothing is mounted.
pub fn start() {
    let document = gloo::utils::document();
    if let Some(mount) = document.get_element_by_id("app") {
        mount.set_inner_html("");
        yew::Renderer::<App>::with_root(mount).render();
    }
}

/// Says to whoever waits for it that the first picture stands.
fn announce_ready() {
    if let Some(root) = gloo::utils::document().document_element() {
        // Setting an attribute with a constant, valid name cannot fail.
        let _ = root.set_attribute(READY_ATTRIBUTE, "ready");
    }
    if let Some(performance) = gloo::utils::window().performance() {
        // A missing mark only leaves the benchmark without a boot time.
        let _ = performance.mark("orrery-ready");
    }
}

#[component]
fn App() -> Html {
    use_effect_with((), |()| announce_ready());
    html! {
        <main>
            <h1>{ "kube-orrery" }</h1>
            <p>{ "A simulated Kubernetes cluster whose every message can be seen." }</p>
        </main>
    }
}
