use super::terminal::Piece;
use super::*;
use orrery_sim::core::Duration;

/// A clock that stands still: every frame does all of its work.
fn clock() -> f64 {
    0.0
}

pub(crate) fn start() -> Start {
    Start {
        seed: 1,
        waits: false,
        topology: None,
        lesson: None,
        pace: Pace::Messages,
        autoplay: true,
        detail: None,
        look: crate::scene::Look::default(),
        lang: "en".into(),
        theme: None,
        system_theme: crate::scene::svg::Theme::Light,
        hints: false,
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
    arrive(&mut state);
    state
}

pub(crate) fn play(state: &mut State, seconds: f64) {
    let from = state.last_frame.unwrap_or(0.0);
    for frame in 0..(seconds * 60.0) as u32 {
        state.update(AppAction::Frame(from + f64::from(frame + 1) * 1000.0 / 60.0));
    }
}

/// Plays until nothing is worked on any more, and tells where the playhead is.
pub(crate) fn arrive(state: &mut State) -> f64 {
    for _ in 0..20_000 {
        play(state, 1.0 / 60.0);
        if state.ready && !state.is_busy() {
            return state.player.t;
        }
    }
    panic!("the tasks do not end: {:?}", state.jobs);
}

pub(crate) fn pod_count(state: &State) -> usize {
    state.picture.model.machines.iter().map(|machine| machine.pods.len()).sum()
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
    state.update(AppAction::Enter("true".into()));
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
fn whoever_asks_while_an_answer_is_on_its_way_leaves_nobody_without_one() {
    let mut state = ready();
    let mut answered = Vec::new();
    let frame = |state: &mut State, answered: &mut Vec<u32>| {
        let replies = state.update(AppAction::Frame(state.last_frame.unwrap_or(0.0) + 16.0));
        answered
            .extend(replies.iter().filter_map(|effect| if let Effect::Reply(number, _) = effect { Some(*number) } else { None }));
    };
    state.update(AppAction::Do(jobs::Job::Run { line: "true".into(), reply: 1 }));
    while !state.jobs.is_empty() {
        frame(&mut state, &mut answered);
    }
    assert!(answered.is_empty() && state.is_busy());
    state.update(AppAction::Do(jobs::Job::Run { line: "false".into(), reply: 2 }));
    while state.is_busy() {
        frame(&mut state, &mut answered);
    }
    assert_eq!(answered, [1, 2]);
}

#[test]
fn a_node_of_another_cluster_was_never_ready() {
    let mut state = ready();
    for line in ["kind delete cluster", "kind create cluster"] {
        state.update(AppAction::Do(jobs::Job::Run { line: line.into(), reply: 1 }));
        arrive(&mut state);
    }
    let milestones = state.milestones();
    let lost = milestones.list().iter().filter(|stone| matches!(stone.what, What::Ready(_, false)));
    assert_eq!(lost.count(), 0);
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
    let running = state.picture.model.machines.iter().flat_map(|machine| machine.pods.iter());
    let running = running.filter(|pod| pod.owner == "web" && pod.phase == crate::scene::model::PodPhase::Running);
    assert_eq!(running.count(), 3);
}

#[test]
fn frames_that_take_long_do_not_stretch_it() {
    let [mut smooth, mut rough] = [ready(), ready()];
    for state in [&mut smooth, &mut rough] {
        state.update(AppAction::Enter("kubectl create deployment web --image=nginx --replicas=3".into()));
    }
    play(&mut smooth, 20.0);
    let from = rough.last_frame.unwrap_or(0.0);
    for frame in 1..=50 {
        rough.update(AppAction::Frame(from + 400.0 * f64::from(frame)));
    }
    let lens = &smooth.visible.lens;
    let apart = lens.audience(smooth.player.t) - lens.audience(rough.player.t);
    assert!(apart.abs() < 0.5, "{apart} s");
}

#[test]
fn stepping_visits_every_message_and_back_again() {
    let mut state = ready();
    state.player.reduced_motion = true;
    state.update(AppAction::Enter("kubectl create deployment web --image=nginx --replicas=3".into()));
    state.update(AppAction::Pause);
    let mut forward = Vec::new();
    for _ in 0..5 {
        state.update(AppAction::StepForward);
        play(&mut state, 0.05);
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
    let pods = pod_count(&state);
    state.update(AppAction::Seek(state.origin.0 as f64 + 50_000.0));
    state.update(AppAction::Enter("kubectl get deployments".into()));
    play(&mut state, 0.1);
    assert_eq!(state.notice, Some(Notice::Forked(0)));
    state.update(AppAction::ReturnToDiscarded);
    assert_eq!(pod_count(&state), pods);
}

#[test]
fn what_was_seen_between_two_places_is_sampled_once_a_kind() {
    let mut state = ready();
    state.update(AppAction::Do(Job::Run { line: "kubectl create deployment web --image=nginx --replicas=3".into(), reply: 1 }));
    state.update(AppAction::Do(Job::Settle { limit: None, reply: 2 }));
    arrive(&mut state);
    let (from, to) = (state.origin.0 as f64, state.session.live_end().0 as f64);
    let all: usize =
        state.visible.sample(from, (from as u64..to as u64).map(|t| t as f64)).iter().map(|(_, sent)| sent.len()).sum();
    let edges = [f64::midpoint(from, to), f64::INFINITY];
    let sampled = state.visible.sample(from, edges.into_iter());
    assert!(sampled.iter().all(|(_, sent)| sent.len() <= 2 && sent.is_sorted()), "{sampled:?}");
    let first = sampled.iter().filter_map(|(_, sent)| sent.first()).copied().fold(f64::INFINITY, f64::min);
    let spans = state.visible.lens.spans();
    assert!(spans.iter().any(|span| span.sent as f64 == first), "a tick stands where a message was sent");
    assert!(all > 20 && all <= spans.len(), "{all}");
}

#[test]
fn a_rewind_knows_how_many_decisions_were_made_since_the_command() {
    let mut state = ready();
    state.update(AppAction::Enter("kubectl create deployment web --image=nginx --replicas=6".into()));
    play(&mut state, 60.0);
    let times: Vec<f64> = state.visible.lens.spans().iter().map(|span| span.seconds).collect();
    let third = state.visible.decided.list()[2].began;
    state.visible.rewind(third);
    state.visible.follow(&state.session);
    let again: Vec<f64> = state.visible.lens.spans().iter().map(|span| span.seconds).collect();
    assert_eq!(again, times);
}

#[test]
fn a_button_waits_while_something_is_worked_on() {
    let mut state = State::new(&start());
    state.update(AppAction::Launch("kubectl create deployment web --image=nginx".into()));
    arrive(&mut state);
    play(&mut state, 20.0);
    assert!(pod_count(&state) > 12, "it was run in the cluster, not before there was one");
    assert!(state.discarded.is_none());
}

#[test]
fn charts_agree_with_the_gauges_and_with_the_trace() {
    let mut state = ready();
    let deploy =
        "kubectl create deployment web --image=nginx --replicas=3 && kubectl set resources deployment web --requests=cpu=500m";
    state.update(AppAction::Do(Job::Run { line: deploy.into(), reply: 1 }));
    state.update(AppAction::Do(Job::Settle { limit: None, reply: 2 }));
    arrive(&mut state);
    let end = state.session.live_end().0 as f64;
    state.update(AppAction::Seek(end));
    arrive(&mut state);
    let mut series = charts::Series::default();
    series.follow(state.session.trace());
    for machine in &state.picture.model.machines {
        let node = machine.node.as_ref().expect("all are nodes");
        let last = series.loads.iter().rev().find(|load| load.node == machine.name.as_str()).map_or(0.0, |load| load.percent);
        assert!((last - node.gauges[0].share * 100.0).abs() < 1e-9, "{}: {last}", machine.name);
    }
    assert!(series.loads.iter().any(|load| load.percent > 15.0), "three times 500m on two nodes of 4 cpus");
    let means = series.latencies(Time::ZERO, state.session.live_end(), 40);
    let all = |write: usize| means.iter().filter_map(|(_, means)| means[write]).collect::<Vec<_>>();
    assert!(!all(0).is_empty() && !all(1).is_empty());
    assert!(all(1).iter().chain(&all(0)).all(|ms| (0.1..10_000.0).contains(ms)), "{means:?}");
    let sum: Duration = series.answers.iter().fold(Duration::ZERO, |sum, answer| sum + answer.took);
    assert!(sum > Duration::ZERO && series.answers.len() <= series.requests.len());
}

#[test]
fn hints_come_one_after_the_other_and_never_again() {
    let mut state = State::new(&Start { hints: true, ..start() });
    arrive(&mut state);
    let saved = |effects: Vec<Effect>| effects.iter().any(|effect| matches!(effect, Effect::Save("hints", _)));
    assert_eq!(state.hint, Some(0));
    assert!(!saved(state.update(AppAction::NextHint)));
    assert!(!saved(state.update(AppAction::NextHint)));
    assert_eq!(state.hint, Some(2));
    assert!(saved(state.update(AppAction::NextHint)) && state.hint.is_none());
    let mut state = State::new(&Start { hints: true, ..start() });
    assert!(saved(state.update(AppAction::NoHints)) && state.hint.is_none());
    assert_eq!(ready().hint, None, "who has seen them sees none");
}

#[test]
fn a_button_goes_through_the_themes() {
    use crate::scene::svg::Theme;
    let mut state = State::new(&Start { system_theme: Theme::Contrast, ..start() });
    assert_eq!(state.colours(), Theme::Contrast, "as the system asks for");
    state.update(AppAction::SystemTheme(Theme::Dark));
    assert_eq!(state.colours(), Theme::Dark);
    let seen: Vec<&str> = (0..3)
        .map(|_| {
            state.update(AppAction::SetTheme(Some(state.colours().next())));
            state.colours().name()
        })
        .collect();
    assert_eq!(seen, ["contrast", "light", "dark"]);
    assert_eq!(seen.iter().filter_map(|name| Theme::parse(name)).count(), 3);
}

#[test]
fn one_goes_from_milestone_to_milestone() {
    let mut state = ready();
    state.update(AppAction::Do(Job::Run { line: "kubectl create deployment web --image=nginx --replicas=2".into(), reply: 1 }));
    state.update(AppAction::Do(Job::Settle { limit: None, reply: 2 }));
    arrive(&mut state);
    let all: Vec<String> = state.milestones().list().iter().map(|stone| EN.milestone(&stone.what)).collect();
    let count = |words: &str| all.iter().filter(|text| text.contains(words)).count();
    assert_eq!(count("deployment/web created"), 1, "{all:?}");
    assert_eq!(count("pod/web-"), 2);
    assert_eq!(all.iter().filter(|text| text.starts_with("web-") && text.contains(" bound to kind-worker")).count(), 2);
    assert_eq!(count("container nginx started"), 2);
    assert_eq!((count("kind-worker2 is Ready"), count("kube-scheduler: kind-control-plane leads")), (1, 1));
    state.update(AppAction::ToStart);
    arrive(&mut state);
    let mut seen = Vec::new();
    loop {
        state.update(AppAction::Milestone(true));
        let Some(Notice::Reached(what)) = state.notice.clone() else { break };
        seen.push((state.player.t, EN.milestone(&what)));
    }
    assert_eq!(state.notice, Some(Notice::NothingMore));
    assert!(seen.len() >= 8 && seen.iter().is_sorted_by(|a, b| a.0 < b.0), "{seen:?}");
    let place = state.player.t;
    state.update(AppAction::Milestone(false));
    assert!(state.player.t < place && !state.player.playing);
}
