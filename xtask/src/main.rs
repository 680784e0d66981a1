//! `cargo xtask`: set-up, serve, test, bench and dist of kube-orrery.
//!
//! In reading order:
//! - [`tell`]: says on stderr what is being done and how long it takes; runs programs.
//! - [`setup`]: installs what is missing, or says what to do.
//! - [`site`]: builds the page into a folder; the heavy part is the program `page-bundler`.
//! - [`serve`], [`look`], [`matrix`], [`test`], [`bench`]: the commands.

mod bench;
mod look;
mod matrix;
mod serve;
mod setup;
mod site;
mod tell;
mod test;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use lexopt::{Arg, Parser, ValueExt as _};

use crate::site::Site;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  serve [--port N]        set up what is missing, build the page, serve it on 127.0.0.1:8080, build again when a file changes
  dist [--wasm-opt] [--out FOLDER] [--url https://…/]
                          build the static site into dist/, one file that runs from a disk, and a zip; print sizes
                          (--wasm-opt: also run Binaryen, by npm; --url: where it will be, for oEmbed)
  test [--native] [--wasm] [--e2e] [FILTER]
                          set up and run every test, or only those parts: native, in the browser, of the built page
  bench [--module] [--native] [--browser] [--frames]
                          print sizes of the module, times of the simulation, times of the page; or only those parts (--frames: only
                          what a frame costs with up to 5,000 nodes)
  shot OUT.png [PAGE OPTIONS]
                          a screenshot of the built page
  shots lessons FOLDER [LESSON …] [PAGE OPTIONS]
                          every step of every lesson, as a slide and as a projector show it
  shots matrix FOLDER [FILTER] [PAGE OPTIONS]
                          the page at its moments (start, a deployment, a failure, …) in four sizes and three themes, or those whose
                          names contain FILTER; prints which texts lie on each other, are cut off or faint, and what axe-core finds
  js EXPRESSION [PAGE OPTIONS]
                          the JSON of a JavaScript expression in the built page (statements and await are allowed)

Page options of shot, shots and js:
  --url-query '?lang=de'  query of the page's address       --size WxH     viewport in CSS pixels (1280x720)
  --theme light|dark|contrast                               --scale N      device pixels a CSS pixel
  --reduced-motion        as who prefers it
  --js EXPRESSION         run before (repeatable, awaited)  --wait SECONDS  then wait
  --profile page|page-dev how the page is built             --url URL      look at that address, build nothing
  --no-build              take the page as it was built last";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    // Everything below works with paths relative to the workspace.
    let workspace = root().parent().context("xtask lies in the workspace")?.to_owned();
    std::env::set_current_dir(&workspace).with_context(|| format!("going to {}", workspace.display()))?;

    let mut arguments = Parser::from_env();
    let command = match arguments.next()? {
        Some(Arg::Value(command)) => command.string()?,
        None | Some(Arg::Long("help") | Arg::Short('h')) => {
            println!("{USAGE}");
            return Ok(());
        }
        Some(other) => return Err(usage(other)),
    };
    match command.as_str() {
        "serve" => serve::serve(&mut arguments),
        "dist" => dist(&mut arguments),
        "test" => test::test(&mut arguments),
        "bench" => bench::bench(&mut arguments),
        "shot" => look::shot(&mut arguments),
        "shots" => look::shots(&mut arguments),
        "js" => look::js(&mut arguments),
        "help" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("there is no command {other:?}\n\n{USAGE}"),
    }
}

/// The folder of this package: cargo says it when it runs us, so that a moved checkout works too.
fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| OsString::from(env!("CARGO_MANIFEST_DIR"))).into()
}

/// The error for an argument that a command does not know.
fn usage(argument: Arg<'_>) -> anyhow::Error {
    anyhow::anyhow!("{}\n\n{USAGE}", argument.unexpected())
}

fn dist(arguments: &mut Parser) -> anyhow::Result<()> {
    let mut url = None;
    let mut site = Site { profile: "page".to_owned(), out: PathBuf::from("dist"), wasm_opt: false };
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("wasm-opt") => site.wasm_opt = true,
            Arg::Long("out") => site.out = arguments.value()?.into(),
            Arg::Long("url") => url = Some(arguments.value()?.string()?),
            other => return Err(usage(other)),
        }
    }
    site.build()?;
    // The sizes are those of the page alone.
    let (single, zip) = (site.out.join("kube-orrery.html"), site.out.join("kube-orrery.zip"));
    site.print_sizes()?;
    if let Some(url) = &url {
        site.oembed(url)?;
    }
    site.keep_for_later(&[&single, &zip])?;
    // The zip holds the site alone.
    site.zip(&zip)?;
    site.single(&single)?;
    site.compress()?;
    println!("{} can be served from any path of any web server", site.out.display());
    for (file, what) in [(&single, "runs from a disk, without a server"), (&zip, "holds the site")] {
        let bytes = std::fs::metadata(file).with_context(|| format!("reading {}", file.display()))?.len();
        println!("{} {what}: {bytes} bytes", file.display());
    }
    Ok(())
}
