//! The kubelet's own Node: registration, status, lease, CSINode (upstream's `kubelet_node_status.go`, `nodestatus/setters.go`,
//! `component-helpers/apimachinery/lease`).

use super::{ApiCall, CriCall, Kubelet};
use crate::api::patch::two_way_strategic;
use crate::api::resource::{CSINODES, LEASES, NODES};
use crate::core::collections::sort::Sort as _;
use crate::core::{Duration, EnvelopeId, Outbox, Request, Time};
use crate::value;
use crate::value::{Text, Value, condition};

/// nodeStatusUpdateFrequency
const STATUS_EVERY: Duration = Duration::s(10);
/// nodeStatusReportFrequency, with upstream's jitter: an unchanged status is reported this often.
const REPORT_EVERY: Duration = Duration::s(305);
/// updateRuntimeUp
const RUNTIME_CHECK_EVERY: Duration = Duration::s(5);
/// A node that is not ready after this time is nothing that anybody waits for.
const READY_GRACE: Duration = Duration::s(120);
/// A failed attempt to make the CSINode is repeated.
const CSI_NODE_RETRY: Duration = Duration::ms(500);
/// Seconds that a lease is valid; it is renewed after a quarter of them.
const LEASE_SECONDS: i64 = 40;
/// The heartbeat client gives a request up after a quarter of that.
const HEARTBEAT_TIMEOUT: Duration = Duration::s(10);
/// So often a renewal is tried at once (`maxUpdateRetries`).
const RENEWALS_MAX: u32 = 5;

/// What the kubelet keeps of its own Node.
#[derive(Clone, Debug, Default)]
pub struct NodeState {
    /// Whether the api-server has the Node.
    pub registered: bool,
    /// Open requests of the registration; the Node is created when none is left.
    looking: u32,
    /// Whether looking for the Node failed for want of a connection.
    unreachable: bool,
    /// How often registering has failed in a row.
    failures: u32,
    /// Why the runtime's network is not ready; `None` when it is.
    network_error: Option<Text>,
    /// Whether the runtime has answered.
    runtime_known: bool,
    /// Whether it was there and went away.
    runtime_lost: bool,
    /// Whether something has happened that may change the status.
    pub(super) dirty: bool,
    /// The status at the api-server that was last compared with the own.
    compared: Value,
    /// The Node's uid.
    uid: Text,
    /// Whether the CSINode exists.
    csi_node: bool,
    /// What the last status patch, or the creation, told; null before.
    reported: Value,
    /// When that was.
    reported_at: Time,
    /// Whether a status patch is on its way.
    patching: bool,
    /// Whether Ready was true when the kubelet last told.
    ready: Option<bool>,
    /// Whether the node was unschedulable when the kubelet last looked.
    unschedulable: Option<bool>,
    /// The images on the node, as the status shows them.
    pub(super) images: Value,
    /// The Lease, once it exists.
    lease: Value,
    /// Its renewal that is on its way.
    renewal: Option<EnvelopeId>,
    /// Attempts of this renewal that have failed.
    renewals_failed: u32,
}

impl NodeState {
    /// Whether pods with a network of their own can start.
    pub fn network_ready(&self) -> bool {
        self.runtime_known && self.network_error.is_none()
    }

    /// `NetworkReady=false reason:…` while it is not.
    pub fn network_error(&self) -> &str {
        self.network_error.as_deref().unwrap_or("NetworkReady=false")
    }
}

impl Kubelet {
    /// Everything that is done at the start, in upstream's order.
    pub(super) fn start_node(&mut self, out: &mut Outbox<'_>) {
        self.csi_drivers.start(out);
        self.nodes.start(out);
        self.services.start(out);
        self.api(Request::get(CSINODES, "", &self.name).param("resourceVersion", "0"), ApiCall::Ignore, out);
        self.node_event("Normal", "Starting", "Starting kubelet.", out);
        self.runtime_classes.start(out);
        self.cri("GetContainerEvents", Value::map(), CriCall::Events, out);
        for method in ["Status", "ListPodSandbox", "ListContainers", "ListImages"] {
            self.cri(method, Value::map(), CriCall::Startup, out);
        }
        self.try_lease(out);
        out.tick(STATUS_EVERY, "node-status", "", 0);
        out.timer(Duration::ms(900), "open-pods", "", 0);
    }

    /// Looks for the Node; when there is none it is created.
    pub(super) fn register(&mut self, out: &mut Outbox<'_>) {
        if self.node.registered || self.node.looking > 0 {
            return;
        }
        self.node.unreachable = false;
        for _ in 0..2 {
            self.node.looking += 1;
            self.api(Request::get(NODES, "", &self.name), ApiCall::NodeLook, out);
        }
    }

    /// An answer to looking for the Node (`code` 0: no connection).
    pub(super) fn node_looked(&mut self, code: u16, body: &Value, out: &mut Outbox<'_>) {
        self.node.looking = self.node.looking.saturating_sub(1);
        self.node.unreachable |= code == 0;
        if self.node.looking > 0 || self.node.registered {
            return;
        }
        if self.node.unreachable {
            return self.register_later(out);
        }
        let node = self.initial_node(out.now());
        self.node.reported = if code == 200 { body["status"].clone() } else { node["status"].clone() };
        self.condition_events(out);
        self.api(Request::create(NODES, node), ApiCall::NodeCreate, out);
    }

    fn register_later(&mut self, out: &mut Outbox<'_>) {
        // 100 ms doubling to 7 s.
        let wait = Duration::ms((100_u64 << self.node.failures.min(10)).min(7_000));
        self.node.failures += 1;
        out.timer(wait, "register", "", 0);
    }

    /// The Node was created (201), was there (409), or not (0 and others).
    pub(super) fn node_created(&mut self, code: u16, body: &Value, out: &mut Outbox<'_>) {
        match code {
            201 => {
                self.node.reported = body["status"].clone();
                self.node.uid = body["metadata"]["uid"].text();
                self.node_registered(out);
                // The status loop's first round finds nothing to change, and says so.
                self.send_status(value!({}), out);
                self.condition_events(out);
                self.api(Request::get(NODES, "", &self.name), ApiCall::NodeRead, out);
            }
            409 => {
                self.api(Request::get(NODES, "", &self.name), ApiCall::NodeFound, out);
            }
            _ => self.register_later(out),
        }
    }

    /// The Node of an earlier life of this kubelet.
    pub(super) fn node_found(&mut self, code: u16, body: &Value, out: &mut Outbox<'_>) {
        if code != 200 {
            return self.register_later(out);
        }
        self.node.reported = body["status"].clone();
        self.node.uid = body["metadata"]["uid"].text();
        self.node_registered(out);
        self.update_status(true, out);
    }

    fn node_registered(&mut self, out: &mut Outbox<'_>) {
        self.node.registered = true;
        self.node.failures = 0;
        self.node.reported_at = out.now();
        self.look_for_csi_node(out);
    }

    /// Looks for the CSINode; when there is none it is created.
    pub(super) fn look_for_csi_node(&mut self, out: &mut Outbox<'_>) {
        self.api(Request::get(CSINODES, "", &self.name), ApiCall::CsiNodeLook, out);
    }

    /// The CSINode was looked for.
    pub(super) fn csi_node_looked(&mut self, code: u16, out: &mut Outbox<'_>) {
        if code != 404 {
            return self.csi_node_created(code, out);
        }
        let csi_node = value!({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSINode",
            "metadata": {
                "name": &self.name,
                "annotations": {"storage.alpha.kubernetes.io/migrated-plugins": MIGRATED},
                "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": &self.name, "uid": &self.node.uid}],
            },
            "spec": {"drivers": null},
        });
        self.api(Request::create(CSINODES, csi_node), ApiCall::CsiNodeCreate, out);
    }

    /// The CSINode is there (200, 201), or not.
    pub(super) fn csi_node_created(&mut self, code: u16, out: &mut Outbox<'_>) {
        if matches!(code, 200 | 201) {
            self.node.csi_node = true;
            self.node.dirty = true;
            self.update_status(false, out);
        } else {
            out.timer(CSI_NODE_RETRY, "csi-node", "", 0);
        }
    }

    fn initial_node(&self, now: Time) -> Value {
        let mut labels = value!({
            "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": &self.name, "kubernetes.io/os": "linux",
        });
        for label in self.flags["node-labels"].str().split(',') {
            if let Some((key, value)) = label.split_once('=') {
                labels.map_mut().insert(Text::new(key), Text::new(value));
            }
        }
        let mut node = value!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {
                "name": &self.name, "labels": labels,
                "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
            },
            "spec": {},
            "status": self.status(now),
        });
        let provider = &self.flags["provider-id"];
        if !provider.is_empty() {
            node["spec"]["providerID"] = provider.clone();
        }
        if !self.config["registerWithTaints"].is_empty() {
            node["spec"]["taints"] = self.config["registerWithTaints"].clone();
        }
        node
    }

    /// The Node's status now.
    fn status(&self, now: Time) -> Value {
        let capacity = super::admission::capacity();
        let facts = crate::kind::image::Versions::of(&self.image);
        let machine_id = crate::runtime::image::digest_of(&self.name);
        let id = &machine_id["sha256:".len()..][..32];
        let mut status = value!({
            "capacity": capacity.clone(), "allocatable": capacity, "conditions": self.conditions(now),
            "addresses": [{"type": "InternalIP", "address": &self.ip}, {"type": "Hostname", "address": &self.name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": "amd64", "bootID": "9e1a1117-bae2-4000-8000-949d092a2318",
                "containerRuntimeVersion": facts.container_runtime, "kernelVersion": "6.12.0-generic", "kubeProxyVersion": "",
                "kubeletVersion": &self.version, "machineID": Text::new(id), "operatingSystem": "linux", "osImage": facts.os_image,
                "systemUUID": format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..32]),
            },
            "images": self.node.images.clone(),
        });
        if facts.minor >= 35 {
            status["declaredFeatures"] = value!([
                "ExtendWebSocketsToKubelet",
                "InPlacePodLevelResourcesVerticalScaling",
                "InPlacePodVerticalScalingInitContainers",
                "RestartAllContainersOnContainerExits",
            ]);
        }
        if facts.minor < 35 {
            status["nodeInfo"]["kubeProxyVersion"] = (&self.version).into();
        }
        status
    }

    fn conditions(&self, now: Time) -> Value {
        let mut errors = Vec::new();
        if self.node.runtime_lost {
            errors.push("container runtime is down".to_string());
        } else if !self.node.network_ready() {
            errors.push(format!("container runtime network not ready: {}", self.node.network_error()));
        }
        if !self.node.csi_node {
            errors.push("CSINode is not yet initialized".to_string());
        }
        let ready: (&str, &str, String) = match errors.len() {
            0 => ("True", "KubeletReady", "kubelet is posting ready status".into()),
            1 => ("False", "KubeletNotReady", errors.remove(0)),
            _ => ("False", "KubeletNotReady", format!("[{}]", errors.join(", "))),
        };
        let [memory, disk] = self.pressures(now);
        let pressures =
            [memory, disk, ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available")];
        let stamp = Text::from(now.rfc3339());
        let old = &self.node.reported["conditions"];
        let make = |kind: &'static str, status: &str, reason: &str, message: &str| {
            let since = match condition(old, kind) {
                Some(old) if old["status"].str() == status => old["lastTransitionTime"].clone(),
                _ => (&stamp).into(),
            };
            value!({
                "type": kind, "status": Text::new(status), "lastHeartbeatTime": &stamp, "lastTransitionTime": since,
                "reason": Text::new(reason), "message": Text::new(message),
            })
        };
        let pressures = pressures.iter().map(|(kind, status, reason, message)| make(kind, status, reason, message));
        pressures.chain([make("Ready", ready.0, ready.1, &ready.2)]).collect()
    }

    fn condition_events(&mut self, out: &mut Outbox<'_>) {
        for reason in ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"] {
            let message = format!("Node {} status is now: {reason}", self.name);
            self.node_event("Normal", reason, &message, out);
        }
    }

    /// The status loop: tells what has changed, or that nothing has for five minutes.
    pub(super) fn status_tick(&mut self, out: &mut Outbox<'_>) {
        out.tick(STATUS_EVERY, "node-status", "", 0);
        if self.images_changed {
            self.images_changed = false;
            self.cri("ListImages", Value::map(), CriCall::Startup, out);
        }
        self.watch_pressure(out);
        self.update_status(false, out);
        let unschedulable = self.nodes.get(&self.name).map(|node| node["spec"]["unschedulable"].is_true());
        if let (Some(old), Some(new)) = (self.node.unschedulable, unschedulable)
            && old != new
        {
            let reason = if new { "NodeNotSchedulable" } else { "NodeSchedulable" };
            let message = format!("Node {} status is now: {reason}", self.name);
            self.node_event("Normal", reason, &message, out);
        }
        self.node.unschedulable = unschedulable.or(self.node.unschedulable);
    }

    /// Patches the Node's status if it has changed.
    pub(super) fn update_status(&mut self, force: bool, out: &mut Outbox<'_>) {
        if !self.node.registered || self.node.patching {
            return;
        }
        let now = out.now();
        let known = self.nodes.get(&self.name).map(|node| node["status"].clone()).unwrap_or_default();
        let due = now.since(self.node.reported_at) >= REPORT_EVERY;
        if !force && !due && !self.node.dirty && known.same(&self.node.compared) {
            return;
        }
        self.node.dirty = false;
        self.node.compared = known.clone();
        let status = self.status(now);
        let without_beat = |status: &Value| {
            let mut status = status.clone();
            for condition in status["conditions"].list_mut() {
                condition.remove("lastHeartbeatTime");
            }
            status
        };
        // Others may have written conditions: the node-lifecycle controller says Unknown when the kubelet was silent.
        let reported = if known["conditions"].is_empty() { self.node.reported.clone() } else { known };
        let changed = without_beat(&reported) != without_beat(&status);
        if !changed && !force && !due {
            return;
        }
        let ready = condition(&status["conditions"], "Ready").is_some_and(|ready| ready["status"].str() == "True");
        let was = self
            .node
            .ready
            .unwrap_or_else(|| condition(&reported["conditions"], "Ready").is_some_and(|ready| ready["status"].str() == "True"));
        let Ok(patch) = two_way_strategic(&value!({"status": reported}), &value!({"status": status.clone()}), NODES) else {
            return;
        };
        self.node.reported = status;
        self.node.reported_at = now;
        self.node.ready = Some(ready);
        self.send_status(patch, out);
        if ready != was {
            let reason = if ready { "NodeReady" } else { "NodeNotReady" };
            let message = format!("Node {} status is now: {reason}", self.name);
            self.node_event("Normal", reason, &message, out);
        }
    }

    fn send_status(&mut self, patch: Value, out: &mut Outbox<'_>) {
        self.node.patching = true;
        self.api(Request::patch(NODES, "", &self.name, patch).sub("status"), ApiCall::NodeStatus, out);
    }

    /// A status patch was answered.
    pub(super) fn status_patched(&mut self, code: u16, body: &Value, out: &mut Outbox<'_>) {
        self.node.patching = false;
        match code {
            200 => {
                self.node.reported = body["status"].clone();
                // What changed while the patch was on its way.
                let ready = condition(&self.conditions(out.now()), "Ready").is_some_and(|ready| ready["status"].str() == "True");
                if self.node.ready.is_some_and(|told| told != ready) || (self.node.ready.is_none() && ready) {
                    self.node.dirty = true;
                    self.update_status(false, out);
                }
            }
            404 => {
                // Somebody deleted the Node: upstream's kubelet does not register again before it is restarted.
                self.node.registered = false;
            }
            _ => {
                self.node.reported_at = Time::ZERO;
                self.node.dirty = true;
            }
        }
    }

    /// The runtime has gone away.
    pub(super) fn runtime_lost(&mut self, out: &mut Outbox<'_>) {
        if self.node.runtime_known {
            self.node.runtime_known = false;
            self.node.runtime_lost = true;
            self.node.dirty = true;
            self.update_status(false, out);
        }
        out.tick(RUNTIME_CHECK_EVERY, "runtime-up", "", 0);
    }

    /// The runtime said how it is.
    pub(super) fn runtime_status(&mut self, status: &Value, out: &mut Outbox<'_>) {
        let network = condition(&status["conditions"], "NetworkReady").cloned().unwrap_or_default();
        let before = self.node.network_ready();
        self.node.dirty = true;
        self.node.runtime_known = true;
        if std::mem::take(&mut self.node.runtime_lost) {
            self.cri("GetContainerEvents", Value::map(), CriCall::Events, out);
            self.cri("ListContainers", Value::map(), CriCall::Relist, out);
        }
        self.node.network_error = (!network["status"].is_true()).then(|| {
            Text::from(format!("NetworkReady=false reason:{} message:{}", network["reason"].str(), network["message"].str()))
        });
        if self.node.network_ready() {
            if !before {
                out.set_heartbeat(false);
                out.set_background(false);
                self.update_status(false, out);
                self.network_came(out);
            }
            return;
        }
        let patient = out.now().since(self.started) < READY_GRACE;
        out.set_background(!patient);
        out.timer(RUNTIME_CHECK_EVERY, "runtime-up", "", 0);
    }

    /// Asks the runtime how it is.
    pub(super) fn check_runtime(&mut self, out: &mut Outbox<'_>) {
        // It is hidden as a heartbeat, but a node that is not ready yet is waited for.
        let background = out.is_background();
        out.set_heartbeat(true);
        out.set_background(background);
        self.cri("Status", Value::map(), CriCall::Status, out);
    }

    /// Takes over the list of images, the largest first.
    pub(super) fn set_images(&mut self, list: &Value, out: &mut Outbox<'_>) {
        let mut images: Vec<Value> = list["images"].items().to_vec();
        images.order_by(|a, b| (b["sizeBytes"].int(), a["names"][0].str()).cmp(&(a["sizeBytes"].int(), b["names"][0].str())));
        // nodeStatusMaxImages
        images.truncate(50);
        self.node.images = images.into();
        self.node.dirty = true;
        self.update_status(false, out);
    }

    /// Renews the lease, or makes it.
    pub(super) fn try_lease(&mut self, out: &mut Outbox<'_>) {
        // A quarter of the lease's duration, and up to 4 % more.
        let wait = Duration(10_000_000 + self.rng.below(400_000));
        out.tick(wait, "lease", "", 0);
        // The attempts of the last time are still going on.
        if self.node.renewal.is_some() {
            return;
        }
        self.node.renewals_failed = 0;
        out.set_heartbeat(true);
        if self.node.lease.is_null() {
            self.api(Request::get(LEASES, NAMESPACE, &self.name), ApiCall::LeaseLook, out);
        } else {
            self.renew_lease(out);
        }
        out.set_heartbeat(false);
        out.set_background(false);
    }

    fn renew_lease(&mut self, out: &mut Outbox<'_>) {
        let mut lease = self.node.lease.clone();
        lease["spec"]["renewTime"] = out.now().rfc3339_micro().into();
        out.set_heartbeat(true);
        let id = self.api(Request::update(LEASES, lease), ApiCall::LeaseRenew, out);
        self.node.renewal = Some(id);
        out.tick(HEARTBEAT_TIMEOUT, "lease-timeout", "", u64::from(id.0));
    }

    /// A renewal was not answered in time: the client gives it up.
    pub(super) fn renewal_timed_out(&mut self, id: EnvelopeId, out: &mut Outbox<'_>) {
        if self.node.renewal == Some(id) {
            self.requests.remove(&id);
            out.close(self.server, id);
            self.lease_written(0, &Value::Null, out);
        }
    }

    /// Whoever does not answer heartbeats may be an api-server that has lost its etcd, behind a load balancer that knows better ones: all
    /// connections are closed, so that the next ones lead elsewhere (`OnHeartbeatFailure`).
    fn close_all_connections(&mut self, out: &mut Outbox<'_>) {
        let informers =
            [&mut self.nodes, &mut self.services, &mut self.csi_drivers, &mut self.runtime_classes, &mut self.pod_watch];
        informers.into_iter().for_each(|informer| informer.reconnect(out));
        self.objects.reconnect(out);
        self.recorder.reconnect(out);
        let local = |call: &ApiCall| matches!(call, ApiCall::Probe(..));
        let open: Vec<EnvelopeId> = self.requests.iter().filter(|(_, call)| !local(call)).map(|(id, _)| *id).collect();
        for id in open {
            out.close(self.server, id);
            self.on_answer(id, 0, &Value::Null, out);
        }
    }

    /// The lease was looked for.
    pub(super) fn lease_looked(&mut self, code: u16, body: &Value, out: &mut Outbox<'_>) {
        match code {
            200 => {
                self.node.lease = body.clone();
                self.renew_lease(out);
            }
            404 => {
                out.set_heartbeat(false);
                self.api(Request::get(NODES, "", &self.name), ApiCall::LeaseOwner, out);
            }
            _ => {}
        }
    }

    /// The Node that is to own the lease was looked for; without it there is no lease yet.
    pub(super) fn lease_owner(&mut self, code: u16, node: &Value, out: &mut Outbox<'_>) {
        if code != 200 {
            return;
        }
        let lease = value!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {
                "name": &self.name, "namespace": NAMESPACE,
                "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": &self.name, "uid": node.uid().to_string()}],
            },
            "spec": {"holderIdentity": &self.name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": out.now().rfc3339_micro()},
        });
        self.api(Request::create(LEASES, lease), ApiCall::LeaseCreate, out);
    }

    /// The lease was created or renewed, or was not (`retryUpdateLease`).
    pub(super) fn lease_written(&mut self, code: u16, body: &Value, out: &mut Outbox<'_>) {
        let renewal = self.node.renewal.take().is_some();
        match code {
            200 | 201 => self.node.lease = body.clone(),
            // Somebody else wrote it, or it is gone: it is read again next time.
            404 | 409 => self.node.lease = Value::Null,
            _ if renewal => {
                self.node.renewals_failed += 1;
                if self.node.renewals_failed > 1 {
                    self.close_all_connections(out);
                }
                if self.node.renewals_failed < RENEWALS_MAX {
                    self.renew_lease(out);
                    out.set_heartbeat(false);
                }
            }
            _ => {}
        }
    }
}

const NAMESPACE: &str = "kube-node-lease";

const MIGRATED: &str = "kubernetes.io/aws-ebs,kubernetes.io/azure-disk,kubernetes.io/azure-file,kubernetes.io/cinder,kubernetes.io/gce-pd,kubernetes.io/portworx-volume,kubernetes.io/vsphere-volume";
