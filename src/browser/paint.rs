//! Paints what moves, without Yew: messages in an SVG above the standing one, the glow of parts that speak or listen,
//! the clock and the scrubber's thumb. Elements are kept while their message travels and only moved.

use orrery_sim::core::collections::PMap;
use std::rc::Rc;

use orrery_sim::core::{Addr, EnvelopeId};
use web_sys::Element;

use super::canvas::{DotPainter, FieldPainter};
use crate::lens::SKIP_US;
use crate::scene::flight::{Flight, Flights, Shown};
use crate::scene::geometry::{Point, Rect, number};
use crate::scene::prims::{baseline, dot_outline, nose_outline, pill_outline, polyline};
use crate::scene::{Camera, MessageKind, Scene, Selection};
use crate::state::State;
use crate::state::causes::Causes;
use crate::state::player::Pace;

const SVG: &str = "http://www.w3.org/2000/svg";
/// At other paces than that of messages, each is seen for this long, in seconds of the audience's time.
const PASSING_S: f64 = 0.3;
/// As many of them are shown at once.
const MOST_PASSING: usize = 80;
/// With more messages than this, those without a label are drawn on a canvas.
const MOST_ELEMENTS: usize = 240;

/// The elements of a message.
#[derive(Clone)]
struct Node {
    /// Its way, and what keeps that apart from whatever it crosses.
    lit: [Element; 2],
    dot: Element,
    /// The pill and its arrow head.
    pill: Option<(Element, Element)>,
    /// Whether it is marked as belonging to what *Why?* tells of.
    linked: std::cell::Cell<bool>,
}

impl Node {
    /// Marks it, or no longer.
    fn link(&self, linked: bool) {
        if self.linked.replace(linked) != linked {
            for element in self.pill.iter().map(|(pill, _)| pill).chain([&self.dot]) {
                // The name is a constant and valid.
                let _ = element.toggle_attribute_with_force("data-linked", linked);
            }
        }
    }

    fn remove(&self) {
        self.lit.iter().for_each(Element::remove);
        self.dot.remove();
        self.pill.iter().for_each(|(pill, _)| pill.remove());
    }
}

/// The painter; it finds its places in the document by their ids.
#[derive(Default)]
pub(crate) struct Painter {
    messages: PMap<EnvelopeId, Node>,
    glows: PMap<Addr, Element>,
    flights: Option<Rc<Flights>>,
    scene: Option<Rc<Scene>>,
    selection: Option<Selection>,
    target: Option<Selection>,
    /// The message that is spoken of: drawn with its label whatever it is, the others stand back.
    focus: Option<EnvelopeId>,
    texts: PMap<&'static str, String>,
    /// What the trail was drawn for.
    trail: Option<(Rc<Causes>, Rc<Scene>)>,
    /// The message whose way is shown.
    pointed: Option<u32>,
    /// What the camera saw, of a stage of which size.
    seen: Option<(Camera, (f64, f64))>,
    field: FieldPainter,
    dots: DotPainter,
}

impl Painter {
    /// Brings everything that moves to where it is now.
    /// Says whether it has to be called again soon.
    pub(crate) fn paint(&mut self, state: &State) -> bool {
        let document = gloo::utils::document();
        let (Some(lits), Some(pills)) = (document.get_element_by_id("orrery-lit"), document.get_element_by_id("orrery-pills"))
        else {
            return false;
        };
        self.paint_clock(state);
        let aimed = self.aim(state);
        let unfinished = self.field.paint(state, self.scene.as_deref());
        let scene = Rc::clone(&state.picture.scene);
        let new_scene = self.scene.as_ref().is_none_or(|have| !Rc::ptr_eq(have, &scene));
        if new_scene {
            self.glows.values().for_each(Element::remove);
            self.glows.clear();
        }
        if new_scene || aimed || self.selection != state.selection || self.target != state.target {
            self.selection.clone_from(&state.selection);
            self.target.clone_from(&state.target);
            paint_selection(state);
        }
        self.paint_trail(state, &scene);
        if new_scene || self.pointed != state.pointed {
            self.pointed = state.pointed;
            let id = state.pointed.map(EnvelopeId);
            draw_ways("orrery-pointed", "lit pointed", id.into_iter(), state, false);
        }
        self.scene = Some(scene);

        let player = &state.player;
        let t = player.t;
        let slow = matches!(player.pace, Pace::Messages | Pace::OneByOne) || !player.playing;
        let flights = if slow {
            Rc::clone(&state.picture.flights)
        } else {
            let speed = if let Pace::Real(speed) = player.pace { speed } else { 10.0 };
            let from = t - PASSING_S * speed * 1e6;
            Rc::new(state.picture.passing(state.session.trace(), &state.visible, from, t, MOST_PASSING))
        };
        let same = self.flights.as_ref().is_some_and(|have| Rc::ptr_eq(have, &flights));
        if slow && !same {
            self.forget_messages();
        }
        let size = state.picture.scene.layout.pill_font();
        let focus = player.on.filter(|_| slow);
        if self.focus != focus {
            for id in [self.focus, focus].into_iter().flatten() {
                if let Some(node) = self.messages.remove(&id) {
                    node.remove();
                }
            }
            self.focus = focus;
        }
        let class = match (focus, &state.causes) {
            (Some(_), _) => "focused",
            (None, Some(_)) => "traced",
            _ => "",
        };
        self.class("orrery-pills", class);
        let spoken_of = focus.and_then(|id| flights.spoken(id, state.session.trace(), size));
        let shown: Vec<(&Flight, Shown)> = if slow {
            flights
                .at(t)
                .map(|(_, flight)| {
                    let flight = spoken_of.as_ref().filter(|spoken| spoken.id == flight.id).unwrap_or(flight);
                    let place = if player.reduced_motion { flights.place_at(flight, 0.5) } else { flights.place(flight, t) };
                    (flight, place)
                })
                .collect()
        } else {
            let speed = if let Pace::Real(speed) = player.pace { speed } else { 10.0 };
            let span = PASSING_S * speed * 1e6;
            flights
                .list()
                .iter()
                .map(|flight| {
                    let share = if player.reduced_motion { 0.5 } else { ((t - flight.sent as f64) / span).clamp(0.0, 1.0) };
                    (flight, flights.place_at(flight, share))
                })
                .collect()
        };
        let height = flights.pill_height();
        // Hundreds of dots are for a canvas.
        let many = shown.len() > MOST_ELEMENTS;
        let (dots, shown): (Vec<_>, Vec<_>) =
            shown.into_iter().partition(|(flight, _)| many && flight.label.is_none() && focus != Some(flight.id));
        // Among many nodes they are small.
        let radius = if state.picture.scene.layout.field.is_some() { size * 0.28 } else { size * 0.5 };
        self.dots.paint(&dots, state, radius);
        let present: PMap<EnvelopeId, ()> = shown.iter().map(|(flight, _)| (flight.id, ())).collect();
        self.messages.retain(|id, node| {
            let keep = present.contains_key(id);
            if !keep {
                node.remove();
            }
            keep
        });
        for (flight, place) in &shown {
            if !self.messages.contains_key(&flight.id)
                && let Some(node) = make(flight, size, height, &lits, &pills)
            {
                if focus == Some(flight.id) {
                    node.pill
                        .iter()
                        .map(|(pill, _)| pill)
                        .chain([&node.dot])
                        .for_each(|element| set(element, "data-spoken-of", ""));
                }
                self.messages.insert(flight.id, node);
            }
            if let Some(node) = self.messages.get(&flight.id) {
                node.link(state.causes.as_ref().is_some_and(|causes| causes.has(flight.id)));
                let turned = |at: Point, angle: f64| format!("{} rotate({})", translate(at.x, at.y), number(angle));
                set(&node.dot, "transform", &turned(place.dot, place.angle()));
                if let Some((pill, nose)) = &node.pill {
                    set(pill, "transform", &translate(place.pill.x, place.pill.y));
                    let at = place.nose(flight.width, height);
                    set(nose, "transform", &turned(at, place.nose_angle()));
                }
            }
        }
        self.paint_glows(state, &shown, &lits);
        self.flights = Some(flights);
        unfinished
    }

    /// Turns the drawings to what the camera sees; says whether that is something else than before.
    fn aim(&mut self, state: &State) -> bool {
        let now = Some((state.view.camera, state.picture.size));
        if self.seen == now {
            return false;
        }
        self.seen = now;
        let view_box = state.view.camera.view_box(state.picture.size);
        let document = gloo::utils::document();
        for id in ["orrery-standing", "orrery-deciding", "orrery-moving"] {
            document.get_element_by_id(id).iter().for_each(|drawing| set(drawing, "viewBox", &view_box));
        }
        true
    }

    /// The ways of all that belongs to what *Why?* tells of.
    fn paint_trail(&mut self, state: &State, scene: &Rc<Scene>) {
        let same = match (&self.trail, &state.causes) {
            (Some((causes, drawn)), Some(now)) => Rc::ptr_eq(causes, now) && Rc::ptr_eq(drawn, scene),
            (have, now) => have.is_none() && now.is_none(),
        };
        if !same {
            self.trail = state.causes.as_ref().map(|causes| (Rc::clone(causes), Rc::clone(scene)));
            let members = state.causes.iter().flat_map(|causes| causes.members());
            draw_ways("orrery-trail", "lit", members, state, true);
        }
    }

    fn forget_messages(&mut self) {
        for node in self.messages.values() {
            node.remove();
        }
        self.messages.clear();
    }

    /// Who speaks glows while the first half of the way is travelled, who listens during the second.
    fn paint_glows(&mut self, state: &State, shown: &[(&Flight, Shown)], parent: &Element) {
        let layout = &state.picture.scene.layout;
        let mut wanted: PMap<Addr, Rect> = PMap::new();
        for (flight, place) in shown {
            let addr = if place.share < 0.5 { flight.from } else { flight.to };
            if addr.part == orrery_sim::core::Part::ApiServer {
                // It takes part in nearly everything.
                continue;
            }
            let rect = if addr.machine.0 == 0 {
                Some(layout.user)
            } else {
                layout.machine(addr.machine).and_then(|machine| machine.part(addr.part))
            };
            if let Some(rect) = rect {
                wanted.insert(addr, rect);
            }
        }
        self.glows.retain(|addr, element| {
            let keep = wanted.contains_key(addr);
            if !keep {
                element.remove();
            }
            keep
        });
        for (addr, rect) in wanted {
            if self.glows.contains_key(&addr) {
                continue;
            }
            if let Some(element) = outline(rect.inset(-1.0), layout.font * 0.5, "glow") {
                // A node that cannot be inserted would only miss its glow.
                let _ = parent.append_child(&element);
                self.glows.insert(addr, element);
            }
        }
    }

    fn paint_clock(&mut self, state: &State) {
        let t = state.player.t;
        self.text("orrery-clock", format!("t = {}", clock(t)));
        let (from, to) = state.extent();
        let share = crate::state::scrub::Scale::new(&state.visible.lens, from, to).share(t);
        self.style("orrery-thumb", "transform", format!("translateX({:.3}%)", share * 100.0));
        self.style("orrery-played", "transform", format!("scaleX({share:.5})"));
        let skip = state.visible.lens.skip_at(t).filter(|_| state.player.playing && matches!(state.player.pace, Pace::Messages));
        let skip = skip.filter(|skip| skip.to - skip.from > SKIP_US);
        let text = skip.map(|skip| state.texts.skipped(skip.to - skip.from)).unwrap_or_default();
        self.text("orrery-skip", text);
    }

    /// Sets a text where it has changed.
    fn text(&mut self, id: &'static str, text: String) {
        if self.texts.get(id) == Some(&text) {
            return;
        }
        if let Some(element) = gloo::utils::document().get_element_by_id(id) {
            element.set_text_content(Some(&text));
            self.texts.insert(id, text);
        }
    }

    /// Sets a class where it has changed.
    fn class(&mut self, id: &'static str, class: &'static str) {
        if self.texts.get(id).map(String::as_str) != Some(class)
            && let Some(element) = gloo::utils::document().get_element_by_id(id)
        {
            set(&element, "class", class);
            self.texts.insert(id, class.to_string());
        }
    }

    fn style(&mut self, id: &'static str, property: &str, value: String) {
        if self.texts.get(id) == Some(&value) {
            return;
        }
        if let Some(element) = gloo::utils::document().get_element_by_id(id) {
            set(&element, "style", &format!("{property}:{value}"));
            self.texts.insert(id, value);
        }
    }
}

/// The clock: `12.034 s`, with minutes from one minute on.
pub(crate) fn clock(t: f64) -> String {
    let ms = (t / 1000.0).floor() as u64;
    let (s, ms) = (ms / 1000, ms % 1000);
    if s < 60 {
        return format!("{s}.{ms:03} s");
    }
    let (m, s) = (s / 60, s % 60);
    if m < 60 { format!("{m}:{s:02}.{ms:03}") } else { format!("{}:{:02}:{s:02}.{ms:03}", m / 60, m % 60) }
}

fn make(flight: &Flight, size: f64, height: f64, lits: &Element, pills: &Element) -> Option<Node> {
    let kind = flight.kind.class();
    let lit = draw_way(lits, &format!("lit {kind}"), &flight.points)?;
    let radius = size * if flight.label.is_some() { 0.36 } else { 0.5 };
    let dot = element("path", &[("class", &format!("dot {kind}")), ("d", &dot_outline(flight.kind, radius))])?;
    pills.append_child(&dot).ok()?;
    let key = Selection::Message(flight.id.0).key();
    set(&dot, "data-select", &key);
    let pill = flight.label.as_ref().and_then(|label| {
        let group = element("g", &[("data-select", &key)])?;
        let outline =
            element("path", &[("class", &format!("pill {kind}")), ("d", &pill_outline(flight.kind, flight.width, height))])?;
        let attributes = [
            ("class", &*format!("pill-text {kind}")),
            ("y", &*number(baseline(0.0, size))),
            ("font-size", &*number(size)),
            ("text-anchor", "middle"),
        ];
        let text = element("text", &attributes)?;
        text.set_text_content(Some(label));
        let nose = element("path", &[("class", &format!("pill {kind}")), ("d", &nose_outline(height))])?;
        group.append_child(&nose).ok()?;
        group.append_child(&outline).ok()?;
        group.append_child(&text).ok()?;
        pills.append_child(&group).ok()?;
        Some((group, nose))
    });
    Some(Node { lit, dot, pill, linked: std::cell::Cell::new(false) })
}

/// Draws the ways of messages, each way once; if `shown`, only of those that the filters show.
fn draw_ways(layer: &str, class: &str, ids: impl Iterator<Item = EnvelopeId>, state: &State, shown: bool) {
    let Some(layer) = gloo::utils::document().get_element_by_id(layer) else { return };
    layer.set_inner_html("");
    let (trace, layout) = (state.session.trace(), &state.picture.scene.layout);
    let mut seen: PMap<(Addr, Addr, &str), ()> = PMap::new();
    for envelope in ids.filter_map(|id| trace.get(id)) {
        let kind = MessageKind::of(envelope);
        let fresh = !seen.contains_key(&(envelope.from, envelope.to, kind.class()));
        if !fresh || (shown && state.visible.show.shown(envelope, trace).is_none()) {
            continue;
        }
        seen.insert((envelope.from, envelope.to, kind.class()), ());
        let way = layout.way(envelope.from, envelope.to, kind);
        // A way that cannot be inserted is only not seen.
        way.and_then(|way| draw_way(&layer, &format!("{class} {}", kind.class()), &way.points));
    }
}

/// Draws a way above, and its casing below all ways of a layer.
fn draw_way(layer: &Element, class: &str, points: &[Point]) -> Option<[Element; 2]> {
    let d = polyline(points);
    let way = element("path", &[("class", class), ("d", &d)])?;
    layer.append_child(&way).ok()?;
    let casing = element("path", &[("class", "casing"), ("d", &d)])?;
    layer.insert_before(&casing, layer.first_child().as_ref()).ok()?;
    Some([way, casing])
}

fn paint_selection(state: &State) {
    let Some(layer) = gloo::utils::document().get_element_by_id("orrery-selection") else { return };
    layer.set_inner_html("");
    let camera = &state.view.camera;
    let (apart, radius) = (3.0 / camera.scale, state.picture.scene.layout.font * 0.6 / camera.scale);
    for (what, class) in [(&state.selection, "selected"), (&state.target, "target")] {
        let rect = what.as_ref().and_then(|selection| state.picture.place_of(selection, camera));
        if let Some(element) = rect.and_then(|rect| outline(rect.inset(-apart), radius, class)) {
            // A selection that cannot be outlined is still shown in the inspector, a target beside the pointer.
            let _ = layer.append_child(&element);
        }
    }
}

fn outline(rect: Rect, radius: f64, class: &str) -> Option<Element> {
    let (x, y, w, h) = (number(rect.x), number(rect.y), number(rect.w), number(rect.h));
    element("rect", &[("class", class), ("x", &x), ("y", &y), ("width", &w), ("height", &h), ("rx", &number(radius))])
}

fn element(tag: &str, attributes: &[(&str, &str)]) -> Option<Element> {
    let element = gloo::utils::document().create_element_ns(Some(SVG), tag).ok()?;
    attributes.iter().for_each(|(name, value)| set(&element, name, value));
    Some(element)
}

fn set(element: &Element, name: &str, value: &str) {
    // The names are constants and valid, so it cannot fail.
    let _ = element.set_attribute(name, value);
}

fn translate(x: f64, y: f64) -> String {
    format!("translate({} {})", number(x), number(y))
}
