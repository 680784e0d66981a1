//! Installs what is missing, or says what to do.
//!
//! Each step either succeeds or changes nothing: rustup and apt download everything before they unpack anything. The rest (wasm-bindgen, its
//! test runner, the bundler) is compiled by cargo from the lock file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use page_driver::Programs;

use crate::tell::{run, run_briefly, step};

/// What the page is compiled for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Rust's standard library for WebAssembly.
pub(crate) fn wasm_target() -> anyhow::Result<()> {
    if has_wasm_target()? {
        return Ok(());
    }
    if !answers("rustup", "--version") {
        bail!(
            "this Rust has no standard library for {WASM}, and there is no rustup to add it.\n\
             Install Rust by https://rustup.rs, or the library from your distribution (Debian: libstd-rust-dev-wasm32)."
        );
    }
    let added = step(&format!("adding the Rust target {WASM} (a download of some 20 MB)"), || {
        run(Command::new("rustup").args(["target", "add", WASM]))
    });
    added.context("the Rust target for WebAssembly could not be added; is the network there? Nothing was changed")
}

fn has_wasm_target() -> anyhow::Result<bool> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", WASM])
        .output()
        .context("asking rustc for its libraries")?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    // The folder alone says nothing: rustup may leave an empty one behind when a target is removed.
    let mut libraries = fs::read_dir(folder).into_iter().flatten().flatten();
    Ok(libraries.any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-")))
}

/// Chromium and chromedriver. What is installed is used; Debian's packages are installed when we may.
pub(crate) fn browser() -> anyhow::Result<Programs> {
    let Err(missing) = Programs::find() else {
        return Ok(Programs::find()?);
    };
    let packages = ["chromium", "chromium-driver"];
    if !is_debian() {
        bail!(
            "{missing}.\nInstall Chromium or Chrome together with the chromedriver of the same version, and put both on PATH \
             (or name them by the environment variables CHROME and CHROMEDRIVER)."
        );
    }
    if !is_root() {
        bail!("{missing}.\nInstall both by: sudo apt-get install --no-install-recommends {}", packages.join(" "));
    }
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        command
    };
    step("installing Chromium and chromedriver by apt (some 100 MB, half a minute)", || {
        // One broken source among many is no reason to stop; what is needed and missing is said by the next command.
        run(apt().args(["update", "-q"]))?;
        // Downloaded first, so that nothing is changed when that fails; without a network apt has a line for each of a hundred packages.
        let install = ["install", "-q", "-y", "--no-install-recommends"];
        run_briefly(apt().args(install).arg("--download-only").args(packages))?;
        run(apt().args(install).args(packages))
    })
    .context("Chromium could not be installed; is the network there? Nothing was changed")?;
    Ok(Programs::find()?)
}

/// Binaryen's wasm-opt from npm, at a pinned version, below `folder`. Debian's own is too old for the modules that Rust makes today.
pub(crate) fn wasm_opt(folder: &Path) -> anyhow::Result<PathBuf> {
    const PACKAGE: &str = "binaryen@132.0.0";
    let home = folder.join(PACKAGE);
    let program = home.join("node_modules/.bin/wasm-opt");
    if !program.exists() {
        if !answers("npm", "--version") {
            bail!("--wasm-opt takes Binaryen from npm, and there is no npm: install Node.js, or leave --wasm-opt away");
        }
        npm_install(&home, PACKAGE)?;
    }
    Ok(program)
}

/// axe-core, which finds what keeps people from using a page: its folder.
pub(crate) fn axe(tools: &Path) -> anyhow::Result<PathBuf> {
    package(tools, "axe-core", "4.14.1")
}

/// A package of npm that the tests need: its folder. By npm; without npm by curl, which is installed on Debian when we may.
pub(crate) fn package(folder: &Path, name: &str, version: &str) -> anyhow::Result<PathBuf> {
    let home = folder.join(format!("{name}@{version}"));
    let package = home.join("node_modules").join(name);
    if package.join("package.json").exists() {
        return Ok(package);
    }
    if answers("npm", "--version") {
        npm_install(&home, &format!("{name}@{version}"))?;
        return Ok(package);
    }
    if !answers("curl", "--version") {
        if !(is_debian() && is_root()) {
            bail!(
                "the tests take {name} {version} from the npm registry, and there is neither npm nor curl: install one of them"
            );
        }
        step("installing curl by apt", || {
            run(Command::new("apt-get").args(["install", "-q", "-y", "--no-install-recommends", "curl", "ca-certificates"]))
        })?;
    }
    // Beside its place first: what was cut off is not taken for the package.
    let fresh = home.join("fresh");
    fs::create_dir_all(&fresh).with_context(|| format!("creating {}", fresh.display()))?;
    let archive = fresh.join("package.tgz");
    let url = format!("https://registry.npmjs.org/{name}/-/{name}-{version}.tgz");
    step(&format!("downloading {name} {version} from the npm registry"), || {
        run(Command::new("curl").args(["--fail", "--silent", "--show-error", "--location", "--output"]).arg(&archive).arg(url))?;
        run(Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(&fresh))
    })
    .with_context(|| format!("{name} could not be downloaded; is the network there? Nothing was changed"))?;
    fs::create_dir_all(home.join("node_modules"))?;
    fs::rename(fresh.join("package"), &package).with_context(|| format!("writing {}", package.display()))?;
    Ok(package)
}

/// Installs a package of npm into a folder of its own.
fn npm_install(home: &Path, package: &str) -> anyhow::Result<()> {
    fs::create_dir_all(home).with_context(|| format!("creating {}", home.display()))?;
    step(&format!("installing {package} by npm"), || {
        run(Command::new("npm").args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(home).arg(package))
    })
    .with_context(|| format!("{package} could not be installed; is the network there?"))
}

fn answers(program: &str, argument: &str) -> bool {
    let status = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn is_debian() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| text.lines().any(|line| line == "ID=debian"))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
