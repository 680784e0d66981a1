//! The objects that an api-server creates by itself, and the Lease that names it (reference: `00-idle/startup-writes.jsonl`).

use std::collections::VecDeque;
use std::rc::Rc;

use super::cache::Caches;
use super::{ApiServer, Client};
use crate::api::Resource;
use crate::api::resource::{
    CONFIGMAPS, ENDPOINTS, ENDPOINTSLICES, IPADDRESSES, LEASES, NAMESPACES, PRIORITYCLASSES, SERVICECIDRS, SERVICES,
};
use crate::core::{Duration, Outbox, PatchType, Request, Time, Verb, fnv1a};
use crate::value;
use crate::value::{Text, Value};

/// What is still to be created.
#[derive(Clone, Debug, Default)]
pub(super) struct Bootstrap {
    todo: VecDeque<(Resource, Value)>,
}

impl Bootstrap {
    /// Notes what is missing.
    pub(super) fn begin(&mut self, caches: &Caches, ip: &str) {
        let namespace = |name: &'static str| (NAMESPACES, value!({"metadata": {"name": name}}));
        let class = |name: &'static str, value: i64, description: &'static str| {
            (PRIORITYCLASSES, value!({"metadata": {"name": name}, "value": value, "description": description}))
        };
        let service = value!({
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "sessionAffinity": "None",
                     "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]},
        });
        let address = value!({
            "metadata": {"name": "10.96.0.1", "labels": {"ipaddress.kubernetes.io/ip-family": "IPv4", "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}},
            "spec": {"parentRef": {"resource": "services", "name": "kubernetes", "namespace": "default"}},
        });
        let endpoints = value!({
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
            "subsets": [{"addresses": [{"ip": Text::new(ip)}], "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}]}],
        });
        let slice = value!({
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"}},
            "addressType": "IPv4", "endpoints": [{"addresses": [Text::new(ip)], "conditions": {"ready": true}}],
            "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
        });
        let authentication = value!({"metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"}, "data": {"requestheader-allowed-names": "[\"front-proxy-client\"]", "requestheader-group-headers": "[\"X-Remote-Group\"]", "requestheader-username-headers": "[\"X-Remote-User\"]"}});
        let all = [
            (SERVICECIDRS, value!({"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.96.0.0/16"]}})),
            namespace("kube-system"),
            namespace("kube-public"),
            namespace("default"),
            namespace("kube-node-lease"),
            (CONFIGMAPS, authentication),
            class(
                "system-node-critical",
                2_000_001_000,
                "Used for system critical pods that must not be moved from their current node.",
            ),
            class(
                "system-cluster-critical",
                2_000_000_000,
                "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
            ),
            (SERVICES, service),
            (IPADDRESSES, address),
            (ENDPOINTS, endpoints),
            (ENDPOINTSLICES, slice),
        ];
        self.todo = all
            .into_iter()
            .filter(|(resource, object)| caches.get(*resource, object.namespace(), object.name()).is_none())
            .collect();
    }

    /// How many objects are still to be created.
    pub(super) fn is_done(&self) -> bool {
        self.todo.is_empty()
    }
}

impl ApiServer {
    /// Whether the server's own objects have been created and have come back by its watches.
    pub(super) fn has_bootstrapped(&self) -> bool {
        self.bootstrap.is_done() && self.caches.get(ENDPOINTSLICES, "default", "kubernetes").is_some()
    }

    pub(super) fn next_bootstrap(&mut self, out: &mut Outbox<'_>) {
        let Some((resource, object)) = self.bootstrap.todo.pop_front() else { return };
        self.create(Client::own(out), Rc::new(Request::create(resource, object)), 0, out);
        if self.bootstrap.is_done() {
            self.renew_identity(out);
        }
    }

    /// The service `kubernetes` leads to all api-servers that live: those whose Lease was renewed in the last 15 s (upstream keeps leases of
    /// their own for that, `/registry/masterleases`).
    pub(super) fn reconcile_endpoints(&mut self, out: &mut Outbox<'_>) {
        const ALIVE: Duration = Duration::s(15);
        let since = Time(out.now().0.saturating_sub(ALIVE.0)).rfc3339_micro();
        let alive = |lease: &&Value| {
            !lease["metadata"]["labels"]["apiserver.kubernetes.io/identity"].is_empty()
                && lease["spec"]["renewTime"].str() >= since.as_str()
        };
        let leases = self.caches.list_in(LEASES, "kube-system").filter(alive);
        let hosts = leases.map(|lease| lease["metadata"]["labels"]["kubernetes.io/hostname"].text());
        let machines = hosts.filter_map(|host| out.directory().find(&host));
        let mut addresses: Vec<Text> = machines.map(|machine| out.directory().ip(machine)).collect();
        if !addresses.contains(&self.ip) {
            addresses.push(self.ip.clone());
        }
        addresses.sort();
        let Some(endpoints) = self.caches.get(ENDPOINTS, "default", "kubernetes").cloned() else { return };
        let have: Vec<Text> = endpoints["subsets"][0]["addresses"].items().iter().map(|address| address["ip"].text()).collect();
        if have == addresses {
            return;
        }
        let ips: Value = addresses.iter().map(|ip| value!({"ip": ip})).collect();
        let patch = value!({"subsets": [{"addresses": ips, "ports": endpoints["subsets"][0]["ports"].clone()}]});
        let ready = |ip: &Text| value!({"addresses": [ip], "conditions": {"ready": true}});
        let slices = value!({"endpoints": addresses.iter().map(ready).collect::<Value>()});
        for (resource, patch) in [(ENDPOINTS, patch), (ENDPOINTSLICES, slices)] {
            let request = Request::patch(resource, "default", "kubernetes", patch).patch_type(PatchType::Merge);
            self.handle(Client::own(out), Rc::new(request), out);
        }
    }

    /// Renews the Lease by which other api-servers know this one (`kube-system/apiserver-…`), every 10 s.
    pub(super) fn renew_identity(&mut self, out: &mut Outbox<'_>) {
        let hash = fnv1a(&self.machine_name);
        let name: Text = format!("apiserver-{hash:016x}").into();
        out.set_heartbeat(true);
        let now = out.now().rfc3339_micro();
        let request = if self.caches.get(LEASES, "kube-system", &name).is_none() {
            let labels = value!({"apiserver.kubernetes.io/identity": "kube-apiserver", "kubernetes.io/hostname": self.machine_name.clone()});
            let spec =
                value!({"holderIdentity": format!("{name}_{}", self.rng.uuid()), "leaseDurationSeconds": 3600, "renewTime": now});
            Request::create(
                LEASES,
                value!({"metadata": {"name": name, "namespace": "kube-system", "labels": labels}, "spec": spec}),
            )
        } else {
            Request { verb: Verb::Patch, ..Request::patch(LEASES, "kube-system", name, value!({"spec": {"renewTime": now}})) }
        };
        self.handle(Client::own(out), Rc::new(request), out);
    }
}
