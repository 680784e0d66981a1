//! What the trace tells: rows of the message log, the chain of causes back to a command, and all that followed from it.

use orrery_sim::core::{Addr, Cause, CommandId, Envelope, EnvelopeId, MachineId, Message, Part, TerminalEvent, Time, Trace};
use orrery_sim::etcd::EtcdRequest;
use orrery_sim::runtime::Cri;

use super::causes::{cause, question};
use super::revisions::cluster_began;
use super::visible::Visible;
use crate::scene::MessageKind;
use crate::scene::messages::full_label;

/// One line of the message log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which message.
    pub id: EnvelopeId,
    /// When it left.
    pub sent: Time,
    /// Its family.
    pub kind: MessageKind,
    /// Sender.
    pub from: String,
    /// Receiver.
    pub to: String,
    /// What stands on its pill.
    pub label: String,
}

/// The name of a part as the log shows it: with its machine when there are several of its kind.
pub fn party(addr: Addr, names: &dyn Fn(MachineId) -> String) -> String {
    match addr.part {
        Part::Kubelet | Part::KubeProxy | Part::Runtime | Part::Kindnet | Part::Kubeadm => {
            format!("{}/{}", addr.part.name(), names(addr.machine))
        }
        part => part.name().to_string(),
    }
}

impl Row {
    /// The row of an envelope.
    pub fn of(envelope: &Envelope, trace: &Trace, names: &dyn Fn(MachineId) -> String) -> Self {
        Self {
            id: envelope.id,
            sent: envelope.sent_at,
            kind: MessageKind::of(envelope),
            from: party(envelope.from, names),
            to: party(envelope.to, names),
            label: full_label(envelope, trace).text,
        }
    }
}

/// Rows around `t`: at most `before` sent until then and `after` later ones (but none after `end`), filtered by words that must all occur in
/// sender, receiver, label or kind.
pub fn log(
    visible: &Visible,
    trace: &Trace,
    t: Time,
    end: Time,
    filter: &str,
    (before, after): (usize, usize),
    names: &dyn Fn(MachineId) -> String,
) -> Vec<Row> {
    let filter = filter.to_lowercase();
    let matches = |row: &Row| {
        let row = format!("{} {} {} {}", row.from, row.to, row.label, row.kind.class()).to_lowercase();
        filter.split_whitespace().all(|word| row.contains(word))
    };
    let row = |index: usize| {
        visible.ids[index].and_then(|id| trace.get(id)).map(|envelope| Row::of(envelope, trace, names)).filter(&matches)
    };
    let now = visible.lens.spans().partition_point(|span| span.sent <= t.0);
    let last = visible.lens.spans().partition_point(|span| span.sent <= end.0).max(now);
    let mut rows: Vec<Row> = (0..now).rev().filter_map(row).take(before).collect();
    rows.reverse();
    rows.extend((now..last).filter_map(row).take(after));
    rows
}

/// A step of a chain of causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// A command line of the user.
    Command(CommandId, String),
    /// A message.
    Message(Row),
    /// A timer of a part.
    Timer(&'static str, String),
    /// The start of a part.
    Start(String),
}

/// Why a message was sent: from the command, timer or start that began it all, to the message itself.
pub fn why(trace: &Trace, id: EnvelopeId, names: &dyn Fn(MachineId) -> String) -> Vec<Link> {
    let mut chain = Vec::new();
    let mut next = Some(id);
    while let Some(envelope) = next.and_then(|id| trace.get(id)) {
        chain.push(Link::Message(Row::of(envelope, trace, names)));
        let party = party(envelope.from, names);
        next = match envelope.cause {
            Cause::Message(id) if id < envelope.id => Some(id),
            Cause::Message(_) => None,
            Cause::Command(id) => {
                chain.push(Link::Command(id, command_line(trace, id)));
                None
            }
            Cause::Timer { name, since } => {
                chain.push(Link::Timer(name, party));
                since.filter(|id| *id < envelope.id)
            }
            Cause::Start => {
                chain.push(Link::Start(party));
                None
            }
        };
    }
    chain.reverse();
    chain
}

/// The text of a command.
pub fn command_line(trace: &Trace, id: CommandId) -> String {
    trace
        .terminal()
        .iter()
        .find_map(|(_, command, event)| match event {
            TerminalEvent::Command(line) if *command == id => Some(line.clone()),
            _ => None,
        })
        .unwrap_or_default()
}

/// The last message until `t` that wrote the object under this key of etcd, of the cluster that is there then.
pub fn last_write(trace: &Trace, key: &str, t: Time) -> Option<EnvelopeId> {
    let (begin, until) = (trace.position(cluster_began(trace, t)), trace.position(Time(t.0 + 1)));
    trace.by_sent()[begin..until].iter().rev().copied().find(|id| {
        trace.get(*id).is_some_and(|envelope| match &envelope.message {
            Message::EtcdRequest(request) => match &**request {
                EtcdRequest::Put { key: written, .. } | EtcdRequest::Delete { key: written, .. } => written.as_str() == key,
                _ => false,
            },
            _ => false,
        })
    })
}

/// The most recent messages until `t` that concern a part, newest first.
pub fn of_part(
    trace: &Trace,
    visible: &Visible,
    addr: Addr,
    t: Time,
    most: usize,
    names: &dyn Fn(MachineId) -> String,
) -> Vec<Row> {
    let concerns = |part: Addr| part.machine == addr.machine && (part == addr || part.part.process() == addr.part);
    recent(trace, visible, t, most, names, &|envelope| concerns(envelope.from) || concerns(envelope.to))
}

/// The most recent messages until `t` that name an object, newest first.
pub fn of_object(
    trace: &Trace,
    visible: &Visible,
    name: &str,
    t: Time,
    most: usize,
    names: &dyn Fn(MachineId) -> String,
) -> Vec<Row> {
    let began = cluster_began(trace, t);
    recent(trace, visible, t, most, names, &|envelope| envelope.sent_at >= began && names_object(envelope, name))
}

fn recent(
    trace: &Trace,
    visible: &Visible,
    t: Time,
    most: usize,
    names: &dyn Fn(MachineId) -> String,
    wanted: &dyn Fn(&Envelope) -> bool,
) -> Vec<Row> {
    let until = visible.lens.spans().partition_point(|span| span.sent <= t.0);
    visible.ids[..until]
        .iter()
        .rev()
        .filter_map(|id| trace.get((*id)?))
        .filter(|envelope| wanted(envelope))
        .take(most)
        .map(|envelope| Row::of(envelope, trace, names))
        .collect()
}

/// Whether a message is about an object of this name: it names it, answers a message that does, or asks the container runtime for what comes
/// next after such a one.
pub(super) fn concerns(envelope: &Envelope, trace: &Trace, name: &str) -> bool {
    let of = |id: Option<EnvelopeId>| {
        id.filter(|id| *id < envelope.id).and_then(|id| trace.get(id)).is_some_and(|one| concerns(one, trace, name))
    };
    if let Some(asked) = question(&envelope.message) {
        return of(Some(asked));
    }
    match &envelope.message {
        Message::EtcdWatch(batch) => batch.events.iter().any(|event| event.key.rsplit('/').next() == Some(name)),
        Message::Cri(cri) => match &**cri {
            Cri::Call { args, .. } if !args["config"]["metadata"]["namespace"].is_null() => {
                args["config"]["metadata"]["name"].str() == name
            }
            _ => of(cause(envelope)),
        },
        _ => names_object(envelope, name),
    }
}

fn names_object(envelope: &Envelope, name: &str) -> bool {
    match &envelope.message {
        Message::Request(request) => {
            request.name.as_str() == name || request.body["metadata"]["name"].str() == name || involved(&request.body) == name
        }
        Message::Watch(batch) => batch.events.iter().any(|event| event.object.name() == name),
        Message::EtcdRequest(request) => match &**request {
            EtcdRequest::Put { key, .. } | EtcdRequest::Delete { key, .. } | EtcdRequest::Range { key, prefix: false, .. } => {
                key.rsplit('/').next() == Some(name)
            }
            _ => false,
        },
        _ => false,
    }
}

pub(super) fn involved(event: &orrery_sim::value::Value) -> &str {
    let regarding = event["regarding"]["name"].str();
    if regarding.is_empty() { event["involvedObject"]["name"].str() } else { regarding }
}
