//! Values as Go's `%#v` writes them, which is how kubectl shows the object that a template failed on.

use crate::value::Value;

/// `map[string]interface {}{"a":1}`
pub(super) fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_string(),
        Value::Str(text) => quote(text),
        Value::List(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(go_syntax).collect::<Vec<_>>().join(", "))
        }
        Value::Map(map) => {
            let entries: Vec<String> =
                map.entries().iter().map(|(key, value)| format!("{}:{}", quote(key), go_syntax(value))).collect();
            format!("map[string]interface {{}}{{{}}}", entries.join(", "))
        }
        other => other.to_json(),
    }
}

/// Go's `%q`.
pub fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out += &format!("\\x{:02x}", c as u32),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn nested_values() {
        let value = value!({"a": [1, "x\"y"], "b": null, "c": true});
        assert_eq!(
            go_syntax(&value),
            r#"map[string]interface {}{"a":[]interface {}{1, "x\"y"}, "b":interface {}(nil), "c":true}"#
        );
    }
}
