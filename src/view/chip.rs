//! A taint or a label that is dragged onto a node of the stage: by pointer events, so that a finger does it, too. Dropped, it runs the command that it shows.

use web_sys::HtmlElement;
use yew::prelude::*;

use super::palette::{Choices, all_tools};
use super::use_texts;
use crate::browser::store::{Store, use_selector, use_store};
use crate::scene::Selection;
use crate::scene::geometry::Point;
use crate::state::AppAction;

#[derive(PartialEq, Properties)]
pub(super) struct ChipProps {
    /// The tool of the palette.
    pub index: usize,
    pub choices: Choices,
    /// The values of its fields: the first is a node's name, the last is what stands on the chip.
    pub values: Vec<String>,
}

/// The node under a pointer, if it is over the stage.
fn node_under(store: &Store, (x, y): (i32, i32)) -> Option<Selection> {
    let element = gloo::utils::document().element_from_point(x as f32, y as f32)?;
    let rect = element.closest(".stage").ok()??.get_bounding_client_rect();
    let state = store.state();
    state.picture.node_at(Point::new(f64::from(x) - rect.left(), f64::from(y) - rect.top()), &state.view.camera)
}

#[component]
pub(super) fn Chip(props: &ChipProps) -> Html {
    let store = use_store();
    let texts = use_texts();
    let place = use_node_ref();
    // Where the pointer is while it drags, in pixels of the page.
    let held = use_state(|| None::<(i32, i32)>);
    let target = use_selector(|state| state.target.clone());
    let command = {
        let (index, choices, values) = (props.index, props.choices.clone(), props.values.clone());
        move |node: &Selection| {
            let (all, _) = all_tools(texts);
            let (Some(tool), Selection::Node(name)) = (all.get(index), node) else { return String::new() };
            let mut values = values.clone();
            values[0].clone_from(name);
            (tool.command)(&choices, &values)
        }
    };
    use_effect_with((), {
        let store = store.clone();
        // A chip that goes away while it is held leaves no node marked.
        move |()| move || store.dispatch(AppAction::Target(None))
    });
    let at = |event: &PointerEvent| (event.client_x(), event.client_y());
    let down = {
        let (held, place) = (held.clone(), place.clone());
        Callback::from(move |event: PointerEvent| {
            let Some(chip) = place.cast::<HtmlElement>().filter(|_| event.button() == 0) else { return };
            event.prevent_default();
            // Without a capture only what leaves the chip is lost; with the focus Escape is heard.
            let _ = (chip.set_pointer_capture(event.pointer_id()), chip.focus());
            held.set(Some(at(&event)));
        })
    };
    let moved = {
        let (held, store) = (held.clone(), store.clone());
        Callback::from(move |event: PointerEvent| {
            if held.is_some() {
                held.set(Some(at(&event)));
                let under = node_under(&store, at(&event));
                if store.state().target != under {
                    store.dispatch(AppAction::Target(under));
                }
            }
        })
    };
    let end = {
        let (held, store, command) = (held.clone(), store.clone(), command.clone());
        Callback::from(move |dropped: Option<(i32, i32)>| {
            if held.is_none() {
                return;
            }
            held.set(None);
            store.dispatch(AppAction::Target(None));
            if let Some(node) = dropped.and_then(|at| node_under(&store, at)) {
                store.dispatch(AppAction::Launch(command(&node)));
            }
        })
    };
    let escape = {
        let (held, end) = (held.clone(), end.clone());
        Callback::from(move |event: KeyboardEvent| {
            if held.is_some() && event.key() == "Escape" {
                event.prevent_default();
                event.stop_propagation();
                end.emit(None);
            }
        })
    };
    let text = props.values.last().cloned().unwrap_or_default();
    let shown = target.as_ref().map_or_else(|| text.clone(), &command);
    html! {
        <>
            <div class="drag-chip" ref={place} tabindex="-1" aria-hidden="true" title={texts.drag_hint}
                onpointerdown={down} onpointermove={moved} onpointerup={end.reform(move |event: PointerEvent| Some(at(&event)))}
                onpointercancel={end.reform(|_: PointerEvent| None)} onkeydown={escape}>
                <code>{ text }</code><small>{ texts.drag_hint }</small>
            </div>
            if let Some((x, y)) = *held {
                <div class={classes!("drag-ghost", target.is_some().then_some("over"))} style={format!("--x:{x}px;--y:{y}px")} aria-hidden="true"><code>{ shown }</code></div>
            }
        </>
    }
}
