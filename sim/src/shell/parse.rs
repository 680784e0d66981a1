//! A command line as POSIX sh reads it: quotes, comments, lists, pipes, redirections, here-documents.
//!
//! Variables, substitutions, loops, functions and background jobs are not modelled and answered with a clear message.

use super::lexer::{Lexer, Redirect, Token};

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
    let tokens = Lexer::new(input).tokens()?;
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
