//! A deployment's ReplicaSets: which is new, which revision each is (`k8s.io/kubectl/pkg/util/deployment`).

use crate::value::Value;

/// The annotation with a ReplicaSet's place in its deployment's history.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// The annotation with the reason that a user gives for a change.
pub const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

const HASH: &str = "pod-template-hash";

/// The ReplicaSets of a list that a deployment controls.
pub fn of(deployment: &Value, list: &Value) -> Vec<Value> {
    let owned = |set: &&Value| set.controller().is_some_and(|owner| owner["uid"].str() == deployment.uid());
    list["items"].items().iter().filter(owned).cloned().collect()
}

/// The ReplicaSet with the deployment's current template; the oldest if there are several.
pub fn new_of<'a>(deployment: &Value, sets: &'a [Value]) -> Option<&'a Value> {
    let wanted = template_without_hash(&deployment["spec"]["template"]);
    let same = sets.iter().filter(|set| template_without_hash(&set["spec"]["template"]) == wanted);
    same.min_by_key(|set| set["metadata"]["creationTimestamp"].text())
}

/// A ReplicaSet's revision; 0 without the annotation.
pub fn revision(set: &Value) -> i64 {
    set.annotation(REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A pod template without the label that tells the pods of a deployment's ReplicaSets apart.
pub fn template_without_hash(template: &Value) -> Value {
    let mut template = template.clone();
    template.remove_at(&["metadata", "labels", HASH]);
    template
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn the_new_one_has_the_deployments_template() {
        let template = |image: &'static str, hash: &'static str| {
            let mut template = value!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"image": image}]}});
            if !hash.is_empty() {
                template["metadata"]["labels"]["pod-template-hash"] = hash.into();
            }
            template
        };
        let set = |name: &'static str, owner: &'static str, image: &'static str| {
            value!({"metadata": {"name": name, "annotations": {"deployment.kubernetes.io/revision": "3"},
                "ownerReferences": [{"controller": true, "uid": owner}]}, "spec": {"template": template(image, name)}})
        };
        let deployment = value!({"metadata": {"uid": "d"}, "spec": {"template": template("nginx:2", "")}});
        let list = value!({"items": [set("a", "d", "nginx:1"), set("b", "d", "nginx:2"), set("c", "other", "nginx:2")]});
        let sets = of(&deployment, &list);
        assert_eq!(sets.len(), 2);
        assert_eq!(new_of(&deployment, &sets).map(Value::name), Some("b"));
        assert_eq!(revision(&sets[0]), 3);
    }
}
