//! kind's node images: which versions of everything a `kindest/node:vX.Y.Z` holds.

use crate::value::Text;

/// The image of nodes for which none is named.
pub const DEFAULT_NODE_IMAGE: &str = "kindest/node:v1.36.1";

/// The oldest and the newest minor version of which there is a node image here.
const MINORS: std::ops::RangeInclusive<u32> = 14..=36;

/// `v1.36.1` of `kindest/node:v1.36.1@sha256:…`; other names read as the default version.
pub fn node_image_version(image: &str) -> Text {
    version_of(image).map_or_else(|| node_image_version(DEFAULT_NODE_IMAGE), Text::new)
}

/// The minor version of a node image, if it is one that exists.
pub fn node_image_minor(image: &str) -> Option<u32> {
    version_of(image).and_then(minor)
}

fn version_of(image: &str) -> Option<&str> {
    let name = image.split('@').next().unwrap_or_default();
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let version = name.strip_prefix("kindest/node:")?;
    minor(version).map(|_| version)
}

fn minor(version: &str) -> Option<u32> {
    let parts: Vec<u32> = version.strip_prefix('v')?.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts[..] {
        [1, minor, _] if MINORS.contains(&minor) => Some(minor),
        _ => None,
    }
}

/// What a node image holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Kubernetes, with its `v`.
    pub kubernetes: Text,
    /// Its minor version.
    pub minor: u32,
    /// Full names of the images.
    pub etcd: Text,
    /// coredns
    pub coredns: Text,
    /// pause
    pub pause: Text,
    /// kindnetd
    pub kindnetd: Text,
    /// local-path-provisioner
    pub local_path: Text,
    /// Registry of Kubernetes' own images.
    pub registry: &'static str,
    /// As the node's status says.
    pub os_image: &'static str,
    /// As the node's status says.
    pub container_runtime: &'static str,
}

impl Versions {
    /// Of a node image.
    pub fn of(image: &str) -> Self {
        let kubernetes = node_image_version(image);
        let minor = minor(&kubernetes).expect("the version was parsed");
        // (up to minor version, etcd, coredns, pause)
        const TABLE: &[(u32, &str, &str, &str)] = &[
            (17, "3.4.3-0", "1.6.5", "3.1"),
            (18, "3.4.3-0", "1.6.7", "3.2"),
            (20, "3.4.13-0", "1.7.0", "3.2"),
            (21, "3.4.13-0", "v1.8.0", "3.4.1"),
            (22, "3.5.0-0", "v1.8.4", "3.5"),
            (23, "3.5.1-0", "v1.8.6", "3.6"),
            (24, "3.5.3-0", "v1.8.6", "3.7"),
            (25, "3.5.4-0", "v1.9.3", "3.8"),
            (26, "3.5.6-0", "v1.9.3", "3.9"),
            (28, "3.5.9-0", "v1.10.1", "3.9"),
            (29, "3.5.10-0", "v1.11.1", "3.9"),
            (30, "3.5.12-0", "v1.11.1", "3.9"),
            (31, "3.5.15-0", "v1.11.3", "3.10"),
            (32, "3.5.16-0", "v1.11.3", "3.10"),
            (33, "3.5.21-0", "v1.12.0", "3.10"),
            (34, "3.6.4-0", "v1.12.1", "3.10.1"),
            (35, "3.6.6-0", "v1.13.1", "3.10.1"),
            (u32::MAX, "3.6.8-0", "v1.14.0", "3.10.1"),
        ];
        let (_, etcd, coredns, pause) = TABLE.iter().find(|(up_to, ..)| minor <= *up_to).expect("the last row takes all");
        let registry = if minor < 25 { "k8s.gcr.io" } else { "registry.k8s.io" };
        let coredns_path = if minor < 21 { "coredns" } else { "coredns/coredns" };
        Self {
            etcd: Text::from(format!("{registry}/etcd:{etcd}")),
            coredns: Text::from(format!("{registry}/{coredns_path}:{coredns}")),
            pause: Text::from(format!("{registry}/pause:{pause}")),
            kindnetd: match minor {
                ..=18 => "docker.io/kindest/kindnetd:0.5.4".into(),
                19..=20 => "docker.io/kindest/kindnetd:v20210119-d5ef916d".into(),
                21..=25 => "docker.io/kindest/kindnetd:v20221004-44d545d1".into(),
                26..=33 => "docker.io/kindest/kindnetd:v20250512-df8de77b".into(),
                34..=35 => "docker.io/kindest/kindnetd:v20250512-df8de77b".into(),
                _ => "docker.io/kindest/kindnetd:v20260601".into(),
            },
            local_path: match minor {
                ..=18 => "docker.io/rancher/local-path-provisioner:v0.0.12".into(),
                19..=25 => "docker.io/rancher/local-path-provisioner:v0.0.14".into(),
                26..=33 => "docker.io/kindest/local-path-provisioner:v20241212-8ac705d0".into(),
                _ => "docker.io/kindest/local-path-provisioner:v20251212-v0.0.29-alpha-105-g20ccfc88".into(),
            },
            registry,
            os_image: match minor {
                ..=18 => "Ubuntu 19.10",
                19..=20 => "Ubuntu 20.10",
                21..=23 => "Ubuntu 21.04",
                24..=26 => "Ubuntu 22.04.1 LTS",
                _ => "Debian GNU/Linux 12 (bookworm)",
            },
            container_runtime: match minor {
                ..=18 => "containerd://1.3.3-14-g449e9269",
                19..=20 => "containerd://1.4.0-106-gce4439a8",
                21..=23 => "containerd://1.5.2",
                24..=26 => "containerd://1.6.9",
                27..=32 => "containerd://1.7.15",
                33 => "containerd://2.1.1",
                34..=35 => "containerd://2.1.3",
                _ => "containerd://2.2.0",
            },
            kubernetes,
            minor,
        }
    }

    /// The full name of one of Kubernetes' own images, such as `kube-proxy`.
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}:{}", self.registry, self.kubernetes)
    }

    /// The label of control-plane nodes: `master` up to v1.19, both up to v1.23.
    pub fn control_plane_labels(&self) -> &'static [&'static str] {
        match self.minor {
            ..=19 => &["node-role.kubernetes.io/master"],
            20..=23 => &["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"],
            _ => &["node-role.kubernetes.io/control-plane"],
        }
    }

    /// The keys of the taints that keep workloads off control-plane nodes.
    pub fn control_plane_taints(&self) -> &'static [&'static str] {
        match self.minor {
            ..=23 => &["node-role.kubernetes.io/master"],
            24 => &["node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"],
            _ => &["node-role.kubernetes.io/control-plane"],
        }
    }
}

/// The images that containerd finds in a node image.
pub fn preloaded_images(image: &str) -> Vec<String> {
    let versions = Versions::of(image);
    let mut images: Vec<String> = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"]
        .iter()
        .map(|name| versions.image(name))
        .collect();
    images.extend(
        [&versions.etcd, &versions.coredns, &versions.pause, &versions.kindnetd, &versions.local_path].map(ToString::to_string),
    );
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_follow_the_image() {
        assert_eq!(node_image_version("kindest/node:v1.18.2@sha256:00").as_str(), "v1.18.2");
        assert_eq!(node_image_minor("kindest/node:v1.99.0"), None);
        assert_eq!(node_image_minor("nginx"), None);
        let old = Versions::of("kindest/node:v1.18.2");
        assert_eq!(old.etcd.as_str(), "k8s.gcr.io/etcd:3.4.3-0");
        assert_eq!(old.control_plane_labels(), ["node-role.kubernetes.io/master"]);
        let new = Versions::of(DEFAULT_NODE_IMAGE);
        assert_eq!(new.image("kube-proxy"), "registry.k8s.io/kube-proxy:v1.36.1");
        assert_eq!(new.control_plane_taints(), ["node-role.kubernetes.io/control-plane"]);
    }
}
