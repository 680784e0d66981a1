//! The stage: the standing picture by Yew, one memoised component a group, and above it the layers of what moves, which
//! the painter fills.

use std::rc::Rc;

use wasm_bindgen::JsCast as _;
use web_sys::Element;
use yew::prelude::*;

use super::icons::IconButton;
use super::observed::Observed;
use super::{Same, pointed_message, use_texts};
use crate::browser::gestures::{DRAGGED, Gestures};
use crate::browser::store::{Store, use_polled, use_selector, use_store};
use crate::scene::geometry::{Point, number};
use crate::scene::marks::Mark;
use crate::scene::model::PodPhase;
use crate::scene::prims::{Prim, baseline, prims};
use crate::scene::{Camera, Group, Layout, Scene, Selection};
use crate::state::AppAction;
use crate::state::camera::Shot;

#[component]
pub(crate) fn Stage() -> Html {
    let store = use_store();
    let texts = use_texts();
    let scene: Same<Scene> = use_selector(|state| Same(Rc::clone(&state.picture.scene)));
    let deciding: Same<Vec<Rc<Group>>> = use_selector(|state| Same(Rc::clone(&state.picture.overlay)));
    let spoken = deciding.0.last().map(|caption| sentences(caption)).unwrap_or_default();
    let (ready, empty) = use_selector(|state| (state.ready, state.picture.model.machines.is_empty()));
    let place = use_node_ref();
    use_effect_with(place.clone(), {
        let store = store.clone();
        move |place| {
            let observed = place.cast::<Element>().map(|element| {
                let gestures = Gestures::new(&element, &store);
                (gestures, Observed::new(&element, move |width, height| store.dispatch(AppAction::Resize(width, height))))
            });
            move || drop(observed)
        }
    });
    let select = {
        let store = store.clone();
        Callback::from(move |event: MouseEvent| {
            let stage = event.target().and_then(|target| target.dyn_into::<Element>().ok()?.closest(".stage").ok()?);
            let Some(stage) = stage.filter(|stage| !stage.has_attribute(DRAGGED)) else { return };
            let rect = stage.get_bounding_client_rect();
            let at = Point::new(f64::from(event.client_x()) - rect.left(), f64::from(event.client_y()) - rect.top());
            choose(&store, event.target(), Some(at));
        })
    };
    let key = {
        let store = store.clone();
        Callback::from(move |event: KeyboardEvent| {
            if matches!(event.key().as_str(), "Enter" | " ") {
                event.prevent_default();
                event.stop_propagation();
                choose(&store, event.target(), None);
            }
        })
    };
    let arrows = {
        let store = store.clone();
        Callback::from(move |event: KeyboardEvent| {
            if let Some(shot) = pan(&store, &event) {
                event.prevent_default();
                event.stop_propagation();
                store.dispatch(AppAction::Camera(shot));
            }
        })
    };
    let point = {
        let store = store.clone();
        Callback::from(move |event: PointerEvent| store.dispatch(AppAction::PointAt(pointed_message(&event))))
    };
    let whole = use_selector(|state| state.view.camera.is_fit());
    let mut pods = Vec::new();
    pods_of(&scene.0.groups, &mut pods);
    // The painter sets what the drawings show of themselves: the camera moves without Yew.
    html! {
        <section class={classes!("stage", (!whole).then_some("closer"))} ref={place} aria-label={texts.stage} tabindex="0" onkeydown={arrows}>
            <canvas id="orrery-field" aria-hidden="true"></canvas>
            <svg id="orrery-standing" class="scene standing" onclick={select.clone()} onkeydown={key}>
                { for scene.0.groups.iter().map(|group| html! {
                    <GroupView key={group.key.clone()} group={Same(Rc::clone(group))} />
                }) }
                <g>{ for pods.iter().map(|group| html! { <PodView key={group.key.clone()} group={Rc::clone(group)} /> }) }</g>
            </svg>
            <svg id="orrery-deciding" class="scene deciding" aria-hidden="true">
                { for deciding.0.iter().map(|group| html! {
                    <GroupView key={group.key.clone()} group={Same(Rc::clone(group))} />
                }) }
            </svg>
            <p class="sr-only" role="status">{ spoken }</p>
            <canvas id="orrery-dots" aria-hidden="true"></canvas>
            <svg id="orrery-moving" class="scene moving" onclick={select} onpointerover={point} onpointerleave={store.on(AppAction::PointAt(None))} aria-hidden="true">
                <g id="orrery-trail"></g>
                <g id="orrery-pointed"></g>
                <g id="orrery-lit"></g>
                <g id="orrery-selection"></g>
                <g id="orrery-pills"></g>
            </svg>
            <FieldInWords />
            <CameraButtons />
            <p class="skip-notice" id="orrery-skip" role="status"></p>
            if !ready {
                <p class="starting" role="status">{ texts.starting }</p>
            } else if empty {
                <p class="starting">{ texts.no_cluster }</p>
            }
        </section>
    }
}

/// The way that a key moves the picture when it is larger than the stage.
fn pan(store: &Store, event: &KeyboardEvent) -> Option<Shot> {
    let (w, h) = store.state().picture.size;
    if store.state().view.camera.is_fit() || event.ctrl_key() || event.meta_key() || event.alt_key() {
        return None;
    }
    Some(match event.key().as_str() {
        "ArrowLeft" => Shot::Pan(w / 6.0, 0.0),
        "ArrowRight" => Shot::Pan(-w / 6.0, 0.0),
        "ArrowUp" => Shot::Pan(0.0, h / 6.0),
        "ArrowDown" => Shot::Pan(0.0, -h / 6.0),
        _ => return None,
    })
}

/// What the canvas shows, for screen readers: how many pods there are of each state.
#[component]
fn FieldInWords() -> Html {
    let words = use_polled(1_000, (), |state, ()| {
        let Some(field) = &state.picture.scene.layout.field else { return String::new() };
        let counts =
            PodPhase::ALL.map(|phase| (phase, field.plots.iter().map(|plot| plot.pods.phases[phase as usize]).sum::<u32>()));
        let states = counts.iter().filter(|(_, count)| *count > 0);
        let states: Vec<String> = states.map(|(phase, count)| format!("{count} {}", state.texts.phase(*phase))).collect();
        format!("{}. {}", state.texts.nodes_count(state.picture.model.node_count()), states.join(", "))
    });
    html! { <p class="sr-only" id="orrery-field-words">{ words }</p> }
}

/// Whether the camera's buttons hide nothing: above kubectl, where it stands beside the cluster.
fn has_room(layout: &Layout) -> bool {
    !layout.stacked && layout.user.y >= 54.0 && layout.user.right() >= 140.0
}

/// The same at the lower end of that column, where the field needs no registry.
fn has_room_below(layout: &Layout) -> bool {
    !layout.stacked && layout.field.is_some() && layout.user.right() >= 60.0
}

/// Closer, further away, everything, follow. In slides and on phones they are there only when the stage is not seen as a whole.
#[component]
fn CameraButtons() -> Html {
    let store = use_store();
    let texts = use_texts();
    let (whole, ready) = use_selector(|state| (state.view.camera.is_fit(), state.ready));
    let room = use_selector(|state| !state.bare && has_room(&state.picture.scene.layout));
    let low = use_selector(|state| !state.bare && has_room_below(&state.picture.scene.layout));
    let (follows, pod) = use_selector(|state| {
        (state.view.follows.clone(), state.selection.clone().filter(|selection| matches!(selection, Selection::Pod(..))))
    });
    if !ready || (!room && !low && whole) {
        return Html::default();
    }
    let on = |shot: Shot| store.on(AppAction::Camera(shot));
    let wanted = if follows.is_some() { None } else { pod.clone() };
    html! {
        <div class={classes!("camera", (!room && low).then_some("low"))} role="group" aria-label={texts.camera}>
            <IconButton icon="zoom-in" label={texts.zoom_in} onclick={on(Shot::Zoom(Camera::STEP, None))} />
            <IconButton icon="zoom-out" label={texts.zoom_out} disabled={whole} onclick={on(Shot::Zoom(1.0 / Camera::STEP, None))} />
            <IconButton icon="fit" label={texts.zoom_fit} disabled={whole} onclick={on(Shot::Fit)} />
            if follows.is_some() || pod.is_some() {
                <IconButton icon="follow" label={texts.follow} pressed={follows.is_some()} onclick={on(Shot::Follow(wanted))} />
            }
        </div>
    }
}

/// The texts of a group, for screen readers.
fn sentences(group: &Group) -> String {
    let texts = group.marks.iter().filter_map(|mark| match mark {
        Mark::Label { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join(". ")
}

/// Selects what the target of an event stands for, or what the field has at that point of the view; a place that stands for nothing
/// selects nothing.
fn choose(store: &Store, target: Option<web_sys::EventTarget>, at: Option<Point>) {
    let element = target.and_then(|target| target.dyn_into::<Element>().ok());
    let key = element
        .and_then(|element| element.closest("[data-select]").ok().flatten())
        .and_then(|element| element.get_attribute("data-select"));
    let on_field = || {
        let state = store.state();
        state.picture.scene.layout.field.as_ref()?.hit(at?, &state.view.camera)
    };
    let selection = key.and_then(|key| Selection::parse(&key)).or_else(on_field);
    store.dispatch(AppAction::Select(selection));
}

#[derive(PartialEq, Properties)]
struct GroupProps {
    group: Same<Group>,
}

#[component]
fn GroupView(props: &GroupProps) -> Html {
    draw(&props.group.0)
}

fn draw(group: &Group) -> Html {
    let select = group.selects.as_ref().map(Selection::key);
    let selectable = select.is_some();
    let role = selectable.then_some("button");
    let tabindex = selectable.then_some("0");
    let label = (selectable && !group.title.is_empty()).then(|| group.title.clone());
    html! {
        <g key={group.key.clone()} data-select={select} {role} {tabindex} aria-label={label}>
            if selectable {
                <title>{ &group.title }</title>
            }
            { for group.marks.iter().flat_map(prims).map(|prim| shape(&prim)) }
            { for group.groups.iter().filter(|inner| !is_pod(inner)).map(|inner| draw(inner)) }
        </g>
    }
}

fn is_pod(group: &Group) -> bool {
    matches!(group.selects, Some(Selection::Pod(..)))
}

/// All pods of the scene: they are drawn side by side, whatever they stand in, so that one that is moved is seen to move.
fn pods_of(groups: &[Rc<Group>], out: &mut Vec<Rc<Group>>) {
    for group in groups {
        if is_pod(group) {
            out.push(Rc::clone(group));
        }
        pods_of(&group.groups, out);
    }
}

#[derive(Properties)]
struct PodProps {
    group: Rc<Group>,
}

impl PartialEq for PodProps {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.group, &other.group) || self.group == other.group
    }
}

/// A pod's cell, drawn around (0, 0) and put in its place by a transform, which the style sheet lets glide.
#[component]
fn PodView(props: &PodProps) -> Html {
    let group = &props.group;
    let place = group.marks.iter().find_map(|mark| if let Mark::Cell { rect, .. } = mark { Some(*rect) } else { None });
    let Some(place) = place else { return Html::default() };
    let style = format!("transform:translate({}px,{}px)", number(place.x), number(place.y));
    let marks = group.marks.iter().map(|mark| mark.moved(-place.x, -place.y));
    html! {
        <g class="pod" {style} data-select={group.selects.as_ref().map(Selection::key)} role="button" tabindex="0" aria-label={group.title.clone()}>
            <title>{ &group.title }</title>
            { for marks.flat_map(|mark| prims(&mark)).map(|prim| shape(&prim)) }
        </g>
    }
}

fn shape(prim: &Prim) -> Html {
    match prim {
        Prim::Rect { rect, radius, class } => html! {
            <rect class={class.clone()} x={number(rect.x)} y={number(rect.y)} width={number(rect.w)} height={number(rect.h)} rx={number(*radius)} />
        },
        // For screen readers the groups have labels.
        Prim::Text { at, align, size, class, text } => html! {
            <text aria-hidden="true" class={class.clone()} x={number(at.x)} y={number(baseline(at.y, *size))} font-size={number(*size)}
                text-anchor={align.anchor()}>{ text }</text>
        },
        Prim::Path { d, class } => html! { <path class={class.clone()} d={d.clone()} /> },
    }
}
