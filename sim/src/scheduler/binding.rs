//! From a pod out of the queue to a bound pod: the scheduling cycle and the binding cycle (`pkg/scheduler/schedule_one.go`).

use std::collections::BTreeSet;
use std::rc::Rc;

use super::component::{Asked, BIND_TIMEOUT, KubeScheduler, RETRY};
use super::decision::{Decision, Outcome};
use super::framework::{ClusterEvent, Cycle, Nomination, Permission, Plugin, Point};
use super::profile::Profile;
use super::queue::QueuedPod;
use super::status::{Condition, patch};
use crate::api::resource::PODS;
use crate::client::{Occurrence, object_reference};
use crate::core::message::FailureKind;
use crate::core::{Duration, Outbox, Request, Response};
use crate::value::{Text, Value};

/// A pod on its way to a node: it already takes its place there.
#[derive(Clone, Debug)]
pub(super) struct Assumed {
    /// The pod as it came out of the queue.
    pub pod: QueuedPod,
    /// The node.
    pub node: Text,
    /// What was claimed for it.
    pub objects: Vec<Value>,
    /// How many requests must be answered before it can be bound.
    open: usize,
    /// Whether it waits for something that others do.
    waits: bool,
    /// Whether the binding was sent.
    binding: bool,
}

impl KubeScheduler {
    /// One scheduling cycle.
    pub(super) fn schedule_next(&mut self, out: &mut Outbox<'_>) {
        let began = self.cycle_began.take().unwrap_or(out.now());
        if !self.is_leading() {
            return;
        }
        let Some(mut queued) = self.queue.pop(out.now()) else { return };
        let Some(profile) = self.profile(&queued.info) else { return };
        out.set_cause(queued.cause, queued.background);
        let info = Rc::clone(&queued.info);
        if info.terminating {
            return self.failed_scheduling(&info, &format!("skip schedule deleting pod: {}", info.key), out);
        }
        let mut decision = self.algorithm.schedule(&self.snapshot, &info, &profile, out.now(), queued.attempts);
        decision.began = began;
        queued.rejectors.clone_from(&decision.rejectors);
        match decision.outcome.clone() {
            Outcome::Scheduled(node) => self.assume(queued, &node, &profile, out),
            Outcome::Unschedulable => self.reject(queued, &decision, out),
        }
        self.decisions.push(decision);
    }

    fn assume(&mut self, queued: QueuedPod, node: &Text, profile: &Profile, out: &mut Outbox<'_>) {
        let info = Rc::clone(&queued.info);
        let mut objects = Vec::new();
        let mut failure = None;
        if let Some(place) = self.snapshot.node(node) {
            let cycle = Cycle { pod: &info, snapshot: &self.snapshot };
            for plugin in profile.at(Point::Reserve) {
                match plugin.reserve().map(|reserve| reserve.reserve(&cycle, place)) {
                    Some(Ok(claimed)) => objects.extend(claimed),
                    Some(Err(why)) => failure = Some(format!("running Reserve plugin {:?}: {why}", plugin.name())),
                    None => {}
                }
            }
            for plugin in profile.at(Point::Permit) {
                if let Some(Permission::Deny(why)) = plugin.permit().map(|permit| permit.permit(&cycle, place)) {
                    failure = Some(why.to_string());
                }
            }
        }
        if let Some(message) = failure {
            return self.fail(queued, &message, out);
        }
        self.snapshot.nominate(&info, &Text::default());
        self.snapshot.add_pod(&info, node);
        let assumed = Assumed { pod: queued, node: node.clone(), objects, open: 0, waits: false, binding: false };
        self.assumed.insert(info.key.clone(), assumed);
        self.prepare(&info.key, true, out);
    }

    /// Does what must be done before binding; binds when nothing is left.
    fn prepare(&mut self, key: &Text, first: bool, out: &mut Outbox<'_>) {
        let Some(assumed) = self.assumed.get(key).filter(|assumed| !assumed.binding) else { return };
        let (info, node, objects) = (Rc::clone(&assumed.pod.info), assumed.node.clone(), assumed.objects.clone());
        let Some(profile) = self.profile(&info) else { return };
        let mut requests = Vec::new();
        let mut waits: Option<Duration> = None;
        if let Some(place) = self.snapshot.node(&node) {
            let cycle = Cycle { pod: &info, snapshot: &self.snapshot };
            for plugin in profile.at(Point::PreBind) {
                let Some(pre_bind) = plugin.pre_bind() else { continue };
                match pre_bind.pre_bind(&cycle, place, first) {
                    Ok(before) => {
                        requests.extend(before.requests);
                        waits = waits.max(before.wait);
                    }
                    Err(why) => {
                        let message = format!("running PreBind plugin {:?}: {why}", plugin.name());
                        return self.forget(key, &message, out);
                    }
                }
            }
        }
        if let Some(timeout) = waits.filter(|_| first) {
            // Others can see where the pod is going to be while it waits.
            let nomination = Nomination::Set(node.clone());
            if let Some(body) = patch(&info.object, None, &nomination) {
                let request = Request::patch(PODS, &info.namespace, &info.name, body).sub("status");
                let id = out.request(self.server, request);
                self.asked.insert(id, Asked::Nothing);
            }
            for object in &objects {
                self.assume_object(object);
            }
            out.tick(timeout, BIND_TIMEOUT, key.clone(), 0);
        }
        let open = requests.len();
        for request in requests {
            let id = out.request(self.server, request);
            self.asked.insert(id, Asked::BeforeBinding(key.clone()));
        }
        if let Some(assumed) = self.assumed.get_mut(key) {
            assumed.open += open;
            assumed.waits = waits.is_some();
            if assumed.open == 0 && !assumed.waits {
                assumed.binding = true;
                self.bind(&info, &node, &profile, out);
            }
        }
    }

    fn bind(&mut self, info: &super::PodInfo, node: &Text, profile: &Profile, out: &mut Outbox<'_>) {
        let Some(bind) = profile.at(Point::Bind).find_map(Plugin::bind) else { return };
        let id = out.request(self.server, bind.bind(info, node));
        self.asked.insert(id, Asked::Binding(info.key.clone()));
    }

    /// A request before binding was answered.
    pub(super) fn on_prepared(&mut self, key: &Text, answer: Result<&Response, FailureKind>, out: &mut Outbox<'_>) {
        if let Err(why) = verdict(answer) {
            return self.forget(key, &format!("running PreBind plugin \"VolumeBinding\": {why}"), out);
        }
        if let Some(assumed) = self.assumed.get_mut(key) {
            assumed.open = assumed.open.saturating_sub(1);
            if assumed.open == 0 {
                self.prepare(key, false, out);
            }
        }
    }

    /// Volumes or claims have changed: pods may go on that waited for them.
    pub(super) fn look_at_waiting_bindings(&mut self, out: &mut Outbox<'_>) {
        let waiting = self.assumed.iter().filter(|(_, assumed)| assumed.waits && assumed.open == 0 && !assumed.binding);
        let keys: Vec<Text> = waiting.map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.prepare(&key, false, out);
        }
    }

    pub(super) fn on_bind_timeout(&mut self, key: &Text, _number: u64, out: &mut Outbox<'_>) {
        if self.assumed.get(key).is_some_and(|assumed| assumed.waits && !assumed.binding) {
            self.forget(key, "running PreBind plugin \"VolumeBinding\": binding volumes: context deadline exceeded", out);
        }
    }

    /// The binding was answered.
    pub(super) fn on_bound(&mut self, key: &Text, answer: Result<&Response, FailureKind>, out: &mut Outbox<'_>) {
        if let Err(why) = verdict(answer) {
            return self.forget(key, &format!("running Bind plugin \"DefaultBinder\": {why}"), out);
        }
        // The watch may have told of the bound pod already; then it is no longer assumed.
        let bound = self.assumed.get(key).map(|assumed| (Rc::clone(&assumed.pod.info), assumed.node.clone()));
        let known = || self.pods.get(key).map(|info| (Rc::clone(info), info.node_name.clone()));
        let Some((info, node)) = bound.or_else(known) else { return };
        let note = format!("Successfully assigned {} to {node}", info.key);
        let what = Occurrence { kind: "Normal", reason: "Scheduled", action: "Binding", note: &note };
        self.events.event(&object_reference(&info.object), &Value::Null, what, out);
        if let Some(profile) = self.profile(&info) {
            for plugin in profile.at(Point::PostBind).filter_map(Plugin::post_bind) {
                plugin.post_bind(&info, &node);
            }
        }
    }

    /// Takes an assumed pod off its node and back into the queue.
    fn forget(&mut self, key: &Text, message: &str, out: &mut Outbox<'_>) {
        let Some(assumed) = self.assumed.remove(key) else { return };
        self.snapshot.remove_pod(key, &assumed.node);
        self.forget_objects(&assumed.objects);
        let gone = Rc::clone(&assumed.pod.info);
        self.tell_queue(&ClusterEvent::PodGone(&gone), out);
        self.fail(assumed.pod, message, out);
    }

    /// No node will do: says so, and makes room if that was decided.
    fn reject(&mut self, queued: QueuedPod, decision: &Decision, out: &mut Outbox<'_>) {
        let info = Rc::clone(&queued.info);
        self.report(&info, "Unschedulable", &decision.message, &decision.nomination, out);
        if let Nomination::Set(node) = &decision.nomination {
            self.snapshot.nominate(&info, node);
        }
        let is_error = queued.rejectors.is_empty();
        let end = self.queue.put_back(queued, out.now());
        if is_error {
            // There are no nodes at all: no plugin stands for it, so only time can help. Nobody waits for that.
            out.tick(end.since(out.now()), RETRY, "", 0);
        }
        if let Some(chosen) = decision.preemption.as_ref().and_then(|preemption| preemption.chosen.as_ref()) {
            self.preempt(&info, chosen, out);
        }
    }

    /// Something went wrong: says so, and tries again after the back-off.
    fn fail(&mut self, queued: QueuedPod, message: &str, out: &mut Outbox<'_>) {
        // Nothing is to be said of a pod that is gone, or that was bound by somebody else.
        let Some(current) = self.pods.get(&queued.info.key).cloned().filter(|info| info.node_name.is_empty()) else { return };
        self.report(&current, "SchedulerError", message, &Nomination::Keep, out);
        // Whatever rejected some nodes before has nothing to do with it.
        let queued = QueuedPod { info: current, rejectors: BTreeSet::new(), ..queued };
        let end = self.queue.put_back(queued, out.now());
        out.timer(end.since(out.now()), RETRY, "", 0);
    }

    fn report(
        &mut self,
        info: &super::PodInfo,
        reason: &'static str,
        message: &str,
        nomination: &Nomination,
        out: &mut Outbox<'_>,
    ) {
        let now = out.now().rfc3339().into();
        let condition = Condition { kind: "PodScheduled", status: "False", reason, message, now };
        if let Some(body) = patch(&info.object, Some(&condition), nomination) {
            let id = out.request(self.server, Request::patch(PODS, &info.namespace, &info.name, body).sub("status"));
            self.asked.insert(id, Asked::Nothing);
        }
        self.failed_scheduling(info, message, out);
    }

    fn failed_scheduling(&mut self, info: &super::PodInfo, message: &str, out: &mut Outbox<'_>) {
        let what = Occurrence { kind: "Warning", reason: "FailedScheduling", action: "Scheduling", note: message };
        self.events.event(&object_reference(&info.object), &Value::Null, what, out);
    }
}

/// An answer, or why there is none, in the words of client-go.
pub(super) fn verdict(answer: Result<&Response, FailureKind>) -> Result<(), String> {
    match answer {
        Ok(response) if response.ok() => Ok(()),
        Ok(response) => Err(response.body["message"].str().to_string()),
        Err(kind) => Err(kind.to_string()),
    }
}
