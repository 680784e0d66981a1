//! `kubectl get --watch`: the state, and then every change on a line of its own.

use super::super::error::Error;
use super::super::invocation::Invocation;
use super::super::print::{Format, Printer, TabWriter, TablePrinter};
use super::super::resources::{Target, objects};
use crate::core::collections::sort::Sort as _;
use crate::core::{Request, Time, WatchType};
use crate::flow::{Flow, Io, Next, RequestError};
use crate::value;
use crate::value::{Text, Value};

/// Prints objects as they come.
enum Output {
    Tables(TablePrinter, TabWriter),
    Objects(Printer),
}

impl Output {
    fn state(&self) -> Value {
        match self {
            Self::Tables(printer, out) => value!({"table": printer.state(), "widths": out.widths().to_vec()}),
            Self::Objects(printer) => value!({"printed": printer.printed()}),
        }
    }

    fn restore(&mut self, state: &Value) {
        match self {
            Self::Tables(printer, out) => {
                printer.restore(&state["table"]);
                out.set_widths(state["widths"].items().iter().map(|width| width.int() as usize).collect());
            }
            Self::Objects(printer) => printer.restore(state["printed"].int() as usize),
        }
    }
}

pub(super) fn run(inv: &Invocation, io: &mut Io, targets: &[Target]) -> Flow<()> {
    let [target] = targets else {
        let kinds = targets.iter().any(|target| target.resource() != targets[0].resource());
        return inv.fail(
            io,
            if kinds || targets.is_empty() {
                "you may only specify a single resource type".to_string()
            } else {
                format!(
                    "watch is only supported on individual resources and resource collections - {} resources were found",
                    targets.len()
                )
            },
        );
    };
    let format = Format::of(inv, true);
    let format = inv.or_fail(io, format)?;
    let as_table = format.is_human();
    let timeout = inv.request_timeout();
    let timeout = inv.or_fail(io, timeout)?;
    let mut output = match format {
        Format::Human { wide } => {
            Output::Tables(TablePrinter::new(super::table_options(inv, target.resource(), wide, false)), TabWriter::for_tables())
        }
        format => Output::Objects(Printer::new(format, inv.is("show-managed-fields"))),
    };

    let (mut watch, mut skip, deadline) = match io.resume() {
        Some((watch, state)) => {
            output.restore(&state["output"]);
            let deadline = state["deadline"].as_int().map(|us| Time(us as u64));
            (watch, state["skip"].is_true(), deadline)
        }
        None => {
            let version = state(inv, io, target, &mut output, as_table)?;
            let mut request = watch_request(target).param("resourceVersion", version);
            request.query.order_by_key(|(name, _)| *name);
            request.as_table = as_table;
            let deadline = timeout.map(|timeout| io.now() + timeout);
            // The watch of a single object begins with its state, which has been printed.
            (io.watch(request), matches!(target, Target::One { .. }), deadline)
        }
    };
    loop {
        let deadline_us = deadline.map(|deadline| deadline.0);
        io.save(&watch, value!({"output": output.state(), "skip": skip, "deadline": deadline_us}));
        match io.next(&mut watch, deadline)? {
            Next::Event(event) if event.kind == WatchType::Bookmark => {}
            Next::Event(event) if event.kind == WatchType::Error => {
                return inv.fail(io, event.object["message"].str());
            }
            Next::Event(event) => {
                if !std::mem::take(&mut skip) {
                    let mut object = event.object;
                    if !as_table && object.kind().is_empty() {
                        object.set("kind", target.resource().kind);
                        object.set("apiVersion", target.resource().api_version());
                    }
                    print(inv, io, &mut output, event.kind, &object)?;
                }
            }
            Next::Deadline => {
                io.close(&watch);
                return Ok(());
            }
            Next::Done(_) => return Ok(()),
            // kubectl ends without a word when an open watch ends.
            Next::Ended(RequestError::Connection(crate::core::message::FailureKind::Reset)) => return Ok(()),
            Next::Ended(error) => return inv.fail(io, Error::from(error)),
        }
    }
}

/// Reads and prints the state; the resourceVersion from which to watch.
fn state(inv: &Invocation, io: &mut Io, target: &Target, output: &mut Output, as_table: bool) -> Flow<Text> {
    let answer = io.request(super::request(inv, target, as_table))?;
    let body = inv.or_fail(io, answer.map_err(|error| target.error(error)))?;
    super::warn(inv, io, target.resource());
    let version = match target {
        Target::Many { .. } => body["metadata"]["resourceVersion"].text(),
        Target::One { .. } => "0".into(),
    };
    if !inv.is("watch-only") {
        let state = if as_table { vec![body] } else { objects(target, body).into_iter().map(|found| found.object).collect() };
        for object in state {
            print(inv, io, output, WatchType::Added, &object)?;
        }
    }
    Ok(version)
}

fn watch_request(target: &Target) -> Request {
    match target {
        Target::One { resource, namespace, name } => {
            Request::watch(*resource, namespace).param("fieldSelector", format!("metadata.name={name}"))
        }
        Target::Many { resource, namespace, labels, fields } => {
            let mut request = Request::watch(*resource, namespace);
            if !fields.is_empty() {
                request = request.param("fieldSelector", fields);
            }
            if !labels.is_empty() {
                request = request.param("labelSelector", labels);
            }
            request
        }
    }
}

fn print(inv: &Invocation, io: &mut Io, output: &mut Output, kind: WatchType, object: &Value) -> Flow<()> {
    let with_event = inv.is("output-watch-events");
    match output {
        Output::Tables(printer, out) => {
            printer.print(object, with_event.then(|| kind.name()), out);
            io.print(&out.flush());
        }
        Output::Objects(printer) => {
            let text = if with_event {
                printer.print(&value!({"type": kind.name(), "object": object.clone()}))
            } else {
                printer.print(object)
            };
            let text = inv.or_fail(io, text)?;
            io.print(&text);
        }
    }
    Ok(())
}
