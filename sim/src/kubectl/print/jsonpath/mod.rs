//! Templates such as `{.items[*].metadata.name}`, after client-go's `util/jsonpath`.

mod eval;
mod parse;

use crate::value::Value;
use parse::Node;

/// A template.
#[derive(Clone, Debug)]
pub struct JsonPath {
    nodes: Vec<Node>,
    /// Whether a missing field gives nothing instead of an error.
    allow_missing: bool,
}

impl JsonPath {
    /// Reads a template; missing fields give nothing. The error is client-go's text.
    pub fn parse(template: &str) -> Result<Self, String> {
        Ok(Self { nodes: parse::parse(template)?, allow_missing: true })
    }

    /// Reads a path without braces too: `.metadata.name`, `metadata.name` or `{.metadata.name}` (RelaxedJSONPathExpression).
    pub fn parse_relaxed(path: &str) -> Result<Self, String> {
        let inner = path.strip_prefix('{').and_then(|path| path.strip_suffix('}')).unwrap_or(path);
        let inner = inner.strip_prefix('.').unwrap_or(inner);
        if inner.is_empty() || inner.contains(['{', '}']) {
            return Err(
                "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
                    .into(),
            );
        }
        Self::parse(&format!("{{.{inner}}}"))
    }

    /// The values that the template finds, each piece's for itself.
    pub fn find(&self, data: &Value) -> Result<Vec<Vec<Value>>, String> {
        eval::find(self, data)
    }

    /// The template filled in.
    pub fn execute(&self, data: &Value) -> Result<String, String> {
        let mut out = String::new();
        for results in self.find(data)? {
            out += &results.iter().map(text_of).collect::<Vec<_>>().join(" ");
        }
        Ok(out)
    }
}

/// How a value is printed: lists and maps as JSON, all else as Go prints it.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Str(text) => text.to_string(),
        other => super::escape_html(other.to_json()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn check(template: &str, expected: &str) {
        let list = value!({"kind": "List", "items": [
            {"metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "x"}}, "n": 1, "ok": true, "ips": ["1", "2", "3"]},
            {"metadata": {"name": "b"}, "n": 2, "ok": false},
        ]});
        let found = JsonPath::parse(template).and_then(|path| path.execute(&list));
        assert_eq!(found.unwrap_or_else(|error| format!("! {error}")), expected, "{template}");
    }

    #[test]
    fn templates() {
        check("{.items[*].metadata.name}", "a b");
        check("{.items[0].n}/{.items[1].n}", "1/2");
        check("{.items[-1].metadata.name}", "b");
        check("{range .items[*]}{.metadata.name}{\"\\t\"}{.n}{\"\\n\"}{end}.", "a\t1\nb\t2\n.");
        check("{range .items[*]}{.metadata.name}:{range .ips[*]}{@},{end};{end}", "a:1,2,3,;b:;");
        check("{.items[?(@.metadata.name==\"b\")].n}", "2");
        check("{.items[?(@.n<2)].metadata.name}", "a");
        check("{.items[?(@.ok==true)].metadata.name}", "a");
        check("{.items[?(@.ips)].metadata.name}", "a");
        check("{.items[0].ips[0:2]} {.items[0].ips[::2]}", "1 2 1 3");
        check("{.items[0].metadata.labels.app\\.kubernetes\\.io/name}", "x");
        check("{.items[0].metadata.labels['app\\.kubernetes\\.io/name']}", "x");
        check("{.items[*]['n','ok']}", "1 2 true false");
        check("{..name}", "a b");
        check("{.items[0].metadata}", "{\"labels\":{\"app.kubernetes.io/name\":\"x\"},\"name\":\"a\"}");
        check("{.nope}{.items[0].nope.deeper}", "");
        check("plain", "plain");
        check("{$.kind}", "List");
    }

    #[test]
    fn errors_are_client_gos() {
        check("{.items[0", "! unterminated array");
        check("{.items", "! unclosed action");
        check("{.items[x]}", "! invalid array index x");
        check("{.items[9].n}", "! array index out of bounds: index 9, length 2");
        check("{.kind[0]}", "! string is not array or slice");
        check("{end}", "! not in range, nothing to end");
        check("{foo}", "! unrecognized identifier foo");
        check("{.items[?(@.n=1)]}", "! unrecognized filter operator =");
        check("{.items[?(@.n==\"1\")]}", "! incompatible types for comparison");
        check("{.items[?(@.n]}", "! unterminated filter");
        check("{#}", "! unrecognized character in action: U+0023 '#'");
        check("{\"a}", "! unterminated quoted string");
    }

    #[test]
    fn paths_without_braces() {
        let data = value!({"a": {"b": 7}});
        for path in [".a.b", "a.b", "{.a.b}", "{a.b}"] {
            assert_eq!(JsonPath::parse_relaxed(path).unwrap().execute(&data).unwrap(), "7", "{path}");
        }
        assert!(JsonPath::parse_relaxed("{{a}").is_err());
    }
}
