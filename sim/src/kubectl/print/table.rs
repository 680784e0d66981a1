//! Prints the api-server's Tables, after cli-runtime's `pkg/printers/tableprinter.go`.

use super::tabwriter::TabWriter;
use crate::api::Resource;
use crate::kubectl::resources::full_name;
use crate::value::{Text, Value};

/// What is shown of a Table.
#[derive(Clone, Debug, Default)]
pub struct TableOptions {
    /// Columns of priority 1 too.
    pub wide: bool,
    /// No line of column names.
    pub no_headers: bool,
    /// Names with their kind: `pod/nginx`.
    pub with_kind: Option<Resource>,
    /// A first column NAMESPACE.
    pub with_namespace: bool,
    /// A last column LABELS.
    pub show_labels: bool,
    /// Columns for these labels.
    pub label_columns: Vec<String>,
}

/// Prints Tables of one kind, one after the other.
#[derive(Clone, Debug)]
pub struct TablePrinter {
    options: TableOptions,
    /// The columns of the last Table: later ones that come without get them, and print no names again.
    columns: Value,
    headers_printed: bool,
}

impl TablePrinter {
    /// A printer.
    pub fn new(options: TableOptions) -> Self {
        Self { options, columns: Value::Null, headers_printed: false }
    }

    /// What it remembers of the Tables that it has printed, for [`TablePrinter::restore`].
    pub fn state(&self) -> Value {
        crate::value!({"columns": &self.columns, "headers": self.headers_printed})
    }

    /// Goes on as the printer did whose state this is.
    pub fn restore(&mut self, state: &Value) {
        self.columns = state["columns"].clone();
        self.headers_printed = state["headers"].is_true();
    }

    /// Writes a Table's rows, with column names before the first ones. `event` fills a first column EVENT.
    pub fn print(&mut self, table: &Value, event: Option<&str>, out: &mut TabWriter) {
        let definitions = &table["columnDefinitions"];
        if !definitions.is_empty() && *definitions != self.columns {
            self.columns = definitions.clone();
            self.headers_printed = false;
        }
        let rows = table["rows"].items();
        if rows.is_empty() {
            return;
        }
        let shown: Vec<bool> =
            self.columns.items().iter().map(|column| self.options.wide || column["priority"].int() == 0).collect();
        if !self.headers_printed && !self.options.no_headers {
            out.write(&self.header(&shown, event.is_some()));
        }
        self.headers_printed = true;
        for row in rows {
            out.write(&self.row(row, &shown, event));
        }
    }

    fn header(&self, shown: &[bool], event: bool) -> String {
        let mut names: Vec<String> = Vec::new();
        if self.options.with_namespace {
            names.push("NAMESPACE".into());
        }
        if event {
            names.push("EVENT".into());
        }
        let columns = self.columns.items().iter().zip(shown).filter(|(_, shown)| **shown);
        names.extend(columns.map(|(column, _)| column["name"].str().to_uppercase()));
        let last_part = |label: &String| label.rsplit('/').next().unwrap_or_default().to_uppercase();
        names.extend(self.options.label_columns.iter().map(last_part));
        if self.options.show_labels {
            names.push("LABELS".into());
        }
        names.join("\t") + "\n"
    }

    fn row(&self, row: &Value, shown: &[bool], event: Option<&str>) -> String {
        let object = &row["object"];
        let mut cells: Vec<String> = Vec::new();
        if self.options.with_namespace {
            cells.push(object.namespace().to_string());
        }
        cells.extend(event.map(str::to_string));
        let columns = self.columns.items().iter().zip(row["cells"].items()).zip(shown).filter(|(_, shown)| **shown);
        for ((column, cell), _) in columns {
            let text = cell_text(cell);
            cells.push(match self.options.with_kind {
                Some(resource) if column["format"].str() == "name" => full_name(resource, &text),
                _ => text,
            });
        }
        let labels = &object["metadata"]["labels"];
        cells.extend(self.options.label_columns.iter().map(|label| labels[label.as_str()].str().to_string()));
        if self.options.show_labels {
            cells.push(crate::api::table::format_labels(labels));
        }
        cells.join("\t") + "\n"
    }
}

/// A cell as text; one with several lines is cut after the first.
fn cell_text(cell: &Value) -> String {
    let text = match cell {
        Value::Null => "<none>".into(),
        Value::Str(text) => text.clone(),
        other => Text::from(other.to_json()),
    };
    match text.find(['\n', '\r', '\u{c}']) {
        Some(end) => format!("{}...", &text[..end]),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::PODS;
    use crate::value;

    fn table(names: &[&'static str]) -> Value {
        let rows: Vec<Value> = names
            .iter()
            .map(|name| {
                value!({"cells": [*name, "1/1", "w"], "object": {"metadata": {"name": *name, "namespace": "shop",
                    "labels": {"app": "web", "a/tier": "front"}}}})
            })
            .collect();
        value!({"kind": "Table", "rows": rows, "columnDefinitions": [
            {"name": "Name", "format": "name", "priority": 0}, {"name": "Ready", "priority": 0}, {"name": "Node", "priority": 1}]})
    }

    fn check(options: TableOptions, expected: &str) {
        let mut printer = TablePrinter::new(options);
        let mut out = TabWriter::for_tables();
        printer.print(&table(&[]), None, &mut out);
        printer.print(&table(&["web-1"]), None, &mut out);
        let mut bare = table(&["b"]);
        bare.set("columnDefinitions", Value::Null);
        printer.print(&bare, None, &mut out);
        assert_eq!(out.flush(), expected);
    }

    #[test]
    fn options_add_and_leave_out_columns() {
        check(TableOptions::default(), "NAME    READY\nweb-1   1/1\nb       1/1\n");
        check(
            TableOptions { wide: true, with_namespace: true, with_kind: Some(PODS), ..TableOptions::default() },
            "NAMESPACE   NAME        READY   NODE\nshop        pod/web-1   1/1     w\nshop        pod/b       1/1     w\n",
        );
        check(
            TableOptions { no_headers: true, show_labels: true, ..TableOptions::default() },
            "web-1   1/1   a/tier=front,app=web\nb       1/1   a/tier=front,app=web\n",
        );
        check(
            TableOptions { label_columns: vec!["a/tier".into(), "nope".into()], ..TableOptions::default() },
            "NAME    READY   TIER    NOPE\nweb-1   1/1     front   \nb       1/1     front   \n",
        );
    }

    #[test]
    fn cells_are_cut_after_their_first_line() {
        assert_eq!(cell_text(&"a\nb".into()), "a...");
        assert_eq!(cell_text(&3.into()), "3");
        assert_eq!(cell_text(&Value::Null), "<none>");
    }
}
