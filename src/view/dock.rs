//! The dock: terminal, message log, events, charts. Where there is room the terminal stands beside the others.

use yew::prelude::*;

use super::charts::Charts;
use super::events::Events;
use super::icons::IconButton;
use super::messages::Messages;
use super::sequence::Sequence;
use super::terminal::TerminalView;
use super::use_texts;
use crate::browser::store::{use_selector, use_store};
use crate::state::{AppAction, DockTab};

#[component]
pub(crate) fn Dock() -> Html {
    let store = use_store();
    let texts = use_texts();
    let open = use_selector(|state| state.dock);
    let tabs = [
        (DockTab::Terminal, texts.terminal),
        (DockTab::Messages, texts.messages),
        (DockTab::Sequence, texts.sequence),
        (DockTab::Events, texts.events),
        (DockTab::Charts, texts.charts),
    ];
    // Beside the terminal something is always shown.
    let beside = if open == DockTab::Terminal { DockTab::Messages } else { open };
    let tab = |(tab, name): (DockTab, &'static str)| {
        let class = classes!("tab", (tab == DockTab::Terminal).then_some("only-narrow"), (tab == beside).then_some("beside"));
        html! {
            <button type="button" role="tab" {class} aria-selected={(tab == open).to_string()}
                onclick={store.on(AppAction::DockTab(tab))}>{ name }</button>
        }
    };
    let large = use_selector(|state| state.large_terminal);
    let (icon, label) = if large { ("smaller", texts.smaller) } else { ("larger", texts.larger) };
    let size = html! { <IconButton class="terminal-size" {icon} {label} onclick={store.on(AppAction::ToggleLargeTerminal)} /> };
    let class = classes!("dock", (open == DockTab::Terminal).then_some("shows-terminal"));
    html! {
        <section {class} aria-label={texts.dock}>
            <Handle />
            <div class="dock-terminal">
                <div class="dock-title"><h2>{ texts.terminal }</h2>{ size.clone() }</div>
                <TerminalView />
            </div>
            <div class="dock-beside">
                <div class="tabs">
                    <div class="tablist" role="tablist">{ for tabs.into_iter().map(tab) }</div>
                    <span class="only-narrow">{ size }</span>
                </div>
                <div class="dock-content" role="tabpanel">
                    { match beside {
                        DockTab::Events => html! { <Events /> },
                        DockTab::Sequence => html! { <Sequence /> },
                        DockTab::Charts => html! { <Charts /> },
                        DockTab::Messages | DockTab::Terminal => html! { <Messages /> },
                    } }
                </div>
            </div>
        </section>
    }
}

/// How far a key moves the dock's edge, in pixels.
const NUDGE: f64 = 32.0;

/// The dock's upper edge, which is dragged or moved by keys.
#[component]
fn Handle() -> Html {
    let store = use_store();
    let texts = use_texts();
    let place = use_node_ref();
    let dragging = use_mut_ref(|| false);
    // At most so high that the stage keeps a third of the window.
    let window_height = || gloo::utils::window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(720.0);
    let set = {
        let store = store.clone();
        move |height: f64| store.dispatch(AppAction::SetDockHeight(height.min(window_height() * 0.6)))
    };
    let height = {
        let place = place.clone();
        move || {
            let dock = place.cast::<web_sys::Element>().and_then(|handle| handle.parent_element());
            dock.map_or(160.0, |dock| dock.get_bounding_client_rect().height())
        }
    };
    let down = {
        let (dragging, place) = (dragging.clone(), place.clone());
        Callback::from(move |event: PointerEvent| {
            event.prevent_default();
            *dragging.borrow_mut() = true;
            if let Some(handle) = place.cast::<web_sys::Element>() {
                // Without capture the drag ends at the handle's edge.
                let _ = handle.set_pointer_capture(event.pointer_id());
            }
        })
    };
    let moved = {
        let (dragging, set) = (dragging.clone(), set.clone());
        Callback::from(move |event: PointerEvent| {
            if *dragging.borrow() {
                set(window_height() - f64::from(event.client_y()));
            }
        })
    };
    let up = Callback::from(move |_: PointerEvent| *dragging.borrow_mut() = false);
    let keys = {
        let height = height.clone();
        Callback::from(move |event: KeyboardEvent| {
            match event.key().as_str() {
                "ArrowUp" => set(height() + NUDGE),
                "ArrowDown" => set(height() - NUDGE),
                "Enter" => store.dispatch(AppAction::ToggleLargeTerminal),
                _ => return,
            }
            event.prevent_default();
            event.stop_propagation();
        })
    };
    html! {
        <div class="dock-handle" ref={place} role="separator" aria-orientation="horizontal" tabindex="0" aria-label={texts.dock_edge}
            title={texts.dock_edge} aria-valuenow={format!("{:.0}", height())} onpointerdown={down} onpointermove={moved}
            onpointerup={up.clone()} onpointercancel={up} onkeydown={keys}></div>
    }
}
