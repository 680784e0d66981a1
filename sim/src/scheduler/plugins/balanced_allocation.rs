//! NodeResourcesBalancedAllocation: rates whether the pod makes the use of a node's CPU and memory more alike or less
//! (`plugins/noderesources/balanced_allocation.go`; since v1.36 the change counts, not the state).

use super::super::arith::{Fraction, MAX_NODE_SCORE};
use super::super::framework::{Cycle, Plugin, PreScore, Score};
use super::super::node_info::NodeInfo;
use super::super::pod_info::PodInfo;
use crate::value::Text;

/// The plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeResourcesBalancedAllocation {
    /// The resources whose use should be alike.
    pub resources: Vec<Text>,
}

impl Default for NodeResourcesBalancedAllocation {
    fn default() -> Self {
        Self { resources: vec!["cpu".into(), "memory".into()] }
    }
}

impl Plugin for NodeResourcesBalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }
    fn pre_score(&self) -> Option<&dyn PreScore> {
        Some(self)
    }
}

impl PreScore for NodeResourcesBalancedAllocation {
    fn pre_score<'a>(&'a self, cycle: &Cycle<'a>, _: &[&'a NodeInfo]) -> Option<Box<dyn Score + 'a>> {
        let requests = &cycle.pod.requests;
        // Pods without requests would all gather on the one node that is balanced best.
        if self.resources.iter().all(|name| requests.get(name) == 0) {
            return None;
        }
        Some(Box::new(Balance { plugin: self, pod: cycle.pod, last: None }))
    }
}

#[derive(Debug)]
struct Balance<'a> {
    plugin: &'a NodeResourcesBalancedAllocation,
    pod: &'a PodInfo,
    /// Nodes of a large cluster are mostly alike: the last result, and the CPU and memory that it depended on.
    last: Option<([i64; 4], i64)>,
}

impl Score for Balance<'_> {
    fn score(&mut self, node: &NodeInfo) -> i64 {
        let amounts = [node.allocatable.milli_cpu, node.allocatable.memory, node.requested.milli_cpu, node.requested.memory];
        let only_these = self.plugin.resources.iter().all(|name| name == "cpu" || name == "memory");
        if let Some((of, score)) = self.last
            && only_these
            && of == amounts
        {
            return score;
        }
        let (mut before, mut after) = (Vec::with_capacity(2), Vec::with_capacity(2));
        for name in &self.plugin.resources {
            let (capacity, used, wanted) = (node.allocatable.get(name), node.requested.get(name), self.pod.requests.get(name));
            let scalar = !matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage");
            if capacity != 0 && (wanted != 0 || !scalar) {
                before.push((used, capacity));
                after.push((used + wanted, capacity));
            }
        }
        let half = MAX_NODE_SCORE / 2;
        let score = half + (half + balance(&after) - balance(&before)) / 2;
        self.last = Some((amounts, score));
        score
    }
}

/// 100 times one less the standard deviation of the used fractions.
fn balance(uses: &[(i64, i64)]) -> i64 {
    match uses {
        [] | [_] => MAX_NODE_SCORE,
        [one, other] => {
            let fraction = |(used, capacity): (i64, i64)| Fraction::capped(used, capacity);
            fraction(*one).distance(fraction(*other)).half().rest_of_hundred()
        }
        more => {
            // Only other resources by configuration come here. In parts of 2^32 the root of the mean square is near enough
            // to cut off the same whole number.
            let parts: Vec<i128> = more
                .iter()
                .map(|(used, capacity)| (i128::from((*used).clamp(0, *capacity)) << 32) / i128::from(*capacity))
                .collect();
            let count = parts.len() as i128;
            let mean = parts.iter().sum::<i128>() / count;
            let squares: i128 = parts.iter().map(|part| (part - mean) * (part - mean)).sum();
            let deviation = ((squares / count) as u128).isqrt() as i128;
            ((((1_i128 << 32) - deviation) * i128::from(MAX_NODE_SCORE)) >> 32) as i64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balances() {
        assert_eq!(balance(&[(1, 4), (3, 8)]), 93);
        assert_eq!(balance(&[(2, 4), (4, 8)]), 100);
        assert_eq!(balance(&[(5, 4), (0, 8)]), 50);
        assert_eq!(balance(&[(1, 4)]), 100);
        assert_eq!(balance(&[(4, 4), (0, 8), (0, 8)]), 52);
    }
}
