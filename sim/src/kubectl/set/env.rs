//! `kubectl set env`, after `pkg/cmd/set/set_env.go`.

use super::{FLAGS, is_chosen, read, update};
use crate::api::names;
use crate::api::resource::{CONFIGMAPS, SECRETS};
use crate::flow::{Flow, Io};
use crate::kubectl::args::FlagKind;
use crate::kubectl::manifests;
use crate::kubectl::options::flags;
use crate::kubectl::{Command, Error, Flag, Invocation};
use crate::value;
use crate::value::Value;

pub(super) static COMMAND: Command = Command {
    name: "env",
    usage: "env RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N",
    short: "Update environment variables on a pod template",
    examples: &[
        "# Update deployment 'registry' with a new environment variable",
        "kubectl set env deployment/registry STORAGE_DIR=/local",
        "# List the environment variables defined on a deployment 'sample-build'",
        "kubectl set env deployment/sample-build --list",
        "# Import environment from a secret",
        "kubectl set env --from=secret/mysecret deployment/myapp",
    ],
    flags: flags!(
        FLAGS,
        &[
            Flag::text("containers", "*", "The names of containers in the selected pod templates to change - may use wildcards")
                .letter('c'),
            Flag::array("env", "Specify a key-value pair for an environment variable to set into each container.").letter('e'),
            Flag::text("from", "", "The name of a resource from which to inject environment variables"),
            Flag::list("keys", "Comma-separated list of keys to import from specified resource"),
            Flag::bool("list", "If true, display the environment and any changes in the standard format."),
            Flag::bool(
                "overwrite",
                "If true, allow environment to be overwritten, otherwise reject updates that overwrite existing environment."
            )
            .on(),
            Flag::text("prefix", "", "Prefix to append to variable names"),
            Flag::refused("resolve", FlagKind::Bool, "references are shown, not followed"),
        ]
    ),
    run: Some(run),
    ..Command::NEW
};

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    if inv.is("all") && !inv.flag("selector").is_empty() {
        return inv.fail(io, "cannot set --all and --selector at the same time");
    }
    let is_env = |arg: &String| arg.contains('=') || arg.ends_with('-');
    let at = inv.args.iter().position(is_env).unwrap_or(inv.args.len());
    let (resources, pairs) = inv.args.split_at(at);
    if !pairs.iter().all(is_env) {
        return inv.fail(io, format!("all resources must be specified before environment changes: {}", inv.args.join(" ")));
    }
    if resources.is_empty() && !manifests::given(inv) {
        return inv.fail(io, "one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    if inv.is("list") && !inv.flag("output").is_empty() {
        return inv.fail(io, "--list and --output may not be specified together");
    }
    if !inv.list("keys").is_empty() && inv.flag("from").is_empty() {
        return inv.fail(io, "when specifying --keys, a configmap or secret must be provided with --from");
    }
    let specs: Vec<&String> = inv.list("env").iter().chain(pairs).collect();
    let parsed = parse(&specs);
    let (mut env, remove) = inv.or_fail(io, parsed)?;
    if !inv.flag("from").is_empty() {
        env.extend(imported(inv, io)?);
    }
    for variable in &mut env {
        variable["name"] = format!("{}{}", inv.flag("prefix"), variable["name"].str()).into();
    }
    let found = read(inv, io, resources)?;
    let pattern = inv.flag("containers");
    if inv.is("list") {
        for one in &found {
            let mut object = one.object.clone();
            let Some(spec) = super::pod_spec(one, &mut object) else { continue };
            let (containers, first) = (spec["containers"].items(), spec["initContainers"].items());
            let chosen = containers.iter().chain(first).filter(|container| is_chosen(container["name"].str(), pattern));
            for container in chosen {
                io.print(&format!("# {} {}, container {}\n", one.resource.kind, one.object.name(), container["name"].str()));
                for variable in updated(container["env"].items(), &env, &remove) {
                    io.print(&line(&variable));
                }
            }
        }
        return Ok(());
    }
    let mut warnings = Vec::new();
    let result = update(inv, io, &found, ("env updated", "env update to pod template"), |one, spec| {
        let mut hit = false;
        for list in ["containers", "initContainers"] {
            for index in 0..spec[list].items().len() {
                let container = &spec[list][index];
                if !is_chosen(container["name"].str(), pattern) {
                    continue;
                }
                hit = true;
                let old = container["env"].items().to_vec();
                let clash = old.iter().find(|have| !inv.is("overwrite") && env.iter().any(|new| new["name"] == have["name"]));
                if let Some(clash) = clash {
                    return Err(vec![Error::Text(format!(
                        "error: {}/{} '{}' already has a value ({}), and --overwrite is false",
                        one.resource.plural,
                        one.object.name(),
                        clash["name"].str(),
                        clash["value"].str()
                    ))]);
                }
                let new = updated(&old, &env, &remove);
                spec[list][index].set("env", if new.is_empty() { Value::Null } else { new.into() });
            }
        }
        if !hit {
            let (kind, name) = (one.resource.kind, one.object.name());
            warnings.push(format!("warning: {kind}/{name} does not have any containers matching {pattern:?}\n"));
        }
        Ok(())
    });
    for warning in warnings {
        io.eprint(&warning);
    }
    result
}

/// `KEY=VALUE` sets, `KEY-` removes (`ParseEnv`).
fn parse(specs: &[&String]) -> Result<(Vec<Value>, Vec<String>), String> {
    let (mut env, mut remove): (Vec<Value>, Vec<String>) = (Vec::new(), Vec::new());
    for spec in specs {
        if let Some((key, value)) = spec.split_once('=') {
            let wrong = names::env_var_name(key);
            if key.is_empty() || !wrong.is_empty() {
                return Err(format!("{key:?} is not a valid environment variable name: {}", wrong.join("; ")));
            }
            env.push(value!({"name": key.to_string(), "value": value.to_string()}));
        } else if let Some(key) = spec.strip_suffix('-').filter(|key| !key.is_empty()) {
            remove.push(key.to_string());
        } else {
            return Err(format!("unknown environment variable: {spec}"));
        }
    }
    if let Some(both) = remove.iter().find(|key| env.iter().any(|variable| variable["name"].str() == **key)) {
        return Err(format!("can not both modify and remove the same environment variable in the same command: {both}"));
    }
    Ok((env, remove))
}

/// References to the keys of `--from`.
fn imported(inv: &Invocation, io: &mut Io) -> Flow<Vec<Value>> {
    let found = read(inv, io, &[inv.flag("from").to_string()])?;
    let mut env = Vec::new();
    for one in &found {
        let field = match one.resource {
            resource if resource == SECRETS => "secretKeyRef",
            resource if resource == CONFIGMAPS => "configMapKeyRef",
            _ => return inv.fail(io, "unsupported resource specified in --from"),
        };
        let keys = one.object["data"].entries().iter().map(|(key, _)| key.to_string());
        for key in keys.filter(|key| inv.list("keys").is_empty() || inv.list("keys").contains(key)) {
            let name = key.replace(|c: char| !c.is_ascii_alphanumeric(), "_").to_uppercase();
            let reference = value!({"name": one.object.name().to_string(), "key": key});
            env.push(value!({"name": name, "valueFrom": {field: reference}}));
        }
    }
    Ok(env)
}

/// Changed ones keep their place, new ones come last (`updateEnv`).
fn updated(old: &[Value], env: &[Value], remove: &[String]) -> Vec<Value> {
    let kept = old.iter().filter(|have| !remove.iter().any(|key| have["name"].str() == key));
    let mut out: Vec<Value> =
        kept.map(|have| env.iter().rfind(|new| new["name"] == have["name"]).unwrap_or(have).clone()).collect();
    for new in env {
        if !out.iter().any(|have| have["name"] == new["name"]) {
            out.push(new.clone());
        }
    }
    out
}

/// A variable as `--list` shows it.
fn line(variable: &Value) -> String {
    let name = variable["name"].str();
    let from = &variable["valueFrom"];
    let reference = |kind: &str, of: &Value| format!("# {name} from {kind} {}, key {}\n", of["name"].str(), of["key"].str());
    if !from["configMapKeyRef"].is_null() {
        reference("configmap", &from["configMapKeyRef"])
    } else if !from["secretKeyRef"].is_null() {
        reference("secret", &from["secretKeyRef"])
    } else if !from["fieldRef"].is_null() {
        format!("# {name} from field path {}\n", from["fieldRef"]["fieldPath"].str())
    } else if !from["resourceFieldRef"].is_null() {
        format!("# {name} from resource field {}\n", from["resourceFieldRef"]["resource"].str())
    } else {
        format!("{name}={}\n", variable["value"].str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::set::tests::run;

    #[test]
    fn variables_are_set_listed_and_removed() {
        assert_eq!(run("kubectl set env deployment/web A=1").out, "deployment.apps/web env updated\n");
        assert_eq!(run("kubectl set env deployment/web --list").out, "# Deployment web, container nginx\nMODE=prod\n");
        assert_eq!(
            run("kubectl set env deployment/web MODE- --dry-run=client -o jsonpath={.spec.template.spec.containers[0]}").out,
            r#"{"image":"nginx:1.27","name":"nginx"}"#
        );
    }

    #[test]
    fn changed_ones_keep_their_place() {
        let variable = |name: &'static str, value: &'static str| value!({"name": name, "value": value});
        let old = [variable("A", "1"), variable("B", "2")];
        let new = updated(&old, &[variable("C", "3"), variable("A", "4")], &["B".to_string()]);
        assert_eq!(new, [variable("A", "4"), variable("C", "3")]);
    }
}
