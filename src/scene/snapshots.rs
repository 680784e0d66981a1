//! Pictures as text, one mark a line, so that a change of drawing is seen in review. `INSTA_UPDATE=always cargo test scene::snapshots`
//! writes them anew; the difference is read before it is committed.

use std::rc::Rc;

use orrery_sim::core::{MachineId, Part};

use super::deciding::{Deciding, Phase, overlay};
use super::geometry::{Point, Rect};
use super::layout::Layout;
use super::look::Look;
use super::marks::{Group, Mark, Scene};
use super::model::{BalancerView, EtcdRole, EtcdView, MachineView, NodeView, ViewModel};
use super::tests::{busy_moment, model};
use super::{Camera, Flights};
use crate::i18n::EN;

/// The stage beside the panel on a laptop.
const SIZE: (f64, f64) = (980.0, 470.0);

fn scene(model: &ViewModel) -> Scene {
    Scene::new(model, Layout::new(model, SIZE.0, SIZE.1, None, Look::default()), &EN)
}

fn change(model: &mut ViewModel, index: usize, change: impl FnOnce(&mut MachineView)) {
    change(Rc::make_mut(&mut model.machines[index]));
}

fn place(rect: Rect) -> String {
    format!("{:.0},{:.0} {:.0}×{:.0}", rect.x, rect.y, rect.w, rect.h)
}

fn points(points: &[Point]) -> String {
    points.iter().map(|at| format!("{:.0},{:.0}", at.x, at.y)).collect::<Vec<_>>().join(" ")
}

fn line(mark: &Mark) -> String {
    match mark {
        Mark::Box { rect, look, .. } => format!("box {} {}", place(*rect), look.class()),
        Mark::Label { at, align, size, bold, ink, text } => {
            let bold = if *bold { " bold" } else { "" };
            format!("text {:.0},{:.0} {} {size:.1} {}{bold} {text:?}", at.x, at.y, align.anchor(), ink.class())
        }
        Mark::Wire { points: way, kind, idle } => {
            format!("wire {} {}{}", points(way), kind.class(), if *idle { " idle" } else { "" })
        }
        Mark::Gauge { rect, share } => format!("gauge {} {:.0} %", place(*rect), share * 100.0),
        Mark::Cell { rect, phase, family } => format!("cell {} {} {}", place(*rect), family.class(), phase.class()),
        Mark::Tile { rect, family } => format!("tile {} {}", place(*rect), family.class()),
        Mark::Cross { rect } => format!("cross {}", place(*rect)),
    }
}

/// Groups as text: key and title, their marks, and the groups within them.
fn text(groups: &[Rc<Group>]) -> String {
    fn write(group: &Group, depth: usize, out: &mut String) {
        let indent = "  ".repeat(depth);
        let title = if group.title.is_empty() { String::new() } else { format!(" {:?}", group.title) };
        *out += &format!("{indent}{}{title}\n", group.key);
        group.marks.iter().for_each(|mark| *out += &format!("{indent}  {}\n", line(mark)));
        group.groups.iter().for_each(|inner| write(inner, depth + 1, out));
    }
    let mut out = String::new();
    groups.iter().for_each(|group| write(group, 0, &mut out));
    out
}

#[test]
fn empty_cluster() {
    let mut model = model(2, 0);
    model.unscheduled = Rc::default();
    insta::assert_snapshot!(text(&scene(&model).groups));
}

#[test]
fn deployment_in_flight() {
    let (model, trace) = (model(2, 4), busy_moment());
    let scene = scene(&model);
    let flights = Flights::new(trace.envelopes().iter(), &trace, &scene.layout);
    let messages = flights.at(40.0).map(|(_, flight)| {
        let shown = flights.place(flight, 40.0);
        let label = flight.label.as_ref().map_or(String::new(), |label| format!(" {label:?} at {}", points(&[shown.pill])));
        format!("message {} {}{label} of {}\n", points(&[shown.dot]), flight.kind.class(), points(&flight.points))
    });
    insta::assert_snapshot!(text(&scene.groups) + &messages.collect::<String>());
}

#[test]
fn node_failure() {
    let mut model = model(2, 3);
    change(&mut model, 1, |machine| {
        (machine.powered, machine.parts) = (false, Vec::new());
        let node = machine.node.take().unwrap_or_default();
        machine.node = Some(NodeView { ready: false, status: "NotReady".into(), ..node });
    });
    insta::assert_snapshot!(text(&scene(&model).groups));
}

#[test]
fn high_availability_with_a_quorum() {
    let mut model = model(2, 2);
    for number in [2_u16, 3] {
        let mut further = MachineView::clone(&model.machines[0]);
        (further.id, further.name) = (MachineId(20 + number), format!("kind-control-plane{number}"));
        model.machines.insert(usize::from(number) - 1, Rc::new(further));
    }
    for (index, role) in [EtcdRole::Leader, EtcdRole::Follower, EtcdRole::Lost].into_iter().enumerate() {
        change(&mut model, index, |machine| {
            machine.etcd = Some(EtcdView { role, term: 3, last: 412, applied: 412 - index as u64 });
            machine.leads = Some((index == 0, index == 1));
            if role == EtcdRole::Lost {
                machine.cut = true;
                machine.parts.retain(|part| *part != Part::ApiServer);
            }
        });
    }
    let backends = (1..=3).map(|number| (format!("kind-control-plane{number}"), number < 3)).collect();
    model.balancer = Some(BalancerView {
        id: MachineId(30),
        name: "kind-external-load-balancer".into(),
        running: true,
        cut: false,
        links: super::model::Links::default(),
        backends,
    });
    insta::assert_snapshot!(text(&scene(&model).groups));
}

#[test]
fn a_hundred_nodes() {
    let model = model(99, 9);
    let scene = scene(&model);
    let field = scene.layout.field.as_ref().expect("so many nodes are drawn on a canvas");
    let mut out = text(&scene.groups);
    for (index, plot) in field.plots.iter().enumerate() {
        let mut marks = Vec::new();
        field.draw(plot, plot.rect, &model, &EN, &mut |mark| marks.push(line(&mark)));
        out += &format!("{} {}, {} pods, {} marks\n", plot.name, place(plot.rect), plot.pods.len(), marks.len());
        // One of them whole.
        marks.iter().filter(|_| index == 1).for_each(|mark| out += &format!("  {mark}\n"));
    }
    field.heading_marks(&Camera::FIT).iter().chain(&field.legend(&EN, SIZE)).for_each(|mark| out += &format!("{}\n", line(mark)));
    insta::assert_snapshot!(out);
}

#[test]
fn a_decision() {
    let model = model(4, 1);
    let layout = Layout::new(&model, SIZE.0, SIZE.1, None, Look::default());
    let decision = super::deciding::tests::decision(&model, "2");
    let [scored, chosen] = [Phase::Scored, Phase::Chosen]
        .map(|phase| text(&overlay(Deciding { decision: &decision, phase, guess: None }, &model, &layout, &EN)));
    insta::assert_snapshot!(format!("Scored\n{scored}\nChosen\n{chosen}"));
}
