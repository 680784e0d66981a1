//! What a message is called and which family it belongs to.

use orrery_sim::core::{Envelope, Message, Part, Request, Trace, Verb, WatchBatch};
use orrery_sim::etcd::EtcdRequest;
use orrery_sim::etcd::raft::Body;
use orrery_sim::machine::MachineMessage;
use orrery_sim::runtime::Cri;
use orrery_sim::value::Value;

use super::geometry::clip;

/// The families of messages; each has its own colour and its own shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageKind {
    /// A client asks the api-server.
    Request,
    /// An answer without an error, or 404; a small dot.
    Response,
    /// The api-server tells a watcher.
    Watch,
    /// The api-server asks etcd, and etcd's watch events.
    Etcd,
    /// etcd's answers; a small dot.
    EtcdReply,
    /// The api-server calls a kubelet (logs, exec, port-forward), and its answers.
    KubeletCall,
    /// kubelet and container runtime.
    Cri,
    /// The container runtime and the registry.
    Pull,
    /// docker, kind and kubeadm working on machines.
    Machine,
    /// Somebody else was faster (409), or what was asked for is history (410): the client asks again.
    Retry,
    /// An error: any other status of 400 or more but 404, a refused or broken connection.
    Failure,
}

impl MessageKind {
    /// All kinds in the order of the legend.
    pub const ALL: [Self; 11] = [
        Self::Request,
        Self::Response,
        Self::Watch,
        Self::Etcd,
        Self::EtcdReply,
        Self::KubeletCall,
        Self::Cri,
        Self::Pull,
        Self::Machine,
        Self::Retry,
        Self::Failure,
    ];

    /// The CSS class.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
            Self::Watch => "watch",
            Self::Etcd => "etcd",
            Self::EtcdReply => "etcd-reply",
            Self::KubeletCall => "kubelet-call",
            Self::Cri => "cri",
            Self::Pull => "pull",
            Self::Machine => "machine",
            Self::Retry => "retry",
            Self::Failure => "failure",
        }
    }

    /// Whether it is drawn as a small dot without a label.
    pub const fn is_dot(self) -> bool {
        matches!(self, Self::Response | Self::EtcdReply)
    }

    /// The kind of an envelope.
    pub fn of(envelope: &Envelope) -> Self {
        match &envelope.message {
            Message::Request(_) if envelope.to.part == Part::Kubelet => Self::KubeletCall,
            Message::Request(_) => Self::Request,
            Message::Response(response) if matches!(response.code, 409 | 410) => Self::Retry,
            // That something is not there is often what the client wants to know.
            Message::Response(response) if !response.ok() && response.code != 404 => Self::Failure,
            Message::Response(_) if envelope.from.part == Part::Kubelet => Self::KubeletCall,
            Message::Response(_) => Self::Response,
            Message::Watch(_) => Self::Watch,
            Message::Failure(_) => Self::Failure,
            Message::EtcdRequest(_) | Message::EtcdWatch(_) => Self::Etcd,
            Message::EtcdResponse(_) => Self::EtcdReply,
            Message::Peer(peer) if peer.raft.body.name().ends_with("AppResp") => Self::EtcdReply,
            Message::Peer(_) => Self::Etcd,
            Message::Cri(cri) => match &**cri {
                Cri::Reply { result: Err(_), .. } => Self::Failure,
                _ if envelope.to.part == Part::Registry || envelope.from.part == Part::Registry => Self::Pull,
                _ => Self::Cri,
            },
            Message::Machine(message) => match &**message {
                MachineMessage::Reply { result: Err(_), .. } => Self::Failure,
                _ => Self::Machine,
            },
        }
    }
}

/// What stands on a pill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Such as `POST pods/web-k6k55/binding`.
    pub text: String,
    /// The same without names: what messages that travel together are gathered under, such as `POST pods/binding`.
    pub gathered: String,
}

impl Label {
    fn new(text: String, gathered: String) -> Self {
        Self { text, gathered }
    }
    fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { gathered: text.clone(), text }
    }
}

/// How names are written.
type Naming = fn(&str) -> String;

/// The label of an envelope, with short names, as on the stage; `trace` is where an answer finds its question.
pub fn label(envelope: &Envelope, trace: &Trace) -> Label {
    label_with(envelope, trace, short_name)
}

/// The same with names in full, as in lists.
pub fn full_label(envelope: &Envelope, trace: &Trace) -> Label {
    label_with(envelope, trace, str::to_string)
}

fn label_with(envelope: &Envelope, trace: &Trace, naming: Naming) -> Label {
    match &envelope.message {
        Message::Request(request) => request_label(request, naming),
        Message::Response(response) => {
            let text = if response.ok() {
                response.code.to_string()
            } else {
                let reason = response.body["reason"].str();
                format!("{} {}", response.code, if reason.is_empty() { "Error" } else { reason })
            };
            let asked = trace.get(response.to).map(|question| label_with(question, trace, naming).text).unwrap_or_default();
            if envelope.from.part == Part::Kubelet && response.ok() {
                return Label::same(asked.strip_prefix("GET ").map_or(text, str::to_string));
            }
            Label::same(text)
        }
        Message::Watch(batch) => watch_label(batch, naming),
        Message::Failure(failure) => Label::same(failure.kind.to_string()),
        Message::EtcdRequest(request) => etcd_label(request, naming),
        Message::EtcdResponse(response) => Label::same(format!("rev {}", response.revision)),
        Message::EtcdWatch(batch) => Label::new(format!("EVENT rev {}", batch.revision), "EVENT".into()),
        Message::Peer(peer) => raft_label(&peer.raft.body, peer.raft.term),
        Message::Cri(cri) => cri_label(cri, trace),
        Message::Machine(message) => match &**message {
            MachineMessage::Call { verb, args } => {
                let name = args["name"].str();
                Label::new(format!("{verb} {}", clip(name, 24)).trim_end().to_string(), (*verb).to_string())
            }
            MachineMessage::Reply { to, result } => reply_label(*to, result.is_ok(), trace),
            MachineMessage::Event { kind, .. } => Label::same(*kind),
        },
    }
}

fn reply_label(to: orrery_sim::core::EnvelopeId, ok: bool, trace: &Trace) -> Label {
    let asked = trace.get(to).map(|question| label(question, trace).gathered).unwrap_or_default();
    Label::same(format!("{} {asked}", if ok { "✓" } else { "✗" }).trim_end().to_string())
}

fn cri_label(cri: &Cri, trace: &Trace) -> Label {
    match cri {
        Cri::Call { method, args } => {
            let image = args["image"]["image"].as_str().or(args["image"].as_str());
            match image {
                Some(image) if *method == "PullImage" => Label::new(format!("{method} {}", short_image(image)), (*method).into()),
                _ => Label::same(*method),
            }
        }
        Cri::Reply { to, result } => reply_label(*to, result.is_ok(), trace),
        Cri::Event { kind, .. } => {
            Label::same(kind.strip_prefix("CONTAINER_").unwrap_or(kind).strip_suffix("_EVENT").unwrap_or(kind).to_string())
        }
    }
}

/// `docker.io/library/nginx:1.27` → `nginx:1.27`
fn short_image(image: &str) -> &str {
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split('@').next().unwrap_or(last)
}

fn request_label(request: &Request, naming: Naming) -> Label {
    let verb = match request.verb {
        Verb::List => "LIST",
        Verb::Watch => "WATCH",
        verb => verb.method(),
    };
    let Some(resource) = request.resource else {
        return Label::same(format!("{verb} {}", request.name));
    };
    let sub = if request.subresource.is_empty() { String::new() } else { format!("/{}", request.subresource) };
    let gathered = format!("{verb} {}{sub}", resource.plural);
    if resource.plural == "events" && !request.body.is_null() {
        let reason = request.body["reason"].str();
        return Label::new(format!("{verb} events {reason}").trim_end().to_string(), gathered);
    }
    let text = match (request.name.as_str(), request.verb) {
        // The path of a POST has no name; what is created is told beside it.
        ("", Verb::Create) => {
            let metadata = &request.body["metadata"];
            let name = metadata["name"].as_str().map(str::to_string);
            let name = name.unwrap_or_else(|| match metadata["generateName"].str() {
                "" => String::new(),
                prefix => format!("{}…", naming(prefix)),
            });
            format!("{verb} {} {}", resource.plural, naming(&name)).trim_end().to_string()
        }
        ("", _) => gathered.clone(),
        (name, _) => format!("{verb} {}/{}{sub}", resource.plural, naming(name)),
    };
    Label::new(text, gathered)
}

fn watch_label(batch: &WatchBatch, naming: Naming) -> Label {
    let singular = batch.resource.singular;
    let shown: Vec<_> = batch.events.iter().filter(|event| event.kind != orrery_sim::core::WatchType::Bookmark).collect();
    match shown.as_slice() {
        [] => Label::same(format!("BOOKMARK {}", batch.resource.plural)),
        [event] => {
            let kind = event.kind.name();
            Label::new(format!("{kind} {singular}/{}", naming(object_name(&event.object))), format!("{kind} {singular}"))
        }
        many => {
            let first = many[0].kind;
            let kind = if many.iter().all(|event| event.kind == first) { first.name() } else { "EVENTS" };
            let text = format!("{kind} {} ×{}", batch.resource.plural, many.len());
            Label::new(text, format!("{kind} {singular}"))
        }
    }
}

fn object_name(object: &Value) -> &str {
    object.name()
}

/// What members of etcd say to each other, without the `Msg` of its name.
fn raft_label<D>(body: &Body<D>, term: u64) -> Label {
    let name = body.name().trim_start_matches("Msg");
    let text = match body {
        Body::Append { prev_index, entries, commit, .. } if entries.is_empty() => {
            format!("{name} commit {}", commit.min(prev_index))
        }
        Body::Append { prev_index, entries, .. } => format!("{name} {}", prev_index + entries.len() as u64),
        Body::AppendResp { index, reject: None } => format!("{name} {index}"),
        Body::AppendResp { reject: Some(_), .. } => format!("{name} no"),
        Body::VoteResp { reject } | Body::PreVoteResp { reject } => format!("{name} {}", if *reject { "no" } else { "yes" }),
        Body::Vote { .. } | Body::PreVote { .. } => format!("{name} term {term}"),
        Body::Snapshot(meta) => format!("{name} {}", meta.index),
        Body::ReadIndexResp { index, .. } => format!("{name} {index}"),
        _ => name.to_string(),
    };
    Label::new(text, name.to_string())
}

fn etcd_label(request: &EtcdRequest, naming: Naming) -> Label {
    let (verb, key) = match request {
        EtcdRequest::Range { key, .. } => ("GET", key),
        EtcdRequest::Put { key, .. } => ("PUT", key),
        EtcdRequest::Delete { key, .. } => ("DELETE", key),
        EtcdRequest::Watch { prefix, .. } => ("WATCH", prefix),
        EtcdRequest::Compact { revision } => return Label::same(format!("COMPACT {revision}")),
        EtcdRequest::Admin { verb, .. } => return Label::same(*verb),
    };
    let path = key.strip_prefix("/registry/").unwrap_or(key).trim_end_matches('/');
    let mut parts = path.split('/');
    let folder = parts.next().unwrap_or_default();
    let name = parts.next_back().map(naming).unwrap_or_default();
    let text = if name.is_empty() { format!("{verb} {folder}") } else { format!("{verb} {folder}/{name}") };
    Label::new(text, format!("{verb} {folder}"))
}

/// A name as on the stage: of a generated pod's name without the hash of its template, `web-cc544bdcc-k6k55` → `web-…k6k55`; of a ReplicaSet's
/// the beginning of the hash, `web-cc54…`. Long names are cut.
pub fn short_name(name: &str) -> String {
    let is_hash =
        |part: &str| (8..=10).contains(&part.len()) && part.bytes().all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte));
    let parts: Vec<&str> = name.split('-').collect();
    let Some(at) = parts.iter().rposition(|part| is_hash(part)).filter(|at| *at > 0) else { return clip(name, 22) };
    let (before, after) = (clip(&parts[..at].join("-"), 16), parts[at + 1..].join("-"));
    if name.ends_with('-') {
        return format!("{before}-");
    }
    if after.is_empty() { format!("{before}-{}…", &parts[at][..4]) } else { format!("{before}-…{}", clip(&after, 12)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orrery_sim::api::resource::{DEPLOYMENTS, EVENTS, PODS};
    use orrery_sim::core::{WatchEvent, WatchType};
    use orrery_sim::value;

    #[test]
    fn requests_read_as_on_the_wire() {
        let binding = Request { verb: Verb::Create, ..Request::get(PODS, "default", "web-cc544bdcc-k6k55").sub("binding") };
        assert_eq!(request_label(&binding, short_name).text, "POST pods/web-…k6k55/binding");
        assert_eq!(request_label(&binding, short_name).gathered, "POST pods/binding");
        let create = Request::create(DEPLOYMENTS, value!({"metadata": {"name": "web", "namespace": "default"}}));
        assert_eq!(request_label(&create, short_name).text, "POST deployments web");
        let pod = Request::create(PODS, value!({"metadata": {"generateName": "web-cc544bdcc-"}}));
        assert_eq!(request_label(&pod, short_name).text, "POST pods web-…");
        let event = Request::create(EVENTS, value!({"reason": "Scheduled", "metadata": {"name": "x.1"}}));
        assert_eq!(request_label(&event, short_name).text, "POST events Scheduled");
        assert_eq!(request_label(&Request::watch(PODS, ""), short_name).text, "WATCH pods");
    }

    #[test]
    fn watch_batches_count_what_they_carry() {
        let event = |kind, name: &'static str| WatchEvent { kind, object: value!({"metadata": {"name": name}}) };
        let batch = |events| WatchBatch { stream: orrery_sim::core::EnvelopeId(0), resource: PODS, events };
        let one = batch(vec![event(WatchType::Added, "web-cc544bdcc-mwl2x")]);
        assert_eq!(watch_label(&one, short_name).text, "ADDED pod/web-…mwl2x");
        let many = batch(vec![event(WatchType::Added, "a"), event(WatchType::Added, "b"), event(WatchType::Bookmark, "")]);
        assert_eq!(watch_label(&many, short_name).text, "ADDED pods ×2");
        assert_eq!(watch_label(&batch(vec![event(WatchType::Bookmark, "")]), short_name).text, "BOOKMARK pods");
    }

    #[test]
    fn etcd_keys_are_shortened() {
        let put = EtcdRequest::Put {
            key: "/registry/pods/default/web-cc544bdcc-k6k55".into(),
            expected: None,
            value: Value::Null,
            ttl: None,
        };
        assert_eq!(etcd_label(&put, short_name).text, "PUT pods/web-…k6k55");
        let range = EtcdRequest::Range { key: "/registry/pods/".into(), prefix: true, limit: 0 };
        assert_eq!(etcd_label(&range, short_name).text, "GET pods");
    }

    #[test]
    fn names_lose_their_hash_only() {
        assert_eq!(short_name("web-cc544bdcc-k6k55"), "web-…k6k55");
        assert_eq!(short_name("web-cc544bdcc"), "web-cc54…");
        assert_eq!(short_name("kind-control-plane"), "kind-control-plane");
        assert_eq!(short_name("coredns-674b8bbfcf-4xk2p"), "coredns-…4xk2p");
        assert_eq!(short_name("local-path-provisioner-7dc846544d-x"), "local-path-prov…-…x");
    }

    #[test]
    fn only_what_went_wrong_is_a_failure() {
        use MessageKind::{Failure, Response as Answer, Retry};
        use orrery_sim::core::{Addr, Cause, EnvelopeId, MachineId, Response, Time};
        let answer = |code: u16| {
            let response = Response { to: EnvelopeId(0), code, body: Value::Null };
            Envelope {
                id: EnvelopeId(1),
                cause: Cause::Start,
                from: Addr::new(MachineId(1), Part::ApiServer),
                to: Addr::new(MachineId(1), Part::Scheduler),
                sent_at: Time(0),
                due_at: Time(1),
                heartbeat: false,
                background: false,
                message: Message::Response(std::rc::Rc::new(response)),
            }
        };
        let kinds = [200, 201, 404, 409, 410, 422, 500, 503].map(|code| MessageKind::of(&answer(code)));
        assert_eq!(kinds, [Answer, Answer, Answer, Retry, Retry, Failure, Failure, Failure]);
    }
}
