use super::tests::{arrive, play, pod_count, ready, start};
use super::*;

#[test]
fn a_lesson_goes_forward_and_exactly_back() {
    let mut state = State::new(&Start { lesson: Some(("controllers".into(), 0)), ..start() });
    state.update(AppAction::SetPace(Pace::Real(10.0)));
    let first = arrive(&mut state);
    let given = |state: &State| state.lesson.as_ref().map(|given| given.step);
    assert_eq!(given(&state), Some(0));
    assert!(!state.player.playing, "a question is asked before time goes on");
    state.update(AppAction::LessonStep(1));
    let second = arrive(&mut state);
    assert!(second > first);
    assert_eq!(
        state.picture.model.machines.iter().flat_map(|machine| machine.pods.iter()).filter(|pod| pod.owner == "web").count(),
        3
    );
    let picture = std::rc::Rc::clone(&state.picture.model);
    state.update(AppAction::LessonStep(-1));
    assert_eq!(arrive(&mut state), first);
    assert_eq!(given(&state), Some(0));
    assert!(state.discarded.is_none() && state.notice.is_none(), "nothing is lost by going back");
    state.update(AppAction::LessonStep(1));
    assert_eq!(arrive(&mut state), second);
    assert_eq!(*state.picture.model, *picture);

    // A step far ahead is reached through those before it.
    let mut late = State::new(&Start { lesson: Some(("controllers".into(), 1)), ..start() });
    assert_eq!(arrive(&mut late), second);

    late.update(AppAction::DropFile("mine.yaml".into(), "title: Mine\nsteps:\n- caption: Hello\n  rum: ls\n".into()));
    let Some(Notice::BadLesson(text)) = &late.notice else { panic!("not told: {:?}", late.notice) };
    assert!(text.starts_with("mine.yaml: line 4, column 3: unknown field"), "{text}");
    late.update(AppAction::DropFile(
        "mine.yaml".into(),
        "title: Mine\nsteps:\n- caption: Hello\n  run: kubectl get nodes\n".into(),
    ));
    arrive(&mut late);
    assert_eq!(late.lesson.as_ref().map(|given| given.current().caption.get("de")), Some("Hello"));
}

/// A page with a lesson of its own.
fn given(lesson: &str) -> State {
    let mut state = ready();
    state.update(AppAction::DropFile("mine.yaml".into(), lesson.into()));
    arrive(&mut state);
    state
}

fn forward(state: &mut State) -> f64 {
    state.update(AppAction::LessonStep(1));
    arrive(state)
}

const THREE_STEPS: &str = "title: Mine
steps:
- caption: One
- caption: Two
  run: kubectl create deployment web --image=nginx
- caption: Three
  run: kubectl scale deployment web --replicas=2
";

#[test]
fn a_command_in_a_lessons_past_makes_its_later_steps_anew() {
    let mut state = given(THREE_STEPS);
    let one = state.player.t;
    forward(&mut state);
    let three = forward(&mut state);
    state.update(AppAction::LessonStep(-1));
    arrive(&mut state);
    state.update(AppAction::LessonStep(-1));
    assert!((arrive(&mut state) - one).abs() < f64::EPSILON);
    state.update(AppAction::Do(Job::Run { line: "kubectl run other --image=nginx".into(), reply: 1 }));
    arrive(&mut state);
    assert_eq!(state.notice, Some(Notice::Forked(2)));
    let before = pod_count(&state);
    forward(&mut state);
    forward(&mut state);
    state.update(AppAction::Do(Job::Settle { limit: None, reply: 2 }));
    arrive(&mut state);
    assert_eq!(pod_count(&state), before + 2, "the commands of both steps were run again");
    // What was discarded comes back with the steps that belonged to it.
    state.update(AppAction::ReturnToDiscarded);
    let step = state.lesson.as_ref().map(|given| given.step);
    assert_eq!(step, Some(0));
    forward(&mut state);
    assert!((forward(&mut state) - three).abs() < f64::EPSILON);
}

#[test]
fn a_watch_that_is_left_open_does_not_stall_a_lesson() {
    let mut state = given(THREE_STEPS);
    state.update(AppAction::Enter("kubectl get pods -w".into()));
    play(&mut state, 1.0);
    let two = forward(&mut state);
    let three = forward(&mut state);
    assert!(three - two < 60e6, "{two} {three}");
}

#[test]
fn a_new_cluster_ends_what_belonged_to_the_old_one() {
    let mut state = ready();
    state.update(AppAction::SetPace(Pace::Real(1.0)));
    state.update(AppAction::Enter("kubectl run mine --image=nginx".into()));
    state.update(AppAction::Enter("sleep 60\nkubectl delete pod mine".into()));
    state.update(AppAction::DropFile("x.yaml".into(), "kind: Pod\n".into()));
    play(&mut state, 3.0);
    state.update(AppAction::Do(Job::Settle { limit: None, reply: 7 }));
    let effects = state.update(AppAction::DropFile("mine.yaml".into(), THREE_STEPS.into()));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Refuse(7, _))), "{effects:?}");
    arrive(&mut state);
    assert_eq!((state.terminal.waiting.len(), state.dropped.as_deref()), (0, None));
    assert_eq!(state.notice, Some(Notice::PutAside));
    state.update(AppAction::ReturnToDiscarded);
    assert!(state.lesson.is_none());
    let pods: Vec<_> =
        state.picture.model.machines.iter().flat_map(|machine| machine.pods.iter()).map(|pod| pod.name.clone()).collect();
    assert!(pods.iter().any(|name| name == "mine"), "{pods:?}");
}
