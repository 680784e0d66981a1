//! The revisions of an object: what was written under its key of etcd, and when.

use orrery_sim::core::collections::sort::Sort as _;
use orrery_sim::core::{EnvelopeId, Message, TerminalEvent, Time, Trace};
use orrery_sim::etcd::EtcdRequest;
use orrery_sim::value::Value;

/// What etcd wrote at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// etcd's revision.
    pub revision: u64,
    /// When etcd answered.
    pub at: Time,
    /// The request to etcd.
    pub by: EnvelopeId,
    /// The object; `None` when it was deleted.
    pub value: Option<Value>,
}

/// Since when the trace tells of the cluster that is there at `t`: since the one before it was deleted.
pub fn cluster_began(trace: &Trace, t: Time) -> Time {
    trace.gauges().ends().iter().rfind(|end| **end <= t).copied().unwrap_or(Time::ZERO)
}

/// The revisions of a key until `t`, oldest first. What an earlier cluster wrote under it, before it was deleted, was another object.
pub fn revisions(trace: &Trace, key: &str, t: Time) -> Vec<Revision> {
    let begin = trace.position(cluster_began(trace, t));
    let answers = trace.by_sent()[begin..trace.position(Time(t.0 + 1))].iter().filter_map(|id| trace.get(*id));
    let mut found: Vec<Revision> = answers
        .filter_map(|envelope| {
            let Message::EtcdResponse(response) = &envelope.message else { return None };
            let Message::EtcdRequest(request) = &trace.get(response.to)?.message else { return None };
            let value = match &**request {
                EtcdRequest::Put { key: written, value, .. } if written.as_str() == key => Some(value.clone()),
                EtcdRequest::Delete { key: written, prefix: false, .. } if written.as_str() == key => None,
                _ => return None,
            };
            let done = response.succeeded && response.error.is_none();
            done.then_some(Revision { revision: response.revision, at: envelope.sent_at, by: response.to, value })
        })
        .collect();
    // Answers may overtake each other.
    found.order_by_key(|revision| revision.revision);
    found
}

/// The request to etcd that gave a condition of an object the status that it has at `t`.
pub fn condition_since(trace: &Trace, key: &str, kind: &str, t: Time) -> Option<EnvelopeId> {
    let all = revisions(trace, key, t);
    let status = |revision: &Revision| {
        revision.value.as_ref().and_then(|object| object.condition(kind)).map(|condition| condition["status"].text())
    };
    let now = status(all.last()?);
    let since = all.iter().rposition(|revision| status(revision) != now).map_or(0, |before| before + 1);
    all.get(since).map(|revision| revision.by)
}

/// When the last command until `t` was given.
pub fn last_command(trace: &Trace, t: Time) -> Option<Time> {
    let until = trace.terminal().partition_point(|(at, _, _)| *at <= t);
    trace.terminal()[..until].iter().rev().find(|(_, _, event)| matches!(event, TerminalEvent::Command(_))).map(|(at, _, _)| *at)
}

/// With which revision an object is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Against {
    /// With none.
    #[default]
    Nothing,
    /// With the one before.
    Previous,
    /// With what it was before the last command.
    BeforeCommand,
    /// With one by its number.
    Revision(u64),
}

impl Against {
    /// The value of a menu's option.
    pub fn key(self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Previous => "previous".into(),
            Self::BeforeCommand => "command".into(),
            Self::Revision(revision) => revision.to_string(),
        }
    }

    /// Reads [`Against::key`].
    pub fn parse(key: &str) -> Self {
        match key {
            "previous" => Self::Previous,
            "command" => Self::BeforeCommand,
            revision => revision.parse().map_or(Self::Nothing, Self::Revision),
        }
    }

    /// The position of the revision that is meant among those of an object; `None` when there was no object then, or none is meant.
    pub fn choose(self, revisions: &[Revision], trace: &Trace, t: Time) -> Option<usize> {
        match self {
            Self::Nothing => None,
            Self::Previous => revisions.len().checked_sub(2),
            Self::BeforeCommand => {
                let command = last_command(trace, t)?;
                revisions.iter().rposition(|revision| revision.at < command)
            }
            Self::Revision(number) => revisions.iter().position(|revision| revision.revision == number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::model::store;
    use orrery_sim::api::resource::DEPLOYMENTS;
    use orrery_sim::core::Duration;
    use orrery_sim::session::Session;

    #[test]
    fn an_object_is_compared_with_what_it_was() {
        let mut session = Session::new(1);
        let lines =
            ["kind create cluster", "kubectl create deployment web --image=nginx", "kubectl scale deployment web --replicas=3"];
        for line in lines {
            let command = session.run(line);
            session.finish(command, Duration::s(600));
            session.settle(Duration::s(60));
        }
        let (trace, t) = (session.trace(), session.playhead());
        let key = DEPLOYMENTS.etcd_key("default", "web");
        let all = revisions(trace, &key, t);
        // The last one is what etcd holds, each is newer than the one before.
        let entry = store(session.cluster()).and_then(|store| store.get(&key)).expect("it is stored");
        let last = all.last().expect("it was written");
        assert_eq!((last.revision, last.value.as_ref()), (entry.mod_revision, Some(&entry.value)));
        assert!(
            all.len() as u64 == entry.version
                && all.windows(2).all(|pair| pair[0].revision < pair[1].revision && pair[0].at <= pair[1].at)
        );
        let replicas = |against: Against| {
            let value = all[against.choose(&all, trace, t)?].value.as_ref()?;
            Some((value["spec"]["replicas"].int(), value["status"]["readyReplicas"].int()))
        };
        assert_eq!(replicas(Against::BeforeCommand), Some((1, 1)));
        assert_eq!(replicas(Against::Previous), Some((3, 2)), "the last change is that the third is ready");
        assert_eq!(Against::parse(&Against::Revision(all[0].revision).key()).choose(&all, trace, t), Some(0));
        assert_eq!(Against::BeforeCommand.choose(&all[all.len() - 1..], trace, t), None);
        // Another cluster of the same name has objects of the same names, but not these.
        for line in ["kind delete cluster", "kind create cluster", "kubectl create deployment web --image=nginx"] {
            let command = session.run(line);
            session.finish(command, Duration::s(600));
            session.settle(Duration::s(60));
            let written = super::super::story::last_write(session.trace(), &key, session.playhead());
            assert_eq!(written.is_some(), line.starts_with("kubectl"), "{line}");
        }
        let again = revisions(session.trace(), &key, session.playhead());
        let entry = store(session.cluster()).and_then(|store| store.get(&key)).expect("it is stored");
        assert_eq!((again.len() as u64, again.last().map(|last| last.revision)), (entry.version, Some(entry.mod_revision)));
        assert_eq!(revisions(session.trace(), &key, t), all, "at that moment it is as it was");
        let trace = session.trace();
        // A condition's cause is the write that changed it, not the last one.
        let since = condition_since(trace, &key, "Progressing", t).expect("it has this condition");
        let at = all.iter().position(|revision| revision.by == since).expect("a write of it");
        let status = |at: usize| {
            all[at].value.as_ref().and_then(|object| object.condition("Progressing")).map(|condition| condition["status"].text())
        };
        assert!(at > 0 && at < all.len() - 1, "{at} of {}", all.len());
        assert!(status(at - 1) != status(at) && status(at) == status(all.len() - 1));
    }
}
