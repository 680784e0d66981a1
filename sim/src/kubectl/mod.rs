//! kubectl: a program over [`Io`] that sends the requests that kubectl v1.36 sends and prints what it prints.
//!
//! In reading order: [`args`] and [`parse`] are cobra and pflag, [`invocation`] is one call of a command, [`resources`] finds out which
//! objects are meant, [`error`] says what went wrong; then one file a command.
//!
//! To add a command: a file with `pub static COMMAND: Command` and its code, and its line in [`GROUPS`].
//!
//! Discovery is left out: kubectl fetches the list of resources from the server when its cache is cold; here it is built in.

mod api_resources;
mod apply;
pub mod args;
mod autoscale;
mod config;
mod cordon;
mod create;
mod delete;
mod describe;
mod drain;
pub mod error;
mod events;
mod exec;
mod expose;
mod get;
mod help;
mod image;
pub mod invocation;
pub mod kubeconfig;
mod label;
mod last_applied;
mod logs;
pub mod manifests;
pub mod options;
pub mod outcome;
pub mod parse;
mod patch;
mod pod_of;
pub mod print;
mod replace;
pub mod replica_sets;
pub mod resources;
mod rollout;
mod run;
mod scale;
#[cfg(test)]
mod served_tests;
mod set;
mod streams;
pub mod subjects;
mod taint;
pub mod until;
pub mod version;
mod wait;

pub use args::{Command, Flag, FlagKind};
pub use error::Error;
pub use invocation::Invocation;

use crate::flow::{Flow, Io};
use crate::shell::Env;

/// A heading of kubectl's help and the commands below it.
type Group = (&'static str, &'static [&'static Command]);

macro_rules! groups {
    ($($title:literal: [$($command:expr),* $(,)?]),* $(,)?) => {
        /// All commands in the order of kubectl's help, which is also the order of its suggestions.
        pub static GROUPS: &[Group] = &[$(($title, &[$($command),*])),*];
        static COMMANDS: &[&Command] = &[$($($command,)*)*];
    };
}

groups! {
    "Basic Commands (Beginner)": [
        &create::COMMAND,
        &expose::COMMAND,
        &run::COMMAND,
        &set::COMMAND,
    ],
    "Basic Commands (Intermediate)": [
        &Command::absent("explain", "Get documentation for a resource"),
        &get::COMMAND,
        &Command::absent("edit", "Edit a resource on the server"),
        &delete::COMMAND,
    ],
    "Deploy Commands": [
        &rollout::COMMAND,
        &scale::COMMAND,
        &autoscale::COMMAND,
    ],
    "Cluster Management Commands": [
        &Command::absent("certificate", "Modify certificate resources"),
        &version::CLUSTER_INFO,
        &api_resources::TOP,
        &cordon::CORDON,
        &cordon::UNCORDON,
        &drain::COMMAND,
        &taint::COMMAND,
    ],
    "Troubleshooting and Debugging Commands": [
        &describe::COMMAND,
        &logs::COMMAND,
        &streams::ATTACH,
        &exec::COMMAND,
        &streams::PORT_FORWARD,
        &Command::absent("proxy", "Run a proxy to the Kubernetes API server"),
        &streams::COPY,
        &Command::absent("auth", "Inspect authorization"),
        &streams::DEBUG,
        &events::COMMAND,
    ],
    "Advanced Commands": [
        &Command::absent("diff", "Diff the live version against a would-be applied version"),
        &apply::COMMAND,
        &patch::COMMAND,
        &replace::COMMAND,
        &wait::COMMAND,
        &Command::absent("kustomize", "Build a kustomization target from a directory or URL"),
    ],
    "Settings Commands": [
        &label::LABEL,
        &label::ANNOTATE,
        &Command::absent("completion", "Output shell completion code for the specified shell (bash, zsh, fish, or powershell)"),
    ],
    "Subcommands provided by plugins": [],
    "Other Commands": [
        &api_resources::RESOURCES,
        &api_resources::VERSIONS,
        &config::COMMAND,
        &Command::absent("kuberc", "Manage kuberc configuration files"),
        &Command::absent("plugin", "Provides utilities for interacting with plugins"),
        &version::VERSION,
        &OPTIONS,
    ],
}

static OPTIONS: Command = Command {
    name: "options",
    short: "Print the list of flags inherited by all commands",
    local: true,
    run: Some(|_, io| {
        io.print(&help::options());
        Ok(())
    }),
    ..Command::NEW
};

static ROOT: Command = Command { name: "kubectl", commands: COMMANDS, local: true, ..Command::NEW };

/// The command above all others, for completion.
pub fn root() -> &'static Command {
    &ROOT
}

/// kubectl; `argv[0]` is its name.
pub fn main(argv: &[String], env: &Env, io: &mut Io) -> Flow<()> {
    let words = argv.get(1..).unwrap_or_default();
    if words.is_empty() || words == ["--help"] || words == ["-h"] || words == ["help"] {
        io.print(&help::overview());
        return Ok(());
    }
    if words[0] == "help" {
        let mut path: Vec<String> = words[1..].to_vec();
        path.push("--help".into());
        return call(&path, env, io);
    }
    call(words, env, io)
}

fn call(words: &[String], env: &Env, io: &mut Io) -> Flow<()> {
    let parsed = match parse::parse(&ROOT, words) {
        Ok(parsed) => parsed,
        Err(text) => return io.fail(1, &text),
    };
    let command = parsed.command;
    let unknown = parsed.args.first().cloned();
    if parsed.flags.contains_key("help") {
        io.print(&help::of(command, &parsed.path));
        return Ok(());
    }
    let inv = match Invocation::new(parsed, env) {
        Ok(inv) => inv,
        Err(text) => return io.fail(1, &text),
    };
    match (command.run, unknown) {
        (Some(run), _) => run(&inv, io),
        (None, _) if command.is_absent() => inv.fail(io, format!("\"{}\" is not modelled by kube-orrery", inv.path)),
        (None, None) => {
            io.print(&help::of(command, &inv.path));
            Ok(())
        }
        (None, Some(word)) => inv.usage_error(io, &format!("unknown command {word:?}")),
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Runs kubectl against scripted answers.

    use std::rc::Rc;

    use super::*;
    use crate::api::ApiError;
    use crate::core::{EnvelopeId, Request, Response, Time};
    use crate::flow::{Answer, Ask, Halt, Log, Stream};
    use crate::value::Value;

    /// What a run came to.
    #[derive(Debug)]
    pub(crate) struct Outcome {
        pub(crate) out: String,
        pub(crate) err: String,
        /// The exit code; `None` while it waits for an answer that the script does not have.
        pub(crate) code: Option<i32>,
        /// Method and path of every request, in order.
        pub(crate) requests: Vec<String>,
    }

    /// Runs a line of words without quotes; each request is answered by `answer`, each wait is over at once.
    pub(crate) fn run(line: &str, env: &Env, answer: impl Fn(&Request) -> Result<Value, ApiError>) -> Outcome {
        let argv: Vec<String> = line.split(' ').map(str::to_string).collect();
        run_words(&argv, env, answer)
    }

    /// The same for words.
    pub(crate) fn run_words(argv: &[String], env: &Env, answer: impl Fn(&Request) -> Result<Value, ApiError>) -> Outcome {
        run_at(Time::ZERO, argv, env, answer)
    }

    /// The same for words and a program that starts at this time.
    pub(crate) fn run_at(
        started: Time,
        argv: &[String],
        env: &Env,
        answer: impl Fn(&Request) -> Result<Value, ApiError>,
    ) -> Outcome {
        let mut log = Log::default();
        let mut now = started;
        let mut answered = 0;
        loop {
            let mut io = Io::new(started, &log);
            let result = main(argv, env, &mut io);
            let asks: Vec<Ask> = io.asks()[answered..].to_vec();
            if result != Err(Halt::Pending) || asks.is_empty() {
                let all = io.asks().iter();
                let requests = all.filter_map(|ask| match ask {
                    Ask::Request(request) => Some(format!("{} {}", request.verb.method(), request.path())),
                    _ => None,
                });
                return Outcome {
                    out: invocation::printed(&io, Stream::Out),
                    err: invocation::printed(&io, Stream::Err),
                    code: match result {
                        Ok(()) => Some(0),
                        Err(Halt::Exit(code)) => Some(code),
                        Err(Halt::Pending) => None,
                    },
                    requests: requests.collect(),
                };
            }
            for ask in asks {
                now = Time(now.0 + 1_000);
                match ask {
                    Ask::Request(request) => {
                        let (code, body) = match answer(&request) {
                            Ok(body) => (200, body),
                            Err(error) => (error.code, error.to_value()),
                        };
                        log.push(now, answered, Answer::Response(Rc::new(Response { to: EnvelopeId(0), code, body })));
                    }
                    Ask::WakeAt(at) => {
                        now = now.max(at);
                        log.push(now, answered, Answer::Awake);
                    }
                    Ask::Docker { .. } | Ask::Close(_) => {}
                }
                answered += 1;
            }
        }
    }

    /// Runs a line that must send no request.
    pub(crate) fn run_offline(line: &str) -> Outcome {
        run(line, &Env::default(), |request| panic!("unexpected request {}", request.path()))
    }
}

#[cfg(test)]
mod tests {
    use super::testing::run_offline;

    #[test]
    fn unknown_words_are_answered_as_cobra_does() {
        let gett = run_offline("kubectl gett pods");
        assert_eq!(gett.err, "error: unknown command \"gett\" for \"kubectl\"\n\nDid you mean this?\n\tset\n\tget\n");
        assert_eq!(gett.code, Some(1));
        let version = run_offline("kubectl get pods --foo");
        assert_eq!(version.err, "error: unknown flag: --foo\nSee 'kubectl get --help' for usage.\n");
        let letter = run_offline("kubectl get pods -z");
        assert_eq!(letter.err, "error: unknown shorthand flag: 'z' in -z\nSee 'kubectl get --help' for usage.\n");
        let value = run_offline("kubectl get pods --namespace");
        assert_eq!(value.err, "error: flag needs an argument: --namespace\nSee 'kubectl get --help' for usage.\n");
    }

    #[test]
    fn what_is_not_modelled_is_refused() {
        let refused = run_offline("kubectl -n x options --as jane");
        assert_eq!(refused.err, "error: --as is not modelled: authentication and authorisation are left out\n");
        let absent = run_offline("kubectl proxy");
        assert_eq!(absent.err, "error: \"kubectl proxy\" is not modelled by kube-orrery\n");
        let with_flags = run_offline("kubectl create ingress x --rule=a.example/*=web:80");
        assert_eq!(with_flags.err, "error: \"kubectl create ingress\" is not modelled by kube-orrery\n");
    }

    #[test]
    fn help_lists_every_command() {
        let help = run_offline("kubectl").out;
        assert!(help.starts_with("kubectl controls the Kubernetes cluster manager.\n\n Find more information at:"));
        assert!(help.contains("  api-resources   Print the supported API resources on the server\n"));
        assert!(run_offline("kubectl options").out.contains("-n, --namespace='':\n"));
    }
}
