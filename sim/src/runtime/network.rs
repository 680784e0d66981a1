//! Addresses of pods, as the CNI plugin host-local gives them.

use super::containerd::Containerd;
use crate::addons::CNI_CONFIG;
use crate::core::Outbox;
use crate::value::{Text, Value};

impl Containerd {
    /// The next free address of the node's range, as the CNI plugin host-local gives them: round, beginning after the last.
    pub(super) fn allocate_ip(&mut self, config: &Value, out: &Outbox<'_>) -> Result<Text, Text> {
        let cni = out.disk().files.get(CNI_CONFIG).cloned().unwrap_or_default();
        let subnet = cni["plugins"][0]["ipam"]["ranges"][0][0]["subnet"].text();
        let range = Subnet::parse(&subnet).ok_or_else(|| {
            let pod = &config["metadata"];
            Text::from(format!(
                "rpc error: code = Unknown desc = failed to setup network for sandbox of pod {}/{}: cni plugin not initialized",
                pod["namespace"].str(),
                pod["name"].str()
            ))
        })?;
        let taken = |ip: &str| self.sandboxes.values().any(|sandbox| sandbox.ready && sandbox.ip == *ip);
        let size = range.size();
        for step in 1..=size {
            // .0 is the network, .1 the bridge, the last one broadcast.
            let host = (self.last_ip + step) % size;
            if host < 2 || host + 1 == size {
                continue;
            }
            let ip = range.address(host);
            if !taken(&ip) {
                self.last_ip = host;
                return Ok(Text::from(ip));
            }
        }
        Err(Text::from(format!(
            "rpc error: code = Unknown desc = failed to setup network for sandbox: plugin type=\"ptp\" failed (add): failed to allocate for range 0: no IP addresses available in range set: {}-{}",
            range.address(1),
            range.address(size - 2)
        )))
    }
}

/// An IPv4 range such as `10.244.1.0/24`.
#[derive(Clone, Copy, Debug)]
struct Subnet {
    base: u32,
    bits: u32,
}

impl Subnet {
    fn parse(text: &str) -> Option<Self> {
        let (ip, bits) = text.split_once('/')?;
        let parts: Vec<u32> = ip.split('.').map(|part| part.parse::<u8>().ok().map(u32::from)).collect::<Option<_>>()?;
        let bits = bits.parse().ok().filter(|bits| (8..=30).contains(bits))?;
        let [a, b, c, d] = parts[..] else { return None };
        Some(Self { base: a << 24 | b << 16 | c << 8 | d, bits })
    }
    const fn size(self) -> u32 {
        1 << (32 - self.bits)
    }
    fn address(self, host: u32) -> String {
        let ip = self.base + host;
        format!("{}.{}.{}.{}", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_are_read() {
        let range = Subnet::parse("10.244.1.0/24").unwrap();
        assert_eq!((range.size(), range.address(2)), (256, "10.244.1.2".to_string()));
        assert!(Subnet::parse("10.244.1/24").is_none());
        assert!(Subnet::parse("10.244.1.0/99").is_none());
    }
}
