//! Cluster IPs and node ports of Services, after `pkg/registry/core/service/{storage,ipallocator,portallocator}`.

use crate::core::collections::PSet;

use super::ApiServer;
use crate::api::resource::SERVICES;
use crate::api::{ApiError, validation};
use crate::value;
use crate::value::{Text, Value};

/// Node ports that are given: `--service-node-port-range`'s default.
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30_000..=32_767;

impl ApiServer {
    /// Gives a service its cluster IP and node ports, keeps those that it has, and checks those that it asks for.
    pub(super) fn allocate_service(&mut self, service: &mut Value, old: Option<&Value>) -> Result<(), ApiError> {
        let kind = service["spec"]["type"].text();
        if kind == "ExternalName" {
            return Ok(());
        }
        if let Some(old) = old {
            for field in ["clusterIP", "clusterIPs"] {
                if service["spec"][field].is_empty() {
                    service["spec"].set(field, old["spec"][field].clone());
                }
            }
        }
        let asked = service["spec"]["clusterIP"].text();
        if asked.is_empty() {
            let ip = self.free_cluster_ip();
            service["spec"]["clusterIP"] = ip.clone().into();
            service["spec"]["clusterIPs"] = vec![ip].into();
        } else if asked != "None" && old.is_none() {
            if self.caches.list(SERVICES).any(|other| other["spec"]["clusterIP"].str() == &*asked) {
                let why = format!("failed to allocate IP {asked}: provided IP is already allocated");
                let error = validation::FieldError::invalid("spec.clusterIPs", value!([asked]), &why);
                return Err(validation::invalid(SERVICES, service.name(), vec![error]));
            }
            if !in_service_network(&asked) {
                let why = format!("failed to allocate IP {asked}: the provided network does not match the current range");
                let error = validation::FieldError::invalid("spec.clusterIPs", value!([asked]), &why);
                return Err(validation::invalid(SERVICES, service.name(), vec![error]));
            }
        }
        if service["spec"]["clusterIPs"].is_empty() {
            let ip = service["spec"]["clusterIP"].clone();
            service["spec"]["clusterIPs"] = vec![ip].into();
        }
        if kind == "NodePort" || kind == "LoadBalancer" {
            self.allocate_node_ports(service, old)?;
        }
        Ok(())
    }

    fn allocate_node_ports(&mut self, service: &mut Value, old: Option<&Value>) -> Result<(), ApiError> {
        let name = service["metadata"]["name"].text();
        let namespace = service["metadata"]["namespace"].text();
        let mut taken: PSet<i64> = PSet::new();
        for other in self.caches.list(SERVICES) {
            if other.name() != &*name || other.namespace() != &*namespace {
                taken.extend(other["spec"]["ports"].items().iter().filter_map(|port| port["nodePort"].as_int()));
            }
        }
        let count = service["spec"]["ports"].items().len();
        for index in 0..count {
            let port = &service["spec"]["ports"][index];
            let mut wanted = port["nodePort"].int();
            if wanted == 0 {
                // The same port keeps its number.
                let same = |have: &&Value| have["port"] == port["port"] && have["protocol"] == port["protocol"];
                wanted =
                    old.and_then(|old| old["spec"]["ports"].items().iter().find(same)).map_or(0, |have| have["nodePort"].int());
            }
            let path = format!("spec.ports[{index}].nodePort");
            if wanted != 0 && taken.contains(&wanted) {
                let error = validation::FieldError::invalid(path, wanted, "provided port is already allocated");
                return Err(validation::invalid(SERVICES, &name, vec![error]));
            }
            if wanted != 0 && !NODE_PORTS.contains(&wanted) {
                let error = validation::FieldError::invalid(
                    path,
                    wanted,
                    "provided port is not in the valid range. The range of valid ports is 30000-32767",
                );
                return Err(validation::invalid(SERVICES, &name, vec![error]));
            }
            while wanted == 0 || taken.contains(&wanted) {
                wanted = self.rng.between(*NODE_PORTS.start() as u64, *NODE_PORTS.end() as u64) as i64;
            }
            taken.insert(wanted);
            service["spec"]["ports"][index]["nodePort"] = wanted.into();
        }
        Ok(())
    }

    fn free_cluster_ip(&mut self) -> Text {
        let taken: PSet<&str> = self.caches.list(SERVICES).map(|service| service["spec"]["clusterIP"].str()).collect();
        loop {
            // The first 256 addresses are kept for those who ask for one (KEP-3070).
            let number = self.rng.between(257, 65_534);
            let ip = format!("10.96.{}.{}", number / 256, number % 256);
            if !taken.contains(ip.as_str()) {
                return ip.into();
            }
        }
    }
}

fn in_service_network(ip: &str) -> bool {
    ip.strip_prefix("10.96.").is_some_and(|rest| rest.split('.').filter(|part| part.parse::<u8>().is_ok()).count() == 2)
}
