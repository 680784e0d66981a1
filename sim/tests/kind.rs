//! Clusters as kind makes them, from the command line on: every part really boots.

mod common;

use common::{Terminal, config};
use orrery_sim::core::Duration;

#[test]
fn a_cluster_of_three_nodes_boots_as_kinds_does() {
    let mut terminal = Terminal::new(11, config(1, 2));
    assert_eq!(terminal.run("kind create cluster --config kind.yaml"), common::created(1, 2));
    terminal.settle();
    let nodes = terminal.table("kubectl get nodes");
    let shown: Vec<String> = nodes.iter().map(|row| format!("{} {} {} {}", row[0], row[1], row[2], row[4])).collect();
    let expected = [
        "kind-control-plane Ready control-plane v1.36.1",
        "kind-worker Ready <none> v1.36.1",
        "kind-worker2 Ready <none> v1.36.1",
    ];
    assert_eq!(shown, expected);

    let pods = terminal.table("kubectl get pods -A -o wide");
    assert!(pods.iter().all(|row| row[2] == "1/1" && row[3] == "Running" && row[4] == "0"), "{pods:#?}");
    // kind installs these; their names end in what the controllers and the scheduler drew.
    let stem = |row: &Vec<String>| {
        let parts: Vec<&str> = row[1].split('-').collect();
        let random = match parts[0] {
            "coredns" | "local" => 2,
            "kindnet" => 1,
            _ if row[1].starts_with("kube-proxy") => 1,
            _ => 0,
        };
        format!("{}/{} {}", row[0], parts[..parts.len() - random].join("-"), row[7])
    };
    let mut shown: Vec<String> = pods.iter().map(stem).collect();
    shown.sort();
    let expected = [
        "kube-system/coredns kind-control-plane",
        "kube-system/coredns kind-control-plane",
        "kube-system/etcd-kind-control-plane kind-control-plane",
        "kube-system/kindnet kind-control-plane",
        "kube-system/kindnet kind-worker",
        "kube-system/kindnet kind-worker2",
        "kube-system/kube-apiserver-kind-control-plane kind-control-plane",
        "kube-system/kube-controller-manager-kind-control-plane kind-control-plane",
        "kube-system/kube-proxy kind-control-plane",
        "kube-system/kube-proxy kind-worker",
        "kube-system/kube-proxy kind-worker2",
        "kube-system/kube-scheduler-kind-control-plane kind-control-plane",
        "local-path-storage/local-path-provisioner kind-control-plane",
    ];
    assert_eq!(shown, expected);
    let mut addresses: Vec<&str> = pods.iter().map(|row| row[6].as_str()).filter(|ip| ip.starts_with("10.")).collect();
    addresses.sort_unstable();
    assert_eq!(addresses, ["10.244.0.2", "10.244.0.3", "10.244.0.4"]);
    assert_eq!(terminal.run("kind get nodes"), "kind-control-plane\nkind-worker\nkind-worker2\n(0)");
    assert_eq!(
        terminal.run("kind create cluster"),
        "ERROR: failed to create cluster: node(s) already exist for a cluster with the name \"kind\"\n(1)"
    );
}

/// Replaces what differs from run to run: process ids and sandbox ids.
fn shape(forest: &str) -> String {
    let mut text = String::new();
    for line in forest.lines().skip(1).filter(|line| *line != "(0)") {
        let line = line.trim_start().split_once(' ').map_or("", |(_, rest)| rest);
        let line = match line.split_once(" -id ") {
            Some((head, tail)) => format!("{head} -id … {}", &tail[65..]),
            None => line.to_string(),
        };
        text += line.split(" --").next().unwrap_or_default();
        text.push('\n');
    }
    text
}

#[test]
fn process_trees_are_those_of_the_lecture() {
    let mut terminal = Terminal::new(11, config(1, 1));
    terminal.run("kind create cluster --config kind.yaml");
    terminal.settle();
    let worker = terminal.run("docker exec -it kind-worker ps fxwwo pid,cmd");
    assert!(worker.starts_with("    PID CMD\n"), "{worker}");
    let shim = "/usr/local/bin/containerd-shim-runc-v2 -namespace k8s.io -id … -address /run/containerd/containerd.sock";
    let head = "ps fxwwo pid,cmd\n/sbin/init\n/lib/systemd/systemd-journald\n/usr/local/bin/containerd\n/usr/bin/kubelet\n";
    let pod = |cmd: &str| format!("{shim}\n \\_ /pause\n \\_ {cmd}\n");
    let forest = shape(&worker);
    assert!(forest.starts_with(head), "{forest}");
    for cmd in ["/bin/kindnetd", "/usr/local/bin/kube-proxy"] {
        assert!(forest.contains(&pod(cmd)), "{forest}");
    }
    let flags = "--config=/var/lib/kube-proxy/config.conf --hostname-override=kind-worker\n";
    assert!(worker.contains(&format!(" \\_ /usr/local/bin/kube-proxy {flags}")), "{worker}");

    let control_plane = shape(&terminal.run("docker exec -it kind-control-plane ps fxwwo pid,cmd"));
    let commands = [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "/bin/kindnetd",
        "/usr/local/bin/kube-proxy",
        "/coredns -conf /etc/coredns/Corefile",
        "local-path-provisioner",
    ];
    for cmd in commands {
        assert!(control_plane.contains(&pod(cmd)), "{cmd} in {control_plane}");
    }
    assert_eq!(control_plane.matches("/pause").count(), 9);
}

#[test]
fn an_old_node_image_has_its_version_and_the_role_master() {
    let mut terminal = Terminal::new(11, config(1, 1));
    terminal.run("kind create cluster --config kind.yaml --image kindest/node:v1.18.2");
    terminal.settle();
    let nodes = terminal.table("kubectl get nodes");
    let shown: Vec<String> = nodes.iter().map(|row| format!("{} {} {} {}", row[0], row[1], row[2], row[4])).collect();
    assert_eq!(shown, ["kind-control-plane Ready master v1.18.2", "kind-worker Ready <none> v1.18.2"]);
    assert!(terminal.run("docker exec -it kind-worker ps fxwwo pid,cmd").starts_with("  PID CMD\n"));
    assert!(terminal.run("kind create cluster --name x --image kindest/node:v1.99.0").contains("manifest unknown"));
}

#[test]
fn a_single_node_takes_workloads() {
    let mut terminal = Terminal::new(11, config(1, 0));
    terminal.run("kind create cluster");
    terminal.settle();
    let taints = terminal.run("kubectl get node kind-control-plane -o jsonpath='{.spec.taints}'");
    assert_eq!(taints, "(0)");
}

#[test]
fn workers_join_stop_start_and_go() {
    let mut terminal = Terminal::new(11, config(1, 1));
    terminal.run("kind create cluster --config kind.yaml");
    terminal.settle();
    let labels = "--label io.x-k8s.kind.cluster=kind --label io.x-k8s.kind.role=worker";
    let made =
        terminal.run(&format!("docker run -d --name kind-worker2 --network kind --privileged {labels} kindest/node:v1.36.1"));
    assert_eq!(made.len(), 64 + "\n(0)".len());
    let join =
        "kubeadm join kind-control-plane:6443 --token abcdef.0123456789abcdef --discovery-token-unsafe-skip-ca-verification";
    assert!(terminal.run(&format!("docker exec kind-worker2 {join}")).contains("This node has joined the cluster"));
    terminal.settle();
    let status =
        |terminal: &mut Terminal| terminal.table("kubectl get nodes").iter().map(|row| row[1].clone()).collect::<Vec<_>>();
    assert_eq!(status(&mut terminal), ["Ready", "Ready", "Ready"]);

    terminal.run("docker stop kind-worker2");
    terminal.run("sleep 60");
    assert_eq!(status(&mut terminal), ["Ready", "Ready", "NotReady"]);
    assert!(terminal.run("docker exec kind-worker2 hostname").contains("is not running"));
    terminal.run("docker start kind-worker2");
    terminal.run("sleep 15");
    terminal.settle();
    assert_eq!(status(&mut terminal), ["Ready", "Ready", "Ready"]);
    let restarted = terminal.table("kubectl get pods -A -o wide");
    let there: Vec<&Vec<String>> = restarted.iter().filter(|row| row.contains(&"kind-worker2".to_string())).collect();
    assert_eq!(there.len(), 2);
    assert!(there.iter().all(|row| row[2] == "1/1" && row[3] == "Running" && row[4] == "1"), "{there:?}");

    terminal.run("docker exec kind-worker systemctl stop kubelet");
    terminal.run("sleep 60");
    assert_eq!(status(&mut terminal), ["Ready", "NotReady", "Ready"]);
    terminal.run("docker exec kind-worker systemctl start kubelet");
    terminal.run("sleep 10");
    assert_eq!(status(&mut terminal), ["Ready", "Ready", "Ready"]);
    // Its containers ran on meanwhile.
    let pods = terminal.table("kubectl get pods -A -o wide");
    assert!(pods.iter().filter(|row| row.contains(&"kind-worker".to_string())).all(|row| row[4] == "0"), "{pods:#?}");

    assert_eq!(
        terminal.run("kind delete cluster"),
        "Deleting cluster \"kind\" ...\nDeleted nodes: [\"kind-control-plane\" \"kind-worker\" \"kind-worker2\"]\n(0)"
    );
    assert_eq!(terminal.run("docker ps -q"), "(0)");
    assert!(terminal.run("kind create cluster").ends_with("Have a nice day! 👋\n(0)"));
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let run = || {
        let mut terminal = Terminal::new(11, config(1, 1));
        terminal.run("kind create cluster --config kind.yaml");
        terminal.settle();
        let trace = terminal.0.trace();
        trace.envelopes().iter().map(|e| format!("{} {} {} {}", e.sent_at, e.due_at, e.from, e.to)).collect::<Vec<_>>()
    };
    let (first, second) = (run(), run());
    assert!(first.len() > 500);
    assert_eq!(first, second);
}

/// Writes a file and runs a line.
fn with_file(terminal: &mut Terminal, file: &str, text: &str, line: &str) -> String {
    terminal.run(&format!("cat > {file} <<'EOF'\n{text}EOF\n{line}"))
}

#[test]
fn what_would_the_scheduler_do_with_a_claim_that_waits_for_its_first_consumer() {
    let mut terminal = Terminal::created(11, config(1, 0));
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec:\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n";
    assert_eq!(
        with_file(&mut terminal, "claim.yaml", claim, "kubectl apply -f claim.yaml"),
        "persistentvolumeclaim/data created\n(0)"
    );
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: p, image: nginx}]\n  volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]\n";
    let answer = with_file(&mut terminal, "pod.yaml", pod, "orrery schedule -o=json pod.yaml");
    assert!(answer.contains("\"kind-control-plane\"") && !answer.contains("unbound"), "{answer}");
    assert!(answer.ends_with("(0)"), "{answer}");
}

#[test]
fn flags_of_the_control_plane_come_from_kubeadms_configuration() {
    let patch = "kind: ClusterConfiguration\ncontrollerManager:\n  extraArgs:\n  - name: node-monitor-grace-period\n    value: 0m20s\napiServer:\n  extraArgs:\n    audit-log-maxage: 3\n";
    let mut terminal = Terminal::new(11, config(1, 1) + &common::kubeadm_patch(patch));
    let warning = "WARNING: kube-apiserver --audit-log-maxage has no effect in the simulation; it only stands in the manifest\n";
    assert_eq!(terminal.run("kind create cluster --config kind.yaml"), warning.to_string() + &common::created(1, 1));
    let manifests = terminal.run("docker exec kind-control-plane cat /etc/kubernetes/manifests/kube-apiserver.yaml /etc/kubernetes/manifests/kube-controller-manager.yaml");
    assert!(
        manifests.contains("--audit-log-maxage=3\n") && manifests.contains("--node-monitor-grace-period=0m20s\n"),
        "{manifests}"
    );
    terminal.run("docker stop kind-worker");
    terminal.wait(35);
    let nodes = terminal.table("kubectl get nodes");
    assert_eq!(nodes[1][..2], ["kind-worker", "NotReady"], "{nodes:?}");

    let bad = config(1, 1) + &common::kubeadm_patch(&patch.replace("0m20s", "soon"));
    assert_eq!(
        with_file(&mut terminal, "bad.yaml", &bad, "kind create cluster --name bad --config bad.yaml"),
        warning.to_string()
            + "ERROR: failed to create cluster: invalid argument \"soon\" for kube-controller-manager \"--node-monitor-grace-period\" flag: time: invalid duration \"soon\"\n(1)"
    );
}

#[test]
fn programs_on_a_node_know_their_own_cluster_and_leave_nothing_behind() {
    let mut terminal = Terminal::new(11, config(1, 1));
    terminal.run("kind create cluster --config kind.yaml --name lab");
    terminal.settle();
    let kubectl = |terminal: &mut Terminal, node: &str, args: &str| terminal.run(&format!("docker exec {node} kubectl {args}"));
    assert_eq!(kubectl(&mut terminal, "lab-control-plane", "config current-context"), "kubernetes-admin@lab\n(0)");
    assert_eq!(
        kubectl(&mut terminal, "lab-control-plane", "config rename-context kubernetes-admin@lab admin"),
        "Context \"kubernetes-admin@lab\" renamed to \"admin\".\n(0)"
    );
    assert_eq!(
        kubectl(&mut terminal, "lab-control-plane", "config delete-context nope"),
        "error: cannot delete context nope, not in /etc/kubernetes/admin.conf\n(1)"
    );
    assert_eq!(kubectl(&mut terminal, "lab-control-plane", "config current-context"), "admin\n(0)");
    assert!(kubectl(&mut terminal, "lab-control-plane", "get nodes").contains("lab-worker "));
    assert_eq!(
        kubectl(&mut terminal, "lab-worker", "get nodes"),
        "The connection to the server localhost:8080 was refused - did you specify the right host or port?\n(1)"
    );
    assert!(kubectl(&mut terminal, "lab-worker", "--kubeconfig /etc/kubernetes/kubelet.conf get nodes").contains("lab-worker "));
    terminal.settle();
    let since = terminal.0.playhead();
    assert!(terminal.run("docker exec lab-control-plane etcdctl member list").ends_with("(0)"));
    terminal.settle();
    let took = terminal.0.playhead().since(since);
    assert!(took < Duration::s(1), "the time limit of an answered call is forgotten: {took:?}");
}

#[test]
fn a_node_without_its_container_runtime_is_not_ready() {
    let mut terminal = Terminal::created(11, config(1, 1));
    terminal.run("kubectl run web --image=nginx");
    terminal.settle();
    assert_eq!(terminal.run("docker exec kind-worker systemctl stop containerd"), "(0)");
    terminal.wait(20);
    let nodes = terminal.table("kubectl get nodes");
    assert_eq!(nodes[1][..2], ["kind-worker", "NotReady"], "{nodes:?}");
    let condition = "kubectl get node kind-worker -o jsonpath='{.status.conditions[?(@.type==\"Ready\")].message}'";
    let message = terminal.run(condition);
    assert!(message.contains("container runtime is down"), "{message}");
    assert_eq!(terminal.run("docker exec kind-worker systemctl start containerd"), "(0)");
    terminal.wait(20);
    assert_eq!(terminal.ready(), 2);
    let pods = terminal.table("kubectl get pods");
    assert_eq!(pods[0][..3], ["web", "1/1", "Running"], "{pods:?}");
}

#[test]
fn kubelets_get_the_patches_of_their_configuration() {
    let patch = "kind: KubeletConfiguration\nmaxPods: 20\nevictionHard:\n  memory.available: 6Gi";
    let mut terminal = Terminal::new(9, common::config(1, 2) + &common::kubeadm_patch(patch));
    let said = terminal.run("kind create cluster --config kind.yaml");
    assert!(said.starts_with("WARNING: KubeletConfiguration's maxPods has no effect in the simulation\nCreating "), "{said}");
    terminal.wait(40);
    // Those that join read it in the cluster.
    let stored = terminal.run("kubectl get configmap kubelet-config -n kube-system -o jsonpath={.data.kubelet}");
    assert!(stored.contains("memory.available: \"6Gi\""), "{stored}");
    for node in ["kind-control-plane", "kind-worker2"] {
        let file = terminal.run(&format!("docker exec {node} cat /var/lib/kubelet/config.yaml"));
        assert!(file.contains("memory.available: \"6Gi\"") && file.contains("clusterDomain: cluster.local"), "{file}");
    }
    let pressure = "kubectl get node kind-worker -o jsonpath='{.status.conditions[?(@.type==\"MemoryPressure\")].status}'";
    assert_eq!(terminal.run(pressure), "False(0)");
    terminal.run("kubectl run hog --image=alexeiled/stress-ng --overrides='{\"spec\":{\"nodeName\":\"kind-worker\"}}' -- --vm 1 --vm-bytes 2G");
    terminal.wait(40);
    assert_eq!(terminal.run(pressure), "True(0)", "with Kubernetes' defaults it would be short of memory at 100 MiB");
}

#[test]
fn a_node_that_is_cut_off_the_registry_cannot_pull() {
    let mut terminal = Terminal::created(10, common::config(1, 1));
    assert_eq!(terminal.run("docker exec kind-worker iptables -A OUTPUT -d registry-1.docker.io -j DROP"), "(0)");
    terminal.run("kubectl run web --image=nginx:1.28");
    let waiting = "kubectl get pod web -o jsonpath='{.status.containerStatuses[0].state.waiting.reason}'";
    terminal.wait(20);
    assert_eq!(terminal.run(waiting), "ContainerCreating(0)", "containerd waits for 30 s");
    terminal.wait(15);
    assert_eq!(terminal.run(waiting), "ErrImagePull(0)");
    terminal.wait(10);
    assert_eq!(terminal.run(waiting), "ImagePullBackOff(0)");
    let events = terminal.run("kubectl get events --field-selector involvedObject.name=web");
    let why = "Failed to pull image \"nginx:1.28\": rpc error: code = DeadlineExceeded desc = failed to pull and unpack image \"docker.io/library/nginx:1.28\": failed to resolve reference \"docker.io/library/nginx:1.28\": failed to do request: Head \"https://registry-1.docker.io/v2/library/nginx/manifests/1.28\": dial tcp 34.194.164.123:443: i/o timeout";
    assert!(events.contains(why), "{events}");
    // The node hears and is heard; images that are there already need no registry.
    assert_eq!(terminal.ready(), 2);
    assert_eq!(terminal.run("docker exec kind-worker iptables -F"), "(0)");
    // The pull that is under way is lost, too; the next one begins after 20 s of back-off.
    terminal.wait(75);
    assert_eq!(terminal.run("kubectl get pod web -o jsonpath={.status.phase}"), "Running(0)");
}
