//! KubeSchedulerConfiguration: the profiles and back-offs that a file describes (`k8s.io/kube-scheduler/config/v1`), with the
//! defaults, checks and errors of kube-scheduler (`apis/config/{v1/defaults.go,v1/default_plugins.go,validation/*.go}`,
//! `framework/runtime/framework.go`).
//!
//! Taken without any effect on decisions, as in reality: `parallelism`, `clientConnection`, `leaderElection`, profiling,
//! `delayCacheUntilActive`. Refused: `extenders`, and plugins that filter or score without the PreFilter or PreScore of theirs.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::framework::{Plugin, Point};
use super::plugin_args;
use super::profile::{DEFAULT_PLUGINS, DefaultPlugin, Profile, find_default};
use super::queue::Backoff;
use crate::api::schema;
use crate::core::Duration;
use crate::value::{Text, Value};

/// What a configuration says.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Its profiles.
    pub profiles: Vec<Profile>,
    /// How long pods rest that could not be scheduled.
    pub backoff: Backoff,
}

impl Default for Configuration {
    fn default() -> Self {
        Self { profiles: vec![Profile::default()], backoff: Backoff::default() }
    }
}

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
    /// It has fields that there are not, or of another type.
    #[error("{why}")]
    Decoding {
        /// The field's path.
        field: String,
        /// In Kubernetes' words.
        why: String,
    },
    /// A profile cannot be made of its plugins.
    #[error("initializing profiles: creating profile for scheduler name {profile}: {why}")]
    Profile {
        /// The path of what is wrong.
        field: String,
        /// The profile's name.
        profile: Text,
        /// In Kubernetes' words.
        why: String,
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

impl ConfigError {
    /// The path of the field that is wrong; "" for the whole.
    pub fn field(&self) -> &str {
        match self {
            Self::Kind { .. } => "kind",
            Self::Decoding { field, .. } | Self::Profile { field, .. } | Self::Field { field, .. } => field,
        }
    }
}

/// A field with a value that it cannot have.
pub(super) fn field(field: impl Into<String>, why: impl Into<String>) -> ConfigError {
    ConfigError::Field { field: field.into(), why: why.into() }
}

/// Checks types and names of fields of one of the configuration's structs, which is at `path`; errors begin with `prefix`.
pub(super) fn decode(kind: &str, value: &Value, path: &str, prefix: &str) -> Result<(), ConfigError> {
    let error = |inner: &str, why: String| {
        let dot = if path.is_empty() || inner.is_empty() { "" } else { "." };
        ConfigError::Decoding { field: format!("{path}{dot}{inner}"), why: format!("{prefix}{why}") }
    };
    match schema::check(kind, value) {
        Err(why) => Err(error("", why)),
        Ok(unknown) if unknown.is_empty() => Ok(()),
        Ok(unknown) => {
            let first = unknown[0].split('"').nth(1).unwrap_or_default().to_string();
            Err(error(&first, format!("strict decoding error: {}", unknown.join(", "))))
        }
    }
}

impl Configuration {
    /// Reads a configuration; null is the default one.
    pub fn of(config: &Value) -> Result<Self, ConfigError> {
        if config.is_null() {
            return Ok(Self::default());
        }
        let (kind, version) = (config.kind(), config["apiVersion"].str());
        if kind != "KubeSchedulerConfiguration" || version != "kubescheduler.config.k8s.io/v1" {
            return Err(ConfigError::Kind { kind: kind.into(), version: version.into() });
        }
        decode("KubeSchedulerConfiguration", config, "", "")?;
        if let Some(parallelism) = config["parallelism"].as_int().filter(|parallelism| *parallelism <= 0) {
            return Err(field(
                "parallelism",
                format!("Invalid value: {parallelism}: should be an integer value greater than zero"),
            ));
        }
        let lock = config["leaderElection"]["resourceLock"].str();
        if !matches!(lock, "" | "leases") {
            let why = format!("Invalid value: {lock:?}: resourceLock value must be \"leases\"");
            return Err(field("leaderElection.resourceLock", why));
        }
        if !config["extenders"].is_empty() {
            return Err(field("extenders", "Forbidden: kube-orrery's scheduler calls no extenders"));
        }
        Ok(Self { backoff: backoff(config)?, profiles: profiles(config)? })
    }
}

fn backoff(config: &Value) -> Result<Backoff, ConfigError> {
    let seconds = |name: &str, default: Duration| config[name].as_int().unwrap_or((default.0 / 1_000_000) as i64);
    let initial = seconds("podInitialBackoffSeconds", Backoff::default().initial);
    if initial <= 0 {
        return Err(field("podInitialBackoffSeconds", format!("Invalid value: {initial}: must be greater than 0")));
    }
    let max = seconds("podMaxBackoffSeconds", Backoff::default().max);
    if max < initial {
        let why = format!("Invalid value: {max}: must be greater than or equal to PodInitialBackoffSeconds");
        return Err(field("podMaxBackoffSeconds", why));
    }
    // A year is longer than any simulation.
    let rest = |seconds: i64| Duration::s(seconds.min(31_536_000) as u64);
    Ok(Backoff { initial: rest(initial), max: rest(max) })
}

fn profiles(config: &Value) -> Result<Vec<Profile>, ConfigError> {
    let percentage = percentage(&config["percentageOfNodesToScore"], "percentageOfNodesToScore")?;
    let written = config["profiles"].items();
    if written.is_empty() {
        let mut profile = Profile::default();
        profile.percentage_of_nodes_to_score = percentage;
        return Ok(vec![profile]);
    }
    let mut profiles: Vec<Profile> = Vec::new();
    for (at, one) in written.iter().enumerate() {
        let path = format!("profiles[{at}]");
        // Only a profile that is alone has a name by default.
        let name = match one.get("schedulerName") {
            None if written.len() == 1 => Profile::default().scheduler_name,
            name => name.map(Value::text).unwrap_or_default(),
        };
        if name.is_empty() {
            return Err(field(format!("{path}.schedulerName"), "Required value"));
        }
        if profiles.iter().any(|have| have.scheduler_name == name) {
            return Err(field(format!("{path}.schedulerName"), "Duplicate value: {}"));
        }
        let sort = &one["plugins"]["queueSort"];
        if *sort != written[0]["plugins"]["queueSort"] {
            let why = format!("Invalid value: {}: must be the same for all profiles", sort.to_json());
            return Err(field(format!("{path}.plugins.queueSort"), why));
        }
        profiles.push(profile(one, name, &path, percentage)?);
    }
    Ok(profiles)
}

fn percentage(value: &Value, path: &str) -> Result<usize, ConfigError> {
    match value.int() {
        percentage @ 0..=100 => Ok(percentage as usize),
        other => Err(field(path, format!("Invalid value: {other}: not in valid range [0-100]"))),
    }
}

fn profile(written: &Value, name: Text, path: &str, percentage_of_nodes: usize) -> Result<Profile, ConfigError> {
    let percentage_of_nodes_to_score = match written.get("percentageOfNodesToScore") {
        None => percentage_of_nodes,
        Some(own) => percentage(own, &format!("{path}.percentageOfNodesToScore"))?,
    };
    let mut configured: Vec<(&str, Rc<dyn Plugin>)> = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, config) in written["pluginConfig"].items().iter().enumerate() {
        let path = format!("{path}.pluginConfig[{at}]");
        let plugin = config["name"].str();
        if !seen.insert(plugin) {
            return Err(field(path, format!("Duplicate value: {plugin:?}")));
        }
        if let Some(plugin) = plugin_args::configured(plugin, &config["args"], &path)? {
            configured.push((config["name"].str(), plugin));
        } else if find_default(plugin).is_none() {
            let why = format!("plugin {plugin:?} does not exist");
            return Err(ConfigError::Profile { field: format!("{path}.name"), profile: name, why });
        }
    }
    let choice = Choice { plugins: &written["plugins"], path: format!("{path}.plugins"), profile: &name };
    let points = choice.points()?;
    let weights = choice.weights();
    let mut profile = Profile::new(name, points, weights, percentage_of_nodes_to_score);
    for (name, plugin) in configured {
        profile.replace(name, plugin);
    }
    Ok(profile)
}

/// The plugins that a profile switches on and off.
struct Choice<'a> {
    plugins: &'a Value,
    path: String,
    profile: &'a Text,
}

impl<'a> Choice<'a> {
    fn error(&self, inner: &str, why: String) -> ConfigError {
        ConfigError::Profile { field: format!("{}{inner}", self.path), profile: self.profile.clone(), why }
    }

    fn disabled(&self, set: &str) -> BTreeSet<&'a str> {
        self.plugins[set]["disabled"].items().iter().map(|plugin| plugin["name"].str()).collect()
    }

    /// The plugins of `multiPoint` with their weights, those of the default profile included (mergePluginSet).
    fn multi_point(&self) -> Vec<(&'a str, i64)> {
        let written = self.plugins["multiPoint"]["enabled"].items();
        let weight = |plugin: &Value| plugin["weight"].int();
        let disabled = self.disabled("multiPoint");
        let mut replaced = BTreeSet::new();
        let mut plugins = Vec::new();
        if !disabled.contains("*") {
            for default in DEFAULT_PLUGINS.iter().filter(|default| !disabled.contains(default.name)) {
                // The last one counts when a plugin is written twice; what is left over is found to be there already.
                let own = written.iter().rposition(|plugin| plugin["name"].str() == default.name);
                replaced.extend(own);
                plugins.push((default.name, own.map_or(default.weight, |at| weight(&written[at]))));
            }
        }
        let others = written.iter().enumerate().filter(|(at, _)| !replaced.contains(at));
        plugins.extend(others.map(|(_, plugin)| (plugin["name"].str(), weight(plugin))));
        plugins
    }

    fn find(&self, name: &str, point: Point, at: &str) -> Result<&'static DefaultPlugin, ConfigError> {
        find_default(name).ok_or_else(|| self.error(at, format!("{} {name:?} does not exist", point.interface())))
    }

    /// The plugins of each extension point in their order (expandMultiPointPlugins).
    fn points(&self) -> Result<Vec<(Point, Vec<&'static str>)>, ConfigError> {
        let multi_point = self.multi_point();
        for (name, _) in &multi_point {
            self.find(name, Point::PreFilter, ".multiPoint.enabled")?;
        }
        let mut points: Vec<(Point, Vec<&'static str>)> = Vec::new();
        for (set, point) in Point::ALL {
            let mut enabled: Vec<&'static str> = Vec::new();
            for (at, plugin) in self.plugins[set]["enabled"].items().iter().enumerate() {
                let inner = format!(".{set}.enabled[{at}]");
                let plugin = self.find(plugin["name"].str(), point, &inner)?;
                if !plugin.points.contains(&point) {
                    return Err(
                        self.error(&inner, format!("plugin {:?} does not extend {} plugin", plugin.name, point.interface()))
                    );
                }
                if enabled.contains(&plugin.name) {
                    return Err(
                        self.error(&inner, format!("plugin {:?} already registered as {:?}", plugin.name, point.interface()))
                    );
                }
                enabled.push(plugin.name);
            }
            let disabled = self.disabled(set);
            if disabled.contains("*") {
                points.push((point, enabled));
                continue;
            }
            let mut of_multi_point: Vec<&'static str> = Vec::new();
            let mut overridden = BTreeSet::new();
            for (name, _) in &multi_point {
                let plugin = self.find(name, point, ".multiPoint.enabled")?;
                if !plugin.points.contains(&point) || disabled.contains(name) {
                    continue;
                }
                if enabled.contains(&plugin.name) {
                    overridden.insert(plugin.name);
                } else if of_multi_point.contains(&plugin.name) {
                    let why = format!("plugin {name:?} already registered as {:?}", point.interface());
                    return Err(self.error(".multiPoint.enabled", why));
                } else {
                    of_multi_point.push(plugin.name);
                }
            }
            // First those of multiPoint that are named here again, then the other ones of multiPoint, then what is named here only.
            let (again, here): (Vec<_>, Vec<_>) = enabled.into_iter().partition(|name| overridden.contains(name));
            points.push((point, [again, of_multi_point, here].concat()));
        }
        self.check(&points)?;
        Ok(points)
    }

    fn check(&self, points: &[(Point, Vec<&'static str>)]) -> Result<(), ConfigError> {
        let at = |point: Point| points.iter().find(|(have, _)| *have == point).map_or(&[][..], |(_, plugins)| plugins.as_slice());
        let sorts = at(Point::QueueSort).len();
        if sorts != 1 {
            let name = self.profile;
            let why =
                format!("only one queue sort plugin required for profile with scheduler name {:?}, but got {sorts}", &**name);
            return Err(self.error(".queueSort", why));
        }
        if at(Point::Bind).is_empty() {
            let why = format!("at least one bind plugin is needed for profile with scheduler name {:?}", &**self.profile);
            return Err(self.error(".bind", why));
        }
        let needs = [
            (Point::Filter, Point::PreFilter),
            (Point::Reserve, Point::PreFilter),
            (Point::PreBind, Point::PreFilter),
            (Point::Score, Point::PreScore),
        ];
        for (point, before) in needs {
            let lacks = |name: &&&str| {
                let has = |default: &DefaultPlugin| default.name == **name && default.points.contains(&before);
                DEFAULT_PLUGINS.iter().any(has) && !at(before).contains(name)
            };
            if let Some(name) = at(point).iter().find(lacks) {
                let (set, before) = (point.name(), before.name());
                return Err(
                    self.error(&format!(".{set}"), format!("{name} is on at {set} without its {before}: this is not modelled"))
                );
            }
        }
        Ok(())
    }

    /// What each plugin's score is multiplied by: as `score` says, else `multiPoint`; 1 where neither names a number.
    fn weights(&self) -> Vec<(&'static str, i64)> {
        let score = self.plugins["score"]["enabled"].items().iter().map(|plugin| (plugin["name"].str(), plugin["weight"].int()));
        let mut weights: Vec<(&'static str, i64)> = Vec::new();
        for (name, weight) in score.chain(self.multi_point()) {
            if let Some(plugin) = find_default(name)
                && weights.iter().all(|(have, _)| *have != plugin.name)
            {
                weights.push((plugin.name, if weight == 0 { 1 } else { weight }));
            }
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn whole(more: &Value) -> Result<Configuration, ConfigError> {
        let mut config = value!({"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"});
        for (key, value) in more.entries() {
            config.map_mut().insert(key.clone(), value.clone());
        }
        Configuration::of(&config)
    }

    fn config(profiles: Value) -> Result<Vec<Profile>, ConfigError> {
        whole(&value!({"percentageOfNodesToScore": 20, "profiles": profiles})).map(|config| config.profiles)
    }

    /// The only profile with these plugins.
    fn plugins(plugins: Value) -> Profile {
        config(value!([{"plugins": plugins}])).unwrap().remove(0)
    }

    fn names(profile: &Profile, point: Point) -> Vec<&'static str> {
        profile.at(point).map(|plugin| plugin.name()).collect()
    }

    fn scores(profile: &Profile) -> Vec<(&'static str, i64)> {
        profile.pre_score().map(|((name, _), weight)| (name, weight)).collect()
    }

    /// The words of an error, and the field at which it is shown.
    fn words<T: std::fmt::Debug>(result: Result<T, ConfigError>) -> (String, String) {
        let error = result.unwrap_err();
        (error.to_string(), error.field().to_string())
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
        assert_eq!(scores(&profiles[0]), [("NodeResourcesFit", 5)]);
        assert_eq!(names(&profiles[0], Point::Filter), names(&Profile::default(), Point::Filter));
        assert_eq!((profiles[1].post_filter().count(), profiles[1].percentage_of_nodes_to_score), (1, 30));
        assert_eq!(profiles[0].percentage_of_nodes_to_score, 20);
        assert!(config(value!([])).unwrap()[0].scheduler_name == *"default-scheduler");
    }

    #[test]
    fn a_plugin_that_is_named_without_a_weight_counts_once() {
        let of = |profile: &Profile, name: &str| scores(profile).into_iter().find(|(have, _)| *have == name).unwrap().1;
        assert_eq!(of(&plugins(value!({"score": {"enabled": [{"name": "TaintToleration"}]}})), "TaintToleration"), 1);
        let both = value!({
            "multiPoint": {"enabled": [{"name": "TaintToleration", "weight": 7}, {"name": "ImageLocality"}]},
            "score": {"enabled": [{"name": "ImageLocality", "weight": 4}]},
        });
        let profile = plugins(both);
        assert_eq!((of(&profile, "TaintToleration"), of(&profile, "ImageLocality"), of(&profile, "NodeAffinity")), (7, 4, 2));
    }

    #[test]
    fn the_order_is_that_of_multi_point_after_what_is_named_again() {
        let default = names(&Profile::default(), Point::Filter);
        let again = value!({"filter": {"enabled": [{"name": "NodePorts"}, {"name": "NodeName"}]}});
        let order = names(&plugins(again), Point::Filter);
        assert_eq!(order[..3], ["NodePorts", "NodeName", "NodeUnschedulable"]);
        assert_eq!(order.len(), default.len());
        // Disabled and enabled again, a default plugin comes last.
        let last =
            value!({"multiPoint": {"disabled": [{"name": "NodeUnschedulable"}], "enabled": [{"name": "NodeUnschedulable"}]}});
        assert_eq!(names(&plugins(last), Point::Filter).last(), Some(&"NodeUnschedulable"));
        // Without any default plugins the others are those that are named.
        let few = value!({"multiPoint": {
            "disabled": [{"name": "*"}], "enabled": [{"name": "PrioritySort"}, {"name": "NodeResourcesFit"}, {"name": "DefaultBinder"}],
        }});
        let few = plugins(few);
        assert_eq!((names(&few, Point::Filter), scores(&few)), (vec!["NodeResourcesFit"], vec![("NodeResourcesFit", 1)]));
        assert!(names(&few, Point::PostFilter).is_empty());
    }

    #[test]
    fn a_plugin_can_be_switched_off_at_one_point() {
        let off = plugins(value!({"filter": {"disabled": [{"name": "NodePorts"}]}}));
        assert!(!names(&off, Point::Filter).contains(&"NodePorts") && names(&off, Point::PreFilter).contains(&"NodePorts"));
        let all = plugins(value!({"preScore": {"disabled": [{"name": "*"}]}, "score": {"disabled": [{"name": "*"}]}}));
        assert!(scores(&all).is_empty());
        // These need no PreFilter.
        let few = value!({
            "preFilter": {"disabled": [{"name": "*"}]}, "reserve": {"disabled": [{"name": "*"}]}, "preBind": {"disabled": [{"name": "*"}]},
            "filter": {"disabled": [{"name": "*"}], "enabled": [{"name": "TaintToleration"}]},
        });
        assert_eq!(plugins(few).pre_filter().map(|(name, ..)| name).collect::<Vec<_>>(), ["TaintToleration"]);
    }

    #[test]
    fn back_offs() {
        let backoff = |more: Value| whole(&more).map(|config| config.backoff);
        assert_eq!(backoff(Value::map()).unwrap(), Backoff::default());
        let set = backoff(value!({"podInitialBackoffSeconds": 3, "podMaxBackoffSeconds": 4})).unwrap();
        assert_eq!(set, Backoff { initial: Duration::s(3), max: Duration::s(4) });
        assert_eq!(
            words(backoff(value!({"podInitialBackoffSeconds": 0}))).0,
            "podInitialBackoffSeconds: Invalid value: 0: must be greater than 0"
        );
        assert_eq!(
            words(backoff(value!({"podInitialBackoffSeconds": 11}))).0,
            "podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds"
        );
    }

    #[test]
    fn what_has_no_effect_is_taken() {
        let config = value!({
            "parallelism": 4, "leaderElection": {"leaderElect": true, "resourceLock": "leases"}, "enableProfiling": false,
            "clientConnection": {"kubeconfig": "/etc/kubernetes/scheduler.conf", "qps": 50}, "delayCacheUntilActive": true,
        });
        assert!(whole(&config).is_ok());
    }

    #[test]
    fn errors() {
        let of = |profiles: Value| words(config(profiles));
        let profile = |why: &str| format!("initializing profiles: creating profile for scheduler name default-scheduler: {why}");
        let cases = [
            (
                value!([{"plugins": {"score": {"enabled": [{"name": "Nope"}]}}}]),
                profile("ScorePlugin \"Nope\" does not exist"),
                "profiles[0].plugins.score.enabled[0]",
            ),
            (
                value!([{"plugins": {"multiPoint": {"enabled": [{"name": "Nope"}]}}}]),
                profile("PreFilterPlugin \"Nope\" does not exist"),
                "profiles[0].plugins.multiPoint.enabled",
            ),
            (
                value!([{"plugins": {"score": {"enabled": [{"name": "NodeName"}]}}}]),
                profile("plugin \"NodeName\" does not extend ScorePlugin plugin"),
                "profiles[0].plugins.score.enabled[0]",
            ),
            (
                value!([{"plugins": {"queueSort": {"disabled": [{"name": "*"}]}}}]),
                profile("only one queue sort plugin required for profile with scheduler name \"default-scheduler\", but got 0"),
                "profiles[0].plugins.queueSort",
            ),
            (
                value!([{"plugins": {"preFilter": {"disabled": [{"name": "NodeResourcesFit"}]}}}]),
                profile("NodeResourcesFit is on at filter without its preFilter: this is not modelled"),
                "profiles[0].plugins.filter",
            ),
            (
                value!([{"schedulerName": "a"}, {}]),
                "profiles[1].schedulerName: Required value".into(),
                "profiles[1].schedulerName",
            ),
            (
                value!([{"schedulerName": "a"}, {"schedulerName": "a"}]),
                "profiles[1].schedulerName: Duplicate value: {}".into(),
                "profiles[1].schedulerName",
            ),
            (
                value!([{"percentageOfNodesToScore": 101}]),
                "profiles[0].percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]".into(),
                "profiles[0].percentageOfNodesToScore",
            ),
            (
                value!([{"plugin": {}}]),
                "strict decoding error: unknown field \"profiles[0].plugin\"".into(),
                "profiles[0].plugin",
            ),
        ];
        for (profiles, why, at) in cases {
            assert_eq!(of(profiles), (why, at.to_string()));
        }
        let not_one = Configuration::of(&value!({"kind": "Pod", "apiVersion": "v1"}));
        assert!(words(not_one).0.starts_with("no kind \"Pod\" is registered"));
        assert_eq!(words(whole(&value!({"extenders": [{"urlPrefix": "http://x"}]}))).1, "extenders");
        assert_eq!(
            words(whole(&value!({"percentageOfNodesToScore": "all"}))).0,
            "json: cannot unmarshal string into Go struct field KubeSchedulerConfiguration.percentageOfNodesToScore of type int32"
        );
    }
}
