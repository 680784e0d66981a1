//! The outline of the cluster in the panel: the stage once more, for keys and for screen readers.

use yew::prelude::*;

use super::tree::{self, Tree, focus_on};
use super::use_texts;
use crate::browser::store::{use_polled, use_selector, use_store};
use crate::scene::Selection;
use crate::state::AppAction;
use crate::state::camera::Shot;
use crate::state::outline::outline;

#[component]
pub(crate) fn Outline() -> Html {
    let store = use_store();
    let texts = use_texts();
    let unfolded = use_selector(|state| state.outline.clone());
    let place = use_node_ref();
    // Whoever has gone from here to the inspector and comes back is where they were, once, and unless they are somewhere else.
    use_effect_with((), {
        let (store, place) = (store.clone(), place.clone());
        move |()| {
            let unfolded = store.state().outline.clone();
            let Some((open, longer, _)) = unfolded.filter(|(.., at)| !at.is_empty()) else { return };
            let document = gloo::utils::document();
            let nowhere = document.active_element().is_none_or(|element| element.tag_name() == "BODY");
            if nowhere {
                let line = place.cast::<web_sys::Element>();
                focus_on(line.and_then(|tree| tree.query_selector("[role=treeitem][tabindex='0']").ok().flatten()));
            }
            store.dispatch(AppAction::SetOutline(Some((open, longer, String::new()))));
        }
    });
    let selected = use_selector(|state| state.selection.as_ref().map(Selection::key));
    let lines = use_polled(500, unfolded.clone(), |state, unfolded| {
        unfolded.as_ref().map(|(open, longer, _)| outline(state, open, longer)).unwrap_or_default()
    });
    let toggle = store.on(AppAction::SetOutline(if unfolded.is_some() { None } else { Some(<(_, _, _)>::default()) }));
    let at = unfolded.as_ref().map(|(_, _, at)| at.clone()).unwrap_or_default();
    let onturn = {
        let (store, unfolded) = (store.clone(), unfolded.clone());
        Callback::from(move |key: String| {
            let Some((mut open, longer, _)) = unfolded.clone() else { return };
            let before = open.len();
            open.retain(|have| *have != key);
            if open.len() == before {
                open.push(key);
            }
            store.dispatch(AppAction::SetOutline(Some((open, longer, String::new()))));
        })
    };
    let ongo = {
        let (store, unfolded, onturn) = (store.clone(), unfolded.clone(), onturn.clone());
        Callback::from(move |key: String| {
            let Some((open, mut longer, _)) = unfolded.clone() else { return };
            if let Some(list) = key.strip_prefix(tree::MORE) {
                longer.push(list.to_string());
                store.dispatch(AppAction::SetOutline(Some((open, longer, String::new()))));
            } else if let Some(selection) = Selection::parse(&key) {
                store.dispatch(AppAction::SetOutline(Some((open, longer, key))));
                store.dispatch(AppAction::Select(Some(selection.clone())));
                if !store.state().view.camera.is_fit() || store.state().picture.scene.layout.field.is_some() {
                    store.dispatch(AppAction::Camera(Shot::To(selection)));
                }
            } else {
                onturn.emit(key);
            }
        })
    };
    let lines: Vec<tree::Line> = lines
        .into_iter()
        .map(|line| tree::Line {
            class: classes!((Some(&line.key) == selected.as_ref()).then_some("chosen")),
            key: line.key,
            depth: line.depth,
            open: line.open,
            message: None,
            content: html! { <span class="what">{ line.name }{ " " }<small>{ line.note }</small></span> },
        })
        .collect();
    html! {
        <section class="outline" ref={place}>
            <button type="button" class="tool" id="orrery-outline" aria-expanded={unfolded.is_some().to_string()} onclick={toggle}>{ texts.outline }</button>
            if unfolded.is_some() {
                <Tree label={texts.outline} start={at} {lines} {ongo} {onturn} />
            }
        </section>
    }
}
