//! Commands that are run inside containers: by exec probes, and by `kubectl exec`.

use super::script::{self, Line, Step};
use crate::core::{Duration, Time};
use crate::value::Value;

/// The container that a command is run in.
#[derive(Clone, Debug)]
pub struct Inside<'a> {
    /// Now.
    pub now: Time,
    /// When the container started.
    pub started: Time,
    /// The pod's name.
    pub hostname: &'a str,
    /// The pod's address.
    pub ip: &'a str,
    /// Environment: `[{"key": …, "value": …}]`.
    pub envs: &'a Value,
    /// The container's processes.
    pub processes: &'a [String],
}

/// What a command printed, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// stdout and stderr together.
    pub text: String,
    /// Exit code.
    pub code: i32,
    /// How long it ran.
    pub took: Duration,
}

/// Runs `argv`; `None` when there is no such program.
///
/// Files named `…ready-after-N` exist once the container is N seconds old, files named `…fail-after-N` until then: these are the
/// conventions of the reference recordings.
pub fn run(argv: &[String], inside: &Inside<'_>) -> Option<Output> {
    let done = |text: String, code| Some(Output { text, code, took: Duration::ms(8) });
    let (program, args) = argv.split_first()?;
    match program.rsplit('/').next().unwrap_or_default() {
        "cat" => {
            let mut text = String::new();
            let mut code = 0;
            for file in args {
                match file_text(file, inside) {
                    Some(content) => text += &content,
                    None => {
                        code = 1;
                        text += &format!("cat: can't open '{file}': No such file or directory\n");
                    }
                }
            }
            done(text, code)
        }
        "ls" => match args.iter().rfind(|arg| !arg.starts_with('-')).map_or("/", String::as_str) {
            "/" => done("bin\ndev\netc\nhome\nlib\nproc\nroot\nsys\ntmp\nusr\nvar\n".into(), 0),
            path => match file_text(path, inside) {
                Some(_) => done(format!("{path}\n"), 0),
                None => done(format!("ls: {path}: No such file or directory\n"), 1),
            },
        },
        "env" | "printenv" => {
            let mut text = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n".to_string();
            text += &format!("HOSTNAME={}\n", inside.hostname);
            for env in inside.envs.items() {
                text += &format!("{}={}\n", env["key"].str(), env["value"].str());
            }
            text += "HOME=/root\n";
            done(text, 0)
        }
        "ps" => {
            let mut text = "PID   USER     TIME  COMMAND\n".to_string();
            for (at, process) in inside.processes.iter().enumerate() {
                text += &format!("{:>5} root      0:00 {process}\n", if at == 0 { 1 } else { 28 + at });
            }
            text += &format!("{:>5} root      0:00 {}\n", 40, argv.join(" "));
            done(text, 0)
        }
        "id" => done("uid=0(root) gid=0(root) groups=0(root)\n".into(), 0),
        "ip" | "ifconfig" => done(format!("{}\n", inside.ip), 0),
        "redis-cli" => done("PONG\n".into(), 0),
        "pg_isready" => done("/var/run/postgresql:5432 - accepting connections\n".into(), 0),
        "test" | "[" => {
            let file = args.iter().rfind(|arg| !arg.starts_with('-') && *arg != "]");
            done(String::new(), i32::from(file.is_none_or(|file| file_text(file, inside).is_none())))
        }
        _ => {
            let steps = script::steps(argv, inside.hostname);
            if matches!(*steps, [Step::Forever | Step::Unknown]) {
                return None;
            }
            let mut text = String::new();
            let run = script::walk(&steps, Duration::s(60), &mut |after, line| {
                match line {
                    Line::Text(line) => text += line,
                    Line::Date => text += &super::logs::date(inside.now + after),
                }
                text.push('\n');
            });
            Some(match run {
                script::Run::Ends { after, code, .. } => Output { text, code, took: after },
                script::Run::Forever => Output { text, code: 137, took: Duration::s(60) },
            })
        }
    }
}

fn file_text(path: &str, inside: &Inside<'_>) -> Option<String> {
    let age_s = inside.now.since(inside.started).as_secs();
    let after = |marker: &str| path.split_once(marker)?.1.parse::<u64>().ok();
    if let Some(s) = after("ready-after-") {
        return (age_s >= s).then(String::new);
    }
    if let Some(s) = after("fail-after-") {
        return (age_s < s).then(String::new);
    }
    match path {
        "/etc/hostname" => Some(format!("{}\n", inside.hostname)),
        "/etc/hosts" => {
            Some(format!("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n{}\t{}\n", inside.ip, inside.hostname))
        }
        "/etc/resolv.conf" => Some(
            "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n".into(),
        ),
        "/var/run/secrets/kubernetes.io/serviceaccount/namespace" => Some("default".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(argv: &[&str], age_s: u64) -> Option<(String, i32)> {
        let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
        let inside = Inside {
            now: Time(age_s * 1_000_000),
            started: Time::ZERO,
            hostname: "web",
            ip: "10.244.1.2",
            envs: &Value::Null,
            processes: &["sleep 9".to_string()],
        };
        run(&argv, &inside).map(|output| (output.text, output.code))
    }

    #[test]
    fn the_probe_conventions_hold() {
        let missing = "cat: can't open '/tmp/ready-after-15': No such file or directory\n".to_string();
        assert_eq!(check(&["cat", "/tmp/ready-after-15"], 14), Some((missing, 1)));
        assert_eq!(check(&["cat", "/tmp/ready-after-15"], 15), Some((String::new(), 0)));
        assert_eq!(check(&["cat", "/tmp/fail-after-10"], 9), Some((String::new(), 0)));
        assert_eq!(check(&["cat", "/tmp/fail-after-10"], 10).map(|(_, code)| code), Some(1));
    }

    #[test]
    fn a_few_commands_answer() {
        assert_eq!(check(&["hostname"], 0), Some(("web\n".into(), 0)));
        assert_eq!(check(&["sh", "-c", "echo a; exit 3"], 0), Some(("a\n".into(), 3)));
        assert_eq!(check(&["no-such-program"], 0), None);
        assert!(check(&["ps"], 0).unwrap().0.contains("    1 root      0:00 sleep 9\n"));
    }
}
