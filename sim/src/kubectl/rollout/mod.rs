//! `kubectl rollout` and its commands.

mod change;
mod history;
mod status;
mod undo;

use super::args::Command;

/// `kubectl rollout`
pub(super) static COMMAND: Command = Command {
    name: "rollout",
    short: "Manage the rollout of a resource",
    long: "Manage the rollout of one or many resources.\nValid resource types include deployments and daemonsets.",
    examples: &[
        "# Rollback to the previous deployment",
        "kubectl rollout undo deployment/abc",
        "# Check the rollout status of a daemonset",
        "kubectl rollout status daemonset/foo",
        "# Restart a deployment",
        "kubectl rollout restart deployment/abc",
    ],
    commands: &[&history::COMMAND, &change::PAUSE, &change::RESTART, &change::RESUME, &status::COMMAND, &undo::COMMAND],
    ..Command::NEW
};
