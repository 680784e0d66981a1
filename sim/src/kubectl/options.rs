//! Flags that many commands share, and what they mean: `k8s.io/kubectl/pkg/cmd/util/helpers.go`, cli-runtime's print flags.

use super::args::{Flag, FlagKind};
use super::invocation::Invocation;
use crate::core::Request;

/// Joins lists of flags at compile time; `N` is the sum of their lengths. [`flags!`](crate::kubectl::options::flags) counts for you.
pub const fn join<const N: usize>(parts: &[&[Flag]]) -> [Flag; N] {
    let mut all = [Flag::bool("", ""); N];
    let (mut part, mut at) = (0, 0);
    while part < parts.len() {
        let mut flag = 0;
        while flag < parts[part].len() {
            all[at] = parts[part][flag];
            at += 1;
            flag += 1;
        }
        part += 1;
    }
    all
}

/// One list of flags from several constants of lists.
macro_rules! flags {
    ($($part:expr),* $(,)?) => {{
        const COUNT: usize = 0 $(+ $part.len())*;
        const JOINED_FLAGS: [$crate::kubectl::Flag; COUNT] = $crate::kubectl::options::join(&[$($part),*]);
        &JOINED_FLAGS
    }};
}
pub(crate) use flags;

/// `-o` and what goes with it.
pub const PRINT: &[Flag] = &[
    Flag::text("output", "", "Output format. One of: (json, yaml, name, jsonpath, jsonpath-as-json, jsonpath-file).").letter('o'),
    Flag::refused("template", FlagKind::Text, "Go templates are left out; use -o jsonpath=…"),
    Flag::bool("allow-missing-template-keys", "If true, ignore errors in templates when a field is missing.").on(),
    Flag::bool("show-managed-fields", "If true, keep the managedFields when printing objects in JSON or YAML format."),
];

/// `-f`, `-k`, `-R`.
pub const FILES: &[Flag] = &[
    Flag::list("filename", "Filename or directory to files that contain the objects; - for stdin. URLs are not modelled.")
        .letter('f'),
    Flag::refused("kustomize", FlagKind::Text, "kustomizations are left out; apply their manifests by -f").letter('k'),
    Flag::bool("recursive", "Process the directory used in -f, --filename recursively.").letter('R'),
];

/// `--dry-run`.
pub const DRY_RUN: &[Flag] = &[Flag::text(
    "dry-run",
    "none",
    "Must be \"none\", \"server\", or \"client\". If client, only print the object that would be sent. If server, submit the request \
     without persisting the object.",
)
.bare("unchanged")];

/// `--validate`.
pub const VALIDATE: &[Flag] = &[Flag::text(
    "validate",
    "strict",
    "Must be one of: strict (or true), warn, ignore (or false). What the server does with unknown fields.",
)
.bare("strict")];

/// `--save-config`.
pub const SAVE_CONFIG: &[Flag] =
    &[Flag::bool("save-config", "If true, keep the configuration in the object's annotation for a later kubectl apply.")];

/// `--record`, deprecated.
pub const RECORD: &[Flag] = &[Flag::refused("record", FlagKind::Bool, "it is deprecated; annotate kubernetes.io/change-cause")];

/// `-l`.
pub const SELECTOR: &[Flag] =
    &[Flag::text("selector", "", "Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'.").letter('l')];

/// `--all`.
pub const ALL: &[Flag] = &[Flag::bool("all", "Select all resources in the namespace of the specified resource types.")];

/// `-A`.
pub const ALL_NAMESPACES: &[Flag] =
    &[Flag::bool("all-namespaces", "If true, the requested objects of all namespaces.").letter('A')];

/// `--field-selector`.
pub const FIELD_SELECTOR: &[Flag] =
    &[Flag::text("field-selector", "", "Selector (field query) to filter on, supports '=', '==', and '!='.")];

/// `--field-manager`.
pub const fn field_manager(default: &'static str) -> Flag {
    Flag::text("field-manager", default, "Name of the manager used to track field ownership.")
}

/// What `--dry-run` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DryRun {
    /// The change is made.
    #[default]
    None,
    /// Nothing is sent.
    Client,
    /// The server computes the change and stores nothing.
    Server,
}

impl DryRun {
    /// Reads `--dry-run` (`GetDryRunStrategy`). The error is kubectl's text.
    pub fn of(inv: &Invocation) -> Result<Self, String> {
        match inv.flag("dry-run") {
            "unchanged" => {
                Err("--dry-run flag without a value was specified. A value must be set: \"none\", \"server\", or \"client\"."
                    .into())
            }
            "client" => Ok(Self::Client),
            "server" => Ok(Self::Server),
            "none" => Ok(Self::None),
            other => Err(format!("Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\".")),
        }
    }

    /// What is put behind `created` and the like.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Client => " (dry run)",
            Self::Server => " (server dry run)",
        }
    }

    /// The request, as a dry run if it is one.
    pub fn on(self, request: Request) -> Request {
        if self == Self::Server { request.param("dryRun", "All") } else { request }
    }
}

/// Reads `--validate` as the `fieldValidation` parameter (`GetValidationDirective`). The error is kubectl's text.
pub fn field_validation(inv: &Invocation) -> Result<&'static str, String> {
    match inv.flag("validate") {
        "strict" | "true" | "1" | "t" | "T" | "TRUE" | "True" => Ok("Strict"),
        "warn" => Ok("Warn"),
        "ignore" | "false" | "0" | "f" | "F" | "FALSE" | "False" => Ok("Ignore"),
        other => Err(format!("invalid - validate option {other:?}; must be one of: strict (or true), warn, ignore (or false)")),
    }
}

/// The arguments before and from the first pair such as `key=value` or `key-` on (`GetResourcesAndPairs`).
pub fn resources_and_pairs(args: &[String], what: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let (mut resources, mut pairs) = (Vec::new(), Vec::new());
    for arg in args {
        let is_pair = arg.contains('=') && !arg.starts_with('=') || arg.ends_with('-') && arg != "-";
        match (is_pair, pairs.is_empty()) {
            (true, _) => pairs.push(arg.clone()),
            (false, true) => resources.push(arg.clone()),
            (false, false) => return Err(format!("all resources must be specified before {what} changes: {arg}")),
        }
    }
    Ok((resources, pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_last() {
        let words = |text: &str| text.split(' ').map(str::to_string).collect::<Vec<_>>();
        assert_eq!(resources_and_pairs(&words("pod a x=y z-"), "label"), Ok((words("pod a"), words("x=y z-"))));
        assert_eq!(
            resources_and_pairs(&words("pod x=y a"), "label"),
            Err("all resources must be specified before label changes: a".into())
        );
    }

    #[test]
    fn lists_of_flags_are_joined() {
        const JOINED: &[Flag] = flags!(PRINT, DRY_RUN, &[field_manager("kubectl-x")]);
        assert_eq!(JOINED.len(), PRINT.len() + 2);
        assert_eq!(JOINED[PRINT.len()].long, "dry-run");
    }
}
