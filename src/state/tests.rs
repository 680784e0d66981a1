use super::terminal::Piece;
use super::*;

/// A clock that stands still: every frame does all of its work.
fn clock() -> f64 {
    0.0
}

pub(crate) fn start() -> Start {
    Start {
        seed: 1,
        lesson: None,
        pace: Pace::Messages,
        autoplay: true,
        detail: None,
        lang: "en".into(),
        theme: None,
        dark: false,
        reduced_motion: false,
        bare: false,
        room: (true, true),
        dock_height: None,
        clock,
    }
}

/// A page whose cluster stands.
pub(crate) fn ready() -> State {
    let mut state = State::new(&start());
    for frame in 0..10_000 {
        state.update(AppAction::Frame(f64::from(frame)));
        if state.ready {
            return state;
        }
    }
    panic!("the cluster does not come to stand");
}

pub(crate) fn play(state: &mut State, seconds: f64) {
    let from = state.last_frame.unwrap_or(0.0);
    for frame in 0..(seconds * 60.0) as u32 {
        state.update(AppAction::Frame(from + f64::from(frame + 1) * 1000.0 / 60.0));
    }
}

#[test]
fn a_command_is_run_and_shown_as_time_runs() {
    let mut state = ready();
    state.update(AppAction::Enter("echo hello".into()));
    play(&mut state, 1.0);
    let pieces = &state.screen.pieces;
    assert_eq!(pieces[pieces.len() - 2..], [Piece::Command("echo hello".into()), Piece::Out("hello\n".into())]);
}

#[test]
fn lines_wait_for_the_command_in_the_foreground() {
    let mut state = ready();
    state.update(AppAction::SetPace(Pace::Real(1.0)));
    state.update(AppAction::Enter("sleep 2\necho late".into()));
    play(&mut state, 1.0);
    assert_eq!(state.terminal.waiting.len(), 1);
    assert!(state.running().is_some());
    play(&mut state, 1.5);
    assert!(state.screen.pieces.contains(&Piece::Out("late\n".into())));
}

#[test]
fn ctrl_c_ends_what_runs_and_what_waits() {
    let mut state = ready();
    state.update(AppAction::SetPace(Pace::Real(1.0)));
    state.update(AppAction::Enter("sleep 1000\necho never".into()));
    play(&mut state, 0.2);
    state.update(AppAction::Interrupt);
    play(&mut state, 0.2);
    assert_eq!(state.running(), None);
    assert!(!state.screen.pieces.contains(&Piece::Out("never\n".into())));
}

#[test]
fn a_command_in_the_past_forks_and_one_can_return() {
    let mut state = ready();
    state.update(AppAction::SetPace(Pace::Real(1.0)));
    play(&mut state, 2.0);
    state.update(AppAction::Enter("echo first".into()));
    play(&mut state, 2.0);
    let origin = state.origin.0 as f64;
    state.update(AppAction::Seek(origin + 500_000.0));
    assert!(!state.screen.pieces.contains(&Piece::Out("first\n".into())), "the terminal goes back, too");
    state.update(AppAction::Enter("echo second".into()));
    play(&mut state, 1.0);
    assert_eq!(state.notice, Some(Notice::Forked(1)));
    assert!(state.screen.pieces.contains(&Piece::Out("second\n".into())));
    state.update(AppAction::ReturnToDiscarded);
    assert!(state.screen.pieces.contains(&Piece::Out("first\n".into())));
    assert!(!state.screen.pieces.contains(&Piece::Out("second\n".into())));
}

#[test]
fn tasks_of_the_programming_interface_answer() {
    let mut state = ready();
    state.update(AppAction::Do(jobs::Job::Run { line: "echo out; echo err >&2; false".into(), reply: 7 }));
    let mut answer = None;
    for frame in 0..1000 {
        for effect in state.update(AppAction::Frame(f64::from(frame))) {
            if let Effect::Reply(7, text) = effect {
                answer = Some(text);
            }
        }
    }
    assert_eq!(answer.as_deref(), Some(r#"{"code":1,"stderr":"err\n","stdout":"out\n"}"#));
}

#[test]
fn dropped_files_become_a_recorded_command() {
    let mut state = ready();
    state.update(AppAction::DropFile("my pod.yaml".into(), "kind: Pod\nEOF\n".into()));
    play(&mut state, 0.5);
    state.update(AppAction::Enter("cat my-pod.yaml".into()));
    play(&mut state, 0.5);
    assert_eq!(state.screen.pieces.last(), Some(&Piece::Out("kind: Pod\nEOF\n".into())));
}

#[test]
fn a_deployment_of_three_takes_half_a_minute_to_watch() {
    let mut state = ready();
    let before = state.player.t;
    state.update(AppAction::Enter("kubectl create deployment web --image=nginx --replicas=3".into()));
    play(&mut state, 0.1);
    let lens = &state.visible.lens;
    let seconds = lens.audience(lens.end() as f64) - lens.audience(before);
    assert!((20.0..=40.0).contains(&seconds), "{seconds}");
    // And that is what playing takes.
    play(&mut state, seconds * 0.5);
    assert!((state.player.t as u64) < state.visible.lens.end());
    play(&mut state, seconds * 0.5 + 1.0);
    assert!((state.player.t as u64) >= state.visible.lens.end());
    let running = state.picture.model.machines.iter().flat_map(|machine| &machine.pods);
    let running = running.filter(|pod| pod.owner == "web" && pod.phase == crate::scene::model::PodPhase::Running);
    assert_eq!(running.count(), 3);
}

#[test]
fn stepping_visits_every_message_and_back_again() {
    let mut state = ready();
    state.player.reduced_motion = true;
    state.update(AppAction::Enter("kubectl create deployment web --image=nginx --replicas=3".into()));
    state.update(AppAction::Pause);
    let mut forward = Vec::new();
    let mut frame = state.last_frame.unwrap_or(0.0);
    for _ in 0..5 {
        state.update(AppAction::StepForward);
        for _ in 0..3 {
            frame += 16.0;
            state.update(AppAction::Frame(frame));
        }
        forward.push((state.player.t, state.player.on));
    }
    assert!(forward.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 != pair[1].1), "{forward:?}");
    let first = state.visible.ids.iter().position(|id| *id == forward[0].1).expect("a step goes to a message");
    let all: Vec<_> = state.visible.ids[first..first + 5].to_vec();
    assert!(forward.iter().all(|(_, on)| all.contains(on)), "no message is left out: {forward:?}");
    let mut back = Vec::new();
    for _ in 0..4 {
        state.update(AppAction::StepBack);
        back.push((state.player.t, state.player.on));
    }
    back.reverse();
    assert_eq!(back, forward[..4]);
}

#[test]
fn message_by_message_rests_at_each() {
    let mut state = ready();
    state.update(AppAction::SetPace(Pace::OneByOne));
    state.update(AppAction::Launch("kubectl create deployment web --image=nginx".into()));
    let mut visited = Vec::new();
    for _ in 0..80 {
        play(&mut state, 0.1);
        if visited.last() != Some(&state.player.on) {
            visited.push(state.player.on);
        }
    }
    // Eight seconds at half a second of flight and one of rest.
    let visited: Vec<_> = visited.into_iter().flatten().collect();
    assert!((4..=6).contains(&visited.len()), "{visited:?}");
    assert!(state.player.playing);
}

#[test]
fn a_watch_lets_other_commands_run_beside_it() {
    let mut state = ready();
    state.update(AppAction::SetPace(Pace::Real(1.0)));
    state.update(AppAction::Enter("kubectl get pods -w".into()));
    play(&mut state, 1.0);
    state.update(AppAction::Enter("kubectl run box --image=nginx".into()));
    play(&mut state, 3.0);
    let out: String = state
        .screen
        .pieces
        .iter()
        .filter_map(|piece| if let Piece::Out(text) = piece { Some(text.as_str()) } else { None })
        .collect();
    assert!(out.contains("pod/box created") && out.contains("ContainerCreating"), "{out}");
    assert!(state.screen.watching.is_some());
    state.update(AppAction::Interrupt);
    play(&mut state, 0.5);
    assert_eq!(state.screen.watching, None);
    assert_eq!(state.screen.pieces.last(), Some(&Piece::Aside("^C\n".into())));
}

#[test]
fn what_was_seen_is_kept_even_when_no_command_is_lost() {
    let mut state = ready();
    state.update(AppAction::SetPace(Pace::Real(1.0)));
    state.update(AppAction::Enter("kubectl create deployment web --image=nginx".into()));
    play(&mut state, 4.0);
    let pods = state.picture.model.machines.iter().map(|machine| machine.pods.len()).sum::<usize>();
    state.update(AppAction::Seek(state.origin.0 as f64 + 50_000.0));
    state.update(AppAction::Enter("kubectl get deployments".into()));
    play(&mut state, 0.1);
    assert_eq!(state.notice, Some(Notice::Forked(0)));
    state.update(AppAction::ReturnToDiscarded);
    assert_eq!(state.picture.model.machines.iter().map(|machine| machine.pods.len()).sum::<usize>(), pods);
}

#[test]
fn a_lesson_goes_forward_and_exactly_back() {
    let mut state = State::new(&Start { lesson: Some(("controllers".into(), 0)), ..start() });
    state.update(AppAction::SetPace(Pace::Real(10.0)));
    let mut frame = 0.0;
    let mut arrive = |state: &mut State| {
        for _ in 0..20_000 {
            frame += 16.0;
            state.update(AppAction::Frame(frame));
            if state.ready && state.jobs.is_empty() {
                return state.player.t;
            }
        }
        panic!("the step is not reached");
    };
    let first = arrive(&mut state);
    let given = |state: &State| state.lesson.as_ref().map(|given| given.step);
    assert_eq!(given(&state), Some(0));
    assert!(!state.player.playing, "a question is asked before time goes on");
    state.update(AppAction::LessonStep(1));
    let second = arrive(&mut state);
    assert!(second > first);
    assert_eq!(state.picture.model.machines.iter().flat_map(|machine| &machine.pods).filter(|pod| pod.owner == "web").count(), 3);
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
