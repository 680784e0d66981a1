//! Events of a described object.

use super::Reader;
use super::sheet::Sheet;
use crate::api::resource::EVENTS;
use crate::core::Request;
use crate::core::collections::sort::Sort as _;
use crate::flow::Flow;
use crate::value::{Text, Value};

/// The event times that count for their order (`k8s.io/kubectl/pkg/util/event`).
fn last_seen(event: &Value) -> &str {
    for time in [&event["series"]["lastObservedTime"], &event["lastTimestamp"], &event["eventTime"]] {
        if !time.is_empty() {
            return time.str();
        }
    }
    ""
}

/// Events, oldest first.
pub(in crate::kubectl) fn sort(events: &mut [Value]) {
    events.order_by(|a, b| last_seen(a).get(..19).cmp(&last_seen(b).get(..19)));
}

/// The events about an object, as `searchEvents` finds them; without an answer there are none. `None` when none are to be shown.
pub(super) fn search(reader: &mut Reader, namespace: &str, name: &str, kind: &str, uid: &str) -> Flow<Option<Vec<Value>>> {
    if !reader.show_events {
        return Ok(None);
    }
    let mut fields = vec![format!("involvedObject.name={name}"), format!("involvedObject.namespace={namespace}")];
    if !kind.is_empty() {
        fields.push(format!("involvedObject.kind={kind}"));
    }
    if !uid.is_empty() {
        fields.push(format!("involvedObject.uid={uid}"));
    }
    let request =
        Request::list(EVENTS, namespace.to_string()).param("fieldSelector", Text::from(fields.join(","))).param("limit", "500");
    Ok(Some(reader.io.request(request)?.map(|list| list["items"].items().to_vec()).unwrap_or_default()))
}

/// The events about an object.
pub(super) fn of(reader: &mut Reader, object: &Value) -> Flow<Option<Vec<Value>>> {
    search(reader, object.namespace(), object.name(), object.kind(), object.uid())
}

/// Writes the events at the end of a description.
pub(super) fn describe(sheet: &mut Sheet, events: Option<Vec<Value>>) {
    let Some(mut events) = events else { return };
    if events.is_empty() {
        sheet.field(0, "Events", "<none>");
        return;
    }
    sheet.flush();
    sort(&mut events);
    sheet.line(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage");
    sheet.line(1, "----\t------\t----\t----\t-------");
    for event in &events {
        let age = interval(sheet, event);
        let from = match event["source"]["component"].str() {
            "" => event["reportingComponent"].str(),
            component => component,
        };
        let message = event["message"].str().trim();
        let message = match event["involvedObject"]["fieldPath"].str() {
            "" => message.to_string(),
            path => format!("{path}: {message}"),
        };
        sheet.line(1, &format!("{}\t{}\t{age}\t{from}\t{message}", event["type"].str(), event["reason"].str()));
    }
}

/// `12s`, or `32s (x5 over 2m2s)` for an event that happened several times.
pub(in crate::kubectl) fn interval(sheet: &Sheet, event: &Value) -> String {
    let first = if event["eventTime"].is_empty() { &event["firstTimestamp"] } else { &event["eventTime"] };
    let first = sheet.age(first);
    let series = &event["series"];
    if !series.is_null() {
        format!("{} (x{} over {first})", sheet.age(&series["lastObservedTime"]), series["count"].int())
    } else if event["count"].int() > 1 {
        format!("{} (x{} over {first})", sheet.age(&event["lastTimestamp"]), event["count"].int())
    } else {
        first
    }
}
