//! `kubectl set image`.

use super::{FLAGS, read, update};
use crate::flow::{Flow, Io};
use crate::kubectl::manifests;
use crate::kubectl::options::resources_and_pairs;
use crate::kubectl::{Command, Error, Invocation};

pub(super) static COMMAND: Command = Command {
    name: "image",
    usage: "image (-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... CONTAINER_NAME_N=CONTAINER_IMAGE_N",
    short: "Update the image of a pod template",
    examples: &[
        "# Set a deployment's nginx container image to 'nginx:1.9.1', and its busybox container image to 'busybox'",
        "kubectl set image deployment/nginx busybox=busybox nginx=nginx:1.9.1",
        "# Update image of all containers of daemonset abc to 'nginx:1.9.1'",
        "kubectl set image daemonset abc *=nginx:1.9.1",
    ],
    flags: FLAGS,
    run: Some(run),
    ..Command::NEW
};

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let split = resources_and_pairs(&inv.args, "image");
    let (args, pairs) = inv.or_fail(io, split)?;
    let mut images: Vec<(String, String)> = Vec::new();
    for pair in &pairs {
        match pair.split_once('=') {
            Some((name, image)) => images.push((name.to_string(), image.to_string())),
            None => return inv.fail(io, format!("invalid image format: {pair}")),
        }
    }
    let found = if args.is_empty() && !manifests::given(inv) { Vec::new() } else { read(inv, io, &args)? };
    let mut misuse = Vec::new();
    if inv.is("all") && !inv.flag("selector").is_empty() {
        misuse.push(Error::from("cannot set --all and --selector at the same time"));
    }
    if args.is_empty() && !manifests::given(inv) {
        misuse.push("one or more resources must be specified as <resource> <name> or <resource>/<name>".into());
    }
    if images.is_empty() {
        misuse.push("at least one image update is required".into());
    } else if images.len() > 1 && images.iter().any(|(name, _)| name == "*") {
        misuse
            .push("all containers are already specified by *, but saw more than one container_name=container_image pairs".into());
    }
    let checked = Error::aggregate(misuse);
    inv.or_fail(io, checked)?;
    update(inv, io, &found, ("image updated", "image update to pod template"), |_, spec| {
        let mut errors = Vec::new();
        for (name, image) in &images {
            let mut hit = false;
            for list in ["initContainers", "containers"] {
                for index in 0..spec[list].items().len() {
                    if name == "*" || spec[list][index]["name"].str() == name {
                        hit = true;
                        spec[list][index]["image"] = image.into();
                    }
                }
            }
            if !hit {
                errors.push(Error::Text(format!("error: unable to find container named {name:?}")));
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    })
}

#[cfg(test)]
mod tests {
    use crate::kubectl::set::tests::run;

    #[test]
    fn requests_are_as_recorded() {
        let set = run("kubectl set image deployment/web nginx=nginx:1.28");
        assert_eq!(set.out, "deployment.apps/web image updated\n");
        let web = "/apis/apps/v1/namespaces/default/deployments/web";
        assert_eq!(set.requests, [format!("GET {web}"), format!("PATCH {web}?fieldManager=kubectl-set")]);
        let same = run("kubectl set image deployment/web nginx=nginx:1.27");
        assert_eq!((same.out.as_str(), same.requests.len(), same.code), ("", 1, Some(0)));
    }

    #[test]
    fn misuse() {
        assert_eq!(
            run("kubectl set image deployment/web nope=nginx:1.28").err,
            "error: unable to find container named \"nope\"\n"
        );
        assert_eq!(run("kubectl set image deployment/web").err, "error: at least one image update is required\n");
    }
}
