//! LimitRanger: default requests and limits, and their bounds, from the namespace's LimitRanges.

use super::super::ApiServer;
use crate::api::ApiError;
use crate::api::quantity::Quantity;
use crate::api::resource::LIMITRANGES;
use crate::value::Value;

impl ApiServer {
    /// Fills in missing requests and limits and refuses what is out of bounds (plugin/pkg/admission/limitranger).
    pub(super) fn limit_ranger(&self, pod: &mut Value) -> Result<(), ApiError> {
        let namespace = pod["metadata"]["namespace"].text();
        let ranges: Vec<Value> = self.caches.list_in(LIMITRANGES, &namespace).cloned().collect();
        for range in &ranges {
            for limit in range["spec"]["limits"].items().iter().filter(|limit| limit["type"].str() == "Container") {
                for list in ["initContainers", "containers"] {
                    for index in 0..pod["spec"][list].items().len() {
                        fill(&mut pod["spec"][list][index]["resources"], limit);
                    }
                }
            }
        }
        let mut errors = Vec::new();
        for range in &ranges {
            for limit in range["spec"]["limits"].items() {
                if limit["type"].str() == "Container" {
                    for container in pod["spec"]["containers"].items() {
                        check(&container["resources"], limit, "Container", &mut errors);
                    }
                }
            }
        }
        if errors.is_empty() {
            return Ok(());
        }
        let why = if errors.len() == 1 { errors.remove(0) } else { format!("[{}]", errors.join(", ")) };
        Err(ApiError::forbidden("pods", pod.name(), &why))
    }
}

fn fill(resources: &mut Value, limit: &Value) {
    for (kind, defaults) in [("limits", &limit["default"]), ("requests", &limit["defaultRequest"])] {
        for (name, quantity) in defaults.entries() {
            if resources[kind][&**name].is_null() {
                resources[kind].map_mut().insert(name.clone(), quantity.clone());
            }
        }
    }
}

fn check(resources: &Value, limit: &Value, kind: &str, errors: &mut Vec<String>) {
    for (name, min) in limit["min"].entries() {
        let request = &resources["requests"][&**name];
        if request.is_null() {
            errors.push(format!("minimum {name} usage per {kind} is {}.  No request is specified", min.str()));
        } else if Quantity::of(request) < Quantity::of(min) {
            errors.push(format!("minimum {name} usage per {kind} is {}, but request is {}", min.str(), request.str()));
        }
    }
    for (name, max) in limit["max"].entries() {
        let asked = &resources["limits"][&**name];
        if asked.is_null() {
            errors.push(format!("maximum {name} usage per {kind} is {}.  No limit is specified", max.str()));
        } else if Quantity::of(asked) > Quantity::of(max) {
            errors.push(format!("maximum {name} usage per {kind} is {}, but limit is {}", max.str(), asked.str()));
        }
    }
}
