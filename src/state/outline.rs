//! The cluster as an outline: machines with their parts and pods, and the objects by kind. The same as the stage for whoever does not see it, or
//! moves through it by keys; a machine's contents are listed only when somebody unfolds it.

use orrery_sim::api::Resource;
use orrery_sim::api::resource::{EVENTS, EVENTS_K8S_IO, LEASES, NODES, PODS};

use super::State;
use crate::scene::Selection;
use crate::scene::model::{MachineView, PodView, store};

/// As many of a list are shown; so many more each time that more are asked for.
const AT_ONCE: usize = 50;

/// What is unfolded, of what more is listed, and the line that keys are at; `None` while the outline is closed.
pub type Unfolded = Option<(Vec<String>, Vec<String>, String)>;

/// A line of the outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The key of what it selects, or `kind/…`, `unscheduled`, `more …`.
    pub key: String,
    /// How deep it is indented.
    pub depth: usize,
    /// Whether it is unfolded, if it can be.
    pub open: Option<bool>,
    /// What it is called.
    pub name: String,
    /// How it is.
    pub note: String,
}

/// The lines, with what stands in `open` unfolded, and for each time that a list's key stands in `longer` more of it.
pub fn outline(state: &State, open: &[String], longer: &[String]) -> Vec<Line> {
    let model = &state.picture.model;
    let mut lines = Vec::new();
    let is_open = |key: &str| open.iter().any(|have| have == key);
    // How much of a list is shown, and a line that says how much is not.
    let limit = |key: &str| AT_ONCE * (1 + longer.iter().filter(|have| *have == key).count());
    let rest = |lines: &mut Vec<Line>, key: &str, depth: usize, count: usize| {
        if let Some(left) = count.checked_sub(limit(key)).filter(|left| *left > 0) {
            let name = state.texts.outline_more.replace("{}", &left.to_string());
            lines.push(Line { key: format!("more {key}"), depth, open: None, name, note: String::new() });
        }
    };
    let list = |lines: &mut Vec<Line>, key: &str, pods: &[std::rc::Rc<PodView>]| {
        lines.extend(pods.iter().take(limit(key)).map(|pod| Line {
            key: Selection::Pod(pod.namespace.to_string(), pod.name.to_string()).key(),
            depth: 1,
            open: None,
            name: format!("{}/{}", pod.namespace, pod.name),
            note: if pod.status.is_empty() { state.texts.phase(pod.phase).to_string() } else { pod.status.to_string() },
        }));
        rest(lines, key, 1, pods.len());
    };
    for machine in model.machines.iter().take(limit("machines")) {
        let key = Selection::Node(machine.name.clone()).key();
        let unfolded = is_open(&key);
        let mut note = status(state, machine);
        if !machine.etcd_only {
            note += &format!(" · {}", state.texts.pods_count(machine.pods.len()));
        }
        lines.push(Line { key: key.clone(), depth: 0, open: Some(unfolded), name: machine.name.clone(), note });
        if unfolded {
            lines.extend(machine.parts.iter().map(|part| Line {
                key: Selection::Part(machine.name.clone(), *part).key(),
                depth: 1,
                open: None,
                name: part.name().to_string(),
                note: String::new(),
            }));
            list(&mut lines, &key, &machine.pods);
        }
    }
    rest(&mut lines, "machines", 0, model.machines.len());
    if !model.unscheduled.is_empty() {
        let key = "unscheduled";
        let name = state.texts.without_node.to_string();
        let note = state.texts.pods_count(model.unscheduled.len());
        lines.push(Line { key: key.into(), depth: 0, open: Some(is_open(key)), name, note });
        if is_open(key) {
            list(&mut lines, key, &model.unscheduled);
        }
    }
    let Some(store) = store(state.session.cluster()) else { return lines };
    // Events are a tab of their own; a lease says that its holder lives.
    for resource in Resource::all().filter(|resource| ![PODS, NODES, EVENTS, EVENTS_K8S_IO, LEASES].contains(resource)) {
        let prefix = resource.etcd_key("", "");
        let count = store.prefix(&prefix).count();
        if count == 0 {
            continue;
        }
        let key = format!("kind/{}", resource.group_resource());
        let unfolded = is_open(&key);
        lines.push(Line {
            key: key.clone(),
            depth: 0,
            open: Some(unfolded),
            name: resource.kind.to_string(),
            note: count.to_string(),
        });
        if unfolded {
            lines.extend(store.prefix(&prefix).take(limit(&key)).map(|entry| Line {
                key: Selection::object(resource, entry.value.namespace(), entry.value.name()).key(),
                depth: 1,
                open: None,
                name: entry.value.key().to_string(),
                note: String::new(),
            }));
            rest(&mut lines, &key, 1, count);
        }
    }
    lines
}

/// The state of a machine in a word.
fn status(state: &State, machine: &MachineView) -> String {
    match &machine.node {
        _ if !machine.powered => state.texts.powered_off.to_string(),
        Some(node) => node.status.clone(),
        None if machine.etcd_only => "etcd".to_string(),
        None => state.texts.not_registered.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::ready;
    use std::rc::Rc;

    #[test]
    fn every_machine_pod_and_object_can_be_reached() {
        let state = ready();
        let folded = outline(&state, &[], &[]);
        let keys = |lines: &[Line]| lines.iter().map(|line| line.key.clone()).collect::<Vec<_>>();
        assert_eq!(keys(&folded)[..3], ["node/kind-control-plane", "node/kind-worker", "node/kind-worker2"]);
        assert!(folded[1].note.starts_with("Ready · "), "{}", folded[1].note);
        let all = outline(&state, &keys(&folded), &[]);
        let found = keys(&all);
        for machine in &state.picture.model.machines {
            for pod in machine.pods.iter() {
                assert!(found.contains(&format!("pod/{}/{}", pod.namespace, pod.name)));
            }
        }
        assert!(
            found.contains(&"part/kind-worker/kubelet".into())
                && found.contains(&"object/deployments.apps/kube-system/coredns".into())
        );
        // What a line stands for can be selected.
        let things = found.iter().filter(|key| !key.starts_with("kind/"));
        assert!(things.clone().all(|key| Selection::parse(key).is_some_and(|selection| selection.key() == **key)), "{found:?}");
    }

    #[test]
    fn long_lists_say_how_much_is_left_out() {
        let mut state = ready();
        state.picture.model = Rc::new(crate::scene::tests::model(120, 70));
        let lines = outline(&state, &["node/kind-worker1".into()], &[]);
        let left =
            |lines: &[Line], key: &str| lines.iter().find(|line| line.key == format!("more {key}")).map(|line| line.name.clone());
        assert!(left(&lines, "machines").is_some_and(|text| text.contains("71")), "{:?}", left(&lines, "machines"));
        let longer = vec!["machines".to_string(); 2];
        assert_eq!(left(&outline(&state, &[], &longer), "machines"), None);
    }
}
