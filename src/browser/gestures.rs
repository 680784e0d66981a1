//! Wheel, drag and pinch on the stage. Listened to outside of Yew, which promises the browser never to prevent a wheel's default.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo::events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast as _;
use web_sys::{Element, Event, PointerEvent, WheelEvent};

use super::store::Store;
use crate::state::AppAction;
use crate::state::camera::Shot;

/// A pointer that has moved by so many pixels drags; a shorter way is a click.
const DRAGS: f64 = 5.0;
/// A wheel's way that makes everything e times as large, in pixels.
const WHEEL: f64 = 420.0;

/// What the pointers that are down have done.
#[derive(Default)]
struct Hands {
    /// Each with its last place, in pixels of the view.
    down: RefCell<Vec<(i32, f64, f64)>>,
    /// How far the first one has gone since it came down.
    way: Cell<f64>,
    dragging: Cell<bool>,
}

/// Listens as long as it lives.
pub(crate) struct Gestures(#[allow(dead_code)] Vec<EventListener>);

impl Gestures {
    /// Gestures on the element of the stage move the camera of the store.
    pub(crate) fn new(element: &Element, store: &Store) -> Self {
        let hands = Rc::new(Hands::default());
        let mut listeners = Vec::new();
        let mut on = |name: &'static str, options: EventListenerOptions, act: fn(&Element, &Store, &Hands, &Event)| {
            let (place, store, hands) = (element.clone(), store.clone(), Rc::clone(&hands));
            listeners.push(EventListener::new_with_options(element, name, options, move |event| {
                act(&place, &store, &hands, event);
            }));
        };
        let prevents = EventListenerOptions::enable_prevent_default;
        on("wheel", prevents(), wheel);
        on("pointerdown", EventListenerOptions::default(), down);
        on("pointermove", EventListenerOptions::default(), moved);
        on("pointerup", EventListenerOptions::default(), up);
        on("pointercancel", EventListenerOptions::default(), up);
        Self(listeners)
    }
}

/// Where a pointer is, in pixels of the view.
fn place(element: &Element, x: i32, y: i32) -> (f64, f64) {
    let rect = element.get_bounding_client_rect();
    (f64::from(x) - rect.left(), f64::from(y) - rect.top())
}

/// The attribute of the stage after a drag: the click that ends it selects nothing.
pub(crate) const DRAGGED: &str = "data-dragged";

fn mark(element: &Element, dragged: bool) {
    // The name is a constant and valid, so it cannot fail.
    let _ = if dragged { element.set_attribute(DRAGGED, "") } else { element.remove_attribute(DRAGGED) };
}

fn wheel(element: &Element, store: &Store, _: &Hands, event: &Event) {
    let Some(event) = event.dyn_ref::<WheelEvent>() else { return };
    let (fits, bare) = (store.state().view.camera.is_fit(), store.state().bare);
    // A page around a slide scrolls as long as nobody has zoomed into it; where there is nothing more to see, it scrolls, too.
    if fits && (event.delta_y() > 0.0 || (bare && !event.ctrl_key() && !event.meta_key())) {
        return;
    }
    event.prevent_default();
    // Lines and pages where the browser does not count pixels; two fingers on a touchpad come as a wheel with Ctrl and small steps.
    let unit = match event.delta_mode() {
        WheelEvent::DOM_DELTA_LINE => 18.0,
        WheelEvent::DOM_DELTA_PAGE => 300.0,
        _ if event.ctrl_key() => 4.0,
        _ => 1.0,
    };
    let factor = (-event.delta_y() * unit / WHEEL).clamp(-1.0, 1.0).exp();
    store.dispatch(AppAction::Camera(Shot::Zoom(factor, Some(place(element, event.client_x(), event.client_y())))));
}

fn down(element: &Element, _: &Store, hands: &Hands, event: &Event) {
    let Some(event) = event.dyn_ref::<PointerEvent>().filter(|event| event.button() == 0) else { return };
    let (x, y) = place(element, event.client_x(), event.client_y());
    let mut down = hands.down.borrow_mut();
    if down.is_empty() {
        hands.way.set(0.0);
        hands.dragging.set(false);
        mark(element, false);
    }
    down.retain(|(id, _, _)| *id != event.pointer_id());
    down.push((event.pointer_id(), x, y));
}

fn moved(element: &Element, store: &Store, hands: &Hands, event: &Event) {
    let Some(event) = event.dyn_ref::<PointerEvent>() else { return };
    let (x, y) = place(element, event.client_x(), event.client_y());
    let mut down = hands.down.borrow_mut();
    let Some(at) = down.iter().position(|(id, _, _)| *id == event.pointer_id()) else { return };
    if event.buttons() == 0 {
        // It was let go where nobody listened.
        down.remove(at);
        return;
    }
    let before = down.clone();
    down[at] = (event.pointer_id(), x, y);
    let now = down.clone();
    drop(down);
    let (dx, dy) = (x - before[at].1, y - before[at].2);
    match (before.as_slice(), now.as_slice()) {
        ([a, b], [c, d]) => {
            hands.dragging.set(true);
            mark(element, true);
            let middle = |a: &(i32, f64, f64), b: &(i32, f64, f64)| (f64::midpoint(a.1, b.1), f64::midpoint(a.2, b.2));
            let apart = |a: &(i32, f64, f64), b: &(i32, f64, f64)| (a.1 - b.1).hypot(a.2 - b.2).max(1.0);
            let (from, to) = (middle(a, b), middle(c, d));
            store.dispatch(AppAction::Camera(Shot::Pan(to.0 - from.0, to.1 - from.1)));
            store.dispatch(AppAction::Camera(Shot::Zoom(apart(c, d) / apart(a, b), Some(to))));
        }
        ([_], [_]) if !store.state().view.camera.is_fit() => {
            hands.way.set(hands.way.get() + dx.hypot(dy));
            if hands.way.get() > DRAGS {
                if !hands.dragging.replace(true) {
                    mark(element, true);
                    // A pointer that has gone already cannot be held; then the drag ends at the edge.
                    let _ = element.set_pointer_capture(event.pointer_id());
                }
                store.dispatch(AppAction::Camera(Shot::Pan(dx, dy)));
            }
        }
        _ => {}
    }
}

fn up(_: &Element, _: &Store, hands: &Hands, event: &Event) {
    let Some(event) = event.dyn_ref::<PointerEvent>() else { return };
    hands.down.borrow_mut().retain(|(id, _, _)| *id != event.pointer_id());
}
