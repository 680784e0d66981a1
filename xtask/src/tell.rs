//! Says on stderr what is being done and how long it takes; runs programs.

use std::ffi::OsStr;
use std::io::{IsTerminal as _, stderr};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

/// How often a long step says that it is still at work.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Prints a line about what is done next.
pub(crate) fn say(line: &str) {
    eprintln!("xtask: {line}");
}

/// Runs `work` under a title; while it takes long, says so every 15 seconds.
///
/// On a terminal nothing is said in between: there cargo and apt draw progress of their own, which further lines would tear apart.
pub(crate) fn step<T>(title: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    say(title);
    let start = Instant::now();
    let (done, waiting) = mpsc::channel::<()>();
    let name = title.split(" (").next().unwrap_or(title).to_owned();
    let name_of_thread = name.clone();
    let heartbeat = (!stderr().is_terminal()).then(|| {
        thread::spawn(move || {
            while waiting.recv_timeout(HEARTBEAT) == Err(RecvTimeoutError::Timeout) {
                say(&format!("… {name_of_thread}: {} s so far", start.elapsed().as_secs()));
            }
        })
    });
    let result = work();
    drop(done);
    if let Some(heartbeat) = heartbeat {
        // It only prints; if that panicked there is nothing to say about it.
        let _ = heartbeat.join();
    }
    if result.is_ok() && start.elapsed() > Duration::from_secs(2) {
        say(&format!("{name}: done in {:.1} s", start.elapsed().as_secs_f64()));
    }
    result
}

/// Runs a program to its end; errors name it, with its arguments.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("starting {}", line(command)))?;
    ensure!(status.success(), "{} failed ({status})", line(command));
    Ok(())
}

/// As [`run`], with only the first lines of what a failing program says on stderr.
pub(crate) fn run_briefly(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdout(Stdio::inherit()).output().with_context(|| format!("starting {}", line(command)))?;
    let words = String::from_utf8_lossy(&output.stderr);
    let first: Vec<_> = words.lines().take(3).collect();
    ensure!(output.status.success(), "{} failed ({}):\n{}", line(command), output.status, first.join("\n"));
    Ok(())
}

/// The cargo that runs us, so that a `+toolchain` holds for everything.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
