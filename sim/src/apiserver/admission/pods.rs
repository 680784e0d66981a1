//! Plugins for pods: ServiceAccount, DefaultTolerationSeconds, Priority.

use super::super::ApiServer;
use crate::api::ApiError;
use crate::api::resource::{PRIORITYCLASSES, SERVICEACCOUNTS};
use crate::value;
use crate::value::Value;

/// Where the token, the root certificate and the namespace are mounted.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// DefaultTolerationSeconds: pods tolerate a node that is not ready or unreachable for 300 s.
pub(super) fn default_toleration_seconds(pod: &mut Value) {
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let covered = pod["spec"]["tolerations"].items().iter().any(|toleration| {
            (toleration["key"].str() == key || toleration["key"].is_empty())
                && matches!(toleration["effect"].str(), "NoExecute" | "")
        });
        if !covered {
            pod["spec"]["tolerations"]
                .push(value!({"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300}));
        }
    }
}

impl ApiServer {
    /// ServiceAccount: pods run as an account that exists, and get its token by a projected volume.
    pub(super) fn service_account(&mut self, pod: &mut Value) -> Result<(), ApiError> {
        if pod.annotation("kubernetes.io/config.mirror").is_some() {
            return Ok(());
        }
        if pod["spec"]["serviceAccountName"].is_empty() {
            pod["spec"]["serviceAccountName"] = "default".into();
        }
        let name = pod["spec"]["serviceAccountName"].text();
        pod["spec"]["serviceAccount"] = name.clone().into();
        let namespace = pod["metadata"]["namespace"].text();
        let Some(account) = self.caches.get(SERVICEACCOUNTS, &namespace, &name) else {
            let why = format!("error looking up service account {namespace}/{name}: serviceaccount {:?} not found", &*name);
            return Err(ApiError::forbidden("pods", pod.name(), &why));
        };
        let wanted = pod["spec"]["automountServiceAccountToken"].clone();
        let mount = match (&wanted, &account["automountServiceAccountToken"]) {
            (Value::Bool(own), _) => *own,
            (_, Value::Bool(of_account)) => *of_account,
            _ => true,
        };
        if mount {
            self.mount_token(pod);
        }
        Ok(())
    }

    fn mount_token(&mut self, pod: &mut Value) {
        let name = format!("kube-api-access-{}", self.rng.name_suffix(5));
        let mut needed = false;
        for list in ["initContainers", "containers"] {
            let count = pod["spec"][list].items().len();
            for index in 0..count {
                let mounted =
                    pod["spec"][list][index]["volumeMounts"].items().iter().any(|mount| mount["mountPath"].str() == TOKEN_PATH);
                if !mounted {
                    needed = true;
                    let mount = value!({"mountPath": TOKEN_PATH, "name": name.clone(), "readOnly": true});
                    pod["spec"][list][index]["volumeMounts"].push(mount);
                }
            }
        }
        if needed {
            pod["spec"]["volumes"].push(value!({"name": name, "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
                {"downwardAPI": {"items": [{"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}, "path": "namespace"}]}},
            ]}}));
        }
    }

    /// Priority: the number and the preemption policy of the pod's PriorityClass, or of the default one.
    pub(super) fn priority(&self, pod: &mut Value) -> Result<(), ApiError> {
        let name = pod["spec"]["priorityClassName"].text();
        let class = if name.is_empty() {
            self.caches.list(PRIORITYCLASSES).find(|class| class["globalDefault"].is_true())
        } else {
            let class = self.caches.get(PRIORITYCLASSES, "", &name);
            if class.is_none() {
                return Err(ApiError::forbidden("pods", pod.name(), &format!("no PriorityClass with name {name} was found")));
            }
            class
        };
        let value = class.map_or(0, |class| class["value"].int());
        if let Some(given) = pod["spec"]["priority"].as_int().filter(|given| *given != value) {
            let why = format!(
                "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {value} from the given PriorityClass name"
            );
            return Err(ApiError::forbidden("pods", pod.name(), &why));
        }
        let policy = class.map(|class| class["preemptionPolicy"].text()).filter(|policy| !policy.is_empty());
        if let Some(class) = class.filter(|_| name.is_empty()) {
            pod["spec"]["priorityClassName"] = class["metadata"]["name"].text().into();
        }
        pod["spec"]["priority"] = value.into();
        pod["spec"]["preemptionPolicy"] = policy.map_or_else(|| "PreemptLowerPriority".into(), Value::from);
        Ok(())
    }
}
