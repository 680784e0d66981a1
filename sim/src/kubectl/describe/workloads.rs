//! Deployments, ReplicaSets and DaemonSets.

use super::Reader;
use super::sheet::{Sheet, controlled_by, date, or_none, plain, selector_text};
use super::{events, pod};
use crate::api::resource::{PODS, REPLICASETS};
use crate::api::selector::LabelSelector;
use crate::core::Request;
use crate::core::collections::sort::Sort as _;
use crate::flow::Flow;
use crate::kubectl::replica_sets;
use crate::value::Value;

pub(super) fn deployment(reader: &mut Reader, deployment: &Value) -> Flow<String> {
    let events = events::of(reader, deployment)?;
    let selector = selector_text(&deployment["spec"]["selector"]);
    let request = Request::list(REPLICASETS, deployment["metadata"]["namespace"].text())
        .param("labelSelector", selector.clone())
        .param("limit", "500");
    let sets = reader.io.request(request)?.map(|list| replica_sets::of(deployment, &list)).unwrap_or_default();
    let mut sheet = Sheet::new(reader.io.now());
    let (spec, status) = (&deployment["spec"], &deployment["status"]);
    sheet.name(deployment);
    sheet.field(0, "CreationTimestamp", &date(&deployment["metadata"]["creationTimestamp"]));
    sheet.metadata(deployment);
    sheet.field(0, "Selector", &selector);
    sheet.field(
        0,
        "Replicas",
        &format!(
            "{} desired | {} updated | {} total | {} available | {} unavailable",
            spec["replicas"].int(),
            status["updatedReplicas"].int(),
            status["replicas"].int(),
            status["availableReplicas"].int(),
            status["unavailableReplicas"].int()
        ),
    );
    sheet.field(0, "StrategyType", spec["strategy"]["type"].str());
    sheet.field(0, "MinReadySeconds", &spec["minReadySeconds"].int().to_string());
    if let Some(rolling) = spec["strategy"].get("rollingUpdate") {
        let (unavailable, surge) = (plain(&rolling["maxUnavailable"]), plain(&rolling["maxSurge"]));
        sheet.field(0, "RollingUpdateStrategy", &format!("{unavailable} max unavailable, {surge} max surge"));
    }
    pod::template(&mut sheet, &spec["template"]);
    sheet.conditions(&status["conditions"]);
    if !sets.is_empty() {
        let new = replica_sets::new_of(deployment, &sets);
        let created = |set: &Value| {
            let (have, want) = (set["status"]["replicas"].int(), set["spec"]["replicas"].int());
            format!("{} ({have}/{want} replicas created)", set.name())
        };
        let mut old: Vec<&Value> = sets.iter().filter(|set| new.is_none_or(|new| new.uid() != set.uid())).collect();
        old.order_by_key(|set| set["metadata"]["creationTimestamp"].text());
        let old: Vec<String> = old.into_iter().map(created).collect();
        sheet.field(0, "OldReplicaSets", or_none(&old.join(", ")));
        sheet.field(0, "NewReplicaSet", &new.map_or_else(|| "<none>".to_string(), created));
    }
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}

/// How many pods of a controller are in which phase: `1 Running / 0 Waiting / 0 Succeeded / 0 Failed`.
fn pods_status(reader: &mut Reader, object: &Value) -> Flow<Result<String, String>> {
    let selector = LabelSelector::of(&object["spec"]["selector"]).to_string();
    let request =
        Request::list(PODS, object["metadata"]["namespace"].text()).param("labelSelector", selector).param("limit", "500");
    Ok(reader.io.request(request)?.map_err(|error| error.to_string()).map(|list| {
        let owned = |pod: &&Value| pod.controller().is_some_and(|owner| owner["uid"].str() == object.uid());
        let pods: Vec<&Value> = list["items"].items().iter().filter(owned).collect();
        let count = |phase: &str| pods.iter().filter(|pod| pod["status"]["phase"].str() == phase).count();
        format!(
            "{} Running / {} Waiting / {} Succeeded / {} Failed",
            count("Running"),
            count("Pending"),
            count("Succeeded"),
            count("Failed")
        )
    }))
}

pub(super) fn replica_set(reader: &mut Reader, set: &Value) -> Flow<String> {
    let pods = pods_status(reader, set)?;
    let events = events::of(reader, set)?;
    let mut sheet = Sheet::new(reader.io.now());
    sheet.name(set);
    sheet.field(0, "Selector", &selector_text(&set["spec"]["selector"]));
    sheet.metadata(set);
    let controller = controlled_by(set);
    if !controller.is_empty() {
        sheet.field(0, "Controlled By", &controller);
    }
    let (current, desired) = (set["status"]["replicas"].int(), set["spec"]["replicas"].int());
    sheet.field(0, "Replicas", &format!("{current} current / {desired} desired"));
    let pods = pods.unwrap_or_else(|error| format!("error in fetching pods: {error}"));
    sheet.field(0, "Pods Status", &pods);
    pod::template(&mut sheet, &set["spec"]["template"]);
    sheet.conditions(&set["status"]["conditions"]);
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}

pub(super) fn daemon_set(reader: &mut Reader, set: &Value) -> Flow<Result<String, String>> {
    let pods = match pods_status(reader, set)? {
        Ok(pods) => pods,
        Err(error) => return Ok(Err(error)),
    };
    let events = events::of(reader, set)?;
    let mut sheet = Sheet::new(reader.io.now());
    sheet.name(set);
    sheet.field(0, "Selector", &selector_text(&set["spec"]["selector"]));
    let nodes = &set["spec"]["template"]["spec"]["nodeSelector"];
    sheet.field(0, "Node-Selector", &crate::api::table::format_labels(nodes));
    sheet.metadata(set);
    for (title, key) in [
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ] {
        sheet.line(0, &format!("{title}: {}", set["status"][key].int()));
    }
    sheet.field(0, "Pods Status", &pods);
    pod::template(&mut sheet, &set["spec"]["template"]);
    events::describe(&mut sheet, events);
    Ok(Ok(sheet.finish()))
}
