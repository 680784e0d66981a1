//! Who the members of an etcd cluster are, and how a member's flags say it.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::raft::MemberId;
use crate::core::fnv1a;
use crate::value::{Text, Value};

/// A member as the cluster knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its number, written in hexadecimal.
    pub id: MemberId,
    /// Its name; "" until it has started.
    pub name: Text,
    /// Where other members reach it, such as `https://172.18.0.2:2380`.
    pub peer_url: Text,
    /// Where clients reach it.
    pub client_url: Text,
}

impl Member {
    /// The member that answers at this URL.
    pub fn new(name: &str, peer_url: &str) -> Self {
        let client_url = peer_url.replace(":2380", ":2379");
        Self { id: member_id(peer_url), name: Text::new(name), peer_url: Text::new(peer_url), client_url: Text::from(client_url) }
    }
}

/// A member's number, made of its peer URL (FNV-1a; etcd takes SHA-1).
pub fn member_id(peer_url: &str) -> MemberId {
    let hash = fnv1a(peer_url);
    // The low bits of short texts differ little: mixed as in MurmurHash3.
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (mixed ^ (mixed >> 33)).max(1)
}

/// How a member is started.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) me: Member,
    /// The members that the flags name, this one among them.
    pub(super) members: BTreeMap<MemberId, Rc<Member>>,
    /// Whether it joins a cluster that is there already.
    pub(super) joins: bool,
}

impl Start {
    /// Reads `--name`, `--initial-advertise-peer-urls`, `--initial-cluster` and `--initial-cluster-state`; without them, a member of its own
    /// cluster on this machine.
    pub(super) fn read(flags: &Value, machine: &str, ip: &str) -> Self {
        let flag =
            |name: &str, default: String| Some(flags[name].str()).filter(|text| !text.is_empty()).map_or(default, str::to_string);
        let name = flag("name", machine.to_string());
        let url = flag("initial-advertise-peer-urls", format!("https://{ip}:2380"));
        let cluster = flag("initial-cluster", format!("{name}={url}"));
        let members = cluster.split(',').filter_map(|entry| entry.split_once('=')).map(|(name, url)| Member::new(name, url));
        let members: BTreeMap<MemberId, Rc<Member>> = members.map(|member| (member.id, Rc::new(member))).collect();
        Self { me: Member::new(&name, &url), members, joins: flags["initial-cluster-state"].str() == "existing" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn flags_name_the_members() {
        let alone = Start::read(&Value::Null, "kind-control-plane", "172.18.0.2");
        assert_eq!(alone.members.len(), 1);
        assert_eq!(alone.me.client_url.as_str(), "https://172.18.0.2:2379");
        let flags = value!({
            "name": "b", "initial-advertise-peer-urls": "https://172.18.0.3:2380", "initial-cluster-state": "existing",
            "initial-cluster": "a=https://172.18.0.2:2380,b=https://172.18.0.3:2380",
        });
        let joining = Start::read(&flags, "x", "y");
        assert!(joining.joins && joining.members.contains_key(&joining.me.id) && joining.members.contains_key(&alone.me.id));
    }
}
