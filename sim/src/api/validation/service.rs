//! Services and their endpoints (ValidateService, `pkg/apis/discovery/validation`).

use crate::core::collections::PSet;

use super::container::{PROTOCOLS, port_or_name};
use super::{Errors, Path, meta};
use crate::api::names;
use crate::value;
use crate::value::Value;

/// The complaint about a text that is no address.
pub(super) const NO_IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

/// Whether a text is an IPv4 or IPv6 address.
pub(super) fn is_ip(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
}

pub(super) fn service(errors: &mut Errors, object: &Value) {
    let (path, spec) = (&Path::new("spec"), &object["spec"]);
    let ports = spec["ports"].items();
    let headless = spec["clusterIP"].str() == "None";
    let kind = spec["type"].str();
    if ports.is_empty() && !headless && kind != "ExternalName" {
        errors.required(&path.field("ports"), "");
    }
    if kind == "ExternalName" {
        external_name(errors, path, spec);
    }
    let list = &path.field("ports");
    let mut port_names = PSet::new();
    for (at, port) in ports.iter().enumerate() {
        let path = &list.index(at);
        if port["name"].is_empty() {
            if ports.len() > 1 {
                errors.required(&path.field("name"), "");
            }
        } else {
            errors.invalid_all(&path.field("name"), &port["name"], names::dns1123_label(port["name"].str()));
            if !port_names.insert(port["name"].text()) {
                errors.duplicate(&path.field("name"), &port["name"]);
            }
        }
        errors.invalid_all(&path.field("port"), &port["port"], names::port_number(port["port"].int()));
        errors.required_one_of(&path.field("protocol"), &port["protocol"], PROTOCOLS);
        port_or_name(errors, &path.field("targetPort"), &port["targetPort"]);
        if !port["appProtocol"].is_empty() {
            let protocol = &port["appProtocol"];
            errors.invalid_all(&path.field("appProtocol"), protocol, names::qualified_name(protocol.str()));
        }
    }
    meta::labels(errors, &path.field("selector"), &spec["selector"]);
    errors.required_one_of(&path.field("sessionAffinity"), &spec["sessionAffinity"], &["ClientIP", "None"]);
    cluster_ips(errors, path, spec);
    for (at, ip) in spec["externalIPs"].items().iter().enumerate() {
        if !is_ip(ip.str()) {
            errors.invalid(&path.field("externalIPs").index(at), ip, NO_IP);
        }
    }
    let kinds = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    errors.required_one_of(&path.field("type"), &spec["type"], kinds);
    let mut seen = PSet::new();
    for (at, port) in ports.iter().enumerate() {
        if kind == "ClusterIP" && port["nodePort"].int() != 0 {
            errors.forbidden(&list.index(at).field("nodePort"), "may not be used when `type` is 'ClusterIP'");
        }
        let key = (port["protocol"].text(), port["port"].int());
        if !seen.insert(key.clone()) {
            let shown =
                value!({"name": "", "protocol": key.0, "appProtocol": null, "port": key.1, "targetPort": 0, "nodePort": 0});
            errors.duplicate(&list.index(at), shown);
        }
    }
    for (field, policies) in [("externalTrafficPolicy", ["Cluster", "Local"]), ("internalTrafficPolicy", ["Cluster", "Local"])] {
        if !spec[field].is_empty() {
            errors.one_of(&path.field(field), &spec[field], &policies);
        }
    }
}

fn external_name(errors: &mut Errors, path: &Path<'_>, spec: &Value) {
    if !spec["clusterIPs"].is_empty() || !spec["clusterIP"].is_empty() {
        errors.forbidden(&path.field("clusterIPs"), "may not be set for ExternalName services");
    }
    let name = spec["externalName"].str().trim_end_matches('.');
    if name.is_empty() {
        errors.required(&path.field("externalName"), "");
    } else {
        errors.invalid_all(&path.field("externalName"), &spec["externalName"], names::dns1123_subdomain(name));
    }
}

fn cluster_ips(errors: &mut Errors, path: &Path<'_>, spec: &Value) {
    for (at, ip) in spec["clusterIPs"].items().iter().enumerate() {
        if ip.str() == "None" || ip.is_empty() || is_ip(ip.str()) {
            continue;
        }
        errors.invalid(&path.field("clusterIPs").index(at), ip, NO_IP);
    }
}

/// The address of a service stays as long as its type needs one.
pub(super) fn update(errors: &mut Errors, new: &Value, old: &Value) {
    let (new, old) = (&new["spec"], &old["spec"]);
    let external = |spec: &Value| spec["type"].str() == "ExternalName";
    let (was, is) = (old["clusterIP"].str(), new["clusterIP"].str());
    if !external(new) && !external(old) && !was.is_empty() && !is.is_empty() && was != is {
        errors.invalid(&Path::new("spec").field("clusterIPs").index(0), value!([is.to_string()]), "may not change once set");
    }
}

pub(super) fn endpoints(errors: &mut Errors, object: &Value) {
    let list = &Path::new("subsets");
    for (at, subset) in object["subsets"].items().iter().enumerate() {
        let path = &list.index(at);
        if subset["addresses"].is_empty() && subset["notReadyAddresses"].is_empty() {
            errors.required(path, "must specify `addresses` or `notReadyAddresses`");
        }
        for field in ["addresses", "notReadyAddresses"] {
            for (at, address) in subset[field].items().iter().enumerate() {
                if !is_ip(address["ip"].str()) {
                    errors.invalid(&path.field(field).index(at).field("ip"), address["ip"].text(), NO_IP);
                }
            }
        }
        for (at, port) in subset["ports"].items().iter().enumerate() {
            let list = &path.field("ports");
            let path = &list.index(at);
            errors.invalid_all(&path.field("port"), &port["port"], names::port_number(port["port"].int()));
            errors.required_one_of(&path.field("protocol"), &port["protocol"], PROTOCOLS);
        }
    }
}

pub(super) fn endpoint_slice(errors: &mut Errors, object: &Value) {
    errors.required_one_of(&Path::new("addressType"), &object["addressType"], &["FQDN", "IPv4", "IPv6"]);
    let list = &Path::new("endpoints");
    for (at, endpoint) in object["endpoints"].items().iter().enumerate() {
        let item = list.index(at);
        let path = &item.field("addresses");
        let addresses = endpoint["addresses"].items();
        if addresses.is_empty() {
            errors.required(path, "must contain at least 1 address");
        }
        for (at, address) in addresses.iter().enumerate() {
            if object["addressType"].str() != "FQDN" && !is_ip(address.str()) {
                errors.invalid(&path.index(at), address, NO_IP);
            }
        }
    }
}
