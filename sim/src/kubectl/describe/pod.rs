//! Pods and pod templates.

use super::sheet::{Sheet, controlled_by, date, selector_text};
use super::{Reader, containers, events, volumes};
use crate::api::pod::qos_class;
use crate::core::collections::sort::Sort as _;
use crate::flow::Flow;
use crate::value::Value;

/// The annotation that names the pod manifest's own uid, under which the kubelet reports events of static pods.
const MIRROR: &str = "kubernetes.io/config.mirror";

pub(super) fn describe(reader: &mut Reader, pod: &Value) -> Flow<String> {
    let uid = pod.annotation(MIRROR).unwrap_or(pod.uid());
    let events = events::search(reader, pod.namespace(), pod.name(), "", uid)?;
    let mut sheet = Sheet::new(reader.io.now());
    let (spec, status) = (&pod["spec"], &pod["status"]);
    sheet.name(pod);
    if !spec["priority"].is_null() {
        sheet.field(0, "Priority", &spec["priority"].int().to_string());
    }
    for (title, key) in [
        ("Priority Class Name", "priorityClassName"),
        ("Runtime Class Name", "runtimeClassName"),
        ("Service Account", "serviceAccountName"),
    ] {
        if !spec[key].is_empty() {
            sheet.field(0, title, spec[key].str());
        }
    }
    let node = spec["nodeName"].str();
    let node = if node.is_empty() { "<none>".to_string() } else { format!("{node}/{}", status["hostIP"].str()) };
    sheet.field(0, "Node", &node);
    if !status["startTime"].is_empty() {
        sheet.field(0, "Start Time", &date(&status["startTime"]));
    }
    sheet.metadata(pod);
    let phase = status["phase"].str();
    if pod.is_terminating() && !matches!(phase, "Failed" | "Succeeded") {
        let lasts = sheet.age(&pod["metadata"]["deletionTimestamp"]);
        sheet.field(0, "Status", &format!("Terminating (lasts {lasts})"));
        let grace = pod["metadata"]["deletionGracePeriodSeconds"].int();
        sheet.field(0, "Termination Grace Period", &format!("{grace}s"));
    } else {
        sheet.field(0, "Status", phase);
    }
    for (title, key) in [("Reason", "reason"), ("Message", "message")] {
        if !status[key].is_empty() {
            sheet.field(0, title, status[key].str());
        }
    }
    let seccomp = spec["securityContext"]["seccompProfile"]["type"].str();
    if !seccomp.is_empty() {
        sheet.field(0, "SeccompProfile", seccomp);
    }
    sheet.field(0, "IP", status["podIP"].str());
    if status["podIPs"].is_empty() {
        sheet.field(0, "IPs", "<none>");
    } else {
        sheet.line(0, "IPs:");
        for ip in status["podIPs"].items() {
            sheet.field(1, "IP", ip["ip"].str());
        }
    }
    let controller = controlled_by(pod);
    if !controller.is_empty() {
        sheet.field(0, "Controlled By", &controller);
    }
    if !status["nominatedNodeName"].is_empty() {
        sheet.field(0, "NominatedNodeName", status["nominatedNodeName"].str());
    }
    if !spec["initContainers"].is_empty() {
        let statuses = &status["initContainerStatuses"];
        containers::describe(&mut sheet, "Init Containers", &spec["initContainers"], statuses, Some(pod));
    }
    containers::describe(&mut sheet, "Containers", &spec["containers"], &status["containerStatuses"], Some(pod));
    if !spec["ephemeralContainers"].is_empty() {
        let statuses = &status["ephemeralContainerStatuses"];
        containers::describe(&mut sheet, "Ephemeral Containers", &spec["ephemeralContainers"], statuses, Some(pod));
    }
    conditions(&mut sheet, pod);
    volumes::describe(&mut sheet, &spec["volumes"], false);
    let class = status["qosClass"].str();
    sheet.field(0, "QoS Class", if class.is_empty() { qos_class(pod) } else { class });
    sheet.labels("Node-Selectors", &spec["nodeSelector"]);
    sheet.multiline("Tolerations", &tolerations(&spec["tolerations"]));
    spread_constraints(&mut sheet, "", &spec["topologySpreadConstraints"]);
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}

fn conditions(sheet: &mut Sheet, pod: &Value) {
    let gates = pod["spec"]["readinessGates"].items();
    if !gates.is_empty() {
        sheet.line(0, "Readiness Gates:\n  Type\tStatus");
    }
    for gate in gates {
        let kind = gate["conditionType"].str();
        let status = pod.condition(kind).map_or("<none>", |condition| condition["status"].str());
        sheet.line(1, &format!("{kind} \t{status} "));
    }
    let conditions = pod["status"]["conditions"].items();
    if !conditions.is_empty() {
        sheet.line(0, "Conditions:\n  Type\tStatus");
    }
    for condition in conditions {
        sheet.line(1, &format!("{} \t{} ", condition["type"].str(), condition["status"].str()));
    }
}

/// `key=value:Effect op=Exists for 300s`, sorted by key.
pub(super) fn tolerations(tolerations: &Value) -> Vec<String> {
    let mut sorted: Vec<&Value> = tolerations.items().iter().collect();
    sorted.order_by_key(|toleration| toleration["key"].text());
    let text = |toleration: &Value| {
        let (key, value, effect) = (toleration["key"].str(), toleration["value"].str(), toleration["effect"].str());
        let mut text = key.to_string();
        if !value.is_empty() {
            text += &format!("={value}");
        }
        if !effect.is_empty() {
            text += &format!(":{effect}");
        }
        if toleration["operator"].str() == "Exists" && value.is_empty() {
            text += if text.is_empty() { "op=Exists" } else { " op=Exists" };
        }
        if let Some(seconds) = toleration["tolerationSeconds"].as_int() {
            text += &format!(" for {seconds}s");
        }
        text
    };
    sorted.into_iter().map(text).collect()
}

fn spread_constraints(sheet: &mut Sheet, indent: &str, constraints: &Value) {
    if constraints.is_empty() {
        return;
    }
    let mut constraints: Vec<&Value> = constraints.items().iter().collect();
    constraints.order_by_key(|constraint| constraint["topologyKey"].text());
    let texts: Vec<String> = constraints
        .into_iter()
        .map(|constraint| {
            let mut text = format!(
                "{}:{} when max skew {} is exceeded",
                constraint["topologyKey"].str(),
                constraint["whenUnsatisfiable"].str(),
                constraint["maxSkew"].int()
            );
            if !constraint["labelSelector"].is_null() {
                text += &format!(" for selector {}", selector_text(&constraint["labelSelector"]));
            }
            text
        })
        .collect();
    sheet.multiline(&format!("{indent}Topology Spread Constraints"), &texts);
}

/// Writes a pod template (DescribePodTemplate).
pub(in crate::kubectl) fn template(sheet: &mut Sheet, template: &Value) {
    sheet.line(0, "Pod Template:");
    sheet.labels("  Labels", &template["metadata"]["labels"]);
    if !template["metadata"]["annotations"].is_empty() {
        sheet.annotations("  Annotations", &template["metadata"]["annotations"]);
    }
    let spec = &template["spec"];
    if !spec["serviceAccountName"].is_empty() {
        sheet.field(1, "Service Account", spec["serviceAccountName"].str());
    }
    if !spec["initContainers"].is_empty() {
        containers::describe(sheet, "Init Containers", &spec["initContainers"], &Value::Null, None);
    }
    containers::describe(sheet, "Containers", &spec["containers"], &Value::Null, None);
    volumes::describe(sheet, &spec["volumes"], true);
    spread_constraints(sheet, "  ", &spec["topologySpreadConstraints"]);
    if !spec["priorityClassName"].is_empty() {
        sheet.field(1, "Priority Class Name", spec["priorityClassName"].str());
    }
    sheet.labels("  Node-Selectors", &spec["nodeSelector"]);
    sheet.multiline("  Tolerations", &tolerations(&spec["tolerations"]));
}
