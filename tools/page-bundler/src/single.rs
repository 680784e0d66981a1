//! The site as one HTML file that runs from a disk, and as a zip.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::bundle::start;
use crate::sizes::{collect, gzip, is_compressed};

/// Writes the site in `folder` as one file: styles and scripts stand in it, the module as base64 of its gzip, since a page from a disk may
/// load no files.
pub(crate) fn single(folder: &Path, out: &Path) -> anyhow::Result<()> {
    let mut page = fs::read_to_string(folder.join("index.html")).context("reading index.html")?;
    while let Some(link) = cut(&mut page, "<link rel=\"stylesheet\" href=\"./", "\">") {
        let style = read(folder, &link.inner)?;
        page.insert_str(link.at, &format!("<style>\n{style}</style>"));
    }
    while let Some(script) = cut(&mut page, "<script src=\"./", "\"></script>") {
        let text = read(folder, &script.inner)?;
        page.insert_str(script.at, &format!("<script>\n{}</script>", harmless(&text)));
    }
    let glue = cut(&mut page, "<link rel=\"modulepreload\" href=\"./", "\">").context("index.html preloads no glue")?;
    let module = cut(&mut page, "<link rel=\"preload\" href=\"./", "\" as=\"fetch\" type=\"application/wasm\" crossorigin>")
        .context("index.html preloads no module")?;
    let begin = cut(&mut page, "<script type=\"module\" src=\"./", "\"></script>").context("index.html starts nothing")?;
    let bytes = fs::read(folder.join(&module.inner)).with_context(|| format!("reading {}", module.inner))?;
    let packed = STANDARD.encode(gzip(&bytes)?);
    let glue = read(folder, &glue.inner)?;
    let load = start(
        "const packed = atob(document.getElementById(\"orrery-module\").textContent);\n\
         const bytes = Uint8Array.from(packed, letter => letter.charCodeAt(0));\n\
         const module = new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream(\"gzip\")));\n\
         await __wbg_init({ module_or_path: await module.arrayBuffer() });",
    );
    ensure!(glue.contains("__wbg_init"), "the glue has no __wbg_init; has wasm-bindgen changed?");
    page.insert_str(
        begin.at,
        &format!(
            "<script type=\"application/gzip\" id=\"orrery-module\">{packed}</script>\n<script type=\"module\">\n{}\n{load}</script>",
            harmless(&glue)
        ),
    );
    ensure!(!page.contains("=\"./"), "index.html refers to a file that is not taken into the single one");
    fs::write(out, page).with_context(|| format!("writing {}", out.display()))
}

/// Writes all files of `folder` but the compressed ones into a zip.
pub(crate) fn zip(folder: &Path, out: &Path) -> anyhow::Result<()> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.retain(|file| !is_compressed(file) && file != out);
    files.sort();
    let mut archive = zip::ZipWriter::new(fs::File::create(out).with_context(|| format!("writing {}", out.display()))?);
    // Always the same time: the same site gives the same zip.
    let options = zip::write::SimpleFileOptions::default().compression_level(Some(9));
    for file in &files {
        let name =
            file.strip_prefix(folder)?.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        archive.start_file(format!("kube-orrery/{name}"), options)?;
        archive.write_all(&fs::read(file).with_context(|| format!("reading {}", file.display()))?)?;
    }
    archive.finish()?;
    Ok(())
}

/// What was cut out of a page: where it stood, and what stood between its beginning and its end.
struct Cut {
    at: usize,
    inner: String,
}

fn cut(page: &mut String, begin: &str, end: &str) -> Option<Cut> {
    let at = page.find(begin)?;
    let inner = at + begin.len();
    let to = inner + page[inner..].find(end)?;
    let found = page[inner..to].to_string();
    page.replace_range(at..to + end.len(), "");
    Some(Cut { at, inner: found })
}

fn read(folder: &Path, name: &str) -> anyhow::Result<String> {
    fs::read_to_string(folder.join(name)).with_context(|| format!("reading {name}"))
}

/// A script that does not end the element it stands in.
fn harmless(script: &str) -> String {
    script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_stands_in_one_file() {
        let root = std::env::temp_dir().join(format!("page-bundler-single-{}", std::process::id()));
        fs::create_dir_all(root.join("embed")).expect("the temporary folder can be written");
        let write = |name: &str, text: &str| fs::write(root.join(name), text).expect("written");
        write("a.css", "p{}");
        write("embed/host.js", "const end = '</script>';");
        write("glue.js", "async function __wbg_init() {}\nexport { __wbg_init as default };");
        write("glue.wasm", "module");
        write("start.js", "never taken");
        write(
            "index.html",
            "<link rel=\"stylesheet\" href=\"./a.css\">\n<script src=\"./embed/host.js\"></script>\n<link rel=\"modulepreload\" href=\"./glue.js\">\n\
             <link rel=\"preload\" href=\"./glue.wasm\" as=\"fetch\" type=\"application/wasm\" crossorigin>\n<script type=\"module\" src=\"./start.js\"></script>",
        );
        single(&root, &root.join("one.html")).expect("written");
        let page = fs::read_to_string(root.join("one.html")).expect("readable");
        assert!(
            page.contains("<style>\np{}</style>") && page.contains("'<\\/script>'") && page.contains("__wbg_init({"),
            "{page}"
        );
        assert!(!page.contains("./"), "{page}");

        zip(&root, &root.join("site.zip")).expect("written");
        let mut archive = zip::ZipArchive::new(fs::File::open(root.join("site.zip")).expect("there")).expect("a zip");
        assert!(archive.by_name("kube-orrery/embed/host.js").is_ok());
        write("index.html", "<p>");
        assert!(single(&root, &root.join("one.html")).is_err(), "a page without a module is none");
        fs::remove_dir_all(root).expect("removed");
    }
}
