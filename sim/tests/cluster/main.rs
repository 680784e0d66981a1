//! Tests of the whole simulated cluster: the recorded sequences of requests, the lecture chapter, invariants under random commands.

mod apps;
mod chapter;
mod invariants;
mod properties;
mod sequences;
mod topologies;

use std::cell::RefCell;

use orrery_sim::core::Duration;
use orrery_sim::session::{CommandResult, Session};

thread_local! {
    static BOOTED: RefCell<Option<Session>> = const { RefCell::new(None) };
}

/// A kind cluster with one control-plane node and two workers, at rest. Booted once a thread and cloned.
fn booted() -> Session {
    BOOTED.with_borrow_mut(|booted| {
        booted
            .get_or_insert_with(|| {
                let config = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n- role: control-plane\n- role: worker\n- role: worker\n";
                let mut session = Session::with_files(1, [("three.yaml".to_string(), config.to_string())].into_iter().collect());
                let created = run(&mut session, "kind create cluster --config three.yaml");
                assert_eq!(created.code, Some(0), "{}", created.stderr);
                assert!(session.settle(Duration::s(300)), "the cluster does not come to rest");
                session
            })
            .clone()
    })
}

/// Runs a line to its end.
fn run(session: &mut Session, line: &str) -> CommandResult {
    let command = session.run(line);
    session.finish(command, Duration::s(1_800))
}
