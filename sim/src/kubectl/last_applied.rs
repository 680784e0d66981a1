//! The annotation in which `kubectl apply` keeps what was applied last: `k8s.io/kubectl/pkg/util/apply.go`.

use crate::value::Value;

/// The annotation's key.
pub(super) const KEY: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The object as it is noted in the annotation: compact JSON and a line end, without the annotation itself.
fn configuration(object: &Value) -> String {
    let mut object = object.clone();
    if object["metadata"]["annotations"].is_null() {
        object["metadata"]["annotations"] = Value::map();
    } else {
        object["metadata"]["annotations"].remove(KEY);
    }
    encode(&object) + "\n"
}

/// The object with its own configuration in the annotation (`GetModifiedConfiguration`, `CreateApplyAnnotation`).
pub(super) fn annotated(object: &Value) -> Value {
    let mut annotated = object.clone();
    annotated["metadata"]["annotations"].map_mut().insert(KEY, configuration(object));
    annotated
}

/// With `--save-config` or when the object has the annotation already, it is brought up to date (`CreateOrUpdateAnnotation`).
pub(super) fn created_or_updated(object: &Value, create: bool) -> Value {
    if create || object.annotation(KEY).is_some() { annotated(object) } else { object.clone() }
}

/// What was applied last; null when the object was never applied.
pub(super) fn original(object: &Value) -> Result<Value, String> {
    match object.annotation(KEY) {
        Some(text) => Value::from_json(text).map_err(|error| error.to_string()),
        None => Ok(Value::Null),
    }
}

/// Compact JSON as encoding/json writes it, with `<`, `>` and `&` escaped.
pub(super) fn encode(value: &Value) -> String {
    value.to_json().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn the_annotation_is_as_recorded() {
        let object = value!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"color": "red"},
            "metadata": {"name": "settings", "namespace": "default"}});
        let applied = annotated(&object);
        assert_eq!(
            applied.annotation(KEY),
            Some(
                "{\"apiVersion\":\"v1\",\"data\":{\"color\":\"red\"},\"kind\":\"ConfigMap\",\"metadata\":{\"annotations\":{},\
                 \"name\":\"settings\",\"namespace\":\"default\"}}\n"
            )
        );
        assert_eq!(annotated(&applied), applied);
        assert_eq!(original(&applied).unwrap()["data"]["color"].str(), "red");
        assert_eq!(original(&object), Ok(Value::Null));
    }
}
