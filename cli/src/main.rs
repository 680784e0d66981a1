//! `orrery`: the simulated cluster without a browser.

mod bench;
mod bench_schedule;
mod compare;
mod lesson;
mod png;
mod render;
mod run;
mod schedule;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The simulated Kubernetes cluster of kube-orrery, without a browser.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs command lines (kind, kubectl, docker, sleep, …) on a fresh simulated cluster and prints a transcript
    Run(run::Options),
    /// Says what the scheduler would do with pods on a cluster that files describe
    Schedule(schedule::Options),
    /// Checks lessons
    Lesson(lesson::Options),
    /// Draws the stage at a moment of a script or a lesson as SVG, or a whole lesson as a handout
    Render(render::Options),
    /// Puts clusters of different shapes under the same fault and tells what survived
    Compare(compare::Options),
    /// Measures the simulation
    Bench(bench::Options),
}

/// Prints an answer, or the error that there is instead.
fn told(answer: Result<String, String>) -> ExitCode {
    match answer {
        Ok(text) => {
            // A reader that has gone away (head) has seen enough.
            let _ = io::stdout().lock().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(options) => run::main(&options),
        Command::Schedule(options) => schedule::main(&options),
        Command::Lesson(options) => lesson::main(&options),
        Command::Render(options) => render::main(&options),
        Command::Compare(options) => compare::main(&options),
        Command::Bench(options) => bench::main(&options),
    }
}
