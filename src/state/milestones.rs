//! Milestones: objects come into being, pods are bound, containers start, nodes become Ready or NotReady, leaders are elected. One can go
//! from one to the next.

use orrery_sim::core::collections::PMap;
use orrery_sim::core::{EnvelopeId, Message, Part, Time, Trace, Verb};
use orrery_sim::etcd::EtcdRequest;
use orrery_sim::runtime::Cri;
use orrery_sim::value::{Text, Value};

/// Something worth stopping at.
#[derive(Clone, Debug, PartialEq)]
pub struct Milestone {
    /// When.
    pub at: Time,
    /// What.
    pub what: What,
}

/// What a milestone is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// An object came into being, such as `pod/web`.
    Created(String),
    /// A pod got its node.
    Bound(Text, Text),
    /// A pod's container runs.
    Started(Text),
    /// A node is Ready, or is not any more.
    Ready(Text, bool),
    /// A component leads: its name and that of the machine.
    Leads(&'static str, Text),
}

/// Milestones that follow the trace.
#[derive(Clone, Debug, Default)]
pub struct Milestones {
    generation: u32,
    next: usize,
    list: Vec<Milestone>,
    /// Requests that create something, not answered yet.
    creates: PMap<EnvelopeId, Create>,
    /// The uid and the state of each node: one of the same name in another cluster is another one.
    ready: PMap<Text, (Text, bool)>,
    leaders: PMap<&'static str, Text>,
}

/// What a request creates.
#[derive(Clone, Debug)]
enum Create {
    Object,
    /// Pod and node.
    Binding(Text, Text),
}

/// Objects whose coming is no news: every change brings some.
const NO_NEWS: [&str; 5] = ["Event", "Lease", "TokenRequest", "Status", "EndpointSlice"];
/// The leases by which components elect their leaders.
const LEASES: [(&str, &str); 2] = [
    ("/registry/leases/kube-system/kube-scheduler", "kube-scheduler"),
    ("/registry/leases/kube-system/kube-controller-manager", "kube-controller-manager"),
];

impl Milestones {
    /// Takes what the trace has gained. Another `generation` is another trace.
    pub fn follow(&mut self, trace: &Trace, generation: u32) {
        if self.generation != generation {
            *self = Self { generation, ..Self::default() };
        }
        for envelope in &trace.envelopes()[self.next.min(trace.envelopes().len())..] {
            let what = match &envelope.message {
                Message::Request(request) if request.verb == Verb::Create && envelope.to.part == Part::ApiServer => {
                    match request.subresource.as_str() {
                        "" => drop(self.creates.insert(envelope.id, Create::Object)),
                        "binding" => {
                            let node = request.body["target"]["name"].text();
                            self.creates.insert(envelope.id, Create::Binding(request.name.clone(), node));
                        }
                        _ => {}
                    }
                    None
                }
                Message::Response(response) => match self.creates.remove(&response.to).filter(|_| response.code == 201) {
                    Some(Create::Binding(pod, node)) => Some(What::Bound(pod, node)),
                    Some(Create::Object) if !NO_NEWS.contains(&response.body.kind()) => {
                        Some(What::Created(format!("{}/{}", response.body.kind().to_lowercase(), response.body.name())))
                    }
                    _ => None,
                },
                Message::Cri(cri) => match &**cri {
                    Cri::Event { kind: "CONTAINER_STARTED_EVENT", body } => Some(What::Started(body["metadata"]["name"].text())),
                    _ => None,
                },
                Message::EtcdRequest(request) => match &**request {
                    EtcdRequest::Put { key, value, .. } => self.written(key, value),
                    _ => None,
                },
                _ => None,
            };
            if let Some(what) = what {
                let at = envelope.sent_at;
                // Envelopes are numbered when they are made, and some are sent later than others.
                let later = self.list.iter().rev().take_while(|milestone| milestone.at > at).count();
                self.list.insert(self.list.len() - later, Milestone { at, what });
            }
        }
        self.next = trace.envelopes().len();
    }

    fn written(&mut self, key: &Text, value: &Value) -> Option<What> {
        if key.starts_with("/registry/minions/") {
            let ready = value.condition_true("Ready");
            let uid = value["metadata"]["uid"].text();
            let before = self.ready.insert(value["metadata"]["name"].text(), (uid.clone(), ready));
            let before = before.is_some_and(|(same, before)| same == uid && before);
            return (before != ready).then(|| What::Ready(value["metadata"]["name"].text(), ready));
        }
        let (_, name) = LEASES.into_iter().find(|(lease, _)| key == *lease)?;
        let holder = value["spec"]["holderIdentity"].text();
        // The holder's name begins with its machine's: `kind-control-plane_5b0c…`.
        let machine = Text::new(holder.split('_').next().unwrap_or_default());
        let before = self.leaders.insert(name, holder.clone());
        (!holder.is_empty() && before.is_none_or(|before| before != holder)).then_some(What::Leads(name, machine))
    }

    /// The first one after `t`.
    pub fn after(&self, t: Time) -> Option<&Milestone> {
        self.list.get(self.list.partition_point(|milestone| milestone.at <= t))
    }

    /// The last one before `t`.
    pub fn before(&self, t: Time) -> Option<&Milestone> {
        self.list.get(self.list.partition_point(|milestone| milestone.at < t).checked_sub(1)?)
    }

    /// All of them, in the order of time.
    pub fn list(&self) -> &[Milestone] {
        &self.list
    }
}
