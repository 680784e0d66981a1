//! `orrery`: the simulated cluster without a browser.

mod bench;
mod run;

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
    /// Measures the simulation
    Bench(bench::Options),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(options) => run::main(&options),
        Command::Bench(options) => bench::main(&options),
    }
}
