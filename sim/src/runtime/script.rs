//! Shell scripts and commands of containers, as far as they decide how long a container lives and what it prints.
//!
//! The conventions are those of the fake runtime of the reference recordings: `sleep N` takes N seconds, `exit N` and `false` fail,
//! `oom` is killed for its memory; a command that nobody knows runs until it is stopped.

use crate::core::Duration;

/// What one command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Takes time.
    Sleep(Duration),
    /// Prints a line.
    Print(String),
    /// Prints the date.
    Date,
    /// Ends the script.
    Exit(i32),
    /// Is killed for its memory.
    OutOfMemory,
    /// Takes memory and keeps it.
    Allocate(Amount),
    /// Never ends.
    Forever,
    /// A program that nobody knows: a server, unless its container has to end ([`to_an_end`]).
    Unknown,
    /// Succeeds or fails at once; a failure matters only to `&&`, `||` and at the end.
    Status(i32),
    /// `a && b` and `a || b`: the rest of the list happens only on success (true) or failure (false).
    Only(bool, Vec<Step>),
    /// `while true; do …; done`
    Loop(Vec<Step>),
}

/// An amount of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many bytes.
    Bytes(u64),
    /// So many percent of what is available.
    Percent(u64),
}

/// How a process ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// It does not.
    Forever,
    /// After that time.
    Ends {
        /// From its start.
        after: Duration,
        /// Exit code.
        code: i32,
        /// Whether the kernel killed it for its memory.
        oom: bool,
    },
}

/// How long an unknown program of an init container takes.
const ONE_SHOT: Duration = Duration::ms(1_000);
/// Starting and ending a process takes this long.
const AT_ONCE: Duration = Duration::ms(20);
/// A loop that never sleeps goes round this often.
const SPIN: Duration = Duration::ms(1);
/// Printed lines, and rounds of loops, that are computed at most.
const LINES_MAX: usize = 10_000;

/// The same where others wait for the end, as they do for an init container: an unknown program does its work and ends well.
pub fn to_an_end(steps: Vec<Step>) -> Vec<Step> {
    let one = |step| match step {
        Step::Unknown => vec![Step::Sleep(ONE_SHOT), Step::Exit(0)],
        Step::Only(success, rest) => vec![Step::Only(success, to_an_end(rest))],
        Step::Loop(body) => vec![Step::Loop(to_an_end(body))],
        other => vec![other],
    };
    steps.into_iter().flat_map(one).collect()
}

/// What `argv` does; `hostname` is the pod's name.
pub fn steps(argv: &[String], hostname: &str) -> Vec<Step> {
    let Some((program, args)) = argv.split_first() else { return Vec::new() };
    let words = || args.join(" ");
    let number = |at: usize| args.get(at).and_then(|arg| arg.parse::<i32>().ok());
    match program.rsplit('/').next().unwrap_or_default() {
        "sh" | "bash" | "ash" | "dash" => match args.iter().position(|arg| arg.starts_with('-') && arg.ends_with('c')) {
            Some(at) => args.get(at + 1).map_or_else(Vec::new, |script| parse(script, hostname)),
            None => Vec::new(),
        },
        "sleep" => match args.iter().map(|arg| seconds(arg)).collect::<Option<Vec<Option<u64>>>>() {
            Some(list) if !list.is_empty() => match list.into_iter().collect::<Option<Vec<u64>>>() {
                Some(ms) => vec![Step::Sleep(Duration::ms(ms.iter().sum()))],
                None => vec![Step::Forever],
            },
            _ => vec![Step::Print(format!("sleep: invalid number '{}'", words())), Step::Status(1)],
        },
        "exit" => vec![Step::Exit(number(0).unwrap_or(0) & 0xff)],
        "false" => vec![Step::Status(1)],
        "oom" => vec![Step::OutOfMemory],
        "stress" | "stress-ng" => stress(args),
        "echo" => {
            let skip = usize::from(args.first().is_some_and(|arg| arg == "-n" || arg == "-e"));
            vec![Step::Print(args[skip..].join(" ")), Step::Status(0)]
        }
        "printf" => vec![Step::Print(words().replace("\\n", "")), Step::Status(0)],
        "date" => vec![Step::Date, Step::Status(0)],
        "hostname" => vec![Step::Print(hostname.to_string()), Step::Status(0)],
        "whoami" => vec![Step::Print("root".into()), Step::Status(0)],
        "pwd" => vec![Step::Print("/".into()), Step::Status(0)],
        "uname" => vec![Step::Print("Linux".into()), Step::Status(0)],
        "true" | ":" | "touch" | "mkdir" | "cp" | "mv" | "chmod" | "chown" | "rm" | "ln" | "export" | "set" | "cd" | "trap"
        | "test" | "[" | "cat" | "ls" | "env" | "id" | "grep" | "head" | "sync" | "seq" | "kill" => vec![Step::Status(0)],
        "wget" | "curl" | "nslookup" | "dig" | "nc" => vec![Step::Sleep(Duration::ms(60)), Step::Status(0)],
        // The Job of Kubernetes' documentation computes 2,000 digits of π.
        "perl" if words().contains("bpi(") => {
            vec![Step::Sleep(Duration::ms(4_300)), Step::Print(PI.to_string()), Step::Status(0)]
        }
        "exec" => steps(args, hostname),
        // An interpreter without a program reads it from stdin, which is closed.
        "python" | "python3" | "node" | "perl" | "jshell" if args.is_empty() => Vec::new(),
        _ => vec![Step::Unknown],
    }
}

/// `stress --vm 1 --vm-bytes 250M --timeout 60s`: each of its workers takes so much memory (256 MiB by default).
fn stress(args: &[String]) -> Vec<Step> {
    let option = |names: &[&str]| {
        args.iter().enumerate().find_map(|(at, arg)| {
            let (name, inline) = arg.split_once('=').map_or((arg.as_str(), None), |(name, value)| (name, Some(value)));
            if names.contains(&name) { inline.or(args.get(at + 1).map(String::as_str)) } else { None }
        })
    };
    let workers: u64 = option(&["--vm", "-m"]).and_then(|count| count.parse().ok()).unwrap_or(0);
    let amount = match option(&["--vm-bytes"]) {
        None => Some(Amount::Bytes(256 << 20)),
        Some(text) => match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().map(Amount::Percent),
            None => crate::machine::usage::parse_size(text).map(|bytes| Amount::Bytes(bytes.saturating_mul(workers))),
        },
    };
    let Some(amount) = amount else {
        return vec![Step::Print(format!("stress: FAIL: [1] invalid number of bytes: {}", args.join(" "))), Step::Exit(1)];
    };
    let mut steps = vec![Step::Print(format!("stress: info: [1] dispatching hogs: 0 cpu, 0 io, {workers} vm, 0 hdd"))];
    if workers > 0 {
        steps.push(Step::Allocate(amount));
    }
    match option(&["--timeout", "-t"]).and_then(seconds) {
        Some(Some(ms)) => steps.extend([Step::Sleep(Duration::ms(ms)), Step::Exit(0)]),
        _ => steps.push(Step::Forever),
    }
    steps
}

const PI: &str = "3.1415926535897932384626433832795028841971693993751058209749445923078164062862089986280348253421170679";

/// Seconds as `sleep` reads them, in milliseconds: `Some(None)` for infinity, `None` for nonsense.
fn seconds(text: &str) -> Option<Option<u64>> {
    if text == "infinity" || text == "inf" {
        return Some(None);
    }
    let (digits, unit) = match text.char_indices().find(|(_, c)| !c.is_ascii_digit() && *c != '.') {
        Some((at, _)) => text.split_at(at),
        None => (text, "s"),
    };
    let scale = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole: u64 = if whole.is_empty() && !fraction.is_empty() { 0 } else { whole.parse().ok()? };
    let milli: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(Some((whole.min(100_000_000) * 1_000 + milli) * (scale / 1_000)))
}

/// Reads a script.
pub fn parse(script: &str, hostname: &str) -> Vec<Step> {
    let mut tokens = tokenize(script).into_iter().peekable();
    sequence(&mut tokens, hostname, &[])
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    /// `;`, `&&`, `||`, `&`, `|` or a line's end
    Op(&'static str),
}

fn tokenize(script: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = script.chars().peekable();
    let mut quote = None;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '\\') => {
                if let Some(next) = chars.next().filter(|next| *next != '\n') {
                    word.get_or_insert_default().push(next);
                }
            }
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (None, ' ' | '\t') => tokens.extend(word.take().map(Token::Word)),
            (None, ';' | '\n' | '&' | '|') => {
                tokens.extend(word.take().map(Token::Word));
                let double = (c == '&' || c == '|') && chars.next_if_eq(&c).is_some();
                tokens.push(Token::Op(match (c, double) {
                    ('&', true) => "&&",
                    ('|', true) => "||",
                    ('&', false) => "&",
                    ('|', false) => "|",
                    _ => ";",
                }));
            }
            (None, '#') if word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    tokens.extend(word.take().map(Token::Word));
    tokens
}

type Tokens = std::iter::Peekable<std::vec::IntoIter<Token>>;

/// Commands up to one of the words in `until` (which is taken) or the end.
fn sequence(tokens: &mut Tokens, hostname: &str, until: &[&str]) -> Vec<Step> {
    let mut steps_so_far = Vec::new();
    loop {
        match tokens.peek() {
            None => return steps_so_far,
            Some(Token::Op("&&" | "||")) => {
                let on_success = tokens.next() == Some(Token::Op("&&"));
                let rest = sequence_item(tokens, hostname);
                steps_so_far.push(Step::Only(on_success, rest));
            }
            Some(Token::Op(_)) => {
                tokens.next();
            }
            Some(Token::Word(word)) if until.contains(&word.as_str()) => {
                tokens.next();
                return steps_so_far;
            }
            Some(Token::Word(_)) => steps_so_far.extend(sequence_item(tokens, hostname)),
        }
    }
}

/// One command or loop.
fn sequence_item(tokens: &mut Tokens, hostname: &str) -> Vec<Step> {
    match tokens.peek() {
        Some(Token::Word(word)) if word == "while" || word == "until" => {
            let endless = {
                tokens.next();
                let mut condition = Vec::new();
                while let Some(token) = tokens.next_if(|token| *token != Token::Word("do".into())) {
                    condition.push(token);
                }
                tokens.next();
                matches!(condition.first(), Some(Token::Word(word)) if word == "true" || word == ":" || word == "[" || word == "sleep")
            };
            let body = sequence(tokens, hostname, &["done"]);
            if endless { vec![Step::Loop(body)] } else { Vec::new() }
        }
        Some(Token::Word(word)) if word == "for" => {
            tokens.next();
            let variable = match tokens.next() {
                Some(Token::Word(name)) => name,
                _ => return Vec::new(),
            };
            let mut values = Vec::new();
            while let Some(token) = tokens.next_if(|token| *token != Token::Word("do".into())) {
                if let Token::Word(word) = token {
                    values.extend((word != "in").then_some(word));
                }
            }
            tokens.next();
            let body = sequence(tokens, hostname, &["done"]);
            let name = [format!("${variable}"), format!("${{{variable}}}")];
            let fill = |step: &Step, value: &str| match step {
                Step::Print(text) => Step::Print(text.replace(&name[1], value).replace(&name[0], value)),
                step => step.clone(),
            };
            values.iter().flat_map(|value| body.iter().map(|step| fill(step, value)).collect::<Vec<_>>()).collect()
        }
        _ => {
            let mut argv = Vec::new();
            while let Some(Token::Word(word)) = tokens.next_if(|token| matches!(token, Token::Word(_))) {
                argv.push(word);
            }
            // Where output goes does not matter here.
            let redirect = |word: &String| word.contains('>') || word.contains('<');
            let silent = argv.iter().any(redirect);
            if let Some(at) = argv.iter().position(redirect) {
                argv.truncate(at);
            }
            let mut done = steps(&argv, hostname);
            if argv.len() == 1 && argv[0].contains('=') {
                done = vec![Step::Status(0)];
            }
            if silent {
                done.retain(|step| !matches!(step, Step::Print(_) | Step::Date));
            }
            done
        }
    }
}

/// Walks through the steps, telling each printed line with its time; returns how the process ends.
pub fn walk(steps: &[Step], until: Duration, print: &mut dyn FnMut(Duration, Line<'_>)) -> Run {
    let mut walk = Walk { at: AT_ONCE, status: 0, until, lines: 0, rounds: 0, print };
    match walk.run(steps) {
        Some(run) => run,
        None => Run::Ends { after: walk.at, code: walk.status, oom: false },
    }
}

/// A printed line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Its text.
    Text(&'a str),
    /// The date of that moment.
    Date,
}

struct Walk<'a> {
    at: Duration,
    status: i32,
    until: Duration,
    lines: usize,
    rounds: usize,
    print: &'a mut dyn FnMut(Duration, Line<'_>),
}

impl Walk<'_> {
    fn run(&mut self, steps: &[Step]) -> Option<Run> {
        for step in steps {
            match step {
                Step::Sleep(span) => self.at = self.at + *span,
                Step::Print(text) => self.line(Line::Text(text)),
                Step::Date => self.line(Line::Date),
                Step::Exit(code) => return Some(Run::Ends { after: self.at, code: *code, oom: false }),
                Step::OutOfMemory => {
                    return Some(Run::Ends { after: self.at + Duration::ms(1_500), code: 137, oom: true });
                }
                Step::Allocate(_) => {}
                Step::Forever | Step::Unknown => return Some(Run::Forever),
                Step::Status(status) => self.status = *status,
                Step::Only(success, rest) => {
                    if (self.status == 0) == *success {
                        let end = self.run(rest);
                        if end.is_some() {
                            return end;
                        }
                    }
                }
                Step::Loop(body) => {
                    while self.at.0 < self.until.0 && self.lines < LINES_MAX && self.rounds < LINES_MAX {
                        self.rounds += 1;
                        let before = self.at;
                        let end = self.run(body);
                        if end.is_some() {
                            return end;
                        }
                        if self.at == before {
                            self.at = self.at + SPIN;
                        }
                    }
                    return Some(Run::Forever);
                }
            }
        }
        None
    }

    fn line(&mut self, line: Line<'_>) {
        if self.at.0 <= self.until.0 && self.lines < LINES_MAX {
            self.lines += 1;
            (self.print)(self.at, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(argv: &[&str], expected: Run, lines: &[&str]) {
        let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
        let mut printed = Vec::new();
        let run = walk(&steps(&argv, "pod"), Duration::s(10), &mut |_, line| {
            printed.push(match line {
                Line::Text(text) => text.to_string(),
                Line::Date => "date".to_string(),
            });
        });
        assert_eq!((run, printed), (expected, lines.iter().map(ToString::to_string).collect()), "{argv:?}");
    }

    const fn ends(ms: u64, code: i32) -> Run {
        Run::Ends { after: Duration::ms(20 + ms), code, oom: false }
    }

    #[test]
    fn commands_live_as_long_as_they_say() {
        check(&["sleep", "3"], ends(3_000, 0), &[]);
        check(&["sleep", "1.5m"], ends(90_000, 0), &[]);
        check(&["sleep", "infinity"], Run::Forever, &[]);
        check(&["sleep", "x"], ends(0, 1), &["sleep: invalid number 'x'"]);
        check(&["sh", "-c", "exit 7"], ends(0, 7), &[]);
        check(&["false"], ends(0, 1), &[]);
        check(&["echo", "done"], ends(0, 0), &["done"]);
        check(&["/bin/sh", "-ec", "echo 'a; b' && sleep 2 || echo no"], ends(2_000, 0), &["a; b"]);
        check(&["sh", "-c", "false && echo no; false || echo yes"], ends(0, 0), &["yes"]);
        check(&["sh", "-c", "while true; do date; sleep 4; done"], Run::Forever, &["date", "date", "date"]);
        check(&["sh", "-c", "for i in 1 2; do echo n $i; sleep 1; done; exit 3"], ends(2_000, 3), &["n 1", "n 2"]);
        check(&["sh", "-c", "echo x > /tmp/x; nginx"], Run::Forever, &[]);
        check(&["oom"], Run::Ends { after: Duration::ms(1_520), code: 137, oom: true }, &[]);
        check(&["./server"], Run::Forever, &[]);
        check(&["sh", "-c", "while true; do sleep 2; exit 4; done"], ends(2_000, 4), &[]);
        check(&["sh", "-c", "while true; do :; done"], Run::Forever, &[]);
        let migrate = to_an_end(steps(&["./migrate".to_string()], "pod"));
        assert_eq!(walk(&migrate, Duration::s(10), &mut |_, _| {}), ends(1_000, 0));
    }
}
