//! Who is alive: every 5 s the leases and conditions of all nodes are looked at; a node that was silent for the grace period
//! becomes Unknown, its pods not ready, and it is tainted (`node_lifecycle_controller.go`).

use crate::core::collections::PMap;

use super::taints::{NOT_READY, UNREACHABLE, has_no_execute, swap};
use super::{node, reference};
use crate::api::resource::{LEASES, NODES, PODS};
use crate::client::object_reference;
use crate::core::{Duration, Request, Time};
use crate::kcm::context::Context;
use crate::kcm::control::put_status;
use crate::kcm::reconcile::{Effect, Io, QueueId, Step, Stop};
use crate::kcm::view::View;
use crate::value;
use crate::value::{Text, Value};

/// `--node-monitor-period`
pub(in crate::kcm) const MONITOR_PERIOD: Duration = Duration::s(5);
/// `--node-startup-grace-period`: for nodes that never reported.
const STARTUP_GRACE: Duration = Duration::s(60);
/// How often the queues of nodes to be tainted are looked at.
const TAINTING_PERIOD: Duration = Duration::ms(100);
/// `--node-eviction-rate` of 0.1, and `--secondary-node-eviction-rate` of 0.01 for large clusters in trouble.
const TAINT_EVERY: Duration = Duration::s(10);
const TAINT_EVERY_WHEN_DISRUPTED: Duration = Duration::s(100);
/// `--large-cluster-size-threshold`
const LARGE: usize = 50;
/// The timer that looks at the queues of nodes to be tainted.
pub(in crate::kcm) const TAINTING_TIMER: &str = "no-execute-taints";

/// How long a node may be silent: `--node-monitor-grace-period`.
#[derive(Clone, Copy, Debug)]
pub(in crate::kcm) struct Grace(pub Duration);

impl Default for Grace {
    fn default() -> Self {
        Self(Duration::s(50))
    }
}

/// When a node was last seen alive.
#[derive(Clone, Debug)]
pub(super) struct Health {
    probed: Time,
    lease: Text,
    heartbeat: Text,
}

/// How many nodes of a zone work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Normal,
    /// More than half of the nodes, and more than two, are not ready.
    Partial,
    /// No node is ready: more likely the monitor is cut off.
    Full,
}

/// A zone and its nodes that are to be tainted: one after the other, at a limited rate.
#[derive(Clone, Debug, Default)]
pub(super) struct Zone {
    state: State,
    size: usize,
    waiting: Vec<Text>,
    next_at: Time,
}

fn zone_of(node: &Value) -> Text {
    let label = |key| node.label(key).unwrap_or("");
    match (label("topology.kubernetes.io/region"), label("topology.kubernetes.io/zone")) {
        ("", "") => Text::default(),
        (region, zone) => Text::from(format!("{region}:{zone}")),
    }
}

fn ready_status(node: &Value) -> &str {
    node.condition("Ready").map_or("", |ready| ready["status"].str())
}

/// One look at all nodes (monitorNodeHealth).
pub(in crate::kcm) fn monitor(context: &mut Context<'_, '_>) {
    let now = context.out.now();
    let nodes: Vec<Value> = context.view.store(NODES).values().cloned().collect();
    greet(context, &nodes);
    let mut zones: PMap<Text, (usize, usize)> = PMap::new();
    for node in &nodes {
        let health = probe(context.view, node, now);
        context.view.nodes.health.insert(node["metadata"]["name"].text(), health);
        let status = if is_silent(context.view, node, now) { "Unknown" } else { ready_status(node) };
        if node.label("node.kubernetes.io/exclude-disruption").is_none() {
            let counts = zones.entry(zone_of(node)).or_default();
            if status == "True" { counts.0 += 1 } else { counts.1 += 1 }
        }
        let taints_differ = match status {
            "True" => has_no_execute(node, NOT_READY) || has_no_execute(node, UNREACHABLE),
            "Unknown" => !has_no_execute(node, UNREACHABLE),
            _ => !has_no_execute(node, NOT_READY),
        };
        let unmarked = context.view.nodes.unmarked.contains(node.name());
        if status != ready_status(node) || taints_differ || unmarked {
            context.enqueue(QueueId::NodeHealth, &node.key());
        }
    }
    note_zones(context, zones);
}

fn greet(context: &mut Context<'_, '_>, nodes: &[Value]) {
    for node in nodes {
        if !context.view.nodes.known.contains_key(node.name()) {
            context.view.nodes.known.insert(node["metadata"]["name"].text(), node["metadata"]["uid"].text());
            let name = node.name();
            let message = format!("Node {name} event: Registered Node {name} in Controller");
            context.event("node-controller", &reference(node), "Normal", "RegisteredNode", message);
        }
    }
    let gone: Vec<(Text, Text)> = context
        .view
        .nodes
        .known
        .iter()
        .filter(|(name, _)| node(context.view, name).is_none())
        .map(|(name, uid)| (name.clone(), uid.clone()))
        .collect();
    for (name, uid) in gone {
        context.view.nodes.known.remove(name.as_str());
        context.view.nodes.health.remove(name.as_str());
        let reference = value!({"apiVersion": "v1", "kind": "Node", "name": &name, "uid": uid});
        let message = format!("Node {name} event: Removing Node {name} from Controller");
        context.event("node-controller", &reference, "Normal", "RemovingNode", message);
    }
}

/// Whether the node gave a sign since the last look: its lease was renewed, or its status written.
fn probe(view: &View, node: &Value, now: Time) -> Health {
    let lease = view.find(LEASES, "kube-node-lease", node.name());
    let lease = lease.map(|lease| lease["spec"]["renewTime"].text()).unwrap_or_default();
    let heartbeat = node.condition("Ready").map(|ready| ready["lastHeartbeatTime"].text()).unwrap_or_default();
    match view.nodes.health.get(node.name()) {
        None => {
            let created = Time::parse_rfc3339(node["metadata"]["creationTimestamp"].str());
            let never = heartbeat.is_empty() && lease.is_empty();
            Health { probed: if never { created.unwrap_or(now) } else { now }, lease, heartbeat }
        }
        // RFC 3339 in one zone and with a fixed number of digits sorts as time does.
        Some(had) if lease > had.lease || heartbeat != had.heartbeat => Health { probed: now, lease, heartbeat },
        Some(had) => had.clone(),
    }
}

fn is_silent(view: &View, node: &Value, now: Time) -> bool {
    let grace = if ready_status(node).is_empty() { STARTUP_GRACE } else { view.nodes.grace.0 };
    view.nodes.health.get(node.name()).is_some_and(|health| now > health.probed + grace)
}

/// Notes how the zones are (handleDisruption); when the last one breaks down the monitor stops blaming the nodes.
fn note_zones(context: &mut Context<'_, '_>, counts: PMap<Text, (usize, usize)>) {
    let was_cut_off = cut_off(context.view);
    let names: Vec<Text> = context.view.nodes.zones.keys().cloned().collect();
    for name in names.iter().filter(|name| !counts.contains_key(*name)) {
        context.view.nodes.zones.remove(name.as_str());
    }
    for (name, (ready, not_ready)) in counts {
        let mut zone = context.view.nodes.zones.get(&name).cloned().unwrap_or_default();
        zone.size = ready + not_ready;
        zone.state = match (ready, not_ready) {
            (0, 1..) => State::Full,
            // 55 %: --unhealthy-zone-threshold
            (ready, not_ready) if not_ready > 2 && not_ready * 100 >= 55 * (ready + not_ready) => State::Partial,
            _ => State::Normal,
        };
        context.view.nodes.zones.insert(name, zone);
    }
    let now_cut_off = cut_off(context.view);
    if was_cut_off && !now_cut_off {
        // Everybody gets a new chance.
        let now = context.out.now();
        let names: Vec<Text> = context.view.nodes.health.keys().cloned().collect();
        for name in names {
            if let Some(health) = context.view.nodes.health.get_mut(name.as_str()) {
                health.probed = now;
            }
        }
    }
}

/// Whether no zone has a ready node.
fn cut_off(view: &View) -> bool {
    !view.nodes.zones.is_empty() && view.nodes.zones.values().all(|zone| zone.state == State::Full)
}

/// Acts on what the monitor saw of one node.
pub(in crate::kcm) fn sync(io: &mut Io<'_>, key: &str) -> Step<()> {
    let view = io.view;
    let Some(seen) = node(view, key) else { return Ok(()) };
    let mut node = seen.clone();
    let observed = ready_status(seen).to_string();
    if is_silent(view, seen, io.now()) && observed != "Unknown" {
        node = report_unknown(io, node)?;
    }
    let status = ready_status(&node).to_string();
    if cut_off(view) || status == "True" {
        swap(io, &node, "NoExecute", &[], &[UNREACHABLE, NOT_READY])?;
    } else {
        let (right, wrong) = if status == "Unknown" { (UNREACHABLE, NOT_READY) } else { (NOT_READY, UNREACHABLE) };
        if has_no_execute(&node, wrong) {
            swap(io, &node, "NoExecute", &[right], &[wrong])?;
        } else if !has_no_execute(&node, right) {
            io.act(Effect::TaintLater(Text::new(key)));
        }
    }
    let lost = observed == "True" && status != "True";
    if lost {
        let message = format!("Node {key} status is now: NodeNotReady");
        io.event(&reference(&node), "Normal", "NodeNotReady", message);
    }
    if lost || (view.nodes.unmarked.contains(key) && status != "True") {
        mark_pods(io, key)?;
    }
    Ok(())
}

fn report_unknown(io: &mut Io<'_>, mut node: Value) -> Step<Value> {
    // As upstream: when somebody else has written meanwhile, the newest state is taken, five times at most.
    for _ in 0..5 {
        let status = unknown_status(&node, io.stamp());
        if status == node["status"] {
            return Ok(node);
        }
        match io.request(put_status(NODES, &node, status))? {
            Ok(updated) => return Ok(updated),
            Err(_) => node = io.call(Request::get(NODES, "", node["metadata"]["name"].text()))?,
        }
    }
    Err(Stop::Retry)
}

fn unknown_status(node: &Value, now: Text) -> Value {
    let mut status = node["status"].clone();
    for kind in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] {
        let conditions = status["conditions"].list_mut();
        match conditions.iter_mut().find(|have| have["type"].str() == kind) {
            Some(have) if have["status"].str() == "Unknown" => {}
            Some(have) => {
                have["status"] = "Unknown".into();
                have["reason"] = "NodeStatusUnknown".into();
                have["message"] = "Kubelet stopped posting node status.".into();
                have["lastTransitionTime"] = (&now).into();
            }
            None => conditions.push(value!({
                "type": kind, "status": "Unknown", "reason": "NodeStatusNeverUpdated",
                "message": "Kubelet never posted node status.",
                "lastHeartbeatTime": &node["metadata"]["creationTimestamp"], "lastTransitionTime": &now,
            })),
        }
    }
    status
}

/// Sets Ready=False in the status of every pod of a silent node (MarkPodsNotReady).
fn mark_pods(io: &mut Io<'_>, name: &str) -> Step<()> {
    let view = io.view;
    let mut failed = false;
    for pod in view.objects(PODS, view.pods.on_node(name)) {
        let ready = |have: &Value| have["type"].str() == "Ready" && have["status"].str() != "False";
        if !pod["status"]["conditions"].items().iter().any(ready) {
            continue;
        }
        let mut status = pod["status"].clone();
        let now = io.stamp();
        for condition in status["conditions"].list_mut().iter_mut().filter(|have| have["type"].str() == "Ready") {
            condition["status"] = "False".into();
            condition["lastTransitionTime"] = (&now).into();
        }
        match io.request(put_status(PODS, pod, status))? {
            Ok(updated) => io.event(&object_reference(&updated), "Warning", "NodeNotReady", "Node is not ready"),
            Err(error) if error.code() == 404 => {}
            Err(_) => failed = true,
        }
    }
    io.act(Effect::PodsMarked(Text::new(name), !failed));
    Ok(())
}

/// Puts a node into its zone's queue of those that get a NoExecute taint.
pub(in crate::kcm) fn taint_later(context: &mut Context<'_, '_>, name: &Text) {
    let Some(node) = node(context.view, name) else { return };
    let zone_name = zone_of(node);
    let mut zone = context.view.nodes.zones.get(&zone_name).cloned().unwrap_or_default();
    if zone.waiting.contains(name) {
        return;
    }
    zone.waiting.push(name.clone());
    if zone.waiting.len() == 1 {
        context.out.tick(TAINTING_PERIOD, TAINTING_TIMER, zone_name.clone(), 0);
    }
    context.view.nodes.zones.insert(zone_name, zone);
}

/// Taints the next node of a zone, if the rate allows it.
pub(in crate::kcm) fn on_tainting_timer(context: &mut Context<'_, '_>, zone_name: &Text) {
    let now = context.out.now();
    let Some(mut zone) = context.view.nodes.zones.get(zone_name).cloned() else { return };
    let every = match zone.state {
        State::Normal => TAINT_EVERY,
        State::Partial if zone.size > LARGE => TAINT_EVERY_WHEN_DISRUPTED,
        // Nobody is evicted while most nodes are in trouble; the monitor asks again if they stay so.
        State::Partial | State::Full => {
            zone.waiting.clear();
            context.view.nodes.zones.insert(zone_name.clone(), zone);
            return;
        }
    };
    if !zone.waiting.is_empty() && now >= zone.next_at {
        let name = zone.waiting.remove(0);
        zone.next_at = now + every;
        context.enqueue(QueueId::NodeNoExecute, &name);
    }
    if !zone.waiting.is_empty() {
        context.out.tick(zone.next_at.since(now).max(TAINTING_PERIOD), TAINTING_TIMER, zone_name.clone(), 0);
    }
    context.view.nodes.zones.insert(zone_name.clone(), zone);
}

/// Gives a node its NoExecute taint (doNoExecuteTaintingPass).
pub(in crate::kcm) fn sync_no_execute(io: &mut Io<'_>, key: &str) -> Step<()> {
    let Some(node) = node(io.view, key) else { return Ok(()) };
    match ready_status(node) {
        "False" => swap(io, node, "NoExecute", &[NOT_READY], &[UNREACHABLE]),
        "Unknown" => swap(io, node, "NoExecute", &[UNREACHABLE], &[NOT_READY]),
        _ => Ok(()),
    }
}
