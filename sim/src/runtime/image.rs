//! Images: how their names are read, and how large they are.
//!
//! What a registry holds is a model: any image exists whose name does not say that it does not. Well-known images have the sizes
//! that they really have (as containerd reports them, compressed); of the others the name decides.

use std::fmt;

use crate::core::{fnv1a, push_hex};
use crate::value::Text;

/// A parsed image name (after `distribution/reference`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    /// With registry and path: `docker.io/library/nginx`.
    pub repository: Text,
    /// `latest` when none was given; "" with a digest only.
    pub tag: Text,
    /// `sha256:…`, or "".
    pub digest: Text,
}

/// Why a name is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The grammar does not allow it.
    #[error("invalid reference format")]
    Format,
    /// Upper-case letters.
    #[error("invalid reference format: repository name ({0}) must be lowercase")]
    Uppercase(String),
}

impl ImageName {
    /// Reads a name as the kubelet does: `nginx` is `docker.io/library/nginx:latest`.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let (rest, digest) = match name.split_once('@') {
            Some((rest, digest)) => (rest, Text::new(digest)),
            None => (name, Text::default()),
        };
        let after_slash = rest.rfind('/').map_or(0, |at| at + 1);
        let (path, tag) = match rest[after_slash..].find(':') {
            Some(at) => (&rest[..after_slash + at], Some(&rest[after_slash + at + 1..])),
            None => (rest, None),
        };
        if tag
            .is_some_and(|tag| tag.is_empty() || !tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)))
        {
            return Err(NameError::Format);
        }
        let (domain, remainder) = match path.split_once('/') {
            Some((first, remainder)) if first.contains(['.', ':']) || first == "localhost" => (first, remainder.to_string()),
            Some(_) => ("docker.io", path.to_string()),
            None => ("docker.io", format!("library/{path}")),
        };
        if remainder.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(NameError::Uppercase(remainder));
        }
        let good = |part: &str| {
            let edges = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            edges(part.bytes().next())
                && edges(part.bytes().last())
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
        };
        if !remainder.split('/').all(good) || (!digest.is_empty() && !digest.starts_with("sha256:")) {
            return Err(NameError::Format);
        }
        let tag = match tag {
            Some(tag) => Text::new(tag),
            None if digest.is_empty() => "latest".into(),
            None => Text::default(),
        };
        Ok(Self { repository: Text::from(format!("{domain}/{remainder}")), tag, digest })
    }

    /// The last part of the repository: `nginx`.
    pub fn short(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    /// `docker.io/library/nginx@sha256:…` for this digest.
    pub fn with_digest(&self, digest: &str) -> Text {
        Text::from(format!("{}@{digest}", self.repository))
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if !self.tag.is_empty() {
            write!(f, ":{}", self.tag)?;
        }
        if !self.digest.is_empty() {
            write!(f, "@{}", self.digest)?;
        }
        Ok(())
    }
}

/// A part of an image; images with the same base, and tags of one repository, share layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// `sha256:…`
    pub digest: Text,
    /// Compressed size in bytes.
    pub size_bytes: u64,
}

/// What a registry knows of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// `sha256:…`
    pub digest: Text,
    /// Its layers, the base first.
    pub layers: Vec<Layer>,
}

impl Manifest {
    /// Compressed size in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.size_bytes).sum()
    }
}

/// Sizes in bytes of images that lectures use, as containerd 2.x reports them.
const KNOWN_SIZES: &[(&str, u64)] = &[
    ("docker.io/library/nginx", 62_939_286),
    ("docker.io/library/busybox", 2_223_685),
    ("docker.io/library/alpine", 3_797_344),
    ("docker.io/library/hello-world", 10_072),
    ("docker.io/library/ubuntu", 29_723_146),
    ("docker.io/library/debian", 48_490_172),
    ("docker.io/library/httpd", 45_162_116),
    ("docker.io/library/redis", 43_950_402),
    ("docker.io/library/postgres", 161_207_353),
    ("docker.io/library/mysql", 250_410_230),
    ("docker.io/library/mongo", 313_281_507),
    ("docker.io/library/python", 412_690_124),
    ("docker.io/library/node", 402_571_889),
    ("docker.io/dockersamples/examplevotingapp_vote", 50_103_771),
    ("docker.io/dockersamples/examplevotingapp_result", 84_771_502),
    ("docker.io/dockersamples/examplevotingapp_worker", 77_106_338),
    ("registry.k8s.io/pause", 320_448),
    ("registry.k8s.io/etcd", 23_641_797),
    ("registry.k8s.io/kube-apiserver", 27_686_536),
    ("registry.k8s.io/kube-controller-manager", 23_120_811),
    ("registry.k8s.io/kube-scheduler", 17_382_272),
    ("registry.k8s.io/kube-proxy", 25_200_000),
    ("registry.k8s.io/coredns/coredns", 25_500_000),
    ("registry.k8s.io/coredns", 14_126_115),
    ("docker.io/kindest/kindnetd", 29_700_000),
    ("docker.io/kindest/local-path-provisioner", 22_541_737),
    ("docker.io/rancher/local-path-provisioner", 13_367_922),
    ("docker.io/kindest/local-path-helper", 3_108_411),
];

/// 64 hexadecimal digits that belong to `text`.
pub fn digest_of(text: &str) -> Text {
    let mut state = fnv1a(text);
    let mut digest = String::from("sha256:");
    for _ in 0..4 {
        // splitmix64 spreads the hash over all digits.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        push_hex(&mut digest, word ^ (word >> 31), 16);
    }
    Text::from(digest)
}

/// What is in the image of this name, if there is one ([`super::hub`]).
pub fn manifest(name: &ImageName) -> Manifest {
    let full = name.to_string();
    let repository = name.repository.replace("k8s.gcr.io/", "registry.k8s.io/");
    let known = KNOWN_SIZES.iter().find(|(known, _)| *known == repository).map(|(_, size)| *size);
    let mut size = known.unwrap_or_else(|| 12_000_000 + fnv1a(&repository) % 140_000_000);
    let small = name.tag.contains("alpine");
    if small && known.is_some_and(|size| size > 20_000_000) {
        size = size * 2 / 5;
    }
    let digest = if name.digest.is_empty() { digest_of(&full) } else { name.digest.clone() };
    let mut layers = Vec::new();
    let (base, base_size) = if small { ("alpine", 3_797_344) } else { ("debian", 28_228_000) };
    let mut rest = size;
    if size > base_size + 1_000_000 {
        layers.push(Layer { digest: digest_of(base), size_bytes: base_size });
        rest -= base_size;
    }
    if rest > 5_000_000 {
        let shared = rest * 3 / 5;
        layers.push(Layer { digest: digest_of(&format!("{repository}/{base}")), size_bytes: shared });
        rest -= shared;
    }
    layers.push(Layer { digest: digest_of(&format!("{full}/top")), size_bytes: rest });
    Manifest { digest, layers }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &str) {
        let parsed = ImageName::parse(name).map_or_else(|error| error.to_string(), |name| name.to_string());
        assert_eq!(parsed, expected);
    }

    #[test]
    fn names_are_read_as_docker_reads_them() {
        check("nginx", "docker.io/library/nginx:latest");
        check("nginx:1.27", "docker.io/library/nginx:1.27");
        check("dockersamples/vote", "docker.io/dockersamples/vote:latest");
        check("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10");
        check("localhost:5000/a/b", "localhost:5000/a/b:latest");
        check("a@sha256:00", "docker.io/library/a@sha256:00");
        check("Nginx", "invalid reference format: repository name (library/Nginx) must be lowercase");
        check("nginx:", "invalid reference format");
        check("", "invalid reference format");
        check("a b", "invalid reference format");
    }

    #[test]
    fn tags_share_layers_and_sizes_add_up() {
        let of = |name: &str| manifest(&ImageName::parse(name).unwrap());
        let (old, new) = (of("nginx:1.27"), of("nginx:1.28"));
        assert_eq!(old.size_bytes(), 62_939_286);
        assert_ne!(old.digest, new.digest);
        assert_eq!(old.layers[..2], new.layers[..2]);
        assert_ne!(old.layers[2], new.layers[2]);
        assert_eq!(of("busybox").layers.len(), 1);
        assert_eq!(digest_of("a").len(), 71);
    }
}
