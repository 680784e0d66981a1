//! `--help`, in the layout of `k8s.io/kubectl/pkg/util/templates`.

use super::args::{Command, Flag, FlagKind, GLOBAL_FLAGS};
use super::{GROUPS, ROOT};
use crate::core::collections::sort::Sort as _;

/// What `kubectl` alone and `kubectl help` print.
pub(super) fn overview() -> String {
    let mut text = String::from(
        "kubectl controls the Kubernetes cluster manager.\n\n \
         Find more information at: https://kubernetes.io/docs/reference/kubectl/\n\n",
    );
    for (title, commands) in GROUPS {
        text += &format!("{title}:\n");
        for command in *commands {
            text += &format!("  {:<15} {}\n", command.name, command.short);
        }
        text.push('\n');
    }
    text += "Usage:\n  kubectl [flags] [options]\n\n\
             Use \"kubectl <command> --help\" for more information about a given command.\n\
             Use \"kubectl options\" for a list of global command-line options (applies to all commands).\n";
    text
}

/// What `kubectl COMMAND --help` prints.
pub(super) fn of(command: &Command, path: &str) -> String {
    if std::ptr::eq(command, &raw const ROOT) {
        return overview();
    }
    let mut text = format!("{}.\n", command.short);
    for paragraph in command.long.lines() {
        text += &format!("\n {}\n", paragraph.trim());
    }
    if command.is_absent() {
        text += "\n This command is not modelled.\n";
    }
    if !command.examples.is_empty() {
        text += "\nExamples:\n";
        let examples: Vec<String> = command.examples.iter().map(|line| format!("  {line}\n")).collect();
        text += &examples.chunks(2).map(<[String]>::concat).collect::<Vec<_>>().join("  \n");
    }
    if !command.commands.is_empty() {
        text += "\nAvailable Commands:\n";
        let width = command.commands.iter().map(|command| command.name.len()).max().unwrap_or(0);
        for below in command.commands {
            text += &format!("  {:<width$}   {}\n", below.name, below.short);
        }
    }
    let mut flags: Vec<&Flag> = command.flags.iter().filter(|flag| flag.refused.is_empty()).collect();
    if !flags.is_empty() {
        flags.order_by_key(|flag| flag.long);
        text += "\nOptions:\n";
        text += &flags.into_iter().map(option).collect::<Vec<_>>().join("\n");
    }
    let parent = path.rsplit_once(' ').map_or("", |(parent, _)| parent);
    text += &if command.usage.is_empty() {
        format!("\nUsage:\n  {path} [flags] [options]\n")
    } else {
        format!("\nUsage:\n  {parent} {} [options]\n", command.usage)
    };
    if !command.commands.is_empty() {
        text += &format!("\nUse \"{path} <command> --help\" for more information about a given command.\n");
    }
    text + "Use \"kubectl options\" for a list of global command-line options (applies to all commands).\n"
}

/// What `kubectl options` prints.
pub(super) fn options() -> String {
    let flags = GLOBAL_FLAGS.iter().filter(|flag| flag.refused.is_empty() && flag.long != "help");
    let mut text = String::from("The following options can be passed to any command:\n\n");
    text += &flags.map(option).collect::<Vec<_>>().join("\n");
    let refused: Vec<String> =
        GLOBAL_FLAGS.iter().filter(|flag| !flag.refused.is_empty()).map(|flag| format!("--{}", flag.long)).collect();
    text + &format!("\nNot modelled: {}\n", refused.join(", "))
}

fn option(flag: &Flag) -> String {
    let letter = flag.letter.map_or_else(|| "    ".to_string(), |letter| format!("-{letter}, "));
    let default = match flag.kind {
        FlagKind::Text => format!("'{}'", flag.default),
        FlagKind::List | FlagKind::Array => "[]".to_string(),
        _ => flag.default.to_string(),
    };
    format!("    {letter}--{}={default}:\n\t{}\n", flag.long, flag.help)
}
