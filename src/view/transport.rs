//! The transport: play and step, the clock, the pace, and the scrubber with its ticks.

use yew::prelude::*;

use super::icons::IconButton;
use super::use_texts;
use crate::browser::store::{use_polled, use_selector, use_store};
use crate::i18n::{Texts, span};
use crate::scene::MessageKind;
use crate::scene::geometry::number;
use crate::state::player::Pace;
use crate::state::scrub::Scale;
use crate::state::{AppAction, State};

#[component]
pub(crate) fn Transport() -> Html {
    let store = use_store();
    let texts = use_texts();
    let (playing, pace) = use_selector(|state| (state.player.playing, state.player.pace));
    let live = use_polled(300, (), |state, ()| {
        let (from, to) = state.extent();
        // What was only looked ahead at is not there yet for the audience.
        state.player.t + 1e4 >= state.session.seen_end().0 as f64
            || Scale::new(&state.visible.lens, from, to).share(state.player.t) > 0.995
    });
    let choose = {
        let store = store.clone();
        Callback::from(move |event: Event| {
            let select: web_sys::HtmlSelectElement = event.target_unchecked_into();
            if let Some(pace) = Pace::parse(&select.value()) {
                store.dispatch(AppAction::SetPace(pace));
            }
        })
    };
    let (icon, label) = if playing { ("pause", texts.pause) } else { ("play", texts.play) };
    html! {
        <section class="transport" aria-label={texts.timeline}>
            <div class="buttons">
                <IconButton icon="to-start" label={texts.to_start} onclick={store.on(AppAction::ToStart)} />
                <IconButton icon="step-back" label={texts.step_back} onclick={store.on(AppAction::StepBack)} />
                <IconButton class="play" {icon} {label} onclick={store.on(AppAction::TogglePlay)} />
                <IconButton icon="step-forward" label={texts.step_forward} onclick={store.on(AppAction::StepForward)} />
                <IconButton icon="to-live" label={texts.to_live} onclick={store.on(AppAction::ToLive)} />
            </div>
            <output class="clock" id="orrery-clock"></output>
            <label class="pace">
                <span class="sr-only">{ texts.pace }</span>
                <select onchange={choose} title={texts.pace}>
                    { for Pace::ALL.into_iter().map(|option| html! {
                        <option value={option.key()} selected={option == pace}>{ pace_name(option, texts) }</option>
                    }) }
                </select>
            </label>
            <Scrubber />
            <button type="button" class={classes!("live", live.then_some("on"))} onclick={store.on(AppAction::ToLive)} title={texts.to_live}>
                { if live { texts.live } else { texts.past } }
            </button>
        </section>
    }
}

fn pace_name(pace: Pace, texts: &Texts) -> String {
    match pace {
        Pace::OneByOne => texts.pace_one_by_one.to_string(),
        Pace::Messages => texts.pace_messages.to_string(),
        Pace::Real(speed) if (speed - 1.0).abs() < f64::EPSILON => texts.pace_real.to_string(),
        Pace::Real(speed) => format!("{} × {speed}", texts.pace_real),
        Pace::Fast => texts.pace_fast.to_string(),
    }
}

/// The scrubber's places for ticks.
const SLOTS: u32 = 333;

/// Ticks and skipped stretches, in thousandths of the scrubber's width.
#[derive(Clone, PartialEq)]
struct Ticks {
    /// Marks below the messages.
    milestones: String,
    /// For each kind its marks.
    kinds: Vec<(MessageKind, String)>,
    /// Skipped: from, to, how long.
    skips: Vec<(f64, f64, u64)>,
    seconds: (u64, u64, u64),
}

fn ticks(state: &State) -> Ticks {
    let (from, to) = state.extent();
    let lens = &state.visible.lens;
    let scale = Scale::new(lens, from, to);
    let place = |t: f64| scale.share(t) * 1000.0;
    // One tick of a kind in three thousandths of the width says as much as ten.
    let edges = (1..SLOTS).map(|slot| scale.moment(f64::from(slot) / f64::from(SLOTS))).chain([f64::INFINITY]);
    let ticks = state.visible.sample(from, edges).into_iter().filter(|(kind, moments)| !kind.is_dot() && !moments.is_empty());
    let path = |kind, moments: Vec<f64>| moments.iter().map(|t| format!("M{} {}v5", number(place(*t)), lane(kind) * 6)).collect();
    let kinds = ticks.map(|(kind, moments)| (kind, path(kind, moments))).collect();
    let skips = lens
        .skips()
        .filter(|skip| skip.to as f64 > from)
        .map(|skip| (place(skip.from as f64), place(skip.to as f64), skip.to - skip.from))
        .collect();
    let stones = state.milestones();
    let mut last = f64::NEG_INFINITY;
    // As with messages: one of several at the same place says as much.
    let milestones = stones.list().iter().map(|stone| place(stone.at.0 as f64)).filter(|at| {
        let apart = *at - last >= 3.0;
        last = if apart { *at } else { last };
        apart
    });
    let milestones = milestones.map(|at| format!("M{} 24l-4 5h8z", number(at))).collect();
    let seconds = |t: f64| (t / 1e6) as u64;
    Ticks { milestones, kinds, skips, seconds: (seconds(from), seconds(to), seconds(state.player.t)) }
}

/// The line of the scrubber on which a kind of message is marked, so that position tells it as well as colour.
const fn lane(kind: MessageKind) -> u32 {
    match kind {
        MessageKind::Request | MessageKind::Response | MessageKind::Retry | MessageKind::Failure => 0,
        MessageKind::Watch => 1,
        MessageKind::Etcd | MessageKind::EtcdReply => 2,
        MessageKind::KubeletCall | MessageKind::Cri | MessageKind::Pull | MessageKind::Machine => 3,
    }
}

#[component]
fn Scrubber() -> Html {
    let store = use_store();
    let texts = use_texts();
    let ticks = use_polled(250, (), |state, ()| ticks(state));
    let track = use_node_ref();
    let dragging = use_mut_ref(|| false);
    let seek = {
        let (store, track) = (store.clone(), track.clone());
        move |event: &PointerEvent| {
            let Some(track) = track.cast::<web_sys::Element>() else { return };
            let rect = track.get_bounding_client_rect();
            let share = (f64::from(event.client_x()) - rect.left()) / rect.width().max(1.0);
            let t = {
                let state = store.state();
                let (from, to) = state.extent();
                Scale::new(&state.visible.lens, from, to).moment(share)
            };
            store.dispatch(AppAction::Seek(t));
        }
    };
    let down = {
        let (seek, dragging, track, store) = (seek.clone(), dragging.clone(), track.clone(), store.clone());
        Callback::from(move |event: PointerEvent| {
            *dragging.borrow_mut() = true;
            if let Some(track) = track.cast::<web_sys::Element>() {
                // Without capture the drag ends at the track's edge.
                let _ = track.set_pointer_capture(event.pointer_id());
            }
            store.dispatch(AppAction::Pause);
            seek(&event);
        })
    };
    let moved = {
        let dragging = dragging.clone();
        Callback::from(move |event: PointerEvent| {
            if *dragging.borrow() {
                seek(&event);
            }
        })
    };
    let up = Callback::from(move |_: PointerEvent| *dragging.borrow_mut() = false);
    let keys = {
        let store = store.clone();
        Callback::from(move |event: KeyboardEvent| {
            let action = match event.key().as_str() {
                "ArrowRight" if event.shift_key() => AppAction::Milestone(true),
                "ArrowLeft" if event.shift_key() => AppAction::Milestone(false),
                "ArrowRight" | "ArrowUp" => AppAction::StepForward,
                "ArrowLeft" | "ArrowDown" => AppAction::StepBack,
                "Home" => AppAction::ToStart,
                "End" => AppAction::ToLive,
                _ => return,
            };
            event.prevent_default();
            event.stop_propagation();
            store.dispatch(action);
        })
    };
    let (from, to, now) = ticks.seconds;
    html! {
        <div class="scrubber" ref={track} role="slider" tabindex="0" aria-label={texts.timeline} aria-valuemin={from.to_string()}
            aria-valuemax={to.to_string()} aria-valuenow={now.to_string()} aria-valuetext={format!("{now} s")}
            onpointerdown={down} onpointermove={moved} onpointerup={up.clone()} onpointercancel={up} onkeydown={keys}>
            <div class="track"></div>
            <div class="played" id="orrery-played"></div>
            // A list of its own: the painter's elements beside it stay the same when there are more.
            <>{ for ticks.skips.iter().map(|(from, to, us)| html! {
                <div class="skip" style={format!("left:{:.2}%;width:{:.2}%", from / 10.0, (to - from).max(2.0) / 10.0)} title={texts.skipped(*us)}>
                    if to - from > 45.0 { <span>{ span(*us) }</span> }
                </div>
            }) }</>
            <svg class="ticks" viewBox="0 0 1000 29" preserveAspectRatio="none" aria-hidden="true">
                <path class="milestones" d={ticks.milestones.clone()} />
                { for ticks.kinds.iter().map(|(kind, d)| html! { <path class={classes!("tick", kind.class())} d={d.clone()} /> }) }
            </svg>
            <div class="thumb" id="orrery-thumb"></div>
        </div>
    }
}
