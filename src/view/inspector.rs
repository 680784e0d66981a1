//! The inspector: facts, YAML, events, messages and causes of what is selected, at the playhead.

use orrery_sim::core::{Addr, CommandId, EnvelopeId, Part};
use yew::prelude::*;

use super::causes::Why;
use super::decision::{self, Attempts, attempts};
use super::events::event;
use super::icons::IconButton;
use super::use_texts;
use super::yaml::{ObjectYaml, whole};
use crate::browser::store::{Store, use_polled, use_selector, use_store};
use crate::i18n::Texts;
use crate::scene::Selection;
use crate::scene::messages::full_label;
use crate::state::inspect::{self, EventRow, Fact, Told};
use crate::state::sentence::sentence;
use crate::state::story::{self, Row};
use crate::state::{AppAction, InspectorTab, State};

const MOST_MESSAGES: usize = 60;

/// What the open tab shows.
#[derive(Clone, PartialEq)]
enum Content {
    /// A sentence, and facts.
    Facts(String, Vec<Fact>),
    Text(String),
    /// The object, under a note.
    Object(&'static str),
    Events(Vec<EventRow>, u64),
    Messages(Vec<Row>),
    Why,
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
    let command = matches!(props.selection, Selection::Command(_));
    if message || has_object || !(part || command) {
        tabs.push((InspectorTab::Yaml, if message { texts.body } else { "YAML" }));
    }
    if !message {
        if inspect::event_object(&props.selection).is_some() {
            tabs.push((InspectorTab::Events, texts.events));
        }
        if !command {
            tabs.push((InspectorTab::Messages, texts.messages));
        }
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
            <div class="inspector-content" role="tabpanel">{ show(&content, &props.selection, texts, &store) }</div>
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
        Selection::Command(id) => {
            (state.texts.command.into(), format!("$ {}", story::command_line(state.session.trace(), CommandId(*id))))
        }
        Selection::Object(resource, namespace, name) if namespace.is_empty() => (resource.kind.into(), name.clone()),
        Selection::Object(resource, namespace, name) => (format!("{} in {namespace}", resource.kind), name.clone()),
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
            InspectorTab::Why => Content::Why,
            InspectorTab::Yaml => Content::Text(inspect::body(&envelope.message)),
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
            if let Selection::Command(id) = selection {
                return Content::Facts(String::new(), inspect::command_facts(state, CommandId(*id)));
            }
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
            Content::Object(note)
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
            Selection::Node(name) | Selection::Pod(_, name) | Selection::Object(_, _, name) => {
                story::of_object(trace, &state.visible, name, t, MOST_MESSAGES, &names)
            }
            Selection::Message(_) | Selection::Command(_) => Vec::new(),
        }),
        InspectorTab::Why => Content::Why,
    }
}

fn show(content: &Content, selection: &Selection, texts: &'static Texts, store: &Store) -> Html {
    match content {
        Content::Gone => html! { <p class="empty">{ texts.gone }</p> },
        Content::Text(text) if text.is_empty() => html! { <p class="empty">{ texts.nothing_here }</p> },
        Content::Text(text) => whole(text),
        Content::Object(note) => html! { <ObjectYaml selection={selection.clone()} {note} /> },
        Content::Facts(sentence, facts) => html! {
            <>
                if !sentence.is_empty() { <p class="sentence">{ sentence }</p> }
                <dl class="facts">
                    { for facts.iter().map(|(name, value)| html! { <><dt>{ name }</dt><dd>{ told(name, value, texts, store) }</dd></> }) }
                </dl>
            </>
        },
        Content::Events(rows, _) if rows.is_empty() => html! { <p class="empty">{ texts.no_events }</p> },
        Content::Events(rows, now) => html! {
            <div class="rows events stacked">{ for rows.iter().map(|row| event(row, *now, store.on(AppAction::Select(Some(row.itself()))))) }</div>
        },
        Content::Messages(rows) if rows.is_empty() => html! { <p class="empty">{ texts.nothing_here }</p> },
        Content::Messages(rows) => html! {
            <div class="rows stacked">{ for rows.iter().map(|row| message(row, store)) }</div>
        },
        Content::Decision(attempts) => decision::show(attempts, texts),
        Content::Why => html! { <Why key={selection.key()} /> },
    }
}

fn told(name: &str, value: &Told, texts: &Texts, store: &Store) -> Html {
    match value {
        Told::Text(text) => html! { text },
        Told::Columns(text) => html! { <pre class="columns" tabindex="0">{ text }</pre> },
        Told::Condition(text) => html! {
            <>
                { text }{ " " }
                <button type="button" class="link" aria-label={format!("{name}: {}", texts.why)}
                    onclick={store.on(AppAction::WhyCondition(name.to_string()))}>{ texts.why }</button>
            </>
        },
        Told::Links(links) => html! {
            { for links.iter().map(|(text, selection)| match selection {
                Some(_) => html! {
                    <button type="button" class="link" onclick={store.on(AppAction::Select(selection.clone()))}>{ text }</button>
                },
                None => html! { <span>{ text }</span> },
            }) }
        },
    }
}

pub(super) fn message(row: &Row, store: &Store) -> Html {
    html! {
        <button type="button" class="row" data-message={row.id.0.to_string()} title={row.label.clone()} onclick={store.on(AppAction::ShowMessage(row.id.0))}>
            <span class={classes!("swatch", row.kind.class())}></span>
            <span class="at">{ format!("{:.3}", row.sent.as_secs_f64()) }</span>
            <span class="what">{ &row.label }</span>
            <span class="who">{ &row.from }{ " → " }{ &row.to }</span>
        </button>
    }
}
