//! Reading an object as the typed structs of the Go server would, after `sigs.k8s.io/json` and the strict serializer.

use super::{Field, Kind, Type, of_resource};
use crate::api::quantity::Quantity;
use crate::api::{ApiError, Resource};
use crate::core::Time;
use crate::value::{Map, Text, Value};

/// Reads `object` as an object of the resource and rewrites it as the server stores it. `known` is an object that was read before
/// (or null): parts shared with it are taken as they are. `field_validation` is the request's parameter: `Strict` refuses unknown
/// fields, `Warn` and `Ignore` drop them. Answers with the warnings for `Warn`, or 400 in the server's words.
pub fn decode(resource: Resource, object: &mut Value, known: &Value, field_validation: &str) -> Result<Vec<String>, ApiError> {
    let refuse = |why: &str| {
        let (kind, version) = (resource.kind, resource.version);
        ApiError::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}"))
    };
    let mut decoder = Decoder { path: Vec::new(), unknown: Vec::new() };
    let Value::Map(_) = object else {
        return Err(refuse(&format!("json: cannot unmarshal {} into Go value of type v1.{}", json_type(object), resource.kind)));
    };
    let rewritten = decoder.object(of_resource(resource), object, known, true).map_err(|why| refuse(&why))?;
    if field_validation == "Strict" && !decoder.unknown.is_empty() {
        return Err(refuse(&format!("strict decoding error: {}", decoder.unknown.join(", "))));
    }
    if let Some(rewritten) = rewritten {
        *object = rewritten;
    }
    Ok(if field_validation == "Warn" { decoder.unknown } else { Vec::new() })
}

/// Reads a struct that no api-server serves, such as a component's configuration, by its name in `types.txt`: its unknown fields
/// (`unknown field "a.b"`), or why it cannot be read.
pub fn check(name: &str, object: &Value) -> Result<Vec<String>, String> {
    let kind = super::named(name).expect("configurations have types in types.txt");
    let mut decoder = Decoder { path: Vec::new(), unknown: Vec::new() };
    if !matches!(object, Value::Map(_)) {
        return Err(format!("json: cannot unmarshal {} into Go value of type v1.{name}", json_type(object)));
    }
    decoder.object(kind, object, &Value::Null, true)?;
    Ok(decoder.unknown)
}

/// Checks an object's metadata as kubectl does before it sends anything:
/// `json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string`.
pub fn decode_metadata(object: &Value) -> Result<(), String> {
    let mut decoder = Decoder { path: vec![Step::Field("metadata")], unknown: Vec::new() };
    let metadata = super::named("ObjectMeta").expect("ObjectMeta is in types.txt");
    match &object["metadata"] {
        Value::Null => Ok(()),
        value @ Value::Map(_) => decoder.object(metadata, value, &Value::Null, false).map(|_| ()),
        other => Err(format!("json: cannot unmarshal {} into Go struct field .metadata of type v1.ObjectMeta", json_type(other))),
    }
}

#[derive(Clone, Copy)]
enum Step {
    Field(&'static str),
    Index(usize),
}

struct Decoder {
    path: Vec<Step>,
    unknown: Vec<String>,
}

/// The value as it must be written instead; `None` when it is right as it is.
type Rewritten = Result<Option<Value>, String>;

impl Decoder {
    fn object(&mut self, kind: &'static Type, value: &Value, known: &Value, root: bool) -> Rewritten {
        if value.same(known) {
            return Ok(None);
        }
        // Copied at the first difference only, so that an object in its canonical form costs no allocation.
        let mut out: Option<Map> = None;
        let original = value.as_map().expect("callers look at the type first");
        // Both are sorted by name: one pass through both.
        let mut fields = kind.fields.as_slice();
        for (key, item) in original.entries() {
            if root && (key == "apiVersion" || key == "kind") {
                continue;
            }
            while fields.first().is_some_and(|field| field.name < key.as_str()) {
                fields = &fields[1..];
            }
            let Some(field) = fields.first().filter(|field| field.name == key.as_str()) else {
                self.unknown.push(format!("unknown field {:?}", self.path_to(key)));
                out.get_or_insert_with(|| original.clone()).remove(key);
                continue;
            };
            self.path.push(Step::Field(field.name));
            let rewritten = self.value(kind, &field.kind, item, &known[field.name])?;
            self.path.pop();
            let new = rewritten.as_ref().unwrap_or(item);
            if !field.always && is_left_out(field, new) {
                out.get_or_insert_with(|| original.clone()).remove(key);
            } else if let Some(new) = rewritten {
                out.get_or_insert_with(|| original.clone()).insert(field.name, new);
            }
        }
        for field in kind.fields.iter().filter(|field| field.always) {
            let have = out.as_ref().unwrap_or(original).get(field.name);
            if have.is_none_or(Value::is_null) {
                let zero = zero(field);
                if have != Some(&zero) {
                    out.get_or_insert_with(|| original.clone()).insert(field.name, zero);
                }
            }
        }
        Ok(out.map(Value::from))
    }

    fn value(&mut self, owner: &Type, kind: &Kind, value: &Value, known: &Value) -> Rewritten {
        if value.is_null() {
            return Ok(None);
        }
        match (kind, value) {
            (Kind::Str(_), Value::Str(_)) | (Kind::Bool, Value::Bool(_)) | (Kind::Int64, Value::Int(_)) | (Kind::Raw, _) => {
                Ok(None)
            }
            (Kind::Int32, Value::Int(number)) if i32::try_from(*number).is_ok() => Ok(None),
            (Kind::Float, Value::Int(_) | Value::Float(_)) | (Kind::IntOrString, Value::Str(_)) => Ok(None),
            (Kind::Object(_), Value::Map(_)) => self.object(kind.object().expect("an object has a type"), value, known, false),
            (Kind::List(item), Value::List(list)) => {
                if value.same(known) {
                    return Ok(None);
                }
                let mut out: Option<Vec<Value>> = None;
                for (at, element) in list.iter().enumerate() {
                    self.path.push(Step::Index(at));
                    let rewritten = self.value(owner, item, element, &known[at])?;
                    self.path.pop();
                    // null in a list of structs is an empty struct.
                    let rewritten = rewritten.or_else(|| (element.is_null() && item.object().is_some()).then(Value::map));
                    if let Some(new) = rewritten {
                        out.get_or_insert_with(|| list.to_vec())[at] = new;
                    }
                }
                Ok(out.map(Value::from))
            }
            (Kind::Map(item), Value::Map(map)) => {
                if value.same(known) {
                    return Ok(None);
                }
                let mut out: Option<Map> = None;
                for (key, element) in map.entries() {
                    let rewritten = match (element, &**item) {
                        (Value::Null, kind) => Some(zero_of(kind)),
                        _ => self.value(owner, item, element, &known[&**key])?,
                    };
                    if let Some(new) = rewritten {
                        out.get_or_insert_with(|| (**map).clone()).insert(key, new);
                    }
                }
                Ok(out.map(Value::from))
            }
            (Kind::Quantity, Value::Str(_) | Value::Int(_) | Value::Float(_)) => quantity(value),
            (Kind::IntOrString, Value::Int(number)) if i32::try_from(*number).is_ok() => Ok(None),
            (Kind::IntOrString, other) => {
                Err(format!("json: cannot unmarshal {} into Go value of type int32", json_value(other)))
            }
            (Kind::Time | Kind::MicroTime, Value::Str(text)) => timestamp(text, matches!(kind, Kind::MicroTime)),
            (Kind::Time | Kind::MicroTime, other) => {
                Err(format!("json: cannot unmarshal {} into Go value of type string", json_type(other)))
            }
            (Kind::Bytes, Value::Str(text)) => match base64_fault(text) {
                Some(at) => Err(format!("illegal base64 data at input byte {at}")),
                None => Ok(None),
            },
            (Kind::Quantity, _) => Err(crate::api::quantity::QuantityError::Format.to_string()),
            _ => Err(self.mismatch(owner, kind, value)),
        }
    }

    fn mismatch(&self, owner: &Type, kind: &Kind, value: &Value) -> String {
        let shown = match kind {
            Kind::Int32 | Kind::Int64 => json_value(value),
            _ => json_type(value).to_string(),
        };
        let path: Vec<&str> =
            self.path.iter().filter_map(|step| if let Step::Field(name) = step { Some(*name) } else { None }).collect();
        format!("json: cannot unmarshal {shown} into Go struct field {}.{} of type {}", owner.name, path.join("."), go_type(kind))
    }

    /// `spec.containers[0].` and the key.
    fn path_to(&self, key: &str) -> String {
        let mut out = String::new();
        for step in &self.path {
            match step {
                Step::Field(name) => {
                    if !out.is_empty() {
                        out.push('.');
                    }
                    out.push_str(name);
                }
                Step::Index(at) => {
                    out.push('[');
                    out.push_str(&at.to_string());
                    out.push(']');
                }
            }
        }
        if !out.is_empty() {
            out.push('.');
        }
        out + key
    }
}

/// Whether `omitempty` leaves the value of a field out.
fn is_left_out(field: &Field, value: &Value) -> bool {
    match value {
        Value::Null => true,
        // Pointers are kept whatever they point at; lists and maps are none.
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty() && matches!(field.kind, Kind::Map(_)),
        _ if field.pointer => false,
        Value::Str(text) => text.is_empty(),
        Value::Int(number) => *number == 0,
        Value::Bool(flag) => !flag,
        Value::Float(_) => false,
    }
}

/// What is written for a field without a value.
fn zero(field: &Field) -> Value {
    match &field.kind {
        _ if field.pointer => Value::Null,
        kind @ Kind::Object(_) => {
            let mut value = Value::map();
            for inner in kind.object().expect("an object has a type").fields.iter().filter(|inner| inner.always) {
                value.map_mut().insert(inner.name, zero(inner));
            }
            value
        }
        kind => zero_of(kind),
    }
}

fn zero_of(kind: &Kind) -> Value {
    match kind {
        Kind::Str(_) => "".into(),
        Kind::Bool => false.into(),
        Kind::Int32 | Kind::Int64 | Kind::Float | Kind::IntOrString => 0.into(),
        Kind::Quantity => "0".into(),
        Kind::Object(_) => Value::map(),
        Kind::Time | Kind::MicroTime | Kind::Bytes | Kind::Raw | Kind::List(_) | Kind::Map(_) => Value::Null,
    }
}

fn quantity(value: &Value) -> Rewritten {
    let given = match value {
        Value::Str(text) => text.clone(),
        other => Text::from(other.to_json()),
    };
    let canonical = given.trim().parse::<Quantity>().map_err(|error| error.to_string())?.to_string();
    Ok(if value.as_str() == Some(&canonical) { None } else { Some(canonical.into()) })
}

/// A timestamp in the form in which it is written: UTC, with or without microseconds.
fn timestamp(text: &str, micro: bool) -> Rewritten {
    match Time::parse_rfc3339(text) {
        Some(time) if !micro && time.is_rfc3339(text) => Ok(None),
        Some(time) => {
            let written = if micro { time.rfc3339_micro() } else { time.rfc3339() };
            Ok(if written == text { None } else { Some(written.into()) })
        }
        // Dates before the simulation and other time zones are kept as they were written.
        None if looks_like_rfc3339(text) => Ok(None),
        None => {
            let layout = if micro { "2006-01-02T15:04:05.000000Z07:00" } else { "2006-01-02T15:04:05Z07:00" };
            Err(format!("parsing time {text:?} as {layout:?}: cannot parse {text:?} as \"2006\""))
        }
    }
}

fn looks_like_rfc3339(text: &str) -> bool {
    let pattern = b"dddd-dd-ddTdd:dd:dd";
    text.len() > pattern.len()
        && text.bytes().zip(pattern).all(|(byte, want)| if *want == b'd' { byte.is_ascii_digit() } else { byte == *want })
}

/// The byte at which base64 text is broken.
fn base64_fault(text: &str) -> Option<usize> {
    let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != b'\n' && *byte != b'\r').collect();
    let body = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'+' || **byte == b'/').count();
    let padding = &bytes[body..];
    let padded = padding.iter().all(|byte| *byte == b'=') && padding.len() <= 2;
    if padded && bytes.len().is_multiple_of(4) {
        return None;
    }
    // Go names the first byte that fits no group of four, or the begin of the group that is cut short.
    Some(if body < bytes.len() && !padded { body } else { bytes.len() / 4 * 4 })
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Float(_) => "number",
        Value::Str(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
    }
}

/// The type, and for numbers the number: `number 1.5`.
fn json_value(value: &Value) -> String {
    match value {
        Value::Int(_) | Value::Float(_) => format!("number {}", value.to_json()),
        other => json_type(other).to_string(),
    }
}

fn go_type(kind: &Kind) -> String {
    match kind {
        Kind::Str(name) if *name == "string" || name.contains('.') => (*name).to_string(),
        Kind::Str(name) => format!("v1.{name}"),
        Kind::Bool => "bool".to_string(),
        Kind::Int32 => "int32".to_string(),
        Kind::Int64 => "int64".to_string(),
        Kind::Float => "float64".to_string(),
        Kind::Quantity => "resource.Quantity".to_string(),
        Kind::IntOrString => "intstr.IntOrString".to_string(),
        Kind::Time => "v1.Time".to_string(),
        Kind::MicroTime => "v1.MicroTime".to_string(),
        Kind::Bytes => "[]uint8".to_string(),
        Kind::Raw => "runtime.RawExtension".to_string(),
        Kind::Object(_) => format!("v1.{}", kind.object().expect("an object has a type").name),
        Kind::List(item) => format!("[]{}", go_type(item)),
        Kind::Map(item) if matches!(**item, Kind::Quantity) => "v1.ResourceList".to_string(),
        Kind::Map(item) => format!("map[string]{}", go_type(item)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::parse_documents;
    use crate::api::resource::{DEPLOYMENTS, PODS, SECRETS};
    use crate::value;

    fn strict(resource: Resource, yaml: &str) -> String {
        let mut object = parse_documents(yaml).unwrap().remove(0);
        match decode(resource, &mut object, &Value::Null, "Strict") {
            Ok(_) => object.to_json(),
            Err(error) => error.message,
        }
    }

    #[test]
    fn recorded_refusals() {
        let pod = |spec: &str| strict(PODS, &format!("metadata: {{name: x}}\nspec: {spec}\n"));
        let words = "Pod in version \"v1\" cannot be handled as a Pod: ";
        let deployment = "Deployment in version \"v1\" cannot be handled as a Deployment: ";
        assert_eq!(
            pod("{containers: [{name: c, image: nginx, imagePullPolcy: Always}]}"),
            format!("{words}strict decoding error: unknown field \"spec.containers[0].imagePullPolcy\"")
        );
        assert_eq!(
            strict(DEPLOYMENTS, "spec: {replica: 1}"),
            format!("{deployment}strict decoding error: unknown field \"spec.replica\"")
        );
        assert_eq!(
            strict(DEPLOYMENTS, "spec: {replicas: \"three\"}"),
            format!("{deployment}json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32")
        );
        assert_eq!(
            pod("{containers: [{ports: [{containerPort: \"80\"}]}]}"),
            format!(
                "{words}json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32"
            )
        );
        assert_eq!(
            pod("{containers: {name: c}}"),
            format!("{words}json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container")
        );
        assert_eq!(
            pod("{containers: [{env: [{name: A, value: 1}]}]}"),
            format!("{words}json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string")
        );
        let regex = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
        assert_eq!(pod("{containers: [{resources: {requests: {cpu: 1x}}}]}"), format!("{words}{regex}"));
        assert_eq!(pod("{containers: [{resources: {requests: {memory: 10MB}}}]}"), format!("{words}{regex}"));
        let labels = value!({"metadata": {"labels": {"v": 1}}});
        assert_eq!(
            decode_metadata(&labels).unwrap_err(),
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"
        );
    }

    #[test]
    fn more_refusals() {
        assert_eq!(
            strict(DEPLOYMENTS, "spec: {replicas: 3000000000}"),
            "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32"
        );
        assert_eq!(
            strict(PODS, "spec: {restartPolicy: 1}"),
            "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy"
        );
        assert_eq!(
            strict(SECRETS, "data: {a: hello}"),
            "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 4"
        );
        assert_eq!(
            strict(PODS, "[1]"),
            "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal array into Go value of type v1.Pod"
        );
    }

    #[test]
    fn objects_are_written_as_the_structs_write_them() {
        assert_eq!(
            strict(
                PODS,
                "metadata: {name: x, labels: {}}\nspec: {hostNetwork: false, nodeName: \"\", containers: [{name: c, resources: {requests: {cpu: 0.5, memory: 1024Mi}}, volumeMounts: []}], priority: 0}"
            ),
            r#"{"metadata":{"name":"x"},"spec":{"containers":[{"name":"c","resources":{"requests":{"cpu":"500m","memory":"1Gi"}}}],"priority":0},"status":{}}"#
        );
        let rewritten = strict(
            DEPLOYMENTS,
            "metadata: {name: x}\nspec: {selector: {matchLabels: {a: b}}, template: {spec: {containers: [{name: c}]}}}",
        );
        assert_eq!(
            rewritten,
            r#"{"metadata":{"name":"x"},"spec":{"selector":{"matchLabels":{"a":"b"}},"strategy":{},"template":{"metadata":{},"spec":{"containers":[{"name":"c","resources":{}}]}}},"status":{}}"#
        );
        assert_eq!(strict(DEPLOYMENTS, &rewritten), rewritten);
    }

    #[test]
    fn unknown_fields_are_dropped_unless_strict() {
        let mut object = value!({"spec": {"containers": [], "foo": 1}});
        let warnings = decode(PODS, &mut object, &Value::Null, "Warn").unwrap();
        assert_eq!(warnings, ["unknown field \"spec.foo\""]);
        assert_eq!(object.to_json(), r#"{"metadata":{},"spec":{"containers":[]},"status":{}}"#);
    }

    #[test]
    fn parts_that_did_not_change_stay_shared() {
        let mut old = value!({"metadata": {"name": "x"}, "spec": {"containers": [{"name": "c"}]}, "status": {}});
        decode(PODS, &mut old, &Value::Null, "Strict").unwrap();
        let mut new = old.clone();
        new["status"]["phase"] = "Running".into();
        decode(PODS, &mut new, &old, "Strict").unwrap();
        assert!(new["spec"].same(&old["spec"]));
        let before = new.clone();
        decode(PODS, &mut new, &Value::Null, "Strict").unwrap();
        assert!(new.same(&before), "a canonical object is not copied");
    }
}
