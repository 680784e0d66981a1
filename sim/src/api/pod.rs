//! What the api-server, controllers, the kubelet and kubectl all compute from a pod.

use crate::core::collections::PMap;

use super::quantity::Quantity;
use crate::value::{Text, Value};

/// Amounts of resources by their names.
pub type ResourceList = PMap<Text, Quantity>;

/// A field such as `resources.requests` as amounts.
pub fn resource_list(list: &Value) -> ResourceList {
    list.entries().iter().map(|(name, value)| (name.clone(), Quantity::of(value))).collect()
}

/// The effective requests of a pod (`k8s.io/component-helpers/resource`, PodRequests): the sum of its containers and of the init
/// containers that keep running, or what the largest init container needs at its start, and the overhead.
pub fn requests(pod: &Value) -> ResourceList {
    effective(&pod["spec"], "requests")
}

/// The effective limits of a pod (PodLimits).
pub fn limits(pod: &Value) -> ResourceList {
    effective(&pod["spec"], "limits")
}

fn effective(spec: &Value, list: &str) -> ResourceList {
    let mut total = ResourceList::new();
    for container in spec["containers"].items() {
        add(&mut total, &resource_list(&container["resources"][list]));
    }
    let (mut running, mut largest) = (ResourceList::new(), ResourceList::new());
    for container in spec["initContainers"].items() {
        let mut needs = resource_list(&container["resources"][list]);
        if container["restartPolicy"].str() == "Always" {
            add(&mut total, &needs);
            add(&mut running, &needs);
            needs.clone_from(&running);
        } else {
            add(&mut needs, &running);
        }
        raise(&mut largest, &needs);
    }
    raise(&mut total, &largest);
    // What is asked for the whole pod counts instead of the sum of its containers.
    for (name, amount) in resource_list(&spec["resources"][list]) {
        total.insert(name, amount);
    }
    let overhead = resource_list(&spec["overhead"]);
    if list == "requests" {
        add(&mut total, &overhead);
    } else {
        for (name, amount) in &overhead {
            if let Some(have) = total.get_mut(name) {
                *have += *amount;
            }
        }
    }
    total
}

fn add(total: &mut ResourceList, more: &ResourceList) {
    for (name, amount) in more {
        *total.entry(name.clone()).or_default() += *amount;
    }
}

fn raise(total: &mut ResourceList, other: &ResourceList) {
    for (name, amount) in other {
        let have = total.entry(name.clone()).or_insert(*amount);
        if *amount > *have {
            *have = *amount;
        }
    }
}

/// The quality-of-service class (`pkg/apis/core/v1/helper/qos`).
pub fn qos_class(pod: &Value) -> &'static str {
    const COUNTED: [&str; 2] = ["cpu", "memory"];
    let spec = &pod["spec"];
    let (mut requests, mut limits) = (ResourceList::new(), ResourceList::new());
    let mut guaranteed = true;
    let whole = !spec["resources"].is_empty();
    let pod_itself = std::slice::from_ref(spec);
    let containers: Vec<&Value> = if whole {
        pod_itself.iter().collect()
    } else {
        spec["containers"].items().iter().chain(spec["initContainers"].items()).collect()
    };
    for container in containers {
        let resources = &container["resources"];
        for name in COUNTED {
            let (request, limit) = (Quantity::of(&resources["requests"][name]), Quantity::of(&resources["limits"][name]));
            if !request.is_zero() {
                *requests.entry(name.into()).or_default() += request;
            }
            if limit.is_zero() {
                guaranteed = false;
            } else {
                *limits.entry(name.into()).or_default() += limit;
            }
        }
    }
    match () {
        () if requests.is_empty() && limits.is_empty() => "BestEffort",
        () if guaranteed && requests == limits => "Guaranteed",
        () => "Burstable",
    }
}

/// Whether the pod's condition Ready is True.
pub fn is_ready(pod: &Value) -> bool {
    pod.condition_true("Ready")
}

/// Whether the pod has ended (IsPodTerminal): phase Succeeded or Failed.
pub fn is_terminal(pod: &Value) -> bool {
    matches!(pod["status"]["phase"].str(), "Succeeded" | "Failed")
}

/// Whether controllers count the pod: not ended and not being deleted (controller.IsPodActive).
pub fn is_active(pod: &Value) -> bool {
    !is_terminal(pod) && !pod.is_terminating()
}

/// Whether the pod was Ready for `min_ready_s` seconds as of `now` (podutil.IsPodAvailable).
pub fn is_available(pod: &Value, min_ready_s: u64, now: crate::core::Time) -> bool {
    let Some(ready) = pod.condition("Ready").filter(|condition| condition["status"].str() == "True") else { return false };
    min_ready_s == 0
        || crate::core::Time::parse_rfc3339(ready["lastTransitionTime"].str())
            .is_some_and(|since| since + crate::core::Duration::s(min_ready_s) <= now)
}

/// Whether the pod mirrors a static one.
pub fn is_mirror(pod: &Value) -> bool {
    pod.annotation("kubernetes.io/config.mirror").is_some()
}

/// Whether a toleration covers a taint (Toleration.ToleratesTaint).
pub fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let (effect, key) = (toleration["effect"].str(), toleration["key"].str());
    (effect.is_empty() || effect == taint["effect"].str())
        && (key.is_empty() || key == taint["key"].str())
        && match toleration["operator"].str() {
            "" | "Equal" => toleration["value"].str() == taint["value"].str(),
            "Exists" => true,
            _ => false,
        }
}

/// The first taint with one of these effects that no toleration covers (FindMatchingUntoleratedTaint).
pub fn untolerated_taint<'a>(taints: &'a Value, tolerations: &Value, effects: &[&str]) -> Option<&'a Value> {
    taints
        .items()
        .iter()
        .filter(|taint| effects.contains(&taint["effect"].str()))
        .find(|taint| !tolerations.items().iter().any(|toleration| tolerates(toleration, taint)))
}

/// For how many seconds a pod may stay with these `NoExecute` taints: `Some(None)` for ever, `None` not at all
/// (tainteviction's getMinTolerationTime).
#[allow(clippy::option_option)]
pub fn toleration_seconds(taints: &[&Value], tolerations: &Value) -> Option<Option<i64>> {
    let mut least: Option<i64> = None;
    for taint in taints {
        let mut covering = tolerations.items().iter().filter(|toleration| tolerates(toleration, taint)).peekable();
        covering.peek()?;
        for toleration in covering {
            if let Some(seconds) = toleration["tolerationSeconds"].as_int() {
                let seconds = seconds.max(0);
                least = Some(least.map_or(seconds, |have| have.min(seconds)));
            }
        }
    }
    Some(least)
}

/// The ports that the pod takes on its node: address ("" for all), protocol, number.
pub fn host_ports(pod: &Value) -> Vec<(Text, Text, i64)> {
    let spec = &pod["spec"];
    let sidecars = spec["initContainers"].items().iter().filter(|container| container["restartPolicy"].str() == "Always");
    let containers = spec["containers"].items().iter().chain(sidecars);
    containers
        .flat_map(|container| container["ports"].items())
        .filter(|port| port["hostPort"].int() > 0)
        .map(|port| (port["hostIP"].text(), port["protocol"].text(), port["hostPort"].int()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Time;
    use crate::value;

    fn texts(list: &ResourceList) -> String {
        list.iter().map(|(name, amount)| format!("{name}={amount}")).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn effective_requests() {
        let pod = value!({"spec": {
            "containers": [
                {"resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1"}}},
                {"resources": {"requests": {"cpu": "200m"}}}],
            "initContainers": [
                {"restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}},
                {"resources": {"requests": {"cpu": "2", "memory": "32Mi"}}}],
            "overhead": {"cpu": "10m"},
        }});
        assert_eq!(texts(&requests(&pod)), "cpu=2060m,memory=64Mi");
        assert_eq!(texts(&limits(&pod)), "cpu=1010m");
        assert_eq!(texts(&requests(&value!({"spec": {"containers": [{}]}}))), "");
    }

    #[test]
    fn quality_of_service() {
        let pod = |resources: Value| value!({"spec": {"containers": [{"resources": resources}]}});
        assert_eq!(qos_class(&pod(value!({}))), "BestEffort");
        assert_eq!(qos_class(&pod(value!({"requests": {"cpu": "64"}}))), "Burstable");
        let both = value!({"cpu": "1", "memory": "1Gi"});
        assert_eq!(qos_class(&pod(value!({"requests": both.clone(), "limits": both.clone()}))), "Guaranteed");
        assert_eq!(
            qos_class(&pod(value!({"requests": {"cpu": "1000m", "memory": "1Gi"}, "limits": both.clone()}))),
            "Guaranteed"
        );
        assert_eq!(qos_class(&pod(value!({"requests": {"cpu": "1"}, "limits": both}))), "Burstable");
    }

    #[test]
    fn taints_and_tolerations() {
        let taints = value!([
            {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]);
        let tolerations = value!([
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}]);
        let found = untolerated_taint(&taints, &tolerations, &["NoSchedule", "NoExecute"]).unwrap();
        assert_eq!(found["effect"].str(), "NoSchedule");
        assert_eq!(untolerated_taint(&taints, &tolerations, &["NoExecute"]), None);
        assert_eq!(toleration_seconds(&[&taints[1]], &tolerations), Some(Some(300)));
        assert_eq!(toleration_seconds(&[&taints[1]], &value!([{"operator": "Exists"}])), Some(None));
        assert_eq!(toleration_seconds(&[&taints[1]], &Value::Null), None);
        assert!(!tolerates(&value!({"key": "a", "value": "b"}), &value!({"key": "a", "value": "c"})));
    }

    #[test]
    fn availability_waits_for_min_ready_seconds() {
        let pod = value!({"status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-05T09:00:10Z"}]}});
        assert!(is_available(&pod, 0, Time::ZERO));
        assert!(!is_available(&pod, 5, Time(14_999_999)));
        assert!(is_available(&pod, 5, Time(15_000_000)));
        assert!(!is_available(&value!({}), 0, Time::ZERO));
    }

    #[test]
    fn ports_of_the_node() {
        let pod = value!({"spec": {"containers": [{"ports": [{"containerPort": 80}, {"hostPort": 81, "protocol": "TCP"}]}]}});
        assert_eq!(host_ports(&pod), [("".into(), "TCP".into(), 81)]);
    }
}
