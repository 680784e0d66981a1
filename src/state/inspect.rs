//! What the inspector says about the selected thing at the playhead.

use orrery_sim::api::Resource;
use orrery_sim::api::resource::{EVENTS, LEASES, NODES, PODS};
use orrery_sim::api::yaml_out::to_yaml;
use orrery_sim::apiserver::ApiServer;
use orrery_sim::client::WorkQueue;
use orrery_sim::core::collections::sort::Sort as _;
use orrery_sim::core::{Addr, Cluster, CommandId, EnvelopeId, Machine, MachineId, Message, Part, Time};
use orrery_sim::etcd::raft::{Body, Payload};
use orrery_sim::etcd::{Etcd, What};
use orrery_sim::kcm::ControllerManager;
use orrery_sim::kubelet::Kubelet;
use orrery_sim::machine::Systemd;
use orrery_sim::proxy::{KubeProxy, Rule};
use orrery_sim::runtime::Containerd;
use orrery_sim::runtime::process::{Caller, ps};
use orrery_sim::scheduler::KubeScheduler;
use orrery_sim::scheduler::queue::Place;
use orrery_sim::value::Value;

use super::State;
use super::relations::{in_etcd, relations};
use crate::i18n::Texts;
use crate::i18n::say::Say;
use crate::scene::model::{objects, store};
use crate::scene::{MessageKind, Selection};

/// What a fact says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A text, perhaps of several lines.
    Text(String),
    /// Text whose columns matter.
    Columns(String),
    /// A condition of the object: its status with its reason.
    Condition(String),
    /// Objects that one can go to.
    Links(Vec<(String, Option<Selection>)>),
}

impl Told {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) | Self::Columns(text) | Self::Condition(text) => text.is_empty(),
            Self::Links(links) => links.is_empty(),
        }
    }
}

/// A name and what is told under it.
pub type Fact = (String, Told);

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
    /// etcd's revision of its last change: the order of what was seen in the same second.
    pub revision: u64,
}

impl EventRow {
    /// What stands for the event itself.
    pub fn itself(&self) -> Selection {
        let (namespace, name) = self.key.split_once('/').unwrap_or(("", &self.key));
        Selection::object(EVENTS, namespace, name)
    }

    /// What stands for the object that it is about.
    pub fn about(&self) -> Option<Selection> {
        let (kind, name) = self.object.split_once('/')?;
        let resource = Resource::all().find(|resource| resource.singular == kind)?;
        let namespace = if resource.namespaced { &*self.namespace } else { "" };
        Some(Selection::object(resource, namespace, name))
    }

    fn of(event: &Value, revision: u64) -> Self {
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
            revision,
        }
    }
}

/// All events of the cluster, the oldest first; those about one object when `about` names it as `kind/name`.
pub fn events(cluster: &Cluster, about: Option<&str>) -> Vec<EventRow> {
    let Some(store) = store(cluster) else { return Vec::new() };
    let prefix = EVENTS.etcd_key("", "");
    let all = store.prefix(&prefix).map(|entry| EventRow::of(&entry.value, entry.mod_revision));
    let mut rows: Vec<EventRow> = all.filter(|row| about.is_none_or(|about| row.object == about)).collect();
    rows.order_by_key(|row| (row.at, row.revision));
    rows
}

/// The object that a selection stands for, with its resource.
pub fn object<'a>(cluster: &'a Cluster, selection: &Selection) -> Option<(Resource, &'a Value)> {
    let store = store(cluster)?;
    let (resource, namespace, name) = match selection {
        Selection::Node(name) => (NODES, "", name.clone()),
        Selection::Pod(namespace, name) => (PODS, namespace.as_str(), name.clone()),
        // A part of the control plane runs as a static pod, whose mirror the api-server knows; others belong to a DaemonSet or Deployment.
        Selection::Part(machine, part) => {
            let process = part.process();
            let name = match process {
                Part::Kubelet => return object(cluster, &Selection::Node(machine.clone())),
                Part::Etcd | Part::ApiServer | Part::Scheduler => process.name(),
                Part::Controller(_) => "kube-controller-manager",
                Part::KubeProxy | Part::Kindnet | Part::CoreDns | Part::LocalPathProvisioner => {
                    let prefix = process.name().trim_end_matches('d');
                    let pod = objects(store, PODS).find(|pod| {
                        pod["spec"]["nodeName"].str() == machine && pod.namespace() != "default" && pod.name().starts_with(prefix)
                    });
                    return pod.map(|pod| (PODS, pod));
                }
                _ => return None,
            };
            (PODS, "kube-system", format!("{name}-{machine}"))
        }
        Selection::Object(resource, namespace, name) => (*resource, namespace.as_str(), name.clone()),
        Selection::Message(_) | Selection::Command(_) => return None,
    };
    store.get(&resource.etcd_key(namespace, &name)).map(|entry| (resource, &entry.value))
}

/// The key of a selection's object in etcd.
pub fn etcd_key(selection: &Selection) -> Option<String> {
    match selection {
        Selection::Node(name) => Some(NODES.etcd_key("", name)),
        Selection::Pod(namespace, name) => Some(PODS.etcd_key(namespace, name)),
        Selection::Object(resource, namespace, name) => Some(resource.etcd_key(namespace, name)),
        Selection::Part(..) | Selection::Message(_) | Selection::Command(_) => None,
    }
}

/// What the events tab of a selection looks for.
pub fn event_object(selection: &Selection) -> Option<String> {
    match selection {
        Selection::Node(name) => Some(format!("node/{name}")),
        Selection::Pod(_, name) => Some(format!("pod/{name}")),
        Selection::Object(resource, _, name) if *resource != EVENTS => Some(format!("{}/{name}", resource.singular)),
        Selection::Object(..) | Selection::Part(..) | Selection::Message(_) | Selection::Command(_) => None,
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

/// The facts about a selection at `t`.
pub fn facts(cluster: &Cluster, selection: &Selection, t: Time, say: &Say) -> Vec<Fact> {
    let own = match selection {
        Selection::Node(name) => node_facts(cluster, name, say),
        Selection::Pod(..) => object(cluster, selection).map(|(_, pod)| pod_facts(pod)).unwrap_or_default(),
        Selection::Part(name, part) => part_facts(cluster, name, *part, t, say),
        Selection::Object(..) => object(cluster, selection).map(|(_, object)| object_facts(object)).unwrap_or_default(),
        Selection::Message(_) | Selection::Command(_) => Vec::new(),
    };
    let is_object = matches!(selection, Selection::Node(_) | Selection::Pod(..) | Selection::Object(..));
    let (Some(store), Some((resource, object))) = (store(cluster).filter(|_| is_object), object(cluster, selection)) else {
        return own;
    };
    // What something is comes first, then what it hangs together with.
    let mut facts = relations(store, resource, object, say);
    facts.extend(own);
    facts.extend(in_etcd(store, resource, object, say));
    facts
}

fn object_facts(object: &Value) -> Vec<Fact> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let mut facts = vec![fact("Namespace", object.namespace())];
    if !spec["replicas"].is_null() {
        let ready = status["readyReplicas"].int();
        facts.push(fact("Replicas", format!("{} / {} Ready", ready, spec["replicas"].int())));
    }
    let ports = spec["ports"].items().iter().map(|port| format!("{} {}", port["port"].int(), port["protocol"].str()));
    facts.push(fact("ClusterIP", spec["clusterIP"].str()));
    facts.push(fact("Ports", ports.collect::<Vec<_>>().join("\n")));
    facts.push(fact("Reason", object["reason"].str()));
    facts.push(fact("Message", object["message"].str()));
    facts.push(fact("Message", object["note"].str()));
    facts.extend(conditions(object));
    facts.push(fact("Labels", joined(&object["metadata"]["labels"])));
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

/// The facts about a command of the user.
pub fn command_facts(state: &State, command: CommandId) -> Vec<Fact> {
    let say = state.texts.say;
    let given = state.session.recording().entries.get(command.0 as usize).map(|(at, _)| Time(*at));
    let result = state.session.result(command, state.player.time());
    let code = result.code.map(|code| code.to_string());
    let mut facts = vec![
        fact(say.f_sent, given.map(|at| format!("{at} s")).unwrap_or_default()),
        fact(say.f_exit, code.unwrap_or_default()),
        fact("stdout", result.stdout.trim_end()),
        fact("stderr", result.stderr.trim_end()),
    ];
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

pub(super) fn fact(name: &str, value: impl Into<String>) -> Fact {
    (name.to_string(), Told::Text(value.into()))
}

fn conditions(value: &Value) -> Vec<Fact> {
    value["status"]["conditions"]
        .items()
        .iter()
        .map(|condition| {
            let reason = condition["reason"].str();
            let why = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
            (condition["type"].str().to_string(), Told::Condition(format!("{}{why}", condition["status"].str())))
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

fn node_facts(cluster: &Cluster, name: &str, say: &Say) -> Vec<Fact> {
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
        facts.push(fact(say.f_address, machine.ip.to_string()));
        facts.push(fact("Image", machine.spec.image.to_string()));
        facts.push((say.f_processes.into(), Told::Columns(processes(machine))));
    }
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

fn pod_facts(pod: &Value) -> Vec<Fact> {
    let spec = &pod["spec"];
    let status = &pod["status"];
    let mut facts =
        vec![fact("Namespace", pod.namespace()), fact("Phase", status["phase"].str()), fact("IP", status["podIP"].str())];
    for container in spec["containers"].items() {
        let name = container["name"].str();
        let state = status["containerStatuses"].items().iter().find(|state| state["name"].str() == name);
        let state = state.map_or("", |state| {
            state["state"].entries().first().map_or("", |(key, value)| {
                let reason = value["reason"].str();
                if reason.is_empty() { key.as_str() } else { reason }
            })
        });
        facts.push(fact(&format!("Container {name}"), [container["image"].str(), state].join("\n").trim_end()));
    }
    facts.extend(conditions(pod));
    facts.push(fact("Labels", joined(&pod["metadata"]["labels"])));
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

/// As many lines of a list are told.
const MOST_LINES: usize = 24;

/// The lines of a list, as many as are told.
fn shortened(lines: impl Iterator<Item = String>) -> String {
    let mut lines: Vec<String> = lines.collect();
    let more = lines.len().saturating_sub(MOST_LINES);
    if more > 0 {
        lines.truncate(MOST_LINES);
        lines.push(format!("… +{more}"));
    }
    lines.join("\n")
}

/// The processes of a machine as `ps fxwwo pid,comm` shows them.
fn processes(machine: &Machine) -> String {
    let mut all = machine.part::<Systemd>(Part::Systemd).map(|systemd| systemd.processes(&machine.disk)).unwrap_or_default();
    all.extend(machine.part::<Containerd>(Part::Runtime).iter().flat_map(|containerd| containerd.processes()));
    let nobody = Caller { pid: 0, tty: false, pid_digits: 6 };
    let args = ["fxwwo", "pid,comm"].map(String::from);
    if all.is_empty() { String::new() } else { ps(&args, &all, &nobody).0 }
}

/// More keys than these are not measured.
const MOST_MEASURED: usize = 3_000;

fn part_facts(cluster: &Cluster, machine_name: &str, part: Part, t: Time, say: &Say) -> Vec<Fact> {
    // What is outside of the cluster is always there.
    let Some(id) = machine(cluster, machine_name) else { return Vec::new() };
    let Some(machine) = cluster.machine(id).filter(|_| id != MachineId::USER) else { return Vec::new() };
    let runs = machine.powered && machine.runs(part);
    let mut facts = vec![
        (
            say.f_machine.to_string(),
            Told::Links(vec![(machine_name.to_string(), Some(Selection::Node(machine_name.to_string())))]),
        ),
        fact(say.f_running, if runs { say.f_yes } else { say.f_no }),
    ];
    let mut tell = |name: &str, value: String| facts.push(fact(name, value));
    let holds = |leads: bool| if leads { say.f_yes } else { say.f_no }.to_string();
    match part.process() {
        Part::Etcd => {
            let disk = || machine.disk.etcd.as_ref().map(|disk| &disk.state.store);
            if let Some(store) = machine.part::<Etcd>(part).map(Etcd::store).or_else(disk) {
                let keys = store.keys().count();
                tell("Revision", store.revision().to_string());
                tell(say.f_compacted, store.compacted().to_string());
                tell(say.f_keys, keys.to_string());
                if keys <= MOST_MEASURED {
                    let bytes: usize = store.prefix("/").map(|entry| entry.key.len() + entry.value.to_json().len()).sum();
                    tell(say.f_size, format!("{} kB", bytes / 1000));
                }
            }
        }
        Part::ApiServer => {
            if let Some(server) = machine.part::<ApiServer>(part) {
                tell(say.f_requests, server.requests_served().to_string());
            }
            let open = cluster.network().open().filter(|(_, open)| open.server == Addr::new(id, Part::ApiServer));
            tell(say.f_watches, open.count().to_string());
        }
        Part::Scheduler => {
            if let Some(scheduler) = machine.part::<KubeScheduler>(part) {
                let count = |places: &[Place]| {
                    let pods: Vec<_> = scheduler.queue().pods().filter(|pod| places.contains(&pod.place)).collect();
                    let names = pods.iter().map(|pod| {
                        let why = pod.rejectors.iter().copied().collect::<Vec<_>>().join(", ");
                        let until = (pod.place == Place::Backoff || pod.place == Place::ErrorBackoff)
                            .then(|| format!(" → {} s", scheduler.queue().backoff_until(pod)));
                        let why = if why.is_empty() { why } else { format!(" ({why})") };
                        format!("{}{why}{}", pod.info.key, until.unwrap_or_default())
                    });
                    shortened([pods.len().to_string()].into_iter().chain(names))
                };
                tell(say.f_leads, holds(scheduler.is_leading()));
                tell(say.f_in_line, count(&[Place::Active]));
                tell(say.f_backing_off, count(&[Place::Backoff, Place::ErrorBackoff]));
                tell(say.f_unschedulable, count(&[Place::Unschedulable, Place::Gated]));
                let decisions = scheduler.decisions();
                let last = decisions.pods().filter_map(|pod| decisions.of(pod).last()).max_by_key(|decision| decision.at);
                if let Some(last) = last {
                    let node = last.chosen().map_or(say.f_no_node, |node| node.as_str());
                    tell(say.f_last_decision, format!("{} → {node}\n{} s", last.pod, last.at));
                }
            }
        }
        Part::Controller(_) => {
            if let (Some(manager), Part::Controller(controller)) = (machine.part::<ControllerManager>(part), part) {
                tell(say.f_leads, holds(manager.is_working()));
                let queues: Vec<_> = manager.work_queues(controller).collect();
                if !queues.is_empty() {
                    let sum = |count: fn(&WorkQueue) -> usize| queues.iter().map(|queue| count(queue)).sum::<usize>().to_string();
                    let words = [
                        say.f_waiting.replace("{}", &sum(WorkQueue::len)),
                        say.f_working.replace("{}", &sum(WorkQueue::in_progress)),
                    ];
                    let keys = queues.iter().flat_map(|queue| queue.waiting()).map(|queued| queued.key.to_string());
                    tell(say.f_queue, shortened([words.join(", ")].into_iter().chain(keys)));
                }
                let caches = manager.informers().iter().filter(|informer| !informer.store().is_empty());
                let caches = caches.map(|informer| format!("{} {}", informer.store().len(), informer.resource().plural));
                tell(say.f_caches, shortened(caches));
            }
        }
        Part::Kubelet => {
            if let Some(kubelet) = machine.part::<Kubelet>(part) {
                tell(say.f_pods_run, kubelet.pods().count().to_string());
                tell(say.f_statuses, kubelet.waiting_statuses().to_string());
            }
            let lease = store(cluster).and_then(|store| store.get(&LEASES.etcd_key("kube-node-lease", machine_name)));
            let renewed = lease.and_then(|lease| Time::parse_rfc3339(lease.value["spec"]["renewTime"].str()));
            if let Some(renewed) = renewed {
                tell(say.f_last_lease, format!("{renewed} s ({} s)", t.since(renewed).0 / 1_000_000));
            }
        }
        Part::Runtime => {
            if let Some(containerd) = machine.part::<Containerd>(part) {
                tell(say.f_sandboxes, containerd.sandboxes().count().to_string());
                tell(say.f_containers, containerd.containers().count().to_string());
                tell(say.f_images, containerd.images().count().to_string());
                facts.push((say.f_processes.into(), Told::Columns(processes(machine))));
            }
        }
        Part::KubeProxy => {
            if let Some(proxy) = machine.part::<KubeProxy>(part) {
                tell(say.f_syncs, proxy.syncs().to_string());
                let rule = |rule: &Rule| {
                    let to = if rule.endpoints.is_empty() {
                        say.f_endpoints_none.to_string()
                    } else {
                        rule.endpoints.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ")
                    };
                    format!("{}:{} {} → {to}", rule.cluster_ip, rule.port, rule.protocol)
                };
                tell(say.f_rules, shortened(proxy.rules().values().map(rule)));
            }
        }
        _ => {}
    }
    facts
}

/// The facts about a message.
pub fn message_facts(
    envelope: &orrery_sim::core::Envelope,
    names: &dyn Fn(MachineId) -> String,
    lost: bool,
    texts: &Texts,
) -> Vec<Fact> {
    let say = texts.say;
    let at = |addr: Addr| {
        let machine = names(addr.machine);
        if machine.is_empty() { addr.part.name().to_string() } else { format!("{} @ {machine}", addr.part.name()) }
    };
    let took = envelope.due_at.since(envelope.sent_at).0;
    let mut facts = vec![
        fact(say.f_from, at(envelope.from)),
        fact(say.f_to, at(envelope.to)),
        fact(say.f_sent, format!("{} s", envelope.sent_at)),
        fact(say.f_way, if took < 10_000 { format!("{took} µs") } else { format!("{} ms", took / 1000) }),
        fact(say.f_kind, texts.kind(MessageKind::of(envelope))),
    ];
    match &envelope.message {
        Message::Request(request) => {
            facts.push(fact("Verb", request.verb.name()));
            facts.push(fact(say.f_request, format!("{} {}", request.verb.method(), request.path())));
        }
        Message::Response(response) => facts.push(fact("Status", response.code.to_string())),
        Message::Failure(failure) => facts.push(fact(say.f_error, failure.kind.to_string())),
        Message::EtcdResponse(response) => {
            facts.push(fact("Revision", response.revision.to_string()));
            if let Some(error) = response.error {
                facts.push(fact(say.f_error, error));
            }
        }
        Message::Peer(peer) => {
            facts.push(fact("Raft", peer.raft.body.name()));
            if peer.raft.term > 0 {
                facts.push(fact(say.f_term, peer.raft.term.to_string()));
            }
            if let Body::Append { prev_index, prev_term, entries, commit } = &peer.raft.body {
                facts.push(fact(say.f_after_entry, format!("{prev_index} {} {prev_term}", say.f_of_term)));
                facts.push(fact(say.f_entries, entries.len().to_string()));
                facts.push(fact(say.f_committed, commit.to_string()));
            }
        }
        _ => {}
    }
    if lost {
        facts.push(fact("⚠", say.lost));
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
