//! What pods ask of nodes and of each other, parsed once: selectors, tolerations, affinity terms, spread constraints.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::api::selector::{LabelSelector, Operator, Requirement};
use crate::value::{Text, Value};

/// The label that names a node's host, the usual topology of one node.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
/// The label that names a node's zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";
/// The label that names a node's region.
pub const REGION: &str = "topology.kubernetes.io/region";

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// They are not placed there.
    NoSchedule,
    /// They are rather placed elsewhere.
    PreferNoSchedule,
    /// They are not placed there, and evicted.
    NoExecute,
}

impl Effect {
    fn of(text: &str) -> Option<Self> {
        match text {
            "NoSchedule" => Some(Self::NoSchedule),
            "PreferNoSchedule" => Some(Self::PreferNoSchedule),
            "NoExecute" => Some(Self::NoExecute),
            _ => None,
        }
    }

    /// Whether it keeps pods away for good.
    pub fn forbids(self) -> bool {
        self != Self::PreferNoSchedule
    }
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: Text,
    /// Its value.
    pub value: Text,
    /// What it does.
    pub effect: Effect,
}

impl Taint {
    /// Reads `spec.taints`.
    pub fn list(taints: &Value) -> Vec<Self> {
        let read = |taint: &Value| {
            Some(Self { key: taint["key"].text(), value: taint["value"].text(), effect: Effect::of(taint["effect"].str())? })
        };
        taints.items().iter().filter_map(read).collect()
    }
}

/// A toleration of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    key: Text,
    value: Text,
    exists: bool,
    /// `None` tolerates every effect.
    pub effect: Option<Effect>,
}

impl Toleration {
    /// Reads `spec.tolerations`.
    pub fn list(tolerations: &Value) -> Vec<Self> {
        let read = |toleration: &Value| Self {
            key: toleration["key"].text(),
            value: toleration["value"].text(),
            exists: toleration["operator"].str() == "Exists",
            effect: Effect::of(toleration["effect"].str()),
        };
        tolerations.items().iter().map(read).collect()
    }

    /// Whether it tolerates a taint (v1.Toleration.ToleratesTaint).
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.effect.is_none_or(|effect| effect == taint.effect)
            && (self.key.is_empty() || self.key == taint.key)
            && (self.exists || self.value == taint.value)
    }
}

/// One of the terms of a node selector, of which one must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSelectorTerm {
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
}

impl NodeSelectorTerm {
    /// Reads a `NodeSelectorTerm`.
    pub fn of(term: &Value) -> Self {
        Self { labels: requirements(&term["matchExpressions"]), fields: requirements(&term["matchFields"]) }
    }

    /// Whether the term asks for nothing; such a term matches no node.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether a node satisfies the term. `metadata.name` is the only field.
    pub fn matches(&self, name: &Text, labels: &Value) -> bool {
        let field = |requirement: &Requirement| {
            let listed = requirement.values.contains(name);
            requirement.key == "metadata.name" && (requirement.operator == Operator::In) == listed
        };
        !self.is_empty() && self.labels.iter().all(|requirement| requirement.matches(labels)) && self.fields.iter().all(field)
    }

    /// The names of nodes that the term allows, if it names some.
    pub fn node_names(&self) -> Option<BTreeSet<Text>> {
        let named = |requirement: &&Requirement| requirement.key == "metadata.name" && requirement.operator == Operator::In;
        let sets = self.fields.iter().filter(named).map(|requirement| requirement.values.iter().cloned().collect());
        sets.reduce(|all: BTreeSet<Text>, set| all.intersection(&set).cloned().collect())
    }
}

fn requirements(expressions: &Value) -> Vec<Requirement> {
    let read = |expression: &Value| {
        let operator = match expression["operator"].str() {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            "Gt" => Operator::GreaterThan,
            "Lt" => Operator::LessThan,
            // Validation refuses others; one that asks for a value that no label has matches nothing.
            _ => return Requirement { key: expression["key"].text(), operator: Operator::In, values: Vec::new() },
        };
        let values = expression["values"].items().iter().map(Value::text).collect();
        Requirement { key: expression["key"].text(), operator, values }
    };
    expressions.items().iter().map(read).collect()
}

/// What a pod requires of its node: `spec.nodeSelector` and the required node affinity (nodeaffinity.RequiredNodeAffinity).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequiredNodeAffinity {
    selector: Option<LabelSelector>,
    terms: Option<Vec<NodeSelectorTerm>>,
}

impl RequiredNodeAffinity {
    /// Reads a pod's spec.
    pub fn of(spec: &Value) -> Self {
        let required = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        Self {
            selector: (!spec["nodeSelector"].is_empty()).then(|| LabelSelector::of_labels(&spec["nodeSelector"])),
            terms: (!required.is_null())
                .then(|| required["nodeSelectorTerms"].items().iter().map(NodeSelectorTerm::of).collect()),
        }
    }

    /// Reads a PersistentVolume's `spec.nodeAffinity`.
    pub fn of_volume(affinity: &Value) -> Self {
        let required = &affinity["required"];
        let terms = || required["nodeSelectorTerms"].items().iter().map(NodeSelectorTerm::of).collect();
        Self { selector: None, terms: (!required.is_null()).then(terms) }
    }

    /// Whether nothing is required.
    pub fn is_empty(&self) -> bool {
        self.selector.is_none() && self.terms.is_none()
    }

    /// Whether a node has what is required.
    pub fn matches(&self, name: &Text, labels: &Value) -> bool {
        self.selector.as_ref().is_none_or(|selector| selector.matches(labels))
            && self.terms.as_ref().is_none_or(|terms| terms.iter().any(|term| term.matches(name, labels)))
    }

    /// The nodes that the affinity names, if each of its terms names some.
    pub fn node_names(&self) -> Option<BTreeSet<Text>> {
        let mut all = BTreeSet::new();
        for term in self.terms.as_ref().filter(|terms| !terms.is_empty())? {
            all.extend(term.node_names()?);
        }
        Some(all)
    }
}

/// A term of pod affinity or anti-affinity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffinityTerm {
    namespaces: Vec<Text>,
    namespace_selector: LabelSelector,
    selector: LabelSelector,
    /// The node label whose values are the places that "together" and "apart" are about.
    pub topology_key: Text,
}

impl AffinityTerm {
    fn of(term: &Value, namespace: &Text, labels: &Value) -> Self {
        let mut namespaces: Vec<Text> = term["namespaces"].items().iter().map(Value::text).collect();
        if namespaces.is_empty() && term["namespaceSelector"].is_null() {
            namespaces.push(namespace.clone());
        }
        let mut extra = Vec::new();
        for (keys, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
            extra.extend(label_key_expressions(&term[keys], labels, operator));
        }
        Self {
            namespaces,
            namespace_selector: LabelSelector::of(&term["namespaceSelector"]),
            selector: LabelSelector::of(&with_expressions(&term["labelSelector"], extra)),
            topology_key: term["topologyKey"].text(),
        }
    }

    /// Whether a pod of a namespace (with these labels of its own) is one of those that the term is about.
    pub fn matches(&self, namespace: &Text, namespace_labels: &Value, labels: &Value) -> bool {
        (self.namespaces.contains(namespace) || self.namespace_selector.matches(namespace_labels))
            && self.selector.matches(labels)
    }
}

/// Pod affinity terms: what a pod asks of the pods around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodAffinity {
    /// Places with such pods only.
    pub required: Vec<AffinityTerm>,
    /// No places with such pods.
    pub required_anti: Vec<AffinityTerm>,
    /// Rather places with such pods, by weight.
    pub preferred: Vec<(i64, AffinityTerm)>,
    /// Rather no places with such pods, by weight.
    pub preferred_anti: Vec<(i64, AffinityTerm)>,
}

impl PodAffinity {
    /// Reads a pod's `spec.affinity`; `None` when it says nothing about pods.
    pub fn of(affinity: &Value, namespace: &Text, labels: &Value) -> Option<Rc<Self>> {
        let (with, without) = (&affinity["podAffinity"], &affinity["podAntiAffinity"]);
        if with.is_null() && without.is_null() {
            return None;
        }
        let required = |side: &Value| {
            let terms = side["requiredDuringSchedulingIgnoredDuringExecution"].items();
            terms.iter().map(|term| AffinityTerm::of(term, namespace, labels)).collect()
        };
        let preferred = |side: &Value| {
            let read = |term: &Value| (term["weight"].int(), AffinityTerm::of(&term["podAffinityTerm"], namespace, labels));
            side["preferredDuringSchedulingIgnoredDuringExecution"].items().iter().map(read).collect()
        };
        Some(Rc::new(Self {
            required: required(with),
            required_anti: required(without),
            preferred: preferred(with),
            preferred_anti: preferred(without),
        }))
    }
}

/// A topology spread constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpreadConstraint {
    /// How unequal the places may be.
    pub max_skew: i64,
    /// The node label whose values are the places.
    pub topology_key: Text,
    /// Whether nodes that break it are rejected (`DoNotSchedule`) or only scored lower (`ScheduleAnyway`).
    pub hard: bool,
    /// The pods that are counted.
    pub selector: LabelSelector,
    /// With fewer places than this the emptiest counts as empty.
    pub min_domains: i64,
    /// Whether nodes that the pod's node affinity excludes are left out of the count.
    pub honor_affinity: bool,
    /// Whether nodes with taints that the pod does not tolerate are left out of the count.
    pub honor_taints: bool,
}

impl SpreadConstraint {
    /// Reads `spec.topologySpreadConstraints` of a pod with these labels.
    pub fn list(constraints: &Value, labels: &Value) -> Vec<Self> {
        let read = |constraint: &Value| {
            let extra = label_key_expressions(&constraint["matchLabelKeys"], labels, "In");
            Self {
                max_skew: constraint["maxSkew"].int(),
                topology_key: constraint["topologyKey"].text(),
                hard: constraint["whenUnsatisfiable"].str() == "DoNotSchedule",
                selector: LabelSelector::of(&with_expressions(&constraint["labelSelector"], extra)),
                min_domains: constraint["minDomains"].as_int().unwrap_or(1),
                honor_affinity: constraint["nodeAffinityPolicy"].str() != "Ignore",
                honor_taints: constraint["nodeTaintsPolicy"].str() == "Honor",
            }
        };
        constraints.items().iter().map(read).collect()
    }

    /// A soft constraint as the system defaults have them; it counts no pods yet.
    pub fn soft(topology_key: &'static str, max_skew: i64) -> Self {
        Self {
            max_skew,
            topology_key: topology_key.into(),
            hard: false,
            selector: LabelSelector::nothing(),
            min_domains: 1,
            honor_affinity: true,
            honor_taints: false,
        }
    }
}

/// Expressions for the values that the pod's own labels have under `keys`; labels that it lacks are left out.
fn label_key_expressions(keys: &Value, labels: &Value, operator: &'static str) -> Vec<Value> {
    let expression = |key: &Value| {
        let value = labels.get(key.str())?;
        Some(crate::value!({"key": key, "operator": operator, "values": [value]}))
    };
    keys.items().iter().filter_map(expression).collect()
}

fn with_expressions(selector: &Value, extra: Vec<Value>) -> Value {
    let mut selector = selector.clone();
    if !selector.is_null() {
        for expression in extra {
            selector["matchExpressions"].push(expression);
        }
    }
    selector
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn tolerations() {
        let taint = |effect| Taint { key: "dedicated".into(), value: "db".into(), effect };
        let tolerates = |toleration: Value, effect| Toleration::list(&value!([toleration]))[0].tolerates(&taint(effect));
        assert!(tolerates(value!({"operator": "Exists"}), Effect::NoExecute));
        assert!(tolerates(value!({"key": "dedicated", "value": "db", "effect": "NoSchedule"}), Effect::NoSchedule));
        assert!(!tolerates(value!({"key": "dedicated", "value": "db", "effect": "NoSchedule"}), Effect::NoExecute));
        assert!(!tolerates(value!({"key": "dedicated", "operator": "Equal", "value": "web"}), Effect::NoSchedule));
        assert!(!tolerates(value!({"key": "gpu", "operator": "Exists"}), Effect::NoSchedule));
    }

    #[test]
    fn node_affinity_terms_are_alternatives() {
        let spec = value!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}, {"key": "cores", "operator": "Gt", "values": ["8"]}]},
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n9"]}]},
            {},
        ]}}}});
        let required = RequiredNodeAffinity::of(&spec);
        let labels = |cores: &'static str| value!({"disk": "ssd", "cores": cores});
        assert!(required.matches(&"n1".into(), &labels("9")));
        assert!(!required.matches(&"n1".into(), &labels("8")));
        assert!(required.matches(&"n9".into(), &Value::Null));
        assert_eq!(required.node_names(), None);
    }

    #[test]
    fn affinity_terms_know_their_namespaces() {
        let labels = value!({"app": "web", "pod-template-hash": "1"});
        let affinity = value!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "zone", "matchLabelKeys": ["pod-template-hash"]},
            {"labelSelector": {}, "topologyKey": "zone", "namespaceSelector": {"matchLabels": {"team": "blue"}}},
        ]}});
        let affinity = PodAffinity::of(&affinity, &"default".into(), &labels).unwrap();
        let blue = value!({"team": "blue"});
        assert!(affinity.required[0].matches(&"default".into(), &Value::Null, &labels));
        assert!(!affinity.required[0].matches(&"other".into(), &blue, &labels));
        assert!(!affinity.required[0].matches(
            &"default".into(),
            &Value::Null,
            &value!({"app": "web", "pod-template-hash": "2"})
        ));
        assert!(affinity.required[1].matches(&"other".into(), &blue, &Value::Null));
        assert!(!affinity.required[1].matches(&"default".into(), &Value::Null, &Value::Null));
    }
}
