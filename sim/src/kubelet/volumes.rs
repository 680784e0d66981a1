//! Volumes and environment of pods: the ConfigMaps, Secrets and tokens that they need (upstream's volume manager and
//! `util/manager/watch_based_manager.go`: a watch for each object, shared by the pods that refer to it).

use crate::core::collections::{PMap, PSet};

use crate::api::Resource;
use crate::api::resource::{CONFIGMAPS, SECRETS};
use crate::client::Informer;
use crate::core::{Addr, Duration, Envelope, Outbox, Time, TimerKey};
use crate::value::{Text, Value};

/// The reconciler looks for volumes to mount every 100 ms; the first finds them after one to two rounds.
pub const MOUNTS_AFTER: Duration = Duration::ms(130);
/// The sync of a pod looks every 300 ms whether its volumes are mounted.
pub const LOOKS_EVERY: Duration = Duration::ms(300);
/// A failed mount is tried again after 0.5 s, doubling to 2 min 2 s.
const RETRY_FIRST: Duration = Duration::ms(500);
const RETRY_MAX: Duration = Duration::s(122);

/// An object that a pod refers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// ConfigMaps or Secrets.
    pub resource: Resource,
    /// Name within the pod's namespace.
    pub name: Text,
    /// Whether the pod can do without.
    pub optional: bool,
}

/// A volume of a pod.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Its name in the pod.
    pub name: Text,
    /// What it shows.
    pub sources: Vec<Source>,
    /// Whether it holds a service account's token.
    pub token: bool,
    /// A claim, for volumes that are not modelled.
    pub claim: bool,
    /// Whether it is mounted.
    pub mounted: bool,
    /// How often mounting it has failed.
    pub failures: u32,
    /// Before this time it is not tried again.
    pub not_before: Time,
}

/// The volumes of a pod.
#[derive(Clone, Debug, Default)]
pub struct Volumes {
    /// All of them.
    pub list: Vec<Volume>,
    /// Since when the sync waits for them.
    pub since: Time,
    /// Whether the token has come.
    pub has_token: bool,
    /// Whether the token has been asked for.
    pub asked_token: bool,
}

impl Volumes {
    /// From a pod's spec.
    pub fn of(pod: &Value) -> Self {
        let source =
            |resource, name: &Value, optional: &Value| Source { resource, name: name.text(), optional: optional.is_true() };
        let volume = |spec: &Value| {
            let mut volume = Volume {
                name: spec["name"].text(),
                sources: Vec::new(),
                token: false,
                claim: !spec["persistentVolumeClaim"].is_null(),
                mounted: false,
                failures: 0,
                not_before: Time::ZERO,
            };
            let mut add = |spec: &Value, secret: &str| {
                let (map, secret_spec) = (&spec["configMap"], &spec["secret"]);
                if !map.is_null() {
                    volume.sources.push(source(CONFIGMAPS, &map["name"], &map["optional"]));
                }
                if !secret_spec.is_null() {
                    volume.sources.push(source(SECRETS, &secret_spec[secret], &secret_spec["optional"]));
                }
            };
            add(spec, "secretName");
            for projected in spec["projected"]["sources"].items() {
                add(projected, "name");
            }
            volume.token = spec["projected"]["sources"].items().iter().any(|source| !source["serviceAccountToken"].is_null());
            volume
        };
        Self { list: pod["spec"]["volumes"].items().iter().map(volume).collect(), ..Self::default() }
    }

    /// Whether all are mounted.
    pub fn mounted(&self) -> bool {
        self.list.iter().all(|volume| volume.mounted)
    }

    /// Whether the mounts have begun.
    pub fn asked(&self) -> bool {
        self.asked_token || !self.needs_token()
    }

    /// Whether a token is needed.
    pub fn needs_token(&self) -> bool {
        self.list.iter().any(|volume| volume.token)
    }
}

/// After which time a failed mount is tried again.
pub fn retry_after(failures: u32) -> Duration {
    Duration((RETRY_FIRST.0 << failures.saturating_sub(1).min(12)).min(RETRY_MAX.0))
}

/// The objects that a pod refers to, in volumes and in its containers' environment.
pub fn sources(pod: &Value) -> PSet<(Resource, Text)> {
    let mut sources: PSet<(Resource, Text)> = PSet::new();
    for volume in Volumes::of(pod).list {
        sources.extend(volume.sources.into_iter().map(|source| (source.resource, source.name)));
    }
    let spec = &pod["spec"];
    for container in spec["initContainers"].items().iter().chain(spec["containers"].items()) {
        for env in container["env"].items() {
            let from = &env["valueFrom"];
            for (field, resource) in [("configMapKeyRef", CONFIGMAPS), ("secretKeyRef", SECRETS)] {
                if !from[field].is_null() {
                    sources.insert((resource, from[field]["name"].text()));
                }
            }
        }
        for env in container["envFrom"].items() {
            for (field, resource) in [("configMapRef", CONFIGMAPS), ("secretRef", SECRETS)] {
                if !env[field].is_null() {
                    sources.insert((resource, env[field]["name"].text()));
                }
            }
        }
    }
    for secret in spec["imagePullSecrets"].items() {
        sources.insert((SECRETS, secret["name"].text()));
    }
    sources
}

#[derive(Clone, Debug)]
struct Watched {
    informer: Informer,
    users: u32,
}

/// The watches on ConfigMaps and Secrets.
#[derive(Clone, Debug, Default)]
pub struct ObjectCache {
    watched: PMap<(Resource, Text, Text), Watched>,
}

impl ObjectCache {
    /// Watches what a pod refers to.
    pub fn register(&mut self, pod: &Value, server: Addr, out: &mut Outbox<'_>) {
        let namespace = pod["metadata"]["namespace"].text();
        for (resource, name) in sources(pod) {
            let key = (resource, namespace.clone(), name.clone());
            if let Some(watched) = self.watched.get_mut(&key) {
                watched.users += 1;
                continue;
            }
            let selector = format!("metadata.name={name}");
            let mut informer = Informer::new(server, resource, namespace.clone()).with("fieldSelector", selector);
            informer.start(out);
            self.watched.insert(key, Watched { informer, users: 1 });
        }
    }

    /// Ends the watches that only this pod needed.
    pub fn unregister(&mut self, pod: &Value, out: &mut Outbox<'_>) {
        let namespace = pod["metadata"]["namespace"].text();
        for (resource, name) in sources(pod) {
            let key = (resource, namespace.clone(), name);
            if let Some(watched) = self.watched.get_mut(&key) {
                watched.users -= 1;
                if watched.users == 0 {
                    watched.informer.stop(out);
                    self.watched.remove(&key);
                }
            }
        }
    }

    /// The object; `None` when it does not exist or is not known yet.
    pub fn get(&self, resource: Resource, namespace: &Text, name: &Text) -> Option<&Value> {
        let watched = self.watched.get(&(resource, namespace.clone(), name.clone()))?;
        watched.informer.list().next()
    }

    /// Whether the watch on the object has told what there is.
    pub fn synced(&self, resource: Resource, namespace: &Text, name: &Text) -> bool {
        self.watched.get(&(resource, namespace.clone(), name.clone())).is_some_and(|watched| watched.informer.has_synced())
    }

    /// Handles a message if it belongs to one of the watches.
    pub fn on_message(&mut self, envelope: &Envelope, out: &mut Outbox<'_>) -> bool {
        self.watched.values_mut().any(|watched| watched.informer.on_message(envelope, out).is_some())
    }

    /// All watches are opened anew, through a new connection.
    pub fn reconnect(&mut self, out: &mut Outbox<'_>) {
        self.watched.values_mut().for_each(|watched| watched.informer.reconnect(out));
    }

    /// Handles the timer `reflector`.
    pub fn on_timer(&mut self, timer: &TimerKey, out: &mut Outbox<'_>) {
        for watched in self.watched.values_mut() {
            watched.informer.on_retry_timer(&timer.key, out);
        }
    }
}

/// `configmap "settings" not found`: the first of a volume's objects that is missing.
pub fn missing(volume: &Volume, namespace: &Text, cache: &ObjectCache) -> Option<String> {
    volume.sources.iter().filter(|source| !source.optional).find_map(|source| {
        let kind = if source.resource == CONFIGMAPS { "configmap" } else { "secret" };
        cache
            .get(source.resource, namespace, &source.name)
            .is_none()
            .then(|| format!("{kind} {:?} not found", source.name.as_str()))
    })
}

/// A container's environment `[{"key", "value"}]`, or why it cannot be made, in the kubelet's words.
pub fn environment(pod: &Value, container: &Value, node_ip: &Text, pod_ip: &Text, cache: &ObjectCache) -> Result<Value, String> {
    let namespace = pod["metadata"]["namespace"].text();
    let mut list: Vec<(Text, Text)> = Vec::new();
    let mut set = |key: Text, value: Text| match list.iter_mut().find(|(have, _)| *have == key) {
        Some(entry) => entry.1 = value,
        None => list.push((key, value)),
    };
    for from in container["envFrom"].items() {
        for (field, resource, kind) in [("configMapRef", CONFIGMAPS, "configmap"), ("secretRef", SECRETS, "secret")] {
            let reference = &from[field];
            if reference.is_null() {
                continue;
            }
            match cache.get(resource, &namespace, &reference["name"].text()) {
                Some(object) => {
                    for (key, value) in object["data"].entries() {
                        set(Text::from(format!("{}{key}", from["prefix"].str())), value.text());
                    }
                }
                None if reference["optional"].is_true() => {}
                None => return Err(format!("{kind} {:?} not found", reference["name"].str())),
            }
        }
    }
    let mut done: Vec<(Text, Text)> = Vec::new();
    for env in container["env"].items() {
        let from = &env["valueFrom"];
        let value = if from.is_null() {
            expand(env["value"].str(), &done)
        } else if !from["fieldRef"].is_null() {
            field(pod, from["fieldRef"]["fieldPath"].str(), node_ip, pod_ip)
        } else if !from["resourceFieldRef"].is_null() {
            let path = from["resourceFieldRef"]["resource"].str();
            let (kind, resource) = path.split_once('.').unwrap_or((path, ""));
            let quantity = crate::api::quantity::Quantity::of(&container["resources"][kind][resource]);
            quantity.units().to_string()
        } else {
            let (reference, resource, kind) = match from.get("configMapKeyRef") {
                Some(reference) => (reference, CONFIGMAPS, "configmap"),
                None => (&from["secretKeyRef"], SECRETS, "secret"),
            };
            let (name, key) = (reference["name"].text(), reference["key"].str());
            match cache.get(resource, &namespace, &name).map(|object| object["data"][key].as_str().map(str::to_string)) {
                Some(Some(value)) => value,
                _ if reference["optional"].is_true() => continue,
                Some(None) => {
                    let kind = if kind == "secret" { "Secret" } else { "ConfigMap" };
                    return Err(format!("couldn't find key {key} in {kind} {namespace}/{name}"));
                }
                None => return Err(format!("{kind} {:?} not found", name.as_str())),
            }
        };
        done.push((env["name"].text(), Text::from(value)));
    }
    for (key, value) in done {
        set(key, value);
    }
    Ok(list.into_iter().map(|(key, value)| crate::value!({"key": key, "value": value})).collect())
}

/// The downward API.
fn field(pod: &Value, path: &str, node_ip: &Text, pod_ip: &Text) -> String {
    match path {
        "metadata.name" => pod.name().to_string(),
        "metadata.namespace" => pod.namespace().to_string(),
        "metadata.uid" => pod.uid().to_string(),
        "spec.nodeName" => pod["spec"]["nodeName"].str().to_string(),
        "spec.serviceAccountName" => pod["spec"]["serviceAccountName"].str().to_string(),
        "status.hostIP" | "status.hostIPs" => node_ip.to_string(),
        "status.podIP" | "status.podIPs" => pod_ip.to_string(),
        path => {
            let keyed = path.strip_suffix("']").and_then(|path| path.split_once("['"));
            match keyed {
                Some(("metadata.labels", key)) => pod.label(key).unwrap_or_default().to_string(),
                Some(("metadata.annotations", key)) => pod.annotation(key).unwrap_or_default().to_string(),
                _ => String::new(),
            }
        }
    }
}

/// `$(NAME)` in a text becomes the variable's value; what is not known stays.
pub fn expand(text: &str, envs: &[(Text, Text)]) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("$(") {
        result += &rest[..at];
        let Some(end) = rest[at..].find(')') else { break };
        let name = &rest[at + 2..at + end];
        match envs.iter().find(|(have, _)| have == name) {
            Some((_, value)) => result += value,
            None => result += &rest[at..=at + end],
        }
        rest = &rest[at + end + 1..];
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn what_a_pod_refers_to() {
        let pod = value!({"spec": {
            "volumes": [
                {"name": "cfg", "configMap": {"name": "settings"}},
                {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}, {"configMap": {"name": "kube-root-ca.crt"}}]}},
            ],
            "containers": [{"env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "password"}}}]}],
        }});
        let names: Vec<String> = sources(&pod).iter().map(|(resource, name)| format!("{}/{name}", resource.plural)).collect();
        assert_eq!(names, ["configmaps/kube-root-ca.crt", "configmaps/settings", "secrets/creds"]);
        assert!(Volumes::of(&pod).needs_token());
        assert_eq!([1, 2, 3, 20].map(|n| retry_after(n).as_millis()), [500, 1_000, 2_000, 122_000]);
    }

    #[test]
    fn environments() {
        let pod = value!({"metadata": {"name": "app", "namespace": "default"}, "spec": {"nodeName": "kind-worker"}});
        let container = value!({"env": [
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}, {"name": "X", "value": "on $(NODE) $(NOPE)"},
        ]});
        let cache = ObjectCache::default();
        let made = |container| environment(&pod, container, &"172.18.0.3".into(), &"10.244.1.2".into(), &cache);
        let expected = r#"[{"key":"NODE","value":"kind-worker"},{"key":"X","value":"on kind-worker $(NOPE)"}]"#;
        assert_eq!(made(&container).map(|envs| envs.to_json()), Ok(expected.to_string()));
        let missing = value!({"env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "password"}}}]});
        assert_eq!(made(&missing), Err("secret \"creds\" not found".into()));
    }
}
