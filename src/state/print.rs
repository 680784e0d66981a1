//! Pictures without a browser: the page's state is led to a moment of a lesson or of a script, and drawn.

use orrery_sim::core::CommandId;
use orrery_sim::lesson::Lesson;

use super::jobs::Job;
use super::player::Pace;
use super::{AppAction, Start, State};
use crate::scene::svg::{Theme, svg};
use crate::scene::{Detail, MessageKind};

/// Of a stretch of time, as many messages are looked at to find where the most travel.
const LOOKED_AT: usize = 2_000;
/// The weight of so many messages at once that more do not make a picture clearer; a dot weighs 1, a pill 2.
const ENOUGH: usize = 7;

/// How pictures look.
#[derive(Clone, Debug)]
pub struct Look {
    /// Width and height in pixels.
    pub size: (f64, f64),
    /// Colours.
    pub theme: Theme,
    /// Language, such as `de`.
    pub lang: String,
    /// Level of detail; `None` is as much as fits.
    pub detail: Option<Detail>,
    /// Whether the picture is for a slide: few words, as large as they fit.
    pub slide: bool,
}

/// The page without a browser.
#[derive(Debug)]
pub struct Print {
    state: State,
}

/// A clock that stands still: a frame ends when its work is done.
fn clock() -> f64 {
    0.0
}

impl Print {
    /// A stage on which the user's computer stands alone.
    pub fn new(look: &Look, seed: u64) -> Self {
        let mut state = State::new(&Start {
            seed,
            waits: true,
            topology: None,
            lesson: None,
            pace: Pace::Messages,
            autoplay: false,
            detail: look.detail,
            look: crate::scene::Look { slide: look.slide, ..crate::scene::Look::default() },
            lang: look.lang.clone(),
            theme: Some(look.theme),
            system_theme: look.theme,
            hints: false,
            reduced_motion: false,
            bare: true,
            room: (false, false),
            dock_height: None,
            clock,
        });
        state.update(AppAction::Resize(look.size.0, look.size.1));
        Self { state }
    }

    fn work(&mut self) {
        let mut frame = 0.0;
        while self.state.is_busy() || !self.state.picture.is_complete() {
            frame += 16.0;
            self.state.update(AppAction::Frame(frame));
        }
    }

    /// Runs command lines, one after the other. Says where the last one ended, in simulated microseconds, and which lines failed (with their exit code, or
    /// none if they did not end).
    pub fn run(&mut self, lines: &[String]) -> (f64, Vec<(String, Option<i32>)>) {
        for (line, reply) in lines.iter().zip(0..) {
            self.state.update(AppAction::Do(Job::Run { line: line.clone(), reply }));
        }
        self.work();
        let end = self.state.session.live_end();
        let result = |number: usize| self.state.session.result(CommandId(number as u32), end).code;
        let failed =
            lines.iter().enumerate().map(|(number, line)| (line.clone(), result(number))).filter(|(_, code)| *code != Some(0));
        (self.state.player.t, failed.collect())
    }

    /// Begins a lesson.
    pub fn open(&mut self, id: &str, lesson: Lesson) {
        self.state.open_lesson(id, lesson, 0);
        self.work();
    }

    /// Goes to a step of the lesson, counted from 0. Says when it begins and when it is over, in simulated microseconds.
    pub fn step(&mut self, step: usize) -> (f64, f64) {
        self.state.jobs.push(Job::Lesson(step));
        self.work();
        let begin = self.state.player.t;
        let steps = self.state.lesson.as_ref().map_or(0, |given| given.lesson.steps.len());
        // Where the next step begins this one is over; the last one goes on until it is quiet.
        let last = step + 1 >= steps;
        self.state.jobs.push(if last { Job::Settle { limit: None, reply: 0 } } else { Job::Lesson(step + 1) });
        self.work();
        (begin, self.state.player.t)
    }

    /// The moment between two at which the most messages travel that the audience sees (but no crowd), or one takes the rare way from the
    /// control plane to a kubelet: the first moment if none does.
    pub fn busiest(&self, from: f64, to: f64) -> f64 {
        let visible = &self.state.visible;
        let spans = visible.lens.spans();
        let first = spans.partition_point(|span| (span.sent as f64) < from);
        let last = spans.partition_point(|span| (span.sent as f64) < to).min(first + LOOKED_AT);
        let travelling = |t: f64| {
            let near = &spans[first..last];
            let here = near.iter().zip(first..).filter(|(span, _)| span.sent as f64 <= t && t < span.due as f64);
            let weights = here.map(|(_, index)| match visible.kind(index) {
                Some(MessageKind::KubeletCall) => ENOUGH,
                Some(kind) if kind.is_dot() => 1,
                _ => 2,
            });
            weights.sum::<usize>().min(ENOUGH + 1)
        };
        let moments = (first..last).map(|index| visible.middle(index));
        moments.map(|t| (travelling(t), t)).fold((0, from), |best, next| if next.0 > best.0 { next } else { best }).1
    }

    /// The stage at a moment, in simulated microseconds, as SVG.
    pub fn at(&mut self, t: f64) -> String {
        self.state.update(AppAction::Seek(t));
        self.work();
        self.state.update(AppAction::Pause);
        self.state.svg()
    }
}

impl State {
    /// The stage as SVG.
    pub fn svg(&self) -> String {
        svg(&self.picture.scene, &self.picture.over(), &self.picture.flights, self.player.t, self.colours())
    }
}
