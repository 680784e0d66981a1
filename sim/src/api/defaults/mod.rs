//! Defaulting: what the server fills in, after `pkg/apis/*/v1/defaults.go`. Whatever is there already stays shared.

mod pod;

use super::Resource;
use super::draft::Draft;
use super::resource as kinds;
use crate::value;
use crate::value::{Map, Text, Value};

/// Fills in what an object of the resource leaves out. Done twice it changes nothing more.
pub fn apply_defaults(resource: Resource, object: &mut Value) {
    Draft::edit(object, |object| match resource {
        kinds::PODS => object.make_child("spec", pod::pod),
        kinds::DEPLOYMENTS => object.make_child("spec", deployment),
        kinds::REPLICASETS => object.make_child("spec", |spec| {
            spec.default("replicas", 1);
            pod::template(spec);
        }),
        kinds::DAEMONSETS => object.make_child("spec", daemon_set),
        kinds::SERVICES => object.make_child("spec", service),
        kinds::ENDPOINTS => object.items("subsets", |subset| subset.items("ports", |port| port.default_text("protocol", "TCP"))),
        kinds::ENDPOINTSLICES => object.items("ports", |port| {
            port.default("name", "");
            port.default("protocol", "TCP");
        }),
        kinds::SECRETS => secret(object),
        kinds::LIMITRANGES => object.make_child("spec", |spec| spec.items("limits", limit_range_item)),
        kinds::NODES => object.child("status", |status| {
            let capacity = status.get("capacity").clone();
            status.default("allocatable", capacity);
        }),
        kinds::NAMESPACES => object.make_child("status", |status| status.default_text("phase", "Active")),
        kinds::PERSISTENTVOLUMES => {
            object.make_child("status", |status| status.default_text("phase", "Pending"));
            object.make_child("spec", |spec| {
                spec.default_text("persistentVolumeReclaimPolicy", "Retain");
                spec.default("volumeMode", "Filesystem");
                spec.child("hostPath", |path| path.default("type", ""));
            });
        }
        kinds::PERSISTENTVOLUMECLAIMS => {
            object.make_child("status", |status| status.default_text("phase", "Pending"));
            object.make_child("spec", |spec| spec.default("volumeMode", "Filesystem"));
        }
        kinds::STORAGECLASSES => {
            object.default("reclaimPolicy", "Delete");
            object.default("volumeBindingMode", "Immediate");
        }
        kinds::PRIORITYCLASSES => object.default("preemptionPolicy", "PreemptLowerPriority"),
        kinds::CSIDRIVERS => object.make_child("spec", |spec| {
            spec.default("attachRequired", true);
            for flag in ["podInfoOnMount", "requiresRepublish", "seLinuxMount", "storageCapacity"] {
                spec.default(flag, false);
            }
            spec.default("fsGroupPolicy", "ReadWriteOnceWithFSType");
            spec.default("volumeLifecycleModes", value!(["Persistent"]));
        }),
        kinds::ROLEBINDINGS | kinds::CLUSTERROLEBINDINGS => {
            const GROUP: &str = "rbac.authorization.k8s.io";
            object.make_child("roleRef", |role| role.default_text("apiGroup", GROUP));
            object.items("subjects", |subject| {
                if matches!(subject.get("kind").str(), "User" | "Group") {
                    subject.default_text("apiGroup", GROUP);
                }
            });
        }
        _ => {}
    });
}

fn deployment(spec: &mut Draft<'_>) {
    spec.default("replicas", 1);
    spec.default("revisionHistoryLimit", 10);
    spec.default("progressDeadlineSeconds", 600);
    spec.make_child("strategy", |strategy| {
        strategy.default_text("type", "RollingUpdate");
        if strategy.get("type").str() == "RollingUpdate" {
            strategy.make_child("rollingUpdate", |update| {
                update.default("maxSurge", "25%");
                update.default("maxUnavailable", "25%");
            });
        }
    });
    pod::template(spec);
}

fn daemon_set(spec: &mut Draft<'_>) {
    spec.default("revisionHistoryLimit", 10);
    spec.make_child("updateStrategy", |strategy| {
        strategy.default_text("type", "RollingUpdate");
        if strategy.get("type").str() == "RollingUpdate" {
            strategy.make_child("rollingUpdate", |update| {
                update.default("maxSurge", 0);
                update.default("maxUnavailable", 1);
            });
        }
    });
    pod::template(spec);
}

/// SetDefaults_Service, and the IP families that the registry decides on (`registry/core/service/storage/alloc.go`) in a cluster
/// that has IPv4 only.
fn service(spec: &mut Draft<'_>) {
    spec.default_text("sessionAffinity", "None");
    if spec.get("sessionAffinity").str() == "ClientIP" {
        spec.make_child("sessionAffinityConfig", |config| {
            config.make_child("clientIP", |client| client.default("timeoutSeconds", 10_800));
        });
    }
    spec.default_text("type", "ClusterIP");
    let kind = spec.get("type").text();
    spec.items("ports", |port| {
        port.default_text("protocol", "TCP");
        if matches!(port.get("targetPort"), Value::Null | Value::Int(0)) || port.get("targetPort").as_str() == Some("") {
            let number = port.get("port").clone();
            port.set("targetPort", number);
        }
    });
    let external = kind == "NodePort" || kind == "LoadBalancer";
    if external {
        spec.default_text("externalTrafficPolicy", "Cluster");
    }
    if external || kind == "ClusterIP" {
        spec.default("internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        spec.default("allocateLoadBalancerNodePorts", true);
    }
    if kind != "ExternalName" {
        let headless_without_selector = spec.get("clusterIP").str() == "None" && spec.get("selector").is_empty();
        if headless_without_selector && spec.get("ipFamilyPolicy").is_null() && spec.get("ipFamilies").is_null() {
            spec.set("ipFamilies", value!(["IPv4", "IPv6"]));
            spec.set("ipFamilyPolicy", "RequireDualStack");
        } else {
            spec.default("ipFamilies", value!(["IPv4"]));
            spec.default("ipFamilyPolicy", "SingleStack");
        }
    }
}

/// The type, and `stringData`, which is written into `data` and never read back (Convert_v1_Secret_To_core_Secret).
fn secret(object: &mut Draft<'_>) {
    object.default_text("type", "Opaque");
    if object.get("stringData").is_null() {
        return;
    }
    let mut data = object.get("data").as_map().cloned().unwrap_or_else(Map::new);
    for (key, text) in object.get("stringData").entries() {
        data.insert(key, Text::from(base64(text.str().as_bytes())));
    }
    object.set("data", data);
    object.set("stringData", Value::Null);
}

/// Standard base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for at in 0..4 {
            if at <= group.len() {
                out.push(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize] as char);
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// SetDefaults_LimitRangeItem: the maximum is the default limit, the default limit and then the minimum the default request.
fn limit_range_item(item: &mut Draft<'_>) {
    if item.get("type").str() != "Container" {
        return;
    }
    let fill = |target: &Value, source: &Value| {
        let mut filled = target.as_map().cloned().unwrap_or_else(Map::new);
        for (key, value) in source.entries() {
            if !filled.contains_key(key) {
                filled.insert(key, value);
            }
        }
        if filled.is_empty() { Value::Null } else { filled.into() }
    };
    let default = fill(item.get("default"), item.get("max"));
    item.set("default", default);
    let request = fill(item.get("defaultRequest"), item.get("default"));
    let request = fill(&request, item.get("min"));
    item.set("defaultRequest", request);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{parse_documents, schema, to_yaml};

    /// What the server makes of a manifest; defaulting it again must change nothing.
    fn stored(resource: Resource, yaml: &str) -> Value {
        let mut object = parse_documents(yaml).unwrap().remove(0);
        schema::decode(resource, &mut object, &Value::Null, "Strict").unwrap();
        apply_defaults(resource, &mut object);
        let again = object.clone();
        apply_defaults(resource, &mut object);
        schema::decode(resource, &mut object, &Value::Null, "Strict").unwrap();
        assert!(object.same(&again));
        object
    }

    #[test]
    fn the_recorded_deployment() {
        let manifest = r#"
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, tier: front}}
    spec:
      containers:
      - name: nginx
        image: nginx:1.27
        ports: [{containerPort: 80}]
        resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: 250m, memory: 128Mi}}
        readinessProbe: {exec: {command: ["true"]}, periodSeconds: 5}
        env: [{name: MODE, value: prod}]
"#;
        let want = r#"progressDeadlineSeconds: 600
replicas: 1
revisionHistoryLimit: 10
selector:
  matchLabels:
    app: web
strategy:
  rollingUpdate:
    maxSurge: 25%
    maxUnavailable: 25%
  type: RollingUpdate
template:
  metadata:
    labels:
      app: web
      tier: front
  spec:
    containers:
    - env:
      - name: MODE
        value: prod
      image: nginx:1.27
      imagePullPolicy: IfNotPresent
      name: nginx
      ports:
      - containerPort: 80
        protocol: TCP
      readinessProbe:
        exec:
          command:
          - "true"
        failureThreshold: 3
        periodSeconds: 5
        successThreshold: 1
        timeoutSeconds: 1
      resources:
        limits:
          cpu: 250m
          memory: 128Mi
        requests:
          cpu: 100m
          memory: 64Mi
      terminationMessagePath: /dev/termination-log
      terminationMessagePolicy: File
    dnsPolicy: ClusterFirst
    restartPolicy: Always
    schedulerName: default-scheduler
    securityContext: {}
    terminationGracePeriodSeconds: 30
"#;
        assert_eq!(to_yaml(&stored(kinds::DEPLOYMENTS, manifest)["spec"]), want);
    }

    #[test]
    fn the_recorded_daemon_set_and_service() {
        let set = stored(
            kinds::DAEMONSETS,
            "spec: {selector: {}, template: {spec: {containers: [{name: agent, image: 'fluent-bit:3'}]}}}",
        );
        assert_eq!(
            set["spec"]["updateStrategy"].to_json(),
            r#"{"rollingUpdate":{"maxSurge":0,"maxUnavailable":1},"type":"RollingUpdate"}"#
        );
        let service = stored(kinds::SERVICES, "spec: {selector: {app: web}, ports: [{name: http, port: 80}]}");
        assert_eq!(
            service["spec"].to_json(),
            r#"{"internalTrafficPolicy":"Cluster","ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":80}],"selector":{"app":"web"},"sessionAffinity":"None","type":"ClusterIP"}"#
        );
    }

    #[test]
    fn secrets_hide_their_string_data() {
        let secret = stored(kinds::SECRETS, "stringData: {user: admin, password: s3cr3t}\ndata: {user: eA==}");
        assert_eq!(secret["data"].to_json(), r#"{"password":"czNjcjN0","user":"YWRtaW4="}"#);
        assert!(secret["stringData"].is_null());
        assert_eq!(base64(b"a"), "YQ==");
        assert_eq!(base64(b""), "");
    }

    #[test]
    fn limits_of_a_range_default_each_other() {
        let range = stored(
            kinds::LIMITRANGES,
            "spec: {limits: [{type: Container, max: {cpu: 1}, min: {memory: 16Mi}, defaultRequest: {cpu: 100m}}]}",
        );
        let item = &range["spec"]["limits"][0];
        assert_eq!(item["default"].to_json(), r#"{"cpu":"1"}"#);
        assert_eq!(item["defaultRequest"].to_json(), r#"{"cpu":"100m","memory":"16Mi"}"#);
    }
}
