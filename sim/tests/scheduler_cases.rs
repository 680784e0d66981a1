//! Placement cases: objects of a cluster, a pod, and what kube-scheduler v1.36 decides.
//!
//! `scheduler/cases.json` holds cases of every kind. `ORRERY_SCHEDULER_CASES` may name another file of the same form, which
//! is run as well. A case may start from one of the file's clusters and add objects to it, or replace nodes. Its fields, all but
//! name and pod optional: name, cluster, objects, pod, message (of the FailedScheduling event), acceptable (nodes with the best score), totals by node, scores
//! by node and plugin, nominated (node), victims (names of pods), node (one that must be acceptable), skipped (why the scheduler does
//! not touch the pod: `gated`, `bound`, `other scheduler`).

use std::collections::BTreeMap;

use orrery_sim::scheduler::framework::Nomination;
use orrery_sim::scheduler::load::Loader;
use orrery_sim::scheduler::{Decision, PodInfo, Profile, schedule_once};
use orrery_sim::value::Value;

/// What disagrees with the case, in words.
fn check(case: &Value, clusters: &Value) -> Vec<String> {
    let mut loader = Loader::new();
    for object in clusters[case["cluster"].str()].items().iter().chain(case["objects"].items()) {
        if let Err(error) = loader.add(object) {
            return vec![error.to_string()];
        }
    }
    let pod = match loader.pod(&case["pod"]) {
        Ok(pod) => pod,
        Err(error) => return vec![error.to_string()],
    };
    let (snapshot, _) = loader.finish().expect("priority classes are there");
    let profile = Profile::default();
    let mut faults = Vec::new();
    let mut expect = |what: &str, want: String, have: String| {
        if want != have {
            faults.push(format!("{what}\n  want {want}\n  have {have}"));
        }
    };
    if let Some(reason) = case.get("skipped") {
        expect("skipped", reason.str().to_string(), skipped(&pod, &profile).to_string());
        return faults;
    }
    let decision = schedule_once(&snapshot, &pod, &profile, 7);
    expect("message", case["message"].str().to_string(), decision.message.clone());
    let names = |list: &Value| list.items().iter().map(|name| name.str().to_string()).collect::<Vec<_>>();
    if let Some(acceptable) = case.get("acceptable") {
        let mut have: Vec<String> = decision.acceptable().iter().map(ToString::to_string).collect();
        have.sort();
        expect("acceptable", format!("{:?}", names(acceptable)), format!("{have:?}"));
    }
    if let Some(node) = case.get("node") {
        let found = decision.acceptable().iter().any(|name| ***name == *node.str());
        expect(
            "node",
            format!("{} acceptable", node.str()),
            format!("{} {}", node.str(), if found { "acceptable" } else { "not acceptable" }),
        );
    }
    if case.get("totals").is_some() || case.get("scores").is_some() {
        let (totals, scores) = by_node(&decision);
        expect("totals", case["totals"].to_json(), totals.to_json());
        if let Some(want) = case.get("scores") {
            expect("scores", want.to_json(), scores.to_json());
        }
    }
    let chosen = decision.preemption.as_ref().and_then(|preemption| preemption.chosen.as_ref());
    if let Some(nominated) = case.get("nominated") {
        let have = match &decision.nomination {
            Nomination::Set(node) => node.to_string(),
            Nomination::Keep => pod.nominated_node.to_string(),
        };
        expect("nominated", nominated.str().to_string(), have);
    }
    if let Some(victims) = case.get("victims") {
        let name = |key: &str| key.rsplit('/').next().unwrap_or_default().to_string();
        let have: Vec<String> = chosen.iter().flat_map(|chosen| chosen.victims.iter()).map(|victim| name(&victim.key)).collect();
        expect("victims", format!("{:?}", names(victims)), format!("{have:?}"));
    }
    faults
}

fn skipped(pod: &PodInfo, profile: &Profile) -> &'static str {
    if !pod.node_name.is_empty() {
        "bound"
    } else if pod.scheduler_name != profile.scheduler_name {
        "other scheduler"
    } else if profile.pre_enqueue(pod).is_err() {
        "gated"
    } else {
        ""
    }
}

fn by_node(decision: &Decision) -> (Value, Value) {
    let (mut totals, mut scores) = (BTreeMap::new(), BTreeMap::new());
    for (at, node) in decision.feasible.iter().enumerate().filter(|_| !decision.totals.is_empty()) {
        totals.insert(node.clone(), decision.totals[at]);
        let plugins: BTreeMap<&str, i64> = decision.weighted(at).collect();
        scores.insert(node.clone(), plugins);
    }
    let map =
        |entries: Vec<(orrery_sim::value::Text, Value)>| Value::from(entries.into_iter().collect::<orrery_sim::value::Map>());
    let totals = map(totals.into_iter().map(|(node, total)| (node, total.into())).collect());
    let plugins = |plugins: BTreeMap<&'static str, i64>| {
        map(plugins.into_iter().map(|(name, score)| (name.into(), score.into())).collect())
    };
    let scores = map(scores.into_iter().map(|(node, of)| (node, plugins(of))).collect());
    (totals, scores)
}

fn run(json: &str) {
    let file = Value::from_json(json).expect("cases are JSON");
    let cases = &file["cases"];
    let failed: Vec<String> = cases
        .items()
        .iter()
        .filter_map(|case| {
            let faults = check(case, &file["clusters"]);
            (!faults.is_empty()).then(|| format!("{}: {}", case["name"].str(), faults.join("\n")))
        })
        .collect();
    let count = cases.items().len();
    assert!(count > 0, "no cases");
    assert!(failed.is_empty(), "{} of {count} cases agree\n{}", count - failed.len(), failed.join("\n\n"));
}

#[test]
fn cases_of_every_kind() {
    run(include_str!("scheduler/cases.json"));
}

#[test]
fn cases_of_a_file() {
    // Only when somebody names one.
    if let Ok(path) = std::env::var("ORRERY_SCHEDULER_CASES") {
        run(&std::fs::read_to_string(&path).expect("the file that ORRERY_SCHEDULER_CASES names can be read"));
    }
}
