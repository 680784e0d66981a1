//! The arguments of plugins in a KubeSchedulerConfiguration: their types, defaults and checks
//! (`apis/config/{types_pluginargs.go,v1/defaults.go,validation/validation_pluginargs.go}`).

use std::rc::Rc;

use super::arith::MAX_NODE_SCORE;
use super::config::{ConfigError, decode, field};
use super::framework::Plugin;
use super::plugins::{
    DefaultPreemption, InterPodAffinity, NodeAffinity, NodeResourcesBalancedAllocation, NodeResourcesFit, PodTopologySpread,
    ScoringStrategy, VolumeBinding,
};
use super::terms::{NodeSelectorTerm, RequiredNodeAffinity, SpreadConstraint};
use crate::core::Duration;
use crate::value::{Text, Value};

/// The highest score in the shape of RequestedToCapacityRatio (config.MaxCustomPriorityScore).
const MAX_SHAPE_SCORE: i64 = 10;

type Configured = Result<Option<Rc<dyn Plugin>>, ConfigError>;

/// A plugin with its arguments; `None` for plugins that have none or whose arguments say nothing to this scheduler. `path` is that
/// of the entry of `pluginConfig`.
pub(super) fn configured(name: &str, args: &Value, path: &str) -> Configured {
    const WITH_ARGS: [&str; 8] = [
        "DefaultPreemption",
        "DynamicResources",
        "InterPodAffinity",
        "NodeAffinity",
        "NodeResourcesBalancedAllocation",
        "NodeResourcesFit",
        "PodTopologySpread",
        "VolumeBinding",
    ];
    if !WITH_ARGS.contains(&name) {
        return Ok(None);
    }
    let args = &if args.is_null() { Value::map() } else { args.clone() };
    let kind = format!("{name}Args");
    let own = args.kind();
    if !own.is_empty() && own != kind {
        return Err(field(format!("{path}.args"), format!("Invalid value: {own:?}: has to match plugin args")));
    }
    let prefix = format!("strict decoding error: decoding .{path}: decoding args for plugin {name}: ");
    let path = format!("{path}.args");
    decode(&kind, args, &path, &prefix)?;
    let plugin: Rc<dyn Plugin> = match name {
        "NodeResourcesFit" => Rc::new(fit(args, &path)?),
        "NodeResourcesBalancedAllocation" => Rc::new(balanced(args, &path)?),
        "InterPodAffinity" => {
            let weight = args["hardPodAffinityWeight"].as_int().unwrap_or(1);
            in_range(weight, 100, &format!("{path}.hardPodAffinityWeight"))?;
            let ignore = args["ignorePreferredTermsOfExistingPods"].is_true();
            Rc::new(InterPodAffinity { hard_pod_affinity_weight: weight, ignore_preferred_terms_of_existing_pods: ignore })
        }
        "PodTopologySpread" => Rc::new(spread(args, &path)?),
        "DefaultPreemption" => Rc::new(preemption(args, &path)?),
        "NodeAffinity" => {
            let added = &args["addedAffinity"];
            let term = |item: &Value| (item["weight"].int(), NodeSelectorTerm::of(&item["preference"]));
            Rc::new(NodeAffinity {
                added_required: RequiredNodeAffinity::of(&crate::value!({"affinity": {"nodeAffinity": added}})),
                added_preferred: added["preferredDuringSchedulingIgnoredDuringExecution"].items().iter().map(term).collect(),
            })
        }
        "VolumeBinding" => Rc::new(volume_binding(args, &path)?),
        _ => return Ok(None),
    };
    Ok(Some(plugin))
}

fn in_range(value: i64, most: i64, path: &str) -> Result<(), ConfigError> {
    if (0..=most).contains(&value) {
        return Ok(());
    }
    Err(field(path, format!("Invalid value: {value}: not in valid range [0, {most}]")))
}

fn unsupported(value: &str, supported: [&str; 2], more: &str) -> String {
    format!("Unsupported value: {value:?}: supported values: {:?}, {:?}{more}", supported[0], supported[1])
}

fn texts(list: &Value) -> Vec<Text> {
    list.items().iter().map(Value::text).collect()
}

/// The resources of a list with their weights, 1 where there is none.
fn resources(list: &Value) -> Vec<(Text, i64)> {
    let read = |item: &Value| (item["name"].text(), item["weight"].as_int().filter(|weight| *weight != 0).unwrap_or(1));
    list.items().iter().map(read).collect()
}

fn fit(args: &Value, path: &str) -> Result<NodeResourcesFit, ConfigError> {
    let groups = texts(&args["ignoredResourceGroups"]);
    if let Some(at) = groups.iter().position(|group| group.contains('/')) {
        let why = format!("Invalid value: {:?}: resource group name can't contain '/'", groups[at].as_str());
        return Err(field(format!("{path}.ignoredResourceGroups[{at}]"), why));
    }
    let strategy = &args["scoringStrategy"];
    let path = format!("{path}.scoringStrategy");
    let ratio = &strategy["requestedToCapacityRatio"];
    let kind = strategy["type"].str();
    let mut plugin = NodeResourcesFit {
        ignored_resources: texts(&args["ignoredResources"]),
        ignored_resource_groups: groups,
        ..NodeResourcesFit::default()
    };
    for (at, (name, weight)) in resources(&strategy["resources"]).into_iter().enumerate() {
        if !(1..=100).contains(&weight) {
            let why = format!("Invalid value: {weight}: resource weight of {name} not in valid range (0, 100]");
            return Err(field(format!("{path}.resources[{at}].weight"), why));
        }
        if at == 0 {
            plugin.resources.clear();
        }
        plugin.resources.push((name, weight));
    }
    plugin.strategy = match kind {
        "" | "LeastAllocated" => ScoringStrategy::LeastAllocated,
        "MostAllocated" => ScoringStrategy::MostAllocated,
        "RequestedToCapacityRatio" if ratio.is_null() => {
            let why = "Required value: must be specified when type is RequestedToCapacityRatio";
            return Err(field(format!("{path}.requestedToCapacityRatio"), why));
        }
        "RequestedToCapacityRatio" => {
            ScoringStrategy::RequestedToCapacityRatio(line(&ratio["shape"], &format!("{path}.requestedToCapacityRatio.shape"))?)
        }
        other => {
            let why = unsupported(other, ["LeastAllocated", "MostAllocated"], ", \"RequestedToCapacityRatio\"");
            return Err(field(format!("{path}.type"), why));
        }
    };
    if !ratio.is_null() && kind != "RequestedToCapacityRatio" {
        let why = "Forbidden: must be nil when type is not RequestedToCapacityRatio";
        return Err(field(format!("{path}.requestedToCapacityRatio"), why));
    }
    Ok(plugin)
}

fn balanced(args: &Value, path: &str) -> Result<NodeResourcesBalancedAllocation, ConfigError> {
    let mut plugin = NodeResourcesBalancedAllocation::default();
    for (at, (name, weight)) in resources(&args["resources"]).into_iter().enumerate() {
        let path = format!("{path}.resources[{at}]");
        if at == 0 {
            plugin.resources.clear();
        }
        if plugin.resources.contains(&name) {
            return Err(field(format!("{path}.name"), format!("Duplicate value: {:?}", name.as_str())));
        }
        if weight != 1 {
            return Err(field(format!("{path}.weight"), format!("Invalid value: {weight}: must be 1")));
        }
        plugin.resources.push(name);
    }
    Ok(plugin)
}

fn spread(args: &Value, path: &str) -> Result<PodTopologySpread, ConfigError> {
    let constraints = &args["defaultConstraints"];
    let defaulting = args["defaultingType"].as_str().filter(|kind| !kind.is_empty()).unwrap_or("System");
    let at_type = format!("{path}.defaultingType");
    match defaulting {
        "System" if constraints.is_empty() => return Ok(PodTopologySpread::default()),
        "System" => {
            return Err(field(at_type, "Invalid value: \"System\": when .defaultConstraints are not empty"));
        }
        "List" => {}
        other => return Err(field(at_type, unsupported(other, ["System", "List"], ""))),
    }
    for (at, constraint) in constraints.items().iter().enumerate() {
        let path = format!("{path}.defaultConstraints[{at}]");
        let (skew, key, action) =
            (constraint["maxSkew"].int(), constraint["topologyKey"].str(), constraint["whenUnsatisfiable"].str());
        if skew <= 0 {
            return Err(field(format!("{path}.maxSkew"), format!("Invalid value: {skew}: not in valid range (0, inf)")));
        }
        if key.is_empty() {
            return Err(field(format!("{path}.topologyKey"), "Required value: can not be empty"));
        }
        match action {
            "DoNotSchedule" | "ScheduleAnyway" => {}
            "" => return Err(field(format!("{path}.whenUnsatisfiable"), "Required value: can not be empty")),
            other => {
                let why = unsupported(other, ["DoNotSchedule", "ScheduleAnyway"], "");
                return Err(field(format!("{path}.whenUnsatisfiable"), why));
            }
        }
        if !constraint["labelSelector"].is_null() {
            let why = "Forbidden: constraint must not define a selector, as they deduced for each pod";
            return Err(field(format!("{path}.labelSelector"), why));
        }
        let same = |other: &Value| other["topologyKey"].str() == key && other["whenUnsatisfiable"].str() == action;
        if constraints.items()[..at].iter().any(same) {
            return Err(field(path, format!("Duplicate value: \"{{{key}, {action}}}\"")));
        }
    }
    Ok(PodTopologySpread { defaults: SpreadConstraint::list(constraints, &Value::Null), system_defaults: false })
}

fn preemption(args: &Value, path: &str) -> Result<DefaultPreemption, ConfigError> {
    let default = DefaultPreemption::default();
    let number = |name: &str, default: usize| args[name].as_int().unwrap_or(default as i64);
    let percentage = number("minCandidateNodesPercentage", default.min_candidate_nodes_percentage);
    let absolute = number("minCandidateNodesAbsolute", default.min_candidate_nodes_absolute);
    let percentage_path = format!("{path}.minCandidateNodesPercentage");
    in_range(percentage, 100, &percentage_path)?;
    if absolute < 0 {
        let why = format!("Invalid value: {absolute}: not in valid range [0, inf)");
        return Err(field(format!("{path}.minCandidateNodesAbsolute"), why));
    }
    if percentage == 0 && absolute == 0 {
        return Err(field(percentage_path, "Invalid value: 0: cannot be zero at the same time as minCandidateNodesAbsolute"));
    }
    Ok(DefaultPreemption { min_candidate_nodes_percentage: percentage as usize, min_candidate_nodes_absolute: absolute as usize })
}

fn volume_binding(args: &Value, path: &str) -> Result<VolumeBinding, ConfigError> {
    let seconds = args["bindTimeoutSeconds"].as_int().unwrap_or(600);
    if seconds < 0 {
        let why = format!("Invalid value: {seconds}: invalid BindTimeoutSeconds, should not be a negative value");
        return Err(field(format!("{path}.bindTimeoutSeconds"), why));
    }
    if !args["shape"].is_null() {
        let why = format!(
            "Invalid value: {}: unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring",
            args["shape"].to_json()
        );
        return Err(field(format!("{path}.shape"), why));
    }
    // A year is longer than any simulation.
    Ok(VolumeBinding { bind_timeout: Duration::s(seconds.min(31_536_000) as u64) })
}

/// The line of RequestedToCapacityRatio: utilization must grow, scores are from 0 to 10.
fn line(shape: &Value, path: &str) -> Result<Vec<(i64, i64)>, ConfigError> {
    let mut points: Vec<(i64, i64)> = Vec::new();
    for (at, point) in shape.items().iter().enumerate() {
        let (utilization, score) = (point["utilization"].int(), point["score"].int());
        let path = |name: &str| format!("{path}[{at}].{name}");
        if points.last().is_some_and(|(before, _)| *before >= utilization) {
            let why = format!("Invalid value: {utilization}: values must be sorted in increasing order");
            return Err(field(path("utilization"), why));
        }
        in_range(utilization, 100, &path("utilization"))?;
        in_range(score, MAX_SHAPE_SCORE, &path("score"))?;
        points.push((utilization, score * (MAX_NODE_SCORE / MAX_SHAPE_SCORE)));
    }
    if points.is_empty() {
        return Err(field(path, "Required value: at least one point must be specified"));
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    /// The plugin's debug text, or what is wrong with its arguments.
    fn text(name: &str, args: Value) -> String {
        match configured(name, &args, "profiles[0].pluginConfig[0]") {
            Ok(plugin) => format!("{:?}", plugin.expect("it has arguments")),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn strategies() {
        let strategy = |strategy: Value| text("NodeResourcesFit", value!({"scoringStrategy": strategy}));
        assert!(strategy(value!({"type": "MostAllocated"})).contains("MostAllocated"));
        let shape = value!({"shape": [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]});
        let ratio = strategy(value!({"type": "RequestedToCapacityRatio", "requestedToCapacityRatio": shape}));
        assert!(ratio.contains("[(0, 0), (100, 100)]"), "{ratio}");
    }

    #[test]
    fn arguments_arrive() {
        let cases = [
            ("NodeResourcesFit", value!({"ignoredResources": ["example.com/x"]}), "ignored_resources: [\"example.com/x\"]"),
            ("NodeResourcesBalancedAllocation", value!({"resources": [{"name": "nvidia.com/gpu"}]}), "[\"nvidia.com/gpu\"]"),
            ("InterPodAffinity", value!({"hardPodAffinityWeight": 0}), "hard_pod_affinity_weight: 0"),
            (
                "InterPodAffinity",
                value!({"ignorePreferredTermsOfExistingPods": true}),
                "ignore_preferred_terms_of_existing_pods: true",
            ),
            ("PodTopologySpread", value!({"defaultingType": "List"}), "defaults: [], system_defaults: false"),
            ("DefaultPreemption", value!({"minCandidateNodesPercentage": 0}), "min_candidate_nodes_percentage: 0"),
            ("VolumeBinding", value!({"bindTimeoutSeconds": 5}), "Duration(5000000)"),
        ];
        for (name, args, want) in cases {
            let text = text(name, args);
            assert!(text.contains(want), "{text} lacks {want}");
        }
    }

    #[test]
    fn errors() {
        let constraint = |more: Value| {
            let mut constraint = value!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"});
            for (key, value) in more.entries() {
                constraint.map_mut().insert(key.clone(), value.clone());
            }
            constraint
        };
        let list = |constraints: Value| value!({"defaultingType": "List", "defaultConstraints": constraints});
        let cases = [
            (
                "NodeResourcesFit",
                value!({"scoringStrategy": {"type": "Cheapest"}}),
                "scoringStrategy.type: Unsupported value: \"Cheapest\": supported values: \"LeastAllocated\", \"MostAllocated\", \"RequestedToCapacityRatio\"",
            ),
            (
                "NodeResourcesFit",
                value!({"scoringStrategy": {"resources": [{"name": "cpu", "weight": 101}]}}),
                "scoringStrategy.resources[0].weight: Invalid value: 101: resource weight of cpu not in valid range (0, 100]",
            ),
            (
                "NodeResourcesFit",
                value!({"scoringStrategy": {"type": "RequestedToCapacityRatio"}}),
                "scoringStrategy.requestedToCapacityRatio: Required value: must be specified when type is RequestedToCapacityRatio",
            ),
            (
                "NodeResourcesFit",
                value!({"ignoredResourceGroups": ["example.com/x"]}),
                "ignoredResourceGroups[0]: Invalid value: \"example.com/x\": resource group name can't contain '/'",
            ),
            (
                "NodeResourcesBalancedAllocation",
                value!({"resources": [{"name": "cpu", "weight": 2}]}),
                "resources[0].weight: Invalid value: 2: must be 1",
            ),
            (
                "InterPodAffinity",
                value!({"hardPodAffinityWeight": 101}),
                "hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]",
            ),
            (
                "PodTopologySpread",
                value!({"defaultConstraints": [constraint(Value::map())]}),
                "defaultingType: Invalid value: \"System\": when .defaultConstraints are not empty",
            ),
            (
                "PodTopologySpread",
                list(value!([constraint(value!({"maxSkew": 0}))])),
                "defaultConstraints[0].maxSkew: Invalid value: 0: not in valid range (0, inf)",
            ),
            (
                "PodTopologySpread",
                list(value!([constraint(Value::map()), constraint(Value::map())])),
                "defaultConstraints[1]: Duplicate value: \"{zone, DoNotSchedule}\"",
            ),
            (
                "DefaultPreemption",
                value!({"minCandidateNodesPercentage": 0, "minCandidateNodesAbsolute": 0}),
                "minCandidateNodesPercentage: Invalid value: 0: cannot be zero at the same time as minCandidateNodesAbsolute",
            ),
            (
                "VolumeBinding",
                value!({"bindTimeoutSeconds": (-1)}),
                "bindTimeoutSeconds: Invalid value: -1: invalid BindTimeoutSeconds, should not be a negative value",
            ),
        ];
        for (name, args, why) in cases {
            assert_eq!(text(name, args), format!("profiles[0].pluginConfig[0].args.{why}"));
        }
        assert_eq!(
            text("NodeResourcesFit", value!({"scoringStrategy": {"resourcess": []}})),
            "strict decoding error: decoding .profiles[0].pluginConfig[0]: decoding args for plugin NodeResourcesFit: strict decoding error: unknown field \"scoringStrategy.resourcess\""
        );
        assert!(matches!(configured("NodeName", &Value::Null, ""), Ok(None)));
    }
}
