//! PrioritySort: pods of a higher priority first, then those that wait longer (`plugins/queuesort`).

use std::cmp::{Ordering, Reverse};

use super::super::framework::{Plugin, QueueSort, Waiting};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct PrioritySort;

impl Plugin for PrioritySort {
    fn name(&self) -> &'static str {
        "PrioritySort"
    }
    fn queue_sort(&self) -> Option<&dyn QueueSort> {
        Some(self)
    }
}

impl QueueSort for PrioritySort {
    fn compare(&self, one: Waiting<'_>, other: Waiting<'_>) -> Ordering {
        let rank = |waiting: Waiting<'_>| (Reverse(waiting.pod.priority), waiting.since);
        rank(one).cmp(&rank(other))
    }
}
