//! Answers of [`what_if`](super::what_if) as a table for people: of every pod each node with its total and the weighted scores, or
//! the plugin that rejected it and its words.

use crate::value::Value;

/// The table of all answers.
pub fn table(pods: &[Value]) -> String {
    pods.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn one(answer: &Value) -> String {
    let mut out = format!("{}: {}\n", answer["pod"].str(), headline(answer));
    let note = answer["note"].str();
    if !note.is_empty() {
        out += &format!("  {note}\n");
    }
    let message = answer["message"].str();
    if !message.is_empty() {
        out += &format!("  {message}\n");
    }
    let plugins = plugins(answer);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut head = vec!["NODE".to_string(), "TOTAL".to_string()];
    head.extend(plugins.iter().map(|plugin| short(plugin)));
    head.push("REJECTED BY".into());
    head.push("REASON".into());
    rows.push(head);
    let mut nodes: Vec<&Value> = answer["nodes"].items().iter().collect();
    // The best first; nodes without a total keep their order behind them.
    nodes.sort_by_key(|node| node["total"].as_int().map_or((1, 0), |total| (0, -total)));
    for node in nodes {
        rows.push(row(answer, node, &plugins));
    }
    out + &aligned(&rows)
}

fn headline(answer: &Value) -> String {
    if let Some(chosen) = answer["chosen"].as_str() {
        let others: Vec<&str> = answer["acceptable"].items().iter().map(Value::str).filter(|name| *name != chosen).collect();
        let ties = if others.is_empty() { String::new() } else { format!(" (as good: {})", others.join(", ")) };
        return format!("goes to {chosen}{ties}");
    }
    match (answer["nominated"].as_str(), answer["note"].as_str()) {
        (Some(node), _) => {
            let victims: Vec<&str> = answer["victims"].items().iter().map(Value::str).collect();
            format!("waits for room on {node}; preempts {}", victims.join(", "))
        }
        (None, Some(_)) => "is left alone".into(),
        (None, None) => "waits, no node will do".into(),
    }
}

/// The plugins that gave any node a score, in the order of their names.
fn plugins(answer: &Value) -> Vec<String> {
    let mut plugins: Vec<String> = Vec::new();
    for (name, score) in answer["nodes"].items().iter().flat_map(|node| node["scores"].entries()) {
        if score.int() != 0 && !plugins.iter().any(|have| **have == **name) {
            plugins.push(name.to_string());
        }
    }
    plugins.sort();
    plugins
}

/// A plugin's name as the head of a column.
fn short(plugin: &str) -> String {
    let name = plugin.strip_prefix("NodeResources").unwrap_or(plugin);
    name.strip_prefix("Pod").unwrap_or(name).to_uppercase()
}

fn row(answer: &Value, node: &Value, plugins: &[String]) -> Vec<String> {
    let name = node["name"].str();
    let is_goal = [&answer["chosen"], &answer["nominated"]].iter().any(|goal| goal.as_str() == Some(name));
    let mut row = vec![format!("{name}{}", if is_goal { " *" } else { "" })];
    let number = |value: &Value| value.as_int().map_or(String::new(), |number| number.to_string());
    row.push(number(&node["total"]));
    row.extend(plugins.iter().map(|plugin| number(&node["scores"][plugin.as_str()])));
    row.push(node["rejected_by"].str().to_string());
    row.push(node["reason"].str().to_string());
    row
}

/// Columns as wide as their widest cell, three spaces apart; columns without any content are left out.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let used: Vec<usize> = (0..columns).filter(|at| *at == 0 || rows.iter().skip(1).any(|row| !row[*at].is_empty())).collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = used.iter().map(|at| width(*at)).collect();
    let mut out = String::new();
    for row in rows {
        let cells = used.iter().zip(&widths).map(|(at, width)| format!("{:<width$}", row[*at]));
        out += cells.collect::<Vec<_>>().join("   ").trim_end();
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn the_best_node_comes_first() {
        let node = |name: &'static str, total: i64| value!({"name": name, "rejected_by": null, "reason": null, "scores": {"NodeResourcesFit": total, "ImageLocality": 0}, "total": total});
        let full =
            value!({"name": "n0", "rejected_by": "NodeResourcesFit", "reason": "Insufficient cpu", "scores": {}, "total": null});
        let answer = value!({
            "pod": "default/p", "message": "", "chosen": "n2", "acceptable": ["n2"], "nominated": null, "victims": [],
            "nodes": [full, node("n1", 50), node("n2", 75)],
        });
        let want = "\
default/p: goes to n2
NODE   TOTAL   FIT   REJECTED BY        REASON
n2 *   75      75
n1     50      50
n0                   NodeResourcesFit   Insufficient cpu
";
        assert_eq!(table(&[answer]), want);
    }
}
