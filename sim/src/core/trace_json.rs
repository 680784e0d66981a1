//! The trace as JSON lines: one message a line.
//!
//! Where there are several members of etcd, `etcd`, `kube-apiserver`, `kube-scheduler` and `kcm/…` are followed by their node.
//! Every line has `id`, `from`, `to`, `sent_us`, `due_us`, `kind`, and its cause: `cause` (a message's id), `command` (a command's
//! number) or `timer` (with `since`). Requests to the api-server have the fields of an audit log besides: `t_ms`, `component`,
//! `verb`, `path`, `code` and, when it failed, `msg`; writes have `what` with `sub`, `name`, `body`, `event` or `target`.

use crate::core::collections::PMap;
use std::rc::Rc;

use super::{Addr, Cause, Directory, Envelope, EnvelopeId, Message, Part, Request, Response, Trace, Verb};
use crate::api::resource::{EVENTS, EVENTS_K8S_IO};
use crate::etcd::EtcdRequest;
use crate::etcd::raft::Body;
use crate::value;
use crate::value::Value;

/// A part as audit logs and drawings name it: `kubelet/kind-worker`, `kcm/replicaset-controller`, `kube-scheduler`.
pub fn component(addr: Addr, directory: &Directory) -> String {
    match addr.part {
        Part::Kubelet | Part::KubeProxy | Part::Runtime | Part::Kindnet | Part::Kubeadm => {
            format!("{}/{}", addr.part.name(), directory.name(addr.machine))
        }
        Part::Controller(super::Controller::Manager) => "kcm".to_string(),
        Part::Controller(controller) => format!("kcm/{}", controller.name()),
        part => part.name().to_string(),
    }
}

/// The same; where there are several control-plane nodes or members of etcd, also which of them: `etcd/kind-control-plane2`.
fn one_of_several(addr: Addr, directory: &Directory, several: bool) -> String {
    let of_node = matches!(addr.part, Part::Etcd | Part::ApiServer | Part::Scheduler | Part::Controller(_));
    let name = component(addr, directory);
    if several && of_node { format!("{name}/{}", directory.name(addr.machine)) } else { name }
}

/// All messages of a trace, in the order of sending.
pub fn lines<'a>(trace: &'a Trace, directory: &'a Directory) -> impl Iterator<Item = String> + 'a {
    let mut answers: PMap<EnvelopeId, Rc<Response>> = PMap::new();
    for envelope in trace.envelopes() {
        if let Message::Response(response) = &envelope.message {
            answers.insert(response.to, Rc::clone(response));
        }
    }
    let several = trace.envelopes().iter().any(|envelope| matches!(envelope.message, Message::Peer(_)));
    trace.by_sent().iter().map(move |id| {
        let envelope = trace.get(*id).expect("every number in the order has its envelope");
        line(envelope, trace.is_lost(*id), answers.get(id).map(Rc::as_ref), directory, several).to_json()
    })
}

fn line(envelope: &Envelope, lost: bool, answer: Option<&Response>, directory: &Directory, several: bool) -> Value {
    let name = |addr| one_of_several(addr, directory, several);
    let mut line = value!({
        "id": envelope.id.0, "from": name(envelope.from), "to": name(envelope.to),
        "sent_us": envelope.sent_at.0, "due_us": envelope.due_at.0,
    });
    match envelope.cause {
        Cause::Command(id) => line["command"] = id.0.into(),
        Cause::Message(id) => line["cause"] = id.0.into(),
        Cause::Timer { name, since } => {
            line["timer"] = name.into();
            line.set("since", since.map(|id| id.0));
        }
        Cause::Start => line["timer"] = "start".into(),
    }
    for (flag, set) in [("heartbeat", envelope.heartbeat), ("background", envelope.background), ("lost", lost)] {
        if set {
            line[flag] = true.into();
        }
    }
    describe(&mut line, &envelope.message);
    if let Message::Request(request) = &envelope.message {
        line["t_ms"] = (envelope.sent_at.0 / 1000).into();
        line["component"] = line["from"].clone();
        line["verb"] = request.verb.name().into();
        line["path"] = request.path().into();
        if let Some(answer) = answer {
            line["code"] = answer.code.into();
            if !answer.ok() {
                line["msg"] = answer.body["message"].clone();
            }
        }
        line.set("what", what(request, answer));
    }
    line
}

/// What a write says, as the recordings of a real cluster show it.
fn what(request: &Request, answer: Option<&Response>) -> Value {
    if matches!(request.verb, Verb::Get | Verb::List | Verb::Watch) {
        return Value::Null;
    }
    let mut what = Value::map();
    if !request.subresource.is_empty() {
        what["sub"] = request.subresource.clone().into();
    }
    let is_event = request.resource.is_some_and(|resource| resource == EVENTS || resource == EVENTS_K8S_IO);
    if is_event {
        what["event"] = event_text(&request.body);
    } else if &*request.subresource == "binding" {
        what["target"] = request.body["target"]["name"].clone();
    } else if &*request.subresource != "token" && !request.body.is_null() {
        what["body"] = request.body.clone();
    }
    if request.verb == Verb::Create && !request.body["metadata"]["generateName"].is_null() {
        what.set("name", answer.map(|answer| answer.body["metadata"]["name"].clone()));
    }
    what
}

fn event_text(body: &Value) -> Value {
    let object = if body["regarding"].is_null() { &body["involvedObject"] } else { &body["regarding"] };
    if object.is_null() {
        return body.clone();
    }
    let reporter = [&body["source"]["component"], &body["reportingController"], &body["reportingComponent"]];
    let reporter = reporter.iter().map(|value| value.str()).find(|name| !name.is_empty()).unwrap_or("");
    let note = if body["note"].is_null() { body["message"].str() } else { body["note"].str() };
    format!(
        "{} {} {}/{} ({reporter}): {note}",
        body["type"].str(),
        body["reason"].str(),
        object["kind"].str(),
        object["name"].str()
    )
    .into()
}

fn describe(line: &mut Value, message: &Message) {
    let kind = match message {
        Message::Request(_) => "request",
        Message::Response(response) => {
            line["answers"] = response.to.0.into();
            line["code"] = response.code.into();
            "response"
        }
        Message::Watch(batch) => {
            line["stream"] = batch.stream.0.into();
            line["resource"] = batch.resource.group_resource().into();
            line["events"] = batch
                .events
                .iter()
                .map(|event| {
                    let object = if event.object.kind() == "Table" { &event.object["rows"][0]["object"] } else { &event.object };
                    value!({"type": event.kind.name(), "key": object.key(), "resourceVersion": object["metadata"]["resourceVersion"].text()})
                })
                .collect();
            "watch"
        }
        Message::Failure(failure) => {
            line["answers"] = failure.to.0.into();
            line["msg"] = failure.kind.to_string().into();
            "failure"
        }
        Message::EtcdRequest(request) => {
            let (verb, key) = match &**request {
                EtcdRequest::Range { key, .. } => ("range", key.clone()),
                EtcdRequest::Put { key, .. } => ("put", key.clone()),
                EtcdRequest::Delete { key, .. } => ("delete", key.clone()),
                EtcdRequest::Watch { prefix, .. } => ("watch", prefix.clone()),
                EtcdRequest::Compact { revision } => ("compact", revision.to_string().into()),
                EtcdRequest::Admin { verb, .. } => (*verb, "".into()),
            };
            line["verb"] = verb.into();
            line["key"] = key.into();
            "etcd-request"
        }
        Message::EtcdResponse(response) => {
            line["answers"] = response.to.0.into();
            line["revision"] = response.revision.into();
            line["succeeded"] = response.succeeded.into();
            line.set("msg", response.error);
            "etcd-response"
        }
        Message::Peer(peer) => {
            line["verb"] = peer.raft.body.name().into();
            line["term"] = peer.raft.term.into();
            match &peer.raft.body {
                Body::Append { prev_index, entries, commit, .. } => {
                    line["index"] = (prev_index + entries.len() as u64).into();
                    line["entries"] = entries.len().into();
                    line["commit"] = (*commit).into();
                }
                Body::AppendResp { index, reject } => {
                    line["index"] = (*index).into();
                    line["reject"] = reject.is_some().into();
                }
                Body::VoteResp { reject } | Body::PreVoteResp { reject } => line["reject"] = (*reject).into(),
                Body::ReadIndexResp { index, .. } => line["index"] = (*index).into(),
                _ => {}
            }
            "raft"
        }
        Message::EtcdWatch(batch) => {
            line["stream"] = batch.stream.0.into();
            line["revision"] = batch.revision.into();
            line["keys"] = batch.events.iter().map(|event| event.key.clone()).collect();
            if batch.compact_revision > 0 {
                line["compactRevision"] = batch.compact_revision.into();
            }
            "etcd-watch"
        }
        Message::Cri(cri) => {
            line["text"] = format!("{cri:?}").into();
            "cri"
        }
        Message::Machine(message) => {
            line["text"] = format!("{message:?}").into();
            "machine"
        }
    };
    line["kind"] = kind.into();
}
