//! From what stands and where it stands to the marks of the scene.

use std::rc::Rc;

use orrery_sim::core::{Controller, Part};

use super::geometry::{Point, Rect, fit, text_width};
use super::layout::{Detail, Layout, MachineBox, chip_name, place_cells};
use super::links::{self, is_cut};
use super::look::Family;
use super::marks::{Align, BoxLook, Group, Ink, Mark, Scene, Selection};
use super::model::{BalancerView, EtcdRole, EtcdView, GaugeView, MachineView, PodPhase, PodView, ViewModel};
use super::plan::Metrics;
use crate::i18n::Texts;

impl Scene {
    /// The picture of `model` in a layout.
    pub fn new(model: &ViewModel, layout: Layout, texts: &Texts) -> Self {
        let mut groups = Vec::new();
        if let Some(frame) = layout.frame {
            groups.push(Rc::new(frame_group(model, &layout, frame, texts)));
        }
        // Nodes of the field are drawn by itself.
        let drawn = model.machines.iter().filter(|view| layout.field.is_none() || view.control_plane);
        let pairs: Vec<(&MachineView, &MachineBox)> =
            drawn.filter_map(|view| layout.machine(view.id).map(|place| (&**view, place))).collect();
        for (view, place) in &pairs {
            groups.push(Rc::new(node_group(view, place, layout.font, layout.metrics, texts)));
        }
        // Wires lie above the boxes of nodes and below those of parts.
        let wires = layout.wires();
        let marks = wires.iter().map(|wire| {
            let end = model.machine(wire.machine);
            let idle = end.is_some_and(|machine| !machine.powered || !machine.parts.contains(&wire.part.process()));
            let idle = idle || is_cut(model, wire.machine, wire.to);
            Mark::Wire { points: wire.points.clone(), kind: wire.kind, idle }
        });
        let (key, marks) = ("wires".into(), marks.collect());
        groups.push(Rc::new(Group { key, selects: None, title: String::new(), marks, groups: Vec::new() }));
        for (view, place) in &pairs {
            groups.push(Rc::new(parts_group(view, place, layout.font, (layout.detail, layout.metrics), model, texts)));
        }
        groups.extend(outside_groups(model, &layout, texts).into_iter().map(Rc::new));
        groups.extend(links::groups(model, &layout, &wires, texts).into_iter().map(Rc::new));
        Self { layout, groups }
    }
}

/// A line of text.
pub(super) fn label(at: Point, align: Align, size: f64, bold: bool, ink: Ink, text: impl Into<String>) -> Mark {
    // Type that nobody could read is left out.
    let text = if size < TOO_SMALL { String::new() } else { text.into() };
    Mark::Label { at, align, size, bold, ink, text }
}

/// The smallest type in pixels, where a smaller one is not forced by a small page.
pub(super) const SMALLEST: f64 = 11.0;
/// Type that would be smaller than this is not drawn.
const TOO_SMALL: f64 = 7.0;

fn frame_group(model: &ViewModel, layout: &Layout, frame: Rect, texts: &Texts) -> Group {
    let f = layout.font;
    let mut marks = vec![Mark::Box { rect: frame, radius: f, look: BoxLook::Frame }];
    if layout.metrics.frame_label > 0.0 {
        let text = format!("{} {}", texts.cluster.to_uppercase(), model.cluster);
        marks.push(label(
            Point::new(frame.x + f, frame.y + 0.95 * f),
            Align::Start,
            (0.78 * f).max(SMALLEST),
            true,
            Ink::Soft,
            text,
        ));
    }
    Group { key: "frame".into(), selects: None, title: String::new(), marks, groups: Vec::new() }
}

/// Whether a machine runs, is on the network, and its node Ready.
pub(super) fn is_up(view: &MachineView) -> bool {
    view.powered && !view.cut && view.node.as_ref().is_none_or(|node| node.ready)
}

/// A node with its pods, but without its parts.
pub(super) fn node_group(view: &MachineView, place: &MachineBox, f: f64, metrics: &Metrics, texts: &Texts) -> Group {
    let up = is_up(view);
    let look = if up { BoxLook::Node } else { BoxLook::NodeDown };
    let mut marks = vec![Mark::Box { rect: place.rect, radius: 0.7 * f, look }];
    let title = place.title;
    let y = title.cy();
    let size = metrics.type_of(1.05, f).max(SMALLEST);
    let status = status(view, texts);
    let joining = view.powered && !view.cut && view.node.is_none() && !view.etcd_only;
    let ink = match (up, joining) {
        (_, true) => Ink::Soft,
        (true, _) => Ink::Good,
        (false, _) => Ink::Bad,
    };
    let status_size = metrics.type_of(0.85, f).max(SMALLEST);
    let cells_left = if place.control_plane {
        place
            .cells
            .iter()
            .filter(|cell| cell.w > 0.0 && cell.bottom() <= title.bottom() + 1.0)
            .map(|cell| cell.x)
            .fold(title.right(), f64::min)
    } else {
        title.right()
    };
    let bullet = if up && !joining { "●" } else { "○" };
    if place.control_plane {
        // The name, then what goes with it, as far as there is room before the pods.
        let room = cells_left - title.x - if metrics.even { 0.0 } else { f };
        let name = node_name(view, room, size, metrics);
        let mut x = title.x + text_width(&name, size, true) + 0.8 * f;
        marks.push(label(Point::new(title.x, y), Align::Start, size, true, Ink::Main, name));
        let status = format!("{bullet} {status}");
        if x + text_width(&status, status_size, true) + 0.3 * f < cells_left {
            marks.push(label(Point::new(x, y), Align::Start, status_size, true, ink, status.clone()));
            x += text_width(&status, status_size, true) + 0.8 * f;
            let rest = details(view);
            let rest = if x + text_width(&rest, status_size, false) < cells_left { rest } else { version(view) };
            if x + text_width(&rest, status_size, false) < cells_left {
                marks.push(label(Point::new(x, y), Align::Start, status_size, false, Ink::Soft, rest));
            }
        } else if x + text_width(bullet, status_size, true) < cells_left {
            marks.push(label(Point::new(x, y), Align::Start, status_size, true, ink, bullet));
        }
        if let Some(bar) = place.bar.filter(|_| !up) {
            // Nobody should have to look for it: in words, where nothing else stands.
            let top = place.parts.iter().map(|(_, rect)| rect.bottom()).fold(title.bottom(), f64::max);
            let at = Point::new(place.rect.cx(), f64::midpoint(top, bar.y));
            let size = metrics.type_of(1.2, f);
            let text = fit(&format!("✕ {}", status_text(view, texts)), place.rect.w - 0.4 * f, size, true);
            marks.push(label(at, Align::Middle, size, true, Ink::Bad, text));
        }
    } else {
        let status = format!("{bullet} {status}");
        let gap = if metrics.even { 0.2 } else { 0.6 } * f;
        let room = |shown: &str| title.w - text_width(shown, status_size, true) - gap;
        // Who is well can be told by the bullet alone, so that there is room for the name; of the others' names the end has to do.
        let name_width = text_width(&view.name, size, true) + if metrics.even { size } else { 0.0 };
        let worth = !up && !metrics.even && text_width(&status, status_size, true) < title.w * 0.6;
        // On a slide the name is worth more than the bullet; the box has its own look when the node is not well.
        let bullet = if metrics.even && room(bullet) < text_width(view.end_of_name(), size, true) { "" } else { bullet };
        let shown = if worth || name_width <= room(&status) { status } else { bullet.to_string() };
        let status_width = text_width(&shown, status_size, true);
        let name = node_name(view, room(&shown), size, metrics);
        let name_width = text_width(&name, size, true);
        marks.push(label(Point::new(title.x, y), Align::Start, size, true, Ink::Main, name));
        marks.push(label(Point::new(title.right(), y), Align::End, status_size, true, ink, shown));
        let version = version(view);
        if name_width + text_width(&version, status_size, false) + status_width + 1.6 * f < title.w {
            let at = Point::new(title.x + name_width + 0.7 * f, y);
            marks.push(label(at, Align::Start, status_size, false, Ink::Soft, version));
        }
    }
    if let Some(node) = &view.node {
        // Of the same width in every line, so that the gauges can be compared.
        let widest = node.gauges.iter().map(|gauge| text_width(&gauge.text, GAUGE_TEXT * f, false)).fold(5.6 * f, f64::max);
        for (gauge, line) in node.gauges.iter().zip(&place.gauges) {
            gauge_marks(gauge, *line, f, widest, &mut marks);
        }
    }
    let groups = view
        .pods
        .iter()
        .zip(&place.cells)
        .filter(|(_, rect)| rect.w > 0.0)
        .map(|(pod, rect)| Rc::new(pod_group(pod, *rect)))
        .collect();
    let mut title = format!("{} {}, {}", texts.node, view.name, status_text(view, texts));
    if !view.etcd_only {
        title += &format!(" · {}", texts.pods_count(view.pods.len()));
    }
    Group { key: format!("node/{}", view.name), selects: Some(Selection::Node(view.name.clone())), title, marks, groups }
}

/// A machine's name, or as much of its end as there is room for: that tells it from others.
pub(super) fn fit_end(name: &str, room: f64, size: f64) -> String {
    let ends = name.char_indices().map(|(at, _)| &name[at..]);
    let words = ends.clone().filter(|end| end.len() == name.len() || name[..name.len() - end.len()].ends_with('-'));
    let all = words.map(str::to_string).chain(ends.map(|end| format!("…{end}")));
    all.into_iter().find(|end| text_width(end, size, true) <= room).unwrap_or_default()
}

fn status(view: &MachineView, texts: &Texts) -> String {
    status_text(view, texts)
}

/// A node's name, or as much of it as there is room for. Names of a cluster differ in their ends: on a slide these are left where all does not fit.
fn node_name(view: &MachineView, room: f64, size: f64, metrics: &Metrics) -> String {
    // Of `kind-worker` and `kind-worker2` both or none is whole.
    let digit = if view.name.ends_with(|letter: char| letter.is_ascii_digit()) { 0.0 } else { 0.71 * size };
    let whole = text_width(&view.name, size, true) + digit <= room;
    fit_end(if metrics.even && !whole { view.end_of_name() } else { &view.name }, room, size)
}

fn status_text(view: &MachineView, texts: &Texts) -> String {
    match &view.node {
        _ if !view.powered => texts.powered_off.to_string(),
        _ if view.cut => format!("✂ {}", texts.off_network),
        None if view.etcd_only => "etcd".to_string(),
        Some(node) => node.status.clone(),
        None => texts.not_registered.to_string(),
    }
}

fn version(view: &MachineView) -> String {
    view.node.as_ref().map(|node| node.version.clone()).unwrap_or_default()
}

fn details(view: &MachineView) -> String {
    let Some(node) = &view.node else { return String::new() };
    let mut parts = node.roles.clone();
    parts.push(node.version.clone());
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

/// Size of the type beside gauges, in units of the base size.
const GAUGE_TEXT: f64 = 0.86;

fn gauge_marks(gauge: &GaugeView, line: Rect, f: f64, widest: f64, marks: &mut Vec<Mark>) {
    let size = GAUGE_TEXT * f;
    let y = line.cy();
    marks.push(label(Point::new(line.x, y), Align::Start, size, false, Ink::Soft, gauge.name));
    marks.push(label(Point::new(line.right(), y), Align::End, size, false, Ink::Soft, gauge.text.clone()));
    let left = line.x + 3.1 * f;
    let right = line.right() - widest - 0.4 * f;
    if right - left > f {
        let h = 0.55 * f;
        marks.push(Mark::Gauge { rect: Rect::new(left, y - h / 2.0, right - left, h), share: gauge.share.clamp(0.0, 1.0) });
    }
}

/// The group of a pod's cell.
pub fn pod_group(pod: &PodView, rect: Rect) -> Group {
    let family = if pod.system { Family::System } else { Family::Hue(pod.hue) };
    let mut marks = vec![Mark::Cell { rect, phase: pod.phase, family }];
    if rect.w >= 20.0 {
        marks.push(pod_tag(pod, rect, pod.system));
    }
    let name = if pod.namespace == "default" { pod.name.to_string() } else { format!("{}/{}", pod.namespace, pod.name) };
    Group {
        key: format!("pod/{}", pod.uid),
        selects: Some(Selection::Pod(pod.namespace.to_string(), pod.name.to_string())),
        title: format!("pod {name}, {}", pod.status),
        marks,
        groups: Vec::new(),
    }
}

/// What stands on a pod's cell; `pale` cells take dark type.
pub(super) fn pod_tag(pod: &PodView, rect: Rect, pale: bool) -> Mark {
    // Three letters at least have room, without touching the cell's outline.
    let room = rect.w * 0.85;
    let least = SMALLEST.min(room / text_width("web", 1.0, true));
    let size = (rect.w * if rect.w < 34.0 { 0.33 } else { 0.36 }).min(rect.h * 0.42).max(least);
    let tag = tag(&pod.owner, room, size);
    let filled = !pale && matches!(pod.phase, PodPhase::Running | PodPhase::Started);
    let ink = if filled { Ink::OnPod } else { Ink::Main };
    label(Point::new(rect.cx(), rect.cy()), Align::Middle, size, true, ink, tag)
}

/// A short name that fits into a cell: known add-ons by their purpose, others by their beginning.
fn tag(owner: &str, width: f64, size: f64) -> String {
    let short = match owner {
        "coredns" => "dns",
        "kindnet" => "net",
        "kube-proxy" => "prx",
        "local-path-provisioner" => "vol",
        "kube-apiserver" => "api",
        "kube-scheduler" => "sch",
        "kube-controller-manager" => "ctl",
        other => other,
    };
    let mut kept: Vec<char> = short.chars().collect();
    while !kept.is_empty() {
        let text: String = kept.iter().collect();
        if kept.len() > 1 && text_width(text.trim_end_matches('-'), size, true) <= width {
            return text.trim_end_matches('-').to_string();
        }
        kept.pop();
    }
    String::new()
}

/// A node's parts.
pub(super) fn parts_group(
    view: &MachineView,
    place: &MachineBox,
    f: f64,
    (detail, metrics): (Detail, &Metrics),
    model: &ViewModel,
    texts: &Texts,
) -> Group {
    let mut groups = Vec::new();
    let small = metrics.type_of(0.82, f).max(SMALLEST);
    let runs = |part: Part| view.powered && view.parts.contains(&part.process());
    for (part, rect) in &place.parts {
        let up = runs(*part);
        let mut marks =
            vec![Mark::Box { rect: *rect, radius: 0.5 * f, look: if up { BoxLook::Part } else { BoxLook::PartDown } }];
        let name = part_name(*part, rect.w - if metrics.even { 0.3 } else { 0.5 } * f, f, (detail, metrics));
        let size = part_size(*part, f, (detail, metrics), *rect, &name);
        // On a slide there is no room to say who leads and who stands by.
        let leads = view.leads.filter(|_| metrics.even).is_none_or(|(scheduler, manager)| match part {
            Part::Scheduler => scheduler,
            Part::Controller(_) => manager,
            _ => true,
        });
        let ink = if up && leads { Ink::Main } else { Ink::Soft };
        let note = part_note(*part, view, model, rect.h / f, texts).filter(|_| up);
        let y = if !place.chips.is_empty() && matches!(part, Part::Controller(_)) {
            rect.y + metrics.chip_head * f * 0.54
        } else if note.is_some() {
            rect.cy() - 0.62 * f
        } else {
            rect.cy()
        };
        marks.push(label(Point::new(rect.cx(), y), Align::Middle, size, leads, ink, name));
        if let Some(note) = note {
            let note =
                if text_width(&note, small, false) > rect.w - 0.6 * f { note.replace(texts.revision, "rev") } else { note };
            // Of a member of etcd, its term can be left out first, then the word for its role.
            let shorter = view.etcd.as_ref().filter(|_| *part == Part::Etcd).map(etcd_notes);
            let fitting = |note: &String| text_width(note, small, false) <= rect.w - 0.4 * f;
            let note = shorter.and_then(|notes| notes.into_iter().find(fitting)).unwrap_or(note);
            let short = text_width(&note, small, false) <= rect.w - 0.4 * f || !metrics.even;
            let note = if short { fit(&note, rect.w - 0.4 * f, small, false) } else { String::new() };
            marks.push(label(Point::new(rect.cx(), rect.cy() + 0.72 * f), Align::Middle, small, false, Ink::Soft, note));
        }
        if !place.chips.is_empty() && matches!(part, Part::Controller(_)) {
            // How many controllers have no chip of their own.
            let more = format!("+{}", Controller::ALL.len() - 1 - place.chips.len());
            marks.push(label(Point::new(rect.right() - 0.6 * f, y), Align::End, small, false, Ink::Soft, more));
        }
        groups.push(Rc::new(part_group(view, *part, up, marks, texts)));
    }
    let manager_up = runs(Part::Controller(Controller::Manager));
    for (controller, rect) in &place.chips {
        let name = chip_name(*controller);
        let mut size: f64 = small;
        while text_width(name, size, true) > rect.w - 0.3 * f && size > 0.5 * f {
            size *= 0.96;
        }
        let marks = vec![
            Mark::Box { rect: *rect, radius: 0.4 * f, look: BoxLook::Chip },
            label(
                Point::new(rect.cx(), rect.cy()),
                Align::Middle,
                size,
                false,
                if manager_up { Ink::Main } else { Ink::Soft },
                name,
            ),
        ];
        groups.push(Rc::new(part_group(view, Part::Controller(*controller), manager_up, marks, texts)));
    }
    if let Some(bar) = place.bar {
        let up = runs(Part::ApiServer);
        let marks = vec![
            Mark::Box { rect: bar, radius: 0.55 * f, look: if up { BoxLook::Bar } else { BoxLook::BarDown } },
            label(
                Point::new(bar.cx(), bar.cy()),
                Align::Middle,
                metrics.type_of(1.2, f).max(SMALLEST),
                true,
                if up { Ink::OnBar } else { Ink::Soft },
                "kube-apiserver",
            ),
        ];
        groups.push(Rc::new(part_group(view, Part::ApiServer, up, marks, texts)));
    }
    Group { key: format!("parts/{}", view.name), selects: None, title: String::new(), marks: Vec::new(), groups }
}

fn part_group(view: &MachineView, part: Part, up: bool, marks: Vec<Mark>, texts: &Texts) -> Group {
    let state = if up { String::new() } else { format!(" ({})", texts.not_running) };
    Group {
        key: format!("part/{}/{}", view.name, part.name()),
        selects: Some(Selection::Part(view.name.clone(), part)),
        title: format!("{} @ {}{state}", part.name(), view.name),
        marks,
        groups: Vec::new(),
    }
}

/// A part's name, as long as there is room for; where only names are shown, the larger one is better than the longer one.
fn part_name(part: Part, width: f64, f: f64, (detail, metrics): (Detail, &Metrics)) -> String {
    let names: &[&str] = match part {
        Part::Controller(_) => &["kube-controller-manager", "controller-manager", "controllers"],
        Part::Scheduler => &["kube-scheduler", "scheduler"],
        Part::KubeProxy => &["kube-proxy", "proxy"],
        Part::Runtime => &["containerd", "runtime"],
        Part::Kubelet => &["kubelet"],
        Part::Etcd => &["etcd"],
        part => return part.name().to_string(),
    };
    let least = if metrics.even {
        1.0
    } else if detail == Detail::Brief {
        1.08
    } else {
        0.86
    };
    let fits = names.iter().find(|name| text_width(name, (least * f).max(SMALLEST), true) <= width);
    fits.or(names.last()).map(|name| (*name).to_string()).unwrap_or_default()
}

fn part_size(part: Part, f: f64, (detail, metrics): (Detail, &Metrics), rect: Rect, name: &str) -> f64 {
    let main = matches!(part, Part::Etcd | Part::Scheduler | Part::Controller(_)) && detail <= Detail::Medium;
    fitting(name, if main || detail == Detail::Brief { metrics.type_of(1.1, f) } else { f }, rect, f)
}

/// The size of a name in a box: as wanted, or as large as there is room for.
fn fitting(name: &str, wanted: f64, rect: Rect, f: f64) -> f64 {
    let mut size = wanted.max(SMALLEST);
    while text_width(name, size, true) > rect.w - 0.15 * f && size > 0.5 * f {
        size *= 0.98;
    }
    size
}

/// What a part says about itself, where its box is high enough.
fn part_note(part: Part, view: &MachineView, model: &ViewModel, height: f64, texts: &Texts) -> Option<String> {
    if height < 2.6 {
        return None;
    }
    let leads = |leads: bool| Some(if leads { texts.leads.0 } else { texts.leads.1 }.to_string());
    match (part, &view.etcd, view.leads) {
        (Part::Etcd, Some(etcd), _) => return etcd_notes(etcd).into_iter().next(),
        (Part::Scheduler, _, Some((scheduler, _))) => return leads(scheduler),
        (Part::Controller(_), _, Some((_, manager))) if view.parts.len() > 1 && height < 4.0 => return leads(manager),
        _ => {}
    }
    match part {
        Part::Etcd => Some(format!("{} {}", texts.revision, model.revision)),
        Part::Scheduler => Some(match model.unscheduled.len() {
            0 => texts.queue_empty.to_string(),
            1 => format!("1 {}", texts.pods_wait.0),
            many => format!("{many} {}", texts.pods_wait.1),
        }),
        _ => None,
    }
}

/// `◆ leader T2 #577`: what a member of etcd is, its term, and how far it has applied; behind it how far its log reaches. Then the same in fewer words.
fn etcd_notes(etcd: &EtcdView) -> [String; 4] {
    let role = match etcd.role {
        EtcdRole::Leader => "◆ leader".to_string(),
        EtcdRole::Follower => "follower".to_string(),
        EtcdRole::Candidate(votes, of) => format!("{votes}/{of} votes"),
        EtcdRole::Lost => "✕ no leader".to_string(),
        EtcdRole::Learner => "learner".to_string(),
    };
    let log = if etcd.applied == etcd.last { etcd.applied.to_string() } else { format!("{}/{}", etcd.applied, etcd.last) };
    let sign = if role.is_ascii() { "" } else { role.split(' ').next().unwrap_or_default() };
    let signed = |rest: String| format!("{sign} {rest}").trim_start().to_string();
    let term = etcd.term;
    [format!("{role} T{term} #{log}"), format!("{role} #{log}"), signed(format!("#{log}")), signed(format!("T{term}"))]
}

/// The load balancer's bar: its name, and its servers with what the health checks say.
fn balancer_group(balancer: &BalancerView, bar: Rect, f: f64, metrics: &Metrics) -> Group {
    let up = balancer.running && !balancer.cut;
    let look = if up { BoxLook::Part } else { BoxLook::PartDown };
    let ink = if up { Ink::Main } else { Ink::Soft };
    let mut marks = vec![Mark::Box { rect: bar, radius: 0.55 * f, look }];
    let servers: Vec<String> =
        balancer.backends.iter().map(|(name, up)| format!("{} {name}", if *up { "✓" } else { "✕" })).collect();
    let state = match (balancer.running, balancer.cut) {
        (false, _) => "○ off".to_string(),
        (true, true) => "✂".to_string(),
        // On a slide there is no room for names: they stand in the order of their nodes.
        (true, false) if metrics.even => balancer.backends.iter().map(|(_, up)| if *up { " ✓" } else { " ✕" }).collect(),
        (true, false) => servers.join("   "),
    };
    let (size, large) = (metrics.type_of(0.9, f), metrics.type_of(1.05, f));
    let name = "load balancer";
    marks.push(label(Point::new(bar.x + 0.8 * f, bar.cy()), Align::Start, large, true, ink, name));
    let room = bar.w - text_width(name, large, true) - 2.4 * f;
    let shown = fit(&state, room, size, false);
    marks.push(label(Point::new(bar.right() - 0.8 * f, bar.cy()), Align::End, size, false, ink, shown));
    Group {
        key: format!("part/{}/haproxy", balancer.name),
        selects: Some(Selection::Part(balancer.name.clone(), Part::LoadBalancer)),
        title: format!("haproxy @ {}: {state}", balancer.name),
        marks,
        groups: Vec::new(),
    }
}

fn outside_groups(model: &ViewModel, layout: &Layout, texts: &Texts) -> Vec<Group> {
    let f = layout.font;
    let (user, name) = (layout.user, layout.metrics.type_of(1.1, f));
    let mut marks = vec![Mark::Box { rect: user, radius: 0.5 * f, look: BoxLook::Part }];
    if user.h > 3.0 * f {
        marks.push(label(Point::new(user.cx(), user.cy() - 0.62 * f), Align::Middle, name, true, Ink::Main, "kubectl"));
        marks.push(label(
            Point::new(user.cx(), user.cy() + 0.72 * f),
            Align::Middle,
            (0.82 * f).max(SMALLEST),
            false,
            Ink::Soft,
            texts.you,
        ));
    } else {
        marks.push(label(
            Point::new(user.cx(), user.cy()),
            Align::Middle,
            fitting("kubectl", name, user, f),
            true,
            Ink::Main,
            "kubectl",
        ));
    }
    let mut groups = vec![Group {
        key: "part/localhost/kubectl".into(),
        selects: Some(Selection::Part("localhost".into(), Part::Shell)),
        title: format!("kubectl, {}", texts.you),
        marks,
        groups: Vec::new(),
    }];
    if let (Some(balancer), Some(bar)) = (&model.balancer, layout.balancer.as_ref().and_then(|place| place.bar)) {
        groups.push(balancer_group(balancer, bar, f, layout.metrics));
    }
    if let Some(registry) = layout.registry {
        groups.push(Group {
            key: "part/localhost/registry".into(),
            selects: Some(Selection::Part("localhost".into(), Part::Registry)),
            title: texts.registry.to_string(),
            marks: vec![
                Mark::Box { rect: registry, radius: 0.5 * f, look: BoxLook::Part },
                label(
                    Point::new(registry.cx(), registry.cy()),
                    Align::Middle,
                    fitting(texts.registry, name, registry, f),
                    true,
                    Ink::Main,
                    texts.registry,
                ),
            ],
            groups: Vec::new(),
        });
    }
    if !model.unscheduled.is_empty() && layout.tray.h > 2.0 * f {
        groups.push(tray_group(model, layout, texts));
    }
    groups
}

/// As many waiting pods are drawn.
const MOST_WAITING: usize = 240;

fn tray_group(model: &ViewModel, layout: &Layout, texts: &Texts) -> Group {
    let f = layout.font;
    let tray = layout.tray;
    let (area, title) = if layout.stacked {
        (tray.inset(0.2 * f), None)
    } else {
        let title = Point::new(tray.x + if layout.metrics.even { 0.15 } else { 0.5 } * f, tray.y + f);
        (Rect::new(tray.x + 0.5 * f, tray.y + 1.9 * f, tray.w - f, (tray.h - 2.3 * f).max(0.0)), Some(title))
    };
    let largest = (2.7 * f).min(area.h);
    // Of thousands only some are drawn; the scheduler says how many wait.
    let cells = place_cells(area, model.unscheduled.len().min(MOST_WAITING), largest, false);
    let bottom = cells.iter().map(Rect::bottom).fold(area.y, f64::max);
    let rect = Rect { h: bottom - tray.y + 0.5 * f, ..tray };
    let mut marks = vec![Mark::Box { rect, radius: 0.5 * f, look: BoxLook::Tray }];
    if let Some(at) = title {
        // On a slide by Kubernetes' own word, which is shorter.
        let (title, size) = if layout.metrics.even {
            ("Pending", f)
        } else {
            (texts.without_node, fitting(texts.without_node, 0.82 * f, tray.inset(0.35 * f), f))
        };
        marks.push(label(at, Align::Start, size, !layout.metrics.even, Ink::Soft, title));
    }
    let groups = model.unscheduled.iter().zip(&cells).map(|(pod, cell)| Rc::new(pod_group(pod, *cell))).collect();
    Group { key: "tray".into(), selects: None, title: texts.without_node.to_string(), marks, groups }
}
