//! Tests of the queueing hints: which events give a pod a chance that a plugin has rejected (EventsToRegister and QueueingHintFn).

use std::rc::Rc;

use super::super::framework::{ClusterEvent, Plugin};
use super::super::pod_info::PodInfo;
use super::super::profile::Profile;
use crate::value;
use crate::value::Value;

fn pod(name: &'static str, metadata: Value, spec: Value) -> Rc<PodInfo> {
    let mut pod = value!({"metadata": {"name": name, "namespace": "default", "uid": name}, "spec": spec});
    for (key, value) in metadata.entries() {
        pod["metadata"].map_mut().insert(key.clone(), value.clone());
    }
    PodInfo::new(&pod)
}

fn requests(cpu: &'static str) -> Value {
    value!({"containers": [{"resources": {"requests": {"cpu": cpu}}}]})
}

fn node(cpu: &'static str, labels: Value) -> Value {
    value!({"metadata": {"name": "n", "labels": labels}, "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}}})
}

/// Checks which events help a pod that the plugin has rejected.
fn check(plugin: &str, pod: &PodInfo, cases: &[(&str, ClusterEvent<'_>, bool)]) {
    let profile = Profile::default();
    let plugin: &dyn Plugin = &**profile.plugins().iter().find(|have| have.name() == plugin).expect("it is on");
    for (what, event, helps) in cases {
        assert_eq!(plugin.helps(pod, event), *helps, "{}: {what}", plugin.name());
    }
}

#[test]
fn node_resources_fit() {
    let big = pod("big", Value::Null, requests("2"));
    let (small, large) = (node("1", Value::Null), node("4", Value::Null));
    let relabelled = node("4", value!({"disk": "ssd"}));
    let larger = node("8", Value::Null);
    let none = pod("none", Value::Null, Value::map());
    let less = pod("big", Value::Null, requests("1"));
    check(
        "NodeResourcesFit",
        &big,
        &[
            ("a node that is too small", ClusterEvent::NodeAdded(&small), false),
            ("a node that is large enough", ClusterEvent::NodeAdded(&large), true),
            ("a label of a node", ClusterEvent::NodeChanged(&large, &relabelled), false),
            ("a node that grows", ClusterEvent::NodeChanged(&large, &larger), true),
            ("a node that shrinks", ClusterEvent::NodeChanged(&larger, &large), false),
            ("a pod that asked for nothing", ClusterEvent::PodGone(&none), true),
            ("room that is kept no longer", ClusterEvent::NominationGone(&none), true),
            ("a pod that asks for less", ClusterEvent::PodChanged(&big, &less), true),
            ("a pod that asks for more", ClusterEvent::PodChanged(&less, &big), false),
            ("the pod itself asks for less", ClusterEvent::PodItself(&big, &less), true),
            ("a pod that is bound", ClusterEvent::PodAssigned(&none), false),
        ],
    );
}

#[test]
fn nodes_and_their_taints() {
    let plain = pod("plain", Value::Null, Value::map());
    let mut cordoned = node("4", Value::Null);
    cordoned["spec"]["unschedulable"] = true.into();
    let open = node("4", Value::Null);
    let tolerations = value!({"tolerations": [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]});
    let patient = pod("plain", Value::Null, tolerations);
    check(
        "NodeUnschedulable",
        &plain,
        &[
            ("a node is uncordoned", ClusterEvent::NodeChanged(&cordoned, &open), true),
            ("a node is cordoned", ClusterEvent::NodeChanged(&open, &cordoned), false),
            ("the pod tolerates it", ClusterEvent::PodItself(&plain, &patient), true),
            ("the pod stays as it is", ClusterEvent::PodItself(&plain, &plain), false),
        ],
    );
    let mut tainted = node("4", Value::Null);
    tainted["spec"]["taints"] = value!([{"key": "k", "effect": "NoSchedule"}]);
    check(
        "TaintToleration",
        &plain,
        &[
            ("a taint goes", ClusterEvent::NodeChanged(&tainted, &open), true),
            ("a taint comes", ClusterEvent::NodeChanged(&open, &tainted), false),
            ("a tainted node", ClusterEvent::NodeAdded(&tainted), false),
        ],
    );
    let picky = pod("picky", Value::Null, value!({"nodeSelector": {"disk": "ssd"}}));
    let ssd = node("4", value!({"disk": "ssd"}));
    check(
        "NodeAffinity",
        &picky,
        &[
            ("the label comes", ClusterEvent::NodeChanged(&open, &ssd), true),
            ("the label was there", ClusterEvent::NodeChanged(&ssd, &ssd), false),
            ("another node", ClusterEvent::NodeAdded(&open), false),
        ],
    );
}

#[test]
fn pods_together_and_apart() {
    let labels = |app: &'static str| value!({"labels": {"app": app}});
    let term = |app: &'static str| value!({"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "zone"});
    let affinity = value!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term("web")]}}});
    let two =
        value!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term("web"), term("db")]}}});
    let apart = value!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term("web")]}}});
    let (web, db) = (pod("web", labels("web"), Value::map()), pod("db", labels("db"), Value::map()));
    let (in_zone, outside) = (node("4", value!({"zone": "a"})), node("4", Value::Null));
    check(
        "InterPodAffinity",
        &pod("near", Value::Null, affinity),
        &[
            ("its company comes", ClusterEvent::PodAssigned(&web), true),
            ("others come", ClusterEvent::PodAssigned(&db), false),
            ("others become its company", ClusterEvent::PodChanged(&db, &web), true),
            ("its company goes", ClusterEvent::PodGone(&web), false),
            ("a node of a zone", ClusterEvent::NodeAdded(&in_zone), true),
            ("a node without one", ClusterEvent::NodeAdded(&outside), false),
            ("a node gets a zone", ClusterEvent::NodeChanged(&outside, &in_zone), true),
        ],
    );
    let both = pod("both", Value::Null, two);
    check("InterPodAffinity", &both, &[("only one term is met", ClusterEvent::PodAssigned(&web), false)]);
    check(
        "InterPodAffinity",
        &pod("far", Value::Null, apart),
        &[
            ("who disturbs it goes", ClusterEvent::PodGone(&web), true),
            ("others go", ClusterEvent::PodGone(&db), false),
            ("who disturbs it changes", ClusterEvent::PodChanged(&web, &db), true),
            ("who disturbs it comes", ClusterEvent::PodAssigned(&web), false),
        ],
    );
}

#[test]
fn spread_pods() {
    let constraint = value!({
        "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "web"}},
    });
    let mut soft = constraint.clone();
    soft["whenUnsatisfiable"] = "ScheduleAnyway".into();
    let labels = |app: &'static str| value!({"labels": {"app": app}});
    let (web, db) = (pod("web", labels("web"), Value::map()), pod("db", labels("db"), Value::map()));
    let elsewhere = pod("web", value!({"namespace": "other", "labels": {"app": "web"}}), Value::map());
    let (zone, other, outside) = (node("4", value!({"zone": "a"})), node("4", value!({"zone": "b"})), node("4", Value::Null));
    let disk = node("4", value!({"zone": "a", "disk": "ssd"}));
    check(
        "PodTopologySpread",
        &pod("spread", labels("web"), value!({"topologySpreadConstraints": [constraint]})),
        &[
            ("one of its kind comes", ClusterEvent::PodAssigned(&web), true),
            ("one of its kind goes", ClusterEvent::PodGone(&web), true),
            ("another goes", ClusterEvent::PodGone(&db), false),
            ("one of another namespace goes", ClusterEvent::PodGone(&elsewhere), false),
            ("another becomes one of its kind", ClusterEvent::PodChanged(&db, &web), true),
            ("a node of a zone", ClusterEvent::NodeAdded(&zone), true),
            ("a node of a zone goes", ClusterEvent::NodeGone(&zone), true),
            ("a node without one goes", ClusterEvent::NodeGone(&outside), false),
            ("a node moves", ClusterEvent::NodeChanged(&zone, &other), true),
            ("another label", ClusterEvent::NodeChanged(&zone, &disk), false),
        ],
    );
    let soft = pod("soft", labels("web"), value!({"topologySpreadConstraints": [soft]}));
    check("PodTopologySpread", &soft, &[("what only should be rejects nothing", ClusterEvent::PodGone(&web), false)]);
}

#[test]
fn storage() {
    let claim =
        |name: &'static str| value!({"kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "default"}});
    let waiting = pod("p", Value::Null, value!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "x"}}]}));
    let (own, other) = (claim("x"), claim("y"));
    let class = value!({"kind": "StorageClass", "metadata": {"name": "c"}, "volumeBindingMode": "WaitForFirstConsumer"});
    let mut restricted = class.clone();
    restricted["allowedTopologies"] = value!([{"matchLabelExpressions": []}]);
    let volume = |zone: &'static str| value!({"kind": "PersistentVolume", "metadata": {"name": "pv", "labels": {"topology.kubernetes.io/zone": zone}}});
    let (here, there) = (volume("a"), volume("b"));
    let csi = |count: i64| {
        let driver = value!({"name": "d", "allocatable": {"count": count}});
        value!({"kind": "CSINode", "metadata": {"name": "n"}, "spec": {"drivers": [driver]}})
    };
    let (few, many) = (csi(1), csi(2));
    let (came, changed) = (ClusterEvent::Storage(None, &own), ClusterEvent::Storage(Some(&own), &own));
    check(
        "VolumeBinding",
        &waiting,
        &[
            ("its claim comes", came, true),
            ("its claim changes", changed, true),
            ("another claim", ClusterEvent::Storage(None, &other), false),
            ("a class comes", ClusterEvent::Storage(None, &class), true),
            ("a class changes elsewhere", ClusterEvent::Storage(Some(&class), &class), false),
            ("a class allows other places", ClusterEvent::Storage(Some(&class), &restricted), true),
            ("a volume changes", ClusterEvent::Storage(Some(&here), &here), true),
        ],
    );
    check(
        "VolumeZone",
        &waiting,
        &[
            ("its claim changes", changed, true),
            ("a volume moves", ClusterEvent::Storage(Some(&here), &there), true),
            ("a volume changes elsewhere", ClusterEvent::Storage(Some(&here), &here), false),
            ("a class comes", ClusterEvent::Storage(None, &class), true),
        ],
    );
    check(
        "VolumeRestrictions",
        &waiting,
        &[
            ("its claim comes", came, true),
            ("its claim changes", changed, false),
            ("who uses the claim goes", ClusterEvent::PodGone(&waiting), true),
        ],
    );
    check(
        "NodeVolumeLimits",
        &waiting,
        &[
            ("its claim comes", came, true),
            ("its claim changes", changed, false),
            ("a node tells of its driver", ClusterEvent::Storage(None, &few), true),
            ("a node takes more", ClusterEvent::Storage(Some(&few), &many), true),
            ("a node takes fewer", ClusterEvent::Storage(Some(&many), &few), false),
            ("a pod with a claim goes", ClusterEvent::PodGone(&waiting), true),
        ],
    );
}
