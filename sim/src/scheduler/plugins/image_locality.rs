//! ImageLocality: nodes that have the pod's images are better, the more so the larger the images (`plugins/imagelocality`).

use super::super::arith::MAX_NODE_SCORE;
use super::super::framework::{Cycle, Plugin, PreScore, Score};
use super::super::node_info::NodeInfo;
use super::super::pod_info::PodInfo;
use super::super::snapshot::Snapshot;

/// Bytes below which images do not matter.
const MIN_BYTES: i64 = 23 * 1024 * 1024;
/// Bytes a container above which more does not matter.
const MAX_BYTES_PER_CONTAINER: i64 = 1000 * 1024 * 1024;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct ImageLocality;

impl Plugin for ImageLocality {
    fn name(&self) -> &'static str {
        "ImageLocality"
    }
    fn pre_score(&self) -> Option<&dyn PreScore> {
        Some(self)
    }
}

impl PreScore for ImageLocality {
    fn pre_score<'a>(&'a self, cycle: &Cycle<'a>, _: &[&'a NodeInfo]) -> Option<Box<dyn Score + 'a>> {
        Some(Box::new(Local { pod: cycle.pod, snapshot: cycle.snapshot }))
    }
}

#[derive(Debug)]
struct Local<'a> {
    pod: &'a PodInfo,
    snapshot: &'a Snapshot,
}

impl Score for Local<'_> {
    fn score(&mut self, node: &NodeInfo) -> i64 {
        if node.images.is_empty() {
            return 0;
        }
        let nodes = self.snapshot.nodes().len() as i64;
        // An image that few nodes have counts less, lest one node draws all pods to it.
        let scaled = |image: &crate::value::Text| {
            let at = node.images.binary_search_by(|(have, _)| have.cmp(image)).ok()?;
            let bytes = i128::from(node.images[at].1) * i128::from(self.snapshot.nodes_with_image(image));
            Some((bytes / i128::from(nodes)) as i64)
        };
        let bytes: i64 = self.pod.images.iter().filter_map(scaled).sum();
        let most = MAX_BYTES_PER_CONTAINER * self.pod.containers.max(1);
        MAX_NODE_SCORE * (bytes.clamp(MIN_BYTES, most) - MIN_BYTES) / (most - MIN_BYTES)
    }
}
