//! Tests of the whole simulated cluster: the recorded sequences of requests, the lecture chapter, invariants under random commands.

mod apps;
mod chapter;
#[path = "../common/mod.rs"]
mod common;
mod invariants;
mod pressure;
mod properties;
mod recorded;
mod sequences;
mod topologies;

use std::cell::RefCell;

use orrery_sim::session::Session;

use common::{ok, run};

thread_local! {
    static BOOTED: RefCell<Option<Session>> = const { RefCell::new(None) };
}

/// A kind cluster with one control-plane node and two workers, at rest. Booted once a thread and cloned.
fn booted() -> Session {
    BOOTED.with_borrow_mut(|booted| {
        booted
            .get_or_insert_with(|| {
                let mut terminal = common::Terminal::new(1, common::config(1, 2));
                assert_eq!(terminal.run("kind create cluster --config kind.yaml"), common::created(1, 2));
                terminal.settle();
                terminal.0
            })
            .clone()
    })
}
