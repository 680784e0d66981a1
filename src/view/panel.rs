//! The panel beside the stage: the inspector of what is selected, or else what can be done.

use orrery_sim::core::TerminalEvent;
use web_sys::HtmlElement;
use yew::prelude::*;

use super::icons::icon;
use super::inspector::Inspector;
use super::legend::Legend;
use super::lesson::LessonList;
use super::looks::Looks;
use super::outline::Outline;
use super::palette::Palette;
use super::use_texts;
use crate::browser::store::{use_polled, use_selector, use_store};
use crate::state::{AppAction, State};

/// The first thing to do.
const FIRST: &str = "kubectl create deployment web --image=nginx --replicas=3";

#[component]
pub(crate) fn Panel() -> Html {
    let (selection, legend) = use_selector(|state| (state.selection.clone(), state.legend_open));
    html! {
        <aside class="panel">
            if let Some(selection) = selection {
                <Inspector {selection} />
            } else if legend {
                <div class="panel-scroll">
                    <Looks />
                    <Legend alone={true} />
                </div>
            } else {
                <div class="panel-scroll">
                    <Dropped />
                    <Welcome />
                    <LessonList />
                    <Palette />
                    <Looks />
                    <Outline />
                    <Legend />
                </div>
            }
        </aside>
    }
}

/// Whether something like the first thing to do has been done.
fn tried(state: &State) -> bool {
    if state.lesson.is_some() {
        return true;
    }
    let given = state.session.trace().terminal().iter().filter_map(|(_, _, event)| match event {
        TerminalEvent::Command(line) => Some(line.as_str()),
        _ => None,
    });
    let mut given = given.filter(|line| line.starts_with("kubectl "));
    given.any(|line| ["create", "apply", "run"].iter().any(|verb| line[8..].starts_with(verb)))
}

/// A file that was dropped, and the command that applies it.
#[component]
fn Dropped() -> Html {
    let store = use_store();
    let texts = use_texts();
    let Some(name) = use_selector(|state| state.dropped.clone()) else { return Html::default() };
    let command = format!("kubectl apply -f {name}");
    html! {
        <section class="first">
            <h2>{ name }</h2>
            <p>{ texts.dropped }</p>
            <button type="button" class="primary command-button" onclick={store.on(AppAction::Enter(command.clone()))}>
                <code>{ words(&command) }</code>
                <span class="go">{ icon("run") }</span>
            </button>
        </section>
    }
}

/// The first thing to do; in its place, once that has been done, the hints of a first visit: as high, so that nothing below moves.
#[component]
fn Welcome() -> Html {
    let place = use_node_ref();
    let height = use_mut_ref(|| 0);
    if use_polled(400, (), |state, ()| tried(state)) {
        // It is still on the page when its time is over.
        let first = place.cast::<HtmlElement>().map_or(0, |first| first.offset_height());
        let height = height.replace_with(|height| first.max(*height)).max(first);
        html! { <Hints {height} /> }
    } else {
        html! { <FirstThing {place} /> }
    }
}

#[derive(Properties, PartialEq)]
struct FirstThingProps {
    /// Where it stands.
    place: NodeRef,
}

#[component]
fn FirstThing(props: &FirstThingProps) -> Html {
    let store = use_store();
    let texts = use_texts();
    let ready = use_selector(|state| state.ready);
    html! {
        <section ref={props.place.clone()} class="first">
            <h2>{ texts.try_title }</h2>
            <p>{ texts.try_text }</p>
            <button type="button" class="primary command-button" disabled={!ready} onclick={store.on(AppAction::Enter(FIRST.into()))}>
                <code>{ words(FIRST) }</code>
                <span class="go">{ icon("run") }</span>
            </button>
            <p class="hint">{ texts.try_then }</p>
        </section>
    }
}

#[derive(Properties, PartialEq)]
struct HintsProps {
    /// How high they are at least, in pixels.
    height: i32,
}

/// The hints of a first visit, one at a time; none of them ever comes back.
#[component]
fn Hints(props: &HintsProps) -> Html {
    let store = use_store();
    let texts = use_texts();
    let hint = use_selector(|state| state.hint.filter(|_| state.lesson.is_none()));
    let shown = hint.and_then(|at| Some((at, *texts.hints.get(at)?)));
    // What a hint speaks of is marked. By an attribute above all: with `:has()` every change of the page would be looked at.
    use_effect_with(shown.map(|(at, _)| at), |at| {
        let root = gloo::utils::document().document_element();
        if let (Some(root), Some(at)) = (&root, at) {
            // The name is a constant and valid.
            let _ = root.set_attribute("data-marked", &(at + 2).to_string());
        }
        move || root.map(|root| root.remove_attribute("data-marked")).map_or((), drop)
    });
    let Some((at, (title, text))) = shown else { return Html::default() };
    let last = at + 1 == texts.hints.len();
    html! {
        <section class="first" data-hint={(at + 2).to_string()} style={format!("min-height: {}px", props.height)}>
            <h2>{ title }</h2>
            <p>{ text }</p>
            <p class="hint-buttons">
                <span class="hint">{ texts.hint_number.replace("{}", &(at + 2).to_string()) }</span>
                if !last {
                    <button type="button" class="text-button" onclick={store.on(AppAction::NoHints)}>{ texts.hint_enough }</button>
                }
                <button type="button" class="primary" onclick={store.on(AppAction::NextHint)}>
                    { if last { texts.hint_last } else { texts.hint_next } }
                </button>
            </p>
        </section>
    }
}

/// A command that breaks between its words only.
pub(crate) fn words(command: &str) -> Html {
    html! { <>{ for command.split(' ').map(|word| html! { <><span>{ word }</span>{ " " }</> }) }</> }
}

/// The first thing to do, upon the stage, where there is no room for the panel.
#[component]
pub(crate) fn FirstStrip() -> Html {
    let store = use_store();
    let texts = use_texts();
    let room = use_selector(|state| state.ready && !state.panel_open && !state.bare && state.lesson.is_none());
    let shown = use_polled(400, room, |state, room| *room && !tried(state));
    if !shown {
        return Html::default();
    }
    html! {
        <button type="button" class="primary command-button first-strip" title={texts.try_text} onclick={store.on(AppAction::Launch(FIRST.into()))}>
            <code>{ words(FIRST) }</code>
            <span class="go">{ icon("run") }</span>
        </button>
    }
}
