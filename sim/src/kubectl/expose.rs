//! `kubectl expose`, after `pkg/cmd/expose/expose.go`: makes a Service for the pods of an object.

use super::args::{Command, Flag};
use super::error::Error;
use super::invocation::Invocation;
use super::options::{DRY_RUN, DryRun, FILES, PRINT, RECORD, SAVE_CONFIG, field_manager, flags};
use super::outcome::Outcome;
use super::resources::{Choice, Found};
use super::run::overridden;
use super::{last_applied, subjects};
use crate::api::resource::{DEPLOYMENTS, PODS, REPLICASETS, SERVICES};
use crate::core::{Request, Verb};
use crate::flow::{Flow, Io};
use crate::value;
use crate::value::{Map, Value};

/// `kubectl expose`
pub(super) static COMMAND: Command = Command {
    name: "expose",
    usage: "expose (-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] [--target-port=number-or-name] [--name=name] \
            [--external-ip=external-ip-of-service] [--type=type]",
    short: "Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service",
    long: "The service gets the object's labels and chooses the pods that the object's selector chooses.",
    examples: &[
        "# Create a service for an nginx deployment, which serves on port 80 and connects to the containers on port 8000",
        "kubectl expose deployment nginx --port=80 --target-port=8000",
    ],
    flags: flags!(PRINT, FILES, DRY_RUN, SAVE_CONFIG, RECORD, OWN, &[field_manager("kubectl-expose")]),
    run: Some(run),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::text(
        "cluster-ip",
        "",
        "ClusterIP to be assigned to the service. Leave empty to auto-allocate, or 'None' for a headless service.",
    ),
    Flag::text("external-ip", "", "Additional external IP address to accept for the service."),
    Flag::text("labels", "", "Labels to apply to the service created by this call.").letter('l'),
    Flag::text("load-balancer-ip", "", "IP to assign to the LoadBalancer."),
    Flag::text("name", "", "The name for the newly created object."),
    Flag::text("overrides", "", "An inline JSON override for the generated object."),
    Flag::text("override-type", "merge", "The method used to override the generated object: merge."),
    Flag::text("port", "", "The port that the service should serve on. Copied from the resource being exposed, if unspecified"),
    Flag::text("protocol", "", "The network protocol for the service to be created. Default is 'TCP'."),
    Flag::text("selector", "", "A label selector to use for this service. If empty infer the selector from the exposed object."),
    Flag::text("session-affinity", "", "If non-empty, set the session affinity for the service to this; 'None', 'ClientIP'"),
    Flag::text("target-port", "", "Name or number for the port on the container that the service should direct traffic to."),
    Flag::text("type", "", "Type for this service: ClusterIP, NodePort, LoadBalancer, or ExternalName. Default is 'ClusterIP'."),
];

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    let outcome = Outcome::new(inv, dry_run);
    let mut outcome = inv.or_fail(io, outcome)?;
    let subjects = subjects::read(inv, io, &inv.args, Choice::default(), false)?;
    let (found, mut errors) = inv.or_fail(io, subjects)?;
    for one in &found {
        if let Err(error) = expose(inv, io, one, dry_run, &mut outcome)? {
            errors.push(error);
        }
    }
    inv.finish(io, errors)
}

fn expose(inv: &Invocation, io: &mut Io, one: &Found, dry_run: DryRun, outcome: &mut Outcome) -> Flow<Result<(), Error>> {
    let mut service = match service_of(inv, one).and_then(|service| overridden(inv, service)) {
        Ok(service) => service,
        Err(error) => return Ok(Err(error)),
    };
    if dry_run == DryRun::Client {
        if inv.namespace_given() {
            service["metadata"].set("namespace", &inv.namespace);
        }
        return Ok(outcome.print(io, &service, "exposed"));
    }
    if inv.is("save-config") {
        service = last_applied::annotated(&service);
    }
    let request = Request::new(Verb::Create, SERVICES, &inv.namespace, "")
        .param("fieldManager", inv.flag("field-manager").to_string())
        .with_body(service);
    Ok(match io.request(dry_run.on(request))? {
        Ok(service) => outcome.print(io, &service, "exposed"),
        Err(error) => Err(error.into()),
    })
}

fn service_of(inv: &Invocation, one: &Found) -> Result<Value, Error> {
    let object = &one.object;
    if ![SERVICES, PODS, DEPLOYMENTS, REPLICASETS].contains(&one.resource) {
        let kind = if one.resource.group.is_empty() {
            one.resource.kind.to_string()
        } else {
            format!("{}.{}", one.resource.kind, one.resource.group)
        };
        return Err(Error::Text(format!("cannot expose a {kind}")));
    }
    let template = if one.resource == PODS { object } else { &object["spec"]["template"] };
    let selector = match inv.flag("selector") {
        "" => selector_of(one)
            .map_err(|why| Error::Text(format!("couldn't retrieve selectors via --selector flag or introspection: {why}")))?,
        text => labels(text)?,
    };
    let own_ports: Vec<(i64, String)> = if one.resource == SERVICES {
        object["spec"]["ports"].items().iter().map(|port| (port["port"].int(), protocol(port))).collect()
    } else {
        let containers = template["spec"]["containers"].items().iter();
        let ports = containers.flat_map(|container| container["ports"].items());
        ports.map(|port| (port["containerPort"].int(), protocol(port))).collect()
    };
    let wanted: Vec<String> = match inv.flag("port") {
        "" => own_ports.iter().map(|(port, _)| port.to_string()).collect(),
        text => text.split(',').map(str::to_string).collect(),
    };
    if wanted.is_empty() && inv.flag("cluster-ip") != "None" {
        return Err("couldn't find port via --port flag or introspection".into());
    }
    let mut ports = Vec::new();
    for (index, text) in wanted.iter().enumerate() {
        ports.push(port_of(inv, text, index, wanted.len() > 1, &own_ports)?);
    }
    let mut spec = value!({"selector": selector});
    if !ports.is_empty() {
        spec.set("ports", ports);
    }
    let texts = [
        ("type", "type"),
        ("clusterIP", "cluster-ip"),
        ("sessionAffinity", "session-affinity"),
        ("loadBalancerIP", "load-balancer-ip"),
    ];
    for (field, flag) in texts {
        if !inv.flag(flag).is_empty() {
            spec.set(field, inv.flag(flag).to_string());
        }
    }
    if !inv.flag("external-ip").is_empty() {
        spec["externalIPs"] = vec![inv.flag("external-ip").to_string()].into();
    }
    let name = if inv.given("name") { inv.flag("name") } else { object.name() };
    let mut metadata = value!({"name": name.chars().take(63).collect::<String>()});
    let own_labels = match inv.flag("labels") {
        "" => object["metadata"]["labels"].clone(),
        text => labels(text)?,
    };
    if !own_labels.is_empty() {
        metadata.set("labels", own_labels);
    }
    Ok(value!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}}))
}

fn protocol(port: &Value) -> String {
    port["protocol"].as_str().unwrap_or("TCP").to_string()
}

/// One port of the service (`generateService`).
fn port_of(inv: &Invocation, text: &str, index: usize, several: bool, own: &[(i64, String)]) -> Result<Value, Error> {
    let number: i64 = text.parse().map_err(|_| Error::Text(format!("strconv.Atoi: parsing {text:?}: invalid syntax")))?;
    let protocol = match inv.flag("protocol") {
        "" => own.iter().find(|(port, _)| *port == number).map_or("TCP".to_string(), |(_, protocol)| protocol.clone()),
        given => given.to_string(),
    };
    let mut port = value!({"port": number, "protocol": protocol});
    if several {
        port.set("name", format!("port-{}", index + 1));
    }
    port["targetPort"] = match inv.flag("target-port") {
        "" => number.into(),
        target => target.parse::<i64>().map_or_else(|_| Value::from(target.to_string()), Value::from),
    };
    Ok(port)
}

/// The labels that choose the object's pods (`mapBasedSelectorForObject`).
fn selector_of(one: &Found) -> Result<Value, String> {
    let spec = &one.object["spec"];
    if one.resource == PODS {
        let labels = &one.object["metadata"]["labels"];
        return if labels.is_empty() { Err("the pod has no labels and cannot be exposed".into()) } else { Ok(labels.clone()) };
    }
    if one.resource == SERVICES {
        let selector = &spec["selector"];
        return if selector.is_empty() { Err("the service has no pod selector set".into()) } else { Ok(selector.clone()) };
    }
    if !spec["selector"]["matchExpressions"].is_empty() {
        return Err("couldn't convert expressions to map-based selector format".into());
    }
    match &spec["selector"]["matchLabels"] {
        labels if labels.is_empty() => Err("the object has no pod selector set".into()),
        labels => Ok(labels.clone()),
    }
}

/// `a=b,c=d` as a map (`ParseLabels`).
pub(super) fn labels(text: &str) -> Result<Value, Error> {
    let mut map = Map::new();
    for pair in text.split(',') {
        let [key, value] = pair.split('=').collect::<Vec<_>>()[..] else {
            return Err(Error::Text(format!("unexpected label spec: {pair}")));
        };
        if key.is_empty() {
            return Err(Error::Text(format!("unexpected empty label key: {pair}")));
        }
        map.insert(key.to_string(), value.to_string());
    }
    Ok(Value::from(map))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::testing;
    use crate::shell::Env;

    fn run(line: &str) -> testing::Outcome {
        testing::run(line, &Env::default(), |request| {
            Ok(match request.verb {
                Verb::Create => request.body.clone(),
                _ => value!({"kind": "Deployment", "apiVersion": "apps/v1",
                    "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
                    "spec": {"selector": {"matchLabels": {"app": "web"}},
                        "template": {"spec": {"containers": [{"name": "nginx", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]}}}}),
            })
        })
    }

    #[test]
    fn the_object_is_as_recorded() {
        let dry = run("kubectl expose deployment web --name=x --port=80 --dry-run=client -o yaml");
        let want = "apiVersion: v1\nkind: Service\nmetadata:\n  labels:\n    app: web\n  name: x\nspec:\n  ports:\n  - port: 80\n    \
                    protocol: TCP\n    targetPort: 80\n  selector:\n    app: web\nstatus:\n  loadBalancer: {}\n";
        assert_eq!(dry.out, want);
        let made = run("kubectl expose deployment web --type=NodePort");
        assert_eq!(made.out, "service/web exposed\n");
        assert_eq!(
            made.requests,
            [
                "GET /apis/apps/v1/namespaces/default/deployments/web",
                "POST /api/v1/namespaces/default/services?fieldManager=kubectl-expose"
            ]
        );
    }
}
