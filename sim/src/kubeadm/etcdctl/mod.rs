//! etcdctl, as `docker exec NODE etcdctl …` and `kubectl exec -n kube-system etcd-… -- etcdctl …` run it (etcd's `etcdctl/ctlv3/command`).

mod print;

use super::Node;
use crate::core::Duration;
use crate::core::collections::sort::Sort as _;
use crate::flow::{Flow, Io};
use crate::kubectl::parse::go_duration_us;
use crate::value;
use crate::value::{Text, Value};
use print::{Health, Version, table};

/// `--command-timeout`
const PATIENCE: Duration = Duration::s(5);
/// How soon a client turns to another endpoint when one does not take its connection.
const DIAL: Duration = Duration::ms(300);
/// etcd's number of the cluster; all clusters of kubeadm have another one, which says nothing.
const CLUSTER_ID: u64 = 5_460_180_453_641_385_064;
/// How etcdctl ends when a valid flag has a value that it does not support (`cobrautl.ExitBadFeature`).
const BAD_FEATURE: i32 = 4;

/// `--write-out`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Simple,
    Json,
    Table,
}

/// The command line, read.
#[derive(Debug)]
struct Line<'a> {
    words: Vec<&'a str>,
    flags: Vec<(&'a str, &'a str)>,
    /// `--command-timeout`
    patience: Duration,
    format: Format,
}

impl<'a> Line<'a> {
    /// Reads the arguments; `Err` is what goes to stderr, with the exit code.
    fn read(args: &[&'a str]) -> Result<Self, (String, i32)> {
        const SWITCHES: &[&str] = &["cluster", "keys-only", "prefix", "learner", "print-value-only"];
        // What there is nothing to say of: nobody asks for certificates, and connections are made at once or not at all.
        const IDLE: &[&str] = &["cacert", "cert", "key", "debug", "dial-timeout", "hex"];
        const VALUES: &[&str] = &["endpoints", "write-out", "consistency", "limit", "peer-urls", "command-timeout"];
        let mut line = Self { words: Vec::new(), flags: Vec::new(), patience: PATIENCE, format: Format::Simple };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if !arg.starts_with('-') {
                line.words.push(arg);
                continue;
            }
            let (name, inline) = arg.split_once('=').map_or((*arg, None), |(name, value)| (name, Some(value)));
            let name = if name == "-w" { "write-out" } else { name.trim_start_matches('-') };
            if SWITCHES.contains(&name) || matches!(name, "debug" | "hex") {
                line.flags.push((name, inline.unwrap_or("true")));
            } else if VALUES.contains(&name) || IDLE.contains(&name) {
                let value =
                    inline.or_else(|| args.next().copied()).ok_or((format!("Error: flag needs an argument: {arg}"), 1))?;
                line.flags.push((name, value));
            } else {
                return Err((format!("Error: unknown flag: {arg}"), 1));
            }
        }
        for name in ["command-timeout", "dial-timeout"] {
            if let Some(value) = line.flag(name) {
                let us = go_duration_us(value)
                    .map_err(|error| (format!("Error: invalid argument {value:?} for \"--{name}\" flag: {error}"), 1))?;
                if name == "command-timeout" {
                    line.patience = Duration::us(us.max(0) as u64);
                }
            }
        }
        line.format = match line.flag("write-out").unwrap_or("simple") {
            "simple" => Format::Simple,
            "json" => Format::Json,
            "table" => Format::Table,
            other @ ("fields" | "protobuf") => {
                return Err((
                    format!("Error: {other} is not part of the simulation's etcdctl: simple, json and table are"),
                    BAD_FEATURE,
                ));
            }
            _ => return Err(("Error: unsupported output format".into(), BAD_FEATURE)),
        };
        if line.is_set("hex") {
            return Err(("Error: --hex is not part of the simulation's etcdctl".into(), BAD_FEATURE));
        }
        line.check_format()?;
        Ok(line)
    }

    /// Only some commands have other forms than the simple one.
    fn check_format(&self) -> Result<(), (String, i32)> {
        let has_forms = matches!(self.words[..], ["endpoint", "status" | "health"] | ["member", "list"]);
        match self.format {
            Format::Table if !has_forms => Err(("Error: table is not supported as output format".into(), BAD_FEATURE)),
            Format::Json if !has_forms => Err((
                "Error: of the simulation's etcdctl, only endpoint status, endpoint health and member list print JSON".into(),
                BAD_FEATURE,
            )),
            _ => Ok(()),
        }
    }

    fn flag(&self, name: &str) -> Option<&'a str> {
        self.flags.iter().rfind(|(have, _)| *have == name).map(|(_, value)| *value)
    }
    fn is_set(&self, name: &str) -> bool {
        self.flag(name) == Some("true")
    }
}

/// `etcdctl ARGS…`
pub fn main(args: &[&str], node: &Node, io: &mut Io) -> Flow<()> {
    let line = &match Line::read(args) {
        Ok(line) => line,
        Err((error, code)) => return io.fail(code, &format!("{error}\n")),
    };
    let endpoints: Vec<String> = line.flag("endpoints").unwrap_or("127.0.0.1:2379").split(',').map(str::to_string).collect();
    let ask = |verb, args, io: &mut Io| call(line, &endpoints, verb, args, node, io);
    match line.words[..] {
        ["endpoint", "status"] => status(line, endpoints, node, io),
        ["endpoint", "health"] => health(line, endpoints, node, io),
        ["member", "list"] => member_list(line, &endpoints, node, io),
        ["member", "add", name] => {
            let Some(url) = line.flag("peer-urls") else { return io.fail(1, "Error: member peer urls not provided.\n") };
            let answer = ask("member-add", value!({"peerURL": Text::new(url), "learner": line.is_set("learner")}), io)?;
            let body = &answer["body"];
            let as_learner = if line.is_set("learner") { " as learner" } else { "" };
            let member = |member: &Value| {
                let known = member["name"].str();
                format!("{}={}", if known.is_empty() { name } else { known }, member["peerURL"].str())
            };
            let cluster: Vec<String> = body["members"].items().iter().map(member).collect();
            io.print(&format!(
                "Member {:>16} added{as_learner} to cluster {CLUSTER_ID:16x}\n\nETCD_NAME={name:?}\nETCD_INITIAL_CLUSTER={:?}\nETCD_INITIAL_ADVERTISE_PEER_URLS={url:?}\nETCD_INITIAL_CLUSTER_STATE=\"existing\"\n",
                body["id"].str(),
                cluster.join(",")
            ));
            Ok(())
        }
        ["member", "remove", id] => {
            ask("member-remove", value!({"id": Text::new(id)}), io)?;
            io.print(&format!("Member {id:>16} removed from cluster {CLUSTER_ID:16x}\n"));
            Ok(())
        }
        ["member", "promote", id] => {
            ask("member-promote", value!({"id": Text::new(id)}), io)?;
            io.print(&format!("Member {id:>16} promoted in cluster {CLUSTER_ID:16x}\n"));
            Ok(())
        }
        ["move-leader", id] => {
            let answer = ask("move-leader", value!({"id": Text::new(id)}), io)?;
            let body = &answer["body"];
            io.print(&format!("Leadership transferred from {} to {}\n", body["from"].str(), body["to"].str()));
            Ok(())
        }
        ["get", key] => get(line, key, &endpoints, node, io),
        ["put", key, value] => {
            ask("put", value!({"key": Text::new(key), "value": Text::new(value)}), io)?;
            io.print("OK\n");
            Ok(())
        }
        ["del", key] => {
            let prefix = line.is_set("prefix");
            let answer = ask("delete", value!({"key": Text::new(key), "prefix": prefix}), io)?;
            let deleted = if prefix { answer["kvs"].items().len() } else { usize::from(answer["succeeded"].is_true()) };
            io.print(&format!("{deleted}\n"));
            Ok(())
        }
        ["version"] => {
            let version = Version::of(node);
            io.print(&format!("etcdctl version: {}\nAPI version: {}\n", version.text, version.api()));
            Ok(())
        }
        _ => io.fail(
            1,
            "Of etcdctl's commands, the simulation knows endpoint status|health, member list|add|promote|remove, move-leader, get, put, del and version\n",
        ),
    }
}

/// The line that the client's library logs when it gives up; `method` is that of etcd's API.
fn warn(version: &Version, endpoint: &str, method: &str, error: &str, io: &mut Io) {
    let ts = io.now().rfc3339_micro();
    let code = if error.starts_with("rpc error") { "" } else { "rpc error: code = DeadlineExceeded desc = " };
    let line = if version.is_new() {
        format!(
            "{{\"level\":\"warn\",\"ts\":\"{ts}\",\"logger\":\"etcd-client\",\"caller\":\"v3@v{}/retry_interceptor.go:65\",\"msg\":\"retrying of unary invoker failed\",\"target\":\"etcd-endpoints://0xc00002a000/{}\",\"method\":\"/etcdserverpb.{method}\",\"attempt\":0,\"error\":\"{code}{error}\"}}\n",
            version.text,
            endpoint.rsplit('/').next().unwrap_or_default()
        )
    } else {
        let ts = ts.get(..23).unwrap_or(&ts);
        format!(
            "{{\"level\":\"warn\",\"ts\":\"{ts}Z\",\"caller\":\"clientv3/retry_interceptor.go:62\",\"msg\":\"retrying of unary invoker failed\",\"target\":\"passthrough:///{endpoint}\",\"attempt\":0,\"error\":\"{code}{error}\"}}\n"
        )
    };
    io.eprint(&line);
}

/// Asks the first endpoint that takes a connection; ends the command when it cannot.
fn call(line: &Line<'_>, endpoints: &[String], verb: &'static str, args: Value, node: &Node, io: &mut Io) -> Flow<Value> {
    let mut chosen = &endpoints[0];
    if endpoints.len() > 1 {
        for endpoint in endpoints {
            if io.etcd(endpoint, "member-list", Value::Null, DIAL)?.is_ok() {
                chosen = endpoint;
                break;
            }
        }
    }
    match io.etcd(chosen, verb, args, line.patience)? {
        Ok(answer) => Ok(answer),
        Err(error) => {
            if !error.starts_with("etcdserver") {
                let method = match verb {
                    "range" | "get" => "KV/Range",
                    "put" => "KV/Put",
                    "delete" => "KV/DeleteRange",
                    "move-leader" => "Maintenance/MoveLeader",
                    "member-list" => "Cluster/MemberList",
                    "member-add" => "Cluster/MemberAdd",
                    "member-remove" => "Cluster/MemberRemove",
                    _ => "Cluster/MemberPromote",
                };
                warn(&Version::of(node), chosen, method, &error, io);
            }
            io.fail(1, &format!("Error: {error}\n"))
        }
    }
}

/// With `--cluster`: the client URLs of all members.
fn of_cluster(line: &Line<'_>, endpoints: Vec<String>, node: &Node, io: &mut Io) -> Flow<Vec<String>> {
    if !line.is_set("cluster") {
        return Ok(endpoints);
    }
    let list = call(line, &endpoints, "member-list", Value::Null, node, io)?;
    let urls = list["body"]["members"].items().iter().map(|member| member["clientURL"].str().to_string());
    Ok(urls.filter(|url| !url.is_empty()).collect())
}

fn status(line: &Line<'_>, endpoints: Vec<String>, node: &Node, io: &mut Io) -> Flow<()> {
    let mut found = Vec::new();
    let mut complaints = Vec::new();
    for endpoint in of_cluster(line, endpoints, node, io)? {
        match io.etcd(&endpoint, "status", Value::Null, line.patience)? {
            Ok(answer) => found.push((endpoint, answer["body"].clone())),
            Err(error) => complaints.push((endpoint, error)),
        }
    }
    let version = Version::of(node);
    io.print(&match line.format {
        Format::Table => {
            table(version.status_header(), &found.iter().map(|found| version.status_cells(found)).collect::<Vec<_>>())
        }
        Format::Json => {
            let entries: Vec<String> = found.iter().map(|found| version.status_json(found)).collect();
            format!("[{}]\n", entries.join(","))
        }
        Format::Simple => found.iter().map(|found| version.status_cells(found).join(", ") + "\n").collect(),
    });
    for (endpoint, error) in &complaints {
        let refused = version.unreachable(endpoint);
        warn(&version, endpoint, "Maintenance/Status", &refused, io);
        io.eprint(&format!("Failed to get the status of endpoint {endpoint} ({error})\n"));
    }
    if complaints.is_empty() { Ok(()) } else { io.fail(1, "") }
}

fn health(line: &Line<'_>, endpoints: Vec<String>, node: &Node, io: &mut Io) -> Flow<()> {
    let endpoints = of_cluster(line, endpoints, node, io)?;
    let version = Version::of(node);
    let answers = io.etcd_all(&endpoints, "range", &value!({"key": "health"}), line.patience)?;
    let mut found: Vec<Health> = Vec::new();
    for (endpoint, answer) in endpoints.into_iter().zip(answers) {
        let (took_us, error) = match answer {
            Ok(answer) => (answer["tookUs"].int(), None),
            Err(error) => {
                warn(&version, &endpoint, "KV/Range", &error, io);
                (line.patience.0 as i64, Some(error))
            }
        };
        found.push(Health { endpoint, took_us, error });
    }
    // They are told as they have answered.
    found.order_by_key(|health| (health.error.is_some(), health.took_us));
    let ill = found.iter().any(|health| health.error.is_some());
    match line.format {
        Format::Table => {
            io.print(&table(&["ENDPOINT", "HEALTH", "TOOK", "ERROR"], &found.iter().map(Health::cells).collect::<Vec<_>>()));
        }
        Format::Json => io.print(&format!("[{}]\n", found.iter().map(Health::json).collect::<Vec<_>>().join(","))),
        Format::Simple => {
            for health in &found {
                let told = health.simple();
                // Up to 3.5 good news went to stderr, too.
                if health.error.is_some() || !version.is_new() { io.eprint(&told) } else { io.print(&told) }
            }
        }
    }
    if ill { io.fail(1, "Error: unhealthy cluster\n") } else { Ok(()) }
}

fn member_list(line: &Line<'_>, endpoints: &[String], node: &Node, io: &mut Io) -> Flow<()> {
    let list = call(line, endpoints, "member-list", Value::Null, node, io)?;
    let members = list["body"]["members"].items();
    let cells = |member: &Value| {
        let text = |field: &str| member[field].str().to_string();
        let started = !member["name"].is_empty();
        let clients = if started { text("clientURL") } else { String::new() };
        let state = if started { "started" } else { "unstarted" };
        vec![text("id"), state.to_string(), text("name"), text("peerURL"), clients, member["learner"].is_true().to_string()]
    };
    let rows: Vec<Vec<String>> = members.iter().map(cells).collect();
    io.print(&match line.format {
        Format::Table => table(&["ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"], &rows),
        Format::Json => print::members_json(&list["body"]),
        Format::Simple => rows.iter().map(|row| row.join(", ") + "\n").collect(),
    });
    Ok(())
}

fn get(line: &Line<'_>, key: &str, endpoints: &[String], node: &Node, io: &mut Io) -> Flow<()> {
    let args = value!({"key": Text::new(key), "prefix": line.is_set("prefix"), "limit": line.flag("limit").and_then(|n| n.parse::<i64>().ok()).unwrap_or(0)});
    let serializable = line.flag("consistency").is_some_and(|consistency| consistency.starts_with('s'));
    let answer = call(line, endpoints, if serializable { "get" } else { "range" }, args, node, io)?;
    let found = if serializable { &answer["body"] } else { &answer["kvs"] };
    for kv in found.items() {
        if !line.is_set("print-value-only") {
            io.print(&format!("{}\n", kv["key"].str()));
        }
        let value = &kv["value"];
        let text = value.as_str().map_or_else(|| value.to_json(), str::to_string);
        io.print(&if line.is_set("keys-only") { "\n".to_string() } else { format!("{text}\n") });
    }
    Ok(())
}
