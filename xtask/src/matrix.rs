//! `shots matrix`: the page at its moments, in every size and every theme, with what can be measured of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;

use anyhow::{Context as _, ensure};
use page_driver::{AUDIT, MOMENTS, Moment, Page, PageOptions, Theme};

use crate::look::{Look, write_index};
use crate::setup;
use crate::site::target_folder;
use crate::tell::say;

/// Projectors, a laptop, a slide's frame, a phone.
const SIZES: [(u32, u32); 4] = [(1920, 1080), (1280, 720), (800, 450), (390, 844)];
/// In this size the page stands in a frame of another page.
const FRAMED: (u32, u32) = (800, 450);
/// A file of the site that needs no time to open.
const PLAIN: &str = "embed/host.js";

/// What axe-core finds, as sentences. Its experimental rule wants labels to begin with what is seen; the stage's cells show
/// abbreviations, and their labels the whole name.
const AXE: &str = "(await axe.run({ rules: { 'label-content-name-mismatch': { enabled: false } } })).violations
    .map(one => `axe: ${one.id} (${one.nodes.length}: ${one.nodes[0].html.slice(0, 120)})`)";

/// One picture after the other in the same browser.
struct Gallery<'a> {
    look: &'a Look,
    page: &'a Page,
    /// The address of the site, ending with `/`.
    base: &'a str,
    folder: &'a Path,
    /// axe-core's script.
    axe: String,
    /// What is wrong, and in which pictures.
    wrong: BTreeMap<String, Vec<String>>,
    /// All pictures as a page.
    index: String,
}

/// Takes the pictures whose names contain `filter` into `folder`, and prints what is wrong in them.
pub(crate) fn shots(look: &Look, folder: &Path, filter: &str) -> anyhow::Result<()> {
    let axe = setup::axe(&target_folder()?.join("tools"))?.join("axe.min.js");
    let axe = fs::read_to_string(&axe).with_context(|| format!("reading {}", axe.display()))?;
    let sizes = look.size.map_or(SIZES.to_vec(), |size| vec![size]);
    let themes = look.theme.map_or(Theme::ALL.to_vec(), |theme| vec![theme]);
    let index = "<!DOCTYPE html><meta charset=\"utf-8\"><title>Moments</title><style>img { width: 32%; }</style>\n".into();
    look.open_at(PLAIN, &unready(), |page, base| {
        let mut gallery = Gallery { look, page, base, folder, axe, wrong: BTreeMap::new(), index };
        for size in sizes {
            for moment in MOMENTS {
                let wanted = themes.iter().map(|theme| (*theme, name(moment, size, *theme)));
                let wanted: Vec<(Theme, String)> = wanted.filter(|(_, name)| name.contains(filter)).collect();
                if let Some((_, first)) = wanted.first()
                    && let Err(error) = gallery.take(moment, size, &wanted)
                {
                    gallery.complain(format!("no picture: {error:#}"), first);
                }
            }
        }
        let moments: Vec<&str> = MOMENTS.iter().map(|moment| moment.name).collect();
        ensure!(gallery.index.contains("<img "), "no picture's name contains {filter}; the moments are {}", moments.join(", "));
        for (complaint, pictures) in &gallery.wrong {
            println!("{complaint}\n    {}", pictures.join(" "));
        }
        println!("{} complaints", gallery.wrong.len());
        write_index(folder, &gallery.index)
    })
}

fn name(moment: Moment, (width, height): (u32, u32), theme: Theme) -> String {
    format!("{}-{width}x{height}-{}", moment.name, theme.name())
}

fn unready() -> PageOptions {
    PageOptions { wait_ready: false, ..PageOptions::default() }
}

impl Gallery<'_> {
    fn complain(&mut self, complaint: String, name: &str) {
        self.wrong.entry(complaint).or_default().push(name.to_owned());
    }

    /// Brings the page to a moment and takes its pictures: themes with names.
    fn take(&mut self, moment: Moment, size: (u32, u32), wanted: &[(Theme, String)]) -> anyhow::Result<()> {
        let options = |theme| PageOptions { width: size.0, height: size.1, theme, ..self.look.options.clone() };
        self.page.emulate(&options(wanted[0].0))?;
        self.open(moment, size == FRAMED)?;
        self.evaluate(&moment.reach())?;
        for expression in &self.look.before {
            self.evaluate(expression).with_context(|| expression.clone())?;
        }
        thread::sleep(self.look.wait);
        self.evaluate(&format!("(() => {{ {} }})()", self.axe))?;
        for (theme, name) in wanted {
            self.page.emulate(&options(*theme))?;
            self.evaluate("await new Promise(done => setTimeout(done, 700))")?;
            let file = self.folder.join(format!("{name}.png"));
            fs::write(&file, self.page.screenshot()?).with_context(|| format!("writing {}", file.display()))?;
            self.index += &format!("<img src=\"{name}.png\" alt=\"{name}\" title=\"{name}\">\n");
            for script in [AUDIT, AXE] {
                let complaints = self.evaluate(script)?;
                for complaint in complaints.as_array().into_iter().flatten().filter_map(|one| one.as_str()) {
                    self.complain(complaint.to_owned(), name);
                }
            }
        }
        say(&format!("{} {}×{}", moment.name, size.0, size.1));
        Ok(())
    }

    /// Opens the page, or puts it into a frame.
    fn open(&self, moment: Moment, framed: bool) -> anyhow::Result<()> {
        let slide = if framed && moment.slide { "controls=none" } else { "" };
        let url = format!("{}?{}", self.base, ["autoplay=0&lang=en", slide, &self.look.query].join("&"));
        if !framed {
            return Ok(self.page.goto(&url, &PageOptions::default())?);
        }
        self.page.goto(&format!("{}{PLAIN}", self.base), &unready())?;
        let style = "position: fixed; inset: 0; border: 0; width: 100%; height: 100%";
        self.page
            .evaluate(&format!("document.body.innerHTML = `<iframe id='framed' style='{style}' src='{url}'></iframe>`; true"))?;
        let ready = "document.getElementById('framed').contentDocument?.documentElement.dataset.orrery === 'ready'";
        Ok(self.page.wait_until(ready, unready().ready_limit)?)
    }

    /// Evaluates an expression in the page, also where it stands in a frame.
    fn evaluate(&self, expression: &str) -> page_driver::Result<serde_json::Value> {
        let script = serde_json::Value::from(format!("(async () => {{ return ({expression}\n) }})()"));
        self.page.evaluate(&format!("await (document.getElementById('framed')?.contentWindow ?? window).eval({script})"))
    }
}
