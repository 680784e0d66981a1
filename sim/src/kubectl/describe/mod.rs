//! `kubectl describe`, after `k8s.io/kubectl/pkg/describe/describe.go`: for every object the requests that its description needs,
//! and the sheet that shows it.

mod config;
mod containers;
pub(super) mod events;
mod namespace;
mod node;
mod others;
pub(super) mod pod;
mod service;
pub(super) mod sheet;
#[cfg(test)]
mod tests;
mod volumes;
mod workloads;

use super::args::{Command, Flag};
use super::error::Error;
use super::invocation::Invocation;
use super::manifests;
use super::options::{FILES, flags};
use super::resources::{Choice, Found, Target, fetch, find_list, targets};
use crate::api::Resource;
use crate::api::resource as kinds;
use crate::core::Request;
use crate::flow::{Flow, Io};
use crate::value::Value;

/// `kubectl describe`
pub(super) static COMMAND: Command = Command {
    name: "describe",
    usage: "describe (-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME) [flags]",
    short: "Show details of a specific resource or group of resources",
    long: "Print a detailed description of the selected resources, including related resources such as events or controllers. You \
           may select a single object by name, all objects of that type, provide a name prefix, or label selector.",
    examples: &[
        "# Describe a node",
        "kubectl describe nodes kubernetes-node-emt8.c.myproject.internal",
        "# Describe a pod",
        "kubectl describe pods/nginx",
        "# Describe all pods",
        "kubectl describe pods",
        "# Describe pods by label name=myLabel",
        "kubectl describe pods -l name=myLabel",
        "# Describe all pods whose names begin with 'frontend'",
        "kubectl describe pods frontend",
    ],
    flags: flags!(FILES, OWN),
    run: Some(run),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::bool("all-namespaces", "List the requested object(s) across all namespaces").letter('A'),
    Flag::int("chunk-size", "500", "Return large lists in chunks rather than all at once"),
    Flag::text("selector", "", "Selector (label query) to filter on").letter('l'),
    Flag::bool("show-events", "Display events related to the described object; by default those of a single object").on(),
];

/// Asks for what a description needs.
struct Reader<'a, 'log> {
    io: &'a mut Io<'log>,
    /// Whether events are fetched and shown.
    show_events: bool,
}

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    if inv.args.is_empty() && !manifests::given(inv) {
        return inv.fail(
            io,
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported \
             resources.",
        );
    }
    let choice = Choice {
        labels: Some(inv.flag("selector")),
        type_alone: true,
        all_namespaces: inv.is("all-namespaces"),
        ..Choice::default()
    };
    let (targets, mut errors) = inv.or_fail(io, targets(inv, choice))?;
    let (found, failed) = fetch(io, &targets)?;
    errors.extend(failed);
    // Unless asked for, the events of several objects are not fetched.
    let show_events = if inv.given("show-events") { inv.is("show-events") } else { errors.is_empty() && found.len() == 1 };
    let mut reader = Reader { io, show_events };
    if let ([error], [kind, prefix]) = (errors.as_slice(), inv.args.as_slice())
        && error.is_not_found()
    {
        return matching(inv, &mut reader, kind, prefix, errors.remove(0));
    }
    for (at, found) in found.iter().enumerate() {
        match describe(&mut reader, found)? {
            Ok(text) => {
                reader.io.print(&if at > 0 { format!("\n\n{text}") } else { text });
            }
            Err(error) => {
                if !errors.contains(&error) {
                    errors.push(error);
                }
            }
        }
    }
    if found.is_empty() && errors.is_empty() {
        io.eprint(&if inv.is("all-namespaces") {
            "No resources found\n".to_string()
        } else {
            format!("No resources found in {} namespace.\n", inv.namespace)
        });
    }
    let result = Error::aggregate(errors);
    inv.or_fail(io, result)
}

/// A name that does not exist is taken as the beginning of names.
fn matching(inv: &Invocation, reader: &mut Reader, kind: &str, prefix: &str, error: Error) -> Flow<()> {
    let resources = inv.or_fail(reader.io, find_list(kind))?;
    let targets: Vec<Target> = resources
        .into_iter()
        .map(|resource| Target::Many {
            resource,
            namespace: if resource.namespaced { inv.namespace.clone() } else { String::new() },
            labels: String::new(),
            fields: String::new(),
        })
        .collect();
    let (found, _) = fetch(reader.io, &targets)?;
    let mut any = false;
    for found in found.iter().filter(|found| found.object.name().starts_with(prefix)) {
        any = true;
        let text = describe(reader, found)?;
        let text = inv.or_fail(reader.io, text)?;
        reader.io.print(&format!("{text}\n"));
    }
    if any { Ok(()) } else { inv.fail(reader.io, error) }
}

/// The description of an object. kubectl reads the object again, whatever brought it here.
fn describe(reader: &mut Reader, found: &Found) -> Flow<Result<String, Error>> {
    let Found { resource, object } = found;
    let request = Request::get(*resource, object["metadata"]["namespace"].text(), object["metadata"]["name"].text());
    match reader.io.request(request)? {
        Ok(object) => described(reader, *resource, &object),
        Err(error) => Ok(Err(error.into())),
    }
}

fn described(reader: &mut Reader, resource: Resource, object: &Value) -> Flow<Result<String, Error>> {
    Ok(Ok(match resource {
        kinds::PODS => pod::describe(reader, object)?,
        kinds::NODES => return Ok(node::describe(reader, object)?.map_err(Error::from)),
        kinds::NAMESPACES => return Ok(namespace::describe(reader, object)?.map_err(Error::from)),
        kinds::DEPLOYMENTS => workloads::deployment(reader, object)?,
        kinds::REPLICASETS => workloads::replica_set(reader, object)?,
        kinds::DAEMONSETS => return Ok(workloads::daemon_set(reader, object)?.map_err(Error::from)),
        kinds::SERVICES => service::service(reader, object)?,
        kinds::ENDPOINTS => service::endpoints(reader, object)?,
        kinds::ENDPOINTSLICES => service::endpoint_slice(reader, object)?,
        kinds::CONFIGMAPS => config::config_map(reader, object)?,
        kinds::SECRETS => config::secret(reader, object),
        kinds::SERVICEACCOUNTS => config::service_account(reader, object)?,
        kinds::RESOURCEQUOTAS => namespace::quota(reader, object),
        kinds::LIMITRANGES => namespace::limit_range(reader, object),
        kinds::PODDISRUPTIONBUDGETS => others::disruption_budget(reader, object)?,
        kinds::PRIORITYCLASSES => others::priority_class(reader, object)?,
        kinds::STORAGECLASSES => others::storage_class(reader, object)?,
        kinds::PERSISTENTVOLUMECLAIMS => others::volume_claim(reader, object)?,
        kinds::PERSISTENTVOLUMES => others::volume(reader, object)?,
        kinds::ROLES | kinds::CLUSTERROLES => others::role(reader, object),
        kinds::ROLEBINDINGS | kinds::CLUSTERROLEBINDINGS => others::role_binding(reader, object),
        kinds::CSINODES => others::csi_node(reader, object)?,
        _ => others::generic(reader, object)?,
    }))
}
