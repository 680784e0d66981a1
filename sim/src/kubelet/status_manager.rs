//! Writes the statuses of pods, one after the other: GET, PATCH if something differs, DELETE once nothing of the pod is left
//! (upstream's `status/status_manager.go`).

use std::collections::VecDeque;

use super::{ApiCall, Kubelet};
use crate::api::patch::two_way_strategic;
use crate::api::resource::PODS;
use crate::core::{Cause, Duration, EnvelopeId, Outbox, Request};
use crate::value;
use crate::value::{Text, Value};

/// A failed status is tried again this much later (syncPeriod).
const RETRY_AFTER: Duration = Duration::s(10);

/// A status that waits for its turn.
#[derive(Clone, Debug)]
struct Waiting {
    uid: Text,
    namespace: Text,
    name: Text,
    cause: Cause,
    background: bool,
}

/// Statuses that are to be written.
#[derive(Clone, Debug, Default)]
pub struct StatusManager {
    queue: VecDeque<Waiting>,
    /// The pod whose status is being written, and the request that is under way.
    current: Option<(Text, EnvelopeId)>,
}

impl StatusManager {
    /// How many statuses wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }
}

impl Kubelet {
    /// Takes over a pod's new status; it is written when its turn comes.
    pub(super) fn set_status(&mut self, pod: &mut super::Pod, status: Value, out: &mut Outbox<'_>) {
        if pod.status != status {
            pod.status = status;
            self.write_status(pod, out);
        }
    }

    /// Has a pod's status written when its turn comes.
    pub(super) fn write_status(&mut self, pod: &super::Pod, out: &mut Outbox<'_>) {
        if !self.statuses.queue.iter().any(|waiting| waiting.uid == pod.uid) {
            let (cause, background) = (out.cause(), out.is_background());
            let waiting = Waiting { uid: pod.uid.clone(), namespace: pod.namespace(), name: pod.name(), cause, background };
            self.statuses.queue.push_back(waiting);
        }
        self.next_status(out);
    }

    /// Has the status of the pod with this uid written, if it is still known.
    pub(super) fn queue_status(&mut self, uid: &Text, out: &mut Outbox<'_>) {
        if let Some(pod) = self.pods.get(uid.as_str()).cloned() {
            self.write_status(&pod, out);
        }
    }

    pub(super) fn next_status(&mut self, out: &mut Outbox<'_>) {
        while self.statuses.current.is_none() {
            let Some(Waiting { uid, namespace, name, cause, background }) = self.statuses.queue.pop_front() else { return };
            let before = (out.cause(), out.is_background(), out.is_heartbeat());
            out.set_cause(cause, background);
            let id = self.api(Request::get(PODS, namespace, name), ApiCall::StatusRead(uid.clone()), out);
            out.set_cause(before.0, before.1);
            out.set_heartbeat(before.2);
            out.set_background(before.1);
            self.statuses.current = Some((uid, id));
        }
    }

    /// The pod as the api-server has it.
    pub(super) fn status_read(&mut self, uid: &Text, code: u16, body: &Value, out: &mut Outbox<'_>) {
        self.statuses.current = None;
        let Some(pod) = self.pods.get(uid) else { return self.next_status(out) };
        if code == 0 || code >= 500 {
            self.status_failed(uid, out);
            return;
        }
        // A static pod's status goes to its mirror, whose uid differs.
        let same = code == 200 && (pod.is_static || body.uid() == pod.uid.as_str());
        if !same {
            return self.next_status(out);
        }
        let mut status = pod.status.clone();
        // What others have written since is kept.
        for field in ["qosClass", "nominatedNodeName", "resourceClaimStatuses"] {
            let theirs = &body["status"][field];
            if !theirs.is_null() {
                status.map_mut().insert(field, theirs.clone());
            }
        }
        let Ok(patch) = two_way_strategic(&value!({"status": &body["status"]}), &value!({"status": status}), PODS) else {
            return self.status_failed(uid, out);
        };
        if patch.is_empty() {
            return self.status_written(uid, body, out);
        }
        let request = Request::patch(PODS, pod.namespace(), pod.name(), patch).sub("status");
        let id = self.api(request, ApiCall::StatusPatch(uid.clone()), out);
        self.statuses.current = Some((uid.clone(), id));
    }

    /// A status patch was answered.
    pub(super) fn status_patched_pod(&mut self, uid: &Text, code: u16, body: &Value, out: &mut Outbox<'_>) {
        self.statuses.current = None;
        match code {
            0 | 500.. => self.status_failed(uid, out),
            200 => self.status_written(uid, body, out),
            _ => self.next_status(out),
        }
    }

    fn status_failed(&mut self, uid: &Text, out: &mut Outbox<'_>) {
        out.tick(RETRY_AFTER, "status", uid.clone(), 0);
        self.next_status(out);
    }

    /// The api-server has the status: if nothing of the pod is left, its object may go.
    fn status_written(&mut self, uid: &Text, object: &Value, out: &mut Outbox<'_>) {
        let deletable = self.pods.get(uid).is_some_and(|pod| pod.deletable && !pod.is_static);
        if !deletable || !object.is_terminating() || !self.statuses.queue.iter().all(|waiting| waiting.uid != *uid) {
            return self.next_status(out);
        }
        let body = value!({"gracePeriodSeconds": 0, "preconditions": {"uid": object.uid().to_string()}});
        let request =
            Request::delete(PODS, object["metadata"]["namespace"].text(), object["metadata"]["name"].text()).with_body(body);
        let id = self.api(request, ApiCall::StatusDelete, out);
        self.statuses.current = Some((uid.clone(), id));
    }

    /// The object was deleted, or was gone.
    pub(super) fn status_deleted(&mut self, out: &mut Outbox<'_>) {
        self.statuses.current = None;
        self.next_status(out);
    }
}
