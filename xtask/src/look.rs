//! `shot`, `shots` and `js`: look at the built page, and ask it.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use lexopt::{Arg, Parser, ValueExt as _};
use page_driver::{Page, PageOptions, StaticServer, Theme};

use crate::matrix;
use crate::setup;
use crate::site::Site;
use crate::tell::say;
use crate::usage;

/// What all these commands understand.
#[derive(Clone)]
pub(crate) struct Look {
    /// Everything but size and theme.
    pub(crate) options: PageOptions,
    /// The one that was asked for.
    pub(crate) size: Option<(u32, u32)>,
    /// The one that was asked for.
    pub(crate) theme: Option<Theme>,
    site: Site,
    build: bool,
    url: Option<String>,
    /// Without its question mark.
    pub(crate) query: String,
    pub(crate) before: Vec<String>,
    pub(crate) wait: Duration,
    words: Vec<String>,
}

pub(crate) fn shot(arguments: &mut Parser) -> anyhow::Result<()> {
    let look = Look::parse(arguments)?;
    let [out] = look.words.as_slice() else { bail!("shot takes one file name, such as page.png") };
    let out = PathBuf::from(out);
    look.open(|page| {
        if let Some(folder) = out.parent() {
            fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        }
        fs::write(&out, page.screenshot()?).with_context(|| format!("writing {}", out.display()))?;
        println!("{}", out.display());
        Ok(())
    })
}

pub(crate) fn js(arguments: &mut Parser) -> anyhow::Result<()> {
    let look = Look::parse(arguments)?;
    let [expression] = look.words.as_slice() else { bail!("js takes one expression, such as 'await orrery.state()'") };
    look.open(|page| {
        println!("{:#}", page.evaluate(expression)?);
        Ok(())
    })
}

/// Pictures of every step of built-in lessons: as a slide has it, as a projector has it for an audience, and with everything around it.
const SHOTS: [(&str, (u32, u32), Theme, &str); 4] = [
    ("embed-de", (800, 450), Theme::Dark, "lang=de&controls=none"),
    ("embed-en", (800, 450), Theme::Light, "lang=en&controls=none"),
    ("lecture-de", (1920, 1080), Theme::Light, "lang=de&controls=none"),
    ("page-en", (1920, 1080), Theme::Light, "lang=en"),
];

/// A message on its way, when the step has any.
const ON_ITS_WAY: &str = "for (let n = 0; n < 3; n++) { orrery.step(); await (async () => { const end = performance.now() + 5000; \
    while (!orrery.state().arrived && performance.now() < end) await new Promise(done => setTimeout(done, 15)); })(); }";

/// Waits until the page shows what it was told to show, at most half a minute.
fn arrive(page: &Page, condition: &str) -> anyhow::Result<()> {
    let waited = format!(
        "await (async () => {{ const end = performance.now() + 30000; \
         while (!({condition} && orrery.state().arrived) && performance.now() < end) await new Promise(done => setTimeout(done, 15)); \
         await new Promise(done => setTimeout(done, 700)); return {condition} && orrery.state().arrived; }})()"
    );
    anyhow::ensure!(page.evaluate(&waited)? == true, "the page does not come to {condition}");
    Ok(())
}

pub(crate) fn shots(arguments: &mut Parser) -> anyhow::Result<()> {
    let look = Look::parse(arguments)?;
    let words: Vec<&str> = look.words.iter().map(String::as_str).collect();
    let folder = PathBuf::from(words.get(1).copied().unwrap_or_default());
    let create = || fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()));
    match &words[..] {
        ["lessons", _, wanted @ ..] => create().and_then(|()| lessons(&look, &folder, wanted)),
        ["matrix", _] => create().and_then(|()| matrix::shots(&look, &folder, "")),
        ["matrix", _, filter] => create().and_then(|()| matrix::shots(&look, &folder, filter)),
        _ => bail!("shots takes what to picture and where to: shots lessons FOLDER [LESSON …], shots matrix FOLDER [FILTER]"),
    }
}

/// Of the built-in lessons, or of those that are wanted.
fn lessons(look: &Look, folder: &Path, wanted: &[&str]) -> anyhow::Result<()> {
    let text = fs::read_to_string("embed/lessons.json").context("reading embed/lessons.json")?;
    let lessons: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).context("embed/lessons.json")?;
    for word in wanted {
        ensure!(
            lessons.contains_key(*word),
            "there is no lesson {word}; there are {}",
            lessons.keys().cloned().collect::<Vec<_>>().join(", ")
        );
    }
    let mut index =
        String::from("<!DOCTYPE html><meta charset=\"utf-8\"><title>Lessons</title><style>img { width: 48%; }</style>\n");
    let mut build = look.build;
    for (name, size, theme, query) in SHOTS {
        let query = [&format!("lesson=nodes&autoplay=0&{query}"), &*look.query].join("&");
        let look = Look { query, build, size: look.size.or(Some(size)), theme: look.theme.or(Some(theme)), ..look.clone() };
        build = false;
        look.open(|page| {
            let mut take = |what: String| -> anyhow::Result<()> {
                let file = folder.join(format!("{what}-{name}.png"));
                index += &format!("<img src=\"{what}-{name}.png\" alt=\"{what}\">\n");
                fs::write(&file, page.screenshot()?).with_context(|| format!("writing {}", file.display()))
            };
            for (lesson, about) in lessons.iter().filter(|(id, _)| wanted.is_empty() || wanted.contains(&id.as_str())) {
                let steps = about["steps"].as_u64().context("embed/lessons.json says how many steps there are")?;
                for step in 1..=steps {
                    page.evaluate(&format!("orrery.lesson({lesson:?}, {step})"))?;
                    arrive(page, &format!("orrery.state().lesson === {lesson:?} && orrery.state().step === {step}"))?;
                    if page.evaluate("Boolean(document.querySelector('.lesson-predict'))")? == true {
                        take(format!("{lesson}-{step}-question"))?;
                    }
                    page.evaluate(ON_ITS_WAY)?;
                    arrive(page, "true")?;
                    take(format!("{lesson}-{step}"))?;
                }
            }
            Ok(())
        })?;
    }
    write_index(folder, &index)
}

/// Writes the page that shows all pictures of a folder, and says where it is.
pub(crate) fn write_index(folder: &Path, html: &str) -> anyhow::Result<()> {
    let file = folder.join("index.html");
    fs::write(&file, html).with_context(|| format!("writing {}", file.display()))?;
    println!("{}", file.display());
    Ok(())
}

impl Look {
    fn parse(arguments: &mut Parser) -> anyhow::Result<Self> {
        let mut look = Self {
            options: PageOptions::default(),
            size: None,
            theme: None,
            site: Site::below_target("look", "page-dev")?,
            build: true,
            url: None,
            query: String::new(),
            before: Vec::new(),
            wait: Duration::ZERO,
            words: Vec::new(),
        };
        while let Some(argument) = arguments.next()? {
            match argument {
                Arg::Long("size") => look.size = Some(size(&arguments.value()?.string()?)?),
                Arg::Long("scale") => look.options.scale = arguments.value()?.parse()?,
                Arg::Long("theme") => look.theme = Some(theme(&arguments.value()?.string()?)?),
                Arg::Long("reduced-motion") => look.options.reduced_motion = true,
                Arg::Long("url-query") => look.query = query(&arguments.value()?.string()?),
                Arg::Long("js") => look.before.push(arguments.value()?.string()?),
                Arg::Long("wait") => look.wait = seconds(&arguments.value()?.string()?)?,
                Arg::Long("profile") => look.site = Site::below_target("look", &arguments.value()?.string()?)?,
                Arg::Long("url") => look.url = Some(arguments.value()?.string()?),
                Arg::Long("no-build") => look.build = false,
                Arg::Value(word) => look.words.push(word.string()?),
                other => return Err(usage(other)),
            }
        }
        Ok(look)
    }

    /// The page's options, in the size and theme that were asked for.
    fn page_options(&self) -> PageOptions {
        let (width, height) = self.size.unwrap_or((self.options.width, self.options.height));
        PageOptions { width, height, theme: self.theme.unwrap_or(self.options.theme), ..self.options.clone() }
    }

    /// Opens the page, does what is to be done before, then `work`; afterwards shows the console's messages.
    fn open(&self, work: impl FnOnce(&Page) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let mark = if self.query.is_empty() || self.query.starts_with('#') { "" } else { "?" };
        let query = format!("{mark}{}", self.query);
        self.open_at(&query, &self.page_options(), |page, _| self.prepare(page).and_then(|()| work(page)))
    }

    /// Opens an address below the site's, and hands over the site's; afterwards shows the console's messages.
    pub(crate) fn open_at(
        &self,
        path: &str,
        options: &PageOptions,
        work: impl FnOnce(&Page, &str) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let programs = setup::browser()?;
        // The server lives as long as the page is looked at.
        let (base, _server) = if let Some(url) = &self.url {
            (url.clone(), None)
        } else {
            if self.build {
                self.site.build()?;
            }
            let server = StaticServer::start(&self.site.out, 0)?;
            (server.url(), Some(server))
        };
        let page = Page::open(&programs, &format!("{base}{path}"), options)?;
        let result = work(&page, &base);
        for message in page.console()? {
            say(&format!("console {}: {}", message.level, message.text));
        }
        result
    }

    fn prepare(&self, page: &Page) -> anyhow::Result<()> {
        for expression in &self.before {
            page.evaluate(expression).with_context(|| expression.clone())?;
        }
        thread::sleep(self.wait);
        Ok(())
    }
}

/// `1920x1080` or `1920×1080`.
fn size(text: &str) -> anyhow::Result<(u32, u32)> {
    let parts = text.split_once(['x', '×']).and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    parts
        .filter(|(width, height)| (1..=16_384).contains(width) && (1..=16_384).contains(height))
        .with_context(|| format!("--size {text}: write width and height in pixels, such as 1920x1080"))
}

fn theme(text: &str) -> anyhow::Result<Theme> {
    let found = Theme::ALL.into_iter().find(|theme| theme.name() == text);
    found.with_context(|| format!("--theme {text}: there are {}", Theme::ALL.map(Theme::name).join(", ")))
}

/// With or without its question mark.
fn query(text: &str) -> String {
    text.trim_start_matches('?').to_owned()
}

fn seconds(text: &str) -> anyhow::Result<Duration> {
    let number = text.parse().ok().and_then(|number| Duration::try_from_secs_f64(number).ok());
    number.with_context(|| format!("--wait {text}: write a number of seconds, such as 1.5"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{query, seconds, size};

    #[test]
    fn reads_sizes_queries_and_waits() {
        assert_eq!(size("1920x1080").expect("valid"), (1920, 1080));
        assert_eq!(size("390×844").expect("valid"), (390, 844));
        for wrong in ["1920", "x", "0x10", "-1x10", "99999x10"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(query("lang=de"), "lang=de");
        assert_eq!(query("?lang=de"), "lang=de");
        assert_eq!(seconds("0.5").expect("valid"), Duration::from_millis(500));
        assert!(seconds("-1").is_err() && seconds("soon").is_err());
    }
}
