//! Node-pressure eviction (upstream's `pkg/kubelet/eviction`): when memory or disk run out the kubelet says so in the Node's conditions, frees
//! what nobody uses, and ends pods, one at a time, until there is enough again.
//!
//! The signals are looked at with the status loop, every 10 s, as upstream's manager does. Signals of inodes and process ids are left out.

use super::pod::{Pod, Work};
use super::{CriCall, Kubelet};
use crate::api::quantity::{Format, Quantity};
use crate::core::collections::sort::Sort as _;
use crate::core::{Disk, Duration, Outbox, Time};
use crate::machine::usage;
use crate::value;
use crate::value::{Text, Value};

/// A condition stays this long after its cause has gone (`evictionPressureTransitionPeriod`).
const TRANSITION: Duration = Duration::s(300);
/// The next pod is chosen when the last one's containers have stopped, or after this time (podCleanupTimeout).
const CLEANUP: Duration = Duration::s(30);
/// From this priority on a pod is critical (SystemCriticalPriority).
const CRITICAL: i64 = 2_000_000_000;

/// What runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Memory,
    Disk,
}

/// (signal, default of `evictionHard`, what runs out), memory first.
const SIGNALS: [(&str, &str, Kind); 3] = [
    ("memory.available", "100Mi", Kind::Memory),
    ("nodefs.available", "10%", Kind::Disk),
    ("imagefs.available", "15%", Kind::Disk),
];

impl Kind {
    const ALL: [Self; 2] = [Self::Memory, Self::Disk];

    const fn resource(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "ephemeral-storage",
        }
    }

    /// The condition; its reason, message, and the event's reason while all is well, and while it is not.
    const fn condition(self) -> (&'static str, [(&'static str, &'static str, &'static str); 2]) {
        match self {
            Self::Memory => (
                "MemoryPressure",
                [
                    ("KubeletHasSufficientMemory", "kubelet has sufficient memory available", "NodeHasSufficientMemory"),
                    ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available", "NodeHasInsufficientMemory"),
                ],
            ),
            Self::Disk => (
                "DiskPressure",
                [
                    ("KubeletHasNoDiskPressure", "kubelet has no disk pressure", "NodeHasNoDiskPressure"),
                    ("KubeletHasDiskPressure", "kubelet has disk pressure", "NodeHasDiskPressure"),
                ],
            ),
        }
    }
}

/// What the eviction manager remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct Eviction {
    /// When memory and disk were last found short.
    seen: [Option<Time>; 2],
    /// Which conditions hold, as it was last told.
    told: [bool; 2],
    /// The pod that is being evicted, and since when.
    evicting: Option<(Text, Time)>,
}

/// A signal and its threshold, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Observation {
    kind: Kind,
    available: i64,
    threshold: i64,
}

impl Observation {
    fn is_met(&self) -> bool {
        self.available < self.threshold
    }
}

fn bytes(quantity: i64) -> Quantity {
    Quantity::new(quantity, Format::BinarySi)
}

/// What `evictionHard` says of a signal: a quantity or a percentage. Whoever sets it sets all of it: what is left out there is off.
fn threshold(config: &Value, signal: &str, default: &str, capacity: i64) -> i64 {
    let own = &config["evictionHard"];
    let text = if own.is_null() { default } else { own[signal].str() };
    match text.strip_suffix('%') {
        // Thousandths of a percent are as fine as it gets.
        Some(percent) => (i128::from(capacity) * i128::from(Quantity::of(&Text::new(percent).into()).milli()) / 100_000) as i64,
        None => Quantity::of(&Text::new(text).into()).units(),
    }
}

impl Kubelet {
    /// The pressures that hold, for the Node's conditions: (type, status, reason, message).
    pub(super) fn pressures(&self, now: Time) -> [(&'static str, &'static str, &'static str, &'static str); 2] {
        Kind::ALL.map(|kind| {
            let (name, words) = kind.condition();
            let holds = self.under(kind, now);
            let (reason, message, _) = words[usize::from(holds)];
            (name, if holds { "True" } else { "False" }, reason, message)
        })
    }

    fn under(&self, kind: Kind, now: Time) -> bool {
        self.eviction.seen[kind as usize].is_some_and(|seen| now.since(seen) < TRANSITION)
    }

    /// The memory that a pod's containers take.
    fn working_set(pod: &Pod) -> i64 {
        pod.containers.iter().filter(|container| container.running()).filter_map(|c| c.now.as_ref()).map(|run| run.memory).sum()
    }

    fn observe(&self, disk: &Disk) -> Vec<Observation> {
        let used = usage::SYSTEM_MEMORY_BYTES as i64 + self.pods.values().map(|pod| Self::working_set(pod)).sum::<i64>();
        let filled = usage::disk_used_bytes(disk, usage::images_bytes(&self.node.images)) as i64;
        let (memory, disk) = (usage::MEMORY_BYTES as i64, usage::DISK_BYTES as i64);
        let observe = |(signal, default, kind): (&str, &str, Kind)| {
            let (capacity, used) = if kind == Kind::Memory { (memory, used) } else { (disk, filled) };
            Observation { kind, available: capacity - used, threshold: threshold(&self.config, signal, default, capacity) }
        };
        SIGNALS.map(observe).to_vec()
    }

    /// Looks at the signals and does what they ask for (managerImpl.synchronize).
    pub(super) fn watch_pressure(&mut self, out: &mut Outbox<'_>) {
        let now = out.now();
        let observed = self.observe(out.disk());
        for met in observed.iter().filter(|signal| signal.is_met()) {
            self.eviction.seen[met.kind as usize] = Some(now);
        }
        for kind in Kind::ALL {
            let under = self.under(kind, now);
            if std::mem::replace(&mut self.eviction.told[kind as usize], under) != under {
                self.node.dirty = true;
                let reason = kind.condition().1[usize::from(under)].2;
                let message = format!("Node {} status is now: {reason}", self.name);
                self.node_event("Normal", reason, &message, out);
            }
        }
        if let Some((uid, since)) = &self.eviction.evicting {
            let stops = self.pods.get(uid).is_some_and(|pod| pod.work != Work::Finished);
            if stops && now.since(*since) < CLEANUP {
                return;
            }
        }
        self.eviction.evicting = None;
        // Memory comes first.
        let Some(met) = observed.into_iter().find(Observation::is_met) else { return };
        let resource = met.kind.resource();
        self.node_event("Warning", "EvictionThresholdMet", &format!("Attempting to reclaim {resource}"), out);
        if met.kind == Kind::Disk && self.remove_unused_images(out) {
            // What that was good for is seen the next time.
            return;
        }
        if let Some((uid, message)) = self.victim(&met) {
            self.eviction.evicting = Some((uid.clone(), now));
            self.evict(&uid, message, out);
        }
    }

    /// Removes the images that no container uses; says whether there were any (ImageGCManager.DeleteUnusedImages).
    fn remove_unused_images(&mut self, out: &mut Outbox<'_>) -> bool {
        let containers = self.pods.values().flat_map(|pod| pod.containers.iter());
        let used: Vec<Text> = containers.filter_map(|container| Some(container.now.as_ref()?.image_ref.clone())).collect();
        let unused = |image: &&Value| {
            let names = image["names"].items();
            // The sandboxes' image is pinned.
            !names.iter().any(|name| name.str().contains("/pause:") || used.iter().any(|used| name.str() == used.as_str()))
        };
        let unused: Vec<Value> = self.node.images.items().iter().filter(unused).cloned().collect();
        for image in &unused {
            self.cri("RemoveImage", value!({"image": image["names"][1].clone()}), CriCall::Removed, out);
            self.images_changed = true;
        }
        !unused.is_empty()
    }

    /// The pod to be evicted and what it is told: first those that take more memory than they have requested, of these those of lower
    /// priority, of these those that take most beyond their request (rankMemoryPressure).
    fn victim(&self, met: &Observation) -> Option<(Text, Text)> {
        let candidates = self.pods.values().filter(|pod| pod.work == Work::Sync && !Self::is_critical(pod));
        let mut ranked: Vec<(bool, i64, i64, &Pod)> = candidates
            .map(|pod| {
                let priority = pod.object["spec"]["priority"].int();
                let beyond = if met.kind == Kind::Memory { Self::working_set(pod) - pod.requests.1 } else { 0 };
                (beyond <= 0, priority, -beyond, &**pod)
            })
            .collect();
        ranked.order_by_key(|(within, priority, beyond, _)| (*within, *priority, *beyond));
        let pod = ranked.first()?.3;
        let mut message = format!(
            "The node was low on resource: {}. Threshold quantity: {}, available: {}. ",
            met.kind.resource(),
            bytes(met.threshold),
            bytes(met.available)
        );
        for container in pod.containers.iter().filter(|container| met.kind == Kind::Memory && container.running()) {
            let used = container.now.as_ref().map_or(0, |run| run.memory);
            let request = Quantity::of(&container.spec["resources"]["requests"]["memory"]);
            if used > request.units() {
                message += &format!(
                    "Container {} was using {}, request is {request}, has larger consumption of memory. ",
                    container.name,
                    bytes(used)
                );
            }
        }
        Some((pod.uid.clone(), message.into()))
    }

    fn is_critical(pod: &Pod) -> bool {
        pod.is_static || pod.object["spec"]["priority"].int() >= CRITICAL
    }

    fn evict(&mut self, uid: &Text, message: Text, out: &mut Outbox<'_>) {
        let Some(mut pod) = self.take(uid) else { return };
        self.pod_event(&pod, "Warning", "Evicted", message.clone(), out);
        pod.evicted = Some(message);
        self.put(pod);
        self.terminate(uid, out);
    }

    /// Why a node under pressure does not take a pod (managerImpl.Admit).
    pub(super) fn too_pressed_for(&self, pod: &Pod, now: Time) -> Option<(Text, Text)> {
        let names: Vec<&str> =
            Kind::ALL.into_iter().filter(|kind| self.under(*kind, now)).map(|kind| kind.condition().0).collect();
        if names.is_empty() || Self::is_critical(pod) {
            return None;
        }
        if names == ["MemoryPressure"] {
            let tolerates = |toleration: &Value| {
                let key = toleration["key"].str();
                (key.is_empty() && toleration["operator"].str() == "Exists") || key == "node.kubernetes.io/memory-pressure"
            };
            let best_effort = pod.object["status"]["qosClass"].str() == "BestEffort";
            if !best_effort || pod.object["spec"]["tolerations"].items().iter().any(tolerates) {
                return None;
            }
        }
        Some(("Evicted".into(), format!("The node had condition: [{}]. ", names.join(" ")).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_quantities_or_percentages() {
        let hundred = 100 << 30;
        assert_eq!(threshold(&Value::Null, "memory.available", "100Mi", hundred), 100 << 20);
        assert_eq!(threshold(&Value::Null, "imagefs.available", "15%", hundred), 15 << 30);
        let own = value!({"evictionHard": {"memory.available": "2Gi"}});
        assert_eq!(threshold(&own, "memory.available", "100Mi", hundred), 2 << 30);
        assert_eq!(threshold(&own, "nodefs.available", "10%", hundred), 0, "what is left out is off");
    }
}
