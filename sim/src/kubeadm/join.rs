//! `kubeadm join`, for workers and for further control-plane nodes (kubeadm's `cmd/phases/join`).

use super::Node;
use super::config::{ClusterConfiguration, TOKEN};
use super::init::{KubeletFiles, insist, kubeconfigs, mark_control_plane, start_kubelet, write};
use super::static_pods;
use crate::api::decode::parse_documents;
use crate::api::resource::{CONFIGMAPS, NODES, PODS};
use crate::core::{Duration, Request};
use crate::flow::{Flow, Io};
use crate::machine::files;
use crate::value;
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
            "--control-plane" => config.joins_control_plane = true,
            "--certificate-key" => {
                inline.or_else(|| words.next().copied());
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
        let found = match insist(&Request::get(CONFIGMAPS, namespace, name), io)? {
            Ok(found) => found,
            Err(error) => {
                return io.fail(
                    1,
                    &format!("error execution phase preflight: couldn't validate the identity of the API Server: failed to request the {name} ConfigMap: {error}\n"),
                );
            }
        };
        let document = |key: &str| found["data"][key].as_str().and_then(|text| parse_documents(text).ok()?.into_iter().next());
        if let Some(cluster) = document("ClusterConfiguration") {
            config.read_cluster(&cluster);
        }
        if let Some(kubelet) = document("kubelet") {
            config.kubelet = kubelet;
        }
    }
    // A node of this name must not be there yet.
    if insist(&Request::get(NODES, "", &node.name), io)?.is_ok() {
        return io.fail(
            1,
            &format!("error execution phase kubelet-start: a Node with name {:?} and status \"Ready\" already exists in the cluster. You must delete the existing Node or change the name of this new joining Node\n", node.name.as_str()),
        );
    }
    if config.joins_control_plane {
        return join_control_plane(&config, node, io);
    }
    let server = format!("https://{}", config.control_plane_endpoint);
    let user = format!("system:node:{}", node.name);
    write(files::KUBELET_KUBECONFIG, &files::kubeconfig(&config.cluster_name, &server, &user), io)?;
    let taints = if config.taints.is_null() { Value::list() } else { config.taints.clone() };
    io.sleep(TLS_BOOTSTRAP)?;
    start_kubelet(&KubeletFiles::new(&config, &taints), io)?;
    await_node(node, io)?;
    io.print(
        "\nThis node has joined the cluster:\n* Certificate signing request was sent to apiserver and a response was received.\n* The Kubelet was informed of the new secure connection details.\n\nRun 'kubectl get nodes' on the control-plane to see this node join the cluster.\n\n",
    );
    Ok(())
}

/// Waits until the kubelet has registered the node.
fn await_node(node: &Node, io: &mut Io) -> Flow<()> {
    io.print("[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap\n");
    let since = io.now();
    while insist(&Request::get(NODES, "", &node.name), io)?.is_err() {
        if io.now().since(since) >= Duration::s(300) {
            return io.fail(1, "error execution phase kubelet-start: timed out waiting for the condition\n");
        }
        io.sleep(Duration::ms(1_000))?;
    }
    Ok(())
}

/// A further control-plane node: its own api-server, controller-manager and scheduler, and unless etcd is external a member of it, which
/// learns before it votes.
fn join_control_plane(config: &ClusterConfiguration, node: &Node, io: &mut Io) -> Flow<()> {
    io.print(
        "[certs] Using certificateDir folder \"/etc/kubernetes/pki\"\n[kubeconfig] Using kubeconfig folder \"/etc/kubernetes\"\n",
    );
    for (file, content) in kubeconfigs(config, node) {
        io.print(&format!("[kubeconfig] Writing {file:?} kubeconfig file\n"));
        write(&format!("/etc/kubernetes/{file}"), &content, io)?;
    }
    io.print("[control-plane] Using manifest folder \"/etc/kubernetes/manifests\"\n");
    for (file, pod) in static_pods::manifests(config, &node.name, &node.ip) {
        if file == static_pods::ETCD {
            continue;
        }
        let component = file.trim_end_matches(".yaml");
        io.print(&format!("[control-plane] Creating static Pod manifest for {component:?}\n"));
        write(&format!("{}{file}", files::MANIFESTS), &pod, io)?;
    }
    let stacked = config.external_etcd.is_empty();
    if stacked {
        io.print("[check-etcd] Checking that the etcd cluster is healthy\n");
        for endpoint in etcd_endpoints("check-etcd", io)? {
            let failure = "check-etcd: etcd cluster is not healthy: failed to dial endpoint";
            try_etcd(&[endpoint], "status", &Value::Null, failure, io)?;
        }
    } else {
        io.print("[check-etcd] Skipping etcd check in external mode\n");
    }
    io.sleep(TLS_BOOTSTRAP)?;
    start_kubelet(&KubeletFiles::new(config, &Value::list()), io)?;
    if stacked {
        join_etcd(config, node, io)?;
    } else {
        io.print("[control-plane-join] Using external etcd - no local stacked instance added\n");
    }
    await_node(node, io)?;
    mark_control_plane(config, node, io)?;
    let member = if stacked { "* A new etcd member was added to the local/stacked etcd cluster.\n" } else { "" };
    io.print(&format!(
        "\nThis node has joined the cluster and a new control plane instance was created:\n\n* Certificate signing request was sent to apiserver and approval was received.\n* The Kubelet was informed of the new secure connection details.\n* Control plane label and taint were applied to the new node.\n* The Kubernetes control plane instances scaled up.\n{member}\n",
    ));
    Ok(())
}

/// How long an etcd member has for an answer to kubeadm.
const ETCD_PATIENCE: Duration = Duration::s(7);
/// How long kubeadm tries each step with etcd, and how often.
const ETCD_STEP: Duration = Duration::s(180);
const ETCD_TRIES_EVERY: Duration = Duration::ms(500);

/// Adds a learner to etcd, starts it, waits until it has caught up, and has it vote (kubeadm's `util/etcd`).
fn join_etcd(config: &ClusterConfiguration, node: &Node, io: &mut Io) -> Flow<()> {
    const FAILURE: &str = "etcd-join: error creating local etcd static pod manifest file";
    let endpoints = etcd_endpoints("etcd-join", io)?;
    let peer_url = format!("https://{}:2380", node.ip);
    let add = value!({"peerURL": &peer_url, "learner": true});
    let added = try_etcd(&endpoints, "member-add", &add, FAILURE, io)?;
    io.print("[etcd] Announced new etcd member joining to the existing etcd cluster\n");
    let members = added["body"]["members"].items().iter().map(|member| {
        let (url, name) = (member["peerURL"].str(), member["name"].str());
        format!("{}={url}", if name.is_empty() { node.name.as_str() } else { name })
    });
    let cluster: Vec<String> = members.collect();
    io.print("[etcd] Creating static Pod manifest for \"etcd\"\n");
    let pod = static_pods::etcd(config, &node.name, &node.ip, &cluster.join(","), true);
    write(&format!("{}{}", files::MANIFESTS, static_pods::ETCD), &pod, io)?;
    let id = added["body"]["id"].clone();
    try_etcd(&endpoints, "member-promote", &value!({"id": id}), FAILURE, io)?;
    io.print("[etcd] Waiting for the new etcd member to join the cluster. This can take up to 40s\n");
    try_etcd(&[format!("https://{}:2379", node.ip)], "range", &value!({"key": "health"}), FAILURE, io)?;
    Ok(())
}

/// Where etcd's members are asked. kubeadm finds one by the annotations of their pods, which may be those of nodes that are gone, and asks it
/// for all that vote (`NewFromCluster` and `Sync` in kubeadm's `util/etcd`).
fn etcd_endpoints(phase: &str, io: &mut Io) -> Flow<Vec<String>> {
    let list = Request::list(PODS, "kube-system").param("labelSelector", "component=etcd,tier=control-plane");
    let pods = match insist(&list, io)? {
        Ok(pods) => pods,
        Err(error) => return io.fail(1, &format!("error execution phase {phase}: {error}\n")),
    };
    let url = |pod: &Value| pod["metadata"]["annotations"]["kubeadm.kubernetes.io/etcd.advertise-client-urls"].str().to_string();
    let known: Vec<String> = pods["items"].items().iter().map(url).filter(|url| !url.is_empty()).collect();
    let failure = format!("{phase}: error syncing endpoints with etcd");
    let answer = try_etcd(&known, "member-list", &Value::Null, &failure, io)?;
    let members = answer["body"]["members"].items().iter();
    let voting = members.filter(|member| !member["name"].is_empty() && !member["learner"].is_true());
    Ok(voting.map(|member| member["clientURL"].str().to_string()).collect())
}

/// Tries a call at one endpoint after the other until one takes it; `failure` names the phase and what is wrong when none does.
fn try_etcd(endpoints: &[String], verb: &'static str, args: &Value, failure: &str, io: &mut Io) -> Flow<Value> {
    let since = io.now();
    let mut last = Text::from("no etcd endpoints");
    while io.now().since(since) < ETCD_STEP {
        for endpoint in endpoints {
            match io.etcd(endpoint, verb, args.clone(), ETCD_PATIENCE)? {
                Ok(answer) => return Ok(answer),
                Err(error) => last = error,
            }
        }
        io.sleep(ETCD_TRIES_EVERY)?;
    }
    io.fail(1, &format!("error execution phase {failure}: {last}\n"))
}

/// `kubeadm token create --print-join-command`
pub fn print_command(node: &Node, io: &mut Io) -> Flow<()> {
    let config = ClusterConfiguration::load(&node.disk, &node.image, &node.name);
    let text =
        format!("kubeadm join {} --token {TOKEN} --discovery-token-unsafe-skip-ca-verification\n", config.control_plane_endpoint);
    io.print(&text);
    Ok(())
}
