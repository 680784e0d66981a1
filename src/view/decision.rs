//! Why a pod went to its node: each node's verdict, and the scores as bars of their weighted parts.

use orrery_sim::core::collections::sort::Sort as _;
use std::rc::Rc;

use orrery_sim::core::Part;
use orrery_sim::scheduler::KubeScheduler;
use orrery_sim::scheduler::decision::{Candidate, Decision, Preemption, Rejected};
use yew::prelude::*;

use crate::i18n::Texts;
use crate::scene::deciding::plugin_hue;
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
/// So many nodes of a group, and candidates for making room, are named.
const MOST_NAMES: usize = 6;

/// Draws them.
pub(crate) fn show(attempts: &Attempts, texts: &Texts) -> Html {
    if attempts.0.is_empty() {
        return html! { <p class="empty">{ texts.no_decision }</p> };
    }
    html! { <>{ for attempts.0.iter().map(|decision| attempt(decision, texts)) }</> }
}

fn attempt(decision: &Decision, texts: &Texts) -> Html {
    let chosen = decision.chosen();
    let mut feasible: Vec<usize> = (0..decision.feasible.len()).collect();
    feasible.sort_by_key(|index| std::cmp::Reverse(decision.totals.get(*index).copied().unwrap_or(0)));
    let more = feasible.len().saturating_sub(MOST_NODES);
    let best = decision.totals.iter().copied().max().unwrap_or(0).max(1);
    let rejected: usize = decision.rejected.iter().map(|group| group.nodes.len()).sum();
    let others = decision.excluded.as_ref().map_or(0, |(_, others, _)| *others);
    let unseen = decision.names.len().saturating_sub(feasible.len() + rejected + others);
    let profile = if decision.profile == "default-scheduler" { String::new() } else { format!(" · {}", decision.profile) };
    html! {
        <section class="decision">
            <h3>{ format!("{} {} · {:.3} s{profile}", texts.attempt, decision.attempt, decision.at.as_secs_f64()) }</h3>
            <p class="hint">
                { texts.nodes_count(decision.names.len()) }{ " → " }{ decision.feasible.len() }{ " " }{ texts.feasible }{ " → " }
                <strong>{ chosen.map_or(texts.waits, |name| name.as_str()) }</strong>
            </p>
            <ul class="verdicts">
                { for feasible.iter().take(MOST_NODES).map(|index| feasible_node(decision, *index, best)) }
                if more > 0 {
                    <li class="verdict">{ format!("… +{more}") }</li>
                }
                { for decision.rejected.iter().map(|group| rejected_nodes(&names(decision, group), group.plugin, &group.reasons.join(), texts)) }
                if let Some((plugins, count, words)) = decision.excluded.as_ref().filter(|(_, count, _)| *count > 0) {
                    { rejected_nodes(&texts.nodes_count(*count), &plugins.join(", "), words, texts) }
                }
                if let Some((plugin, words)) = &decision.pre_filter {
                    { rejected_nodes(&texts.nodes_count(decision.names.len()), plugin, words, texts) }
                } else if unseen > 0 {
                    <li class="verdict rejected"><div><strong>{ texts.nodes_count(unseen) }</strong></div><p>{ texts.not_looked_at }</p></li>
                }
            </ul>
            if !decision.scores.is_empty() {
                <ul class="score-keys">
                    { for decision.scores.iter().map(|scores| html! {
                        <li>
                            <span class={format!("score-key part-{}", plugin_hue(scores.plugin))}></span>
                            { scores.plugin }{ " ×" }{ scores.weight }
                        </li>
                    }) }
                </ul>
                { numbers(decision, &feasible, texts) }
            }
            if !decision.message.is_empty() {
                <p class="hint">{ &decision.message }</p>
            }
            if let Some(found) = &decision.preemption {
                { preemption(found, texts) }
            }
        </section>
    }
}

fn feasible_node(decision: &Decision, index: usize, best: i64) -> Html {
    let name = &decision.feasible[index];
    let is_chosen = decision.chosen() == Some(name);
    let total = decision.totals.get(index).copied();
    html! {
        <li class={classes!("verdict", is_chosen.then_some("chosen"))}>
            <div><strong>{ name.as_str() }</strong><span class="total">{ total.map(|total| total.to_string()).unwrap_or_default() }</span></div>
            if total.is_some() {
                <div class="score" aria-hidden="true">
                    { for decision.weighted(index).filter(|(_, score)| *score > 0).map(|(plugin, score)| {
                        let width = format!("width:{:.2}%", score as f64 * 100.0 / best as f64);
                        html! { <span class={format!("part-{}", plugin_hue(plugin))} style={width} title={format!("{plugin} {score}")}></span> }
                    }) }
                </div>
            }
        </li>
    }
}

fn rejected_nodes(names: &str, plugin: &str, words: &str, texts: &Texts) -> Html {
    html! {
        <li class="verdict rejected">
            <div><strong>{ names }</strong></div>
            <p>{ "✕ " }{ words }</p>
            <p class="by">{ texts.rejected_by }{ " " }{ plugin }</p>
        </li>
    }
}

/// Nodes × plugins: raw, normalised and weighted.
fn numbers(decision: &Decision, feasible: &[usize], texts: &Texts) -> Html {
    html! {
        <details class="numbers">
            <summary>{ texts.all_numbers }</summary>
            <p class="hint">{ texts.all_numbers_hint }</p>
            <div class="wide">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{ texts.node }</th>
                            { for decision.scores.iter().map(|scores| html! { <th scope="col">{ scores.plugin }{ " ×" }{ scores.weight }</th> }) }
                            <th scope="col">{ texts.total }</th>
                        </tr>
                    </thead>
                    <tbody>
                        { for feasible.iter().take(MOST_NODES).map(|index| html! {
                            <tr>
                                <th scope="row">{ decision.feasible[*index].as_str() }</th>
                                { for decision.scores.iter().map(|scores| {
                                    let (raw, normal) = (scores.raw[*index], scores.normalized[*index]);
                                    html! { <td>{ raw }{ " → " }{ normal }<b>{ " = " }{ normal * scores.weight }</b></td> }
                                }) }
                                <td><b>{ decision.totals.get(*index).copied().unwrap_or_default() }</b></td>
                            </tr>
                        }) }
                    </tbody>
                </table>
            </div>
        </details>
    }
}

/// Where room could be made, at whose expense, and where it is made.
fn preemption(found: &Preemption, texts: &Texts) -> Html {
    let candidate = |candidate: &Candidate, title: &'static str| {
        let victims: Vec<String> =
            candidate.victims.iter().map(|victim| format!("{} ({})", victim.key, victim.priority)).collect();
        html! {
            <li class={classes!("verdict", (title == texts.room_on).then_some("chosen"))}>
                <div><strong>{ candidate.node.as_str() }</strong></div>
                <p>{ texts.must_go }{ ": " }{ victims.join(", ") }</p>
                if candidate.budget_violations > 0 {
                    <p>{ texts.budgets_broken }{ " " }{ candidate.budget_violations }</p>
                }
            </li>
        }
    };
    let others: Vec<&Candidate> = found.candidates.iter().filter(|have| Some(*have) != found.chosen.as_ref()).collect();
    let more = others.len().saturating_sub(MOST_NAMES);
    html! {
        <>
            if let Some(chosen) = &found.chosen {
                <h4>{ texts.room_on }</h4>
                <ul class="verdicts">{ candidate(chosen, texts.room_on) }</ul>
            }
            if !others.is_empty() {
                <h4>{ texts.candidates }</h4>
                <ul class="verdicts">
                    { for others.into_iter().take(MOST_NAMES).map(|other| candidate(other, texts.candidates)) }
                    if more > 0 {
                        <li class="verdict">{ format!("… +{more}") }</li>
                    }
                </ul>
            }
        </>
    }
}

fn names(decision: &Decision, group: &Rejected) -> String {
    let shown: Vec<&str> = decision.names_of(group).take(MOST_NAMES).map(|name| name.as_str()).collect();
    let more = group.nodes.len() - shown.len();
    if more > 0 { format!("{} +{more}", shown.join(", ")) } else { shown.join(", ") }
}
