//! The frame loop. It runs only while something moves or is computed; an idle cluster whose clock runs is looked at ten
//! times a second; a page in the background that somebody waits for goes on by timers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo::render::AnimationFrame;
use gloo::timers::callback::Timeout;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;
use web_sys::MessageChannel;

use super::paint::Painter;
use super::store::Store;
use crate::state::{AppAction, State};

/// Milliseconds between looks at an idle cluster.
const IDLE_MS: u32 = 100;

/// Milliseconds between looks at the state while something is computed as fast as it goes.
const BUSY_LOOK_MS: f64 = 200.0;

/// Calls back as a task of its own, without the delay of a timer: the browser may draw and take input in between.
struct Turns {
    channel: MessageChannel,
    _listener: Closure<dyn Fn()>,
}

impl Turns {
    /// `None` where the browser has no message channels.
    fn new(store: &Store) -> Option<Self> {
        let channel = MessageChannel::new().ok()?;
        let store = store.clone();
        let listener = Closure::<dyn Fn()>::new(move || turn(&store, super::settings::now()));
        channel.port1().set_onmessage(Some(listener.as_ref().unchecked_ref()));
        Some(Self { channel, _listener: listener })
    }

    fn ask(&self) -> bool {
        self.channel.port2().post_message(&JsValue::NULL).is_ok()
    }
}

/// What the loop keeps.
#[derive(Default)]
pub(crate) struct Frames {
    waiting: Cell<bool>,
    frame: RefCell<Option<AnimationFrame>>,
    timeout: RefCell<Option<Timeout>>,
    turns: RefCell<Option<Turns>>,
    /// When whoever watches the state was last told of it.
    told: Cell<f64>,
    painter: Rc<RefCell<Painter>>,
    /// Whether the painter has left something for the next frame.
    unfinished: Cell<bool>,
    script: RefCell<Vec<f64>>,
    measuring: Cell<bool>,
}

impl Frames {
    /// Paints what moves.
    pub(crate) fn paint(&self, state: &State) {
        self.unfinished.set(self.painter.borrow_mut().paint(state));
    }

    /// Lets the next frame paint.
    pub(crate) fn paint_later(&self) {
        self.unfinished.set(true);
    }

    /// Whether nobody needs to look yet: while something is computed as fast as it goes, what stands changes at its end.
    pub(crate) fn may_skip(&self, state: &State) -> bool {
        let now = super::settings::now();
        if state.is_busy() && now < self.told.get() + BUSY_LOOK_MS {
            return true;
        }
        self.told.set(now);
        false
    }

    /// Begins to note how many milliseconds of script each frame takes.
    pub(crate) fn measure(&self) {
        self.script.borrow_mut().clear();
        self.measuring.set(true);
    }

    /// Ends [`Frames::measure`] and returns what was noted.
    pub(crate) fn measured(&self) -> Vec<f64> {
        self.measuring.set(false);
        self.script.take()
    }
}

/// Asks for the next frame, if the state wants one and none has been asked for.
pub(crate) fn request(store: &Store) {
    let frames = store.frames();
    let hidden = gloo::utils::document().hidden();
    let (wanted, still, busy) = {
        let state = store.state();
        let unfinished = frames.unfinished.get();
        (state.wants_frames() || unfinished, state.is_still() && !unfinished, state.is_busy())
    };
    // Nobody sees a page in the background: only what somebody waits for goes on.
    if !wanted || (hidden && !busy) || frames.waiting.replace(true) {
        return;
    }
    if busy {
        // Several turns fit between two frames.
        let mut turns = frames.turns.borrow_mut();
        if turns.is_none() {
            *turns = Turns::new(store);
        }
        if turns.as_ref().is_some_and(Turns::ask) {
            return;
        }
    }
    let next = store.clone();
    let run = move |now: f64| turn(&next, now);
    if hidden || still {
        let ms = if still { IDLE_MS } else { 0 };
        let timeout = Timeout::new(ms, move || run(super::settings::now()));
        *frames.timeout.borrow_mut() = Some(timeout);
    } else {
        let frame = gloo::render::request_animation_frame(run);
        *frames.frame.borrow_mut() = Some(frame);
    }
}

/// A turn of the loop.
fn turn(store: &Store, now: f64) {
    store.frames().waiting.set(false);
    let begin = super::settings::now();
    store.dispatch(AppAction::Frame(now));
    let frames = store.frames();
    if frames.measuring.get() {
        frames.script.borrow_mut().push(super::settings::now() - begin);
    }
}

/// Goes on when the page comes to the foreground; as long as the result lives.
pub(crate) fn wake(store: &Store) -> gloo::events::EventListener {
    let store = store.clone();
    gloo::events::EventListener::new(&gloo::utils::document(), "visibilitychange", move |_| {
        // A frame that was asked for in the background may never come; what is computed goes on there.
        if !store.state().is_busy() {
            store.frames().waiting.set(false);
        }
        request(&store);
    })
}
