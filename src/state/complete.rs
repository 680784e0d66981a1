//! Completion of command lines by Tab: programs, verbs, resources, names of objects, options, files.

use orrery_sim::api::Resource;
use orrery_sim::core::{Addr, Cluster, Part};
use orrery_sim::docker::Engine;
use orrery_sim::shell;
use orrery_sim::user::User;

use crate::scene::model::{objects, store};

/// What Tab does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The line with as much added as all candidates share.
    pub line: String,
    /// The candidates, when there are several.
    pub choices: Vec<String>,
}

/// The completion of `line` (up to the cursor) with the cluster as it is.
pub fn complete(line: &str, cluster: &Cluster) -> Completion {
    let user = cluster.machines().first().and_then(|machine| machine.part::<User>(Part::Shell));
    let files = user.map(|user| user.shell().files().clone()).unwrap_or_default();
    let names = |resource: Option<Resource>, namespace: &str| match resource {
        Some(resource) => names(cluster, resource, namespace),
        None => containers(cluster),
    };
    let found = shell::complete::complete(line, line.len(), &files, &names);
    let (before, candidates) = (&line[..found.start], found.candidates);
    match candidates.as_slice() {
        [] => Completion { line: line.to_string(), choices: Vec::new() },
        [only] => {
            let space = if only.ends_with('=') || only.ends_with('/') { "" } else { " " };
            Completion { line: format!("{before}{only}{space}"), choices: Vec::new() }
        }
        [first, ..] => {
            let shared = candidates.iter().fold(first.as_str(), |shared, candidate| common(shared, candidate)).to_string();
            Completion { line: format!("{before}{shared}"), choices: candidates }
        }
    }
}

fn common<'a>(a: &'a str, b: &str) -> &'a str {
    let length: usize = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum();
    &a[..length]
}

/// Names of the objects of a resource in a namespace ("" for cluster-scoped ones).
fn names(cluster: &Cluster, resource: Resource, namespace: &str) -> Vec<String> {
    let Some(store) = store(cluster) else { return Vec::new() };
    objects(store, resource).filter(|object| object.namespace() == namespace).map(|object| object.name().to_string()).collect()
}

/// Names of docker's containers: nodes, also those that have not joined, load balancers, members of etcd.
fn containers(cluster: &Cluster) -> Vec<String> {
    let engine = cluster.part::<Engine>(Addr::DOCKER);
    engine.map_or_else(Vec::new, |engine| engine.containers().iter().map(|container| container.name.to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str, choices: &[&str]) {
        let cluster = Cluster::new(1);
        let completion = complete(line, &cluster);
        assert_eq!(completion.line, expected);
        assert_eq!(completion.choices, choices);
    }

    #[test]
    fn words_are_completed() {
        check("kubec", "kubectl ", &[]);
        check("kubectl dr", "kubectl drain ", &[]);
        check("kubectl de", "kubectl de", &["debug", "delete", "describe"]);
        check("kubectl get deployments.", "kubectl get deployments.", &[]);
        check("echo a | kubectl roll", "echo a | kubectl rollout ", &[]);
        check("kubectl get pods --show-l", "kubectl get pods --show-labels ", &[]);
        check("kind create cluster --config k", "kind create cluster --config kind.yaml ", &[]);
        check("nothing", "nothing", &[]);
    }

    #[test]
    fn containers_are_completed_that_are_no_nodes() {
        let mut session = orrery_sim::session::Session::new(1);
        let command = session.run("docker run -d --name etcd1 registry.k8s.io/etcd:3.6.8-0 etcd --name=etcd1");
        assert_eq!(session.finish(command, orrery_sim::core::Duration::s(60)).code, Some(0));
        assert_eq!(complete("docker stop e", session.cluster()).line, "docker stop etcd1 ");
    }
}
