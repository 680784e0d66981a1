//! The static pods of a control-plane node (kubeadm's `app/phases/controlplane/manifests.go` and `app/phases/etcd`).

use super::config::{ClusterConfiguration, EXTRA_ARGS};
use crate::core::collections::sort::Sort as _;
use crate::value;
use crate::value::{Text, Value};

/// The manifest of etcd's pod.
pub const ETCD: &str = "etcd.yaml";

/// The manifests: file name and pod. etcd's is not among them when it is external.
pub fn manifests(config: &ClusterConfiguration, node: &str, ip: &str) -> Vec<(&'static str, Value)> {
    let mut manifests = vec![
        ("kube-apiserver.yaml", api_server(config, ip)),
        ("kube-controller-manager.yaml", controller_manager(config)),
        ("kube-scheduler.yaml", scheduler(config)),
    ];
    if config.external_etcd.is_empty() {
        manifests.insert(0, (ETCD, etcd(config, node, ip, &format!("{node}=https://{ip}:2380"), false)));
    }
    manifests
}

struct Component<'a> {
    name: &'static str,
    image: &'a str,
    command: Vec<String>,
    cpu: &'static str,
    memory: Option<&'static str>,
    port: u16,
    probe_host: &'a str,
    scheme: &'static str,
    liveness: &'static str,
    readiness: Option<&'static str>,
    startup: &'static str,
    mounts: &'static [(&'static str, &'static str)],
    annotation: Option<(&'static str, String)>,
}

/// A program's flags with those of `extraArgs` in their places, sorted by name (kubeadm's `util/arguments.go`).
fn with_extra_args(mut command: Vec<String>, extra: &Value) -> Vec<String> {
    if extra.is_empty() {
        return command;
    }
    let name = |flag: &str| flag.split('=').next().unwrap_or_default().trim_start_matches('-').to_string();
    command.retain(|flag| extra.get(&name(flag)).is_none());
    command.extend(extra.entries().iter().map(|(name, value)| format!("--{name}={}", value.str())));
    command[1..].order_by_key(|flag| name(flag));
    command
}

fn pod(config: &ClusterConfiguration, part: Component<'_>) -> Value {
    let field = EXTRA_ARGS.iter().find(|(_, program)| *program == part.name).map_or("", |(field, _)| *field);
    let command = with_extra_args(part.command, &config.extra_args[field]);
    let get = |path: &'static str| value!({"host": Text::new(part.probe_host), "path": path, "port": "probe-port", "scheme": part.scheme});
    let mut container = value!({
        "name": part.name, "image": Text::new(part.image), "imagePullPolicy": "IfNotPresent",
        "command": command.iter().collect::<Value>(),
        "ports": [{"containerPort": part.port, "name": "probe-port", "protocol": "TCP"}],
        "livenessProbe": {"failureThreshold": 8, "httpGet": get(part.liveness), "initialDelaySeconds": 10, "periodSeconds": 10, "timeoutSeconds": 15},
        "startupProbe": {"failureThreshold": 24, "httpGet": get(part.startup), "initialDelaySeconds": 10, "periodSeconds": 10, "timeoutSeconds": 15},
        "resources": {"requests": {"cpu": part.cpu}},
    });
    if let Some(path) = part.readiness {
        container["readinessProbe"] =
            value!({"failureThreshold": 3, "httpGet": get(path), "periodSeconds": 1, "timeoutSeconds": 15});
    }
    if let Some(memory) = part.memory {
        container["resources"]["requests"]["memory"] = memory.into();
    }
    if config.versions.minor < 34 {
        // Named probe ports came with v1.34.
        container.remove("ports");
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            if container.get(probe).is_some() {
                container[probe]["httpGet"]["port"] = part.port.into();
            }
        }
    }
    let mut volumes = Value::list();
    for (name, path) in part.mounts {
        let kind = if path.ends_with(".conf") { "FileOrCreate" } else { "DirectoryOrCreate" };
        volumes.push(value!({"name": *name, "hostPath": {"path": *path, "type": kind}}));
        container["volumeMounts"].push(value!({"name": *name, "mountPath": *path, "readOnly": part.name != "etcd"}));
    }
    let mut pod = value!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": part.name, "namespace": "kube-system", "labels": {"component": part.name, "tier": "control-plane"}},
        "spec": {
            "containers": [container], "hostNetwork": true, "priority": 2_000_001_000, "priorityClassName": "system-node-critical",
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}, "volumes": volumes,
        },
        "status": {},
    });
    if let Some((key, text)) = part.annotation {
        pod["metadata"]["annotations"] = value!({key: text});
    }
    pod
}

/// etcd's pod; `cluster` names the members (`--initial-cluster`), and when it `joins`, they are there already.
pub fn etcd(config: &ClusterConfiguration, node: &str, ip: &str, cluster: &str, joins: bool) -> Value {
    let mut command = vec![
        "etcd".to_string(),
        format!("--advertise-client-urls=https://{ip}:2379"),
        "--cert-file=/etc/kubernetes/pki/etcd/server.crt".into(),
        "--client-cert-auth=true".into(),
        "--data-dir=/var/lib/etcd".into(),
    ];
    match config.versions.minor {
        ..=21 => {}
        22..=33 => command.push("--experimental-initial-corrupt-check=true".into()),
        _ => command.push("--feature-gates=InitialCorruptCheck=true".into()),
    }
    if (22..=33).contains(&config.versions.minor) {
        command.push("--experimental-watch-progress-notify-interval=5s".into());
    }
    command.extend([format!("--initial-advertise-peer-urls=https://{ip}:2380"), format!("--initial-cluster={cluster}")]);
    if joins {
        command.push("--initial-cluster-state=existing".into());
    }
    command.extend([
        "--key-file=/etc/kubernetes/pki/etcd/server.key".into(),
        format!("--listen-client-urls=https://127.0.0.1:2379,https://{ip}:2379"),
        "--listen-metrics-urls=http://127.0.0.1:2381".into(),
        format!("--listen-peer-urls=https://{ip}:2380"),
        format!("--name={node}"),
        "--peer-cert-file=/etc/kubernetes/pki/etcd/peer.crt".into(),
        "--peer-client-cert-auth=true".into(),
        "--peer-key-file=/etc/kubernetes/pki/etcd/peer.key".into(),
        "--peer-trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt".into(),
        "--snapshot-count=10000".into(),
        "--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt".into(),
    ]);
    if config.versions.minor >= 34 {
        command.push("--watch-progress-notify-interval=5s".into());
    }
    pod(
        config,
        Component {
            name: "etcd",
            image: &config.versions.etcd,
            command,
            cpu: "100m",
            memory: Some("100Mi"),
            port: 2381,
            probe_host: "127.0.0.1",
            scheme: "HTTP",
            liveness: "/livez",
            readiness: Some("/readyz"),
            startup: "/readyz",
            mounts: &[("etcd-data", "/var/lib/etcd"), ("etcd-certs", "/etc/kubernetes/pki/etcd")],
            annotation: Some(("kubeadm.kubernetes.io/etcd.advertise-client-urls", format!("https://{ip}:2379"))),
        },
    )
}

fn api_server(config: &ClusterConfiguration, ip: &str) -> Value {
    let old = config.versions.minor < 20;
    let mut command: Vec<String> = [
        "kube-apiserver",
        "--advertise-address=IP",
        "--allow-privileged=true",
        "--authorization-mode=Node,RBAC",
        "--client-ca-file=/etc/kubernetes/pki/ca.crt",
        "--enable-admission-plugins=NodeRestriction",
        "--enable-bootstrap-token-auth=true",
        "--etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt",
        "--etcd-certfile=/etc/kubernetes/pki/apiserver-etcd-client.crt",
        "--etcd-keyfile=/etc/kubernetes/pki/apiserver-etcd-client.key",
        "--etcd-servers=https://127.0.0.1:2379",
        "--kubelet-client-certificate=/etc/kubernetes/pki/apiserver-kubelet-client.crt",
        "--kubelet-client-key=/etc/kubernetes/pki/apiserver-kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
        "--proxy-client-cert-file=/etc/kubernetes/pki/front-proxy-client.crt",
        "--proxy-client-key-file=/etc/kubernetes/pki/front-proxy-client.key",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-client-ca-file=/etc/kubernetes/pki/front-proxy-ca.crt",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        "--runtime-config=",
        "--secure-port=6443",
    ]
    .iter()
    .map(|flag| flag.replace("=IP", &format!("={ip}")))
    .collect();
    if !config.external_etcd.is_empty() {
        let urls: Vec<&str> = config.external_etcd.iter().map(Text::as_str).collect();
        for flag in command.iter_mut().filter(|flag| flag.starts_with("--etcd-servers=")) {
            *flag = format!("--etcd-servers={}", urls.join(","));
        }
    }
    if old {
        command.insert(11, "--insecure-port=0".into());
        command.push("--service-account-key-file=/etc/kubernetes/pki/sa.pub".into());
    } else {
        command.extend([
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
            "--service-account-key-file=/etc/kubernetes/pki/sa.pub".into(),
            "--service-account-signing-key-file=/etc/kubernetes/pki/sa.key".into(),
        ]);
    }
    command.extend([
        format!("--service-cluster-ip-range={}", config.service_subnet),
        "--tls-cert-file=/etc/kubernetes/pki/apiserver.crt".into(),
        "--tls-private-key-file=/etc/kubernetes/pki/apiserver.key".into(),
    ]);
    pod(
        config,
        Component {
            name: "kube-apiserver",
            image: &config.versions.image("kube-apiserver"),
            command,
            cpu: "250m",
            memory: None,
            port: 6443,
            probe_host: ip,
            scheme: "HTTPS",
            liveness: "/livez",
            readiness: Some("/readyz"),
            startup: "/livez",
            mounts: &[
                ("ca-certs", "/etc/ssl/certs"),
                ("etc-ca-certificates", "/etc/ca-certificates"),
                ("k8s-certs", "/etc/kubernetes/pki"),
            ],
            annotation: Some(("kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint", format!("{ip}:6443"))),
        },
    )
}

fn controller_manager(config: &ClusterConfiguration) -> Value {
    let command = vec![
        "kube-controller-manager".to_string(),
        "--allocate-node-cidrs=true".into(),
        "--authentication-kubeconfig=/etc/kubernetes/controller-manager.conf".into(),
        "--authorization-kubeconfig=/etc/kubernetes/controller-manager.conf".into(),
        "--bind-address=127.0.0.1".into(),
        "--client-ca-file=/etc/kubernetes/pki/ca.crt".into(),
        format!("--cluster-cidr={}", config.pod_subnet),
        format!("--cluster-name={}", config.cluster_name),
        "--cluster-signing-cert-file=/etc/kubernetes/pki/ca.crt".into(),
        "--cluster-signing-key-file=/etc/kubernetes/pki/ca.key".into(),
        "--controllers=*,bootstrapsigner,tokencleaner".into(),
        "--enable-hostpath-provisioner=true".into(),
        "--kubeconfig=/etc/kubernetes/controller-manager.conf".into(),
        "--leader-elect=true".into(),
        "--requestheader-client-ca-file=/etc/kubernetes/pki/front-proxy-ca.crt".into(),
        "--root-ca-file=/etc/kubernetes/pki/ca.crt".into(),
        "--service-account-private-key-file=/etc/kubernetes/pki/sa.key".into(),
        format!("--service-cluster-ip-range={}", config.service_subnet),
        "--use-service-account-credentials=true".into(),
    ];
    pod(
        config,
        Component {
            name: "kube-controller-manager",
            image: &config.versions.image("kube-controller-manager"),
            command,
            cpu: "200m",
            memory: None,
            port: 10257,
            probe_host: "127.0.0.1",
            scheme: "HTTPS",
            liveness: "/healthz",
            readiness: None,
            startup: "/healthz",
            mounts: &[
                ("ca-certs", "/etc/ssl/certs"),
                ("k8s-certs", "/etc/kubernetes/pki"),
                ("kubeconfig", "/etc/kubernetes/controller-manager.conf"),
            ],
            annotation: None,
        },
    )
}

fn scheduler(config: &ClusterConfiguration) -> Value {
    let command = [
        "kube-scheduler",
        "--authentication-kubeconfig=/etc/kubernetes/scheduler.conf",
        "--authorization-kubeconfig=/etc/kubernetes/scheduler.conf",
        "--bind-address=127.0.0.1",
        "--kubeconfig=/etc/kubernetes/scheduler.conf",
        "--leader-elect=true",
    ];
    let probes = if config.versions.minor >= 34 { ("/livez", Some("/readyz"), "/livez") } else { ("/healthz", None, "/healthz") };
    pod(
        config,
        Component {
            name: "kube-scheduler",
            image: &config.versions.image("kube-scheduler"),
            command: command.iter().map(ToString::to_string).collect(),
            cpu: "100m",
            memory: None,
            port: 10259,
            probe_host: "127.0.0.1",
            scheme: "HTTPS",
            liveness: probes.0,
            readiness: probes.1,
            startup: probes.2,
            mounts: &[("kubeconfig", "/etc/kubernetes/scheduler.conf")],
            annotation: None,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_those_of_a_real_node() {
        let config = ClusterConfiguration::default();
        let pods = manifests(&config, "kind-control-plane", "172.18.0.2");
        let command = |at: usize| {
            let words: Vec<&str> = pods[at].1["spec"]["containers"][0]["command"].items().iter().map(Value::str).collect();
            words.join(" ")
        };
        assert!(command(0).contains("--initial-cluster=kind-control-plane=https://172.18.0.2:2380 --key-file="));
        assert!(command(1).starts_with("kube-apiserver --advertise-address=172.18.0.2 --allow-privileged=true"));
        assert!(command(2).contains("--cluster-cidr=10.244.0.0/16 --cluster-name=kind "));
        assert_eq!(pods[3].1["spec"]["containers"][0]["readinessProbe"]["periodSeconds"].int(), 1);
    }
    #[test]
    fn extra_args_replace_and_join_the_flags_in_order() {
        let mut config = ClusterConfiguration::default();
        config.add_extra_args(&value!({"scheduler": {"extraArgs": {"leader-elect": "false", "config": "/etc/x.yaml"}}}));
        let pod = manifests(&config, "kind-control-plane", "172.18.0.2").pop().expect("the scheduler's is the last").1;
        let words: Vec<&str> = pod["spec"]["containers"][0]["command"].items().iter().map(Value::str).collect();
        let expected = [
            "kube-scheduler",
            "--authentication-kubeconfig=/etc/kubernetes/scheduler.conf",
            "--authorization-kubeconfig=/etc/kubernetes/scheduler.conf",
            "--bind-address=127.0.0.1",
            "--config=/etc/x.yaml",
            "--kubeconfig=/etc/kubernetes/scheduler.conf",
            "--leader-elect=false",
        ];
        assert_eq!(words, expected);
    }
}
