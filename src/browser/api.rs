//! `window.orrery`: the page's programming interface, for decks, tests and the curious.
//!
//! `run(line)` and `settle()` return promises; `state()`, `svg()`, `recording()` and `trace()` answer at once. What happens is also told by events on
//! `window`: `orrery:ready`, `orrery:step`, `orrery:state`, `orrery:error`, whose `detail` is what `state()` returns
//! (for errors `{message}`).

use orrery_sim::core::collections::PMap;
use orrery_sim::core::collections::sort::Sort as _;
use std::cell::{Cell, RefCell};

use js_sys::{Function, Object, Promise, Reflect};
use orrery_sim::core::trace_json;
use orrery_sim::lesson::{LessonStep, Texts};
use serde_json::json;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::{Closure, JsValue};
use web_sys::{CustomEvent, CustomEventInit};

use super::store::Store;
use crate::state::jobs::Job;
use crate::state::lesson::Given;
use crate::state::recording::{Saved, Unreadable};
use crate::state::{AppAction, Notice, State};

/// Calls that have not been answered.
#[derive(Default)]
pub(crate) struct Calls {
    next: Cell<u32>,
    /// How each promise is kept, and how it is broken.
    open: RefCell<PMap<u32, (Function, Function)>>,
}

impl Calls {
    /// A promise, and the number under which it is kept by [`Calls::answer`].
    fn open(&self) -> (u32, Promise) {
        let number = self.next.replace(self.next.get() + 1);
        let promise = Promise::new(&mut |resolve, reject| {
            self.open.borrow_mut().insert(number, (resolve, reject));
        });
        (number, promise)
    }

    /// Keeps a promise with an answer as JSON.
    pub(crate) fn answer(&self, number: u32, answer: &str) {
        if let Some((resolve, _)) = self.open.borrow_mut().remove(&number) {
            let value = js_sys::JSON::parse(answer).unwrap_or(JsValue::NULL);
            // A promise's resolve function does not throw.
            let _ = resolve.call1(&JsValue::NULL, &value);
        }
    }

    /// Breaks a promise with an error.
    pub(crate) fn refuse(&self, number: u32, error: &str) {
        if let Some((_, reject)) = self.open.borrow_mut().remove(&number) {
            let _ = reject.call1(&JsValue::NULL, &js_sys::Error::new(error));
        }
    }
}

/// What `state()` returns.
fn describe(state: &State) -> JsValue {
    let model = &state.picture.model;
    // A step glides to its message; what stands is drawn for the moment where it rests.
    let glides = state.player.moves() && !state.player.playing;
    let text = json!({
        "seconds": state.player.t / 1e6,
        "playing": state.player.playing,
        "arrived": !state.is_busy() && !glides && state.has_arrived() && state.picture.is_complete(),
        "lesson": state.lesson.as_ref().map(|given| &given.id),
        "step": state.lesson.as_ref().map(|given| given.step + 1),
        "nodes": model.node_count(),
        "pods": model.pod_count(),
        "messages": state.session.trace().envelopes().len(),
        "pace": state.player.pace.key(),
        "ready": state.ready,
        "zoom": state.view.camera.scale,
        "deciding": state.picture.deciding().map(|(pod, phase)| json!({
            "pod": pod,
            "phase": format!("{phase:?}").to_lowercase(),
            "asks": state.asked.as_ref().is_some_and(|asked| asked.guess.waits),
        })),
    });
    js_sys::JSON::parse(&text.to_string()).unwrap_or(JsValue::NULL)
}

/// Dispatches an event on `window`.
pub(crate) fn emit(name: &str, state: &State) {
    send(name, &describe(state));
}

fn send(name: &str, detail: &JsValue) {
    let init = CustomEventInit::new();
    init.set_detail(detail);
    if let Ok(event) = CustomEvent::new_with_event_init_dict(&format!("orrery:{name}"), &init) {
        // It returns false when somebody prevented its default, which it does not have.
        let _ = gloo::utils::window().dispatch_event(&event);
    }
}

/// Says that something that was asked for cannot be done.
fn error(message: &str) -> JsValue {
    let detail = Object::new();
    // Setting a property of a new, plain object cannot fail.
    let _ = Reflect::set(&detail, &"message".into(), &message.into());
    send("error", &detail);
    js_sys::Error::new(message).into()
}

/// Calls a function of `window.orrery` that the page's own scripts have added (embed/link.js), and waits for the text that it promises; what
/// it throws is the error.
pub(crate) async fn ask(name: &str, arguments: &[&str]) -> Result<Option<String>, JsValue> {
    let api = Reflect::get(gloo::utils::window().unchecked_ref(), &"orrery".into())?;
    let function = Reflect::get(&api, &name.into())?.dyn_into::<Function>()?;
    let arguments: js_sys::Array = arguments.iter().map(|argument| JsValue::from(*argument)).collect();
    let promised = function.apply(&api, &arguments)?;
    Ok(wasm_bindgen_futures::JsFuture::from(Promise::resolve(&promised)).await?.as_string())
}

/// Puts the interface onto `window`.
pub(crate) fn install(store: &Store) {
    let api = Object::new();
    let add = |name: &str, function: &JsValue| {
        // Setting a property of a new, plain object cannot fail.
        let _ = Reflect::set(&api, &name.into(), function);
    };
    let act = |action: AppAction| {
        let store = store.clone();
        Closure::<dyn Fn()>::new(move || store.dispatch(action.clone())).into_js_value()
    };
    add("play", &act(AppAction::Play));
    add("pause", &act(AppAction::Pause));
    // The next and the previous step: of the lesson, if one is given, else of the messages.
    let lead = |by: isize, other: AppAction| {
        let store = store.clone();
        Closure::<dyn Fn()>::new(move || {
            let given = store.state().lesson.is_some();
            store.dispatch(if given { AppAction::LessonStep(by) } else { other.clone() });
        })
        .into_js_value()
    };
    add("next", &lead(1, AppAction::StepForward));
    add("previous", &lead(-1, AppAction::StepBack));
    let this = store.clone();
    let lesson = Closure::<dyn Fn(JsValue, JsValue) -> Result<(), JsValue>>::new(move |id: JsValue, step: JsValue| {
        let given = this.state().lesson.as_ref().map(|given| given.id.clone());
        let known = |id: &String| given.as_ref() == Some(id) || orrery_sim::lesson::BUILT_IN.iter().any(|(have, _)| have == id);
        let id = id.as_string().filter(known);
        let known = || orrery_sim::lesson::BUILT_IN.map(|(id, _)| id).join(", ");
        let id = id.ok_or_else(|| error(&format!("lesson(id, step): id must be one of {}", known())))?;
        let step = if step.is_undefined() { Some(1.0) } else { step.as_f64().filter(|step| *step >= 1.0) };
        let step = step.ok_or_else(|| error("lesson(id, step): step must be a number from 1 on"))?;
        this.dispatch(AppAction::LessonTo(id, step as usize - 1));
        Ok(())
    });
    add("lesson", &lesson.into_js_value());
    // What embed/link.js has fetched: the address, the text (or none, and why), the step from 1.
    let this = store.clone();
    let give = Closure::<dyn Fn(String, Option<String>, String, f64)>::new(move |name, text: Option<String>, why, step: f64| {
        this.dispatch(match text {
            Some(text) => AppAction::GiveLesson(name, text, (step.max(1.0) as usize) - 1),
            None => AppAction::NoLesson(name, why),
        });
    });
    add("give", &give.into_js_value());
    add("step", &act(AppAction::StepForward));

    let this = store.clone();
    let run = Closure::<dyn Fn(JsValue) -> Promise>::new(move |line: JsValue| match line.as_string() {
        Some(line) => {
            let (reply, promise) = this.calls().open();
            this.dispatch(AppAction::Do(Job::Run { line, reply }));
            promise
        }
        None => Promise::reject(&error("run(line): line must be a string")),
    });
    add("run", &run.into_js_value());

    let this = store.clone();
    let settle = Closure::<dyn Fn() -> Promise>::new(move || {
        let (reply, promise) = this.calls().open();
        this.dispatch(AppAction::Do(Job::Settle { limit: None, reply }));
        promise
    });
    add("settle", &settle.into_js_value());

    let this = store.clone();
    let seek = Closure::<dyn Fn(JsValue) -> Result<(), JsValue>>::new(move |seconds: JsValue| {
        let seconds = seconds.as_f64().filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
        let seconds = seconds.ok_or_else(|| error("seek(seconds): seconds must be a number from 0 on"))?;
        // Everything up to there has to be simulated at once; a day is enough for any lecture.
        if seconds > 86_400.0 {
            return Err(error("seek(seconds): at most 86400"));
        }
        this.dispatch(AppAction::Seek(seconds * 1e6));
        Ok(())
    });
    add("seek", &seek.into_js_value());

    let this = store.clone();
    add("state", &Closure::<dyn Fn() -> JsValue>::new(move || describe(&this.state())).into_js_value());

    let this = store.clone();
    add("svg", &Closure::<dyn Fn() -> String>::new(move || this.state().svg()).into_js_value());

    // What was done, and every message that came of it as JSON lines: the same recording gives the same trace anywhere.
    let this = store.clone();
    let recording = Closure::<dyn Fn() -> JsValue>::new(move || {
        let text = serde_json::to_string(this.state().session.recording()).unwrap_or_default();
        js_sys::JSON::parse(&text).unwrap_or(JsValue::NULL)
    });
    add("recording", &recording.into_js_value());

    // What a presenter needs to see.
    let this = store.clone();
    let notes = Closure::<dyn Fn() -> JsValue>::new(move || {
        let state = this.state();
        let lang = state.texts.lang;
        let of =
            |step: Option<&LessonStep>, text: fn(&LessonStep) -> &Texts| step.map_or("", |step| text(step).get(lang)).to_string();
        let given = state.lesson.as_ref();
        let (now, next) = (given.map(Given::current), given.and_then(|given| given.lesson.steps.get(given.step + 1)));
        let text = json!({
            "lang": lang,
            "title": given.map_or("", |given| given.lesson.title.get(lang)),
            "step": given.map_or(0, |given| given.step + 1),
            "steps": given.map_or(0, |given| given.lesson.steps.len()),
            "caption": of(now, |step| &step.caption),
            "say": of(now, |step| &step.say),
            "predict": of(now, |step| &step.predict),
            "asks": state.asks(),
            "next": of(next, |step| &step.caption),
        });
        js_sys::JSON::parse(&text.to_string()).unwrap_or(JsValue::NULL)
    });
    add("notes", &notes.into_js_value());

    let this = store.clone();
    let saved = Closure::<dyn Fn() -> String>::new(move || Saved::of(&this.state()).text());
    add("saved", &saved.into_js_value());

    let this = store.clone();
    let load = Closure::<dyn Fn(JsValue) -> Result<(), JsValue>>::new(move |text: JsValue| {
        let text = text.as_string().ok_or_else(|| error("load(text): text must be a string"))?;
        this.dispatch(AppAction::OpenSaved(text));
        let notice = this.state().notice.clone();
        match notice {
            Some(Notice::Unreadable(Unreadable::All(why))) => Err(error(&format!("load(text): {why}"))),
            Some(Notice::Unreadable(Unreadable::Rest(_, read, all))) => {
                Err(error(&format!("load(text): damaged, {read} of {all} entries could be read")))
            }
            _ => Ok(()),
        }
    });
    add("load", &load.into_js_value());

    let this = store.clone();
    let trace = Closure::<dyn Fn() -> String>::new(move || {
        let state = this.state();
        let directory = state.session.live_cluster().directory();
        trace_json::lines(state.session.trace(), directory).collect::<Vec<_>>().join("\n")
    });
    add("trace", &trace.into_js_value());

    let this = store.clone();
    let bench = Closure::<dyn Fn(JsValue) -> Promise>::new(move |seconds: JsValue| {
        if let Some(what) = seconds.as_string() {
            return super::bench::start(&what, &this);
        }
        let seconds = seconds.as_f64().unwrap_or(2.0).clamp(0.1, 60.0);
        let store = this.clone();
        store.frames().measure();
        wasm_bindgen_futures::future_to_promise(async move {
            gloo::timers::future::TimeoutFuture::new((seconds * 1000.0) as u32).await;
            let mut frames = store.frames().measured();
            frames.order_by(f64::total_cmp);
            let at = |share: f64| frames.get((frames.len() as f64 * share) as usize).or(frames.last()).copied().unwrap_or(0.0);
            let sum: f64 = frames.iter().sum();
            let answer = json!({
                "frames": frames.len(),
                "seconds": seconds,
                "script_ms_mean": sum / frames.len().max(1) as f64,
                "script_ms_median": at(0.5),
                "script_ms_p95": at(0.95),
                "script_ms_max": at(1.0),
            });
            Ok(js_sys::JSON::parse(&answer.to_string()).unwrap_or(JsValue::NULL))
        })
    });
    add("bench", &bench.into_js_value());

    // `window` takes any property.
    let _ = Reflect::set(gloo::utils::window().unchecked_ref(), &"orrery".into(), &api);
    send("installed", &JsValue::NULL);
}
