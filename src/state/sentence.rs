//! What a message says, in one plain sentence.

use orrery_sim::core::{Addr, Envelope, MachineId, Message, Part, Request, Trace, Verb, WatchBatch, WatchType};
use orrery_sim::etcd::EtcdRequest;
use orrery_sim::machine::MachineMessage;
use orrery_sim::runtime::Cri;

use super::story::involved;
use crate::i18n::say::{Say, fill};
use crate::scene::messages::{full_label, label};

/// The sentence of an envelope; `names` knows the machines.
pub fn sentence(envelope: &Envelope, trace: &Trace, names: &dyn Fn(MachineId) -> String, say: &Say) -> String {
    let a = party(envelope.from, names, say);
    let b = party(envelope.to, names, say);
    let asked = |to| trace.get(to).map(|question| full_label(question, trace).text).unwrap_or_default();
    let own = || full_label(envelope, trace).text;
    let (template, c, d) = match &envelope.message {
        Message::Request(request) => request_words(request, say),
        Message::Response(response) => {
            let reason = response.body["message"].str();
            let said = if response.ok() || reason.is_empty() {
                label(envelope, trace).text
            } else {
                format!("{} {reason}", response.code)
            };
            (if response.ok() { say.answer } else { say.refuse }, asked(response.to), said)
        }
        Message::Watch(batch) => watch_words(batch, say),
        Message::Failure(failure) => (say.failure, String::new(), failure.kind.to_string()),
        Message::EtcdRequest(request) => match &**request {
            EtcdRequest::Range { key, .. } => (say.etcd_get, key.to_string(), String::new()),
            EtcdRequest::Put { key, .. } => (say.etcd_put, key.to_string(), String::new()),
            EtcdRequest::Delete { key, .. } => (say.etcd_delete, key.to_string(), String::new()),
            EtcdRequest::Watch { prefix, .. } => (say.etcd_watch, prefix.to_string(), String::new()),
            _ => (say.etcd_other, own(), String::new()),
        },
        Message::EtcdResponse(response) => (say.etcd_answer, String::new(), response.revision.to_string()),
        Message::EtcdWatch(batch) => (say.etcd_event, String::new(), batch.revision.to_string()),
        Message::Peer(_) => (say.peer, own(), String::new()),
        Message::Cri(cri) => match &**cri {
            Cri::Call { .. } if envelope.to.part == Part::Registry => (say.pull, own(), String::new()),
            Cri::Call { .. } => (say.call, own(), String::new()),
            Cri::Reply { to, result: Err(error) } => (say.undone, asked(*to), error.to_string()),
            Cri::Reply { to, .. } if envelope.from.part == Part::Registry => (say.pulled, asked(*to), String::new()),
            Cri::Reply { to, .. } => (say.done, asked(*to), String::new()),
            Cri::Event { .. } => (say.report, own(), String::new()),
        },
        Message::Machine(message) => match &**message {
            MachineMessage::Call { .. } => (say.call, own(), String::new()),
            MachineMessage::Reply { to, result: Err(error) } => (say.undone, asked(*to), error.to_string()),
            MachineMessage::Reply { to, .. } => (say.done, asked(*to), String::new()),
            MachineMessage::Event { .. } => (say.report, own(), String::new()),
        },
    };
    fill(template, &[("{a}", &a), ("{b}", &b), ("{c}", &c), ("{d}", &d)])
}

/// A part with its machine, where every machine has one.
fn party(addr: Addr, names: &dyn Fn(MachineId) -> String, say: &Say) -> String {
    let machine = names(addr.machine);
    match addr.part {
        Part::Kubelet | Part::KubeProxy | Part::Runtime | Part::Kindnet | Part::Kubeadm | Part::Systemd
            if !machine.is_empty() =>
        {
            fill(say.party, &[("{a}", addr.part.name()), ("{b}", &machine)])
        }
        part => part.name().to_string(),
    }
}

fn request_words(request: &Request, say: &Say) -> (&'static str, String, String) {
    let Some(resource) = request.resource else { return (say.raw, request.name.to_string(), String::new()) };
    let body = &request.body;
    let given = [request.name.as_str(), body["metadata"]["name"].str(), body["metadata"]["generateName"].str()];
    let name = given.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let more = if request.name.is_empty() && name.ends_with('-') { "…" } else { "" };
    let object = if name.is_empty() { resource.plural.to_string() } else { format!("{} {name}{more}", resource.singular) };
    let writes = !matches!(request.verb, Verb::Get | Verb::List | Verb::Watch);
    match (resource.plural, request.subresource.as_str()) {
        (_, "binding") => return (say.bind, object, body["target"]["name"].str().to_string()),
        (_, "eviction") => return (say.evict, object, String::new()),
        (_, "token") => return (say.token, object, String::new()),
        (_, "status") if writes => return (say.status, object, String::new()),
        ("events", _) if writes && !body["reason"].is_null() => {
            return (say.event, involved(body).to_string(), body["reason"].str().to_string());
        }
        ("leases", _) if request.verb == Verb::Update => return (say.lease, name.to_string(), String::new()),
        _ => {}
    }
    let object = match request.subresource.as_str() {
        "" => object,
        sub => fill(say.sub, &[("{d}", sub), ("{c}", &object)]),
    };
    let template = match request.verb {
        Verb::Get => say.get,
        Verb::List => say.list,
        Verb::Watch => say.watch,
        Verb::Create => say.create,
        Verb::Update => say.update,
        Verb::Patch => say.patch,
        Verb::Delete => say.delete,
        Verb::DeleteCollection => say.delete_all,
    };
    (template, object, String::new())
}

fn watch_words(batch: &WatchBatch, say: &Say) -> (&'static str, String, String) {
    let shown: Vec<_> = batch.events.iter().filter(|event| event.kind != WatchType::Bookmark).collect();
    match shown.as_slice() {
        [] => (say.bookmark, String::new(), String::new()),
        [event] => {
            let template = match event.kind {
                WatchType::Added => say.added,
                WatchType::Deleted => say.deleted,
                _ => say.modified,
            };
            (template, format!("{} {}", batch.resource.singular, event.object.name()), String::new())
        }
        many => (say.changes, batch.resource.plural.to_string(), many.len().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::{DE, EN};
    use orrery_sim::api::resource::{LEASES, PODS};
    use orrery_sim::core::{Cause, EnvelopeId, Time};
    use orrery_sim::value;

    fn said(from: Part, to: Part, message: Message, say: &Say) -> String {
        let envelope = Envelope {
            id: EnvelopeId(0),
            cause: Cause::Start,
            from: Addr::new(MachineId(2), from),
            to: Addr::new(MachineId(1), to),
            sent_at: Time(0),
            due_at: Time(1),
            heartbeat: false,
            background: false,
            message,
        };
        sentence(&envelope, &Trace::default(), &|_| "kind-worker".to_string(), say)
    }

    #[test]
    fn requests_are_told_in_plain_words() {
        let ask = |request, say| said(Part::Kubelet, Part::ApiServer, Message::Request(std::rc::Rc::new(request)), say);
        let status = || Request { verb: Verb::Patch, ..Request::get(PODS, "default", "web-1").sub("status") };
        assert_eq!(ask(status(), EN.say), "kubelet on kind-worker reports the status of pod web-1.");
        assert_eq!(ask(status(), DE.say), "kubelet auf kind-worker meldet den Status von pod web-1.");
        let lease = Request { verb: Verb::Update, ..Request::get(LEASES, "kube-node-lease", "kind-worker") };
        assert_eq!(ask(lease, EN.say), "kubelet on kind-worker renews the lease kind-worker: a sign of life.");
        let binding = Request {
            verb: Verb::Create,
            body: value!({"target": {"kind": "Node", "name": "kind-worker2"}}),
            ..Request::get(PODS, "default", "web-1").sub("binding")
        };
        let bound = said(Part::Scheduler, Part::ApiServer, Message::Request(std::rc::Rc::new(binding)), EN.say);
        assert_eq!(bound, "kube-scheduler binds pod web-1 to node kind-worker2.");
    }
}
