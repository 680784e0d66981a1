//! `kubectl version` and `kubectl cluster-info`.

use super::args::{Command, Flag};
use super::invocation::Invocation;
use crate::api::resource::SERVICES;
use crate::api::yaml_out::{to_json_pretty, to_yaml};
use crate::core::Request;
use crate::flow::{Flow, Io};
use crate::value;
use crate::value::Value;

/// kubectl's own version.
pub const CLIENT: &str = "v1.36.2";
const KUSTOMIZE: &str = "v5.8.1";

pub(super) static VERSION: Command = Command {
    name: "version",
    usage: "version [flags]",
    short: "Print the client and server version information",
    long: "Print the client and server version information for the current context.",
    examples: &["# Print the client and server versions for the current context", "kubectl version"],
    flags: &[
        Flag::bool("client", "If true, shows client version only (no server required)"),
        Flag::text("output", "", "One of 'yaml' or 'json'").letter('o'),
    ],
    run: Some(version),
    ..Command::NEW
};

fn version(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let output = inv.flag("output");
    if !inv.args.is_empty() {
        return inv.fail(io, format!("extra arguments: [{}]", inv.args.join(" ")));
    }
    if !matches!(output, "" | "yaml" | "json") {
        return inv.fail(io, "--output must be 'yaml' or 'json'");
    }
    let server = if inv.is("client") { None } else { Some(io.request(Request::raw("/version"))?) };
    let client = value!({"compiler": "gc", "gitVersion": CLIENT, "major": "1", "minor": "36", "platform": "linux/amd64"});
    let mut all = value!({"clientVersion": client.clone(), "kustomizeVersion": KUSTOMIZE});
    if let Some(Ok(server)) = &server {
        all.set("serverVersion", server.clone());
    }
    match output {
        "yaml" => io.print(&(to_yaml(&all) + "\n")),
        "json" => io.print(&(to_json_pretty(&all) + "\n")),
        _ => {
            io.print(&format!("Client Version: {CLIENT}\nKustomize Version: {KUSTOMIZE}\n"));
            if let Some(Ok(server)) = &server {
                io.print(&format!("Server Version: {}\n", server["gitVersion"].str()));
            }
        }
    }
    match server {
        Some(Err(error)) => inv.fail(io, error),
        Some(Ok(server)) => {
            io.eprint(&skew(&client, &server));
            Ok(())
        }
        None => Ok(()),
    }
}

/// The warning when the minor versions are more than one apart; else "".
fn skew(client: &Value, server: &Value) -> String {
    let minor = |version: &Value| version["minor"].str().trim_end_matches('+').parse::<i64>().unwrap_or(0);
    let (mine, theirs) = (minor(client), minor(server));
    if (mine - theirs).abs() <= 1 {
        return String::new();
    }
    format!(
        "WARNING: version difference between client (1.{mine}) and server (1.{theirs}) exceeds the supported minor version skew \
         of +/-1\n"
    )
}

pub(super) static CLUSTER_INFO: Command = Command {
    name: "cluster-info",
    usage: "cluster-info [flags]",
    short: "Display cluster information",
    long: "Display addresses of the control plane and services with label kubernetes.io/cluster-service=true.",
    examples: &["# Print the address of the control plane and cluster services", "kubectl cluster-info"],
    commands: &[&Command::absent("dump", "Dump relevant information for debugging and diagnosis")],
    run: Some(cluster_info),
    ..Command::NEW
};

fn cluster_info(inv: &Invocation, io: &mut Io) -> Flow<()> {
    if let Some(word) = inv.args.first() {
        return inv.usage_error(io, &format!("unknown command {word:?}"));
    }
    let request = Request::list(SERVICES, "kube-system").param("labelSelector", "kubernetes.io/cluster-service=true");
    let answer = io.request(request)?;
    let services = inv.or_fail(io, answer)?;
    io.print(&format!("Kubernetes control plane is running at {}\n", inv.server));
    for service in services["items"].items() {
        let title = service.label("kubernetes.io/name").unwrap_or(service.name());
        let port = &service["spec"]["ports"][0];
        let scheme = if port["name"].str() == "https" || port["port"].int() == 443 { "https:" } else { "" };
        let port = if port["name"].is_empty() { String::new() } else { format!(":{}", port["name"].str()) };
        let path = format!("/api/v1/namespaces/{}/services/{scheme}{}{port}/proxy", service.namespace(), service.name());
        io.print(&format!("{title} is running at {}{path}\n", inv.server));
    }
    io.print("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{run, run_offline};
    use crate::shell::Env;
    use crate::shell::env::Files;
    use crate::value;

    #[test]
    fn versions() {
        assert_eq!(run_offline("kubectl version --client").out, "Client Version: v1.36.2\nKustomize Version: v5.8.1\n");
        let old = run("kubectl version", &Env::default(), |_| Ok(value!({"gitVersion": "v1.18.2", "minor": "18"})));
        assert!(old.out.ends_with("Server Version: v1.18.2\n"));
        assert_eq!(
            old.err,
            "WARNING: version difference between client (1.36) and server (1.18) exceeds the supported minor version skew of +/-1\n"
        );
        let same = run("kubectl version -o json", &Env::default(), |_| Ok(value!({"gitVersion": "v1.36.2", "minor": "36"})));
        assert!(same.err.is_empty() && same.out.contains("\"serverVersion\": {"));
    }

    #[test]
    fn addresses_of_the_cluster() {
        let mut config = crate::kubectl::kubeconfig::Kubeconfig::default();
        config.add("kind-kind", "https://127.0.0.1:6443");
        let files: Files = [(".kube/config".to_string(), config.to_yaml().into())].into_iter().collect();
        let env = Env { files, ..Env::default() };
        let dns = value!({"metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"kubernetes.io/name": "CoreDNS"}},
            "spec": {"ports": [{"name": "dns", "port": 53}]}});
        let seen = run("kubectl cluster-info", &env, |_| Ok(value!({"items": [dns.clone()]})));
        assert_eq!(
            seen.out,
            "Kubernetes control plane is running at https://127.0.0.1:6443\n\
             CoreDNS is running at https://127.0.0.1:6443/api/v1/namespaces/kube-system/services/kube-dns:dns/proxy\n\n\
             To further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n"
        );
    }
}
