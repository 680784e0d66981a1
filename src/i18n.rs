//! All texts of the interface, one table a language. Kubernetes' own words stay English in all of them. A text that a
//! language lacks does not compile.

/// The texts of a language.
#[derive(Debug, PartialEq)]
pub struct Texts {
    /// Title of the frame.
    pub cluster: &'static str,
    /// A node, in front of its name.
    pub node: &'static str,
    /// A machine that is switched off.
    pub powered_off: &'static str,
    /// A machine without a Node object.
    pub not_registered: &'static str,
    /// Under `kubectl`.
    pub you: &'static str,
    /// The image registry.
    pub registry: &'static str,
    /// Title of the tray of pods that wait for a node.
    pub without_node: &'static str,
    /// A number of pods: (one, many).
    pub pods: (&'static str, &'static str),
}

impl Texts {
    /// `3 pods`
    pub fn pods_count(&self, count: usize) -> String {
        format!("{count} {}", if count == 1 { self.pods.0 } else { self.pods.1 })
    }
}

/// English.
pub static EN: Texts = Texts {
    cluster: "Cluster",
    node: "node",
    powered_off: "switched off",
    not_registered: "not registered",
    you: "you",
    registry: "registry",
    without_node: "waiting for a node",
    pods: ("pod", "pods"),
};

/// The table of a language, by its code.
pub fn texts(lang: &str) -> Option<&'static Texts> {
    match lang {
        "en" => Some(&EN),
        _ => None,
    }
}
