//! `kubectl create service`, after `pkg/cmd/create/create_service.go`.

use super::{Failure, GENERATOR, create, name_of};
use crate::api::names;
use crate::api::resource::SERVICES;
use crate::flow::{Flow, Io};
use crate::kubectl::options::flags;
use crate::kubectl::{Command, Flag, Invocation};
use crate::value;
use crate::value::Value;

pub(super) static COMMAND: Command = Command {
    name: "service",
    aliases: &["svc"],
    usage: "service [flags]",
    short: "Create a service using a specified subcommand",
    commands: &[&CLUSTER_IP, &EXTERNAL_NAME, &LOAD_BALANCER, &NODE_PORT],
    ..Command::NEW
};

const TCP: Flag = Flag::list("tcp", "Port pairs can be specified as '<port>:<targetPort>'.");

static CLUSTER_IP: Command = Command {
    name: "clusterip",
    usage: "clusterip NAME [--tcp=<port>:<targetPort>] [--dry-run=server|client|none]",
    short: "Create a ClusterIP service",
    examples: &[
        "# Create a new ClusterIP service named my-cs",
        "kubectl create service clusterip my-cs --tcp=5678:8080",
        "# Create a new ClusterIP service named my-cs (in headless mode)",
        "kubectl create service clusterip my-cs --clusterip=\"None\"",
    ],
    flags: flags!(
        GENERATOR,
        &[
            TCP,
            Flag::text(
                "clusterip",
                "",
                "Assign your own ClusterIP or set to 'None' for a 'headless' service (no loadbalancing)."
            )
        ]
    ),
    run: Some(|inv, io| service(inv, io, "ClusterIP")),
    ..Command::NEW
};

static NODE_PORT: Command = Command {
    name: "nodeport",
    usage: "nodeport NAME [--tcp=port:targetPort] [--dry-run=server|client|none]",
    short: "Create a NodePort service",
    examples: &["# Create a new NodePort service named my-ns", "kubectl create service nodeport my-ns --tcp=5678:8080"],
    flags: flags!(GENERATOR, &[TCP, Flag::int("node-port", "0", "Port used to expose the service on each node in a cluster.")]),
    run: Some(|inv, io| service(inv, io, "NodePort")),
    ..Command::NEW
};

static LOAD_BALANCER: Command = Command {
    name: "loadbalancer",
    usage: "loadbalancer NAME [--tcp=port:targetPort] [--dry-run=server|client|none]",
    short: "Create a LoadBalancer service",
    flags: flags!(GENERATOR, &[TCP]),
    run: Some(|inv, io| service(inv, io, "LoadBalancer")),
    ..Command::NEW
};

static EXTERNAL_NAME: Command = Command {
    name: "externalname",
    usage: "externalname NAME --external-name external.name [--dry-run=server|client|none]",
    short: "Create an ExternalName service",
    flags: flags!(GENERATOR, &[TCP, Flag::text("external-name", "", "External name of service").required()]),
    run: Some(|inv, io| service(inv, io, "ExternalName")),
    ..Command::NEW
};

fn service(inv: &Invocation, io: &mut Io, kind: &'static str) -> Flow<()> {
    let name = name_of(inv, io)?.to_string();
    let cluster_ip = if kind == "ClusterIP" { inv.flag("clusterip") } else { "" };
    if cluster_ip != "None" && inv.list("tcp").is_empty() && kind != "ExternalName" {
        return inv.fail(io, "at least one tcp port specifier must be provided");
    }
    let mut spec = value!({"selector": {"app": &name}, "type": kind});
    if kind == "ExternalName" {
        let external = inv.flag("external-name");
        if !names::dns1123_subdomain(external).is_empty() {
            return inv.fail(io, format!("invalid service external name {external}"));
        }
        spec.set("externalName", external.to_string());
    }
    if !cluster_ip.is_empty() {
        spec.set("clusterIP", cluster_ip.to_string());
    }
    let node_port = if kind == "NodePort" { inv.int("node-port") } else { 0 };
    let mut ports = Vec::new();
    for pair in inv.list("tcp") {
        let port = port(pair, node_port);
        ports.push(inv.or_fail(io, port)?);
    }
    if !ports.is_empty() {
        spec.set("ports", ports);
    }
    let service = value!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": &name, "labels": {"app": &name}},
        "spec": spec, "status": {"loadBalancer": {}},
    });
    let what = match kind {
        "ClusterIP" => "ClusterIP service",
        "NodePort" => "NodePort service",
        "LoadBalancer" => "LoadBalancer service",
        _ => "ExternalName service",
    };
    create(inv, io, SERVICES, service, Failure::Wrapped(what))
}

/// `PORT[:TARGET]` (`parsePorts`). What follows a second colon is ignored, as kubectl does.
fn port(pair: &str, node_port: i64) -> Result<Value, String> {
    let mut parts = pair.split(':');
    let text = parts.next().unwrap_or_default();
    let number: u16 = text.parse().map_err(|error: std::num::ParseIntError| {
        let why = match error.kind() {
            std::num::IntErrorKind::PosOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.ParseUint: parsing {text:?}: {why}")
    })?;
    let target = match parts.next() {
        None => Value::from(number),
        Some(target) => match target.parse::<i64>() {
            Ok(number) => {
                let wrong = names::port_number(number);
                if !wrong.is_empty() {
                    return Err(wrong.join(","));
                }
                number.into()
            }
            Err(_) => {
                let wrong = names::port_name(target);
                if !wrong.is_empty() {
                    return Err(wrong.join(","));
                }
                target.to_string().into()
            }
        },
    };
    let mut port = value!({"name": pair.replace(':', "-"), "port": number, "protocol": "TCP", "targetPort": target});
    if node_port != 0 {
        port.set("nodePort", node_port);
    }
    Ok(port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::create::tests::{dry, run};

    #[test]
    fn a_node_port_is_as_recorded() {
        let want = "apiVersion: v1\nkind: Service\nmetadata:\n  labels:\n    app: x\n  name: x\nspec:\n  ports:\n  - name: 80-8080\n    \
                    port: 80\n    protocol: TCP\n    targetPort: 8080\n  selector:\n    app: x\n  type: NodePort\nstatus:\n  \
                    loadBalancer: {}\n";
        assert_eq!(dry("kubectl create service nodeport x --tcp=80:8080"), want);
    }

    #[test]
    fn ports() {
        assert_eq!(port("80:http:99", 0).unwrap()["targetPort"].str(), "http");
        assert_eq!(port("x", 0), Err("strconv.ParseUint: parsing \"x\": invalid syntax".into()));
        assert_eq!(port("80:0", 0), Err("must be between 1 and 65535, inclusive".into()));
        assert_eq!(run("kubectl create service clusterip x").err, "error: at least one tcp port specifier must be provided\n");
        assert_eq!(run("kubectl create svc clusterip x --clusterip=None").out, "service/x created\n");
    }
}
