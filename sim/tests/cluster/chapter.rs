//! The lecture chapter: its commands run verbatim and print what its slides show.

use orrery_sim::core::Duration;
use orrery_sim::session::Session;

use crate::run;

fn chapter(config: &str) -> Session {
    let mut session = Session::with_files(1, [("kind.yaml".to_string(), config.to_string())].into_iter().collect());
    let created = run(&mut session, "kind create cluster --config kind.yaml");
    assert_eq!(created.code, Some(0), "{}{}", created.stdout, created.stderr);
    session.settle(Duration::s(120));
    session
}

const KIND: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n- role: control-plane\n- role: worker\n";

/// The columns of a table's lines, without AGE.
fn columns(table: &str, wanted: &[usize]) -> Vec<String> {
    table
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            wanted.iter().map(|at| *cells.get(*at).unwrap_or(&"")).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

#[test]
fn nodes() {
    let mut session = chapter(KIND);
    let table = run(&mut session, "kubectl get nodes").stdout;
    assert_eq!(
        columns(&table, &[0, 1, 2, 4]),
        ["NAME STATUS ROLES VERSION", "kind-control-plane Ready control-plane v1.36.1", "kind-worker Ready <none> v1.36.1",]
    );
}

#[test]
fn nodes_of_an_old_version_have_the_role_master() {
    let old = KIND
        .replace("- role: control-plane", "- role: control-plane\n  image: kindest/node:v1.18.2")
        .replace("- role: worker", "- role: worker\n  image: kindest/node:v1.18.2");
    let mut session = chapter(&old);
    let table = run(&mut session, "kubectl get nodes").stdout;
    assert_eq!(
        columns(&table, &[0, 1, 2, 4]),
        ["NAME STATUS ROLES VERSION", "kind-control-plane Ready master v1.18.2", "kind-worker Ready <none> v1.18.2",]
    );
}

#[test]
fn processes_of_a_worker() {
    let mut session = chapter(KIND);
    let tree = run(&mut session, "docker exec -it kind-worker ps fxwwo pid,cmd").stdout;
    assert!(tree.lines().next().is_some_and(|line| line.trim() == "PID CMD"), "{tree}");
    for needle in [
        "/usr/local/bin/containerd\n",
        "/usr/bin/kubelet --",
        "/usr/local/bin/containerd-shim-runc-v2 -namespace k8s.io -id ",
        "\\_ /pause",
        "\\_ /bin/kindnetd",
        "\\_ /usr/local/bin/kube-proxy --config=/var/lib/kube-proxy/config.conf --hostname-override=kind-worker",
    ] {
        assert!(tree.contains(needle), "no {needle:?} in\n{tree}");
    }
    assert!(!tree.contains("etcd "), "{tree}");
}

#[test]
fn processes_of_the_control_plane() {
    let mut session = chapter(KIND);
    let tree = run(&mut session, "docker exec -it kind-control-plane ps fxwwo pid,cmd").stdout;
    for needle in [
        "\\_ etcd --advertise-client-urls=https://172.18.0.",
        "\\_ kube-scheduler --",
        "\\_ kube-controller-manager --",
        "\\_ kube-apiserver --advertise-address=172.18.0.",
    ] {
        assert!(tree.contains(needle), "no {needle:?} in\n{tree}");
    }
}

#[test]
fn pods_of_all_namespaces() {
    let mut session = chapter(KIND);
    let table = run(&mut session, "kubectl get pods -A -o wide").stdout;
    let mut rows: Vec<String> = columns(&table, &[0, 1, 2, 3])
        .into_iter()
        .skip(1)
        .map(|row| {
            let mut cells: Vec<String> = row.split(' ').map(str::to_string).collect();
            // Generated names keep their owner only.
            for owner in ["coredns-", "kindnet-", "kube-proxy-", "local-path-provisioner-"] {
                if cells[1].starts_with(owner) {
                    cells[1] = format!("{owner}*");
                }
            }
            cells.join(" ")
        })
        .collect();
    rows.sort();
    assert_eq!(
        rows,
        [
            "kube-system coredns-* 1/1 Running",
            "kube-system coredns-* 1/1 Running",
            "kube-system etcd-kind-control-plane 1/1 Running",
            "kube-system kindnet-* 1/1 Running",
            "kube-system kindnet-* 1/1 Running",
            "kube-system kube-apiserver-kind-control-plane 1/1 Running",
            "kube-system kube-controller-manager-kind-control-plane 1/1 Running",
            "kube-system kube-proxy-* 1/1 Running",
            "kube-system kube-proxy-* 1/1 Running",
            "kube-system kube-scheduler-kind-control-plane 1/1 Running",
            "local-path-storage local-path-provisioner-* 1/1 Running",
        ]
    );
    assert!(table.lines().next().is_some_and(|header| header.contains("NOMINATED NODE   READINESS GATES")), "{table}");
}
