//! Reads: single objects, lists with chunks and Tables, watches, paths that are no resource.

use std::rc::Rc;

use super::{ApiServer, Client};
use crate::api::resource::{DEPLOYMENTS, PODS, REPLICASETS};
use crate::api::{ApiError, Resource, table};
use crate::core::{Addr, Duration, Message, Outbox, Part, Request};
use crate::value;
use crate::value::{Text, Value};

impl ApiServer {
    /// What a GET shows of an object: itself, its Table, or its scale.
    pub(super) fn shown(&self, request: &Request, object: &Value, out: &Outbox<'_>) -> Result<Value, ApiError> {
        let resource = request.resource.expect("shown objects have a resource");
        if request.subresource == "scale" && (resource == DEPLOYMENTS || resource == REPLICASETS) {
            return Ok(super::subresource::scale_of(object));
        }
        Ok(if request.as_table {
            table::table(
                resource,
                std::slice::from_ref(object),
                out.now(),
                object["metadata"]["resourceVersion"].str(),
                whole(request),
            )
        } else {
            object.clone()
        })
    }

    /// Answers the lists whose revision the cache has reached.
    pub(super) fn release_lists(&mut self, out: &mut Outbox<'_>) {
        let mut index = 0;
        while index < self.waiting_lists.len() {
            let (revision, _, request) = &self.waiting_lists[index];
            let resource = request.resource.expect("lists have a resource");
            // What etcd has written for other resources may be newer than the cache's own stream: the stream is in order, so
            // it is enough that nothing of this resource is on its way.
            if self.caches.is_fresh(resource, *revision) {
                let (_, client, request) = self.waiting_lists.remove(index);
                self.answer_list(&client, &request, out);
            } else {
                index += 1;
            }
        }
    }

    pub(super) fn answer_list(&mut self, client: &Client, request: &Rc<Request>, out: &mut Outbox<'_>) {
        let answer = self.list(request, out).map(|list| (200, list));
        self.answer(client, answer, out);
    }

    fn list(&self, request: &Request, out: &Outbox<'_>) -> Result<Value, ApiError> {
        let resource = request.resource.expect("lists have a resource");
        let mut objects = self.caches.select(request)?;
        let revision = self.caches.revision(resource);
        let mut metadata = value!({"resourceVersion": revision.to_string()});
        if let Some(token) = request.query("continue").filter(|token| !token.is_empty()) {
            let (_, after) =
                token.split_once(':').ok_or_else(|| ApiError::bad_request(format!("invalid continue token: {token}")))?;
            objects.retain(|object| *object.key() > *after);
        }
        let limit: usize = match request.query("limit") {
            Some(text) => text.parse().map_err(|_| ApiError::bad_request(format!("limit: Invalid value: {text:?}")))?,
            None => 0,
        };
        if limit > 0 && objects.len() > limit {
            let remaining = objects.len() - limit;
            objects.truncate(limit);
            let last = objects.last().map(Value::key).unwrap_or_default();
            metadata["continue"] = format!("{revision}:{last}").into();
            metadata["remainingItemCount"] = remaining.into();
        }
        if request.as_table {
            let mut table = table::table(resource, &objects, out.now(), "", whole(request));
            table["metadata"] = metadata;
            return Ok(table);
        }
        Ok(
            value!({"kind": format!("{}List", resource.kind), "apiVersion": resource.api_version(), "metadata": metadata, "items": objects}),
        )
    }

    pub(super) fn open_watch(&mut self, client: &Client, request: &Rc<Request>, out: &mut Outbox<'_>) {
        let Some((peer, id)) = client.peer else { return };
        if let Err(error) = self.caches.open(peer, id, request, out) {
            self.answer(client, Err(error), out);
        }
    }

    /// Paths that are no resource.
    pub(super) fn raw(&self, request: &Request) -> Result<(u16, Value), ApiError> {
        match &*request.name {
            "/version" => {
                let version = self.version.trim_start_matches('v');
                let mut parts = version.split('.');
                let (major, minor) = (parts.next().unwrap_or("1").to_string(), parts.next().unwrap_or("36").to_string());
                Ok((
                    200,
                    value!({"major": major, "minor": minor, "gitVersion": self.version.clone(), "compiler": "gc", "platform": "linux/amd64"}),
                ))
            }
            // Healthy once the post-start hooks are through: the server's own namespaces and priority classes exist.
            "/healthz" | "/readyz" if self.etcd.is_unreachable() => {
                let check = request.name.trim_start_matches('/');
                let message = format!("[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n{check} check failed");
                Err(ApiError::new(500, "InternalError", message))
            }
            "/healthz" | "/livez" | "/readyz" if self.has_bootstrapped() => Ok((200, value!({"output": "ok"}))),
            "/healthz" | "/livez" | "/readyz" => {
                let check = request.name.trim_start_matches('/');
                let message =
                    format!("[-]poststarthook/start-system-namespaces-controller failed: reason withheld\n{check} check failed");
                Err(ApiError::new(500, "InternalError", message))
            }
            "/api" => Ok((200, value!({"kind": "APIVersions", "versions": ["v1"]}))),
            "/apis" => Ok((200, groups())),
            _ => Err(ApiError::new(404, "NotFound", "the server could not find the requested resource")),
        }
    }

    /// Hands logs and exec on to the kubelet of the pod's node: the path from the control plane to the node.
    pub(super) fn call_kubelet(&mut self, client: Client, request: Rc<Request>, out: &mut Outbox<'_>) {
        let Some((peer, id)) = client.peer else { return };
        match self.kubelet_of(&request, out) {
            Err(error) => self.answer(&client, Err(error), out),
            Ok((kubelet, container)) => {
                let mut forwarded = (*request).clone();
                if request.query("container").is_none() {
                    forwarded.query.push(("container", container));
                }
                // As the kubelet's own paths are named, for the error when it is not reached.
                let path = match &*request.subresource {
                    "log" => {
                        let container = forwarded.query("container").unwrap_or_default();
                        Some(format!("containerLogs/{}/{}/{container}", request.namespace, request.name))
                    }
                    _ => None,
                };
                let call = out.send_after(Duration::us(300), kubelet, Message::Request(Rc::new(forwarded)));
                self.kubelet_calls.insert(call, super::KubeletCall { client: peer, request: id, kubelet, path });
            }
        }
    }

    fn kubelet_of(&self, request: &Request, out: &Outbox<'_>) -> Result<(Addr, Text), ApiError> {
        let pod = self.cached(request).ok_or_else(|| ApiError::not_found(&PODS.group_resource(), &request.name))?;
        let mut names: Vec<Text> = Vec::new();
        for list in ["initContainers", "containers", "ephemeralContainers"] {
            names.extend(pod["spec"][list].items().iter().map(|container| container["name"].text()));
        }
        let main = pod["spec"]["containers"].items();
        let container = match request.query("container") {
            Some(name) if names.iter().any(|have| *have == *name) => Text::new(name),
            Some(name) => return Err(ApiError::bad_request(format!("container {name} is not valid for pod {}", request.name))),
            None if main.len() == 1 => main[0]["name"].text(),
            None => {
                let choose: Vec<&str> = main.iter().map(|container| container["name"].str()).collect();
                let message =
                    format!("a container name must be specified for pod {}, choose one of: [{}]", request.name, choose.join(" "));
                return Err(ApiError::bad_request(message));
            }
        };
        let node = pod["spec"]["nodeName"].text();
        if node.is_empty() {
            return Err(ApiError::bad_request(format!("pod {} does not have a host assigned", request.name)));
        }
        let machine = out.directory().find(&node).ok_or_else(|| {
            ApiError::new(500, "InternalError", format!("no preferred addresses found; known addresses: [] of node {node}"))
        })?;
        Ok((Addr::new(machine, Part::Kubelet), container))
    }
}

/// The API groups beside the core group (metav1.APIGroupList).
fn groups() -> Value {
    let mut names: Vec<(&str, &str)> = Vec::new();
    for resource in Resource::all().filter(|resource| !resource.group.is_empty()) {
        if !names.contains(&(resource.group, resource.version)) {
            names.push((resource.group, resource.version));
        }
    }
    let group = |(group, version): (&'static str, &'static str)| {
        let version = value!({"groupVersion": format!("{group}/{version}"), "version": version});
        value!({"name": group, "versions": [version.clone()], "preferredVersion": version})
    };
    value!({"kind": "APIGroupList", "apiVersion": "v1", "groups": names.into_iter().map(group).collect::<Value>()})
}

/// Whether a Table's rows carry whole objects (`includeObject=Object`), which sorting and custom columns need.
fn whole(request: &Request) -> bool {
    request.query("includeObject") == Some("Object")
}
