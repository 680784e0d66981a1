//! Regular expressions for `grep`: basic and extended POSIX syntax, matched leftmost-longest without backtracking,
//! so that no pattern can hang the page.

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Pattern {
    program: Vec<Step>,
    ignore_case: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Char(char),
    Any,
    Set {
        not: bool,
        ranges: Vec<(char, char)>,
    },
    Split(usize, usize),
    Jump(usize),
    LineStart,
    LineEnd,
    /// At an edge of a word: `None` any, `Some(true)` its begin, `Some(false)` its end.
    WordEdge(Option<bool>),
    Match,
}

/// How a pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `grep`: `\|`, `\(`, `\+` are special, without the backslash they are not.
    Basic,
    /// `grep -E`
    Extended,
    /// `grep -F`
    Fixed,
}

impl Pattern {
    /// Compiles; the error is grep's text.
    pub fn new(text: &str, syntax: Syntax, ignore_case: bool) -> Result<Self, String> {
        let chars: Vec<char> = if ignore_case { text.to_lowercase().chars().collect() } else { text.chars().collect() };
        let mut program = if syntax == Syntax::Fixed {
            chars.into_iter().map(Step::Char).collect()
        } else {
            let mut compiler = Compiler { chars, at: 0, extended: syntax == Syntax::Extended };
            let program = compiler.alternatives(0)?;
            if compiler.at < compiler.chars.len() {
                return Err("Unmatched ) or \\)".into());
            }
            program
        };
        if program.len() > 20_000 {
            return Err("Regular expression too big".into());
        }
        program.push(Step::Match);
        Ok(Self { program, ignore_case })
    }

    /// The matches in a line, as character positions, left to right, without overlap; empty ones are left out unless `one` is asked for.
    pub fn find_all(&self, line: &str) -> Vec<(usize, usize)> {
        let chars = self.chars(line);
        let mut found = Vec::new();
        let mut at = 0;
        while at <= chars.len() {
            match self.longest(&chars, at) {
                Some(end) if end > at => {
                    found.push((at, end));
                    at = end;
                }
                _ => at += 1,
            }
        }
        found
    }

    /// Whether it matches anywhere in the line.
    pub fn is_match(&self, line: &str) -> bool {
        let chars = self.chars(line);
        (0..=chars.len()).any(|at| self.longest(&chars, at).is_some())
    }

    /// Whether it matches between word boundaries.
    pub fn is_word_match(&self, line: &str) -> bool {
        let chars = self.chars(line);
        let word = |at: Option<&char>| at.is_some_and(|c| is_word(*c));
        (0..=chars.len()).any(|at| {
            let end = self.longest(&chars, at);
            end.is_some_and(|end| !word(at.checked_sub(1).and_then(|at| chars.get(at))) && !word(chars.get(end)))
        })
    }

    /// Whether it matches the whole line.
    pub fn is_line_match(&self, line: &str) -> bool {
        let chars = self.chars(line);
        self.longest(&chars, 0) == Some(chars.len())
    }

    fn chars(&self, line: &str) -> Vec<char> {
        if self.ignore_case { line.to_lowercase().chars().collect() } else { line.chars().collect() }
    }

    /// The end of the longest match that starts at `start`.
    fn longest(&self, chars: &[char], start: usize) -> Option<usize> {
        let mut states = vec![false; self.program.len()];
        self.reach(0, chars, start, &mut states);
        let mut end = None;
        for at in start..=chars.len() {
            if states[self.program.len() - 1] {
                end = Some(at);
            }
            let Some(c) = chars.get(at) else { break };
            let mut next = vec![false; self.program.len()];
            for (state, step) in self.program.iter().enumerate().filter(|(state, _)| states[*state]) {
                let consumed = match step {
                    Step::Char(wanted) => wanted == c,
                    Step::Any => true,
                    Step::Set { not, ranges } => ranges.iter().any(|(low, high)| low <= c && c <= high) != *not,
                    _ => false,
                };
                if consumed {
                    self.reach(state + 1, chars, at + 1, &mut next);
                }
            }
            if !next.contains(&true) {
                break;
            }
            states = next;
        }
        end
    }

    /// Marks all steps that can be reached from `state` without consuming a character.
    fn reach(&self, state: usize, chars: &[char], at: usize, states: &mut [bool]) {
        let mut stack = vec![state];
        while let Some(state) = stack.pop() {
            if std::mem::replace(&mut states[state], true) {
                continue;
            }
            match &self.program[state] {
                Step::Jump(to) => stack.push(*to),
                Step::Split(a, b) => stack.extend([*a, *b]),
                Step::LineStart if at == 0 => stack.push(state + 1),
                Step::LineEnd if at == chars.len() => stack.push(state + 1),
                Step::WordEdge(side) => {
                    let before = at > 0 && is_word(chars[at - 1]);
                    let after = chars.get(at).is_some_and(|c| is_word(*c));
                    if before != after && side.is_none_or(|begin| begin == after) {
                        stack.push(state + 1);
                    }
                }
                _ => {}
            }
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

struct Compiler {
    chars: Vec<char>,
    at: usize,
    extended: bool,
}

/// Steps with targets relative to their own first step are hard to move, so all targets are absolute and `shifted` when a piece is put behind another.
fn shifted(piece: &[Step], by: usize) -> impl Iterator<Item = Step> {
    piece.iter().map(move |step| match step {
        Step::Split(a, b) => Step::Split(a + by, b + by),
        Step::Jump(to) => Step::Jump(to + by),
        step => step.clone(),
    })
}

fn append(program: &mut Vec<Step>, piece: &[Step]) {
    let by = program.len();
    program.extend(shifted(piece, by));
}

impl Compiler {
    /// Whether the operator stands here in the pattern's syntax; steps over it.
    fn operator(&mut self, operator: char) -> bool {
        let wanted: &[char] = if self.extended { &[operator] } else { &['\\', operator] };
        let found = self.chars[self.at..].starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn alternatives(&mut self, depth: usize) -> Result<Vec<Step>, String> {
        if depth > 50 {
            return Err("Regular expression too big".into());
        }
        let mut branch = self.sequence(depth)?;
        while self.operator('|') {
            let other = self.sequence(depth)?;
            let mut both = vec![Step::Split(1, branch.len() + 2)];
            append(&mut both, &branch);
            both.push(Step::Jump(both.len() + 1 + other.len()));
            append(&mut both, &other);
            branch = both;
        }
        Ok(branch)
    }

    fn sequence(&mut self, depth: usize) -> Result<Vec<Step>, String> {
        let mut out: Vec<Step> = Vec::new();
        let mut first = true;
        while self.at < self.chars.len() {
            let here = self.at;
            if self.operator('|') || depth > 0 && self.operator(')') {
                self.at = here;
                break;
            }
            if self.operator(')') {
                return Err("Unmatched ) or \\)".into());
            }
            let atom = self.atom(depth, first)?;
            first = false;
            let piece = self.repeated(atom)?;
            append(&mut out, &piece);
            if out.len() > 20_000 {
                return Err("Regular expression too big".into());
            }
        }
        Ok(out)
    }

    fn atom(&mut self, depth: usize, first: bool) -> Result<Vec<Step>, String> {
        if self.operator('(') {
            let inner = self.alternatives(depth + 1)?;
            if !self.operator(')') {
                return Err("Unmatched ( or \\(".into());
            }
            return Ok(inner);
        }
        let c = self.chars[self.at];
        self.at += 1;
        let step = match c {
            '.' => Step::Any,
            '[' => self.set()?,
            '^' if self.extended || first => Step::LineStart,
            '$' if self.extended || self.at == self.chars.len() || self.chars[self.at..].starts_with(&['\\', ')']) => {
                Step::LineEnd
            }
            '\\' => {
                let Some(next) = self.chars.get(self.at).copied() else { return Err("Trailing backslash".into()) };
                self.at += 1;
                match next {
                    'w' | 'W' => Step::Set { not: next == 'W', ranges: vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')] },
                    's' | 'S' => Step::Set { not: next == 'S', ranges: vec![(' ', ' '), ('\t', '\r')] },
                    'b' => Step::WordEdge(None),
                    '<' => Step::WordEdge(Some(true)),
                    '>' => Step::WordEdge(Some(false)),
                    '1'..='9' => return Err("back-references are not modelled by kube-orrery".into()),
                    next => Step::Char(next),
                }
            }
            c => Step::Char(c),
        };
        Ok(vec![step])
    }

    fn set(&mut self) -> Result<Step, String> {
        let not = self.chars.get(self.at) == Some(&'^');
        self.at += usize::from(not);
        let mut ranges = Vec::new();
        let begin = self.at;
        loop {
            let Some(c) = self.chars.get(self.at).copied() else {
                return Err("Unmatched [, [^, [:, [., or [=".into());
            };
            self.at += 1;
            if c == ']' && self.at > begin + 1 {
                return Ok(Step::Set { not, ranges });
            }
            if c == '[' && self.chars.get(self.at) == Some(&':') {
                let rest: String = self.chars[self.at + 1..].iter().collect();
                let Some((name, _)) = rest.split_once(":]") else { return Err("Unmatched [, [^, [:, [., or [=".into()) };
                ranges.extend_from_slice(match name {
                    "alpha" => &[('a', 'z'), ('A', 'Z')],
                    "digit" => &[('0', '9')],
                    "alnum" => &[('a', 'z'), ('A', 'Z'), ('0', '9')],
                    "upper" => &[('A', 'Z')],
                    "lower" => &[('a', 'z')],
                    "space" => &[(' ', ' '), ('\t', '\r')],
                    "blank" => &[(' ', ' '), ('\t', '\t')],
                    "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
                    _ => return Err("Invalid character class name".into()),
                });
                self.at += name.chars().count() + 3;
                continue;
            }
            let high = match (self.chars.get(self.at), self.chars.get(self.at + 1)) {
                (Some('-'), Some(high)) if *high != ']' => {
                    self.at += 2;
                    *high
                }
                _ => c,
            };
            if high < c {
                return Err("Invalid range end".into());
            }
            ranges.push((c, high));
        }
    }

    fn repeated(&mut self, mut atom: Vec<Step>) -> Result<Vec<Step>, String> {
        loop {
            let (low, high) = if self.chars.get(self.at) == Some(&'*') {
                self.at += 1;
                (0, None)
            } else if self.operator('+') {
                (1, None)
            } else if self.operator('?') {
                (0, Some(1))
            } else if self.operator('{') {
                self.interval()?
            } else {
                return Ok(atom);
            };
            let mut out = Vec::new();
            for _ in 0..low {
                append(&mut out, &atom);
            }
            match high {
                None => {
                    let start = out.len();
                    out.push(Step::Split(start + 1, start + atom.len() + 2));
                    append(&mut out, &atom);
                    out.push(Step::Jump(start));
                }
                Some(high) => {
                    for _ in low..high {
                        let start = out.len();
                        out.push(Step::Split(start + 1, start + atom.len() + 1));
                        append(&mut out, &atom);
                    }
                }
            }
            if out.len() > 20_000 {
                return Err("Regular expression too big".into());
            }
            atom = out;
        }
    }

    fn interval(&mut self) -> Result<(usize, Option<usize>), String> {
        let end: &[char] = if self.extended { &['}'] } else { &['\\', '}'] };
        let close = self.chars[self.at..].windows(end.len()).position(|window| window == end).ok_or("Unmatched { or \\{")?;
        let text: String = self.chars[self.at..self.at + close].iter().collect();
        self.at += close + end.len();
        let number = |text: &str| text.parse::<usize>().ok().filter(|n| *n <= 255).ok_or("Invalid content of \\{\\}");
        match text.split_once(',') {
            None => number(&text).map(|n| (n, Some(n))),
            Some((low, "")) => number(low).map(|low| (low, None)),
            Some((low, high)) => {
                let (low, high) = (if low.is_empty() { 0 } else { number(low)? }, number(high)?);
                if low > high { Err("Invalid content of \\{\\}") } else { Ok((low, Some(high))) }
            }
        }
        .map_err(String::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, line: &str) -> Vec<String> {
        let pattern = Pattern::new(pattern, Syntax::Extended, false).unwrap();
        let chars: Vec<char> = line.chars().collect();
        pattern.find_all(line).into_iter().map(|(a, b)| chars[a..b].iter().collect()).collect()
    }

    #[test]
    fn longest_leftmost() {
        assert_eq!(found("a|ab", "xabab"), ["ab", "ab"]);
        assert_eq!(found("[a-c]+[0-9]{2,3}", "ab12 c1234 d12"), ["ab12", "c123"]);
        assert_eq!(found("(web|db)-[^ -]*", "web-1 db-x2 cache-3"), ["web-1", "db-x2"]);
        assert_eq!(found(r"\bk.*d\b", "ok kind-kind ok"), ["kind-kind"]);
        assert_eq!(found("[[:digit:]]+", "a1b22"), ["1", "22"]);
        assert_eq!(found("x?", "ax"), ["x"]);
    }

    #[test]
    fn basic_syntax_wants_backslashes() {
        let matches = |pattern: &str, line: &str| Pattern::new(pattern, Syntax::Basic, false).unwrap().is_match(line);
        assert!(matches("a+b", "a+b"));
        assert!(!matches("a+b", "aab"));
        assert!(matches(r"a\+b", "aab"));
        assert!(matches(r"\(x\|y\)$", "ay"));
        assert!(matches("^Name:", "Name: x"));
        assert!(!matches("^ame", "Name"));
        assert!(Pattern::new("RUNNING", Syntax::Basic, true).unwrap().is_match("a Running pod"));
        assert!(Pattern::new("a.c", Syntax::Fixed, false).unwrap().is_match("xa.c"));
        assert!(!Pattern::new("a.c", Syntax::Fixed, false).unwrap().is_match("abc"));
    }

    #[test]
    fn a_word_is_a_whole_word() {
        let pattern = Pattern::new("web", Syntax::Basic, false).unwrap();
        assert!(pattern.is_word_match("my web-1"));
        assert!(!pattern.is_word_match("website"));
        assert!(pattern.is_line_match("web"));
    }

    #[test]
    fn bad_patterns_are_errors_and_hard_ones_end() {
        for bad in ["a[", "(a", "a{2,1}", "\\", "a)", "[z-a]", "(((((a{255}){255}){255}){255}){255})"] {
            assert!(Pattern::new(bad, Syntax::Extended, false).is_err(), "{bad}");
        }
        let hard = Pattern::new("(a*)*(a*)*b", Syntax::Extended, false).unwrap();
        assert!(!hard.is_match(&"a".repeat(300)));
    }
}
