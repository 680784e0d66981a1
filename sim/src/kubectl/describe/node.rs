//! Nodes.

use crate::core::collections::PMap;
use crate::core::collections::sort::Sort as _;

use super::Reader;
use super::events;
use super::sheet::{Sheet, date, or_none};
use crate::api::quantity::Quantity;
use crate::api::resource::{LEASES, PODS};
use crate::core::Request;
use crate::flow::{Flow, RequestError};
use crate::value::{Text, Value};

/// Amounts by resource name.
type Amounts = PMap<Text, Quantity>;

pub(super) fn describe(reader: &mut Reader, node: &Value) -> Flow<Result<String, RequestError>> {
    let name = node.name();
    let fields = format!("spec.nodeName={name},status.phase!=Failed,status.phase!=Succeeded");
    let pods = match reader.io.request(Request::list(PODS, "").param("fieldSelector", fields).param("limit", "500"))? {
        Ok(list) => list["items"].items().to_vec(),
        Err(error) => return Ok(Err(error)),
    };
    // Controllers report under the node's uid, the kubelet under its name.
    let by_uid = events::search(reader, "", name, "Node", node.uid())?;
    let by_name = events::search(reader, "", name, "Node", name)?;
    let found = by_uid.map(|events| events.into_iter().chain(by_name.unwrap_or_default()).collect());
    let lease = reader.io.request(Request::get(LEASES, "kube-node-lease", name.to_string()))?;

    let mut sheet = Sheet::new(reader.io.now());
    sheet.field(0, "Name", name);
    let roles = crate::api::table::node_roles(node);
    sheet.field(0, "Roles", or_none(&roles.join(",")));
    sheet.metadata(node);
    sheet.field(0, "CreationTimestamp", &date(&node["metadata"]["creationTimestamp"]));
    sheet.multiline("Taints", &taints(&node["spec"]["taints"]));
    sheet.field(0, "Unschedulable", &node["spec"]["unschedulable"].is_true().to_string());
    match lease {
        Ok(lease) => {
            let spec = &lease["spec"];
            let or_unset = |value: &Value| if value.is_empty() { "<unset>".to_string() } else { date(value) };
            let holder = spec["holderIdentity"].str();
            sheet.line(0, "Lease:");
            sheet.field(1, "HolderIdentity", if holder.is_empty() { "<unset>" } else { holder });
            sheet.field(1, "AcquireTime", &or_unset(&spec["acquireTime"]));
            sheet.field(1, "RenewTime", &or_unset(&spec["renewTime"]));
        }
        Err(error) => sheet.field(0, "Lease", &format!("Failed to get lease: {error}")),
    }
    conditions(&mut sheet, &node["status"]["conditions"]);
    sheet.line(0, "Addresses:");
    for address in node["status"]["addresses"].items() {
        sheet.field(1, address["type"].str(), address["address"].str());
    }
    for (title, key) in [("Capacity", "capacity"), ("Allocatable", "allocatable")] {
        if !node["status"][key].is_empty() {
            sheet.line(0, &format!("{title}:"));
        }
        for (name, amount) in node["status"][key].entries() {
            sheet.field(1, name, &Quantity::of(amount).to_string());
        }
    }
    system_info(&mut sheet, &node["status"]["nodeInfo"]);
    let spec = &node["spec"];
    if !spec["podCIDR"].is_empty() {
        sheet.field(0, "PodCIDR", spec["podCIDR"].str());
    }
    if !spec["podCIDRs"].is_empty() {
        let ranges: Vec<&str> = spec["podCIDRs"].items().iter().map(Value::str).collect();
        sheet.field(0, "PodCIDRs", &ranges.join(","));
    }
    if !spec["providerID"].is_empty() {
        sheet.field(0, "ProviderID", spec["providerID"].str());
    }
    resources(&mut sheet, node, &pods);
    events::describe(&mut sheet, found);
    Ok(Ok(sheet.finish()))
}

fn taints(taints: &Value) -> Vec<String> {
    let mut sorted: Vec<&Value> = taints.items().iter().collect();
    sorted.order_by_key(|taint| format!("{},{}", taint["effect"].str(), taint["key"].str()));
    let text = |taint: &Value| match (taint["value"].str(), taint["effect"].str()) {
        ("", effect) => format!("{}:{effect}", taint["key"].str()),
        (value, effect) => format!("{}={value}:{effect}", taint["key"].str()),
    };
    sorted.into_iter().map(text).collect()
}

fn conditions(sheet: &mut Sheet, conditions: &Value) {
    if conditions.is_empty() {
        return;
    }
    sheet.line(0, "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
    sheet.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
    for condition in conditions.items() {
        let text = |key: &str| condition[key].str().to_string();
        let (beat, change) = (date(&condition["lastHeartbeatTime"]), date(&condition["lastTransitionTime"]));
        let (kind, status, reason, message) = (text("type"), text("status"), text("reason"), text("message"));
        sheet.line(1, &format!("{kind} \t{status} \t{beat} \t{change} \t{reason} \t{message}"));
    }
}

fn system_info(sheet: &mut Sheet, info: &Value) {
    sheet.line(0, "System Info:");
    for (title, key) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
    ] {
        sheet.field(1, title, info[key].str());
    }
}

/// What a pod requests (or is limited to): its containers together, or its greediest init container, and its overhead
/// (resourcehelper.PodRequests; pod-level resources win).
fn pod_amounts(pod: &Value, key: &str) -> Amounts {
    let spec = &pod["spec"];
    let mut sum = Amounts::new();
    let add = |to: &mut Amounts, amounts: &Value| {
        for (name, amount) in amounts.entries() {
            *to.entry(name.clone()).or_default() += Quantity::of(amount);
        }
    };
    let sidecar = |container: &&Value| container["restartPolicy"].str() == "Always";
    for container in spec["containers"].items().iter().chain(spec["initContainers"].items().iter().filter(sidecar)) {
        add(&mut sum, &container["resources"][key]);
    }
    for container in spec["initContainers"].items().iter().filter(|container| !sidecar(container)) {
        for (name, amount) in container["resources"][key].entries() {
            let have = sum.entry(name.clone()).or_default();
            *have = (*have).max(Quantity::of(amount));
        }
    }
    for (name, amount) in spec["resources"][key].entries() {
        sum.insert(name.clone(), Quantity::of(amount));
    }
    if key == "requests" || !sum.is_empty() {
        add(&mut sum, &spec["overhead"]);
    }
    sum
}

/// `100m (2%)`
fn share(amounts: &Amounts, name: &str, allocatable: &Value) -> String {
    let amount = amounts.get(name).copied().unwrap_or_default();
    let total = Quantity::of(&allocatable[name]);
    let (part, whole) = if name == "cpu" { (amount.milli(), total.milli()) } else { (amount.units(), total.units()) };
    let percent = if whole == 0 { 0 } else { i128::from(part) * 100 / i128::from(whole) };
    format!("{amount} ({percent}%)")
}

fn resources(sheet: &mut Sheet, node: &Value, pods: &[Value]) {
    let status = &node["status"];
    let allocatable = if status["allocatable"].is_empty() { &status["capacity"] } else { &status["allocatable"] };
    sheet.field(0, "Non-terminated Pods", &format!("({} in total)", pods.len()));
    sheet.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    sheet.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    let (mut requests, mut limits) = (Amounts::new(), Amounts::new());
    for pod in pods {
        let (request, limit) = (pod_amounts(pod, "requests"), pod_amounts(pod, "limits"));
        let age = sheet.age(&pod["metadata"]["creationTimestamp"]);
        let cells = [
            share(&request, "cpu", allocatable),
            share(&limit, "cpu", allocatable),
            share(&request, "memory", allocatable),
            share(&limit, "memory", allocatable),
            age,
        ];
        sheet.line(1, &format!("{}\t{}\t\t{}", pod.namespace(), pod.name(), cells.join("\t")));
        for (from, to) in [(request, &mut requests), (limit, &mut limits)] {
            for (name, amount) in from {
                *to.entry(name).or_default() += amount;
            }
        }
    }
    sheet.line(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)");
    sheet.line(1, "Resource\tRequests\tLimits");
    sheet.line(1, "--------\t--------\t------");
    let huge = allocatable.entries().iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("hugepages-"));
    for name in ["cpu", "memory", "ephemeral-storage"].into_iter().chain(huge) {
        let (request, limit) = (share(&requests, name, allocatable), share(&limits, name, allocatable));
        sheet.line(1, &format!("{name}\t{request}\t{limit}"));
    }
    for (name, _) in allocatable.entries().iter().filter(|(name, _)| name.contains('/')) {
        let amount = |amounts: &Amounts| amounts.get(name).copied().unwrap_or_default().to_string();
        sheet.line(1, &format!("{name}\t{}\t{}", amount(&requests), amount(&limits)));
    }
}
