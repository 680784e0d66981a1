//! `orrery render`: pictures of a script's or a lesson's moments, the same as the page shows them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use kube_orrery::scene::Detail;
use kube_orrery::scene::svg::{Theme, escape};
use kube_orrery::state::print::{Look, Print};
use orrery_sim::lesson::{self, Lesson};

use crate::png::png;
use crate::run::{read_script, split};

/// Options of `orrery render`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The script whose end (or moment, see --at) is drawn; `-` for standard input
    #[arg(required_unless_present = "lesson", conflicts_with = "lesson")]
    script: Option<PathBuf>,
    /// A built-in lesson such as `communication`, or the file of one
    #[arg(long)]
    lesson: Option<String>,
    /// Which step of the lesson, from 1; without it the whole lesson is drawn: OUT is a page to print, or a folder of pictures
    #[arg(long, requires = "lesson")]
    step: Option<usize>,
    /// The moment in simulated seconds: since the beginning of the script or of the step. Without it a script is drawn at its end, and a step
    /// where the most messages travel
    #[arg(long)]
    at: Option<f64>,
    /// Where it goes: a picture (.svg, .png), a page to print (.html, lessons only) or a folder
    #[arg(short, long)]
    out: PathBuf,
    /// What pictures are; without it what the name of the file says
    #[arg(long)]
    format: Option<Format>,
    /// Pixels of a PNG for each pixel of the size
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    scale: u8,
    /// Width and height in pixels
    #[arg(long, default_value = "1280x720", value_parser = size)]
    size: (f64, f64),
    /// Colours: light, dark or contrast
    #[arg(long, default_value = "light", value_parser = theme)]
    theme: Theme,
    /// Language of captions and labels
    #[arg(long, default_value = "en", value_parser = ["en", "de"])]
    lang: String,
    /// Level of detail: full, medium, brief or cells; without it as much as fits
    #[arg(long, value_parser = detail)]
    detail: Option<Detail>,
    /// For slides: the fewest words, as large as they fit, as in frames with `controls=none`
    #[arg(long)]
    slide: bool,
    /// Seed of all random numbers
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Svg,
    Png,
}

impl Format {
    const fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }
}

/// A picture is neither smaller nor larger than this.
const SIZES: std::ops::RangeInclusive<f64> = 100.0..=8000.0;

fn size(text: &str) -> Result<(f64, f64), String> {
    let number = |text: &str| text.parse().ok().filter(|size| SIZES.contains(size));
    let pair = text.split_once('x').and_then(|(width, height)| Some((number(width)?, number(height)?)));
    pair.ok_or_else(|| format!("such as 1280x720, each from {} to {}", SIZES.start(), SIZES.end()))
}

fn theme(text: &str) -> Result<Theme, String> {
    Theme::parse(text).ok_or_else(|| "light, dark or contrast".into())
}

fn detail(text: &str) -> Result<Detail, String> {
    Detail::parse(text).ok_or_else(|| "full, medium, brief or cells".into())
}

/// Draws. Fails when something cannot be read or written, or there is no such lesson or step.
pub(crate) fn main(options: &Options) -> ExitCode {
    crate::told(render(options).map(|()| String::new()))
}

fn render(options: &Options) -> Result<(), String> {
    let look = Look {
        size: options.size,
        theme: options.theme,
        lang: options.lang.clone(),
        detail: options.detail,
        slide: options.slide,
    };
    let mut print = Print::new(&look, options.seed);
    if options.at.is_some_and(|at| !(0.0..=86_400.0).contains(&at)) {
        return Err("--at: from 0 to 86400 seconds".into());
    }
    if let Some(script) = &options.script {
        let (end, failed) = print.run(&split(&read_script(script)?));
        // A failing command may be what the picture is about.
        for (line, code) in failed {
            let how = code.map_or("did not end".to_string(), |code| format!("exit {code}"));
            eprintln!("note: {how}: {line}");
        }
        return picture(options, &options.out, &print.at(options.at.map_or(end, |at| at * 1e6)));
    }
    let (name, lesson) = find(options.lesson.as_deref().unwrap_or_default())?;
    let steps = lesson.steps.len();
    print.open(&name, lesson.clone());
    let mut draw = |step: usize| {
        let (begin, end) = print.step(step);
        let moment = options.at.map_or_else(|| print.busiest(begin, end), |at| begin + at * 1e6);
        print.at(moment)
    };
    match options.step {
        Some(step) if (1..=steps).contains(&step) => picture(options, &options.out, &draw(step - 1)),
        Some(step) => Err(format!("--step {step}: the lesson {name} has the steps 1 to {steps}")),
        None => {
            let named = options.out.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            match (named, options.format) {
                ("png" | "svg", _) => {
                    return Err(format!(
                        "{}: a whole lesson goes into a folder or a page (.html); --step N gives one picture",
                        options.out.display()
                    ));
                }
                ("html", Some(_)) => return Err("--format: a page to print has its own pictures".into()),
                _ => {}
            }
            let pictures: Vec<String> = (0..steps).map(&mut draw).collect();
            if named == "html" {
                return write(&options.out, handout(&lesson, &options.lang, &pictures).as_bytes());
            }
            fs::create_dir_all(&options.out).map_err(|error| format!("{}: {error}", options.out.display()))?;
            let extension = options.format.unwrap_or(Format::Svg).extension();
            let named = (1..).zip(&pictures).map(|(step, svg)| (options.out.join(format!("{name}-{step}.{extension}")), svg));
            named.into_iter().try_for_each(|(path, svg)| picture(options, &path, svg))
        }
    }
}

/// A lesson by its name or from its file.
fn find(lesson: &str) -> Result<(String, Lesson), String> {
    if let Some(built_in) = lesson::built_in(lesson) {
        return Ok((lesson.to_string(), built_in));
    }
    let names = || lesson::BUILT_IN.map(|(id, _)| id).join(", ");
    let text = fs::read_to_string(lesson)
        .map_err(|error| format!("{lesson}: neither a file ({error}) nor a built-in lesson, which are {}", names()))?;
    let name = Path::new(lesson).file_stem().and_then(|stem| stem.to_str()).unwrap_or("lesson").to_string();
    Ok((name, Lesson::parse(&text).map_err(|error| format!("{lesson}: {error}"))?))
}

/// A page to print: each step with its picture, its caption, its commands and what the speaker says.
fn handout(lesson: &Lesson, lang: &str, pictures: &[String]) -> String {
    let title = escape(lesson.title.get(lang));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n<p>{}</p>\n",
        include_str!("handout.css"),
        escape(lesson.summary.get(lang))
    );
    for (number, (step, picture)) in (1..).zip(lesson.steps.iter().zip(pictures)) {
        page += &format!("<section>\n<h2>{number}. {}</h2>\n{picture}\n", escape(step.caption.get(lang)));
        if !step.run.is_empty() {
            page += &format!("<pre>{}</pre>\n", escape(&step.run.join("\n")));
        }
        for text in [&step.predict, &step.say].into_iter().filter(|text| !text.is_empty()) {
            page += &format!("<p>{}</p>\n", escape(text.get(lang)));
        }
        page += "</section>\n";
    }
    page + "</body>\n</html>\n"
}

/// Writes a picture as what it is asked for.
fn picture(options: &Options, path: &Path, svg: &str) -> Result<(), String> {
    let named = if path.extension().is_some_and(|extension| extension == "png") { Format::Png } else { Format::Svg };
    match options.format.unwrap_or(named) {
        Format::Svg => write(path, svg.as_bytes()),
        Format::Png => write(path, &png(svg, f32::from(options.scale))?),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_two_numbers_within_reason() {
        assert_eq!(size("800x450"), Ok((800.0, 450.0)));
        for wrong in ["800", "800x", "x", "1x1", "800x99999", "NaNxNaN", "-800x450"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_lesson_is_found_by_name_and_others_are_told() {
        assert_eq!(find("communication").map(|(name, _)| name), Ok("communication".to_string()));
        let error = find("nope").expect_err("there is none");
        assert!(error.contains("communication") && error.starts_with("nope: "), "{error}");
    }

    #[test]
    fn a_handout_has_every_step_and_no_markup_of_the_lessons_texts() {
        let lesson =
            Lesson::parse("title: A <b> & c\nsteps:\n- caption: One\n  run: echo '<x>'\n- caption: Two\n").expect("a lesson");
        let page = handout(&lesson, "en", &["<svg id=\"a\"/>".into(), "<svg id=\"b\"/>".into()]);
        assert!(page.contains("A &lt;b&gt; &amp; c") && page.contains("echo '&lt;x&gt;'"), "{page}");
        assert!(page.find("id=\"a\"") < page.find("2. Two") && page.find("2. Two") < page.find("id=\"b\""));
    }
}
