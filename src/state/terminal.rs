//! The terminal: what it shows at the playhead, its history, and the lines that wait for their turn.

use std::collections::VecDeque;

use orrery_sim::core::{CommandId, TerminalEvent, Time, Trace};
use orrery_sim::flow::Stream;
use orrery_sim::shell::parse::{SyntaxError, parse};

/// The page's side of the terminal.
#[derive(Clone, Debug, Default)]
pub struct Terminal {
    /// What was entered, oldest first.
    pub history: Vec<String>,
    /// Entered while another command was still running.
    pub waiting: VecDeque<String>,
    /// Lines of an input that is not complete yet (an open quote or here-document).
    pub partial: String,
}

/// A piece of the scrollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A command line as it was entered.
    Command(String),
    /// Printed to stdout.
    Out(String),
    /// Printed to stderr by a command that has not failed: progress, warnings.
    Aside(String),
    /// Printed to stderr by a command that failed.
    Err(String),
}

/// What the terminal shows at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// The scrollback, oldest first; neighbouring output of the same kind is one piece.
    pub pieces: Vec<Piece>,
    /// The command in the foreground, if one is running.
    pub running: Option<CommandId>,
    /// The last of the commands that follow something until they are interrupted (`kubectl get -w`, `logs -f`): others may run beside them.
    pub watching: Option<CommandId>,
}

/// The scrollback keeps this many characters.
const SCROLLBACK: usize = 60_000;

impl Terminal {
    /// Takes an entered text, which may have several lines; returns the complete inputs in it. What is left stays partial.
    pub fn enter(&mut self, text: &str) -> Vec<String> {
        let mut complete = Vec::new();
        for line in text.split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let input = if self.partial.is_empty() { line.to_string() } else { format!("{}\n{line}", self.partial) };
            if matches!(parse(&input), Err(SyntaxError::Incomplete(_))) {
                self.partial = input;
                continue;
            }
            self.partial.clear();
            if !input.trim().is_empty() {
                if self.history.last() != Some(&input) {
                    self.history.push(input.clone());
                }
                complete.push(input);
            }
        }
        complete
    }
}

impl Screen {
    /// The screen at `t`. `hidden` inputs (the page's own at its start) are left out.
    pub fn at(trace: &Trace, t: Time, cleared: Time) -> Self {
        let events = trace.terminal();
        let until = events.partition_point(|(at, _, _)| *at <= t);
        let from = events.partition_point(|(at, _, _)| *at < cleared);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut open: Vec<(CommandId, bool)> = Vec::new();
        let mut last = None;
        // Which pieces are a command's stderr.
        let mut asides: Vec<(CommandId, usize)> = Vec::new();
        for (_, id, event) in &events[from.min(until)..until] {
            match event {
                TerminalEvent::Command(line) => {
                    open.push((*id, follows(line)));
                    pieces.push(Piece::Command(line.clone()));
                }
                TerminalEvent::Output(stream, text) => match (pieces.last_mut(), stream) {
                    (Some(Piece::Out(before)), Stream::Out) if last == Some(*id) => before.push_str(text),
                    (Some(Piece::Aside(before)), Stream::Err) if last == Some(*id) => before.push_str(text),
                    (_, Stream::Out) => pieces.push(Piece::Out(text.clone())),
                    (_, Stream::Err) => {
                        asides.push((*id, pieces.len()));
                        pieces.push(Piece::Aside(text.clone()));
                    }
                },
                TerminalEvent::Interrupt => pieces.push(Piece::Aside("^C\n".into())),
                TerminalEvent::Exit(code) => {
                    open.retain(|(have, _)| have != id);
                    for (_, index) in asides.iter().filter(|(command, _)| *code != 0 && command == id) {
                        if let Piece::Aside(text) = &mut pieces[*index] {
                            pieces[*index] = Piece::Err(std::mem::take(text));
                        }
                    }
                }
            }
            last = Some(*id);
        }
        let mut kept = 0;
        let mut first = pieces.len();
        while first > 0 && kept < SCROLLBACK {
            first -= 1;
            kept += match &pieces[first] {
                Piece::Command(text) | Piece::Out(text) | Piece::Aside(text) | Piece::Err(text) => text.len(),
            };
        }
        let first_that = |watches: bool| open.iter().rev().find(|(_, have)| *have == watches).map(|(id, _)| *id);
        Self { pieces: pieces.split_off(first), running: first_that(false), watching: first_that(true) }
    }
}

/// Whether a command follows something until it is interrupted.
pub(super) fn follows(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let has = |flags: &[&str]| words.iter().any(|word| flags.contains(word));
    words.first() == Some(&"kubectl")
        && (has(&["-w", "--watch", "--watch=true", "--watch-only"])
            || (has(&["logs", "log"]) && has(&["-f", "--follow", "--follow=true"])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use orrery_sim::core::Sink;

    #[test]
    fn pasted_lines_are_taken_apart_and_here_documents_kept_together() {
        let mut terminal = Terminal::default();
        let pasted = "kubectl get pods\ncat <<EOF > a.yaml\nkind: Pod\nEOF\n\nls";
        assert_eq!(terminal.enter(pasted), ["kubectl get pods", "cat <<EOF > a.yaml\nkind: Pod\nEOF", "ls"]);
        assert_eq!(terminal.history.len(), 3);
        assert!(terminal.enter("echo 'open").is_empty());
        assert_eq!(terminal.partial, "echo 'open");
        assert_eq!(terminal.enter("closed'"), ["echo 'open\nclosed'"]);
    }

    #[test]
    fn the_screen_is_as_it_was_at_the_moment() {
        let mut trace = Trace::default();
        trace.command(Time(10), CommandId(0), "kubectl get pods -w");
        trace.output(Time(20), CommandId(0), Stream::Out, "a\n");
        trace.output(Time(30), CommandId(0), Stream::Out, "b\n");
        trace.output(Time(40), CommandId(0), Stream::Err, "oops\n");
        trace.interrupt(Time(50), CommandId(0));
        trace.exit(Time(50), CommandId(0), 130);
        assert_eq!(Screen::at(&trace, Time(5), Time(0)), Screen::default());
        let middle = Screen::at(&trace, Time(30), Time(0));
        assert_eq!(middle.pieces, [Piece::Command("kubectl get pods -w".into()), Piece::Out("a\nb\n".into())]);
        assert_eq!((middle.running, middle.watching), (None, Some(CommandId(0))), "a watch lets others run beside it");
        assert_eq!(Screen::at(&trace, Time(40), Time(0)).pieces[2], Piece::Aside("oops\n".into()));
        assert_eq!(Screen::at(&trace, Time(50), Time(0)).watching, None);
        assert_eq!(Screen::at(&trace, Time(50), Time(0)).pieces[3], Piece::Aside("^C\n".into()));
        assert_eq!(Screen::at(&trace, Time(50), Time(0)).pieces[2], Piece::Err("oops\n".into()));
        assert!(Screen::at(&trace, Time(60), Time(55)).pieces.is_empty());
    }
}
