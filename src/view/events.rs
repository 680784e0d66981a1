//! The cluster's events, as `kubectl get events` lists them.

use yew::prelude::*;

use super::messages::halves;
use super::use_texts;
use crate::browser::store::{use_polled, use_store};
use crate::i18n::span;
use crate::state::AppAction;
use crate::state::inspect::{EventRow, events};

const MOST: usize = 200;

#[component]
pub(crate) fn Events() -> Html {
    let store = use_store();
    let texts = use_texts();
    let (rows, now) = use_polled(400, (), |state, ()| {
        let rows = events(state.session.cluster(), None);
        let skip = rows.len().saturating_sub(MOST);
        (rows.into_iter().skip(skip).rev().collect::<Vec<_>>(), state.player.time().0 / 1_000_000)
    });
    html! {
        <div class="rows events">
            if rows.is_empty() {
                <p class="empty">{ texts.no_events }</p>
            }
            { for rows.iter().map(|row| event(row, now, store.on(AppAction::Select(row.about())))) }
        </div>
    }
}

/// A row of the list.
pub(crate) fn event(row: &EventRow, now_s: u64, onclick: Callback<MouseEvent>) -> Html {
    let age =
        row.at.map(|at| span(now_s.saturating_sub(at.0 / 1_000_000) * 1_000_000).replace(".0 s", " s").replace("0 ms", "0 s"));
    let warning = row.kind == "Warning";
    html! {
        <button key={row.key.clone()} type="button" class={classes!("row", warning.then_some("warning"))} {onclick} title={format!("{}: {}", row.object, row.message)}>
            <span class="at">{ age.unwrap_or_default() }</span>
            <span class="reason">{ if warning { "⚠ " } else { "" } }{ &row.reason }{ if row.count > 1 { format!(" ×{}", row.count) } else { String::new() } }</span>
            <span class="who">{ halves(&row.object) }</span>
            <span class="what">{ &row.message }</span>
        </button>
    }
}
