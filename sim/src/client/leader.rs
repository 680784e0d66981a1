//! Leader election by a Lease, after client-go's `tools/leaderelection`: of several instances of a program one works, the others
//! wait. The holder renews its Lease every 2 s; who sees no renewal for 15 s takes it; who cannot renew for 10 s stops.

use crate::api::resource::LEASES;
use crate::core::{Addr, Duration, Envelope, EnvelopeId, Message, Outbox, Part, Request, Response, Rng, Time, TimerKey};
use crate::value;
use crate::value::{Text, Value};

const LEASE: Duration = Duration::s(15);
const RENEW_DEADLINE: Duration = Duration::s(10);
/// A request's time: half of the deadline, as kube-scheduler and kube-controller-manager set it.
const REQUEST_TIMEOUT: Duration = Duration::s(5);
const RETRY: Duration = Duration::s(2);
const NAMESPACE: &str = "kube-system";
const TIMER: &str = "leader-election";

/// What has become of an instance's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// As before.
    Unchanged,
    /// It leads from now on.
    Acquired,
    /// It leads no more and must end.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Get,
    Write,
}

/// Takes part in the election for one Lease in the namespace `kube-system`.
#[derive(Clone, Debug)]
pub struct LeaderElector {
    server: Addr,
    part: Part,
    lease_name: &'static str,
    identity: Text,
    rng: Rng,
    /// The Lease as it was last seen, and when it was seen to change.
    lease: Value,
    observed_at: Time,
    leading: bool,
    renewed_at: Time,
    in_flight: Option<(EnvelopeId, Step)>,
}

impl LeaderElector {
    /// An instance that sends as `part`. `identity` is unique among all runs, such as `kind-control-plane_5b8c…`.
    pub fn new(server: Addr, part: Part, lease_name: &'static str, identity: Text, rng: Rng) -> Self {
        Self {
            server,
            part,
            lease_name,
            identity,
            rng,
            lease: Value::Null,
            observed_at: Time::ZERO,
            leading: false,
            renewed_at: Time::ZERO,
            in_flight: None,
        }
    }

    /// Begins to try.
    pub fn start(&mut self, out: &mut Outbox<'_>) {
        self.get(out);
    }

    /// Whether this instance leads.
    pub fn is_leading(&self) -> bool {
        self.leading
    }

    /// Its name in the Lease.
    pub fn identity(&self) -> &Text {
        &self.identity
    }

    /// The Lease as it was last seen; null before.
    pub fn lease(&self) -> &Value {
        &self.lease
    }

    /// Handles an answer; `None` when it is not for this.
    pub fn on_message(&mut self, envelope: &Envelope, out: &mut Outbox<'_>) -> Option<Leadership> {
        let to = match &envelope.message {
            Message::Response(response) => response.to,
            Message::Failure(failure) => failure.to,
            _ => return None,
        };
        let (_, step) = self.in_flight.take_if(|(id, _)| *id == to)?;
        let response = match &envelope.message {
            Message::Response(response) => Some(&**response),
            _ => None,
        };
        Some(self.on_answer(step, response, out))
    }

    /// Handles a timer; `None` when it is not of this.
    pub fn on_timer(&mut self, timer: &TimerKey, out: &mut Outbox<'_>) -> Option<Leadership> {
        if timer.name != TIMER || *timer.key != *self.lease_name {
            return None;
        }
        if timer.number > 0 {
            // A request has had its time; when it is answered already, that means nothing.
            if self.in_flight.take_if(|(id, _)| u64::from(id.0) + 1 == timer.number).is_none() {
                return Some(Leadership::Unchanged);
            }
            if !self.leading || out.now().since(self.renewed_at) < RENEW_DEADLINE {
                self.again(out);
                return Some(Leadership::Unchanged);
            }
        }
        if self.leading && out.now().since(self.renewed_at) >= RENEW_DEADLINE {
            self.leading = false;
            return Some(Leadership::Lost);
        }
        // A holder that knows its Lease writes without reading it again.
        match self.in_flight {
            Some(_) => self.again(out),
            None if self.leading => self.write(out),
            None => self.get(out),
        }
        Some(Leadership::Unchanged)
    }

    fn on_answer(&mut self, step: Step, response: Option<&Response>, out: &mut Outbox<'_>) -> Leadership {
        let now = out.now();
        match (step, response) {
            (Step::Get, Some(response)) if response.code == 404 => {
                self.lease = Value::Null;
                self.write(out);
                return Leadership::Unchanged;
            }
            (Step::Get, Some(response)) if response.ok() => {
                if self.lease["spec"] != response.body["spec"] {
                    self.observed_at = now;
                }
                self.lease = response.body.clone();
                if self.leading || self.may_take(now) {
                    self.write(out);
                    return Leadership::Unchanged;
                }
            }
            (Step::Write, Some(response)) if response.ok() => {
                self.lease = response.body.clone();
                self.observed_at = now;
                self.renewed_at = now;
                self.again(out);
                return if std::mem::replace(&mut self.leading, true) { Leadership::Unchanged } else { Leadership::Acquired };
            }
            // Somebody else wrote it: read again at once when leading, else at the next turn.
            (Step::Write, Some(response)) if response.code == 409 && self.leading => {
                self.get(out);
                return Leadership::Unchanged;
            }
            _ => {}
        }
        self.again(out);
        Leadership::Unchanged
    }

    fn may_take(&self, now: Time) -> bool {
        let holder = self.lease["spec"]["holderIdentity"].str();
        holder.is_empty() || holder == &*self.identity || now.since(self.observed_at) >= LEASE
    }

    fn get(&mut self, out: &mut Outbox<'_>) {
        let first = self.lease.is_null();
        self.send(Step::Get, Request::get(LEASES, NAMESPACE, self.lease_name), !first, out);
    }

    fn write(&mut self, out: &mut Outbox<'_>) {
        let now = out.now().rfc3339_micro();
        let spec = &self.lease["spec"];
        let mine = spec["holderIdentity"].str() == &*self.identity;
        let acquired: Value = if mine { spec["acquireTime"].clone() } else { now.clone().into() };
        let transitions = if self.lease.is_null() { 0 } else { spec["leaseTransitions"].int() + i64::from(!mine) };
        let spec = value!({
            "holderIdentity": &self.identity, "leaseDurationSeconds": LEASE.as_secs() as i64, "acquireTime": acquired,
            "renewTime": now, "leaseTransitions": transitions,
        });
        if self.lease.is_null() {
            let lease = value!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"name": self.lease_name, "namespace": NAMESPACE}, "spec": spec,
            });
            self.send(Step::Write, Request::create(LEASES, lease), false, out);
        } else {
            let mut lease = self.lease.clone();
            lease["spec"] = spec;
            // Taking it over is worth seeing, renewing it is not.
            self.send(Step::Write, Request::update(LEASES, lease), mine, out);
        }
    }

    fn send(&mut self, step: Step, request: Request, heartbeat: bool, out: &mut Outbox<'_>) {
        let (me, was, background) = (out.me().part, out.is_heartbeat(), out.is_background());
        out.send_as(self.part);
        out.set_heartbeat(heartbeat);
        let id = out.request(self.server, request);
        self.in_flight = Some((id, step));
        let left = (self.renewed_at + RENEW_DEADLINE).since(out.now());
        let patience = if self.leading && left < REQUEST_TIMEOUT { left } else { REQUEST_TIMEOUT };
        out.tick(patience, TIMER, self.lease_name, u64::from(id.0) + 1);
        out.send_as(me);
        out.set_heartbeat(was);
        out.set_background(background);
    }

    /// Sets the timer for the next turn; instances that wait come a little later, each by another amount.
    fn again(&mut self, out: &mut Outbox<'_>) {
        let jitter = if self.leading { 0 } else { self.rng.below(RETRY.0 * 6 / 5) };
        out.tick(RETRY + Duration(jitter), TIMER, self.lease_name, 0);
    }
}
