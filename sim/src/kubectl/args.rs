//! What a command and its flags are, after cobra and pflag, on which kubectl stands.

use super::invocation::Invocation;
use crate::flow::{Flow, Io};

/// The code of a command.
pub type Run = fn(&Invocation, &mut Io) -> Flow<()>;

/// A command of kubectl, or a group of commands.
#[derive(Debug)]
pub struct Command {
    /// Its name, such as `get`.
    pub name: &'static str,
    /// Other names, such as `ns` for `namespace`.
    pub aliases: &'static [&'static str],
    /// What follows `kubectl` in its usage line, flags left out: `get (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE/NAME ...)`.
    pub usage: &'static str,
    /// One line for the list of commands.
    pub short: &'static str,
    /// More sentences for `--help`, each paragraph a line; they also say what is not modelled.
    pub long: &'static str,
    /// Example command lines for `--help`: `# what it does` and the command, alternating.
    pub examples: &'static [&'static str],
    /// Its own flags.
    pub flags: &'static [Flag],
    /// Commands below it.
    pub commands: &'static [&'static Command],
    /// Its code; `None` for groups, which then print their help, and for commands that are not modelled.
    pub run: Option<Run>,
    /// Whether it never talks to a cluster, so that a wrong `--context` does not matter.
    pub local: bool,
}

impl Command {
    /// A command to fill in: `Command { name: "get", ..Command::NEW }`.
    pub const NEW: Self = Self {
        name: "",
        aliases: &[],
        usage: "",
        short: "",
        long: "",
        examples: &[],
        flags: &[],
        commands: &[],
        run: None,
        local: false,
    };

    /// A command that kubectl has and that is refused here with a clear message.
    pub const fn absent(name: &'static str, short: &'static str) -> Self {
        Self { name, short, local: true, ..Self::NEW }
    }

    /// Whether it is only there to be refused.
    pub const fn is_absent(&self) -> bool {
        self.run.is_none() && self.commands.is_empty()
    }

    /// The command below this one with this name or alias.
    pub fn find(&self, name: &str) -> Option<&'static Self> {
        self.commands.iter().find(|command| command.name == name || command.aliases.contains(&name)).copied()
    }
}

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagKind {
    /// Nothing, or `=true`, `=false`.
    Bool,
    /// Text; given again, the last one counts.
    Text,
    /// Texts, separated by commas or given again (pflag's StringSlice).
    List,
    /// Text that may be given again (pflag's StringArray).
    Array,
    /// A whole number.
    Int,
    /// A duration such as `1m30s`.
    Duration,
}

/// A flag.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Its long name without dashes.
    pub long: &'static str,
    /// Its letter.
    pub letter: Option<char>,
    /// What it takes.
    pub kind: FlagKind,
    /// Its value when it is not given, as text.
    pub default: &'static str,
    /// Its value when it is given without one (pflag's NoOptDefVal); `None` when it needs one.
    pub bare: Option<&'static str>,
    /// Whether the command fails without it.
    pub required: bool,
    /// Why it is refused; "" when it is modelled.
    pub refused: &'static str,
    /// One sentence for `--help`.
    pub help: &'static str,
}

impl Flag {
    /// A flag without a value.
    pub const fn bool(long: &'static str, help: &'static str) -> Self {
        Self { bare: Some("true"), ..Self::new(long, FlagKind::Bool, "false", help) }
    }
    /// A flag with a text.
    pub const fn text(long: &'static str, default: &'static str, help: &'static str) -> Self {
        Self::new(long, FlagKind::Text, default, help)
    }
    /// A flag with texts, separated by commas or given again.
    pub const fn list(long: &'static str, help: &'static str) -> Self {
        Self::new(long, FlagKind::List, "", help)
    }
    /// A flag with a text that may be given again.
    pub const fn array(long: &'static str, help: &'static str) -> Self {
        Self::new(long, FlagKind::Array, "", help)
    }
    /// A flag with a whole number.
    pub const fn int(long: &'static str, default: &'static str, help: &'static str) -> Self {
        Self::new(long, FlagKind::Int, default, help)
    }
    /// A flag with a duration.
    pub const fn duration(long: &'static str, default: &'static str, help: &'static str) -> Self {
        Self::new(long, FlagKind::Duration, default, help)
    }
    /// A flag that is refused with this reason; it may take a value.
    pub const fn refused(long: &'static str, kind: FlagKind, why: &'static str) -> Self {
        Self { refused: why, ..Self::new(long, kind, if matches!(kind, FlagKind::Bool) { "false" } else { "" }, "") }
    }

    const fn new(long: &'static str, kind: FlagKind, default: &'static str, help: &'static str) -> Self {
        let bare = if matches!(kind, FlagKind::Bool) { Some("true") } else { None };
        Self { long, letter: None, kind, default, bare, required: false, refused: "", help }
    }

    /// With a letter.
    #[must_use]
    pub const fn letter(self, letter: char) -> Self {
        Self { letter: Some(letter), ..self }
    }
    /// Must be given.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }
    /// True unless it is given as `=false`.
    #[must_use]
    pub const fn on(self) -> Self {
        Self { default: "true", ..self }
    }
    /// With a value for when it is given without one, as `--dry-run`.
    #[must_use]
    pub const fn bare(self, value: &'static str) -> Self {
        Self { bare: Some(value), ..self }
    }

    /// As pflag names it in errors: `-n, --namespace`.
    pub fn display(&self) -> String {
        match self.letter {
            Some(letter) => format!("-{letter}, --{}", self.long),
            None => format!("--{}", self.long),
        }
    }
}

const NO_AUTHENTICATION: &str = "authentication and authorisation are left out";
const NO_CONNECTION: &str = "the connection to the simulated api-server has no settings";
const NO_LOGS: &str = "every request can be seen as a message instead";

/// The flags that every command takes.
pub static GLOBAL_FLAGS: &[Flag] = &[
    Flag::refused("as", FlagKind::Text, NO_AUTHENTICATION),
    Flag::refused("as-group", FlagKind::Array, NO_AUTHENTICATION),
    Flag::refused("as-uid", FlagKind::Text, NO_AUTHENTICATION),
    Flag::refused("as-user-extra", FlagKind::Array, NO_AUTHENTICATION),
    Flag::refused("cache-dir", FlagKind::Text, "discovery is built in"),
    Flag::refused("certificate-authority", FlagKind::Text, NO_CONNECTION),
    Flag::refused("client-certificate", FlagKind::Text, NO_AUTHENTICATION),
    Flag::refused("client-key", FlagKind::Text, NO_AUTHENTICATION),
    Flag::text("cluster", "", "The name of the kubeconfig cluster to use"),
    Flag::text("context", "", "The name of the kubeconfig context to use"),
    Flag::refused("disable-compression", FlagKind::Bool, NO_CONNECTION),
    Flag::bool("help", "Print the help of the command").letter('h'),
    Flag::refused("insecure-skip-tls-verify", FlagKind::Bool, NO_CONNECTION),
    Flag::text("kubeconfig", "", "Path to the kubeconfig file to use for CLI requests."),
    Flag::refused("kuberc", FlagKind::Text, "there is no kuberc file"),
    Flag::refused("log-flush-frequency", FlagKind::Duration, NO_LOGS),
    Flag::refused("match-server-version", FlagKind::Bool, "kubectl has the cluster's version"),
    Flag::text("namespace", "", "If present, the namespace scope for this CLI request").letter('n'),
    Flag::refused("password", FlagKind::Text, NO_AUTHENTICATION),
    Flag::refused("profile", FlagKind::Text, "there is nothing to profile"),
    Flag::refused("profile-output", FlagKind::Text, "there is nothing to profile"),
    Flag::text(
        "request-timeout",
        "0",
        "The length of time to wait before giving up on a single server request. Modelled for watches only",
    ),
    Flag::refused("server", FlagKind::Text, NO_CONNECTION).letter('s'),
    Flag::refused("tls-server-name", FlagKind::Text, NO_CONNECTION),
    Flag::refused("token", FlagKind::Text, NO_AUTHENTICATION),
    Flag::text("user", "", "The name of the kubeconfig user to use"),
    Flag::refused("username", FlagKind::Text, NO_AUTHENTICATION),
    Flag { long: "v", letter: Some('v'), ..Flag::refused("v", FlagKind::Int, NO_LOGS) },
    Flag::refused("vmodule", FlagKind::Text, NO_LOGS),
    Flag::bool("warnings-as-errors", "Treat warnings received from the server as errors and exit with a non-zero exit code"),
];
