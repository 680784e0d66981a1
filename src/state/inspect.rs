//! What the inspector says about the selected thing at the playhead.

use orrery_sim::api::Resource;
use orrery_sim::api::resource::{EVENTS, NODES, PODS};
use orrery_sim::api::yaml_out::to_yaml;
use orrery_sim::core::collections::sort::Sort as _;
use orrery_sim::core::{Addr, Cluster, EnvelopeId, MachineId, Message, Part, Time};
use orrery_sim::etcd::What;
use orrery_sim::etcd::raft::{Body, Payload};
use orrery_sim::value::Value;

use crate::scene::model::{objects, store};
use crate::scene::{MessageKind, Selection};

/// A pair of a name and a value.
pub type Fact = (String, String);

/// An event as the events tab shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// `metadata.uid`, or the key where there is none.
    pub key: String,
    /// When it was last seen.
    pub at: Option<Time>,
    /// `Normal` or `Warning`.
    pub kind: String,
    /// Reason.
    pub reason: String,
    /// Kind and name of the object, such as `pod/web`.
    pub object: String,
    /// Its namespace.
    pub namespace: String,
    /// Message.
    pub message: String,
    /// How often it was seen.
    pub count: i64,
}

impl EventRow {
    fn of(event: &Value) -> Self {
        let object = if event["involvedObject"].is_null() { &event["regarding"] } else { &event["involvedObject"] };
        let moment = [
            &event["series"]["lastObservedTime"],
            &event["lastTimestamp"],
            &event["eventTime"],
            &event["firstTimestamp"],
            &event["metadata"]["creationTimestamp"],
        ];
        let message = if event["message"].is_null() { &event["note"] } else { &event["message"] };
        Self {
            key: event.key().to_string(),
            at: moment.iter().find_map(|value| Time::parse_rfc3339(value.str())),
            kind: event["type"].str().to_string(),
            reason: event["reason"].str().to_string(),
            object: format!("{}/{}", object["kind"].str().to_lowercase(), object["name"].str()),
            namespace: object["namespace"].str().to_string(),
            message: message.str().to_string(),
            count: event["count"].int().max(event["series"]["count"].int()).max(1),
        }
    }
}

/// All events of the cluster, the oldest first; those about one object when `about` names it as `kind/name`.
pub fn events(cluster: &Cluster, about: Option<&str>) -> Vec<EventRow> {
    let Some(store) = store(cluster) else { return Vec::new() };
    let mut rows: Vec<EventRow> =
        objects(store, EVENTS).map(EventRow::of).filter(|row| about.is_none_or(|about| row.object == about)).collect();
    rows.order_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    rows
}

/// The object that a selection stands for, with its resource.
pub fn object<'a>(cluster: &'a Cluster, selection: &Selection) -> Option<(Resource, &'a Value)> {
    let store = store(cluster)?;
    let (resource, namespace, name) = match selection {
        Selection::Node(name) => (NODES, "", name.clone()),
        Selection::Pod(namespace, name) => (PODS, namespace.as_str(), name.clone()),
        // A part of the control plane runs as a static pod, whose mirror the api-server knows.
        Selection::Part(machine, part) => {
            let process = part.process();
            let name = match process {
                Part::Etcd | Part::ApiServer | Part::Scheduler => process.name(),
                Part::Controller(_) => "kube-controller-manager",
                _ => return None,
            };
            (PODS, "kube-system", format!("{name}-{machine}"))
        }
        Selection::Message(_) => return None,
    };
    store.get(&resource.etcd_key(namespace, &name)).map(|entry| (resource, &entry.value))
}

/// The key of a selection's object in etcd.
pub fn etcd_key(selection: &Selection) -> Option<String> {
    match selection {
        Selection::Node(name) => Some(NODES.etcd_key("", name)),
        Selection::Pod(namespace, name) => Some(PODS.etcd_key(namespace, name)),
        Selection::Part(..) | Selection::Message(_) => None,
    }
}

/// What the events tab of a selection looks for.
pub fn event_object(selection: &Selection) -> Option<String> {
    match selection {
        Selection::Node(name) => Some(format!("node/{name}")),
        Selection::Pod(_, name) => Some(format!("pod/{name}")),
        Selection::Part(..) | Selection::Message(_) => None,
    }
}

/// The object as YAML, without the field managers' bookkeeping.
pub fn yaml(value: &Value) -> String {
    let mut shown = value.clone();
    shown.remove_at(&["metadata", "managedFields"]);
    to_yaml(&shown)
}

/// The machine with this name.
pub fn machine(cluster: &Cluster, name: &str) -> Option<MachineId> {
    let position = cluster.machines().iter().position(|machine| !machine.removed && machine.spec.name.as_str() == name);
    position.map(|index| MachineId(index as u16))
}

/// The facts about a selection.
pub fn facts(cluster: &Cluster, selection: &Selection) -> Vec<Fact> {
    match selection {
        Selection::Node(name) => node_facts(cluster, name),
        Selection::Pod(..) => object(cluster, selection).map(|(_, pod)| pod_facts(pod)).unwrap_or_default(),
        Selection::Part(name, part) => part_facts(cluster, name, *part),
        Selection::Message(_) => Vec::new(),
    }
}

fn fact(name: &str, value: impl Into<String>) -> Fact {
    (name.to_string(), value.into())
}

fn conditions(value: &Value) -> Vec<Fact> {
    value["status"]["conditions"]
        .items()
        .iter()
        .map(|condition| {
            let reason = condition["reason"].str();
            let why = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
            (condition["type"].str().to_string(), format!("{}{why}", condition["status"].str()))
        })
        .collect()
}

fn joined(value: &Value) -> String {
    let pairs = value.entries().iter().map(|(key, value)| {
        let text = value.str();
        if text.is_empty() { key.to_string() } else { format!("{key}={text}") }
    });
    pairs.collect::<Vec<_>>().join("\n")
}

fn node_facts(cluster: &Cluster, name: &str) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some((_, node)) = object(cluster, &Selection::Node(name.to_string())) {
        facts.extend(conditions(node));
        let info = &node["status"]["nodeInfo"];
        facts.push(fact("Kubelet", info["kubeletVersion"].str()));
        facts.push(fact("Runtime", info["containerRuntimeVersion"].str()));
        facts.push(fact("OS", info["osImage"].str()));
        facts.push(fact("Pod CIDR", node["spec"]["podCIDR"].str()));
        let taints = node["spec"]["taints"].items().iter().map(|taint| {
            let value = taint["value"].str();
            let equals = if value.is_empty() { String::new() } else { format!("={value}") };
            format!("{}{equals}:{}", taint["key"].str(), taint["effect"].str())
        });
        facts.push(fact("Taints", taints.collect::<Vec<_>>().join("\n")));
        facts.push(fact("Labels", joined(&node["metadata"]["labels"])));
    }
    if let Some(machine) = machine(cluster, name).and_then(|id| cluster.machine(id)) {
        facts.push(fact("Address", machine.ip.to_string()));
        facts.push(fact("Image", machine.spec.image.to_string()));
        let parts: Vec<&str> = machine.parts().map(Part::name).collect();
        facts.push(fact("Processes", parts.join("\n")));
    }
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

fn pod_facts(pod: &Value) -> Vec<Fact> {
    let spec = &pod["spec"];
    let status = &pod["status"];
    let mut facts = vec![
        fact("Namespace", pod.namespace()),
        fact("Phase", status["phase"].str()),
        fact("Node", spec["nodeName"].str()),
        fact("IP", status["podIP"].str()),
        fact(
            "Controlled by",
            pod.controller().map_or(String::new(), |owner| format!("{}/{}", owner["kind"].str(), owner["name"].str())),
        ),
    ];
    for container in spec["containers"].items() {
        let name = container["name"].str();
        let state = status["containerStatuses"].items().iter().find(|state| state["name"].str() == name);
        let state = state.map_or("", |state| {
            state["state"].entries().first().map_or("", |(key, value)| {
                let reason = value["reason"].str();
                if reason.is_empty() { key.as_str() } else { reason }
            })
        });
        facts.push((format!("Container {name}"), [container["image"].str(), state].join("\n").trim_end().to_string()));
    }
    facts.extend(conditions(pod));
    facts.push(fact("Labels", joined(&pod["metadata"]["labels"])));
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

fn part_facts(cluster: &Cluster, machine_name: &str, part: Part) -> Vec<Fact> {
    let mut facts = vec![fact("Machine", machine_name)];
    let Some(machine) = machine(cluster, machine_name).and_then(|id| cluster.machine(id)) else { return facts };
    facts.push(fact("Running", if machine.powered && machine.runs(part) { "yes" } else { "no" }));
    if part.process() == Part::Etcd
        && let Some(store) = store(cluster)
    {
        facts.push(fact("Revision", store.revision().to_string()));
        facts.push(fact("Compacted", store.compacted().to_string()));
        facts.push(fact("Keys", store.keys().count().to_string()));
    }
    if part == Part::ApiServer {
        let watches = cluster.network().open().filter(|(_, open)| open.server.part == Part::ApiServer);
        facts.push(fact("Open requests and watches", watches.count().to_string()));
    }
    facts
}

/// The facts about a message.
pub fn message_facts(envelope: &orrery_sim::core::Envelope, names: &dyn Fn(MachineId) -> String, lost: bool) -> Vec<Fact> {
    let at = |addr: Addr| {
        let machine = names(addr.machine);
        if machine.is_empty() { addr.part.name().to_string() } else { format!("{} @ {machine}", addr.part.name()) }
    };
    let took = envelope.due_at.since(envelope.sent_at).0;
    let mut facts = vec![
        fact("From", at(envelope.from)),
        fact("To", at(envelope.to)),
        fact("Sent", format!("{} s", envelope.sent_at)),
        fact("On its way", if took < 10_000 { format!("{took} µs") } else { format!("{} ms", took / 1000) }),
        fact("Kind", MessageKind::of(envelope).class()),
    ];
    match &envelope.message {
        Message::Request(request) => {
            facts.push(fact("Verb", request.verb.name()));
            facts.push(fact("Request", format!("{} {}", request.verb.method(), request.path())));
        }
        Message::Response(response) => facts.push(fact("Status", response.code.to_string())),
        Message::Failure(failure) => facts.push(fact("Error", failure.kind.to_string())),
        Message::EtcdResponse(response) => {
            facts.push(fact("Revision", response.revision.to_string()));
            if let Some(error) = response.error {
                facts.push(fact("Error", error));
            }
        }
        Message::Peer(peer) => {
            facts.push(fact("Raft", peer.raft.body.name()));
            if peer.raft.term > 0 {
                facts.push(fact("Term", peer.raft.term.to_string()));
            }
            if let Body::Append { prev_index, prev_term, entries, commit } = &peer.raft.body {
                facts.push(fact("After entry", format!("{prev_index} of term {prev_term}")));
                facts.push(fact("Entries", entries.len().to_string()));
                facts.push(fact("Committed", commit.to_string()));
            }
        }
        _ => {}
    }
    if lost {
        facts.push(fact("Lost", "nobody was there to receive it"));
    }
    facts
}

/// The body of a message as YAML; "" when it has none.
pub fn body(message: &Message) -> String {
    match message {
        Message::Request(request) => some_yaml(&request.body),
        Message::Response(response) => some_yaml(&response.body),
        Message::Watch(batch) => {
            let events = batch.events.iter().map(|event| format!("# {}\n{}", event.kind.name(), some_yaml(&event.object)));
            events.take(20).collect::<Vec<_>>().join("---\n")
        }
        Message::EtcdRequest(request) => match &**request {
            orrery_sim::etcd::EtcdRequest::Put { key, value, .. } => format!("# {key}\n{}", some_yaml(value)),
            orrery_sim::etcd::EtcdRequest::Delete { key, .. }
            | orrery_sim::etcd::EtcdRequest::Range { key, .. }
            | orrery_sim::etcd::EtcdRequest::Watch { prefix: key, .. } => format!("# {key}\n"),
            orrery_sim::etcd::EtcdRequest::Compact { revision } => format!("# revision {revision}\n"),
            orrery_sim::etcd::EtcdRequest::Admin { args, .. } => some_yaml(args),
        },
        Message::EtcdResponse(response) if !response.body.is_null() => some_yaml(&response.body),
        Message::EtcdResponse(response) => {
            let kvs = response
                .kvs
                .iter()
                .take(20)
                .map(|kv| format!("# {} (revision {})\n{}", kv.key, kv.mod_revision, some_yaml(&kv.value)));
            kvs.collect::<Vec<_>>().join("---\n")
        }
        Message::Peer(peer) => entries(&peer.raft.body),
        Message::EtcdWatch(batch) => {
            let events = batch.events.iter().take(20).map(|event| {
                let value = event.value.as_ref().map(some_yaml).unwrap_or_default();
                format!("# {} (revision {})\n{value}", event.key, event.revision)
            });
            events.collect::<Vec<_>>().join("---\n")
        }
        Message::Cri(cri) => match &**cri {
            orrery_sim::runtime::Cri::Call { args, .. } => some_yaml(args),
            orrery_sim::runtime::Cri::Reply { result, .. } => result.as_ref().map_or_else(ToString::to_string, some_yaml),
            orrery_sim::runtime::Cri::Event { body, .. } => some_yaml(body),
        },
        Message::Machine(message) => match &**message {
            orrery_sim::machine::MachineMessage::Call { args, .. } => some_yaml(args),
            orrery_sim::machine::MachineMessage::Reply { result, .. } => {
                result.as_ref().map_or_else(ToString::to_string, some_yaml)
            }
            orrery_sim::machine::MachineMessage::Event { body, .. } => some_yaml(body),
        },
        Message::Failure(_) => String::new(),
    }
}

/// The entries of a message between members of etcd: what each would write.
fn entries(body: &Body<std::rc::Rc<orrery_sim::etcd::Command>>) -> String {
    let Body::Append { entries, .. } = body else { return String::new() };
    let entry = |entry: &orrery_sim::etcd::raft::Entry<std::rc::Rc<orrery_sim::etcd::Command>>| {
        let what = match &entry.payload {
            Payload::Empty => "# (a new leader's first entry)\n".to_string(),
            Payload::Conf(change, _) => format!("# {change:?}\n"),
            Payload::Data(command) => match &command.what {
                What::Write(request) => self::body(&Message::EtcdRequest(std::rc::Rc::clone(request))),
                What::Member(member) => format!("# member {:x} is {}\n", member.id, member.name),
            },
        };
        format!("# entry {} of term {}\n{what}", entry.index, entry.term)
    };
    entries.iter().take(20).map(entry).collect::<Vec<_>>().join("---\n")
}

fn some_yaml(value: &Value) -> String {
    if value.is_empty() { String::new() } else { yaml(value) }
}

/// The message whose cause chain explains a selection: the message itself, or the last write of the object.
pub fn explained_by(trace: &orrery_sim::core::Trace, selection: &Selection, t: Time) -> Option<EnvelopeId> {
    match selection {
        Selection::Message(id) => Some(EnvelopeId(*id)),
        other => super::story::last_write(trace, &etcd_key(other)?, t),
    }
}
