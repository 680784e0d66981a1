//! What the page has to tell, over the stage.

use yew::prelude::*;

use super::use_texts;
use crate::browser::store::{use_polled, use_selector, use_store};
use crate::state::recording::Unreadable;
use crate::state::story::Row;
use crate::state::{AppAction, Notice};

/// What is on its way while time stands still, for screen readers.
#[component]
pub(crate) fn Spoken() -> Html {
    let text = use_polled(400, (), |state, ()| {
        if state.player.moves() {
            return String::new();
        }
        let names = |id| state.machine_name(id);
        let trace = state.session.trace();
        let rows = state.picture.flights.at(state.player.t).filter_map(|(_, flight)| trace.get(flight.id)).take(4);
        let lines: Vec<String> = rows
            .map(|envelope| Row::of(envelope, trace, &names))
            .map(|row| format!("{} → {}: {}", row.from, row.to, row.label))
            .collect();
        lines.join(". ")
    });
    html! { <p class="sr-only" role="status" aria-live="polite">{ text }</p> }
}

#[component]
pub(crate) fn Notices() -> Html {
    let store = use_store();
    let texts = use_texts();
    let (notice, discarded) = use_selector(|state| (state.notice.clone(), state.discarded.is_some()));
    let Some(notice) = notice else { return Html::default() };
    let forked = matches!(notice, Notice::Forked(_) | Notice::TakenBack(..) | Notice::PutAside);
    // One that comes again and again while somebody looks at the stage.
    let stone = matches!(notice, Notice::Reached(_) | Notice::NothingMore);
    html! {
        <div class={classes!("notice", stone.then_some("stone"))} role="status">
            <p>{ match &notice {
                Notice::Forked(commands) => texts.forked(*commands),
                Notice::TakenBack(line, later) => texts.taken_back(line, *later),
                Notice::NothingToUndo => texts.nothing_to_undo.to_string(),
                Notice::PutAside => texts.put_aside.to_string(),
                Notice::Unreadable(Unreadable::All(why)) => format!("{} {why}", texts.unreadable),
                Notice::Unreadable(Unreadable::Rest(_, read, all)) => texts.damaged(*read, *all),
                Notice::TooLarge => texts.too_large.to_string(),
                Notice::Reached(what) => texts.milestone(what),
                Notice::NothingMore => texts.nothing_more.to_string(),
                Notice::NoWindow => texts.no_window.to_string(),
                Notice::NoLesson(id) => format!("{} {id}", texts.no_lesson),
                Notice::Unreachable(what) => format!("{} {what}", texts.unreachable),
                Notice::BadLesson(error) => format!("{} {error}", texts.bad_lesson),
                Notice::TooLong(line) => format!("{} {line}", texts.too_long),
            } }</p>
            if forked && discarded {
                <button type="button" onclick={store.on(AppAction::ReturnToDiscarded)}>{ texts.bring_back }</button>
            }
            if matches!(&notice, Notice::Unreadable(Unreadable::Rest(..))) {
                <button type="button" onclick={store.on(AppAction::OpenRest)}>{ texts.open_rest }</button>
            }
            <button type="button" onclick={store.on(AppAction::DismissNotice)}>{ texts.dismiss }</button>
        </div>
    }
}
