//! Programs that read text and write text: `head`, `tail`, `grep`, `wc`, `sort`, `uniq`, `cat`. They work line by line, so that the
//! lines of a running watch come through a pipe at once.

use std::collections::VecDeque;

use super::pattern::{Pattern, Syntax};

/// A filter at work.
#[derive(Clone, Debug)]
pub struct Filter {
    work: Work,
    /// A line whose end has not come yet.
    partial: String,
    done: bool,
}

/// What a filter's words mean: the filter, and the files that it reads instead of stdin (`-` is stdin).
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The filter.
    pub filter: Filter,
    /// The files.
    pub files: Vec<String>,
}

#[derive(Clone, Debug)]
enum Work {
    Cat { number: Option<usize> },
    Head { left: usize, from_end: usize, bytes: bool, kept: VecDeque<String> },
    Tail { count: usize, bytes: bool, kept: VecDeque<String> },
    TailFrom { skip: usize },
    Grep(Box<Grep>),
    Wc { lines: usize, words: usize, bytes: usize, shown: [bool; 3] },
    Sort { lines: Vec<String>, order: SortOrder },
    Uniq { last: Option<(String, usize)>, count: bool, repeated: bool },
}

#[derive(Clone, Debug)]
struct Grep {
    patterns: Vec<Pattern>,
    invert: bool,
    count: bool,
    number: bool,
    only: bool,
    quiet: bool,
    names_only: bool,
    word: bool,
    line: bool,
    max: usize,
    before: usize,
    after: usize,
    seen: usize,
    matched: usize,
    kept: VecDeque<(usize, String)>,
    after_left: usize,
    last_printed: usize,
}

#[derive(Clone, Debug, Default)]
struct SortOrder {
    reverse: bool,
    numeric: bool,
    unique: bool,
    ignore_case: bool,
    key: usize,
    separator: Option<char>,
}

/// The names of all filters.
pub const NAMES: &[&str] = &["cat", "grep", "egrep", "fgrep", "head", "sort", "tail", "uniq", "wc"];

impl Filter {
    /// Understands a filter's words. The error is the text for stderr and the exit code.
    pub fn parse(argv: &[String]) -> Result<Parsed, (String, i32)> {
        let name = argv.first().map_or("", String::as_str);
        let options =
            Options { name, rest: argv.get(1..).unwrap_or_default().iter().cloned().collect(), files: Vec::new(), glued: false };
        let (work, files) = match name {
            "head" | "tail" => head_or_tail(options)?,
            "grep" | "egrep" | "fgrep" => grep(options)?,
            "wc" => wc(options)?,
            "sort" => sort(options)?,
            "uniq" => uniq(options)?,
            _ => cat(options)?,
        };
        let done = matches!(work, Work::Head { left: 0, from_end: 0, .. });
        Ok(Parsed { filter: Self { work, partial: String::new(), done }, files })
    }

    /// Takes input and appends output. True when it wants no more.
    pub fn feed(&mut self, text: &str, out: &mut String) -> bool {
        if self.done {
            return true;
        }
        if let Work::Head { left, from_end: 0, bytes: true, .. } = &mut self.work {
            let taken: String = text.chars().take(*left).collect();
            *left -= taken.chars().count();
            out.push_str(&taken);
            self.done = *left == 0;
            return self.done;
        }
        self.partial.push_str(text);
        while let Some(end) = self.partial.find('\n') {
            let rest = self.partial.split_off(end + 1);
            let line = std::mem::replace(&mut self.partial, rest);
            self.done = self.line(&line, out);
            if self.done {
                return true;
            }
        }
        false
    }

    /// The input has ended: appends what is left and gives the exit code.
    pub fn finish(&mut self, out: &mut String) -> i32 {
        let partial = std::mem::take(&mut self.partial);
        if !partial.is_empty() && !self.done {
            self.line(&partial, out);
        }
        match &mut self.work {
            Work::Tail { kept, .. } => out.extend(kept.drain(..)),
            Work::Grep(grep) => {
                if grep.count {
                    *out += &format!("{}\n", grep.matched);
                } else if grep.names_only && grep.matched > 0 {
                    out.push_str("(standard input)\n");
                }
                return i32::from(grep.matched == 0);
            }
            Work::Wc { lines, words, bytes, shown } => {
                let counts = [*lines, *words, *bytes].into_iter().zip(*shown).filter(|(_, shown)| *shown);
                let counts: Vec<usize> = counts.map(|(count, _)| count).collect();
                *out += &match counts.as_slice() {
                    [one] => format!("{one}\n"),
                    many => many.iter().map(|count| format!("{count:>7}")).collect::<Vec<_>>().join(" ") + "\n",
                };
            }
            Work::Sort { lines, order } => out.extend(order.sorted(std::mem::take(lines))),
            Work::Uniq { last, count, repeated } => {
                if let Some((line, times)) = last.take() {
                    print_group(out, &line, times, *count, *repeated);
                }
            }
            _ => {}
        }
        0
    }

    /// One line with its end (the last one may have none). True when the filter wants no more.
    fn line(&mut self, line: &str, out: &mut String) -> bool {
        match &mut self.work {
            Work::Cat { number: None } => out.push_str(line),
            Work::Cat { number: Some(number) } => {
                *number += 1;
                *out += &format!("{number:>6}\t{line}");
            }
            Work::Head { left, from_end: 0, .. } => {
                out.push_str(line);
                *left -= 1;
                return *left == 0;
            }
            Work::Head { from_end, kept, .. } => {
                kept.push_back(line.to_string());
                if kept.len() > *from_end {
                    out.extend(kept.pop_front());
                }
            }
            Work::Tail { count, bytes: true, kept } => {
                let mut all: Vec<char> =
                    kept.drain(..).flat_map(|text| text.chars().collect::<Vec<_>>()).chain(line.chars()).collect();
                let cut = all.len().saturating_sub(*count);
                kept.push_back(all.drain(cut..).collect());
            }
            Work::Tail { count, kept, .. } => {
                kept.push_back(line.to_string());
                if kept.len() > *count {
                    kept.pop_front();
                }
            }
            Work::TailFrom { skip: 0 } => out.push_str(line),
            Work::TailFrom { skip } => *skip -= 1,
            Work::Grep(grep) => return grep.line(line.strip_suffix('\n').unwrap_or(line), out),
            Work::Wc { lines, words, bytes, .. } => {
                *lines += usize::from(line.ends_with('\n'));
                *words += line.split_whitespace().count();
                *bytes += line.len();
            }
            Work::Sort { lines, .. } => lines.push(line.strip_suffix('\n').unwrap_or(line).to_string()),
            Work::Uniq { last, count, repeated } => {
                let line = line.strip_suffix('\n').unwrap_or(line);
                match last {
                    Some((have, times)) if have == line => *times += 1,
                    _ => {
                        if let Some((line, times)) = last.replace((line.to_string(), 1)) {
                            print_group(out, &line, times, *count, *repeated);
                        }
                    }
                }
            }
        }
        false
    }
}

fn print_group(out: &mut String, line: &str, times: usize, count: bool, repeated: bool) {
    if repeated && times < 2 {
        return;
    }
    *out += &if count { format!("{times:>7} {line}\n") } else { format!("{line}\n") };
}

impl Grep {
    fn line(&mut self, line: &str, out: &mut String) -> bool {
        self.seen += 1;
        let matches = |pattern: &Pattern| {
            if self.line {
                pattern.is_line_match(line)
            } else if self.word {
                pattern.is_word_match(line)
            } else {
                pattern.is_match(line)
            }
        };
        let hit = self.patterns.iter().any(matches) != self.invert;
        let silent = self.quiet || self.count || self.names_only;
        if hit {
            self.matched += 1;
            if !silent {
                if self.only {
                    self.print_parts(line, out);
                } else {
                    self.print_context(out);
                    self.print(self.seen, ':', line, out);
                    self.last_printed = self.seen;
                    self.after_left = self.after;
                }
            }
            return self.quiet || self.names_only || self.matched >= self.max && self.after == 0;
        }
        if !silent && self.after_left > 0 {
            self.after_left -= 1;
            self.print(self.seen, '-', line, out);
            self.last_printed = self.seen;
        } else if self.before > 0 {
            self.kept.push_back((self.seen, line.to_string()));
            if self.kept.len() > self.before {
                self.kept.pop_front();
            }
        }
        self.matched >= self.max && self.after_left == 0
    }

    /// The lines before a match, and `--` between groups.
    fn print_context(&mut self, out: &mut String) {
        let first = self.kept.front().map_or(self.seen, |(number, _)| *number);
        if self.before + self.after > 0 && self.last_printed > 0 && first > self.last_printed + 1 {
            out.push_str("--\n");
        }
        for (number, line) in std::mem::take(&mut self.kept) {
            self.print(number, '-', &line, out);
        }
    }

    fn print_parts(&self, line: &str, out: &mut String) {
        if self.invert {
            return;
        }
        let chars: Vec<char> = line.chars().collect();
        let mut parts: Vec<(usize, usize)> = self.patterns.iter().flat_map(|pattern| pattern.find_all(line)).collect();
        parts.sort_unstable();
        for (begin, end) in parts {
            let part: String = chars[begin..end].iter().collect();
            self.print(self.seen, ':', &part, out);
        }
    }

    fn print(&self, number: usize, separator: char, line: &str, out: &mut String) {
        if self.number {
            *out += &format!("{number}{separator}");
        }
        out.push_str(line);
        out.push('\n');
    }
}

impl SortOrder {
    fn sorted(&self, mut lines: Vec<String>) -> impl Iterator<Item = String> {
        lines.sort_by(|a, b| {
            let (ka, kb) = (self.key_of(a), self.key_of(b));
            let order = if self.numeric { number(&ka).total_cmp(&number(&kb)) } else { ka.cmp(&kb) };
            let order = if self.reverse { order.reverse() } else { order };
            // sort's last resort: the whole line.
            order.then_with(|| {
                if self.unique {
                    std::cmp::Ordering::Equal
                } else if self.reverse {
                    b.cmp(a)
                } else {
                    a.cmp(b)
                }
            })
        });
        if self.unique {
            lines.dedup_by(|a, b| {
                let (ka, kb) = (self.key_of(a), self.key_of(b));
                if self.numeric { number(&ka).total_cmp(&number(&kb)).is_eq() } else { ka == kb }
            });
        }
        lines.into_iter().map(|line| line + "\n")
    }

    fn key_of(&self, line: &str) -> String {
        let key = match (self.key, self.separator) {
            (0, _) => line.to_string(),
            (key, Some(separator)) => line.split(separator).nth(key - 1).unwrap_or_default().to_string(),
            (key, None) => line.split_whitespace().skip(key - 1).collect::<Vec<_>>().join(" "),
        };
        if self.ignore_case { key.to_uppercase() } else { key }
    }
}

/// The number that a text begins with, as `sort -n` reads it.
fn number(text: &str) -> f64 {
    let text = text.trim_start();
    let end = text
        .char_indices()
        .find(|(at, c)| !(c.is_ascii_digit() || *c == '.' || *c == '-' && *at == 0))
        .map_or(text.len(), |(at, _)| at);
    text[..end].parse().unwrap_or(0.0)
}

/// The words of a filter, read one option after the other.
struct Options<'a> {
    name: &'a str,
    rest: VecDeque<String>,
    files: Vec<String>,
    /// Whether the rest of the last letter's word was put back, as the `5` of `-n5`.
    glued: bool,
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

fn cat(mut options: Options) -> Result<(Work, Vec<String>), (String, i32)> {
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

fn head_or_tail(mut options: Options) -> Result<(Work, Vec<String>), (String, i32)> {
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

fn grep(mut options: Options) -> Result<(Work, Vec<String>), (String, i32)> {
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

fn wc(mut options: Options) -> Result<(Work, Vec<String>), (String, i32)> {
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

fn sort(mut options: Options) -> Result<(Work, Vec<String>), (String, i32)> {
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

fn uniq(mut options: Options) -> Result<(Work, Vec<String>), (String, i32)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str, input: &str) -> (String, i32) {
        let argv: Vec<String> = line.split(' ').map(str::to_string).collect();
        match Filter::parse(&argv) {
            Err((text, code)) => (text, code),
            Ok(mut parsed) => {
                let mut out = String::new();
                // In pieces that do not end with lines.
                for piece in input.as_bytes().chunks(3) {
                    parsed.filter.feed(std::str::from_utf8(piece).unwrap(), &mut out);
                }
                let code = parsed.filter.finish(&mut out);
                (out, code)
            }
        }
    }

    const FIVE: &str = "one\ntwo\nthree\nfour\nfive\n";

    #[test]
    fn head_and_tail() {
        assert_eq!(run("head -2", FIVE).0, "one\ntwo\n");
        assert_eq!(run("head -n 1", FIVE).0, "one\n");
        assert_eq!(run("head -n1", FIVE).0, "one\n");
        assert_eq!(run("head -n -4", FIVE).0, "one\n");
        assert_eq!(run("head -c 5", FIVE).0, "one\nt");
        assert_eq!(run("head -0", FIVE).0, "");
        assert_eq!(run("tail -n 2", FIVE).0, "four\nfive\n");
        assert_eq!(run("tail -n +4", FIVE).0, "four\nfive\n");
        assert_eq!(run("tail -c 5", FIVE).0, "five\n");
        assert_eq!(run("head -n x", FIVE), ("head: invalid number of lines: ‘x’\n".into(), 1));
        assert_eq!(run("tail -1", "a\nb"), ("b".into(), 0));
    }

    #[test]
    fn grep_flags() {
        assert_eq!(run("grep o", FIVE).0, "one\ntwo\nfour\n");
        assert_eq!(run("grep -v o", FIVE).0, "three\nfive\n");
        assert_eq!(run("grep -ci ^T", FIVE).0, "2\n");
        assert_eq!(run("grep -n -w two", FIVE).0, "2:two\n");
        assert_eq!(run("grep -oE [aeiou]+", FIVE).0, "o\ne\no\nee\nou\ni\ne\n");
        assert_eq!(run("grep -E (two|five)$", FIVE).0, "two\nfive\n");
        assert_eq!(run("grep -e one -e two", FIVE).0, "one\ntwo\n");
        assert_eq!(run("grep -A1 -n one", FIVE).0, "1:one\n2-two\n");
        assert_eq!(run("grep -B1 -e two -e five", FIVE).0, "one\ntwo\n--\nfour\nfive\n");
        assert_eq!(run("grep -m1 o", FIVE).0, "one\n");
        assert_eq!(run("grep x", FIVE), (String::new(), 1));
        assert_eq!(run("grep -q one", FIVE), (String::new(), 0));
        assert_eq!(run("grep -E (", FIVE), ("grep: Unmatched ( or \\(\n".into(), 2));
        assert_eq!(run("grep -Z x", FIVE).1, 2);
    }

    #[test]
    fn counting_and_sorting() {
        assert_eq!(run("wc -l", FIVE).0, "5\n");
        assert_eq!(run("wc", FIVE).0, "      5       5      24\n");
        assert_eq!(run("sort", "b\na\nb\n").0, "a\nb\nb\n");
        assert_eq!(run("sort -ru", "b\na\nb\n").0, "b\na\n");
        assert_eq!(run("sort -k2 -n", "a 10\nb 9\n").0, "b 9\na 10\n");
        assert_eq!(run("sort -t: -k2n", "a:10\nb:9\n").0, "b:9\na:10\n");
        assert_eq!(run("uniq -c", "a\na\nb\n").0, "      2 a\n      1 b\n");
        assert_eq!(run("cat -n", "a\nb\n").0, "     1\ta\n     2\tb\n");
    }

    #[test]
    fn a_full_head_wants_no_more() {
        let mut head = Filter::parse(&["head".into(), "-1".into()]).unwrap().filter;
        let mut out = String::new();
        assert!(!head.feed("a", &mut out));
        assert!(head.feed("\nb\n", &mut out));
        assert_eq!(out, "a\n");
    }
}
