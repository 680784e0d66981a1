//! Command lines against an api-server: `kubectl.txt` is a terminal's transcript, in the words of a real v1.36 kubectl, and must come
//! out word for word.
//!
//! Its lines: `$ ` a command, `| ` its stdin, `stderr: ` what it complains, `(exit N)` how it ended when not well, `## ` a heading;
//! everything else is what it prints.

use std::fmt::Write;

use orrery_sim::lab::{Lab, Printed};

/// A command of the transcript.
#[derive(Debug, Default)]
struct Step {
    line: String,
    stdin: String,
    want: String,
}

fn steps(transcript: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in transcript.lines().filter(|line| !line.starts_with("## ") && !line.is_empty()) {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { line: command.to_string(), ..Step::default() });
            continue;
        }
        let step = steps.last_mut().expect("a transcript begins with a command");
        let text = if let Some(stdin) = line.strip_prefix("| ") { (&mut step.stdin, stdin) } else { (&mut step.want, line) };
        text.0.push_str(text.1);
        text.0.push('\n');
    }
    steps
}

/// What was printed, as the transcript writes it. Empty lines are left out.
fn text(printed: &Printed) -> String {
    let mut text = String::new();
    for line in printed.out.lines().filter(|line| !line.is_empty()) {
        let _ = writeln!(text, "{line}");
    }
    for line in printed.err.lines().filter(|line| !line.is_empty()) {
        let _ = writeln!(text, "stderr: {line}");
    }
    if printed.code != 0 {
        let _ = writeln!(text, "(exit {})", printed.code);
    }
    text
}

#[test]
fn transcript() {
    let mut lab = Lab::with_shell(1, &[]);
    let mut wrong = String::new();
    let steps = steps(include_str!("kubectl.txt"));
    assert!(steps.len() > 100, "the transcript was read");
    for Step { line, stdin, want } in steps {
        let command = if stdin.is_empty() { line.clone() } else { format!("{line} <<'END'\n{stdin}END\n") };
        let got = text(&lab.shell(&command));
        if got != want {
            let _ = writeln!(wrong, "$ {line}\ngot:\n{got}want:\n{want}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
