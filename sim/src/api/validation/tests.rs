//! The refusals of the recordings, and that what the recordings accept is accepted.

use super::*;
use crate::api::{apply_defaults, parse_documents, patch, schema};
use crate::core::PatchType;
use crate::value;

/// An object as it reaches validation: decoded, defaulted, in its namespace.
fn admitted(resource: Resource, yaml: &str) -> Value {
    let mut object = parse_documents(yaml).unwrap().remove(0);
    schema::decode(resource, &mut object, &Value::Null, "Strict").unwrap();
    if resource.namespaced {
        object["metadata"]["namespace"] = "default".into();
    }
    apply_defaults(resource, &mut object);
    object
}

fn texts(errors: &[FieldError]) -> Vec<String> {
    errors.iter().map(|error| format!("{}: {}", error.field, error.detail)).collect()
}

fn check(resource: Resource, yaml: &str, want: &[&str]) {
    assert_eq!(texts(&validate_create(resource, &admitted(resource, yaml))), want, "{yaml}");
}

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

#[test]
fn recorded_pods() {
    let pod = |spec: &str, want: &str| check(kinds::PODS, &format!("metadata: {{name: x}}\nspec: {spec}"), &[want]);
    let container = |fields: &str, want: &str| pod(&format!("{{containers: [{{name: c, image: nginx, {fields}}}]}}"), want);
    let field = |fields: &str, want: &str| pod(&format!("{{{fields}, containers: [{{name: c, image: nginx}}]}}"), want);

    pod("{containers: []}", "spec.containers: Required value");
    pod("{containers: [{name: c}]}", "spec.containers[0].image: Required value");
    pod("{containers: [{name: c, image: a}, {name: c, image: a}]}", "spec.containers[1].name: Duplicate value: \"c\"");
    container(
        "resources: {requests: {cpu: -1}}",
        "spec.containers[0].resources.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0",
    );
    container(
        "resources: {requests: {cpu: 2}, limits: {cpu: 1}}",
        "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
    );
    field(
        "restartPolicy: Maybe",
        "spec.restartPolicy: Unsupported value: \"Maybe\": supported values: \"Always\", \"OnFailure\", \"Never\"",
    );
    container(
        "imagePullPolicy: Often",
        "spec.containers[0].imagePullPolicy: Unsupported value: \"Often\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
    );
    container(
        "ports: [{containerPort: 80, protocol: HTTP}]",
        "spec.containers[0].ports[0].protocol: Unsupported value: \"HTTP\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
    );
    container(
        "ports: [{containerPort: 70000}]",
        "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
    );
    pod(
        "{hostNetwork: true, containers: [{name: c, image: nginx, ports: [{containerPort: 80, hostPort: 81}]}]}",
        "spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true",
    );
    container(
        "ports: [{name: web, containerPort: 80},{name: web, containerPort: 81}]",
        "spec.containers[0].ports[1].name: Duplicate value: \"web\"",
    );
    container("env: [{name: \"\", value: a}]", "spec.containers[0].env[0].name: Required value");
    container("volumeMounts: [{name: v, mountPath: /v}]", "spec.containers[0].volumeMounts[0].name: Not found: \"v\"");
    field(
        "volumes: [{name: v, emptyDir: {}, hostPath: {path: /x}}]",
        "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
    );
    field(
        "tolerations: [{key: a, operator: Exists, value: b}]",
        "spec.tolerations[0].operator: Invalid value: \"b\": value must be empty when `operator` is 'Exists'",
    );
    field(
        "tolerations: [{key: a, effect: Never}]",
        "spec.tolerations[0].effect: Unsupported value: \"Never\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"",
    );
    let terms =
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0]";
    let node_affinity = |expression: &str, want: &str| {
        field(
            &format!(
                "affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{{matchExpressions: [{expression}]}}]}}}}}}"
            ),
            &format!("{terms}{want}"),
        );
    };
    node_affinity("{key: a, operator: Is, values: [b]}", ".operator: Invalid value: \"Is\": not a valid selector operator");
    node_affinity("{key: a, operator: In}", ".values: Required value: must be specified when `operator` is 'In' or 'NotIn'");
    let key = "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey";
    check(
        kinds::PODS,
        "metadata: {name: x}\nspec: {containers: [{name: c, image: a}], affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {a: b}}}]}}}",
        &[
            &format!("{key}: Required value: can not be empty"),
            &format!("{key}: Invalid value: \"\": name part must be non-empty"),
            &format!("{key}: Invalid value: \"\": {NAME_PART}"),
        ],
    );
    field(
        "topologySpreadConstraints: [{maxSkew: 0, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]",
        "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
    );
    field(
        "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: Never}]",
        "spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: \"Never\": supported values: \"DoNotSchedule\", \"ScheduleAnyway\"",
    );
    container(
        "livenessProbe: {exec: {command: [a]}, tcpSocket: {port: 80}}",
        "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
    );
    container(
        "livenessProbe: {periodSeconds: 5}",
        "spec.containers[0].livenessProbe: Required value: must specify a handler type",
    );
    container(
        "livenessProbe: {exec: {command: [a]}, periodSeconds: -1}",
        "spec.containers[0].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
    );
    field(
        "dnsPolicy: Foo",
        "spec.dnsPolicy: Unsupported value: \"Foo\": supported values: \"ClusterFirstWithHostNet\", \"ClusterFirst\", \"Default\", \"None\"",
    );
    // Recorded as accepted.
    check(
        kinds::PODS,
        "metadata: {name: x}\nspec: {terminationGracePeriodSeconds: -3, containers: [{name: c, image: nginx}]}",
        &[],
    );
}

#[test]
fn recorded_names() {
    check(
        kinds::PODS,
        "metadata: {name: Nginx}\nspec: {containers: [{name: Nginx, image: nginx}]}",
        &[
            &format!("metadata.name: Invalid value: \"Nginx\": {SUBDOMAIN}"),
            &format!("spec.containers[0].name: Invalid value: \"Nginx\": {LABEL}"),
        ],
    );
    check(kinds::NAMESPACES, "metadata: {name: Team_A}", &[&format!("metadata.name: Invalid value: \"Team_A\": {LABEL}")]);
    let long = format!("{}.{}", "x".repeat(64), "y".repeat(200));
    check(
        kinds::PODS,
        &format!("metadata: {{name: {long}}}\nspec: {{containers: [{{name: c, image: nginx}}]}}"),
        &[&format!("metadata.name: Invalid value: \"{long}\": must be no more than 253 characters")],
    );
    check(
        kinds::CONFIGMAPS,
        "metadata: {name: x, labels: {\"bad key\": \"1\"}}",
        &[&format!("metadata.labels: Invalid value: \"bad key\": {NAME_PART}")],
    );
    // A Service may be called so, since v1.34.
    check(kinds::SERVICES, "metadata: {name: 1x}\nspec: {ports: [{port: 80}]}", &[]);
    check(kinds::CONFIGMAPS, "metadata: {}", &["metadata.name: Required value: name or generateName is required"]);
}

fn deployment(spec: &str) -> String {
    format!(
        "metadata: {{name: x}}\nspec: {{{spec}, selector: {{matchLabels: {{app: x}}}}, template: {{metadata: {{labels: {{app: x}}}}, spec: {{containers: [{{name: c, image: nginx}}]}}}}}}"
    )
}

#[test]
fn recorded_workloads() {
    let check_deployment = |spec: &str, want: &str| check(kinds::DEPLOYMENTS, &deployment(spec), &[want]);
    check_deployment("replicas: -1", "spec.replicas: Invalid value: -1: must be greater than or equal to 0");
    check_deployment(
        "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}",
        "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
    );
    check_deployment(
        "strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}",
        "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    );
    check_deployment(
        "strategy: {rollingUpdate: {maxUnavailable: 150%}}",
        "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"150%\": must not be greater than 100%",
    );
    let container = "spec: {containers: [{name: c, image: nginx}]}";
    check(
        kinds::DEPLOYMENTS,
        &format!(
            "metadata: {{name: x}}\nspec: {{selector: {{matchLabels: {{app: x}}}}, template: {{metadata: {{labels: {{app: other}}}}, {container}}}}}"
        ),
        &["spec.template.metadata.labels: Invalid value: {\"app\":\"other\"}: `selector` does not match template `labels`"],
    );
    check(
        kinds::DEPLOYMENTS,
        &format!("metadata: {{name: x}}\nspec: {{template: {{metadata: {{labels: {{app: x}}}}, {container}}}}}"),
        &[
            "spec.selector: Required value",
            "spec.template.metadata.labels: Invalid value: {\"app\":\"x\"}: `selector` does not match template `labels`",
        ],
    );
    check(
        kinds::DEPLOYMENTS,
        "metadata: {name: x}\nspec: {selector: {matchLabels: {app: x}}}",
        &[
            "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
            "spec.template.spec.containers: Required value",
        ],
    );
    check(
        kinds::DEPLOYMENTS,
        "metadata: {name: x}\nspec: {selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: {restartPolicy: Never, containers: [{name: c, image: nginx}]}}}",
        &["spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""],
    );
    check(
        kinds::DAEMONSETS,
        &format!(
            "metadata: {{name: x}}\nspec: {{selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: c}}}}, {container}}}}}"
        ),
        &["spec.template.metadata.labels: Invalid value: {\"a\":\"c\"}: `selector` does not match template `labels`"],
    );
}

#[test]
fn recorded_services_claims_and_classes() {
    let service = |spec: &str, want: &[&str]| check(kinds::SERVICES, &format!("metadata: {{name: x}}\nspec: {spec}"), want);
    service("{selector: {a: b}}", &["spec.ports: Required value"]);
    service(
        "{type: Foo, ports: [{port: 80}]}",
        &[
            "spec.type: Unsupported value: \"Foo\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"",
        ],
    );
    service("{ports: [{port: 80},{port: 81}]}", &["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"]);
    service(
        "{ports: [{port: 99999}]}",
        &[
            "spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive",
            "spec.ports[0].targetPort: Invalid value: 99999: must be between 1 and 65535, inclusive",
        ],
    );
    let claim =
        |spec: &str, want: &str| check(kinds::PERSISTENTVOLUMECLAIMS, &format!("metadata: {{name: x}}\nspec: {spec}"), &[want]);
    claim("{accessModes: [ReadWriteOnce]}", "spec.resources[storage]: Required value");
    claim(
        "{accessModes: [RWO], resources: {requests: {storage: 1Gi}}}",
        "spec.accessModes: Unsupported value: \"RWO\": supported values: \"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\"",
    );
    check(
        kinds::PRIORITYCLASSES,
        "metadata: {name: system-x}\nvalue: 5",
        &[
            "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-x is not a known system priority class",
        ],
    );
    check(
        kinds::PRIORITYCLASSES,
        "metadata: {name: big}\nvalue: 2000000000",
        &["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
    );
}

/// What a patch of an object is refused for.
fn refused(resource: Resource, old: &Value, patch_body: Value, patch_type: PatchType) -> Vec<String> {
    let mut new = patch::apply(resource, old, &patch_body, patch_type).unwrap();
    schema::decode(resource, &mut new, old, "Strict").unwrap();
    apply_defaults(resource, &mut new);
    texts(&validate_update(resource, "", &new, old))
}

#[test]
fn recorded_updates() {
    let mut web = admitted(kinds::DEPLOYMENTS, &deployment("replicas: 1").replace("app: x", "app: web"));
    web["metadata"]["resourceVersion"] = "1".into();
    let selector = value!({"spec": {"selector": {"matchLabels": {"app": "zzz"}}}});
    assert_eq!(
        refused(kinds::DEPLOYMENTS, &web, selector, PatchType::Merge),
        [
            "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`",
            "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"zzz\"}}: field is immutable",
        ]
    );
    let frozen = admitted(kinds::CONFIGMAPS, "metadata: {name: frozen}\nimmutable: true\ndata: {a: \"1\"}");
    assert_eq!(
        refused(kinds::CONFIGMAPS, &frozen, value!({"data": {"a": "2"}}), PatchType::Strategic),
        ["data: Forbidden: field is immutable when `immutable` is set"]
    );
    let mut service = admitted(kinds::SERVICES, "metadata: {name: web}\nspec: {ports: [{port: 80}]}");
    service["spec"]["clusterIP"] = "10.96.1.2".into();
    service["spec"]["clusterIPs"] = value!(["10.96.1.2"]);
    assert_eq!(
        refused(kinds::SERVICES, &service, value!({"spec": {"clusterIP": "10.96.200.200"}}), PatchType::Strategic),
        ["spec.clusterIPs[0]: Invalid value: [\"10.96.200.200\"]: may not change once set"]
    );
    assert_eq!(
        refused(kinds::DEPLOYMENTS, &web, value!({"metadata": {"labels": {"bad key": "1"}}}), PatchType::Merge),
        [format!("metadata.labels: Invalid value: \"bad key\": {NAME_PART}")]
    );
}

/// The pod of the recordings, with what admission adds to it.
fn running_nginx() -> Value {
    let mut pod = admitted(
        kinds::PODS,
        "metadata: {name: nginx}\nspec: {containers: [{name: nginx, image: nginx}], nodeName: kind-worker, serviceAccountName: default, serviceAccount: default, priority: 0, preemptionPolicy: PreemptLowerPriority}",
    );
    pod["spec"]["containers"][0]["volumeMounts"] = value!([
        {"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": "kube-api-access-x", "readOnly": true}]);
    pod["spec"]["volumes"] = value!([{"name": "kube-api-access-x", "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
        {"downwardAPI": {"items": [{"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}, "path": "namespace"}]}}]}}]);
    pod["spec"]["tolerations"] = value!([
        {"effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 300},
        {"effect": "NoExecute", "key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 300}]);
    pod
}

#[test]
fn recorded_pod_updates() {
    const MUTABLE: &str = "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n";
    let pod = running_nginx();
    assert_eq!(
        refused(kinds::PODS, &pod, value!({"spec": {"nodeName": "kind-worker9"}}), PatchType::Strategic),
        [format!(
            "{MUTABLE}@@ -140,7 +140,7 @@\n  \"NodeSelector\": null,\n  \"ServiceAccountName\": \"default\",\n  \"AutomountServiceAccountToken\": null,\n- \"NodeName\": \"kind-worker\",\n+ \"NodeName\": \"kind-worker9\",\n  \"SecurityContext\": {{\n   \"HostNetwork\": false,\n   \"HostPID\": false,\n"
        )]
    );
    assert_eq!(
        refused(kinds::PODS, &pod, value!([{"op": "replace", "path": "/spec/restartPolicy", "value": "Never"}]), PatchType::Json),
        [format!(
            "{MUTABLE}@@ -133,7 +133,7 @@\n   }}\n  ],\n  \"EphemeralContainers\": null,\n- \"RestartPolicy\": \"Always\",\n+ \"RestartPolicy\": \"Never\",\n  \"TerminationGracePeriodSeconds\": 30,\n  \"ActiveDeadlineSeconds\": null,\n  \"DNSPolicy\": \"ClusterFirst\",\n"
        )]
    );
    assert_eq!(
        refused(
            kinds::PODS,
            &pod,
            value!([{"op": "add", "path": "/spec/containers/-", "value": {"name": "d", "image": "nginx"}}]),
            PatchType::Json
        ),
        ["spec.containers: Forbidden: pod updates may not add or remove containers"]
    );
}

#[test]
fn what_may_change_in_a_pod() {
    let pod = running_nginx();
    let none: [&str; 0] = [];
    let image = value!({"spec": {"containers": [{"name": "nginx", "image": "nginx:1.28"}]}});
    assert_eq!(refused(kinds::PODS, &pod, image, PatchType::Strategic), none);
    let mut more = pod["spec"]["tolerations"].clone();
    more.push(value!({"key": "a", "operator": "Exists"}));
    assert_eq!(refused(kinds::PODS, &pod, value!({"spec": {"tolerations": more}}), PatchType::Merge), none);
    assert_eq!(
        refused(kinds::PODS, &pod, value!({"spec": {"tolerations": []}}), PatchType::Merge),
        ["spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"]
    );
    assert_eq!(refused(kinds::PODS, &pod, value!({"metadata": {"labels": {"a": "b"}}}), PatchType::Merge), none);
}

#[test]
fn the_answer_lists_the_causes() {
    let object = admitted(kinds::DEPLOYMENTS, &deployment("replicas: -1"));
    let answer = invalid(kinds::DEPLOYMENTS, "x", validate_create(kinds::DEPLOYMENTS, &object));
    assert_eq!(answer.code, 422);
    assert_eq!(
        answer.message,
        "Deployment.apps \"x\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"
    );
    assert_eq!(
        answer.details.to_json(),
        r#"{"causes":[{"field":"spec.replicas","message":"Invalid value: -1: must be greater than or equal to 0","reason":"FieldValueInvalid"}],"group":"apps","kind":"Deployment","name":"x"}"#
    );
    let two = admitted(kinds::PODS, "metadata: {name: Nginx}\nspec: {containers: [{name: Nginx, image: nginx}]}");
    let answer = invalid(kinds::PODS, "Nginx", validate_create(kinds::PODS, &two));
    assert!(answer.message.starts_with("Pod \"Nginx\" is invalid: [metadata.name: Invalid value: \"Nginx\": a lowercase"));
    assert!(answer.message.ends_with("?')]"));
}

#[test]
fn workload_manifests_are_accepted() {
    check(kinds::DEPLOYMENTS, &deployment("replicas: 2"), &[]);
    check(
        kinds::PODS,
        "metadata: {name: a}\nspec: {initContainers: [{name: i, image: a}, {name: s, image: a, restartPolicy: Always, startupProbe: {httpGet: {port: http}}}], volumes: [{name: v, configMap: {name: x}}], containers: [{name: c, image: a, ports: [{name: http, containerPort: 80}], volumeMounts: [{name: v, mountPath: /v, subPath: a}], env: [{name: A, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]}]}",
        &[],
    );
    check(
        kinds::PODS,
        "metadata: {name: a}\nspec: {initContainers: [{name: i, image: a, livenessProbe: {exec: {command: [a]}}}], containers: [{name: i, image: a}]}",
        &[
            "spec.initContainers[0].name: Duplicate value: \"i\"",
            "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
        ],
    );
    check(
        kinds::SECRETS,
        "metadata: {name: a}\ntype: kubernetes.io/tls",
        &["data[tls.crt]: Required value", "data[tls.key]: Required value"],
    );
}
