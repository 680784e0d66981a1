//! `test`: sets up and runs every test.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use lexopt::{Arg, Parser, ValueExt as _};
use page_driver::{CHROMIUM_ARGUMENTS, Programs};
use serde_json::json;

use crate::setup::{self, WASM};
use crate::site::{Site, target_folder, tool};
use crate::tell::{cargo, line, say};
use crate::usage;

/// The profile of whatever runs in the browser.
const PROFILE: &str = "page-dev";

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

struct Part {
    name: &'static str,
    result: anyhow::Result<Counts>,
    took: Duration,
}

pub(crate) fn test(arguments: &mut Parser) -> anyhow::Result<()> {
    let (mut native, mut wasm, mut e2e, mut filter) = (false, false, false, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("native") => native = true,
            Arg::Long("wasm") => wasm = true,
            Arg::Long("e2e") => e2e = true,
            Arg::Value(word) if filter.is_none() => filter = Some(word.string()?),
            other => return Err(usage(other)),
        }
    }
    let all = !(native || wasm || e2e);
    let filter = filter.as_deref();
    // Before anything long runs, so that a missing browser is known at once.
    let programs = if all || wasm || e2e { Some(setup::browser()?) } else { None };
    let mut parts = Vec::new();
    if all || native {
        parts.push(part("native", || native_tests(filter)));
    }
    if let Some(programs) = &programs {
        if all || wasm {
            parts.push(part("wasm", || wasm_tests(programs, filter)));
        }
        if all || e2e {
            parts.push(part("e2e", || e2e_tests(programs, filter)));
        }
    }
    summary(&parts, filter)
}

fn part(name: &'static str, work: impl FnOnce() -> anyhow::Result<Counts>) -> Part {
    let start = Instant::now();
    let result = work();
    if let Err(error) = &result {
        say(&format!("{name}: {error:#}"));
    }
    Part { name, result, took: start.elapsed() }
}

/// Prints what ran; an error when anything failed, or when nothing ran where something should.
fn summary(parts: &[Part], filter: Option<&str>) -> anyhow::Result<()> {
    println!("\n{:<8} {:>8} {:>8} {:>8} {:>9}", "part", "passed", "failed", "ignored", "seconds");
    let mut bad = Vec::new();
    for Part { name, result, took } in parts {
        let seconds = took.as_secs_f64();
        let Ok(Counts { passed, failed, ignored }) = result else {
            println!("{name:<8} {:>26} {seconds:>9.1}", "did not run to the end");
            bad.push(*name);
            continue;
        };
        println!("{name:<8} {passed:>8} {failed:>8} {ignored:>8} {seconds:>9.1}");
        // A part in which no test ran tells nothing, unless a filter has left it out.
        if *failed > 0 || (*passed == 0 && filter.is_none()) {
            bad.push(*name);
        }
    }
    if bad.is_empty() {
        println!("all passed");
        return Ok(());
    }
    bail!("failed: {}", bad.join(", "))
}

/// Unit, property, golden and documentation tests of all packages, without a browser.
fn native_tests(filter: Option<&str>) -> anyhow::Result<Counts> {
    say("native tests: compiling them takes some minutes the first time");
    count(cargo().args(["test", "--workspace", "--no-fail-fast"]).args(filter))
}

/// `tests/web.rs`, compiled to WebAssembly, in the browser. It has the profile of the end-to-end tests, which spares compiling the
/// libraries twice.
fn wasm_tests(programs: &Programs, filter: Option<&str>) -> anyhow::Result<Counts> {
    setup::wasm_target()?;
    let runner = tool("wasm-test-runner", "compiling the test runner of wasm-bindgen (a minute the first time)")?;
    // As webdriver.json, and with the browser that was found.
    let capabilities = json!({"goog:chromeOptions": {"binary": programs.chromium, "args": CHROMIUM_ARGUMENTS}});
    let file = target_folder()?.join("webdriver.json");
    std::fs::write(&file, capabilities.to_string()).with_context(|| format!("writing {}", file.display()))?;
    let mut command = cargo();
    command
        .args(["test", "--package", "kube-orrery", "--target", WASM, "--profile", PROFILE, "--test", "web"])
        .args(filter)
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", file)
        .env("WASM_BINDGEN_TEST_TIMEOUT", "600")
        .env("CHROMEDRIVER", &programs.chromedriver);
    say("tests in the browser");
    count(&mut command)
}

/// `tests/e2e`: the built page, driven from outside. It is built with the fast profile into a folder of its own.
fn e2e_tests(programs: &Programs, filter: Option<&str>) -> anyhow::Result<Counts> {
    let site = Site::below_target("e2e", PROFILE)?;
    site.build()?;
    let single = site.out.with_extension("html");
    site.single(&single)?;
    // Of its own: what keeps files for later must not do so in the other tests.
    let offline = Site { out: site.out.with_file_name("e2e-offline"), ..site.clone() };
    offline.build()?;
    offline.keep_for_later(&[])?;
    let offline = offline.out;
    let tools = target_folder()?.join("tools");
    let reveal = setup::package(&tools, "reveal.js", "6.0.2")?;
    let axe = setup::axe(&tools)?;
    let mut command = cargo();
    command
        .args(["test", "--package", "orrery-e2e", "--features", "browser"])
        .args(filter)
        .env("ORRERY_SITE", &site.out)
        .env("ORRERY_SINGLE", single)
        .env("ORRERY_OFFLINE", offline)
        .env("ORRERY_CLI", tool("orrery", "compiling the command line (a minute or two the first time)")?)
        .env("ORRERY_REVEAL", reveal)
        .env("ORRERY_AXE", axe)
        .env("CHROME", &programs.chromium)
        .env("CHROMEDRIVER", &programs.chromedriver);
    say("end-to-end tests of the built page");
    count(&mut command)
}

/// Runs tests, shows what they print, and counts them.
///
/// An error when they failed without saying how many: they did not compile, or ended before their time.
fn count(command: &mut Command) -> anyhow::Result<Counts> {
    let mut process = command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting {}", line(command)))?;
    let output = process.stdout.take().context("its stdout was piped")?;
    let mut counts = Counts::default();
    for text in BufReader::new(output).split(b'\n') {
        let text = text.context("reading what the tests print")?;
        let text = String::from_utf8_lossy(&text);
        println!("{text}");
        if let Some(found) = counts_in(&text) {
            counts.passed += found.passed;
            counts.failed += found.failed;
            counts.ignored += found.ignored;
        }
    }
    let status = process.wait().context("waiting for the tests")?;
    ensure!(status.success() || counts.failed > 0, "{} failed ({status})", line(command));
    Ok(counts)
}

/// Counts in `test result: ok. 3 passed; 0 failed; 1 ignored; …`, which both test harnesses print.
fn counts_in(text: &str) -> Option<Counts> {
    let (_, list) = text.split_once("test result: ")?.1.split_once(". ")?;
    let number = |word: &str| list.split("; ").find_map(|item| item.trim().strip_suffix(word)?.trim().parse().ok());
    Some(Counts { passed: number("passed")?, failed: number("failed")?, ignored: number("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::{Counts, counts_in};

    #[test]
    fn counts_tests_of_both_harnesses() {
        let native = "test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(counts_in(native), Some(Counts { passed: 3, failed: 1, ignored: 2 }));
        let browser = "test result: ok. 12 passed; 0 failed; 0 ignored; 0 filtered out; finished in 0.03s";
        assert_eq!(counts_in(browser), Some(Counts { passed: 12, failed: 0, ignored: 0 }));
        assert_eq!(counts_in("test a::b ... ok"), None);
    }
}
