//! The manifests that kind's node image carries: kindnet and the local-path provisioner.

use super::image::Versions;
use crate::value;
use crate::value::{Text, Value};

/// Where the node image keeps the network plugin's manifest.
pub const CNI_PATH: &str = "/kind/manifests/default-cni.yaml";
/// Where the node image keeps the storage provisioner's manifest.
pub const STORAGE_PATH: &str = "/kind/manifests/default-storage.yaml";

fn account(name: &'static str, namespace: &'static str) -> Value {
    value!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}})
}

fn cluster_role(name: &'static str, rules: Value) -> Value {
    value!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
}

fn cluster_binding(name: &'static str, role: &'static str, account: &'static str, namespace: &'static str) -> Value {
    value!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    })
}

/// kindnet, kind's network plugin.
pub fn kindnet(versions: &Versions, pod_subnet: &str, endpoint: &str) -> Value {
    let field = |name: &'static str, path: &'static str| value!({"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}});
    let spec = value!({
        "hostNetwork": true, "serviceAccountName": "kindnet", "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"operator": "Exists"}],
        "containers": [{
            "name": "kindnet-cni", "image": &versions.kindnetd,
            "env": [
                field("HOST_IP", "status.hostIP"), field("POD_IP", "status.podIP"),
                {"name": "POD_SUBNET", "value": Text::new(pod_subnet)}, {"name": "CONTROL_PLANE_ENDPOINT", "value": Text::new(endpoint)},
            ],
            "resources": {"limits": {"cpu": "100m", "memory": "50Mi"}, "requests": {"cpu": "100m", "memory": "50Mi"}},
            "securityContext": {"capabilities": {"add": ["NET_RAW", "NET_ADMIN"]}, "privileged": false},
            "volumeMounts": [
                {"name": "cni-cfg", "mountPath": "/etc/cni/net.d"}, {"name": "xtables-lock", "mountPath": "/run/xtables.lock"},
                {"name": "lib-modules", "mountPath": "/lib/modules", "readOnly": true},
            ],
        }],
        "volumes": [
            {"name": "cni-cfg", "hostPath": {"path": "/etc/cni/net.d"}},
            {"name": "xtables-lock", "hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}},
            {"name": "lib-modules", "hostPath": {"path": "/lib/modules"}},
        ],
    });
    value!([
        cluster_role("kindnet", value!([
            {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch", "patch"]},
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
            {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["list", "watch"]},
            {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["list", "watch"]},
        ])),
        cluster_binding("kindnet", "kindnet", "kindnet", "kube-system"),
        account("kindnet", "kube-system"),
        {
            "apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": {"name": "kindnet", "namespace": "kube-system", "labels": {"app": "kindnet", "k8s-app": "kindnet", "tier": "node"}},
            "spec": {
                "selector": {"matchLabels": {"app": "kindnet"}},
                "template": {"metadata": {"labels": {"app": "kindnet", "k8s-app": "kindnet", "tier": "node"}}, "spec": spec},
            },
        },
    ])
}

const CONFIG_JSON: &str = r#"{
        "nodePathMap":[
        {
                "node":"DEFAULT_PATH_FOR_NON_LISTED_NODES",
                "paths":["/var/local-path-provisioner"]
        }
        ]
}"#;

/// The local-path provisioner and the StorageClass `standard`.
pub fn storage(versions: &Versions) -> Value {
    let mut tolerations = Value::list();
    for key in ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"] {
        tolerations.push(value!({"key": key, "operator": "Equal", "effect": "NoSchedule"}));
    }
    let spec = value!({
        "serviceAccountName": "local-path-provisioner-service-account", "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": tolerations,
        "containers": [{
            "name": "local-path-provisioner", "image": &versions.local_path, "imagePullPolicy": "IfNotPresent",
            "command": [
                "local-path-provisioner", "--debug", "start", "--helper-image",
                "docker.io/kindest/local-path-helper:v20241212-8ac705d0", "--config", "/etc/config/config.json",
            ],
            "env": [{"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}}],
            "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/config/"}],
        }],
        "volumes": [{"name": "config-volume", "configMap": {"name": "local-path-config"}}],
    });
    value!([
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "local-path-storage"}},
        account("local-path-provisioner-service-account", "local-path-storage"),
        {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "local-path-provisioner-role", "namespace": "local-path-storage"},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "patch", "update", "delete"]}],
        },
        cluster_role("local-path-provisioner-role", value!([
            {"apiGroups": [""], "resources": ["nodes", "persistentvolumeclaims", "configmaps", "pods", "pods/log"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["persistentvolumes"], "verbs": ["get", "list", "watch", "create", "patch", "update", "delete"]},
            {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
            {"apiGroups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": ["get", "list", "watch"]},
        ])),
        {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "local-path-provisioner-bind", "namespace": "local-path-storage"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "local-path-provisioner-role"},
            "subjects": [{"kind": "ServiceAccount", "name": "local-path-provisioner-service-account", "namespace": "local-path-storage"}],
        },
        cluster_binding(
            "local-path-provisioner-bind", "local-path-provisioner-role", "local-path-provisioner-service-account", "local-path-storage"
        ),
        {
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "local-path-provisioner", "namespace": "local-path-storage"},
            "spec": {
                "replicas": 1, "selector": {"matchLabels": {"app": "local-path-provisioner"}},
                "template": {"metadata": {"labels": {"app": "local-path-provisioner"}}, "spec": spec},
            },
        },
        {
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "rancher.io/local-path", "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer",
        },
        {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "local-path-config", "namespace": "local-path-storage"},
            "data": {"config.json": CONFIG_JSON},
        },
    ])
}
