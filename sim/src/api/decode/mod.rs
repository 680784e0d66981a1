//! Text → objects, by one path for every manifest, patch and configuration file: YAML or JSON, as kubectl reads them.
//!
//! A stream that begins with `{` is JSON, anything else YAML (`apimachinery/pkg/util/yaml`); YAML documents are parted at lines
//! `---` and each is converted to JSON as `sigs.k8s.io/yaml` does. As there, the last of duplicate keys wins.

mod json;
mod place;
mod scalar;
mod yaml;

pub use json::{Decoder, parse_json};
pub use place::{Place, locate};
pub(in crate::api) use scalar::{Scalar, resolve};

use crate::value::Value;

/// Why a text could not be read. Displays as kubectl prints it behind `error: error parsing FILE: `.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Broken YAML; the text is go-yaml's, such as `yaml: line 4: did not find expected key`.
    #[error("error converting YAML to JSON: {message}")]
    Yaml {
        /// What is wrong, with go-yaml's idea of the line.
        message: String,
        /// The line in the whole text, counted from 1, when known.
        line: Option<usize>,
        /// The column in that line, counted from 1.
        column: Option<usize>,
    },
    /// Broken JSON; the text is encoding/json's, such as `invalid character 'b' looking for beginning of value`.
    #[error("{message}")]
    Json {
        /// What is wrong.
        message: String,
        /// How many bytes were read before.
        offset: usize,
    },
}

/// One of the documents of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document<'a> {
    /// What it says.
    pub value: Value,
    /// How many lines of the text come before [`Document::text`].
    pub first_line: usize,
    /// How many characters come before it in its first line.
    pub first_column: usize,
    /// The part of the text that it was read from.
    pub text: &'a str,
}

/// Reads all documents of a text; empty ones are left out.
pub fn parse_documents(text: &str) -> Result<Vec<Value>, DecodeError> {
    Ok(documents(text)?.into_iter().map(|document| document.value).collect())
}

/// Reads all documents of a text with their places in it; empty ones are left out.
pub fn documents(text: &str) -> Result<Vec<Document<'_>>, DecodeError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut documents = Vec::new();
    if text.trim_start().starts_with('{') {
        let mut decoder = Decoder::new(text);
        let mut from = 0;
        while let Some(value) = decoder.next_value()? {
            let before = &text[..from];
            let first_line = before.matches('\n').count();
            let first_column = before.rsplit('\n').next().unwrap_or_default().chars().count();
            documents.push(Document { value, first_line, first_column, text: &text[from..decoder.position()] });
            from = decoder.position();
        }
        return Ok(documents);
    }
    for (first_line, part) in split_documents(text) {
        let value = yaml::parse(part, first_line)?;
        if !value.is_null() {
            documents.push(Document { value, first_line, first_column: 0, text: part });
        }
    }
    Ok(documents)
}

/// Parts a stream at lines that are `---` and white space or a comment only: pairs of lines before the part and the part (YAMLReader).
fn split_documents(text: &str) -> Vec<(usize, &str)> {
    let (mut parts, mut start, mut start_line, mut at) = (Vec::new(), 0, 0, 0);
    for (line_number, line) in text.split_inclusive('\n').enumerate() {
        let end = at + line.len();
        if let Some(rest) = line.strip_prefix("---")
            && (rest.trim().is_empty() || rest.trim_start().starts_with('#'))
        {
            parts.push((start_line, &text[start..at]));
            start = end;
            start_line = line_number + 1;
        }
        at = end;
    }
    parts.push((start_line, &text[start..]));
    parts.retain(|(_, part)| !part.trim().is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        match parse_documents(text) {
            Ok(documents) => documents.iter().map(Value::to_json).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn streams() {
        assert_eq!(json("a: 1\n---\nb: [2, x]\n--- # end\n# nothing\n---\n"), r#"{"a":1} {"b":[2,"x"]}"#);
        assert_eq!(json("---\na: 1\n"), r#"{"a":1}"#);
        assert_eq!(json(" {\"a\":1}\n{\"a\":2}"), r#"{"a":1} {"a":2}"#);
        assert_eq!(json("# nothing\n"), "");
        assert_eq!(json(""), "");
        assert_eq!(json("a: |\n  x\n  ---\n  y\n"), r#"{"a":"x\n---\ny\n"}"#);
    }

    #[test]
    fn duplicate_keys_are_taken_as_recorded() {
        assert_eq!(json("a: Always\na: Never\n"), r#"{"a":"Never"}"#);
        assert_eq!(json(r#"{"a":"1","a":"2"}"#), r#"{"a":"2"}"#);
    }

    #[test]
    fn recorded_errors() {
        assert_eq!(
            json("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n spec: {}\n"),
            "error converting YAML to JSON: yaml: line 4: did not find expected key"
        );
        assert_eq!(
            json("apiVersion: v1\nkind: Pod\nmetadata:\n\tname: x\n"),
            "error converting YAML to JSON: yaml: line 4: found character that cannot start any token"
        );
    }

    #[test]
    fn lines_count_from_the_document_but_the_error_knows_the_stream() {
        let Err(DecodeError::Yaml { message, line, column }) = parse_documents("a: 1\n---\nb: 1\nc: d: e\n") else { panic!() };
        assert_eq!(message, "yaml: line 2: mapping values are not allowed in this context");
        assert_eq!((line, column), (Some(4), Some(5)));
    }
}
