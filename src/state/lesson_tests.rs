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
    assert_eq!(pod_count(&state), before + 3, "the pod that was on no node yet, and the commands of both steps were run again");
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

#[test]
fn the_words_of_lessons_are_those_of_the_page() {
    use crate::scene::{Colouring, Detail, Grouping, MessageKind};
    use orrery_sim::lesson::show::CHOICES;
    use visible::Speaker;

    let tab = |word: &str, known: bool| known == (word != "closed");
    for (field, words) in CHOICES {
        let known = |word: &&str| match field {
            "detail" => Detail::parse(word).is_some(),
            "view" => Grouping::parse(word).is_some(),
            "colours" => Colouring::parse(word).is_some(),
            "messages" => MessageKind::ALL.iter().any(|kind| kind.class() == *word),
            "of" => Speaker::ALL.iter().any(|speaker| speaker.key() == *word),
            "dock" => tab(word, shown::dock_tab(word).is_some()),
            _ => tab(word, shown::inspector_tab(word).is_some()),
        };
        assert!(words.iter().all(known), "{field}");
        let all = match field {
            "detail" => Detail::ALL.len(),
            "view" => Grouping::ALL.len(),
            "colours" => Colouring::ALL.len(),
            "messages" => MessageKind::ALL.len(),
            "of" => Speaker::ALL.len(),
            _ => continue,
        };
        assert_eq!(words.len(), all, "{field}");
    }
}

#[test]
fn a_step_shows_what_it_asks_for_and_the_page_looks_as_before_afterwards() {
    use crate::scene::{Camera, Detail, Grouping, MessageKind};

    let mut state = ready();
    state.update(AppAction::DockTab(DockTab::Charts));
    state.update(AppAction::DropFile(
        "mine.yaml".into(),
        "title: Mine
steps:
- caption: One
- caption: Two
  run: kubectl run web --image=nginx
  show:
    detail: brief
    view: owner
    system: false
    messages: [request, watch]
    of: kubelet
    namespace: default
    camera: node/kind-worker
    dock: sequence
    panel: yaml
- caption: Three
  show: {dock: closed}
- caption: Four
"
        .into(),
    ));
    let looks = |state: &mut State| {
        arrive(state);
        play(state, 1.0);
        let show = state.visible.show.clone();
        let view = (state.detail, state.look.grouping, state.look.hide_system, state.view.camera, state.view.follows.clone());
        (view, show, (state.dock, state.dock_open), (state.inspector, state.panel_open))
    };
    let one = looks(&mut state);
    assert_eq!((one.0.0, one.0.3, one.2), (None, Camera::FIT, (DockTab::Charts, true)));
    state.update(AppAction::LessonStep(1));
    let two = looks(&mut state);
    assert_eq!((two.0.0, two.0.1, two.0.2), (Some(Detail::Brief), Grouping::Owner, true));
    assert_eq!(two.0.4, Selection::parse("node/kind-worker"));
    assert!(two.1.kind(MessageKind::Watch) && !two.1.kind(MessageKind::Etcd) && !two.1.speaker(visible::Speaker::Etcd));
    assert_eq!(
        (two.1.namespace.as_deref(), two.2, two.3),
        (Some("default"), (DockTab::Sequence, true), (InspectorTab::Yaml, true))
    );
    state.update(AppAction::LessonStep(1));
    let three = looks(&mut state);
    assert_eq!((&three.0, &three.1, three.2, three.3), (&one.0, &one.1, (DockTab::Charts, false), one.3));
    state.update(AppAction::LessonStep(1));
    let four = looks(&mut state);
    assert_eq!((&four.0, &four.1, four.2, four.3), (&one.0, &one.1, one.2, one.3));
    // What the audience did meanwhile is not kept: a step looks the same from both sides.
    state.update(AppAction::LessonStep(-2));
    assert_eq!(looks(&mut state), two);
    state.update(AppAction::ToggleDock);
    state.update(AppAction::LessonStep(-1));
    assert_eq!(looks(&mut state), one);
    state.update(AppAction::LessonStep(1));
    assert_eq!(looks(&mut state), two);
    // Whoever leaves the lesson has the page as it was.
    state.update(AppAction::CloseLesson);
    let after = looks(&mut state);
    assert_eq!((after.0, after.1, after.2), (one.0, one.1, one.2));
}

#[test]
fn a_saved_lesson_opens_with_what_its_step_shows() {
    let mut state = given("title: Mine\nsteps:\n- caption: One\n  show: {detail: cells}\n- caption: Two\n");
    let text = recording::Saved::of(&state).text();
    forward(&mut state);
    assert_eq!(state.detail, None);
    state.update(AppAction::OpenSaved(text));
    arrive(&mut state);
    assert_eq!(state.detail, Some(crate::scene::Detail::Cells));
}

#[test]
fn a_lesson_from_elsewhere_is_given_as_far_as_not_too_much_is_simulated() {
    let steps = 60;
    let lesson = format!("title: Long\nsteps:\n{}", "- caption: On and on\n  run: sleep 3000\n".repeat(steps));
    let mut state = given(&lesson);
    state.update(AppAction::LessonTo("mine.yaml".into(), steps - 1));
    arrive(&mut state);
    assert!(matches!(state.notice, Some(Notice::TooLarge)), "{:?}", state.notice);
    assert!(state.lesson.as_ref().is_some_and(|given| given.step < steps - 1));
    let events = state.session.live_cluster().steps();
    assert!(events > super::jobs::MOST_EVENTS && events < super::jobs::MOST_EVENTS * 2, "{events}");
}
