//! What every namespace gets: the service account `default` (`pkg/controller/serviceaccount/serviceaccounts_controller.go`) and the
//! config map `kube-root-ca.crt` (`pkg/controller/certificates/rootcacertpublisher`).

use super::context::Context;
use super::control::{create_in, namespace_terminating};
use super::reconcile::{Io, QueueId, Step, Stop};
use crate::api::resource::{CONFIGMAPS, NAMESPACES, SERVICEACCOUNTS};
use crate::client::Change;
use crate::core::Request;
use crate::value;
use crate::value::{Text, Value};

const DEFAULT: &str = "default";
const ROOT_CA: &str = "kube-root-ca.crt";
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/// A namespace came or changed.
pub(super) fn on_namespace(context: &mut Context<'_, '_>, change: &Change) {
    if let Some(namespace) = &change.new {
        let key = namespace.key();
        context.enqueue(QueueId::ServiceAccount, &key);
        if change.old.is_none() || is_active(namespace) {
            context.enqueue(QueueId::RootCa, &key);
        }
    }
}

/// A service account was removed.
pub(super) fn on_account(context: &mut Context<'_, '_>, change: &Change) {
    let account = change.object();
    if change.new.is_none() && account.name() == DEFAULT {
        context.enqueue(QueueId::ServiceAccount, &account["metadata"]["namespace"].text());
    }
}

/// A config map was changed or removed.
pub(super) fn on_config_map(context: &mut Context<'_, '_>, change: &Change) {
    let map = change.object();
    if change.old.is_some() && map.name() == ROOT_CA {
        context.enqueue(QueueId::RootCa, &map["metadata"]["namespace"].text());
    }
}

fn is_active(namespace: &Value) -> bool {
    namespace["status"]["phase"].str() == "Active"
}

/// Creates the service account.
pub(super) fn sync_account(io: &mut Io<'_>, key: &str) -> Step<()> {
    let view = io.view;
    if !view.get(NAMESPACES, key).is_some_and(is_active) || view.find(SERVICEACCOUNTS, key, DEFAULT).is_some() {
        return Ok(());
    }
    let account = value!({
        "kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": DEFAULT, "namespace": key.to_string()},
    });
    match io.request(Request::create(SERVICEACCOUNTS, account))? {
        Err(error) if error.reason() != "AlreadyExists" && !namespace_terminating(&error) => Err(Stop::Retry),
        _ => Ok(()),
    }
}

/// Creates or mends the config map.
pub(super) fn sync_root_ca(io: &mut Io<'_>, key: &str) -> Step<()> {
    let view = io.view;
    let data = value!({"ca.crt": &view.root_ca});
    let answer = match view.find(CONFIGMAPS, key, ROOT_CA) {
        Some(map) if map["data"] == data => return Ok(()),
        Some(map) => {
            let mut mended = map.clone();
            mended["data"] = data;
            mended["metadata"]["annotations"].map_mut().insert("kubernetes.io/description", DESCRIPTION);
            io.request(Request::update(CONFIGMAPS, mended))?
        }
        None if view.get(NAMESPACES, key).is_none() => return Ok(()),
        None => {
            let map = value!({
                "kind": "ConfigMap", "apiVersion": "v1",
                "metadata": {"name": ROOT_CA, "annotations": {"kubernetes.io/description": DESCRIPTION}}, "data": data,
            });
            io.request(create_in(CONFIGMAPS, key, map))?
        }
    };
    match answer {
        Err(error) if error.code() != 404 && !namespace_terminating(&error) => Err(Stop::Retry),
        _ => Ok(()),
    }
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The text of a certificate: from the machine's disk, or made up of random bytes.
pub(super) fn certificate(disk: &crate::core::Disk, rng: &mut crate::core::Rng) -> Text {
    if let Some(Value::Str(text)) = disk.files.get("/etc/kubernetes/pki/ca.crt") {
        return text.clone();
    }
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\nMIID");
    for at in 4..1024 {
        if at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(BASE64[rng.below(64) as usize] as char);
    }
    Text::from(pem + "\n-----END CERTIFICATE-----\n")
}
