//! A command line at work: its pipelines one after the other, and the programs of the running one side by side.

use crate::core::collections::PSet;
use std::rc::Rc;

use super::filter::Filter;
use super::parse::{Input, Join, Output, Script, Simple, Word};
use super::{Env, ProcessId, Session, ShellEffect, env, filter, program};
use crate::core::{CommandId, Time, Verb};
use crate::flow::{Answer, Ask, Halt, Io, Log, Stream};
use crate::value::Text;

/// A command line at work.
#[derive(Clone, Debug)]
pub(super) struct Job {
    command: CommandId,
    script: Rc<Script>,
    /// The pipeline that comes next.
    next: usize,
    /// The programs of the running pipeline.
    stages: Vec<Stage>,
    /// The exit code of the last pipeline.
    code: i32,
}

/// A program of a pipeline.
#[derive(Clone, Debug)]
struct Stage {
    state: State,
    stdout: Sink,
    stderr: Sink,
}

#[derive(Clone, Debug)]
enum State {
    /// A program that reads all of stdin first; what has come so far.
    Waiting {
        argv: Vec<String>,
        stdin: String,
    },
    /// A filter that works while its input comes.
    Filter(Filter),
    Running(Box<Process>),
    Ended(i32),
}

/// Where an output goes.
#[derive(Clone, Debug, PartialEq)]
enum Sink {
    Pipe,
    Terminal(Stream),
    File(String),
    Nowhere,
}

#[derive(Clone, Debug)]
struct Process {
    id: ProcessId,
    argv: Vec<String>,
    env: Rc<Env>,
    started: Time,
    log: Log,
    /// How many asks, outputs and file changes of the program have been passed on.
    asked: usize,
    printed: usize,
    written: usize,
    /// Watches and followed logs that are open.
    open: PSet<usize>,
    changed: bool,
    /// The asks that must all be answered before another run is worth while; empty when any answer may do.
    awaited: PSet<usize>,
}

impl Job {
    pub(super) fn new(command: CommandId, script: Script) -> Self {
        Self { command, script: Rc::new(script), next: 0, stages: Vec::new(), code: 0 }
    }

    /// Notes an answer. False when the process is none of this job's.
    pub(super) fn answer(&mut self, now: Time, id: ProcessId, number: usize, answer: &Answer) -> bool {
        for stage in &mut self.stages {
            if let State::Running(process) = &mut stage.state
                && process.id == id
            {
                process.log.push(now, number, answer.clone());
                process.changed = process.awaited.is_empty() || (process.awaited.remove(&number) && process.awaited.is_empty());
                return true;
            }
        }
        false
    }

    /// Goes on as far as possible. True when the command line has ended.
    pub(super) fn advance(&mut self, session: &mut Session, now: Time, effects: &mut Vec<ShellEffect>) -> bool {
        loop {
            for at in 0..self.stages.len() {
                self.run(at, session, effects);
            }
            if self.stages.iter().any(|stage| !matches!(stage.state, State::Ended(_))) {
                return false;
            }
            if let Some(Stage { state: State::Ended(code), .. }) = self.stages.last() {
                self.code = *code;
            }
            self.stages.clear();
            let script = Rc::clone(&self.script);
            let Some(pipeline) = script.pipelines.get(self.next) else {
                effects.push(ShellEffect::Exit { command: self.command, code: self.code });
                return true;
            };
            self.next += 1;
            let wanted = match pipeline.join {
                Join::Always => true,
                Join::IfOk => self.code == 0,
                Join::IfFailed => self.code != 0,
            };
            if wanted {
                self.open(&pipeline.commands, session, now, effects);
            }
        }
    }

    /// Ends all programs, closing their watches.
    pub(super) fn kill(&mut self, effects: &mut Vec<ShellEffect>) {
        for stage in &mut self.stages {
            stage.kill(self.command, effects);
        }
    }

    /// Sets a pipeline up.
    fn open(&mut self, commands: &[Simple], session: &mut Session, now: Time, effects: &mut Vec<ShellEffect>) {
        for (at, simple) in commands.iter().enumerate() {
            let argv = expand(&simple.words, session);
            let last = at + 1 == commands.len();
            let mut stage = Stage { state: State::Ended(0), stdout: Sink::Pipe, stderr: Sink::Terminal(Stream::Err) };
            if last {
                stage.stdout = Sink::Terminal(Stream::Out);
            }
            stage.redirect(simple, session);
            let input = match &simple.stdin {
                None => Ok(None),
                Some(Input::Text(text)) => Ok(Some(text.clone())),
                Some(Input::File(path)) => match session.files.get(&env::normal_path(path)) {
                    Some(text) => Ok(Some(text.to_string())),
                    None => Err(format!("bash: {path}: No such file or directory\n")),
                },
            };
            let reads_pipe = at > 0 && simple.stdin.is_none();
            stage.state = match input {
                Err(text) => {
                    effects.push(ShellEffect::Output { command: self.command, stream: Stream::Err, text });
                    State::Ended(1)
                }
                Ok(_) if argv.is_empty() => State::Ended(0),
                Ok(_) if reads_pipe => match streaming_filter(&argv) {
                    Some(filter) => State::Filter(filter),
                    None => State::Waiting { argv, stdin: String::new() },
                },
                Ok(stdin) => State::Running(Box::new(session.process(argv, stdin.map(Text::from), now))),
            };
            self.stages.push(stage);
        }
        // A program that ended before it began leaves the next one without input.
        for at in 0..self.stages.len() {
            if let State::Ended(_) = self.stages[at].state {
                self.close_pipe(at, session, now, effects);
            }
        }
    }

    /// Runs the program at `at` if something changed for it.
    fn run(&mut self, at: usize, session: &mut Session, effects: &mut Vec<ShellEffect>) {
        let State::Running(process) = &mut self.stages[at].state else { return };
        if !std::mem::take(&mut process.changed) {
            return;
        }
        let log = std::mem::take(&mut process.log);
        let mut io = Io::new(process.started, &log);
        let result = program::run(&process.argv, &process.env, &mut io);
        let (asked_before, printed_before, written_before) = io.left_out();
        let output: Vec<(Stream, String)> = io.output()[process.printed - printed_before..].to_vec();
        process.printed = printed_before + io.output().len();
        for (path, text) in &io.written()[process.written - written_before..] {
            session.write(path, text.clone());
        }
        process.written = written_before + io.written().len();
        for (at, ask) in io.asks().iter().enumerate().skip(process.asked - asked_before) {
            let number = asked_before + at;
            match ask {
                Ask::Request(request) if request.verb == Verb::Watch || request.query("follow") == Some("true") => {
                    process.open.insert(number);
                }
                Ask::Close(number) => {
                    process.open.remove(number);
                }
                _ => {}
            }
            effects.push(ShellEffect::Ask { command: self.command, process: process.id, number, ask: ask.clone() });
        }
        process.asked = asked_before + io.asks().len();
        let now = io.now();
        process.awaited = io.awaited().iter().copied().collect();
        let memo = io.take_memo();
        drop(io);
        process.log = log;
        process.log.remember(memo);
        for (stream, text) in output {
            self.write(at, stream, &text, session, now, effects);
        }
        let code = match result {
            Ok(()) => 0,
            Err(Halt::Exit(code)) => code,
            Err(Halt::Pending) => return,
        };
        // The pipe may have ended it meanwhile.
        if let State::Running(_) = self.stages[at].state {
            self.stages[at].kill(self.command, effects);
            self.stages[at].state = State::Ended(code);
            self.close_pipe(at, session, now, effects);
        }
    }

    /// Passes on what the program at `at` writes.
    fn write(&mut self, at: usize, stream: Stream, text: &str, session: &mut Session, now: Time, effects: &mut Vec<ShellEffect>) {
        let stage = &self.stages[at];
        let sink = if stream == Stream::Out { &stage.stdout } else { &stage.stderr };
        match sink {
            Sink::Nowhere => {}
            Sink::Terminal(stream) => {
                if !text.is_empty() {
                    effects.push(ShellEffect::Output { command: self.command, stream: *stream, text: text.to_string() });
                }
            }
            Sink::File(path) => {
                let path = path.clone();
                let mut whole = session.files.get(&path).map(Text::to_string).unwrap_or_default();
                whole.push_str(text);
                session.write(&path, Some(whole.into()));
            }
            Sink::Pipe => {
                let next = at + 1;
                match &mut self.stages[next].state {
                    State::Waiting { stdin, .. } => stdin.push_str(text),
                    State::Filter(filter) => {
                        let mut out = String::new();
                        let full = filter.feed(text, &mut out);
                        self.write(next, Stream::Out, &out, session, now, effects);
                        if full {
                            self.end_filter(next, session, now, effects);
                            // Nobody reads any more (SIGPIPE).
                            for stage in &mut self.stages[..next] {
                                stage.kill(self.command, effects);
                            }
                        }
                    }
                    State::Running(_) | State::Ended(_) => {}
                }
            }
        }
    }

    /// The program at `at` has ended: the next one's input ends.
    fn close_pipe(&mut self, at: usize, session: &mut Session, now: Time, effects: &mut Vec<ShellEffect>) {
        if self.stages[at].stdout != Sink::Pipe && self.stages[at].stderr != Sink::Pipe && at + 1 == self.stages.len() {
            return;
        }
        let next = at + 1;
        match &mut self.stages[next].state {
            State::Filter(_) => self.end_filter(next, session, now, effects),
            State::Waiting { argv, stdin } => {
                let (argv, stdin) = (std::mem::take(argv), std::mem::take(stdin));
                self.stages[next].state = State::Running(Box::new(session.process(argv, Some(stdin.into()), now)));
            }
            State::Running(_) | State::Ended(_) => {}
        }
    }

    fn end_filter(&mut self, at: usize, session: &mut Session, now: Time, effects: &mut Vec<ShellEffect>) {
        if let State::Filter(filter) = &mut self.stages[at].state {
            let mut out = String::new();
            let code = filter.finish(&mut out);
            self.write(at, Stream::Out, &out, session, now, effects);
            self.stages[at].state = State::Ended(code);
            self.close_pipe(at, session, now, effects);
        }
    }
}

impl Stage {
    fn redirect(&mut self, simple: &Simple, session: &mut Session) {
        let mut to_file = |output: &Option<Output>| match output {
            Some(Output::File { path, append }) => {
                let path = env::normal_path(path);
                if !append || !session.files.contains_key(&path) {
                    session.write(&path, Some(Text::default()));
                }
                Some(Sink::File(path))
            }
            Some(Output::Nowhere) => Some(Sink::Nowhere),
            Some(Output::Other) | None => None,
        };
        self.stdout = to_file(&simple.stdout).unwrap_or(self.stdout.clone());
        self.stderr = to_file(&simple.stderr).unwrap_or(self.stderr.clone());
        if simple.stderr == Some(Output::Other) {
            self.stderr = self.stdout.clone();
        } else if simple.stdout == Some(Output::Other) {
            self.stdout = self.stderr.clone();
        }
    }

    fn kill(&mut self, command: CommandId, effects: &mut Vec<ShellEffect>) {
        if let State::Running(process) = &mut self.state {
            for (at, number) in std::mem::take(&mut process.open).into_iter().enumerate() {
                let (process, number, ask) = (process.id, process.asked + at, Ask::Close(number));
                effects.push(ShellEffect::Ask { command, process, number, ask });
            }
            effects.push(ShellEffect::Ended(process.id));
        }
        if !matches!(self.state, State::Ended(_)) {
            self.state = State::Ended(141);
        }
    }
}

impl Session {
    fn process(&mut self, argv: Vec<String>, stdin: Option<Text>, now: Time) -> Process {
        let id = ProcessId(self.next_process);
        self.next_process += 1;
        Process {
            id,
            argv,
            env: Rc::new(Env { files: self.files.clone(), stdin, ..Env::default() }),
            started: now,
            log: Log::default(),
            asked: 0,
            printed: 0,
            written: 0,
            open: PSet::new(),
            changed: true,
            awaited: PSet::new(),
        }
    }
}

/// A filter that reads the pipe and no file.
fn streaming_filter(argv: &[String]) -> Option<Filter> {
    if !filter::NAMES.contains(&argv[0].as_str()) {
        return None;
    }
    let parsed = Filter::parse(argv).ok()?;
    (parsed.files.is_empty() || parsed.files == ["-"]).then_some(parsed.filter)
}

/// The words with `*` and `?` replaced by the files that match, if any do.
fn expand(words: &[Word], session: &Session) -> Vec<String> {
    let mut argv = Vec::new();
    for word in words {
        let files: Vec<&String> =
            if word.glob { session.files.keys().filter(|path| glob(&word.text, path)).collect() } else { Vec::new() };
        if files.is_empty() {
            argv.push(word.text.clone());
        } else {
            argv.extend(files.into_iter().cloned());
        }
    }
    argv
}

/// Whether a file matches a pattern of `*` and `?`, which stand for no `/` and no `.` at the beginning.
fn glob(pattern: &str, path: &str) -> bool {
    fn matches(pattern: &[char], path: &[char]) -> bool {
        match pattern.split_first() {
            None => path.is_empty(),
            Some(('*', rest)) => {
                let reach = path.iter().position(|c| *c == '/').unwrap_or(path.len());
                (0..=reach).any(|taken| matches(rest, &path[taken..]))
            }
            Some(('?', rest)) => path.first().is_some_and(|c| *c != '/') && matches(rest, &path[1..]),
            Some((c, rest)) => path.first() == Some(c) && matches(rest, &path[1..]),
        }
    }
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    let (pattern, path): (Vec<char>, Vec<char>) = (pattern.chars().collect(), path.chars().collect());
    if pattern.iter().filter(|c| **c == '*').count() > 8 || path.first() == Some(&'.') && pattern.first() != Some(&'.') {
        return false;
    }
    matches(&pattern, &path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_files() {
        assert!(glob("*.yaml", "kind.yaml"));
        assert!(glob("./k?nd.*", "kind.yaml"));
        assert!(glob("m/*", "m/a"));
        assert!(!glob("*.yaml", "m/kind.yaml"));
        assert!(!glob("*", ".kube/config"));
        assert!(!glob("*onfig", ".kube/config"));
    }
}
