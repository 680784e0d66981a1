//! The program docker, as far as kind's nodes go.

use crate::flow::{Flow, Io};
use crate::machine::command::{human_size, table};
use crate::runtime::image::digest_of;
use crate::shell::Env;
use crate::value;
use crate::value::{Text, Value};

/// Runs `docker …`; `argv[0]` is the program's name.
pub fn main(argv: &[String], _env: &Env, io: &mut Io) -> Flow<()> {
    let words: Vec<&str> = argv.iter().skip(1).map(String::as_str).collect();
    let (command, args) = match words.split_first() {
        Some((&"container", rest)) => match rest.split_first() {
            Some((&"ls" | &"list", rest)) => ("ps", rest),
            Some((command, rest)) => (*command, rest),
            None => ("", rest),
        },
        Some((&"image", rest)) if rest.first() == Some(&"ls") => ("images", &rest[1..]),
        Some((command, rest)) => (*command, rest),
        None => ("", &[][..]),
    };
    match command {
        "ps" => ps(args, io),
        "images" => images(args, io),
        "pull" => pull(args, io),
        "run" => run(args, io),
        "exec" => exec(args, io),
        "network" => network(args, io),
        "start" | "stop" | "restart" | "kill" | "rm" => each(command, args, io),
        "version" | "--version" | "-v" => {
            io.print("Docker version 28.5.1, build e180ab8\n");
            Ok(())
        }
        "" | "help" | "--help" => {
            io.print(HELP);
            Ok(())
        }
        "pause" | "unpause" | "logs" | "build" | "push" | "tag" | "volume" | "compose" | "cp" | "inspect" | "info" | "stats"
        | "top" | "attach" | "create" | "rmi" | "load" | "save" | "login" | "system" | "update" | "wait" | "rename"
        | "commit" | "search" | "context" | "buildx" | "swarm" | "port" | "diff" | "export" | "history" | "import" => {
            io.fail(1, &format!("docker {command} is not part of the simulation; it knows: {KNOWN}\n"))
        }
        other => io.fail(1, &format!("docker: unknown command: docker {other}\n\nRun 'docker --help' for more information\n")),
    }
}

const KNOWN: &str = "exec, images, kill, network connect|disconnect|ls, ps, pull, restart, rm, run, start, stop, version";

const HELP: &str = "
Usage:  docker [OPTIONS] COMMAND

A self-sufficient runtime for containers

Common Commands:
  run         Create and run a new container from an image
  exec        Execute a command in a running container
  ps          List containers
  images      List images
  pull        Download an image from a registry

Management Commands:
  container   Manage containers
  network     Manage networks

Commands:
  kill        Kill one or more running containers
  restart     Restart one or more containers
  rm          Remove one or more containers
  start       Start one or more stopped containers
  stop        Stop one or more running containers
  version     Show the Docker version information
";

/// Flags that docker has and the simulation does not.
const ABSENT: &[&str] = &[
    "--filter",
    "-f",
    "--format",
    "--last",
    "-n",
    "--latest",
    "-l",
    "--size",
    "-s",
    "--env",
    "-e",
    "--env-file",
    "--user",
    "-u",
    "--workdir",
    "-w",
    "--detach",
    "-d",
    "--signal",
    "--attach",
    "-a",
    "--link",
    "--all",
    "--digests",
    "--no-trunc",
    "--rm",
    "--entrypoint",
    "--mount",
];

fn unknown_flag(command: &str, flag: &str, io: &mut Io) -> Flow<()> {
    if ABSENT.contains(&flag.split('=').next().unwrap_or_default()) {
        return io.fail(125, &format!("docker {command} {flag} is not part of the simulation\n"));
    }
    let text = if flag.starts_with("--") {
        format!("unknown flag: {flag}")
    } else {
        format!("unknown shorthand flag: '{}' in {flag}", flag.chars().nth(1).unwrap_or('-'))
    };
    io.fail(125, &format!("{text}\n\nUsage:  docker {command} [OPTIONS]\n\nRun 'docker {command} --help' for more information\n"))
}

fn needs(command: &str, count: &str, usage: &str, io: &mut Io) -> Flow<()> {
    io.fail(
        1,
        &format!("docker: 'docker {command}' requires {count}\n\nUsage:  docker {command} {usage}\n\nSee 'docker {command} --help' for more information\n"),
    )
}

fn ps(args: &[&str], io: &mut Io) -> Flow<()> {
    let (mut all, mut quiet, mut untruncated) = (false, false, false);
    for arg in args {
        match *arg {
            "-a" | "--all" => all = true,
            "-q" | "--quiet" => quiet = true,
            "-aq" | "-qa" => (all, quiet) = (true, true),
            "--no-trunc" => untruncated = true,
            flag if flag.starts_with('-') => return unknown_flag("ps", flag, io),
            _ => {
                let text = "docker: 'docker ps' accepts no arguments\n\nUsage:  docker ps [OPTIONS]\n\nRun 'docker ps --help' for more information\n";
                return io.fail(1, text);
            }
        }
    }
    let list = match io.docker("ps", Value::map())? {
        Ok(list) => list,
        Err(error) => return daemon_error(&error, io),
    };
    let id = |container: &Value| {
        let id = container["id"].str();
        if untruncated { id.to_string() } else { id.get(..12).unwrap_or(id).to_string() }
    };
    let shown = list["containers"].items().iter().filter(|container| all || container["running"].is_true());
    if quiet {
        shown.for_each(|container| io.print(&format!("{}\n", id(container))));
        return Ok(());
    }
    let header = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"];
    let mut rows = vec![header.iter().map(ToString::to_string).collect::<Vec<_>>()];
    rows.extend(shown.map(|container| {
        let text = |field: &str| container[field].str().to_string();
        let command = match container["command"].str() {
            "" => "/usr/local/bin/entrypoint /sbin/init",
            command => command,
        };
        let command = if untruncated || command.len() <= 20 { command.to_string() } else { format!("{}…", &command[..19]) };
        vec![id(container), text("image"), format!("{command:?}"), text("created"), text("status"), text("ports"), text("name")]
    }));
    io.print(&table(&rows, 10, 3));
    Ok(())
}

/// `docker network connect|disconnect kind CONTAINER`: the one network of the simulation is kind's.
fn network(args: &[&str], io: &mut Io) -> Flow<()> {
    let words: Vec<&str> = args.iter().copied().filter(|arg| !matches!(*arg, "-f" | "--force")).collect();
    match words[..] {
        ["ls" | "list"] => {
            let mut rows = vec![["NETWORK ID", "NAME", "DRIVER", "SCOPE"].map(str::to_string).to_vec()];
            for (name, driver) in [("bridge", "bridge"), ("host", "host"), ("kind", "bridge"), ("none", "null")] {
                let id = digest_of(&format!("network/{name}"))["sha256:".len()..][..12].to_string();
                rows.push(vec![id, name.into(), driver.into(), "local".into()]);
            }
            io.print(&table(&rows, 10, 3));
            Ok(())
        }
        [verb @ ("connect" | "disconnect"), "kind", name] => {
            match io.docker("network", value!({"name": Text::new(name), "connect": verb == "connect"}))? {
                Ok(_) => Ok(()),
                Err(error) => daemon_error(&error, io),
            }
        }
        ["connect" | "disconnect", network, _] => daemon_error(&format!("network {network} not found"), io),
        [verb @ ("connect" | "disconnect"), ..] => {
            needs(&format!("network {verb}"), "2 arguments", "[OPTIONS] NETWORK CONTAINER", io)
        }
        _ => io.fail(1, "docker network: the simulation knows connect, disconnect and ls; its one network is kind\n"),
    }
}

fn images(args: &[&str], io: &mut Io) -> Flow<()> {
    if let Some(flag) = args.iter().find(|arg| arg.starts_with('-')) {
        return unknown_flag("images", flag, io);
    }
    let list = match io.docker("images", Value::map())? {
        Ok(list) => list,
        Err(error) => return daemon_error(&error, io),
    };
    let mut rows = vec![["REPOSITORY", "TAG", "IMAGE ID", "SIZE"].iter().map(ToString::to_string).collect::<Vec<_>>()];
    for image in list["images"].items() {
        let name = image["name"].str();
        let (repository, tag) = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).unwrap_or((name, "latest"));
        let id = image["id"].str().trim_start_matches("sha256:").get(..12).unwrap_or_default().to_string();
        rows.push(vec![repository.to_string(), tag.to_string(), id, human_size(image["sizeBytes"].int() as u64)]);
    }
    io.print(&table(&rows, 10, 3));
    Ok(())
}

fn pull(args: &[&str], io: &mut Io) -> Flow<()> {
    let [image] = args else { return needs("pull", "1 argument", "[OPTIONS] NAME[:TAG|@DIGEST]", io) };
    match io.docker("pull", value!({"image": Text::new(image)}))? {
        Ok(answer) => {
            let state = if answer["pulled"].is_true() { "Downloaded newer image" } else { "Image is up to date" };
            io.print(&format!("Status: {state} for {image}\n"));
            Ok(())
        }
        Err(error) => daemon_error(&error, io),
    }
}

fn daemon_error(error: &str, io: &mut Io) -> Flow<()> {
    io.fail(1, &format!("Error response from daemon: {error}\n"))
}

fn each(command: &str, args: &[&str], io: &mut Io) -> Flow<()> {
    let mut force = false;
    let mut names = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match *arg {
            "-f" | "--force" if command == "rm" => force = true,
            "-v" | "--volumes" if command == "rm" => {}
            "-t" | "--timeout" | "--time" if matches!(command, "stop" | "restart") => {
                args.next();
            }
            flag if flag.starts_with('-') => return unknown_flag(command, flag, io),
            name => names.push(name),
        }
    }
    if names.is_empty() {
        return needs(command, "at least 1 argument", "[OPTIONS] CONTAINER [CONTAINER...]", io);
    }
    let mut code = 0;
    for name in names {
        let call = value!({"name": Text::new(name), "force": force});
        let result = match command {
            "restart" => match io.docker("stop", call.clone())? {
                Ok(_) => io.docker("start", call)?,
                error => error,
            },
            "start" => io.docker("start", call)?,
            "stop" => io.docker("stop", call)?,
            "kill" => io.docker("kill", call)?,
            _ => io.docker("rm", call)?,
        };
        match result {
            Ok(_) => io.print(&format!("{name}\n")),
            Err(error) => {
                code = 1;
                io.eprint(&format!("Error response from daemon: {error}\n"));
                if command == "start" {
                    io.eprint(&format!("Error: failed to start containers: {name}\n"));
                }
            }
        }
    }
    if code == 0 { Ok(()) } else { io.fail(code, "") }
}

fn run(args: &[&str], io: &mut Io) -> Flow<()> {
    let mut name = None;
    let mut detach = false;
    let mut labels = Value::map();
    let mut rest = args;
    while let [flag, tail @ ..] = rest {
        if !flag.starts_with('-') {
            break;
        }
        let (key, inline) = flag.split_once('=').map_or((*flag, None), |(key, value)| (key, Some(value)));
        let takes_value = matches!(
            key,
            "--name"
                | "--hostname"
                | "-h"
                | "--label"
                | "-l"
                | "--network"
                | "--net"
                | "--tmpfs"
                | "--volume"
                | "-v"
                | "--env"
                | "-e"
                | "--restart"
                | "--security-opt"
                | "--publish"
                | "-p"
                | "--cgroupns"
                | "--userns"
                | "--memory"
                | "-m"
                | "--cpus"
        );
        let (value, after) = match (takes_value, inline, tail) {
            (false, ..) => (None, tail),
            (true, Some(value), _) => (Some(value), tail),
            (true, None, [value, after @ ..]) => (Some(*value), after),
            (true, None, []) => return io.fail(125, &format!("flag needs an argument: {key}\n\nSee 'docker run --help'.\n")),
        };
        match (key, value) {
            ("--name", Some(value)) => name = Some(value),
            ("--label" | "-l", Some(label)) => {
                let (key, value) = label.split_once('=').unwrap_or((label, ""));
                labels.map_mut().insert(Text::new(key), Text::new(value));
            }
            ("-d" | "--detach" | "-dit" | "-itd" | "-td", None) => detach = true,
            ("--privileged" | "--init" | "-i" | "-t" | "-it" | "-ti" | "--interactive" | "--tty", None) => {}
            (_, Some(_)) => {}
            _ => return unknown_flag("run", flag, io),
        }
        rest = after;
    }
    let Some(image) = rest.first() else { return needs("run", "at least 1 argument", "[OPTIONS] IMAGE [COMMAND] [ARG...]", io) };
    let etcd = is_etcd(image);
    let mut config = Value::Null;
    if etcd {
        labels = value!({"io.x-k8s.kind.role": super::ETCD_ROLE});
        match etcd_flags(&rest[1..]) {
            Ok(flags) => config = value!({"flags": flags}),
            Err(error) => return io.fail(127, &format!("docker: Error response from daemon: {error}\n")),
        }
    } else if crate::kind::node_image_minor(image).is_none() {
        return io.fail(
            125,
            &format!("docker: the simulated engine runs images of kind's nodes and of etcd only, such as {}; containers of {image} run in the cluster: kubectl run NAME --image={image}\n", crate::kind::DEFAULT_NODE_IMAGE),
        );
    }
    let (Some(name), true) = (name, detach) else {
        return io.fail(125, "docker: a node of the simulation needs a name and no terminal: docker run -d --name NAME …\n");
    };
    if labels.is_empty() {
        labels = value!({"io.x-k8s.kind.role": "worker"});
    }
    if let Err(error) = io.docker("pull", value!({"image": Text::new(image)}))? {
        return io.fail(
            125,
            &format!("docker: Error response from daemon: {error}\n\nRun 'docker run --help' for more information\n"),
        );
    }
    match io.docker("run", value!({"name": Text::new(name), "image": Text::new(image), "labels": labels, "config": config}))? {
        Ok(container) => {
            io.print(&format!("{}\n", container["id"].str()));
            Ok(())
        }
        Err(error) => io
            .fail(125, &format!("docker: Error response from daemon: {error}\n\nRun 'docker run --help' for more information\n")),
    }
}

/// Whether an image holds etcd: a member on a machine of its own.
fn is_etcd(image: &str) -> bool {
    image.split([':', '@']).next().is_some_and(|name| name == "etcd" || name.ends_with("/etcd"))
}

/// The flags of `etcd --name=… --initial-cluster=…`, by name.
fn etcd_flags(command: &[&str]) -> Result<Value, String> {
    let mut words = command.iter().copied().peekable();
    if let Some(program) = words.next_if(|word| !word.starts_with('-'))
        && program.rsplit('/').next() != Some("etcd")
    {
        return Err(format!(
            "failed to create task for container: exec: {program:?}: the simulation's etcd containers run etcd only"
        ));
    }
    let mut flags = Value::map();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--") else { return Err(format!("etcd: unexpected argument {word:?}")) };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, value),
            None => (flag, words.next_if(|word| !word.starts_with("--")).unwrap_or("true")),
        };
        flags.map_mut().insert(Text::new(name), Text::new(value));
    }
    Ok(flags)
}

fn exec(args: &[&str], io: &mut Io) -> Flow<()> {
    let mut tty = false;
    let mut rest = args;
    while let [flag, tail @ ..] = rest {
        match *flag {
            "-i" | "--interactive" | "--privileged" => {}
            "-t" | "--tty" | "-it" | "-ti" => tty = true,
            flag if flag.starts_with('-') => return unknown_flag("exec", flag, io),
            _ => break,
        }
        rest = tail;
    }
    let [name, command @ ..] = rest else {
        return needs("exec", "at least 2 arguments", "[OPTIONS] CONTAINER COMMAND [ARG...]", io);
    };
    if command.is_empty() {
        return needs("exec", "at least 2 arguments", "[OPTIONS] CONTAINER COMMAND [ARG...]", io);
    }
    if matches!(command, ["bash" | "sh" | "/bin/sh" | "/bin/bash"]) {
        return io.fail(
            1,
            "A shell inside a node is not part of the simulation; give its command directly: docker exec NODE COMMAND\n",
        );
    }
    let argv: Value = command.iter().map(|word| Text::new(word)).collect();
    match io.docker("exec", value!({"name": Text::new(name), "argv": argv, "tty": tty}))? {
        Ok(finished) => {
            io.print(finished["stdout"].str());
            if !finished["stderr"].str().is_empty() {
                io.eprint(finished["stderr"].str());
            }
            match finished["code"].int() {
                0 => Ok(()),
                code => io.fail(code as i32, ""),
            }
        }
        Err(error) if error.starts_with("OCI runtime") => io.fail(127, &format!("{error}: unknown\n")),
        Err(error) => daemon_error(&error, io),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Time;
    use crate::flow::{Answer, Log};

    fn check(line: &str, answers: Vec<Result<Value, Text>>, expected: &str) {
        let mut log = Log::default();
        for (at, answer) in answers.into_iter().enumerate() {
            log.push(Time(at as u64 + 1), at, Answer::Docker(answer));
        }
        let argv: Vec<String> = format!("docker {line}").split(' ').map(ToString::to_string).collect();
        let mut io = Io::new(Time::ZERO, &log);
        let end = main(&argv, &Env::default(), &mut io);
        let printed: String = io.output().iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(format!("{printed}{end:?}"), expected);
    }

    #[test]
    fn ps_prints_dockers_columns() {
        let container = value!({
            "id": "8c160df29ccf0000", "image": "kindest/node:v1.36.1", "name": "kind-control-plane", "status": "Up About an hour",
            "created": "About an hour ago", "ports": "127.0.0.1:40001->6443/tcp", "running": true,
        });
        let expected = "\
CONTAINER ID   IMAGE                  COMMAND                  CREATED             STATUS             PORTS                       NAMES
8c160df29ccf   kindest/node:v1.36.1   \"/usr/local/bin/entr…\"   About an hour ago   Up About an hour   127.0.0.1:40001->6443/tcp   kind-control-plane
Ok(())";
        check("ps", vec![Ok(value!({"containers": [container]}))], expected);
    }

    #[test]
    fn networks_are_those_of_a_machine_with_kind() {
        let log = Log::default();
        let mut io = Io::new(Time::ZERO, &log);
        network(&["ls"], &mut io).expect("it lists");
        let printed = &io.output()[0].1;
        let names: Vec<&str> = printed.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(names, ["ID", "bridge", "host", "kind", "none"]);
        assert!(printed.starts_with("NETWORK ID     NAME      DRIVER    SCOPE\n"), "{printed}");
    }

    #[test]
    fn errors_are_dockers() {
        check(
            "stop nope",
            vec![Err("No such container: nope".into())],
            "Error response from daemon: No such container: nope\nErr(Exit(1))",
        );
        let oci = "OCI runtime exec failed: exec failed: unable to start container process: exec: \"vim\": executable file not found in $PATH";
        check("exec kind-worker vim", vec![Err(oci.into())], &format!("{oci}: unknown\nErr(Exit(127))"));
        check(
            "frobnicate",
            vec![],
            "docker: unknown command: docker frobnicate\n\nRun 'docker --help' for more information\nErr(Exit(1))",
        );
        check(
            "ps -z",
            vec![],
            "unknown shorthand flag: 'z' in -z\n\nUsage:  docker ps [OPTIONS]\n\nRun 'docker ps --help' for more information\nErr(Exit(125))",
        );
    }
}
