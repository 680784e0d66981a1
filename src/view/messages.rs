//! The message log: what was sent around the playhead, filtered.

use orrery_sim::core::Time;
use yew::prelude::*;

use super::{pointed_message, use_texts};
use crate::browser::paint::clock;
use crate::browser::store::{use_polled, use_selector, use_store};
use crate::scene::Selection;
use crate::state::story::{Row, log};
use crate::state::{AppAction, State};

const BEFORE: usize = 60;
const AFTER: usize = 30;

#[component]
pub(crate) fn Messages() -> Html {
    let store = use_store();
    let texts = use_texts();
    let filter = use_selector(|state| state.filter.clone());
    let selected = use_selector(|state| state.selection.clone());
    let pointed = use_selector(|state| state.pointed);
    let (rows, now, linked) = use_polled(200, filter.clone(), |state, filter| rows(state, filter));
    let list = use_node_ref();
    use_effect_with((now, rows.len()), {
        let list = list.clone();
        move |_| {
            let current = list.cast::<web_sys::Element>().and_then(|list| list.query_selector(".row.now").ok().flatten());
            if let (Some(list), Some(row)) = (list.cast::<web_sys::HtmlElement>(), current) {
                // The row of the moment in the lower half, without moving the page.
                let offset = row.get_bounding_client_rect().top() - list.get_bounding_client_rect().top();
                let wanted = f64::from(list.client_height()) * 0.7;
                list.set_scroll_top(list.scroll_top() + (offset - wanted) as i32);
            }
        }
    });
    let typed = {
        let store = store.clone();
        Callback::from(move |event: InputEvent| {
            let field: web_sys::HtmlInputElement = event.target_unchecked_into();
            store.dispatch(AppAction::Filter(field.value()));
        })
    };
    let point = {
        let store = store.clone();
        Callback::from(move |event: PointerEvent| store.dispatch(AppAction::PointAt(pointed_message(&event))))
    };
    html! {
        <div class="messages">
            <input type="search" class="filter" placeholder={texts.filter} aria-label={texts.filter} value={filter.clone()} oninput={typed} />
            <div class="rows" ref={list} onpointerover={point} onpointerleave={store.on(AppAction::PointAt(None))}>
                if rows.is_empty() {
                    <p class="empty">{ if filter.trim().is_empty() { texts.no_messages } else { texts.no_match } }</p>
                }
                { for rows.iter().enumerate().map(|(index, row)| {
                    let chosen = selected == Some(Selection::Message(row.id.0));
                    let class = classes!("row", (Some(index) == now).then_some("now"), (Some(index) > now).then_some("later"), chosen.then_some("chosen"),
                        linked[index].then_some("linked"), (pointed == Some(row.id.0)).then_some("pointed"));
                    html! {
                        <button key={row.id.0} type="button" {class} data-message={row.id.0.to_string()} title={format!("{} → {}: {}", row.from, row.to, row.label)} onclick={store.on(AppAction::ShowMessage(row.id.0))}>
                            <span class={classes!("swatch", row.kind.class())}></span>
                            <span class="at">{ clock(row.sent.0 as f64) }</span>
                            <span class="who">{ sender(&row.from, &row.to) }{ " → " }{ &row.to }</span>
                            <span class="what">{ halves(&row.label) }</span>
                        </button>
                    }
                }) }
            </div>
        </div>
    }
}

/// Who speaks to `to`; the machine of both is named once.
fn sender<'a>(from: &'a str, to: &str) -> &'a str {
    match (from.split_once('/'), to.split_once('/')) {
        (Some((part, machine)), Some((_, same))) if machine == same => part,
        _ => from,
    }
}

/// How much of a text's end is kept when it is cut.
const TAIL: usize = 9;

/// A text that is cut in its middle where it has no room: names often differ in their end only.
pub(crate) fn halves(text: &str) -> Html {
    let count = text.chars().count();
    let at = text.char_indices().nth(count.saturating_sub(TAIL)).map_or(text.len(), |(at, _)| at);
    let (head, tail) = if count > 2 * TAIL { text.split_at(at) } else { (text, "") };
    html! { <span class="halves"><span class="head">{ head }</span><span>{ tail }</span></span> }
}

/// The rows, the position of the last one that has been sent, and which of them belong to what *Why?* tells of.
fn rows(state: &State, filter: &str) -> (Vec<Row>, Option<usize>, Vec<bool>) {
    let t = state.player.time();
    let end = Time(state.extent().1 as u64);
    let names = |id| state.machine_name(id);
    let rows = log(&state.visible, state.session.trace(), t, end, filter, (BEFORE, AFTER), &names);
    let now = state.player.on.and_then(|on| rows.iter().position(|row| row.id == on));
    let now = now.or_else(|| rows.iter().rposition(|row| row.sent <= t));
    let linked = rows.iter().map(|row| state.causes.as_ref().is_some_and(|causes| causes.has(row.id))).collect();
    (rows, now, linked)
}
