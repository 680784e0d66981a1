//! Memory and disk that run out: containers beyond their limit, and nodes under pressure.

use orrery_sim::core::Duration;
use orrery_sim::session::Session;

use super::{booted, ok, run};

fn wait(session: &mut Session, seconds: u64) {
    session.seek(session.playhead() + Duration::s(seconds));
}

/// A pod on `kind-worker` that runs the documentation's program with these arguments.
fn stress(name: &str, image: &str, args: &str, resources: &str) -> String {
    format!(
        "cat <<EOF | kubectl apply -f -\napiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec:\n  nodeName: kind-worker\n  containers:\n  - name: stress\n    image: {image}\n    resources: {resources}\n    args: [{args}]\nEOF"
    )
}

#[test]
fn a_container_beyond_its_limit_is_killed_and_backs_off() {
    let mut session = booted();
    let args = "stress, --vm, '1', --vm-bytes, 250M, --vm-hang, '1'";
    ok(&mut session, &stress("greedy", "polinux/stress", args, "{requests: {memory: 50Mi}, limits: {memory: 100Mi}}"));
    ok(&mut session, &stress("modest", "polinux/stress", args, "{requests: {memory: 100Mi}, limits: {memory: 300Mi}}"));
    wait(&mut session, 20);
    assert_eq!(ok(&mut session, "kubectl get pod modest -o jsonpath={.status.phase}"), "Running");
    let log = ok(&mut session, "kubectl logs modest");
    assert_eq!(log, "stress: info: [1] dispatching hogs: 0 cpu, 0 io, 1 vm, 0 hdd\n");
    let described = ok(&mut session, "kubectl describe pod greedy");
    assert!(described.contains("Reason:       OOMKilled\n      Exit Code:    137\n"), "{described}");
    assert!(described.contains("BackOff") && described.contains("Back-off restarting failed container stress"), "{described}");
    let line = ok(&mut session, "kubectl get pod greedy --no-headers");
    assert!(line.contains(" OOMKilled ") || line.contains(" CrashLoopBackOff "), "{line}");
}

#[test]
fn a_node_that_runs_out_of_memory_evicts_who_takes_more_than_requested() {
    let mut session = booted();
    ok(&mut session, &stress("fair", "polinux/stress", "stress, --vm, '1', --vm-bytes, 1G", "{requests: {memory: 2Gi}}"));
    wait(&mut session, 5);
    let before = ok(&mut session, "docker exec kind-worker free -m");
    assert!(before.contains("Mem:            8192"), "{before}");
    ok(&mut session, &stress("hog", "alexeiled/stress-ng", "--vm, '1', --vm-bytes, 99%", "{}"));
    wait(&mut session, 20);
    let status = |session: &mut Session, name: &str| {
        ok(session, &format!("kubectl get pod {name} -o jsonpath='{{.status.phase}}|{{.status.reason}}|{{.status.message}}'"))
    };
    let hog = status(&mut session, "hog");
    let start = "Failed|Evicted|The node was low on resource: memory. Threshold quantity: 100Mi, available: ";
    assert!(
        hog.starts_with(start)
            && hog.contains(". Container stress was using ")
            && hog.ends_with(", request is 0, has larger consumption of memory. "),
        "{hog}"
    );
    assert_eq!(status(&mut session, "fair"), "Running||");
    assert_eq!(
        ok(&mut session, "kubectl get pod hog -o jsonpath='{.status.conditions[?(@.type==\"DisruptionTarget\")].reason}'"),
        "TerminationByKubelet"
    );
    let node = ok(&mut session, "kubectl describe node kind-worker");
    assert!(node.contains("KubeletHasInsufficientMemory   kubelet has insufficient memory available"), "{node}");
    assert!(node.contains("node.kubernetes.io/memory-pressure:NoSchedule"), "{node}");
    assert!(node.contains("EvictionThresholdMet") && node.contains("Attempting to reclaim memory"), "{node}");
    // Nobody who has requested nothing may come now, not even by name.
    ok(&mut session, &stress("late", "nginx", "", "{}"));
    wait(&mut session, 5);
    assert_eq!(status(&mut session, "late"), "Failed|Evicted|Pod was rejected: The node had condition: [MemoryPressure]. ");
    ok(&mut session, "kubectl run other --image=nginx");
    wait(&mut session, 10);
    assert_eq!(ok(&mut session, "kubectl get pod other -o jsonpath={.spec.nodeName}"), "kind-worker2");
    // Five minutes after the memory was free again the condition goes.
    wait(&mut session, 320);
    let node = ok(&mut session, "kubectl describe node kind-worker");
    assert!(node.contains("KubeletHasSufficientMemory") && node.contains("Taints:             <none>"), "{node}");
}

#[test]
fn a_full_disk_costs_images_first_and_then_pods() {
    let mut session = booted();
    ok(&mut session, "kubectl create deployment web --image=nginx --replicas=4");
    ok(&mut session, "kubectl rollout status deployment web --timeout=60s");
    ok(
        &mut session,
        "kubectl run once --image=busybox --restart=Never --overrides='{\"spec\":{\"nodeName\":\"kind-worker\"}}' -- true",
    );
    wait(&mut session, 15);
    ok(&mut session, "kubectl delete pod once");
    assert!(ok(&mut session, "docker exec kind-worker crictl images").contains("docker.io/library/busybox"));
    ok(&mut session, "docker exec kind-worker fallocate -l 88G /var/fill");
    let df = ok(&mut session, "docker exec kind-worker df -h");
    assert!(df.lines().nth(1).is_some_and(|line| line.starts_with("overlay         100G") && line.ends_with("% /")), "{df}");
    let full = run(&mut session, "docker exec kind-worker fallocate -l 88G /var/more");
    assert_eq!((full.stderr.as_str(), full.code), ("fallocate: fallocate failed: No space left on device\n", Some(1)));
    wait(&mut session, 15);
    assert!(!ok(&mut session, "docker exec kind-worker crictl images").contains("docker.io/library/busybox"));
    wait(&mut session, 90);
    let node = ok(&mut session, "kubectl describe node kind-worker");
    assert!(node.contains("KubeletHasDiskPressure") && node.contains("node.kubernetes.io/disk-pressure:NoSchedule"), "{node}");
    let evicted = ok(
        &mut session,
        "kubectl get pods -o jsonpath='{range .items[?(@.status.reason==\"Evicted\")]}{.status.message}{\"\\n\"}{end}'",
    );
    let message = "The node was low on resource: ephemeral-storage. Threshold quantity: ";
    assert!(!evicted.is_empty() && evicted.lines().all(|line| line.starts_with(message)), "{evicted}");
    let running = ok(&mut session, "kubectl get pods -o wide --no-headers --field-selector=status.phase=Running");
    assert_eq!((running.lines().count(), running.matches(" kind-worker2 ").count()), (4, 4), "{running}");
    let system = ok(
        &mut session,
        "kubectl get pods -A -o wide --no-headers --field-selector=spec.nodeName=kind-worker,status.phase=Running",
    );
    assert!(system.contains("kube-proxy-"), "critical pods stay: {system}");
    ok(&mut session, "docker exec kind-worker rm /var/fill");
    wait(&mut session, 330);
    let node = ok(&mut session, "kubectl describe node kind-worker");
    assert!(node.contains("KubeletHasNoDiskPressure") && node.contains("Taints:             <none>"), "{node}");
    let kindnet = ok(
        &mut session,
        "kubectl get pods -n kube-system --no-headers --field-selector=spec.nodeName=kind-worker,status.phase=Running",
    );
    assert!(kindnet.contains("kindnet-"), "what was evicted comes back: {kindnet}");
}
