//! The help.

use yew::prelude::*;

use super::dialog::Dialog;
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
    html! {
        <Dialog title={texts.help_title} close={store.on(AppAction::ToggleHelp)}>
            <p>{ texts.help_intro }</p>
            <dl class="keys">
                { for texts.keys.iter().map(|(keys, what)| html! { <><dt>{ *keys }</dt><dd>{ *what }</dd></> }) }
            </dl>
        </Dialog>
    }
}
