//! Containers in a description, of pods and of pod templates.

use super::sheet::{Sheet, date, or_none, plain};
use crate::api::quantity::Quantity;
use crate::core::collections::sort::Sort as _;
use crate::value::Value;

/// Writes a list of containers. `statuses` is null in templates, `pod` too; `indent` is one more space in templates.
pub(super) fn describe(sheet: &mut Sheet, label: &str, containers: &Value, statuses: &Value, pod: Option<&Value>) {
    let (indent, space) = if pod.is_some() { ("", "") } else { ("  ", " ") };
    let none = if containers.is_empty() { " <none>" } else { "" };
    sheet.line(0, &format!("{indent}{label}:{none}"));
    for container in containers.items() {
        let status = statuses.items().iter().find(|status| status["name"] == container["name"]);
        sheet.line(1, &format!("{space}{}:", container["name"].str()));
        basics(sheet, container, status);
        command(sheet, container);
        if let Some(status) = status {
            state(sheet, "State", &status["state"]);
            if !status["lastState"]["terminated"].is_null() {
                state(sheet, "Last State", &status["lastState"]);
            }
            sheet.field(2, "Ready", if status["ready"].is_true() { "True" } else { "False" });
            sheet.field(2, "Restart Count", &status["restartCount"].int().to_string());
        }
        resources(sheet, &container["resources"]);
        for (key, title) in [("livenessProbe", "Liveness"), ("readinessProbe", "Readiness"), ("startupProbe", "Startup")] {
            if !container[key].is_null() {
                sheet.field(2, title, &probe(&container[key]));
            }
        }
        environment_from(sheet, &container["envFrom"]);
        environment(sheet, container, pod);
        mounts(sheet, &container["volumeMounts"]);
    }
}

fn basics(sheet: &mut Sheet, container: &Value, status: Option<&Value>) {
    if let Some(status) = status {
        sheet.field(2, "Container ID", status["containerID"].str());
    }
    sheet.field(2, "Image", container["image"].str());
    if let Some(status) = status {
        sheet.field(2, "Image ID", status["imageID"].str());
    }
    for (title, key) in [("Port", "containerPort"), ("Host Port", "hostPort")] {
        let ports: Vec<String> = container["ports"].items().iter().map(|port| port_text(port, key)).collect();
        let plural = if ports.len() > 1 { "s" } else { "" };
        sheet.field(2, &format!("{title}{plural}"), or_none(&ports.join(", ")));
    }
    let seccomp = container["securityContext"]["seccompProfile"]["type"].str();
    if !seccomp.is_empty() {
        sheet.field(2, "SeccompProfile", seccomp);
    }
}

fn port_text(port: &Value, key: &str) -> String {
    let protocol = if port["protocol"].is_empty() { "TCP" } else { port["protocol"].str() };
    let number = format!("{}/{protocol}", port[key].int());
    match port["name"].str() {
        "" => number,
        name => format!("{number} ({name})"),
    }
}

fn command(sheet: &mut Sheet, container: &Value) {
    for (title, key) in [("Command", "command"), ("Args", "args")] {
        if !container[key].is_empty() {
            sheet.line(2, &format!("{title}:"));
        }
        for line in container[key].items().iter().flat_map(|word| word.str().split('\n')) {
            sheet.line(3, line);
        }
    }
}

fn state(sheet: &mut Sheet, title: &str, state: &Value) {
    if let Some(running) = state.get("running") {
        sheet.field(2, title, "Running");
        sheet.field(3, "Started", &date(&running["startedAt"]));
    } else if let Some(terminated) = state.get("terminated") {
        sheet.field(2, title, "Terminated");
        for (title, key) in [("Reason", "reason"), ("Message", "message")] {
            if !terminated[key].is_empty() {
                sheet.field(3, title, terminated[key].str());
            }
        }
        sheet.field(3, "Exit Code", &terminated["exitCode"].int().to_string());
        if terminated["signal"].int() > 0 {
            sheet.field(3, "Signal", &terminated["signal"].int().to_string());
        }
        sheet.field(3, "Started", &date(&terminated["startedAt"]));
        sheet.field(3, "Finished", &date(&terminated["finishedAt"]));
    } else {
        sheet.field(2, title, "Waiting");
        let reason = state["waiting"]["reason"].str();
        if !reason.is_empty() {
            sheet.field(3, "Reason", reason);
        }
    }
}

fn resources(sheet: &mut Sheet, resources: &Value) {
    for (title, key) in [("Limits", "limits"), ("Requests", "requests")] {
        if !resources[key].is_empty() {
            sheet.line(2, &format!("{title}:"));
        }
        for (name, amount) in resources[key].entries() {
            sheet.field(3, name, &Quantity::of(amount).to_string());
        }
    }
}

/// `exec [true] delay=0s timeout=1s period=5s #success=1 #failure=3` (DescribeProbe).
fn probe(probe: &Value) -> String {
    let number = |key: &str| probe[key].int();
    let timing = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        number("initialDelaySeconds"),
        number("timeoutSeconds"),
        number("periodSeconds"),
        number("successThreshold"),
        number("failureThreshold")
    );
    let action = if let Some(exec) = probe.get("exec") {
        let words: Vec<&str> = exec["command"].items().iter().map(Value::str).collect();
        format!("exec [{}]", words.join(" "))
    } else if let Some(get) = probe.get("httpGet") {
        let scheme = if get["scheme"].is_empty() { "http".to_string() } else { get["scheme"].str().to_lowercase() };
        let path = get["path"].str();
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        format!("http-get {scheme}://{}:{}{slash}{path}", get["host"].str(), plain(&get["port"]))
    } else if let Some(socket) = probe.get("tcpSocket") {
        format!("tcp-socket {}:{}", socket["host"].str(), plain(&socket["port"]))
    } else if let Some(grpc) = probe.get("grpc") {
        format!("grpc <pod>:{} {}", grpc["port"].int(), grpc["service"].str())
    } else {
        "unknown".to_string()
    };
    format!("{action} {timing}")
}

fn environment_from(sheet: &mut Sheet, sources: &Value) {
    if sources.is_empty() {
        return;
    }
    sheet.line(2, "Environment Variables from:");
    for source in sources.items() {
        let (from, reference) = match source.get("configMapRef") {
            Some(reference) => ("ConfigMap", reference),
            None => ("Secret", &source["secretRef"]),
        };
        let optional = reference["optional"].is_true();
        let prefix = match source["prefix"].str() {
            "" => String::new(),
            prefix => format!(" with prefix '{prefix}'"),
        };
        sheet.line(3, &format!("{}\t{from}{prefix}\tOptional: {optional}", reference["name"].str()));
    }
}

fn environment(sheet: &mut Sheet, container: &Value, pod: Option<&Value>) {
    let none = if container["env"].is_empty() { "\t<none>" } else { "" };
    sheet.line(2, &format!("Environment:{none}"));
    for variable in container["env"].items() {
        let name = variable["name"].str();
        let from = &variable["valueFrom"];
        if let Some(field) = from.get("fieldRef") {
            let path = field["fieldPath"].str();
            let version = if field["apiVersion"].is_empty() { "v1" } else { field["apiVersion"].str() };
            let value = pod.map(|pod| field_of(pod, path)).unwrap_or_default();
            sheet.line(3, &format!("{name}:\t{value} ({version}:{path})"));
        } else if let Some(field) = from.get("resourceFieldRef") {
            let resource = field["resource"].str();
            let value = match resource.split_once('.').map(|(list, name)| &container["resources"][list][name]) {
                Some(amount) if !amount.is_null() => Quantity::of(amount).units().to_string(),
                _ if resource.starts_with("limits.") => "node allocatable".to_string(),
                _ => "0".to_string(),
            };
            sheet.line(3, &format!("{name}:\t{value} ({resource})"));
        } else if let Some(key) = from.get("secretKeyRef") {
            let (key, of, optional) = (key["key"].str(), key["name"].str(), key["optional"].is_true());
            sheet.line(3, &format!("{name}:\t<set to the key '{key}' in secret '{of}'>\tOptional: {optional}"));
        } else if let Some(key) = from.get("configMapKeyRef") {
            let (key, of, optional) = (key["key"].str(), key["name"].str(), key["optional"].is_true());
            sheet.line(3, &format!("{name}:\t<set to the key '{key}' of config map '{of}'>\tOptional: {optional}"));
        } else {
            for (at, line) in variable["value"].str().split('\n').enumerate() {
                sheet.line(3, &if at == 0 { format!("{name}:\t{line}") } else { format!("\t{line}") });
            }
        }
    }
}

/// A field of a pod for the downward API.
fn field_of(pod: &Value, path: &str) -> String {
    if let Some((map, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        return pod.at(&map.split('.').collect::<Vec<_>>())[key].str().to_string();
    }
    let found = pod.at(&path.split('.').collect::<Vec<_>>());
    if found.is_null() { String::new() } else { plain(found) }
}

fn mounts(sheet: &mut Sheet, mounts: &Value) {
    let none = if mounts.is_empty() { "\t<none>" } else { "" };
    sheet.line(2, &format!("Mounts:{none}"));
    let mut mounts: Vec<&Value> = mounts.items().iter().collect();
    mounts.order_by_key(|mount| mount["mountPath"].text());
    for mount in mounts {
        let mode = if mount["readOnly"].is_true() { "ro" } else { "rw" };
        let path = match mount["subPath"].str() {
            "" => String::new(),
            path => format!(",path={path:?}"),
        };
        sheet.line(3, &format!("{} from {} ({mode}{path})", mount["mountPath"].str(), mount["name"].str()));
    }
}
