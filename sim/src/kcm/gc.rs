//! generic-garbage-collector, after `pkg/controller/garbagecollector`: objects whose owners are gone are deleted; owners that wait
//! for their dependents (foreground), or want them to live on (orphan), get their finalizer removed when that is done.

use std::rc::Rc;

use super::context::Context;
use super::reconcile::{Effect, Hook, Io, QueueId, Step, Stop};
use crate::api::Resource;
use crate::client::Change;
use crate::core::Request;
use crate::core::collections::{PMap, PSet};
use crate::core::message::PatchType;
use crate::value;
use crate::value::{Text, Value};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";
/// After a conflict the newest state is read, so many times.
const TRIES: usize = 5;

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    resource: Resource,
    namespace: Text,
    name: Text,
}

impl Identity {
    /// The object of an owner reference; `None` for kinds that the api-server does not have.
    fn of_owner(owner: &Value, namespace: &Text) -> Option<Self> {
        let resource = Resource::of_kind(owner["apiVersion"].str(), owner["kind"].str())?;
        let namespace = if resource.namespaced { namespace.clone() } else { Text::default() };
        Some(Self { resource, namespace, name: owner["name"].text() })
    }

    fn get(&self) -> Request {
        Request::get(self.resource, &self.namespace, &self.name)
    }
}

/// An object in the graph.
#[derive(Clone, Debug)]
struct Node {
    identity: Identity,
    owners: Value,
    dependents: PSet<Text>,
    being_deleted: bool,
    /// It waits until its dependents are gone.
    deleting_dependents: bool,
    /// It is only known from an owner reference; no informer has seen it.
    is_virtual: bool,
}

/// Who owns whom, by uid.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    nodes: PMap<Text, Rc<Node>>,
    /// Owners that are known to be gone.
    absent: PSet<Text>,
}

fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    object["metadata"]["finalizers"].items().iter().any(|have| have.str() == finalizer)
}

fn starts(old: Option<&Value>, new: &Value, finalizer: &str) -> bool {
    let begun = |object: &Value| object.is_terminating() && has_finalizer(object, finalizer);
    begun(new) && !old.is_some_and(begun)
}

impl Graph {
    fn edit(&mut self, uid: &str, edit: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(uid) {
            edit(Rc::make_mut(node));
        }
    }

    fn dependents(&self, uid: &str) -> Vec<Text> {
        self.nodes.get(uid).map(|node| node.dependents.iter().cloned().collect()).unwrap_or_default()
    }

    /// Enters a dependent at its owners; owners that nobody has seen become virtual nodes, and are answered.
    fn link(&mut self, uid: &Text, owners: &Value, namespace: &Text) -> Vec<Text> {
        let mut unseen = Vec::new();
        for owner in owners.items() {
            let owner_uid = owner["uid"].text();
            if !self.nodes.contains_key(owner_uid.as_str()) {
                let Some(identity) = Identity::of_owner(owner, namespace) else { continue };
                let node = Node {
                    identity,
                    owners: Value::Null,
                    dependents: PSet::new(),
                    being_deleted: false,
                    deleting_dependents: false,
                    is_virtual: true,
                };
                self.nodes.insert(owner_uid.clone(), Rc::new(node));
                unseen.push(owner_uid.clone());
            }
            self.edit(&owner_uid, |node| {
                node.dependents.insert(uid.clone());
            });
        }
        unseen
    }

    fn unlink(&mut self, uid: &str, owners: &Value) {
        for owner in owners.items() {
            let owner_uid = owner["uid"].str();
            self.edit(owner_uid, |node| {
                node.dependents.remove(uid);
            });
            if self.nodes.get(owner_uid).is_some_and(|node| node.is_virtual && node.dependents.is_empty()) {
                self.nodes.remove(owner_uid);
            }
        }
    }
}

/// Takes in a change of any object (GraphBuilder.processGraphChanges).
pub(super) fn on_change(context: &mut Context<'_, '_>, resource: Resource, change: &Change) {
    match (&change.old, &change.new) {
        (_, None) => on_delete(context, change.object()),
        (Some(old), Some(new)) if same_to_us(old, new) => {}
        (old, Some(new)) => on_update(context, resource, old.as_ref(), new),
    }
}

fn same_to_us(old: &Value, new: &Value) -> bool {
    let same = |field: &str| {
        let (old, new) = (&old["metadata"][field], &new["metadata"][field]);
        old.same(new) || old == new
    };
    same("uid") && same("ownerReferences") && same("deletionTimestamp") && same("finalizers")
}

fn on_update(context: &mut Context<'_, '_>, resource: Resource, old: Option<&Value>, new: &Value) {
    let uid = new["metadata"]["uid"].text();
    let namespace = new["metadata"]["namespace"].text();
    let owners = new["metadata"]["ownerReferences"].clone();
    let being_deleted = new.is_terminating();
    let deleting_dependents = being_deleted && has_finalizer(new, FOREGROUND);
    let graph = &mut context.view.graph;
    let known = graph.nodes.get(uid.as_str()).cloned();
    let mut queue: Vec<Text> = Vec::new();
    match known {
        Some(node) if !node.is_virtual => {
            if node.owners != owners {
                queue.extend(unblocked(graph, &node.owners, &owners));
                graph.unlink(&uid, &node.owners);
                queue.extend(graph.link(&uid, &owners, &namespace));
            }
            graph.edit(&uid, |node| {
                node.owners = owners;
                node.being_deleted |= being_deleted;
            });
        }
        known => {
            let node = Node {
                identity: Identity { resource, namespace: namespace.clone(), name: new["metadata"]["name"].text() },
                owners: owners.clone(),
                dependents: known.map(|node| node.dependents.clone()).unwrap_or_default(),
                being_deleted,
                deleting_dependents,
                is_virtual: false,
            };
            graph.nodes.insert(uid.clone(), Rc::new(node));
            queue.extend(graph.link(&uid, &owners, &namespace));
        }
    }
    if starts(old, new, ORPHAN) {
        context.enqueue(QueueId::GarbageOrphan, &uid);
    } else if starts(old, new, FOREGROUND) {
        graph.edit(&uid, |node| node.deleting_dependents = true);
        queue.extend(graph.dependents(&uid));
        queue.push(uid);
    }
    for uid in queue {
        context.enqueue(QueueId::GarbageDelete, &uid);
    }
}

/// Owners that wait for their dependents and are no longer blocked by this one.
fn unblocked(graph: &Graph, old: &Value, new: &Value) -> Vec<Text> {
    let blocks = |owners: &Value, uid: &str| {
        owners.items().iter().any(|owner| owner["uid"].str() == uid && owner["blockOwnerDeletion"].is_true())
    };
    let freed = |owner: &&Value| {
        let uid = owner["uid"].str();
        blocks(old, uid) && !blocks(new, uid) && graph.nodes.get(uid).is_some_and(|node| node.deleting_dependents)
    };
    old.items().iter().filter(freed).map(|owner| owner["uid"].text()).collect()
}

fn on_delete(context: &mut Context<'_, '_>, object: &Value) {
    let uid = object["metadata"]["uid"].text();
    let graph = &mut context.view.graph;
    let Some(node) = graph.nodes.remove(uid.as_str()) else { return };
    graph.unlink(&uid, &node.owners);
    let mut queue: Vec<Text> = node.dependents.iter().cloned().collect();
    if !queue.is_empty() {
        graph.absent.insert(uid);
    }
    for owner in node.owners.items() {
        let owner_uid = owner["uid"].text();
        if graph.nodes.get(owner_uid.as_str()).is_some_and(|node| node.deleting_dependents) {
            queue.push(owner_uid);
        }
    }
    for uid in queue {
        context.enqueue(QueueId::GarbageDelete, &uid);
    }
}

/// An owner turned out not to exist.
pub(super) fn on_absent(context: &mut Context<'_, '_>, uid: &Text) {
    context.view.graph.absent.insert(uid.clone());
    if context.view.graph.nodes.get(uid.as_str()).is_some_and(|node| node.is_virtual) {
        let dependents = context.view.graph.dependents(uid);
        context.view.graph.nodes.remove(uid.as_str());
        for dependent in dependents {
            context.enqueue(QueueId::GarbageDelete, &dependent);
        }
    }
}

/// Decides about one object (attemptToDeleteItem).
pub(super) fn sync_delete(io: &mut Io<'_>, uid: &str) -> Step<()> {
    let Some(node) = io.view.graph.nodes.get(uid).cloned() else { return Ok(()) };
    if node.being_deleted && !node.deleting_dependents {
        return Ok(());
    }
    let latest = match io.request(node.identity.get())? {
        Ok(latest) if latest.uid() == uid => latest,
        Err(error) if error.code() != 404 => return Err(Stop::Retry),
        _ => {
            io.act(Effect::OwnerAbsent(Text::new(uid)));
            return Ok(());
        }
    };
    if node.deleting_dependents {
        return wait_for_dependents(io, uid, &node);
    }
    if node.is_virtual {
        // It exists; the informer will show it.
        return Err(Stop::Retry);
    }
    let references = classify(io, &node, &latest["metadata"]["ownerReferences"])?;
    if !references.solid.is_empty() {
        let mut useless = references.dangling;
        useless.extend(references.waiting);
        if useless.is_empty() {
            return Ok(());
        }
        io.call(remove_owners(&node.identity, uid, useless))?;
        return Ok(());
    }
    if references.solid.is_empty() && references.waiting.is_empty() && references.dangling.is_empty() {
        return Ok(());
    }
    let policy = if !references.waiting.is_empty() && !node.dependents.is_empty() || has_finalizer(&latest, FOREGROUND) {
        "Foreground"
    } else if has_finalizer(&latest, ORPHAN) {
        "Orphan"
    } else {
        "Background"
    };
    delete(io, &node.identity, &latest, policy)
}

/// The uids of an object's owners by what they mean for it.
#[derive(Debug, Default)]
struct References {
    /// They are there.
    solid: Vec<Text>,
    /// They are gone.
    dangling: Vec<Text>,
    /// They wait for it to be gone.
    waiting: Vec<Text>,
}

fn classify(io: &mut Io<'_>, node: &Node, owners: &Value) -> Step<References> {
    let mut references = References::default();
    for owner in owners.items() {
        let uid = owner["uid"].text();
        if io.view.graph.absent.contains(uid.as_str()) {
            references.dangling.push(uid);
            continue;
        }
        let Some(identity) = Identity::of_owner(owner, &node.identity.namespace) else {
            // A kind that nobody knows cannot be looked up: it counts as there.
            references.solid.push(uid);
            continue;
        };
        match io.request(identity.get())? {
            Ok(object) if object.uid() == &*uid => {
                let waits = object.is_terminating() && has_finalizer(&object, FOREGROUND);
                if waits { references.waiting.push(uid) } else { references.solid.push(uid) }
            }
            Err(error) if error.code() != 404 => return Err(Stop::Retry),
            _ => {
                io.act(Effect::OwnerAbsent(uid.clone()));
                references.dangling.push(uid);
            }
        }
    }
    Ok(references)
}

/// DELETE under the condition that it is the same object and has the same owners.
fn delete(io: &mut Io<'_>, identity: &Identity, latest: &Value, policy: &'static str) -> Step<()> {
    let request = |preconditions: Value| {
        let body = value!({"preconditions": preconditions, "propagationPolicy": policy});
        Request::delete(identity.resource, &identity.namespace, &identity.name).with_body(body)
    };
    let metadata = &latest["metadata"];
    let strict = value!({"uid": &metadata["uid"], "resourceVersion": &metadata["resourceVersion"]});
    match io.request(request(strict))? {
        Err(error) if error.code() == 409 => {}
        Err(error) if error.code() != 404 => return Err(Stop::Retry),
        _ => return Ok(()),
    }
    let again = match io.request(identity.get())? {
        Ok(again) => again,
        Err(error) if error.code() == 404 => return Ok(()),
        Err(_) => return Err(Stop::Retry),
    };
    if again.uid() != latest.uid() || again["metadata"]["ownerReferences"] != metadata["ownerReferences"] {
        return Err(Stop::Retry);
    }
    match io.request(request(value!({"uid": &metadata["uid"]})))? {
        Err(error) if error.code() != 404 => Err(Stop::Retry),
        _ => Ok(()),
    }
}

/// An owner that waits: its blocking dependents are looked at; when there are none it may go (processDeletingDependentsItem).
fn wait_for_dependents(io: &mut Io<'_>, uid: &str, node: &Node) -> Step<()> {
    let graph = &io.view.graph;
    let blocking: Vec<(Text, bool)> = node
        .dependents
        .iter()
        .filter_map(|dependent| {
            let node = graph.nodes.get(dependent.as_str())?;
            let blocks = |owner: &Value| owner["uid"].str() == uid && owner["blockOwnerDeletion"].is_true();
            let blocking = node.owners.items().iter().any(blocks);
            blocking.then(|| (dependent.clone(), node.deleting_dependents))
        })
        .collect();
    if blocking.is_empty() {
        return remove_finalizer(io, &node.identity, FOREGROUND);
    }
    for (dependent, deleting) in blocking {
        if !deleting {
            io.act(Effect::Enqueue(QueueId::GarbageDelete, dependent));
        }
    }
    Ok(())
}

fn remove_finalizer(io: &mut Io<'_>, identity: &Identity, finalizer: &str) -> Step<()> {
    for _ in 0..TRIES {
        let object = match io.request(identity.get())? {
            Ok(object) => object,
            Err(error) if error.code() == 404 => return Ok(()),
            Err(_) => return Err(Stop::Retry),
        };
        if !has_finalizer(&object, finalizer) {
            return Ok(());
        }
        let others: Vec<Value> =
            object["metadata"]["finalizers"].items().iter().filter(|have| have.str() != finalizer).cloned().collect();
        let mut patch = value!({"metadata": {"resourceVersion": &object["metadata"]["resourceVersion"], "finalizers": null}});
        if !others.is_empty() {
            patch["metadata"]["finalizers"] = others.into();
        }
        let request = Request::patch(identity.resource, &identity.namespace, &identity.name, patch).patch_type(PatchType::Merge);
        match io.request(request)? {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == 404 => return Ok(()),
            Err(error) if error.code() == 409 => {}
            Err(_) => return Err(Stop::Retry),
        }
    }
    Err(Stop::Retry)
}

fn remove_owners(identity: &Identity, uid: &str, owners: Vec<Text>) -> Request {
    let removals: Vec<Value> = owners.into_iter().map(|owner| value!({"$patch": "delete", "uid": owner})).collect();
    let patch = value!({"metadata": {"uid": Text::new(uid), "ownerReferences": removals}});
    Request::patch(identity.resource, &identity.namespace, &identity.name, patch)
}

/// Frees all dependents of an owner, and then the owner (attemptToOrphan).
pub(super) fn sync_orphan(io: &mut Io<'_>, uid: &str) -> Step<()> {
    let Some(node) = io.view.graph.nodes.get(uid).cloned() else { return Ok(()) };
    let requests = node
        .dependents
        .iter()
        .filter_map(|dependent| {
            let node = io.view.graph.nodes.get(dependent.as_str())?;
            Some((remove_owners(&node.identity, dependent, vec![Text::new(uid)]), Hook::None))
        })
        .collect();
    for answer in io.request_all(requests)? {
        match answer {
            Err(error) if error.code() != 404 && error.code() != 422 => return Err(Stop::Retry),
            _ => {}
        }
    }
    remove_finalizer(io, &node.identity, ORPHAN)
}
