//! The program orrery: what would the scheduler do with a pod? On files of objects, or on the cluster that runs here.

use super::Env;
use crate::api::{Resource, to_json_pretty, to_yaml};
use crate::core::Request;
use crate::flow::{Flow, Io};
use crate::scheduler::answer_table::table;
use crate::scheduler::load;
use crate::scheduler::what_if::{Answers, Question, Source, what_if};
use crate::value;
use crate::value::{Text, Value};

/// The flags of `orrery schedule`.
pub const FLAGS: [&str; 5] = ["--cluster", "--config", "--help", "--output", "--seed"];

const USAGE: &str = "\
Says what the scheduler would do with the pods of a file, one after the other, each on what the former left.

Usage:
  orrery schedule [--cluster FILE]... [--config FILE] [--seed N] [-o table|json] POD.yaml

  --cluster FILE   objects of the cluster, such as `kubectl get nodes,pods -A -o yaml` prints them; may be given several times.
                   Without it, the pods are tried on the cluster that runs here.
  --config FILE    a KubeSchedulerConfiguration
  --seed N         breaks ties between nodes of the same score; 1 unless given
  -o, --output     table, or json
";

/// How the answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

impl Format {
    /// Reads `table` or `json`.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "table" => Ok(Self::Table),
            "json" => Ok(Self::Json),
            other => Err(format!("the output {other:?} is unknown: it is table or json")),
        }
    }

    /// Prints answers: as JSON one object, or a list when several pods were asked about.
    pub fn print(self, answers: &Answers) -> String {
        match (self, answers.pods.as_slice()) {
            (Self::Table, pods) => table(pods),
            (Self::Json, [one]) => to_json_pretty(one) + "\n",
            (Self::Json, several) => to_json_pretty(&several.iter().cloned().collect()) + "\n",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Options {
    cluster: Vec<String>,
    config: Option<String>,
    seed: u64,
    format: Format,
    pods: String,
}

/// Runs `orrery …`; `argv[0]` is the program's name.
pub fn main(argv: &[String], env: &Env, io: &mut Io) -> Flow<()> {
    match argv.get(1).map(String::as_str) {
        Some("schedule") if !argv.iter().any(|word| word == "--help" || word == "-h") => {}
        Some("schedule" | "help" | "--help" | "-h") => {
            io.print(USAGE);
            return Ok(());
        }
        Some(other) => {
            let words = format!("error: {other:?} is not known here; the terminal's orrery knows `schedule`\n");
            return io.fail(2, &words);
        }
        None => return io.fail(2, USAGE),
    }
    let options = match parse(&argv[2..]) {
        Ok(options) => options,
        Err(error) => return io.fail(2, &format!("error: {error}\n\n{USAGE}")),
    };
    let mut sources: Vec<(String, Text)> = Vec::new();
    for path in options.cluster.iter().chain(options.config.iter()).chain([&options.pods]) {
        let text = if path == "-" { Some(env.stdin.clone().unwrap_or_default()) } else { env.file(path).cloned() };
        match text {
            Some(text) => sources.push((path.clone(), text)),
            None => return io.fail(1, &format!("error: {path}: No such file or directory\n")),
        }
    }
    if options.cluster.is_empty() {
        match running_cluster(io)? {
            Ok(text) => sources.insert(0, ("the cluster".into(), text)),
            Err(error) => return io.fail(1, &format!("error: the cluster cannot be asked: {error}\n")),
        }
    }
    let sources: Vec<Source<'_>> = sources.iter().map(|(name, text)| Source { name, text: text.as_str() }).collect();
    let clusters = options.cluster.len().max(1);
    let question = Question {
        cluster: sources[..clusters].to_vec(),
        config: options.config.as_ref().map(|_| sources[clusters]),
        pods: sources[sources.len() - 1],
        seed: options.seed,
    };
    match what_if(&question) {
        Ok(answers) => {
            for warning in &answers.warnings {
                io.eprint(&format!("warning: {warning}\n"));
            }
            io.print(&options.format.print(&answers));
            Ok(())
        }
        Err(error) => io.fail(1, &format!("error: {error}\n")),
    }
}

/// What the scheduler looks at, asked of the api-server and written as a List.
fn running_cluster(io: &mut Io) -> Flow<Result<Text, String>> {
    let resources: Vec<Resource> = load::resources().collect();
    let requests = resources.iter().map(|resource| Request::list(*resource, "")).collect();
    let mut items: Vec<Value> = Vec::new();
    for (resource, answer) in resources.iter().zip(io.request_all(requests)?) {
        let list = match answer {
            Ok(list) => list,
            Err(error) => return Ok(Err(error.to_string())),
        };
        for item in list["items"].items() {
            let mut item = item.clone();
            item["apiVersion"] = resource.api_version().into();
            item["kind"] = resource.kind.into();
            item.remove_at(&["metadata", "managedFields"]);
            items.push(item);
        }
    }
    Ok(Ok(to_yaml(&value!({"apiVersion": "v1", "kind": "List", "items": items})).into()))
}

fn parse(words: &[String]) -> Result<Options, String> {
    let mut options = Options { cluster: Vec::new(), config: None, seed: 1, format: Format::Table, pods: String::new() };
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let (flag, glued) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(value.to_string())),
            _ => (word.as_str(), None),
        };
        let mut value = || glued.clone().or_else(|| rest.next().cloned()).ok_or_else(|| format!("{flag} needs a value"));
        match flag {
            "--cluster" => options.cluster.push(value()?),
            "--config" => options.config = Some(value()?),
            "--seed" => {
                let text = value()?;
                options.seed = text.parse().map_err(|_| format!("--seed: {text:?} is not a whole number"))?;
            }
            "-o" | "--output" => options.format = Format::parse(&value()?)?,
            flag if flag.starts_with("-o") && !flag.starts_with("--") => {
                let value = &flag[2..];
                options.format = Format::parse(value.strip_prefix('=').unwrap_or(value))?;
            }
            flag if flag.starts_with('-') && flag != "-" => return Err(format!("unknown flag: {flag}")),
            file if options.pods.is_empty() => options.pods = file.to_string(),
            more => return Err(format!("one file of pods is expected, {more:?} is one more")),
        }
    }
    if options.pods.is_empty() { Err("a file of pods is missing".into()) } else { Ok(options) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &str) -> Result<Options, String> {
        parse(&words.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn flags_in_every_form() {
        let have = options("--cluster a.yaml --cluster=b.yaml -ojson --seed 7 p.yaml").unwrap();
        assert_eq!(have.cluster, ["a.yaml", "b.yaml"]);
        assert_eq!((have.seed, have.format, have.pods.as_str()), (7, Format::Json, "p.yaml"));
        for output in ["-o json", "-o=json", "--output=json", "--output json"] {
            assert_eq!(options(&format!("{output} p.yaml")).unwrap().format, Format::Json, "{output}");
        }
        assert_eq!(options("--seed x p").unwrap_err(), "--seed: \"x\" is not a whole number");
        assert_eq!(options("--cluster c.yaml").unwrap_err(), "a file of pods is missing");
        assert_eq!(options("p --nope").unwrap_err(), "unknown flag: --nope");
        assert_eq!(options("p -o wide").unwrap_err(), "the output \"wide\" is unknown: it is table or json");
    }
}
