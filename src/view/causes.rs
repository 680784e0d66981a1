//! *Why?*: the chain back to what began it, and everything that followed as a tree.

use orrery_sim::core::EnvelopeId;
use yew::prelude::*;

use super::inspector::message;
use super::tree::{self, Tree};
use super::{Same, pointed_message, use_texts};
use crate::browser::store::{Store, use_selector, use_store};
use crate::i18n::Texts;
use crate::scene::Selection;
use crate::state::AppAction;
use crate::state::causes::Line;
use crate::state::story::Link;

/// Which branches somebody has folded or unfolded, and of which more are listed: their messages.
type Turned = (Vec<EnvelopeId>, Vec<EnvelopeId>);

#[component]
pub(crate) fn Why() -> Html {
    let store = use_store();
    let texts = use_texts();
    let causes = use_selector(|state| state.causes.clone().map(Same));
    let (on, pointed, written_since) = use_selector(|state| (state.player.on, state.pointed, state.is_written_since()));
    let turned = use_state(Turned::default);
    let Some(Same(causes)) = causes else {
        return html! { <p class="empty">{ texts.why_unknown }</p> };
    };
    let lines = {
        let state = store.state();
        causes.lines(state.session.trace(), &turned.0, &turned.1, &|id| state.machine_name(id))
    };
    let lines = lines.into_iter().map(|line| match line {
        Line::Message(depth, row, fold) => {
            let now = (on == Some(row.id)).then_some("now");
            let pointed = (pointed == Some(row.id.0)).then_some("pointed");
            let content = html! {
                <>
                    <span class={classes!("swatch", row.kind.class())}></span>
                    <span class="what">
                        { &row.label }
                        if let Some((_, below)) = fold { <small>{ format!(" → {below}") }</small> }
                    </span>
                    <span class="who">{ format!("{:.3}  {} → {}", row.sent.as_secs_f64(), row.from, row.to) }</span>
                </>
            };
            let open = fold.map(|(open, _)| open);
            tree::Line { key: row.id.0.to_string(), depth, open, class: classes!(now, pointed), message: Some(row.id.0), content }
        }
        Line::More(id, depth, branches, messages) => {
            let text = texts.followed_more.replace("{n}", &branches.to_string()).replace("{k}", &messages.to_string());
            let content = html! { <span class="more">{ text }</span> };
            tree::Line { key: format!("{}{}", tree::MORE, id.0), depth, open: None, class: classes!(), message: None, content }
        }
    });
    let lines: Vec<tree::Line> = lines.collect();
    let onturn = {
        let (store, turned) = (store.clone(), turned.clone());
        Callback::from(move |key: String| {
            let Ok(id) = key.parse().map(EnvelopeId) else { return };
            store.dispatch(AppAction::HoldCauses);
            let (mut folds, longer) = (*turned).clone();
            let before = folds.len();
            folds.retain(|have| *have != id);
            if folds.len() == before {
                folds.push(id);
            }
            turned.set((folds, longer));
        })
    };
    let ongo = {
        let (store, turned) = (store.clone(), turned.clone());
        Callback::from(move |key: String| {
            if let Some(id) = key.strip_prefix(tree::MORE).and_then(|id| id.parse().ok()) {
                store.dispatch(AppAction::HoldCauses);
                let (folds, mut longer) = (*turned).clone();
                longer.push(EnvelopeId(id));
                turned.set((folds, longer));
            } else if let Ok(id) = key.parse() {
                store.dispatch(AppAction::GoToMessage(id));
            }
        })
    };
    let point = {
        let store = store.clone();
        Callback::from(move |event: PointerEvent| store.dispatch(AppAction::PointAt(pointed_message(&event))))
    };
    html! {
        <div onpointerover={point} onpointerleave={store.on(AppAction::PointAt(None))}>
            if written_since {
                <p class="hint" role="status">
                    { texts.written_since }{ " " }
                    <button type="button" class="link" onclick={store.on(AppAction::RenewCauses)}>{ texts.show_newest }</button>
                </p>
            }
            if !causes.chain.is_empty() {
                <p class="hint">{ texts.why_hint }</p>
                <ol class="why">{ for causes.chain.iter().map(|link| cause(link, texts, &store)) }</ol>
            }
            <h3>{ texts.followed_title }</h3>
            if causes.count == 0 {
                <p class="hint">{ texts.followed_none }</p>
            } else {
                <p class="followed"><strong>{ causes.count }</strong>{ " " }{ texts.followed.replace("{}", &causes.requests.to_string()) }</p>
                <Tree label={texts.followed_title} {lines} {ongo} {onturn} />
                <p class="hint">{ texts.followed_hint }</p>
            }
        </div>
    }
}

fn cause(link: &Link, texts: &Texts, store: &Store) -> Html {
    match link {
        Link::Command(id, line) => html! {
            <li class="command">
                <button type="button" onclick={store.on(AppAction::Select(Some(Selection::Command(id.0))))}><code>{ format!("$ {line}") }</code></button>
            </li>
        },
        Link::Timer(name, of) => html! { <li class="timer">{ of }{ ": " }{ texts.timer }{ " " }<code>{ *name }</code></li> },
        Link::Start(of) => html! { <li class="timer">{ of }{ " " }{ texts.began }</li> },
        Link::Message(row) => html! { <li>{ message(row, store) }</li> },
    }
}
