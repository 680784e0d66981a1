//! Events have two APIs over one store: core/v1, and events.k8s.io/v1 that the scheduler and kube-proxy write to.

use crate::api::resource::EVENTS;
use crate::core::Request;
use crate::value;
use crate::value::Value;

/// A request to events.k8s.io/v1 as the one to core/v1 that it means (pkg/apis/core's conversion between the two).
pub(super) fn to_core(request: &Request) -> Request {
    let mut core = Request { resource: Some(EVENTS), ..request.clone() };
    if request.body.kind() == "Event" || !request.body["regarding"].is_null() {
        core.body = event_to_core(&request.body);
    } else if !request.body.is_null() {
        // A patch: only fields that have the same name in both, and the series.
        core.body = rename(request.body.clone());
    }
    core
}

fn rename(mut body: Value) -> Value {
    for (from, to) in [
        ("regarding", "involvedObject"),
        ("note", "message"),
        ("reportingController", "reportingComponent"),
        ("deprecatedSource", "source"),
        ("deprecatedCount", "count"),
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
    ] {
        if let Some(value) = body.remove(from) {
            body.set(to, value);
        }
    }
    body
}

fn event_to_core(event: &Value) -> Value {
    let mut core = rename(event.clone());
    core["apiVersion"] = "v1".into();
    core["kind"] = "Event".into();
    if core["source"].is_null() {
        core["source"] = Value::map();
    }
    for field in ["firstTimestamp", "lastTimestamp"] {
        if core[field].is_null() {
            core.map_mut().insert(field, Value::Null);
        }
    }
    if core["metadata"].is_null() {
        core["metadata"] = value!({});
    }
    core
}
