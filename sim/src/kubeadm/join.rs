//! `kubeadm join` for workers (kubeadm's `cmd/phases/join`).

use super::Node;
use super::config::{ClusterConfiguration, TOKEN};
use super::init::{KubeletFiles, insist, start_kubelet, write};
use crate::api::resource::{CONFIGMAPS, NODES};
use crate::core::{Duration, Request};
use crate::flow::{Flow, Io};
use crate::machine::files;
use crate::value::{Text, Value};

/// The checks and the discovery of the cluster take this long.
const PREFLIGHT: Duration = Duration::ms(900);
/// What the TLS bootstrap takes, which is left out: the request for a certificate, its approval, and the kubelet's second start.
const TLS_BOOTSTRAP: Duration = Duration::ms(3_500);

/// `kubeadm join`; `args` without these two words.
pub fn main(args: &[&str], node: &Node, io: &mut Io) -> Flow<()> {
    let mut config = ClusterConfiguration::load(&node.disk, &node.image, &node.name);
    let mut token = None;
    let mut verified = false;
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let (flag, inline) = word.split_once('=').map_or((*word, None), |(flag, value)| (flag, Some(value)));
        match flag {
            "--token" => token = inline.or_else(|| words.next().copied()),
            "--config" => {
                inline.or_else(|| words.next().copied());
                (token, verified) = (Some(TOKEN), true);
            }
            "--discovery-token-ca-cert-hash" => {
                inline.or_else(|| words.next().copied());
                verified = true;
            }
            "--discovery-token-unsafe-skip-ca-verification" => verified = true,
            "--node-name" | "--v" | "-v" | "--ignore-preflight-errors" | "--skip-phases" | "--cri-socket" => {
                inline.or_else(|| words.next().copied());
            }
            "--control-plane" => {
                return io.fail(1, "error: joining as a further control-plane node is not part of the simulation yet\n");
            }
            flag if flag.starts_with('-') => {
                return io.fail(
                    1,
                    &format!("unknown flag: {flag}\nTo see the stack trace of this error execute with --v=5 or higher\n"),
                );
            }
            endpoint => config.control_plane_endpoint = Text::new(endpoint),
        }
    }
    match token {
        None => {
            return io.fail(
                1,
                "error: discovery: Invalid value: \"\": bootstrapToken or file must be set\nTo see the stack trace of this error execute with --v=5 or higher\n",
            );
        }
        Some(_) if !verified => {
            return io.fail(
                1,
                "error: discovery.bootstrapToken: Invalid value: \"\": using token-based discovery without caCertHashes can be unsafe. Set unsafeSkipCAVerification as true in your kubeadm config file or pass --discovery-token-unsafe-skip-ca-verification flag to continue\n",
            );
        }
        Some(token) if token != TOKEN => {
            return io.fail(
                1,
                "error execution phase preflight: couldn't validate the identity of the API Server: failed to request the cluster-info ConfigMap: client rate limiter Wait returned an error: context deadline exceeded\n",
            );
        }
        Some(_) => {}
    }
    io.print("[preflight] Running pre-flight checks\n");
    io.sleep(PREFLIGHT)?;
    if node.disk.files.contains_key(files::KUBELET_KUBECONFIG) {
        return io.fail(
            1,
            "error execution phase preflight: [preflight] Some fatal errors occurred:\n\t[ERROR FileAvailable--etc-kubernetes-kubelet.conf]: /etc/kubernetes/kubelet.conf already exists\n",
        );
    }
    for (namespace, name) in
        [("kube-public", "cluster-info"), ("kube-system", "kubeadm-config"), ("kube-system", "kubelet-config")]
    {
        if let Err(error) = insist(&Request::get(CONFIGMAPS, namespace, name), io)? {
            return io.fail(
                1,
                &format!("error execution phase preflight: couldn't validate the identity of the API Server: failed to request the {name} ConfigMap: {error}\n"),
            );
        }
    }
    // A node of this name must not be there yet.
    if insist(&Request::get(NODES, "", &node.name), io)?.is_ok() {
        return io.fail(
            1,
            &format!("error execution phase kubelet-start: a Node with name {:?} and status \"Ready\" already exists in the cluster. You must delete the existing Node or change the name of this new joining Node\n", node.name.as_str()),
        );
    }
    let server = format!("https://{}", config.control_plane_endpoint);
    let user = format!("system:node:{}", node.name);
    write(files::KUBELET_KUBECONFIG, &files::kubeconfig(&config.cluster_name, &server, &user), io)?;
    let taints = if config.taints.is_null() { Value::list() } else { config.taints.clone() };
    io.sleep(TLS_BOOTSTRAP)?;
    start_kubelet(&KubeletFiles::new(&config, &taints), io)?;
    io.print("[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap\n");
    let since = io.now();
    while insist(&Request::get(NODES, "", &node.name), io)?.is_err() {
        if io.now().since(since) >= Duration::s(300) {
            return io.fail(1, "error execution phase kubelet-start: timed out waiting for the condition\n");
        }
        io.sleep(Duration::ms(1_000))?;
    }
    io.print(
        "\nThis node has joined the cluster:\n* Certificate signing request was sent to apiserver and a response was received.\n* The Kubelet was informed of the new secure connection details.\n\nRun 'kubectl get nodes' on the control-plane to see this node join the cluster.\n\n",
    );
    Ok(())
}

/// `kubeadm token create --print-join-command`
pub fn print_command(node: &Node, io: &mut Io) -> Flow<()> {
    let config = ClusterConfiguration::load(&node.disk, &node.image, &node.name);
    let text =
        format!("kubeadm join {} --token {TOKEN} --discovery-token-unsafe-skip-ca-verification\n", config.control_plane_endpoint);
    io.print(&text);
    Ok(())
}
