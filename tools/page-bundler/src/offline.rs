//! What a site gets for the web only: a service worker, with which it works after one visit without a network, and the file by which
//! other sites show it in a frame when somebody pastes its address (oEmbed).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::bundle::hash;
use crate::sizes::{collect, is_compressed};

const WORKER: &str = include_str!("offline/sw.js");
const REGISTER: &str = include_str!("offline/offline.js");

/// Puts the service worker into the site in `folder`, and the script that registers it. It keeps every file but those of `apart`, and is another one when any
/// of them is another one.
pub(crate) fn offline(folder: &Path, apart: &[PathBuf]) -> anyhow::Result<()> {
    into_head(folder, "<script src=\"./offline.js\"></script>")?;
    write(folder, "offline.js", REGISTER)?;
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.retain(|file| !is_compressed(file) && !apart.contains(file) && !file.ends_with("sw.js"));
    files.sort();
    let (mut names, mut version) = (Vec::new(), String::new());
    for file in &files {
        let name = file.strip_prefix(folder).context("it lies in the folder")?.to_str().context("its name is not UTF-8")?;
        let name = name.replace('\\', "/");
        let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        version = hash(&[version.as_bytes(), name.as_bytes(), &bytes]);
        // The page is asked for by its folder.
        names.push(format!("  \"{}\",\n", if name == "index.html" { "./" } else { &name }));
    }
    let list = format!("[\n{}]", names.concat());
    write(folder, "sw.js", &WORKER.replace("{{version}}", &version).replace("{{files}}", &list))
}

/// Puts into the site what oEmbed asks for; `url` is where the site will be, such as `https://example.org/orrery/`.
pub(crate) fn oembed(folder: &Path, url: &str) -> anyhow::Result<()> {
    let plain = url.chars().all(|letter| letter.is_ascii_alphanumeric() || "-._~:/%@".contains(letter));
    let there = url.starts_with("https://") || url.starts_with("http://");
    ensure!(
        there && plain && url.ends_with('/'),
        "{url}: write the address of the site's folder, such as https://example.org/orrery/"
    );
    let frame = format!(
        "<iframe src=\\\"{url}?controls=none\\\" width=\\\"800\\\" height=\\\"450\\\" allow=\\\"fullscreen\\\" loading=\\\"lazy\\\"></iframe>"
    );
    let answer = format!(
        "{{\n  \"version\": \"1.0\",\n  \"type\": \"rich\",\n  \"title\": \"kube-orrery\",\n  \"provider_name\": \"kube-orrery\",\n  \"provider_url\": \"{url}\",\n  \
         \"width\": 800,\n  \"height\": 450,\n  \"html\": \"{frame}\"\n}}\n"
    );
    into_head(
        folder,
        &format!("<link rel=\"alternate\" type=\"application/json+oembed\" href=\"{url}oembed.json\" title=\"kube-orrery\">"),
    )?;
    write(folder, "oembed.json", &answer)
}

/// Adds a line at the end of the page's head; one that is there already is not added again.
fn into_head(folder: &Path, line: &str) -> anyhow::Result<()> {
    let page = fs::read_to_string(folder.join("index.html")).context("reading index.html")?;
    if page.contains(line) {
        return Ok(());
    }
    ensure!(page.contains("</head>"), "index.html has no head");
    write(folder, "index.html", &page.replacen("</head>", &format!("  {line}\n</head>"), 1))
}

fn write(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    fs::write(folder.join(name), text).with_context(|| format!("writing {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worker_keeps_all_files_and_changes_with_them() {
        let folder = std::env::temp_dir().join(format!("page-bundler-offline-{}", std::process::id()));
        fs::create_dir_all(folder.join("embed")).expect("the temporary folder can be written");
        for (name, text) in [("index.html", "<head>\n</head>"), ("embed/a.js", "1"), ("one.html", "all"), ("embed/a.js.gz", "1")]
        {
            fs::write(folder.join(name), text).expect("written");
        }
        let worker = || {
            offline(&folder, &[folder.join("one.html")]).expect("written");
            fs::read_to_string(folder.join("sw.js")).expect("readable")
        };
        let first = worker();
        assert!(first.contains("[\n  \"embed/a.js\",\n  \"./\",\n  \"offline.js\",\n]"), "{first}");
        assert!(!first.contains("{{"), "{first}");
        assert_eq!(worker(), first, "the same files, the same worker");
        fs::write(folder.join("embed/a.js"), "2").expect("written");
        assert_ne!(worker(), first);
        oembed(&folder, "https://example.org/orrery/").expect("an address");
        for wrong in ["example.org/", "https://example.org", "https://a\"b/", "javascript:alert(1)/"] {
            assert!(oembed(&folder, wrong).is_err(), "{wrong}");
        }
        let page = fs::read_to_string(folder.join("index.html")).expect("readable");
        assert_eq!(page.matches("offline.js").count(), 1, "{page}");
        assert!(page.contains("href=\"https://example.org/orrery/oembed.json\""), "{page}");
        fs::remove_dir_all(folder).expect("removed");
    }
}
