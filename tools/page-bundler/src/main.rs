//! Makes a static site from index.html and the compiled module, and measures it.
//!
//! - [`html`] finds the links in index.html that are meant for the builder, as Trunk does.
//! - [`bundle`] turns each into files, and index.html into one that loads them.
//! - [`single`] puts all of it into one file.
//! - [`offline`] lets it work without a network, and be found by oEmbed.
//! - [`sizes`] weighs the result and compresses it.
//!
//! This is a program of its own, so that `xtask` starts within a moment: what rewrites WebAssembly takes a minute to compile.

mod bundle;
mod html;
mod offline;
mod single;
mod sizes;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use lexopt::Arg;

const USAGE: &str = "page-bundler bundle --wasm MODULE --index index.html --out FOLDER [--strip] [--wasm-opt PROGRAM]\npage-bundler sizes FOLDER\npage-bundler compress FOLDER\npage-bundler single FOLDER FILE.html\npage-bundler zip FOLDER FILE.zip\npage-bundler offline FOLDER [FILE APART …]\npage-bundler oembed FOLDER URL";

fn main() -> anyhow::Result<()> {
    let mut arguments = lexopt::Parser::from_env();
    let (mut wasm, mut index, mut out, mut strip, mut wasm_opt, mut words) = (None, None, None, false, None, Vec::new());
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("wasm") => wasm = Some(PathBuf::from(arguments.value()?)),
            Arg::Long("index") => index = Some(PathBuf::from(arguments.value()?)),
            Arg::Long("out") => out = Some(PathBuf::from(arguments.value()?)),
            Arg::Long("strip") => strip = true,
            Arg::Long("wasm-opt") => wasm_opt = Some(PathBuf::from(arguments.value()?)),
            Arg::Value(word) => words.push(word),
            other => bail!("{}\n{USAGE}", other.unexpected()),
        }
    }
    match words.first().and_then(|word| word.to_str()) {
        Some("bundle") => bundle::bundle(&bundle::Inputs {
            wasm: wasm.context("--wasm is missing")?,
            index: index.context("--index is missing")?,
            out: out.context("--out is missing")?,
            strip,
            wasm_opt,
        }),
        Some("sizes") => sizes::print(&PathBuf::from(words.get(1).context(USAGE)?)),
        Some("single") => {
            single::single(&PathBuf::from(words.get(1).context(USAGE)?), &PathBuf::from(words.get(2).context(USAGE)?))
        }
        Some("zip") => single::zip(&PathBuf::from(words.get(1).context(USAGE)?), &PathBuf::from(words.get(2).context(USAGE)?)),
        Some("offline") => {
            let apart: Vec<PathBuf> = words.iter().skip(2).map(PathBuf::from).collect();
            offline::offline(&PathBuf::from(words.get(1).context(USAGE)?), &apart)
        }
        Some("oembed") => {
            let url = words.get(2).and_then(|url| url.to_str()).context(USAGE)?;
            offline::oembed(&PathBuf::from(words.get(1).context(USAGE)?), url)
        }
        Some("compress") => sizes::compress(&PathBuf::from(words.get(1).context(USAGE)?)),
        _ => bail!(USAGE),
    }
}
