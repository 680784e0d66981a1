//! Where in a text a field stands, so that an error can name line and column.

use saphyr_parser::{Event, Parser, Span, StrInput};

use super::{DecodeError, Document};

/// A line and a column, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line in the whole text.
    pub line: usize,
    /// The column in that line, in characters.
    pub column: usize,
}

impl Place {
    /// The place of a syntax error in `text`, if it is known.
    pub fn of_error(error: &DecodeError, text: &str) -> Option<Self> {
        match error {
            DecodeError::Yaml { line, column, .. } => Some(Self { line: (*line)?, column: column.unwrap_or(1) }),
            DecodeError::Json { offset, .. } => {
                let before = text.get(..*offset)?;
                let line_start = before.rfind('\n').map_or(0, |at| at + 1);
                Some(Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 })
            }
        }
    }
}

/// The place of a field by its path as Kubernetes' errors write it, such as `spec.containers[0].resources.limits[cpu]`. Where a part
/// of the path is missing in the document, it is the place of what is there; "" is the document itself.
pub fn locate(document: &Document<'_>, path: &str) -> Place {
    let steps = steps(path);
    let mut search = Search { parser: Parser::new_from_str(document.text), steps: &steps, best: None };
    // The text was read without an error before; what cannot be walked here leaves the best place so far.
    search.document();
    let (_, span) = search.best.unwrap_or((0, Span::default()));
    let line = span.start.line().max(1);
    let before = if line == 1 { document.first_column } else { 0 };
    Place { line: document.first_line + line, column: before + span.start.col() + 1 }
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let end = inner.find(']').unwrap_or(inner.len());
            let text = &inner[..end];
            steps.push(text.parse().map_or_else(|_| Step::Key(text.to_string()), Step::Index));
            rest = inner.get(end + 1..).unwrap_or_default();
        } else {
            let rest_of = rest.trim_start_matches('.');
            let end = rest_of.find(['.', '[']).unwrap_or(rest_of.len());
            if end > 0 {
                steps.push(Step::Key(rest_of[..end].to_string()));
            }
            rest = &rest_of[end..];
        }
    }
    steps
}

struct Search<'a> {
    parser: Parser<'a, StrInput<'a>>,
    steps: &'a [Step],
    /// How many steps lead to the best place so far.
    best: Option<(usize, Span)>,
}

impl<'a> Search<'a> {
    fn next(&mut self) -> Option<(Event<'a>, Span)> {
        self.parser.next_event()?.ok()
    }

    fn document(&mut self) -> Option<()> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd | Event::DocumentEnd => return None,
                event => {
                    self.found(0, span);
                    return self.node(&event, Some(0));
                }
            }
        }
    }

    fn found(&mut self, steps: usize, span: Span) {
        // Of duplicate keys the last one counts, as when the text is read.
        if self.best.is_none_or(|(have, _)| steps >= have) {
            self.best = Some((steps, span));
        }
    }

    /// Walks through a node; `at` is how many steps lead to it when it lies on the way.
    fn node(&mut self, event: &Event<'a>, at: Option<usize>) -> Option<()> {
        let wanted = at.and_then(|at| self.steps.get(at));
        match event {
            Event::SequenceStart(..) => {
                let mut index = 0;
                loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        return Some(());
                    }
                    let matches = matches!(wanted, Some(Step::Index(want)) if *want == index);
                    let inner = at.filter(|_| matches).map(|at| at + 1);
                    if let Some(steps) = inner {
                        self.found(steps, span);
                    }
                    self.node(&event, inner)?;
                    index += 1;
                }
            }
            Event::MappingStart(..) => loop {
                let (key, span) = self.next()?;
                if matches!(key, Event::MappingEnd) {
                    return Some(());
                }
                let matches = match (&key, wanted) {
                    (Event::Scalar(text, ..), Some(Step::Key(want))) => **text == **want,
                    (Event::Scalar(text, ..), Some(Step::Index(want))) => **text == *want.to_string(),
                    _ => false,
                };
                self.node(&key, None)?;
                let inner = at.filter(|_| matches).map(|at| at + 1);
                if let Some(steps) = inner {
                    self.found(steps, span);
                }
                let (value, _) = self.next()?;
                self.node(&value, inner)?;
            },
            _ => Some(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::documents;
    use super::*;

    const TEXT: &str = "\
a: 1
---
kind: Pod
metadata:
  name: p
  labels: {x/y.z: 'q'}
spec:
  containers:
  - name: c
    resources:
      limits:
        cpu: banana
  - name: d
";

    fn place(path: &str) -> (usize, usize) {
        let documents = documents(TEXT).unwrap();
        let place = locate(&documents[1], path);
        (place.line, place.column)
    }

    #[test]
    fn fields_are_found_in_the_whole_text() {
        assert_eq!(place(""), (3, 1));
        assert_eq!(place("metadata.name"), (5, 3));
        assert_eq!(place("spec.containers[0].resources.limits[cpu]"), (12, 9));
        assert_eq!(place("spec.containers[1]"), (13, 5));
        assert_eq!(place("metadata.labels[x/y.z]"), (6, 12));
    }

    #[test]
    fn what_is_missing_is_where_it_should_be() {
        assert_eq!(place("spec.containers[1].image"), (13, 5));
        assert_eq!(place("spec.containers[7].image"), (8, 3));
        assert_eq!(place("status.phase"), (3, 1));
    }

    #[test]
    fn json_and_its_errors_have_places_too() {
        let text = "{\"a\": 1}\n{\"kind\": \"Pod\",\n \"spec\": {\"x\": [1, 2]}}";
        let documents = documents(text).unwrap();
        let place = locate(&documents[1], "spec.x[1]");
        assert_eq!((place.line, place.column), (3, 20));
        let text = "{\"a\": 1} {\"b\":\n 2} {\"spec\": {\"x\": 3}}";
        let documents = super::super::documents(text).unwrap();
        let place = |at: usize, path: &str| (locate(&documents[at], path).line, locate(&documents[at], path).column);
        assert_eq!((place(0, "a"), place(1, "b"), place(2, "spec.x")), ((1, 2), (1, 11), (2, 15)));
        let text = "{\"a\": 1,\n  b}";
        let error = super::super::documents(text).unwrap_err();
        assert_eq!(Place::of_error(&error, text), Some(Place { line: 2, column: 3 }));
    }
}
