//! Field selectors, after apimachinery's `pkg/fields/selector.go` and the conversion functions of each kind.

use std::borrow::Cow;
use std::fmt;

use crate::api::Resource;
use crate::api::resource as kinds;
use crate::value::{Text, Value};

/// Requirements on fields, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    field: Text,
    equal: bool,
    value: Text,
}

impl FieldSelector {
    /// Reads `spec.nodeName=kind-worker,status.phase!=Running` for a kind. The error is the server's text.
    pub fn parse(text: &str, resource: Resource) -> Result<Self, String> {
        let mut terms = Vec::new();
        for term in split_terms(text) {
            if term.is_empty() {
                continue;
            }
            let (field, equal, value) = ["!=", "==", "="]
                .into_iter()
                .filter_map(|operator| term.find(operator).map(|at| (at, operator)))
                .min_by_key(|(at, operator)| (*at, std::cmp::Reverse(operator.len())))
                .map(|(at, operator)| (&term[..at], operator != "!=", &term[at + operator.len()..]))
                .ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{term}'"))?;
            check_field(resource, field)?;
            terms.push(Term { field: Text::new(field), equal, value: unescape(value)?.into() });
        }
        Ok(Self { terms })
    }

    /// The selector for one field.
    pub fn one(field: &'static str, value: impl Into<Text>) -> Self {
        Self { terms: vec![Term { field: field.into(), equal: true, value: value.into() }] }
    }

    /// Whether everything matches.
    pub fn is_everything(&self) -> bool {
        self.terms.is_empty()
    }

    /// The value that a field must have, if one is asked for: lets a list by `metadata.name` become a get.
    pub fn requires(&self, field: &str) -> Option<&str> {
        self.terms.iter().find(|term| term.equal && term.field == field).map(|term| term.value.as_str())
    }

    /// Whether an object of the kind that the selector was read for satisfies all requirements.
    pub fn matches(&self, resource: Resource, object: &Value) -> bool {
        self.terms.iter().all(|term| (field_text(resource, object, &term.field) == *term.value) == term.equal)
    }
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, term) in self.terms.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let value = term.value.replace('\\', "\\\\").replace(',', "\\,").replace('=', "\\=");
            write!(f, "{comma}{}{}{value}", term.field, if term.equal { "=" } else { "!=" })?;
        }
        Ok(())
    }
}

/// Splits at commas that no backslash escapes.
fn split_terms(text: &str) -> Vec<&str> {
    let (mut terms, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, char) in text.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some(escaped @ ('\\' | ',' | '=')) => out.push(escaped),
                Some(other) => return Err(format!("invalid escape sequence: \\{other}")),
                None => return Err("unterminated escape sequence".to_string()),
            },
            ',' | '=' => return Err(format!("invalid field selector: unescaped '{char}' in value: {text}")),
            other => out.push(other),
        }
    }
    Ok(out)
}

/// The fields beyond name and namespace by which a kind can be selected, and whether it words its refusals as the old kinds do.
fn fields(resource: Resource) -> (&'static [&'static str], bool) {
    match resource {
        kinds::PODS => (
            &[
                "spec.nodeName",
                "spec.restartPolicy",
                "spec.schedulerName",
                "spec.serviceAccountName",
                "spec.hostNetwork",
                "status.phase",
                "status.podIP",
                "status.podIPs",
                "status.nominatedNodeName",
            ],
            true,
        ),
        kinds::NODES => (&["spec.unschedulable"], true),
        kinds::NAMESPACES => (&["status.phase"], true),
        kinds::SECRETS => (&["type"], true),
        kinds::SERVICES => (&["spec.clusterIP", "spec.type"], true),
        kinds::EVENTS => (
            &[
                "involvedObject.kind",
                "involvedObject.namespace",
                "involvedObject.name",
                "involvedObject.uid",
                "involvedObject.apiVersion",
                "involvedObject.resourceVersion",
                "involvedObject.fieldPath",
                "reason",
                "reportingComponent",
                "source",
                "type",
            ],
            true,
        ),
        _ => (&[], false),
    }
}

fn check_field(resource: Resource, field: &str) -> Result<(), String> {
    let (known, own_words) = fields(resource);
    let everywhere = field == "metadata.name" || field == "metadata.namespace";
    match () {
        () if everywhere || known.contains(&field) => Ok(()),
        () if own_words => Err(format!("field label not supported: {field}")),
        () => Err(format!("{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")),
    }
}

/// A field as the selector sees it: missing texts are empty, missing booleans false.
fn field_text<'v>(resource: Resource, object: &'v Value, field: &str) -> Cow<'v, str> {
    let value = || field.split('.').fold(object, |value, key| &value[key]);
    match (resource, field) {
        (kinds::EVENTS, "source") => match object["source"]["component"].str() {
            "" => object["reportingComponent"].str().into(),
            component => component.into(),
        },
        (kinds::PODS, "spec.hostNetwork") | (kinds::NODES, "spec.unschedulable") => {
            if value().is_true() { "true" } else { "false" }.into()
        }
        (kinds::PODS, "status.podIPs") => {
            let ips = object["status"]["podIPs"].items().iter().map(|entry| entry["ip"].str());
            ips.collect::<Vec<_>>().join(",").into()
        }
        _ => value().str().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn pods_by_node_and_phase() {
        let pod = value!({"metadata": {"name": "nginx"}, "spec": {"nodeName": "kind-worker"}, "status": {"phase": "Running"}});
        let matches = |text: &str| FieldSelector::parse(text, kinds::PODS).unwrap().matches(kinds::PODS, &pod);
        assert!(matches("spec.nodeName=kind-worker,status.phase!=Pending"));
        assert!(matches("metadata.name==nginx"));
        assert!(matches("spec.hostNetwork=false"));
        assert!(!matches("spec.nodeName="));
        assert!(matches(""));
    }

    #[test]
    fn events_by_their_object() {
        let event = value!({"involvedObject": {"name": "nginx", "uid": "u"}, "type": "Normal", "reportingComponent": "kubelet"});
        let selector = FieldSelector::parse("involvedObject.name=nginx,source=kubelet", kinds::EVENTS).unwrap();
        assert!(selector.matches(kinds::EVENTS, &event));
        assert_eq!(selector.to_string(), "involvedObject.name=nginx,source=kubelet");
        assert_eq!(selector.requires("involvedObject.name"), Some("nginx"));
    }

    #[test]
    fn refusals() {
        let error = |text: &str, resource| FieldSelector::parse(text, resource).unwrap_err();
        assert_eq!(error("spec.foo=1", kinds::PODS), "field label not supported: spec.foo");
        assert_eq!(error("nonsense", kinds::PODS), "invalid selector: 'nonsense'; can't understand 'nonsense'");
        assert_eq!(
            error("spec.replicas=1", kinds::DEPLOYMENTS),
            "\"spec.replicas\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        );
    }
}
