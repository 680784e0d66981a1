//! The user's shell: command lines, pipes, files, and the programs that run in them.
//!
//! In reading order: [`parse`] reads a command line, [`program`] knows the programs, [`filter`] and [`pattern`] are those that
//! work on text, [`orrery`] asks the scheduler what it would do, [`env`](mod@env) is what a program sees of the session, [`job`] runs a command line, [`complete`] completes one.
//!
//! **API boundary.** The shell knows neither the network nor the cluster: it is told what happened and answers with [`ShellEffect`]s. Several
//! command lines may run at once, each in a terminal of its own.

pub mod complete;
pub mod env;
pub mod filter;
pub mod job;
mod lexer;
pub mod orrery;
pub mod parse;
pub mod pattern;
pub mod program;

use crate::core::collections::PMap;

use crate::core::{CommandId, Time};
use crate::flow::{Answer, Ask, Stream};
use crate::value::Text;

pub use env::{Env, Files};
use job::Job;

/// Number of a program that was started; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

/// What the shell wants of the world outside.
#[derive(Clone, Debug, PartialEq)]
pub enum ShellEffect {
    /// A program asks something; the answer goes to [`Shell::answer`] with the same process and number.
    Ask {
        /// The command line that the program belongs to.
        command: CommandId,
        /// Who asks.
        process: ProcessId,
        /// The number of the question within the process.
        number: usize,
        /// The question. [`Ask::Close`] gets no answer.
        ask: Ask,
    },
    /// A program has ended: what it asked to be woken for is of no interest any more.
    Ended(ProcessId),
    /// A command line prints.
    Output {
        /// Which.
        command: CommandId,
        /// Where.
        stream: Stream,
        /// What; not always whole lines.
        text: String,
    },
    /// A command line has ended.
    Exit {
        /// Which.
        command: CommandId,
        /// Its exit code.
        code: i32,
    },
}

/// The shell with the session's files and everything that runs. Plain data.
#[derive(Clone, Debug)]
pub struct Shell {
    session: Session,
    jobs: PMap<CommandId, Job>,
}

/// What command lines share.
#[derive(Clone, Debug)]
struct Session {
    files: Files,
    next_process: u32,
}

impl Default for Shell {
    fn default() -> Self {
        let files = [("kind.yaml".to_string(), Text::from(include_str!("kind.yaml")))].into_iter().collect();
        Self { session: Session { files, next_process: 0 }, jobs: PMap::new() }
    }
}

impl Shell {
    /// Starts a command line; `input` may have several lines.
    pub fn start(&mut self, command: CommandId, input: &str, now: Time) -> Vec<ShellEffect> {
        let mut effects = Vec::new();
        match parse::parse(input) {
            Err(error) => {
                effects.push(ShellEffect::Output { command, stream: Stream::Err, text: format!("{error}\n") });
                effects.push(ShellEffect::Exit { command, code: 2 });
            }
            Ok(script) => {
                let mut job = Job::new(command, script);
                if !job.advance(&mut self.session, now, &mut effects) {
                    self.jobs.insert(command, job);
                }
            }
        }
        effects
    }

    /// Brings an answer. Answers for processes that have ended are dropped.
    pub fn answer(&mut self, now: Time, process: ProcessId, number: usize, answer: Answer) -> Vec<ShellEffect> {
        let mut effects = Vec::new();
        let command =
            self.jobs.iter_mut().find_map(|(command, job)| job.answer(now, process, number, &answer).then_some(*command));
        if let Some(command) = command {
            let job = self.jobs.get_mut(&command).expect("it was just found");
            if job.advance(&mut self.session, now, &mut effects) {
                self.jobs.remove(&command);
            }
        }
        effects
    }

    /// Ctrl-C: ends a command line with code 130.
    pub fn interrupt(&mut self, command: CommandId) -> Vec<ShellEffect> {
        let mut effects = Vec::new();
        if let Some(mut job) = self.jobs.remove(&command) {
            job.kill(&mut effects);
            effects.push(ShellEffect::Exit { command, code: 130 });
        }
        effects
    }

    /// The command lines that have not ended.
    pub fn running(&self) -> impl Iterator<Item = CommandId> {
        self.jobs.keys().copied()
    }

    /// The session's files.
    pub fn files(&self) -> &Files {
        &self.session.files
    }

    /// Writes a file, such as one that was dropped onto the page; `None` removes it.
    pub fn write_file(&mut self, path: &str, text: Option<Text>) {
        self.session.write(path, text);
    }
}

impl Session {
    fn write(&mut self, path: &str, text: Option<Text>) {
        let path = env::normal_path(path);
        match text {
            Some(text) => self.files.insert(path, text),
            None => self.files.remove(&path),
        };
    }
}

#[cfg(test)]
mod tests;
