//! The inspector: facts, YAML, events, messages and causes of what is selected, at the playhead.

use orrery_sim::core::{Addr, EnvelopeId, Part};
use yew::prelude::*;

use super::decision::{self, Attempts, attempts};
use super::events::event;
use super::icons::IconButton;
use super::use_texts;
use crate::browser::store::{use_polled, use_selector, use_store};
use crate::i18n::Texts;
use crate::scene::Selection;
use crate::scene::messages::full_label;
use crate::state::inspect::{self, EventRow, Fact};
use crate::state::sentence::sentence;
use crate::state::story::{self, Link, Row};
use crate::state::{AppAction, InspectorTab, State};

const MOST_MESSAGES: usize = 60;

/// What the open tab shows.
#[derive(Clone, PartialEq)]
enum Content {
    /// A sentence, and facts.
    Facts(String, Vec<Fact>),
    Text(&'static str, String),
    Events(Vec<EventRow>, u64),
    Messages(Vec<Row>),
    Why(Vec<Link>, (usize, usize)),
    Decision(Attempts),
    Gone,
}

#[derive(PartialEq, Properties)]
pub(crate) struct InspectorProps {
    pub selection: Selection,
}

#[component]
pub(crate) fn Inspector(props: &InspectorProps) -> Html {
    let store = use_store();
    let texts = use_texts();
    let tab = use_selector(|state| state.inspector);
    let message = matches!(props.selection, Selection::Message(_));
    let part = matches!(props.selection, Selection::Part(..));
    let has_object = use_polled(500, props.selection.clone(), |state, selection| {
        inspect::object(state.session.cluster(), selection).is_some()
    });
    let mut tabs = vec![(InspectorTab::Summary, texts.summary)];
    if matches!(props.selection, Selection::Pod(..)) {
        tabs.push((InspectorTab::Decision, texts.decision));
    }
    if !part || has_object {
        tabs.push((InspectorTab::Yaml, if message { texts.body } else { "YAML" }));
    }
    if !message {
        if inspect::event_object(&props.selection).is_some() {
            tabs.push((InspectorTab::Events, texts.events));
        }
        tabs.push((InspectorTab::Messages, texts.messages));
    }
    if !part {
        tabs.push((InspectorTab::Why, texts.why));
    }
    // A tab that makes no sense here shows the facts.
    let tab = if tabs.iter().any(|(option, _)| *option == tab) { tab } else { InspectorTab::Summary };
    let key = (props.selection.clone(), tab);
    let (kind, title, content) = use_polled(250, key, |state, (selection, tab)| {
        let (kind, title) = name(state, selection);
        (kind, title, content(state, selection, *tab))
    });
    html! {
        <div class="inspector">
            <div class="inspector-head">
                <h2><span class="kind">{ kind }</span>{ title }</h2>
                <IconButton icon="close" label={texts.close} onclick={store.on(AppAction::Select(None))} />
            </div>
            <div class="tabs" role="tablist">
                { for tabs.into_iter().map(|(option, name)| html! {
                    <button type="button" role="tab" class="tab" aria-selected={(option == tab).to_string()}
                        onclick={store.on(AppAction::InspectorTab(option))}>{ name }</button>
                }) }
            </div>
            <div class="inspector-content" role="tabpanel">{ show(&content, texts, &store) }</div>
        </div>
    }
}

/// Kind and name of a selection.
fn name(state: &State, selection: &Selection) -> (String, String) {
    match selection {
        Selection::Node(name) => ("node".into(), name.clone()),
        Selection::Pod(namespace, name) if namespace == "default" => ("pod".into(), name.clone()),
        Selection::Pod(namespace, name) => (format!("pod in {namespace}"), name.clone()),
        Selection::Part(machine, part) => (machine.clone(), part.name().to_string()),
        Selection::Message(id) => {
            let trace = state.session.trace();
            let text = trace.get(EnvelopeId(*id)).map(|envelope| full_label(envelope, trace).text);
            (format!("#{id}"), text.unwrap_or_default())
        }
    }
}

fn content(state: &State, selection: &Selection, tab: InspectorTab) -> Content {
    let cluster = state.session.cluster();
    let trace = state.session.trace();
    let t = state.player.time();
    let names = |id| state.machine_name(id);
    if let Selection::Message(id) = selection {
        let Some(envelope) = trace.get(EnvelopeId(*id)) else { return Content::Gone };
        return match tab {
            InspectorTab::Why => why(state, EnvelopeId(*id)),
            InspectorTab::Yaml => Content::Text("", inspect::body(&envelope.message)),
            _ => Content::Facts(
                sentence(envelope, trace, &names, state.texts.say),
                inspect::message_facts(envelope, &names, trace.is_lost(envelope.id), state.texts),
            ),
        };
    }
    match tab {
        InspectorTab::Decision => match selection {
            Selection::Pod(namespace, name) => Content::Decision(attempts(state, namespace, name)),
            _ => Content::Gone,
        },
        InspectorTab::Summary => {
            let facts = inspect::facts(cluster, selection, t, state.texts.say);
            match selection {
                Selection::Part(_, part) => Content::Facts((state.texts.say.does)(*part).to_string(), facts),
                _ if facts.is_empty() => Content::Gone,
                _ => Content::Facts(String::new(), facts),
            }
        }
        InspectorTab::Yaml => {
            let note = match selection {
                Selection::Part(_, Part::Kubelet) => state.texts.its_node,
                Selection::Part(..) => state.texts.its_pod,
                _ => "",
            };
            inspect::object(cluster, selection).map_or(Content::Gone, |(_, object)| Content::Text(note, inspect::yaml(object)))
        }
        InspectorTab::Events => {
            let about = inspect::event_object(selection);
            let mut rows = about.map(|about| inspect::events(cluster, Some(&about))).unwrap_or_default();
            rows.reverse();
            Content::Events(rows, t.0 / 1_000_000)
        }
        InspectorTab::Messages => Content::Messages(match selection {
            Selection::Part(machine, part) => inspect::machine(cluster, machine).map_or_else(Vec::new, |machine| {
                story::of_part(trace, &state.visible, Addr::new(machine, *part), t, MOST_MESSAGES, &names)
            }),
            Selection::Node(name) | Selection::Pod(_, name) => {
                story::of_object(trace, &state.visible, name, t, MOST_MESSAGES, &names)
            }
            Selection::Message(_) => Vec::new(),
        }),
        InspectorTab::Why => {
            inspect::explained_by(trace, selection, t).map_or(Content::Why(Vec::new(), (0, 0)), |id| why(state, id))
        }
    }
}

fn why(state: &State, id: EnvelopeId) -> Content {
    let names = |machine| state.machine_name(machine);
    let trace = state.session.trace();
    Content::Why(story::why(trace, id, &names), story::followers(trace, id))
}

fn show(content: &Content, texts: &'static Texts, store: &crate::browser::store::Store) -> Html {
    match content {
        Content::Gone => html! { <p class="empty">{ texts.gone }</p> },
        Content::Text(_, text) if text.is_empty() => html! { <p class="empty">{ texts.nothing_here }</p> },
        Content::Text(note, text) => html! {
            <>
                if !note.is_empty() { <p class="hint">{ *note }</p> }
                <pre class="yaml" tabindex="0">{ for text.lines().map(yaml_line) }</pre>
            </>
        },
        Content::Facts(sentence, facts) => html! {
            <>
                if !sentence.is_empty() { <p class="sentence">{ sentence }</p> }
                <dl class="facts">
                    { for facts.iter().map(|(name, value)| html! { <><dt>{ name }</dt><dd>{ value }</dd></> }) }
                </dl>
            </>
        },
        Content::Events(rows, _) if rows.is_empty() => html! { <p class="empty">{ texts.no_events }</p> },
        Content::Events(rows, now) => html! {
            <div class="rows events stacked">{ for rows.iter().map(|row| event(row, *now, Callback::noop())) }</div>
        },
        Content::Messages(rows) if rows.is_empty() => html! { <p class="empty">{ texts.nothing_here }</p> },
        Content::Messages(rows) => html! {
            <div class="rows stacked">{ for rows.iter().map(|row| message(row, store)) }</div>
        },
        Content::Decision(attempts) => decision::show(attempts, texts),
        Content::Why(links, _) if links.is_empty() => html! { <p class="empty">{ texts.why_unknown }</p> },
        Content::Why(links, (count, _)) => html! {
            <>
                <p class="hint">{ texts.why_hint }</p>
                <ol class="why">{ for links.iter().map(|link| cause(link, texts, store)) }</ol>
                if *count > 1 {
                    <p class="hint"><strong>{ count - 1 }</strong>{ " " }{ texts.followed }</p>
                }
            </>
        },
    }
}

fn message(row: &Row, store: &crate::browser::store::Store) -> Html {
    html! {
        <button type="button" class="row" title={row.label.clone()} onclick={store.on(AppAction::ShowMessage(row.id.0))}>
            <span class={classes!("swatch", row.kind.class())}></span>
            <span class="at">{ format!("{:.3}", row.sent.as_secs_f64()) }</span>
            <span class="what">{ &row.label }</span>
            <span class="who">{ &row.from }{ " → " }{ &row.to }</span>
        </button>
    }
}

fn cause(link: &Link, texts: &Texts, store: &crate::browser::store::Store) -> Html {
    match link {
        Link::Command(_, line) => html! { <li class="command"><code>{ format!("$ {line}") }</code></li> },
        Link::Timer(name, of) => html! { <li class="timer">{ of }{ ": " }{ texts.timer }{ " " }<code>{ *name }</code></li> },
        Link::Start(of) => html! { <li class="timer">{ of }{ " " }{ texts.began }</li> },
        Link::Message(row) => html! { <li>{ message(row, store) }</li> },
    }
}

/// A line of YAML with its key set off.
fn yaml_line(line: &str) -> Html {
    let indent = line.len() - line.trim_start_matches([' ', '-']).len();
    let (lead, rest) = line.split_at(indent);
    if rest.starts_with('#') {
        return html! { <span class="comment">{ line }{ "\n" }</span> };
    }
    match rest.split_once(':') {
        Some((key, value)) if !key.contains(['"', '\'', ' ']) && (value.is_empty() || value.starts_with(' ')) => {
            html! { <span>{ lead }<b>{ key }</b>{ ":" }{ value }{ "\n" }</span> }
        }
        _ => html! { <span>{ line }{ "\n" }</span> },
    }
}
