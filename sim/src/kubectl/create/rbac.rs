//! `kubectl create role|clusterrole|rolebinding|clusterrolebinding`. The objects are stored, but nobody is kept from anything:
//! authorisation is left out.

use super::{Failure, GENERATOR, create, name_of};
use crate::api::Resource;
use crate::api::resource::{CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES};
use crate::core::collections::sort::Sort as _;
use crate::flow::{Flow, Io};
use crate::kubectl::options::flags;
use crate::kubectl::resources::find;
use crate::kubectl::{Command, Error, Flag, Invocation};
use crate::value;
use crate::value::Value;

const LEFT_OUT: &str = "The object is stored, but authorisation is left out: everybody may do everything.";

const RULE: &[Flag] = &[
    Flag::list("verb", "Verb that applies to the resources contained in the rule"),
    Flag::list("resource", "Resource that the rule applies to"),
    Flag::array("resource-name", "Resource in the white list that the rule applies to, repeat this flag for multiple items"),
];

const BINDING: &[Flag] = &[
    Flag::text("clusterrole", "", "ClusterRole this binding should reference"),
    Flag::list("user", "Usernames to bind to the role."),
    Flag::list("group", "Groups to bind to the role."),
    Flag::list("serviceaccount", "Service accounts to bind to the role, in the format <namespace>:<name>."),
];

pub(super) static ROLE: Command = Command {
    name: "role",
    usage: "role NAME --verb=verb --resource=resource.group/subresource [--resource-name=resourcename] [--dry-run=server|client|none]",
    short: "Create a role with single rule",
    long: LEFT_OUT,
    flags: flags!(GENERATOR, RULE),
    run: Some(|inv, io| role(inv, io, ROLES)),
    ..Command::NEW
};

pub(super) static CLUSTER_ROLE: Command = Command {
    name: "clusterrole",
    usage: "clusterrole NAME --verb=verb --resource=resource.group [--resource-name=resourcename] [--dry-run=server|client|none]",
    short: "Create a cluster role",
    long: LEFT_OUT,
    flags: flags!(GENERATOR, RULE, &[Flag::list("non-resource-url", "A partial url that user should have access to.")]),
    run: Some(|inv, io| role(inv, io, CLUSTERROLES)),
    ..Command::NEW
};

pub(super) static ROLE_BINDING: Command = Command {
    name: "rolebinding",
    usage: "rolebinding NAME --clusterrole=NAME|--role=NAME [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname]",
    short: "Create a role binding for a particular role or cluster role",
    long: LEFT_OUT,
    flags: flags!(GENERATOR, BINDING, &[Flag::text("role", "", "Role this RoleBinding should reference")]),
    run: Some(|inv, io| binding(inv, io, ROLEBINDINGS)),
    ..Command::NEW
};

pub(super) static CLUSTER_ROLE_BINDING: Command = Command {
    name: "clusterrolebinding",
    usage: "clusterrolebinding NAME --clusterrole=NAME [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname]",
    short: "Create a cluster role binding for a particular cluster role",
    long: LEFT_OUT,
    flags: flags!(GENERATOR, BINDING),
    run: Some(|inv, io| binding(inv, io, CLUSTERROLEBINDINGS)),
    ..Command::NEW
};

fn role(inv: &Invocation, io: &mut Io, resource: Resource) -> Flow<()> {
    let name = name_of(inv, io)?.to_string();
    let urls = if resource == CLUSTERROLES { inv.list("non-resource-url") } else { &[] };
    let mut verbs: Vec<String> = Vec::new();
    for verb in inv.list("verb") {
        if verb == "*" {
            verbs = vec![verb.clone()];
            break;
        }
        if !verbs.contains(verb) {
            verbs.push(verb.clone());
        }
    }
    if verbs.is_empty() {
        return inv.fail(io, "at least one verb must be specified");
    }
    if inv.list("resource").is_empty() && urls.is_empty() {
        let needed = if resource == ROLES {
            "at least one resource must be specified"
        } else {
            "one of resource or nonResourceURL must be specified"
        };
        return inv.fail(io, needed);
    }
    const STANDARD: &[&str] = &[
        "*",
        "get",
        "delete",
        "list",
        "create",
        "update",
        "patch",
        "watch",
        "proxy",
        "deletecollection",
        "use",
        "bind",
        "escalate",
        "impersonate",
    ];
    for verb in verbs.iter().filter(|verb| !STANDARD.contains(&verb.as_str()) && !inv.list("resource").is_empty()) {
        io.eprint(&format!("Warning: '{verb}' is not a standard resource verb\n"));
    }
    let mut rules = match rules(inv, &verbs) {
        Ok(rules) => rules,
        // kubectl prints this one without "error: ".
        Err(Error::NoResource(name)) => return io.fail(1, &format!("the server doesn't have a resource type {name:?}\n")),
        Err(error) => return inv.fail(io, error),
    };
    if !urls.is_empty() {
        rules.push(value!({"nonResourceURLs": urls.iter().collect::<Value>(), "verbs": verbs.iter().collect::<Value>()}));
    }
    let role = value!({"apiVersion": resource.api_version(), "kind": resource.kind, "metadata": {"name": name}, "rules": rules});
    create(inv, io, resource, role, Failure::Plain)
}

/// One rule for each group of the resources.
fn rules(inv: &Invocation, verbs: &[String]) -> Result<Vec<Value>, Error> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for text in inv.list("resource") {
        let (name, sub) = text.split_once('/').map_or((text.as_str(), ""), |(name, sub)| (name, sub));
        if name.is_empty() {
            return Err("resource must be specified if apiGroup/subresource specified".into());
        }
        let (group, plural) = if name == "*" {
            (String::new(), "*".to_string())
        } else {
            let found = find(name)?;
            (found.group.to_string(), found.plural.to_string())
        };
        let plural = if sub.is_empty() { plural } else { format!("{plural}/{sub}") };
        match groups.iter_mut().find(|(have, _)| *have == group) {
            Some((_, names)) if names.contains(&plural) => {}
            Some((_, names)) => names.push(plural),
            None => groups.push((group, vec![plural])),
        }
    }
    groups.order();
    let rule = |(group, resources): (String, Vec<String>)| {
        let mut rule = value!({"apiGroups": [group], "resources": resources, "verbs": verbs.iter().collect::<Value>()});
        if !inv.list("resource-name").is_empty() {
            rule.set("resourceNames", inv.list("resource-name").iter().collect::<Value>());
        }
        rule
    };
    Ok(groups.into_iter().map(rule).collect())
}

fn binding(inv: &Invocation, io: &mut Io, resource: Resource) -> Flow<()> {
    let name = name_of(inv, io)?.to_string();
    let cluster_role = inv.flag("clusterrole");
    let role = if resource == ROLEBINDINGS { inv.flag("role") } else { "" };
    if resource == ROLEBINDINGS && cluster_role.is_empty() == role.is_empty() {
        return inv.fail(io, "exactly one of clusterrole or role must be specified");
    }
    if resource == CLUSTERROLEBINDINGS && cluster_role.is_empty() {
        return inv.fail(io, "clusterrole must be specified");
    }
    let group = "rbac.authorization.k8s.io";
    let (kind, referred) = if role.is_empty() { ("ClusterRole", cluster_role) } else { ("Role", role) };
    let mut subjects = Vec::new();
    for (flag, kind) in [("user", "User"), ("group", "Group")] {
        subjects.extend(inv.list(flag).iter().map(|name| value!({"apiGroup": group, "kind": kind, "name": name})));
    }
    for account in inv.list("serviceaccount") {
        let [namespace, name] = account.split(':').collect::<Vec<_>>()[..] else {
            return inv.fail(io, "serviceaccount must be <namespace>:<name>");
        };
        if namespace.is_empty() || name.is_empty() {
            return inv.fail(io, "serviceaccount must be <namespace>:<name>");
        }
        subjects.push(value!({"kind": "ServiceAccount", "name": name.to_string(), "namespace": namespace.to_string()}));
    }
    let mut binding = value!({
        "apiVersion": resource.api_version(), "kind": resource.kind, "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": kind, "name": referred.to_string()},
    });
    if !subjects.is_empty() {
        binding.set("subjects", subjects);
    }
    let what = if resource == ROLEBINDINGS { "rolebinding" } else { "clusterrolebinding" };
    create(inv, io, resource, binding, Failure::Wrapped(what))
}

#[cfg(test)]
mod tests {
    use crate::kubectl::create::tests::{dry, run};

    #[test]
    fn roles() {
        assert_eq!(
            dry("kubectl create role x --verb=get --resource=pods"),
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: x\nrules:\n- apiGroups:\n  - \"\"\n  \
             resources:\n  - pods\n  verbs:\n  - get\n"
        );
        assert_eq!(
            run("kubectl create role r --verb=get --resource=nopes").err,
            "the server doesn't have a resource type \"nopes\"\n"
        );
        assert_eq!(
            run("kubectl create clusterrole r --verb=get").err,
            "error: one of resource or nonResourceURL must be specified\n"
        );
    }
}
