//! Scheduling profiles: which plugins run, in which order, with which weights.

use std::rc::Rc;

use super::framework::{Enabled, Plugin, Point, PostFilter, PreFilter, PreScore, QueueSort};
use super::plugins;
use super::pod_info::PodInfo;
use crate::value::Text;

/// A scheduler as pods name it in `spec.schedulerName`.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name, `default-scheduler` mostly.
    pub scheduler_name: Text,
    /// Its plugins in their order.
    pub plugins: Vec<Enabled>,
    /// How many per cent of the nodes are looked at; 0 leaves it to the cluster's size.
    pub percentage_of_nodes_to_score: usize,
}

/// Clusters of fewer nodes, and searches of fewer feasible nodes, are never cut short.
const MIN_FEASIBLE_NODES: usize = 100;
const MIN_PERCENTAGE: usize = 5;

impl Default for Profile {
    /// The default profile (`apis/config/v1/default_plugins.go`).
    fn default() -> Self {
        let plugins: [(Rc<dyn Plugin>, i64); 19] = [
            (Rc::new(plugins::SchedulingGates), 0),
            (Rc::new(plugins::PrioritySort), 0),
            (Rc::new(plugins::NodeUnschedulable), 0),
            (Rc::new(plugins::NodeName), 0),
            (Rc::new(plugins::TaintToleration), 3),
            (Rc::new(plugins::NodeAffinity::default()), 2),
            (Rc::new(plugins::NodePorts), 0),
            (Rc::new(plugins::NodeResourcesFit::default()), 1),
            (Rc::new(plugins::VolumeRestrictions), 0),
            (Rc::new(plugins::NodeVolumeLimits), 0),
            (Rc::new(plugins::VolumeBinding), 0),
            (Rc::new(plugins::VolumeZone), 0),
            (Rc::new(plugins::PodTopologySpread::default()), 2),
            (Rc::new(plugins::InterPodAffinity::default()), 2),
            (Rc::new(plugins::DynamicResources), 2),
            (Rc::new(plugins::DefaultPreemption::default()), 0),
            (Rc::new(plugins::NodeResourcesBalancedAllocation::default()), 1),
            (Rc::new(plugins::ImageLocality), 1),
            (Rc::new(plugins::DefaultBinder), 0),
        ];
        Self {
            scheduler_name: "default-scheduler".into(),
            plugins: plugins.into_iter().map(|(plugin, weight)| Enabled::new(plugin, weight)).collect(),
            percentage_of_nodes_to_score: 0,
        }
    }
}

impl Profile {
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

    /// The plugins that are on at a point, with their weights.
    pub fn at(&self, point: Point) -> impl Iterator<Item = (&dyn Plugin, i64)> {
        self.plugins.iter().filter_map(move |enabled| Some((enabled.at(point)?, enabled.weight)))
    }

    /// Why a pod may not be queued, and the plugin that says so.
    pub fn pre_enqueue(&self, pod: &PodInfo) -> Result<(), (&'static str, Text)> {
        for (plugin, _) in self.at(Point::PreEnqueue) {
            if let Some(point) = plugin.pre_enqueue() {
                point.pre_enqueue(pod).map_err(|reason| (plugin.name(), reason))?;
            }
        }
        Ok(())
    }

    /// Plugins at PreFilter and Filter, with their names.
    pub fn pre_filter(&self) -> impl Iterator<Item = (&'static str, &dyn PreFilter)> {
        // What a plugin filters by is what its PreFilter returns, so that either switch turns it off.
        self.plugins
            .iter()
            .filter(|enabled| enabled.at(Point::PreFilter).is_some())
            .filter_map(|enabled| enabled.at(Point::Filter))
            .filter_map(|plugin| Some((plugin.name(), plugin.pre_filter()?)))
    }

    /// Plugins at PreScore and Score, with their names and weights.
    pub fn pre_score(&self) -> impl Iterator<Item = ((&'static str, &dyn PreScore), i64)> {
        self.plugins
            .iter()
            .filter(|enabled| enabled.weight > 0 && enabled.at(Point::PreScore).is_some())
            .filter_map(|enabled| Some((enabled.at(Point::Score)?, enabled.weight)))
            .filter_map(|(plugin, weight)| Some(((plugin.name(), plugin.pre_score()?), weight)))
    }

    /// Plugins at PostFilter.
    pub fn post_filter(&self) -> impl Iterator<Item = &dyn PostFilter> {
        self.at(Point::PostFilter).filter_map(|(plugin, _)| plugin.post_filter())
    }

    /// The plugin that orders the queue.
    pub fn queue_sort(&self) -> Option<&dyn QueueSort> {
        self.at(Point::QueueSort).find_map(|(plugin, _)| plugin.queue_sort())
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
