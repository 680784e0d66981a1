use super::tests::{play, ready};
use super::*;
use crate::scene::Phase;

/// Plays until the condition holds, frame by frame.
fn until(state: &mut State, condition: impl Fn(&State) -> bool) -> bool {
    for _ in 0..1200 {
        if condition(state) {
            return true;
        }
        play(state, 1.0 / 30.0);
    }
    false
}

fn phase(state: &State) -> Option<Phase> {
    state.picture.deciding().map(|(_, phase)| phase)
}

#[test]
fn a_decision_passes_over_the_stage_phase_by_phase() {
    let mut state = ready();
    state.update(AppAction::Enter("kubectl run web --image=nginx".into()));
    let mut phases = Vec::new();
    let passed = until(&mut state, |state| state.player.t > 0.0 && phase(state).is_some());
    assert!(passed, "the decision is shown");
    while let Some(now) = phase(&state) {
        if phases.last() != Some(&now) {
            phases.push(now);
        }
        play(&mut state, 1.0 / 60.0);
    }
    assert_eq!(phases, [Phase::Asked, Phase::Filtered, Phase::Scored, Phase::Chosen]);
    assert!(state.picture.overlay.is_empty(), "it goes when the binding has arrived");
    // What was shown is what the scheduler remembers.
    let decision = state.visible.decided.list().last().expect("there is one").clone();
    assert_eq!(decision.pod.as_str(), "default/web");
    state.update(AppAction::Seek(decision.at.0 as f64 - 1.0));
    assert_eq!(phase(&state), Some(Phase::Chosen), "and it is shown again going back");
}

#[test]
fn in_fast_pace_it_is_skipped() {
    let mut state = ready();
    state.update(AppAction::SetPace(Pace::Real(1.0)));
    state.update(AppAction::Enter("kubectl run web --image=nginx".into()));
    for _ in 0..120 {
        play(&mut state, 1.0 / 60.0);
        assert_eq!(phase(&state), None);
    }
    assert!(state.visible.decided.list().iter().any(|decision| decision.pod.as_str() == "default/web"));
}

#[test]
fn time_stops_for_a_guess_and_then_shows_the_answer() {
    let mut state = ready();
    state.update(AppAction::TogglePredict);
    state.update(AppAction::Enter("kubectl run web --image=nginx".into()));
    assert!(until(&mut state, |state| state.asked.as_ref().is_some_and(|asked| asked.guess.waits)));
    assert!(!state.player.playing);
    let t = state.player.t;
    play(&mut state, 1.0);
    assert!((state.player.t - t).abs() < f64::EPSILON, "nothing goes on before somebody has spoken");
    assert_eq!(phase(&state), Some(Phase::Asked));
    let decision = Rc::clone(&state.asked.as_ref().expect("it was asked").decision);
    // Pointing at a node is a guess now, and selects nothing.
    state.update(AppAction::Select(Some(Selection::Node("kind-control-plane".into()))));
    assert_eq!(state.selection, None);
    assert!(until(&mut state, |state| phase(state) == Some(Phase::Chosen)));
    play(&mut state, 2.0);
    assert!((state.player.t - decision.at.0 as f64).abs() < 2.0, "it rests where all is said");
    assert_eq!(state.asked.as_ref().and_then(|asked| asked.guess.node.clone()).as_deref(), Some("kind-control-plane"));
    let said: Vec<String> = state
        .picture
        .overlay
        .iter()
        .flat_map(|group| &group.marks)
        .filter_map(|mark| match mark {
            crate::scene::marks::Mark::Label { text, .. } => Some(text.clone()),
            _ => None,
        })
        .collect();
    assert!(said.iter().any(|text| text.contains("✕ Not kind-control-plane: taint not tolerated")), "{said:?}");
    state.update(AppAction::Play);
    play(&mut state, 5.0);
    assert!(state.asked.is_none());
}
