use std::rc::Rc;

use super::*;
use crate::core::{Duration, EnvelopeId, Response};
use crate::value;
use crate::value::Value;

const C: CommandId = CommandId(1);

/// What a command line printed, its exit code if it has ended, and what it asked.
#[derive(Debug, Default)]
struct Seen {
    out: String,
    err: String,
    code: Option<i32>,
    asks: Vec<(ProcessId, usize, Ask)>,
}

impl Seen {
    fn take(&mut self, effects: Vec<ShellEffect>) {
        for effect in effects {
            match effect {
                ShellEffect::Ask { process, number, ask, .. } => self.asks.push((process, number, ask)),
                ShellEffect::Output { stream: Stream::Out, text, .. } => self.out += &text,
                ShellEffect::Output { text, .. } => self.err += &text,
                ShellEffect::Exit { code, .. } => self.code = Some(code),
                ShellEffect::Ended(_) => {}
            }
        }
    }
}

fn start(shell: &mut Shell, line: &str) -> Seen {
    let mut seen = Seen::default();
    seen.take(shell.start(C, line, Time::ZERO));
    seen
}

fn check(line: &str, out: &str, err: &str, code: i32) {
    let seen = start(&mut Shell::default(), line);
    assert_eq!((seen.out.as_str(), seen.err.as_str(), seen.code), (out, err, Some(code)), "{line}");
}

#[test]
fn lines_without_a_cluster() {
    check("echo a   'b  c'", "a b  c\n", "", 0);
    check("ls", "kind.yaml\n", "", 0);
    check("head -2 kind.yaml | tail -1", "apiVersion: kind.x-k8s.io/v1alpha4\n", "", 0);
    check("cat kind.yaml | grep -c role", "2\n", "", 0);
    check("cat nope", "", "cat: nope: No such file or directory\n", 1);
    check("foo --bar", "", "bash: foo: command not found\n", 127);
    check("./foo", "", "bash: ./foo: No such file or directory\n", 127);
    check("false || echo no && echo yes; true", "no\nyes\n", "", 0);
    check("false && echo no", "", "", 1);
    check("", "", "", 0);
    check("# only a comment", "", "", 0);
    check("wc -l <kind.yaml", "5\n", "", 0);
    check("wc -l kind.yaml", "5 kind.yaml\n", "", 0);
    check("wc -l <nope", "", "bash: nope: No such file or directory\n", 1);
    check("echo x | grep y", "", "", 1);
    check("echo a >f; echo b >>f; cat f | sort -r; rm f; cat f 2>/dev/null", "b\na\n", "", 1);
    check("cat <<EOF\nx\nEOF\necho y", "x\ny\n", "", 0);
    check("cat > f.yaml <<'EOF'\na: $b\nEOF\ngrep '[$]b' *.yaml", "f.yaml:a: $b\n", "", 0);
    check("nope 2>&1 | wc -l", "1\n", "", 0);
    check("for x in a; do echo; done", "", "bash: for: loops are not modelled by kube-orrery\n", 2);
    check("cat kind.yaml | head -z", "", "head: invalid option -- 'z'\nTry 'head --help' for more information.\n", 1);
    check("pwd; help | head -c 8", "/home/you\nPrograms", "", 0);
}

#[test]
fn kubectl_reads_what_a_pipe_brings() {
    check(
        "echo x | kubectl gett",
        "",
        "error: unknown command \"gett\" for \"kubectl\"\n\nDid you mean this?\n\tset\n\tget\n",
        1,
    );
}

#[test]
fn a_sleep_waits_and_can_be_interrupted() {
    let mut shell = Shell::default();
    let mut seen = start(&mut shell, "echo a; sleep 2s 0.5; echo b");
    assert_eq!((seen.out.as_str(), seen.code), ("a\n", None));
    let (process, number, ask) = seen.asks[0].clone();
    let over = Time::ZERO + Duration::ms(2_500);
    assert_eq!(ask, Ask::WakeAt(over));
    let mut other = shell.clone();
    seen.take(shell.answer(over, process, number, Answer::Awake));
    assert_eq!((seen.out.as_str(), seen.code), ("a\nb\n", Some(0)));
    assert_eq!(shell.running().count(), 0);

    assert_eq!(other.interrupt(C), [ShellEffect::Ended(process), ShellEffect::Exit { command: C, code: 130 }]);
    assert!(other.answer(over, process, number, Answer::Awake).is_empty());
    assert!(other.interrupt(C).is_empty());
}

fn ok(body: Value) -> Answer {
    Answer::Response(Rc::new(Response { to: EnvelopeId(0), code: 200, body }))
}

#[test]
fn two_command_lines_run_side_by_side() {
    let mut shell = Shell::default();
    let mut seen = start(&mut shell, "sleep 5");
    seen.take(shell.start(CommandId(2), "sleep 1; nope", Time::ZERO));
    let (second, number, _) = seen.asks[1].clone();
    let effects = shell.answer(Time(1_000_000), second, number, Answer::Awake);
    assert_eq!(effects.last(), Some(&ShellEffect::Exit { command: CommandId(2), code: 127 }));
    assert_eq!(shell.running().collect::<Vec<_>>(), [C]);
    assert!(shell.answer(Time(1), ProcessId(77), 0, ok(value!({}))).is_empty());
}

#[test]
fn a_long_watch_costs_the_same_for_every_event() {
    use crate::api::resource::PODS;
    use crate::core::{WatchBatch, WatchEvent, WatchType};
    let mut shell = Shell::default();
    let mut seen = start(&mut shell, "kubectl get pods -w | grep -v Pending");
    let (process, number, _) = seen.asks[0].clone();
    let table = |rows: Value| {
        value!({"kind": "Table", "metadata": {"resourceVersion": "5"}, "rows": rows, "columnDefinitions": [
            {"name": "Name", "format": "name"}, {"name": "Status"}]})
    };
    seen.take(shell.answer(Time(1), process, number, ok(table(value!([])))));
    let (watch, number, _) = seen.asks[1].clone();
    assert_eq!(watch, process);
    for at in 0..3_000_u64 {
        let status = if at % 2 == 0 { "Pending" } else { "Running" };
        let object = table(value!([{"cells": [format!("web-{at}"), status]}]));
        let batch =
            WatchBatch { stream: EnvelopeId(1), resource: PODS, events: vec![WatchEvent { kind: WatchType::Added, object }] };
        seen.take(shell.answer(Time(2 + at), process, number, Answer::Watch(Rc::new(batch))));
    }
    assert_eq!(seen.asks.len(), 2);
    assert_eq!(seen.out.lines().count(), 1_501);
    assert!(seen.out.starts_with("NAME    STATUS\nweb-1   Running\nweb-3   Running\n"));
    assert!(seen.out.ends_with("web-2999   Running\n"));
    seen.take(shell.interrupt(C));
    assert_eq!(seen.asks.last().map(|(_, _, ask)| ask.clone()), Some(Ask::Close(1)));
    assert_eq!(seen.code, Some(130));
}

/// Runs a line to its end in a world where nobody answers a request and all waits are over at once.
fn run_alone(line: &str) -> Seen {
    use crate::core::message::FailureKind;
    let mut shell = Shell::default();
    let mut seen = start(&mut shell, line);
    let mut answered = 0;
    let mut now = Time::ZERO;
    while seen.code.is_none() && answered < seen.asks.len() && answered < 200 {
        let (process, number, ask) = seen.asks[answered].clone();
        answered += 1;
        let answer = match ask {
            Ask::Request(_) => Answer::Failure(FailureKind::Refused),
            Ask::WakeAt(at) => {
                now = now.max(at);
                Answer::Awake
            }
            Ask::Docker { .. } => Answer::Docker(Err("no docker".into())),
            Ask::Close(_) => continue,
        };
        seen.take(shell.answer(now, process, number, answer));
    }
    if seen.code.is_none() {
        seen.take(shell.interrupt(C));
    }
    seen
}

#[test]
fn whatever_is_typed_ends_with_a_code_and_a_message() {
    const PIECES: &[&str] = &[
        "kubectl",
        "kubectl",
        "kubectl",
        "get",
        "describe",
        "delete",
        "apply",
        "create",
        "deployment",
        "logs",
        "exec",
        "rollout",
        "status",
        "history",
        "wait",
        "scale",
        "label",
        "config",
        "events",
        "top",
        "pods",
        "pod/x",
        "deploy,svc",
        "all",
        "nodes",
        "x",
        "-f",
        "-",
        "kind.yaml",
        "-n",
        "-A",
        "-l",
        "a=b",
        "-o",
        "yaml",
        "jsonpath={.items[*]..x}",
        "jsonpath={",
        "custom-columns=A:.b",
        "-w",
        "--",
        "--for=delete",
        "--for=condition=Ready",
        "--timeout=1s",
        "--timeout=-1",
        "--replicas=2",
        "--image=nginx",
        "--sort-by=.x",
        "--help",
        "-é",
        "=",
        "--=x",
        "|",
        "&&",
        "||",
        ";",
        "\n",
        "grep",
        "-E",
        "(",
        "[a",
        "head",
        "-2",
        "-c",
        "tail",
        "+3",
        "wc",
        "sort",
        "-k0",
        "echo",
        "'",
        "\"",
        "\\",
        "<<EOF",
        "EOF",
        ">",
        ">>",
        "<",
        "f",
        "2>&1",
        "*",
        "?",
        "$x",
        "{a,b}",
        "cat",
        "sleep",
        "1",
        "kind",
        "docker",
        "ps",
        "exec",
        "ls",
        "é",
    ];
    let mut rng = crate::core::Rng::new(7, "shell-fuzz");
    for _ in 0..3_000 {
        let length = rng.between(1, 9);
        let words: Vec<&str> = (0..length).map(|_| PIECES[rng.below(PIECES.len() as u64) as usize]).collect();
        let line = words.join(" ");
        let seen = run_alone(&line);
        let code = seen.code.unwrap_or_else(|| panic!("{line:?} does not end"));
        let silent = ["grep", "cat", "head", "tail", "wc", "sort", ">", "<", "ls", "sleep", "ps"];
        let explained = !seen.err.is_empty() || !seen.out.is_empty() || silent.iter().any(|word| line.contains(word));
        assert!(code == 0 || explained, "{line:?} fails with {code} and says nothing");
        for cursor in [0, line.len() / 2, line.len() + 3] {
            complete::complete(&line, cursor, &Files::new(), &|_, _| vec!["x".into()]);
        }
    }
}
