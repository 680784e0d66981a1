//! One call of a command: its flags and arguments, the cluster that it means, and its ways to end.

use super::args::Command;
use super::error::Error;
use super::kubeconfig::Kubeconfig;
use super::parse::{Parsed, flag_named, go_bool, go_duration_us};
use crate::core::{Duration, Time};
use crate::flow::{Flow, Halt, Io};
use crate::shell::Env;

/// One call of a command.
#[derive(Clone, Debug)]
pub struct Invocation<'a> {
    /// The session.
    pub env: &'a Env,
    /// The command.
    pub command: &'static Command,
    /// The command's full name: `kubectl create deployment`.
    pub path: String,
    /// What is neither command nor flag.
    pub args: Vec<String>,
    /// How many of `args` stood before `--`, if there was one.
    pub dash: Option<usize>,
    /// The namespace that the command means: of `-n`, else of the context, else `default`.
    pub namespace: String,
    /// The api-server's host and port, for errors about the connection.
    pub host: String,
    /// The api-server's URL.
    pub server: String,
    parsed: Parsed,
}

impl<'a> Invocation<'a> {
    /// The call that was parsed. Fails when kubeconfig has no such context.
    pub fn new(parsed: Parsed, env: &'a Env) -> Result<Self, String> {
        let given = |flag: &str| parsed.flags.get(flag).and_then(|values| values.last()).filter(|value| !value.is_empty());
        let config = match given("kubeconfig") {
            Some(path) if parsed.command.local => Kubeconfig::at(env, path).unwrap_or_default(),
            Some(path) => Kubeconfig::at(env, path).ok_or_else(|| format!("error: stat {path}: no such file or directory\n"))?,
            None => Kubeconfig::of(env),
        };
        let name = given("context").unwrap_or(&config.current);
        let context = config.context(name);
        if context.is_none() && !parsed.command.local && given("context").is_some() {
            return Err(format!("Error in configuration: context was not found for specified context: {name}\n"));
        }
        let namespace = given("namespace").map_or(context.map_or("", |context| &context.namespace), String::as_str);
        let cluster = given("cluster").map_or(context.map_or("", |context| &context.cluster), String::as_str);
        let server = config.server(cluster).unwrap_or("http://localhost:8080");
        Ok(Self {
            env,
            command: parsed.command,
            path: parsed.path.clone(),
            args: parsed.args.clone(),
            dash: parsed.dash,
            namespace: if namespace.is_empty() { "default".into() } else { namespace.into() },
            server: server.to_string(),
            host: server.split_once("://").map_or(server, |(_, host)| host).to_string(),
            parsed,
        })
    }

    /// Whether the flag was given (pflag's `Changed`).
    pub fn given(&self, flag: &str) -> bool {
        self.parsed.flags.contains_key(flag)
    }

    /// The flag's value: as given, else its default. The flag must be one of the command's.
    pub fn flag(&self, flag: &str) -> &str {
        match self.parsed.flags.get(flag) {
            Some(values) => values.last().map_or("", String::as_str),
            None => flag_named(self.command, flag).expect("a command reads only flags of its table").default,
        }
    }

    /// Whether a flag without a value is set.
    pub fn is(&self, flag: &str) -> bool {
        go_bool(self.flag(flag)) == Some(true)
    }

    /// The values of a flag that can be given several times; empty when it was not given.
    pub fn list(&self, flag: &str) -> &[String] {
        self.parsed.flags.get(flag).map_or(&[], Vec::as_slice)
    }

    /// The flag's number.
    pub fn int(&self, flag: &str) -> i64 {
        self.flag(flag).parse().unwrap_or(0)
    }

    /// The flag's duration in microseconds.
    pub fn duration_us(&self, flag: &str) -> i64 {
        go_duration_us(self.flag(flag)).unwrap_or(0)
    }

    /// Whether `-n` was given (then objects in files must agree with it).
    pub fn namespace_given(&self) -> bool {
        self.given("namespace")
    }

    /// The namespace to list in: "" for all with `-A`.
    pub fn list_namespace(&self) -> &str {
        let all = flag_named(self.command, "all-namespaces").is_some() && self.is("all-namespaces");
        if all { "" } else { &self.namespace }
    }

    /// Prints the error and ends with code 1.
    pub fn fail<T>(&self, io: &mut Io, error: impl Into<Error>) -> Flow<T> {
        io.fail(1, &error.into().text(&self.host))
    }

    /// Prints the error but goes on; the caller ends with code 1 later.
    pub fn complain(&self, io: &mut Io, error: impl Into<Error>) {
        io.eprint(&error.into().text(&self.host));
    }

    /// A warning that came with the server's answer.
    pub fn warn(&self, io: &mut Io, text: &str) {
        io.eprint(&format!("Warning: {text}\n"));
    }

    /// How long a single request may take (`--request-timeout`); `None` for ever. The error is kubectl's text.
    pub fn request_timeout(&self) -> Result<Option<Duration>, String> {
        let text = self.flag("request-timeout");
        let us = match text.parse::<i64>() {
            Ok(seconds) => Ok(seconds.saturating_mul(1_000_000)),
            Err(_) => go_duration_us(text),
        };
        match us {
            Ok(0) => Ok(None),
            Ok(us) if us > 0 => Ok(Some(Duration::us(us as u64))),
            _ => Err("invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)".into()),
        }
    }

    /// A misuse (`UsageErrorf`): the error, and where to find help.
    pub fn usage_error<T>(&self, io: &mut Io, error: &str) -> Flow<T> {
        self.fail(io, format!("{error}\nSee '{} -h' for help and examples", self.path))
    }

    /// The value, or the end of the command with its error.
    pub fn or_fail<T, E: Into<Error>>(&self, io: &mut Io, result: Result<T, E>) -> Flow<T> {
        match result {
            Ok(value) => Ok(value),
            Err(error) => self.fail(io, error),
        }
    }

    /// Ends the command with what went wrong, if anything did.
    pub fn finish(&self, io: &mut Io, errors: Vec<Error>) -> Flow<()> {
        let end = Error::aggregate(errors);
        self.or_fail(io, end)
    }

    /// The moment at which a timeout given by a flag is over; `None` for 0, which means never.
    pub fn deadline(&self, io: &Io, flag: &str) -> Option<Time> {
        match self.duration_us(flag) {
            0 => None,
            us => Some(io.now() + Duration::us(u64::try_from(us).unwrap_or(0))),
        }
    }

    /// Ends the command: 1 when anything went to stderr as an error.
    pub fn end(failed: bool) -> Flow<()> {
        if failed { Err(Halt::Exit(1)) } else { Ok(()) }
    }
}

/// Everything that a program printed to one stream, for tests.
#[cfg(test)]
pub fn printed(io: &Io, stream: crate::flow::Stream) -> String {
    io.output().iter().filter(|(to, _)| *to == stream).map(|(_, text)| text.as_str()).collect()
}
