//! What a site gets for the web only: a service worker, with which it works after one visit without a network, and the file by which
//! other sites show it in a frame when somebody pastes its address (oEmbed).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

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
    // What oEmbed asks for is asked by others.
    let others = folder.join("oembed");
    files.retain(|file| !is_compressed(file) && !apart.contains(file) && !file.ends_with("sw.js") && !file.starts_with(&others));
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

/// The languages of the built-in lessons.
const LANGUAGES: [&str; 2] = ["en", "de"];

/// Puts into the site what oEmbed asks for: an answer for the start page, and one for each built-in lesson in each language; `url` is where the
/// site will be, such as `https://example.org/orrery/`.
///
/// Answers are files, so each has an address of its own. The page names that of the lesson that is opened (embed/link.js); for whoever runs no scripts there
/// is a small page for each, which leads on to the lesson.
pub(crate) fn oembed(folder: &Path, url: &str) -> anyhow::Result<()> {
    let plain = url.chars().all(|letter| letter.is_ascii_alphanumeric() || "-._~:/%@".contains(letter));
    let there = url.starts_with("https://") || url.starts_with("http://");
    ensure!(
        there && plain && url.ends_with('/'),
        "{url}: write the address of the site's folder, such as https://example.org/orrery/"
    );
    let link = |name: &str| {
        format!("<link rel=\"alternate\" type=\"application/json+oembed\" href=\"{url}{name}.json\" title=\"kube-orrery\">")
    };
    into_head(folder, &link("oembed"))?;
    write(folder, "oembed.json", &answer(url, "kube-orrery", ""))?;
    fs::create_dir_all(folder.join("oembed")).context("creating oembed/")?;
    let lessons = fs::read_to_string(folder.join("embed/lessons.json")).context("reading embed/lessons.json")?;
    let lessons: serde_json::Map<String, Value> = serde_json::from_str(&lessons).context("embed/lessons.json")?;
    for (id, lesson) in &lessons {
        for lang in LANGUAGES {
            let title = lesson["title"][lang].as_str().context("embed/lessons.json has titles")?;
            let title = format!("kube-orrery: {title}");
            let (name, query) = (format!("oembed/{id}.{lang}"), format!("lesson={id}&lang={lang}"));
            write(folder, &format!("{name}.json"), &answer(url, &title, &query))?;
            let to = format!("../?{}", query.replace('&', "&amp;"));
            let page = format!(
                "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n  <meta charset=\"utf-8\">\n  <title>{title}</title>\n  {}\n  \
                 <meta http-equiv=\"refresh\" content=\"0; url={to}\">\n</head>\n<body><a href=\"{to}\">{title}</a></body>\n</html>\n",
                link(&name)
            );
            write(folder, &format!("{name}.html"), &page)?;
        }
    }
    Ok(())
}

/// What oEmbed answers: a frame of the page with a query.
fn answer(url: &str, title: &str, query: &str) -> String {
    let and = if query.is_empty() { String::new() } else { format!("&amp;{}", query.replace('&', "&amp;")) };
    let html = format!(
        "<iframe src=\"{url}?controls=none{and}\" width=\"800\" height=\"450\" allow=\"fullscreen\" loading=\"lazy\"></iframe>"
    );
    let answer = json!({
        "version": "1.0", "type": "rich", "title": title, "provider_name": "kube-orrery", "provider_url": url, "width": 800, "height": 450, "html": html,
    });
    format!("{answer:#}\n")
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
        let lessons = r#"{ "scaling": { "title": { "en": "Scaling", "de": "Skalieren" } } }"#;
        fs::write(folder.join("embed/lessons.json"), lessons).expect("written");
        oembed(&folder, "https://example.org/orrery/").expect("an address");
        let read = |name: &str| fs::read_to_string(folder.join(name)).expect("readable");
        let answer: Value = serde_json::from_str(&read("oembed/scaling.de.json")).expect("JSON");
        assert_eq!((&answer["title"], &answer["version"]), (&json!("kube-orrery: Skalieren"), &json!("1.0")));
        let frame = "src=\"https://example.org/orrery/?controls=none&amp;lesson=scaling&amp;lang=de\"";
        assert!(answer["html"].as_str().is_some_and(|html| html.contains(frame)), "{answer}");
        let page = read("oembed/scaling.en.html");
        assert!(page.contains("href=\"https://example.org/orrery/oembed/scaling.en.json\""), "{page}");
        assert!(page.contains("url=../?lesson=scaling&amp;lang=en\""), "{page}");
        let start: Value = serde_json::from_str(&read("oembed.json")).expect("JSON");
        assert!(start["html"].as_str().is_some_and(|html| html.contains("orrery/?controls=none\"")), "{start}");
        for wrong in ["example.org/", "https://example.org", "https://a\"b/", "javascript:alert(1)/"] {
            assert!(oembed(&folder, wrong).is_err(), "{wrong}");
        }
        let page = fs::read_to_string(folder.join("index.html")).expect("readable");
        assert_eq!(page.matches("offline.js").count(), 1, "{page}");
        assert!(page.contains("href=\"https://example.org/orrery/oembed.json\""), "{page}");
        fs::remove_dir_all(folder).expect("removed");
    }
}
