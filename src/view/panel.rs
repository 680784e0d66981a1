//! The panel beside the stage: the inspector of what is selected, or else what can be done.

use yew::prelude::*;

use super::icons::icon;
use super::inspector::Inspector;
use super::legend::Legend;
use super::palette::Palette;
use super::use_texts;
use crate::browser::store::{use_selector, use_store};
use crate::state::AppAction;

/// The first thing to do.
const FIRST: &str = "kubectl create deployment web --image=nginx --replicas=3";

#[component]
pub(crate) fn Panel() -> Html {
    let selection = use_selector(|state| state.selection.clone());
    html! {
        <aside class="panel">
            if let Some(selection) = selection {
                <Inspector {selection} />
            } else {
                <div class="panel-scroll">
                    <FirstThing />
                    <Palette />
                    <Legend />
                </div>
            }
        </aside>
    }
}

#[component]
fn FirstThing() -> Html {
    let store = use_store();
    let texts = use_texts();
    let (began, ready) = use_selector(|state| (state.began, state.ready));
    if began {
        return Html::default();
    }
    html! {
        <section class="first">
            <h2>{ texts.try_title }</h2>
            <p>{ texts.try_text }</p>
            <button type="button" class="primary command-button" disabled={!ready} onclick={store.on(AppAction::Launch(FIRST.into()))}>
                <code>{ words(FIRST) }</code>
                <span class="go">{ icon("run") }</span>
            </button>
            <p class="hint">{ texts.try_then }</p>
        </section>
    }
}

/// A command that breaks between its words only.
pub(crate) fn words(command: &str) -> Html {
    html! { <>{ for command.split(' ').map(|word| html! { <span>{ word }</span> }) }</> }
}

/// The first thing to do, upon the stage, where there is no room for the panel.
#[component]
pub(crate) fn FirstStrip() -> Html {
    let store = use_store();
    let texts = use_texts();
    let shown = use_selector(|state| !state.began && state.ready && !state.panel_open && !state.bare);
    if !shown {
        return Html::default();
    }
    html! {
        <button type="button" class="primary command-button first-strip" title={texts.try_text} onclick={store.on(AppAction::Launch(FIRST.into()))}>
            <code>{ words(FIRST) }</code>
            <span class="go">{ icon("run") }</span>
        </button>
    }
}
