//! From words to an invocation: cobra's search for the command, pflag's reading of flags, and their errors.

use crate::core::collections::PMap;
use crate::core::collections::sort::Sort as _;

use super::args::{Command, Flag, FlagKind, GLOBAL_FLAGS};

/// A command line that was understood.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The command.
    pub command: &'static Command,
    /// Its full name: `kubectl create deployment`.
    pub path: String,
    /// What is neither command nor flag.
    pub args: Vec<String>,
    /// How many of `args` stood before `--`, if there was one.
    pub dash: Option<usize>,
    /// The values of the flags that were given, in their order.
    pub flags: PMap<&'static str, Vec<String>>,
}

/// Reads the words after `kubectl`. The error is the text for stderr.
pub fn parse(root: &'static Command, words: &[String]) -> Result<Parsed, String> {
    let mut command = root;
    let mut path = root.name.to_string();
    let mut words = words.to_vec();
    while let Some(at) = first_argument(command, &words) {
        match command.find(&words[at]) {
            Some(found) => {
                words.remove(at);
                path = format!("{path} {}", found.name);
                command = found;
            }
            None if std::ptr::eq(command, root) && words[at] != "help" => return Err(unknown_command(root, &words[at])),
            None => break,
        }
    }
    let mut parsed = Parsed { command, path, args: Vec::new(), dash: None, flags: PMap::new() };
    if command.is_absent() && !words.iter().any(|word| word == "--help" || word == "-h") {
        // Its flags are not known; whatever they are, it says that it is not modelled.
        return Ok(parsed);
    }
    read_flags(&mut parsed, &words).map_err(|error| format!("error: {error}\nSee '{} --help' for usage.\n", parsed.path))?;
    if parsed.flags.contains_key("help") {
        return Ok(parsed);
    }
    let mut flags = command.flags.iter().chain(GLOBAL_FLAGS);
    if let Some(flag) = flags.find(|flag| !flag.refused.is_empty() && parsed.flags.contains_key(flag.long)) {
        return Err(format!("error: --{} is not modelled: {}\n", flag.long, flag.refused));
    }
    let mut missing: Vec<String> = command
        .flags
        .iter()
        .filter(|flag| flag.required && !parsed.flags.contains_key(flag.long))
        .map(|flag| format!("{:?}", flag.long))
        .collect();
    if !missing.is_empty() {
        missing.order();
        return Err(format!("error: required flag(s) {} not set\n", missing.join(", ")));
    }
    Ok(parsed)
}

/// The flag of this long name, if the command takes it.
pub fn flag_named(command: &Command, long: &str) -> Option<&'static Flag> {
    command.flags.iter().chain(GLOBAL_FLAGS).find(|flag| flag.long == long)
}

/// The flags that a command takes and does not refuse.
pub fn flags_of(command: &'static Command) -> impl Iterator<Item = &'static Flag> {
    command.flags.iter().chain(GLOBAL_FLAGS).filter(|flag| flag.refused.is_empty())
}

/// The flag of a word such as `-n` or `--output` whose value is the next word.
pub fn flag_awaiting_value(command: &Command, word: &str) -> Option<&'static Flag> {
    let flag = match word.strip_prefix("--") {
        Some(long) => flag_named(command, long),
        None => flag_lettered(command, word.chars().next_back()?),
    };
    flag.filter(|flag| flag.bare.is_none())
}

fn flag_lettered(command: &Command, letter: char) -> Option<&'static Flag> {
    command.flags.iter().chain(GLOBAL_FLAGS).find(|flag| flag.letter == Some(letter))
}

/// Where the first word stands that is neither a flag nor a flag's value (cobra's `stripFlags`: an unknown flag takes the next word).
fn first_argument(command: &Command, words: &[String]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if word == "--" {
            return None;
        }
        let takes_next = if let Some(long) = word.strip_prefix("--") {
            !long.contains('=') && flag_named(command, long).is_none_or(|flag| flag.bare.is_none())
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            let mut chars = letters.chars();
            match (chars.next(), chars.next()) {
                (Some(letter), None) => flag_lettered(command, letter).is_none_or(|flag| flag.bare.is_none()),
                _ => false,
            }
        } else {
            return Some(at);
        };
        at += if takes_next { 2 } else { 1 };
    }
    None
}

fn read_flags(parsed: &mut Parsed, words: &[String]) -> Result<(), String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            parsed.dash = Some(parsed.args.len());
            parsed.args.extend(words.cloned());
            return Ok(());
        }
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value.to_string())));
            if name.is_empty() || name.starts_with('-') {
                return Err(format!("bad flag syntax: {word}"));
            }
            let flag = flag_named(parsed.command, name).ok_or_else(|| format!("unknown flag: --{name}"))?;
            let value = match value.or_else(|| flag.bare.map(str::to_string)) {
                Some(value) => value,
                None => words.next().cloned().ok_or_else(|| format!("flag needs an argument: --{name}"))?,
            };
            set(parsed, flag, &value)?;
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            let mut rest = letters;
            while let Some(letter) = rest.chars().next() {
                let after = &rest[letter.len_utf8()..];
                let flag = flag_lettered(parsed.command, letter)
                    .ok_or_else(|| format!("unknown shorthand flag: {} in -{rest}", quote_char(letter)))?;
                let value = if let Some(value) = after.strip_prefix('=') {
                    rest = "";
                    value.to_string()
                } else if let Some(bare) = flag.bare {
                    rest = after;
                    bare.to_string()
                } else if after.is_empty() {
                    rest = "";
                    words
                        .next()
                        .cloned()
                        .ok_or_else(|| format!("flag needs an argument: {} in -{letters}", quote_char(letter)))?
                } else {
                    rest = "";
                    after.to_string()
                };
                set(parsed, flag, &value)?;
            }
        } else {
            parsed.args.push(word.clone());
        }
    }
    Ok(())
}

/// Go's `%q` of a character.
fn quote_char(letter: char) -> String {
    if letter == '\'' { "'\\''".to_string() } else { format!("'{letter}'") }
}

fn set(parsed: &mut Parsed, flag: &'static Flag, value: &str) -> Result<(), String> {
    let why = match flag.kind {
        FlagKind::Bool if go_bool(value).is_none() => Some(format!("strconv.ParseBool: parsing {value:?}: invalid syntax")),
        FlagKind::Int => value.parse::<i64>().err().map(|error| {
            let why = match error.kind() {
                std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            format!("strconv.ParseInt: parsing {value:?}: {why}")
        }),
        FlagKind::Duration => go_duration_us(value).err(),
        _ => None,
    };
    if let Some(why) = why {
        return Err(format!("invalid argument {value:?} for {:?} flag: {why}", flag.display()));
    }
    let values = parsed.flags.entry(flag.long).or_default();
    match flag.kind {
        FlagKind::List => values.extend(value.split(',').map(str::to_string)),
        FlagKind::Array => values.push(value.to_string()),
        _ => *values = vec![value.to_string()],
    }
    Ok(())
}

/// Go's `strconv.ParseBool`.
pub fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Go's `time.ParseDuration`, in microseconds. The error is Go's text.
pub fn go_duration_us(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total_us: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        if number.is_empty() || number == "." {
            return Err(invalid());
        }
        let unit_len = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_len);
        let unit_ns: i64 = match unit {
            "" => return Err(format!("time: missing unit in duration {text:?}")),
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            other => return Err(format!("time: unknown unit {other:?} in duration {text:?}")),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let mut ns = if whole.is_empty() { 0 } else { whole.parse::<i64>().map_err(|_| invalid())? };
        ns = ns.checked_mul(unit_ns).ok_or_else(invalid)?;
        let mut scale = unit_ns;
        for digit in fraction.chars() {
            scale /= 10;
            ns += i64::from(digit.to_digit(10).ok_or_else(invalid)?) * scale;
        }
        total_us = total_us.checked_add(ns / 1_000).ok_or_else(invalid)?;
        rest = next;
    }
    Ok(if negative { -total_us } else { total_us })
}

/// Go's `Duration.String` of microseconds: `1m30s`, `12s`, `500ms`.
pub fn go_duration_text(us: i64) -> String {
    if us == 0 {
        return "0s".into();
    }
    let sign = if us < 0 { "-" } else { "" };
    let us = us.unsigned_abs();
    let decimal = |value: u64, unit: u64| {
        let fraction = format!("{:0width$}", value % unit, width = unit.ilog10() as usize);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { (value / unit).to_string() } else { format!("{}.{fraction}", value / unit) }
    };
    let text = match us {
        0..1_000 => format!("{us}µs"),
        1_000..1_000_000 => format!("{}ms", decimal(us, 1_000)),
        _ => {
            let (hours, minutes) = (us / 3_600_000_000, us / 60_000_000 % 60);
            let seconds = decimal(us % 60_000_000, 1_000_000);
            match (hours, minutes) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    };
    format!("{sign}{text}")
}

/// cobra's answer, with the commands that are at most two edits away or begin with the word.
fn unknown_command(root: &Command, word: &str) -> String {
    let mut text = format!("error: unknown command {word:?} for {:?}\n", root.name);
    let near: Vec<&str> = root
        .commands
        .iter()
        .map(|command| command.name)
        .filter(|name| edit_distance(&word.to_lowercase(), name) <= 2 || name.starts_with(&word.to_lowercase()))
        .collect();
    if !near.is_empty() {
        text += "\nDid you mean this?\n";
        for name in near {
            text += &format!("\t{name}\n");
        }
    }
    text
}

/// Levenshtein's distance.
pub fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
