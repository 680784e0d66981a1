//! `kubectl events`, after `k8s.io/kubectl/pkg/cmd/events`.

use super::args::{Command, Flag, FlagKind};
use super::describe::events::{interval, sort};
use super::describe::sheet::Sheet;
use super::invocation::Invocation;
use super::print::TabWriter;
use super::resources::find;
use crate::api::resource::EVENTS;
use crate::core::{Request, WatchType};
use crate::flow::{Flow, Io, Next};
use crate::value::Value;

pub(super) static COMMAND: Command = Command {
    name: "events",
    usage: "events [--for TYPE/NAME] [--types=Normal,Warning] [--watch] [flags]",
    short: "List events",
    long: "Display events.\nPrints a table of the most important information about events. You can request events for a namespace, \
           for all namespace, or filtered to only those pertaining to a specified resource.",
    examples: &[
        "# List recent events in all namespaces",
        "kubectl events --all-namespaces",
        "# List recent events for the specified pod",
        "kubectl events --for pod/web-pod-13je7",
        "# List recent only events of type 'Warning' or 'Normal'",
        "kubectl events --types=Warning,Normal",
    ],
    flags: &[
        Flag::bool("all-namespaces", "List the requested object(s) across all namespaces").letter('A'),
        Flag::int("chunk-size", "500", "Return large lists in chunks rather than all at once"),
        Flag::text("for", "", "Filter events to only those pertaining to the specified resource"),
        Flag::bool("no-headers", "Don't print headers"),
        Flag::refused("output", FlagKind::Text, "use kubectl get events -o").letter('o'),
        Flag::list("types", "Output only events of given types"),
        Flag::bool("watch", "After listing the requested events, watch for more events").letter('w'),
    ],
    run: Some(run),
    ..Command::NEW
};

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let types: Vec<String> = inv.list("types").iter().map(|kind| kind.to_lowercase()).collect();
    if types.iter().any(|kind| kind != "normal" && kind != "warning") {
        return inv.fail(io, "valid --types are Normal or Warning");
    }
    let mut fields = String::new();
    if let Some((kind, name)) = inv.flag("for").split_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty()) {
        let resource = inv.or_fail(io, find(kind))?;
        fields = format!("involvedObject.kind={},involvedObject.name={name}", resource.kind);
    } else if inv.given("for") {
        return inv.fail(io, "--for must be in resource/name form");
    }
    let with_fields = |request: Request| if fields.is_empty() { request } else { request.param("fieldSelector", &fields) };
    let wanted = |event: &Value| types.is_empty() || types.contains(&event["type"].str().to_lowercase());
    let mut out = TabWriter::for_tables();
    let (mut watch, mut headers) = match io.resume() {
        Some((watch, state)) => {
            out.set_widths(state["widths"].items().iter().map(|width| width.int() as usize).collect());
            (watch, state["headers"].is_true())
        }
        None => {
            let list = with_fields(Request::list(EVENTS, inv.list_namespace().to_string())).param("limit", "500");
            let answer = io.request(list)?;
            let list = inv.or_fail(io, answer)?;
            let mut events: Vec<Value> = list["items"].items().iter().filter(|event| wanted(event)).cloned().collect();
            sort(&mut events);
            let mut headers = !inv.is("no-headers");
            if events.is_empty() && !inv.is("watch") {
                io.eprint(&if inv.is("all-namespaces") {
                    "No events found.\n".to_string()
                } else {
                    format!("No events found in {} namespace.\n", inv.namespace)
                });
            }
            for event in &events {
                out.write(&row(inv, io, event, &mut headers));
            }
            io.print(&out.flush());
            if !inv.is("watch") {
                return Ok(());
            }
            let request = with_fields(Request::watch(EVENTS, inv.list_namespace().to_string()))
                .param("resourceVersion", list["metadata"]["resourceVersion"].text());
            (io.watch(request), headers)
        }
    };
    loop {
        io.save(&watch, crate::value!({"widths": out.widths().to_vec(), "headers": headers}));
        match io.next(&mut watch, None)? {
            Next::Event(event) if matches!(event.kind, WatchType::Added | WatchType::Modified) && wanted(&event.object) => {
                let row = row(inv, io, &event.object, &mut headers);
                out.write(&row);
                io.print(&out.flush());
            }
            Next::Event(_) => {}
            Next::Ended(error) => return inv.fail(io, error),
            Next::Done(_) | Next::Deadline => return Ok(()),
        }
    }
}

/// An event's line, and before the first one the names of the columns.
fn row(inv: &Invocation, io: &Io, event: &Value, headers: &mut bool) -> String {
    let all = inv.is("all-namespaces");
    let mut text = String::new();
    if std::mem::take(headers) {
        text += if all { "NAMESPACE\t" } else { "" };
        text += "LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n";
    }
    if all {
        text += &format!("{}\t", event.namespace());
    }
    let object = &event["involvedObject"];
    let seen = interval(&Sheet::new(io.now()), event);
    let (kind, reason, message) = (event["type"].str(), event["reason"].str(), event["message"].str().trim());
    text + &format!("{seen}\t{kind}\t{reason}\t{}/{}\t{message}\n", object["kind"].str(), object["name"].str())
}

#[cfg(test)]
mod tests {
    use super::super::testing::run;
    use crate::shell::Env;
    use crate::value;

    #[test]
    fn a_table_of_events() {
        let event = |kind: &'static str, count: i64, last: &'static str| {
            value!({"metadata": {"namespace": "default"}, "type": kind, "reason": "BackOff", "message": "text \n", "count": count,
                "firstTimestamp": "2026-01-05T09:00:00Z", "lastTimestamp": last, "involvedObject": {"kind": "Pod", "name": "x"}})
        };
        let list = value!({"items": [event("Normal", 3, "2026-01-05T09:00:00Z"), event("Warning", 1, "2026-01-05T09:00:00Z")]});
        let seen = run("kubectl events --types=Normal -A", &Env::default(), |_| Ok(list.clone()));
        assert_eq!(
            seen.out,
            "NAMESPACE   LAST SEEN         TYPE     REASON    OBJECT   MESSAGE\n\
             default     0s (x3 over 0s)   Normal   BackOff   Pod/x    text\n"
        );
        let seen = run("kubectl events --for pod/y", &Env::default(), |_| Ok(value!({"items": []})));
        assert_eq!(seen.err, "No events found in default namespace.\n");
        assert_eq!(
            seen.requests,
            ["GET /api/v1/namespaces/default/events?fieldSelector=involvedObject.kind=Pod,involvedObject.name=y&limit=500"]
        );
    }
}
