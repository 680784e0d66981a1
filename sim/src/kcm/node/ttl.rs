//! ttl-controller: kubelets of large clusters may cache secrets and config maps for longer (`pkg/controller/ttl`).

use super::node;
use crate::api::resource::NODES;
use crate::client::Change;
use crate::core::Request;
use crate::kcm::context::Context;
use crate::kcm::reconcile::{Io, QueueId, Step, Stop};
use crate::value;
use crate::value::Text;

const ANNOTATION: &str = "node.alpha.kubernetes.io/ttl";

/// (the smallest and the largest number of nodes of a step, its ttl in seconds); the steps overlap so that the ttl does not flap.
const STEPS: [(usize, usize, u32); 5] = [(0, 100, 0), (90, 500, 15), (450, 1000, 30), (900, 2000, 60), (1800, usize::MAX, 300)];

/// Nodes come, go and change.
pub(super) fn on_change(context: &mut Context<'_, '_>, change: &Change) {
    let count = context.view.store(NODES).len();
    let step = &mut context.view.nodes.ttl_step;
    while count > STEPS[*step].1 {
        *step += 1;
    }
    while count < STEPS[*step].0 {
        *step -= 1;
    }
    if change.new.is_some() {
        context.enqueue(QueueId::Ttl, &change.object().key());
    }
}

/// Annotates a node.
pub(in crate::kcm) fn sync(io: &mut Io<'_>, key: &str) -> Step<()> {
    let Some(node) = node(io.view, key) else { return Ok(()) };
    let ttl = STEPS[io.view.nodes.ttl_step].2.to_string();
    if node.annotation(ANNOTATION) == Some(&ttl) {
        return Ok(());
    }
    let patch = value!({"metadata": {"annotations": {ANNOTATION: ttl}}});
    match io.request(Request::patch(NODES, "", Text::new(key), patch))? {
        Err(error) if error.code() != 404 => Err(Stop::Retry),
        _ => Ok(()),
    }
}
