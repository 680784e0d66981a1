//! Making room: victims are marked, deleted, and told so (`pkg/scheduler/framework/preemption`, the asynchronous way).
//!
//! All victims but the last go at once, the last one when the others are gone; meanwhile the preemptor is not tried again.

use std::rc::Rc;

use super::binding::verdict;
use super::component::{Asked, KubeScheduler, push};
use super::decision::Candidate;
use super::framework::Nomination;
use super::pod_info::PodInfo;
use super::status::{Condition, patch};
use crate::api::resource::PODS;
use crate::client::{Occurrence, object_reference};
use crate::core::collections::PMap;
use crate::core::message::FailureKind;
use crate::core::{Outbox, Request, Response};
use crate::value::{Text, Value};

/// A preemption that is going on.
#[derive(Clone, Debug)]
pub(super) struct Preempting {
    preemptor: Rc<PodInfo>,
    node: Text,
    /// How many of the victims that go at once are not deleted yet.
    open: usize,
    /// The victim that goes when the others are gone.
    last: Option<Text>,
    /// That victim once it is its turn.
    going: Option<Text>,
}

impl Preempting {
    /// Whether some victim's deletion has not begun yet; while that is so, the preemptor is not tried again. Of the last one the watch
    /// may tell before the answer to its deletion is here.
    pub(super) fn is_going_on(&self, pods: &PMap<Text, Rc<PodInfo>>) -> bool {
        let Some(last) = &self.going else { return true };
        pods.get(last).is_some_and(|victim| !victim.terminating)
    }
}

impl KubeScheduler {
    /// Begins to make room for a pod.
    pub(super) fn preempt(&mut self, preemptor: &Rc<PodInfo>, chosen: &Candidate, out: &mut Outbox<'_>) {
        self.clear_lower_nominations(preemptor, &chosen.node, out);
        let mut victims: Vec<Text> =
            chosen.victims.iter().filter(|victim| !victim.terminating).map(|victim| victim.key.clone()).collect();
        let Some(last) = victims.pop() else { return };
        let state = Preempting {
            preemptor: Rc::clone(preemptor),
            node: chosen.node.clone(),
            open: victims.len(),
            last: Some(last),
            going: None,
        };
        self.preempting.insert(preemptor.key.clone(), state);
        for victim in victims {
            self.mark(&preemptor.key, &victim, out);
        }
        self.go_on_preempting(&preemptor.key, out);
    }

    /// Pods of lower priority that wait for room on the same node may not fit any more; they look for another one.
    fn clear_lower_nominations(&mut self, preemptor: &PodInfo, node: &Text, out: &mut Outbox<'_>) {
        let lower: Vec<Rc<PodInfo>> = self
            .snapshot
            .nominated(node)
            .iter()
            .filter(|other| other.info.priority < preemptor.priority)
            .map(|other| Rc::clone(&other.info))
            .collect();
        for other in lower {
            if let Some(body) = patch(&other.object, None, &Nomination::Set(Text::default())) {
                let id = out.request(self.server, Request::patch(PODS, &other.namespace, &other.name, body).sub("status"));
                self.asked.insert(id, Asked::Nothing);
            }
            self.snapshot.nominate(&other, &Text::default());
        }
    }

    fn mark(&mut self, preemptor: &Text, victim: &Text, out: &mut Outbox<'_>) {
        let (Some(state), Some(info)) = (self.preempting.get(preemptor), self.pods.get(victim).cloned()) else {
            return self.victim_is_gone(preemptor, out);
        };
        let message = format!("{}: preempting to accommodate a higher priority pod", state.preemptor.scheduler_name);
        let condition = Condition {
            kind: "DisruptionTarget",
            status: "True",
            reason: "PreemptionByScheduler",
            message: &message,
            now: out.now().rfc3339().into(),
        };
        match patch(&info.object, Some(&condition), &Nomination::Keep) {
            Some(body) => {
                let id = out.request(self.server, Request::patch(PODS, &info.namespace, &info.name, body).sub("status"));
                self.asked.insert(id, Asked::VictimMarked(preemptor.clone(), victim.clone()));
            }
            None => self.delete_victim(preemptor, &info, out),
        }
    }

    fn delete_victim(&mut self, preemptor: &Text, victim: &PodInfo, out: &mut Outbox<'_>) {
        let request = Request::delete(PODS, &victim.namespace, &victim.name).with_body(Value::map());
        let id = out.request(self.server, request);
        self.asked.insert(id, Asked::VictimDeleted(preemptor.clone(), victim.key.clone()));
    }

    pub(super) fn on_victim_marked(
        &mut self,
        preemptor: &Text,
        victim: &Text,
        answer: Result<&Response, FailureKind>,
        out: &mut Outbox<'_>,
    ) {
        match (verdict(answer), self.pods.get(victim).cloned()) {
            (Ok(()), Some(info)) => self.delete_victim(preemptor, &info, out),
            (Err(_), _) if !is_gone(answer) => self.give_up(preemptor, out),
            _ => self.victim_is_gone(preemptor, out),
        }
    }

    pub(super) fn on_victim_deleted(
        &mut self,
        preemptor: &Text,
        victim: &Text,
        answer: Result<&Response, FailureKind>,
        out: &mut Outbox<'_>,
    ) {
        if verdict(answer).is_err() && !is_gone(answer) {
            return self.give_up(preemptor, out);
        }
        if let (Some(state), Some(info), Ok(())) = (self.preempting.get(preemptor), self.pods.get(victim), verdict(answer)) {
            let note = format!("Preempted by pod {} on node {}", state.preemptor.uid, state.node);
            let what = Occurrence { kind: "Normal", reason: "Preempted", action: "Preempting", note: &note };
            let (regarding, related) = (object_reference(&info.object), object_reference(&state.preemptor.object));
            self.events.event(&regarding, &related, what, out);
        }
        self.victim_is_gone(preemptor, out);
    }

    fn victim_is_gone(&mut self, preemptor: &Text, out: &mut Outbox<'_>) {
        if let Some(state) = self.preempting.get_mut(preemptor) {
            if state.open > 0 {
                state.open -= 1;
            } else {
                self.preempting.remove(preemptor);
                return;
            }
            self.go_on_preempting(preemptor, out);
        }
    }

    /// Begins with the last victim when it is alone.
    fn go_on_preempting(&mut self, preemptor: &Text, out: &mut Outbox<'_>) {
        let Some(state) = self.preempting.get_mut(preemptor) else { return };
        if state.open == 0
            && let Some(last) = state.last.take()
        {
            state.going = Some(last.clone());
            self.mark(preemptor, &last, out);
        }
    }

    /// The preemptor is tried again when it does not work.
    fn give_up(&mut self, preemptor: &Text, out: &mut Outbox<'_>) {
        if self.preempting.remove(preemptor).is_some() {
            self.queue.activate(preemptor, push(out));
        }
    }
}

fn is_gone(answer: Result<&Response, FailureKind>) -> bool {
    answer.is_ok_and(|response| response.code == 404)
}
