//! LimitRanger: default requests and limits, and their bounds, from the namespace's LimitRanges (plugin/pkg/admission/limitranger).

use super::super::ApiServer;
use crate::api::quantity::Quantity;
use crate::api::resource::LIMITRANGES;
use crate::api::{ApiError, Resource, pod};
use crate::value::Value;

/// The annotation that says what was filled in.
const ANNOTATION: &str = "kubernetes.io/limit-ranger";

impl ApiServer {
    /// Fills in missing requests and limits of a pod and refuses what is out of bounds.
    pub(super) fn limit_ranger(&self, pod: &mut Value) -> Result<(), ApiError> {
        let ranges: Vec<Value> = self.caches.list_in(LIMITRANGES, pod.namespace()).cloned().collect();
        let mut errors = Vec::new();
        for range in &ranges {
            fill_pod(pod, range);
        }
        for limit in ranges.iter().flat_map(|range| range["spec"]["limits"].items()) {
            match limit["type"].str() {
                "Container" => {
                    for container in pod["spec"]["containers"].items().iter().chain(pod["spec"]["initContainers"].items()) {
                        let resources = &container["resources"];
                        check(
                            &pod::resource_list(&resources["requests"]),
                            &pod::resource_list(&resources["limits"]),
                            limit,
                            "Container",
                            &mut errors,
                        );
                    }
                }
                "Pod" => check(&pod::requests(pod), &pod::limits(pod), limit, "Pod", &mut errors),
                _ => {}
            }
        }
        refuse("pods", pod.name(), errors)
    }

    /// Refuses a claim whose size is out of bounds.
    pub(super) fn limit_claim(&self, resource: Resource, claim: &Value) -> Result<(), ApiError> {
        let mut errors = Vec::new();
        let asked = &claim["spec"]["resources"]["requests"]["storage"];
        for range in self.caches.list_in(LIMITRANGES, claim.namespace()) {
            let limits = range["spec"]["limits"].items().iter();
            for limit in limits.filter(|limit| limit["type"].str() == "PersistentVolumeClaim") {
                let (min, max, asked) = (&limit["min"]["storage"], &limit["max"]["storage"], Quantity::of(asked));
                if !min.is_null() && asked < Quantity::of(min) {
                    let min = min.str();
                    errors.push(format!("minimum storage usage per PersistentVolumeClaim is {min}, but request is {asked}"));
                }
                if !max.is_null() && asked > Quantity::of(max) {
                    let max = max.str();
                    errors.push(format!("maximum storage usage per PersistentVolumeClaim is {max}, but request is {asked}"));
                }
            }
        }
        refuse(&resource.group_resource(), claim.name(), errors)
    }
}

fn refuse(group_resource: &str, name: &str, mut errors: Vec<String>) -> Result<(), ApiError> {
    let why = match errors.len() {
        0 => return Ok(()),
        1 => errors.remove(0),
        _ => format!("[{}]", errors.join(", ")),
    };
    Err(ApiError::forbidden(group_resource, name, &why))
}

fn fill_pod(pod: &mut Value, range: &Value) {
    let mut filled = Vec::new();
    for limit in range["spec"]["limits"].items().iter().filter(|limit| limit["type"].str() == "Container") {
        for (list, prefix) in [("containers", "container"), ("initContainers", "init container")] {
            for index in 0..pod["spec"][list].items().len() {
                let name = pod["spec"][list][index]["name"].text();
                for (kind, word, defaults) in
                    [("requests", "request", &limit["defaultRequest"]), ("limits", "limit", &limit["default"])]
                {
                    let mut set = Vec::new();
                    for (resource, quantity) in defaults.entries() {
                        if pod["spec"][list][index]["resources"][kind][&**resource].is_null() {
                            pod["spec"][list][index]["resources"][kind].map_mut().insert(resource.clone(), quantity.clone());
                            set.push(resource.as_str());
                        }
                    }
                    if !set.is_empty() {
                        filled.push(format!("{} {word} for {prefix} {name}", set.join(", ")));
                    }
                }
            }
        }
    }
    if !filled.is_empty() {
        pod["metadata"]["annotations"][ANNOTATION] = format!("LimitRanger plugin set: {}", filled.join("; ")).into();
    }
}

fn check(requests: &pod::ResourceList, limits: &pod::ResourceList, limit: &Value, kind: &str, errors: &mut Vec<String>) {
    for (name, bound) in limit["min"].entries() {
        let (min, words) = (Quantity::of(bound), format!("minimum {name} usage per {kind} is {}", bound.str()));
        match (requests.get(name), limits.get(name)) {
            (None, _) => errors.push(format!("{words}.  No request is specified")),
            (Some(request), _) if *request < min => errors.push(format!("{words}, but request is {request}")),
            (_, Some(limit)) if *limit < min => errors.push(format!("{words}, but limit is {limit}")),
            _ => {}
        }
    }
    for (name, bound) in limit["max"].entries() {
        let (max, words) = (Quantity::of(bound), format!("maximum {name} usage per {kind} is {}", bound.str()));
        match (requests.get(name), limits.get(name)) {
            (_, None) => errors.push(format!("{words}.  No limit is specified")),
            (_, Some(limit)) if *limit > max => errors.push(format!("{words}, but limit is {limit}")),
            (Some(request), _) if *request > max => errors.push(format!("{words}, but request is {request}")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn range() -> Value {
        value!({"spec": {"limits": [{
            "type": "Container", "min": {"cpu": "50m", "memory": "16Mi"}, "max": {"cpu": "1", "memory": "512Mi"},
            "default": {"cpu": "200m", "memory": "128Mi"}, "defaultRequest": {"cpu": "100m", "memory": "64Mi"},
        }]}})
    }

    #[test]
    fn the_recorded_defaults() {
        let mut object = value!({"metadata": {"name": "d"}, "spec": {"containers": [{"name": "d", "resources": {}}]}});
        fill_pod(&mut object, &range());
        assert_eq!(
            object["spec"]["containers"][0]["resources"].to_json(),
            r#"{"limits":{"cpu":"200m","memory":"128Mi"},"requests":{"cpu":"100m","memory":"64Mi"}}"#
        );
        assert_eq!(
            object.annotation(ANNOTATION),
            Some("LimitRanger plugin set: cpu, memory request for container d; cpu, memory limit for container d")
        );
    }

    #[test]
    fn the_recorded_refusals() {
        let refusals = |requests: Value, limits: Value| {
            let mut object = value!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "resources": {"requests": requests, "limits": limits}}]}});
            fill_pod(&mut object, &range());
            let resources = &object["spec"]["containers"][0]["resources"];
            let mut errors = Vec::new();
            let list = |name: &str| pod::resource_list(&resources[name]);
            check(&list("requests"), &list("limits"), &range()["spec"]["limits"][0], "Container", &mut errors);
            errors
        };
        assert_eq!(
            refusals(value!({"cpu": "2"}), value!({"cpu": "2"})),
            ["maximum cpu usage per Container is 1, but limit is 2"]
        );
        assert_eq!(
            refusals(value!({"memory": "4Mi"}), value!({})),
            ["minimum memory usage per Container is 16Mi, but request is 4Mi"]
        );
    }
}
