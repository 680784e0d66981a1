//! `kubectl get`, after `k8s.io/kubectl/pkg/cmd/get/get.go`.

mod raw;
#[cfg(test)]
mod tests;
mod watch;

use super::args::{Command, Flag, FlagKind};
use super::error::Error;
use super::invocation::Invocation;
use super::manifests;
use super::options::{FILES, flags};
use super::print::{Format, JsonPath, Printer, TabWriter, TableOptions, TablePrinter, list_of};
use super::resources::{Choice, Found, Target, objects, targets};
use crate::api::Resource;
use crate::api::resource::ENDPOINTS;
use crate::core::Request;
use crate::core::collections::sort::Sort as _;
use crate::flow::{Flow, Io, RequestError};
use crate::value::Value;

/// `kubectl get`
pub(super) static COMMAND: Command = Command {
    name: "get",
    usage: "get [(-o|--output=)json|yaml|name|jsonpath|jsonpath-as-json|jsonpath-file|custom-columns|custom-columns-file|wide] \
            (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...) [flags]",
    short: "Display one or many resources",
    long: "Prints a table of the most important information about the specified resources. You can filter the list using a label \
           selector and the --selector flag. If the desired resource type is namespaced you will only see results in the current \
           namespace if you don't specify any namespace.\n\
           Go templates, kyaml and printing without the server's tables are not modelled.\n\
           Use \"kubectl api-resources\" for a complete list of supported resources.",
    examples: &[
        "# List all pods in ps output format",
        "kubectl get pods",
        "# List all pods in ps output format with more information (such as node name)",
        "kubectl get pods -o wide",
        "# List a single pod in JSON output format",
        "kubectl get -o json pod web-pod-13je7",
        "# List resource information in custom columns",
        "kubectl get pod test-pod -o custom-columns=CONTAINER:.spec.containers[0].name,IMAGE:.spec.containers[0].image",
        "# List deployments and services together in ps output format",
        "kubectl get deployments,services",
        "# List one or more resources by their type and names",
        "kubectl get deploy/web service/frontend pods/web-pod-13je7",
        "# List all pods existing in all namespaces, and go on printing what changes",
        "kubectl get pods --all-namespaces --watch",
    ],
    flags: flags!(FILES, OWN),
    run: Some(run),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::bool("all-namespaces", "List the requested object(s) across all namespaces").letter('A'),
    Flag::bool("allow-missing-template-keys", "Ignore missing fields in templates").on(),
    Flag::int("chunk-size", "500", "Return large lists in chunks rather than all at once. Pass 0 to disable"),
    Flag::text("field-selector", "", "Selector (field query) to filter on, such as status.phase=Running"),
    Flag::bool("ignore-not-found", "Treat \"resource not found\" as a successful retrieval"),
    Flag::list("label-columns", "Labels that are to be presented as columns").letter('L'),
    Flag::bool("no-headers", "Don't print headers"),
    Flag::text("output", "", "Output format").letter('o'),
    Flag::bool("output-watch-events", "Output watch event objects when --watch or --watch-only is used"),
    Flag::text("raw", "", "Raw URI to request from the server"),
    Flag::text("selector", "", "Selector (label query) to filter on, such as key1=value1,key2 in (a,b)").letter('l'),
    Flag::bool("server-print", "Have the server return the appropriate table output").on(),
    Flag::bool("show-kind", "List the resource type for the requested object(s)"),
    Flag::bool("show-labels", "Show all labels as the last column"),
    Flag::bool("show-managed-fields", "Keep the managedFields when printing objects in JSON or YAML format"),
    Flag::text("sort-by", "", "Sort list types using this field specification, such as {.metadata.name}"),
    Flag::text("subresource", "", "Fetch the requested object's subresource: status or scale"),
    Flag::refused("template", FlagKind::Text, "Go templates are left out"),
    Flag::bool("watch", "After listing/getting the requested object, watch for changes").letter('w'),
    Flag::bool("watch-only", "Watch for changes to the requested object(s), without listing/getting first"),
];

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    if inv.given("raw") {
        return raw::run(inv, io);
    }
    let watching = inv.is("watch") || inv.is("watch-only");
    if watching && inv.given("sort-by") {
        io.eprint("warning: --watch or --watch-only requested, --sort-by will be ignored\n");
    }
    if inv.args.is_empty() && !watching && !manifests::given(inv) {
        io.eprint(
            "You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported \
             resources.\n\n",
        );
        return inv.usage_error(
            io,
            "Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource \
             (e.g. kubectl explain pods).",
        );
    }
    let output = inv.flag("output");
    if inv.is("show-labels") && !matches!(output, "" | "wide") {
        return inv.fail(io, format!("--show-labels option cannot be used with {output} printer"));
    }
    if inv.is("output-watch-events") && !watching {
        return inv.usage_error(io, "--output-watch-events option can only be used with --watch or --watch-only");
    }
    if !inv.is("server-print") {
        return inv.fail(io, "--server-print=false is not modelled by kube-orrery: tables come from the server");
    }
    let choice = Choice {
        labels: Some(inv.flag("selector")),
        fields: Some(inv.flag("field-selector")),
        type_alone: true,
        all_namespaces: inv.is("all-namespaces"),
        all: false,
    };
    let (targets, errors) = inv.or_fail(io, targets(inv, choice))?;
    if watching {
        return watch::run(inv, io, &targets);
    }
    if inv.given("sort-by") {
        inv.or_fail(io, JsonPath::parse_relaxed(inv.flag("sort-by")))?;
    }
    let format = Format::of(inv, true);
    match format {
        Ok(Format::Human { wide }) => tables(inv, io, &targets, errors, wide),
        Ok(format) => generic(inv, io, &targets, errors, format),
        // kubectl makes its printer only now, when the objects have been read.
        Err(error) => {
            read(inv, io, &targets)?;
            inv.fail(io, error)
        }
    }
}

/// The request for a target, with what the flags add to it.
fn request(inv: &Invocation, target: &Target, as_table: bool) -> Request {
    let mut request = target.request();
    match target {
        Target::One { .. } => request = request.sub(inv.flag("subresource").to_string()),
        Target::Many { .. } => {
            let limit = if inv.given("sort-by") { 0 } else { inv.int("chunk-size") };
            request.query.retain(|(name, _)| *name != "limit");
            if limit > 0 {
                request = request.param("limit", limit.to_string());
            }
        }
    }
    request.as_table = as_table;
    if as_table && inv.given("sort-by") {
        request = request.param("includeObject", "Object");
        request.query.order_by_key(|(name, _)| *name);
    }
    request
}

/// The warning that the server sends with its answer for a deprecated resource.
fn warn(inv: &Invocation, io: &mut Io, resource: Resource) {
    if resource == ENDPOINTS {
        inv.warn(io, "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");
    }
}

fn ignored(inv: &Invocation, error: &RequestError) -> bool {
    inv.is("ignore-not-found") && error.reason() == "NotFound"
}

fn table_options(inv: &Invocation, resource: Resource, wide: bool, with_kind: bool) -> TableOptions {
    TableOptions {
        wide,
        no_headers: inv.is("no-headers"),
        with_kind: (with_kind || inv.is("show-kind")).then_some(resource),
        with_namespace: inv.is("all-namespaces") && resource.namespaced,
        show_labels: inv.is("show-labels"),
        label_columns: inv.list("label-columns").to_vec(),
    }
}

/// For people: the server's Tables, one after the other.
fn tables(inv: &Invocation, io: &mut Io, targets: &[Target], mut errors: Vec<Error>, wide: bool) -> Flow<()> {
    let mut answers: Vec<(Resource, Value)> = Vec::new();
    for target in targets {
        match io.request(request(inv, target, true))? {
            Ok(table) => {
                warn(inv, io, target.resource());
                answers.push((target.resource(), table));
            }
            Err(error) if ignored(inv, &error) => {}
            Err(error) => errors.push(target.error(error)),
        }
    }
    let with_kind = answers.iter().any(|(resource, _)| *resource != answers[0].0);
    let mut out = TabWriter::for_tables();
    let mut printer: Option<(Resource, TablePrinter)> = None;
    let mut written = false;
    let mut blank_line = false;
    let mut flush = |io: &mut Io, out: &mut TabWriter, blank_line: &mut bool| {
        let text = out.flush();
        if !text.is_empty() {
            if std::mem::take(blank_line) {
                io.print("\n");
            }
            io.print(&text);
            written = true;
        }
        written
    };
    for (resource, table) in &answers {
        let mut table = table.clone();
        if inv.given("sort-by") {
            let mut rows = table["rows"].items().to_vec();
            // Rows of which none has the field are not shown at all, as recorded.
            if super::print::sort::sort_by(&mut rows, inv.flag("sort-by"), |row| &row["object"]).is_err() {
                rows.clear();
            }
            table["rows"] = rows.into();
        }
        if printer.as_ref().is_none_or(|(of, _)| of != resource) {
            let written = flush(io, &mut out, &mut blank_line);
            out.forget_widths();
            blank_line |= printer.is_some() && !inv.is("no-headers") && written;
            printer = Some((*resource, TablePrinter::new(table_options(inv, *resource, wide, with_kind))));
        }
        if let Some((_, printer)) = &mut printer {
            printer.print(&table, None, &mut out);
        }
    }
    let written = flush(io, &mut out, &mut blank_line);
    if !written && !inv.is("ignore-not-found") && errors.is_empty() {
        let namespaced = !inv.is("all-namespaces") && answers.iter().all(|(resource, _)| resource.namespaced);
        io.eprint(&if namespaced {
            format!("No resources found in {} namespace.\n", inv.namespace)
        } else {
            "No resources found\n".to_string()
        });
    }
    let result = Error::aggregate(errors);
    inv.or_fail(io, result)
}

fn read(inv: &Invocation, io: &mut Io, targets: &[Target]) -> Flow<(Vec<Found>, Vec<Error>)> {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for target in targets {
        match io.request(request(inv, target, false))? {
            Ok(body) => {
                warn(inv, io, target.resource());
                found.extend(objects(target, body));
            }
            Err(error) if ignored(inv, &error) => {}
            Err(error) => errors.push(target.error(error)),
        }
    }
    Ok((found, errors))
}

/// For programs: the object, or a List of all objects.
fn generic(inv: &Invocation, io: &mut Io, targets: &[Target], mut errors: Vec<Error>, format: Format) -> Flow<()> {
    let (found, failed) = read(inv, io, targets)?;
    errors.extend(failed);
    let single = matches!(targets, [Target::One { .. }]);
    if !errors.is_empty() && single {
        let result = Error::aggregate(errors);
        return inv.or_fail(io, result);
    }
    if found.is_empty() && inv.is("ignore-not-found") {
        let result = Error::aggregate(errors);
        return inv.or_fail(io, result);
    }
    let mut items: Vec<Value> = found.into_iter().map(|found| found.object).collect();
    if inv.given("sort-by") {
        let sorted = super::print::sort::sort_by(&mut items, inv.flag("sort-by"), |item| item);
        inv.or_fail(io, sorted)?;
    }
    let object = if single && items.len() == 1 { items.remove(0) } else { list_of(items) };
    let mut printer = Printer::new(format, inv.is("show-managed-fields"));
    match printer.print(&object) {
        Ok(text) => io.print(&text),
        Err(error) => errors.push(error.into()),
    }
    let result = Error::aggregate(errors);
    inv.or_fail(io, result)
}
