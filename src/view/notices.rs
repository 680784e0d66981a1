//! What the page has to tell, over the stage.

use yew::prelude::*;

use super::use_texts;
use crate::browser::store::{use_selector, use_store};
use crate::state::{AppAction, Notice};

#[component]
pub(crate) fn Notices() -> Html {
    let store = use_store();
    let texts = use_texts();
    let (notice, discarded) = use_selector(|state| (state.notice.clone(), state.discarded.is_some()));
    let Some(notice) = notice else { return Html::default() };
    let forked = matches!(notice, Notice::Forked(_));
    html! {
        <div class="notice" role="status">
            <p>{ match &notice {
                Notice::Forked(commands) => texts.forked(*commands),
                Notice::NothingMore => texts.nothing_more.to_string(),
                Notice::TooLong(line) => format!("{} {line}", texts.too_long),
            } }</p>
            if forked && discarded {
                <button type="button" onclick={store.on(AppAction::ReturnToDiscarded)}>{ texts.bring_back }</button>
            }
            <button type="button" onclick={store.on(AppAction::DismissNotice)}>{ texts.dismiss }</button>
        </div>
    }
}
