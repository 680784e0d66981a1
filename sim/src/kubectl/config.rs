//! `kubectl config`: the kubeconfig file (`k8s.io/kubectl/pkg/cmd/config`).

use super::args::{Command, Flag, FlagKind};
use super::invocation::Invocation;
use super::kubeconfig::{self, Context, Kubeconfig};
use super::print::TabWriter;
use crate::core::collections::sort::Sort as _;
use crate::flow::{Flow, Io};

/// Where the user sees the file.
fn shown_path(path: &str) -> String {
    if path.starts_with('/') { path.to_string() } else { format!("{}/{path}", crate::shell::env::HOME) }
}

const LOCAL: Command = Command { local: true, ..Command::NEW };

pub(super) static COMMAND: Command = Command {
    name: "config",
    short: "Modify kubeconfig files",
    long: "Modify kubeconfig files using subcommands like \"kubectl config use-context my-context\".",
    commands: &[
        &Command {
            name: "current-context",
            usage: "current-context",
            short: "Display the current-context",
            run: Some(current_context),
            ..LOCAL
        },
        &Command::absent("delete-cluster", "Delete the specified cluster from the kubeconfig"),
        &Command {
            name: "delete-context",
            usage: "delete-context NAME",
            short: "Delete the specified context from the kubeconfig",
            run: Some(delete_context),
            ..LOCAL
        },
        &Command::absent("delete-user", "Delete the specified user from the kubeconfig"),
        &Command {
            name: "get-clusters",
            usage: "get-clusters",
            short: "Display clusters defined in the kubeconfig",
            run: Some(get_clusters),
            ..LOCAL
        },
        &Command {
            name: "get-contexts",
            usage: "get-contexts [(-o|--output=)name)] [flags]",
            short: "Describe one or many contexts",
            flags: &[
                Flag::bool("no-headers", "When using the default or custom-column output format, don't print headers"),
                Flag::text("output", "", "Output format. One of: (name).").letter('o'),
            ],
            run: Some(get_contexts),
            ..LOCAL
        },
        &Command {
            name: "get-users",
            usage: "get-users",
            short: "Display users defined in the kubeconfig",
            run: Some(get_users),
            ..LOCAL
        },
        &Command {
            name: "rename-context",
            usage: "rename-context CONTEXT_NAME NEW_NAME",
            short: "Rename a context from the kubeconfig file",
            run: Some(rename_context),
            ..LOCAL
        },
        &Command::absent("set", "Set an individual value in a kubeconfig file"),
        &Command::absent("set-cluster", "Set a cluster entry in kubeconfig"),
        &Command {
            name: "set-context",
            usage: "set-context [NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] [--namespace=namespace]",
            short: "Set a context entry in kubeconfig",
            flags: &[Flag::bool("current", "Modify the current context")],
            run: Some(set_context),
            ..LOCAL
        },
        &Command::absent("set-credentials", "Set a user entry in kubeconfig"),
        &Command::absent("unset", "Unset an individual value in a kubeconfig file"),
        &Command {
            name: "use-context",
            aliases: &["use"],
            usage: "use-context CONTEXT_NAME",
            short: "Set the current-context in a kubeconfig file",
            run: Some(use_context),
            ..LOCAL
        },
        &Command {
            name: "view",
            usage: "view [flags]",
            short: "Display merged kubeconfig settings or a specified kubeconfig file",
            long: "There are no credentials in the file: authentication is left out.",
            flags: &[
                Flag::refused("flatten", FlagKind::Bool, "there are no credentials to show"),
                Flag::bool("minify", "Remove all information not used by current-context from the output"),
                Flag::refused("output", FlagKind::Text, "the file is printed as the YAML that it is").letter('o'),
                Flag::refused("raw", FlagKind::Bool, "there are no credentials to show"),
            ],
            run: Some(view),
            ..LOCAL
        },
    ],
    ..LOCAL
};

/// The file that the flags mean, and its content.
fn file(inv: &Invocation) -> (String, Kubeconfig) {
    let path = if inv.given("kubeconfig") { inv.flag("kubeconfig") } else { kubeconfig::path(inv.env) };
    (path.to_string(), Kubeconfig::at(inv.env, path).unwrap_or_default())
}

fn save(io: &mut Io, path: &str, config: &Kubeconfig) {
    io.write_file(path, Some(config.to_yaml().into()));
}

fn no_arguments(inv: &Invocation, io: &mut Io) -> Flow<()> {
    if inv.args.is_empty() { Ok(()) } else { inv.usage_error(io, &format!("unexpected arguments: [{}]", inv.args.join(" "))) }
}

/// The command's help and the end of it, as the commands of `config` answer a wrong number of arguments.
fn help<T>(inv: &Invocation, io: &mut Io, message: &str) -> Flow<T> {
    io.eprint(&super::help::of(inv.command, &inv.path));
    inv.fail(io, message)
}

fn current_context(inv: &Invocation, io: &mut Io) -> Flow<()> {
    no_arguments(inv, io)?;
    let (_, config) = file(inv);
    if config.current.is_empty() {
        return inv.fail(io, "current-context is not set");
    }
    io.print(&format!("{}\n", config.current));
    Ok(())
}

fn use_context(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let [name] = inv.args.as_slice() else { return help(inv, io, "Unexpected args") };
    let (path, mut config) = file(inv);
    if config.context(name).is_none() {
        return inv.fail(io, format!("no context exists with the name: {name:?}"));
    }
    config.current.clone_from(name);
    save(io, &path, &config);
    io.print(&format!("Switched to context {name:?}.\n"));
    Ok(())
}

fn set_context(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let (path, mut config) = file(inv);
    let name = match (inv.args.as_slice(), inv.is("current")) {
        ([name], false) => name.clone(),
        ([], true) if config.current.is_empty() => return inv.fail(io, "no current context is set"),
        ([], true) => config.current.clone(),
        ([_], true) => return inv.fail(io, "you cannot specify both a context name and --current"),
        _ => return help(inv, io, "you must specify a non-empty context name or --current"),
    };
    let new = config.context(&name).is_none();
    if new {
        config.contexts.push(Context { name: name.clone(), ..Context::default() });
    }
    if let Some(context) = config.contexts.iter_mut().find(|context| context.name == name) {
        for (flag, field) in
            [("cluster", &mut context.cluster), ("user", &mut context.user), ("namespace", &mut context.namespace)]
        {
            if inv.given(flag) {
                *field = inv.flag(flag).to_string();
            }
        }
    }
    save(io, &path, &config);
    io.print(&format!("Context {name:?} {}.\n", if new { "created" } else { "modified" }));
    Ok(())
}

fn delete_context(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let [name] = inv.args.as_slice() else { return help(inv, io, "Unexpected args") };
    let (path, mut config) = file(inv);
    if config.context(name).is_none() {
        return inv.fail(io, format!("cannot delete context {name}, not in {}", shown_path(&path)));
    }
    if config.current == *name {
        io.eprint("warning: this removed your active context, use \"kubectl config use-context\" to select a different one\n");
    }
    config.contexts.retain(|context| context.name != *name);
    save(io, &path, &config);
    io.print(&format!("deleted context {name} from {}\n", shown_path(&path)));
    Ok(())
}

fn rename_context(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let [old, new] = inv.args.as_slice() else { return help(inv, io, "Unexpected args") };
    let (path, mut config) = file(inv);
    if config.context(new).is_some() {
        return inv
            .fail(io, format!("cannot rename the context {old:?}, the context {new:?} already exists in {}", shown_path(&path)));
    }
    let Some(context) = config.contexts.iter_mut().find(|context| context.name == *old) else {
        return inv.fail(io, format!("cannot rename the context {old:?}, it's not in {}", shown_path(&path)));
    };
    context.name.clone_from(new);
    if config.current == *old {
        config.current.clone_from(new);
    }
    save(io, &path, &config);
    io.print(&format!("Context {old:?} renamed to {new:?}.\n"));
    Ok(())
}

fn get_contexts(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let (_, config) = file(inv);
    let output = inv.flag("output");
    if !matches!(output, "" | "name") {
        return inv.fail(io, format!("output must be one of '' or 'name': {output}"));
    }
    let wanted: Vec<&Context> = if inv.args.is_empty() {
        config.contexts.iter().collect()
    } else {
        config.contexts.iter().filter(|context| inv.args.contains(&context.name)).collect()
    };
    let mut sorted = wanted;
    sorted.order_by_key(|context| context.name.clone());
    if output == "name" {
        io.print(&sorted.iter().map(|context| format!("{}\n", context.name)).collect::<String>());
    } else {
        let mut out = TabWriter::for_tables();
        if !inv.is("no-headers") {
            out.write("CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n");
        }
        for context in sorted {
            let current = if context.name == config.current { "*" } else { "" };
            let Context { name, cluster, user, namespace } = context;
            out.write(&format!("{current}\t{name}\t{cluster}\t{user}\t{namespace}\n"));
        }
        io.print(&out.flush());
    }
    let missing = inv.args.iter().find(|name| config.context(name).is_none());
    match missing {
        Some(name) => inv.fail(io, format!("context {name} not found")),
        None => Ok(()),
    }
}

fn get_clusters(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let (_, config) = file(inv);
    io.print("NAME\n");
    io.print(&config.clusters.iter().map(|(name, _)| format!("{name}\n")).collect::<String>());
    Ok(())
}

fn get_users(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let (_, config) = file(inv);
    io.print("NAME\n");
    io.print(&config.users.iter().map(|name| format!("{name}\n")).collect::<String>());
    Ok(())
}

fn view(inv: &Invocation, io: &mut Io) -> Flow<()> {
    no_arguments(inv, io)?;
    let (_, mut config) = file(inv);
    if inv.is("minify") {
        let Some(context) = config.context(&config.current).cloned() else {
            return inv.fail(io, "cannot locate context ");
        };
        config.contexts.retain(|other| other.name == context.name);
        config.clusters.retain(|(name, _)| *name == context.cluster);
        config.users.retain(|name| *name == context.user);
    }
    io.print(&config.to_yaml());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::kubeconfig::Kubeconfig;
    use crate::core::{CommandId, Time};
    use crate::flow::Stream;
    use crate::shell::{Shell, ShellEffect};

    /// Runs lines in one session with two clusters; what they print, errors too.
    fn session(lines: &str) -> String {
        let mut config = Kubeconfig::default();
        config.add("kind-one", "https://127.0.0.1:40001");
        config.add("kind-two", "https://127.0.0.1:40002");
        let mut shell = Shell::default();
        shell.write_file(".kube/config", Some(config.to_yaml().into()));
        let mut text = String::new();
        for effect in shell.start(CommandId(0), lines, Time::ZERO) {
            match effect {
                ShellEffect::Output { stream: Stream::Out | Stream::Err, text: more, .. } => text += &more,
                ShellEffect::Exit { .. } | ShellEffect::Ended(_) => {}
                ShellEffect::Ask { ask, .. } => panic!("unexpected {ask:?}"),
            }
        }
        text
    }

    #[test]
    fn contexts_are_chosen_and_changed() {
        assert_eq!(
            session(
                "kubectl config current-context; kubectl config use-context kind-one; kubectl config set-context --current \
                 --namespace=shop; kubectl config get-contexts"
            ),
            "kind-two\nSwitched to context \"kind-one\".\nContext \"kind-one\" modified.\n\
             CURRENT   NAME       CLUSTER    AUTHINFO   NAMESPACE\n\
             *         kind-one   kind-one   kind-one   shop\n          kind-two   kind-two   kind-two   \n"
        );
        assert_eq!(session("kubectl config use-context nope"), "error: no context exists with the name: \"nope\"\n");
        assert_eq!(session("kubectl config delete-context kind-one"), "deleted context kind-one from /home/you/.kube/config\n");
        assert_eq!(session("kubectl config get-clusters"), "NAME\nkind-one\nkind-two\n");
        assert_eq!(session("rm .kube/config; kubectl config current-context"), "error: current-context is not set\n");
        assert_eq!(
            session("kubectl config rename-context kind-two b; kubectl config current-context"),
            "Context \"kind-two\" renamed to \"b\".\nb\n"
        );
        assert!(session("kubectl config view --minify").contains("server: https://127.0.0.1:40002\n"));
        assert!(!session("kubectl config view --minify").contains("40001"));
        assert_eq!(
            session("kubectl config foo"),
            "error: unknown command \"foo\"\nSee 'kubectl config -h' for help and examples\n"
        );
        assert_eq!(
            session("kubectl get pods --context=nope"),
            "Error in configuration: context was not found for specified context: nope\n"
        );
        assert_eq!(session("kubectl get pods --kubeconfig=x"), "error: stat x: no such file or directory\n");
    }
}
