//! The words of filters: options, values, files, and their errors as GNU's programs word them.

use std::collections::VecDeque;

use super::super::pattern::{Pattern, Syntax};
use super::Work;
use super::grep::Grep;
use super::sort::SortOrder;

/// What a filter is to do and with which files, or the text for stderr and the exit code.
type Understood = Result<(Work, Vec<String>), (String, i32)>;

/// The words of a filter, read one option after the other.
pub(super) struct Options<'a> {
    pub(super) name: &'a str,
    pub(super) rest: VecDeque<String>,
    pub(super) files: Vec<String>,
    /// Whether the rest of the last letter's word was put back, as the `5` of `-n5`.
    pub(super) glued: bool,
}

enum Opt {
    Letter(char),
    Long(String, Option<String>),
    /// `-5`
    Number(String),
}

impl Options<'_> {
    /// The next option; files on the way are collected.
    fn next(&mut self) -> Option<Opt> {
        loop {
            let word = self.rest.pop_front()?;
            if word == "--" {
                self.files.extend(self.rest.drain(..));
                return None;
            }
            if let Some(long) = word.strip_prefix("--") {
                let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value.to_string())));
                return Some(Opt::Long(name.to_string(), value));
            }
            match word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                None => self.files.push(word),
                Some(letters) if letters.starts_with(|c: char| c.is_ascii_digit()) => {
                    return Some(Opt::Number(letters.to_string()));
                }
                Some(letters) => {
                    let mut chars = letters.chars();
                    let letter = chars.next().expect("it is not empty");
                    self.glued = !chars.as_str().is_empty();
                    if self.glued {
                        self.rest.push_front(format!("-{}", chars.as_str()));
                    }
                    return Some(Opt::Letter(letter));
                }
            }
        }
    }

    /// The value of the option `letter` that was just read: the rest of its word, or the next word.
    fn value(&mut self, letter: char) -> Result<String, (String, i32)> {
        let value = self.rest.pop_front().ok_or_else(|| self.wrong(&format!("option requires an argument -- '{letter}'")))?;
        Ok(if self.glued { value.strip_prefix('-').unwrap_or(&value).to_string() } else { value })
    }

    fn wrong(&self, what: &str) -> (String, i32) {
        let code = if self.name.ends_with("grep") || self.name == "sort" { 2 } else { 1 };
        (format!("{}: {what}\nTry '{} --help' for more information.\n", self.name, self.name), code)
    }

    fn unknown(&self, option: &Opt) -> (String, i32) {
        match option {
            Opt::Letter(letter) => self.wrong(&format!("invalid option -- '{letter}'")),
            Opt::Long(name, _) => self.wrong(&format!("unrecognized option '--{name}'")),
            Opt::Number(number) => self.wrong(&format!("invalid option -- '{}'", &number[..1])),
        }
    }
}

pub(super) fn cat(mut options: Options) -> Understood {
    let mut number = None;
    while let Some(option) = options.next() {
        match option {
            Opt::Letter('n') => number = Some(0),
            Opt::Letter('u') => {}
            other => return Err(options.unknown(&other)),
        }
    }
    Ok((Work::Cat { number }, options.files))
}

pub(super) fn head_or_tail(mut options: Options) -> Understood {
    let mut count = "10".to_string();
    let mut bytes = false;
    while let Some(option) = options.next() {
        match option {
            Opt::Number(number) => count = number,
            Opt::Letter(letter @ ('n' | 'c')) => {
                count = options.value(letter)?;
                bytes = letter == 'c';
            }
            Opt::Long(name, Some(value)) if name == "lines" || name == "bytes" => {
                count = value;
                bytes = name == "bytes";
            }
            Opt::Letter('q') => {}
            Opt::Letter('f') if options.name == "tail" => {
                return Err(("tail: -f is not modelled by kube-orrery: files do not grow\n".into(), 1));
            }
            other => return Err(options.unknown(&other)),
        }
    }
    let what = if bytes { "bytes" } else { "lines" };
    let parse =
        |text: &str| text.parse::<usize>().map_err(|_| (format!("{}: invalid number of {what}: ‘{count}’\n", options.name), 1));
    let work = match (options.name, count.as_bytes().first()) {
        ("tail", Some(b'+')) if !bytes => Work::TailFrom { skip: parse(&count[1..])?.saturating_sub(1) },
        ("tail", _) => Work::Tail { count: parse(count.trim_start_matches('-'))?, bytes, kept: VecDeque::new() },
        (_, Some(b'-')) if !bytes => Work::Head { left: 0, from_end: parse(&count[1..])?, bytes, kept: VecDeque::new() },
        _ => Work::Head { left: parse(&count)?, from_end: 0, bytes, kept: VecDeque::new() },
    };
    Ok((work, options.files))
}

pub(super) fn grep(mut options: Options) -> Understood {
    let mut syntax = match options.name {
        "egrep" => Syntax::Extended,
        "fgrep" => Syntax::Fixed,
        _ => Syntax::Basic,
    };
    let mut texts: Vec<String> = Vec::new();
    let mut ignore_case = false;
    let mut grep = Grep {
        patterns: Vec::new(),
        invert: false,
        count: false,
        number: false,
        only: false,
        quiet: false,
        names_only: false,
        word: false,
        line: false,
        max: usize::MAX,
        before: 0,
        after: 0,
        seen: 0,
        matched: 0,
        kept: VecDeque::new(),
        after_left: 0,
        last_printed: 0,
    };
    while let Some(option) = options.next() {
        match option {
            Opt::Letter('i' | 'y') => ignore_case = true,
            Opt::Letter('v') => grep.invert = true,
            Opt::Letter('c') => grep.count = true,
            Opt::Letter('n') => grep.number = true,
            Opt::Letter('o') => grep.only = true,
            Opt::Letter('q') => grep.quiet = true,
            Opt::Letter('l') => grep.names_only = true,
            Opt::Letter('w') => grep.word = true,
            Opt::Letter('x') => grep.line = true,
            Opt::Letter('E') => syntax = Syntax::Extended,
            Opt::Letter('F') => syntax = Syntax::Fixed,
            Opt::Letter('G') => syntax = Syntax::Basic,
            Opt::Letter('h' | 's') => {}
            Opt::Long(name, _) if name == "color" || name == "colour" || name == "line-buffered" => {}
            Opt::Letter('e') => {
                texts.push(options.value('e')?);
            }
            Opt::Letter(letter @ ('m' | 'A' | 'B' | 'C')) => {
                let value = options.value(letter)?;
                let Ok(number) = value.parse() else {
                    let what = if letter == 'm' {
                        "invalid max count".to_string()
                    } else {
                        format!("{value}: invalid context length argument")
                    };
                    return Err((format!("grep: {what}\n"), 2));
                };
                match letter {
                    'm' => grep.max = number,
                    'A' => grep.after = number,
                    'B' => grep.before = number,
                    _ => (grep.before, grep.after) = (number, number),
                }
            }
            other => return Err(options.unknown(&other)),
        }
    }
    let mut files = options.files;
    if texts.is_empty() {
        if files.is_empty() {
            return Err(("Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n".into(), 2));
        }
        texts.push(files.remove(0));
    }
    for text in texts.iter().flat_map(|text| text.split('\n')) {
        grep.patterns.push(Pattern::new(text, syntax, ignore_case).map_err(|error| (format!("grep: {error}\n"), 2))?);
    }
    Ok((Work::Grep(Box::new(grep)), files))
}

pub(super) fn wc(mut options: Options) -> Understood {
    let mut shown = [false; 3];
    while let Some(option) = options.next() {
        match option {
            Opt::Letter('l') => shown[0] = true,
            Opt::Letter('w') => shown[1] = true,
            Opt::Letter('c' | 'm') => shown[2] = true,
            other => return Err(options.unknown(&other)),
        }
    }
    if shown == [false; 3] {
        shown = [true; 3];
    }
    Ok((Work::Wc { lines: 0, words: 0, bytes: 0, shown }, options.files))
}

pub(super) fn sort(mut options: Options) -> Understood {
    let mut order = SortOrder::default();
    while let Some(option) = options.next() {
        match option {
            Opt::Letter('r') => order.reverse = true,
            Opt::Letter('n') => order.numeric = true,
            Opt::Letter('u') => order.unique = true,
            Opt::Letter('f') => order.ignore_case = true,
            Opt::Letter('b') => {}
            Opt::Letter('k') => {
                let value = options.value('k')?;
                let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
                order.numeric |= value[digits.len()..].contains('n');
                order.reverse |= value[digits.len()..].contains('r');
                order.key =
                    digits.parse().ok().filter(|key| *key > 0).ok_or_else(|| {
                        (format!("sort: invalid number at field start: invalid count at start of ‘{value}’\n"), 2)
                    })?;
            }
            Opt::Letter('t') => {
                order.separator = options.value('t')?.chars().next();
            }
            other => return Err(options.unknown(&other)),
        }
    }
    Ok((Work::Sort { lines: Vec::new(), order }, options.files))
}

pub(super) fn uniq(mut options: Options) -> Understood {
    let (mut count, mut repeated) = (false, false);
    while let Some(option) = options.next() {
        match option {
            Opt::Letter('c') => count = true,
            Opt::Letter('d') => repeated = true,
            other => return Err(options.unknown(&other)),
        }
    }
    Ok((Work::Uniq { last: None, count, repeated }, options.files))
}
