//! Programs that read text and write text: `head`, `tail`, `grep`, `wc`, `sort`, `uniq`, `cat`. They work line by line, so that the
//! lines of a running watch come through a pipe at once.

mod grep;
mod sort;
#[cfg(test)]
mod tests;
mod words;

use std::collections::VecDeque;

use grep::Grep;
use sort::SortOrder;
use words::Options;

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

/// The names of all filters.
pub const NAMES: &[&str] = &["cat", "grep", "egrep", "fgrep", "head", "sort", "tail", "uniq", "wc"];

impl Filter {
    /// Understands a filter's words. The error is the text for stderr and the exit code.
    pub fn parse(argv: &[String]) -> Result<Parsed, (String, i32)> {
        let name = argv.first().map_or("", String::as_str);
        let options =
            Options { name, rest: argv.get(1..).unwrap_or_default().iter().cloned().collect(), files: Vec::new(), glued: false };
        let (work, files) = match name {
            "head" | "tail" => words::head_or_tail(options)?,
            "grep" | "egrep" | "fgrep" => words::grep(options)?,
            "wc" => words::wc(options)?,
            "sort" => words::sort(options)?,
            "uniq" => words::uniq(options)?,
            _ => words::cat(options)?,
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
