//! `kubectl exec`, after `k8s.io/kubectl/pkg/cmd/exec/exec.go`.

use super::args::{Command, Flag};
use super::error::Error;
use super::invocation::Invocation;
use super::pod_of;
use crate::api::resource::PODS;
use crate::core::{Duration, Request, Verb};
use crate::flow::{Flow, Io, RequestError, Stream};
use crate::value;
use crate::value::Value;

pub(super) static COMMAND: Command = Command {
    name: "exec",
    usage: "exec (POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...]",
    short: "Execute a command in a container",
    long: "Execute a command in a container.\nA command runs to its end and its output comes at once; typing into it is not modelled.",
    examples: &[
        "# Get output from running the 'date' command from pod mypod, using the first container by default",
        "kubectl exec mypod -- date",
        "# Get output from running 'date' command from the first pod of the deployment mydeployment",
        "kubectl exec deploy/mydeployment -- date",
    ],
    flags: &[
        Flag::text("container", "", "Container name").letter('c'),
        Flag::duration("pod-running-timeout", "1m0s", "The length of time to wait until at least one pod is running"),
        Flag::bool("quiet", "Only print output from the remote session").letter('q'),
        Flag::bool("stdin", "Pass stdin to the container").letter('i'),
        Flag::bool("tty", "Stdin is a TTY").letter('t'),
    ],
    run: Some(run),
    ..Command::NEW
};

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let (argument, command) = match (inv.args.as_slice(), inv.dash) {
        ([argument, ..], Some(dash)) if dash > 0 => (argument.as_str(), &inv.args[dash..]),
        ([_, _, ..], None) => {
            let message = "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead";
            return inv.usage_error(io, message);
        }
        ([argument], None) => (argument.as_str(), &[][..]),
        _ => return inv.fail(io, "pod, type/name or --filename must be specified"),
    };
    if command.is_empty() {
        return inv.fail(io, "you must specify at least one command for the container");
    }
    let target = inv.or_fail(io, pod_of::target(inv, argument))?;
    let answer = io.request(target.request())?;
    let mut object = inv.or_fail(io, answer)?;
    object.set("kind", target.resource().kind);
    let wait = Duration::us(u64::try_from(inv.duration_us("pod-running-timeout")).unwrap_or(0));
    let pod = match pod_of::pod(inv, io, object.clone(), false, wait)? {
        Err(Error::Text(text)) if text.contains("not implemented") => {
            return inv.fail(io, format!("cannot attach to *v1.{}: {text}", object.kind()));
        }
        other => inv.or_fail(io, other)?,
    };
    let phase = pod["status"]["phase"].str();
    if matches!(phase, "Succeeded" | "Failed") {
        return inv.fail(io, format!("cannot exec into a container in a completed pod; current phase is {phase}"));
    }
    let said = if inv.is("quiet") { Stream::Out } else { Stream::Err };
    let container = pod_of::container(io, &pod, inv.flag("container"), said);
    let container = inv.or_fail(io, container)?;
    if inv.is("stdin") && inv.is("tty") && inv.env.stdin.is_none() && is_interactive(command) {
        // Here nobody can type into what runs.
        let words = command.join(" ");
        return inv.fail(
            io,
            format!("an interactive {words:?} is not modelled: give the commands to run, as in `-- {words} -c \"ls /\"`"),
        );
    }
    let words: Value = command.iter().collect();
    let mut body = value!({"command": words, "stdin": inv.is("stdin"), "tty": inv.is("tty")});
    if inv.is("stdin") {
        body.set("input", inv.env.stdin.clone());
    }
    let request = Request::new(Verb::Create, PODS, pod["metadata"]["namespace"].text(), pod["metadata"]["name"].text())
        .sub("exec")
        .param("container", container)
        .with_body(body);
    match io.request(request)? {
        Ok(answer) => {
            io.print(answer["output"].str());
            match answer["code"].int() {
                0 => Ok(()),
                code => io.fail(code as i32, &format!("command terminated with exit code {code}\n")),
            }
        }
        Err(error @ RequestError::Status(_)) if error.code() >= 500 => {
            inv.fail(io, format!("unable to upgrade connection: {error}"))
        }
        Err(error) => inv.fail(io, error),
    }
}

/// Whether a command is a shell that waits for what is typed.
fn is_interactive(command: &[String]) -> bool {
    let shell = command.first().and_then(|program| program.rsplit('/').next());
    matches!(shell, Some("sh" | "bash" | "ash" | "dash" | "zsh"))
        && command[1..].iter().all(|word| matches!(word.as_str(), "-i" | "-l" | "--login"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{run, run_offline};
    use crate::api::ApiError;
    use crate::core::Request;
    use crate::shell::Env;
    use crate::value;
    use crate::value::Value;

    fn server(request: &Request) -> Result<Value, ApiError> {
        let pod = |phase: &'static str| value!({"kind": "Pod", "metadata": {"name": "nginx", "namespace": "default"}, "spec": {"containers": [{"name": "c"}]}, "status": {"phase": phase}});
        match (&*request.name, &*request.subresource) {
            ("done", _) => Ok(pod("Succeeded")),
            ("nginx", "") => Ok(pod("Running")),
            ("nginx", "exec") => match request.body["command"][0].str() {
                "false" => Ok(value!({"output": "", "code": 1})),
                "hang" => {
                    Err(ApiError::new(500, "", "error dialing backend: dial tcp 172.18.0.5:10250: connect: connection refused"))
                }
                _ => Ok(value!({"output": request.body["command"].to_json(), "code": 0})),
            },
            (name, _) => Err(ApiError::not_found("pods", name)),
        }
    }

    #[test]
    fn commands_run_in_containers() {
        let seen = run("kubectl exec -it nginx -- ls -l /", &Env::default(), server);
        assert_eq!((seen.out.as_str(), seen.code), ("[\"ls\",\"-l\",\"/\"]", Some(0)));
        assert_eq!(seen.requests[1], "POST /api/v1/namespaces/default/pods/nginx/exec?container=c");
        let seen = run("kubectl exec nginx -- false", &Env::default(), server);
        assert_eq!((seen.err.as_str(), seen.code), ("command terminated with exit code 1\n", Some(1)));
        let error = |line: &str| run(line, &Env::default(), server).err;
        assert_eq!(
            error("kubectl exec -it nginx -- sh"),
            "error: an interactive \"sh\" is not modelled: give the commands to run, as in `-- sh -c \"ls /\"`\n"
        );
        assert_eq!(error("kubectl exec nope -- ls"), "Error from server (NotFound): pods \"nope\" not found\n");
        assert_eq!(
            error("kubectl exec nginx -- hang"),
            "error: unable to upgrade connection: error dialing backend: dial tcp 172.18.0.5:10250: connect: connection refused\n"
        );
        assert_eq!(
            error("kubectl exec done -- ls"),
            "error: cannot exec into a container in a completed pod; current phase is Succeeded\n"
        );
        assert_eq!(run_offline("kubectl exec nginx").err, "error: you must specify at least one command for the container\n");
        assert_eq!(
            run_offline("kubectl exec nginx ls").err,
            "error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\nSee 'kubectl exec -h' for \
             help and examples\n"
        );
    }
}
