//! `grep`.

use crate::core::collections::sort::Sort as _;
use std::collections::VecDeque;

use super::super::pattern::Pattern;

#[derive(Clone, Debug)]
pub(super) struct Grep {
    pub(super) patterns: Vec<Pattern>,
    pub(super) invert: bool,
    pub(super) count: bool,
    pub(super) number: bool,
    pub(super) only: bool,
    pub(super) quiet: bool,
    pub(super) names_only: bool,
    pub(super) word: bool,
    pub(super) line: bool,
    pub(super) max: usize,
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) seen: usize,
    pub(super) matched: usize,
    pub(super) kept: VecDeque<(usize, String)>,
    pub(super) after_left: usize,
    pub(super) last_printed: usize,
}

impl Grep {
    /// Takes a line without its end. True when no more are wanted.
    pub(super) fn line(&mut self, line: &str, out: &mut String) -> bool {
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
        parts.order();
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
