//! Scheduling profiles: which plugins run at which extension points, in which order, with which weights.

use std::rc::Rc;

use super::framework::{Plugin, Point, PostFilter, PreFilter, PreScore, QueueSort};
use super::plugins;
use super::pod_info::PodInfo;
use crate::value::Text;

/// A plugin as the default profile has it.
#[derive(Debug)]
pub struct DefaultPlugin {
    /// Its name.
    pub name: &'static str,
    /// What its score is multiplied by; 0 where nothing is said of it, which counts as 1.
    pub weight: i64,
    /// The extension points at which kube-scheduler's plugin takes part. Here PreFilter and PreScore make what filters and scores, so
    /// that some plugins have them in form only.
    pub points: &'static [Point],
    make: fn() -> Rc<dyn Plugin>,
}

macro_rules! plugins {
    ($($name:ident($make:expr) $weight:literal [$($point:ident)*];)*) => {
        &[$(DefaultPlugin { name: stringify!($name), weight: $weight, points: &[$(Point::$point),*], make: || Rc::new($make) }),*]
    };
}

/// The plugins of the default profile in their order (`apis/config/v1/default_plugins.go`); there are no others.
pub const DEFAULT_PLUGINS: &[DefaultPlugin] = plugins![
    SchedulingGates(plugins::SchedulingGates) 0 [PreEnqueue];
    PrioritySort(plugins::PrioritySort) 0 [QueueSort];
    NodeUnschedulable(plugins::NodeUnschedulable) 0 [Filter];
    NodeName(plugins::NodeName) 0 [Filter];
    TaintToleration(plugins::TaintToleration) 3 [Filter PreScore Score];
    NodeAffinity(plugins::NodeAffinity::default()) 2 [PreFilter Filter PreScore Score];
    NodePorts(plugins::NodePorts) 0 [PreFilter Filter];
    NodeResourcesFit(plugins::NodeResourcesFit::default()) 1 [PreFilter Filter PreScore Score];
    VolumeRestrictions(plugins::VolumeRestrictions) 0 [PreFilter Filter];
    NodeVolumeLimits(plugins::NodeVolumeLimits) 0 [PreFilter Filter];
    VolumeBinding(plugins::VolumeBinding::default()) 0 [PreFilter Filter PreScore Score Reserve PreBind];
    VolumeZone(plugins::VolumeZone) 0 [PreFilter Filter];
    PodTopologySpread(plugins::PodTopologySpread::default()) 2 [PreFilter Filter PreScore Score];
    InterPodAffinity(plugins::InterPodAffinity::default()) 2 [PreFilter Filter PreScore Score];
    DynamicResources(plugins::DynamicResources) 2 [PreEnqueue PreFilter Filter PostFilter Score Reserve PreBind];
    DefaultPreemption(plugins::DefaultPreemption::default()) 0 [PreEnqueue PostFilter];
    NodeResourcesBalancedAllocation(plugins::NodeResourcesBalancedAllocation::default()) 1 [PreScore Score];
    ImageLocality(plugins::ImageLocality) 1 [Score];
    DefaultBinder(plugins::DefaultBinder) 0 [Bind];
];

/// The plugin with this name.
pub fn find_default(name: &str) -> Option<&'static DefaultPlugin> {
    DEFAULT_PLUGINS.iter().find(|plugin| plugin.name == name)
}

/// A scheduler as pods name it in `spec.schedulerName`.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name, `default-scheduler` mostly.
    pub scheduler_name: Text,
    /// How many per cent of the nodes are looked at; 0 leaves it to the cluster's size.
    pub percentage_of_nodes_to_score: usize,
    /// The plugins that are on somewhere, in the default order.
    plugins: Vec<Rc<dyn Plugin>>,
    /// What the score of each is multiplied by.
    weights: Vec<i64>,
    /// The plugins of each extension point, by their positions in `plugins`.
    points: Vec<(Point, Vec<usize>)>,
    /// The plugins whose PreFilter runs, and the place of each among the filters if it filters.
    pre_filters: Vec<(usize, Option<usize>)>,
}

/// Clusters of fewer nodes, and searches of fewer feasible nodes, are never cut short.
const MIN_FEASIBLE_NODES: usize = 100;
const MIN_PERCENTAGE: usize = 5;

impl Default for Profile {
    /// The default profile.
    fn default() -> Self {
        let at = |point: Point| {
            let there = |plugin: &&DefaultPlugin| plugin.points.contains(&point);
            (point, DEFAULT_PLUGINS.iter().filter(there).map(|plugin| plugin.name).collect())
        };
        let points = Point::ALL.iter().map(|(_, point)| at(*point)).collect();
        let weights = DEFAULT_PLUGINS.iter().map(|plugin| (plugin.name, plugin.weight)).collect();
        Self::new("default-scheduler".into(), points, weights, 0)
    }
}

impl Profile {
    /// A profile with these plugins at these extension points. Plugins without a weight count once.
    pub fn new(
        scheduler_name: Text,
        points: Vec<(Point, Vec<&'static str>)>,
        weights: Vec<(&'static str, i64)>,
        percentage_of_nodes_to_score: usize,
    ) -> Self {
        let is_on = |plugin: &&DefaultPlugin| points.iter().any(|(_, names)| names.contains(&plugin.name));
        let on: Vec<&DefaultPlugin> = DEFAULT_PLUGINS.iter().filter(is_on).collect();
        let at = |name: &&str| on.iter().position(|plugin| plugin.name == *name);
        let weight = |plugin: &&DefaultPlugin| {
            let own = weights.iter().find(|(name, _)| *name == plugin.name);
            own.map_or(1, |(_, weight)| *weight)
        };
        let points: Vec<(Point, Vec<usize>)> =
            points.iter().map(|(point, names)| (*point, names.iter().filter_map(at).collect())).collect();
        let of = |point: Point| points.iter().find(|(have, _)| *have == point).map_or(&[][..], |(_, plugins)| plugins.as_slice());
        let filters = of(Point::Filter);
        // Filters without a PreFilter have one in form here, which rejects nothing.
        let in_form = filters.iter().filter(|at| !on[**at].points.contains(&Point::PreFilter));
        let pre_filters = of(Point::PreFilter)
            .iter()
            .chain(in_form)
            .map(|plugin| (*plugin, filters.iter().position(|filter| filter == plugin)))
            .collect();
        Self {
            scheduler_name,
            percentage_of_nodes_to_score,
            plugins: on.iter().map(|plugin| (plugin.make)()).collect(),
            weights: on.iter().map(weight).collect(),
            pre_filters,
            points,
        }
    }

    /// The plugins that are on at any point.
    pub fn plugins(&self) -> &[Rc<dyn Plugin>] {
        &self.plugins
    }

    /// Puts a plugin with other arguments in the place of the one with this name, if that is on.
    pub fn replace(&mut self, name: &str, plugin: Rc<dyn Plugin>) {
        if let Some(have) = self.plugins.iter_mut().find(|have| have.name() == name) {
            *have = plugin;
        }
    }

    /// How many feasible nodes are enough (numFeasibleNodesToFind).
    pub fn nodes_to_find(&self, nodes: usize) -> usize {
        if nodes < MIN_FEASIBLE_NODES {
            return nodes;
        }
        let percentage = match self.percentage_of_nodes_to_score {
            0 => 50_usize.saturating_sub(nodes / 125).max(MIN_PERCENTAGE),
            percentage => percentage,
        };
        if percentage >= 100 { nodes } else { (nodes * percentage / 100).max(MIN_FEASIBLE_NODES) }
    }

    /// The positions of the plugins that are on at a point, in their order.
    fn positions(&self, point: Point) -> &[usize] {
        self.points.iter().find(|(have, _)| *have == point).map_or(&[], |(_, plugins)| plugins.as_slice())
    }

    /// The plugins that are on at a point, in their order.
    pub fn at(&self, point: Point) -> impl Iterator<Item = &dyn Plugin> {
        self.positions(point).iter().map(|at| &*self.plugins[*at])
    }

    /// Why a pod may not be queued, and the plugin that says so.
    pub fn pre_enqueue(&self, pod: &PodInfo) -> Result<(), (&'static str, Text)> {
        for plugin in self.at(Point::PreEnqueue) {
            if let Some(point) = plugin.pre_enqueue() {
                point.pre_enqueue(pod).map_err(|reason| (plugin.name(), reason))?;
            }
        }
        Ok(())
    }

    /// Plugins at PreFilter with their names, and the place of each among the filters if it filters.
    pub fn pre_filter(&self) -> impl Iterator<Item = (&'static str, &dyn PreFilter, Option<usize>)> {
        self.pre_filters.iter().filter_map(|(at, filter)| {
            let plugin = &self.plugins[*at];
            Some((plugin.name(), plugin.pre_filter()?, *filter))
        })
    }

    /// Plugins at Score, with their names and weights.
    pub fn pre_score(&self) -> impl Iterator<Item = ((&'static str, &dyn PreScore), i64)> {
        self.positions(Point::Score).iter().filter_map(|at| {
            let plugin = &self.plugins[*at];
            Some(((plugin.name(), plugin.pre_score()?), self.weights[*at]))
        })
    }

    /// Plugins at PostFilter.
    pub fn post_filter(&self) -> impl Iterator<Item = &dyn PostFilter> {
        self.at(Point::PostFilter).filter_map(Plugin::post_filter)
    }

    /// The plugin that orders the queue.
    pub fn queue_sort(&self) -> Option<&dyn QueueSort> {
        self.at(Point::QueueSort).find_map(Plugin::queue_sort)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_clusters_are_searched_in_part() {
        let profile = Profile::default();
        for (nodes, want) in [(1, 1), (99, 99), (100, 100), (500, 230), (1000, 420), (5000, 500), (6000, 300), (100_000, 5000)] {
            assert_eq!(profile.nodes_to_find(nodes), want, "{nodes}");
        }
        let all = Profile { percentage_of_nodes_to_score: 100, ..profile };
        assert_eq!(all.nodes_to_find(5000), 5000);
    }

    #[test]
    fn the_default_profile_has_the_default_weights() {
        let weights: Vec<(&str, i64)> = Profile::default().pre_score().map(|((name, _), weight)| (name, weight)).collect();
        let want = [
            ("TaintToleration", 3),
            ("NodeAffinity", 2),
            ("NodeResourcesFit", 1),
            ("PodTopologySpread", 2),
            ("InterPodAffinity", 2),
            ("DynamicResources", 2),
            ("NodeResourcesBalancedAllocation", 1),
            ("ImageLocality", 1),
        ];
        assert_eq!(weights, want);
    }
}
