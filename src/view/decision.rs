//! Why a pod went to its node: each node's verdict, and the scores as bars of their weighted parts.

use orrery_sim::core::collections::sort::Sort as _;
use std::rc::Rc;

use orrery_sim::core::Part;
use orrery_sim::scheduler::KubeScheduler;
use orrery_sim::scheduler::decision::{Decision, Rejected};
use yew::prelude::*;

use crate::i18n::Texts;
use crate::state::State;

/// What the scheduler says about a pod: its last attempts, newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempts(Vec<Rc<Decision>>);

impl PartialEq for Attempts {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| Rc::ptr_eq(a, b) || a == b)
    }
}

/// The attempts to schedule a pod, as the scheduler remembers them at the playhead.
pub(crate) fn attempts(state: &State, namespace: &str, name: &str) -> Attempts {
    let key = format!("{namespace}/{name}");
    let cluster = state.session.cluster();
    let mut found: Vec<Rc<Decision>> = cluster
        .parts::<KubeScheduler>(Part::Scheduler)
        .flat_map(|(_, scheduler)| scheduler.decisions().of(&key).to_vec())
        .collect();
    found.order_by_key(|decision| std::cmp::Reverse(decision.at));
    Attempts(found)
}

/// More nodes than this are summed up.
const MOST_NODES: usize = 40;

/// Draws them.
pub(crate) fn show(attempts: &Attempts, texts: &Texts) -> Html {
    if attempts.0.is_empty() {
        return html! { <p class="empty">{ texts.no_decision }</p> };
    }
    html! { <>{ for attempts.0.iter().map(|decision| attempt(decision, texts)) }</> }
}

fn attempt(decision: &Decision, texts: &Texts) -> Html {
    let chosen = decision.chosen();
    let best = decision.totals.iter().copied().max().unwrap_or(0).max(1);
    let mut feasible: Vec<usize> = (0..decision.feasible.len()).collect();
    feasible.order_by_key(|index| std::cmp::Reverse(decision.totals.get(*index).copied().unwrap_or(0)));
    let shown = feasible.len().min(MOST_NODES);
    let node = |index: usize| {
        let name = &decision.feasible[index];
        let is_chosen = chosen == Some(name);
        let total = decision.totals.get(index).copied();
        html! {
            <li class={classes!("verdict", is_chosen.then_some("chosen"))}>
                <div><strong>{ name.as_str() }</strong><span class="total">{ total.map(|total| total.to_string()).unwrap_or_default() }</span></div>
                if total.is_some() {
                    <div class="score" aria-hidden="true">
                        { for decision.weighted(index).enumerate().filter(|(_, (_, score))| *score > 0).map(|(position, (plugin, score))| {
                            let width = format!("width:{:.2}%", score as f64 * 100.0 / best as f64);
                            html! { <span class={format!("part-{}", position % 8)} style={width} title={format!("{plugin} {score}")}></span> }
                        }) }
                    </div>
                }
            </li>
        }
    };
    html! {
        <section class="decision">
            <p class="hint">
                { format!("{:.3} s · {} ", decision.at.as_secs_f64(), texts.nodes_count(decision.names.len())) }
                { "→ " }{ decision.feasible.len() }{ " " }{ texts.feasible }{ " → " }
                <strong>{ chosen.map_or(texts.waits, |name| name.as_str()) }</strong>
            </p>
            <ul class="verdicts">
                { for feasible.into_iter().take(shown).map(node) }
                { for decision.rejected.iter().map(|group| html! {
                    <li class="verdict rejected">
                        <div><strong>{ names(decision, group) }</strong></div>
                        <p>{ "✕ " }{ group.plugin }{ ": " }{ group.reasons.join() }</p>
                    </li>
                }) }
                if let Some((plugin, words)) = &decision.pre_filter {
                    <li class="verdict rejected"><p>{ "✕ " }{ *plugin }{ ": " }{ words }</p></li>
                }
            </ul>
            if !decision.scores.is_empty() {
                <ul class="score-keys">
                    { for decision.scores.iter().enumerate().map(|(position, scores)| html! {
                        <li><span class={format!("score-key part-{}", position % 8)}></span>{ scores.plugin }{ " ×" }{ scores.weight }</li>
                    }) }
                </ul>
            }
            if !decision.message.is_empty() {
                <p class="hint">{ &decision.message }</p>
            }
        </section>
    }
}

fn names(decision: &Decision, group: &Rejected) -> String {
    let shown: Vec<&str> = decision.names_of(group).take(4).map(orrery_sim::value::Text::as_str).collect();
    let more = group.nodes.len() - shown.len();
    if more > 0 { format!("{} +{more}", shown.join(", ")) } else { shown.join(", ") }
}
