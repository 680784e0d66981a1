//! The store: the state behind one reference, changed by actions only, watched by selectors.
//!
//! A component that uses [`use_selector`] is rendered again only when what it selects changes, so that frames pass
//! without Yew as long as nothing that stands has changed.

use std::cell::{Cell, Ref, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use gloo::timers::callback::Timeout;
use yew::prelude::*;

use super::{api, frames, settings};
use crate::state::{AppAction, Effect, Start, State};

type Listener = Rc<dyn Fn(&State)>;

/// A handle on the store; cheap to clone.
#[derive(Clone)]
pub(crate) struct Store(Rc<Inner>);

struct Inner {
    state: RefCell<State>,
    listeners: RefCell<Vec<(u64, Listener)>>,
    queue: RefCell<VecDeque<AppAction>>,
    busy: Cell<bool>,
    next: Cell<u64>,
    pub(super) frames: frames::Frames,
    pub(super) calls: api::Calls,
}

impl PartialEq for Store {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// A store whose first frame has been asked for.
    pub(crate) fn new(start: &Start) -> Self {
        let store = Self(Rc::new(Inner {
            state: RefCell::new(State::new(start)),
            listeners: RefCell::default(),
            queue: RefCell::default(),
            busy: Cell::new(false),
            next: Cell::new(1),
            frames: frames::Frames::default(),
            calls: api::Calls::default(),
        }));
        frames::request(&store);
        store
    }

    /// The state, for reading.
    pub(crate) fn state(&self) -> Ref<'_, State> {
        self.0.state.borrow()
    }

    pub(super) fn frames(&self) -> &frames::Frames {
        &self.0.frames
    }

    pub(super) fn calls(&self) -> &api::Calls {
        &self.0.calls
    }

    /// Carries out an action, and those that it leads to, and tells whoever watches.
    pub(crate) fn dispatch(&self, action: AppAction) {
        self.0.queue.borrow_mut().push_back(action);
        if self.0.busy.replace(true) {
            return;
        }
        let mut only_frames = true;
        let was_busy = self.0.state.borrow().is_busy();
        loop {
            let next = self.0.queue.borrow_mut().pop_front();
            let Some(action) = next else { break };
            only_frames &= matches!(action, AppAction::Frame(_));
            let effects = self.0.state.borrow_mut().update(action);
            effects.into_iter().for_each(|effect| self.perform(effect));
        }
        self.0.busy.set(false);
        if only_frames && self.0.frames.may_skip(&self.0.state.borrow()) {
            frames::request(self);
            return;
        }
        let listeners: Vec<Listener> = self.0.listeners.borrow().iter().map(|(_, listener)| Rc::clone(listener)).collect();
        let state = self.0.state.borrow();
        listeners.iter().for_each(|listener| listener(&state));
        if was_busy && !state.is_busy() {
            // What has been computed has changed much that stands: what moves is painted in a task of its own.
            self.0.frames.paint_later();
        } else {
            self.0.frames.paint(&state);
        }
        drop(state);
        frames::request(self);
    }

    fn perform(&self, effect: Effect) {
        match effect {
            Effect::Reply(number, answer) => self.0.calls.answer(number, &answer),
            Effect::Refuse(number, error) => self.0.calls.refuse(number, error),
            Effect::Ready => {
                settings::announce_ready();
                api::emit("ready", &self.state());
            }
            Effect::StateChanged => api::emit("state", &self.state()),
            Effect::Stepped => api::emit("step", &self.state()),
            Effect::Address(lesson, step) => settings::address(&lesson, step),
            Effect::Save(key, value) => settings::save(key, &value),
            Effect::FocusTerminal => settings::focus("orrery-terminal-input"),
        }
    }

    /// Calls `listener` after every action, until [`Store::unlisten`].
    pub(crate) fn listen(&self, listener: Listener) -> u64 {
        let id = self.0.next.replace(self.0.next.get() + 1);
        self.0.listeners.borrow_mut().push((id, listener));
        id
    }

    /// Ends [`Store::listen`].
    pub(crate) fn unlisten(&self, id: u64) {
        self.0.listeners.borrow_mut().retain(|(have, _)| *have != id);
    }

    /// A callback that dispatches an action whatever the event.
    pub(crate) fn on<E>(&self, action: AppAction) -> Callback<E> {
        let store = self.clone();
        Callback::from(move |_| store.dispatch(action.clone()))
    }
}

/// The store of the page that a component belongs to.
#[hook]
pub(crate) fn use_store() -> Store {
    use_context::<Store>().expect("every component of the page stands below the store's provider")
}

/// A part of the state; the component is rendered again when it changes.
#[hook]
pub(crate) fn use_selector<T: PartialEq + Clone + 'static>(select: impl Fn(&State) -> T + 'static) -> T {
    let store = use_store();
    let current = select(&store.state());
    let last = use_mut_ref(|| None::<T>);
    *last.borrow_mut() = Some(current.clone());
    let trigger = use_force_update();
    use_effect_with((), move |()| {
        let listener: Listener = Rc::new(move |state: &State| {
            let new = select(state);
            if last.borrow().as_ref() != Some(&new) {
                *last.borrow_mut() = Some(new);
                trigger.force_update();
            }
        });
        let id = store.listen(listener);
        move || store.unlisten(id)
    });
    current
}

/// While something is computed as fast as it goes, only each so many'th look is taken.
const LOOKS_PASSED: u32 = 4;

/// A part of the state that is expensive to find: looked at when the state has changed, at most every `ms` milliseconds, and at once when
/// `key` changes. While nothing happens nothing is looked at.
#[hook]
pub(crate) fn use_polled<K: PartialEq + Clone + 'static, T: PartialEq + Clone + 'static>(
    ms: u32,
    key: K,
    select: impl Fn(&State, &K) -> T + 'static,
) -> T {
    let store = use_store();
    let select = Rc::new(select);
    // What a look has found and the rendering that it asks for has not taken yet.
    let found = use_mut_ref(|| None::<(K, T)>);
    let taken = found.borrow_mut().take().filter(|(of, _)| *of == key);
    let current = taken.map_or_else(|| select(&store.state(), &key), |(_, value)| value);
    let last = use_mut_ref(|| None::<T>);
    *last.borrow_mut() = Some(current.clone());
    let trigger = use_force_update();
    use_effect_with(key, move |key| {
        let (key, passed, of) = (key.clone(), Cell::new(0), store.clone());
        let look = move || {
            passed.set(passed.get() + 1);
            if of.state().is_busy() && passed.get() % LOOKS_PASSED != 0 {
                return;
            }
            let new = select(&of.state(), &key);
            if last.borrow().as_ref() != Some(&new) {
                *found.borrow_mut() = Some((key.clone(), new));
                trigger.force_update();
            }
        };
        let soon = Soon::new(ms, look);
        // What was found by the rendering itself may depend on its size, which is known now.
        soon.ask();
        let asks = soon.clone();
        let id = store.listen(Rc::new(move |_| asks.ask()));
        move || {
            store.unlisten(id);
            soon.timer.take();
        }
    });
    current
}

/// Does something when it is asked for: once however often it was, and at most every `ms` milliseconds.
#[derive(Clone)]
struct Soon {
    ms: f64,
    act: Rc<dyn Fn()>,
    /// When it was done last.
    done: Rc<Cell<f64>>,
    waits: Rc<Cell<bool>>,
    timer: Rc<RefCell<Option<Timeout>>>,
}

impl Soon {
    fn new(ms: u32, act: impl Fn() + 'static) -> Self {
        let (done, waits, timer) = (Rc::new(Cell::new(settings::now())), Rc::default(), Rc::default());
        Self { ms: f64::from(ms), act: Rc::new(act), done, waits, timer }
    }

    fn ask(&self) {
        if self.waits.replace(true) {
            return;
        }
        let this = self.clone();
        let ms = (self.done.get() + self.ms - settings::now()).max(0.0) as u32;
        let timer = Timeout::new(ms, move || {
            this.waits.set(false);
            this.done.set(settings::now());
            (this.act)();
        });
        *self.timer.borrow_mut() = Some(timer);
    }
}
