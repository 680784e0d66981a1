//! Static pods from the node's disk, and their mirrors at the api-server (upstream's `config/file.go`, `pod/mirror_client.go`).

use super::pod::{Pod, Work};
use super::source::MIRROR;
use super::{ApiCall, Kubelet};
use crate::api::resource::PODS;
use crate::core::{Duration, Outbox, Request};
use crate::machine::files;
use crate::value;
use crate::value::{Text, Value};

/// Housekeeping looks this often for static pods without a mirror.
const HOUSEKEEPING: Duration = Duration::s(2);

impl Kubelet {
    /// Reads the manifests that are on the disk when the kubelet starts.
    pub(super) fn load_static_pods(&mut self, out: &mut Outbox<'_>) {
        let found: Vec<(Text, Value)> =
            files::folder(out.disk(), files::MANIFESTS).map(|(path, content)| (path.clone(), content.clone())).collect();
        for (path, content) in found {
            self.file_changed(&path, &content, out);
        }
    }

    /// A manifest was written, or removed (null).
    pub(super) fn file_changed(&mut self, path: &Text, content: &Value, out: &mut Outbox<'_>) {
        if !path.starts_with(files::MANIFESTS) || self.found.is_none() {
            return;
        }
        let hash = Text::new(
            &crate::runtime::image::digest_of(&format!("{}/{path}/{}", self.name, content.to_json()))["sha256:".len()..][..32],
        );
        let old: Vec<Text> = self
            .pods
            .values()
            .filter(|pod| pod.is_static && pod.work == Work::Sync && pod.object.annotation(FILE) == Some(path) && pod.uid != hash)
            .map(|pod| pod.uid.clone())
            .collect();
        for uid in old {
            self.terminate(&uid, out);
        }
        if content.kind() == "Pod" && !self.pods.contains_key(&hash) {
            let mut pod = Pod::new(self.static_pod(content, path, &hash, out), true, out.now());
            self.adopt(&mut pod);
            self.used = (self.used.0 + pod.requests.0, self.used.1 + pod.requests.1, self.used.2 + 1);
            self.objects.register(&pod.object, self.server, out);
            self.put(pod);
            self.wake(&hash, out);
            out.timer(HOUSEKEEPING, "mirror", "", 0);
        }
    }

    /// The pod of a manifest, with the defaults that the kubelet applies to it.
    fn static_pod(&self, manifest: &Value, path: &Text, hash: &Text, out: &Outbox<'_>) -> Value {
        let mut pod = manifest.clone();
        pod.remove("status");
        let name = format!("{}-{}", manifest.name(), self.name);
        let metadata = &mut pod["metadata"];
        metadata["name"] = name.into();
        if metadata["namespace"].is_empty() {
            metadata["namespace"] = "default".into();
        }
        metadata["uid"] = hash.into();
        for (key, value) in [
            ("kubernetes.io/config.hash", hash.clone()),
            ("kubernetes.io/config.seen", Text::from(out.now().rfc3339_micro())),
            ("kubernetes.io/config.source", "file".into()),
            (FILE, path.clone()),
        ] {
            metadata["annotations"].map_mut().insert(key, value);
        }
        let spec = &mut pod["spec"];
        spec["nodeName"] = (&self.name).into();
        for (field, default) in [
            ("restartPolicy", Value::from("Always")),
            ("terminationGracePeriodSeconds", Value::Int(30)),
            ("dnsPolicy", "ClusterFirst".into()),
            ("schedulerName", "default-scheduler".into()),
            ("enableServiceLinks", true.into()),
            ("tolerations", value!([{"effect": "NoExecute", "operator": "Exists"}])),
        ] {
            if spec[field].is_null() {
                spec[field] = default;
            }
        }
        pod
    }

    /// Makes the mirrors that are missing.
    pub(super) fn check_mirrors(&mut self, out: &mut Outbox<'_>) {
        let Some(node) = self.nodes.get(&self.name).filter(|_| self.node.registered) else { return self.look_later(out) };
        let owner =
            value!({"apiVersion": "v1", "kind": "Node", "name": &self.name, "uid": node.uid().to_string(), "controller": true});
        if !self.pod_watch.has_synced() {
            return self.look_later(out);
        }
        let missing: Vec<Value> = self
            .pods
            .values()
            .filter(|pod| pod.is_static && pod.work == Work::Sync && !self.mirrors.contains_key(&pod.key))
            .map(|pod| pod.object.clone())
            .collect();
        for pod in missing {
            let mut mirror = pod.clone();
            let metadata = &mut mirror["metadata"];
            let hash = metadata["uid"].text();
            metadata.remove("uid");
            metadata["annotations"].remove(FILE);
            metadata["annotations"].map_mut().insert(MIRROR, hash);
            metadata["ownerReferences"] = value!([owner.clone()]);
            // Until the answer is here, it counts as made.
            self.mirrors.insert(pod.key(), Value::Null);
            self.api(Request::create(PODS, mirror), ApiCall::MirrorCreate, out);
        }
    }

    fn look_later(&mut self, out: &mut Outbox<'_>) {
        if self.pods.values().any(|pod| pod.is_static && !self.mirrors.contains_key(&pod.key)) {
            let patient = out.now().since(self.started) < Duration::s(120);
            out.set_background(!patient);
            out.timer(HOUSEKEEPING, "mirror", "", 0);
        }
    }

    /// Creating or deleting a mirror was answered.
    pub(super) fn mirror_answered(&mut self, code: u16, out: &mut Outbox<'_>) {
        if code == 0 || code >= 500 || code == 403 {
            self.mirrors.retain(|_, mirror| !mirror.is_null());
            self.look_later(out);
        }
    }

    /// A mirror came or changed.
    pub(super) fn mirror_changed(&mut self, mirror: Value, out: &mut Outbox<'_>) {
        let key = mirror.key();
        let own = self.pods.values().find(|pod| pod.is_static && pod.key == key && pod.work == Work::Sync);
        let uid = own.map(|pod| pod.uid.clone());
        let fits = uid.as_ref().is_some_and(|uid| mirror.annotation(MIRROR) == Some(uid)) && !mirror.is_terminating();
        let new = self.mirrors.insert(key, mirror.clone()).is_none_or(|old| old.uid() != mirror.uid());
        match uid {
            Some(uid) if fits => {
                if new {
                    self.queue_status(&uid, out);
                }
            }
            // Deleted by somebody, or of an older manifest: it makes room for a new one.
            _ if new || mirror.is_terminating() => self.delete_mirror(&mirror, out),
            _ => {}
        }
    }

    fn delete_mirror(&mut self, mirror: &Value, out: &mut Outbox<'_>) {
        let body = value!({"gracePeriodSeconds": 0, "preconditions": {"uid": mirror.uid().to_string()}});
        let request =
            Request::delete(PODS, mirror["metadata"]["namespace"].text(), mirror["metadata"]["name"].text()).with_body(body);
        self.api(request, ApiCall::MirrorDelete, out);
    }

    /// A mirror is gone; a static pod that still runs gets a new one.
    pub(super) fn mirror_gone(&mut self, mirror: &Value, out: &mut Outbox<'_>) {
        self.mirrors.remove(&mirror.key());
        self.check_mirrors(out);
    }

    /// Nothing is left of a static pod whose file was removed.
    pub(super) fn static_pod_ended(&mut self, pod: &Pod, out: &mut Outbox<'_>) {
        let replaced = self.pods.values().any(|other| other.is_static && other.key == pod.key && other.work == Work::Sync);
        if let Some(mirror) = self.mirrors.get(&pod.key).cloned().filter(|mirror| !mirror.is_null() && !replaced) {
            self.delete_mirror(&mirror, out);
        }
        // The record goes with the next relist.
        out.timer(Duration::ms(1), "forget", pod.uid.clone(), 0);
    }
}

/// The kubelet's own note of the file that a static pod comes from.
const FILE: &str = "orrery/file";
