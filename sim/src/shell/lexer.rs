//! Cuts a command line into words, operators, redirections and here-documents.

use super::parse::{SyntaxError, Word};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    Document,
    HereString,
    In,
    Out { stderr: bool, append: bool },
    Both { append: bool },
    Join { stderr: bool },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    Operator(&'static str),
    Redirect(Redirect),
    Document(String),
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Word(word) => &word.text,
            Self::Operator("\n") => "newline",
            Self::Operator(operator) => operator,
            Self::Redirect(Redirect::In) => "<",
            Self::Redirect(_) => ">",
            Self::Document(_) => "<<",
        })
    }
}

/// A here-document whose body comes after the line's end.
struct Pending {
    /// Where in the tokens the body goes.
    token: usize,
    delimiter: String,
    quoted: bool,
    strip_tabs: bool,
}

/// Cuts an input into tokens.
pub(super) struct Lexer {
    chars: Vec<char>,
    at: usize,
    documents: Vec<Pending>,
}

impl Lexer {
    pub(super) fn new(input: &str) -> Self {
        Self { chars: input.chars().collect(), at: 0, documents: Vec::new() }
    }

    pub(super) fn tokens(mut self) -> Result<Vec<Token>, SyntaxError> {
        let mut tokens = Vec::new();
        while let Some(c) = self.peek(0) {
            match c {
                ' ' | '\t' | '\r' => self.at += 1,
                '\\' if self.peek(1) == Some('\n') => self.at += 2,
                '#' => {
                    while self.peek(0).is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                '\n' => {
                    self.at += 1;
                    tokens.push(Token::Operator("\n"));
                    self.read_documents(&mut tokens)?;
                }
                ';' => {
                    self.at += 1;
                    tokens.push(Token::Operator(";"));
                }
                '&' => {
                    if self.take("&&") {
                        tokens.push(Token::Operator("&&"));
                    } else if self.take("&>>") {
                        tokens.push(Token::Redirect(Redirect::Both { append: true }));
                    } else if self.take("&>") {
                        tokens.push(Token::Redirect(Redirect::Both { append: false }));
                    } else {
                        return Err(SyntaxError::NotModelled(
                            "background jobs (&): several commands can run side by side in terminals of their own; & is".into(),
                        ));
                    }
                }
                '|' => {
                    let operator = ["||", "|&", "|"].into_iter().find(|operator| self.take(operator));
                    tokens.push(Token::Operator(operator.expect("it begins with |")));
                }
                '(' | ')' => return Err(SyntaxError::NotModelled("subshells are".into())),
                '<' | '>' => self.redirect(false, &mut tokens)?,
                '1' | '2' if self.peek(1) == Some('>') => {
                    self.at += 1;
                    self.redirect(c == '2', &mut tokens)?;
                }
                _ => {
                    let (word, _) = self.word()?;
                    tokens.push(Token::Word(word));
                }
            }
        }
        if !self.documents.is_empty() {
            self.read_documents(&mut tokens)?;
        }
        Ok(tokens)
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn take(&mut self, text: &str) -> bool {
        let found = text.chars().enumerate().all(|(i, c)| self.peek(i) == Some(c));
        if found {
            self.at += text.chars().count();
        }
        found
    }

    fn redirect(&mut self, stderr: bool, tokens: &mut Vec<Token>) -> Result<(), SyntaxError> {
        if self.take("<<<") {
            tokens.push(Token::Redirect(Redirect::HereString));
        } else if self.take("<<") {
            let strip_tabs = self.take("-");
            while matches!(self.peek(0), Some(' ' | '\t')) {
                self.at += 1;
            }
            let before = self.at;
            let (delimiter, quoted) = self.word()?;
            if self.at == before {
                return Err(SyntaxError::Unexpected("newline".into()));
            }
            tokens.push(Token::Redirect(Redirect::Document));
            self.documents.push(Pending { token: tokens.len(), delimiter: delimiter.text, quoted, strip_tabs });
            tokens.push(Token::Document(String::new()));
        } else if self.take("<") {
            tokens.push(Token::Redirect(Redirect::In));
        } else if self.take(">&") {
            tokens.push(Token::Redirect(Redirect::Join { stderr }));
        } else if self.take(">>") {
            tokens.push(Token::Redirect(Redirect::Out { stderr, append: true }));
        } else {
            self.at += 1;
            tokens.push(Token::Redirect(Redirect::Out { stderr, append: false }));
        }
        Ok(())
    }

    /// The bodies of the here-documents of the line that has just ended.
    fn read_documents(&mut self, tokens: &mut [Token]) -> Result<(), SyntaxError> {
        for pending in std::mem::take(&mut self.documents) {
            let mut body = String::new();
            loop {
                if self.at >= self.chars.len() {
                    return Err(SyntaxError::Incomplete(format!(
                        "bash: here-document delimited by end-of-file (wanted `{}')",
                        pending.delimiter
                    )));
                }
                let end = self.chars[self.at..].iter().position(|c| *c == '\n').map_or(self.chars.len(), |n| self.at + n);
                let line: String = self.chars[self.at..end].iter().collect();
                self.at = (end + 1).min(self.chars.len());
                let line = line.strip_suffix('\r').unwrap_or(&line);
                let line = if pending.strip_tabs { line.trim_start_matches('\t') } else { line };
                if line == pending.delimiter {
                    break;
                }
                body += line;
                body.push('\n');
            }
            if !pending.quoted {
                body = expand_document(&body)?;
            }
            tokens[pending.token] = Token::Document(body);
        }
        Ok(())
    }

    /// A word, and whether any part of it was quoted.
    fn word(&mut self) -> Result<(Word, bool), SyntaxError> {
        // Each character with whether it was quoted.
        let mut text: Vec<(char, bool)> = Vec::new();
        let mut any_quote = false;
        while let Some(c) = self.peek(0) {
            match c {
                ' ' | '\t' | '\n' | '\r' | ';' | '|' | '&' | '<' | '>' | '(' | ')' => break,
                '\\' => {
                    any_quote = true;
                    match self.peek(1) {
                        Some('\n') => {}
                        Some(next) => text.push((next, true)),
                        None => return Err(SyntaxError::Incomplete("bash: syntax error: unexpected end of file".into())),
                    }
                    self.at += 2;
                }
                '\'' => {
                    any_quote = true;
                    self.at += 1;
                    let end = self.chars[self.at..].iter().position(|c| *c == '\'').ok_or_else(|| open_quote('\''))?;
                    text.extend(self.chars[self.at..self.at + end].iter().map(|c| (*c, true)));
                    self.at += end + 1;
                }
                '"' => {
                    any_quote = true;
                    self.at += 1;
                    self.double_quoted(&mut text)?;
                }
                '`' => return Err(SyntaxError::NotModelled("command substitution (`…`) is".into())),
                '$' => {
                    check_dollar(self.peek(1))?;
                    if self.peek(1) == Some('\'') {
                        return Err(SyntaxError::NotModelled("the quotes $'…' are".into()));
                    }
                    text.push(('$', false));
                    self.at += 1;
                }
                _ => {
                    text.push((c, false));
                    self.at += 1;
                }
            }
        }
        let bare = |wanted: char| text.iter().position(|(c, quoted)| *c == wanted && !quoted);
        if let (Some(open), Some(comma), Some(close)) = (bare('{'), bare(','), bare('}'))
            && open < comma
            && comma < close
        {
            return Err(SyntaxError::NotModelled("brace expansion ({a,b}; quote the word to mean it literally) is".into()));
        }
        let glob = bare('*').is_some() || bare('?').is_some();
        Ok((Word { text: text.iter().map(|(c, _)| *c).collect(), glob }, any_quote))
    }

    fn double_quoted(&mut self, text: &mut Vec<(char, bool)>) -> Result<(), SyntaxError> {
        loop {
            let c = self.peek(0).ok_or_else(|| open_quote('"'))?;
            self.at += 1;
            match c {
                '"' => return Ok(()),
                '\\' => match self.peek(0) {
                    Some('\n') => self.at += 1,
                    Some(next @ ('"' | '\\' | '$' | '`')) => {
                        text.push((next, true));
                        self.at += 1;
                    }
                    _ => text.push(('\\', true)),
                },
                '`' => return Err(SyntaxError::NotModelled("command substitution (`…`) is".into())),
                '$' => {
                    check_dollar(self.peek(0))?;
                    text.push(('$', true));
                }
                c => text.push((c, true)),
            }
        }
    }
}

fn open_quote(quote: char) -> SyntaxError {
    SyntaxError::Incomplete(format!("bash: unexpected EOF while looking for matching `{quote}'"))
}

/// A `$` stands for itself only before what cannot name a variable.
fn check_dollar(next: Option<char>) -> Result<(), SyntaxError> {
    match next {
        Some('(') => Err(SyntaxError::NotModelled("command substitution $(…) is".into())),
        Some(c) if c.is_ascii_alphanumeric() || "_{?$!#@*-".contains(c) => {
            Err(SyntaxError::NotModelled(format!("variables (${c}…; write '…' or \\$ to mean a dollar sign) are")))
        }
        _ => Ok(()),
    }
}

/// An unquoted here-document: `\$`, `` \` `` and `\\` lose their backslash, and variables would be replaced.
fn expand_document(body: &str) -> Result<String, SyntaxError> {
    let mut out = String::new();
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek().copied()) {
            ('\\', Some(next @ ('$' | '`' | '\\'))) => {
                out.push(next);
                chars.next();
            }
            ('\\', Some('\n')) => {
                chars.next();
            }
            ('`', _) => return Err(SyntaxError::NotModelled("command substitution (`…`) is".into())),
            ('$', next) => {
                check_dollar(next)?;
                out.push('$');
            }
            _ => out.push(c),
        }
    }
    Ok(out)
}
