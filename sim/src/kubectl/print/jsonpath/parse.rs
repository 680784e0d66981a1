//! Reads templates, after client-go's `util/jsonpath/parser.go`.

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Text(String),
    List(Vec<Node>),
    Field(String),
    Slice { from: Option<i64>, to: Option<i64>, one: bool, step: Option<i64> },
    Filter { left: Vec<Node>, right: Vec<Node>, operator: String },
    Int(i64),
    Float(f64),
    Bool(bool),
    Wildcard,
    Recursive,
    Union(Vec<Vec<Node>>),
    Identifier(String),
}

/// The pieces of a template: texts and lists. The error is client-go's text.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, String> {
    parse_nested(text, 0)
}

fn parse_nested(text: &str, depth: usize) -> Result<Vec<Node>, String> {
    if depth > 20 {
        return Err("the template is nested too deeply".into());
    }
    let mut parser = Parser { chars: text.chars().collect(), at: 0, depth };
    let mut nodes = Vec::new();
    let mut plain = String::new();
    while let Some(c) = parser.next() {
        if c != '{' {
            plain.push(c);
            continue;
        }
        if !plain.is_empty() {
            nodes.push(Node::Text(std::mem::take(&mut plain)));
        }
        nodes.push(Node::List(parser.action()?));
    }
    if !plain.is_empty() {
        nodes.push(Node::Text(plain));
    }
    Ok(nodes)
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.get(self.at).copied();
        self.at += usize::from(c.is_some());
        c
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, text: &str) -> bool {
        let wanted: Vec<char> = text.chars().collect();
        let found = self.chars[self.at..].starts_with(&wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn nested(&self, text: &str) -> Result<Vec<Node>, String> {
        match parse_nested(&format!("{{{text}}}"), self.depth + 1)?.into_iter().next() {
            Some(Node::List(nodes)) => Ok(nodes),
            _ => Ok(Vec::new()),
        }
    }

    /// What stands between braces; the opening one is behind us.
    fn action(&mut self) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        loop {
            if self.take("}") {
                return Ok(nodes);
            }
            if self.take("[?(") {
                nodes.push(self.filter()?);
                continue;
            }
            if self.take("..") {
                if nodes.last() == Some(&Node::Recursive) {
                    return Err("invalid multiple recursive descent".into());
                }
                nodes.push(Node::Recursive);
                if self.peek().is_some_and(|c| c == '_' || c.is_alphanumeric()) {
                    nodes.push(self.field());
                }
                continue;
            }
            let c = match self.next() {
                None | Some('\r' | '\n') => return Err("unclosed action".into()),
                Some(c) => c,
            };
            match c {
                ' ' | '@' | '$' => {}
                '[' => self.array(&mut nodes)?,
                '"' | '\'' => nodes.push(self.quoted(c)?),
                '.' => nodes.push(self.field()),
                '+' | '-' | '0'..='9' => nodes.push(self.number(c)?),
                c if c == '_' || c.is_alphanumeric() => {
                    self.at -= 1;
                    let word = self.word();
                    nodes.push(match word.as_str() {
                        "true" => Node::Bool(true),
                        "false" => Node::Bool(false),
                        _ => Node::Identifier(word),
                    });
                }
                c => return Err(format!("unrecognized character in action: U+{:04X} '{c}'", c as u32)),
            }
        }
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.peek() {
            if is_terminator(c) {
                break;
            }
            word.push(c);
            self.at += 1;
        }
        word
    }

    /// A field's name up to a terminator that is not escaped.
    fn field(&mut self) -> Node {
        let mut name = String::new();
        while let Some(c) = self.peek() {
            if c == '\\' {
                self.at += 1;
                name.extend(self.next());
                continue;
            }
            if is_terminator(c) {
                break;
            }
            name.push(c);
            self.at += 1;
        }
        if name == "*" { Node::Wildcard } else { Node::Field(name) }
    }

    fn number(&mut self, first: char) -> Result<Node, String> {
        let mut text = String::from(first);
        while let Some(c) = self.peek().filter(|c| *c == '.' || c.is_ascii_digit()) {
            text.push(c);
            self.at += 1;
        }
        let plain = text.strip_prefix('+').unwrap_or(&text);
        if let Ok(number) = plain.parse() {
            return Ok(Node::Int(number));
        }
        plain.parse().map(Node::Float).map_err(|_| format!("cannot parse number {text}"))
    }

    fn quoted(&mut self, quote: char) -> Result<Node, String> {
        let mut text = String::new();
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated quoted string".into()),
                Some('\\') => match self.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(c @ ('\\' | '"' | '\'')) => text.push(c),
                    _ => return Err(format!("unquote string {quote}{text} error invalid syntax")),
                },
                Some(c) if c == quote => return Ok(Node::Text(text)),
                Some(c) => text.push(c),
            }
        }
    }

    fn array(&mut self, nodes: &mut Vec<Node>) -> Result<(), String> {
        let mut text = String::new();
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated array".into()),
                Some(']') => break,
                Some(c) => text.push(c),
            }
        }
        if text == "*" {
            text = ":".into();
        }
        if text.contains(',') {
            let parts: Result<Vec<Vec<Node>>, String> =
                text.split(',').map(|part| self.nested(&format!("[{}]", part.trim_matches(' ')))).collect();
            nodes.push(Node::Union(parts?));
            return Ok(());
        }
        if let Some(key) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).filter(|key| !key.contains('\'')) {
            nodes.extend(self.nested(&format!(".{key}"))?);
            return Ok(());
        }
        let invalid = || format!("invalid array index {text}");
        let parts: Vec<&str> = text.split(':').collect();
        let is_number = |part: &&str| part.strip_prefix('-').unwrap_or(part).chars().all(|c| c.is_ascii_digit());
        if parts.len() > 3 || !parts.iter().all(is_number) || text.is_empty() {
            return Err(invalid());
        }
        let number = |at: usize| match parts.get(at) {
            None | Some(&"") => Ok(None),
            Some(part) => part.parse::<i64>().map(Some).map_err(|_| format!("array index {part} is not a number")),
        };
        let (from, to, step) = (number(0)?, number(1)?, number(2)?);
        nodes.push(Node::Slice { from, to, one: parts.len() == 1, step });
        Ok(())
    }

    fn filter(&mut self) -> Result<Node, String> {
        let mut text = String::new();
        let mut quote: Option<char> = None;
        loop {
            let c = match self.next() {
                None | Some('\n') => return Err("unterminated filter".into()),
                Some(c) => c,
            };
            match (c, quote) {
                ('"' | '\'', None) => quote = Some(c),
                (c, Some(open)) if c == open && !text.ends_with('\\') => quote = None,
                (')', None) => break,
                _ => {}
            }
            text.push(c);
        }
        if self.next() != Some(']') {
            return Err("unclosed array expect ]".into());
        }
        let is_operator = |c: char| "!<>=".contains(c);
        let begin = text.find(is_operator).filter(|begin| *begin > 0);
        let split = begin.map(|begin| {
            let end = text[begin..].find(|c| !is_operator(c)).map_or(text.len(), |n| begin + n);
            (&text[..begin], &text[begin..end], &text[end..])
        });
        match split.filter(|(_, _, right)| !right.is_empty()) {
            None => Ok(Node::Filter { left: self.nested(&text)?, right: Vec::new(), operator: "exists".into() }),
            Some((left, operator, right)) => {
                Ok(Node::Filter { left: self.nested(left)?, right: self.nested(right)?, operator: operator.into() })
            }
        }
    }
}

fn is_terminator(c: char) -> bool {
    " \t\r\n.,[]$@{}".contains(c)
}
