//! Clusters with several control-plane nodes: how they come into being, what breaks them and what does not.

mod common;

use common::{Terminal, config};
use orrery_sim::core::{Addr, Duration, Message, Part, Verb};
use orrery_sim::etcd::Etcd;
use orrery_sim::kcm::ControllerManager;
use orrery_sim::kind::load_balancer::LoadBalancer;
use orrery_sim::kind::topology::Topology;
use orrery_sim::scheduler::KubeScheduler;
use orrery_sim::session::Session;

/// Who leads.
trait Leaders {
    /// The node whose etcd leads.
    fn etcd_leader(&self) -> Option<String>;
    /// The nodes whose scheduler and whose controller-manager lead.
    fn acting(&self) -> (Vec<String>, Vec<String>);
}

impl Leaders for Terminal {
    fn etcd_leader(&self) -> Option<String> {
        let cluster = self.0.cluster();
        let leader = cluster.parts::<Etcd>(Part::Etcd).find(|(_, etcd)| etcd.raft().is_leader()).map(|(addr, _)| addr.machine);
        leader.map(|machine| cluster.directory().name(machine).to_string())
    }

    fn acting(&self) -> (Vec<String>, Vec<String>) {
        let cluster = self.0.cluster();
        let name = |addr: Addr| cluster.directory().name(addr.machine).to_string();
        let schedulers = cluster.parts::<KubeScheduler>(Part::Scheduler).filter(|(_, scheduler)| scheduler.is_leading());
        let managers = cluster
            .parts::<ControllerManager>(Part::Controller(orrery_sim::core::Controller::Manager))
            .filter(|(_, manager)| manager.is_working());
        (schedulers.map(|(addr, _)| name(addr)).collect(), managers.map(|(addr, _)| name(addr)).collect())
    }
}

#[test]
fn three_control_planes_come_up_behind_a_load_balancer() {
    let mut terminal = Terminal::new(11, config(3, 1));
    assert_eq!(terminal.run("kind create cluster --config kind.yaml"), common::created(3, 1));
    terminal.wait(40);
    let nodes = terminal.run("kubectl get nodes --no-headers");
    assert_eq!(nodes.matches(" Ready ").count(), 4, "{nodes}");
    assert_eq!(nodes.matches(" control-plane ").count(), 3);
    let pods = terminal.run("kubectl get pods -A --no-headers");
    assert_eq!(pods.matches(" 1/1 ").count(), pods.lines().count() - 1, "{pods}");
    assert!(
        ["etcd", "kube-apiserver", "kube-scheduler"].iter().all(|part| pods.contains(&format!("{part}-kind-control-plane3")))
    );

    let members: Vec<_> = terminal.0.cluster().parts::<Etcd>(Part::Etcd).map(|(_, etcd)| etcd.raft().clone()).collect();
    assert!(members.iter().all(|raft| raft.conf().voters.len() == 3 && raft.conf().learners.is_empty()));
    assert_eq!(members.iter().filter(|raft| raft.is_leader()).count(), 1);
    let (schedulers, managers) = terminal.acting();
    assert_eq!((schedulers.len(), managers.len()), (1, 1), "one of three acts");
    let endpoints = terminal.run("kubectl get endpointslices kubernetes --no-headers");
    assert!(endpoints.contains("172.18.0.2,172.18.0.3,172.18.0.4"), "{endpoints}");
    // kubelets of the control plane go to the api-server beside them, those of workers and the administrator to the load balancer.
    let server = |terminal: &mut Terminal, node: &str, file: &str| {
        let file = terminal.run(&format!("docker exec {node} cat /etc/kubernetes/{file}"));
        file.lines().find_map(|line| line.trim().strip_prefix("server: ").map(|url| url.trim_matches('"').to_string()))
    };
    let balanced = Some("https://kind-external-load-balancer:6443".to_string());
    assert_eq!(server(&mut terminal, "kind-control-plane", "kubelet.conf").as_deref(), Some("https://172.18.0.2:6443"));
    assert_eq!(server(&mut terminal, "kind-control-plane2", "kubelet.conf").as_deref(), Some("https://172.18.0.3:6443"));
    assert_eq!(server(&mut terminal, "kind-control-plane2", "admin.conf"), balanced);
    assert_eq!(server(&mut terminal, "kind-worker", "kubelet.conf"), balanced);
    // The load balancer's container holds HAProxy and no node's programs.
    for program in ["kubeadm init", "ps ax", "cat /etc/hosts", "etcdctl member list"] {
        let said = terminal.run(&format!("docker exec kind-external-load-balancer {program}"));
        assert!(said.contains("executable file not found in $PATH") && said.ends_with("(127)"), "{said}");
    }
    // The kubeconfig leads to the load balancer, whose backends are all up.
    let balancer = Addr::new(terminal.machine("kind-external-load-balancer"), Part::LoadBalancer);
    let backends = terminal.0.cluster().part::<LoadBalancer>(balancer).expect("it runs").backends();
    assert!(backends.len() == 3 && backends.iter().all(|backend| backend.up));
    assert!(terminal.run("kubectl config view").contains(&format!("https://127.0.0.1:{}", 40_000 + balancer.machine.0)));
    terminal.run("docker stop kind-external-load-balancer");
    let lost = terminal.run("docker exec kind-control-plane2 kubectl get nodes");
    assert!(lost.contains("kind-external-load-balancer") && lost.ends_with("(1)"), "{lost}");
}

/// Without etcd a write ends after 34 s and a read after 60 s, as recorded.
fn requests_end_in_time(terminal: &mut Terminal) {
    let since = terminal.seconds();
    assert_eq!(
        terminal.run("kubectl create configmap unheard --from-literal=a=1"),
        "error: failed to create configmap: Timeout: request did not complete within requested timeout - context deadline exceeded\n(1)"
    );
    assert_eq!(terminal.seconds() - since, 34);
    assert_eq!(
        terminal.run("kubectl get cm"),
        "Error from server (Timeout): the server was unable to return a response in the time allotted, but may still be processing the request (get configmaps)\n(1)"
    );
    assert_eq!(terminal.seconds() - since, 94);
}

/// Moves the manifest of a node's etcd away, so that its kubelet ends it.
fn stop_etcd(terminal: &mut Terminal, node: &str) {
    assert_eq!(terminal.run(&format!("docker exec {node} mv /etc/kubernetes/manifests/etcd.yaml /etc/kubernetes")), "(0)");
    let machine = terminal.machine(node);
    let stopped = |session: &Session| session.cluster().part::<Etcd>(Addr::new(machine, Part::Etcd)).is_none();
    terminal.wait_for("etcd ends", Duration::ms(1), stopped);
}

#[test]
fn losing_etcds_leader_and_then_its_majority_is_told_as_recorded() {
    let mut terminal = Terminal::created(5, config(3, 1));
    let ask = "--endpoints=https://172.18.0.2:2379,https://172.18.0.3:2379,https://172.18.0.4:2379";
    let status = terminal.run(&format!("docker exec kind-control-plane etcdctl {ask} endpoint status -w table"));
    let head = "\
+-------------------------+------------------+---------+-----------------+---------+--------+-----------------------+--------+-----------+------------+-----------+------------+--------------------+--------+--------------------------+-------------------+
|        ENDPOINT         |        ID        | VERSION | STORAGE VERSION | DB SIZE | IN USE | PERCENTAGE NOT IN USE | QUOTA  | IS LEADER | IS LEARNER | RAFT TERM | RAFT INDEX | RAFT APPLIED INDEX | ERRORS | DOWNGRADE TARGET VERSION | DOWNGRADE ENABLED |
+-------------------------+------------------+---------+-----------------+---------+--------+-----------------------+--------+-----------+------------+-----------+------------+--------------------+--------+--------------------------+-------------------+
| https://172.18.0.2:2379 |";
    assert!(status.starts_with(head), "{status}");
    assert_eq!(
        (status.matches("      true |").count(), status.matches(" |     false |      false |").count()),
        (1, 2),
        "{status}"
    );
    let list = terminal.run("kubectl exec -n kube-system etcd-kind-control-plane2 -- etcdctl member list");
    assert!(list.contains(", started, kind-control-plane3, https://172.18.0.4:2380, https://172.18.0.4:2379, false\n"), "{list}");
    assert_eq!(terminal.run("kubectl create configmap a --from-literal=a=1"), "configmap/a created\n(0)");

    let leader = terminal.etcd_leader().expect("a leader");
    stop_etcd(&mut terminal, &leader);
    // The next commands come to the other api-servers, one after the other; a write that is sent now is lost with the leader.
    let mut lost = 0;
    let since = terminal.seconds();
    for name in ["b0", "b1", "b2"] {
        let said = terminal.run(&format!("kubectl create configmap {name} --from-literal=a=1"));
        lost += usize::from(said.contains(
            "error: failed to create configmap: etcdserver: request timed out, possibly due to previous leader failure",
        ));
        if lost > 0 {
            break;
        }
    }
    assert_eq!(lost, 1);
    let took = terminal.seconds() - since;
    assert!((27..62).contains(&took), "it took {took} s");
    let new = terminal.etcd_leader().expect("a new leader");
    assert_ne!(new, leader);
    // The api-server without an etcd fails its health checks: the load balancer passes it by.
    for name in ["c0", "c1", "c2"] {
        assert_eq!(
            terminal.run(&format!("kubectl create configmap {name} --from-literal=a=1")),
            format!("configmap/{name} created\n(0)")
        );
    }

    stop_etcd(&mut terminal, &new);
    let rest = ["kind-control-plane", "kind-control-plane2", "kind-control-plane3"].into_iter();
    let rest = rest.filter(|node| *node != leader && *node != new).collect::<Vec<_>>()[0];
    terminal.wait(8);
    let status = terminal.run(&format!("docker exec {rest} etcdctl endpoint status -w table"));
    assert!(status.contains("|        ERRORS         |") && status.contains(" | etcdserver: no leader |"), "{status}");
    requests_end_in_time(&mut terminal);
    let health = terminal.run(&format!("docker exec {rest} etcdctl endpoint health"));
    assert!(
        health.ends_with(
            "127.0.0.1:2379 is unhealthy: failed to commit proposal: context deadline exceeded\nError: unhealthy cluster\n(1)"
        ),
        "{health}"
    );
    let own = format!("docker exec {rest} etcdctl get /registry/configmaps/default/a --keys-only --consistency=s");
    assert_eq!(terminal.run(&own), "/registry/configmaps/default/a\n\n(0)");
    assert_eq!(terminal.acting(), (vec![], vec![]), "nobody can renew a Lease, so nobody acts");

    // One member comes back: a majority again, with everything that was acknowledged.
    assert_eq!(terminal.run(&format!("docker exec {new} mv /etc/kubernetes/etcd.yaml /etc/kubernetes/manifests/")), "(0)");
    terminal.wait(60);
    let maps = terminal.run("kubectl get cm -o name");
    assert!(["a", "c0", "c1", "c2"].iter().all(|name| maps.contains(&format!("configmap/{name}\n"))), "{maps}");
    assert_eq!(terminal.run("kubectl create configmap e --from-literal=a=1"), "configmap/e created\n(0)");
    let (schedulers, managers) = terminal.acting();
    assert_eq!((schedulers.len(), managers.len()), (1, 1));
}

/// The other control-plane nodes.
fn others(node: &str) -> Vec<&'static str> {
    ["kind-control-plane", "kind-control-plane2", "kind-control-plane3"].into_iter().filter(|other| *other != node).collect()
}

#[test]
fn a_partitioned_leader_is_replaced_and_follows_when_it_is_back() {
    let mut terminal = Terminal::created(6, config(3, 1));
    let leader = terminal.etcd_leader().expect("a leader");
    assert_eq!(terminal.run(&format!("docker network disconnect kind {leader}")), "(0)");
    terminal.wait(10);
    let new = terminal.etcd_leader().expect("a leader");
    assert_ne!(new, leader, "the old one has stepped down by itself, the others have elected");
    for at in 0..4 {
        assert!(
            terminal.run(&format!("kubectl create configmap c{at}")).ends_with("(0)"),
            "the load balancer passes the lost node by"
        );
    }
    terminal.wait(70);
    assert_eq!(terminal.ready(), 3);
    let (schedulers, managers) = terminal.acting();
    assert!(schedulers.len() == 1 && managers.len() == 1 && !schedulers.contains(&leader) && !managers.contains(&leader));
    assert_eq!(terminal.run(&format!("docker network connect kind {leader}")), "(0)");
    terminal.wait(30);
    assert_eq!(terminal.ready(), 4);
    assert_eq!(terminal.etcd_leader(), Some(new), "coming back deposes nobody");
    let own = format!("docker exec {leader} etcdctl get /registry/configmaps/default/c3 --keys-only --consistency=s");
    assert_eq!(terminal.run(&own), "/registry/configmaps/default/c3\n\n(0)");
}

#[test]
fn a_cut_link_costs_a_worker_its_lease_and_its_pods_run_on() {
    let mut terminal = Terminal::created(7, config(3, 2));
    terminal.run("kubectl create deployment web --image=nginx:1.28 --replicas=2");
    terminal.wait(10);
    let cut = "docker exec kind-worker iptables -A OUTPUT -d kind-external-load-balancer -j DROP";
    assert_eq!(terminal.run(cut), "(0)");
    terminal.wait(75);
    let nodes = terminal.run("kubectl get nodes --no-headers");
    assert!(nodes.lines().any(|line| line.starts_with("kind-worker ") && line.contains(" NotReady ")), "{nodes}");
    let containers = terminal.run("docker exec kind-worker crictl ps");
    assert!(containers.contains("nginx"), "{containers}");
    assert_eq!(terminal.run("docker exec kind-worker iptables -F"), "(0)");
    terminal.wait(20);
    assert_eq!(terminal.ready(), 5);
    assert!(
        terminal.run("docker exec kind-worker iptables -A INPUT -s nowhere -j DROP").contains("host/network `nowhere' not found")
    );
    assert!(terminal.run("docker network disconnect other kind-worker").contains("network other not found"));
    // What is asked for twice is refused; what a container's interface was told goes with it.
    assert!(terminal.run("docker network connect kind kind-worker").contains("endpoint with name kind-worker already exists"));
    assert_eq!(terminal.run("docker network disconnect kind kind-worker"), "(0)");
    assert!(terminal.run("docker network disconnect kind kind-worker").contains("is not connected to network kind"));
    assert_eq!(terminal.run("docker network connect kind kind-worker"), "(0)");
    assert_eq!(terminal.run(cut), "(0)");
    terminal.run("docker restart kind-worker");
    terminal.wait(40);
    assert_eq!(terminal.ready(), 5);
    assert_eq!(
        terminal.run("docker exec kind-worker iptables -D OUTPUT -d kind-external-load-balancer -j DROP"),
        "iptables: Bad rule (does a matching rule exist in that chain?).\n(1)"
    );
}

#[test]
fn a_slow_and_lossy_link_delays_but_loses_nothing() {
    let mut terminal = Terminal::created(8, config(3, 1));
    let leader = terminal.etcd_leader().expect("a leader");
    for other in others(&leader) {
        assert_eq!(terminal.run(&format!("docker exec {other} tc qdisc add dev eth0 root netem delay 60ms 10ms loss 2%")), "(0)");
    }
    for at in 0..6 {
        assert_eq!(terminal.run(&format!("kubectl create configmap s{at}")), format!("configmap/s{at} created\n(0)"));
    }
    let took = |terminal: &mut Terminal| {
        let since = terminal.0.playhead();
        assert!(terminal.run("kubectl get cm s5").ends_with("(0)"));
        terminal.0.playhead().since(since).as_millis()
    };
    let slow = took(&mut terminal);
    for other in others(&leader) {
        terminal.run(&format!("docker exec {other} tc qdisc del dev eth0 root"));
    }
    terminal.wait(5);
    assert!(slow > 50 && took(&mut terminal) < 20, "{slow} ms");
}

#[test]
fn clients_of_a_dead_api_server_go_on_elsewhere_from_where_they_were() {
    let mut terminal = Terminal::created(9, config(3, 3));
    terminal.run("kubectl create deployment web --image=nginx:1.28 --replicas=3");
    terminal.wait(20);
    let before = terminal.0.trace().envelopes().len();
    assert_eq!(terminal.run("docker exec kind-control-plane rm /etc/kubernetes/manifests/kube-apiserver.yaml"), "(0)");
    terminal.wait(100);
    let nodes = terminal.table("kubectl get nodes");
    let lost: Vec<&str> = nodes.iter().filter(|node| node[1] != "Ready").map(|node| node[0].as_str()).collect();
    assert_eq!(lost, ["kind-control-plane"], "only the kubelet beside it knows no other api-server");
    let resumed = terminal.0.trace().envelopes()[before..].iter().filter(|envelope| {
        envelope.to.part == Part::LoadBalancer
            && matches!(&envelope.message, Message::Request(request) if request.verb == Verb::Watch && request.query("resourceVersion").is_some_and(|revision| revision != "0"))
    });
    assert!(resumed.count() > 3, "watches go on from their revision");
    let (schedulers, managers) = terminal.acting();
    assert!(schedulers.len() == 1 && managers.len() == 1, "{schedulers:?} {managers:?}");
    assert!(!schedulers.contains(&"kind-control-plane".to_string()), "whose own api-server is gone cannot lead");
    terminal.run("kubectl scale deployment web --replicas=6");
    terminal.wait(15);
    let pods = terminal.run("kubectl get pods --no-headers");
    assert_eq!(pods.matches(" Running ").count(), 6, "{pods}");
    let endpoints = terminal.run("kubectl get endpointslices kubernetes --no-headers");
    assert!(!endpoints.contains("172.18.0.2"), "{endpoints}");
}

#[test]
fn leadership_is_handed_over_by_lease() {
    let mut terminal = Terminal::created(10, config(3, 1));
    let (schedulers, managers) = terminal.acting();
    let (scheduler, manager) = (schedulers[0].clone(), managers[0].clone());
    terminal.run(&format!("docker exec {scheduler} rm /etc/kubernetes/manifests/kube-scheduler.yaml"));
    terminal.run(&format!("docker exec {manager} rm /etc/kubernetes/manifests/kube-controller-manager.yaml"));
    terminal.wait(25);
    let (schedulers, managers) = terminal.acting();
    assert!(schedulers.len() == 1 && schedulers[0] != scheduler && managers.len() == 1 && managers[0] != manager);
    let lease = terminal.run("kubectl get lease kube-scheduler -n kube-system -o jsonpath={.spec.leaseTransitions}");
    assert_eq!(lease, "1(0)");
    terminal.run("kubectl create deployment web --image=nginx:1.28");
    terminal.wait(10);
    assert!(terminal.run("kubectl get pods --no-headers").contains(" Running "));
}

#[test]
fn five_control_planes_survive_the_loss_of_two() {
    let mut terminal = Terminal::created(12, config(5, 1));
    assert_eq!(terminal.ready(), 6);
    let leader = terminal.etcd_leader().expect("a leader");
    let second = if leader == "kind-control-plane5" { "kind-control-plane4" } else { "kind-control-plane5" };
    terminal.run(&format!("docker stop {leader} {second}"));
    terminal.wait(15);
    for at in 0..3 {
        assert!(terminal.run(&format!("kubectl create configmap c{at}")).ends_with("(0)"));
    }
    terminal.run(&format!("docker start {leader} {second}"));
    terminal.wait(60);
    assert_eq!(terminal.ready(), 6);
    let members: Vec<_> = terminal.0.cluster().parts::<Etcd>(Part::Etcd).map(|(_, etcd)| etcd.raft().log().applied()).collect();
    assert!(
        members.len() == 5 && members.iter().all(|applied| *applied + 5 > members[0] && members[0] + 5 > *applied),
        "{members:?}"
    );
}

#[test]
fn etcd_on_machines_of_its_own() {
    let topology = Topology { name: "", control_planes: 2, workers: 1, external_etcd: 3 };
    let mut terminal = Terminal::new(13, topology.config());
    for line in topology.etcd_lines() {
        assert!(terminal.run(&line).ends_with("\n(0)"));
    }
    terminal.wait(3);
    let list = terminal.run("docker exec etcd2 etcdctl member list");
    assert!(list.contains("started, etcd3, http://etcd3:2380, http://etcd3:2379, false\n"), "{list}");
    assert!(terminal.run("kind create cluster --config kind.yaml").ends_with("(0)"));
    terminal.wait(30);
    assert_eq!(terminal.ready(), 3);
    let pods = terminal.run("kubectl get pods -n kube-system --no-headers");
    assert!(!pods.contains("etcd-") && pods.contains("kube-apiserver-kind-control-plane2"), "{pods}");
    // A further control-plane node learns from the cluster that there is no etcd to join.
    let joined = join(&mut terminal, 3, "kind-external-load-balancer");
    assert!(joined.contains("[check-etcd] Skipping etcd check in external mode\n"), "{joined}");
    assert!(joined.contains("Using external etcd - no local stacked instance added") && joined.ends_with("(0)"), "{joined}");
    assert!(!joined.contains("etcd member"), "{joined}");
    terminal.wait(20);
    assert_eq!(terminal.ready(), 4);
    // A control-plane node costs no member, and a member no control-plane node.
    terminal.run("docker stop kind-control-plane");
    terminal.run("docker kill etcd1");
    terminal.wait(15);
    for at in 0..3 {
        assert!(terminal.run(&format!("kubectl create configmap c{at}")).ends_with("(0)"));
    }
    terminal.run("docker start etcd1");
    terminal.wait(5);
    let own = "docker exec etcd1 etcdctl get /registry/configmaps/default/c2 --keys-only --consistency=s";
    assert_eq!(terminal.run(own), "/registry/configmaps/default/c2\n\n(0)");
}

/// Makes another control-plane machine and has it join the cluster at this endpoint; what kubeadm says.
fn join(terminal: &mut Terminal, number: usize, endpoint: &str) -> String {
    let name = format!("kind-control-plane{number}");
    terminal.run(&format!(
        "docker run -d --name {name} --label io.x-k8s.kind.cluster=kind --label io.x-k8s.kind.role=control-plane kindest/node:v1.36.1"
    ));
    terminal.wait(3);
    terminal.run(&format!(
        "docker exec {name} kubeadm join {endpoint}:6443 --token abcdef.0123456789abcdef --discovery-token-unsafe-skip-ca-verification --control-plane"
    ))
}

#[test]
fn kind_gives_up_after_four_minutes_when_etcd_has_no_majority() {
    let topology = Topology { name: "", control_planes: 1, workers: 1, external_etcd: 3 };
    let mut terminal = Terminal::new(13, topology.config());
    let first = &topology.etcd_lines()[0];
    assert!(terminal.run(first).ends_with("\n(0)"));
    let since = terminal.seconds();
    let said = terminal.run("kind create cluster --config kind.yaml");
    assert!(
        said.contains(" ✗ Starting control-plane 🕹️\n") && said.contains("kube-apiserver is not healthy after 4m0s"),
        "{said}"
    );
    assert!(said.ends_with("(1)"), "{said}");
    let took = terminal.seconds() - since;
    assert!((240..290).contains(&took), "it took {took} s");
}

#[test]
fn etcdctl_deletes_ranges_and_refuses_what_it_does_not_do() {
    let mut terminal = Terminal::created(15, config(3, 0));
    let mut etcdctl = |args: &str| terminal.run(&format!("docker exec kind-control-plane etcdctl {args}"));
    for key in ["a/1", "a/2", "b/1"] {
        assert_eq!(etcdctl(&format!("put /test/{key} x")), "OK\n(0)");
    }
    assert_eq!(etcdctl("del /test/a/ --prefix"), "2\n(0)");
    assert_eq!(etcdctl("get /test/ --prefix --keys-only"), "/test/b/1\n\n(0)");
    assert_eq!(etcdctl("del /test/a/ --prefix"), "0\n(0)");
    assert_eq!(etcdctl("del /test/b/1"), "1\n(0)");
    let members = etcdctl("member list -w json");
    assert!(members.starts_with("{\"header\":{\"cluster_id\":") && members.matches("\"ID\":").count() == 3, "{members}");
    let health = etcdctl("endpoint health --cluster -w json");
    assert!(
        health.starts_with("[{\"endpoint\":\"https://172.18.0.") && health.matches("\"health\":true").count() == 3,
        "{health}"
    );
    let table = etcdctl("endpoint health -w table");
    assert!(table.contains("|    ENDPOINT    | HEALTH |") && table.contains("| 127.0.0.1:2379 |   true |"), "{table}");
    assert_eq!(etcdctl("get /x -w table"), "Error: table is not supported as output format\n(4)");
    assert!(etcdctl("get /x -w json").ends_with("(4)"));
    assert_eq!(etcdctl("get /x -w yaml"), "Error: unsupported output format\n(4)");
    assert!(etcdctl("get /x --command-timeout=soon").contains("time: invalid duration \"soon\""));

    // What is no object makes lists fail until it is gone; an object as JSON is one.
    let undecodable = "Error from server: couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }\n(1)";
    assert_eq!(etcdctl("put /registry/configmaps/default/x garbage"), "OK\n(0)");
    let object = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"y","namespace":"default"}}"#;
    assert_eq!(etcdctl(&format!("put /registry/configmaps/default/y '{object}'")), "OK\n(0)");
    for line in ["kubectl get cm", "kubectl get cm -A", "kubectl get cm x"] {
        assert_eq!(terminal.run(line), undecodable, "{line}");
    }
    assert!(terminal.run("kubectl get cm -n kube-system").ends_with("(0)"), "the others' lists do not fail");
    assert_eq!(terminal.run("docker exec kind-control-plane etcdctl del /registry/configmaps/default/x"), "1\n(0)");
    assert_eq!(terminal.run("kubectl get cm -o name"), "configmap/kube-root-ca.crt\nconfigmap/y\n(0)");

    // Without a majority a read ends when the time limit is over.
    for node in ["kind-control-plane2", "kind-control-plane3"] {
        stop_etcd(&mut terminal, node);
    }
    terminal.wait(5);
    let since = terminal.seconds();
    let late = terminal.run("docker exec kind-control-plane etcdctl get /x --command-timeout=2s");
    assert!(late.contains("\"logger\":\"etcd-client\"") && late.ends_with("Error: context deadline exceeded\n(1)"), "{late}");
    assert!((2..=3).contains(&(terminal.seconds() - since)));
}

#[test]
fn nodes_are_reset_and_join_again() {
    let mut terminal = Terminal::created(15, config(3, 1));
    assert!(terminal.run("docker exec kind-control-plane3 kubeadm reset").ends_with("(1)"), "it asks first");
    for node in ["kind-control-plane3", "kind-worker"] {
        let said = terminal.run(&format!("docker exec {node} kubeadm reset -f"));
        assert!(said.starts_with("[preflight] Running pre-flight checks\n") && said.ends_with("(0)"), "{said}");
        assert_eq!(terminal.run(&format!("docker exec {node} crictl ps -a -q")).lines().count(), 2, "nothing runs there");
        // The load balancer does not know yet that an api-server is gone.
        terminal.wait(10);
        assert_eq!(terminal.run(&format!("kubectl delete node {node}")), format!("node {node:?} deleted\n(0)"));
    }
    // The garbage collector deletes the mirrors of the deleted Node, but nobody is there who would end them: they stay until the pod garbage
    // collector has missed the Node for 40 s. kubeadm is not led astray by them: it asks etcd for its members.
    let mirrors = "kubectl get pods -n kube-system -l tier=control-plane --no-headers";
    terminal.wait(1);
    let pods = terminal.run(mirrors);
    assert_eq!(pods.lines().filter(|pod| pod.contains("-plane3 ") && pod.contains(" Terminating ")).count(), 4, "{pods}");
    let list = terminal.run("docker exec kind-control-plane etcdctl member list");
    assert_eq!(list.matches(", started, kind-control-plane").count(), 2, "{list}");
    assert_eq!(terminal.run("kubectl create configmap a --from-literal=a=1"), "configmap/a created\n(0)");
    assert_eq!(terminal.ready(), 2);
    let join = "kubeadm join kind-external-load-balancer:6443 --token abcdef.0123456789abcdef --discovery-token-unsafe-skip-ca-verification";
    for line in [format!("kind-control-plane3 {join} --control-plane"), format!("kind-worker {join}")] {
        let joined = terminal.run(&format!("docker exec {line}"));
        assert!(joined.contains("This node has joined the cluster") && joined.ends_with("(0)"), "{joined}");
    }
    terminal.wait(30);
    assert_eq!(terminal.ready(), 4);
    let pods = terminal.run(mirrors);
    assert_eq!(pods.lines().filter(|pod| pod.contains("-plane3 ") && pod.contains(" 1/1 ")).count(), 4, "mirrors anew: {pods}");
    let list = terminal.run("docker exec kind-control-plane etcdctl member list");
    assert_eq!(list.matches(", started, kind-control-plane").count(), 3, "{list}");
    let own = "docker exec kind-control-plane3 etcdctl get /registry/configmaps/default/a --keys-only --consistency=s";
    assert_eq!(terminal.run(own), "/registry/configmaps/default/a\n\n(0)");
}

#[test]
fn one_control_plane_becomes_three_and_two_while_it_runs() {
    let mut terminal = Terminal::created(14, config(1, 1));
    for number in 2..=3 {
        let joined = join(&mut terminal, number, "kind-control-plane");
        let announced = joined.split_once("[check-etcd] Checking that the etcd cluster is healthy\n").expect("it is checked").1;
        assert!(announced.contains("[etcd] Announced new etcd member joining to the existing etcd cluster\n"), "{joined}");
        assert!(joined.contains("a new control plane instance was created") && joined.ends_with("(0)"), "{joined}");
        assert!(joined.contains("* A new etcd member was added"), "{joined}");
    }
    terminal.wait(30);
    assert_eq!(terminal.ready(), 4);
    let list = terminal.run("docker exec kind-control-plane etcdctl member list");
    assert_eq!(list.matches(", started, kind-control-plane").count(), 3, "{list}");
    // Nobody joins while a member is down.
    terminal.run("docker stop kind-control-plane3");
    terminal.wait(5);
    let refused = join(&mut terminal, 4, "kind-control-plane");
    assert!(refused.contains("error execution phase check-etcd: etcd cluster is not healthy: "), "{refused}");
    assert!(!refused.contains("Announced") && refused.ends_with("(1)"), "{refused}");
    terminal.run("docker rm -f kind-control-plane4");
    let third = list.lines().find(|line| line.contains("kind-control-plane3")).and_then(|line| line.split(',').next());
    let gone = terminal.run(&format!("docker exec kind-control-plane etcdctl member remove {}", third.expect("it is listed")));
    assert!(gone.contains(" removed from cluster "), "{gone}");
    terminal.run("docker rm -f kind-control-plane3");
    terminal.run("kubectl delete node kind-control-plane3");
    terminal.wait(20);
    assert_eq!(terminal.run("kubectl create configmap a --from-literal=a=1"), "configmap/a created\n(0)");
    let voters: Vec<usize> =
        terminal.0.cluster().parts::<Etcd>(Part::Etcd).map(|(_, etcd)| etcd.raft().conf().voters.len()).collect();
    assert_eq!(voters, [2, 2]);
}

#[test]
fn an_api_server_that_has_lost_its_etcd_says_so_and_ends_requests_in_time() {
    let mut terminal = Terminal::created(15, config(1, 0));
    stop_etcd(&mut terminal, "kind-control-plane");
    terminal.wait(1);
    let ready = terminal.run("kubectl get --raw /readyz");
    assert!(ready.contains("[-]etcd failed") && ready.ends_with("(1)"), "{ready}");
    requests_end_in_time(&mut terminal);
    // What watches know is still there, and goes on where it was.
    terminal.run("docker exec kind-control-plane mv /etc/kubernetes/etcd.yaml /etc/kubernetes/manifests/");
    terminal.wait(30);
    assert_eq!(terminal.run("kubectl create configmap b"), "configmap/b created\n(0)");
    let maps = terminal.run("kubectl get cm -o name");
    assert!(maps.contains("configmap/b\n") && !maps.contains("configmap/a\n"), "{maps}");
}

/// reference/09-node-failure with several control-plane nodes: the node's machine is switched off, and comes back.
#[test]
fn a_lost_node_is_noticed_tainted_emptied_and_comes_back() {
    let mut terminal = Terminal::created(16, config(3, 2));
    terminal.run("kubectl create deployment web --image=nginx:1.28 --replicas=2");
    terminal.run("kubectl create deployment quick --image=nginx:1.28 --replicas=2");
    let patience = "{\"spec\":{\"template\":{\"spec\":{\"tolerations\":[{\"key\":\"node.kubernetes.io/unreachable\",\"operator\":\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":30}]}}}}";
    assert!(terminal.run(&format!("kubectl patch deployment quick -p '{patience}'")).ends_with("(0)"));
    terminal.wait(20);
    let on_lost = |terminal: &mut Terminal, app: &str| {
        let pods =
            terminal.run(&format!("kubectl get pods -l app={app} --field-selector spec.nodeName=kind-worker2 --no-headers"));
        (pods.matches(" Running ").count(), pods.matches(" Terminating ").count())
    };
    assert_eq!((on_lost(&mut terminal, "web"), on_lost(&mut terminal, "quick")), ((1, 0), (1, 0)));

    let lost = terminal.seconds();
    assert!(terminal.run("docker kill kind-worker2").ends_with("(0)"));
    let status =
        "kubectl get node kind-worker2 -o jsonpath='{.status.conditions[?(@.type==\"Ready\")].status}|{.spec.taints[*].effect}'";
    while terminal.run(status) == "True|(0)" {
        terminal.wait(1);
    }
    let noticed = terminal.seconds();
    // Its Lease was renewed 0 to 10 s before, and the node controller looks every 5 s.
    assert!((38..=57).contains(&(noticed - lost)), "after {} s", noticed - lost);
    terminal.wait(2);
    assert_eq!(terminal.run(status), "Unknown|NoSchedule NoExecute(0)");
    let ready = "-o jsonpath='{.items[*].status.phase} {.items[*].status.conditions[?(@.type==\"Ready\")].status}'";
    let pods = format!("kubectl get pods -l app=web --field-selector spec.nodeName=kind-worker2 {ready}");
    assert_eq!(terminal.run(&pods), "Running False(0)", "only its Ready condition is changed");

    // 30 s that `quick` tolerates, and 300 s by default; nobody is there who would end the pods.
    terminal.wait(noticed + 28 - terminal.seconds());
    assert_eq!(on_lost(&mut terminal, "quick"), (1, 0));
    terminal.wait(8);
    assert_eq!((on_lost(&mut terminal, "web"), on_lost(&mut terminal, "quick")), ((1, 0), (0, 1)));
    assert!(terminal.run("kubectl get deployment quick --no-headers").contains(" 2/2 "));
    terminal.wait(noticed + 297 - terminal.seconds());
    assert_eq!(on_lost(&mut terminal, "web"), (1, 0));
    terminal.wait(10);
    assert_eq!(on_lost(&mut terminal, "web"), (0, 1));
    assert!(terminal.run("kubectl get deployment web --no-headers").contains(" 2/2 "));

    assert!(terminal.run("docker start kind-worker2").ends_with("(0)"));
    terminal.wait(40);
    assert_eq!(terminal.run(status), "True|(0)");
    assert_eq!((on_lost(&mut terminal, "web"), on_lost(&mut terminal, "quick")), ((0, 0), (0, 0)));
    assert_eq!(terminal.ready(), 5);
}
