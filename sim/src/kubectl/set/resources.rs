//! `kubectl set resources`.

use super::{FLAGS, is_chosen, read, update};
use crate::flow::{Flow, Io};
use crate::kubectl::create::quantities;
use crate::kubectl::options::flags;
use crate::kubectl::{Command, Error, Flag, Invocation};
use crate::value::Value;

pub(super) static COMMAND: Command = Command {
    name: "resources",
    usage: "resources (-f FILENAME | TYPE NAME) ([--limits=LIMITS & --requests=REQUESTS]",
    short: "Update resource requests/limits on objects with pod templates",
    examples: &[
        "# Set a deployments nginx container cpu limits to \"200m\" and memory to \"512Mi\"",
        "kubectl set resources deployment nginx -c=nginx --limits=cpu=200m,memory=512Mi",
    ],
    flags: flags!(
        FLAGS,
        &[
            Flag::text("containers", "*", "The names of containers in the selected pod templates to change - may use wildcards")
                .letter('c'),
            Flag::text("limits", "", "The resource requirement limits for this container. For example, 'cpu=100m,memory=256Mi'."),
            Flag::text(
                "requests",
                "",
                "The resource requirement requests for this container. For example, 'cpu=100m,memory=256Mi'."
            ),
        ]
    ),
    run: Some(run),
    ..Command::NEW
};

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let found = read(inv, io, &inv.args)?;
    if inv.is("all") && !inv.flag("selector").is_empty() {
        return inv.fail(io, "cannot set --all and --selector at the same time");
    }
    if inv.flag("limits").is_empty() && inv.flag("requests").is_empty() {
        return inv.fail(io, "you must specify an update to requests or limits (in the form of --requests/--limits)");
    }
    let mut wanted: Vec<(&'static str, Value)> = Vec::new();
    for field in ["limits", "requests"] {
        if !inv.flag(field).is_empty() {
            let list = quantities(inv.flag(field));
            wanted.push((field, inv.or_fail(io, list)?));
        }
    }
    let pattern = inv.flag("containers");
    update(inv, io, &found, ("resource requirements updated", "resources update to pod template"), |_, spec| {
        let mut hit = false;
        for list in ["containers", "initContainers"] {
            for index in 0..spec[list].items().len() {
                if !is_chosen(spec[list][index]["name"].str(), pattern) {
                    continue;
                }
                hit = true;
                for (field, quantities) in &wanted {
                    for (name, quantity) in quantities.entries() {
                        spec[list][index]["resources"][*field].map_mut().insert(name.clone(), quantity);
                    }
                }
            }
        }
        if hit { Ok(()) } else { Err(vec![Error::Text(format!("error: unable to find container named {pattern}"))]) }
    })
}

#[cfg(test)]
mod tests {
    use crate::kubectl::set::tests::run;

    #[test]
    fn words_are_as_recorded() {
        assert_eq!(
            run("kubectl set resources deployment/web --limits=cpu=200m,memory=128Mi --requests=cpu=100m").out,
            "deployment.apps/web resource requirements updated\n"
        );
        assert_eq!(
            run("kubectl set resources deployment/web").err,
            "error: you must specify an update to requests or limits (in the form of --requests/--limits)\n"
        );
    }
}
