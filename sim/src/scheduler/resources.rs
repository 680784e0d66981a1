//! Amounts of resources as integers, after kube-scheduler's `framework.Resource` and `k8s.io/component-helpers/resource`.

use crate::api::quantity::Quantity;
use crate::value::{Text, Value};

/// What a container without a CPU request counts for in scores: 100 millicores (schedutil.DefaultMilliCPURequest).
pub const DEFAULT_MILLI_CPU: i64 = 100;
/// What a container without a memory request counts for in scores: 200 MiB (schedutil.DefaultMemoryRequest).
pub const DEFAULT_MEMORY: i64 = 200 * 1024 * 1024;

/// Amounts of all resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Millicores.
    pub milli_cpu: i64,
    /// Bytes.
    pub memory: i64,
    /// Bytes.
    pub ephemeral_storage: i64,
    /// Extended resources and huge pages by name, sorted, in their units.
    pub scalars: Vec<(Text, i64)>,
}

impl Resources {
    /// Reads a resource list such as `{"cpu": "100m", "memory": "64Mi"}`; `pods` and names that no scheduler counts are left out.
    pub fn of(list: &Value) -> Self {
        let mut resources = Self::default();
        for (name, value) in list.entries() {
            let quantity = Quantity::of(value);
            match name.as_str() {
                "cpu" => resources.milli_cpu = quantity.milli(),
                "memory" => resources.memory = quantity.units(),
                "ephemeral-storage" => resources.ephemeral_storage = quantity.units(),
                other if is_scalar(other) => resources.scalars.push((name.clone(), quantity.units())),
                _ => {}
            }
        }
        resources
    }

    /// The amount of a resource by its name; CPU in millicores.
    pub fn get(&self, name: &str) -> i64 {
        match name {
            "cpu" => self.milli_cpu,
            "memory" => self.memory,
            "ephemeral-storage" => self.ephemeral_storage,
            _ => self.scalar(name),
        }
    }

    /// The amount of an extended resource.
    pub fn scalar(&self, name: &str) -> i64 {
        self.scalars.binary_search_by(|(have, _)| have.as_str().cmp(name)).map_or(0, |at| self.scalars[at].1)
    }

    /// CPU, memory and ephemeral storage, which nearly all pods ask for and nothing else.
    pub fn common(&self) -> [i64; 3] {
        [self.milli_cpu, self.memory, self.ephemeral_storage]
    }

    /// Adds `sign` times as much of what [`Resources::common`] names.
    pub fn add_common(&mut self, [milli_cpu, memory, ephemeral_storage]: [i64; 3], sign: i64) {
        self.milli_cpu += sign * milli_cpu;
        self.memory += sign * memory;
        self.ephemeral_storage += sign * ephemeral_storage;
    }

    /// Adds `sign` times `other`.
    pub fn add(&mut self, other: &Self, sign: i64) {
        self.add_common(other.common(), sign);
        for (name, amount) in &other.scalars {
            *self.entry(name) += sign * amount;
        }
    }

    /// Raises each amount to that of `other` where it is less.
    fn raise(&mut self, other: &Self) {
        self.milli_cpu = self.milli_cpu.max(other.milli_cpu);
        self.memory = self.memory.max(other.memory);
        self.ephemeral_storage = self.ephemeral_storage.max(other.ephemeral_storage);
        for (name, amount) in &other.scalars {
            let have = self.entry(name);
            *have = (*have).max(*amount);
        }
    }

    /// Whether `one` is more than `other` in something that is asked for here.
    pub fn wants_what_exceeds(&self, one: &Self, other: &Self) -> bool {
        let common = self.common().into_iter().zip(one.common().into_iter().zip(other.common()));
        common.into_iter().any(|(wanted, (one, other))| wanted > 0 && one > other)
            || self.scalars.iter().any(|(name, wanted)| *wanted > 0 && one.scalar(name) > other.scalar(name))
    }

    /// Whether nothing but a place is asked for.
    pub fn is_zero(&self) -> bool {
        self.milli_cpu == 0 && self.memory == 0 && self.ephemeral_storage == 0 && self.scalars.is_empty()
    }

    fn entry(&mut self, name: &Text) -> &mut i64 {
        let at = match self.scalars.binary_search_by(|(have, _)| have.cmp(name)) {
            Ok(at) => at,
            Err(at) => {
                self.scalars.insert(at, (name.clone(), 0));
                at
            }
        };
        &mut self.scalars[at].1
    }
}

/// Extended resources, huge pages and attachable volumes (schedutil.IsScalarResourceName).
fn is_scalar(name: &str) -> bool {
    name.starts_with("hugepages-")
        || name.starts_with("attachable-volumes-")
        || name.contains('/') && !name.starts_with("kubernetes.io/") && !name.starts_with("requests.")
}

/// The effective requests of a pod (resource.PodRequests): the sum of its containers and of the init containers that keep running,
/// or what the largest init container needs at its start, and the overhead. With `defaults`, containers that do not ask for CPU or
/// memory count for [`DEFAULT_MILLI_CPU`] and [`DEFAULT_MEMORY`].
pub fn pod_requests(spec: &Value, defaults: bool) -> Resources {
    // With requests for the whole pod, those of its containers do not matter for these resources.
    let whole = &spec["resources"]["requests"];
    let container = |container: &Value| {
        let list = &container["resources"]["requests"];
        let mut requests = Resources::of(list);
        if defaults {
            if list.get("cpu").is_none() && whole.get("cpu").is_none() {
                requests.milli_cpu = DEFAULT_MILLI_CPU;
            }
            if list.get("memory").is_none() && whole.get("memory").is_none() {
                requests.memory = DEFAULT_MEMORY;
            }
        }
        requests
    };
    let mut total = Resources::default();
    for item in spec["containers"].items() {
        total.add(&container(item), 1);
    }
    let (mut sidecars, mut peak) = (Resources::default(), Resources::default());
    for item in spec["initContainers"].items() {
        let mut requests = container(item);
        if item["restartPolicy"].str() == "Always" {
            total.add(&requests, 1);
            sidecars.add(&requests, 1);
            requests = sidecars.clone();
        } else {
            requests.add(&sidecars, 1);
        }
        peak.raise(&requests);
    }
    total.raise(&peak);
    let list = Resources::of(whole);
    if whole.get("cpu").is_some() {
        total.milli_cpu = list.milli_cpu;
    }
    if whole.get("memory").is_some() {
        total.memory = list.memory;
    }
    total.add(&Resources::of(&spec["overhead"]), 1);
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn requests(cpu: &'static str) -> Value {
        value!({"resources": {"requests": {"cpu": cpu}}})
    }

    #[test]
    fn the_largest_init_container_counts_when_it_needs_more() {
        let spec = value!({"containers": [requests("500m")], "initContainers": [requests("2"), requests("1")]});
        assert_eq!(pod_requests(&spec, false).milli_cpu, 2000);
        assert_eq!(pod_requests(&spec, true).memory, DEFAULT_MEMORY);
    }

    #[test]
    fn sidecars_count_with_the_containers_and_with_later_init_containers() {
        let mut sidecar = requests("300m");
        sidecar["restartPolicy"] = "Always".into();
        let spec = value!({
            "containers": [requests("500m")], "initContainers": [sidecar, requests("1")], "overhead": {"cpu": "10m"},
        });
        assert_eq!(pod_requests(&spec, false).milli_cpu, 1310);
    }

    #[test]
    fn requests_of_the_whole_pod_replace_those_of_its_containers() {
        let spec = value!({"containers": [requests("500m"), {}], "resources": {"requests": {"cpu": "2"}}});
        assert_eq!(pod_requests(&spec, true).milli_cpu, 2000);
        assert_eq!(pod_requests(&spec, true).memory, 2 * DEFAULT_MEMORY);
    }

    #[test]
    fn scalars_are_kept_by_name() {
        let mut resources = Resources::of(&value!({"nvidia.com/gpu": "2", "hugepages-2Mi": "4Mi", "pods": "110"}));
        resources.add(&Resources::of(&value!({"nvidia.com/gpu": "1"})), -1);
        assert_eq!((resources.get("nvidia.com/gpu"), resources.get("hugepages-2Mi"), resources.get("pods")), (1, 4 << 20, 0));
    }
}
