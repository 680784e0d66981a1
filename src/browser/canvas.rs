//! Marks on a canvas, for what is too much for SVG: the boxes of many nodes, of which only those that have changed are drawn again, and
//! messages when hundreds are on their way. Colours, lines and fonts come from the style sheet that the SVG uses.

use std::rc::Rc;

use js_sys::Array;
use orrery_sim::core::collections::PMap;
use orrery_sim::value::Text;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{CanvasRenderingContext2d, Element, HtmlCanvasElement, Path2d};

use super::settings::now;
use crate::scene::field::{Field, Plot};
use crate::scene::flight::{Flight, Shown};
use crate::scene::geometry::{Point, Rect};
use crate::scene::look::{Family, Look};
use crate::scene::marks::{Align, Mark};
use crate::scene::model::{MachineView, PodPhase, PodView, Pods};
use crate::scene::prims::{Prim, baseline, dot_outline, prims};
use crate::scene::{Camera, MessageKind, Scene, ViewModel};
use crate::state::State;

/// A drawing that takes longer than this, in milliseconds, is moved as it is while the camera moves …
const QUICK_MS: f64 = 8.0;
/// … and made anew at most this often.
const SHARPEN_MS: f64 = 140.0;
/// Cells from this size on have round corners.
const ROUND: f64 = 14.0;
/// Smaller ones are plain squares.
const PLAIN: f64 = 6.0;

/// What the style sheet says of a class.
#[derive(Clone, Debug)]
struct Style {
    fill: String,
    fill_alpha: f64,
    stroke: String,
    stroke_alpha: f64,
    width: f64,
    dash: Vec<f64>,
    font: (String, String),
}

/// A canvas and what the style sheet says.
#[derive(Default)]
struct Pen {
    context: Option<CanvasRenderingContext2d>,
    styles: PMap<String, Rc<Style>>,
    /// Device pixels a pixel.
    ratio: f64,
    size: (f64, f64),
}

/// The canvas of the field.
#[derive(Default)]
pub(crate) struct FieldPainter {
    pen: Pen,
    drawn: Option<Drawn>,
    /// Pods on their way to boxes of another kind: where each was in the view, and since when.
    moves: Option<(PMap<Text, Rect>, f64)>,
}

/// How long pods take to boxes of another kind, in milliseconds.
const MOVE_MS: f64 = 600.0;
/// More pods than this are not seen to move: they are where they belong at once.
const MOST_MOVED: usize = 3_000;

/// What is on the canvas.
struct Drawn {
    camera: Camera,
    theme: String,
    lang: &'static str,
    look: Look,
    /// Each box as it was drawn last.
    plots: Vec<Kept>,
    /// What all of them were drawn from; `None` while some are still as they were.
    seen: Option<(Rc<Field>, Rc<ViewModel>)>,
    at: f64,
    took: f64,
    /// Whether it has only been moved since.
    moved: bool,
    /// Whether every pod is where it belongs.
    whole: bool,
}

/// A box: what has equal pointers looks the same.
type Kept = (Rect, Rc<Pods>, Option<Rc<MachineView>>);

fn kept(plot: &Plot, model: &ViewModel) -> Kept {
    (plot.rect, Rc::clone(&plot.pods), plot.machine.and_then(|at| model.machines.get(at)).map(Rc::clone))
}

fn is_same(a: &Kept, b: &Kept) -> bool {
    a.0 == b.0 && Rc::ptr_eq(&a.1, &b.1) && a.2.as_ref().map(Rc::as_ptr) == b.2.as_ref().map(Rc::as_ptr)
}

/// So many marks of boxes that have changed are drawn in a frame, the others in the next ones.
const MOST_RENEWED: usize = 4_000;

impl FieldPainter {
    /// Brings the canvas up to date; says whether it has to be called again soon.
    pub(crate) fn paint(&mut self, state: &State, before: Option<&Scene>) -> bool {
        let Some(canvas) = canvas("orrery-field") else { return false };
        let Some(field) = state.picture.scene.layout.field.clone() else {
            if self.drawn.take().is_some() {
                self.pen.clear();
            }
            self.moves = None;
            return false;
        };
        let theme = theme();
        let late = theme != state.colours().name();
        let resized = self.pen.fit(&canvas, state.picture.size);
        let camera = state.view.camera;
        let start = now();
        let grouping = |scene: &Scene| scene.layout.field.as_ref().map(|field| field.look.grouping);
        if let Some(before) = before.filter(|before| grouping(before) != Some(field.look.grouping))
            && !state.player.reduced_motion
            && state.picture.model.pod_count() <= MOST_MOVED
        {
            self.moves = Some((before.places_of_pods(&camera), start));
        }
        self.moves = self.moves.take().filter(|(_, since)| start < since + MOVE_MS);
        let model = Rc::clone(&state.picture.model);
        if let Some(drawn) =
            self.drawn.as_mut().filter(|drawn| !resized && drawn.theme == theme && drawn.lang == state.texts.lang)
        {
            if self.moves.is_none()
                && drawn.whole
                && drawn.camera == camera
                && !drawn.moved
                && drawn.look == field.look
                && drawn.plots.len() == field.plots.len()
            {
                let seen = drawn.seen.as_ref();
                if seen.is_some_and(|(have, of)| Rc::ptr_eq(have, &field) && Rc::ptr_eq(of, &model)) {
                    return late;
                }
                let all = self.pen.renew(drawn, &field, &model, state);
                drawn.seen = all.then_some((field, model));
                return late || !all;
            }
            if drawn.look == field.look && drawn.took > QUICK_MS && start < drawn.at + SHARPEN_MS.max(drawn.took * 4.0) {
                let scale = camera.scale / drawn.camera.scale;
                let (x, y) = ((drawn.camera.x - camera.x) * camera.scale, (drawn.camera.y - camera.y) * camera.scale);
                style(&canvas, &format!("transform:translate({x:.2}px,{y:.2}px) scale({scale:.5})"));
                drawn.moved = true;
                return true;
            }
        }
        if self.drawn.as_ref().is_none_or(|drawn| drawn.theme != theme) {
            self.pen.styles.clear();
        }
        style(&canvas, "");
        self.pen.clear();
        let view = Rect::new(0.0, 0.0, state.picture.size.0, state.picture.size.1);
        let mut batch = Batch::default();
        for plot in &field.plots {
            let rect = camera.rect_to_view(plot.rect);
            if rect.overlaps(&view) {
                let mut pods = plot.pods.iter();
                field.draw(plot, rect, &model, state.texts, &mut |mark| match &self.moves {
                    Some(moves) => on_its_way(mark, &mut pods, moves, start).into_iter().for_each(|mark| batch.take(mark)),
                    None => batch.take(mark),
                });
            }
        }
        self.pen.flush(batch);
        self.pen.over(&field, &camera, state);
        let whole = self.moves.is_none();
        let end = now();
        let lang = state.texts.lang;
        let plots = field.plots.iter().map(|plot| kept(plot, &model)).collect();
        let (look, seen) = (field.look, Some((field, model)));
        self.drawn = Some(Drawn { camera, theme, lang, look, plots, seen, at: end, took: end - start, moved: false, whole });
        late || !whole
    }
}

/// A mark of a box whose pods are on their way: names come when all have arrived.
fn on_its_way<'a>(
    mark: Mark,
    pods: &mut impl Iterator<Item = &'a Rc<PodView>>,
    (places, since): &(PMap<Text, Rect>, f64),
    now: f64,
) -> Option<Mark> {
    match mark {
        Mark::Label { .. } => None,
        Mark::Cell { rect, phase, family } => {
            let from = pods.next().and_then(|pod| places.get(&pod.uid)).copied().unwrap_or(rect);
            let share = ((now - since) / MOVE_MS).clamp(0.0, 1.0);
            let share = share * share * (3.0 - 2.0 * share);
            let mix = |a: f64, b: f64| a + (b - a) * share;
            let rect = Rect::new(mix(from.x, rect.x), mix(from.y, rect.y), mix(from.w, rect.w), mix(from.h, rect.h));
            Some(Mark::Cell { rect, phase, family })
        }
        mark => Some(mark),
    }
}

impl Pen {
    /// Gives the canvas the size of the stage; says whether it had another one.
    fn fit(&mut self, canvas: &HtmlCanvasElement, size: (f64, f64)) -> bool {
        let ratio = gloo::utils::window().device_pixel_ratio().clamp(1.0, 3.0);
        if self.context.is_some() && (self.size, self.ratio) == (size, ratio) {
            return false;
        }
        canvas.set_width((size.0 * ratio) as u32);
        canvas.set_height((size.1 * ratio) as u32);
        let context = canvas.get_context("2d").ok().flatten().and_then(|context| context.dyn_into().ok());
        (self.context, self.size, self.ratio) = (context, size, ratio);
        self.reset();
        true
    }

    fn reset(&self) {
        if let Some(context) = &self.context {
            // A scale of finite numbers cannot fail.
            let _ = context.set_transform(self.ratio, 0.0, 0.0, self.ratio, 0.0, 0.0);
        }
    }

    fn clear(&self) {
        self.context.iter().for_each(|context| context.clear_rect(0.0, 0.0, self.size.0, self.size.1));
    }

    /// Draws those boxes again that have changed; says whether these were all.
    fn renew(&mut self, drawn: &mut Drawn, field: &Field, model: &Rc<ViewModel>, state: &State) -> bool {
        let view = Rect::new(0.0, 0.0, self.size.0, self.size.1);
        let mut batch = Batch::default();
        let (mut any, mut all, mut marks) = (false, true, 0);
        // Boxes have lines around them, where there is room between them.
        let around = if field.gap > 0.0 { (field.gap * drawn.camera.scale / 2.0).min(1.0) } else { 1.0 };
        for (before, plot) in drawn.plots.iter_mut().zip(&field.plots) {
            let now = kept(plot, model);
            if is_same(before, &now) {
                continue;
            }
            if marks > MOST_RENEWED {
                all = false;
                break;
            }
            any = true;
            for rect in [before.0, plot.rect] {
                let rect = drawn.camera.rect_to_view(rect).inset(-around);
                self.context.iter().for_each(|context| context.clear_rect(rect.x, rect.y, rect.w, rect.h));
            }
            let rect = drawn.camera.rect_to_view(plot.rect);
            if rect.overlaps(&view) {
                field.draw(plot, rect, model, state.texts, &mut |mark| {
                    marks += 1;
                    batch.take(mark);
                });
            }
            *before = now;
        }
        self.flush(batch);
        if any {
            self.over(field, &drawn.camera, state);
        }
        all
    }

    /// What lies over the boxes.
    fn over(&mut self, field: &Field, camera: &Camera, state: &State) {
        for mark in field.heading_marks(camera).iter().chain(&field.legend(state.texts, state.picture.size)) {
            self.mark(mark);
        }
    }

    fn style(&mut self, class: &str) -> Rc<Style> {
        if let Some(style) = self.styles.get(class) {
            return Rc::clone(style);
        }
        let style = Rc::new(ask(class));
        self.styles.insert(class.to_string(), Rc::clone(&style));
        style
    }

    fn flush(&mut self, batch: Batch) {
        for mark in &batch.below {
            self.mark(mark);
        }
        for (family, rects) in &batch.tiles {
            let style = self.style(&format!("tile {}", family.class()));
            self.fill(&style, rects);
        }
        for ((family, phase), rects) in &batch.cells {
            self.cells(*family, *phase, rects);
        }
        for mark in &batch.above {
            self.mark(mark);
        }
    }

    fn fill(&self, style: &Style, rects: &[Rect]) {
        let Some(context) = &self.context else { return };
        context.set_fill_style_str(&style.fill);
        context.set_global_alpha(style.fill_alpha);
        for rect in rects {
            context.fill_rect(rect.x, rect.y, rect.w, rect.h);
        }
        context.set_global_alpha(1.0);
    }

    /// Cells of one kind, as far as they are too small for round corners.
    fn cells(&mut self, family: Family, phase: PodPhase, rects: &[Rect]) {
        let name = family.class();
        let style = self.style(&format!("cell {name} {}", phase.class()));
        let hollow = !matches!(phase, PodPhase::Running | PodPhase::Started | PodPhase::Failed);
        let (small, large): (Vec<Rect>, Vec<Rect>) = rects.iter().partition(|rect| rect.w < PLAIN);
        let alpha = if hollow { 0.5 } else { 1.0 };
        self.fill(&Style { fill: style.stroke.clone(), fill_alpha: alpha, ..Style::clone(&style) }, &small);
        if large.is_empty() {
            return;
        }
        let Some(context) = self.context.clone() else { return };
        context.begin_path();
        for rect in &large {
            let inner = rect.inset(0.5);
            context.rect(inner.x, inner.y, inner.w, inner.h);
        }
        self.apply(&context, &style);
        context.fill();
        self.pull(&context, &style, 1.2);
        context.stroke();
        let sign = match phase {
            PodPhase::Creating => "half",
            PodPhase::Terminating => "hatch",
            PodPhase::Failed => "cross",
            PodPhase::Succeeded => "tick",
            _ => return,
        };
        let style = self.style(&format!("cell-{sign} {name}"));
        if sign == "half" {
            let lower: Vec<Rect> = large.iter().map(|rect| Rect::new(rect.x, rect.cy(), rect.w, rect.h / 2.0)).collect();
            return self.fill(&style, &lower);
        }
        context.begin_path();
        for rect in large {
            let inner = rect.inset(rect.w * 0.2);
            match sign {
                "tick" => {
                    context.move_to(inner.x, inner.cy());
                    context.line_to(inner.cx(), inner.bottom());
                    context.line_to(inner.right(), inner.y);
                }
                _ => {
                    context.move_to(inner.x, inner.bottom());
                    context.line_to(inner.right(), inner.y);
                    if sign == "cross" {
                        context.move_to(inner.x, inner.y);
                        context.line_to(inner.right(), inner.bottom());
                    }
                }
            }
        }
        self.pull(&context, &style, 1.5);
        context.stroke();
        context.set_global_alpha(1.0);
    }

    fn apply(&self, context: &CanvasRenderingContext2d, style: &Style) {
        context.set_fill_style_str(&style.fill);
        context.set_global_alpha(style.fill_alpha);
    }

    fn pull(&self, context: &CanvasRenderingContext2d, style: &Style, most: f64) {
        context.set_stroke_style_str(&style.stroke);
        context.set_line_width(style.width.min(most));
        context.set_global_alpha(style.stroke_alpha);
        let dash: Array = style.dash.iter().map(|length| JsValue::from_f64(*length)).collect();
        // A list of finite numbers cannot fail.
        let _ = context.set_line_dash(&dash);
    }

    fn mark(&mut self, mark: &Mark) {
        for prim in prims(mark) {
            self.prim(&prim);
        }
    }

    fn prim(&mut self, prim: &Prim) {
        let class = match prim {
            Prim::Rect { class, .. } | Prim::Text { class, .. } | Prim::Path { class, .. } => class,
        };
        let style = self.style(class);
        let Some(context) = self.context.clone() else { return };
        match prim {
            Prim::Rect { rect, radius, .. } => {
                context.begin_path();
                let radius = radius.min(rect.w / 2.0).min(rect.h / 2.0).max(0.0);
                // A radius that is not negative cannot fail.
                let _ = context.round_rect_with_f64(rect.x, rect.y, rect.w, rect.h, radius);
                if style.fill != "none" {
                    self.apply(&context, &style);
                    context.fill();
                }
                if style.stroke != "none" {
                    self.pull(&context, &style, f64::MAX);
                    context.stroke();
                }
            }
            Prim::Path { d, .. } => {
                let Ok(path) = Path2d::new_with_path_string(d) else { return };
                if style.fill != "none" {
                    self.apply(&context, &style);
                    context.fill_with_path_2d(&path);
                }
                if style.stroke != "none" {
                    self.pull(&context, &style, f64::MAX);
                    context.stroke_with_path(&path);
                }
            }
            Prim::Text { at, align, size, text, .. } => {
                context.set_font(&format!("{} {size}px {}", style.font.0, style.font.1));
                context.set_text_align(match align {
                    Align::Start => "left",
                    Align::Middle => "center",
                    Align::End => "right",
                });
                self.apply(&context, &style);
                // Text at finite coordinates cannot fail.
                let _ = context.fill_text(text, at.x, baseline(at.y, *size));
            }
        }
        context.set_global_alpha(1.0);
    }
}

/// Marks in the order in which they are drawn; many of a kind are drawn at once.
#[derive(Default)]
struct Batch {
    below: Vec<Mark>,
    tiles: PMap<Family, Vec<Rect>>,
    cells: PMap<(Family, PodPhase), Vec<Rect>>,
    above: Vec<Mark>,
}

impl Batch {
    fn take(&mut self, mark: Mark) {
        match mark {
            Mark::Tile { rect, family } => self.tiles.entry(family).or_default().push(rect),
            Mark::Cell { rect, phase, family } if rect.w < ROUND => self.cells.entry((family, phase)).or_default().push(rect),
            Mark::Box { .. } | Mark::Gauge { .. } => self.below.push(mark),
            mark => self.above.push(mark),
        }
    }
}

fn canvas(id: &str) -> Option<HtmlCanvasElement> {
    gloo::utils::document().get_element_by_id(id)?.dyn_into().ok()
}

fn style(element: &Element, text: &str) {
    // The name is a constant and valid, so it cannot fail.
    let _ = element.set_attribute("style", text);
}

/// The theme that the page has: its root is told by Yew, a moment after the state.
fn theme() -> String {
    gloo::utils::document().document_element().and_then(|root| root.get_attribute("data-theme")).unwrap_or_default()
}

/// Asks the browser what the style sheet says of a class.
fn ask(class: &str) -> Style {
    let text = class.starts_with("ink") || class.starts_with("pill-text");
    let document = gloo::utils::document();
    let probe = document.create_element_ns(Some("http://www.w3.org/2000/svg"), if text { "text" } else { "rect" }).ok();
    let place = document.get_element_by_id("orrery-lit");
    let computed = probe.as_ref().zip(place).and_then(|(probe, place)| {
        probe.set_attribute("class", class).ok()?;
        place.append_child(probe).ok()?;
        gloo::utils::window().get_computed_style(probe).ok().flatten()
    });
    let value = |name: &str| computed.as_ref().and_then(|style| style.get_property_value(name).ok()).unwrap_or_default();
    let number = |name: &str, otherwise: f64| value(name).trim_end_matches("px").parse().unwrap_or(otherwise);
    let style = Style {
        fill: value("fill"),
        fill_alpha: number("fill-opacity", 1.0),
        stroke: value("stroke"),
        stroke_alpha: number("stroke-opacity", 1.0),
        width: number("stroke-width", 1.0),
        dash: value("stroke-dasharray")
            .split([',', ' '])
            .filter_map(|part| part.trim().trim_end_matches("px").parse().ok())
            .collect(),
        font: (value("font-weight"), value("font-family")),
    };
    probe.iter().for_each(Element::remove);
    style
}

/// So wide is the line around messages, which tells them from what they pass, in pixels.
const OUTLINE: f64 = 1.2;

/// The canvas of messages without labels.
#[derive(Default)]
pub(crate) struct DotPainter {
    pen: Pen,
    theme: String,
    shapes: PMap<MessageKind, Path2d>,
    radius: f64,
    /// Whether there is anything on the canvas.
    marked: bool,
}

impl DotPainter {
    /// Draws these messages and nothing else.
    pub(crate) fn paint(&mut self, shown: &[(&Flight, Shown)], state: &State, radius: f64) {
        if shown.is_empty() && !self.marked {
            return;
        }
        let Some(canvas) = canvas("orrery-dots") else { return };
        self.pen.fit(&canvas, state.picture.size);
        let theme = theme();
        if self.theme != theme {
            self.pen.styles.clear();
            self.theme = theme;
        }
        self.pen.reset();
        self.pen.clear();
        self.marked = !shown.is_empty();
        if self.radius != radius {
            (self.shapes, self.radius) = (PMap::default(), radius);
        }
        let Some(context) = self.pen.context.clone() else { return };
        let camera = state.view.camera;
        let mut kinds: PMap<MessageKind, Vec<(Point, Point)>> = PMap::new();
        for (flight, place) in shown {
            kinds.entry(flight.kind).or_default().push((camera.to_view(place.dot), place.heading));
        }
        for (kind, places) in kinds {
            let style = self.pen.style(&format!("dot {}", kind.class()));
            self.pen.apply(&context, &style);
            self.pen.pull(&context, &style, f64::MAX);
            context.set_line_width(2.0 * OUTLINE);
            if !self.shapes.contains_key(&kind)
                && let Ok(path) = Path2d::new_with_path_string(&dot_outline(kind, radius))
            {
                self.shapes.insert(kind, path);
            }
            let Some(path) = self.shapes.get(&kind) else { continue };
            let ratio = self.pen.ratio;
            for (at, heading) in places {
                let (c, s) = if heading == Point::default() { (1.0, 0.0) } else { (heading.x, heading.y) };
                // A turn by a vector of length 1 cannot fail.
                let _ = context.set_transform(c * ratio, s * ratio, -s * ratio, c * ratio, at.x * ratio, at.y * ratio);
                context.stroke_with_path(path);
                context.fill_with_path_2d(path);
            }
        }
        self.pen.reset();
    }
}
