//! `orrery compare`: clusters of different shapes under the same fault, and what survived.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use orrery_sim::compare::{APPLICATION, ASKED_AFTER, FAULT_AT, FAULTS, Fault, Outcome, QUESTIONS, measure, prepare};
use orrery_sim::core::Duration;
use orrery_sim::kind::topology::{TOPOLOGIES, Topology, create_cluster};
use orrery_sim::session::Session;
use orrery_sim::value;
use orrery_sim::value::Value;

/// Options of `orrery compare`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// single-node, workers, stacked-3, stacked-5, external-3, or files with kind's configuration; none: all five
    topologies: Vec<String>,
    /// What happens: a command line such as `docker stop {control-plane}`, or a name; none: all that have a name
    #[arg(long, value_name = "LINE")]
    fault: Vec<String>,
    /// Manifests to apply instead of a Deployment with three pods and its Service
    #[arg(long, value_name = "FILE")]
    apply: Option<PathBuf>,
    /// Seed of all random numbers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
    /// Writes the tables into a Markdown file instead, each behind its line `<!-- orrery compare --fault NAME -->`
    #[arg(long, value_name = "FILE")]
    update: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Markdown,
    Json,
}

/// Compares. Fails when a cluster cannot be created, or a fault is none.
pub(crate) fn main(options: &Options) -> ExitCode {
    crate::told(compare(options))
}

/// A cluster just before the fault.
struct Cluster {
    name: String,
    external_etcd: bool,
    session: Session,
}

impl Cluster {
    fn prepare(topology: &str, application: &str, seed: u64) -> Result<Self, String> {
        let known = Topology::find(topology);
        let lines = match known {
            Some(known) => known.lines(),
            None => {
                let config = fs::read_to_string(topology).map_err(|error| {
                    let names: Vec<&str> = TOPOLOGIES.iter().map(|topology| topology.name).collect();
                    format!("{topology}: {error}; known topologies are {}", names.join(", "))
                })?;
                vec![create_cluster(&config)]
            }
        };
        let session = prepare(seed, &lines, application).map_err(|error| format!("{topology}: {error}"))?;
        Ok(Self { name: topology.to_string(), external_etcd: known.is_some_and(|known| known.external_etcd > 0), session })
    }

    fn suffer(&self, fault: &str) -> Result<Outcome, String> {
        let line = match Fault::find(fault) {
            Some(known) if self.external_etcd && !known.line_external.is_empty() => known.line_external,
            Some(known) => known.line,
            None => fault,
        };
        measure(&self.session, line).map_err(|error| format!("{}: {error}", self.name))
    }
}

fn compare(options: &Options) -> Result<String, String> {
    let or_all = |given: &[String], all: &[&str]| -> Vec<String> {
        if given.is_empty() { all.iter().map(ToString::to_string).collect() } else { given.to_vec() }
    };
    let topologies = or_all(&options.topologies, &TOPOLOGIES.map(|topology| topology.name));
    let faults = or_all(&options.fault, &FAULTS.map(|fault| fault.name));
    let application = match &options.apply {
        Some(path) => fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?,
        None => APPLICATION.to_string(),
    };
    let prepare = |name: &String| Cluster::prepare(name, &application, options.seed);
    let clusters: Vec<Cluster> = topologies.iter().map(prepare).collect::<Result<_, _>>()?;
    let mut comparisons = Vec::new();
    for fault in &faults {
        let outcomes: Vec<Outcome> = clusters.iter().map(|cluster| cluster.suffer(fault)).collect::<Result<_, _>>()?;
        comparisons.push(Comparison { fault, topologies: &topologies, outcomes });
    }
    if let Some(path) = &options.update {
        let mut text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        for comparison in &comparisons {
            let range = comparison.place(&text).ok_or(format!("{}: no place for {}", path.display(), comparison.fault))?;
            text.replace_range(range, &comparison.markdown());
        }
        return fs::write(path, text).map(|()| String::new()).map_err(|error| format!("{}: {error}", path.display()));
    }
    Ok(match options.output {
        Format::Table => comparisons.iter().map(Comparison::table).collect::<Vec<_>>().join("\n"),
        Format::Markdown => comparisons.iter().map(Comparison::markdown).collect::<Vec<_>>().join("\n"),
        Format::Json => {
            let list: Value = comparisons.iter().map(Comparison::to_value).collect();
            value!({"faultAtSeconds": FAULT_AT.since(orrery_sim::core::Time::ZERO).as_millis() / 1_000, "comparisons": list})
                .to_json()
                + "\n"
        }
    })
}

/// What one fault did to all clusters.
struct Comparison<'a> {
    fault: &'a str,
    topologies: &'a [String],
    outcomes: Vec<Outcome>,
}

impl Comparison<'_> {
    fn title(&self) -> &str {
        Fault::find(self.fault).map_or(self.fault, |fault| fault.title)
    }

    /// The rows of the table: a heading, and an answer to each question in each cluster.
    fn rows(&self) -> Vec<Vec<String>> {
        let answers: Vec<Vec<String>> = self.outcomes.iter().map(Outcome::answers).collect();
        let mut rows = vec![[String::new()].iter().chain(self.topologies).cloned().collect::<Vec<_>>()];
        for (at, question) in QUESTIONS.iter().enumerate() {
            rows.push([(*question).to_string()].into_iter().chain(answers.iter().map(|answers| answers[at].clone())).collect());
        }
        rows
    }

    /// The commands that were the fault, the same ones only once.
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for (topology, outcome) in self.topologies.iter().zip(&self.outcomes) {
            lines.push(format!("{topology}: {}", if outcome.lines.is_empty() { "-".into() } else { outcome.lines.join("; ") }));
        }
        lines
    }

    fn table(&self) -> String {
        let rows = self.rows();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..=self.topologies.len()).map(width).collect();
        let mut text = format!("{}\n", self.title());
        self.lines().iter().for_each(|line| text += &format!("  {line}\n"));
        text += &format!("What survived {}:\n\n", moments());
        for row in &rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            text += cells.collect::<Vec<_>>().join("   ").trim_end();
            text.push('\n');
        }
        text
    }

    fn markdown(&self) -> String {
        let mut text = String::new();
        for (at, row) in self.rows().iter().enumerate() {
            text += &format!("| {} |\n", row.join(" | "));
            if at == 0 {
                text += &format!("|{}\n", "---|".repeat(row.len()));
            }
        }
        text
    }

    /// Where its table stands in a document.
    fn place(&self, text: &str) -> Option<Range<usize>> {
        let mark = format!("<!-- orrery compare --fault {} -->\n", self.fault);
        let start = text.find(&mark)? + mark.len();
        let rows = text[start..].split_inclusive('\n').take_while(|line| line.starts_with('|'));
        Some(start..start + rows.map(str::len).sum::<usize>())
    }

    fn to_value(&self) -> Value {
        let of = |(topology, outcome): (&String, &Outcome)| {
            let mut value = outcome.to_value();
            value["topology"] = Value::from(topology);
            value
        };
        value!({"fault": Value::from(&self.fault.to_string()), "topologies": self.topologies.iter().zip(&self.outcomes).map(of).collect::<Value>()})
    }
}

/// `10 s → 2 min → 8 min after it`.
fn moments() -> String {
    let show = |after: &Duration| match after.as_millis() / 1_000 {
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    };
    format!("{} after it", ASKED_AFTER.iter().map(show).collect::<Vec<_>>().join(" → "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cells of a Markdown table in these columns, besides the first one.
    fn columns(table: &str, names: &[String]) -> Vec<Vec<String>> {
        let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect::<Vec<_>>();
        let head = table.lines().next().map(cells).unwrap_or_default();
        let wanted: Vec<usize> = (0..head.len()).filter(|at| *at == 0 || names.iter().any(|name| *name == head[*at])).collect();
        table.lines().map(cells).map(|row| wanted.iter().map(|at| row[*at].clone()).collect()).collect()
    }

    /// All faults, but only two of the clusters: the others take minutes in a build that is not optimised.
    #[test]
    fn the_document_on_failures_says_what_is_measured() {
        let document = include_str!("../../docs/failures.md");
        let names = ["workers".to_string(), "stacked-3".to_string()];
        let clusters = names.each_ref().map(|name| Cluster::prepare(name, APPLICATION, 1).expect("a known topology"));
        for fault in FAULTS {
            let outcomes = clusters.iter().map(|cluster| cluster.suffer(fault.name).expect("a known fault")).collect();
            let comparison = Comparison { fault: fault.name, topologies: &names, outcomes };
            let place = comparison.place(document).unwrap_or_else(|| panic!("docs/failures.md tells nothing of {}", fault.name));
            let told = columns(&document[place], &names);
            let measured = columns(&comparison.markdown(), &names);
            assert_eq!(told, measured, "{}: orrery compare --update docs/failures.md", fault.name);
        }
    }

    #[test]
    fn names_and_lines_that_mean_nothing_are_told() {
        let options = |topologies: &[&str], fault: &str| Options {
            topologies: topologies.iter().map(ToString::to_string).collect(),
            fault: vec![fault.to_string()],
            apply: None,
            seed: 1,
            output: Format::Table,
            update: None,
        };
        let error = compare(&options(&["nowhere"], "worker-off")).expect_err("no such topology");
        assert!(error.contains("known topologies are single-node, workers, "), "{error}");
        let error = compare(&options(&["single-node"], "docker stop {nobody}")).expect_err("no such name");
        assert_eq!(error, "single-node: docker stop {nobody}: there is no {nobody}");
        let error = compare(&options(&["single-node"], "docker stop nobody")).expect_err("no such machine");
        assert!(error.starts_with("single-node: docker stop nobody: ") && error.contains("No such container"), "{error}");
    }
}
