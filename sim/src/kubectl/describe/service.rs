//! Services, Endpoints and EndpointSlices.

use super::Reader;
use super::events;
use super::sheet::{Sheet, or_none, plain};
use crate::api::resource::ENDPOINTSLICES;
use crate::api::table::format_labels;
use crate::core::Request;
use crate::flow::Flow;
use crate::value::Value;

fn joined(list: &Value, separator: &str) -> String {
    let texts: Vec<&str> = list.items().iter().map(Value::str).collect();
    or_none(&texts.join(separator)).to_string()
}

pub(super) fn service(reader: &mut Reader, service: &Value) -> Flow<String> {
    let selector = format!("kubernetes.io/service-name={}", service.name());
    let request = Request::list(ENDPOINTSLICES, service["metadata"]["namespace"].text()).param("labelSelector", selector);
    let slices = reader.io.request(request)?.map(|list| list["items"].items().to_vec()).unwrap_or_default();
    let events = events::of(reader, service)?;
    let mut sheet = Sheet::new(reader.io.now());
    let spec = &service["spec"];
    sheet.name(service);
    sheet.metadata(service);
    sheet.field(0, "Selector", &format_labels(&spec["selector"]));
    sheet.field(0, "Type", spec["type"].str());
    if !spec["ipFamilyPolicy"].is_empty() {
        sheet.field(0, "IP Family Policy", spec["ipFamilyPolicy"].str());
    }
    sheet.field(0, "IP Families", &joined(&spec["ipFamilies"], ","));
    sheet.field(0, "IP", spec["clusterIP"].str());
    sheet.field(0, "IPs", &joined(&spec["clusterIPs"], ","));
    if !spec["externalIPs"].is_empty() {
        sheet.field(0, "External IPs", &joined(&spec["externalIPs"], ","));
    }
    for (title, key) in [("Desired LoadBalancer IP", "loadBalancerIP"), ("External Name", "externalName")] {
        if !spec[key].is_empty() {
            sheet.field(0, title, spec[key].str());
        }
    }
    let ingress = service["status"]["loadBalancer"]["ingress"].items();
    if !ingress.is_empty() {
        let address = |ingress: &Value| match (ingress["ip"].str(), ingress["ipMode"].str()) {
            ("", _) => ingress["hostname"].str().to_string(),
            (ip, "") => ip.to_string(),
            (ip, mode) => format!("{ip} ({mode})"),
        };
        sheet.field(0, "LoadBalancer Ingress", &ingress.iter().map(address).collect::<Vec<_>>().join(", "));
    }
    for port in spec["ports"].items() {
        let name = if port["name"].is_empty() { "<unset>" } else { port["name"].str() };
        let protocol = port["protocol"].str();
        sheet.field(0, "Port", &format!("{name}\t{}/{protocol}", port["port"].int()));
        sheet.field(0, "TargetPort", &format!("{}/{protocol}", plain(&port["targetPort"])));
        if !port["appProtocol"].is_empty() {
            sheet.field(0, "AppProtocol", port["appProtocol"].str());
        }
        if port["nodePort"].int() != 0 {
            sheet.field(0, "NodePort", &format!("{name}\t{}/{protocol}", port["nodePort"].int()));
        }
        sheet.field(0, "Endpoints", &addresses(&slices, port["name"].str()));
    }
    sheet.field(0, "Session Affinity", spec["sessionAffinity"].str());
    for (title, key) in
        [("External Traffic Policy", "externalTrafficPolicy"), ("Internal Traffic Policy", "internalTrafficPolicy")]
    {
        if !spec[key].is_empty() {
            sheet.field(0, title, spec[key].str());
        }
    }
    if !spec["loadBalancerSourceRanges"].is_empty() {
        sheet.field(0, "LoadBalancer Source Ranges", &joined(&spec["loadBalancerSourceRanges"], ","));
    }
    if !spec["trafficDistribution"].is_empty() {
        sheet.field(0, "Traffic Distribution", spec["trafficDistribution"].str());
    }
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}

/// The first three ready addresses of a port, and how many more there are (formatEndpointSlices).
fn addresses(slices: &[Value], port_name: &str) -> String {
    const SHOWN: usize = 3;
    if slices.is_empty() {
        return "<none>".to_string();
    }
    let ready = |endpoint: &&Value| endpoint["conditions"]["ready"] != Value::Bool(false);
    let mut found: Vec<String> = Vec::new();
    for slice in slices {
        let endpoints = slice["endpoints"].items().iter().filter(ready);
        let hosts: Vec<&str> = endpoints.map(|endpoint| endpoint["addresses"][0].str()).collect();
        if slice["ports"].is_empty() {
            found.extend(hosts.iter().map(ToString::to_string));
        }
        for port in slice["ports"].items().iter().filter(|port| port["name"].str() == port_name) {
            found.extend(hosts.iter().map(|host| format!("{host}:{}", port["port"].int())));
        }
    }
    match found.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{} + {more} more...", found[..SHOWN].join(",")),
        _ => found.join(","),
    }
}

pub(super) fn endpoints(reader: &mut Reader, endpoints: &Value) -> Flow<String> {
    let events = events::of(reader, endpoints)?;
    let mut sheet = Sheet::new(reader.io.now());
    sheet.name(endpoints);
    sheet.metadata(endpoints);
    sheet.line(0, "Subsets:");
    for subset in endpoints["subsets"].items() {
        for (title, key) in [("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")] {
            let ips: Vec<&str> = subset[key].items().iter().map(|address| address["ip"].str()).collect();
            sheet.field(1, title, or_none(&ips.join(",")));
        }
        if !subset["ports"].is_empty() {
            sheet.line(1, "Ports:");
            sheet.line(2, "Name\tPort\tProtocol");
            sheet.line(2, "----\t----\t--------");
        }
        for port in subset["ports"].items() {
            sheet.line(2, &port_cells(port));
        }
        sheet.line(0, "");
    }
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}

fn port_cells(port: &Value) -> String {
    let name = if port["name"].is_empty() { "<unset>" } else { port["name"].str() };
    let number = port["port"].as_int().map_or_else(|| "<unset>".to_string(), |number| number.to_string());
    format!("{name}\t{number}\t{}", port["protocol"].str())
}

pub(super) fn endpoint_slice(reader: &mut Reader, slice: &Value) -> Flow<String> {
    let events = events::of(reader, slice)?;
    let mut sheet = Sheet::new(reader.io.now());
    sheet.name(slice);
    sheet.metadata(slice);
    sheet.field(0, "AddressType", slice["addressType"].str());
    if slice["ports"].is_empty() {
        sheet.line(0, "Ports: <unset>");
    } else {
        sheet.line(0, "Ports:");
        sheet.line(1, "Name\tPort\tProtocol");
        sheet.line(1, "----\t----\t--------");
    }
    for port in slice["ports"].items() {
        sheet.line(1, &port_cells(port));
    }
    let or_unset = |value: &Value| if value.is_null() { "<unset>".to_string() } else { plain(value) };
    sheet.line(0, if slice["endpoints"].is_empty() { "Endpoints: <none>" } else { "Endpoints:" });
    for endpoint in slice["endpoints"].items() {
        sheet.field(1, "- Addresses", &joined(&endpoint["addresses"], ", "));
        sheet.line(2, "Conditions:");
        sheet.field(3, "Ready", &or_unset(&endpoint["conditions"]["ready"]));
        sheet.field(2, "Hostname", &or_unset(&endpoint["hostname"]));
        if let Some(target) = endpoint.get("targetRef") {
            sheet.field(2, "TargetRef", &format!("{}/{}", target["kind"].str(), target["name"].str()));
        }
        sheet.field(2, "NodeName", &or_unset(&endpoint["nodeName"]));
        sheet.field(2, "Zone", &or_unset(&endpoint["zone"]));
    }
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}
