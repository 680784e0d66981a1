//! Defaulting, after `pkg/apis/*/v1/defaults.go`.

use super::Resource;
use super::resource::{DAEMONSETS, DEPLOYMENTS, PODS, REPLICASETS, SERVICES};
use crate::value;
use crate::value::Value;

fn default(object: &mut Value, key: &'static str, value: impl Into<Value>) {
    if object[key].is_null() {
        object.set(key, value);
    }
}

/// Fills in what the object leaves out.
pub fn apply_defaults(resource: Resource, object: &mut Value) {
    match resource {
        PODS => pod_spec(&mut object["spec"]),
        DEPLOYMENTS => {
            let spec = &mut object["spec"];
            default(spec, "replicas", 1);
            default(spec, "revisionHistoryLimit", 10);
            default(spec, "progressDeadlineSeconds", 600);
            default(&mut spec["strategy"], "type", "RollingUpdate");
            if spec["strategy"]["type"].str() == "RollingUpdate" {
                default(&mut spec["strategy"]["rollingUpdate"], "maxSurge", "25%");
                default(&mut spec["strategy"]["rollingUpdate"], "maxUnavailable", "25%");
            }
            pod_spec(&mut spec["template"]["spec"]);
        }
        REPLICASETS => {
            default(&mut object["spec"], "replicas", 1);
            pod_spec(&mut object["spec"]["template"]["spec"]);
        }
        DAEMONSETS => {
            let spec = &mut object["spec"];
            default(spec, "revisionHistoryLimit", 10);
            default(&mut spec["updateStrategy"], "type", "RollingUpdate");
            if spec["updateStrategy"]["type"].str() == "RollingUpdate" {
                default(&mut spec["updateStrategy"]["rollingUpdate"], "maxSurge", 0);
                default(&mut spec["updateStrategy"]["rollingUpdate"], "maxUnavailable", 1);
            }
            pod_spec(&mut spec["template"]["spec"]);
        }
        SERVICES => {
            let spec = &mut object["spec"];
            default(spec, "type", "ClusterIP");
            default(spec, "sessionAffinity", "None");
            default(spec, "internalTrafficPolicy", "Cluster");
            default(spec, "ipFamilies", value!(["IPv4"]));
            default(spec, "ipFamilyPolicy", "SingleStack");
            for index in 0..spec["ports"].items().len() {
                let port = &mut spec["ports"][index];
                default(port, "protocol", "TCP");
                let number = port["port"].clone();
                default(port, "targetPort", number);
            }
        }
        _ => {}
    }
}

fn pod_spec(spec: &mut Value) {
    default(spec, "restartPolicy", "Always");
    default(spec, "dnsPolicy", "ClusterFirst");
    default(spec, "schedulerName", "default-scheduler");
    default(spec, "terminationGracePeriodSeconds", 30);
    default(spec, "enableServiceLinks", true);
    default(spec, "securityContext", Value::map());
    for list in ["initContainers", "containers"] {
        for index in 0..spec[list].items().len() {
            let container = &mut spec[list][index];
            default(container, "terminationMessagePath", "/dev/termination-log");
            default(container, "terminationMessagePolicy", "File");
            default(container, "resources", Value::map());
            let image = container["image"].text();
            let latest = image.ends_with(":latest") || !image.rsplit('/').next().unwrap_or("").contains([':', '@']);
            default(container, "imagePullPolicy", if latest { "Always" } else { "IfNotPresent" });
            for port in 0..container["ports"].items().len() {
                default(&mut container["ports"][port], "protocol", "TCP");
            }
        }
    }
}
