//! What must hold of every trace, whatever the user does.

use std::collections::BTreeMap;

use orrery_sim::api::quantity::Quantity;
use orrery_sim::core::{Cause, EnvelopeId, Message, WatchType};
use orrery_sim::etcd::EtcdRequest;
use orrery_sim::session::Session;
use orrery_sim::value::{Text, Value};

/// The violations found in a session's trace; none is right.
pub(crate) fn violations(session: &Session) -> Vec<String> {
    let mut found = Vec::new();
    envelopes(session, &mut found);
    watches(session, &mut found);
    states(session, &mut found);
    found.truncate(20);
    found
}

/// Messages arrive after they were sent, have an earlier cause, and a request has one outcome at most.
fn envelopes(session: &Session, found: &mut Vec<String>) {
    let mut outcomes: BTreeMap<EnvelopeId, u32> = BTreeMap::new();
    for envelope in session.trace().envelopes() {
        if envelope.sent_at > envelope.due_at {
            found.push(format!("message {:?} arrives before it was sent", envelope.id));
        }
        if let Cause::Message(cause) = envelope.cause {
            let arrived = session.trace().get(cause).is_some_and(|cause| cause.due_at <= envelope.sent_at);
            if cause >= envelope.id || !arrived {
                found.push(format!("message {:?} was sent before its cause {cause:?} arrived", envelope.id));
            }
        }
        let answered = match &envelope.message {
            Message::Response(response) => Some(response.to),
            Message::EtcdResponse(response) => Some(response.to),
            _ => None,
        };
        if let Some(answered) = answered {
            let count = outcomes.entry(answered).or_default();
            *count += 1;
            if *count > 1 {
                found.push(format!("request {answered:?} was answered twice"));
            }
        }
    }
}

/// A watcher sees each object's states in order, and its stream in the order of resourceVersions after the initial state.
fn watches(session: &Session, found: &mut Vec<String>) {
    let mut newest: BTreeMap<EnvelopeId, u64> = BTreeMap::new();
    for envelope in session.trace().envelopes() {
        let Message::Watch(batch) = &envelope.message else { continue };
        let initial = !newest.contains_key(&batch.stream);
        for event in &batch.events {
            let object = if event.object.kind() == "Table" { &event.object["rows"][0]["object"] } else { &event.object };
            let version = object.resource_version();
            let last = newest.entry(batch.stream).or_default();
            if !initial && event.kind != WatchType::Bookmark && version <= *last {
                found.push(format!(
                    "stream {:?}: {} {} goes back from {last} to {version}",
                    batch.stream,
                    event.kind.name(),
                    object.key()
                ));
            }
            *last = version.max(*last);
        }
    }
}

/// The states that etcd went through, as its streams, its answers to writes and what was read of it tell them (after a member is lost
/// its stream does not go on, the state is read anew): each stream tells them in order, and all members tell the same.
fn states(session: &Session, found: &mut Vec<String>) {
    let mut newest: BTreeMap<EnvelopeId, u64> = BTreeMap::new();
    let mut history: BTreeMap<u64, (Text, Option<Value>)> = BTreeMap::new();
    let mut learn = |revision: u64, key: &Text, value: Option<&Value>, found: &mut Vec<String>| {
        let known = history.entry(revision).or_insert_with(|| (key.clone(), value.cloned()));
        if (&known.0, known.1.as_ref()) != (key, value) {
            found.push(format!("members disagree on revision {revision}: {} and {key}", known.0));
        }
    };
    for envelope in session.trace().envelopes() {
        match &envelope.message {
            Message::EtcdWatch(batch) => {
                for event in &batch.events {
                    let last = newest.entry(batch.stream).or_default();
                    if event.revision <= *last {
                        let stream = batch.stream;
                        found.push(format!("etcd's revision goes back from {last} to {} on stream {stream:?}", event.revision));
                    }
                    *last = event.revision;
                    learn(event.revision, &event.key, event.value.as_ref(), found);
                }
            }
            Message::EtcdResponse(response) => {
                response.kvs.iter().for_each(|kv| learn(kv.mod_revision, &kv.key, Some(&kv.value), found));
                let asked = session.trace().get(response.to).map(|asked| &asked.message);
                let Some(Message::EtcdRequest(asked)) = asked.filter(|_| response.succeeded && response.error.is_none()) else {
                    continue;
                };
                match &**asked {
                    EtcdRequest::Put { key, value, .. } => learn(response.revision, key, Some(value), found),
                    EtcdRequest::Delete { key, .. } => learn(response.revision, key, None, found),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let mut store: BTreeMap<Text, Value> = BTreeMap::new();
    for (key, value) in history.into_values() {
        match value {
            Some(new) => {
                let old = store.insert(key.clone(), new.clone());
                state(&key, old.as_ref(), &new, &store, found);
            }
            None => {
                store.remove(&key);
            }
        }
    }
}

fn state(key: &str, old: Option<&Value>, new: &Value, store: &BTreeMap<Text, Value>, found: &mut Vec<String>) {
    let owners = new["metadata"]["ownerReferences"].items().iter().filter(|owner| owner["controller"].is_true()).count();
    if owners > 1 {
        found.push(format!("{key} has {owners} controllers"));
    }
    if let Some(old) = old.filter(|old| old.uid() == new.uid()) {
        if new.generation() < old.generation() {
            found.push(format!("{key}: generation goes back"));
        }
        let (was, is) = (old["spec"]["nodeName"].str(), new["spec"]["nodeName"].str());
        if key.starts_with("/registry/pods/") && !was.is_empty() && was != is {
            found.push(format!("{key} was bound twice: {was}, {is}"));
        }
    }
    if key.starts_with("/registry/pods/") {
        node_fits(new["spec"]["nodeName"].str(), store, found);
    }
    if key.starts_with("/registry/replicasets/") {
        rollout(key, old, new, store, found);
    }
}

/// The requests of a node's pods that have not ended stay within what it can give.
fn node_fits(node: &str, store: &BTreeMap<Text, Value>, found: &mut Vec<String>) {
    let Some(allocatable) = store.get(format!("/registry/minions/{node}").as_str()).map(|node| &node["status"]["allocatable"])
    else {
        return;
    };
    for resource in ["cpu", "memory"] {
        let mut sum = Quantity::default();
        for (_, pod) in store.range(Text::from("/registry/pods/")..).take_while(|(key, _)| key.starts_with("/registry/pods/")) {
            let ended = matches!(pod["status"]["phase"].str(), "Succeeded" | "Failed");
            if pod["spec"]["nodeName"].str() == node && !ended {
                for container in pod["spec"]["containers"].items() {
                    sum += Quantity::of(&container["resources"]["requests"][resource]);
                }
            }
        }
        if sum > Quantity::of(&allocatable[resource]) {
            found.push(format!("node {node}: pods request {sum} {resource} of {}", allocatable[resource].str()));
        }
    }
}

/// When a ReplicaSet grows, all ReplicaSets of its Deployment stay within replicas + maxSurge.
fn rollout(key: &str, old: Option<&Value>, new: &Value, store: &BTreeMap<Text, Value>, found: &mut Vec<String>) {
    let before = old.map_or(0, |old| old["spec"]["replicas"].int());
    let Some(owner) = new.controller().filter(|_| new["spec"]["replicas"].int() > before) else { return };
    let Some(deployment) = store.get(format!("/registry/deployments/{}/{}", new.namespace(), owner["name"].str()).as_str())
    else {
        return;
    };
    let replicas = deployment["spec"]["replicas"].int();
    let surge = match &deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"] {
        Value::Int(number) => *number,
        // Percentages are rounded up.
        Value::Str(text) => (replicas * text.trim_end_matches('%').parse::<i64>().unwrap_or(0) + 99) / 100,
        _ => 0,
    };
    let prefix = format!("/registry/replicasets/{}/", new.namespace());
    let total: i64 = store
        .range(Text::from(&prefix)..)
        .take_while(|(key, _)| key.starts_with(&prefix))
        .filter(|(_, set)| set.controller().is_some_and(|have| have["uid"] == owner["uid"]))
        .map(|(_, set)| set["spec"]["replicas"].int())
        .sum();
    if total > replicas + surge {
        found.push(format!("{key} grows: {total} replicas of {replicas} + {surge}"));
    }
}

/// What is neither as it should be nor says why, once the cluster is quiet.
pub(crate) fn unsettled(session: &Session) -> Vec<String> {
    use orrery_sim::apiserver::ApiServer;
    use orrery_sim::core::Part;
    let mut found = Vec::new();
    for (_, server) in session.cluster().parts::<ApiServer>(Part::ApiServer) {
        for deployment in server.caches().list(orrery_sim::api::resource::DEPLOYMENTS) {
            let observed = deployment["status"]["observedGeneration"].int() == deployment.generation();
            let (want, have) = (deployment["spec"]["replicas"].int(), deployment["status"]["availableReplicas"].int());
            let says_why = !deployment.condition_true("Available")
                || deployment
                    .condition("Progressing")
                    .is_some_and(|condition| condition["reason"].str() != "NewReplicaSetAvailable");
            if !observed || (want != have && !says_why) {
                found.push(format!("deployment {}: {have} of {want} available, observed: {observed}", deployment.key()));
            }
        }
    }
    found
}
