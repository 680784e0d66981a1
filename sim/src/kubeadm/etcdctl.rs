//! etcdctl, as `docker exec NODE etcdctl …` and `kubectl exec -n kube-system etcd-… -- etcdctl …` run it (reference: `ha-etcd`).

use super::Node;
use crate::core::Duration;
use crate::flow::{Flow, Io};
use crate::kind::image::{Versions, node_image_minor};
use crate::value;
use crate::value::{Text, Value};

/// `--command-timeout`
const PATIENCE: Duration = Duration::s(5);
/// How soon a client turns to another endpoint when one does not take its connection.
const DIAL: Duration = Duration::ms(300);
/// etcd's number of the cluster; all clusters of kubeadm have another one, which says nothing.
const CLUSTER_ID: u64 = 5_460_180_453_641_385_064;

/// The command line, read.
#[derive(Debug, Default)]
struct Line<'a> {
    words: Vec<&'a str>,
    flags: Vec<(&'a str, &'a str)>,
}

impl<'a> Line<'a> {
    fn read(args: &[&'a str]) -> Result<Self, String> {
        const SWITCHES: &[&str] = &["cluster", "keys-only", "prefix", "learner", "debug", "hex", "print-value-only"];
        const VALUES: &[&str] = &[
            "endpoints",
            "write-out",
            "cacert",
            "cert",
            "key",
            "consistency",
            "limit",
            "peer-urls",
            "command-timeout",
            "dial-timeout",
        ];
        let mut line = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if !arg.starts_with('-') {
                line.words.push(arg);
                continue;
            }
            let (name, inline) = arg.split_once('=').map_or((*arg, None), |(name, value)| (name, Some(value)));
            let name = if name == "-w" { "write-out" } else { name.trim_start_matches('-') };
            if SWITCHES.contains(&name) {
                line.flags.push((name, inline.unwrap_or("true")));
            } else if VALUES.contains(&name) {
                let value = inline.or_else(|| args.next().copied()).ok_or(format!("Error: flag needs an argument: {arg}"))?;
                line.flags.push((name, value));
            } else {
                return Err(format!("Error: unknown flag: {arg}"));
            }
        }
        Ok(line)
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
    let line = match Line::read(args) {
        Ok(line) => line,
        Err(error) => return io.fail(1, &format!("{error}\n")),
    };
    let endpoints: Vec<String> = line.flag("endpoints").unwrap_or("127.0.0.1:2379").split(',').map(str::to_string).collect();
    match line.words[..] {
        ["endpoint", "status"] => status(&line, endpoints, node, io),
        ["endpoint", "health"] => health(&line, endpoints, io),
        ["member", "list"] => member_list(&line, &endpoints, io),
        ["member", "add", name] => {
            let Some(url) = line.flag("peer-urls") else { return io.fail(1, "Error: member peer urls not provided.\n") };
            let answer = call(&endpoints, "member-add", value!({"peerURL": Text::new(url), "learner": line.is_set("learner")}), io)?;
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
            call(&endpoints, "member-remove", value!({"id": Text::new(id)}), io)?;
            io.print(&format!("Member {id:>16} removed from cluster {CLUSTER_ID:16x}\n"));
            Ok(())
        }
        ["member", "promote", id] => {
            call(&endpoints, "member-promote", value!({"id": Text::new(id)}), io)?;
            io.print(&format!("Member {id:>16} promoted in cluster {CLUSTER_ID:16x}\n"));
            Ok(())
        }
        ["move-leader", id] => {
            let answer = call(&endpoints, "move-leader", value!({"id": Text::new(id)}), io)?;
            let body = &answer["body"];
            io.print(&format!("Leadership transferred from {} to {}\n", body["from"].str(), body["to"].str()));
            Ok(())
        }
        ["get", key] => get(&line, key, &endpoints, io),
        ["put", key, value] => {
            call(&endpoints, "put", value!({"key": Text::new(key), "value": Text::new(value)}), io)?;
            io.print("OK\n");
            Ok(())
        }
        ["del", key] => {
            let answer = call(&endpoints, "delete", value!({"key": Text::new(key)}), io)?;
            io.print(&format!("{}\n", i32::from(answer["succeeded"].is_true())));
            Ok(())
        }
        ["version"] => {
            io.print(&format!("etcdctl version: {}\nAPI version: 3.6\n", version(node)));
            Ok(())
        }
        _ => io.fail(
            1,
            "Of etcdctl's commands, the simulation knows endpoint status|health, member list|add|promote|remove, move-leader, get, put, del and version\n",
        ),
    }
}

/// `3.6.8`, as the machine's image has it.
fn version(node: &Node) -> String {
    let image = if node_image_minor(&node.image).is_some() { Versions::of(&node.image).etcd } else { node.image.clone() };
    let tag = image.rsplit(':').next().unwrap_or_default();
    tag.split('-').next().unwrap_or_default().to_string()
}

fn warn(endpoint: &str, error: &str, io: &mut Io) {
    let ts = io.now().rfc3339_micro();
    let ts = ts.get(..23).unwrap_or(&ts).to_string();
    let code = if error.starts_with("rpc error") { "" } else { "rpc error: code = DeadlineExceeded desc = " };
    io.eprint(&format!(
        "{{\"level\":\"warn\",\"ts\":\"{ts}Z\",\"caller\":\"clientv3/retry_interceptor.go:62\",\"msg\":\"retrying of unary invoker failed\",\"target\":\"passthrough:///{endpoint}\",\"attempt\":0,\"error\":\"{code}{error}\"}}\n"
    ));
}

/// Asks the first endpoint that takes a connection; ends the command when it cannot.
fn call(endpoints: &[String], verb: &'static str, args: Value, io: &mut Io) -> Flow<Value> {
    let mut chosen = &endpoints[0];
    if endpoints.len() > 1 {
        for endpoint in endpoints {
            if io.etcd(endpoint, "member-list", Value::Null, DIAL)?.is_ok() {
                chosen = endpoint;
                break;
            }
        }
    }
    match io.etcd(chosen, verb, args, PATIENCE)? {
        Ok(answer) => Ok(answer),
        Err(error) => {
            if !error.starts_with("etcdserver") {
                warn(chosen, &error, io);
            }
            io.fail(1, &format!("Error: {error}\n"))
        }
    }
}

/// With `--cluster`: the client URLs of all members.
fn of_cluster(line: &Line<'_>, endpoints: Vec<String>, io: &mut Io) -> Flow<Vec<String>> {
    if !line.is_set("cluster") {
        return Ok(endpoints);
    }
    let list = call(&endpoints, "member-list", Value::Null, io)?;
    let urls = list["body"]["members"].items().iter().map(|member| member["clientURL"].str().to_string());
    Ok(urls.filter(|url| !url.is_empty()).collect())
}

fn status(line: &Line<'_>, endpoints: Vec<String>, node: &Node, io: &mut Io) -> Flow<()> {
    let mut found = Vec::new();
    let mut failed = false;
    let mut complaints = Vec::new();
    for endpoint in of_cluster(line, endpoints, io)? {
        match io.etcd(&endpoint, "status", Value::Null, PATIENCE)? {
            Ok(answer) => found.push((endpoint, answer["body"].clone())),
            Err(error) => {
                failed = true;
                complaints.push((endpoint, error));
            }
        }
    }
    let version = version(node);
    let cells = |(endpoint, status): &(String, Value)| {
        let number = |field: &str| status[field].int().to_string();
        vec![
            endpoint.clone(),
            status["id"].str().to_string(),
            version.clone(),
            human_bytes(status["dbSize"].int() as u64),
            (status["id"] == status["leader"]).to_string(),
            status["learner"].is_true().to_string(),
            number("term"),
            number("index"),
            number("applied"),
            status["errors"].str().to_string(),
        ]
    };
    match line.flag("write-out").unwrap_or("simple") {
        "table" => {
            let header = [
                "ENDPOINT",
                "ID",
                "VERSION",
                "DB SIZE",
                "IS LEADER",
                "IS LEARNER",
                "RAFT TERM",
                "RAFT INDEX",
                "RAFT APPLIED INDEX",
                "ERRORS",
            ];
            let rows: Vec<Vec<String>> = found.iter().map(cells).collect();
            io.print(&table(&header, &rows));
        }
        "json" => {
            let entries: Vec<String> = found.iter().map(|(endpoint, status)| status_json(endpoint, status, &version)).collect();
            io.print(&format!("[{}]\n", entries.join(",")));
        }
        _ => found.iter().for_each(|found| io.print(&format!("{}\n", cells(found).join(", ")))),
    }
    for (endpoint, error) in &complaints {
        warn(
            endpoint,
            &format!(
                "latest balancer error: connection error: desc = \\\"transport: Error while dialing dial tcp {endpoint}: connect: connection refused\\\""
            ),
            io,
        );
        io.eprint(&format!("Failed to get the status of endpoint {endpoint} ({error})\n"));
    }
    if failed { io.fail(1, "") } else { Ok(()) }
}

fn status_json(endpoint: &str, status: &Value, version: &str) -> String {
    let decimal = |field: &str| u64::from_str_radix(status[field].str(), 16).unwrap_or(0);
    let number = |field: &str| status[field].int();
    format!(
        "{{\"Endpoint\":{endpoint:?},\"Status\":{{\"header\":{{\"cluster_id\":{CLUSTER_ID},\"member_id\":{},\"revision\":{},\"raft_term\":{}}},\"version\":\"{version}\",\"dbSize\":{},\"leader\":{},\"raftIndex\":{},\"raftTerm\":{},\"raftAppliedIndex\":{},\"dbSizeInUse\":{}}}}}",
        decimal("id"),
        number("revision"),
        number("term"),
        number("dbSize"),
        decimal("leader"),
        number("index"),
        number("term"),
        number("applied"),
        number("dbSize"),
    )
}

fn health(line: &Line<'_>, endpoints: Vec<String>, io: &mut Io) -> Flow<()> {
    let endpoints = of_cluster(line, endpoints, io)?;
    let answers = io.etcd_all(&endpoints, "range", &value!({"key": "health"}), PATIENCE)?;
    let mut healthy = Vec::new();
    let mut ill = Vec::new();
    for (endpoint, answer) in endpoints.iter().zip(answers) {
        match answer {
            Ok(answer) => healthy.push((answer["tookUs"].int(), endpoint)),
            Err(error) => ill.push((endpoint, error)),
        }
    }
    healthy.sort_unstable();
    for (endpoint, error) in &ill {
        warn(endpoint, error, io);
    }
    for (took, endpoint) in healthy {
        let took = format!("{}.{:03}", took / 1_000, took % 1_000);
        io.eprint(&format!(
            "{endpoint} is healthy: successfully committed proposal: took = {}ms\n",
            took.trim_end_matches('0').trim_end_matches('.')
        ));
    }
    for (endpoint, error) in &ill {
        io.eprint(&format!("{endpoint} is unhealthy: failed to commit proposal: {error}\n"));
    }
    if ill.is_empty() { Ok(()) } else { io.fail(1, "Error: unhealthy cluster\n") }
}

fn member_list(line: &Line<'_>, endpoints: &[String], io: &mut Io) -> Flow<()> {
    let list = call(endpoints, "member-list", Value::Null, io)?;
    let cells = |member: &Value| {
        let text = |field: &str| member[field].str().to_string();
        let started = !member["name"].is_empty();
        let clients = if started { text("clientURL") } else { String::new() };
        let state = if started { "started" } else { "unstarted" };
        vec![text("id"), state.to_string(), text("name"), text("peerURL"), clients, member["learner"].is_true().to_string()]
    };
    let rows: Vec<Vec<String>> = list["body"]["members"].items().iter().map(cells).collect();
    if line.flag("write-out") == Some("table") {
        io.print(&table(&["ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"], &rows));
    } else {
        rows.iter().for_each(|row| io.print(&format!("{}\n", row.join(", "))));
    }
    Ok(())
}

fn get(line: &Line<'_>, key: &str, endpoints: &[String], io: &mut Io) -> Flow<()> {
    let args = value!({"key": Text::new(key), "prefix": line.is_set("prefix"), "limit": line.flag("limit").and_then(|n| n.parse::<i64>().ok()).unwrap_or(0)});
    let serializable = line.flag("consistency").is_some_and(|consistency| consistency.starts_with('s'));
    let answer = call(endpoints, if serializable { "get" } else { "range" }, args, io)?;
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

/// `250 kB`: go-humanize's Bytes.
fn human_bytes(bytes: u64) -> String {
    let (unit, scale) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => ("kB", 1_000),
        1_000_000..1_000_000_000 => ("MB", 1_000_000),
        _ => ("GB", 1_000_000_000),
    };
    let tenths = (bytes * 10 + scale / 2) / scale;
    if tenths < 100 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", (bytes + scale / 2) / scale)
    }
}

/// The table that etcdctl draws: headers in the middle, cells to the right.
fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = header
        .iter()
        .enumerate()
        .map(|(at, title)| rows.iter().map(|row| row[at].len()).chain([title.len()]).max().unwrap_or(0))
        .collect();
    let rule: String = widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))).collect::<String>() + "+\n";
    let titles: String = header
        .iter()
        .zip(&widths)
        .map(|(title, width)| {
            let space = width + 2 - title.len();
            format!("|{}{title}{}", " ".repeat(space / 2), " ".repeat(space - space / 2))
        })
        .collect();
    let mut text = format!("{rule}{titles}|\n{rule}");
    for row in rows {
        text += &row.iter().zip(&widths).map(|(cell, width)| format!("| {cell:>width$} ")).collect::<String>();
        text += "|\n";
    }
    if !rows.is_empty() {
        text += &rule;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_drawn_as_recorded() {
        let row =
            ["1e538232f1a33ff2", "started", "kind-control-plane2", "http://127.0.0.1:13380", "http://127.0.0.1:13379", "false"];
        let expected = "\
+------------------+---------+---------------------+------------------------+------------------------+------------+
|        ID        | STATUS  |        NAME         |       PEER ADDRS       |      CLIENT ADDRS      | IS LEARNER |
+------------------+---------+---------------------+------------------------+------------------------+------------+
| 1e538232f1a33ff2 | started | kind-control-plane2 | http://127.0.0.1:13380 | http://127.0.0.1:13379 |      false |
+------------------+---------+---------------------+------------------------+------------------------+------------+
";
        let header = ["ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"];
        assert_eq!(table(&header, &[row.map(str::to_string).to_vec()]), expected);
    }

    #[test]
    fn sizes_are_written_as_go_humanize_does() {
        assert_eq!([249_856, 20_480, 1_200, 2_400_000].map(human_bytes), ["250 kB", "20 kB", "1.2 kB", "2.4 MB"]);
    }
}
