//! How pods are shown: in which boxes, and what colours mean.

use super::model::{HUES, PodPhase};

/// What the boxes of pods are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// Nodes, in the order of their numbers.
    #[default]
    Node,
    /// Nodes, zone by zone (`topology.kubernetes.io/zone`).
    Zone,
    /// ReplicaSets and other controllers, under the name of what they belong to.
    Owner,
    /// Namespaces.
    Namespace,
}

impl Grouping {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 4] = [Self::Node, Self::Owner, Self::Namespace, Self::Zone];

    /// The name in URLs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Zone => "zone",
            Self::Owner => "owner",
            Self::Namespace => "namespace",
        }
    }

    /// Reads [`Grouping::key`].
    pub fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grouping| grouping.key() == key)
    }
}

/// What colours mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colouring {
    /// How far pods have come.
    #[default]
    State,
    /// Requested against allocatable cpu.
    Cpu,
    /// Requested against allocatable memory.
    Memory,
    /// What pods belong to.
    Owner,
    /// Where nodes are.
    Zone,
}

impl Colouring {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 5] = [Self::State, Self::Cpu, Self::Memory, Self::Owner, Self::Zone];

    /// The name in URLs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Owner => "owner",
            Self::Zone => "zone",
        }
    }

    /// Reads [`Colouring::key`].
    pub fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|colouring| colouring.key() == key)
    }
}

/// How pods are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// What the boxes are.
    pub grouping: Grouping,
    /// What colours mean; where nodes are few and stand by themselves, a hue always means the owner.
    pub colouring: Colouring,
    /// Whether pods of the cluster itself are left out.
    pub hide_system: bool,
    /// Whether it is a slide: the fewest words, as large as they fit.
    pub slide: bool,
}

/// What a surface is filled with; its name is a CSS class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Of an owner or a zone.
    Hue(u8),
    /// Of a phase.
    State(PodPhase),
    /// Of the cluster's own.
    System,
    /// How much of something, from 0 to 4.
    Heat(u8),
}

impl Family {
    /// The CSS class.
    pub fn class(self) -> String {
        match self {
            Self::Hue(hue) => format!("hue-{}", hue % HUES),
            Self::State(phase) => format!("state-{}", phase.class()),
            Self::System => "system".into(),
            Self::Heat(step) => format!("heat-{step}"),
        }
    }
}
