//! `kubeadm reset`: makes a node forget that it belonged to a cluster (after kubeadm's `cmd/phases/reset`). Its Node object stays until somebody
//! deletes it.

use super::Node;
use super::init::write;
use crate::core::Duration;
use crate::etcd::DATA_DIR;
use crate::flow::{Flow, Io};
use crate::machine::files;
use crate::value;
use crate::value::{Text, Value};

/// How long an etcd member has for an answer.
const ETCD_PATIENCE: Duration = Duration::s(7);

/// Runs `kubeadm reset ARGS`.
pub fn main(args: &[&str], node: &Node, io: &mut Io) -> Flow<()> {
    if !args.iter().any(|arg| matches!(*arg, "-f" | "--force" | "--force=true")) {
        io.print("[reset] WARNING: Changes made to this host by 'kubeadm init' or 'kubeadm join' will be reverted.\n[reset] Are you sure you want to proceed? [y/N]: ");
        return io.fail(
            1,
            "error execution phase preflight: won't proceed; the user didn't answer (Y|y) in order to continue\nTo see the stack trace of this error execute with --v=5 or higher\n",
        );
    }
    io.print("[preflight] Running pre-flight checks\n");
    let etcd = node.disk.files.contains_key(format!("{}etcd.yaml", files::MANIFESTS).as_str());
    if etcd {
        remove_member(node, io)?;
    }
    io.print("[reset] Stopping the kubelet service\n");
    let argv: Value = ["systemctl", "stop", "kubelet"].into_iter().map(Text::Static).collect();
    if let Err(error) = io.docker("exec", value!({"argv": argv}))? {
        io.eprint(&format!("[reset] The kubelet service could not be stopped by kubeadm: [{error}]\n"));
    }
    io.print("[reset] Unmounting mounted directories in \"/var/lib/kubelet\"\n");
    if let Err(error) = io.docker("remove-pods", Value::map())? {
        io.eprint(&format!("[reset] Failed to remove containers: {error}\n"));
    }
    if etcd {
        write(DATA_DIR, &Value::Null, io)?;
        io.print(&format!("[reset] Deleted contents of the etcd data directory: {DATA_DIR}\n"));
    }
    io.print("[reset] Deleting contents of directories: [/etc/kubernetes/manifests /var/lib/kubelet /etc/kubernetes/pki]\n");
    io.print(
        "[reset] Deleting files: [/etc/kubernetes/admin.conf /etc/kubernetes/super-admin.conf /etc/kubernetes/kubelet.conf /etc/kubernetes/bootstrap-kubelet.conf /etc/kubernetes/controller-manager.conf /etc/kubernetes/scheduler.conf]\n",
    );
    let belongs = |path: &Text| {
        path.starts_with(files::MANIFESTS)
            || path.starts_with("/var/lib/kubelet/")
            || (path.starts_with("/etc/kubernetes/") && path.ends_with(".conf"))
    };
    let paths: Vec<Text> = node.disk.files.keys().filter(|path| belongs(path)).cloned().collect();
    for path in &paths {
        write(path, &Value::Null, io)?;
    }
    io.print(
        "\nThe reset process does not perform cleanup of CNI plugin configuration,\nnetwork filtering rules and kubeconfig files.\n\nFor information on how to perform this cleanup manually, please see:\n    https://k8s.io/docs/reference/setup-tools/kubeadm/kubeadm-reset/\n\n",
    );
    Ok(())
}

/// Takes the node's member out of etcd, unless it is the only one.
fn remove_member(node: &Node, io: &mut Io) -> Flow<()> {
    let own = "https://127.0.0.1:2379";
    let list = match io.etcd(own, "member-list", Value::Null, ETCD_PATIENCE)? {
        Ok(list) => list,
        Err(error) => {
            io.eprint(&format!(
                "[reset] Failed to remove etcd member: {error}, please manually remove this etcd member using etcdctl\n"
            ));
            return Ok(());
        }
    };
    let members = list["body"]["members"].items();
    let Some(member) = members.iter().find(|member| member["name"].str() == node.name.as_str()) else { return Ok(()) };
    if members.len() > 1
        && let Err(error) = io.etcd(own, "member-remove", value!({"id": member["id"].clone()}), ETCD_PATIENCE)?
    {
        io.eprint(&format!(
            "[reset] Failed to remove etcd member: {error}, please manually remove this etcd member using etcdctl\n"
        ));
    }
    Ok(())
}
