//! Label selectors in both spellings, after apimachinery's `pkg/labels/selector.go`.

use crate::core::collections::sort::Sort as _;
use std::fmt;

use crate::api::names;
use crate::value::{Text, Value};

/// Requirements on labels, all of which must hold; none means everything matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    /// Whether nothing matches at all, whatever its labels (a missing `LabelSelector` object).
    nothing: bool,
    requirements: Vec<Requirement>,
}

/// One requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: Text,
    /// What is asked of it.
    pub operator: Operator,
    /// The values, sorted.
    pub values: Vec<Text>,
}

/// How a requirement compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `a=b`
    Equals,
    /// `a==b`
    DoubleEquals,
    /// `a!=b`
    NotEquals,
    /// `a in (b,c)`
    In,
    /// `a notin (b,c)`
    NotIn,
    /// `a`
    Exists,
    /// `!a`
    DoesNotExist,
    /// `a>1`
    GreaterThan,
    /// `a<1`
    LessThan,
}

impl Requirement {
    /// Whether labels satisfy this.
    pub fn matches(&self, labels: &Value) -> bool {
        let value = labels[&*self.key].as_str();
        let listed = |value: &str| self.values.iter().any(|have| have == value);
        match self.operator {
            Operator::Equals | Operator::DoubleEquals | Operator::In => value.is_some_and(listed),
            Operator::NotEquals | Operator::NotIn => !value.is_some_and(listed),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::GreaterThan | Operator::LessThan => {
                let bound = self.values.first().and_then(|bound| bound.parse::<i64>().ok());
                let (Some(value), Some(bound)) = (value.and_then(|value| value.parse::<i64>().ok()), bound) else { return false };
                if self.operator == Operator::GreaterThan { value > bound } else { value < bound }
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        label_key(&self.key)?;
        for (at, value) in self.values.iter().enumerate() {
            if matches!(self.operator, Operator::GreaterThan | Operator::LessThan) {
                value.parse::<i64>().map_err(|_| {
                    format!("values[{at}]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer")
                })?;
            }
            let faults = names::label_value(value);
            if !faults.is_empty() {
                return Err(format!("values[{at}][{}]: Invalid value: {value:?}: {}", self.key, faults.join("; ")));
            }
        }
        Ok(())
    }
}

fn label_key(key: &str) -> Result<(), String> {
    let faults = names::qualified_name(key);
    // Go prints the missing field path as `<nil>`.
    if faults.is_empty() { Ok(()) } else { Err(format!("<nil>: Invalid value: {key:?}: {}", faults.join("; "))) }
}

impl LabelSelector {
    /// Matches everything.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Matches nothing.
    pub fn nothing() -> Self {
        Self { nothing: true, requirements: Vec::new() }
    }

    /// Reads the spelling of `kubectl -l` and of the `labelSelector` parameter: `a=b,c!=d,e in (f,g),!h`.
    /// The error is the server's text, such as `unable to parse requirement: found 'b' expected: '('`.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self { nothing: false, requirements: Parser::new(text).parse()? })
    }

    /// Reads a `LabelSelector` object (metav1.LabelSelectorAsSelector): a missing one matches nothing, an empty one everything.
    /// Requirements with an unknown operator match nothing; validation refuses them before they are stored.
    pub fn of(selector: &Value) -> Self {
        if selector.is_null() {
            return Self::nothing();
        }
        let mut requirements: Vec<Requirement> = Self::of_labels(&selector["matchLabels"]).requirements;
        for expression in selector["matchExpressions"].items() {
            let operator = match expression["operator"].str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => return Self::nothing(),
            };
            let mut values: Vec<Text> = expression["values"].items().iter().map(Value::text).collect();
            values.order();
            requirements.push(Requirement { key: expression["key"].text(), operator, values });
        }
        Self { nothing: false, requirements }
    }

    /// Reads a plain map of labels that must all be there, as in a Service's `spec.selector` (labels.SelectorFromSet).
    pub fn of_labels(labels: &Value) -> Self {
        let requirement = |(key, value): &(Text, Value)| Requirement {
            key: key.clone(),
            operator: Operator::Equals,
            values: vec![value.text()],
        };
        Self { nothing: false, requirements: labels.entries().iter().map(requirement).collect() }
    }

    /// Whether labels (`metadata.labels`, or null) satisfy all requirements.
    pub fn matches(&self, labels: &Value) -> bool {
        !self.nothing && self.requirements.iter().all(|requirement| requirement.matches(labels))
    }

    /// Whether an object's labels satisfy all requirements.
    pub fn matches_object(&self, object: &Value) -> bool {
        self.matches(&object["metadata"]["labels"])
    }

    /// Whether everything matches.
    pub fn is_everything(&self) -> bool {
        !self.nothing && self.requirements.is_empty()
    }

    /// The requirements in the order in which they were given.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
}

impl fmt::Display for LabelSelector {
    /// As metav1.FormatLabelSelector and `kubectl describe` write it: sorted by key, `<none>` when empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nothing || self.requirements.is_empty() {
            return f.write_str("<none>");
        }
        let mut sorted: Vec<&Requirement> = self.requirements.iter().collect();
        sorted.order_by(|a, b| a.key.cmp(&b.key));
        for (at, requirement) in sorted.into_iter().enumerate() {
            write!(f, "{}{requirement}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = || self.values.iter().map(Text::as_str).collect::<Vec<_>>().join(",");
        let key = &self.key;
        match self.operator {
            Operator::Equals => write!(f, "{key}={}", values()),
            Operator::DoubleEquals => write!(f, "{key}=={}", values()),
            Operator::NotEquals => write!(f, "{key}!={}", values()),
            Operator::In => write!(f, "{key} in ({})", values()),
            Operator::NotIn => write!(f, "{key} notin ({})", values()),
            Operator::Exists => write!(f, "{key}"),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan => write!(f, "{key}>{}", values()),
            Operator::LessThan => write!(f, "{key}<{}", values()),
        }
    }
}

/// What the lexer tells apart. `in` and `notin` are words where a value is expected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Error,
    End,
    Word,
    Symbol(&'static str),
}

struct Parser {
    tokens: Vec<(Token, String)>,
    at: usize,
}

impl Parser {
    fn new(text: &str) -> Self {
        Self { tokens: lex(text), at: 0 }
    }

    /// The next token and its text, without taking it.
    fn peek(&self) -> (Token, &str) {
        let (token, text) = &self.tokens[self.at.min(self.tokens.len() - 1)];
        (*token, text)
    }

    fn take(&mut self) -> (Token, String) {
        let (token, text) = self.peek();
        let taken = (token, text.to_string());
        self.at += 1;
        taken
    }

    fn parse(&mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        loop {
            match self.peek() {
                (Token::Word | Token::Symbol("!"), _) => {}
                (Token::End, _) => return Ok(requirements),
                (_, text) => return Err(format!("found '{text}', expected: !, identifier, or 'end of string'")),
            }
            let requirement = self.requirement().map_err(|error| format!("unable to parse requirement: {error}"))?;
            requirements.push(requirement);
            match self.take() {
                (Token::End, _) => return Ok(requirements),
                (Token::Symbol(","), _) => {
                    if let (Token::End | Token::Error | Token::Symbol(_), text) = self.peek()
                        && text != "!"
                    {
                        return Err(format!("found '{text}', expected: identifier after ','"));
                    }
                }
                (_, text) => return Err(format!("found '{text}', expected: ',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let negated = self.peek().0 == Token::Symbol("!");
        if negated {
            self.at += 1;
        }
        let (token, key) = self.take();
        if token != Token::Word {
            return Err(format!("found '{key}', expected: identifier"));
        }
        label_key(&key)?;
        let ends = matches!(self.peek().0, Token::End | Token::Symbol(","));
        let (operator, values) = if negated {
            (Operator::DoesNotExist, Vec::new())
        } else if ends {
            (Operator::Exists, Vec::new())
        } else {
            let (_, text) = self.take();
            match text.as_str() {
                "in" => (Operator::In, self.values()?),
                "notin" => (Operator::NotIn, self.values()?),
                "=" => (Operator::Equals, self.exact_value()?),
                "==" => (Operator::DoubleEquals, self.exact_value()?),
                "!=" => (Operator::NotEquals, self.exact_value()?),
                ">" => (Operator::GreaterThan, self.exact_value()?),
                "<" => (Operator::LessThan, self.exact_value()?),
                other => return Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
            }
        };
        let mut values: Vec<Text> = values.into_iter().map(Text::from).collect();
        values.order();
        values.dedup();
        let requirement = Requirement { key: key.into(), operator, values };
        requirement.check()?;
        Ok(requirement)
    }

    /// `(a,b)`; an omitted value is the empty one.
    fn values(&mut self) -> Result<Vec<String>, String> {
        let (token, text) = self.take();
        if token != Token::Symbol("(") {
            return Err(format!("found '{text}' expected: '('"));
        }
        let mut values = Vec::new();
        let mut after_comma = true;
        loop {
            match self.take() {
                (Token::Word, text) if after_comma => {
                    values.push(text);
                    after_comma = false;
                }
                (Token::Symbol(","), _) => {
                    if after_comma {
                        values.push(String::new());
                    }
                    after_comma = true;
                }
                (Token::Symbol(")"), _) => {
                    if after_comma {
                        values.push(String::new());
                    }
                    return Ok(values);
                }
                (_, text) if after_comma => return Err(format!("found '{text}', expected: ',', ')' or identifier")),
                (_, text) => return Err(format!("found '{text}', expected: ',' or ')'")),
            }
        }
    }

    fn exact_value(&mut self) -> Result<Vec<String>, String> {
        match self.peek() {
            (Token::End | Token::Symbol(","), _) => Ok(vec![String::new()]),
            (Token::Word, _) => Ok(vec![self.take().1]),
            (_, text) => Err(format!("found '{text}', expected: identifier")),
        }
    }
}

fn lex(text: &str) -> Vec<(Token, String)> {
    const SYMBOLS: &[&str] = &["==", "!=", ")", ",", "!", "=", "(", ">", "<"];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            tokens.push((Token::Symbol(symbol), (*symbol).to_string()));
            rest = &rest[symbol.len()..];
        } else {
            let ends = |char: char| " \t\r\n=!(),><".contains(char);
            let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
            if word.is_empty() {
                // Only a control character such as a line separator gets here: not white space to the lexer, and no word.
                tokens.push((Token::Error, rest.to_string()));
                break;
            }
            tokens.push((Token::Word, word.to_string()));
            rest = &rest[word.len()..];
        }
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }
    tokens.push((Token::End, String::new()));
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn check(selector: &str, labels: &Value) -> bool {
        LabelSelector::parse(selector).unwrap().matches(labels)
    }

    #[test]
    fn spellings_match() {
        let labels = value!({"app": "web", "tier": "front", "size": "3"});
        for selector in [
            "",
            "app",
            "app=web",
            "app==web",
            "app in (web,db)",
            "app notin (db)",
            "!nope",
            "tier!=back",
            "nope!=x",
            "size>2",
            "size<4",
            " app = web , !x ",
        ] {
            assert!(check(selector, &labels), "{selector}");
        }
        for selector in ["nope", "app=db", "app!=web", "!app", "app notin (web)", "size>3", "app=", "app in ()"] {
            assert!(!check(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn parse_errors_are_the_servers() {
        let error = |selector: &str| LabelSelector::parse(selector).unwrap_err();
        assert_eq!(error("a in b"), "unable to parse requirement: found 'b' expected: '('");
        assert_eq!(error("a=b,"), "found '', expected: identifier after ','");
        assert_eq!(error("=a"), "found '=', expected: !, identifier, or 'end of string'");
        assert_eq!(error("a b"), "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
        assert_eq!(error("a=b c"), "found 'c', expected: ',' or 'end of string'");
        assert!(error("-a=b").starts_with("unable to parse requirement: <nil>: Invalid value: \"-a\": name part must consist"));
        assert!(error("a=-b").starts_with("unable to parse requirement: values[0][a]: Invalid value: \"-b\": a valid label"));
    }

    #[test]
    fn objects() {
        let selector = LabelSelector::of(&value!({
            "matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "tier", "operator": "In", "values": ["b", "a"]}, {"key": "old", "operator": "DoesNotExist"}],
        }));
        assert_eq!(selector.to_string(), "app=web,!old,tier in (a,b)");
        assert!(selector.matches(&value!({"app": "web", "tier": "a"})));
        assert!(!selector.matches(&value!({"app": "web", "tier": "a", "old": ""})));
        assert!(!LabelSelector::of(&Value::Null).matches(&value!({"a": "b"})));
        assert!(LabelSelector::of(&Value::map()).matches(&Value::Null));
        assert_eq!(LabelSelector::of(&Value::map()).to_string(), "<none>");
    }
}
