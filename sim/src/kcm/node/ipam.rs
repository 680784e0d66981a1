//! node-ipam-controller: every node gets a part of the pod network (`pkg/controller/nodeipam/ipam/range_allocator.go`).

use std::net::Ipv4Addr;

use super::{node, reference};
use crate::api::resource::NODES;
use crate::client::Change;
use crate::core::Request;
use crate::core::collections::PMap;
use crate::kcm::context::Context;
use crate::kcm::reconcile::{Io, QueueId, Step, Stop};
use crate::value;
use crate::value::Text;

/// A pod network and who has which part of it (`cidrset`): parts are given in their order, and a freed one only after all others.
#[derive(Clone, Debug)]
pub(in crate::kcm) struct CidrSet {
    base: u32,
    prefix: u32,
    part_prefix: u32,
    next: u32,
    by_node: PMap<Text, u32>,
    taken: PMap<u32, Text>,
}

impl Default for CidrSet {
    fn default() -> Self {
        Self::new("10.244.0.0/16", 24).expect("kind's default network is one")
    }
}

impl CidrSet {
    /// The parts of `cluster_cidr` with prefixes of `part_prefix` bits; `None` when the text is no such network.
    pub(in crate::kcm) fn new(cluster_cidr: &str, part_prefix: u32) -> Option<Self> {
        let (ip, prefix) = cluster_cidr.split_once('/')?;
        let base = u32::from(ip.parse::<Ipv4Addr>().ok()?);
        let prefix: u32 = prefix.parse().ok()?;
        let fits = (1..=part_prefix).contains(&prefix) && part_prefix <= 30;
        fits.then(|| Self { base, prefix, part_prefix, next: 0, by_node: PMap::new(), taken: PMap::new() })
    }

    /// The same network with nothing given.
    pub(in crate::kcm) fn emptied(&self) -> Self {
        Self { next: 0, by_node: PMap::new(), taken: PMap::new(), ..self.clone() }
    }

    fn size(&self) -> u32 {
        1 << (self.part_prefix - self.prefix)
    }

    fn text(&self, part: u32) -> Text {
        Text::from(format!("{}/{}", Ipv4Addr::from(self.base + (part << (32 - self.part_prefix))), self.part_prefix))
    }

    fn part_of(&self, text: &str) -> Option<u32> {
        let ip = u32::from(text.split_once('/')?.0.parse::<Ipv4Addr>().ok()?);
        let part = ip.checked_sub(self.base)? >> (32 - self.part_prefix);
        (part < self.size()).then_some(part)
    }

    fn take(&mut self, node: &Text, part: u32) {
        self.by_node.insert(node.clone(), part);
        self.taken.insert(part, node.clone());
    }

    fn take_next(&mut self, node: &Text) -> bool {
        let size = self.size();
        let free = (0..size).map(|step| (self.next + step) % size).find(|part| !self.taken.contains_key(part));
        if let Some(part) = free {
            self.next = (part + 1) % size;
            self.take(node, part);
        }
        free.is_some()
    }

    fn release(&mut self, node: &str) {
        if let Some(part) = self.by_node.remove(node) {
            self.taken.remove(&part);
        }
    }
}

/// A node came, or went.
pub(super) fn on_change(context: &mut Context<'_, '_>, change: &Change) {
    let name = change.object()["metadata"]["name"].text();
    let Some(new) = &change.new else {
        context.view.nodes.cidrs.release(&name);
        return;
    };
    if context.view.nodes.cidrs.by_node.contains_key(name.as_str()) {
        return;
    }
    let given = new["spec"]["podCIDR"].str();
    if given.is_empty() {
        if context.view.nodes.cidrs.take_next(&name) {
            context.enqueue(QueueId::NodeCidr, &name);
        } else {
            let message = format!("Node {name} status is now: CIDRNotAvailable");
            context.event("cidrAllocator", &reference(new), "Normal", "CIDRNotAvailable", message);
        }
    } else if let Some(part) = context.view.nodes.cidrs.part_of(given) {
        context.view.nodes.cidrs.take(&name, part);
    }
}

/// Tells a node its part.
pub(in crate::kcm) fn sync(io: &mut Io<'_>, key: &str) -> Step<()> {
    let Some(node) = node(io.view, key) else { return Ok(()) };
    let cidrs = &io.view.nodes.cidrs;
    let Some(part) = cidrs.by_node.get(key).filter(|_| node["spec"]["podCIDR"].is_empty()) else { return Ok(()) };
    let cidr = cidrs.text(*part);
    let patch = value!({"spec": {"podCIDR": &cidr, "podCIDRs": [&cidr]}});
    match io.request(Request::patch(NODES, "", Text::new(key), patch))? {
        Err(error) if error.code() != 404 => Err(Stop::Retry),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_given_in_order_and_freed_ones_last() {
        let mut cidrs = CidrSet::new("10.244.0.0/22", 24).unwrap();
        for node in ["a", "b", "c"] {
            assert!(cidrs.take_next(&node.into()));
        }
        cidrs.release("a");
        assert!(cidrs.take_next(&"d".into()));
        assert_eq!(cidrs.text(*cidrs.by_node.get("d").unwrap()), "10.244.3.0/24");
        assert!(cidrs.take_next(&"e".into()));
        assert_eq!(cidrs.text(*cidrs.by_node.get("e").unwrap()), "10.244.0.0/24");
        assert!(!cidrs.take_next(&"f".into()));
        assert_eq!(cidrs.part_of("10.244.2.0/24"), Some(2));
        assert_eq!(cidrs.part_of("192.168.0.0/24"), None);
        assert!(CidrSet::new("nonsense", 24).is_none());
    }
}
