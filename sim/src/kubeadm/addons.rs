//! kubeadm's add-ons: CoreDNS and kube-proxy (kubeadm's `app/phases/addons`).

use super::config::ClusterConfiguration;
use super::init::binding;
use crate::value;
use crate::value::{Text, Value};

/// The tenth address of the service network: that of the cluster's DNS.
pub fn dns_address(service_subnet: &str) -> Text {
    let base = service_subnet.split('/').next().unwrap_or_default();
    let mut parts: Vec<u32> = base.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    if let Some(last) = parts.last_mut() {
        *last += 10;
    }
    let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
    Text::from(parts.join("."))
}

fn account(name: &'static str) -> Value {
    value!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "kube-system"}})
}

const COREFILE: &str = "\
.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
";

/// CoreDNS: its objects in kubeadm's order.
pub fn coredns(config: &ClusterConfiguration) -> Vec<Value> {
    let mut tolerations = value!([{"key": "CriticalAddonsOnly", "operator": "Exists"}]);
    for key in config.versions.control_plane_taints() {
        tolerations.push(value!({"key": *key, "effect": "NoSchedule"}));
    }
    let probe = |path: &'static str, port: &'static str| value!({"httpGet": {"path": path, "port": port, "scheme": "HTTP"}});
    let mut liveness = probe("/health", "liveness-probe");
    for (field, seconds) in [("initialDelaySeconds", 60), ("timeoutSeconds", 5), ("successThreshold", 1), ("failureThreshold", 5)]
    {
        liveness.set(field, seconds);
    }
    let spec = value!({
        "priorityClassName": "system-cluster-critical", "serviceAccountName": "coredns", "dnsPolicy": "Default",
        "nodeSelector": {"kubernetes.io/os": "linux"}, "tolerations": tolerations,
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": {
            "labelSelector": {"matchExpressions": [{"key": "k8s-app", "operator": "In", "values": ["kube-dns"]}]},
            "topologyKey": "kubernetes.io/hostname",
        }}]}},
        "containers": [{
            "name": "coredns", "image": &config.versions.coredns, "imagePullPolicy": "IfNotPresent",
            "args": ["-conf", "/etc/coredns/Corefile"],
            "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
            "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/coredns", "readOnly": true}],
            "ports": [
                {"containerPort": 53, "name": "dns", "protocol": "UDP"}, {"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"},
                {"containerPort": 9153, "name": "metrics", "protocol": "TCP"},
                {"containerPort": 8080, "name": "liveness-probe", "protocol": "TCP"},
                {"containerPort": 8181, "name": "readiness-probe", "protocol": "TCP"},
            ],
            "livenessProbe": liveness, "readinessProbe": probe("/ready", "readiness-probe"),
        }],
        "volumes": [{"name": "config-volume", "configMap": {"name": "coredns", "items": [{"key": "Corefile", "path": "Corefile"}]}}],
    });
    let list_watch = |groups: &'static str, resources: Value| value!({"apiGroups": [groups], "resources": resources, "verbs": ["list", "watch"]});
    vec![
        value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "coredns", "namespace": "kube-system"}, "data": {"Corefile": COREFILE}}),
        value!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "system:coredns"},
            "rules": [
                list_watch("", value!(["endpoints", "services", "pods", "namespaces"])),
                list_watch("discovery.k8s.io", value!(["endpointslices"])),
            ],
        }),
        binding(true, "system:coredns", "", "system:coredns", &[("ServiceAccount", "coredns")]),
        account("coredns"),
        value!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "coredns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
            "spec": {
                "replicas": 2, "selector": {"matchLabels": {"k8s-app": "kube-dns"}},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
                "template": {"metadata": {"labels": {"k8s-app": "kube-dns"}}, "spec": spec},
            },
        }),
        value!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {
                "name": "kube-dns", "namespace": "kube-system",
                "labels": {"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"},
                "annotations": {"prometheus.io/port": "9153", "prometheus.io/scrape": "true"},
            },
            "spec": {
                "clusterIP": dns_address(&config.service_subnet), "selector": {"k8s-app": "kube-dns"},
                "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
                    {"name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": 9153},
                ],
            },
        }),
    ]
}

/// kube-proxy: its objects in kubeadm's order.
pub fn kube_proxy(config: &ClusterConfiguration) -> Vec<Value> {
    let settings = crate::machine::files::printed(&value!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "clusterCIDR": &config.pod_subnet,
        "mode": &config.proxy_mode,
    }));
    let kubeconfig = crate::machine::files::printed(&crate::machine::files::kubeconfig(
        "default",
        &format!("https://{}", config.control_plane_endpoint),
        "default",
    ));
    let spec = value!({
        "priorityClassName": "system-node-critical", "serviceAccountName": "kube-proxy", "hostNetwork": true,
        "nodeSelector": {"kubernetes.io/os": "linux"}, "tolerations": [{"operator": "Exists"}],
        "containers": [{
            "name": "kube-proxy", "image": Text::from(config.versions.image("kube-proxy")), "imagePullPolicy": "IfNotPresent",
            "command": ["/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf", "--hostname-override=$(NODE_NAME)"],
            "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}}],
            "securityContext": {"privileged": true},
            "volumeMounts": [
                {"name": "kube-proxy", "mountPath": "/var/lib/kube-proxy"}, {"name": "xtables-lock", "mountPath": "/run/xtables.lock"},
                {"name": "lib-modules", "mountPath": "/lib/modules", "readOnly": true},
            ],
        }],
        "volumes": [
            {"name": "kube-proxy", "configMap": {"name": "kube-proxy"}},
            {"name": "xtables-lock", "hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}},
            {"name": "lib-modules", "hostPath": {"path": "/lib/modules"}},
        ],
    });
    vec![
        account("kube-proxy"),
        value!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "kube-proxy", "namespace": "kube-system", "labels": {"app": "kube-proxy"}},
            "data": {"config.conf": settings, "kubeconfig.conf": kubeconfig},
        }),
        binding(true, "kubeadm:node-proxier", "", "system:node-proxier", &[("ServiceAccount", "kube-proxy")]),
        value!({
            "apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": {"name": "kube-proxy", "namespace": "kube-system", "labels": {"k8s-app": "kube-proxy"}},
            "spec": {
                "selector": {"matchLabels": {"k8s-app": "kube-proxy"}}, "updateStrategy": {"type": "RollingUpdate"},
                "template": {"metadata": {"labels": {"k8s-app": "kube-proxy"}}, "spec": spec},
            },
        }),
    ]
}
