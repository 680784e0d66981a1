//! `serve`: builds the page, serves it, and builds it again when a file changes.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use lexopt::{Arg, Parser, ValueExt as _};
use page_driver::Port;

use crate::site::Site;
use crate::tell::say;
use crate::usage;

const PORT: u16 = 8080;
/// How often the sources are looked at.
const POLL: Duration = Duration::from_millis(700);
/// Folders whose files do not end up in the page.
const NOT_WATCHED: [&str; 9] = [".ci", ".git", "cli", "dist", "docs", "node_modules", "target", "tests", "xtask"];

pub(crate) fn serve(arguments: &mut Parser) -> anyhow::Result<()> {
    let mut port = PORT;
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("port") => port = arguments.value()?.parse()?,
            other => return Err(usage(other)),
        }
    }
    // Taken before the build: a taken port is said at once, and a page that is opened too early waits instead of failing.
    let port = Port::take(port)?;
    let site = Site::below_target("serve", "page-dev")?;
    let mut seen = fingerprint(Path::new("."))?;
    site.build()?;
    let server = port.serve(&site.out)?;
    println!("kube-orrery is served on {}", server.url());
    say("Ctrl-C ends it; a changed file is built again, then reload the page");
    loop {
        thread::sleep(POLL);
        // While an editor or git is still writing there may be anything, a missing folder included: look again at the next poll.
        let Ok(now) = fingerprint(Path::new(".")) else {
            continue;
        };
        if now == seen {
            continue;
        }
        thread::sleep(POLL / 2);
        if fingerprint(Path::new(".")).ok() != Some(now) {
            continue;
        }
        seen = now;
        match site.build() {
            Ok(()) => say("built again: reload the page"),
            Err(error) => say(&format!("{error:#}; the page built before is still served")),
        }
    }
}

/// Number of source files, and time of the last change among them.
fn fingerprint(folder: &Path) -> anyhow::Result<(usize, SystemTime)> {
    let mut found = (0, SystemTime::UNIX_EPOCH);
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let name = entry.file_name();
        if kind.is_dir() && !NOT_WATCHED.iter().any(|other| name == *other) {
            let (files, changed) = fingerprint(&entry.path())?;
            found = (found.0 + files, found.1.max(changed));
        } else if kind.is_file() {
            found = (found.0 + 1, found.1.max(entry.metadata()?.modified()?));
        }
    }
    Ok(found)
}
