//! A whole application, as people deploy one: applied, scaled, updated, drained, within its disruption budget.

use orrery_sim::api::pod::is_ready;
use orrery_sim::api::resource::PODS;
use orrery_sim::core::{Addr, Duration, MachineId, Part};
use orrery_sim::session::Session;
use orrery_sim::{apiserver::ApiServer, value::Value};

use super::{booted, ok};

/// Three tiers, each a Deployment and a Service, in the manner of public demo applications.
const SHOP: &str = include_str!("shop.yaml");

fn pods(session: &Session) -> Vec<Value> {
    let addr = Addr::new(MachineId(1), Part::ApiServer);
    let server: &ApiServer = session.live_cluster().part(addr).expect("the api-server runs");
    server.caches().list_in(PODS, "default").cloned().collect()
}

#[test]
fn an_application_is_deployed_scaled_updated_and_drained() {
    let mut session = booted();
    let applied = ok(&mut session, &format!("cat <<EOF | kubectl apply -f -\n{SHOP}EOF"));
    assert_eq!(applied.lines().count(), 8, "{applied}");
    assert!(applied.lines().all(|line| line.ends_with(" created")), "{applied}");
    ok(&mut session, "kubectl wait --for=condition=Available deployment --all --timeout=120s");
    assert!(pods(&session).iter().all(|pod| pod["status"]["phase"].str() == "Running" && is_ready(pod)));

    ok(&mut session, "kubectl scale deployment front --replicas=6");
    ok(&mut session, "kubectl rollout status deployment front --timeout=120s");
    ok(&mut session, "kubectl set image deployment/cart cart=redis:7.4");
    let rolled = ok(&mut session, "kubectl rollout status deployment cart --timeout=120s");
    assert!(rolled.ends_with("deployment \"cart\" successfully rolled out\n"), "{rolled}");

    let drained = ok(&mut session, "kubectl drain kind-worker --ignore-daemonsets --delete-emptydir-data");
    assert!(drained.ends_with("node/kind-worker drained\n"), "{drained}");
    assert!(pods(&session).iter().all(|pod| pod["spec"]["nodeName"].str() != "kind-worker"));
    assert!(session.settle(Duration::s(300)));
    assert!(pods(&session).iter().all(is_ready), "what was evicted runs elsewhere");
    ok(&mut session, "kubectl uncordon kind-worker");
    ok(&mut session, "kubectl delete deployment,service,pdb --all");
    assert!(session.settle(Duration::s(300)));
    assert!(pods(&session).is_empty());
}

#[test]
fn evictions_at_the_same_time_keep_the_budget() {
    let mut session = booted();
    ok(&mut session, &format!("cat <<EOF | kubectl apply -f -\n{SHOP}EOF"));
    ok(&mut session, "kubectl scale deployment front --replicas=8");
    ok(&mut session, "kubectl rollout status deployment front --timeout=120s");
    assert!(session.settle(Duration::s(300)));
    let ready = |session: &Session| {
        pods(session)
            .iter()
            .filter(|pod| pod["metadata"]["labels"]["app"].str() == "front" && is_ready(pod) && !pod.is_terminating())
            .count()
    };
    assert_eq!(ready(&session), 8);
    // shop.yaml: at least 6 of them are to stay. Half of the pods are on the node; kubectl evicts them all at once.
    let drain = session.run("kubectl drain kind-worker --ignore-daemonsets --delete-emptydir-data");
    let mut fewest = 8;
    let mut now = session.live_end();
    let limit = now + Duration::s(300);
    while session.result(drain, now).code.is_none() {
        assert!(now < limit, "the drain does not end");
        now += Duration::ms(5);
        session.advance(now, usize::MAX);
        fewest = fewest.min(ready(&session));
    }
    assert_eq!(fewest, 6, "the budget is used up, and never overrun");
    assert_eq!(session.result(drain, now).code, Some(0));
}
