//! `orrery schedule` as a program: files, output, exit codes.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const NODE: &str =
    "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {allocatable: {cpu: '4', memory: 8Gi, pods: '110'}}\n";
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: c, image: pause}\n";

/// A file in the folder that cargo gives tests.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("cargo's folder for tests can be written to");
    path
}

fn orrery(args: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_orrery"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that ends with an error may have closed its end before it reads anything.
    let written = child.stdin.take().expect("stdin is a pipe").write_all(stdin.as_bytes());
    assert!(written.is_ok() || written.is_err_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe));
    child.wait_with_output().expect("the program ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_table_or_json() {
    let cluster = file("nodes.yaml", NODE);
    let cluster = cluster.to_str().expect("a name in UTF-8");
    let have = orrery(&["schedule", "--cluster", cluster, "-"], POD);
    assert!(have.status.success(), "{}", text(&have.stderr));
    assert_eq!(text(&have.stdout), "default/p: goes to n1\nNODE\nn1 *\n");
    let have = orrery(&["schedule", "--cluster", cluster, "-o", "json", "-"], POD);
    assert!(text(&have.stdout).contains("\"chosen\": \"n1\""), "{}", text(&have.stdout));
    let two = format!("{POD}---\n{}", POD.replace("name: p", "name: q"));
    let have = orrery(&["schedule", "--cluster", cluster, "-o", "json", "-"], &two);
    assert!(text(&have.stdout).starts_with('['), "{}", text(&have.stdout));
}

#[test]
fn without_a_cluster_there_are_no_nodes() {
    let have = orrery(&["schedule", "-"], POD);
    assert!(text(&have.stdout).contains("no nodes available to schedule pods"), "{}", text(&have.stdout));
}

#[test]
fn errors_name_the_file() {
    let broken = file("broken.yaml", "kind: Pod\nspec: a: b\n");
    let have = orrery(&["schedule", broken.to_str().expect("a name in UTF-8")], "");
    assert_eq!(have.status.code(), Some(1));
    assert!(text(&have.stderr).contains("broken.yaml:2:8: mapping values are not allowed"), "{}", text(&have.stderr));
    let have = orrery(&["schedule", "--cluster", "there-is-no-such-file.yaml", "-"], POD);
    assert_eq!(have.status.code(), Some(1));
    assert!(text(&have.stderr).starts_with("error: there-is-no-such-file.yaml: "), "{}", text(&have.stderr));
}
