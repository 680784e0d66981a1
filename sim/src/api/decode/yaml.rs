//! One YAML document → JSON, with the error texts of go-yaml v2, which follow libyaml's.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::DecodeError;
use super::scalar::{Scalar, resolve};
use crate::value::{Map, Text, Value};

/// How many values aliases may add to a document; go-yaml refuses documents that mostly consist of aliases.
const MAX_ALIASED: usize = 100_000;

/// How deep a document may nest; go-yaml's limit is 10,000, but what nests deeper than this is no Kubernetes object.
const MAX_DEPTH: usize = 500;

/// Reads the first document of a text that begins `first_line` lines into its stream.
pub(super) fn parse(text: &str, first_line: usize) -> Result<Value, DecodeError> {
    let mut loader = Loader { parser: Parser::new_from_str(text), first_line, text, anchors: Vec::new(), aliased: 0, depth: 0 };
    loop {
        let (event, span) = loader.next()?;
        match event {
            Event::StreamEnd => return Ok(Value::Null),
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing | Event::DocumentEnd => {}
            event => {
                let value = loader.node(event, span)?;
                // A document ends before the next begins; what follows it in the same part must at least be well-formed so far.
                loader.next()?;
                return Ok(value);
            }
        }
    }
}

struct Loader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    first_line: usize,
    text: &'a str,
    /// Anchored values with their sizes, by the parser's anchor number.
    anchors: Vec<Option<(Value, usize)>>,
    aliased: usize,
    depth: usize,
}

impl<'a> Loader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), DecodeError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.translate(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn fail(&self, message: String, span: Span) -> DecodeError {
        DecodeError::Yaml {
            message: format!("yaml: {message}"),
            line: Some(self.first_line + span.start.line()),
            column: Some(span.start.col() + 1),
        }
    }

    fn remember(&mut self, anchor: usize, value: &Value) {
        if anchor > 0 {
            if self.anchors.len() <= anchor {
                self.anchors.resize(anchor + 1, None);
            }
            self.anchors[anchor] = Some((value.clone(), size(value)));
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Value, DecodeError> {
        match event {
            Event::Alias(anchor) => {
                // An anchor whose value is still being read is not there yet.
                let Some(Some((value, size))) = self.anchors.get(anchor).cloned() else {
                    let name = self.text.chars().skip(span.start.index() + 1).take_while(|char| !char.is_whitespace());
                    let name: String = name.take_while(|char| !",]}".contains(*char)).collect();
                    return Err(self.fail(format!("anchor '{name}' value contains itself"), span));
                };
                self.aliased += size;
                if self.aliased > MAX_ALIASED {
                    return Err(self.fail("document contains excessive aliasing".to_string(), span));
                }
                Ok(value)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), span)?;
                self.remember(anchor, &value);
                Ok(value)
            }
            Event::SequenceStart(anchor, _) => {
                self.deeper(span)?;
                let mut list = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => list.push(self.node(event, span)?),
                    }
                }
                self.depth -= 1;
                let value = Value::from(list);
                self.remember(anchor, &value);
                Ok(value)
            }
            Event::MappingStart(anchor, _) => {
                self.deeper(span)?;
                let value = self.mapping()?;
                self.depth -= 1;
                self.remember(anchor, &value);
                Ok(value)
            }
            _ => Ok(Value::Null),
        }
    }

    fn deeper(&mut self, span: Span) -> Result<(), DecodeError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fail("exceeded max depth".to_string(), span));
        }
        Ok(())
    }

    fn mapping(&mut self) -> Result<Value, DecodeError> {
        let mut map = Map::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if resolve(text) == Scalar::Merge);
            let key = match self.node(event, span)? {
                Value::Str(text) => text,
                Value::Int(number) => number.to_string().into(),
                Value::Bool(flag) => flag.to_string().into(),
                Value::Float(number) => Text::from(format!("{number}")),
                Value::Null => "null".into(),
                key @ (Value::List(_) | Value::Map(_)) => {
                    return Err(self.fail(format!("invalid map key: {}", key.to_json()), span));
                }
            };
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span)?;
            if is_merge {
                merged.push((value, value_span));
            } else {
                map.insert(key, value);
            }
        }
        for (value, span) in merged {
            let maps = if matches!(value, Value::Map(_)) { vec![value] } else { value.items().to_vec() };
            for source in maps {
                if !matches!(source, Value::Map(_)) {
                    return Err(self.fail("map merge requires map or sequence of maps as the value".to_string(), span));
                }
                for (key, value) in source.entries() {
                    if !map.contains_key(key) {
                        map.insert(key, value);
                    }
                }
            }
        }
        Ok(map.into())
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<Value, DecodeError> {
        let kind = tag.map(|tag| (tag.is_yaml_core_schema(), tag.suffix.as_str()));
        let resolved = match kind {
            None if style == ScalarStyle::Plain => resolve(text),
            None | Some((true, "str")) => Scalar::Str,
            Some((true, wanted)) => {
                let scalar = resolve(text);
                let fits = matches!(
                    (wanted, &scalar),
                    ("int", Scalar::Int(_))
                        | ("float", Scalar::Float(_) | Scalar::Int(_))
                        | ("bool", Scalar::Bool(_))
                        | ("null", Scalar::Null)
                        | ("timestamp", Scalar::Timestamp)
                );
                if !fits && matches!(wanted, "int" | "float" | "bool" | "null") {
                    return Err(self.fail(format!("cannot decode !!str `{text}` as a !!{wanted}"), span));
                }
                scalar
            }
            Some(_) => Scalar::Str,
        };
        Ok(match resolved {
            Scalar::Null => Value::Null,
            Scalar::Bool(flag) => Value::Bool(flag),
            Scalar::Int(number) => Value::Int(number),
            // encoding/json writes a float without a fraction as a whole number.
            #[allow(clippy::float_cmp)]
            Scalar::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Value::Int(number as i64),
            Scalar::Float(number) if number.is_finite() => Value::Float(number),
            Scalar::Float(_) => {
                let name = text.trim_start_matches('+').replace('.', "");
                return Err(DecodeError::Yaml {
                    message: format!("json: unsupported value: {name}"),
                    line: Some(self.first_line + span.start.line()),
                    column: Some(span.start.col() + 1),
                });
            }
            Scalar::Merge | Scalar::Timestamp | Scalar::Str => Value::Str(Text::new(text)),
        })
    }

    /// The parser's complaint in libyaml's words. go-yaml counts lines of parser errors from 0, those of scanner errors from 1.
    fn translate(&self, error: &ScanError) -> DecodeError {
        let mark = error.marker();
        let (mut words, scanner) = libyaml_words(error.info());
        if words == "did not find expected ',' or ']'" {
            // Which bracket is open is seen in the text before the problem.
            let before: String = self.text.chars().take(mark.index()).collect();
            if before.rfind('{') > before.rfind('[') {
                words = "did not find expected ',' or '}'";
            }
        }
        let last_line = self.text.lines().count();
        let problem_line = if words == "found unexpected end of stream" { last_line + 1 } else { mark.line() };
        // Of a problem in the very first line go-yaml names no line at all.
        let place = match (problem_line, scanner) {
            (0 | 1, _) => String::new(),
            (line, true) => format!("line {line}: "),
            (line, false) => format!("line {}: ", line - 1),
        };
        let message = match error.info() {
            "while parsing node, found unknown anchor" => {
                let name = self.text.chars().skip(mark.index() + 1).take_while(|char| !char.is_whitespace());
                let name: String = name.take_while(|char| !",]}".contains(*char)).collect();
                format!("yaml: unknown anchor '{name}' referenced")
            }
            _ => format!("yaml: {place}{words}"),
        };
        DecodeError::Yaml { message, line: Some(self.first_line + mark.line()), column: Some(mark.col() + 1) }
    }
}

/// How many values a value consists of.
fn size(value: &Value) -> usize {
    1 + value.items().iter().map(size).sum::<usize>() + value.entries().iter().map(|(_, value)| size(value)).sum::<usize>()
}

/// libyaml's words for a complaint of our parser, and whether libyaml's scanner (not its parser) would make it.
fn libyaml_words(info: &str) -> (&str, bool) {
    match info {
        _ if info.contains("tab") || info.starts_with("unexpected character") => {
            ("found character that cannot start any token", true)
        }
        "while parsing a block mapping, did not find expected key"
        | "invalid indentation"
        | "invalid trailing content after double-quoted scalar" => ("did not find expected key", false),
        "while parsing a block collection, did not find expected '-' indicator" => ("did not find expected '-' indicator", false),
        "while parsing a flow mapping, did not find expected ',' or '}'" => ("did not find expected ',' or '}'", false),
        "while parsing a flow sequence, expected ',' or ']'" | "illegal placement of ':' indicator" => {
            ("did not find expected ',' or ']'", false)
        }
        "while parsing a node, did not find expected node content" | "misplaced bracket" => {
            ("did not find expected node content", false)
        }
        "did not find expected <document start>" | "did not find expected <document-start>" => {
            ("did not find expected <document start>", false)
        }
        "invalid indentation in quoted scalar" => ("found unexpected end of stream", true),
        "simple key expected" | "simple key expect ':'" => ("could not find expected ':'", true),
        _ => match info.split_once(", ") {
            Some((context, problem)) if context.starts_with("while ") => (problem, true),
            _ => (info, true),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        match parse(text, 0) {
            Ok(value) => value.to_json(),
            Err(error) => error.to_string().replace("error converting YAML to JSON: ", ""),
        }
    }

    #[test]
    fn values_as_sigs_yaml_reads_them() {
        assert_eq!(
            json("a: \"80\"\nb: 80\nc: yes\nd: 'yes'\ne: 1.0\nf:\ng: !!str 5\n"),
            r#"{"a":"80","b":80,"c":true,"d":"yes","e":1,"f":null,"g":"5"}"#
        );
        assert_eq!(json("on: 1\n80: x\n"), r#"{"80":"x","true":1}"#);
        assert_eq!(json("t: 2026-01-05T09:00:00Z\n"), r#"{"t":"2026-01-05T09:00:00Z"}"#);
        assert_eq!(json("a: |\n  x\n  y\nb: >\n  x\n  y\n"), r#"{"a":"x\ny\n","b":"x y\n"}"#);
        assert_eq!(json("- a: 1\n  b: 2\n- c\n"), r#"[{"a":1,"b":2},"c"]"#);
    }

    #[test]
    fn anchors_and_merges() {
        assert_eq!(json("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n"), r#"{"a":{"p":1,"q":2},"b":{"p":1,"q":3}}"#);
        assert_eq!(json("a: *nope\n"), "yaml: unknown anchor 'nope' referenced");
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_string();
        for at in 1..9 {
            let aliases = vec![format!("*a{}", at - 1); 10].join(",");
            let line = format!("a{at}: &a{at} [{aliases}]\n");
            bomb.push_str(&line);
        }
        assert_eq!(json(&bomb), "yaml: document contains excessive aliasing");
    }

    #[test]
    fn errors_are_go_yamls() {
        for (text, want) in [
            ("a: b: c\n", "yaml: mapping values are not allowed in this context"),
            ("x: 1\na: b: c\n", "yaml: line 2: mapping values are not allowed in this context"),
            ("x: 1\nkind Pod\nmetadata:\n", "yaml: line 3: could not find expected ':'"),
            ("x: 1\na: [1, 2\nb: 3\n", "yaml: line 2: did not find expected ',' or ']'"),
            ("x: 1\na: {b: 2\nc: 3\n", "yaml: line 2: did not find expected ',' or '}'"),
            ("x: 1\na: {b: 1\n", "yaml: line 2: did not find expected ',' or '}'"),
            ("x: 1\na: \"open\nb: 1\n", "yaml: line 4: found unexpected end of stream"),
            ("x: 1\na: 'it's'\n", "yaml: line 1: did not find expected key"),
            ("x: 1\na: @b\n", "yaml: line 2: found character that cannot start any token"),
            ("x: 1\na: \"\\q\"\n", "yaml: line 2: found unknown escape character"),
            ("x:\n- a\n b\n", r#"{"x":["a b"]}"#),
            ("x:\n- a\n- b\ny\n", "yaml: line 5: could not find expected ':'"),
            ("spec:\n  a: 1\n   b: 2\n", "yaml: line 3: mapping values are not allowed in this context"),
            ("a: ]\n", "yaml: did not find expected node content"),
            ("? [a]\n: b\n", "yaml: invalid map key: [\"a\"]"),
        ] {
            assert_eq!(json(text), want, "{text:?}");
        }
    }
}
