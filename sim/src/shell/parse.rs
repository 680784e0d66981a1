//! A command line as POSIX sh reads it: quotes, comments, lists, pipes, redirections, here-documents.
//!
//! Variables, substitutions, loops, functions and background jobs are not modelled and answered with a clear message.

/// What the user typed: pipelines one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The pipelines in their order.
    pub pipelines: Vec<Pipeline>,
}

/// Programs whose outputs and inputs are connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// When it runs.
    pub join: Join,
    /// The programs, first to last; never empty.
    pub commands: Vec<Simple>,
}

/// When a pipeline runs, looking at the exit code of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// In any case: `;`, a new line, or the first one.
    Always,
    /// When it succeeded: `&&`.
    IfOk,
    /// When it failed: `||`.
    IfFailed,
}

/// A program with its words and redirections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simple {
    /// The program and its arguments.
    pub words: Vec<Word>,
    /// Where stdin comes from, if not from the terminal or the pipe.
    pub stdin: Option<Input>,
    /// Where stdout goes, if not to the terminal or the pipe.
    pub stdout: Option<Output>,
    /// Where stderr goes, if not to the terminal.
    pub stderr: Option<Output>,
}

/// A word after its quotes were taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its text.
    pub text: String,
    /// Whether an unquoted `*` or `?` is in it, so that it stands for the files that match.
    pub glob: bool,
}

/// Where stdin comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A here-document or here-string.
    Text(String),
    /// `< file`
    File(String),
}

/// Where an output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// `> file`, or `>> file` with `append`.
    File {
        /// The file.
        path: String,
        /// Whether it is kept and written to its end.
        append: bool,
    },
    /// `/dev/null`
    Nowhere,
    /// `2>&1` or `>&2`: the other one's way.
    Other,
}

/// Why a line cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// The line goes on: a quote, a here-document or a pipe is open. A terminal asks for another line; a script ends with bash's message.
    #[error("{0}")]
    Incomplete(String),
    /// Not a command line.
    #[error("bash: syntax error near unexpected token `{0}'")]
    Unexpected(String),
    /// Shell syntax that is not modelled.
    #[error("bash: {0} not modelled by kube-orrery")]
    NotModelled(String),
}

/// Reads one input, possibly of several lines.
pub fn parse(input: &str) -> Result<Script, SyntaxError> {
    let tokens = Lexer { chars: input.chars().collect(), at: 0, documents: Vec::new() }.tokens()?;
    let mut script = Script::default();
    let mut commands: Vec<Simple> = Vec::new();
    let mut current = Simple::default();
    let mut join = Join::Always;
    let mut open: Option<&'static str> = None;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            Token::Word(word) => {
                if current.words.is_empty() {
                    check_first_word(&word)?;
                }
                current.words.push(word);
                open = None;
            }
            Token::Redirect(operator) => {
                let target = match tokens.next() {
                    Some(Token::Word(word)) => word.text,
                    Some(Token::Document(text)) => text,
                    Some(other) => return Err(SyntaxError::Unexpected(other.to_string())),
                    None => return Err(SyntaxError::Unexpected("newline".into())),
                };
                redirect(&mut current, operator, target)?;
            }
            Token::Document(_) => unreachable!("a here-document follows its operator"),
            Token::Operator(operator) => {
                let empty = current == Simple::default();
                match operator {
                    "\n" if empty => {}
                    _ if empty => return Err(SyntaxError::Unexpected(operator.into())),
                    "|" | "|&" => {
                        if operator == "|&" {
                            current.stderr = Some(Output::Other);
                        }
                        commands.push(std::mem::take(&mut current));
                        open = Some("|");
                    }
                    _ => {
                        commands.push(std::mem::take(&mut current));
                        script.pipelines.push(Pipeline { join, commands: std::mem::take(&mut commands) });
                        join = match operator {
                            "&&" => Join::IfOk,
                            "||" => Join::IfFailed,
                            _ => Join::Always,
                        };
                        open = (join != Join::Always).then_some(operator);
                    }
                }
            }
        }
    }
    if current != Simple::default() {
        commands.push(current);
    } else if open.is_some() {
        return Err(SyntaxError::Incomplete("bash: syntax error: unexpected end of file".into()));
    }
    if !commands.is_empty() {
        script.pipelines.push(Pipeline { join, commands });
    }
    Ok(script)
}

fn check_first_word(word: &Word) -> Result<(), SyntaxError> {
    let what = match word.text.as_str() {
        "for" | "while" | "until" | "select" | "do" | "done" => "loops are",
        "if" | "then" | "else" | "elif" | "fi" | "case" | "esac" | "[" | "[[" | "test" | "!" => "conditions are",
        "{" | "}" | "function" => "functions and groups are",
        "export" | "set" | "unset" | "alias" | "source" | "." | "eval" | "read" | "local" | "declare" => {
            "variables and aliases are"
        }
        text => {
            let name = text.split('=').next().unwrap_or_default();
            let assignment =
                text.contains('=') && !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if assignment && !name.starts_with(|c: char| c.is_ascii_digit()) { "variables are" } else { return Ok(()) }
        }
    };
    Err(SyntaxError::NotModelled(format!("{}: {what}", word.text)))
}

fn redirect(command: &mut Simple, operator: Redirect, target: String) -> Result<(), SyntaxError> {
    let file = |append| match target.as_str() {
        "/dev/null" => Output::Nowhere,
        path => Output::File { path: path.to_string(), append },
    };
    match operator {
        Redirect::Document => command.stdin = Some(Input::Text(target)),
        Redirect::HereString => command.stdin = Some(Input::Text(target + "\n")),
        Redirect::In => {
            command.stdin = Some(if target == "/dev/null" { Input::Text(String::new()) } else { Input::File(target) });
        }
        Redirect::Out { stderr, append } => {
            let output = file(append);
            *(if stderr { &mut command.stderr } else { &mut command.stdout }) = Some(output);
        }
        Redirect::Both { append } => {
            command.stdout = Some(file(append));
            command.stderr = Some(Output::Other);
        }
        Redirect::Join { stderr } => match (stderr, target.as_str()) {
            (true, "1") => command.stderr = Some(Output::Other),
            (false, "2") => command.stdout = Some(Output::Other),
            (true, "2") | (false, "1") => {}
            (_, "-") => *(if stderr { &mut command.stderr } else { &mut command.stdout }) = Some(Output::Nowhere),
            _ => return Err(SyntaxError::NotModelled("file descriptors other than 0, 1 and 2 are".into())),
        },
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Redirect {
    Document,
    HereString,
    In,
    Out { stderr: bool, append: bool },
    Both { append: bool },
    Join { stderr: bool },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
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

struct Lexer {
    chars: Vec<char>,
    at: usize,
    documents: Vec<Pending>,
}

impl Lexer {
    fn tokens(mut self) -> Result<Vec<Token>, SyntaxError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn words(input: &str) -> Vec<Vec<String>> {
        let script = parse(input).unwrap();
        let commands = script.pipelines.iter().flat_map(|pipeline| &pipeline.commands);
        commands.map(|command| command.words.iter().map(|word| word.text.clone()).collect()).collect()
    }

    #[test]
    fn quotes_as_in_posix_sh() {
        assert_eq!(words(r#"a 'b "c' "d 'e\" \n" f\ g # h"#), [["a", "b \"c", "d 'e\" \\n", "f g"]]);
        assert_eq!(words("a\\\nb '' x#y"), [["ab", "", "x#y"]]);
        assert_eq!(words("a | b;c&&d\n\n e"), [["a"], ["b"], ["c"], ["d"], ["e"]]);
        assert_eq!(words("k -o jsonpath={.items[*].x} p$ 'a$b'"), [["k", "-o", "jsonpath={.items[*].x}", "p$", "a$b"]]);
        assert!(words(" \n # nothing").is_empty());
    }

    #[test]
    fn lists_and_pipes() {
        let script = parse("a | b && c || d; e").unwrap();
        let joins: Vec<(Join, usize)> = script.pipelines.iter().map(|p| (p.join, p.commands.len())).collect();
        assert_eq!(joins, [(Join::Always, 2), (Join::IfOk, 1), (Join::IfFailed, 1), (Join::Always, 1)]);
    }

    #[test]
    fn redirections() {
        let first = |input: &str| parse(input).unwrap().pipelines[0].commands[0].clone();
        let command = first("cat <<EOF > f.yaml 2>&1\na: \\$x\n\tb\nEOF\n");
        assert_eq!(command.stdin, Some(Input::Text("a: $x\n\tb\n".into())));
        assert_eq!(command.stdout, Some(Output::File { path: "f.yaml".into(), append: false }));
        assert_eq!(command.stderr, Some(Output::Other));
        assert_eq!(first("cat <<-'E'\n\ta $x\n\tE").stdin, Some(Input::Text("a $x\n".into())));
        assert_eq!(first("a >>f 2>/dev/null").stderr, Some(Output::Nowhere));
        assert_eq!(first("a <f").stdin, Some(Input::File("f".into())));
        assert_eq!(first("a <<<x").stdin, Some(Input::Text("x\n".into())));
        let two = parse("kubectl apply -f - <<EOF && echo ok\nx\nEOF\necho next").unwrap();
        assert_eq!(two.pipelines.len(), 3);
    }

    #[test]
    fn what_is_not_shell_is_said() {
        let error = |input: &str| parse(input).unwrap_err().to_string();
        assert_eq!(error("a | | b"), "bash: syntax error near unexpected token `|'");
        assert_eq!(error("; a"), "bash: syntax error near unexpected token `;'");
        assert_eq!(error("a >"), "bash: syntax error near unexpected token `newline'");
        assert!(matches!(parse("a 'b"), Err(SyntaxError::Incomplete(_))));
        assert!(matches!(parse("a |"), Err(SyntaxError::Incomplete(_))));
        assert!(matches!(parse("cat <<EOF\nx"), Err(SyntaxError::Incomplete(_))));
        assert_eq!(error("for x in a; do b; done"), "bash: for: loops are not modelled by kube-orrery");
        assert!(error("echo $HOME").contains("variables"));
        assert!(error("echo \"$(date)\"").contains("command substitution"));
        assert!(error("A=1 b").contains("variables are not modelled"));
        assert!(error("a &").contains("background jobs"));
        assert!(error("a {b,c}").contains("brace expansion"));
    }
}
