//! How etcdctl prints: what 3.6 prints differs from what was printed before.

use super::super::Node;
use super::CLUSTER_ID;
use crate::kind::image::{Versions, node_image_minor};
use crate::kubectl::parse::go_duration_text;
use crate::value::{Text, Value};

/// `--quota-backend-bytes` unless it is given.
const QUOTA: u64 = 2 * 1_024 * 1_024 * 1_024;

/// The version of etcd in a machine's image.
#[derive(Debug)]
pub(super) struct Version {
    /// Such as `3.6.8`.
    pub(super) text: String,
}

impl Version {
    pub(super) fn of(node: &Node) -> Self {
        let image = if node_image_minor(&node.image).is_some() { Versions::of(&node.image).etcd } else { node.image.clone() };
        let tag = image.rsplit(':').next().unwrap_or_default();
        Self { text: tag.split('-').next().unwrap_or_default().trim_start_matches('v').to_string() }
    }

    /// `3.6`
    pub(super) fn api(&self) -> String {
        self.text.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
    }

    /// Whether it is 3.6 or later.
    pub(super) fn is_new(&self) -> bool {
        let mut numbers = self.text.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (3, 6)
    }

    /// Why an endpoint was given up at which nobody listens.
    pub(super) fn unreachable(&self, endpoint: &str) -> String {
        let colon = if self.is_new() { ":" } else { "" };
        let address = endpoint.rsplit('/').next().unwrap_or_default();
        format!(
            "latest balancer error: connection error: desc = \\\"transport: Error while dialing{colon} dial tcp {address}: connect: connection refused\\\""
        )
    }

    pub(super) fn status_header(&self) -> &'static [&'static str] {
        const NEW: [&str; 16] = [
            "ENDPOINT",
            "ID",
            "VERSION",
            "STORAGE VERSION",
            "DB SIZE",
            "IN USE",
            "PERCENTAGE NOT IN USE",
            "QUOTA",
            "IS LEADER",
            "IS LEARNER",
            "RAFT TERM",
            "RAFT INDEX",
            "RAFT APPLIED INDEX",
            "ERRORS",
            "DOWNGRADE TARGET VERSION",
            "DOWNGRADE ENABLED",
        ];
        const OLD: [&str; 10] = [
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
        if self.is_new() { &NEW } else { &OLD }
    }

    /// A line of `endpoint status`; everything in the database is in use, as nothing is ever defragmented.
    pub(super) fn status_cells(&self, (endpoint, status): &(String, Value)) -> Vec<String> {
        let number = |field: &str| status[field].int().to_string();
        let size = human_bytes(status["dbSize"].int() as u64);
        let mut cells = vec![endpoint.clone(), status["id"].str().to_string(), self.text.clone()];
        if self.is_new() {
            cells.extend([format!("{}.0", self.api()), size.clone(), size, "0%".into(), human_bytes(QUOTA)]);
        } else {
            cells.push(size);
        }
        cells.extend([
            (status["id"] == status["leader"]).to_string(),
            status["learner"].is_true().to_string(),
            number("term"),
            number("index"),
            number("applied"),
            status["errors"].str().to_string(),
        ]);
        if self.is_new() {
            cells.extend([String::new(), "false".into()]);
        }
        cells
    }

    pub(super) fn status_json(&self, (endpoint, status): &(String, Value)) -> String {
        let number = |field: &str| status[field].int();
        let errors =
            if status["errors"].is_empty() { String::new() } else { format!(",\"errors\":[{}]", status["errors"].to_json()) };
        let learner = if status["learner"].is_true() { ",\"isLearner\":true" } else { "" };
        let new = if self.is_new() {
            format!(",\"storageVersion\":\"{}.0\",\"dbSizeQuota\":{QUOTA},\"downgradeInfo\":{{}}", self.api())
        } else {
            String::new()
        };
        format!(
            "{{\"Endpoint\":{endpoint:?},\"Status\":{{\"header\":{{\"cluster_id\":{CLUSTER_ID},\"member_id\":{},\"revision\":{},\"raft_term\":{}}},\"version\":\"{}\",\"dbSize\":{size},\"leader\":{},\"raftIndex\":{},\"raftTerm\":{},\"raftAppliedIndex\":{}{errors},\"dbSizeInUse\":{size}{learner}{new}}}}}",
            decimal(&status["id"]),
            number("revision"),
            number("term"),
            self.text,
            decimal(&status["leader"]),
            number("index"),
            number("term"),
            number("applied"),
            size = number("dbSize"),
        )
    }
}

/// How an endpoint is.
#[derive(Debug)]
pub(super) struct Health {
    pub(super) endpoint: String,
    pub(super) took_us: i64,
    pub(super) error: Option<Text>,
}

impl Health {
    pub(super) fn simple(&self) -> String {
        let (endpoint, took) = (&self.endpoint, go_duration_text(self.took_us));
        match &self.error {
            None => format!("{endpoint} is healthy: successfully committed proposal: took = {took}\n"),
            Some(error) => format!("{endpoint} is unhealthy: failed to commit proposal: {error}\n"),
        }
    }

    pub(super) fn cells(&self) -> Vec<String> {
        let error = self.error.as_ref().map(Text::to_string).unwrap_or_default();
        vec![self.endpoint.clone(), self.error.is_none().to_string(), go_duration_text(self.took_us), error]
    }

    pub(super) fn json(&self) -> String {
        let error = self.error.as_ref().map_or(String::new(), |error| format!(",\"error\":{:?}", error.as_str()));
        let (endpoint, healthy, took) = (&self.endpoint, self.error.is_none(), go_duration_text(self.took_us));
        format!("{{\"endpoint\":{endpoint:?},\"health\":{healthy},\"took\":\"{took}\"{error}}}")
    }
}

/// `member list -w json`
pub(super) fn members_json(list: &Value) -> String {
    let entry = |member: &Value| {
        let url = |field: &str| format!("[{}]", member[field].to_json());
        let started = !member["name"].is_empty();
        let name = if started { format!("\"name\":{},", member["name"].to_json()) } else { String::new() };
        let clients = if started { format!(",\"clientURLs\":{}", url("clientURL")) } else { String::new() };
        let learner = if member["learner"].is_true() { ",\"isLearner\":true" } else { "" };
        format!("{{\"ID\":{},{name}\"peerURLs\":{}{clients}{learner}}}", decimal(&member["id"]), url("peerURL"))
    };
    let members: Vec<String> = list["members"].items().iter().map(entry).collect();
    format!(
        "{{\"header\":{{\"cluster_id\":{CLUSTER_ID},\"member_id\":{},\"raft_term\":{}}},\"members\":[{}]}}\n",
        decimal(&list["answeredBy"]),
        list["term"].int(),
        members.join(",")
    )
}

/// A member's number in JSON is decimal.
fn decimal(id: &Value) -> u64 {
    u64::from_str_radix(id.str(), 16).unwrap_or(0)
}

/// `250 kB`: go-humanize's Bytes.
pub(super) fn human_bytes(bytes: u64) -> String {
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
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
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
    #[test]
    fn status_has_the_columns_and_fields_of_its_version() {
        let version = |text: &str| Version { text: text.into() };
        let status = (
            "127.0.0.1:2379".to_string(),
            crate::value!({"id": "ff", "leader": "ff", "term": 2, "index": 10, "applied": 10, "revision": 7, "dbSize": 20_480, "errors": ""}),
        );
        let new = version("3.6.8");
        assert_eq!(new.status_cells(&status).len(), new.status_header().len());
        assert_eq!(
            new.status_cells(&status).join(", "),
            "127.0.0.1:2379, ff, 3.6.8, 3.6.0, 20 kB, 20 kB, 0%, 2.1 GB, true, false, 2, 10, 10, , , false"
        );
        assert!(new.status_json(&status).ends_with(
            "\"raftAppliedIndex\":10,\"dbSizeInUse\":20480,\"storageVersion\":\"3.6.0\",\"dbSizeQuota\":2147483648,\"downgradeInfo\":{}}}"
        ));
        let old = version("3.4.23");
        assert_eq!(old.status_cells(&status).len(), old.status_header().len());
        assert_eq!(old.status_cells(&status).join(", "), "127.0.0.1:2379, ff, 3.4.23, 20 kB, true, false, 2, 10, 10, ");
        assert!(old.status_json(&status).ends_with("\"dbSizeInUse\":20480}}"));
    }

    #[test]
    fn health_takes_gos_durations() {
        let health = |took_us, error: Option<&str>| Health { endpoint: "e:2379".into(), took_us, error: error.map(Text::new) };
        assert_eq!(health(393, None).simple(), "e:2379 is healthy: successfully committed proposal: took = 393µs\n");
        assert_eq!(health(1_002_000, None).cells(), ["e:2379", "true", "1.002s", ""]);
        assert_eq!(health(4_067, None).json(), "{\"endpoint\":\"e:2379\",\"health\":true,\"took\":\"4.067ms\"}");
        let ill = health(5_000_000, Some("context deadline exceeded"));
        assert_eq!(ill.simple(), "e:2379 is unhealthy: failed to commit proposal: context deadline exceeded\n");
        assert!(ill.json().ends_with("\"took\":\"5s\",\"error\":\"context deadline exceeded\"}"));
    }
}
