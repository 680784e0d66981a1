//! The frame loop. It runs only while something moves or is computed; an idle cluster whose clock runs is looked at ten
//! times a second; a page in the background that somebody waits for goes on by timers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo::render::AnimationFrame;
use gloo::timers::callback::Timeout;

use super::paint::Painter;
use super::store::Store;
use crate::state::{AppAction, State};

/// Milliseconds between looks at an idle cluster.
const IDLE_MS: u32 = 100;

/// What the loop keeps.
#[derive(Default)]
pub(crate) struct Frames {
    waiting: Cell<bool>,
    frame: RefCell<Option<AnimationFrame>>,
    timeout: RefCell<Option<Timeout>>,
    painter: Rc<RefCell<Painter>>,
    script: RefCell<Vec<f64>>,
    measuring: Cell<bool>,
}

impl Frames {
    /// Paints what moves.
    pub(crate) fn paint(&self, state: &State) {
        self.painter.borrow_mut().paint(state);
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
        (state.wants_frames(), state.is_still(), state.is_busy())
    };
    // Nobody sees a page in the background: only what somebody waits for goes on.
    if !wanted || (hidden && !busy) || frames.waiting.replace(true) {
        return;
    }
    let next = store.clone();
    let run = move |now: f64| {
        next.frames().waiting.set(false);
        let begin = super::settings::now();
        next.dispatch(AppAction::Frame(now));
        let frames = next.frames();
        if frames.measuring.get() {
            frames.script.borrow_mut().push(super::settings::now() - begin);
        }
    };
    if hidden || still {
        let ms = if still { IDLE_MS } else { 0 };
        let timeout = Timeout::new(ms, move || run(super::settings::now()));
        *frames.timeout.borrow_mut() = Some(timeout);
    } else {
        let frame = gloo::render::request_animation_frame(run);
        *frames.frame.borrow_mut() = Some(frame);
    }
}

/// Goes on when the page comes to the foreground; as long as the result lives.
pub(crate) fn wake(store: &Store) -> gloo::events::EventListener {
    let store = store.clone();
    gloo::events::EventListener::new(&gloo::utils::document(), "visibilitychange", move |_| {
        // A frame that was asked for in the background may never come.
        store.frames().waiting.set(false);
        request(&store);
    })
}
