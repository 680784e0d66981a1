//! The programs of the user's machine.

use super::filter::{self, Filter};
use super::{Env, env};
use crate::core::Duration;
use crate::flow::{Flow, Io};
use crate::value::Text;
use crate::{docker, kind, kubectl};

/// The programs that can be called, for completion and `help`.
pub const NAMES: &[&str] = &[
    "cat", "clear", "docker", "echo", "egrep", "false", "fgrep", "grep", "head", "help", "kind", "kubectl", "ls", "orrery",
    "pwd", "rm", "sleep", "sort", "tail", "true", "uniq", "wc",
];

/// Runs the program `argv[0]`.
pub fn run(argv: &[String], env: &Env, io: &mut Io) -> Flow<()> {
    let name = argv.first().map_or("", String::as_str);
    match name {
        "kubectl" => kubectl::main(argv, env, io),
        "kind" => kind::main(argv, env, io),
        "docker" => docker::main(argv, env, io),
        "orrery" => super::orrery::main(argv, env, io),
        "sleep" => sleep(argv, io),
        "echo" => echo(argv, io),
        "ls" => ls(argv, env, io),
        "rm" => rm(argv, env, io),
        "pwd" => {
            io.print(&format!("{}\n", super::env::HOME));
            Ok(())
        }
        // What the terminal shows is not known here: whoever shows it clears it.
        "true" | "clear" | ":" => Ok(()),
        "false" => io.fail(1, ""),
        "help" => {
            io.print(&format!("Programs of this machine: {}\n", NAMES.join(", ")));
            Ok(())
        }
        name if filter::NAMES.contains(&name) => filter_files(argv, env, io),
        name if name.contains('/') => io.fail(127, &format!("bash: {name}: No such file or directory\n")),
        name => io.fail(127, &format!("bash: {name}: command not found\n")),
    }
}

/// A filter over files, or over all of stdin.
fn filter_files(argv: &[String], env: &Env, io: &mut Io) -> Flow<()> {
    let parsed = match Filter::parse(argv) {
        Ok(parsed) => parsed,
        Err((text, code)) => return io.fail(code, &text),
    };
    let name = argv[0].as_str();
    let files = if parsed.files.is_empty() { vec!["-".to_string()] } else { parsed.files };
    let mut texts: Vec<(String, Text)> = Vec::new();
    let mut failed = false;
    for path in files {
        let text = if path == "-" { Some(env.stdin.clone().unwrap_or_default()) } else { env.file(&path).cloned() };
        if let Some(text) = text {
            texts.push((path, text));
        } else if env.folder(&path).is_empty() {
            failed = true;
            io.eprint(&match name {
                "head" | "tail" => format!("{name}: cannot open '{path}' for reading: No such file or directory\n"),
                "sort" => format!("{name}: cannot read: {path}: No such file or directory\n"),
                _ => format!("{name}: {path}: No such file or directory\n"),
            });
        } else {
            failed = true;
            io.eprint(&format!("{name}: {path}: Is a directory\n"));
        }
    }
    let several = texts.len() > 1;
    let mut code = 0;
    if matches!(name, "cat" | "sort" | "uniq") {
        let mut filter = parsed.filter;
        let mut out = String::new();
        for (_, text) in &texts {
            filter.feed(text, &mut out);
        }
        filter.finish(&mut out);
        io.print(&out);
    } else {
        let mut hit = false;
        for (at, (path, text)) in texts.iter().enumerate() {
            let mut filter = parsed.filter.clone();
            let mut out = String::new();
            filter.feed(text, &mut out);
            hit |= filter.finish(&mut out) == 0;
            io.print(&named(name, path, &out, several, at == 0));
        }
        code = i32::from(name.ends_with("grep") && !hit);
    }
    if failed {
        code = if name.ends_with("grep") || name == "sort" { 2 } else { 1 };
    }
    if code == 0 { Ok(()) } else { io.fail(code, "") }
}

/// A filter's output with the file's name, as each filter writes it.
fn named(name: &str, path: &str, out: &str, several: bool, first: bool) -> String {
    match name {
        "wc" if path != "-" => out.trim_end().to_string() + " " + path + "\n",
        "head" | "tail" if several => format!("{}==> {path} <==\n{out}", if first { "" } else { "\n" }),
        "grep" | "egrep" | "fgrep" if several => out.lines().map(|line| format!("{path}:{line}\n")).collect(),
        _ => out.to_string(),
    }
}

/// `sleep NUMBER[SUFFIX]...`
fn sleep(argv: &[String], io: &mut Io) -> Flow<()> {
    if argv.len() < 2 {
        return io.fail(1, "sleep: missing operand\nTry 'sleep --help' for more information.\n");
    }
    let mut total_us: u64 = 0;
    for text in &argv[1..] {
        match interval_us(text) {
            Some(us) => total_us = total_us.saturating_add(us),
            None => {
                return io.fail(1, &format!("sleep: invalid time interval ‘{text}’\nTry 'sleep --help' for more information.\n"));
            }
        }
    }
    io.sleep(Duration::us(total_us))
}

/// A number with an optional fraction and unit, in microseconds; at most some thousand years.
fn interval_us(text: &str) -> Option<u64> {
    let (number, unit_us) = match text.chars().last()? {
        's' => (&text[..text.len() - 1], 1_000_000),
        'm' => (&text[..text.len() - 1], 60_000_000),
        'h' => (&text[..text.len() - 1], 3_600_000_000),
        'd' => (&text[..text.len() - 1], 86_400_000_000),
        _ => (text, 1_000_000_u64),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || !fraction.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok().filter(|n| *n <= 1_000_000)? };
    let fraction: u64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    Some(whole * unit_us + fraction * (unit_us / 1_000_000))
}

fn echo(argv: &[String], io: &mut Io) -> Flow<()> {
    let mut words = &argv[1..];
    let (mut newline, mut escapes) = (true, false);
    while let Some(option) = words.first() {
        match option.as_str() {
            "-n" => newline = false,
            "-e" => escapes = true,
            "-ne" | "-en" => (newline, escapes) = (false, true),
            "-E" => escapes = false,
            _ => break,
        }
        words = &words[1..];
    }
    let mut text = words.join(" ");
    if escapes {
        text = text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\");
    }
    if newline {
        text.push('\n');
    }
    io.print(&text);
    Ok(())
}

fn ls(argv: &[String], environment: &Env, io: &mut Io) -> Flow<()> {
    let mut hidden = false;
    let mut paths: Vec<&str> = Vec::new();
    for word in &argv[1..] {
        match word.as_str() {
            "-a" | "-A" => hidden = true,
            "-1" => {}
            option if option.starts_with('-') && option.len() > 1 => {
                return io
                    .fail(2, &format!("ls: option {option} is not modelled by kube-orrery: files have no owner and no date\n"));
            }
            path => paths.push(path),
        }
    }
    let several = paths.len() > 1;
    if paths.is_empty() {
        paths.push(".");
    }
    let mut failed = false;
    for path in paths {
        let folder = env::normal_path(path);
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut names: Vec<String> = Vec::new();
        for rest in environment.files.keys().filter_map(|path| path.strip_prefix(&prefix)) {
            let name = rest.split('/').next().unwrap_or_default().to_string();
            if !names.contains(&name) && (hidden || !name.starts_with('.')) {
                names.push(name);
            }
        }
        if environment.file(path).is_some() {
            io.print(&format!("{path}\n"));
        } else if names.is_empty() && !folder.is_empty() {
            failed = true;
            io.eprint(&format!("ls: cannot access '{path}': No such file or directory\n"));
        } else {
            if several {
                io.print(&format!("{path}:\n"));
            }
            io.print(&names.iter().map(|name| format!("{name}\n")).collect::<String>());
        }
    }
    if failed { io.fail(2, "") } else { Ok(()) }
}

fn rm(argv: &[String], environment: &Env, io: &mut Io) -> Flow<()> {
    let force = argv[1..].iter().any(|word| word == "-f" || word == "-rf");
    let mut failed = false;
    for path in argv[1..].iter().filter(|word| !word.starts_with('-')) {
        if environment.file(path).is_some() {
            io.write_file(&env::normal_path(path), None);
        } else if !force {
            failed = true;
            io.eprint(&format!("rm: cannot remove '{path}': No such file or directory\n"));
        }
    }
    if failed { io.fail(1, "") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals() {
        assert_eq!(interval_us("30"), Some(30_000_000));
        assert_eq!(interval_us("0.25"), Some(250_000));
        assert_eq!(interval_us("1.5m"), Some(90_000_000));
        assert_eq!(interval_us("2h"), Some(7_200_000_000));
        for bad in ["", "x", "-1", "1x", ".", "99999999999999999999", "1.-2"] {
            assert_eq!(interval_us(bad), None, "{bad}");
        }
    }
}
