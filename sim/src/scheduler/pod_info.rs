//! A pod as the scheduler reads it, parsed once (framework.PodInfo).

use std::rc::Rc;

use super::resources::{Resources, pod_requests};
use super::terms::{NodeSelectorTerm, PodAffinity, RequiredNodeAffinity, SpreadConstraint, Toleration};
use crate::value::{Text, Value};

/// A port that a pod takes on its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// The address; `0.0.0.0` is all of them.
    pub ip: Text,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Text,
    /// The port's number.
    pub port: i64,
}

impl HostPort {
    /// Whether both cannot be on one node (HostPortInfo.CheckConflict).
    pub fn conflicts(&self, other: &Self) -> bool {
        const ALL: &str = "0.0.0.0";
        self.port == other.port && self.protocol == other.protocol && (self.ip == other.ip || self.ip == ALL || other.ip == ALL)
    }
}

/// A claim that a pod uses as a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRef {
    /// The PersistentVolumeClaim's name.
    pub name: Text,
    /// Whether the claim is made for the pod (a generic ephemeral volume).
    pub ephemeral: bool,
}

/// Everything about a pod that decides where it goes.
#[derive(Clone, Debug, Default)]
pub struct PodInfo {
    /// The object that it was read from.
    pub object: Value,
    /// `namespace/name`.
    pub key: Text,
    /// Its namespace.
    pub namespace: Text,
    /// Its name.
    pub name: Text,
    /// Its uid.
    pub uid: Text,
    /// Its labels, or null.
    pub labels: Value,
    /// The node that it is bound to, "" for none.
    pub node_name: Text,
    /// `status.nominatedNodeName`, "" for none.
    pub nominated_node: Text,
    /// `spec.schedulerName`.
    pub scheduler_name: Text,
    /// `spec.priority`; 0 when it has none.
    pub priority: i64,
    /// Whether it makes no room for itself (`preemptionPolicy: Never`).
    pub never_preempts: bool,
    /// Whether its deletion has begun.
    pub terminating: bool,
    /// Whether its deletion has begun because of a preemption.
    pub preempted: bool,
    /// When it started, as a number whose digits are those of `status.startTime`: 2026-11-23T01:02:03Z is 20261123010203. A pod that has
    /// not started yet comes after all others.
    pub started: i64,
    /// What it requests.
    pub requests: Resources,
    /// Its requests of (millicores, bytes) with defaults for containers that have none.
    pub non_zero: (i64, i64),
    /// The ports that it takes on its node.
    pub host_ports: Vec<HostPort>,
    /// What taints it tolerates.
    pub tolerations: Vec<Toleration>,
    /// What it requires of its node.
    pub required_nodes: RequiredNodeAffinity,
    /// What it prefers of its node, by weight.
    pub preferred_nodes: Vec<(i64, NodeSelectorTerm)>,
    /// What it asks of other pods.
    pub affinity: Option<Rc<PodAffinity>>,
    /// Its own spread constraints.
    pub spread: Vec<SpreadConstraint>,
    /// Its images, with their tags.
    pub images: Vec<Text>,
    /// How many containers it has, those for its start included.
    pub containers: i64,
    /// The names of its scheduling gates.
    pub gates: Vec<Text>,
    /// The claims that it uses.
    pub claims: Vec<ClaimRef>,
    /// The volumes of its spec that are disks of a cloud or a network, which some kinds of nodes cannot share.
    pub disks: Vec<Value>,
    /// The names of its resource claims (dynamic resource allocation).
    pub resource_claims: Vec<Text>,
}

impl PodInfo {
    /// Reads a pod.
    pub fn new(pod: &Value) -> Rc<Self> {
        let (metadata, spec, status) = (&pod["metadata"], &pod["spec"], &pod["status"]);
        let (namespace, labels) = (metadata["namespace"].text(), metadata["labels"].clone());
        let with_defaults = pod_requests(spec, true);
        let preferred = &spec["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"];
        let preempted = pod
            .condition("DisruptionTarget")
            .is_some_and(|condition| condition["status"].str() == "True" && condition["reason"].str() == "PreemptionByScheduler");
        let images = spec["initContainers"].items().iter().chain(spec["containers"].items());
        Rc::new(Self {
            key: pod.key(),
            name: metadata["name"].text(),
            uid: metadata["uid"].text(),
            node_name: spec["nodeName"].text(),
            nominated_node: status["nominatedNodeName"].text(),
            scheduler_name: spec["schedulerName"].text(),
            priority: spec["priority"].int(),
            never_preempts: spec["preemptionPolicy"].str() == "Never",
            terminating: pod.is_terminating(),
            preempted: preempted && pod.is_terminating(),
            started: started(status["startTime"].str()),
            requests: pod_requests(spec, false),
            non_zero: (with_defaults.milli_cpu, with_defaults.memory),
            host_ports: host_ports(spec),
            tolerations: Toleration::list(&spec["tolerations"]),
            required_nodes: RequiredNodeAffinity::of(spec),
            preferred_nodes: preferred
                .items()
                .iter()
                .map(|term| (term["weight"].int(), NodeSelectorTerm::of(&term["preference"])))
                .collect(),
            affinity: PodAffinity::of(&spec["affinity"], &namespace, &labels),
            spread: SpreadConstraint::list(&spec["topologySpreadConstraints"], &labels),
            images: images.map(|container| normalized_image(&container["image"])).collect(),
            containers: (spec["initContainers"].items().len() + spec["containers"].items().len()) as i64,
            gates: spec["schedulingGates"].items().iter().map(|gate| gate["name"].text()).collect(),
            claims: claims(metadata["name"].str(), &spec["volumes"]),
            disks: disks(&spec["volumes"]),
            resource_claims: spec["resourceClaims"].items().iter().map(|claim| claim["name"].text()).collect(),
            namespace,
            labels,
            object: pod.clone(),
        })
    }

    /// The pod's name in describe and events: `namespace/name`.
    pub fn full_name(&self) -> &str {
        &self.key
    }
}

fn started(time: &str) -> i64 {
    let digits: String = time.split('.').next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(i64::MAX)
}

/// An image's name with its tag, `latest` when it has none.
fn normalized_image(image: &Value) -> Text {
    let name = image.str();
    if name.rfind(':').map_or(-1, |at| at as i64) <= name.rfind('/').map_or(-1, |at| at as i64) {
        Text::from(format!("{name}:latest"))
    } else {
        image.text()
    }
}

fn host_ports(spec: &Value) -> Vec<HostPort> {
    let sidecars = spec["initContainers"].items().iter().filter(|container| container["restartPolicy"].str() == "Always");
    let or = |value: &Value, default: &'static str| if value.is_empty() { default.into() } else { value.text() };
    spec["containers"]
        .items()
        .iter()
        .chain(sidecars)
        .flat_map(|container| container["ports"].items())
        .filter(|port| port["hostPort"].int() > 0)
        .map(|port| HostPort {
            ip: or(&port["hostIP"], "0.0.0.0"),
            protocol: or(&port["protocol"], "TCP"),
            port: port["hostPort"].int(),
        })
        .collect()
}

fn claims(pod: &str, volumes: &Value) -> Vec<ClaimRef> {
    let claim = |volume: &Value| {
        if let Some(claim) = volume.get("persistentVolumeClaim") {
            Some(ClaimRef { name: claim["claimName"].text(), ephemeral: false })
        } else if volume.get("ephemeral").is_some() {
            Some(ClaimRef { name: Text::from(format!("{pod}-{}", volume["name"].str())), ephemeral: true })
        } else {
            None
        }
    };
    volumes.items().iter().filter_map(claim).collect()
}

fn disks(volumes: &Value) -> Vec<Value> {
    const KINDS: [&str; 4] = ["gcePersistentDisk", "awsElasticBlockStore", "rbd", "iscsi"];
    volumes.items().iter().filter(|volume| KINDS.iter().any(|kind| volume.get(kind).is_some())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn images_without_a_tag_are_latest() {
        for (image, want) in [("nginx", "nginx:latest"), ("host:5000/nginx", "host:5000/nginx:latest"), ("nginx:1", "nginx:1")] {
            assert_eq!(normalized_image(&image.into()), want);
        }
    }

    #[test]
    fn starts_are_in_order() {
        let times = ["2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", ""].map(started);
        assert!(times.is_sorted_by(|one, other| one < other), "{times:?}");
    }

    #[test]
    fn ports_conflict_on_the_same_address_or_on_all() {
        let port = |ip: &'static str, protocol: &'static str| HostPort { ip: ip.into(), protocol: protocol.into(), port: 80 };
        assert!(port("0.0.0.0", "TCP").conflicts(&port("127.0.0.1", "TCP")));
        assert!(!port("127.0.0.2", "TCP").conflicts(&port("127.0.0.1", "TCP")));
        assert!(!port("0.0.0.0", "UDP").conflicts(&port("0.0.0.0", "TCP")));
    }

    #[test]
    fn a_pod_is_read_once() {
        let pod = PodInfo::new(&value!({
            "metadata": {"name": "p", "namespace": "default", "uid": "u"},
            "spec": {
                "containers": [{"image": "a", "ports": [{"containerPort": 80}, {"containerPort": 81, "hostPort": 81}]}],
                "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "x"}}, {"name": "e", "ephemeral": {}}],
                "schedulingGates": [{"name": "wait"}], "priority": 7,
            },
        }));
        assert_eq!((pod.key.as_str(), pod.priority, pod.host_ports.len(), pod.gates.len()), ("default/p", 7, 1, 1));
        assert_eq!(pod.claims.iter().map(|claim| claim.name.as_str()).collect::<Vec<_>>(), ["x", "p-e"]);
        assert_eq!(pod.non_zero, (100, 200 << 20));
    }
}
