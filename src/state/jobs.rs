//! Tasks that take many slices of simulation: the start, and those of `window.orrery`. They are carried out as fast as
//! the machine allows, a few milliseconds a frame.

use orrery_sim::core::{CommandId, TerminalEvent, Time};
use serde_json::json;

use super::{Effect, Notice, State};

/// A task; `reply` is the number under which its answer is awaited.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// Simulates until the cluster of the start stands.
    Boot,
    /// Runs a command line and waits for its end.
    Run {
        /// The line.
        line: String,
        /// Number of the answer.
        reply: u32,
    },
    /// Waits for the end of a command that runs.
    Wait {
        /// Which.
        command: CommandId,
        /// Given up when it has not ended by then.
        limit: Time,
        /// As much of the terminal's story has been searched for the end.
        searched: usize,
        /// Number of the answer.
        reply: u32,
    },
    /// Goes to a step of the lesson, through those before it.
    Lesson(usize),
    /// Simulates a recording to its end and shows a moment of it.
    Open {
        /// The moment.
        at: Time,
        /// Where the scrubber begins.
        origin: Time,
    },
    /// Goes to a moment beyond the live end.
    Seek(Time),
    /// Simulates until nothing is left but periodic work.
    Settle {
        /// Given up when it is not quiet by then; set when the task begins.
        limit: Option<Time>,
        /// Number of the answer.
        reply: u32,
    },
}

impl Job {
    /// The number under which its answer is awaited, if it is.
    pub(super) fn reply(&self) -> Option<u32> {
        match self {
            Self::Run { reply, .. } | Self::Wait { reply, .. } | Self::Settle { reply, .. } => Some(*reply),
            Self::Boot | Self::Lesson(_) | Self::Open { .. } | Self::Seek(_) => None,
        }
    }
}

/// As many moments are simulated between two looks at the browser's clock, which is a call out of the module.
const MOMENTS: usize = 16;
/// Of a saved recording, or of a lesson that is not built in, no more events are simulated: whoever made it may have meant harm.
/// Tests, which are not optimised, come to the end of their patience sooner.
pub(super) const MOST_EVENTS: u64 = if cfg!(test) { 100_000 } else { 5_000_000 };
/// No task simulates more than this.
const LIMIT_US: u64 = 3_600_000_000;

impl State {
    /// Works on the tasks until `deadline` (of the clock, in milliseconds).
    pub(super) fn work(&mut self, deadline: f64) {
        loop {
            let Some(job) = self.jobs.first().cloned() else { return };
            match job {
                Job::Boot => self.boot(),
                Job::Lesson(target) => self.work_on_lesson(target),
                Job::Run { line, reply } => {
                    if !self.approach(deadline) {
                        return;
                    }
                    // The future that was only looked ahead at is dropped with the command.
                    let command = self.run_line(&line);
                    let limit = Time(self.session.playhead().0 + LIMIT_US);
                    self.jobs[0] = Job::Wait { command, limit, searched: 0, reply };
                }
                Job::Wait { command, limit, searched, reply } => self.wait(command, limit, searched, reply),
                Job::Open { at, origin } => {
                    let last = self.session.recording().entries.last().map_or(at, |(last, _)| at.max(Time(*last)));
                    let there = self.session.advance(last.max(self.session.live_end()), 256);
                    let endless = self.session.live_cluster().steps() > MOST_EVENTS;
                    if there || endless {
                        if endless {
                            self.notice = Some(Notice::TooLarge);
                        }
                        self.jobs.remove(0);
                        self.origin = origin;
                        self.arrive(at.min(self.session.live_end()));
                        self.look_as_told();
                        self.ready = true;
                        self.effects.push(Effect::Ready);
                    }
                }
                Job::Seek(t) => {
                    if self.session.advance(t.max(self.session.live_end()), 256) {
                        self.jobs.remove(0);
                        self.arrive(t);
                    }
                }
                Job::Settle { limit: None, reply } => {
                    if !self.approach(deadline) {
                        return;
                    }
                    self.session.forget_ahead();
                    self.refollow();
                    self.jobs[0] = Job::Settle { limit: Some(Time(self.session.playhead().0 + LIMIT_US)), reply };
                }
                Job::Settle { limit: Some(limit), reply } => {
                    let quiet = self.quiet_step();
                    if quiet || self.session.live_end() > limit {
                        self.arrive(self.session.live_end());
                        self.finish(reply, &json!({ "quiet": quiet, "seconds": self.session.playhead().as_secs_f64() }));
                    }
                }
            }
            if (self.clock)() >= deadline {
                return;
            }
        }
    }

    fn boot(&mut self) {
        if self.quiet_step() || self.session.live_end().0 > LIMIT_US || self.is_too_large() {
            self.jobs.remove(0);
            self.origin = self.session.live_end();
            self.arrive(self.origin);
            self.player.playing = self.autoplay;
            self.ready = true;
            self.effects.push(Effect::Ready);
        }
    }

    /// Handles what happens at the next few moments; `true` when the cluster is quiet.
    fn quiet_step(&mut self) -> bool {
        for _ in 0..MOMENTS {
            if !self.session.is_pending() && self.session.live_cluster().is_quiet() {
                return true;
            }
            let live = self.session.live_end();
            let next = self.session.live_cluster().next_at().filter(|_| !self.session.is_pending());
            self.session.advance(next.map_or(live, |next| next.max(live)), 256);
        }
        false
    }

    fn wait(&mut self, command: CommandId, limit: Time, searched: usize, reply: u32) {
        let shown = self.session.trace().terminal();
        let ended = shown[searched.min(shown.len())..].iter().find_map(|(at, id, event)| match event {
            TerminalEvent::Exit(_) if *id == command => Some(*at),
            _ => None,
        });
        let searched = shown.len();
        let live = self.session.live_end();
        if let Some(at) = ended {
            self.arrive(at);
            let result = self.session.result(command, at);
            self.finish(reply, &json!({ "stdout": result.stdout, "stderr": result.stderr, "code": result.code }));
        } else if live >= limit {
            self.arrive(live);
            let result = self.session.result(command, live);
            self.notice = Some(Notice::TooLong(super::story::command_line(self.session.trace(), command)));
            self.finish(reply, &json!({ "stdout": result.stdout, "stderr": result.stderr, "code": null }));
        } else {
            self.jobs[0] = Job::Wait { command, limit, searched, reply };
            let mut next = None;
            for _ in 0..MOMENTS {
                let live = self.session.live_end();
                next = self.session.live_cluster().next_at().filter(|_| !self.session.is_pending());
                self.session.advance(next.map_or(live, |next| next.clamp(live, limit.max(live))), 256);
                // The command's end is where the wait ends.
                if self.session.trace().terminal().len() > searched || next.is_none() {
                    break;
                }
            }
            if next.is_none() && !self.session.is_pending() && self.session.live_cluster().next_at().is_none() {
                // Nothing will ever happen again.
                self.session.advance(limit, 256);
            }
        }
    }

    fn arrive(&mut self, t: Time) {
        self.session.seek(t);
        self.player.jump(t.0 as f64);
        self.effects.push(Effect::StateChanged);
    }

    fn finish(&mut self, reply: u32, answer: &serde_json::Value) {
        self.jobs.remove(0);
        self.effects.push(Effect::Reply(reply, answer.to_string()));
    }
}
