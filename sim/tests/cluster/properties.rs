//! Random commands and faults: the invariants hold, and a replay gives the same trace.

use orrery_sim::core::{Duration, trace_json};
use orrery_sim::session::Session;
use proptest::prelude::*;

use crate::booted;
use crate::invariants::{unsettled, violations};

fn deployment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["web", "api", "db"])
}

fn node() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["kind-worker", "kind-worker2"])
}

/// A command that a user may give.
fn command() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (deployment(), 0..7_u32).prop_map(|(name, replicas)| format!("kubectl create deployment {name} --image=nginx:1.28 --replicas={replicas}")),
        3 => (deployment(), 0..9_u32).prop_map(|(name, replicas)| format!("kubectl scale deployment {name} --replicas={replicas}")),
        3 => (deployment(), 27..30_u32).prop_map(|(name, minor)| format!("kubectl set image deployment/{name} nginx=nginx:1.{minor}")),
        1 => deployment().prop_map(|name| format!("kubectl set image deployment/{name} nginx=doesnotexist:1")),
        1 => deployment().prop_map(|name| format!("kubectl rollout undo deployment/{name}")),
        1 => deployment().prop_map(|name| format!("kubectl rollout restart deployment/{name}")),
        1 => deployment().prop_map(|name| format!("kubectl delete deployment {name}")),
        2 => deployment().prop_map(|name| format!("kubectl delete pod -l app={name} --wait=false")),
        1 => deployment().prop_map(|name| format!("kubectl expose deployment {name} --port=80")),
        1 => node().prop_map(|node| format!("kubectl cordon {node}")),
        1 => node().prop_map(|node| format!("kubectl uncordon {node}")),
        1 => node().prop_map(|node| format!("kubectl drain {node} --ignore-daemonsets --delete-emptydir-data --timeout=60s")),
        1 => node().prop_map(|node| format!("docker stop {node}")),
        1 => node().prop_map(|node| format!("docker start {node}")),
        2 => (1..120_u32).prop_map(|seconds| format!("sleep {seconds}")),
        1 => Just("kubectl apply -f nonsense.yaml".to_string()),
    ]
}

fn trace(session: &Session) -> Vec<String> {
    trace_json::lines(session.trace(), session.live_cluster().directory()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_under_any_commands(commands in prop::collection::vec((command(), 0..4_000_u64), 1..14)) {
        let mut session = booted();
        for (line, pause_ms) in &commands {
            let id = session.run(line);
            session.finish(id, Duration::s(120));
            session.advance(session.live_end() + Duration::ms(*pause_ms), usize::MAX);
            session.seek(session.live_end());
        }
        session.settle(Duration::s(1_200));
        prop_assert_eq!(violations(&session), Vec::<String>::new());
        prop_assert_eq!(unsettled(&session), Vec::<String>::new());

        let mut again = Session::replay(session.recording());
        again.advance(session.live_end(), usize::MAX);
        let (first, second) = (trace(&session), trace(&again));
        prop_assert_eq!(first.len(), second.len());
        if let Some(differs) = first.iter().zip(&second).position(|(a, b)| a != b) {
            prop_assert_eq!(&first[differs], &second[differs]);
        }
    }

    #[test]
    fn any_past_moment_is_the_same_seen_from_later(fraction in 0..1_000_u64) {
        let mut session = booted();
        let id = session.run("kubectl create deployment web --image=nginx --replicas=3");
        session.finish(id, Duration::s(60));
        session.settle(Duration::s(120));
        let end = session.live_end();
        let moment = orrery_sim::core::Time(end.0 * fraction / 1_000);
        session.seek(moment);
        let direct = format!("{:?}", session.cluster().machines());
        session.seek(end);
        session.seek(orrery_sim::core::Time(moment.0 / 2));
        session.seek(moment);
        prop_assert_eq!(direct, format!("{:?}", session.cluster().machines()));
    }
}
