//! `kubectl logs`, after `k8s.io/kubectl/pkg/cmd/logs/logs.go`.

use super::args::{Command, Flag, FlagKind};
use super::error::Error;
use super::invocation::Invocation;
use super::pod_of;
use super::resources::{Choice, select};
use crate::api::resource::PODS;
use crate::core::{Duration, Request};
use crate::flow::{Flow, Io, Next, RequestError, Stream, WatchHandle};
use crate::value::Value;

pub(super) static COMMAND: Command = Command {
    name: "logs",
    usage: "logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER] [flags]",
    short: "Print the logs for a container in a pod",
    long: "Print the logs for a container in a pod or specified resource. If the pod has only one container, the container name is \
           optional.\nFollowing the logs of several containers at once is not modelled.",
    examples: &[
        "# Return snapshot logs from pod nginx with only one container",
        "kubectl logs nginx",
        "# Return snapshot of previous terminated ruby container logs from pod web-1",
        "kubectl logs -p -c ruby web-1",
        "# Begin streaming the logs of the ruby container in pod web-1",
        "kubectl logs -f -c ruby web-1",
        "# Display only the most recent 20 lines of output in pod nginx",
        "kubectl logs --tail=20 nginx",
        "# Return snapshot logs from container nginx-1 of a deployment named nginx",
        "kubectl logs deployment/nginx -c nginx-1",
    ],
    flags: &[
        Flag::bool("all-containers", "Get all containers' logs in the pod(s)"),
        Flag::refused("all-pods", FlagKind::Bool, "select the pods by -l"),
        Flag::text("container", "", "Print the logs of this container").letter('c'),
        Flag::bool("follow", "Specify if the logs should be streamed").letter('f'),
        Flag::bool("ignore-errors", "If watching / following pod logs, allow for any errors that occur to be non-fatal"),
        Flag::refused("insecure-skip-tls-verify-backend", FlagKind::Bool, "the connection to the kubelet has no settings"),
        Flag::int("limit-bytes", "0", "Maximum bytes of logs to return. Defaults to no limit"),
        Flag::int("max-log-requests", "5", "Specify maximum number of concurrent logs to follow"),
        Flag::duration("pod-running-timeout", "20s", "The length of time to wait until at least one pod is running"),
        Flag::bool("prefix", "Prefix each log line with the log source (pod name and container name)"),
        Flag::bool("previous", "Print the logs for the previous instance of the container in a pod if it exists").letter('p'),
        Flag::text("selector", "", "Selector (label query) to filter on").letter('l'),
        Flag::duration("since", "0s", "Only return logs newer than a relative duration like 5s, 2m, or 3h"),
        Flag::text("since-time", "", "Only return logs after a specific date (RFC3339)"),
        Flag::int("tail", "-1", "Lines of recent log file to display. Defaults to -1, or 10 with a selector"),
        Flag::bool("timestamps", "Include timestamps on each line in the log output"),
    ],
    run: Some(run),
    ..Command::NEW
};

/// A log to print: a pod's name and a container's.
struct Source {
    pod: String,
    container: String,
}

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    if let Some((log, state)) = io.resume() {
        let source = Source { pod: state["pod"].str().to_string(), container: state["container"].str().to_string() };
        let end = print(inv, io, &source, Some(log))?;
        return inv.or_fail(io, end);
    }
    let selector = inv.flag("selector");
    let (argument, inline) = match inv.args.as_slice() {
        [] if !selector.is_empty() => ("", ""),
        [_, ..] if !selector.is_empty() => return inv.usage_error(io, "only a selector (-l) or a POD name is allowed"),
        [one] => (one.as_str(), ""),
        [one, container] => (one.as_str(), container.as_str()),
        _ => {
            return inv.usage_error(
                io,
                "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the \
                 logs command",
            );
        }
    };
    if !inline.is_empty() && inv.given("container") {
        return inv.usage_error(io, "only one of -c or an inline [CONTAINER] arg is allowed");
    }
    let asked = if inline.is_empty() { inv.flag("container") } else { inline };
    if inv.is("all-containers") && !asked.is_empty() {
        return inv.fail(io, "--all-containers=true should not be specified with container name");
    }
    if inv.given("tail") && inv.int("tail") < -1 {
        return inv.fail(io, "--tail must be greater than or equal to -1");
    }
    if inv.duration_us("since") < 0 {
        return inv.fail(io, "--since must be greater than 0");
    }
    if inv.given("since") && inv.given("since-time") {
        return inv.fail(io, "at most one of `sinceTime` or `sinceSeconds` may be specified");
    }
    let pods = if selector.is_empty() { named(inv, io, argument)? } else { selected(inv, io, selector)? };
    let mut sources = Vec::new();
    for pod in &pods {
        if inv.is("all-containers") {
            let lists = ["initContainers", "containers", "ephemeralContainers"];
            let all = lists.iter().flat_map(|list| pod["spec"][*list].items());
            sources.extend(all.map(|container| (pod.name().to_string(), container["name"].str().to_string())));
        } else {
            let container = pod_of::container(io, pod, asked, Stream::Err);
            sources.push((pod.name().to_string(), inv.or_fail(io, container)?));
        }
    }
    let sources: Vec<Source> = sources.into_iter().map(|(pod, container)| Source { pod, container }).collect();
    if inv.is("follow") && sources.len() > 1 {
        return inv.fail(io, "following the logs of several containers at once is not modelled by kube-orrery");
    }
    for source in &sources {
        match print(inv, io, source, None)? {
            Ok(()) => {}
            Err(error) if inv.is("ignore-errors") => inv.complain(io, error),
            Err(error) => return inv.fail(io, error),
        }
    }
    Ok(())
}

fn named(inv: &Invocation, io: &mut Io, argument: &str) -> Flow<Vec<Value>> {
    let target = inv.or_fail(io, pod_of::target(inv, argument))?;
    let mut object = match io.request(target.request())? {
        Ok(object) => object,
        Err(error) if error.reason() == "NotFound" => {
            let message = format!("error from server (NotFound): {error} in namespace {:?}", inv.namespace);
            return inv.fail(io, message);
        }
        Err(error) => return inv.fail(io, error),
    };
    object.set("kind", target.resource().kind);
    let wait = Duration::us(u64::try_from(inv.duration_us("pod-running-timeout")).unwrap_or(0));
    let pod = match pod_of::pod(inv, io, object.clone(), true, wait)? {
        Err(Error::Text(text)) if text.contains("not implemented") => {
            return inv.fail(io, format!("cannot get the logs from *v1.{}: {text}", object.kind()));
        }
        other => inv.or_fail(io, other)?,
    };
    Ok(vec![pod])
}

fn selected(inv: &Invocation, io: &mut Io, selector: &str) -> Flow<Vec<Value>> {
    let choice = Choice { labels: Some(selector), ..Choice::default() };
    let targets = inv.or_fail(io, select(inv, &["pods".to_string()], choice))?;
    let (found, errors) = super::resources::fetch(io, &targets)?;
    let result = Error::aggregate(errors);
    inv.or_fail(io, result)?;
    if found.is_empty() {
        io.eprint(&format!("No resources found in {} namespace.\n", inv.namespace));
    }
    Ok(found.into_iter().map(|found| found.object).collect())
}

fn request(inv: &Invocation, source: &Source) -> Request {
    let mut request = Request::get(PODS, inv.namespace.clone(), source.pod.clone()).sub("log");
    request = request.param("container", source.container.clone());
    if inv.is("follow") {
        request = request.param("follow", "true");
    }
    if inv.int("limit-bytes") > 0 {
        request = request.param("limitBytes", inv.int("limit-bytes").to_string());
    }
    if inv.is("previous") {
        request = request.param("previous", "true");
    }
    if inv.duration_us("since") > 0 {
        let seconds = (inv.duration_us("since") + 999_999) / 1_000_000;
        request = request.param("sinceSeconds", seconds.to_string());
    }
    if !inv.flag("since-time").is_empty() {
        request = request.param("sinceTime", inv.flag("since-time").to_string());
    }
    let tail = if inv.given("tail") || inv.flag("selector").is_empty() { inv.int("tail") } else { 10 };
    if tail >= 0 {
        request = request.param("tailLines", tail.to_string());
    }
    if inv.is("timestamps") {
        request = request.param("timestamps", "true");
    }
    request
}

/// Prints one log, line by line while it is followed; `log` when it is being followed already.
fn print(inv: &Invocation, io: &mut Io, source: &Source, log: Option<WatchHandle>) -> Flow<Result<(), RequestError>> {
    let shown = |text: &str| {
        if inv.is("prefix") {
            let prefix = format!("[pod/{}/{}] ", source.pod, source.container);
            text.split_inclusive('\n').map(|line| format!("{prefix}{line}")).collect()
        } else {
            text.to_string()
        }
    };
    let request = request(inv, source);
    if !inv.is("follow") {
        return Ok(io.request(request)?.map(|body| io.print(&shown(body["output"].str()))));
    }
    let mut log = log.unwrap_or_else(|| io.watch(request));
    loop {
        io.save(&log, crate::value!({"pod": &source.pod, "container": &source.container}));
        match io.next(&mut log, None)? {
            Next::Event(event) => io.print(&shown(event.object["output"].str())),
            Next::Done(body) => {
                io.print(&shown(body["output"].str()));
                return Ok(Ok(()));
            }
            Next::Ended(error) => return Ok(Err(error)),
            Next::Deadline => unreachable!("a log is followed without a deadline"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{run, run_offline};
    use crate::api::ApiError;
    use crate::core::{Request, Verb};
    use crate::shell::Env;
    use crate::value;
    use crate::value::Value;

    fn server(request: &Request) -> Result<Value, ApiError> {
        let pod = |name: &str, sidecar: bool, phase: &'static str| {
            let mut pod = value!({"kind": "Pod", "metadata": {"name": name.to_string(), "labels": {"app": "web"}},
                "spec": {"nodeName": "w", "containers": [{"name": "nginx"}]}, "status": {"phase": phase}});
            if sidecar {
                pod["spec"]["containers"].push(value!({"name": "sidecar"}));
                pod["spec"]["initContainers"].push(value!({"name": "init"}));
            }
            pod
        };
        if request.subresource == "log" {
            return Ok(value!({"output": format!("{} of {}\n", request.query("container").unwrap_or(""), request.name)}));
        }
        match (&*request.name, request.verb) {
            ("", Verb::List) => Ok(value!({"items": [pod("web-1", false, "Pending"), pod("web-2", false, "Running")]})),
            ("two", _) => Ok(pod("two", true, "Running")),
            ("nginx", _) => Ok(pod("nginx", false, "Running")),
            ("web", _) => Ok(
                value!({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}}}),
            ),
            ("kind-worker", _) => Ok(value!({"kind": "Node", "metadata": {"name": "kind-worker"}})),
            (name, _) => Err(ApiError::not_found("pods", name)),
        }
    }

    fn check(line: &str, out: &str, err: &str) {
        let seen = run(line, &Env::default(), server);
        assert_eq!((seen.out.as_str(), seen.err.as_str()), (out, err), "{line}");
        assert_eq!(seen.code, Some(i32::from(err.starts_with("error") || err.starts_with("Error"))), "{line}");
    }

    #[test]
    fn logs_of_pods_and_workloads() {
        check("kubectl logs nginx", "nginx of nginx\n", "");
        check("kubectl logs pod/nginx --prefix", "[pod/nginx/nginx] nginx of nginx\n", "");
        check("kubectl logs two", "nginx of two\n", "Defaulted container \"nginx\" out of: nginx, sidecar, init (init)\n");
        check("kubectl logs two -c sidecar", "sidecar of two\n", "");
        check("kubectl logs two sidecar", "sidecar of two\n", "");
        check("kubectl logs two --all-containers", "init of two\nnginx of two\nsidecar of two\n", "");
        check("kubectl logs deploy/web", "nginx of web-2\n", "Found 2 pods, using pod/web-2\n");
        check("kubectl logs -l app=web", "nginx of web-1\nnginx of web-2\n", "");
        let requests = run("kubectl logs nginx --tail=5 --since=1m -p", &Env::default(), server).requests;
        assert_eq!(
            requests,
            [
                "GET /api/v1/namespaces/default/pods/nginx",
                "GET /api/v1/namespaces/default/pods/nginx/log?container=nginx&previous=true&sinceSeconds=60&tailLines=5",
            ]
        );
    }

    #[test]
    fn errors() {
        check("kubectl logs nope", "", "error: error from server (NotFound): pods \"nope\" not found in namespace \"default\"\n");
        check(
            "kubectl logs two -c nope",
            "",
            "error: container nope is not valid for pod two out of: nginx, sidecar, init (init)\n",
        );
        check(
            "kubectl logs node/kind-worker",
            "",
            "error: cannot get the logs from *v1.Node: selector for *v1.Node not implemented\n",
        );
        assert_eq!(
            run_offline("kubectl logs").err,
            "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the \
             logs command\nSee 'kubectl logs -h' for help and examples\n"
        );
    }
}
