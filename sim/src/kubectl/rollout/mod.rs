//! `kubectl rollout` and its commands.

mod history;
mod status;

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
    commands: &[
        &history::COMMAND,
        &Command::absent("pause", "Mark the provided resource as paused"),
        &Command::absent("restart", "Restart a resource"),
        &Command::absent("resume", "Resume a paused resource"),
        &status::COMMAND,
        &Command::absent("undo", "Undo a previous rollout"),
    ],
    ..Command::NEW
};
