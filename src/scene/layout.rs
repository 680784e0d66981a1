//! Where everything stands: the api-server as a wide bar, the control plane's other parts hanging above it, the
//! workers below, kubectl at its end. A pure function of what there is and how much room there is.

use orrery_sim::core::collections::PMap;
use orrery_sim::core::{Controller, MachineId, Part};

use std::rc::Rc;

use super::field::{Field, LEGEND};
use super::geometry::{Rect, text_width};
use super::look::Look;
use super::model::{MachineView, ViewModel};
use super::plan::{BALANCER_LANE, Metrics, Plan};

/// How much is shown; the richest that is legible is chosen unless a lesson or the URL says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Parts, controllers, gauges, pods.
    Full,
    /// The same with less air: four controllers, gauges in one row.
    Medium,
    /// Boxes of the parts and pods only.
    Brief,
    /// Nodes as boxes of pod cells.
    Cells,
}

impl Detail {
    /// From the richest to the sparsest.
    pub const ALL: [Self; 4] = [Self::Full, Self::Medium, Self::Brief, Self::Cells];

    /// The name used in URLs: `full`, `medium`, `brief`, `cells`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "full" => Some(Self::Full),
            "medium" => Some(Self::Medium),
            "brief" => Some(Self::Brief),
            "cells" => Some(Self::Cells),
            _ => None,
        }
    }
}

/// A place for everything on a stage of a given size.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Width and height of the stage.
    pub size: (f64, f64),
    /// Base size of the type, in pixels.
    pub font: f64,
    /// The sizes that were chosen, in units of it.
    pub metrics: &'static Metrics,
    /// What is shown.
    pub detail: Detail,
    /// Whether kubectl stands above the cluster instead of beside it.
    pub stacked: bool,
    /// The dashed frame around the cluster.
    pub frame: Option<Rect>,
    /// kubectl.
    pub user: Rect,
    /// The image registry, where there is room for it.
    pub registry: Option<Rect>,
    /// Where pods wait that have no node yet.
    pub tray: Rect,
    /// Control-plane nodes, then workers.
    pub machines: Vec<MachineBox>,
    /// The load balancer: a bar below the control-plane nodes.
    pub balancer: Option<MachineBox>,
    /// The boxes in the workers' place, where there are many or pods are grouped otherwise.
    pub field: Option<Rc<Field>>,
    /// Positions in `machines`.
    by_id: PMap<MachineId, usize>,
}

/// A machine's place.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineBox {
    /// Which.
    pub id: MachineId,
    /// Whether it carries the control plane.
    pub control_plane: bool,
    /// The whole box.
    pub rect: Rect,
    /// The line with its name.
    pub title: Rect,
    /// The api-server.
    pub bar: Option<Rect>,
    /// Its other parts.
    pub parts: Vec<(Part, Rect)>,
    /// The controllers inside the kube-controller-manager.
    pub chips: Vec<(Controller, Rect)>,
    /// One line for each gauge.
    pub gauges: Vec<Rect>,
    /// Where its pods have room.
    pub area: Rect,
    /// Its pods' cells, in their order.
    pub cells: Vec<Rect>,
    /// The x of the free lane beside it.
    pub gutter: f64,
    /// Row among the workers, from 0.
    pub row: usize,
}

impl MachineBox {
    /// The place of a part, if it is shown.
    pub fn part(&self, part: Part) -> Option<Rect> {
        match part {
            Part::ApiServer => self.bar,
            Part::Controller(controller) => self
                .chips
                .iter()
                .find(|(have, _)| *have == controller)
                .map(|(_, rect)| *rect)
                .or_else(|| self.part_box(Part::Controller(Controller::Manager))),
            part => self.part_box(part),
        }
    }

    fn part_box(&self, part: Part) -> Option<Rect> {
        self.parts.iter().find(|(have, _)| *have == part).map(|(_, rect)| *rect)
    }
}

impl Layout {
    /// The layout of `model` on a stage of `width` × `height` pixels; `detail` asks for less or more than fits best,
    /// `look` for another order.
    pub fn new(model: &ViewModel, width: f64, height: f64, detail: Option<Detail>, look: Look) -> Self {
        let plan = Plan::choose(model, width, height, detail, look);
        let f = plan.font;
        let m = plan.metrics;
        let margin = plan.margin();
        let control: Vec<&MachineView> =
            model.machines.iter().map(|machine| &**machine).filter(|machine| machine.control_plane).collect();
        let workers: Vec<&MachineView> =
            model.machines.iter().map(|machine| &**machine).filter(|machine| !machine.control_plane).collect();

        let left = if plan.stacked { 0.0 } else { m.left * f };
        let top = if plan.stacked { plan.top_row() } else { 0.0 };
        let frame = Rect::new(margin + left, margin + top, width - 2.0 * margin - left, height - 2.0 * margin - top);
        let inner = frame.inset(m.frame_pad * f);

        let mut machines = Vec::new();
        let mut y = inner.y + m.frame_label * f;
        let cp_height = if control.is_empty() { 0.0 } else { plan.control_plane_height };
        let gap = m.gap * f;
        let count = control.len().max(1) as f64;
        let cp_width = (inner.w - gap * (count - 1.0)) / count;
        for (index, machine) in control.iter().enumerate() {
            let rect = Rect::new(inner.x + (cp_width + gap) * index as f64, y, cp_width, cp_height);
            machines.push(control_plane_box(machine, rect, &plan, workers.is_empty()));
        }
        y += cp_height;
        let balancer = model.balancer.as_ref().map(|balancer| {
            y += plan.lane * BALANCER_LANE;
            let rect = Rect::new(inner.x, y, inner.w, m.bar * f);
            y += rect.h;
            balancer_box(balancer.id, rect)
        });
        y += plan.lane;
        let columns = plan.columns.max(1);
        let width_each = (inner.w - gap * (columns as f64 - 1.0)) / columns as f64;
        let field = (plan.detail == Detail::Cells).then(|| {
            let area = Rect::new(inner.x, y, inner.w, (inner.bottom() - LEGEND - y).max(1.0));
            Rc::new(Field::new(model, area, look))
        });
        // Above the first row there may be the name of a zone.
        let first = field.iter().flat_map(|field| &field.plots).map(|plot| plot.rect.y).fold(f64::MAX, f64::min);
        for (field, plot) in field.iter().flat_map(|field| field.plots.iter().map(move |plot| (field, plot))) {
            if let Some(machine) = plot.machine.and_then(|index| model.machines.get(index)) {
                // What travels to a further row passes beside the boxes of the others.
                let (gutter, row) = (plot.rect.right() + field.gap / 2.0, usize::from(plot.rect.y > first + 1.0));
                machines.push(MachineBox { gutter, row, ..bare_box(machine.id, plot.rect) });
            }
        }
        for (index, machine) in workers.iter().enumerate().filter(|_| field.is_none()) {
            let (row, column) = (index / columns, index % columns);
            let x = inner.x + (width_each + gap) * column as f64;
            let rect = Rect::new(x, y + (plan.worker_height + plan.row_gap()) * row as f64, width_each, plan.worker_height);
            let mut place = worker_box(machine, rect, &plan);
            place.row = row;
            machines.push(place);
        }

        // Members of etcd speak with each other along the left edge: their machines' names make way.
        let mut members: Vec<&mut MachineBox> =
            machines.iter_mut().filter(|machine| machine.part(Part::Etcd).is_some()).collect();
        if members.len() > 1 {
            for machine in members.iter_mut().filter(|machine| machine.control_plane) {
                machine.title = Rect::new(
                    machine.title.x + m.member_lane * f,
                    machine.title.y,
                    machine.title.w - m.member_lane * f,
                    machine.title.h,
                );
            }
        }
        let parts_y = machines.first().map_or(margin + top, |cp| cp.title.bottom());
        let (user, tray, registry) = if plan.stacked {
            let user = Rect::new(margin, margin, (7.5 * f).min(width * 0.4), 2.2 * f);
            let registry = m.registry.then(|| Rect::new(width - margin - 6.0 * f, margin, 6.0 * f, 2.2 * f));
            let right = registry.map_or(width - margin, |registry| registry.x - f);
            let tray = Rect::new(user.right() + f, margin, (right - user.right() - f).max(0.0), 2.2 * f);
            (user, tray, registry)
        } else {
            let width = left - m.left_gap * f;
            let user = Rect::new(margin, parts_y, width, m.cp_parts * f);
            let bar = balancer.as_ref().or(machines.first()).and_then(|server| server.bar);
            let bar = bar.map_or(user.bottom() + f, |bar| bar.bottom());
            let registry = m.registry.then(|| {
                let height = m.cp_parts.min(3.0) * f;
                Rect::new(margin, frame.bottom() - height, width, height)
            });
            let bottom = registry.map_or(frame.bottom(), |registry| registry.y - 1.4 * f);
            let top = bar + plan.lane.min(4.0 * f);
            (user, Rect::new(margin, top, width, (bottom - top).max(0.0)), registry)
        };
        Self {
            size: (width, height),
            font: f,
            metrics: m,
            detail: plan.detail,
            stacked: plan.stacked,
            frame: (!model.machines.is_empty()).then_some(frame),
            user,
            registry: registry.filter(|_| !model.machines.is_empty()),
            tray,
            by_id: machines.iter().enumerate().map(|(at, machine)| (machine.id, at)).collect(),
            machines,
            balancer,
            field,
        }
    }

    /// The place of a machine.
    pub fn machine(&self, id: MachineId) -> Option<&MachineBox> {
        let found = self.by_id.get(&id).and_then(|at| self.machines.get(*at));
        found.or(self.balancer.as_ref().filter(|balancer| balancer.id == id))
    }

    /// Whether it is a node of the field, to which no standing wire leads.
    pub fn is_far(&self, id: MachineId) -> bool {
        self.field.is_some() && self.machine(id).is_some_and(|machine| machine.bar.is_none())
    }

    /// Whether everything between which messages travel stands at the same places.
    pub fn stands_as(&self, other: &Self) -> bool {
        (self.size, self.font, self.detail, self.stacked, self.frame)
            == (other.size, other.font, other.detail, other.stacked, other.frame)
            && (self.user, self.registry, self.tray) == (other.user, other.registry, other.tray)
            && self.machines == other.machines
            && self.balancer == other.balancer
    }

    /// The size of the type on pills.
    pub fn pill_font(&self) -> f64 {
        self.metrics.type_of(0.8, self.font).max(11.0)
    }

    /// The height of a pill.
    pub fn pill_height(&self) -> f64 {
        self.pill_font() * self.metrics.pill
    }
}

/// The load balancer is all bar.
fn balancer_box(id: MachineId, rect: Rect) -> MachineBox {
    MachineBox { bar: Some(rect), title: rect, parts: vec![(Part::LoadBalancer, rect)], ..bare_box(id, rect) }
}

/// A box of which nothing else is known.
pub(super) fn bare_box(id: MachineId, rect: Rect) -> MachineBox {
    MachineBox {
        id,
        control_plane: false,
        rect,
        title: Rect { h: 0.0, ..rect },
        bar: None,
        parts: Vec::new(),
        chips: Vec::new(),
        gauges: Vec::new(),
        area: rect,
        cells: Vec::new(),
        gutter: rect.right(),
        row: 0,
    }
}

fn control_plane_box(machine: &MachineView, rect: Rect, plan: &Plan, alone: bool) -> MachineBox {
    let (f, m) = (plan.font, plan.metrics);
    let inner = Rect::new(rect.x + m.pad * f, rect.y, rect.w - 2.0 * m.pad * f, rect.h);
    let title = Rect::new(inner.x, rect.y, inner.w, m.cp_title * f);
    let row = Rect::new(inner.x, title.bottom(), inner.w, m.cp_parts * f);
    let bar = Rect::new(inner.x, row.bottom() + plan.lane_above, inner.w, m.bar * f);

    let (parts, chips) = control_plane_parts(row, plan);

    let cell = m.cell.min(m.cp_title - 0.2) * f;
    let (area, cells) = if alone {
        let area = Rect::new(inner.x, bar.bottom() + 0.8 * f, inner.w, (rect.bottom() - bar.bottom() - 1.4 * f).max(0.0));
        (area, place_cells(area, machine.pods.len(), m.cell * f, false))
    } else {
        // In a narrow box the name comes first; on a slide it takes all that it needs.
        let narrow = title.w < 26.0 * f;
        let room = title.w * if narrow { 0.36 } else { 0.5 };
        let name = text_width(machine.end_of_name(), f, true) + (m.member_lane + 1.4) * f;
        let room = if m.even && narrow { Some(title.w - name).filter(|room| *room > 3.0 * f).unwrap_or_default() } else { room };
        let area = Rect::new(title.right() - room, title.cy() - cell / 2.0, room, cell);
        (area, place_cells(area, machine.pods.len(), cell, true))
    };
    MachineBox {
        id: machine.id,
        control_plane: true,
        rect,
        title,
        bar: Some(bar),
        parts,
        chips,
        gauges: Vec::new(),
        area,
        cells,
        gutter: rect.right() + m.gap * f / 2.0,
        row: 0,
    }
}

/// The parts above the bar, and the controllers within the controller-manager.
fn control_plane_parts(row: Rect, plan: &Plan) -> (Vec<(Part, Rect)>, Vec<(Controller, Rect)>) {
    const MANAGER: Part = Part::Controller(Controller::Manager);
    let (f, m) = (plan.font, plan.metrics);
    if m.cp_fold > 0.0 {
        // etcd as high as the row; beside it the scheduler above the controller-manager, with a lane for the scheduler's wires.
        let spare = (row.w - (m.cp_widths[0] + m.cp_fold + m.cp_widths[2]) * f).max(0.0);
        let etcd = Rect { w: m.cp_widths[0] * f + spare * 0.3, ..row };
        let half = (row.h - 0.12 * f) / 2.0;
        let left = etcd.right() + 0.15 * f;
        let scheduler = Rect::new(left, row.y, row.right() - left, half);
        let left = etcd.right() + m.cp_fold * f;
        let manager = Rect::new(left, row.bottom() - half, row.right() - left, half);
        return (vec![(Part::Etcd, etcd), (Part::Scheduler, scheduler), (MANAGER, manager)], Vec::new());
    }
    // Minimal widths; what is left over goes to the gaps first (the lanes of the labels), then to the boxes.
    let mut widths = m.cp_widths;
    if plan.external {
        widths[0] = 0.0;
    }
    let shown = widths.iter().filter(|width| **width > 0.0).count();
    let sum: f64 = widths.iter().sum();
    let spare = (row.w - sum * f - 3.0 * m.part_gap * f).max(0.0);
    let gap = m.part_gap * f + spare * 0.12;
    let grow = (spare * 0.64) / sum;
    let mut x = row.x;
    let mut parts = Vec::new();
    let mut chips = Vec::new();
    for (index, width) in widths.iter().enumerate().filter(|(_, width)| **width > 0.0) {
        let last = parts.len() + 1 == shown;
        let w = if last { row.right() - x } else { width * (f + grow) };
        let place = Rect::new(x, row.y, w, row.h);
        match index {
            0 => parts.push((Part::Etcd, place)),
            1 => parts.push((Part::Scheduler, place)),
            2 => {
                parts.push((MANAGER, place));
                chips = chip_places(place, m, f);
            }
            _ => parts.extend(node_parts(place, m, f)),
        }
        x += w + gap;
    }
    (parts, chips)
}

/// kubelet, runtime and kube-proxy of a control-plane node: the first as high as the row, the others on top of each other.
fn node_parts(place: Rect, m: &Metrics, f: f64) -> Vec<(Part, Rect)> {
    if !m.control_plane_proxy {
        return vec![(Part::Kubelet, place)];
    }
    let gap = 0.7 * f;
    let kubelet = Rect::new(place.x, place.y, (place.w - gap) * 0.44, place.h);
    let rest = Rect::new(kubelet.right() + gap, place.y, place.w - kubelet.w - gap, (place.h - 0.4 * f) / 2.0);
    let proxy = Rect::new(rest.x, rest.bottom() + 0.4 * f, rest.w, rest.h);
    vec![(Part::Kubelet, kubelet), (Part::Runtime, rest), (Part::KubeProxy, proxy)]
}

/// The controllers that get a chip, most telling first; the others speak from the box itself.
const CHIPS: [Controller; 8] = [
    Controller::Deployment,
    Controller::ReplicaSet,
    Controller::DaemonSet,
    Controller::Node,
    Controller::EndpointSlice,
    Controller::Namespace,
    Controller::GarbageCollector,
    Controller::ServiceAccount,
];

/// The name on a controller's chip.
pub const fn chip_name(controller: Controller) -> &'static str {
    match controller {
        Controller::Manager => "manager",
        Controller::Deployment => "deployment",
        Controller::ReplicaSet => "replicaset",
        Controller::DaemonSet => "daemonset",
        Controller::Node => "node",
        Controller::Ttl => "ttl",
        Controller::Endpoint => "endpoint",
        Controller::EndpointSlice => "endpointslice",
        Controller::Namespace => "namespace",
        Controller::GarbageCollector => "garbage",
        Controller::ServiceAccount => "serviceaccount",
        Controller::RootCa => "root-ca",
        Controller::Disruption => "disruption",
        Controller::PodGc => "pod gc",
    }
}

fn chip_places(place: Rect, m: &Metrics, f: f64) -> Vec<(Controller, Rect)> {
    let (rows, columns) = m.chips;
    if rows == 0 {
        return Vec::new();
    }
    let head = m.chip_head * f;
    let gap = 0.35 * f;
    let area = Rect::new(place.x + 0.55 * f, place.y + head, place.w - 1.1 * f, place.h - head - 0.5 * f);
    let w = (area.w - gap * (columns as f64 - 1.0)) / columns as f64;
    let h = (area.h - gap * (rows as f64 - 1.0)) / rows as f64;
    CHIPS
        .iter()
        .take(rows * columns)
        .enumerate()
        .map(|(index, controller)| {
            let (row, column) = (index / columns, index % columns);
            (*controller, Rect::new(area.x + (w + gap) * column as f64, area.y + (h + gap) * row as f64, w, h))
        })
        .collect()
}

/// A worker's box: so that their tags can be read, pods' cells have at least a certain size.
pub(super) fn worker_box(machine: &MachineView, rect: Rect, plan: &Plan) -> MachineBox {
    let (f, m) = (plan.font, plan.metrics);
    let pad = m.pad * f;
    let inner = Rect::new(rect.x + pad, rect.y + pad, rect.w - 2.0 * pad, rect.h - 2.0 * pad);
    let mut parts = Vec::new();
    let mut y = inner.y;
    // Where the name stands beside the parts, these have their own widths.
    let beside = m.w_title == 0.0;
    if machine.etcd_only && m.w_parts > 0.0 {
        parts.push((Part::Etcd, Rect::new(inner.x, y, inner.w, (m.w_parts * 1.7).max(if m.even { 2.7 } else { 3.2 }) * f)));
        y = parts[0].1.bottom() + if m.even { 0.0 } else { 0.4 * f };
    } else if m.w_parts > 0.0 {
        let gap = m.part_gap.min(0.5) * f;
        let shown = [Part::KubeProxy, Part::Kubelet, Part::Runtime].into_iter().zip(m.w_widths).filter(|(_, width)| *width > 0.0);
        let sum: f64 = m.w_widths.iter().sum();
        let unit = if beside { f } else { (inner.w - (shown.clone().count() - 1) as f64 * gap) / sum };
        let mut x = if beside { inner.right() - sum * f } else { inner.x };
        for (part, width) in shown {
            parts.push((part, Rect::new(x, y, unit * width, m.w_parts * f)));
            x += unit * width + gap;
        }
        y += m.w_parts * f + plan.cri_lane;
    }
    let title = match parts.first() {
        Some((_, first)) if beside && !machine.etcd_only => Rect::new(inner.x, first.y, first.x - inner.x - 0.3 * f, first.h),
        _ => Rect::new(inner.x, y, inner.w, m.w_title * f),
    };
    y = y.max(title.bottom());
    let mut gauges = Vec::new();
    let (rows, columns) = m.gauges;
    for index in 0..rows * columns {
        let (row, column) = (index / columns, index % columns);
        let gap = f;
        let w = (inner.w - gap * (columns as f64 - 1.0)) / columns as f64;
        gauges.push(Rect::new(inner.x + (w + gap) * column as f64, y + m.gauge * f * row as f64, w, m.gauge * f));
    }
    y += m.gauge * f * rows as f64;
    let gap = if m.even { 0.25 } else { 0.4 } * f;
    let area = Rect::new(inner.x, y + gap, inner.w, (inner.bottom() - y - gap).max(0.0));
    MachineBox {
        id: machine.id,
        control_plane: false,
        rect,
        title,
        bar: None,
        parts,
        chips: Vec::new(),
        gauges,
        area,
        cells: place_cells(area, machine.pods.len(), (m.cell * f).max(27.5), false),
        gutter: rect.right() + m.gap * f / 2.0,
        row: 0,
    }
}

/// Squares for `count` pods in an area: as large as `largest` where they fit, else as large as all of them allow.
pub fn place_cells(area: Rect, count: usize, largest: f64, from_right: bool) -> Vec<Rect> {
    if count == 0 || area.w < 1.0 || area.h < 1.0 {
        return vec![Rect::new(area.x, area.y, 0.0, 0.0); count];
    }
    let fits = |size: f64| {
        let pitch = size * 1.14;
        let columns = ((area.w + size * 0.14) / pitch).floor();
        let rows = ((area.h + size * 0.14) / pitch).floor();
        columns * rows >= count as f64
    };
    let mut size = largest.min(area.h).min(area.w);
    while !fits(size) && size > 1.0 {
        size *= 0.95;
    }
    let pitch = size * 1.14;
    let columns = (((area.w + size * 0.14) / pitch).floor() as usize).max(1);
    (0..count)
        .map(|index| {
            let (row, column) = (index / columns, index % columns);
            let first = if from_right { area.right() - size - pitch * (count.min(columns) - 1) as f64 } else { area.x };
            let x = first + pitch * column as f64;
            Rect::new(x, area.y + pitch * row as f64, size, size)
        })
        .collect()
}
