//! Keys that work wherever the focus is, but for fields that take text.

use gloo::events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast as _;
use web_sys::{Element, KeyboardEvent};

use super::store::Store;
use crate::scene::Camera;
use crate::state::camera::Shot;
use crate::state::{AppAction, DockTab};

/// Listens for keys as long as the result lives.
pub(crate) fn listen(store: &Store) -> EventListener {
    let store = store.clone();
    EventListener::new_with_options(
        &gloo::utils::window(),
        "keydown",
        EventListenerOptions::enable_prevent_default(),
        move |event| {
            let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
            let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            let (typing, control) = target.as_ref().map_or((false, false), kind);
            if event.default_prevented() || event.alt_key() {
                return;
            }
            if event.ctrl_key() || event.meta_key() {
                // A field in which something has been typed takes back what was typed.
                let typed = typing && target.as_ref().is_some_and(|target| !text_of(target).is_empty());
                if let Some(action) = undo(&event.key(), event.shift_key()).filter(|_| !typed && !store.state().has_dialog()) {
                    event.prevent_default();
                    store.dispatch(action);
                }
                return;
            }
            if typing {
                // Where text is typed there is no use for them, and clickers have no others; in a list they move the choice.
                let list = target.as_ref().is_some_and(|target| target.tag_name() == "SELECT");
                if let Some(action) = leaf(&store, &event.key()).filter(|_| !list && !store.state().has_dialog()) {
                    event.prevent_default();
                    store.dispatch(action);
                } else if event.key() == "Escape" && store.state().large_terminal {
                    store.dispatch(AppAction::ToggleLargeTerminal);
                } else if event.key() == "Escape"
                    && let Some(element) = target.and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok())
                {
                    // Losing the focus cannot fail in a way that matters.
                    let _ = element.blur();
                }
                return;
            }
            let shifted = event.shift_key() && event.key().starts_with("Arrow");
            let key = if shifted { format!("Shift+{}", event.key()) } else { event.key() };
            if let Some(action) = action(&store, &key, control) {
                event.prevent_default();
                store.dispatch(action);
            }
        },
    )
}

/// Ctrl-Z, and what brings back what it took.
fn undo(key: &str, shift: bool) -> Option<AppAction> {
    match (key, shift) {
        ("z", false) => Some(AppAction::Undo),
        ("Z" | "z", true) | ("y", false) => Some(AppAction::ReturnToDiscarded),
        _ => None,
    }
}

/// What stands in a field.
fn text_of(field: &Element) -> String {
    let value = js_sys::Reflect::get(field, &"value".into()).ok();
    value.and_then(|value| value.as_string()).unwrap_or_default()
}

/// Whether an element takes text, and whether it has keys of its own.
fn kind(element: &Element) -> (bool, bool) {
    match element.tag_name().as_str() {
        "INPUT" | "TEXTAREA" => (true, true),
        "SELECT" => (true, true),
        "BUTTON" | "SUMMARY" | "A" => (false, true),
        _ => (false, element.has_attribute("data-select") || element.get_attribute("role").is_some()),
    }
}

/// What leads through a lesson; a question is answered before the next step comes.
fn leaf(store: &Store, key: &str) -> Option<AppAction> {
    let state = store.state();
    match key {
        "PageDown" if state.asks() => Some(AppAction::Play),
        "PageDown" if state.lesson.is_some() => Some(AppAction::LessonStep(1)),
        "PageUp" if state.lesson.is_some() => Some(AppAction::LessonStep(-1)),
        _ => None,
    }
}

fn action(store: &Store, key: &str, control: bool) -> Option<AppAction> {
    // What lies under a dialog is out of reach.
    if key != "Escape" && store.state().has_dialog() {
        return None;
    }
    if let Some(action) = leaf(store, key) {
        return Some(action);
    }
    Some(match key {
        " " if !control => AppAction::TogglePlay,
        "." => AppAction::TogglePlay,
        "ArrowRight" | "PageDown" => AppAction::StepForward,
        "ArrowLeft" | "PageUp" => AppAction::StepBack,
        "Shift+ArrowRight" => AppAction::Milestone(true),
        "Shift+ArrowLeft" => AppAction::Milestone(false),
        "Home" => AppAction::ToStart,
        "End" => AppAction::ToLive,
        "+" | "=" => AppAction::Camera(Shot::Zoom(Camera::STEP, None)),
        "-" => AppAction::Camera(Shot::Zoom(1.0 / Camera::STEP, None)),
        "0" => AppAction::Camera(Shot::Fit),
        "?" => AppAction::ToggleHelp,
        "s" => AppAction::ToggleShare,
        "h" => AppAction::ToggleBackground,
        "p" => AppAction::TogglePredict,
        digit @ ("1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9") => {
            store.state().asked.as_ref()?;
            AppAction::GuessNumber(digit.parse().ok()?)
        }
        "d" => AppAction::ToggleDock,
        "z" => AppAction::ToggleLargeTerminal,
        "l" => AppAction::ToggleLegend,
        "b" => AppAction::TogglePanel,
        "t" | "/" => AppAction::DockTab(DockTab::Terminal),
        "m" => AppAction::DockTab(DockTab::Messages),
        "n" => {
            present(store);
            return None;
        }
        "e" => AppAction::ToggleEditor,
        "f" => {
            full_screen();
            return None;
        }
        "Escape" => {
            let state = store.state();
            if state.topologies_open {
                AppAction::ToggleTopologies
            } else if state.manifest.is_some() {
                AppAction::CloseManifest
            } else if state.editor_open {
                AppAction::ToggleEditor
            } else if state.share_open {
                AppAction::ToggleShare
            } else if state.help_open {
                AppAction::ToggleHelp
            } else if state.large_terminal {
                AppAction::ToggleLargeTerminal
            } else if state.legend_open {
                AppAction::ToggleLegend
            } else if state.selection.is_some() {
                AppAction::Select(None)
            } else {
                // Most browsers do it by themselves.
                if is_full_screen() {
                    full_screen();
                }
                return None;
            }
        }
        _ => return None,
    })
}

/// Opens the presenter's window; a browser that opens no windows is told of.
pub(crate) fn present(store: &Store) {
    let store = store.clone();
    wasm_bindgen_futures::spawn_local(async move {
        if super::api::ask("presenter", &[]).await.is_err() {
            store.dispatch(AppAction::NoWindow);
        }
    });
}

fn is_full_screen() -> bool {
    js_sys::Reflect::get(&gloo::utils::document(), &"fullscreenElement".into()).is_ok_and(|element| element.is_object())
}

/// Into full screen and out of it.
pub(crate) fn full_screen() {
    let document = gloo::utils::document();
    let call = |target: &wasm_bindgen::JsValue, name: &str| {
        let function = js_sys::Reflect::get(target, &name.into()).ok();
        if let Some(function) = function.and_then(|function| function.dyn_into::<js_sys::Function>().ok()) {
            // A frame that may not go full screen stays as it is.
            let _ = function.call0(target);
        }
    };
    if is_full_screen() {
        call(&document, "exitFullscreen");
    } else if let Some(root) = document.document_element() {
        call(&root, "requestFullscreen");
    }
}
