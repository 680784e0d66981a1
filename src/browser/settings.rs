//! URL parameters, what the browser remembers and prefers, and small services of the document.

use orrery_sim::kind::topology::Topology;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::Closure;
use web_sys::{MediaQueryListEvent, UrlSearchParams};

use super::store::Store;
use crate::scene::svg::Theme;
use crate::scene::{Colouring, Detail, Grouping, Look};
use crate::state::lesson::Given;
use crate::state::player::Pace;
use crate::state::{AppAction, Start};

/// The attribute of `<html>` that says `ready` as soon as the first picture stands. Tests, screenshots and benchmarks wait for it, and
/// read the moment from the performance mark `orrery-ready`.
pub(crate) const READY_ATTRIBUTE: &str = "data-orrery";

/// Milliseconds since the page was opened.
pub(crate) fn now() -> f64 {
    gloo::utils::window().performance().map_or(0.0, |performance| performance.now())
}

/// Says to whoever waits for it that the first picture stands.
pub(crate) fn announce_ready() {
    if let Some(root) = gloo::utils::document().document_element() {
        // Setting an attribute with a constant, valid name cannot fail.
        let _ = root.set_attribute(READY_ATTRIBUTE, "ready");
    }
    if let Some(performance) = gloo::utils::window().performance() {
        // A missing mark only leaves the benchmark without a boot time.
        let _ = performance.mark("orrery-ready");
    }
}

/// Puts the focus on the element with this id.
pub(crate) fn focus(id: &str) {
    let element = gloo::utils::document().get_element_by_id(id);
    if let Some(element) = element.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
        // An element that cannot take the focus leaves it where it is.
        let _ = element.focus();
    }
}

/// Puts a text into the clipboard; says whether that was possible.
pub(crate) async fn copy(text: &str) -> bool {
    let clipboard = gloo::utils::window().navigator().clipboard();
    // Pages without a secure address have no clipboard.
    !clipboard.is_undefined() && wasm_bindgen_futures::JsFuture::from(clipboard.write_text(text)).await.is_ok()
}

/// Remembers a setting. In a sandboxed frame there is no storage; then nothing is remembered.
pub(crate) fn save(key: &str, value: &str) {
    if let Some(storage) = gloo::utils::window().local_storage().ok().flatten() {
        // A full storage loses a preference, no more.
        let _ = storage.set_item(&format!("orrery.{key}"), value);
    }
}

/// Names a lesson and its step, counted from 0, in the page's address, so that a reload comes back to it. A frame without an address of
/// its own stays as it is.
pub(crate) fn address(lesson: &str, step: usize) {
    let window = gloo::utils::window();
    let Some(url) = UrlSearchParams::new_with_str(&window.location().search().unwrap_or_default()).ok() else { return };
    url.delete("lesson");
    url.delete("step");
    if Given::has_address(lesson) || orrery_sim::lesson::BUILT_IN.iter().any(|(id, _)| *id == lesson) {
        url.set("lesson", lesson);
        url.set("step", &(step + 1).to_string());
    }
    let query = String::from(url.to_string());
    let path = window.location().pathname().unwrap_or_default();
    let address = if query.is_empty() { path } else { format!("{path}?{query}") };
    if let Ok(history) = window.history() {
        // Sandboxed documents may not change their address.
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&address));
    }
}

fn saved(key: &str) -> Option<String> {
    gloo::utils::window().local_storage().ok().flatten()?.get_item(&format!("orrery.{key}")).ok().flatten()
}

/// Whether a media query holds.
fn media(query: &str) -> bool {
    gloo::utils::window().match_media(query).ok().flatten().is_some_and(|list| list.matches())
}

/// What URL, storage and system ask for. What is not understood counts as not given.
pub(crate) fn read() -> Start {
    let search = gloo::utils::window().location().search().unwrap_or_default();
    let url = UrlSearchParams::new_with_str(&search).ok();
    let parameter = |name: &str| url.as_ref().and_then(|url| url.get(name));
    let setting = |name: &str| parameter(name).or_else(|| saved(name));
    let theme = setting("theme").and_then(|name| Theme::parse(&name));
    let lang = setting("lang").filter(|lang| crate::i18n::texts(lang).is_some());
    let system = gloo::utils::window().navigator_language();
    let elsewhere = parameter("lesson").is_some_and(|lesson| Given::has_address(&lesson));
    let bare = parameter("controls").is_some_and(|controls| controls == "none");
    Start {
        seed: parameter("seed").and_then(|seed| seed.parse().ok()).unwrap_or(1),
        // link.js reads it and hands over what it holds.
        waits: parameter("r").is_some()
            || elsewhere
            || gloo::utils::window().location().hash().is_ok_and(|hash| hash.starts_with("#r=")),
        topology: parameter("topology").and_then(|name| Topology::find(&name)),
        lesson: parameter("lesson").filter(|_| !elsewhere).map(|lesson| {
            let step = parameter("step").and_then(|step| step.parse::<usize>().ok()).unwrap_or(1);
            (lesson, step.saturating_sub(1))
        }),
        pace: setting("pace").and_then(|pace| Pace::parse(&pace)).unwrap_or(Pace::Messages),
        autoplay: parameter("autoplay").is_none_or(|autoplay| autoplay != "0" && autoplay != "false"),
        look: Look {
            grouping: parameter("view").and_then(|view| Grouping::parse(&view)).unwrap_or_default(),
            colouring: parameter("colours").and_then(|colours| Colouring::parse(&colours)).unwrap_or_default(),
            hide_system: parameter("system").is_some_and(|system| system == "0"),
            slide: bare,
        },
        detail: parameter("detail").and_then(|detail| Detail::parse(&detail)),
        lang: lang.unwrap_or(system),
        theme,
        system_theme: system_theme(),
        hints: saved("hints").is_none(),
        reduced_motion: media("(prefers-reduced-motion: reduce)"),
        bare,
        room: (!media("(max-width: 1000px)"), !media("(max-height: 560px)")),
        dock_height: saved("dock").and_then(|height| height.parse().ok()).filter(|height: &f64| height.is_finite()),
        clock: now,
    }
}

/// What the system prefers.
fn system_theme() -> Theme {
    match () {
        () if media("(prefers-contrast: more)") => Theme::Contrast,
        () if media("(prefers-color-scheme: dark)") => Theme::Dark,
        () => Theme::Light,
    }
}

/// The two letters of the browser's language.
trait Language {
    fn navigator_language(&self) -> String;
}

impl Language for web_sys::Window {
    fn navigator_language(&self) -> String {
        let navigator = js_sys::Reflect::get(self, &"navigator".into()).unwrap_or_default();
        let language = js_sys::Reflect::get(&navigator, &"language".into()).unwrap_or_default();
        language.as_string().map_or_else(|| "en".into(), |text| text.chars().take(2).collect())
    }
}

/// Follows the system when it changes its mind about colours or motion.
pub(crate) fn follow_system(store: &Store) {
    let watch = |query: &str, action: fn(bool) -> AppAction| {
        let Some(list) = gloo::utils::window().match_media(query).ok().flatten() else { return };
        let store = store.clone();
        let changed = Closure::<dyn Fn(MediaQueryListEvent)>::new(move |event: MediaQueryListEvent| {
            store.dispatch(action(event.matches()));
        });
        // It stays as long as the page, as the page itself does.
        let _ = list.add_event_listener_with_callback("change", changed.as_ref().unchecked_ref());
        changed.forget();
    };
    for query in ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"] {
        watch(query, |_| AppAction::SystemTheme(system_theme()));
    }
    watch("(prefers-reduced-motion: reduce)", AppAction::SetReducedMotion);
}
