//! How the stage shows pods: in which order, what colours mean, and where a node or a pod is.

use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::use_texts;
use crate::browser::store::{use_selector, use_store};
use crate::scene::{Colouring, Grouping, Look};
use crate::state::AppAction;
use crate::state::camera::Shot;
use crate::state::find::find;

/// As many names are offered at once.
const MOST_FOUND: usize = 8;

#[component]
pub(crate) fn Looks() -> Html {
    let store = use_store();
    let texts = use_texts();
    let look = use_selector(|state| state.look);
    let field = use_selector(|state| state.picture.scene.layout.field.is_some());
    let choose = |change: fn(Look, &str) -> Look| {
        let store = store.clone();
        Callback::from(move |event: Event| {
            let value = event.target_dyn_into::<HtmlSelectElement>().map(|select| select.value()).unwrap_or_default();
            store.dispatch(AppAction::SetLook(change(look, &value)));
        })
    };
    let grouping = choose(|look, value| Look { grouping: Grouping::parse(value).unwrap_or_default(), ..look });
    let colouring = choose(|look, value| Look { colouring: Colouring::parse(value).unwrap_or_default(), ..look });
    let hide = store.on(AppAction::SetLook(Look { hide_system: !look.hide_system, ..look }));
    html! {
        <section class="looks">
            <h2>{ texts.view }</h2>
            <Finder />
            <label><span>{ texts.boxes }</span>
                <select onchange={grouping}>
                    { for Grouping::ALL.into_iter().map(|grouping| html! {
                        <option value={grouping.key()} selected={grouping == look.grouping}>{ texts.grouping(grouping) }</option>
                    }) }
                </select>
            </label>
            if field {
                <label><span>{ texts.colours }</span>
                    <select onchange={colouring}>
                        { for Colouring::ALL.into_iter().map(|colouring| html! {
                            <option value={colouring.key()} selected={colouring == look.colouring}>{ texts.colouring(colouring) }</option>
                        }) }
                    </select>
                </label>
            }
            <label class="check"><input type="checkbox" checked={look.hide_system} onchange={hide} /><span>{ texts.hide_system }</span></label>
        </section>
    }
}

/// A field for a name, and what has such a name: choosing it selects it and brings the camera there.
#[component]
fn Finder() -> Html {
    let store = use_store();
    let texts = use_texts();
    let text = use_state(String::new);
    let typed = {
        let text = text.clone();
        Callback::from(move |event: InputEvent| {
            text.set(event.target_dyn_into::<HtmlInputElement>().map(|input| input.value()).unwrap_or_default());
        })
    };
    let found = if text.is_empty() { Vec::new() } else { find(&store.state().picture.model, &text, MOST_FOUND) };
    let go = {
        let (store, first) = (store.clone(), found.first().cloned());
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Enter"
                && let Some((selection, _)) = first.clone()
            {
                store.dispatch(AppAction::Select(Some(selection.clone())));
                store.dispatch(AppAction::Camera(Shot::To(selection)));
            }
        })
    };
    html! {
        <div class="finder">
            <input class="find" type="search" id="orrery-find" placeholder={texts.find} aria-label={texts.find} value={(*text).clone()}
                oninput={typed} onkeydown={go} />
            if !text.is_empty() {
                <ul>
                    { for found.iter().map(|(selection, name)| {
                        let (store, selection) = (store.clone(), selection.clone());
                        let go = Callback::from(move |_: MouseEvent| {
                            store.dispatch(AppAction::Select(Some(selection.clone())));
                            store.dispatch(AppAction::Camera(Shot::To(selection.clone())));
                        });
                        html! { <li><button type="button" class="tool" onclick={go}>{ name }</button></li> }
                    }) }
                    if found.is_empty() {
                        <li class="hint">{ texts.find_none }</li>
                    }
                </ul>
            }
        </div>
    }
}
