//! The help.

use yew::prelude::*;

use super::icons::IconButton;
use super::use_texts;
use crate::browser::store::{use_selector, use_store};
use crate::state::AppAction;

#[component]
pub(crate) fn Help() -> Html {
    let store = use_store();
    let texts = use_texts();
    let open = use_selector(|state| state.help_open);
    if !open {
        return Html::default();
    }
    let inside = Callback::from(|event: MouseEvent| event.stop_propagation());
    html! {
        <div class="veil" onclick={store.on(AppAction::ToggleHelp)}>
            <div class="help" role="dialog" aria-modal="true" aria-label={texts.help_title} onclick={inside}>
                <div class="inspector-head">
                    <h2>{ texts.help_title }</h2>
                    <IconButton icon="close" label={texts.close} onclick={store.on(AppAction::ToggleHelp)} />
                </div>
                <p>{ texts.help_intro }</p>
                <dl class="keys">
                    { for texts.keys.iter().map(|(keys, what)| html! { <><dt>{ *keys }</dt><dd>{ *what }</dd></> }) }
                </dl>
            </div>
        </div>
    }
}
