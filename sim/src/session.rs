//! A session: the recording of what the user did, the cluster at the live end, and the cluster at the playhead.
//!
//! The recording (seed + timed entries) is everything: [`Session::replay`] makes the same trace of it, to the byte. Checkpoints are
//! clones of the cluster, kept so that any past moment is a short replay away. An entry given at a past moment forks: what had been
//! simulated after it is dropped, and the future from there is simulated anew.
//!
//! The live end may be ahead of the playhead without anybody having seen it: the time lens looks ahead to lay out what it shows.
//! [`Session::seen_end`] tells up to where the user has watched; only an entry before it is a fork in the user's eyes.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::core::{Cluster, CommandId, Duration, TerminalEvent, Time, Trace};
use crate::flow::Stream;
use crate::value::{Map, Text, Value};

/// Something that the user did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Entry {
    /// Gave a command line.
    Run(Rc<str>),
    /// Interrupted the command with this number.
    Interrupt(u32),
}

/// A session as data: the same recording gives the same trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Of all random numbers.
    pub seed: u64,
    /// Files in the user's home directory at the beginning, besides `kind.yaml`: path → text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// What the user did, and at which simulated microsecond.
    pub entries: Vec<(u64, Entry)>,
}

/// The cluster at a moment, and how much of the recording it has seen.
#[derive(Clone, Debug)]
struct Moment {
    /// Everything up to and including this time has been handled.
    time: Time,
    next_entry: usize,
    cluster: Cluster,
}

impl Moment {
    /// Replays the recording up to `until`; `false` when the budget of events ran out before.
    fn advance(&mut self, recording: &Recording, until: Time, mut budget: usize, sink: &mut dyn crate::core::Sink) -> bool {
        loop {
            let entry = recording.entries.get(self.next_entry).filter(|(at, _)| Time(*at) <= until);
            let stop = entry.map_or(until, |(at, _)| Time(*at));
            let handled = self.cluster.run_until(stop, budget, sink);
            budget -= handled;
            if self.cluster.next_at().is_some_and(|at| at <= stop) {
                // More may happen at this very microsecond: only the one before is complete.
                self.time = self.time.max(Time(self.cluster.now().0.saturating_sub(1)));
                return false;
            }
            self.time = self.time.max(stop);
            let Some((_, entry)) = entry else { return true };
            let id = CommandId(self.next_entry as u32);
            match entry {
                Entry::Run(line) => self.cluster.command(stop, id, line),
                Entry::Interrupt(command) => self.cluster.interrupt(stop, CommandId(*command)),
            }
            self.next_entry += 1;
        }
    }
}

/// What a command printed, and its exit code once it has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandResult {
    /// stdout so far.
    pub stdout: String,
    /// stderr so far.
    pub stderr: String,
    /// The exit code; `None` while it runs.
    pub code: Option<i32>,
}

/// How many events lie between two checkpoints.
const EVENTS_PER_CHECKPOINT: u64 = 8_000;
/// How many checkpoints are kept; when there are more, the one goes that leaves the smallest gap.
const CHECKPOINTS: usize = 128;
/// When the playhead goes to the live end past more events than this, a copy of it is cheaper than a replay.
const EVENTS_PER_COPY: u64 = 500;

/// A recording with its trace, a live end and a playhead.
#[derive(Clone, Debug)]
pub struct Session {
    recording: Recording,
    trace: Trace,
    live: Moment,
    /// The cluster at the playhead.
    view: Moment,
    seen_end: Time,
    /// In the order of time; the first is the beginning.
    checkpoints: Vec<Moment>,
}

impl Session {
    /// A user's computer without any cluster.
    pub fn new(seed: u64) -> Self {
        Self::with_files(seed, BTreeMap::new())
    }

    /// The same, with files in the home directory: path → text.
    pub fn with_files(seed: u64, files: BTreeMap<String, String>) -> Self {
        let map: Map = files.iter().map(|(path, text)| (Text::from(path), Value::from(text))).collect();
        let beginning = Moment { time: Time::ZERO, next_entry: 0, cluster: Cluster::with_files(seed, map.into()) };
        Self {
            recording: Recording { seed, files, entries: Vec::new() },
            trace: Trace::default(),
            live: beginning.clone(),
            view: beginning.clone(),
            seen_end: Time::ZERO,
            checkpoints: vec![beginning],
        }
    }

    /// A recording of which nothing has been simulated yet.
    pub fn of(recording: Recording) -> Self {
        Self { recording: recording.clone(), ..Self::with_files(recording.seed, recording.files) }
    }

    /// Simulates a recording up to its last entry.
    pub fn replay(recording: &Recording) -> Self {
        let mut session = Self::of(recording.clone());
        let last = recording.entries.last().map_or(0, |(at, _)| *at);
        session.seek(Time(last));
        session
    }

    /// What the user did.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }
    /// Everything that was sent and shown up to the live end.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }
    /// Up to when the simulation has been carried out.
    pub fn live_end(&self) -> Time {
        self.live.time
    }
    /// The moment that is looked at.
    pub fn playhead(&self) -> Time {
        self.view.time
    }
    /// The latest moment that has been looked at.
    pub fn seen_end(&self) -> Time {
        self.seen_end
    }
    /// The cluster at the playhead.
    pub fn cluster(&self) -> &Cluster {
        &self.view.cluster
    }
    /// The cluster at the live end.
    pub fn live_cluster(&self) -> &Cluster {
        &self.live.cluster
    }

    /// Simulates on up to `until`, at most `budget` events; says whether it got there. The playhead stays where it is.
    pub fn advance(&mut self, until: Time, budget: usize) -> bool {
        let mut left = budget;
        loop {
            let slice = left.min(EVENTS_PER_CHECKPOINT as usize);
            let done = self.live.advance(&self.recording, until, slice, &mut self.trace);
            let last = self.checkpoints.last().expect("there is always the beginning");
            if self.live.cluster.steps() >= last.cluster.steps() + EVENTS_PER_CHECKPOINT {
                self.checkpoint();
            }
            left -= slice;
            if done || left == 0 {
                return done;
            }
        }
    }

    /// Moves the playhead to `t`, forwards or backwards; simulates on when `t` lies beyond the live end.
    pub fn seek(&mut self, t: Time) {
        while !self.seek_within(t, usize::MAX) {}
    }

    /// Moves the playhead towards `t`, handling at most `budget` events; says whether it is there. Called again with the same `t` it goes
    /// on where it was. Until it has arrived the playhead is somewhere before `t`, and commands must wait.
    pub fn seek_within(&mut self, t: Time, budget: usize) -> bool {
        if t > self.live.time {
            return self.advance(t, budget) && self.seek_within(t, budget);
        }
        let steps = self.view.cluster.steps();
        if t == self.live.time && t > self.view.time && self.live.cluster.steps() > steps + EVENTS_PER_COPY {
            self.view = self.live.clone();
        } else if t < self.view.time || self.checkpoints[self.nearest_index(t)].cluster.steps() > steps {
            self.view = self.nearest(t);
        }
        let arrived = self.view.advance(&self.recording, t, budget, &mut ());
        if arrived {
            self.seen_end = self.seen_end.max(t);
        }
        arrived
    }

    /// Runs a command line at the playhead. Drops what was simulated after it.
    pub fn run(&mut self, line: &str) -> CommandId {
        self.enter(Entry::Run(Rc::from(line)))
    }

    /// Interrupts a command at the playhead (Ctrl-C).
    pub fn interrupt(&mut self, command: CommandId) {
        self.enter(Entry::Interrupt(command.0));
    }

    /// Whether something of the recording has not been given to the cluster at the live end yet.
    pub fn is_pending(&self) -> bool {
        self.live.next_entry < self.recording.entries.len()
    }

    /// Drops what was simulated after the playhead, but not what the user did after it: the live end comes back to the playhead.
    pub fn forget_ahead(&mut self) {
        let now = self.view.time;
        if now < self.live.time {
            self.live = self.view.clone();
            self.trace.truncate(self.live.cluster.next_envelope(), now);
            self.checkpoints.retain(|moment| moment.time <= now && moment.cluster.steps() <= self.view.cluster.steps());
        }
    }

    /// Takes back the command with this number and everything that the user did after it. The playhead comes to the moment before it.
    /// Nothing happens when there is no such entry.
    pub fn take_back(&mut self, command: CommandId) {
        let Some((at, _)) = self.recording.entries.get(command.0 as usize) else { return };
        let at = Time(*at);
        // The trace holds all until then, as of what is not taken back.
        if at > self.live.time {
            self.advance(at, usize::MAX);
        }
        self.recording.entries.truncate(command.0 as usize);
        self.checkpoints.retain(|moment| moment.time <= at && moment.next_entry <= command.0 as usize);
        self.live = self.nearest(at);
        self.live.advance(&self.recording, at, usize::MAX, &mut ());
        self.view = self.live.clone();
        self.trace.take_back(self.live.cluster.next_envelope(), command);
        self.seen_end = at;
    }

    fn enter(&mut self, entry: Entry) -> CommandId {
        let now = self.view.time;
        if now < self.live.time {
            // What lies ahead has not happened any more.
            self.forget_ahead();
            self.recording.entries.truncate(self.live.next_entry);
        }
        self.seen_end = now;
        self.recording.entries.push((now.0, entry));
        self.checkpoint();
        CommandId(self.recording.entries.len() as u32 - 1)
    }

    fn checkpoint(&mut self) {
        self.checkpoints.push(self.live.clone());
        if self.checkpoints.len() > CHECKPOINTS {
            // One at a time: to drop many takes long enough to be noticed.
            let steps = |at: usize| self.checkpoints[at].cluster.steps();
            let spare = (1..self.checkpoints.len() - 1).min_by_key(|at| steps(at + 1) - steps(at - 1));
            if let Some(at) = spare {
                self.checkpoints.remove(at);
            }
        }
    }

    fn nearest_index(&self, t: Time) -> usize {
        // A checkpoint of exactly `t` may lie before an entry of that time, which the replay then brings.
        self.checkpoints.partition_point(|moment| moment.time <= t).max(1) - 1
    }

    fn nearest(&self, t: Time) -> Moment {
        self.checkpoints[self.nearest_index(t)].clone()
    }

    /// Simulates on until nothing is left but periodic work, at most for `limit`, and moves the playhead there.
    /// Says whether it became quiet.
    pub fn settle(&mut self, limit: Duration) -> bool {
        let until = self.view.time.max(self.live.time) + limit;
        loop {
            let pending = self.live.next_entry < self.recording.entries.len();
            if !pending && self.live.cluster.is_quiet() {
                break;
            }
            let next = self.live.cluster.next_at().unwrap_or(self.live.time).max(self.live.time);
            let target = if pending { Time(self.recording.entries[self.live.next_entry].0).max(self.live.time) } else { next };
            if target > until {
                break;
            }
            self.advance(target, usize::MAX);
        }
        self.seek(self.live.time);
        self.live.cluster.is_quiet()
    }

    /// Simulates on until a command has ended, at most for `limit`, and moves the playhead there.
    pub fn finish(&mut self, command: CommandId, limit: Duration) -> CommandResult {
        let until = self.view.time + limit;
        let (mut looked, mut ended) = (0, false);
        loop {
            // Only what has been shown since the last look can be the command's end.
            let shown = self.trace.terminal();
            ended |= shown[looked..].iter().any(|(_, id, event)| *id == command && matches!(event, TerminalEvent::Exit(_)));
            looked = shown.len();
            let next = self.live.cluster.next_at().map_or(self.live.time, |at| at.max(self.live.time));
            let pending = self.is_pending();
            if ended || (next > until && !pending) {
                break;
            }
            let before = (self.live.cluster.steps(), self.live.next_entry);
            self.advance(if pending { self.live.time } else { next }, usize::MAX);
            if before == (self.live.cluster.steps(), self.live.next_entry) {
                break;
            }
        }
        self.seek(self.live.time);
        self.result(command, self.live.time)
    }

    /// What a command had printed at `t`.
    pub fn result(&self, command: CommandId, t: Time) -> CommandResult {
        let mut result = CommandResult::default();
        for (at, id, event) in self.trace.terminal() {
            if *id != command || *at > t {
                continue;
            }
            match event {
                TerminalEvent::Command(_) | TerminalEvent::Interrupt => {}
                TerminalEvent::Output(Stream::Out, text) => result.stdout += text,
                TerminalEvent::Output(Stream::Err, text) => result.stderr += text,
                TerminalEvent::Exit(code) => result.code = Some(*code),
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(session: &Session) -> Vec<String> {
        session.trace().terminal().iter().map(|(at, id, event)| format!("{at} {} {event:?}", id.0)).collect()
    }

    #[test]
    fn commands_run_and_a_replay_says_the_same() {
        let mut session = Session::new(3);
        let first = session.run("echo one; sleep 2; echo two");
        assert_eq!(session.finish(first, Duration::s(10)).stdout, "one\ntwo\n");
        assert_eq!(session.playhead(), Time(2_000_000));
        let second = session.run("false");
        assert_eq!(session.finish(second, Duration::s(10)).code, Some(1));
        let mut again = Session::replay(session.recording());
        again.settle(Duration::s(10));
        assert_eq!(lines(&again), lines(&session));
    }

    #[test]
    fn a_playhead_that_has_arrived_has_seen_all_of_its_microsecond() {
        let mut session = Session::new(3);
        let created = session.run("kind create cluster");
        session.finish(created, Duration::s(600));
        // Moments at which several things happen.
        let sent: Vec<Time> = session.trace().envelopes().iter().map(|envelope| envelope.due_at).collect();
        let busy = sent.iter().filter(|at| sent.iter().filter(|other| other == at).count() > 2).take(40);
        let mut checked = 0;
        for at in busy {
            session.seek(*at);
            let all = session.cluster().steps();
            session.seek(Time(at.0 - 1));
            while session.playhead() != *at {
                session.seek_within(*at, 1);
            }
            assert_eq!(session.cluster().steps(), all, "{at}");
            checked += 1;
        }
        assert!(checked > 0, "something happens at the same time");
    }

    #[test]
    fn nobody_waits_for_the_wake_ups_of_a_command_that_has_ended() {
        let mut session = Session::new(3);
        let first = session.run("sleep 600");
        session.advance(Time(1_000_000), usize::MAX);
        session.seek(Time(1_000_000));
        session.interrupt(first);
        assert!(session.settle(Duration::s(3600)));
        assert_eq!(session.playhead(), Time(1_000_000), "the sleep was interrupted after a second");
        session.run("kind create cluster");
        session.settle(Duration::s(600));
        let quiet = session.playhead();
        let wait = session.run("kubectl wait node/kind-control-plane --for=condition=Ready --timeout=500s");
        let result = session.finish(wait, Duration::s(600));
        assert_eq!(result.stdout, "node/kind-control-plane condition met\n");
        assert!(session.settle(Duration::s(3600)));
        assert!(session.playhead().since(quiet) < Duration::s(5), "{}", session.playhead());
    }

    #[test]
    fn a_seek_in_small_steps_arrives_where_one_in_a_single_step_does() {
        let mut session = Session::new(3);
        session.run("kind create cluster");
        session.settle(Duration::s(600));
        let middle = Time(session.playhead().0 / 2);
        let mut slow = session.clone();
        session.seek(middle);
        let mut slices = 0;
        while !slow.seek_within(middle, 100) {
            assert!(slow.playhead() <= middle);
            slices += 1;
        }
        assert!(slices > 1, "{slices}");
        assert_eq!((slow.playhead(), slow.cluster().steps()), (session.playhead(), session.cluster().steps()));
        slow.run("true");
        session.run("true");
        assert_eq!(slow.recording(), session.recording());
    }

    #[test]
    fn what_is_taken_back_has_never_been() {
        let mut session = Session::new(3);
        let created = session.run("kind create cluster");
        session.finish(created, Duration::s(600));
        session.settle(Duration::s(60));
        let before = session.clone();
        let first = session.run("kubectl create deployment web --image=nginx");
        let second = session.run("kubectl get pods");
        session.finish(second, Duration::s(60));
        assert!(session.trace().envelopes().len() > before.trace().envelopes().len());
        session.take_back(first);
        assert_eq!(lines(&session), lines(&before));
        assert_eq!((session.recording(), session.playhead()), (before.recording(), before.playhead()));
        assert_eq!(session.cluster().steps(), before.cluster().steps());
        // And what comes next is what would have come.
        let again = |mut session: Session| {
            let other = session.run("kubectl create deployment other --image=nginx");
            session.finish(other, Duration::s(60));
            session.settle(Duration::s(60));
            let sent = |envelope: &Rc<crate::core::Envelope>| (envelope.id, envelope.sent_at, envelope.cause);
            (lines(&session), session.trace().envelopes().iter().map(sent).collect::<Vec<_>>())
        };
        assert!(again(session) == again(before), "the same future");
    }

    #[test]
    fn a_command_in_the_past_forks() {
        let mut session = Session::new(3);
        let first = session.run("sleep 5; echo late");
        session.finish(first, Duration::s(10));
        session.seek(Time(1_000_000));
        session.run("echo early");
        session.settle(Duration::s(60));
        let printed: Vec<String> = session
            .trace()
            .terminal()
            .iter()
            .filter_map(|(_, _, event)| match event {
                TerminalEvent::Output(_, text) => Some(text.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(printed, ["early\n", "late\n"]);
        assert_eq!(session.recording().entries.len(), 2);
    }
}
