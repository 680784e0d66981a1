//! `orrery lesson check`: whether lessons are well written and their commands work.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use orrery_sim::core::Duration;
use orrery_sim::lesson::Lesson;
use orrery_sim::session::Session;

/// Options of `orrery lesson`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Reads lessons, runs their commands on fresh clusters, and says what is wrong and where
    Check {
        /// The lessons
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

/// Checks; fails when a lesson is no lesson or one of its steps fails.
pub(crate) fn main(options: &Options) -> ExitCode {
    let Action::Check { files } = &options.action;
    let mut good = true;
    for file in files {
        let name = file.display();
        let lesson = fs::read_to_string(file).map_err(|error| error.to_string());
        match lesson.and_then(|text| Lesson::parse(&text).map_err(|error| error.to_string())) {
            Err(error) => {
                eprintln!("{name}: {error}");
                good = false;
            }
            Ok(lesson) => {
                let failures = run(&lesson);
                good &= failures.is_empty();
                failures.iter().for_each(|failure| eprintln!("{name}: {failure}"));
                println!("{name}: {} steps, {} failing", lesson.steps.len(), failures.len());
            }
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A step that has not ended after this time never will.
const LONGEST: Duration = Duration::s(3_600);

fn run(lesson: &Lesson) -> Vec<String> {
    let mut session = Session::new(1);
    let mut failing = |lines: &str| {
        let command = session.run(lines);
        let result = session.finish(command, LONGEST);
        session.settle(Duration::s(1_800));
        (result.code != Some(0)).then_some(result)
    };
    if let Some(result) = failing(&lesson.create_cluster()) {
        return vec![format!("the cluster cannot be created: {}", result.stderr.trim_end())];
    }
    let steps = lesson.steps.iter().enumerate().filter(|(_, step)| !step.run.is_empty());
    steps
        .filter_map(|(at, step)| {
            let result = failing(&step.run.join("\n"))?;
            let code = result.code.map_or("it does not end".to_string(), |code| format!("exit code {code}"));
            Some(format!("step {}: {code}: {}", at + 1, result.stderr.trim_end()))
        })
        .collect()
}
