//! Kinds with a short description, and the description of kinds that have none of their own.

use super::Reader;
use super::sheet::{Sheet, date, or_none, plain, selector_text};
use super::{events, volumes};
use crate::api::quantity::Quantity;
use crate::api::resource::PODS;
use crate::api::table::format_labels;
use crate::core::Request;
use crate::core::collections::sort::Sort as _;
use crate::flow::Flow;
use crate::value::{Value, go_text};

pub(super) fn disruption_budget(reader: &mut Reader, budget: &Value) -> Flow<String> {
    let events = events::of(reader, budget)?;
    let mut sheet = Sheet::new(reader.io.now());
    sheet.name(budget);
    for (title, key) in [("Min available", "minAvailable"), ("Max unavailable", "maxUnavailable")] {
        if !budget["spec"][key].is_null() {
            sheet.field(0, title, &plain(&budget["spec"][key]));
        }
    }
    let selector = &budget["spec"]["selector"];
    sheet.field(0, "Selector", &if selector.is_null() { "<unset>".to_string() } else { selector_text(selector) });
    sheet.line(0, "Status:");
    for (title, key) in [
        ("Allowed disruptions", "disruptionsAllowed"),
        ("Current", "currentHealthy"),
        ("Desired", "desiredHealthy"),
        ("Total", "expectedPods"),
    ] {
        sheet.field(2, title, &budget["status"][key].int().to_string());
    }
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}

pub(super) fn priority_class(reader: &mut Reader, class: &Value) -> Flow<String> {
    let events = events::of(reader, class)?;
    let mut sheet = Sheet::new(reader.io.now());
    sheet.name(class);
    sheet.field(0, "Value", &class["value"].int().to_string());
    sheet.field(0, "GlobalDefault", &class["globalDefault"].is_true().to_string());
    sheet.field(0, "PreemptionPolicy", class["preemptionPolicy"].str());
    sheet.field(0, "Description", class["description"].str());
    sheet.field(0, "Annotations", &format_labels(&class["metadata"]["annotations"]));
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}

pub(super) fn storage_class(reader: &mut Reader, class: &Value) -> Flow<String> {
    let events = events::of(reader, class)?;
    let mut sheet = Sheet::new(reader.io.now());
    sheet.name(class);
    let default = class.annotation("storageclass.kubernetes.io/is-default-class") == Some("true");
    sheet.field(0, "IsDefaultClass", if default { "Yes" } else { "No" });
    let annotations: Vec<String> =
        class["metadata"]["annotations"].entries().iter().map(|(key, value)| format!("{key}={}", value.str())).collect();
    sheet.field(0, "Annotations", or_none(&annotations.join(",")));
    sheet.field(0, "Provisioner", class["provisioner"].str());
    sheet.field(0, "Parameters", &format_labels(&class["parameters"]));
    let expansion = match &class["allowVolumeExpansion"] {
        Value::Bool(true) => "True",
        Value::Bool(false) => "False",
        _ => "<unset>",
    };
    sheet.field(0, "AllowVolumeExpansion", expansion);
    if class["mountOptions"].is_empty() {
        sheet.field(0, "MountOptions", "<none>");
    } else {
        sheet.line(0, "MountOptions:");
        for option in class["mountOptions"].items() {
            sheet.line(1, option.str());
        }
    }
    for (title, key) in [("ReclaimPolicy", "reclaimPolicy"), ("VolumeBindingMode", "volumeBindingMode")] {
        if !class[key].is_empty() {
            sheet.field(0, title, class[key].str());
        }
    }
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}

/// `RWO,ROX` (storageutil.GetAccessModesAsString).
fn access_modes(modes: &Value) -> String {
    let short = |mode: &Value| match mode.str() {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        _ => "",
    };
    modes.items().iter().map(short).collect::<Vec<_>>().join(",")
}

/// The finalizers as Go prints a list.
fn finalizers(object: &Value) -> String {
    match &object["metadata"]["finalizers"] {
        Value::Null => "[]".to_string(),
        list => go_text(list),
    }
}

fn claim_status(sheet: &Sheet, object: &Value) -> String {
    if object.is_terminating() {
        return format!("Terminating (lasts {})", sheet.age(&object["metadata"]["deletionTimestamp"]));
    }
    object["status"]["phase"].str().to_string()
}

pub(super) fn volume_claim(reader: &mut Reader, claim: &Value) -> Flow<String> {
    let namespace = claim["metadata"]["namespace"].text();
    let pods = reader.io.request(Request::list(PODS, namespace).param("limit", "500"))?.unwrap_or_default();
    let events = events::of(reader, claim)?;
    let uses = |pod: &&Value| {
        let mut volumes = pod["spec"]["volumes"].items().iter();
        volumes.any(|volume| volume["persistentVolumeClaim"]["claimName"].as_str() == Some(claim.name()))
    };
    let users: Vec<String> = pods["items"].items().iter().filter(uses).map(|pod| pod.name().to_string()).collect();
    let mut sheet = Sheet::new(reader.io.now());
    let (spec, status) = (&claim["spec"], &claim["status"]);
    sheet.name(claim);
    sheet.field(0, "StorageClass", spec["storageClassName"].str());
    let phase = claim_status(&sheet, claim);
    sheet.field(0, "Status", &phase);
    sheet.field(0, "Volume", spec["volumeName"].str());
    sheet.metadata(claim);
    sheet.field(0, "Finalizers", &finalizers(claim));
    let bound = !spec["volumeName"].is_empty();
    let capacity = if bound { Quantity::of(&status["capacity"]["storage"]).to_string() } else { String::new() };
    sheet.field(0, "Capacity", &capacity);
    sheet.field(0, "Access Modes", &if bound { access_modes(&status["accessModes"]) } else { String::new() });
    if !spec["volumeMode"].is_empty() {
        sheet.field(0, "VolumeMode", spec["volumeMode"].str());
    }
    sheet.multiline("Used By", &users);
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}

pub(super) fn volume(reader: &mut Reader, volume: &Value) -> Flow<String> {
    let events = events::of(reader, volume)?;
    let mut sheet = Sheet::new(reader.io.now());
    let spec = &volume["spec"];
    sheet.name(volume);
    sheet.metadata(volume);
    sheet.field(0, "Finalizers", &finalizers(volume));
    sheet.field(0, "StorageClass", spec["storageClassName"].str());
    let phase = claim_status(&sheet, volume);
    sheet.field(0, "Status", &phase);
    let claim = &spec["claimRef"];
    let claim = if claim.is_null() { String::new() } else { format!("{}/{}", claim["namespace"].str(), claim["name"].str()) };
    sheet.field(0, "Claim", &claim);
    sheet.field(0, "Reclaim Policy", spec["persistentVolumeReclaimPolicy"].str());
    sheet.field(0, "Access Modes", &access_modes(&spec["accessModes"]));
    if !spec["volumeMode"].is_empty() {
        sheet.field(0, "VolumeMode", spec["volumeMode"].str());
    }
    sheet.field(0, "Capacity", &Quantity::of(&spec["capacity"]["storage"]).to_string());
    let terms = spec["nodeAffinity"]["required"]["nodeSelectorTerms"].items();
    if terms.is_empty() {
        sheet.field(0, "Node Affinity", "<none>");
    } else {
        sheet.line(0, "Node Affinity:\t\n  Required Terms:\t");
    }
    for (at, term) in terms.iter().enumerate() {
        for (row, rule) in term["matchExpressions"].items().iter().enumerate() {
            let title = if row == 0 { format!("Term {at}:") } else { String::new() };
            let values: Vec<&str> = rule["values"].items().iter().map(Value::str).collect();
            let operator = rule["operator"].str().to_lowercase();
            sheet.line(2, &format!("{title}\t{} {operator} [{}]", rule["key"].str(), values.join(", ")));
        }
    }
    sheet.field(0, "Message", volume["status"]["message"].str());
    sheet.line(0, "Source:");
    volumes::source(&mut sheet, spec);
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}

pub(super) fn role(reader: &mut Reader, role: &Value) -> String {
    let mut sheet = Sheet::new(reader.io.now());
    sheet.field(0, "Name", role.name());
    sheet.metadata(role);
    sheet.line(0, "PolicyRule:");
    sheet.line(1, "Resources\tNon-Resource URLs\tResource Names\tVerbs");
    sheet.line(1, "---------\t-----------------\t--------------\t-----");
    // One line a resource: (verbs, resource, paths, names), which is also their order.
    let mut lines: Vec<(String, String, String, String)> = Vec::new();
    for rule in role["rules"].items() {
        let list = |key: &str| if rule[key].is_null() { "[]".to_string() } else { go_text(&rule[key]) };
        let mut add = |resource: String, paths: String| lines.push((list("verbs"), resource, paths, list("resourceNames")));
        for group in rule["apiGroups"].items() {
            for resource in rule["resources"].items().iter().map(Value::str) {
                let (plural, sub) = resource.split_once('/').map_or((resource, String::new()), |(a, b)| (a, format!("/{b}")));
                let group = if group.is_empty() { String::new() } else { format!(".{}", group.str()) };
                add(format!("{plural}{group}{sub}"), "[]".to_string());
            }
        }
        for path in rule["nonResourceURLs"].items() {
            add(String::new(), format!("[{}]", path.str()));
        }
    }
    lines.order();
    for (verbs, resource, paths, names) in lines {
        sheet.line(1, &format!("{resource}\t{paths}\t{names}\t{verbs}"));
    }
    sheet.finish()
}

pub(super) fn role_binding(reader: &mut Reader, binding: &Value) -> String {
    let mut sheet = Sheet::new(reader.io.now());
    sheet.field(0, "Name", binding.name());
    sheet.metadata(binding);
    sheet.line(0, "Role:");
    sheet.field(1, "Kind", binding["roleRef"]["kind"].str());
    sheet.field(1, "Name", binding["roleRef"]["name"].str());
    sheet.line(0, "Subjects:");
    sheet.line(1, "Kind\tName\tNamespace");
    sheet.line(1, "----\t----\t---------");
    for subject in binding["subjects"].items() {
        sheet.line(1, &format!("{}\t{}\t{}", subject["kind"].str(), subject["name"].str(), subject["namespace"].str()));
    }
    sheet.finish()
}

pub(super) fn csi_node(reader: &mut Reader, node: &Value) -> Flow<String> {
    let events = events::of(reader, node)?;
    let mut sheet = Sheet::new(reader.io.now());
    sheet.name(node);
    sheet.metadata(node);
    sheet.field(0, "CreationTimestamp", &date(&node["metadata"]["creationTimestamp"]));
    sheet.line(0, "Spec:");
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}

/// Any other kind: all its fields (genericDescriber).
pub(super) fn generic(reader: &mut Reader, object: &Value) -> Flow<String> {
    let events = events::of(reader, object)?;
    let mut sheet = Sheet::new(reader.io.now());
    sheet.field(0, "Name", object.name());
    sheet.field(0, "Namespace", object.namespace());
    sheet.metadata(object);
    let mut rest = object.clone();
    for key in ["managedFields", "name", "namespace", "labels", "annotations"] {
        rest.remove_at(&["metadata", key]);
    }
    content(&mut sheet, 0, &rest);
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}

fn content(sheet: &mut Sheet, level: usize, object: &Value) {
    for (key, value) in object.entries() {
        let label = label_of(key);
        match value {
            Value::Map(_) => {
                sheet.line(level, &format!("{label}:"));
                content(sheet, level + 1, value);
            }
            Value::List(items) => {
                sheet.line(level, &format!("{label}:"));
                for item in items.iter() {
                    match item {
                        Value::Map(_) => content(sheet, level + 1, item),
                        item => sheet.line(level + 1, &go_text(item)),
                    }
                }
            }
            value => sheet.field(level, &label, &go_text(value)),
        }
    }
}

/// `apiVersion` → `API Version` (smartLabelFor).
fn label_of(field: &str) -> String {
    if field.chars().any(|c| !c.is_alphabetic() && c != '-') {
        return field.to_string();
    }
    // Words begin where a capital follows a small letter, or precedes one.
    let chars: Vec<char> = field.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (at, c) in chars.iter().enumerate() {
        let begins = at == 0
            || c.is_uppercase() && (!chars[at - 1].is_uppercase() || chars.get(at + 1).is_some_and(|next| next.is_lowercase()));
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(*c);
        }
    }
    let shown = |word: &String| {
        if ["API", "URL", "UID", "GUID"].contains(&word.to_uppercase().as_str()) {
            word.to_uppercase()
        } else {
            let mut chars = word.chars();
            chars.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + chars.as_str())
        }
    };
    words.iter().map(shown).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_fields() {
        for (field, label) in
            [("apiVersion", "API Version"), ("uid", "UID"), ("creationTimestamp", "Creation Timestamp"), ("a.b/c", "a.b/c")]
        {
            assert_eq!(label_of(field), label);
        }
    }
}
