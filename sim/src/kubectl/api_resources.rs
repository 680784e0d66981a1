//! `kubectl api-resources` and `kubectl api-versions`: what the simulated api-server serves.

use super::args::{Command, Flag};
use super::invocation::Invocation;
use super::print::TabWriter;
use crate::api::Resource;
use crate::core::Request;
use crate::core::collections::sort::Sort as _;
use crate::flow::{Flow, Io};
use crate::value::Value;

pub(super) static RESOURCES: Command = Command {
    name: "api-resources",
    usage: "api-resources [flags]",
    short: "Print the supported API resources on the server",
    long: "Print the supported API resources on the server. The simulated api-server serves fewer than a real one.",
    examples: &[
        "# Print the supported API resources",
        "kubectl api-resources",
        "# Print the supported namespaced resources",
        "kubectl api-resources --namespaced=true",
        "# Print the supported API resources with a specific APIGroup",
        "kubectl api-resources --api-group=apps",
    ],
    flags: &[
        Flag::text("api-group", "", "Limit to resources in the specified API group"),
        Flag::bool("cached", "Use the cached list of resources if available"),
        Flag::list("categories", "Limit to resources that belong to the specified categories"),
        Flag::bool("namespaced", "If false, non-namespaced resources will be returned, otherwise returning namespaced resources")
            .on(),
        Flag::bool("no-headers", "Don't print headers"),
        Flag::text("output", "", "Output format. One of: (wide, name).").letter('o'),
        Flag::text("sort-by", "", "If non-empty, sort list of resources using specified field: name or kind"),
        Flag::list("verbs", "Limit to resources that support the specified verbs"),
    ],
    run: Some(resources),
    ..Command::NEW
};

pub(super) static VERSIONS: Command = Command {
    name: "api-versions",
    usage: "api-versions",
    short: "Print the supported API versions on the server, in the form of \"group/version\"",
    long: "Print the supported API versions on the server, in the form of \"group/version\".",
    examples: &["# Print the supported API versions", "kubectl api-versions"],
    run: Some(versions),
    ..Command::NEW
};

const VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// Asks the server for its groups, as discovery does.
fn discover(inv: &Invocation, io: &mut Io) -> Flow<(Value, Value)> {
    let core = io.request(Request::raw("/api"))?;
    let core = inv.or_fail(io, core)?;
    let groups = io.request(Request::raw("/apis"))?;
    Ok((core, inv.or_fail(io, groups)?))
}

fn verbs(resource: Resource) -> Vec<&'static str> {
    VERBS
        .iter()
        .copied()
        .filter(|verb| *verb != "deletecollection" || resource.plural != "namespaces" && resource.plural != "services")
        .collect()
}

fn in_all(resource: Resource) -> bool {
    super::resources::find_list("all").is_ok_and(|all| all.contains(&resource))
}

fn resources(inv: &Invocation, io: &mut Io) -> Flow<()> {
    if !inv.args.is_empty() {
        return inv.usage_error(io, &format!("unexpected arguments: [{}]", inv.args.join(" ")));
    }
    let output = inv.flag("output");
    if !matches!(output, "" | "wide" | "name") {
        return inv.fail(io, format!("--output {output} is not available"));
    }
    let sort_by = inv.flag("sort-by");
    if !matches!(sort_by, "" | "name" | "kind") {
        return inv.fail(io, "--sort-by accepts only name or kind");
    }
    let (_, groups) = discover(inv, io)?;
    let served = |resource: &Resource| {
        resource.group.is_empty() || groups["groups"].items().iter().any(|group| group["name"].str() == resource.group)
    };
    let wanted = |resource: &Resource| {
        (!inv.given("api-group") || resource.group == inv.flag("api-group"))
            && (!inv.given("namespaced") || resource.namespaced == inv.is("namespaced"))
            && inv.list("verbs").iter().all(|verb| verbs(*resource).contains(&verb.as_str()))
            && inv.list("categories").iter().all(|category| category == "all" && in_all(*resource))
    };
    let mut found: Vec<Resource> = Resource::all().filter(|resource| served(resource) && wanted(resource)).collect();
    match sort_by {
        "name" => found.order_by_key(|resource| resource.plural),
        "kind" => found.order_by_key(|resource| resource.kind),
        _ => {}
    }
    if output == "name" {
        io.print(&found.iter().map(|resource| resource.group_resource() + "\n").collect::<String>());
        return Ok(());
    }
    let wide = output == "wide";
    let mut out = TabWriter::for_tables();
    if !inv.is("no-headers") {
        out.write("NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND");
        out.write(if wide { "\tVERBS\tCATEGORIES\n" } else { "\n" });
    }
    for resource in found {
        let (names, version) = (resource.short_names.join(","), resource.api_version());
        out.write(&format!("{}\t{names}\t{version}\t{}\t{}", resource.plural, resource.namespaced, resource.kind));
        if wide {
            out.write(&format!("\t{}\t{}", verbs(resource).join(","), if in_all(resource) { "all" } else { "" }));
        }
        out.write("\n");
    }
    io.print(&out.flush());
    Ok(())
}

fn versions(inv: &Invocation, io: &mut Io) -> Flow<()> {
    if !inv.args.is_empty() {
        return inv.usage_error(io, &format!("unexpected arguments: [{}]", inv.args.join(" ")));
    }
    let (core, groups) = discover(inv, io)?;
    let mut versions: Vec<String> = core["versions"].items().iter().map(|version| version.str().to_string()).collect();
    for version in groups["groups"].items().iter().flat_map(|group| group["versions"].items()) {
        versions.push(version["groupVersion"].str().to_string());
    }
    versions.order();
    io.print(&versions.iter().map(|version| format!("{version}\n")).collect::<String>());
    Ok(())
}

/// `kubectl top`: the metrics API is an add-on that kind does not install.
pub(super) static TOP: Command = Command {
    name: "top",
    short: "Display resource (CPU/memory) usage",
    long: "Display resource (CPU/memory) usage.\nThere is no metrics server in the cluster, as in kind's.",
    commands: &[
        &Command { name: "node", aliases: &["nodes", "no"], short: "Display resource (CPU/memory) usage of nodes", ..TOP_ONE },
        &Command { name: "pod", aliases: &["pods", "po"], short: "Display resource (CPU/memory) usage of pods", ..TOP_ONE },
    ],
    ..Command::NEW
};

const TOP_ONE: Command = Command {
    flags: &[
        Flag::bool("all-namespaces", "List the requested object(s) across all namespaces").letter('A'),
        Flag::bool("containers", "If present, print usage of containers within a pod"),
        Flag::bool("no-headers", "If present, print output without headers"),
        Flag::text("selector", "", "Selector (label query) to filter on").letter('l'),
        Flag::text("sort-by", "", "If non-empty, sort the list using specified field: cpu or memory"),
    ],
    run: Some(top),
    ..Command::NEW
};

fn top(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let (_, groups) = discover(inv, io)?;
    let served = groups["groups"].items().iter().any(|group| group["name"].str() == "metrics.k8s.io");
    inv.fail(io, if served { "the metrics API is not modelled by kube-orrery" } else { "Metrics API not available" })
}

#[cfg(test)]
mod tests {
    use super::super::testing::run;
    use crate::api::ApiError;
    use crate::core::Request;
    use crate::shell::Env;
    use crate::value;
    use crate::value::Value;

    fn server(request: &Request) -> Result<Value, ApiError> {
        Ok(match &*request.name {
            "/api" => value!({"versions": ["v1"]}),
            _ => {
                value!({"groups": [{"name": "policy", "versions": [{"groupVersion": "policy/v1"}]}, {"name": "apps", "versions": [{"groupVersion": "apps/v1"}]}]})
            }
        })
    }

    #[test]
    fn lists_and_filters() {
        let out = |line: &str| run(line, &Env::default(), server).out;
        assert_eq!(
            out("kubectl api-resources --api-group=apps"),
            "NAME                  SHORTNAMES   APIVERSION   NAMESPACED   KIND\n\
             controllerrevisions                apps/v1      true         ControllerRevision\n\
             daemonsets            ds           apps/v1      true         DaemonSet\n\
             deployments           deploy       apps/v1      true         Deployment\n\
             replicasets           rs           apps/v1      true         ReplicaSet\n"
        );
        assert_eq!(out("kubectl api-resources -o name --namespaced=false"), "namespaces\nnodes\npersistentvolumes\n");
        assert!(
            out("kubectl api-resources -o wide").contains("create,delete,deletecollection,get,list,patch,update,watch   all\n")
        );
        assert_eq!(out("kubectl api-versions"), "apps/v1\npolicy/v1\nv1\n");
        assert_eq!(run("kubectl top nodes", &Env::default(), server).err, "error: Metrics API not available\n");
    }
}
