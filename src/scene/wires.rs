//! The ways between the parts: the standing wires of the drawing, and the way that a message takes.

use orrery_sim::core::{Addr, Controller, MachineId, Part};

use super::geometry::{Point, Rect};
use super::layout::{Detail, Layout, MachineBox};
use super::messages::MessageKind;

/// The kinds of standing wires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WireKind {
    /// Requests and their answers.
    Request,
    /// A standing watch: dotted.
    Watch,
    /// api-server and etcd.
    Etcd,
    /// api-server to kubelet.
    KubeletCall,
    /// kubelet and runtime.
    Cri,
    /// What the wires of a node in a further row share.
    Trunk,
    /// To the registry, and of docker to machines: drawn only while something travels.
    Outside,
}

impl WireKind {
    /// The CSS class.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Watch => "watch",
            Self::Etcd => "etcd",
            Self::KubeletCall => "kubelet-call",
            Self::Cri => "cri",
            Self::Trunk => "trunk",
            Self::Outside => "outside",
        }
    }
}

/// A standing wire, from the part to the api-server's bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Wire {
    /// The part's machine.
    pub machine: MachineId,
    /// The part.
    pub part: Part,
    /// The machine at the other end.
    pub to: MachineId,
    /// What travels on it.
    pub kind: WireKind,
    /// Its course.
    pub points: Vec<Point>,
}

/// Whether the stage has a way between two parts at all; what programs say to each other within a machine is mostly not drawn.
pub fn is_drawn(from: Addr, to: Addr) -> bool {
    let pair = (from.part, to.part);
    from.machine != to.machine
        || (pair.0 == Part::ApiServer) != (pair.1 == Part::ApiServer)
        || matches!(pair, (Part::Kubelet, Part::Runtime) | (Part::Runtime, Part::Kubelet))
}

/// The way of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// From the sender to the receiver.
    pub points: Vec<Point>,
    /// Where its label hangs: -1 left of the wire, 0 upon it, 1 right of it.
    pub side: f64,
}

impl Layout {
    /// All standing wires.
    pub fn wires(&self) -> Vec<Wire> {
        let mut wires = Vec::new();
        let first = self.machines.iter().find(|machine| machine.bar.is_some());
        // Where there is a load balancer, everybody's way leads to it.
        let Some(server) = self.balancer.as_ref().or(first) else { return wires };
        let user = Addr::USER;
        let mut push = |addr: Addr, to: &MachineBox, kind: WireKind, points: Option<Vec<Point>>| {
            if let Some(points) = points {
                wires.push(Wire { machine: addr.machine, part: addr.part, to: to.id, kind, points });
            }
        };
        push(user, server, WireKind::Request, self.to_bar(user, server, WireKind::Request));
        for machine in self.machines.iter().filter(|machine| machine.bar.is_some()) {
            push(Addr::new(machine.id, Part::ApiServer), server, WireKind::Request, self.between_bars(machine));
        }
        let members: Vec<&MachineBox> = self.machines.iter().filter(|machine| machine.part(Part::Etcd).is_some()).collect();
        for pair in members.windows(2) {
            push(Addr::new(pair[1].id, Part::Etcd), pair[0], WireKind::Etcd, self.between_members(pair[0], pair[1]));
        }
        let servers: Vec<&MachineBox> = self.machines.iter().filter(|machine| machine.bar.is_some()).collect();
        for machine in &self.machines {
            let bar = if machine.bar.is_some() { machine } else { server };
            // To etcd no api-server goes by the load balancer.
            let away = |other: &MachineBox| (other.rect.cx() - machine.rect.cx()).abs();
            let above = || servers.iter().copied().min_by(|a, b| away(a).total_cmp(&away(b)));
            for (part, _) in &machine.parts {
                let bar = if *part == Part::Etcd { above().unwrap_or(bar) } else { bar };
                let addr = Addr::new(machine.id, *part);
                let kinds: &[WireKind] = match part {
                    Part::Etcd => &[WireKind::Etcd],
                    Part::Controller(_) => &[WireKind::Watch],
                    Part::Kubelet if machine.control_plane => &[WireKind::Request, WireKind::Watch],
                    Part::Kubelet => &[WireKind::Request, WireKind::KubeletCall, WireKind::Watch],
                    Part::Scheduler => &[WireKind::Request, WireKind::Watch],
                    Part::KubeProxy => &[WireKind::Watch],
                    _ => &[],
                };
                for kind in kinds {
                    let points = self.to_bar(addr, bar, *kind);
                    // In further rows each part has a stub of its own; the rest of the way is shared.
                    push(addr, bar, *kind, if machine.row > 0 { points.map(|points| points[..2].to_vec()) } else { points });
                }
            }
            if machine.row > 0
                && let Some(rect) = machine.part(Part::Kubelet)
            {
                // It begins above the rightmost of the stubs.
                let mut points = self.down(machine, rect.at(0.8), rect.y, server);
                points.remove(0);
                push(Addr::new(machine.id, Part::Kubelet), server, WireKind::Trunk, Some(points));
            }
            if machine.control_plane && machine.chips.is_empty() {
                let addr = Addr::new(machine.id, Part::Controller(Controller::Manager));
                push(addr, bar, WireKind::Request, self.to_bar(addr, bar, WireKind::Request));
            }
            let columns = machine.chips.iter().filter(|(_, rect)| (rect.y - machine.chips[0].1.y).abs() < 1.0);
            for (controller, _) in columns {
                let addr = Addr::new(machine.id, Part::Controller(*controller));
                push(addr, bar, WireKind::Request, self.to_bar(addr, bar, WireKind::Request));
            }
            if machine.part(Part::Kubelet).is_some() && machine.part(Part::Runtime).is_some() {
                push(Addr::new(machine.id, Part::Kubelet), machine, WireKind::Cri, cri(machine));
            }
        }
        wires
    }

    /// The way of a message between two parts; `None` when one of them is not shown.
    pub fn way(&self, from: Addr, to: Addr, kind: MessageKind) -> Option<Way> {
        let is_server = |addr: Addr| {
            matches!(addr.part, Part::ApiServer | Part::LoadBalancer)
                && self.machine(addr.machine).is_some_and(|m| m.bar.is_some())
        };
        if from.part == Part::Etcd && to.part == Part::Etcd {
            let points = self.between_members(self.machine(from.machine)?, self.machine(to.machine)?)?;
            return Some(Way { points, side: 0.0 });
        }
        if is_server(from) && is_server(to) {
            let balanced = from.part == Part::LoadBalancer;
            let mut points = self.between_bars(self.machine(if balanced { to.machine } else { from.machine })?)?;
            // Drawn from the api-server to the load balancer.
            if balanced {
                points.reverse();
            }
            return Some(Way { points, side: 1.0 });
        }
        if is_server(from) || is_server(to) {
            let (server, part, reversed) = if is_server(to) { (to, from, false) } else { (from, to, true) };
            if is_server(part) {
                return None;
            }
            let wire = wire_kind(part, kind, reversed);
            let mut points = self.to_bar(part, self.machine(server.machine)?, wire)?;
            if reversed {
                points.reverse();
            }
            let side = self.side(part, wire);
            return Some(Way { points, side });
        }
        if from.machine == to.machine && from.machine != MachineId::USER {
            if !matches!((from.part, to.part), (Part::Kubelet, Part::Runtime) | (Part::Runtime, Part::Kubelet)) {
                return None;
            }
            let machine = self.machine(from.machine)?;
            let mut points = cri(machine)?;
            if from.part == Part::Runtime {
                points.reverse();
            }
            return Some(Way { points, side: 0.0 });
        }
        let (outside, inside, reversed) = if from.machine == MachineId::USER { (from, to, true) } else { (to, from, false) };
        let machine = self.machine(inside.machine)?;
        let mut points = match outside.part {
            Part::Registry => self.to_registry(machine)?,
            _ => self.to_docker(machine),
        };
        if reversed {
            points.reverse();
        }
        Some(Way { points, side: 0.0 })
    }

    /// From an api-server's bar down to the load balancer.
    fn between_bars(&self, machine: &MachineBox) -> Option<Vec<Point>> {
        let (bar, balancer) = (machine.bar?, self.balancer.as_ref()?.bar?);
        Some(vec![Point::new(bar.cx(), bar.bottom()), Point::new(bar.cx(), balancer.y)])
    }

    /// From one member of etcd to another, above the boxes of their machines.
    fn between_members(&self, from: &MachineBox, to: &MachineBox) -> Option<Vec<Point>> {
        let (start, end) = (from.part(Part::Etcd)?, to.part(Part::Etcd)?);
        let lane = from.rect.y.min(to.rect.y) - 0.35 * self.font;
        let leaves = |place: Rect, right: bool| place.x + self.metrics.member_lane * self.font * if right { 0.65 } else { 0.2 };
        let (x, towards) = (leaves(start, end.x > start.x), leaves(end, end.x < start.x));
        Some(vec![Point::new(x, start.y), Point::new(x, lane), Point::new(towards, lane), Point::new(towards, end.y)])
    }

    fn side(&self, part: Addr, wire: WireKind) -> f64 {
        match (part.part, wire) {
            (Part::Shell, _) if self.stacked => 1.0,
            (Part::Shell, _) => 0.0,
            (Part::Controller(_), WireKind::Watch) => -1.0,
            (Part::Etcd, _) | (_, WireKind::Watch | WireKind::KubeletCall) => 1.0,
            (Part::Controller(_), _) => 0.0,
            _ => -1.0,
        }
    }

    /// From a part to the bar of an api-server.
    fn to_bar(&self, part: Addr, server: &MachineBox, kind: WireKind) -> Option<Vec<Point>> {
        let bar = server.bar?;
        let f = self.font;
        if part == Addr::USER {
            // Where kubectl stands above, its wire runs down between the frame and the node.
            let beside = self.frame.map_or(self.user.x, |frame| f64::midpoint(frame.x, server.rect.x));
            let x = if self.stacked { beside } else { self.user.cx() };
            return Some(vec![Point::new(x, self.user.bottom()), Point::new(x, bar.cy()), Point::new(bar.x, bar.cy())]);
        }
        let machine = self.machine(part.machine)?;
        let Some(place) = machine.part(part.part) else {
            // Parts without a box of their own (kindnet, coredns, kubeadm) speak from their machine.
            let x = if self.is_far(machine.id) { machine.rect.cx() } else { machine.rect.right() - 1.2 * f };
            return Some(if machine.control_plane {
                vec![Point::new(x - 0.6 * f, machine.title.bottom()), Point::new(x - 0.6 * f, bar.y)]
            } else {
                self.down(machine, x, machine.rect.y, server)
            });
        };
        let share = match (part.part, kind) {
            (Part::Kubelet, WireKind::Watch) => 0.8,
            (Part::Scheduler, WireKind::Watch) => 0.66,
            (Part::Kubelet, WireKind::Request) => 0.2,
            (Part::Scheduler, WireKind::Request) => 0.34,
            (Part::Controller(_), WireKind::Watch) => 1.0,
            _ => 0.5,
        };
        if machine.control_plane {
            let (x, y) = match part.part {
                Part::Controller(controller) => {
                    let manager = machine.part(Part::Controller(Controller::Manager))?;
                    let chip = machine.chips.iter().find(|(have, _)| *have == controller).map(|(_, rect)| rect.cx());
                    let x =
                        if kind == WireKind::Watch { manager.right() - 0.8 * f } else { chip.unwrap_or_else(|| manager.at(0.5)) };
                    (x, manager.bottom())
                }
                _ => {
                    // What stands above the controller-manager has its wires in the lane beside that.
                    let manager = machine.part(Part::Controller(Controller::Manager));
                    let lane = manager.filter(|manager| part.part == Part::Scheduler && manager.y >= place.bottom());
                    (lane.map_or(place.at(share), |manager| place.x + (manager.x - place.x) * share), place.bottom())
                }
            };
            return Some(vec![Point::new(x, y), Point::new(x, bar.y)]);
        }
        Some(self.down(machine, place.at(share), place.y, server))
    }

    /// From the point (x, y) of a worker up to the bar: straight in the first row, through the lane beside it in the others.
    fn down(&self, machine: &MachineBox, x: f64, y: f64, server: &MachineBox) -> Vec<Point> {
        let bar = server.bar.unwrap_or_default();
        let reach = |x: f64| x.clamp(bar.x + 4.0, (bar.right() - 4.0).max(bar.x + 4.0));
        if machine.row == 0 {
            let top = reach(x);
            if (top - x).abs() < 0.5 {
                return vec![Point::new(x, y), Point::new(x, bar.bottom())];
            }
            let bend = machine.rect.y - 0.8 * self.font;
            return vec![Point::new(x, y), Point::new(x, bend), Point::new(top, bend), Point::new(top, bar.bottom())];
        }
        let lane = machine.rect.x - (machine.gutter - machine.rect.right());
        let bend = machine.rect.y - (machine.gutter - machine.rect.right());
        let top = reach(lane);
        vec![
            Point::new(x, y),
            Point::new(x, bend),
            Point::new(lane, bend),
            Point::new(lane, server.rect.bottom() + self.font * 0.6),
            Point::new(top, server.rect.bottom() + self.font * 0.6),
            Point::new(top, bar.bottom()),
        ]
    }

    /// From a machine's runtime out of the cluster to the registry.
    fn to_registry(&self, machine: &MachineBox) -> Option<Vec<Point>> {
        let registry = self.registry?;
        let frame = self.frame?;
        let runtime = machine.part(Part::Runtime);
        let (x, y) = runtime.map_or((machine.rect.right(), machine.title.cy()), |rect| (rect.right(), rect.cy()));
        if self.stacked {
            // The registry stands above: through the lane below the control plane, then up at the right edge.
            let right = frame.right() - 0.25 * self.font;
            let top = self
                .machines
                .iter()
                .filter(|machine| machine.control_plane)
                .map(|machine| machine.rect.bottom())
                .fold(frame.y, f64::max);
            let lane = top + 0.5 * self.font;
            let x_of = machine.gutter.min(right);
            return Some(vec![
                Point::new(x, y),
                Point::new(x_of, y),
                Point::new(x_of, lane),
                Point::new(right, lane),
                Point::new(right, registry.bottom()),
            ]);
        }
        let lane = frame.bottom() - 0.85 * self.font;
        let gutter = if machine.gutter > frame.right() { frame.right() - 0.35 * self.font } else { machine.gutter };
        Some(vec![Point::new(x, y), Point::new(gutter, y), Point::new(gutter, lane), Point::new(registry.right(), lane)])
    }

    /// From a machine to the user's docker.
    fn to_docker(&self, machine: &MachineBox) -> Vec<Point> {
        let user = self.user;
        let f = self.font;
        if machine.control_plane {
            let y = machine.title.cy();
            return if self.stacked {
                vec![Point::new(user.cx(), y), Point::new(user.cx(), user.bottom())]
            } else {
                vec![Point::new(machine.rect.x, y), Point::new(user.cx(), y), Point::new(user.cx(), user.y)]
            };
        }
        let x = user.x + 0.8 * f;
        let y = machine.rect.y - 0.7 * f;
        let into = machine.rect.x + 1.2 * f;
        vec![Point::new(into, machine.rect.y), Point::new(into, y), Point::new(x, y), Point::new(x, user.bottom())]
    }
}

fn wire_kind(part: Addr, kind: MessageKind, to_part: bool) -> WireKind {
    match (part.part, kind) {
        (Part::Etcd, _) => WireKind::Etcd,
        (_, MessageKind::KubeletCall) => WireKind::KubeletCall,
        (_, MessageKind::Watch) if to_part => WireKind::Watch,
        _ => WireKind::Request,
    }
}

/// From the kubelet of a machine to its runtime.
fn cri(machine: &MachineBox) -> Option<Vec<Point>> {
    let (kubelet, runtime) = (machine.part(Part::Kubelet)?, machine.part(Part::Runtime)?);
    let lane = machine.title.y - kubelet.bottom();
    if machine.control_plane || lane < 8.0 {
        let y = runtime.cy();
        return Some(vec![Point::new(kubelet.right(), y), Point::new(runtime.x, y)]);
    }
    let y = kubelet.bottom() + lane * 0.55;
    Some(vec![
        Point::new(kubelet.cx(), kubelet.bottom()),
        Point::new(kubelet.cx(), y),
        Point::new(runtime.cx(), y),
        Point::new(runtime.cx(), runtime.bottom()),
    ])
}

/// Whether a level of detail shows the labels of calls within a node.
pub const fn labels_within_nodes(detail: Detail) -> bool {
    matches!(detail, Detail::Full | Detail::Medium)
}
