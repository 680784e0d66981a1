//! How an object hangs together with others: its owner and what it owns, its node, what it selects and what selects it, its key in etcd.

use std::cell::Cell;

use orrery_sim::api::Resource;
use orrery_sim::api::resource::{
    CONTROLLERREVISIONS, DEPLOYMENTS, ENDPOINTSLICES, EVENTS, NODES, PODDISRUPTIONBUDGETS, PODS, REPLICASETS, SERVICES,
};
use orrery_sim::api::selector::LabelSelector;
use orrery_sim::etcd::Store;
use orrery_sim::value::Value;

use super::inspect::{Fact, Told, fact};
use crate::i18n::say::Say;
use crate::scene::Selection;

/// No more links of a kind are shown.
const MOST_LINKS: usize = 24;
/// No more objects of a resource are looked at, nor more pods for those of a node: it is done again and again while they are shown.
const MOST_LOOKED_AT: usize = 2_000;
const MOST_PODS: usize = 20_000;

/// What other objects own.
const OWNED: [Resource; 5] = [REPLICASETS, PODS, ENDPOINTSLICES, CONTROLLERREVISIONS, EVENTS];

/// The facts about an object's place among the others.
pub fn relations(store: &Store, resource: Resource, object: &Value, say: &Say) -> Vec<Fact> {
    let namespace = object.namespace();
    // How many objects were looked at where there are more.
    let cut = Cell::new(None::<usize>);
    let in_namespace = |resource: Resource| {
        let prefix = if namespace.is_empty() { resource.etcd_key("", "") } else { resource.etcd_key(namespace, "") };
        let mut entries: Vec<&Value> = store.prefix(&prefix).take(MOST_LOOKED_AT + 1).map(|entry| &entry.value).collect();
        if entries.len() > MOST_LOOKED_AT {
            entries.truncate(MOST_LOOKED_AT);
            cut.set(Some(MOST_LOOKED_AT));
        }
        entries
    };
    let mut facts = Vec::new();
    let owners = object["metadata"]["ownerReferences"].items().iter().map(|owner| {
        let resource = Resource::of_kind(owner["apiVersion"].str(), owner["kind"].str());
        named(
            resource,
            if resource.is_some_and(|resource| resource.namespaced) { namespace } else { "" },
            owner["kind"].str(),
            owner["name"].str(),
        )
    });
    facts.push(links(say.f_owner, owners));
    let about = if object["involvedObject"].is_null() { &object["regarding"] } else { &object["involvedObject"] };
    if !about.is_null() {
        let resource = Resource::of_kind(about["apiVersion"].str(), about["kind"].str());
        facts.push(links(
            say.f_about,
            [named(resource, about["namespace"].str(), about["kind"].str(), about["name"].str())].into_iter(),
        ));
    }
    let node = object["spec"]["nodeName"].str();
    if resource == PODS && !node.is_empty() {
        facts.push(links("Node", [named(Some(NODES), "", "", node)].into_iter()));
    }
    let owns =
        |other: &Value| other["metadata"]["ownerReferences"].items().iter().any(|owner| owner["uid"].str() == object.uid());
    if !object.uid().is_empty() && resource != NODES {
        let owned = OWNED.into_iter().flat_map(|resource| {
            in_namespace(resource).into_iter().filter(|other| owns(other)).map(move |other| of(resource, other))
        });
        facts.push(links(say.f_owns, owned));
    }
    if resource == NODES {
        let prefix = PODS.etcd_key("", "");
        let looked_at = store.prefix(&prefix).enumerate().map_while(|(index, entry)| {
            if index == MOST_PODS {
                cut.set(Some(MOST_PODS));
            }
            (index < MOST_PODS).then_some(&entry.value)
        });
        let here = looked_at.filter(|pod| pod["spec"]["nodeName"].str() == object.name());
        facts.push(links("Pods", here.map(|pod| of(PODS, pod))));
    }
    if let Some(selector) = selector(resource, object) {
        facts.push(links(
            say.f_selects,
            in_namespace(PODS).into_iter().filter(|pod| selector.matches_object(pod)).map(|pod| of(PODS, pod)),
        ));
    }
    if resource == PODS {
        let by = [SERVICES, DEPLOYMENTS, PODDISRUPTIONBUDGETS].into_iter().flat_map(|resource| {
            let fits = |other: &&Value| selector_matches(resource, other, object);
            in_namespace(resource).into_iter().filter(fits).map(move |other| of(resource, other)).collect::<Vec<_>>()
        });
        facts.push(links(say.f_selected_by, by));
    }
    facts.retain(|(_, told)| !told.is_empty());
    if let Some(most) = cut.get() {
        facts.push(fact(say.f_looked_at, say.only_first.replace("{}", &most.to_string())));
    }
    facts
}

/// An object's key in etcd and its revisions there.
pub fn in_etcd(store: &Store, resource: Resource, object: &Value, say: &Say) -> Option<Fact> {
    let entry = store.get(&resource.etcd_key(object.namespace(), object.name()))?;
    let (created, changed, version) = (entry.create_revision, entry.mod_revision, entry.version);
    Some(fact(say.f_in_etcd, format!("{}\ncreate_revision {created}\nmod_revision {changed}\nversion {version}", entry.key)))
}

/// The selector of pods that an object has.
fn selector(resource: Resource, object: &Value) -> Option<LabelSelector> {
    let selector = &object["spec"]["selector"];
    match resource {
        _ if selector.entries().is_empty() => None,
        SERVICES => Some(LabelSelector::of_labels(selector)),
        PODS => None,
        _ => Some(LabelSelector::of(selector)),
    }
}

fn selector_matches(resource: Resource, object: &Value, pod: &Value) -> bool {
    selector(resource, object).is_some_and(|selector| selector.matches_object(pod))
}

fn of(resource: Resource, object: &Value) -> (String, Option<Selection>) {
    named(Some(resource), object.namespace(), resource.kind, object.name())
}

fn named(resource: Option<Resource>, namespace: &str, kind: &str, name: &str) -> (String, Option<Selection>) {
    let text = if kind.is_empty() { name.to_string() } else { format!("{kind}/{name}") };
    (text, resource.map(|resource| Selection::object(resource, namespace, name)))
}

fn links(name: &str, all: impl Iterator<Item = (String, Option<Selection>)>) -> Fact {
    let mut shown: Vec<_> = all.take(MOST_LINKS + 1).collect();
    if shown.len() > MOST_LINKS {
        shown[MOST_LINKS] = ("…".into(), None);
    }
    (name.to_string(), Told::Links(shown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::say;
    use crate::scene::model::store;
    use orrery_sim::core::Duration;
    use orrery_sim::session::Session;

    #[test]
    fn objects_lead_to_each_other() {
        let mut session = Session::new(1);
        for line in
            ["kind create cluster", "kubectl create deployment web --image=nginx", "kubectl expose deployment web --port=80"]
        {
            let command = session.run(line);
            session.finish(command, Duration::s(600));
            session.settle(Duration::s(60));
        }
        let store = store(session.cluster()).expect("etcd runs");
        let leads = |selection: &Selection, name: &str| -> Vec<Selection> {
            let (resource, object) = super::super::inspect::object(session.cluster(), selection).expect("it exists");
            let facts = relations(store, resource, object, &say::EN);
            let told = facts.into_iter().find(|(have, _)| have == name).map(|(_, told)| told);
            match told {
                Some(Told::Links(links)) => links.into_iter().filter_map(|(_, selection)| selection).collect(),
                _ => Vec::new(),
            }
        };
        let deployment = Selection::object(DEPLOYMENTS, "default", "web");
        let service = Selection::object(SERVICES, "default", "web");
        let set = leads(&deployment, say::EN.f_owns);
        assert!(matches!(&set[..], [Selection::Object(REPLICASETS, ..)]), "{set:?}");
        let pods = leads(&set[0], say::EN.f_owns);
        assert!(matches!(&pods[..], [Selection::Pod(..)]), "{pods:?}");
        assert_eq!(leads(&pods[0], say::EN.f_owner), set);
        assert_eq!(leads(&set[0], say::EN.f_owner), std::slice::from_ref(&deployment));
        assert_eq!(leads(&service, say::EN.f_selects), pods);
        assert_eq!(leads(&pods[0], say::EN.f_selected_by), [service.clone(), deployment]);
        assert_eq!(leads(&pods[0], "Node"), [Selection::Node("kind-control-plane".into())]);
        assert!(leads(&Selection::Node("kind-control-plane".into()), "Pods").contains(&pods[0]));
        assert!(leads(&service, say::EN.f_owns).iter().any(|one| matches!(one, Selection::Object(ENDPOINTSLICES, ..))));
        // Where there are more than are looked at, it is said.
        let told = |store: &Store| {
            let (resource, object) = super::super::inspect::object(session.cluster(), &service).expect("it exists");
            relations(store, resource, object, &say::EN).into_iter().find(|(name, _)| name == say::EN.f_looked_at)
        };
        assert_eq!(told(store), None);
        let mut many = store.clone();
        let (_, pod) = super::super::inspect::object(session.cluster(), &pods[0]).expect("it exists");
        for number in 0..MOST_LOOKED_AT {
            many.write(&PODS.etcd_key("default", &format!("other-{number}")).into(), None, Some(pod.clone()), None)
                .expect("it is new");
        }
        assert_eq!(told(&many), Some(fact(say::EN.f_looked_at, "only the first 2000 of a kind".to_string())));
        // Keys of selections are read again.
        assert_eq!(Selection::parse(&service.key()), Some(service));
    }
}
