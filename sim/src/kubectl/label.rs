//! `kubectl label` and `kubectl annotate`, after `pkg/cmd/label/label.go` and `pkg/cmd/annotate/annotate.go`.

use super::args::{Command, Flag};
use super::error::Error;
use super::invocation::Invocation;
use super::manifests;
use super::options::{
    ALL, ALL_NAMESPACES, DRY_RUN, DryRun, FIELD_SELECTOR, FILES, PRINT, RECORD, SELECTOR, field_manager, flags,
    resources_and_pairs,
};
use super::outcome::Outcome;
use super::replica_sets::CHANGE_CAUSE;
use super::resources::{Choice, Found};
use super::subjects;
use crate::api::names;
use crate::api::patch::merge_patch;
use crate::core::{PatchType, Request};
use crate::flow::{Flow, Io};
use crate::value::{Map, Value};

/// `kubectl label`
pub(super) static LABEL: Command = Command {
    name: "label",
    usage: "label [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]",
    short: "Update the labels on a resource",
    long: "Labels choose: services their pods, ReplicaSets theirs, nodeSelectors their nodes. KEY- removes a label.",
    examples: &[
        "# Update pod 'foo' with the label 'unhealthy' and the value 'true'",
        "kubectl label pods foo unhealthy=true",
        "# Update pod 'foo' by removing a label named 'bar' if it exists",
        "kubectl label pods foo bar-",
    ],
    flags: flags!(
        PRINT,
        FILES,
        DRY_RUN,
        SELECTOR,
        FIELD_SELECTOR,
        ALL,
        ALL_NAMESPACES,
        RECORD,
        OWN,
        &[field_manager("kubectl-label")]
    ),
    run: Some(|inv, io| run(inv, io, &LABELS)),
    ..Command::NEW
};

/// `kubectl annotate`
pub(super) static ANNOTATE: Command = Command {
    name: "annotate",
    usage: "annotate [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]",
    short: "Update the annotations on a resource",
    long: "Annotations hold what programs and people note about an object; nothing is chosen by them. KEY- removes one.",
    examples: &[
        "# Update pod 'foo' with the annotation 'description' and the value 'my frontend'",
        "kubectl annotate pods foo description='my frontend'",
    ],
    flags: flags!(
        PRINT,
        FILES,
        DRY_RUN,
        SELECTOR,
        FIELD_SELECTOR,
        ALL,
        ALL_NAMESPACES,
        RECORD,
        OWN,
        &[field_manager("kubectl-annotate")]
    ),
    run: Some(|inv, io| run(inv, io, &ANNOTATIONS)),
    ..Command::NEW
};

const OWN: &[Flag] = &[
    Flag::bool("overwrite", "If true, allow values to be overwritten, otherwise reject updates that overwrite existing ones."),
    Flag::bool("list", "If true, display the values for a given resource."),
    Flag::bool("local", "If true, will NOT contact api-server but run locally, on the objects of -f."),
    Flag::text(
        "resource-version",
        "",
        "If non-empty, the update will only succeed if this is the current resource-version for the object.",
    ),
];

/// What differs between the two commands.
struct Kind {
    noun: &'static str,
    field: &'static str,
    check: fn(&[String]) -> Result<Changes, String>,
    check_overwrite: fn(&Value, &Changes) -> Vec<Error>,
}

const LABELS: Kind = Kind { noun: "label", field: "labels", check: parse_labels, check_overwrite: label_overwrites };
const ANNOTATIONS: Kind =
    Kind { noun: "annotation", field: "annotations", check: parse_annotations, check_overwrite: annotation_overwrites };

/// What is to be set and what to be removed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    set: Vec<(String, String)>,
    remove: Vec<String>,
}

fn run(inv: &Invocation, io: &mut Io, kind: &Kind) -> Flow<()> {
    let dry_run = DryRun::of(inv);
    let dry_run = inv.or_fail(io, dry_run)?;
    let outcome = Outcome::new(inv, dry_run);
    let mut outcome = inv.or_fail(io, outcome)?;
    let pairs = resources_and_pairs(&inv.args, kind.noun);
    let (resources, pairs) = inv.or_fail(io, pairs)?;
    let changes = (kind.check)(&pairs);
    let changes = inv.or_fail(io, changes)?;
    if let Err(misuse) = misuse(inv, kind, dry_run, &resources, &changes) {
        return inv.fail(io, misuse);
    }
    let choice = Choice {
        labels: Some(inv.flag("selector")),
        fields: Some(inv.flag("field-selector")),
        all: inv.is("all"),
        type_alone: false,
        all_namespaces: inv.is("all-namespaces"),
    };
    let subjects = subjects::read(inv, io, &resources, choice, !inv.is("local"))?;
    let (found, mut errors) = inv.or_fail(io, subjects)?;
    let single = found.len() == 1 && errors.is_empty();
    if !inv.flag("resource-version").is_empty() && !single {
        return inv.fail(io, "--resource-version may only be used with a single resource");
    }
    for one in &found {
        if let Err(error) = change(inv, io, kind, one, &changes, dry_run, (single, &mut outcome))? {
            errors.push(error);
        }
    }
    inv.finish(io, errors)
}

fn misuse(inv: &Invocation, kind: &Kind, dry_run: DryRun, resources: &[String], changes: &Changes) -> Result<(), String> {
    if inv.is("list") && !inv.flag("output").is_empty() {
        return Err("--list and --output may not be specified together".into());
    }
    if inv.is("all") && !inv.flag("selector").is_empty() {
        return Err("cannot set --all and --selector at the same time".into());
    }
    if inv.is("all") && !inv.flag("field-selector").is_empty() {
        return Err("cannot set --all and --field-selector at the same time".into());
    }
    if inv.is("local") {
        if dry_run == DryRun::Server {
            return Err("cannot specify --local and --dry-run=server - did you mean --dry-run=client?".into());
        }
        if !resources.is_empty() {
            return Err("can only use local files by -f pod.yaml or --filename=pod.json when --local=true is set".into());
        }
        if !manifests::given(inv) {
            return Err("one or more files must be specified as -f pod.yaml or --filename=pod.json".into());
        }
    } else if resources.is_empty() && !manifests::given(inv) {
        return Err("one or more resources must be specified as <resource> <name> or <resource>/<name>".into());
    }
    if changes.set.is_empty() && changes.remove.is_empty() && !inv.is("list") {
        return Err(format!("at least one {} update is required", kind.noun));
    }
    Ok(())
}

/// Changes one object and prints it.
fn change(
    inv: &Invocation,
    io: &mut Io,
    kind: &Kind,
    one: &Found,
    changes: &Changes,
    dry_run: DryRun,
    (single, outcome): (bool, &mut Outcome),
) -> Flow<Result<(), Error>> {
    let old = one.object["metadata"][kind.field].clone();
    let local = dry_run == DryRun::Client || inv.is("local") || inv.is("list");
    if !local && kind.noun == "label" {
        for key in changes.remove.iter().filter(|key| old[key.as_str()].is_null()) {
            io.print(&format!("label {key:?} not found.\n"));
        }
    }
    if !inv.is("overwrite")
        && let Err(error) = Error::aggregate((kind.check_overwrite)(&old, changes))
    {
        return Ok(Err(error));
    }
    let mut new = if old.is_null() { Map::new() } else { old.as_map().cloned().unwrap_or_default() };
    for (key, value) in &changes.set {
        new.insert(key.as_str().to_string(), value);
    }
    for key in &changes.remove {
        new.remove(key);
    }
    let new = Value::from(new);
    let version = inv.flag("resource-version");
    let mut object = one.object.clone();
    object["metadata"].set(kind.field, new);
    let mut patch = merge_patch(&one.object, &object);
    if !version.is_empty() {
        object["metadata"].set("resourceVersion", version.to_string());
    }
    let operation = operation(kind, &one.object, &object, inv.is("overwrite"));
    if !local {
        if !version.is_empty() {
            patch["metadata"].set("resourceVersion", version.to_string());
        }
        let request = Request::patch(one.resource, namespace(one), one.object.name().to_string(), patch)
            .patch_type(PatchType::Merge)
            .param("fieldManager", inv.flag("field-manager").to_string());
        match io.request(dry_run.on(request))? {
            Ok(patched) => object = patched,
            Err(error) => return Ok(Err(error.into())),
        }
    }
    if inv.is("list") {
        let mut indent = "";
        if !single {
            io.print(&format!("Listing {} for {}.{}/{}:\n", kind.field, one.resource.kind, one.resource.group, object.name()));
            indent = " ";
        }
        for (key, value) in object["metadata"][kind.field].entries() {
            io.print(&format!("{indent}{key}={}\n", value.str()));
        }
        return Ok(Ok(()));
    }
    Ok(outcome.print(io, &object, operation))
}

fn namespace(one: &Found) -> String {
    if one.resource.namespaced { one.object.namespace().to_string() } else { String::new() }
}

/// What the command says it did. kubectl goes by the length of the object's JSON.
fn operation(kind: &Kind, old: &Value, new: &Value, overwrite: bool) -> &'static str {
    if kind.noun == "annotation" {
        return "annotated";
    }
    match (old == new, !overwrite && new.to_json().len() < old.to_json().len()) {
        (true, _) => "not labeled",
        (false, true) => "unlabeled",
        (false, false) => "labeled",
    }
}

fn parse_labels(pairs: &[String]) -> Result<Changes, String> {
    let mut changes = Changes::default();
    for pair in pairs {
        if pair.contains('=') {
            let [key, value] = pair.split('=').collect::<Vec<_>>()[..] else { return Err(format!("invalid label spec: {pair}")) };
            let wrong = names::label_value(value);
            if !wrong.is_empty() {
                return Err(format!("invalid label value: {pair:?}: {}", wrong.join(";")));
            }
            changes.set.push((key.to_string(), value.to_string()));
        } else if let Some(key) = pair.strip_suffix('-') {
            changes.remove.push(key.to_string());
        } else {
            return Err(format!("unknown label spec: {pair}"));
        }
    }
    if changes.remove.iter().any(|key| changes.set.iter().any(|(have, _)| have == key)) {
        return Err("can not both modify and remove a label in the same command".into());
    }
    Ok(changes)
}

fn parse_annotations(pairs: &[String]) -> Result<Changes, String> {
    let mut changes = Changes::default();
    for pair in pairs {
        match pair.split_once('=') {
            Some((key, value)) => changes.set.push((key.to_string(), value.to_string())),
            None => changes.remove.push(pair.trim_end_matches('-').to_string()),
        }
    }
    let both: Vec<&str> =
        changes.remove.iter().filter(|key| changes.set.iter().any(|(have, _)| have == *key)).map(String::as_str).collect();
    if both.is_empty() {
        Ok(changes)
    } else {
        Err(format!("can not both modify and remove the following annotation(s) in the same command: {}", both.join(", ")))
    }
}

fn declared(old: &Value, changes: &Changes) -> Vec<(String, String)> {
    let set = changes.set.iter().filter_map(|(key, value)| Some((key, value, old[key.as_str()].as_str()?)));
    set.filter(|(_, value, have)| value.as_str() != *have).map(|(key, _, have)| (key.clone(), have.to_string())).collect()
}

fn label_overwrites(old: &Value, changes: &Changes) -> Vec<Error> {
    let text = |(key, have)| Error::Text(format!("'{key}' already has a value ({have}), and --overwrite is false"));
    declared(old, changes).into_iter().map(text).collect()
}

fn annotation_overwrites(old: &Value, changes: &Changes) -> Vec<Error> {
    // Why a rollout was made may be told anew at any time.
    let declared = declared(old, changes).into_iter().filter(|(key, _)| *key != CHANGE_CAUSE);
    let found: Vec<String> = declared.map(|(key, have)| format!("'{key}' already has a value ({have})")).collect();
    if found.is_empty() {
        return Vec::new();
    }
    let text = format!("--overwrite is false but found the following declared annotation(s): {}", found.join("; "));
    vec![Error::Text(text)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::testing;
    use crate::shell::Env;
    use crate::value;

    fn pod() -> Value {
        value!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "nginx", "namespace": "default", "labels": {"run": "nginx", "color": "red"}}})
    }

    fn run(line: &str) -> testing::Outcome {
        testing::run(line, &Env::default(), |_| Ok(pod()))
    }

    #[test]
    fn requests_are_as_recorded() {
        let labeled = run("kubectl label pod nginx tier=gold");
        assert_eq!(labeled.out, "pod/nginx labeled\n");
        assert_eq!(
            labeled.requests,
            [
                "GET /api/v1/namespaces/default/pods/nginx",
                "PATCH /api/v1/namespaces/default/pods/nginx?fieldManager=kubectl-label"
            ]
        );
        assert_eq!(run("kubectl label pod nginx color-").out, "pod/nginx unlabeled\n");
        assert_eq!(run("kubectl label pod nginx color=red").out, "pod/nginx not labeled\n");
        assert_eq!(run("kubectl annotate pod nginx note-").out, "pod/nginx annotated\n");
    }

    #[test]
    fn misuse_is_answered_in_kubectls_words() {
        assert_eq!(
            run("kubectl label pod nginx run=other").err,
            "error: 'run' already has a value (nginx), and --overwrite is false\n"
        );
        assert_eq!(run("kubectl label pod nginx").err, "error: at least one label update is required\n");
        assert_eq!(run("kubectl annotate pod nginx").err, "error: at least one annotation update is required\n");
        assert!(
            run("kubectl label pod nginx k=-v-").err.starts_with("error: invalid label value: \"k=-v-\": a valid label must")
        );
    }

    #[test]
    fn the_cause_of_a_change_is_told_anew() {
        let cause = |key: &str| {
            let old = value!({"note": "a", "kubernetes.io/change-cause": "a"});
            annotation_overwrites(&old, &Changes { set: vec![(key.into(), "b".into())], remove: Vec::new() })
        };
        assert_eq!(cause("note").len(), 1);
        assert_eq!(cause(CHANGE_CAUSE), []);
    }
}
