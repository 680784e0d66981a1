//! With which arguments the simulated parts are started that run in containers.

use super::container::Container;
use crate::core::{Directory, Disk, Duration, MachineId, Outbox, Part};
use crate::machine::files;
use crate::value;
use crate::value::{Text, Value};

/// How long a program of Kubernetes takes from the start of its process until it serves or asks anything.
pub(super) const fn starts_after(part: Part) -> Duration {
    Duration::ms(match part {
        Part::ApiServer => 1_600,
        Part::Controller(_) => 900,
        Part::Scheduler => 700,
        Part::LocalPathProvisioner => 400,
        Part::CoreDns => 300,
        _ => 250,
    })
}

/// The arguments for a part: `server` and `balanced` (see [`crate::client::server`]), `version`, `node`, its `flags` by name,
/// and for an api-server `etcd`, the machines of its etcd members.
pub(super) fn args(part: Part, container: &Container, node: &str, version: &str, out: &Outbox<'_>) -> Value {
    let mut flags = Value::map();
    for word in container.config["command"].items().iter().chain(container.config["args"].items()) {
        if let Some((name, value)) = word.str().strip_prefix("--").and_then(|flag| flag.split_once('=')) {
            flags.map_mut().insert(Text::new(name), Text::new(value));
        }
    }
    let kubeconfig = match part {
        Part::Scheduler => "/etc/kubernetes/scheduler.conf",
        Part::Controller(_) => "/etc/kubernetes/controller-manager.conf",
        // Their kubeconfig is the cluster's way in, also where the kubelet uses the api-server beside it.
        _ if out.disk().files.contains_key(files::ADMIN_KUBECONFIG) => files::ADMIN_KUBECONFIG,
        _ => files::KUBELET_KUBECONFIG,
    };
    let mut args = value!({"node": Text::new(node), "version": Text::new(version), "flags": flags.clone()});
    if let Some((server, balanced)) = server_of(out.disk(), out.directory(), kubeconfig) {
        args["server"] = i64::from(server.0).into();
        args["balanced"] = balanced.into();
    }
    if part == Part::ApiServer {
        let own = out.me().machine;
        let machine = |url: &str| Value::Int(i64::from(machine_of(url, out.directory()).unwrap_or(own).0));
        args["etcd"] = flags["etcd-servers"].str().split(',').map(machine).collect();
    }
    args
}

/// The machine that a kubeconfig on this disk names as the server, and whether a load balancer listens there.
pub fn server_of(disk: &Disk, directory: &Directory, kubeconfig: &str) -> Option<(MachineId, bool)> {
    let config = disk.files.get(kubeconfig)?;
    let url = config["clusters"][0]["cluster"]["server"].str();
    let machine = machine_of(url, directory)?;
    Some((machine, directory.name(machine).ends_with("-external-load-balancer")))
}

/// The machine that a URL or `host:port` points to.
pub fn machine_of(url: &str, directory: &Directory) -> Option<MachineId> {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or(url);
    directory.find(host.split([':', '/']).next().unwrap_or_default())
}
