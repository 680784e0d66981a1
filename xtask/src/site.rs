//! Builds the page into a folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::setup::{self, WASM};
use crate::tell::{cargo, run, step};

/// The package and program that the page is compiled from.
const PAGE: &str = "kube-orrery";

/// A static site: the page, built with a profile, in a folder.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// A profile of Cargo.toml: `page` is small, `page-dev` is built within seconds after an edit.
    pub(crate) profile: String,
    /// Where it goes.
    pub(crate) out: PathBuf,
    /// Whether the module passes through Binaryen as well.
    pub(crate) wasm_opt: bool,
}

impl Site {
    /// A site below `target/`, of its own for each purpose: so the tests do not replace what is being served.
    pub(crate) fn below_target(purpose: &str, profile: &str) -> anyhow::Result<Self> {
        Ok(Self { profile: profile.to_owned(), out: target_folder()?.join("sites").join(purpose), wasm_opt: false })
    }

    /// Sets up what is missing and builds. What has not changed is not compiled again.
    pub(crate) fn build(&self) -> anyhow::Result<()> {
        setup::wasm_target()?;
        step(&format!("compiling the page (profile {}; a minute or two the first time)", self.profile), || {
            run(cargo().args(["build", "--package", PAGE, "--bin", PAGE, "--target", WASM, "--profile", &self.profile]))
        })?;
        let bundler = bundler()?;
        let wasm_opt = if self.wasm_opt { Some(setup::wasm_opt(&target_folder()?.join("tools"))?) } else { None };
        let module = target_folder()?.join(WASM).join(&self.profile).join(format!("{PAGE}.wasm"));
        let mut command = Command::new(bundler);
        command.arg("bundle").arg("--wasm").arg(module).args(["--index", "index.html"]).arg("--out").arg(&self.out);
        if self.profile == "page" {
            command.arg("--strip");
        }
        if let Some(program) = wasm_opt {
            command.arg("--wasm-opt").arg(program);
        }
        step("bundling the page", || run(&mut command))
    }

    /// Puts each file compressed beside itself, for web servers that can send it so.
    pub(crate) fn compress(&self) -> anyhow::Result<()> {
        run(Command::new(bundler()?).arg("compress").arg(&self.out))
    }

    /// Writes the site as one HTML file that runs from a disk.
    pub(crate) fn single(&self, file: &Path) -> anyhow::Result<()> {
        run(Command::new(bundler()?).arg("single").arg(&self.out).arg(file))
    }

    /// Lets the site work after one visit without a network, but for the files `apart`.
    pub(crate) fn keep_for_later(&self, apart: &[&Path]) -> anyhow::Result<()> {
        run(Command::new(bundler()?).arg("offline").arg(&self.out).args(apart))
    }

    /// Adds what oEmbed asks for; the site will be at `url`.
    pub(crate) fn oembed(&self, url: &str) -> anyhow::Result<()> {
        run(Command::new(bundler()?).arg("oembed").arg(&self.out).arg(url))
    }

    /// Writes the site as a zip.
    pub(crate) fn zip(&self, file: &Path) -> anyhow::Result<()> {
        run(Command::new(bundler()?).arg("zip").arg(&self.out).arg(file))
    }

    /// Prints what travels to a browser, raw and compressed.
    pub(crate) fn print_sizes(&self) -> anyhow::Result<()> {
        run(Command::new(bundler()?).arg("sizes").arg(&self.out))
    }
}

/// The bundler, which brings wasm-bindgen at the lock file's version.
fn bundler() -> anyhow::Result<PathBuf> {
    tool("page-bundler", "compiling the bundler (a minute the first time)")
}

/// Compiles a program of this workspace for ourselves and returns its path. Says so under `title` only when it is there for the first time.
///
/// It is selected out of the whole workspace, not by `--package`: so the libraries have the same features for every tool and for
/// `cargo test --workspace`, and are compiled once.
pub(crate) fn tool(name: &str, title: &str) -> anyhow::Result<PathBuf> {
    let program = target_folder()?.join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let mut build = cargo();
    build.args(["build", "--workspace", "--bin", name]);
    if program.exists() {
        run(build.arg("--quiet"))?;
    } else {
        step(title, || run(&mut build))?;
    }
    Ok(program)
}

/// cargo's target folder, wherever the environment or a configuration has put it: we run from `<target>/debug/xtask`.
pub(crate) fn target_folder() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("asking for our own path")?;
    program.ancestors().nth(2).map(Path::to_owned).context("xtask runs from cargo's target folder")
}
