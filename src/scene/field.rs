//! Many nodes at once, or pods in another order than by node: boxes of cells below the control plane. How much of a box is drawn follows
//! from its size in the view: a tile with shares, a box of cells, a box with a name, and at last all that a node shows in a lecture.
//! It is drawn in pixels of the view, so that type and lines keep their size however close the camera is.

mod arrange;

use std::rc::Rc;

use orrery_sim::core::Part;
use orrery_sim::core::collections::PMap;
use orrery_sim::value::Text;

use arrange::{Cells, strips};

use super::camera::Camera;
use super::compose::{self, label};
use super::geometry::{Point, Rect, fit, text_width};
use super::layout::{Detail, MachineBox, bare_box, worker_box};
use super::look::{Colouring, Family, Grouping, Look};
use super::marks::{Align, BoxLook, Group, Ink, Mark, Selection};
use super::model::{HUES, MachineView, PodPhase, PodView, Pods, ViewModel};
use super::plan::{Metrics, Plan};
use crate::i18n::Texts;

/// A box of pods.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// Its place on the stage.
    pub rect: Rect,
    /// What stands on it.
    pub name: Text,
    /// What stands beside the name: the ReplicaSet.
    pub note: Text,
    /// The node's place in the model.
    pub machine: Option<usize>,
    /// The number of its zone.
    pub zone: u8,
    /// Its pods.
    pub pods: Rc<Pods>,
}

/// The boxes and where they stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// How pods are shown.
    pub look: Look,
    /// The part of the stage that it has.
    pub area: Rect,
    /// The boxes.
    pub plots: Vec<Plot>,
    /// Lines above groups of boxes: left end, width, text.
    pub headings: Vec<(Point, f64, Text)>,
    /// Names of the zones, in their order; empty when there are none.
    pub zones: Vec<Text>,
    /// Between the boxes of nodes.
    pub gap: f64,
    /// Each box has room for so many pods; 0 when boxes differ.
    slots: usize,
}

/// Height of a heading, in pixels.
const HEADING: f64 = 18.0;
/// Height of a box's first line, in pixels.
const TITLE: f64 = 17.0;
/// Size of the type in it.
const TYPE: f64 = 12.0;
/// A box of this size has a name.
const NAMED: (f64, f64) = (58.0, 38.0);
/// A node of this size is drawn as in a lecture.
const WHOLE: (f64, f64) = (228.0, 138.0);
/// Cells smaller than this are drawn as shares of their box.
const SMALLEST_CELL: f64 = 3.2;

impl Field {
    /// The boxes of a model in a part of the stage.
    pub fn new(model: &ViewModel, area: Rect, look: Look) -> Self {
        let mut zones: Vec<Text> = Vec::new();
        for machine in &model.machines {
            let zone = zone_of(machine);
            if !zone.is_empty() && !zones.contains(&zone) {
                zones.push(zone);
            }
        }
        zones.sort();
        let mut field = Self { look, area, plots: Vec::new(), headings: Vec::new(), zones, gap: 0.0, slots: 0 };
        match look.grouping {
            Grouping::Node | Grouping::Zone => field.by_node(model),
            Grouping::Owner | Grouping::Namespace => field.by_owner(model),
        }
        field
    }

    fn by_node(&mut self, model: &ViewModel) {
        let nodes = model.machines.iter().enumerate().filter(|(_, machine)| !machine.control_plane);
        self.plots = nodes
            .map(|(index, machine)| {
                let zone = self.zones.iter().position(|zone| *zone == zone_of(machine)).map_or(self.zones.len(), |zone| zone);
                let pods = Rc::clone(&machine.pods);
                let (rect, note) = (Rect::default(), Text::default());
                Plot { rect, name: Text::new(&machine.name), note, machine: Some(index), zone: zone as u8, pods }
            })
            .collect();
        let by_zone = self.look.grouping == Grouping::Zone && !self.zones.is_empty();
        if by_zone {
            self.plots.sort_by_key(|plot| plot.zone);
        }
        let most = self.plots.iter().map(|plot| plot.pods.len()).max().unwrap_or(0);
        // In steps, so that one pod more moves no other.
        self.slots = [8, 12, 20, 30, 48, 72, 110, 160, 256].into_iter().find(|slots| *slots >= most).unwrap_or(most);
        self.grid(by_zone);
    }

    /// Boxes of equal size in rows; a zone begins a new row under a line with its name.
    fn grid(&mut self, by_zone: bool) {
        let count = self.plots.len();
        if count == 0 {
            return;
        }
        let mut zones: Vec<(u8, usize)> = Vec::new();
        for plot in &self.plots {
            match zones.last_mut().filter(|(zone, _)| !by_zone || *zone == plot.zone) {
                Some((_, size)) => *size += 1,
                None => zones.push((plot.zone, 1)),
            }
        }
        let heading = if by_zone { HEADING } else { 0.0 };
        let lines = heading * zones.len() as f64;
        // As many columns as give boxes a little wider than high.
        let mut columns =
            ((count as f64 * self.area.w / (self.area.h - lines).max(1.0) / 1.3).sqrt().ceil() as usize).clamp(1, count);
        let rows = |columns: usize| zones.iter().map(|(_, size)| size.div_ceil(columns)).sum::<usize>();
        let height = |rows: usize| (self.area.h - lines).max(1.0) / rows as f64;
        while columns < count && height(rows(columns)) < self.area.w / columns as f64 / 1.7 {
            columns += 1;
        }
        let pitch = (self.area.w / columns as f64, height(rows(columns)).min(self.area.w / columns as f64 * 1.1));
        let gap = (pitch.0.min(pitch.1) * 0.07).clamp(0.4, 8.0);
        self.gap = gap;
        let (mut y, mut next) = (self.area.y, 0);
        for (zone, size) in zones {
            if by_zone {
                let name = self.zones.get(usize::from(zone)).cloned().unwrap_or_else(|| Text::from("–"));
                self.headings.push((Point::new(self.area.x, y + HEADING / 2.0), self.area.w, name));
                y += HEADING;
            }
            for (at, plot) in self.plots[next..next + size].iter_mut().enumerate() {
                let (row, column) = (at / columns, at % columns);
                let x = self.area.x + pitch.0 * column as f64;
                plot.rect = Rect::new(x, y + pitch.1 * row as f64, pitch.0 - gap, pitch.1 - gap);
            }
            y += pitch.1 * size.div_ceil(columns) as f64;
            next += size;
        }
    }

    fn by_owner(&mut self, model: &ViewModel) {
        let namespaces = self.look.grouping == Grouping::Namespace;
        let mut groups: PMap<(Text, Text, Text), Vec<Rc<PodView>>> = PMap::new();
        let lists = model.machines.iter().map(|machine| &machine.pods).chain([&model.unscheduled]);
        for pod in lists.flat_map(|pods| pods.iter()) {
            let key = if namespaces {
                (pod.namespace.clone(), Text::default(), Text::default())
            } else {
                (pod.namespace.clone(), pod.owner.clone(), pod.controller.clone())
            };
            groups.entry(key).or_default().push(Rc::clone(pod));
        }
        let plots = groups.into_iter().map(|((namespace, owner, controller), pods)| {
            let (name, note) = match (namespaces, namespace.as_str()) {
                (true, _) => (namespace, Text::default()),
                (false, _) if controller == owner || controller.is_empty() => (owner, namespace),
                (false, _) => (owner, controller),
            };
            Plot { rect: Rect::default(), name, note, machine: None, zone: 0, pods: Pods::new(pods) }
        });
        self.plots = plots.collect();
        // A small one is no line beside a large one.
        let least = self.plots.iter().map(|plot| plot.pods.len()).sum::<usize>() as f64 / (4.0 * self.plots.len().max(1) as f64);
        let weights: Vec<f64> = self.plots.iter().map(|plot| (plot.pods.len() as f64 + 6.0).max(least)).collect();
        for (plot, rect) in self.plots.iter_mut().zip(strips(&weights, self.area)) {
            plot.rect = rect.inset((rect.w.min(rect.h) * 0.03).clamp(0.5, 5.0));
        }
    }

    /// What is drawn of a box whose place in the view is `rect`, from the back to the front.
    pub fn draw(&self, plot: &Plot, rect: Rect, model: &ViewModel, texts: &Texts, put: &mut dyn FnMut(Mark)) {
        let machine = plot.machine.and_then(|index| model.machines.get(index));
        if let Some(machine) = machine.filter(|_| rect.w >= WHOLE.0 && rect.h >= WHOLE.1) {
            return self.draw_whole(plot, machine, rect, model, texts, put);
        }
        let up = machine.is_none_or(|machine| compose::is_up(machine));
        let cells = self.cells(plot, rect);
        if cells.size < SMALLEST_CELL {
            return self.draw_tile(plot, machine, rect, up, put);
        }
        let look = if up { BoxLook::Node } else { BoxLook::NodeDown };
        put(Mark::Box { rect, radius: (rect.w * 0.04).min(8.0), look });
        if let Some(share) = machine.and_then(|machine| self.share(machine)) {
            put(level(rect, share));
        }
        if is_named(rect) {
            let y = rect.y + 3.0 + TITLE / 2.0;
            let bullet = if machine.is_none() {
                ""
            } else if up {
                "●"
            } else {
                "✕"
            };
            let room = rect.w - 10.0 - text_width(bullet, TYPE, true);
            let name = Self::name(plot, room);
            let left = room - text_width(&name, TYPE, true) - 6.0;
            put(label(Point::new(rect.x + 5.0, y), Align::Start, TYPE, true, Ink::Main, name));
            let ink = if up { Ink::Good } else { Ink::Bad };
            put(label(Point::new(rect.right() - 5.0, y), Align::End, TYPE, true, ink, bullet));
            let count = plot.pods.len().to_string();
            let note = if plot.note.is_empty() { count } else { format!("{} · {count}", plot.note) };
            let note = if text_width(&note, 11.0, false) <= left { note } else { plot.pods.len().to_string() };
            if machine.is_none() && text_width(&note, 11.0, false) <= left {
                put(label(Point::new(rect.right() - 5.0, y), Align::End, 11.0, false, Ink::Soft, note));
            }
        }
        if let Some(machine) = machine.filter(|machine| machine.etcd_only && is_named(rect)) {
            // No pods will ever be there.
            let inner = Rect::new(rect.x, rect.y + TITLE, rect.w, rect.h - TITLE).inset(6.0);
            let place = MachineBox { parts: vec![(Part::Etcd, inner)], ..bare_box(machine.id, rect) };
            let etcd = compose::parts_group(machine, &place, TYPE, (Detail::Brief, Metrics::of(Detail::Brief)), model, texts);
            etcd.groups.iter().flat_map(|group| &group.marks).for_each(|mark| put(mark.clone()));
        }
        self.draw_cells(plot, cells, put);
    }

    /// A name, or its end, which tells it from others, where there is no room for all of it.
    fn name(plot: &Plot, room: f64) -> String {
        let name = plot.name.as_str();
        if plot.machine.is_none() { fit(name, room, TYPE, true) } else { compose::fit_end(name, room, TYPE) }
    }

    /// All that a node shows in a lecture.
    fn draw_whole(
        &self,
        plot: &Plot,
        machine: &MachineView,
        rect: Rect,
        model: &ViewModel,
        texts: &Texts,
        put: &mut dyn FnMut(Mark),
    ) {
        let plan = Plan::of_node(rect);
        // Its pods stand where they stand in every box.
        let view = MachineView { pods: Rc::default(), ..machine.clone() };
        let place = worker_box(&view, rect, &plan);
        let node = compose::node_group(&view, &place, plan.font, plan.metrics, texts);
        let parts = compose::parts_group(&view, &place, plan.font, (plan.detail, plan.metrics), model, texts);
        for mark in node.marks.iter().chain(parts.groups.iter().flat_map(|group| &group.marks)) {
            put(mark.clone());
        }
        self.draw_cells(plot, self.cells(plot, rect), put);
    }

    fn draw_cells(&self, plot: &Plot, cells: Cells, put: &mut dyn FnMut(Mark)) {
        for (index, pod) in plot.pods.iter().enumerate() {
            let (rect, family) = (cells.at(index), self.family(pod, plot));
            put(Mark::Cell { rect, phase: pod.phase, family });
            if rect.w >= 20.0 {
                put(compose::pod_tag(pod, rect, family == Family::System));
            }
        }
    }

    /// A box without room for cells: shares of its height.
    fn draw_tile(&self, plot: &Plot, machine: Option<&Rc<MachineView>>, rect: Rect, up: bool, put: &mut dyn FnMut(Mark)) {
        put(Mark::Box { rect, radius: 0.0, look: if up { BoxLook::Tile } else { BoxLook::TileDown } });
        match (self.look.colouring, machine.and_then(|machine| self.share(machine))) {
            (Colouring::Cpu | Colouring::Memory, share) => put(level(rect, share.unwrap_or(0.0))),
            (Colouring::Zone, _) => put(Mark::Tile { rect, family: self.zone_family(plot) }),
            (Colouring::State, _) => {
                let room = self.slots.max(plot.pods.len()).max(1) as f64;
                let mut bottom = rect.bottom();
                for phase in FROM_BELOW {
                    let h = rect.h * f64::from(plot.pods.phases[phase as usize]) / room;
                    if h > 0.0 {
                        // What has failed is seen in a crowd, too.
                        let h = if phase == PodPhase::Failed { h.max(2.0).min(bottom - rect.y) } else { h };
                        bottom -= h;
                        put(Mark::Tile { rect: Rect::new(rect.x, bottom, rect.w, h), family: Family::State(phase) });
                    }
                }
            }
            (Colouring::Owner, _) => {
                let room = self.slots.max(plot.pods.len()).max(1) as f64;
                let mut bottom = rect.bottom();
                for (hue, count) in plot.pods.hues.iter().enumerate() {
                    let h = rect.h * f64::from(*count) / room;
                    bottom -= h;
                    put(Mark::Tile { rect: Rect::new(rect.x, bottom, rect.w, h), family: Family::Hue(hue as u8) });
                }
            }
        }
        if !up && rect.w >= 4.0 {
            put(Mark::Cross { rect: rect.inset(rect.w.min(rect.h) * 0.2) });
        }
        if self.look.colouring == Colouring::Zone && rect.w >= 11.0 && rect.h >= 12.0 {
            let letter = self.zones.get(usize::from(plot.zone)).and_then(|zone| zone.chars().last()).unwrap_or('–');
            put(label(Point::new(rect.cx(), rect.cy()), Align::Middle, 11.0, true, Ink::OnPod, letter.to_string()));
        }
    }

    /// How much of the resource that colours mean is requested.
    fn share(&self, machine: &MachineView) -> Option<f64> {
        let name = match self.look.colouring {
            Colouring::Cpu => "cpu",
            Colouring::Memory => "mem",
            _ => return None,
        };
        machine.node.as_ref()?.gauges.iter().find(|gauge| gauge.name == name).map(|gauge| gauge.share)
    }

    fn zone_family(&self, plot: &Plot) -> Family {
        if usize::from(plot.zone) < self.zones.len() { Family::Hue(plot.zone) } else { Family::System }
    }

    fn family(&self, pod: &PodView, plot: &Plot) -> Family {
        match self.look.colouring {
            Colouring::State => Family::State(pod.phase),
            Colouring::Owner => Family::Hue(pod.hue),
            Colouring::Zone if plot.machine.is_some() => self.zone_family(plot),
            Colouring::Cpu | Colouring::Memory | Colouring::Zone => Family::System,
        }
    }

    /// Where a box's cells stand when its place in the view is `rect`.
    fn cells(&self, plot: &Plot, rect: Rect) -> Cells {
        if plot.machine.is_some() && rect.w >= WHOLE.0 && rect.h >= WHOLE.1 {
            // In a node drawn as a whole they stand below its gauges.
            return Cells::new(worker_box(&MachineView::default(), rect, &Plan::of_node(rect)).area, plot.pods.len());
        }
        let pad = (rect.w.min(rect.h) * 0.06).clamp(0.5, 5.0);
        let title = if is_named(rect) { TITLE + 1.0 } else { 0.0 };
        let area = Rect::new(rect.x + pad, rect.y + pad + title, rect.w - 2.0 * pad, rect.h - 2.0 * pad - title);
        Cells::new(area, if self.slots > 0 { self.slots } else { plot.pods.len() })
    }

    /// Where something stands on the stage, as `camera` shows it.
    pub fn place_of(&self, selection: &Selection, camera: &Camera) -> Option<Rect> {
        match selection {
            Selection::Node(name) => {
                self.plots.iter().find(|plot| plot.machine.is_some() && plot.name == name.as_str()).map(|plot| plot.rect)
            }
            Selection::Pod(namespace, name) => self.plots.iter().find_map(|plot| {
                let at = plot.pods.iter().position(|pod| pod.name == name.as_str() && pod.namespace == namespace.as_str())?;
                let cells = self.cells(plot, camera.rect_to_view(plot.rect));
                Some(if cells.size < SMALLEST_CELL { plot.rect } else { camera.rect_to_stage(cells.at(at)) })
            }),
            _ => None,
        }
    }

    /// Where all pods are in the view, by their uids.
    pub(super) fn places_of_pods(&self, camera: &Camera, places: &mut PMap<Text, Rect>) {
        for plot in &self.plots {
            let cells = self.cells(plot, camera.rect_to_view(plot.rect));
            places.extend(plot.pods.iter().enumerate().map(|(at, pod)| (pod.uid.clone(), cells.at(at))));
        }
    }

    /// What stands at a point of the view.
    pub fn hit(&self, at: Point, camera: &Camera) -> Option<Selection> {
        let (plot, rect) =
            self.plots.iter().map(|plot| (plot, camera.rect_to_view(plot.rect))).find(|(_, rect)| rect.holds(at))?;
        let cells = self.cells(plot, rect);
        let pod = (0..plot.pods.len()).filter(|_| cells.size >= SMALLEST_CELL).find(|index| cells.at(*index).holds(at));
        match pod.and_then(|index| plot.pods.get(index)) {
            Some(pod) => Some(Selection::Pod(pod.namespace.to_string(), pod.name.to_string())),
            None => plot.machine.map(|_| Selection::Node(plot.name.to_string())),
        }
    }

    /// Everything as `camera` shows it on a view of a size, for painters that draw all of it.
    pub fn group(&self, model: &ViewModel, camera: &Camera, size: (f64, f64), texts: &Texts) -> Group {
        let mut marks = Vec::new();
        let view = Rect::new(0.0, 0.0, size.0, size.1);
        for plot in &self.plots {
            let rect = camera.rect_to_view(plot.rect);
            if rect.overlaps(&view) {
                self.draw(plot, rect, model, texts, &mut |mark| marks.push(mark));
            }
        }
        marks.extend(self.heading_marks(camera));
        marks.extend(self.legend(texts, size));
        Group { key: "field".into(), selects: None, title: String::new(), marks, groups: Vec::new() }
    }

    /// The lines with the names of zones.
    pub fn heading_marks(&self, camera: &Camera) -> Vec<Mark> {
        let line = |(at, width, text): &(Point, f64, Text)| {
            let place = camera.to_view(*at);
            label(place, Align::Start, TYPE, true, Ink::Soft, fit(text, width * camera.scale, TYPE, true))
        };
        self.headings.iter().map(line).collect()
    }

    /// What the colours mean, at the lower edge of the view.
    pub fn legend(&self, texts: &Texts, size: (f64, f64)) -> Vec<Mark> {
        let mut items: Vec<(Family, PodPhase, String)> = match self.look.colouring {
            Colouring::State => {
                PodPhase::ALL.iter().map(|phase| (Family::State(*phase), *phase, texts.phase(*phase).to_string())).collect()
            }
            Colouring::Cpu | Colouring::Memory => {
                let name = if self.look.colouring == Colouring::Cpu { "cpu" } else { "memory" };
                let step = |step: u8| (Family::Heat(step), PodPhase::Running, format!("{} %", u32::from(step) * 25));
                let title = (Family::System, PodPhase::Running, format!("{name}: {}", texts.requested));
                [title].into_iter().chain((0..5).map(step)).collect()
            }
            Colouring::Owner => {
                self.owners().into_iter().map(|(hue, name)| (Family::Hue(hue), PodPhase::Running, name)).collect()
            }
            Colouring::Zone => {
                let zones = self.zones.iter().enumerate();
                let zones = zones.map(|(at, zone)| (Family::Hue(at as u8), PodPhase::Running, zone.to_string()));
                zones.chain([(Family::System, PodPhase::Running, texts.no_zone.to_string())]).collect()
            }
        };
        let room = size.0 - 4.0 - self.area.x;
        let width = |items: &[(Family, PodPhase, String)], size: f64| {
            items.iter().map(|(.., text)| text_width(text, size, false) + 33.0).sum::<f64>() - 14.0
        };
        // Where there is no room for all: what is not to be seen is left out, the type gets smaller, the first reason stands for all.
        if width(&items, TYPE) > room && self.look.colouring == Colouring::State {
            items.retain(|(_, phase, _)| self.plots.iter().any(|plot| plot.pods.phases[*phase as usize] > 0));
        }
        let small = if width(&items, TYPE) > room { 11.0 } else { TYPE };
        if width(&items, small) > room {
            let failed = items.iter_mut().filter(|(_, phase, _)| *phase == PodPhase::Failed);
            failed.for_each(|(.., text)| text.truncate(text.find(',').unwrap_or(text.len())));
        }
        let mut marks = Vec::new();
        let y = self.area.bottom() + LEGEND / 2.0;
        let mut x = self.area.x;
        for (family, phase, text) in items {
            let width = text_width(&text, small, false);
            if x + 18.0 + width > size.0 - 4.0 {
                break;
            }
            let cell = Rect::new(x, y - 7.0, 14.0, 14.0);
            marks.push(Mark::Cell { rect: cell, phase, family });
            marks.push(label(Point::new(x + 19.0, y), Align::Start, small, false, Ink::Main, text));
            x += 19.0 + width + 14.0;
        }
        let ground = Rect::new(self.area.x - 4.0, y - LEGEND / 2.0 + 2.0, x - self.area.x, LEGEND - 2.0);
        marks.insert(0, Mark::Box { rect: ground, radius: 5.0, look: BoxLook::Ground });
        marks
    }

    /// The owners of most pods by hue.
    fn owners(&self) -> Vec<(u8, String)> {
        let mut counts: PMap<Text, (u8, usize)> = PMap::new();
        for pod in self.plots.iter().flat_map(|plot| plot.pods.iter()).take(4_000) {
            counts.entry(pod.owner.clone()).or_insert((pod.hue, 0)).1 += 1;
        }
        let mut names: Vec<Vec<(usize, Text)>> = vec![Vec::new(); usize::from(HUES)];
        for (owner, (hue, count)) in counts {
            names[usize::from(hue)].push((count, owner));
        }
        let line = |(hue, mut owners): (usize, Vec<(usize, Text)>)| {
            owners.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
            let more = if owners.len() > 1 { format!(" +{}", owners.len() - 1) } else { String::new() };
            owners.first().map(|(_, name)| (hue as u8, format!("{name}{more}")))
        };
        names.into_iter().enumerate().filter_map(line).collect()
    }
}

/// Height of the line with the legend, in pixels.
pub const LEGEND: f64 = 26.0;

/// What stands on top of what in a tile.
const FROM_BELOW: [PodPhase; 7] = [
    PodPhase::Running,
    PodPhase::Succeeded,
    PodPhase::Started,
    PodPhase::Creating,
    PodPhase::Pending,
    PodPhase::Terminating,
    PodPhase::Failed,
];

fn zone_of(machine: &MachineView) -> Text {
    machine.node.as_ref().map(|node| node.zone.clone()).unwrap_or_default()
}

fn is_named(rect: Rect) -> bool {
    rect.w >= NAMED.0 && rect.h >= NAMED.1
}

/// A box filled as far as something is used: higher and darker.
fn level(rect: Rect, share: f64) -> Mark {
    let share = share.clamp(0.0, 1.0);
    let h = rect.h * share;
    let step = (share * 4.0).round() as u8;
    Mark::Tile { rect: Rect::new(rect.x, rect.bottom() - h, rect.w, h), family: Family::Heat(step) }
}

#[cfg(test)]
mod tests;
