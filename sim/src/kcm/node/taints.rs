//! Taints that say what a node's conditions say (`node_lifecycle_controller.go`, `pkg/util/taints`).

use crate::api::resource::NODES;
use crate::core::{Request, Verb};
use crate::kcm::reconcile::{Io, Step, Stop};
use crate::value;
use crate::value::{Text, Value};

pub(super) const NOT_READY: &str = "node.kubernetes.io/not-ready";
pub(super) const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// (condition, its status, the taint that it means)
const BY_CONDITION: [(&str, &str, &str); 6] = [
    ("Ready", "False", NOT_READY),
    ("Ready", "Unknown", UNREACHABLE),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];

/// After a conflict the newest state is read, so many times.
const TRIES: usize = 5;

/// Makes the NoSchedule taints those of the conditions (doNoScheduleTaintingPass).
pub(in crate::kcm) fn sync(io: &mut Io<'_>, key: &str) -> Step<()> {
    let Some(node) = super::node(io.view, key) else { return Ok(()) };
    let mut wanted: Vec<&'static str> = Vec::new();
    for condition in node["status"]["conditions"].items() {
        let (kind, status) = (condition["type"].str(), condition["status"].str());
        wanted.extend(BY_CONDITION.iter().filter(|row| (row.0, row.1) == (kind, status)).map(|row| row.2));
    }
    if node["spec"]["unschedulable"].is_true() {
        wanted.push(UNSCHEDULABLE);
    }
    let ours = |key: &&str| *key == UNSCHEDULABLE || BY_CONDITION.iter().any(|row| row.2 == *key);
    let have: Vec<&str> = node["spec"]["taints"]
        .items()
        .iter()
        .filter(|taint| taint["effect"].str() == "NoSchedule")
        .map(|taint| taint["key"].str())
        .filter(ours)
        .collect();
    let add: Vec<&'static str> = wanted.iter().filter(|key| !have.contains(key)).copied().collect();
    let remove: Vec<&str> = have.into_iter().filter(|key| !wanted.contains(key)).collect();
    swap(io, node, "NoSchedule", &add, &remove)
}

/// Adds taints, then removes others (SwapNodeControllerTaint).
pub(super) fn swap(io: &mut Io<'_>, node: &Value, effect: &'static str, add: &[&'static str], remove: &[&str]) -> Step<()> {
    let now = io.stamp();
    if !add.is_empty() {
        let taint = |key: &&'static str| value!({"key": *key, "effect": effect, "timeAdded": &now});
        let new: Vec<Value> = add.iter().map(taint).collect();
        change(io, node, |taints| {
            for taint in &new {
                let same = |have: &Value| have["key"] == taint["key"] && have["effect"] == taint["effect"];
                match taints.iter_mut().find(|have| same(have)) {
                    // TimeAdded alone is no change.
                    Some(_) => {}
                    None => taints.push(taint.clone()),
                }
            }
        })?;
    }
    let gone = |taint: &Value| taint["effect"].str() == effect && remove.contains(&taint["key"].str());
    if node["spec"]["taints"].items().iter().any(gone) {
        change(io, node, |taints| taints.retain(|taint| !gone(taint)))?;
    }
    Ok(())
}

/// Reads a node, changes its taints, and writes them under the condition that nobody else did.
fn change(io: &mut Io<'_>, node: &Value, edit: impl Fn(&mut Vec<Value>)) -> Step<()> {
    let name = node["metadata"]["name"].text();
    for attempt in 0..TRIES {
        let mut get = Request::new(Verb::Get, NODES, Text::default(), &name);
        if attempt == 0 {
            // The api-server may answer from its cache.
            get = get.param("resourceVersion", "0");
        }
        let fresh = match io.request(get)? {
            Ok(fresh) => fresh,
            Err(error) if error.code() == 404 => return Ok(()),
            Err(_) => return Err(Stop::Retry),
        };
        let mut taints: Vec<Value> = fresh["spec"]["taints"].items().to_vec();
        edit(&mut taints);
        if taints == fresh["spec"]["taints"].items() {
            return Ok(());
        }
        let mut patch =
            value!({"metadata": {"resourceVersion": &fresh["metadata"]["resourceVersion"]}, "spec": {"taints": null}});
        if !taints.is_empty() {
            patch["spec"]["taints"] = taints.into();
        }
        match io.request(Request::patch(NODES, "", &name, patch))? {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == 409 => {}
            Err(error) if error.code() == 404 => return Ok(()),
            Err(_) => return Err(Stop::Retry),
        }
    }
    Err(Stop::Retry)
}

/// Whether a node has a NoExecute taint of this key.
pub(super) fn has_no_execute(node: &Value, key: &str) -> bool {
    let this = |taint: &Value| taint["key"].str() == key && taint["effect"].str() == "NoExecute";
    node["spec"]["taints"].items().iter().any(this)
}
