//! `orrery schedule`: what would the scheduler do with these pods on that cluster?

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use orrery_sim::scheduler::what_if::{Question, Source, what_if};
use orrery_sim::shell::orrery::Format;

/// Options of `orrery schedule`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Pods, and perhaps objects that come with them; several are scheduled in order, each on what the former left. `-` for standard input
    #[arg(value_name = "POD.yaml")]
    pods: PathBuf,
    /// Objects of the cluster: Nodes, Pods, PriorityClasses, …, also as `kubectl get nodes,pods,… -A -o yaml` prints them
    #[arg(long, value_name = "FILE", num_args = 1)]
    cluster: Vec<PathBuf>,
    /// A KubeSchedulerConfiguration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Breaks ties between nodes of the same score
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How to print the answer: table or json
    #[arg(short, long, default_value = "table", value_parser = Format::parse)]
    output: Format,
}

/// Answers. Fails when a file cannot be read or is not understood; that a pod has to wait is an answer.
pub(crate) fn main(options: &Options) -> ExitCode {
    crate::told(answer(options))
}

/// A file's name and text.
struct File {
    name: String,
    text: String,
}

impl File {
    fn read(path: &Path) -> Result<Self, String> {
        let name = if path.as_os_str() == "-" { "standard input".to_string() } else { path.display().to_string() };
        let text = if path.as_os_str() == "-" {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map(|_| text)
        } else {
            fs::read_to_string(path)
        };
        text.map(|text| Self { name: name.clone(), text }).map_err(|error| format!("{name}: {error}"))
    }

    fn source(&self) -> Source<'_> {
        Source { name: &self.name, text: &self.text }
    }
}

fn answer(options: &Options) -> Result<String, String> {
    let cluster = options.cluster.iter().map(|path| File::read(path)).collect::<Result<Vec<_>, _>>()?;
    let config = options.config.as_deref().map(File::read).transpose()?;
    let pods = File::read(&options.pods)?;
    let question = Question {
        cluster: cluster.iter().map(File::source).collect(),
        config: config.as_ref().map(File::source),
        pods: pods.source(),
        seed: options.seed,
    };
    let answers = what_if(&question).map_err(|error| error.to_string())?;
    for warning in &answers.warnings {
        eprintln!("warning: {warning}");
    }
    Ok(options.output.print(&answers))
}
