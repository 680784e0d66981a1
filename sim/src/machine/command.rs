//! The commands that a node's machine knows, for `docker exec NODE …`.

use super::{files, usage};
use crate::core::collections::sort::Sort as _;
use crate::core::{Disk, Part, Time};
use crate::docker::human_duration;
use crate::value;
use crate::value::{Text, Value};

/// What a command needs to know of its machine.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'a> {
    /// Its name.
    pub node: &'a str,
    /// Its address.
    pub ip: &'a str,
    /// Its image.
    pub image: &'a str,
    /// Its disk.
    pub disk: &'a Disk,
}

/// How a command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// What it printed.
    pub stdout: String,
    /// What it printed to stderr.
    pub stderr: String,
    /// Exit code.
    pub code: i32,
}

impl Finished {
    /// For an answer.
    pub fn to_value(&self) -> Value {
        value!({"stdout": &self.stdout, "stderr": &self.stderr, "code": self.code})
    }
}

/// A command line that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// It has run.
    Done(Finished),
    /// There is no such program.
    NotFound(String),
    /// `rm FILE`
    Remove(Text),
    /// `mv FILE PLACE`, `cp FILE PLACE`
    Move {
        /// The file.
        from: Text,
        /// Where it goes, with its name.
        to: Text,
        /// Whether the file stays where it was, too.
        keep: bool,
    },
    /// `systemctl start|stop|restart SERVICE`
    Systemctl {
        /// Whether to start it.
        start: bool,
        /// Whether to stop it first.
        stop: bool,
        /// The service.
        part: Part,
    },
    /// `systemctl is-active SERVICE`
    IsActive(Part),
    /// `ps`
    Ps {
        /// Its arguments.
        args: Vec<String>,
        /// Whether it has a terminal.
        tty: bool,
        /// Its own process id.
        pid: u32,
        /// Its command line.
        line: Text,
    },
    /// `crictl`, `df`, `free`, `fallocate`, `dd`: what needs to know containerd's lists.
    Lists {
        /// The program's name.
        program: String,
        /// Its arguments.
        args: Vec<String>,
    },
    /// kubeadm, kubectl or etcdctl: a program of its own.
    Program,
    /// `iptables`
    Iptables(Vec<String>),
    /// `tc`
    Tc(Vec<String>),
    /// Loading an image into containerd, or removing all its pods: containerd's answer is the answer.
    Import,
}

/// Reads a command line; `pid` is its process' id.
pub fn parse(argv: &[String], tty: bool, pid: u32, machine: &Machine<'_>) -> Command {
    let Some((program, args)) = argv.split_first() else { return Command::NotFound(String::new()) };
    let done = |stdout: String| Command::Done(Finished { stdout, ..Finished::default() });
    let failed = |stderr: String, code| Command::Done(Finished { stderr, code, ..Finished::default() });
    let name = program.rsplit('/').next().unwrap_or_default();
    if !is_in_image(name, machine.image) {
        return Command::NotFound(program.clone());
    }
    match name {
        "ps" => Command::Ps { args: args.to_vec(), tty, pid, line: Text::from(argv.join(" ")) },
        program @ ("crictl" | "df" | "free") => Command::Lists { program: program.to_string(), args: args.to_vec() },
        program @ ("fallocate" | "dd") => match usage::filling(program, args) {
            Ok(_) => Command::Lists { program: program.to_string(), args: args.to_vec() },
            Err(error) => failed(error, 1),
        },
        "iptables" => Command::Iptables(args.to_vec()),
        "tc" => Command::Tc(args.to_vec()),
        "kubeadm" | "kubectl" | "etcdctl" => Command::Program,
        "kubelet" if args == ["--version"] => done(format!("Kubernetes {}\n", crate::kind::node_image_version(machine.image))),
        "hostname" => done(format!("{}\n", if args == ["-i"] { machine.ip } else { machine.node })),
        "uname" => done(if args.is_empty() {
            "Linux\n".into()
        } else {
            format!("Linux {} 6.12.0-generic x86_64 GNU/Linux\n", machine.node)
        }),
        "true" => done(String::new()),
        "false" => failed(String::new(), 1),
        "echo" => done(format!("{}\n", args.join(" "))),
        "sh" | "bash" if args.len() == 2 && args[0] == "-c" => {
            let words: Vec<String> = args[1].split_whitespace().map(ToString::to_string).collect();
            parse(&words, tty, pid, machine)
        }
        "cat" => cat(args, machine.disk),
        "ls" => ls(args, machine.disk),
        "rm" => match args.iter().find(|arg| !arg.starts_with('-')) {
            Some(path) if machine.disk.files.contains_key(path.as_str()) => Command::Remove(Text::new(path)),
            Some(path) => failed(format!("rm: cannot remove '{path}': No such file or directory\n"), 1),
            None => failed("rm: missing operand\nTry 'rm --help' for more information.\n".into(), 1),
        },
        program @ ("mv" | "cp") => move_file(program, args, machine.disk),
        "systemctl" => systemctl(args),
        _ => Command::NotFound(program.clone()),
    }
}

/// Whether an image has a program: kind's node images have all, the others hardly more than the one that they are made for. iptables and tc
/// are taken to be everywhere, as links are cut by them.
fn is_in_image(program: &str, image: &str) -> bool {
    if matches!(program, "iptables" | "tc") || crate::kind::node_image_minor(image).is_some() {
        return true;
    }
    // kindest/haproxy has what kind needs to write a configuration; etcd's image has no shell either.
    if image == crate::kind::load_balancer::IMAGE { program == "cp" } else { program == "etcdctl" }
}

fn cat(args: &[String], disk: &Disk) -> Command {
    let mut finished = Finished::default();
    for path in args {
        match disk.files.get(path.as_str()) {
            Some(content) => finished.stdout += &files::printed(content),
            None => {
                finished.stderr += &format!("cat: {path}: No such file or directory\n");
                finished.code = 1;
            }
        }
    }
    Command::Done(finished)
}

/// The way to stop a static pod for a while: its manifest is moved out of the folder, and later back.
fn move_file(program: &str, args: &[String], disk: &Disk) -> Command {
    let failed = |stderr: String| Command::Done(Finished { stderr, code: 1, ..Finished::default() });
    let words: Vec<&str> = args.iter().map(String::as_str).filter(|arg| !arg.starts_with('-')).collect();
    let [from, to] = words[..] else {
        return failed(format!("{program}: missing file operand\nTry '{program} --help' for more information.\n"));
    };
    if !disk.files.contains_key(from) {
        return failed(format!("{program}: cannot stat '{from}': No such file or directory\n"));
    }
    let folder = format!("{}/", to.trim_end_matches('/'));
    let is_folder = to.ends_with('/')
        || matches!(to, "/root" | "/tmp" | "/etc" | "/etc/kubernetes" | "/etc/kubernetes/manifests")
        || disk.files.keys().any(|file| file.starts_with(folder.as_str()));
    let to = if is_folder { format!("{folder}{}", from.rsplit('/').next().unwrap_or_default()) } else { to.to_string() };
    if to == from {
        return failed(format!("{program}: '{from}' and '{to}' are the same file\n"));
    }
    Command::Move { from: Text::new(from), to: Text::from(to), keep: program == "cp" }
}

fn ls(args: &[String], disk: &Disk) -> Command {
    let path = args.iter().rfind(|arg| !arg.starts_with('-')).map_or("/", String::as_str);
    if disk.files.contains_key(path) {
        return Command::Done(Finished { stdout: format!("{path}\n"), ..Finished::default() });
    }
    let prefix = if path.ends_with('/') { path.to_string() } else { format!("{path}/") };
    let mut names: Vec<&str> = disk
        .files
        .keys()
        .filter_map(|file| file.strip_prefix(prefix.as_str()))
        .map(|rest| rest.split('/').next().unwrap_or_default())
        .collect();
    names.dedup();
    if names.is_empty() {
        let stderr = format!("ls: cannot access '{path}': No such file or directory\n");
        return Command::Done(Finished { stderr, code: 2, ..Finished::default() });
    }
    Command::Done(Finished { stdout: names.iter().map(|name| format!("{name}\n")).collect(), ..Finished::default() })
}

fn systemctl(args: &[String]) -> Command {
    let failed = |stderr: String, code| Command::Done(Finished { stderr, code, ..Finished::default() });
    let words: Vec<&str> = args.iter().map(String::as_str).filter(|arg| !arg.starts_with('-')).collect();
    let [verb, unit] = words[..] else { return failed("Too few arguments.\n".into(), 1) };
    let part = match unit.trim_end_matches(".service") {
        "kubelet" => Part::Kubelet,
        "containerd" => Part::Runtime,
        _ if verb == "is-active" => return failed("inactive\n".into(), 4),
        _ => {
            let unit = if unit.contains('.') { unit.to_string() } else { format!("{unit}.service") };
            return failed(format!("Failed to {verb} {unit}: Unit {unit} not found.\n"), 5);
        }
    };
    match verb {
        "start" => Command::Systemctl { start: true, stop: false, part },
        "stop" => Command::Systemctl { start: false, stop: true, part },
        "restart" => Command::Systemctl { start: true, stop: true, part },
        "is-active" => Command::IsActive(part),
        _ => failed(format!("Unknown command verb '{verb}'.\n"), 1),
    }
}

/// `crictl ps|pods|images` over containerd's lists.
pub fn crictl(args: &[String], list: &Value, now: Time) -> Finished {
    let all = args.iter().any(|arg| arg == "-a" || arg == "--all");
    let short = |value: &Value| value.str().trim_start_matches("sha256:").get(..13).unwrap_or(value.str()).to_string();
    let ago = |value: &Value| format!("{} ago", human_duration(now.since(Time(value.int() as u64))));
    let rows: Vec<Vec<String>> = match args.iter().find(|arg| !arg.starts_with('-')).map(String::as_str) {
        Some("ps") => {
            let header = ["CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE"];
            let containers = list["containers"].items().iter().filter(|c| all || c["state"].str() == "CONTAINER_RUNNING");
            let mut containers: Vec<&Value> = containers.collect();
            containers.order_by_key(|container| std::cmp::Reverse(container["createdAt"].int()));
            let row = |container: &Value| {
                let pod = list["sandboxes"].items().iter().find(|s| s["id"].str() == container["podSandboxId"].str());
                let pod = pod.map(|pod| pod["metadata"].clone()).unwrap_or_default();
                let image = container["imageRef"].str().split_once('@').map_or("", |(_, digest)| digest).to_string();
                let state = match container["state"].str() {
                    "CONTAINER_RUNNING" => "Running",
                    "CONTAINER_EXITED" => "Exited",
                    _ => "Created",
                };
                vec![
                    short(&container["id"]),
                    short(&image.into()),
                    ago(&container["createdAt"]),
                    state.to_string(),
                    container["metadata"]["name"].str().to_string(),
                    container["metadata"]["attempt"].int().to_string(),
                    short(&container["podSandboxId"]),
                    pod["name"].str().to_string(),
                    pod["namespace"].str().to_string(),
                ]
            };
            rows(&header, containers.into_iter().map(row))
        }
        Some("pods") => {
            let header = ["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"];
            let mut sandboxes: Vec<&Value> = list["sandboxes"].items().iter().collect();
            sandboxes.order_by_key(|sandbox| std::cmp::Reverse(sandbox["createdAt"].int()));
            let row = |sandbox: &Value| {
                let pod = &sandbox["metadata"];
                vec![
                    short(&sandbox["id"]),
                    ago(&sandbox["createdAt"]),
                    if sandbox["state"].str() == "SANDBOX_READY" { "Ready" } else { "NotReady" }.to_string(),
                    pod["name"].str().to_string(),
                    pod["namespace"].str().to_string(),
                    pod["attempt"].int().to_string(),
                    "(default)".to_string(),
                ]
            };
            rows(&header, sandboxes.into_iter().map(row))
        }
        Some("images" | "image") => {
            let header = ["IMAGE", "TAG", "IMAGE ID", "SIZE"];
            let row = |image: &Value| {
                let (repository, tag) = image["names"][1].str().rsplit_once(':').unwrap_or(("<none>", "<none>"));
                let digest = image["names"][0].str().split_once('@').map_or("", |(_, digest)| digest).to_string();
                vec![repository.to_string(), tag.to_string(), short(&digest.into()), human_size(image["sizeBytes"].int() as u64)]
            };
            rows(&header, list["images"].items().iter().map(row))
        }
        _ => {
            let stderr = "crictl: of its commands, the simulated machine knows ps, pods and images\n".to_string();
            return Finished { stderr, code: 1, ..Finished::default() };
        }
    };
    Finished { stdout: table(&rows, 20, 3), ..Finished::default() }
}

fn rows(header: &[&str], body: impl Iterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    std::iter::once(header.iter().map(ToString::to_string).collect()).chain(body).collect()
}

/// Go's tabwriter: columns at least `width` wide, `padding` between them, the last one as it is.
pub fn table(rows: &[Vec<String>], width: usize, padding: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|at| {
            let longest = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
            (longest + padding).max(width)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            text += cell;
            if at + 1 < row.len() {
                text += &" ".repeat(widths[at] - cell.chars().count());
            }
        }
        text.push('\n');
    }
    text
}

/// `62.9MB`, as docker's go-units writes sizes: three digits.
pub fn human_size(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut scale = 1;
    let mut unit = 0;
    while bytes / scale >= 1_000 && unit + 1 < units.len() {
        scale *= 1_000;
        unit += 1;
    }
    let decimals = match bytes / scale {
        100.. => 1,
        10..=99 => 10,
        _ => 100,
    };
    let rounded = (bytes * decimals + scale / 2) / scale;
    let (whole, fraction) = (rounded / decimals, rounded % decimals);
    let mut text = whole.to_string();
    if decimals > 1 && fraction > 0 {
        let digits = if decimals == 10 { format!("{fraction}") } else { format!("{fraction:02}") };
        text = format!("{text}.{}", digits.trim_end_matches('0'));
    }
    text + units[unit]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, disk: &Disk) -> Command {
        let argv: Vec<String> = line.split(' ').map(ToString::to_string).collect();
        parse(&argv, false, 9, &Machine { node: "kind-worker", ip: "172.18.0.3", image: "kindest/node:v1.36.1", disk })
    }

    #[test]
    fn files_and_services() {
        let mut disk = Disk::default();
        disk.files.insert("/etc/kubernetes/kubelet.conf".into(), "x\n".into());
        disk.files.insert("/etc/kubernetes/manifests/etcd.yaml".into(), "y\n".into());
        let stdout = |command| match command {
            Command::Done(finished) => finished.stdout,
            other => format!("{other:?}"),
        };
        assert_eq!(stdout(check("ls /etc/kubernetes", &disk)), "kubelet.conf\nmanifests\n");
        assert_eq!(stdout(check("cat /etc/kubernetes/kubelet.conf", &disk)), "x\n");
        assert_eq!(stdout(check("kubelet --version", &disk)), "Kubernetes v1.36.1\n");
        assert!(matches!(check("cat /nope", &disk), Command::Done(Finished { code: 1, .. })));
        assert_eq!(check("systemctl stop kubelet", &disk), Command::Systemctl { start: false, stop: true, part: Part::Kubelet });
        assert_eq!(
            check("rm /etc/kubernetes/manifests/etcd.yaml", &disk),
            Command::Remove("/etc/kubernetes/manifests/etcd.yaml".into())
        );
        assert_eq!(
            check("mv /etc/kubernetes/manifests/etcd.yaml /etc/kubernetes", &disk),
            Command::Move {
                from: "/etc/kubernetes/manifests/etcd.yaml".into(),
                to: "/etc/kubernetes/etcd.yaml".into(),
                keep: false
            }
        );
        assert!(matches!(check("mv /nope /etc/kubernetes", &disk), Command::Done(Finished { code: 1, .. })));
        for line in ["mv F F", "cp F F", "mv F /etc/kubernetes/", "cp F /etc/kubernetes"] {
            let file = "/etc/kubernetes/kubelet.conf";
            let stderr = format!("{}: '{file}' and '{file}' are the same file\n", &line[..2]);
            let same = Finished { stderr, code: 1, ..Finished::default() };
            assert_eq!(check(&line.replace('F', file), &disk), Command::Done(same));
        }
        assert_eq!(check("vim", &disk), Command::NotFound("vim".into()));
    }

    #[test]
    fn other_containers_have_what_their_image_has() {
        let programs = |image| {
            let disk = Disk::default();
            let machine = Machine { node: "etcd1", ip: "172.18.0.3", image, disk: &disk };
            let there = |program: &&str| !matches!(parse(&[(*program).to_string()], false, 9, &machine), Command::NotFound(_));
            ["kubeadm", "kubectl", "etcdctl", "ps", "cat", "cp", "systemctl", "hostname", "iptables"]
                .into_iter()
                .filter(there)
                .collect::<Vec<_>>()
        };
        assert_eq!(programs("registry.k8s.io/etcd:3.6.8-0"), ["etcdctl", "iptables"]);
        assert_eq!(programs(crate::kind::load_balancer::IMAGE), ["cp", "iptables"]);
        assert_eq!(programs("kindest/node:v1.36.1").len(), 9);
    }

    #[test]
    fn sizes_are_written_as_docker_writes_them() {
        let sizes = [320_448, 62_939_286, 512, 1_024_000_000, 2_000].map(human_size);
        assert_eq!(sizes, ["320kB", "62.9MB", "512B", "1.02GB", "2kB"]);
    }
}
