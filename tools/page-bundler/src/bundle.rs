//! Turns index.html and the compiled module into a folder that any web server can serve from any path.
//!
//! Files get a hash of their content in their name, so that a browser never pairs the glue of one build with the module of another.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::html::{self, Link};

/// What a site is made of.
#[derive(Debug)]
pub(crate) struct Inputs {
    /// The module as rustc wrote it.
    pub(crate) wasm: PathBuf,
    /// The page; addresses in it are relative to its folder.
    pub(crate) index: PathBuf,
    /// The folder to write. What it held before is removed.
    pub(crate) out: PathBuf,
    /// Whether to leave out the functions' names, which only make stack traces of panics readable.
    pub(crate) strip: bool,
    /// Binaryen's optimiser, when the module is to pass through it.
    pub(crate) wasm_opt: Option<PathBuf>,
}

/// Writes the site. The folder is replaced only at the end, when everything has succeeded.
pub(crate) fn bundle(inputs: &Inputs) -> anyhow::Result<()> {
    let html = fs::read_to_string(&inputs.index).with_context(|| format!("reading {}", inputs.index.display()))?;
    let root = inputs.index.parent().unwrap_or(Path::new("."));
    let fresh = beside(&inputs.out, "new");
    remove(&fresh)?;
    fs::create_dir_all(&fresh).with_context(|| format!("creating {}", fresh.display()))?;

    let mut page = String::with_capacity(html.len());
    let mut position = 0;
    for link in html::links(&html) {
        page.push_str(&html[position..link.at.start]);
        page.push_str(
            &replace(&link, root, &fresh, inputs)
                .with_context(|| format!("{}: {}", inputs.index.display(), &html[link.at.clone()]))?,
        );
        position = link.at.end;
    }
    page.push_str(&html[position..]);
    fs::write(fresh.join("index.html"), page).context("writing index.html")?;

    let stale = beside(&inputs.out, "old");
    remove(&stale)?;
    if inputs.out.exists() {
        fs::rename(&inputs.out, &stale).with_context(|| format!("replacing {}", inputs.out.display()))?;
    }
    fs::rename(&fresh, &inputs.out).with_context(|| format!("writing {}", inputs.out.display()))?;
    remove(&stale)
}

/// Writes the files that a link stands for and returns the HTML that takes its place.
fn replace(link: &Link, root: &Path, out: &Path, inputs: &Inputs) -> anyhow::Result<String> {
    let href = || link.get("href").context("it has no href");
    match link.get("rel").unwrap_or_default() {
        "rust" => module(link.get("data-bin").context("it has no data-bin")?, out, inputs),
        "css" => {
            let source = root.join(href()?);
            let text = fs::read(&source).with_context(|| format!("reading {}", source.display()))?;
            let stem = source.file_stem().and_then(|stem| stem.to_str()).context("its name is not UTF-8")?;
            let name = format!("{stem}-{}.css", hash(&[&text]));
            fs::write(out.join(&name), text).with_context(|| format!("writing {name}"))?;
            Ok(format!(r#"<link rel="stylesheet" href="./{name}">"#))
        }
        "copy-file" | "copy-dir" => {
            let source = root.join(href()?);
            let name = source.file_name().context("it names no file")?;
            copy(&source, &out.join(link.get("data-target-path").unwrap_or_default()).join(name))?;
            Ok(String::new())
        }
        other => bail!("rel={other:?} is not known here; rust, css, copy-file and copy-dir are"),
    }
}

/// Runs wasm-bindgen over the module, writes it and its glue, and returns what loads them.
fn module(name: &str, out: &Path, inputs: &Inputs) -> anyhow::Result<String> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(&inputs.wasm).out_name(name).web(true)?.typescript(false).omit_default_module_path(true);
    bindgen.remove_name_section(inputs.strip).remove_producers_section(inputs.strip);
    bindgen.generate(out).with_context(|| format!("wasm-bindgen over {}", inputs.wasm.display()))?;
    let (js, wasm) = (out.join(format!("{name}.js")), out.join(format!("{name}_bg.wasm")));
    if let Some(program) = &inputs.wasm_opt {
        optimise(program, &wasm)?;
    }
    let hash = hash(&[&fs::read(&js)?, &fs::read(&wasm)?]);
    let (js_name, wasm_name) = (format!("{name}-{hash}.js"), format!("{name}-{hash}_bg.wasm"));
    fs::rename(js, out.join(&js_name))?;
    fs::rename(wasm, out.join(&wasm_name))?;
    let start = start(&format!(
        "const bindings = await import(\"./{js_name}\");\n\
         await bindings.default({{ module_or_path: new URL(\"./{wasm_name}\", import.meta.url) }});"
    ));
    let start_name = format!("start-{hash}.js");
    fs::write(out.join(&start_name), start).with_context(|| format!("writing {start_name}"))?;
    // The module is fetched while the glue is still being read: both preloads start with the page. The script is a file of its own, for pages
    // whose Content-Security-Policy allows no scripts within them.
    Ok(format!(
        r#"<link rel="modulepreload" href="./{js_name}">
  <link rel="preload" href="./{wasm_name}" as="fetch" type="application/wasm" crossorigin>
  <script type="module" src="./{start_name}"></script>"#
    ))
}

/// The script that starts the page. A failure must not leave "Loading …" standing: it is shown where the page would be.
pub(crate) fn start(load: &str) -> String {
    format!(
        "try {{\n{load}\n}} catch (error) {{\n\
         document.documentElement.dataset.orrery = \"failed\";\n\
         document.getElementById(\"app\").textContent = `kube-orrery could not be started: ${{error}}`;\n\
         throw error;\n}}\n"
    )
}

fn optimise(program: &Path, wasm: &Path) -> anyhow::Result<()> {
    let status = Command::new(program)
        .arg("-Oz")
        .arg(wasm)
        .arg("-o")
        .arg(wasm)
        .status()
        .with_context(|| format!("running {}", program.display()))?;
    ensure!(status.success(), "{} ended with {status}", program.display());
    Ok(())
}

/// Sixteen hexadecimal digits of FNV-1a: names must differ when contents do, nobody attacks them.
pub(crate) fn hash(contents: &[&[u8]]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in contents.iter().copied().flatten() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

/// Copies a file or a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if from.is_dir() {
        for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else {
        fs::create_dir_all(to.parent().context("it names no file")?)?;
        fs::copy(from, to).with_context(|| format!("copying {}", from.display()))?;
    }
    Ok(())
}

/// `dist` → `dist.new`, in the same folder, so that a rename suffices.
fn beside(folder: &Path, suffix: &str) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    folder.with_file_name(name)
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Inputs, bundle, hash};

    #[test]
    fn names_follow_contents() {
        assert_eq!(hash(&[b"ab", b"c"]), hash(&[b"abc"]));
        assert_ne!(hash(&[b"abc"]), hash(&[b"abd"]));
    }

    #[test]
    fn a_failure_leaves_the_old_site() {
        let root = std::env::temp_dir().join(format!("page-bundler-{}", std::process::id()));
        fs::create_dir_all(root.join("site")).expect("the temporary folder can be written");
        fs::write(root.join("site/index.html"), "old").expect("written");
        fs::write(root.join("a.css"), "p {}").expect("written");
        let inputs = |html: &str| {
            fs::write(root.join("index.html"), html).expect("written");
            Inputs {
                wasm: root.join("absent.wasm"),
                index: root.join("index.html"),
                out: root.join("site"),
                strip: false,
                wasm_opt: None,
            }
        };

        let error = bundle(&inputs(r#"<link data-trunk rel="css" href="b.css">"#)).expect_err("b.css is absent");
        assert!(format!("{error:#}").contains("b.css"), "{error:#}");
        let error = bundle(&inputs(r#"<link data-trunk rel="sass" href="a.css">"#)).expect_err("sass is not known");
        assert!(format!("{error:#}").contains("sass"), "{error:#}");
        assert_eq!(fs::read_to_string(root.join("site/index.html")).expect("readable"), "old");

        bundle(&inputs(r#"<link data-trunk rel="css" href="a.css"><p>"#)).expect("everything is there");
        let page = fs::read_to_string(root.join("site/index.html")).expect("readable");
        let name = format!("a-{}.css", hash(&[b"p {}"]));
        assert_eq!(page, format!(r#"<link rel="stylesheet" href="./{name}"><p>"#));
        assert!(root.join("site").join(name).is_file());
        fs::remove_dir_all(root).expect("removed");
    }
}
