//! `kubectl attach`, `cp`, `debug` and `port-forward`: they need a connection that stays open in both directions, which is left out.
//! Whether the pod exists is still asked, so that a wrong name is answered as kubectl answers it.

use super::args::{Command, Flag};
use super::invocation::Invocation;
use crate::api::resource::PODS;
use crate::core::Request;
use crate::flow::{Flow, Io};

pub(super) static ATTACH: Command = Command {
    name: "attach",
    usage: "attach (POD | TYPE/NAME) -c CONTAINER",
    short: "Attach to a running container",
    long: "Attaching is not modelled; see kubectl logs.",
    flags: &[
        Flag::text("container", "", "Container name.").letter('c'),
        Flag::bool("stdin", "Pass stdin to the container").letter('i'),
        Flag::bool("tty", "Stdin is a TTY").letter('t'),
    ],
    run: Some(|inv, io| {
        let Some(argument) = inv.args.first() else {
            return inv.usage_error(io, "at least 1 argument is required for attach");
        };
        refuse(inv, io, argument, "use kubectl logs")
    }),
    ..Command::NEW
};

pub(super) static COPY: Command = Command {
    name: "cp",
    usage: "cp <file-spec-src> <file-spec-dest>",
    short: "Copy files and directories to and from containers",
    long: "Containers have no files of their own that could be copied; ConfigMaps bring files into them.",
    flags: &[Flag::text("container", "", "Container name.").letter('c')],
    run: Some(|inv, io| {
        let [source, destination] = inv.args.as_slice() else {
            return inv.usage_error(io, "source and destination are required");
        };
        let pod_of = |spec: &str| spec.split_once(':').map(|(pod, _)| pod.rsplit('/').next().unwrap_or_default().to_string());
        match (pod_of(source), pod_of(destination)) {
            (Some(_), Some(_)) => inv.fail(io, "one of src or dest must be a local file specification"),
            (Some(pod), None) | (None, Some(pod)) => refuse(inv, io, &pod, "containers have no files of their own"),
            (None, None) => inv.fail(io, "one of src or dest must be a remote file specification"),
        }
    }),
    ..Command::NEW
};

pub(super) static DEBUG: Command = Command {
    name: "debug",
    usage: "debug (POD | TYPE[[.VERSION].GROUP]/NAME) [ -- COMMAND [args...] ]",
    short: "Create debugging sessions for troubleshooting workloads and nodes",
    long: "Ephemeral containers are not modelled; see kubectl exec.",
    flags: &[
        Flag::text("image", "", "Container image to use for debug container."),
        Flag::text("target", "", "When using an ephemeral container, target processes in this container name."),
        Flag::bool("stdin", "Keep stdin open on the container(s) in the pod, even if nothing is attached.").letter('i'),
        Flag::bool("tty", "Allocate a TTY for the debugging container.").letter('t'),
    ],
    run: Some(|inv, io| {
        let Some(argument) = inv.args.first() else {
            return inv.fail(io, "NAME is required for debug");
        };
        refuse(inv, io, argument, "use kubectl exec")
    }),
    ..Command::NEW
};

pub(super) static PORT_FORWARD: Command = Command {
    name: "port-forward",
    usage: "port-forward TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]",
    short: "Forward one or more local ports to a pod",
    long: "Forwarding is not modelled: the user's computer has no programs that would connect.",
    flags: &[Flag::list("address", "Addresses to listen on (comma separated).")],
    run: Some(|inv, io| {
        if inv.args.len() < 2 {
            return inv.usage_error(io, "TYPE/NAME and list of ports are required for port-forward");
        }
        refuse(inv, io, &inv.args[0], "the user's computer has no programs that would connect")
    }),
    ..Command::NEW
};

/// Looks whether the pod exists, and says that the command is not modelled. Nodes and workloads are not looked up.
fn refuse(inv: &Invocation, io: &mut Io, argument: &str, why: &str) -> Flow<()> {
    let pod = match argument.split_once('/') {
        Some(("pod" | "pods" | "po", name)) => Some(name),
        Some(_) => None,
        None => Some(argument),
    };
    if let Some(pod) = pod
        && let Err(error) = io.request(Request::get(PODS, &inv.namespace, pod.to_string()))?
    {
        return inv.fail(io, error);
    }
    inv.fail(io, format!("{:?} is not modelled by kube-orrery: {why}", inv.path))
}

#[cfg(test)]
mod tests {
    use crate::api::ApiError;
    use crate::kubectl::testing;
    use crate::shell::Env;
    use crate::value::Value;

    #[test]
    fn the_pod_is_looked_up_first() {
        let lines =
            ["kubectl attach x", "kubectl cp x:/a a", "kubectl debug x --image=busybox", "kubectl port-forward pod/x 8080:80"];
        for line in lines {
            let missing = testing::run(line, &Env::default(), |request| Err(ApiError::not_found("pods", &request.name)));
            assert_eq!(missing.err, "Error from server (NotFound): pods \"x\" not found\n", "{line}");
            let there = testing::run(line, &Env::default(), |_| Ok(Value::map()));
            assert!(there.err.contains("is not modelled by kube-orrery"), "{line}");
        }
    }
}
