use orrery_sim::scheduler::{PodInfo, Profile, Snapshot, schedule_once};
use orrery_sim::value;

use super::super::layout::Detail;
use super::super::look::Look;
use super::super::marks::Mark;
use super::super::prims::{Prim, prims};
use super::super::svg::prim_width;
use super::super::tests::model;
use super::*;
use crate::i18n::{DE, EN};

/// A pod of 2 CPUs on the nodes of a model: the control plane is tainted, every fourth worker full, the first of the others emptiest.
pub(in crate::scene) fn decision(model: &ViewModel, cpu: &'static str) -> Decision {
    let mut snapshot = Snapshot::new();
    for (at, machine) in model.machines.iter().enumerate() {
        let taints = if machine.control_plane { value!([{"key": "control-plane", "effect": "NoSchedule"}]) } else { value!([]) };
        let have = if at % 4 == 0 { "1" } else { "4" };
        snapshot.set_node(&value!({
            "metadata": {"name": machine.name.clone(), "labels": {"kubernetes.io/hostname": machine.name.clone()}}, "spec": {"taints": taints},
            "status": {"allocatable": {"cpu": have, "memory": "8Gi", "pods": "110"}},
        }));
        if at > 1 {
            let pod = value!({"metadata": {"name": format!("p{at}"), "namespace": "default"}, "spec": {"containers": [{"resources": {"requests": {"cpu": "500m"}}}]}});
            snapshot.add_pod(&PodInfo::new(&pod), &machine.name.clone().into());
        }
    }
    let pod = value!({"metadata": {"name": "web-1", "namespace": "default"}, "spec": {"containers": [{"resources": {"requests": {"cpu": cpu}}}]}});
    schedule_once(&snapshot, &PodInfo::new(&pod), &Profile::default(), 1)
}

fn shapes(groups: &[Rc<Group>]) -> Vec<Prim> {
    groups.iter().flat_map(|group| group.marks.iter().flat_map(prims)).collect()
}

fn looks(groups: &[Rc<Group>], look: BoxLook) -> usize {
    groups
        .iter()
        .flat_map(|group| &group.marks)
        .filter(|mark| matches!(mark, Mark::Box { look: have, .. } if *have == look))
        .count()
}

const PHASES: [Phase; 4] = [Phase::Asked, Phase::Filtered, Phase::Scored, Phase::Chosen];

#[test]
fn nothing_leaves_the_stage_in_any_size() {
    for (workers, width, height) in
        [(2, 970.0, 465.0), (5, 1500.0, 760.0), (2, 780.0, 380.0), (6, 390.0, 420.0), (99, 1500.0, 760.0)]
    {
        let model = model(workers, 3);
        let layout = Layout::new(&model, width, height, None, Look::default());
        let decision = decision(&model, "2");
        for (phase, texts) in PHASES.into_iter().zip([&EN, &DE, &EN, &DE]) {
            let groups = overlay(Deciding { decision: &decision, phase, guess: None }, &model, &layout, texts);
            for shape in shapes(&groups) {
                let (left, right) = match &shape {
                    Prim::Rect { rect, .. } => (rect.x, rect.right()),
                    Prim::Text { at, align, .. } => {
                        let width = prim_width(&shape).unwrap_or_default();
                        match align {
                            Align::Start => (at.x, at.x + width),
                            Align::Middle => (at.x - width / 2.0, at.x + width / 2.0),
                            Align::End => (at.x - width, at.x),
                        }
                    }
                    Prim::Path { .. } => continue,
                };
                assert!(left >= -1.0 && right <= width + 1.0, "{workers} workers, {width}×{height}, {phase:?}: {shape:?}");
            }
        }
    }
}

#[test]
fn rejected_nodes_are_veiled_and_one_wins() {
    let model = model(5, 3);
    let layout = Layout::new(&model, 1500.0, 760.0, None, Look::default());
    let decision = decision(&model, "2");
    let at = |phase| overlay(Deciding { decision: &decision, phase, guess: None }, &model, &layout, &EN);
    assert_eq!(looks(&at(Phase::Asked), BoxLook::Veil), 0);
    assert_eq!(looks(&at(Phase::Filtered), BoxLook::Veil), 1, "the fourth worker is too small");
    assert_eq!(looks(&at(Phase::Filtered), BoxLook::Considered), 4);
    assert_eq!(looks(&at(Phase::Scored), BoxLook::Winner), 0);
    assert_eq!(looks(&at(Phase::Chosen), BoxLook::Winner), 1);
    let bars = looks(&at(Phase::Scored), BoxLook::Score(plugin_hue("NodeResourcesFit")));
    assert_eq!(bars, 5, "four nodes and the legend");
    let texts: Vec<Prim> = shapes(&at(Phase::Filtered));
    let says = |words: &str| texts.iter().any(|shape| matches!(shape, Prim::Text { text, .. } if text.contains(words)));
    assert!(says("not enough cpu") && says("taint not tolerated") && says("4 of 6 nodes"), "{texts:?}");
}

#[test]
fn many_nodes_are_tinted_and_summed_up() {
    let model = model(120, 1);
    let layout = Layout::new(&model, 1500.0, 760.0, Some(Detail::Cells), Look::default());
    let decision = decision(&model, "2");
    let groups = overlay(Deciding { decision: &decision, phase: Phase::Chosen, guess: None }, &model, &layout, &EN);
    assert_eq!(looks(&groups, BoxLook::Winner), 1);
    // One more of each in the legend.
    assert_eq!(looks(&groups, BoxLook::Heat(4)) + looks(&groups, BoxLook::Heat(0)), decision.feasible.len() + 2);
    assert_eq!(looks(&groups, BoxLook::Veil), 31);
}

#[test]
fn a_guess_is_judged_by_what_was_found() {
    let model = model(5, 3);
    let decision = decision(&model, "2");
    assert_eq!(decision.chosen().map(|name| name.as_str()), Some("kind-worker"));
    assert_eq!(verdict(&decision, "kind-worker", &EN), "✓ Right: kind-worker");
    assert_eq!(verdict(&decision, "kind-worker4", &EN), "✕ Not kind-worker4: not enough cpu (NodeResourcesFit)");
    let lower = verdict(&decision, "kind-worker2", &EN);
    assert!(lower.starts_with("✕ kind-worker2 has ") && lower.contains("room -"), "{lower}");
    let waits = Guess { waits: true, node: None };
    let layout = Layout::new(&model, 1500.0, 760.0, None, Look::default());
    let groups = overlay(Deciding { decision: &decision, phase: Phase::Asked, guess: Some(&waits) }, &model, &layout, &EN);
    let numbers =
        shapes(&groups).iter().filter(|shape| matches!(shape, Prim::Text { text, .. } if text.parse::<u8>().is_ok())).count();
    assert_eq!(numbers, 6);
}

#[test]
fn a_pod_that_fits_nowhere_waits() {
    let model = model(2, 1);
    let layout = Layout::new(&model, 970.0, 465.0, None, Look::default());
    let decision = decision(&model, "16");
    let groups = overlay(Deciding { decision: &decision, phase: Phase::Chosen, guess: None }, &model, &layout, &EN);
    assert_eq!(looks(&groups, BoxLook::Winner), 0);
    let caption = groups.last().expect("there is a caption");
    let says = |words: &str| caption.marks.iter().any(|mark| matches!(mark, Mark::Label { text, .. } if text.contains(words)));
    assert!(says("web-1 has to wait") && says("2 × not enough cpu"), "{caption:?}");
}

#[test]
fn reasons_leave_the_pods_of_rejected_nodes_to_be_seen() {
    let model = model(5, 3);
    for (width, height) in [(1500.0, 760.0), (1880.0, 980.0)] {
        let layout = Layout::new(&model, width, height, None, Look::default());
        let decision = decision(&model, "2");
        let groups = overlay(Deciding { decision: &decision, phase: Phase::Filtered, guess: None }, &model, &layout, &EN);
        let mut seen = 0;
        for machine in layout.machines.iter().filter(|machine| !machine.control_plane) {
            let name = &model.machines.iter().find(|view| view.id == machine.id).expect("it has a place").name;
            let Some(group) = groups.iter().find(|group| group.key.ends_with(&format!("/{name}"))) else { continue };
            let reason = group.marks.iter().find_map(|mark| match mark {
                Mark::Label { at, text, .. } if text.starts_with('✕') => Some(*at),
                _ => None,
            });
            let Some(reason) = reason else { continue };
            seen += 1;
            let plate = group.marks.iter().find_map(|mark| match mark {
                Mark::Box { rect, look: BoxLook::Plate, .. } => Some(*rect),
                _ => None,
            });
            let plate = plate.expect("words have a ground of their own");
            assert!(plate.holds(reason), "{name}: {reason:?} beside {plate:?}");
            assert!(machine.cells.iter().all(|cell| !cell.overlaps(&plate)), "{width}×{height}, {name}: {plate:?} hides pods");
        }
        assert!(seen > 0, "{width}×{height}: some are rejected");
    }
}
