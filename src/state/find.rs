//! Looking for nodes and pods by their names.

use crate::scene::{Selection, ViewModel};

/// The nodes and pods whose names contain `text`, at most `most`: those that begin with it first, nodes before pods.
pub fn find(model: &ViewModel, text: &str, most: usize) -> Vec<(Selection, String)> {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Vec::new();
    }
    let nodes = model.machines.iter().map(|machine| (Selection::Node(machine.name.clone()), machine.name.as_str()));
    let lists = model.machines.iter().map(|machine| &machine.pods).chain([&model.unscheduled]);
    let pods = lists.flat_map(|pods| pods.iter()).map(|pod| (pod, pod.name.as_str()));
    let (mut first, mut other) = (Vec::new(), Vec::new());
    for (selection, name) in nodes.filter(|(_, name)| name.contains(&*text)) {
        let list = if name.starts_with(&*text) { &mut first } else { &mut other };
        list.push((selection, name.to_string()));
    }
    for (pod, name) in pods {
        if first.len() >= most || (first.len() + other.len() >= most * 4) {
            break;
        }
        if name.contains(&*text) {
            let list = if name.starts_with(&*text) { &mut first } else { &mut other };
            list.push((Selection::Pod(pod.namespace.to_string(), name.to_string()), format!("{}/{name}", pod.namespace)));
        }
    }
    first.extend(other);
    first.truncate(most);
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::tests::model;

    #[test]
    fn names_that_begin_so_come_first() {
        let model = model(12, 3);
        let names = |text: &str| find(&model, text, 4).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(names("kind-worker1"), ["kind-worker10", "kind-worker11", "kind-worker12"]);
        assert_eq!(names("WEB3-1"), ["default/web3-1"]);
        assert_eq!(names("worker2"), ["kind-worker2"]);
        assert_eq!(names("e").len(), 4);
        assert!(names("nothing-of-this").is_empty() && names(" ").is_empty());
    }
}
