//! A decision as data for other programs.

use std::collections::BTreeMap;

use super::decision::{Decision, Reasons, Rejected};
use super::framework::Nomination;
use crate::value;
use crate::value::{Map, Text, Value};

impl Decision {
    /// `{message, chosen, acceptable, nominated, victims, nodes: [{name, rejected_by, reason, scores: {plugin: weighted}, total}]}`:
    /// every node in the scheduler's order; fields that do not apply are null or empty. Victims in the pod's own namespace go by
    /// their name, others by `namespace/name`.
    pub fn to_value(&self) -> Value {
        let chosen = self.preemption.as_ref().and_then(|preemption| preemption.chosen.as_ref());
        let victims: Vec<Text> =
            chosen.iter().flat_map(|chosen| chosen.victims.iter()).map(|victim| self.name_of(&victim.key)).collect();
        let nominated = match &self.nomination {
            Nomination::Set(node) if !node.is_empty() => Value::from(node),
            _ => Value::Null,
        };
        let mut rejected: Vec<Option<&Rejected>> = vec![None; self.names.len()];
        for group in &self.rejected {
            for at in &group.nodes {
                rejected[*at as usize] = Some(group);
            }
        }
        let feasible: BTreeMap<&str, usize> = self.feasible.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let nodes: Vec<Value> = self
            .names
            .iter()
            .zip(rejected)
            .map(|(name, group)| self.node(name, feasible.get(name.as_str()).copied(), group))
            .collect();
        value!({
            "pod": &self.pod, "message": &self.message, "chosen": self.chosen(),
            "acceptable": self.acceptable().into_iter().cloned().collect::<Vec<Text>>(),
            "nominated": nominated, "victims": victims, "nodes": nodes,
        })
    }

    /// A pod's name, with its namespace when that is another than this pod's.
    fn name_of(&self, key: &Text) -> Text {
        let namespace = |key: &Text| key.split('/').next().unwrap_or_default().to_string();
        if namespace(key) == namespace(&self.pod) {
            key.rsplit('/').next().unwrap_or_default().to_string().into()
        } else {
            key.clone()
        }
    }

    fn node(&self, name: &Text, feasible: Option<usize>, rejected: Option<&Rejected>) -> Value {
        let mut scores = Map::new();
        let mut total = Value::Null;
        if let Some(at) = feasible {
            total = self.totals.get(at).copied().into();
            for (plugin, score) in self.weighted(at) {
                scores.insert(plugin, score);
            }
        }
        let (rejected_by, reason) = match rejected {
            Some(group) => (Value::from(group.plugin), Value::from(group.reasons.join())),
            None if feasible.is_some() => (Value::Null, Value::Null),
            None => self.rejected_unseen(),
        };
        value!({"name": name, "rejected_by": rejected_by, "reason": reason, "scores": Value::from(scores), "total": total})
    }

    /// What is said about nodes that were not looked at: PreFilter spoke for all or for most, or enough others were found.
    fn rejected_unseen(&self) -> (Value, Value) {
        if let Some((plugin, message)) = &self.pre_filter {
            return ((*plugin).into(), message.into());
        }
        match &self.excluded {
            Some((plugins, _, reason)) => (plugins.join(" ").into(), reason.into()),
            None => (Value::Null, Value::Null),
        }
    }
}

impl std::fmt::Display for Reasons {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.join())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::{PodInfo, Profile, Snapshot, schedule_once};

    #[test]
    fn every_node_is_accounted_for() {
        let mut snapshot = Snapshot::new();
        for (name, cpu) in [("n1", "4"), ("n2", "1"), ("n3", "4")] {
            let allocatable = value!({"cpu": cpu, "memory": "8Gi", "pods": "110"});
            snapshot.set_node(&value!({"metadata": {"name": name}, "status": {"allocatable": allocatable}}));
        }
        let pod = value!({"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [{"resources": {"requests": {"cpu": "2"}}}]}});
        let report = schedule_once(&snapshot, &PodInfo::new(&pod), &Profile::default(), 1).to_value();
        assert_eq!(report["acceptable"].to_json(), r#"["n1","n3"]"#);
        assert_eq!(report["nodes"][1]["rejected_by"].str(), "NodeResourcesFit");
        assert_eq!(report["nodes"][1]["reason"].str(), "Insufficient cpu");
        assert_eq!(report["nodes"][0]["total"], report["nodes"][2]["total"]);
        let sum: i64 = report["nodes"][0]["scores"].entries().iter().map(|(_, score)| score.int()).sum();
        assert_eq!(report["nodes"][0]["total"].int(), sum);
        assert!(report["nominated"].is_null());
    }
}
