//! What the kubelet serves at port 10250: logs and exec, which the api-server asks for.

use std::rc::Rc;

use super::{CriCall, Kubelet};
use crate::api::ApiError;
use crate::api::resource::PODS;
use crate::core::{Addr, Duration, Envelope, EnvelopeId, Message, Outbox, Request, Time, WatchBatch, WatchEvent, WatchType};
use crate::value;
use crate::value::{Text, Value};

/// How often a log is looked at while it is followed.
const FOLLOW_EVERY: Duration = Duration::ms(500);

/// A request for a log.
#[derive(Clone, Debug)]
pub struct LogCall {
    client: Addr,
    request: EnvelopeId,
    options: Rc<Request>,
    /// Whether it is one look of many at a log that is followed.
    following: bool,
}

/// A log that is followed.
#[derive(Clone, Debug)]
pub struct Follow {
    client: Addr,
    container: Text,
    timestamps: bool,
    /// How many lines have been sent or left out.
    lines: usize,
}

impl Kubelet {
    /// Answers a request of the api-server.
    pub(super) fn serve(&mut self, request: &Rc<Request>, envelope: &Envelope, out: &mut Outbox<'_>) {
        let key = format!("{}/{}", request.namespace, request.name);
        let refuse = |error: ApiError, out: &mut Outbox<'_>| {
            out.respond(Duration::us(200), envelope.from, envelope.id, error.code, error.to_value());
        };
        let Some(pod) = self.pods.values().find(|pod| *pod.key == *key && !pod.gone) else {
            return refuse(ApiError::not_found(&PODS.group_resource(), &request.name), out);
        };
        let wanted = request.query("container").unwrap_or_default();
        let container = pod.containers.iter().find(|c| c.name == wanted || (wanted.is_empty() && !c.init));
        let Some(container) = container else {
            let message = format!("container {wanted:?} is not valid for pod {:?}", request.name.as_str());
            return refuse(ApiError::bad_request(message), out);
        };
        match request.subresource.as_str() {
            "log" => {
                let run = if request.query("previous") == Some("true") { &container.last } else { &container.now };
                let Some(run) = run else {
                    let pod_name = request.name.as_str();
                    let message = if request.query("previous") == Some("true") {
                        format!("previous terminated container {:?} in pod {pod_name:?} not found", container.name.as_str())
                    } else {
                        let default = if container.init || pod.initialized() { "ContainerCreating" } else { "PodInitializing" };
                        let why = container.waiting.as_ref().map_or(default, |(reason, _)| reason);
                        let hint = match why {
                            "ImagePullBackOff" | "ErrImagePull" | "ErrImageNeverPull" => "trying and failing to pull image",
                            why => why,
                        };
                        format!("container {:?} in pod {pod_name:?} is waiting to start: {hint}", container.name.as_str())
                    };
                    return refuse(ApiError::bad_request(message), out);
                };
                let call = LogCall { client: envelope.from, request: envelope.id, options: Rc::clone(request), following: false };
                let args = value!({"containerId": run.id.clone(), "verbose": true});
                self.cri("ContainerStatus", args, CriCall::Log(call), out);
            }
            "exec" if container.running() => {
                let id = container.now.as_ref().map(|run| run.id.clone()).unwrap_or_default();
                let args = value!({"containerId": id, "cmd": &request.body["command"], "tty": &request.body["tty"]});
                self.cri("Exec", args, CriCall::Exec(envelope.from, envelope.id), out);
            }
            "exec" => {
                let message = format!("container not found ({:?})", container.name.as_str());
                refuse(ApiError::new(500, "InternalError", format!("unable to upgrade connection: {message}")), out);
            }
            other => {
                refuse(ApiError::new(404, "NotFound", format!("the kubelet of the simulation does not serve {other:?}")), out);
            }
        }
    }

    /// The runtime told a log.
    pub(super) fn log_read(&mut self, call: LogCall, result: Result<Value, Text>, out: &mut Outbox<'_>) {
        let answer = match result {
            Ok(answer) => answer,
            Err(error) => {
                let error = ApiError::new(500, "InternalError", error.to_string());
                out.respond(Duration::us(200), call.client, call.request, error.code, error.to_value());
                return;
            }
        };
        let lines = answer["log"].items();
        let ended = answer["status"]["state"].str() == "CONTAINER_EXITED";
        if call.following {
            return self.follow_on(&call, lines, ended, out);
        }
        let options = &call.options;
        let timestamps = options.query("timestamps") == Some("true");
        let text = select(lines, options, out.now());
        if options.query("follow") == Some("true") && !ended {
            let follow = Follow { client: call.client, container: answer["status"]["id"].text(), timestamps, lines: lines.len() };
            if self.follows.is_empty() {
                out.tick(FOLLOW_EVERY, "follow", "", 0);
            }
            self.follows.insert(call.request, follow);
            stream(call.client, call.request, text, out);
            return;
        }
        out.respond(Duration::us(400), call.client, call.request, 200, value!({"output": text}));
    }

    /// Looks at the logs that are followed.
    pub(super) fn follow(&mut self, out: &mut Outbox<'_>) {
        if self.follows.is_empty() {
            return;
        }
        out.tick(FOLLOW_EVERY, "follow", "", 0);
        out.set_heartbeat(true);
        let follows: Vec<(EnvelopeId, Follow)> = self.follows.iter().map(|(id, follow)| (*id, follow.clone())).collect();
        for (request, follow) in follows {
            let options = Rc::new(Request::get(PODS, "", ""));
            let call = LogCall { client: follow.client, request, options, following: true };
            self.cri("ContainerStatus", value!({"containerId": follow.container, "verbose": true}), CriCall::Log(call), out);
        }
    }

    fn follow_on(&mut self, call: &LogCall, lines: &[Value], ended: bool, out: &mut Outbox<'_>) {
        let Some(follow) = self.follows.get_mut(&call.request) else { return };
        out.set_heartbeat(false);
        let text: String = lines.iter().skip(follow.lines).map(|line| printed(line, follow.timestamps)).collect();
        follow.lines = lines.len();
        if ended {
            self.follows.remove(&call.request);
            out.respond(Duration::us(200), call.client, call.request, 200, value!({"output": text}));
        } else if !text.is_empty() {
            stream(call.client, call.request, text, out);
        }
    }
}

fn stream(client: Addr, request: EnvelopeId, text: String, out: &mut Outbox<'_>) {
    let event = WatchEvent { kind: WatchType::Added, object: value!({"output": text}) };
    out.send(client, Message::Watch(Rc::new(WatchBatch { stream: request, resource: PODS, events: vec![event] })));
}

fn printed(line: &Value, timestamps: bool) -> String {
    let text = line["text"].str();
    if timestamps { format!("{} {text}\n", Time(line["at"].int() as u64).rfc3339_micro()) } else { format!("{text}\n") }
}

/// The lines that were asked for.
fn select(lines: &[Value], options: &Request, now: Time) -> String {
    let number = |name: &str| options.query(name).and_then(|value| value.parse::<u64>().ok());
    let since = match (number("sinceSeconds"), options.query("sinceTime")) {
        (Some(seconds), _) => now - Duration::s(seconds),
        (None, Some(text)) => Time::parse_rfc3339(text).unwrap_or_default(),
        (None, None) => Time::ZERO,
    };
    let mut chosen: Vec<&Value> = lines.iter().filter(|line| Time(line["at"].int() as u64) >= since).collect();
    if let Some(tail) = number("tailLines") {
        chosen.drain(..chosen.len().saturating_sub(tail as usize));
    }
    let timestamps = options.query("timestamps") == Some("true");
    let mut text: String = chosen.into_iter().map(|line| printed(line, timestamps)).collect();
    if let Some(limit) = number("limitBytes") {
        let mut end = (limit as usize).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

/// A command in a container has ended.
pub fn exec_done(client: Addr, request: EnvelopeId, result: Result<Value, Text>, out: &mut Outbox<'_>) {
    match result {
        Ok(answer) => {
            let body = value!({"output": &answer["output"], "code": &answer["exitCode"]});
            out.respond(Duration::us(300), client, request, 200, body);
        }
        Err(error) => {
            let message =
                format!("error executing command in container: failed to exec in container: failed to start exec: {error}");
            let error = ApiError::new(500, "InternalError", format!("Internal error occurred: {message}"));
            out.respond(Duration::us(300), client, request, error.code, error.to_value());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_cut_as_asked() {
        let lines: Vec<Value> = (0..4_u64).map(|s| value!({"at": s * 1_000_000, "text": format!("l{s}")})).collect();
        let check = |request: Request, expected: &str| assert_eq!(select(&lines, &request, Time(4_000_000)), expected);
        let request = || Request::get(PODS, "default", "web").sub("log");
        check(request(), "l0\nl1\nl2\nl3\n");
        check(request().param("tailLines", "1"), "l3\n");
        check(request().param("sinceSeconds", "2"), "l2\nl3\n");
        check(request().param("limitBytes", "4"), "l0\nl");
        check(request().param("tailLines", "1").param("timestamps", "true"), "2026-01-05T09:00:03.000000Z l3\n");
    }
}
