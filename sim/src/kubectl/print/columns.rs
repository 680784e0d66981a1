//! `-o custom-columns=…`, after kubectl's `pkg/cmd/get/customcolumn.go`.

use super::jsonpath::JsonPath;
use super::tabwriter::TabWriter;
use crate::value::{Value, go_text};

/// The columns that a user asked for.
#[derive(Clone, Debug)]
pub struct CustomColumns {
    columns: Vec<(String, JsonPath)>,
    no_headers: bool,
}

impl CustomColumns {
    /// Reads `NAME:.metadata.name,NODE:.spec.nodeName`. The error is kubectl's text.
    pub fn parse(spec: &str, no_headers: bool) -> Result<Self, String> {
        if spec.is_empty() {
            return Err("custom-columns format specified but no custom columns given".into());
        }
        let mut columns = Vec::new();
        for part in spec.split(',') {
            let (header, path) = part
                .split_once(':')
                .filter(|(_, path)| !path.contains(':'))
                .ok_or_else(|| format!("unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"))?;
            columns.push((header.to_string(), JsonPath::parse_relaxed(path)?));
        }
        Ok(Self { columns, no_headers })
    }

    /// Writes the column names and a line for each object.
    pub fn print(&self, objects: &[Value], out: &mut TabWriter) -> Result<(), String> {
        if !self.no_headers {
            let headers: Vec<&str> = self.columns.iter().map(|(header, _)| header.as_str()).collect();
            out.write(&(headers.join("\t") + "\n"));
        }
        for object in objects {
            let mut cells = Vec::new();
            for (_, path) in &self.columns {
                let found = path.find(object)?;
                let values: Vec<String> = found.iter().flatten().map(go_text).collect();
                cells.push(if values.is_empty() { "<none>".to_string() } else { values.join(",") });
            }
            out.write(&(cells.join("\t") + "\n"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn columns() {
        let pod = value!({"metadata": {"name": "db-0", "labels": {"a": "b", "c": "d"}}, "spec": {"containers": [{"image": "x"}, {"image": "y"}]}});
        let columns = CustomColumns::parse(
            "NAME:.metadata.name,IMAGE:.spec.containers[*].image,NOPE:.spec.nope,L:{.metadata.labels}",
            false,
        );
        let mut out = TabWriter::for_tables();
        columns.unwrap().print(&[pod], &mut out).unwrap();
        assert_eq!(out.flush(), "NAME   IMAGE   NOPE     L\ndb-0   x,y     <none>   map[a:b c:d]\n");
        let error = CustomColumns::parse("NAME", false).unwrap_err();
        assert_eq!(error, "unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>");
    }
}
