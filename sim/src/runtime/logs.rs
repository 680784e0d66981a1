//! What containers print: a function of image, command and time, so that nothing has to be kept.

use super::behaviour::{Behaviour, Prints};
use super::script::{self, Line};
use crate::core::time::civil;
use crate::core::{Duration, Part, Time};

/// A container as far as its log depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// What it does.
    pub behaviour: &'a Behaviour,
    /// When it started.
    pub started: Time,
    /// Up to when it printed: now, or its end.
    pub until: Time,
    /// The node's name.
    pub node: &'a str,
    /// The node's version of Kubernetes.
    pub version: &'a str,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was printed.
    pub at: Time,
    /// Its text, without the line's end.
    pub text: String,
}

/// Everything that the container has printed.
pub fn lines(source: &Source<'_>) -> Vec<LogLine> {
    let mut lines = Vec::new();
    let mut print = |after_ms: u64, text: String| {
        let at = source.started + Duration::ms(after_ms);
        if at <= source.until {
            lines.extend(text.lines().map(|line| LogLine { at, text: line.to_string() }));
        }
    };
    let started = source.started;
    match source.behaviour.prints {
        Prints::Script => {
            let mut printed = Vec::new();
            script::walk(&source.behaviour.steps, source.until.since(started), &mut |after, line| {
                let at = started + after;
                let text = match line {
                    Line::Text(text) => text.to_string(),
                    Line::Date => date(at),
                };
                printed.extend(text.split('\n').map(|line| LogLine { at, text: line.to_string() }));
            });
            return printed;
        }
        Prints::Nginx => {
            for (at, line) in [
                (30, "/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration"),
                (30, "/docker-entrypoint.sh: Looking for shell scripts in /docker-entrypoint.d/"),
                (32, "/docker-entrypoint.sh: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh"),
                (40, "10-listen-on-ipv6-by-default.sh: info: Getting the checksum of /etc/nginx/conf.d/default.conf"),
                (48, "10-listen-on-ipv6-by-default.sh: info: Enabled listen on IPv6 in /etc/nginx/conf.d/default.conf"),
                (48, "/docker-entrypoint.sh: Sourcing /docker-entrypoint.d/15-local-resolvers.envsh"),
                (50, "/docker-entrypoint.sh: Launching /docker-entrypoint.d/20-envsubst-on-templates.sh"),
                (54, "/docker-entrypoint.sh: Launching /docker-entrypoint.d/30-tune-worker-processes.sh"),
                (58, "/docker-entrypoint.sh: Configuration complete; ready for start up"),
            ] {
                print(at, line.into());
            }
            let at = started + Duration::ms(66);
            print(66, format!("{} [notice] 1#1: start worker processes", slashed(at)));
            for worker in 0..4 {
                print(66, format!("{} [notice] 1#1: start worker process {}", slashed(at), 29 + worker));
            }
        }
        Prints::Httpd => {
            let name = "AH00558: httpd: Could not reliably determine the server's fully qualified domain name. Set the 'ServerName' directive globally to suppress this message";
            print(40, name.into());
            print(60, "AH00094: Command line: 'httpd -D FOREGROUND'".into());
        }
        Prints::Redis => {
            let stamp = |ms| format!("1:M {}", day_first(started + Duration::ms(ms)));
            print(8, format!("1:C {} * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo", day_first(started + Duration::ms(8))));
            print(10, format!("{} * monotonic clock: POSIX clock_gettime", stamp(10)));
            print(12, format!("{} * Running mode=standalone, port=6379.", stamp(12)));
            print(14, format!("{} * Server initialized", stamp(14)));
            print(14, format!("{} * Ready to accept connections tcp", stamp(14)));
        }
        Prints::Postgres => {
            print(60, "The files belonging to this database system will be owned by user \"postgres\".".into());
            print(700, "PostgreSQL init process complete; ready for start up.".into());
            let stamp = |ms| dashed(started + Duration::ms(ms));
            print(760, format!("{} UTC [1] LOG:  listening on IPv4 address \"0.0.0.0\", port 5432", stamp(760)));
            print(790, format!("{} UTC [1] LOG:  database system is ready to accept connections", stamp(790)));
        }
        Prints::HelloWorld => print(10, HELLO_WORLD.into()),
        Prints::Text(text) => print(100, text.into()),
        Prints::Klog(part) => klog(part, source, &mut print),
    }
    lines
}

fn klog(part: Part, source: &Source<'_>, print: &mut dyn FnMut(u64, String)) {
    let at = |ms: u64| {
        let moment = source.started + Duration::ms(ms);
        let (_, month, day, hour, minute, second) = civil(moment.unix_s());
        format!("I{month:02}{day:02} {hour:02}:{minute:02}:{second:02}.{:06}       1", moment.0 % 1_000_000)
    };
    let (node, version) = (source.node, source.version);
    let mut say = |ms: u64, text: String| print(ms, format!("{} {text}", at(ms)));
    match part {
        Part::KubeProxy => {
            say(60, "server_linux.go:53] \"Using iptables proxy\"".into());
            say(90, format!("server.go:677] \"Successfully retrieved node IP(s)\" node={node:?}"));
            say(110, format!("server.go:527] \"Version info\" version=\"{version}\""));
            say(120, "config.go:200] \"Starting service config controller\"".into());
            say(120, "config.go:106] \"Starting endpoint slice config controller\"".into());
            say(220, "shared_informer.go:320] \"Caches are synced\" controller=\"service config\"".into());
        }
        Part::Kindnet => {
            say(20, "main.go:109] \"connected to apiserver\"".into());
            say(30, "main.go:139] \"hostIP of this node\"".into());
            say(80, format!("main.go:301] handling current node {node}"));
        }
        Part::CoreDns => {
            print(60, ".:53".into());
            print(60, "[INFO] plugin/reload: Running configuration SHA512 = 591cf328cccc12bc490481273e738df59329c62c0b729d94e8b61db9961c2fa5f046dd37f1cf888b953814040d180f52594972691cd6ff41be96639138a43908".into());
            print(62, "CoreDNS-1.14.0".into());
            print(62, "linux/amd64, go1.25.5".into());
        }
        Part::ApiServer => {
            say(200, format!("server.go:152] Version: {version}"));
            say(900, "secure_serving.go:211] Serving securely on [::]:6443".into());
        }
        Part::Scheduler => {
            say(300, format!("server.go:175] \"Starting Kubernetes Scheduler\" version=\"{version}\""));
            say(420, "secure_serving.go:211] Serving securely on 127.0.0.1:10259".into());
            say(520, "leaderelection.go:257] attempting to acquire leader lease kube-system/kube-scheduler...".into());
        }
        Part::Controller(_) => {
            say(300, format!("controllermanager.go:191] \"Starting\" version=\"{version}\""));
            say(420, "secure_serving.go:211] Serving securely on 127.0.0.1:10257".into());
            say(500, "leaderelection.go:257] attempting to acquire leader lease kube-system/kube-controller-manager...".into());
        }
        Part::Etcd => {
            let moment = (source.started + Duration::ms(40)).rfc3339_micro();
            print(
                40,
                format!(
                    "{{\"level\":\"info\",\"ts\":\"{moment}\",\"caller\":\"embed/etcd.go:138\",\"msg\":\"configuring peer listeners\"}}"
                ),
            );
            print(
                300,
                format!(
                    "{{\"level\":\"info\",\"ts\":\"{moment}\",\"caller\":\"embed/serve.go:220\",\"msg\":\"serving client traffic securely\"}}"
                ),
            );
        }
        _ => {}
    }
}

/// `Mon Jan  5 09:00:00 UTC 2026`, as date(1) prints.
pub fn date(at: Time) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day, hour, minute, second) = civil(at.unix_s());
    let weekday = DAYS[(at.unix_s() / 86_400 % 7) as usize];
    format!("{weekday} {} {day:>2} {hour:02}:{minute:02}:{second:02} UTC {year}", MONTHS[month as usize - 1])
}

fn slashed(at: Time) -> String {
    let (year, month, day, hour, minute, second) = civil(at.unix_s());
    format!("{year}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}")
}

fn dashed(at: Time) -> String {
    let (year, month, day, hour, minute, second) = civil(at.unix_s());
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}", at.0 % 1_000_000 / 1_000)
}

fn day_first(at: Time) -> String {
    let full = date(at);
    let (year, _, day, hour, minute, second) = civil(at.unix_s());
    format!("{day:02} {} {year} {hour:02}:{minute:02}:{second:02}.{:03}", &full[4..7], at.0 % 1_000_000 / 1_000)
}

const HELLO_WORLD: &str = "
Hello from Docker!
This message shows that your installation appears to be working correctly.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::behaviour::Program;
    use crate::runtime::image::ImageName;
    use crate::value::Value;

    fn check(image: &str, command: &[&str], seconds: u64) -> Vec<String> {
        let behaviour = Behaviour::of(&Program {
            image: &ImageName::parse(image).unwrap(),
            command: command.iter().map(ToString::to_string).collect(),
            args: Vec::new(),
            envs: &Value::Null,
            ports: &Value::Null,
            stdin: false,
            one_shot: false,
            hostname: "p",
            namespace: "default",
        });
        let source =
            Source { behaviour: &behaviour, started: Time::ZERO, until: Time(seconds * 1_000_000), node: "n", version: "v1" };
        lines(&source).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn logs_follow_the_clock() {
        let dates = check("busybox", &["sh", "-c", "while true; do date; sleep 1; done"], 2);
        assert_eq!(dates, ["Mon Jan  5 09:00:00 UTC 2026", "Mon Jan  5 09:00:01 UTC 2026"]);
        assert_eq!(check("nginx", &[], 1)[9], "2026/01/05 09:00:00 [notice] 1#1: start worker processes");
        assert!(check("nginx", &[], 0).is_empty());
        assert!(check("example.org/mine", &[], 5).is_empty());
    }
}
