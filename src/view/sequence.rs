//! The messages around the playhead as a sequence diagram, with the stage: a click goes to a message, the one that is spoken of is marked.

use std::rc::Rc;

use web_sys::Element;
use yew::prelude::*;

use super::saving::use_saving;
use super::{pointed_message, use_texts};
use crate::browser::paint::clock;
use crate::browser::store::{use_polled, use_selector, use_store};
use crate::scene::Selection;
use crate::scene::sequence::{Diagram, Loop, Said};
use crate::scene::svg::Theme;
use crate::state::story::log;
use crate::state::{AppAction, State};

/// So many messages before the playhead, and after it.
const AROUND: (usize, usize) = (60, 30);

/// What is left out.
#[derive(Clone, Debug, Default, PartialEq)]
struct Hidden {
    /// Answers, which are told by what comes next.
    answers: bool,
    /// Those whose messages are not shown.
    names: Vec<String>,
    /// Repetitions; those of the loops that have one of these messages are shown all the same.
    repetitions: Option<Vec<u32>>,
}

#[component]
pub(crate) fn Sequence() -> Html {
    let store = use_store();
    let texts = use_texts();
    let saving = use_saving();
    let filter = use_selector(|state| state.filter.clone());
    let theme = use_selector(State::colours);
    let hidden = use_state(|| Hidden { answers: true, repetitions: Some(Vec::new()), ..Hidden::default() });
    let (diagram, now, left_out) =
        use_polled(250, (filter, (*hidden).clone()), |state, (filter, hidden)| diagram(state, filter, hidden));
    let diagram = Rc::new(diagram);
    let place = use_node_ref();
    let width = place.cast::<Element>().map_or(640.0, |place| f64::from(place.client_width()));
    use_effect_with((now, diagram.len()), {
        let place = place.clone();
        move |_| {
            let spoken = place.cast::<Element>().and_then(|place| place.query_selector(".said.now").ok().flatten());
            if let (Some(place), Some(spoken)) = (place.cast::<Element>(), spoken) {
                let offset = spoken.get_bounding_client_rect().top() - place.get_bounding_client_rect().top();
                place.set_scroll_top(place.scroll_top() + (offset - f64::from(place.client_height()) * 0.6) as i32);
                if let Some(arrow) = spoken.query_selector(".arrow").ok().flatten() {
                    let (arrow, seen) = (arrow.get_bounding_client_rect(), place.get_bounding_client_rect());
                    let out = (arrow.right() - seen.right() + 24.0).max(0.0) - (seen.left() - arrow.left() + 24.0).max(0.0);
                    place.set_scroll_left(place.scroll_left() + out as i32);
                }
            }
        }
    });
    let click = {
        let store = store.clone();
        Callback::from(move |event: MouseEvent| {
            if let Some(id) = pointed_message(&event) {
                store.dispatch(AppAction::ShowMessage(id));
            }
        })
    };
    let pointed = use_selector(|state| state.pointed).and_then(|id| diagram.arrow_of(id));
    use_effect_with((pointed, diagram.len(), now), {
        let place = place.clone();
        move |(pointed, ..)| {
            let Some(place) = place.cast::<Element>() else { return };
            let find = |selector: &str| place.query_selector(selector).ok().flatten();
            // The attribute's name is a constant and valid.
            let mark = |arrow: &Element, on: bool| drop(arrow.toggle_attribute_with_force("data-pointed", on));
            find(".said[data-pointed]").iter().for_each(|before| mark(before, false));
            let arrow = pointed.and_then(|id| find(&format!(".said[data-message='{id}']")));
            arrow.iter().for_each(|arrow| mark(arrow, true));
        }
    });
    let point = {
        let store = store.clone();
        Callback::from(move |event: PointerEvent| store.dispatch(AppAction::PointAt(pointed_message(&event))))
    };
    let svg = diagram.svg(width, now, None);
    let answers = {
        let hidden = hidden.clone();
        Callback::from(move |_| hidden.set(Hidden { answers: !hidden.answers, ..(*hidden).clone() }))
    };
    let repetitions = {
        let hidden = hidden.clone();
        Callback::from(move |_| {
            let repetitions = if hidden.repetitions.is_some() { None } else { Some(Vec::new()) };
            hidden.set(Hidden { repetitions, ..(*hidden).clone() });
        })
    };
    let turn = |of: &Loop| {
        let (hidden, of) = (hidden.clone(), of.clone());
        Callback::from(move |_: MouseEvent| {
            let mut shown = hidden.repetitions.clone().unwrap_or_default();
            shown.retain(|id| !of.ids.contains(id));
            if !of.open {
                shown.extend(&of.ids);
            }
            hidden.set(Hidden { repetitions: Some(shown), ..(*hidden).clone() });
        })
    };
    let toggle = |name: &String| {
        let (hidden, name) = (hidden.clone(), name.clone());
        Callback::from(move |_| {
            let mut names = hidden.names.clone();
            let before = names.len();
            names.retain(|have| *have != name);
            if names.len() == before {
                names.push(name.clone());
            }
            hidden.set(Hidden { names, ..(*hidden).clone() });
        })
    };
    let save = |what: &'static str, text: fn(&Diagram, f64, Theme) -> String| {
        let (saving, diagram) = (saving.clone(), diagram.clone());
        Callback::from(move |_: MouseEvent| saving.save(what, text(&diagram, width, theme)))
    };
    html! {
        <div class="sequence-view">
            <p class="sequence-tools">
                <label><input type="checkbox" checked={!hidden.answers} onchange={answers} />{ texts.answers }</label>
                <label><input type="checkbox" checked={hidden.repetitions.is_none()} onchange={repetitions} />{ texts.repetitions }</label>
                { for left_out.iter().map(|name| html! {
                    <button key={name.clone()} type="button" class="chip" aria-pressed="false" title={texts.lifeline} onclick={toggle(name)}>{ name }</button>
                }) }
                { saving.said() }
                <span class="sequence-save">
                    <button type="button" onclick={save("sequence", |diagram, width, theme| diagram.svg(width, None, Some(theme)))}>{ "SVG" }</button>
                    <button type="button" onclick={save("mermaid", |diagram, _, _| diagram.mermaid())}>{ "Mermaid" }</button>
                </span>
            </p>
            <div class="sequence-scroll" ref={place} onclick={click} onpointerover={point} onpointerleave={store.on(AppAction::PointAt(None))}>
                if diagram.is_empty() {
                    <p class="empty">{ texts.no_messages }</p>
                } else {
                    <div class="sequence-head">
                        { for diagram.lifelines.iter().zip(diagram.places(width)).map(|(name, (left, wide))| {
                            let (part, machine) = name.split_once('/').unwrap_or((name, ""));
                            html! {
                                <button key={name.clone()} type="button" aria-pressed="true" title={format!("{}: {name}", texts.lifeline)} onclick={toggle(name)}
                                    style={format!("left:{left:.0}px;width:{wide:.0}px")}>{ part }<small>{ machine }</small></button>
                            }
                        }) }
                    </div>
                    <div class="sequence-body">
                        // Made by the scene, which writes every text as text.
                        { Html::from_html_unchecked(svg.into()) }
                        { for diagram.frames(width).into_iter().map(|(of, [left, top, ..])| {
                            let said = texts.repeated.replace("{}", &of.times.to_string());
                            html! {
                                <button key={of.id} type="button" class="loop-fold" aria-expanded={of.open.to_string()} aria-label={said.clone()}
                                    title={format!("{said}, {} – {}", of.span.0, of.span.1)} onclick={turn(of)} style={format!("left:{left:.0}px;top:{top:.0}px")}>
                                    { if of.open { "▾" } else { "▸" } }{ format!(" ×{}", of.times) }
                                </button>
                            }
                        }) }
                    </div>
                }
            </div>
        </div>
    }
}

/// The diagram around the playhead, the message that is spoken of, and who is left out.
fn diagram(state: &State, filter: &str, hidden: &Hidden) -> (Diagram, Option<u32>, Vec<String>) {
    let t = state.player.time();
    let end = orrery_sim::core::Time(state.extent().1 as u64);
    let names = |id| state.machine_name(id);
    let mut rows = log(&state.visible, state.session.trace(), t, end, filter, AROUND, &names);
    rows.retain(|row| !(hidden.answers && row.kind.is_dot()));
    let spoken = if let Some(Selection::Message(id)) = state.selection { Some(id) } else { state.player.on.map(|on| on.0) };
    let spoken = spoken.filter(|id| rows.iter().any(|row| row.id.0 == *id));
    let now = spoken.or_else(|| rows.iter().rfind(|row| row.sent <= t).map(|row| row.id.0));
    let (shown, out): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| !hidden.names.contains(&row.from) && !hidden.names.contains(&row.to));
    let left_out =
        hidden.names.iter().filter(|name| out.iter().any(|row| row.from == **name || row.to == **name)).cloned().collect();
    let said = shown.into_iter().map(|row| Said {
        id: row.id.0,
        at: clock(row.sent.0 as f64),
        kind: row.kind,
        from: row.from,
        to: row.to,
        label: row.label,
        later: row.sent > t,
        linked: state.causes.as_ref().is_some_and(|causes| causes.has(row.id)),
    });
    (Diagram::new(said.collect(), hidden.repetitions.as_deref()), now, left_out)
}
