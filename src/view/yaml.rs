//! An object as YAML, and how it differs from what it was.

use orrery_sim::api::to_yaml;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use super::use_texts;
use crate::browser::paint::clock;
use crate::browser::store::{use_polled, use_store};
use crate::scene::Selection;
use crate::state::diff::{Line, diff};
use crate::state::inspect;
use crate::state::revisions::{Against, last_command, revisions};
use crate::state::{AppAction, State, manifest};

/// As many revisions are offered.
const MOST_REVISIONS: usize = 40;

#[derive(PartialEq, Properties)]
pub(crate) struct YamlProps {
    pub selection: Selection,
    /// What stands above it.
    pub note: &'static str,
}

/// What is shown of an object.
#[derive(Clone, PartialEq)]
enum Shown {
    Gone,
    Whole(String),
    Differences(Vec<Line>),
}

#[component]
pub(crate) fn ObjectYaml(props: &YamlProps) -> Html {
    let texts = use_texts();
    let against = use_state(Against::default);
    let store = use_store();
    let (options, shown) =
        use_polled(400, (props.selection.clone(), *against), |state, (selection, against)| look(state, selection, *against));
    let own = use_polled(400, props.selection.clone(), |state, selection| {
        let (_, object) = inspect::object(state.session.cluster(), selection)?;
        Some(to_yaml(&manifest::of_object(object)))
    });
    let choose = {
        let against = against.clone();
        Callback::from(move |event: Event| {
            let select: HtmlSelectElement = event.target_unchecked_into();
            against.set(Against::parse(&select.value()));
        })
    };
    html! {
        <>
            if !props.note.is_empty() { <p class="hint">{ props.note }</p> }
            if !options.is_empty() {
                <label class="compare"><span>{ texts.compare_with }</span>
                    <select onchange={choose}>
                        { for options.iter().map(|(option, name)| html! {
                            <option key={option.key()} value={option.key()} selected={*option == *against}>{ name }</option>
                        }) }
                    </select>
                </label>
            }
            { match &shown {
                Shown::Gone => html! { <p class="empty">{ texts.gone }</p> },
                Shown::Whole(text) => html! {
                    <>
                        if let Some(own) = &own {
                            <button type="button" class="tool edit" onclick={store.on(AppAction::EditManifest(own.clone()))}>{ texts.manifest_edit }</button>
                        }
                        { whole(text) }
                    </>
                },
                Shown::Differences(lines) if lines.is_empty() => html! { <p class="empty">{ texts.no_difference }</p> },
                Shown::Differences(lines) => html! {
                    <pre class="yaml diff" tabindex="0">{ for lines.iter().map(|line| match line {
                        Line::Same(text) => html! { <span>{ format!("  {text}\n") }</span> },
                        Line::Gone(text) => html! { <del>{ format!("− {text}\n") }</del> },
                        Line::New(text) => html! { <ins>{ format!("+ {text}\n") }</ins> },
                        Line::Skipped(count) => html! { <span class="comment">{ format!("⋯ {}\n", texts.lines_alike.replace("{}", &count.to_string())) }</span> },
                    }) }</pre>
                },
            } }
        </>
    }
}

/// With what the object can be compared, and what is shown of it.
fn look(state: &State, selection: &Selection, against: Against) -> (Vec<(Against, String)>, Shown) {
    let (texts, t) = (state.texts, state.player.time());
    let object = inspect::object(state.session.cluster(), selection);
    let key = object
        .map(|(resource, object)| resource.etcd_key(object.namespace(), object.name()))
        .or_else(|| inspect::etcd_key(selection));
    let trace = state.session.trace();
    let all = key.map(|key| revisions(trace, &key, t)).unwrap_or_default();
    let whole = object.map(|(_, object)| inspect::yaml(object));
    if all.is_empty() {
        return (Vec::new(), whole.map_or(Shown::Gone, Shown::Whole));
    }
    let mut options =
        vec![(Against::Nothing, texts.against_nothing.to_string()), (Against::Previous, texts.against_previous.to_string())];
    if last_command(trace, t).is_some() {
        options.push((Against::BeforeCommand, texts.against_command.to_string()));
    }
    options.extend(all.iter().rev().skip(1).take(MOST_REVISIONS).map(|one| {
        (Against::Revision(one.revision), format!("{} {} · {}", texts.revision, one.revision, clock(one.at.0 as f64)))
    }));
    // What is not offered any more counts as nothing chosen.
    let against = if options.iter().any(|(option, _)| *option == against) { against } else { Against::Nothing };
    let shown = match against {
        Against::Nothing => whole.map_or(Shown::Gone, Shown::Whole),
        _ => {
            let before = against.choose(&all, trace, t).and_then(|at| all[at].value.as_ref()).map(inspect::yaml);
            Shown::Differences(diff(&before.unwrap_or_default(), &whole.unwrap_or_default()))
        }
    };
    (options, shown)
}

/// A text of YAML.
pub(crate) fn whole(text: &str) -> Html {
    html! { <pre class="yaml" tabindex="0">{ for text.lines().map(yaml_line) }</pre> }
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
