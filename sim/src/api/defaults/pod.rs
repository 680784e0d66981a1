//! Defaults of pods and pod templates (`pkg/apis/core/v1/defaults.go`).

use crate::api::draft::Draft;
use crate::api::quantity::Quantity;
use crate::value::{Map, Value};

/// The mode of files in volumes: 0644.
const FILE_MODE: i64 = 0o644;

/// `spec.template` of a workload.
pub(super) fn template(spec: &mut Draft<'_>) {
    spec.make_child("template", |template| template.make_child("spec", pod_spec));
}

/// The spec of a Pod: some defaults are not written into templates.
pub(super) fn pod(spec: &mut Draft<'_>) {
    let host_network = spec.get("hostNetwork").is_true();
    spec.default("enableServiceLinks", true);
    for list in ["initContainers", "containers"] {
        spec.items(list, |container| {
            container.child("resources", limits_are_requests);
            if host_network {
                container.items("ports", |port| {
                    if port.get("hostPort").int() == 0 {
                        let number = port.get("containerPort").clone();
                        port.set("hostPort", number);
                    }
                });
            }
        });
    }
    pod_spec(spec);
}

/// A limit without a request is a request, too.
fn limits_are_requests(resources: &mut Draft<'_>) {
    let missing = |requests: &Value| resources.get("limits").entries().iter().any(|(key, _)| requests[&**key].is_null());
    if !missing(resources.get("requests")) {
        return;
    }
    let mut requests = resources.get("requests").as_map().cloned().unwrap_or_else(Map::new);
    for (key, limit) in resources.get("limits").entries() {
        if !requests.contains_key(key) {
            requests.insert(key, limit);
        }
    }
    resources.set("requests", requests);
}

fn pod_spec(spec: &mut Draft<'_>) {
    spec.default_text("dnsPolicy", "ClusterFirst");
    spec.default_text("restartPolicy", "Always");
    spec.default("terminationGracePeriodSeconds", 30);
    spec.default("securityContext", Value::map());
    spec.default_text("schedulerName", "default-scheduler");
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        spec.items(list, container);
    }
    spec.items("volumes", volume);
}

fn container(container: &mut Draft<'_>) {
    let latest = is_latest(container.get("image").str());
    container.default_text("imagePullPolicy", if latest { "Always" } else { "IfNotPresent" });
    container.default_text("terminationMessagePath", "/dev/termination-log");
    container.default_text("terminationMessagePolicy", "File");
    container.default("resources", Value::map());
    container.items("ports", |port| port.default_text("protocol", "TCP"));
    container.child("resources", |resources| {
        for list in ["requests", "limits"] {
            round_up(resources, list);
        }
    });
    for probe_name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        container.child(probe_name, probe);
    }
    container.child("lifecycle", |lifecycle| {
        for hook in ["postStart", "preStop"] {
            lifecycle.child(hook, handler);
        }
    });
    container.items("env", |env| {
        env.child("valueFrom", |source| source.child("fieldRef", |field| field.default_text("apiVersion", "v1")));
    });
}

/// Whether an image is asked for by tag `latest`, or by none (parsers.ParseImageName). A digest without a tag counts as none
/// that is `latest`.
fn is_latest(image: &str) -> bool {
    let (name, digest) = image.split_once('@').map_or((image, false), |(name, _)| (name, true));
    let tag = name.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    tag.map_or(!digest, |tag| tag == "latest")
}

/// Amounts finer than a thousandth are rounded up (SetDefaults_ResourceList).
fn round_up(resources: &mut Draft<'_>, list: &'static str) {
    let fine = |value: &Value| Quantity::of(value) != Quantity::from_milli(Quantity::of(value).milli());
    let has_fine = resources.get(list).entries().iter().any(|(_, value)| value.str().ends_with(['n', 'u']) && fine(value));
    if has_fine {
        let rounded = resources.get(list).entries().iter().map(|(key, value)| {
            let value = if fine(value) { Quantity::from_milli(Quantity::of(value).milli()).into() } else { value.clone() };
            (key.clone(), value)
        });
        let rounded: Map = rounded.collect();
        resources.set(list, rounded);
    }
}

fn probe(probe: &mut Draft<'_>) {
    for (field, value) in [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)] {
        if probe.get(field).int() == 0 {
            probe.set(field, value);
        }
    }
    probe.child("grpc", |grpc| grpc.default("service", ""));
    handler(probe);
}

fn handler(handler: &mut Draft<'_>) {
    handler.child("httpGet", |get| {
        get.default_text("path", "/");
        get.default_text("scheme", "HTTP");
    });
}

fn volume(volume: &mut Draft<'_>) {
    // A volume without a source is an empty directory.
    if volume.now().entries().iter().all(|(key, value)| key == "name" || value.is_null()) {
        volume.set("emptyDir", Value::map());
    }
    for source in ["configMap", "secret", "downwardAPI", "projected"] {
        volume.child(source, |source| source.default("defaultMode", FILE_MODE));
    }
    volume.child("hostPath", |path| path.default("type", ""));
    volume.child("iscsi", |iscsi| iscsi.default_text("iscsiInterface", "default"));
    volume.child("downwardAPI", |api| api.items("items", field_ref));
    volume.child("image", |image| {
        let latest = is_latest(image.get("reference").str());
        image.default_text("pullPolicy", if latest { "Always" } else { "IfNotPresent" });
    });
    volume.child("ephemeral", |ephemeral| {
        ephemeral.child("volumeClaimTemplate", |claim| claim.child("spec", |spec| spec.default("volumeMode", "Filesystem")));
    });
    volume.child("projected", |projected| {
        projected.items("sources", |source| {
            source.child("serviceAccountToken", |token| token.default("expirationSeconds", 3600));
            source.child("downwardAPI", |api| api.items("items", field_ref));
        });
    });
}

fn field_ref(item: &mut Draft<'_>) {
    item.child("fieldRef", |field| field.default_text("apiVersion", "v1"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::apply_defaults;
    use crate::api::resource::PODS;
    use crate::value;

    #[test]
    fn the_recorded_pod() {
        let mut object =
            value!({"spec": {"containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "64"}}}]}});
        apply_defaults(PODS, &mut object);
        assert_eq!(
            object["spec"].to_json(),
            r#"{"containers":[{"image":"nginx","imagePullPolicy":"Always","name":"c","resources":{"requests":{"cpu":"64"}},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}],"dnsPolicy":"ClusterFirst","enableServiceLinks":true,"restartPolicy":"Always","schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":30}"#
        );
    }

    #[test]
    fn pods_request_their_limits_and_take_host_ports() {
        let mut object = value!({"spec": {"hostNetwork": true, "containers": [
            {"name": "c", "image": "a:1", "resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}},
             "ports": [{"containerPort": 80}]}]}});
        apply_defaults(PODS, &mut object);
        let container = &object["spec"]["containers"][0];
        assert_eq!(container["resources"]["requests"].to_json(), r#"{"cpu":"1","memory":"1Gi"}"#);
        assert_eq!(container["ports"].to_json(), r#"[{"containerPort":80,"hostPort":80,"protocol":"TCP"}]"#);
        assert_eq!(container["imagePullPolicy"].str(), "IfNotPresent");
    }

    #[test]
    fn images_and_pull_policies() {
        for (image, latest) in [
            ("nginx", true),
            ("nginx:latest", true),
            ("nginx:1.27", false),
            ("localhost:5000/nginx", true),
            ("nginx@sha256:ab", false),
            ("nginx:1@sha256:ab", false),
        ] {
            assert_eq!(is_latest(image), latest, "{image}");
        }
    }

    #[test]
    fn volumes_and_probes() {
        let mut object = value!({"spec": {
            "volumes": [{"name": "a"}, {"name": "b", "configMap": {"name": "x"}}, {"name": "c", "hostPath": {"path": "/x"}}],
            "containers": [{"name": "c", "livenessProbe": {"httpGet": {"port": 80}}, "resources": {"requests": {"cpu": "100u"}}}],
        }});
        apply_defaults(PODS, &mut object);
        assert_eq!(
            object["spec"]["volumes"].to_json(),
            r#"[{"emptyDir":{},"name":"a"},{"configMap":{"defaultMode":420,"name":"x"},"name":"b"},{"hostPath":{"path":"/x","type":""},"name":"c"}]"#
        );
        let container = &object["spec"]["containers"][0];
        assert_eq!(
            container["livenessProbe"].to_json(),
            r#"{"failureThreshold":3,"httpGet":{"path":"/","port":80,"scheme":"HTTP"},"periodSeconds":10,"successThreshold":1,"timeoutSeconds":1}"#
        );
        assert_eq!(container["resources"]["requests"]["cpu"].str(), "1m");
    }
}
