//! What the api-server, the scheduler and the kubelet all compute from a pod.

use crate::value::Value;

/// The quality-of-service class (pkg/apis/core/v1/helper/qos).
pub fn qos_class(pod: &Value) -> &'static str {
    let mut any = false;
    let mut guaranteed = true;
    for container in pod["spec"]["initContainers"].items().iter().chain(pod["spec"]["containers"].items()) {
        let resources = &container["resources"];
        for resource in ["cpu", "memory"] {
            let (request, limit) = (&resources["requests"][resource], &resources["limits"][resource]);
            any |= !request.is_null() || !limit.is_null();
            guaranteed &= !limit.is_null() && (request.is_null() || request == limit);
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// Whether the pod's condition Ready is True.
pub fn is_ready(pod: &Value) -> bool {
    pod.condition_true("Ready")
}
