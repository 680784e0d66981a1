//! A lesson that is being given: steps forward by simulation, steps back by rewinding.

use std::rc::Rc;

use orrery_sim::core::{CommandId, TerminalEvent, Time};
use orrery_sim::lesson::{Lesson, LessonStep, built_in};
use orrery_sim::session::{Recording, Session};
use serde::{Deserialize, Serialize};

use super::jobs::{Job, MOST_EVENTS};
use super::terminal::follows;
use super::{Effect, Notice, State};
use crate::scene::Selection;

/// The lesson that is given.
#[derive(Clone, Debug)]
pub struct Given {
    /// `communication`, or the name of a file.
    pub id: String,
    /// What it says.
    pub lesson: Rc<Lesson>,
    /// Its YAML, when it is not built in.
    text: Option<Rc<str>>,
    /// The step that is shown.
    pub step: usize,
    /// The steps that have been reached.
    marks: Vec<Mark>,
}

/// A lesson as it is saved with a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedLesson {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The step that is shown, from 0.
    step: usize,
    /// When each step that has been reached began, in simulated microseconds.
    marks: Vec<u64>,
}

/// A step that has been reached.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// When it began, before its commands.
    at: Time,
    /// Its commands, as one input of the terminal.
    command: Option<CommandId>,
}

impl Given {
    /// Whether this names a lesson that is fetched from somewhere (`./mine.yaml`, `https://…`), not one that is built in or was dropped.
    pub fn has_address(id: &str) -> bool {
        id.contains('/')
    }

    /// The step that is shown.
    pub fn current(&self) -> &LessonStep {
        &self.lesson.steps[self.step.min(self.lesson.steps.len() - 1)]
    }

    /// Its YAML, when it is not built in.
    pub(super) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// As it is saved.
    pub(super) fn saved(&self) -> SavedLesson {
        let marks = self.marks.iter().map(|mark| mark.at.0).collect();
        SavedLesson { id: self.id.clone(), text: self.text.as_deref().map(str::to_string), step: self.step, marks }
    }

    /// As it was saved with a recording; `None` when it is no lesson.
    pub(super) fn resumed(saved: SavedLesson, recording: &Recording) -> Option<Self> {
        let lesson = match &saved.text {
            Some(text) => Lesson::parse(text).ok()?,
            None => built_in(&saved.id)?,
        };
        let command = |mark: u64| {
            let first = recording.entries.iter().position(|(at, _)| *at == mark);
            first.map(|position| CommandId(position as u32))
        };
        // Steps begin one after the other, and before the recording ends: others were not made by this page.
        let end = recording.entries.last().map_or(0, |(at, _)| at + super::recording::LONGEST_STEP_US);
        let mut before = 0;
        let marks: Vec<Mark> = saved
            .marks
            .iter()
            .take(lesson.steps.len())
            .take_while(|mark| {
                (before..=end).contains(*mark) && {
                    before = **mark;
                    true
                }
            })
            .map(|mark| Mark { at: Time(*mark), command: command(*mark) })
            .collect();
        let step = saved.step.min(marks.len().checked_sub(1)?).min(lesson.steps.len() - 1);
        Some(Self { id: saved.id, lesson: Rc::new(lesson), text: saved.text.map(Rc::from), step, marks })
    }

    /// A command at `t` has dropped what came after it: the steps that began later have not been reached any more.
    pub(super) fn forked(&mut self, t: Time) {
        self.marks.retain(|mark| mark.at <= t);
        self.step = self.step.min(self.marks.len().saturating_sub(1));
    }
}

/// A step that does not come to rest within this time of the simulation, in microseconds, is over.
const STEP_MOST_US: u64 = 1_800_000_000;

/// No step is shorter, in microseconds.
const SHORTEST_US: u64 = 1_000;

impl State {
    /// Begins a lesson with a cluster of its own.
    pub(super) fn open_lesson(&mut self, id: &str, lesson: Lesson, step: usize) {
        let mut session = Session::new(self.seed);
        session.run(&lesson.create_cluster());
        self.take_over(session);
        let target = step.min(lesson.steps.len() - 1);
        self.lesson = Some(Given { id: id.to_string(), lesson: Rc::new(lesson), text: None, step: 0, marks: Vec::new() });
        self.jobs = vec![Job::Boot, Job::Lesson(target)];
    }

    /// Opens a built-in lesson; an unknown one is told.
    pub(super) fn open_built_in(&mut self, id: &str, step: usize) {
        match built_in(id) {
            Some(lesson) => self.open_lesson(id, lesson, step),
            None => self.notice = Some(Notice::NoLesson(id.to_string())),
        }
    }

    /// Opens a lesson from a text, such as a dropped file, at a step counted from 0.
    pub(super) fn open_text(&mut self, name: &str, text: &str, step: usize) {
        match Lesson::parse(text) {
            Ok(lesson) => {
                self.open_lesson(name, lesson, step);
                if let Some(given) = &mut self.lesson {
                    given.text = Some(text.into());
                }
            }
            Err(error) => self.no_lesson(Notice::BadLesson(format!("{name}: {error}"))),
        }
    }

    /// Says why a lesson cannot be given. A page that was opened for it has nothing else to show.
    pub(super) fn no_lesson(&mut self, notice: Notice) {
        self.notice = Some(notice);
        self.show_something();
    }

    /// Whether somebody else's lesson has taken more than is simulated of what comes from elsewhere; it is told.
    pub(super) fn is_too_large(&mut self) -> bool {
        let foreign = self.lesson.as_ref().is_some_and(|given| given.text.is_some());
        let large = foreign && self.session.live_cluster().steps() > MOST_EVENTS;
        if large {
            self.notice = Some(Notice::TooLarge);
        }
        large
    }

    /// Whether the step's question is before the audience: time stands still until it is answered.
    pub fn asks(&self) -> bool {
        // Whoever has gone on from where the step begins has answered.
        let begins = |given: &Given| given.marks.get(given.step).is_some_and(|mark| self.player.time() <= mark.at);
        let predict = self.lesson.as_ref().is_some_and(|given| !given.current().predict.is_empty() && begins(given));
        predict && !self.player.playing && self.player.on.is_none() && self.jobs.is_empty()
    }

    /// To the step `by` further on than the one that is shown or on its way.
    pub(super) fn lesson_step(&mut self, by: isize) {
        let Some(given) = &self.lesson else { return };
        let on_its_way = self.jobs.iter().find_map(|job| if let Job::Lesson(target) = job { Some(*target) } else { None });
        let target = on_its_way.unwrap_or(given.step).checked_add_signed(by);
        if let Some(target) = target.filter(|target| *target < given.lesson.steps.len()) {
            self.lesson_to(target);
        }
    }

    /// To a step of the lesson, counted from 0; beyond the last one is the last one.
    pub(super) fn lesson_to(&mut self, step: usize) {
        let Some(given) = &self.lesson else { return };
        let target = step.min(given.lesson.steps.len() - 1);
        let shown = given.step;
        // Whoever leafs on quickly waits for the last step only.
        let before = self.jobs.len();
        self.jobs.retain(|job| !matches!(job, Job::Lesson(_)));
        if target != shown || self.jobs.len() < before {
            self.player.playing = false;
            self.jobs.push(Job::Lesson(target));
        }
    }

    /// A piece of the way to a step.
    pub(super) fn work_on_lesson(&mut self, target: usize) {
        let too_large = self.is_too_large();
        let Some(given) = self.lesson.as_ref().filter(|_| !too_large) else {
            self.jobs.remove(0);
            return;
        };
        if let Some(mark) = given.marks.get(target).copied() {
            self.jobs.remove(0);
            return self.show_step(target, mark.at);
        }
        let reached = given.marks.len();
        if let Some(last) = reached.checked_sub(1) {
            let (mark, wait) = (given.marks[last], given.lesson.steps[last].wait);
            let over = mark.at.0 + wait.map_or(STEP_MOST_US, |wait| wait.0);
            let live = self.session.live_end();
            if live <= mark.at {
                // A step without anything to wait for lasts as well, so that there is a moment before the next one's commands.
                self.session.advance(Time(live.0 + SHORTEST_US), 256);
                return;
            }
            if live.0 < over {
                let quiet = self.session.live_cluster().is_quiet() && !self.session.is_pending();
                if wait.is_some() {
                    self.session.advance(Time(over), 256);
                    return;
                }
                if !quiet || mark.command.is_some_and(|command| self.is_open(command)) {
                    let next = self.session.live_cluster().next_at().filter(|_| !self.session.is_pending());
                    self.session.advance(next.map_or(live, |next| next.clamp(live, Time(over))), 256);
                    return;
                }
            }
        }
        let now = self.session.live_end();
        self.session.seek(now);
        self.player.jump(now.0 as f64);
        let run = self.lesson.as_ref().map(|given| given.lesson.steps[reached].run.join("\n")).unwrap_or_default();
        let command = (!run.is_empty()).then(|| self.run_line(&run));
        if let Some(given) = &mut self.lesson {
            given.marks.push(Mark { at: now, command });
        }
    }

    /// Whether a command is still running at the live end, and will end by itself.
    fn is_open(&self, command: CommandId) -> bool {
        !self.session.trace().terminal().iter().rev().filter(|(_, id, _)| *id == command).any(|(_, _, event)| match event {
            TerminalEvent::Exit(_) => true,
            TerminalEvent::Command(lines) => lines.lines().any(follows),
            _ => false,
        })
    }

    fn show_step(&mut self, step: usize, mark: Time) {
        let Some(given) = &mut self.lesson else { return };
        given.step = step;
        let shown = given.current().clone();
        let address = (given.id.clone(), step);
        self.player.jump(mark.0 as f64);
        if self.notice == Some(Notice::NothingMore) {
            self.notice = None;
        }
        // A question is asked before time goes on.
        self.player.playing = self.autoplay && shown.predict.is_empty();
        let focus = shown.focus.as_deref().and_then(Selection::parse);
        self.look_as_told();
        if self.room_for_panel {
            self.select(focus);
        }
        self.visible.follow(&self.session);
        // A jump is seen at once.
        self.next_refresh = 0.0;
        self.look();
        self.effects.push(Effect::Address(address.0, address.1));
        self.effects.push(Effect::Stepped);
        self.effects.push(Effect::StateChanged);
    }

    /// Ends the lesson; its cluster stays.
    pub(super) fn close_lesson(&mut self) {
        self.lesson = None;
        self.look_as_told();
        self.look();
        self.effects.push(Effect::Address(String::new(), 0));
    }
}
