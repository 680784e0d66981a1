//! The scene as a whole, over sizes and numbers of nodes.

use std::rc::Rc;

use orrery_sim::core::{Addr, Controller, MachineId, Part};
use orrery_sim::value::Text;

use super::geometry::{Rect, length};
use super::layout::{Detail, Layout};
use super::look::Look;
use super::marks::{Group, Scene};
use super::messages::MessageKind;
use super::model::{EtcdRole, EtcdView, GaugeView, MachineView, NodeView, PodPhase, PodView, Pods, ViewModel};
use super::prims::{Prim, prims};
use super::svg::prim_width;
use crate::i18n::EN;

pub(crate) fn pod(name: &str, namespace: &str, phase: PodPhase) -> PodView {
    PodView {
        namespace: Text::new(namespace),
        name: Text::new(name),
        uid: format!("uid-{namespace}-{name}").into(),
        owner: Text::new(name.split('-').next().unwrap_or(name)),
        hue: (name.len() % 6) as u8,
        phase,
        status: phase.class().into(),
        system: namespace == "kube-system",
        ..PodView::default()
    }
}

fn pods(list: impl Iterator<Item = PodView>) -> Rc<Pods> {
    Pods::new(list.map(Rc::new).collect())
}

pub(crate) fn model(workers: u16, pods_each: usize) -> ViewModel {
    let node = |roles: Vec<String>| NodeView {
        roles,
        status: "Ready".into(),
        ready: true,
        version: "v1.36.1".into(),
        gauges: vec![
            GaugeView { name: "cpu", share: 0.5, text: "2.1 / 4".into() },
            GaugeView { name: "mem", share: 0.2, text: "1.6 / 8 Gi".into() },
            GaugeView { name: "pods", share: 0.1, text: "11 / 110".into() },
        ],
        ..NodeView::default()
    };
    let control = MachineView {
        id: MachineId(1),
        name: "kind-control-plane".into(),
        control_plane: true,
        powered: true,
        parts: vec![
            Part::Etcd,
            Part::ApiServer,
            Part::Scheduler,
            Part::Controller(Controller::Manager),
            Part::Kubelet,
            Part::Runtime,
            Part::KubeProxy,
        ],
        node: Some(node(vec!["control-plane".into()])),
        pods: pods((0..8).map(|index| pod(&format!("sys{index}-x"), "kube-system", PodPhase::Running))),
        ..MachineView::default()
    };
    let mut machines = vec![Rc::new(control)];
    for index in 0..workers {
        let phases = PodPhase::ALL;
        machines.push(Rc::new(MachineView {
            id: MachineId(index + 2),
            name: if index == 0 { "kind-worker".into() } else { format!("kind-worker{}", index + 1) },
            control_plane: false,
            powered: true,
            parts: vec![Part::Kubelet, Part::Runtime, Part::KubeProxy],
            node: Some(node(Vec::new())),
            pods: pods((0..pods_each).map(|at| pod(&format!("web{index}-{at}"), "default", phases[at % phases.len()]))),
            ..MachineView::default()
        }));
    }
    ViewModel {
        cluster: "kind".into(),
        machines,
        unscheduled: pods([pod("late-1", "default", PodPhase::Pending)].into_iter()),
        revision: 412,
        balancer: None,
    }
}

const SIZES: [(f64, f64); 7] =
    [(1540.0, 760.0), (1880.0, 980.0), (980.0, 470.0), (1240.0, 480.0), (800.0, 360.0), (390.0, 460.0), (800.0, 450.0)];

fn leaves<'a>(group: &'a Group, out: &mut Vec<&'a Group>) {
    out.push(group);
    group.groups.iter().for_each(|inner| leaves(inner, out));
}

#[test]
fn everything_stays_on_the_stage_and_apart() {
    for (w, h) in SIZES {
        for workers in [0, 1, 2, 3, 6, 20, 100] {
            let model = model(workers, 7);
            let layout = Layout::new(&model, w, h, None, Look::default());
            let stage = Rect::new(0.0, 0.0, w, h);
            let what = format!("{w}×{h}, {workers} workers, {:?} at {}", layout.detail, layout.font);
            for machine in &layout.machines {
                assert!(stage.contains(&machine.rect), "{what}: machine {:?} outside: {:?}", machine.id, machine.rect);
                let inner: Vec<Rect> = machine
                    .parts
                    .iter()
                    .map(|(_, rect)| *rect)
                    .chain(machine.bar)
                    .chain(machine.gauges.iter().copied())
                    .collect();
                for rect in inner.iter().chain(&machine.cells) {
                    assert!(machine.rect.contains(rect), "{what}: {rect:?} outside {:?}", machine.rect);
                }
                for (index, a) in inner.iter().enumerate() {
                    for b in inner.iter().skip(index + 1).chain(&machine.cells) {
                        assert!(!a.inset(0.5).overlaps(&b.inset(0.5)), "{what}: {a:?} overlaps {b:?}");
                    }
                }
            }
            for (index, a) in layout.machines.iter().enumerate() {
                for b in &layout.machines[index + 1..] {
                    assert!(!a.rect.overlaps(&b.rect), "{what}: machines overlap");
                }
            }
            assert!(layout.machines.iter().all(|machine| !machine.rect.overlaps(&layout.user)), "{what}: kubectl overlaps");
        }
    }
}

#[test]
fn no_text_is_wider_than_its_box() {
    for (w, h) in SIZES {
        for workers in [1, 2, 3, 8] {
            let model = model(workers, 5);
            let layout = Layout::new(&model, w, h, None, Look::default());
            let scene = Scene::new(&model, layout.clone(), &EN);
            let mut groups = Vec::new();
            scene.groups.iter().for_each(|group| leaves(group, &mut groups));
            for group in groups.iter().filter(|group| group.key.starts_with("part/") || group.key.starts_with("pod/")) {
                let shapes: Vec<Prim> = group.marks.iter().flat_map(prims).collect();
                let Some(Prim::Rect { rect, .. }) = shapes.first() else { panic!("{} begins with its box", group.key) };
                for text in &shapes {
                    let Some(width) = prim_width(text) else { continue };
                    assert!(width <= rect.w + 0.5, "{w}×{h}, {workers} workers: {text:?} is {width} wide in {}", rect.w);
                }
            }
        }
    }
}

#[test]
fn lecture_sizes_are_legible() {
    let scene = |w, h, workers| Layout::new(&model(workers, 5), w, h, None, Look::default());
    assert!(scene(1540.0, 760.0, 2).font >= 15.0, "{}", scene(1540.0, 760.0, 2).font);
    assert!(scene(1880.0, 980.0, 3).font >= 19.0);
    assert!(scene(980.0, 470.0, 2).font >= 12.0);
    assert!(scene(800.0, 360.0, 2).font >= 12.0);
    assert!(scene(390.0, 460.0, 2).font >= 9.5);
}

/// The same cluster with so many control-plane nodes.
fn with_control_planes(mut model: ViewModel, count: u16) -> ViewModel {
    for number in 2..=count {
        let mut further = MachineView::clone(&model.machines[0]);
        (further.id, further.name) = (MachineId(20 + number), format!("kind-control-plane{number}"));
        model.machines.insert(usize::from(number) - 1, Rc::new(further));
    }
    model
}

#[test]
fn all_type_of_a_slide_but_pods_tags_is_read_from_the_last_row() {
    // The stage of 800 × 450 below a caption of two lines, and of three.
    for height in [385.0, 359.0] {
        for (control, workers) in [(1, 1), (1, 2), (1, 3), (1, 4), (3, 2), (3, 3)] {
            let model = with_control_planes(model(workers, 4), control);
            let layout = Layout::new(&model, 800.0, height, None, Look { slide: true, ..Look::default() });
            let what = format!("{control} + {workers} at {height}");
            assert!(layout.font >= 450.0 * 0.046, "{what}: {}", layout.font);
            let workers: Vec<f64> =
                layout.machines.iter().filter(|place| !place.control_plane).map(|place| place.rect.y).collect();
            assert!(workers.iter().all(|y| (y - workers[0]).abs() < 0.1), "{what}: side by side");
            let scene = Scene::new(&model, layout, &EN);
            let mut groups = Vec::new();
            scene.groups.iter().for_each(|group| leaves(group, &mut groups));
            for group in groups.iter().filter(|group| !group.key.starts_with("pod/")) {
                let shapes: Vec<Prim> = group.marks.iter().flat_map(prims).collect();
                for shape in &shapes {
                    if let Prim::Text { size, text, .. } = shape {
                        assert!(*size >= 450.0 * 0.046 || text.is_empty(), "{what}, {}: {text} has {size}", group.key);
                        assert!(!text.contains('…'), "{what}, {}: {text} is cut off", group.key);
                    }
                }
                let Some(Prim::Rect { rect, .. }) = shapes.first().filter(|_| group.key.starts_with("part/")) else { continue };
                let wide = shapes.iter().filter_map(prim_width).fold(0.0, f64::max);
                assert!(wide <= rect.w, "{what}, {}: {wide} wide in {}", group.key, rect.w);
            }
        }
    }
}

#[test]
fn every_hop_has_a_way_that_ends_at_its_parts() {
    let model = model(8, 3);
    for (w, h) in SIZES {
        let layout = Layout::new(&model, w, h, None, Look::default());
        let server = Addr::new(MachineId(1), Part::ApiServer);
        for machine in 1..=9 {
            for part in [Part::Kubelet, Part::KubeProxy, Part::Kindnet] {
                let part = Addr::new(MachineId(machine), part);
                for kind in [MessageKind::Request, MessageKind::Watch, MessageKind::Response] {
                    let (from, to) = if kind == MessageKind::Request { (part, server) } else { (server, part) };
                    let way = layout.way(from, to, kind).expect("both are shown");
                    assert!(length(&way.points) > 4.0, "{w}×{h}: {from} → {to} has no length");
                    let back = layout.way(to, from, if kind == MessageKind::Watch { kind } else { MessageKind::Request });
                    assert!(back.is_some());
                }
            }
        }
        for controller in Controller::ALL {
            let from = Addr::new(MachineId(1), Part::Controller(controller));
            assert!(layout.way(from, server, MessageKind::Request).is_some(), "{controller:?}");
        }
        assert!(layout.way(Addr::USER, server, MessageKind::Request).is_some());
    }
}

#[test]
fn a_forced_level_of_detail_is_kept() {
    let model = model(2, 3);
    for detail in Detail::ALL {
        assert_eq!(Layout::new(&model, 1540.0, 760.0, Some(detail), Look::default()).detail, detail);
    }
}

#[test]
fn keys_are_unique() {
    let model = model(20, 9);
    let scene = Scene::new(&model, Layout::new(&model, 1540.0, 760.0, None, Look::default()), &EN);
    let mut groups = Vec::new();
    scene.groups.iter().for_each(|group| leaves(group, &mut groups));
    let mut keys: Vec<&str> = groups.iter().map(|group| group.key.as_str()).collect();
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), all);
}

/// A busy moment: the messages of a deployment being made, all on their way at once.
pub(super) fn busy_moment() -> orrery_sim::core::Trace {
    use orrery_sim::api::resource::{DEPLOYMENTS, EVENTS, PODS};
    use orrery_sim::core::{Cause, Envelope, EnvelopeId, Message, Request, Sink, Time, Trace, WatchBatch, WatchEvent, WatchType};
    use orrery_sim::value;
    use std::rc::Rc;
    let mut trace = Trace::default();
    let api = Addr::new(MachineId(1), Part::ApiServer);
    let at = |m: u16, p: Part| Addr::new(MachineId(m), p);
    let mut n = 0;
    let mut send = |from: Addr, to: Addr, sent: u64, due: u64, message: Message| {
        trace.sent(&Rc::new(Envelope {
            id: EnvelopeId(n),
            cause: Cause::Start,
            from,
            to,
            sent_at: Time(sent),
            due_at: Time(due),
            heartbeat: false,
            background: false,
            message,
        }));
        n += 1;
    };
    let req = |r: Request| Message::Request(Rc::new(r));
    let watch = |name: &'static str| {
        Message::Watch(Rc::new(WatchBatch {
            stream: EnvelopeId(0),
            resource: PODS,
            events: vec![WatchEvent { kind: WatchType::Modified, object: value!({"metadata": {"name": name}}) }],
        }))
    };
    send(Addr::USER, api, 0, 100, req(Request::create(DEPLOYMENTS, value!({"metadata": {"name": "web"}}))));
    send(
        at(1, Part::Controller(Controller::ReplicaSet)),
        api,
        5,
        100,
        req(Request::create(PODS, value!({"metadata": {"generateName": "web-cc544bdcc-"}}))),
    );
    send(
        at(1, Part::Controller(Controller::ReplicaSet)),
        api,
        10,
        100,
        req(Request::create(EVENTS, value!({"reason": "SuccessfulCreate"}))),
    );
    send(
        at(1, Part::Controller(Controller::Deployment)),
        api,
        12,
        110,
        req(Request::update(DEPLOYMENTS, value!({"metadata": {"name": "web"}})).sub("status")),
    );
    send(at(1, Part::Scheduler), api, 12, 80, req(Request::get(PODS, "default", "web-cc544bdcc-k6k55").sub("binding")));
    send(api, at(1, Part::Scheduler), 22, 90, watch("web-cc544bdcc-k6k55"));
    send(api, at(1, Part::Controller(Controller::Manager)), 22, 90, watch("web-cc544bdcc-k6k55"));
    send(
        api,
        at(1, Part::Etcd),
        20,
        90,
        Message::EtcdRequest(Rc::new(orrery_sim::etcd::EtcdRequest::Put {
            key: "/registry/pods/default/web-cc544bdcc-k6k55".into(),
            expected: None,
            value: value!(null),
            ttl: None,
        })),
    );
    send(
        at(2, Part::Kubelet),
        api,
        23,
        87,
        req(Request::patch(PODS, "default", "web-cc544bdcc-k6k55", value!({})).sub("status")),
    );
    send(api, at(2, Part::Kubelet), 24, 90, watch("web-cc544bdcc-k6k55"));
    send(at(2, Part::Kubelet), api, 25, 90, req(Request::get(PODS, "default", "web-cc544bdcc-k6k55")));
    send(api, at(3, Part::Kubelet), 24, 90, req(Request::get(PODS, "default", "web-cc544bdcc-k6k55").sub("log")));
    send(api, at(3, Part::KubeProxy), 24, 90, watch("web-cc544bdcc-k6k55"));
    send(
        at(3, Part::Kubelet),
        at(3, Part::Runtime),
        30,
        80,
        Message::Cri(Rc::new(orrery_sim::runtime::Cri::Call { method: "RunPodSandbox", args: value!({}) })),
    );
    send(
        at(3, Part::Runtime),
        Addr::REGISTRY,
        30,
        80,
        Message::Cri(Rc::new(orrery_sim::runtime::Cri::Call { method: "PullImage", args: value!({"image": "nginx:1.27"}) })),
    );
    trace
}

#[test]
fn labels_of_a_busy_moment_stay_on_the_stage_and_mostly_apart() {
    let trace = busy_moment();
    for (w, h) in SIZES {
        let model = model(3, 5);
        let layout = Layout::new(&model, w, h, None, Look::default());
        let flights = super::Flights::new(trace.envelopes().iter(), &trace, &layout);
        for t in [31.0, 40.0, 55.0, 70.0, 79.0] {
            let pills: Vec<(Rect, f64)> = flights
                .at(t)
                .filter(|(_, flight)| flight.label.is_some())
                .map(|(_, flight)| {
                    let place = flights.place(flight, t).pill;
                    let down = flight.points[flight.points.len() - 1].y > flight.points[0].y;
                    let height = flights.pill_height();
                    let rect = Rect::new(place.x - flight.width / 2.0, place.y - height / 2.0, flight.width, height);
                    (rect, if down { 1.0 } else { -1.0 })
                })
                .collect();
            assert!(pills.len() >= 4, "{w}×{h}: labels are shown");
            for (index, (a, direction)) in pills.iter().enumerate() {
                assert!(a.x >= 0.0 && a.right() <= w && a.y >= 0.0 && a.bottom() <= h, "{w}×{h}: {a:?}");
                for (b, other) in &pills[index + 1..] {
                    // Those that travel in opposite directions may pass each other.
                    let clash = direction == other && a.inset(1.0).overlaps(&b.inset(1.0));
                    assert!(!clash || layout.stacked, "{w}×{h} at {t}: {a:?} lies on {b:?}");
                }
            }
        }
    }
}

#[test]
fn where_a_message_is_depends_on_the_moment_only() {
    let trace = busy_moment();
    let layout = Layout::new(&model(3, 5), 1540.0, 760.0, None, Look::default());
    let flights = super::Flights::new(trace.envelopes().iter(), &trace, &layout);
    let picture = |t: f64| flights.at(t).map(|(index, flight)| (index, flights.place(flight, t))).collect::<Vec<_>>();
    let forward: Vec<_> = (0..60).map(|step| picture(f64::from(step) * 2.0)).collect();
    let backward: Vec<_> = (0..60).rev().map(|step| picture(f64::from(step) * 2.0)).collect();
    assert!(forward.iter().eq(backward.iter().rev()));
    // And it moves without jumps: at most a thirtieth of the stage in a hundredth of its way.
    for flight in flights.list() {
        for step in 0..100 {
            let (a, b) =
                (flights.place_at(flight, f64::from(step) / 100.0), flights.place_at(flight, f64::from(step + 1) / 100.0));
            assert!((a.pill.x - b.pill.x).hypot(a.pill.y - b.pill.y) < 52.0, "{flight:?} jumps");
        }
    }
}

#[test]
fn many_messages_of_the_same_words_travel_under_one_label() {
    use orrery_sim::api::resource::PODS;
    use orrery_sim::core::{Cause, Envelope, EnvelopeId, Message, Request, Sink, Time, Trace};
    let mut trace = Trace::default();
    for n in 0..12_u32 {
        let request = Request::create(PODS, orrery_sim::value!({"metadata": {"generateName": "web-"}}));
        trace.sent(&std::rc::Rc::new(Envelope {
            id: EnvelopeId(n),
            cause: Cause::Start,
            from: Addr::new(MachineId(1), Part::Controller(Controller::ReplicaSet)),
            to: Addr::new(MachineId(1), Part::ApiServer),
            sent_at: Time(u64::from(n)),
            due_at: Time(100 + u64::from(n)),
            heartbeat: false,
            background: false,
            message: Message::Request(std::rc::Rc::new(request)),
        }));
    }
    let layout = Layout::new(&model(3, 5), 1540.0, 760.0, None, Look::default());
    let flights = super::Flights::new(trace.envelopes().iter(), &trace, &layout);
    let labels: Vec<&str> = flights.list().iter().filter_map(|flight| flight.label.as_deref()).collect();
    assert_eq!(labels, ["POST pods ×12"]);
}

#[test]
fn wires_between_members_of_etcd_leave_names_readable() {
    let model = with_control_planes(model(2, 3), 3);
    for (w, h) in SIZES {
        let layout = Layout::new(&model, w, h, None, Look::default());
        let members = layout.wires().into_iter().filter(|wire| wire.part == Part::Etcd && wire.points.len() == 4);
        let members: Vec<_> = members.collect();
        assert_eq!(members.len(), 2, "{w}×{h}");
        for machine in layout.machines.iter().filter(|machine| machine.control_plane) {
            for point in members.iter().flat_map(|wire| &wire.points) {
                let level = point.x > machine.title.x && point.x < machine.title.right();
                assert!(!level, "{w}×{h}: a wire at {} crosses the name from {} on", point.x, machine.title.x);
            }
        }
    }
}

#[test]
fn labels_on_their_way_to_a_further_row_stay_clear_of_boxes() {
    use orrery_sim::api::resource::PODS;
    use orrery_sim::core::{Cause, Envelope, EnvelopeId, Message, Request, Sink, Time, Trace};
    for (w, h) in [(1540.0, 900.0), (1240.0, 620.0)] {
        let model = model(12, 3);
        let layout = Layout::new(&model, w, h, None, Look::default());
        let further = layout.machines.iter().filter(|machine| machine.row > 0).map(|machine| machine.id).collect::<Vec<_>>();
        assert!(!further.is_empty(), "{w}×{h}: there are several rows");
        for id in further {
            let mut trace = Trace::default();
            trace.sent(&Rc::new(Envelope {
                id: EnvelopeId(0),
                cause: Cause::Start,
                from: Addr::new(id, Part::Kubelet),
                to: Addr::new(MachineId(1), Part::ApiServer),
                sent_at: Time(0),
                due_at: Time(100),
                heartbeat: false,
                background: false,
                message: Message::Request(Rc::new(Request::get(PODS, "default", "web-cc544bdcc-k6k55").sub("status"))),
            }));
            let flights = super::Flights::new(trace.envelopes().iter(), &trace, &layout);
            let flight = &flights.list()[0];
            assert!(flight.label.is_some());
            for step in 0..=20 {
                let place = flights.place_at(flight, f64::from(step) / 20.0);
                let height = flights.pill_height();
                let pill =
                    Rect::new(place.pill.x - flight.width / 2.0, place.pill.y - height / 2.0, flight.width, height).inset(0.5);
                for machine in &layout.machines {
                    assert!(
                        !machine.rect.overlaps(&pill),
                        "{w}×{h}: a label to {id:?} lies on {:?}: {pill:?} {:?}",
                        machine.id,
                        machine.rect
                    );
                }
            }
        }
    }
}

#[test]
fn links_that_are_cut_or_slow_are_told_at_their_machine() {
    use orrery_sim::core::Duration;
    use orrery_sim::core::faults::{Chain, Netem};
    let mut model = model(4, 2);
    let whole = Scene::new(&model, Layout::new(&model, 1240.0, 620.0, None, Look::default()), &EN);
    let (cut, slow) = (MachineId(2), MachineId(3));
    let drops = vec![(Chain::Input, MachineId(1)), (Chain::Output, MachineId(1)), (Chain::Output, MachineId::REGISTRY)];
    let netem = Netem { delay: Duration::ms(100), jitter: Duration::ms(20), loss_ppm: 25_000 };
    for machine in &mut model.machines {
        let mut view = MachineView::clone(machine);
        view.links.drops = if view.id == cut { drops.clone() } else { Vec::new() };
        view.links.netem = (view.id == slow).then_some(netem);
        view.cut = view.id == MachineId(4);
        *machine = Rc::new(view);
    }
    for (w, h) in [(1540.0, 760.0), (1240.0, 620.0), (800.0, 450.0)] {
        let scene = Scene::new(&model, Layout::new(&model, w, h, None, Look::default()), &EN);
        let said: Vec<(&str, &str)> = scene
            .groups
            .iter()
            .filter(|group| group.key.starts_with("links/"))
            .map(|group| (&*group.key, &*group.title))
            .collect();
        assert_eq!(
            said,
            [("links/2", "✂ ↔ control-plane, ✂ → registry"), ("links/3", "slow +100 ± 20 ms, loses 2.5 %")],
            "{w}×{h}"
        );
        let scissors: Vec<&str> =
            scene.groups.iter().filter(|group| group.key.starts_with("cut/")).map(|group| &*group.key).collect();
        assert_eq!(scissors, ["cut/2-1", "cut/4-1"], "{w}×{h}: one pair for each two machines");
    }
    assert!(!whole.groups.iter().any(|group| group.key.starts_with("links/") || group.key.starts_with("cut/")));
}

/// All texts of some groups.
fn texts_of<'a>(groups: impl Iterator<Item = &'a Group>) -> Vec<String> {
    let mut all = Vec::new();
    groups.for_each(|group| leaves(group, &mut all));
    let prims = all.iter().flat_map(|group| &group.marks).flat_map(prims);
    prims.filter_map(|prim| if let Prim::Text { text, .. } = prim { Some(text) } else { None }).collect()
}

#[test]
fn external_etcd_is_shown_where_it_is_and_nowhere_else() {
    let mut model = model(2, 3);
    let control = (*model.machines[0]).clone();
    for index in 0..5_u16 {
        let id = MachineId(20 + index);
        let machine = match index {
            0..2 => MachineView { id, name: format!("kind-control-plane{}", index + 2), ..control.clone() },
            _ => MachineView {
                id,
                name: format!("kind-etcd{index}"),
                control_plane: false,
                etcd_only: true,
                parts: vec![Part::Etcd],
                etcd: Some(EtcdView { role: EtcdRole::Follower, term: 2, applied: 577, last: 577 }),
                node: None,
                pods: Rc::default(),
                ..control.clone()
            },
        };
        model.machines.insert(usize::from(index) + 1, Rc::new(machine));
    }
    // The last one is the stage beside a lesson on a page of 1280 × 720.
    for (width, height) in [(1900.0, 900.0), (1280.0, 640.0), (985.0, 290.0), (800.0, 400.0)] {
        let layout = Layout::new(&model, width, height, None, Look::default());
        let (control, others): (Vec<_>, Vec<_>) = layout.machines.iter().partition(|place| place.control_plane);
        assert!(control.len() == 3 && others.len() == 5);
        assert!(control.iter().all(|place| place.part(Part::Etcd).is_none() && place.part(Part::Scheduler).is_some()));
        let texts = match &layout.field {
            Some(field) => texts_of([&field.group(&model, &super::Camera::default(), (width, height), &EN)].into_iter()),
            None => texts_of(Scene::new(&model, layout.clone(), &EN).groups.iter().map(|group| &**group)),
        };
        let members = texts.iter().filter(|text| *text == "etcd").count();
        assert_eq!(members, 3, "{width} × {height}, {:?}: {texts:?}", layout.detail);
    }
}

#[test]
fn every_node_can_be_told_from_the_others_by_its_name() {
    let model = model(4, 2);
    for (width, height) in [(1280.0, 640.0), (800.0, 400.0), (800.0, 330.0), (640.0, 360.0), (520.0, 300.0)] {
        for slide in [false, true] {
            let layout = Layout::new(&model, width, height, Some(Detail::Brief), Look { slide, ..Look::default() });
            let texts = texts_of(Scene::new(&model, layout, &EN).groups.iter().map(|group| &**group));
            for machine in &model.machines {
                let end = machine.name.rsplit('-').next().expect("a name has an end");
                let found = texts
                    .iter()
                    .any(|text| text.ends_with(end) && !text.starts_with('…') && machine.name.ends_with(text.as_str()));
                assert!(found, "{} at {width} × {height}: {texts:?}", machine.name);
            }
        }
    }
}
