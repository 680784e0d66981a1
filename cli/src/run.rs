//! `orrery run`: a script in, a transcript out.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use orrery_sim::core::{Duration, trace_json};
use orrery_sim::session::Session;
use orrery_sim::shell::parse::{SyntaxError, parse};

/// Options of `orrery run`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The script; `-` for standard input
    file: PathBuf,
    /// Seed of all random numbers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder whose files the commands find in their home directory
    #[arg(long)]
    files: Option<PathBuf>,
    /// Writes every message as a line of JSON
    #[arg(long)]
    trace: Option<PathBuf>,
    /// After each command, simulates on until nothing is left but periodic work
    #[arg(long)]
    until_quiet: bool,
    /// Interrupts a command after so many simulated seconds
    #[arg(long, default_value_t = 3600)]
    timeout: u64,
}

/// Runs the script. Fails when a file cannot be read or written; failing commands are part of the transcript.
pub(crate) fn main(options: &Options) -> ExitCode {
    crate::told(run(options).map(|()| String::new()))
}

fn run(options: &Options) -> Result<(), String> {
    let script = read_script(&options.file)?;
    let mut files = BTreeMap::new();
    if let Some(folder) = &options.files {
        read_folder(folder, "", &mut files)?;
    }
    let mut session = Session::with_files(options.seed, files);
    let stdout = io::stdout();
    for line in split(&script) {
        let text = transcript(&mut session, &line, options);
        // A reader that has gone away (head) ends the run.
        if stdout.lock().write_all(text.as_bytes()).is_err() {
            return Ok(());
        }
    }
    if let Some(path) = &options.trace {
        write_trace(&session, path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Runs one command and says what a terminal would show.
fn transcript(session: &mut Session, line: &str, options: &Options) -> String {
    let limit = Duration::s(options.timeout);
    let command = session.run(line);
    let mut result = session.finish(command, limit);
    if result.code.is_none() {
        session.interrupt(command);
        result = session.finish(command, limit);
    }
    if options.until_quiet {
        session.settle(limit);
    }
    let mut text = String::new();
    for (index, part) in line.lines().enumerate() {
        text += if index == 0 { "$ " } else { "> " };
        text += part;
        text.push('\n');
    }
    text += &result.stdout;
    if !result.stdout.is_empty() && !result.stdout.ends_with('\n') {
        text.push('\n');
    }
    for part in result.stderr.lines() {
        text += "stderr: ";
        text += part;
        text.push('\n');
    }
    match result.code {
        Some(0) => {}
        Some(code) => text += &format!("(exit {code})\n"),
        None => text += "(still running)\n",
    }
    text
}

/// The script's commands: a line, or several when a quote or a here-document is open. Empty lines and comments are left out.
pub(crate) fn split(script: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut pending = String::new();
    for line in script.lines() {
        if pending.is_empty() && (line.trim().is_empty() || line.trim_start().starts_with('#')) {
            continue;
        }
        if !pending.is_empty() {
            pending.push('\n');
        }
        pending += line;
        if !matches!(parse(&pending), Err(SyntaxError::Incomplete(_))) {
            commands.push(std::mem::take(&mut pending));
        }
    }
    if !pending.is_empty() {
        commands.push(pending);
    }
    commands
}

pub(crate) fn read_script(path: &Path) -> Result<String, String> {
    if path.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(|error| format!("standard input: {error}"))?;
        return Ok(text);
    }
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let key = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if path.is_dir() {
            read_folder(&path, &key, files)?;
        } else if let Ok(text) = fs::read_to_string(&path) {
            files.insert(key, text);
        }
    }
    Ok(())
}

fn write_trace(session: &Session, path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    for line in trace_json::lines(session.trace(), session.live_cluster().directory()) {
        writeln!(file, "{line}")?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_here_document_is_one_command() {
        let script = "# comment\necho a\n\ncat <<EOF\nx\n\ny\nEOF\necho b\n";
        assert_eq!(split(script), ["echo a", "cat <<EOF\nx\n\ny\nEOF", "echo b"]);
    }

    #[test]
    fn output_errors_and_codes_are_shown() {
        let options = Options { file: "-".into(), seed: 1, files: None, trace: None, until_quiet: false, timeout: 60 };
        let mut session = Session::new(1);
        assert_eq!(transcript(&mut session, "echo hello", &options), "$ echo hello\nhello\n");
        assert_eq!(
            transcript(&mut session, "nonsense", &options),
            "$ nonsense\nstderr: bash: nonsense: command not found\n(exit 127)\n"
        );
        assert_eq!(transcript(&mut session, "sleep 120", &options), "$ sleep 120\n(exit 130)\n");
    }
}
