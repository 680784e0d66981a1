//! The columns of services, endpoints, events, configuration and the other small kinds.

use super::{Column, age, always, creation_age, format_labels, name, text_or, wide};
use crate::core::Time;
use crate::value::{Text, Value};

pub(super) const SERVICE: &[Column] = &[
    always("Name"),
    always("Type"),
    always("Cluster-IP"),
    always("External-IP"),
    always("Port(s)"),
    always("Age"),
    wide("Selector"),
];
pub(super) const ENDPOINTS: &[Column] = &[always("Name"), always("Endpoints"), always("Age")];
pub(super) const ENDPOINT_SLICE: &[Column] =
    &[always("Name"), always("AddressType"), always("Ports"), always("Endpoints"), always("Age")];
pub(super) const NAMESPACE: &[Column] = &[always("Name"), always("Status"), always("Age")];
pub(super) const EVENT: &[Column] = &[
    always("Last Seen"),
    always("Type"),
    always("Reason"),
    always("Object"),
    wide("Subobject"),
    wide("Source"),
    always("Message"),
    wide("First Seen"),
    wide("Count"),
    wide("Name"),
];
pub(super) const CONFIG_MAP: &[Column] = &[always("Name"), always("Data"), always("Age")];
pub(super) const SECRET: &[Column] = &[always("Name"), always("Type"), always("Data"), always("Age")];
pub(super) const SERVICE_ACCOUNT: &[Column] = &[always("Name"), always("Age")];
pub(super) const LEASE: &[Column] = &[always("Name"), always("Holder"), always("Age")];
pub(super) const RESOURCE_QUOTA: &[Column] = &[always("Name"), always("Request"), always("Limit"), always("Age")];
pub(super) const PRIORITY_CLASS: &[Column] =
    &[always("Name"), always("Value"), always("Global-Default"), always("Age"), always("PreemptionPolicy")];
pub(super) const RUNTIME_CLASS: &[Column] = &[always("Name"), always("Handler"), always("Age")];
pub(super) const ROLE_BINDING: &[Column] =
    &[always("Name"), always("Role"), always("Age"), wide("Users"), wide("Groups"), wide("ServiceAccounts")];
pub(super) const SERVICE_CIDR: &[Column] = &[always("Name"), always("CIDRs"), always("Age")];
pub(super) const IP_ADDRESS: &[Column] = &[always("Name"), always("ParentRef"), always("Age")];

/// At most three of a list of texts: `a,b,c + 2 more...`.
fn three(list: &[String], empty: &str) -> String {
    match list {
        [] => empty.to_string(),
        [..] if list.len() > 3 => format!("{} + {} more...", list[..3].join(","), list.len() - 3),
        _ => list.join(","),
    }
}

fn joined(list: &Value) -> String {
    list.items().iter().map(Value::str).collect::<Vec<_>>().join(",")
}

pub(super) fn service(object: &Value, now: Time) -> Vec<Value> {
    let spec = &object["spec"];
    let external_ips = joined(&spec["externalIPs"]);
    let external = match spec["type"].str() {
        "LoadBalancer" => {
            let ingress = object["status"]["loadBalancer"]["ingress"].items().iter();
            let balancers: Vec<&str> = ingress
                .map(|ingress| if ingress["ip"].is_empty() { ingress["hostname"].str() } else { ingress["ip"].str() })
                .collect();
            match (balancers.join(","), external_ips) {
                (balancers, ips) if ips.is_empty() && balancers.is_empty() => "<pending>".to_string(),
                (balancers, ips) if ips.is_empty() => balancers,
                (balancers, ips) if balancers.is_empty() => ips,
                (balancers, ips) => format!("{balancers},{ips}"),
            }
        }
        "ExternalName" => spec["externalName"].str().to_string(),
        _ if external_ips.is_empty() => "<none>".to_string(),
        _ => external_ips,
    };
    let ports = spec["ports"].items().iter().map(|port| {
        let (number, node_port, protocol) = (port["port"].int(), port["nodePort"].int(), port["protocol"].str());
        if node_port > 0 { format!("{number}:{node_port}/{protocol}") } else { format!("{number}/{protocol}") }
    });
    let ports = ports.collect::<Vec<_>>().join(",");
    vec![
        name(object),
        spec["type"].text().into(),
        text_or(&spec["clusterIPs"][0], "<none>"),
        external.into(),
        if ports.is_empty() { "<none>".into() } else { ports.into() },
        creation_age(object, now),
        format_labels(&spec["selector"]).into(),
    ]
}

/// `10.244.0.5:80`, IPv6 in brackets.
fn host_port(ip: &str, port: i64) -> String {
    if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}

pub(super) fn endpoints(object: &Value, now: Time) -> Vec<Value> {
    let subsets = object["subsets"].items();
    let mut list = Vec::new();
    for subset in subsets {
        let ips = || subset["addresses"].items().iter().map(|address| address["ip"].str());
        match subset["ports"].items() {
            [] => list.extend(ips().map(ToString::to_string)),
            ports => ports.iter().for_each(|port| list.extend(ips().map(|ip| host_port(ip, port["port"].int())))),
        }
    }
    let empty = if subsets.is_empty() { "<none>" } else { "" };
    vec![name(object), three(&list, empty).into(), creation_age(object, now)]
}

pub(super) fn endpoint_slice(object: &Value, now: Time) -> Vec<Value> {
    let ports: Vec<String> = object["ports"]
        .items()
        .iter()
        .map(|port| match (&port["port"], port["name"].as_str()) {
            (Value::Int(number), _) => number.to_string(),
            (_, Some(name)) => name.to_string(),
            _ => "*".to_string(),
        })
        .collect();
    let addresses: Vec<String> = object["endpoints"]
        .items()
        .iter()
        .flat_map(|endpoint| endpoint["addresses"].items())
        .map(|address| address.str().to_string())
        .collect();
    vec![
        name(object),
        object["addressType"].text().into(),
        three(&ports, "<unset>").into(),
        three(&addresses, "<unset>").into(),
        creation_age(object, now),
    ]
}

pub(super) fn namespace(object: &Value, now: Time) -> Vec<Value> {
    vec![name(object), object["status"]["phase"].text().into(), creation_age(object, now)]
}

pub(super) fn event(object: &Value, now: Time) -> Vec<Value> {
    let first_stamp = if object["firstTimestamp"].is_null() { &object["eventTime"] } else { &object["firstTimestamp"] };
    let first = age(first_stamp, now);
    let (series, count) = (&object["series"], object["count"].int());
    let (last, count) = match () {
        () if !series.is_null() => (age(&series["lastObservedTime"], now), series["count"].int()),
        () if object["lastTimestamp"].is_null() => (first.clone(), count.max(1)),
        () => (age(&object["lastTimestamp"], now), count.max(1)),
    };
    let involved = &object["involvedObject"];
    let kind = involved["kind"].str().to_lowercase();
    let target = if involved["name"].is_empty() { kind } else { format!("{kind}/{}", involved["name"].str()) };
    let source = &object["source"];
    let either = |a: &Value, b: &Value| if a.is_empty() { b.text() } else { a.text() };
    let component = either(&source["component"], &object["reportingComponent"]);
    let host = either(&source["host"], &object["reportingInstance"]);
    let source = if host.is_empty() { component } else { Text::from(format!("{component}, {host}")) };
    vec![
        last.into(),
        object["type"].text().into(),
        object["reason"].text().into(),
        target.into(),
        involved["fieldPath"].text().into(),
        source.into(),
        object["message"].str().trim().to_string().into(),
        first.into(),
        count.into(),
        name(object),
    ]
}

pub(super) fn config_map(object: &Value, now: Time) -> Vec<Value> {
    let count = object["data"].entries().len() + object["binaryData"].entries().len();
    vec![name(object), count.into(), creation_age(object, now)]
}

pub(super) fn secret(object: &Value, now: Time) -> Vec<Value> {
    vec![name(object), object["type"].text().into(), object["data"].entries().len().into(), creation_age(object, now)]
}

pub(super) fn service_account(object: &Value, now: Time) -> Vec<Value> {
    vec![name(object), creation_age(object, now)]
}

pub(super) fn lease(object: &Value, now: Time) -> Vec<Value> {
    vec![name(object), object["spec"]["holderIdentity"].text().into(), creation_age(object, now)]
}

pub(super) fn resource_quota(object: &Value, now: Time) -> Vec<Value> {
    let status = &object["status"];
    let column = |limits: bool| {
        let entries = status["hard"].entries().iter().filter(|(key, _)| key.starts_with("limits") == limits);
        let texts = entries.map(|(key, hard)| format!("{key}: {}/{}", used(&status["used"][&**key]), hard.str()));
        Value::from(texts.collect::<Vec<_>>().join(", "))
    };
    vec![name(object), column(false), column(true), creation_age(object, now)]
}

fn used(value: &Value) -> &str {
    value.as_str().unwrap_or("0")
}

pub(super) fn priority_class(object: &Value, now: Time) -> Vec<Value> {
    vec![
        name(object),
        object["value"].int().into(),
        object["globalDefault"].is_true().into(),
        creation_age(object, now),
        object["preemptionPolicy"].text().into(),
    ]
}

pub(super) fn runtime_class(object: &Value, now: Time) -> Vec<Value> {
    vec![name(object), object["handler"].text().into(), creation_age(object, now)]
}

pub(super) fn role_binding(object: &Value, now: Time) -> Vec<Value> {
    let role = &object["roleRef"];
    let subjects = |kind: &str| {
        let chosen = object["subjects"].items().iter().filter(|subject| subject["kind"].str() == kind);
        let names = chosen.map(|subject| match kind {
            "ServiceAccount" => format!("{}/{}", subject["namespace"].str(), subject["name"].str()),
            _ => subject["name"].str().to_string(),
        });
        Value::from(names.collect::<Vec<_>>().join(", "))
    };
    vec![
        name(object),
        format!("{}/{}", role["kind"].str(), role["name"].str()).into(),
        creation_age(object, now),
        subjects("User"),
        subjects("Group"),
        subjects("ServiceAccount"),
    ]
}

pub(super) fn service_cidr(object: &Value, now: Time) -> Vec<Value> {
    vec![name(object), joined(&object["spec"]["cidrs"]).into(), creation_age(object, now)]
}

pub(super) fn ip_address(object: &Value, now: Time) -> Vec<Value> {
    let parent = &object["spec"]["parentRef"];
    let mut text = parent["resource"].str().to_string();
    if !parent["group"].is_empty() {
        text += ".";
        text += parent["group"].str();
    }
    for part in ["namespace", "name"] {
        if !parent[part].is_empty() {
            text += "/";
            text += parent[part].str();
        }
    }
    vec![name(object), text.into(), creation_age(object, now)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn json(cells: Vec<Value>) -> String {
        Value::from(cells).to_json()
    }

    #[test]
    fn services_as_recorded() {
        let headless = value!({
            "metadata": {"name": "db"},
            "spec": {"type": "ClusterIP", "clusterIPs": ["None"], "ports": [{"port": 5432, "protocol": "TCP"}], "selector": {"app": "db"}},
        });
        assert_eq!(json(service(&headless, Time::ZERO)), r#"["db","ClusterIP","None","<none>","5432/TCP","<unknown>","app=db"]"#);
        let balanced = value!({
            "metadata": {"name": "lb"},
            "spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.9"], "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]},
        });
        assert_eq!(
            json(service(&balanced, Time::ZERO)),
            r#"["lb","LoadBalancer","10.96.0.9","<pending>","80:30080/TCP","<unknown>","<none>"]"#
        );
    }

    #[test]
    fn endpoints_show_three() {
        let address = |ip: &'static str| value!({"ip": ip});
        let object = value!({
            "metadata": {"name": "web"},
            "subsets": [{
                "addresses": [address("10.0.0.1"), address("10.0.0.2"), address("10.0.0.3"), address("10.0.0.4")], "ports": [{"port": 80}],
            }],
        });
        assert_eq!(endpoints(&object, Time::ZERO)[1].str(), "10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more...");
        assert_eq!(endpoints(&value!({"metadata": {"name": "web"}}), Time::ZERO)[1].str(), "<none>");
        let slice = value!({"metadata": {"name": "web-x"}, "addressType": "IPv4", "endpoints": [], "ports": [{"port": 80}]});
        assert_eq!(json(endpoint_slice(&slice, Time::ZERO)), r#"["web-x","IPv4","80","<unset>","<unknown>"]"#);
    }

    #[test]
    fn events_of_both_apis() {
        let now = Time(9_000_000);
        let old = value!({
            "metadata": {"name": "e"}, "type": "Normal", "reason": "Pulled", "message": "m ", "count": 2,
            "firstTimestamp": "2026-01-05T09:00:00Z", "lastTimestamp": "2026-01-05T09:00:04Z",
            "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{c}"}, "source": {"component": "kubelet", "host": "n"},
        });
        assert_eq!(
            json(event(&old, now)),
            r#"["5s","Normal","Pulled","pod/p","spec.containers{c}","kubelet, n","m","9s",2,"e"]"#
        );
        let new = value!({
            "metadata": {"name": "e"}, "type": "Normal", "reason": "Scheduled", "message": "m", "source": {},
            "eventTime": "2026-01-05T09:00:01.000000Z", "involvedObject": {"kind": "Pod", "name": "p"},
            "reportingComponent": "default-scheduler", "reportingInstance": "default-scheduler-vm",
        });
        assert_eq!(
            json(event(&new, now)),
            r#"["8s","Normal","Scheduled","pod/p","","default-scheduler, default-scheduler-vm","m","8s",1,"e"]"#
        );
    }

    #[test]
    fn a_quota_lists_requests_and_limits_apart() {
        let quota = value!({
            "metadata": {"name": "rq"},
            "status": {"hard": {"pods": "20", "limits.cpu": "2"}, "used": {"pods": "6"}},
        });
        assert_eq!(json(resource_quota(&quota, Time::ZERO)), r#"["rq","pods: 6/20","limits.cpu: 0/2","<unknown>"]"#);
    }
}
