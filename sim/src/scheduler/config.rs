//! KubeSchedulerConfiguration: profiles as a file describes them (`k8s.io/kube-scheduler/config/v1`).

use std::collections::BTreeSet;
use std::rc::Rc;

use super::arith::MAX_NODE_SCORE;
use super::framework::{Enabled, Plugin, Point};
use super::plugins::{
    DefaultPreemption, InterPodAffinity, NodeAffinity, NodeResourcesBalancedAllocation, NodeResourcesFit, PodTopologySpread,
    ScoringStrategy,
};
use super::profile::Profile;
use super::terms::{NodeSelectorTerm, RequiredNodeAffinity, SpreadConstraint};
use crate::value::{Text, Value};

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is something else.
    #[error(
        "no kind \"{kind}\" is registered for version \"{version}\" in scheme \"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme/scheme.go:30\""
    )]
    Kind {
        /// Its kind.
        kind: String,
        /// Its apiVersion.
        version: String,
    },
    /// There is no such plugin.
    #[error("initializing profiles: creating profile for scheduler name {profile}: plugin {plugin:?} does not exist")]
    Plugin {
        /// The profile that wants it.
        profile: Text,
        /// Its name.
        plugin: String,
    },
    /// A field has a value that it cannot have.
    #[error("{field}: {why}")]
    Field {
        /// Its path.
        field: String,
        /// In Kubernetes' words.
        why: String,
    },
}

fn field(field: impl Into<String>, why: impl Into<String>) -> ConfigError {
    ConfigError::Field { field: field.into(), why: why.into() }
}

/// The highest score in the shape of RequestedToCapacityRatio (config.MaxCustomPriorityScore).
const MAX_SHAPE_SCORE: i64 = 10;

impl Profile {
    /// Reads a configuration; null is the default one.
    pub fn list(config: &Value) -> Result<Vec<Self>, ConfigError> {
        if config.is_null() {
            return Ok(vec![Self::default()]);
        }
        let (kind, version) = (config.kind(), config["apiVersion"].str());
        if kind != "KubeSchedulerConfiguration" || version != "kubescheduler.config.k8s.io/v1" {
            return Err(ConfigError::Kind { kind: kind.into(), version: version.into() });
        }
        let percentage = percentage(&config["percentageOfNodesToScore"], "percentageOfNodesToScore")?;
        if config["profiles"].is_empty() {
            return Ok(vec![Self { percentage_of_nodes_to_score: percentage, ..Self::default() }]);
        }
        let mut profiles: Vec<Self> = Vec::new();
        for (at, written) in config["profiles"].items().iter().enumerate() {
            let profile = Self::of(written, &format!("profiles[{at}]"), percentage)?;
            if profiles.iter().any(|have| have.scheduler_name == profile.scheduler_name) {
                let name = profile.scheduler_name.as_str();
                return Err(field(format!("profiles[{at}].schedulerName"), format!("Duplicate value: {name:?}")));
            }
            profiles.push(profile);
        }
        Ok(profiles)
    }

    fn of(written: &Value, path: &str, percentage_of_nodes: usize) -> Result<Self, ConfigError> {
        let mut profile = Self { percentage_of_nodes_to_score: percentage_of_nodes, ..Self::default() };
        if let Some(name) = written.get("schedulerName") {
            profile.scheduler_name = name.text();
        }
        if let Some(own) = written.get("percentageOfNodesToScore") {
            profile.percentage_of_nodes_to_score = percentage(own, &format!("{path}.percentageOfNodesToScore"))?;
        }
        profile.switch(&written["plugins"]["multiPoint"], &Point::ALL.map(|(_, point)| point))?;
        for (name, point) in Point::ALL {
            // PreFilter and PreScore only prepare what Filter and Score do.
            profile.switch(&written["plugins"][name], &[point])?;
        }
        for (at, config) in written["pluginConfig"].items().iter().enumerate() {
            let name = config["name"].str();
            let path = format!("{path}.pluginConfig[{at}].args");
            let configured = configured(name, &config["args"], &path)?;
            let Some(enabled) = profile.plugins.iter_mut().find(|enabled| enabled.plugin.name() == name) else {
                return Err(ConfigError::Plugin { profile: profile.scheduler_name, plugin: name.into() });
            };
            if let Some(plugin) = configured {
                enabled.plugin = plugin;
            }
        }
        Ok(profile)
    }

    /// Switches plugins off and on at some points, and sets weights.
    fn switch(&mut self, set: &Value, points: &[Point]) -> Result<(), ConfigError> {
        for disabled in set["disabled"].items() {
            let name = disabled["name"].str();
            for enabled in self.plugins.iter_mut().filter(|enabled| name == "*" || enabled.plugin.name() == name) {
                enabled.off.extend(points);
            }
        }
        for wanted in set["enabled"].items() {
            let name = wanted["name"].str();
            let Some(enabled) = self.plugins.iter_mut().find(|enabled| enabled.plugin.name() == name) else {
                return Err(ConfigError::Plugin { profile: self.scheduler_name.clone(), plugin: name.into() });
            };
            enabled.off = enabled.off.difference(&points.iter().copied().collect::<BTreeSet<_>>()).copied().collect();
            if points.contains(&Point::Score)
                && let Some(weight) = wanted["weight"].as_int().filter(|weight| *weight != 0)
            {
                enabled.weight = weight;
            }
        }
        Ok(())
    }
}

fn percentage(value: &Value, path: &str) -> Result<usize, ConfigError> {
    match value.int() {
        percentage @ 0..=100 => Ok(percentage as usize),
        other => Err(field(path, format!("Invalid value: {other}: not in valid range [0-100]"))),
    }
}

/// A plugin with its arguments; `None` for plugins whose arguments say nothing to this scheduler.
fn configured(name: &str, args: &Value, path: &str) -> Result<Option<Rc<dyn Plugin>>, ConfigError> {
    let resources = |list: &Value| -> Vec<(Text, i64)> {
        let read = |item: &Value| (item["name"].text(), item["weight"].as_int().filter(|weight| *weight != 0).unwrap_or(1));
        list.items().iter().map(read).collect()
    };
    let number = |value: &Value, default: usize| value.as_int().map_or(default, |number| number.max(0) as usize);
    Ok(Some(match name {
        "NodeResourcesFit" => {
            let mut plugin = NodeResourcesFit::default();
            let strategy = &args["scoringStrategy"];
            plugin.strategy = match strategy["type"].str() {
                "" | "LeastAllocated" => ScoringStrategy::LeastAllocated,
                "MostAllocated" => ScoringStrategy::MostAllocated,
                "RequestedToCapacityRatio" => {
                    let shape = &strategy["requestedToCapacityRatio"]["shape"];
                    ScoringStrategy::RequestedToCapacityRatio(line(shape, &format!("{path}.scoringStrategy"))?)
                }
                other => {
                    let supported = "\"LeastAllocated\", \"MostAllocated\", \"RequestedToCapacityRatio\"";
                    let why = format!("Unsupported value: {other:?}: supported values: {supported}");
                    return Err(field(format!("{path}.scoringStrategy.type"), why));
                }
            };
            if !strategy["resources"].is_empty() {
                plugin.resources = resources(&strategy["resources"]);
            }
            Rc::new(plugin)
        }
        "NodeResourcesBalancedAllocation" => {
            let mut plugin = NodeResourcesBalancedAllocation::default();
            if !args["resources"].is_empty() {
                plugin.resources = resources(&args["resources"]).into_iter().map(|(name, _)| name).collect();
            }
            Rc::new(plugin)
        }
        "InterPodAffinity" => {
            let weight = args["hardPodAffinityWeight"].as_int().unwrap_or(1);
            if !(0..=100).contains(&weight) {
                let why = format!("Invalid value: {weight}: not in valid range [0-100]");
                return Err(field(format!("{path}.hardPodAffinityWeight"), why));
            }
            Rc::new(InterPodAffinity { hard_pod_affinity_weight: weight })
        }
        "PodTopologySpread" => {
            let defaults = &args["defaultConstraints"];
            match args["defaultingType"].str() {
                "List" => Rc::new(PodTopologySpread {
                    defaults: SpreadConstraint::list(defaults, &Value::Null),
                    system_defaults: false,
                }),
                _ if !defaults.is_empty() => {
                    return Err(field(format!("{path}.defaultConstraints"), "Invalid value: when .defaultingType is System"));
                }
                _ => Rc::new(PodTopologySpread::default()),
            }
        }
        "DefaultPreemption" => {
            let default = DefaultPreemption::default();
            Rc::new(DefaultPreemption {
                min_candidate_nodes_percentage: number(
                    &args["minCandidateNodesPercentage"],
                    default.min_candidate_nodes_percentage,
                ),
                min_candidate_nodes_absolute: number(&args["minCandidateNodesAbsolute"], default.min_candidate_nodes_absolute),
            })
        }
        "NodeAffinity" => {
            let added = &args["addedAffinity"];
            let term = |item: &Value| (item["weight"].int(), NodeSelectorTerm::of(&item["preference"]));
            Rc::new(NodeAffinity {
                added_required: RequiredNodeAffinity::of(&crate::value!({"affinity": {"nodeAffinity": added}})),
                added_preferred: added["preferredDuringSchedulingIgnoredDuringExecution"].items().iter().map(term).collect(),
            })
        }
        _ => return Ok(None),
    }))
}

/// The line of RequestedToCapacityRatio: utilization must grow, scores are from 0 to 10.
fn line(shape: &Value, path: &str) -> Result<Vec<(i64, i64)>, ConfigError> {
    let path = |at: usize, name: &str| format!("{path}.requestedToCapacityRatio.shape[{at}].{name}");
    let mut points: Vec<(i64, i64)> = Vec::new();
    for (at, point) in shape.items().iter().enumerate() {
        let (utilization, score) = (point["utilization"].int(), point["score"].int());
        if !(0..=100).contains(&utilization) {
            return Err(field(path(at, "utilization"), format!("Invalid value: {utilization}: not in valid range [0-100]")));
        }
        if points.last().is_some_and(|(before, _)| *before >= utilization) {
            let why = format!("Invalid value: {utilization}: utilization values must be sorted in increasing order");
            return Err(field(path(at, "utilization"), why));
        }
        if !(0..=MAX_SHAPE_SCORE).contains(&score) {
            return Err(field(path(at, "score"), format!("Invalid value: {score}: not in valid range [0-10]")));
        }
        points.push((utilization, score * (MAX_NODE_SCORE / MAX_SHAPE_SCORE)));
    }
    if points.is_empty() {
        return Err(field(path(0, "utilization"), "Required value: at least one point must be specified"));
    }
    Ok(points)
}

impl Enabled {
    /// Whether the plugin is on anywhere.
    pub fn is_on(&self) -> bool {
        Point::ALL.iter().any(|(_, point)| !self.off.contains(point))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn config(profiles: Value) -> Result<Vec<Profile>, ConfigError> {
        Profile::list(&value!({
            "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
            "percentageOfNodesToScore": 20, "profiles": profiles,
        }))
    }

    #[test]
    fn weights_and_switches() {
        let profiles = config(value!([
            {"schedulerName": "only-fit", "plugins": {"score": {
                "disabled": [{"name": "*"}], "enabled": [{"name": "NodeResourcesFit", "weight": 5}],
            }}},
            {"schedulerName": "no-preemption", "percentageOfNodesToScore": 30, "plugins": {"multiPoint": {"disabled": [{"name": "DefaultPreemption"}]}}},
        ]))
        .unwrap();
        let scores: Vec<_> = profiles[0].pre_score().map(|((name, _), weight)| (name, weight)).collect();
        assert_eq!(scores, [("NodeResourcesFit", 5)]);
        assert_eq!(profiles[0].pre_filter().count(), Profile::default().pre_filter().count());
        assert_eq!((profiles[1].post_filter().count(), profiles[1].percentage_of_nodes_to_score), (1, 30));
        assert_eq!(profiles[0].percentage_of_nodes_to_score, 20);
    }

    #[test]
    fn strategies_and_arguments() {
        let strategy = |strategy: Value| {
            config(value!([{"pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": strategy}}]}]))
        };
        let fit = |profiles: Vec<Profile>| format!("{:?}", profiles[0].plugins[7].plugin);
        assert!(fit(strategy(value!({"type": "MostAllocated"})).unwrap()).contains("MostAllocated"));
        let shape = value!({"shape": [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]});
        let ratio = strategy(value!({"type": "RequestedToCapacityRatio", "requestedToCapacityRatio": shape})).unwrap();
        assert!(fit(ratio).contains("[(0, 0), (100, 100)]"));
        let error = strategy(value!({"type": "Cheapest"})).unwrap_err().to_string();
        assert!(
            error.starts_with("profiles[0].pluginConfig[0].args.scoringStrategy.type: Unsupported value: \"Cheapest\""),
            "{error}"
        );
    }

    #[test]
    fn errors() {
        let words = |result: Result<Vec<Profile>, ConfigError>| result.unwrap_err().to_string();
        assert_eq!(
            words(config(value!([{"plugins": {"score": {"enabled": [{"name": "Nope"}]}}}]))),
            "initializing profiles: creating profile for scheduler name default-scheduler: plugin \"Nope\" does not exist"
        );
        assert_eq!(words(config(value!([{}, {}]))), "profiles[1].schedulerName: Duplicate value: \"default-scheduler\"");
        assert!(words(Profile::list(&value!({"kind": "Pod", "apiVersion": "v1"}))).starts_with("no kind \"Pod\" is registered"));
        assert_eq!(
            words(config(value!([{"percentageOfNodesToScore": 101}]))),
            "profiles[0].percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]"
        );
    }
}
