//! The scene as an SVG text: for `window.orrery.svg()`, files and prints. Colours are written out, since many programs
//! that read SVG know no CSS variables.

use std::rc::Rc;

use super::flight::Flights;
use super::geometry::{Point, number, text_width};
use super::marks::{Group, Scene};
use super::prims::{Prim, baseline, dot_outline, nose_outline, pill_outline, polyline, prims};

const THEME: &str = include_str!("../../styles/theme.css");
const STYLE: &str = include_str!("../../styles/scene.css");

/// Colours of the page, the stage and exported pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    #[default]
    Light,
    /// Light on dark.
    Dark,
    /// Black on white, every colour 7:1 and more: for poor projectors and poor eyes.
    Contrast,
}

impl Theme {
    /// All themes, in the order in which a button goes through them.
    pub const ALL: [Self; 3] = [Self::Light, Self::Dark, Self::Contrast];

    /// As in addresses, on the command line and in `data-theme`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::Contrast => "contrast",
        }
    }

    /// The theme of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }
}

/// The scene with what lies over it and the messages that are on their way at `t`, in microseconds.
pub fn svg(scene: &Scene, overlay: &[Rc<Group>], flights: &Flights, t: f64, theme: Theme) -> String {
    let (w, h) = scene.layout.size;
    let (w, h) = (number(w), number(h));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" class=\"scene\">\
         <style>{}</style><rect width=\"{w}\" height=\"{h}\" class=\"ground\"/>",
        resolved(theme)
    );
    for group in scene.groups.iter().chain(overlay) {
        write_group(group, &mut out);
    }
    let size = scene.layout.pill_font();
    for (_, flight) in flights.at(t) {
        out += &format!("<path class=\"casing\" d=\"{}\"/>", polyline(&flight.points));
    }
    for (_, flight) in flights.at(t) {
        let shown = flights.place(flight, t);
        let kind = flight.kind.class();
        let at = |x: f64, y: f64| format!("translate({} {})", number(x), number(y));
        let turned = |point: Point, angle: f64| format!("{} rotate({})", at(point.x, point.y), number(angle));
        out += &format!("<path class=\"lit {kind}\" d=\"{}\"/>", polyline(&flight.points));
        match &flight.label {
            Some(label) => {
                let outline = dot_outline(flight.kind, size * 0.36);
                out +=
                    &format!("<path class=\"dot {kind}\" transform=\"{}\" d=\"{outline}\"/>", turned(shown.dot, shown.angle()));
                let outline = pill_outline(flight.kind, flight.width, flights.pill_height());
                let nose = nose_outline(flights.pill_height());
                let nose_at = turned(shown.nose(flight.width, flights.pill_height()), shown.nose_angle());
                out += &format!(
                    "<g transform=\"{}\"><path class=\"pill {kind}\" transform=\"{nose_at}\" d=\"{nose}\"/><path class=\"pill {kind}\" d=\"{outline}\"/>",
                    at(shown.pill.x, shown.pill.y)
                );
                let y = number(baseline(0.0, size));
                out += &format!(
                    "<text class=\"pill-text {kind}\" y=\"{y}\" font-size=\"{}\" text-anchor=\"middle\">{}</text></g>",
                    number(size),
                    escape(label)
                );
            }
            None => {
                let outline = dot_outline(flight.kind, size * 0.5);
                out +=
                    &format!("<path class=\"dot {kind}\" transform=\"{}\" d=\"{outline}\"/>", turned(shown.dot, shown.angle()));
            }
        }
    }
    out + "</svg>"
}

fn write_group(group: &Group, out: &mut String) {
    out.push_str("<g>");
    if !group.title.is_empty() {
        out.push_str(&format!("<title>{}</title>", escape(&group.title)));
    }
    for prim in group.marks.iter().flat_map(prims) {
        write_prim(&prim, out);
    }
    for inner in &group.groups {
        write_group(inner, out);
    }
    out.push_str("</g>");
}

fn write_prim(prim: &Prim, out: &mut String) {
    let n = number;
    match prim {
        Prim::Rect { rect, radius, class } => out.push_str(&format!(
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>",
            n(rect.x),
            n(rect.y),
            n(rect.w),
            n(rect.h),
            n(*radius)
        )),
        Prim::Text { at, align, size, class, text } => out.push_str(&format!(
            "<text class=\"{class}\" x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{}\">{}</text>",
            n(at.x),
            n(baseline(at.y, *size)),
            n(*size),
            align.anchor(),
            escape(text)
        )),
        Prim::Path { d, class } => out.push_str(&format!("<path class=\"{class}\" d=\"{d}\"/>")),
    }
}

/// For text and attribute values.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The scene's style sheet with the theme's colours in place of its variables.
pub(super) fn resolved(theme: Theme) -> String {
    let colours = variables(theme);
    let mut out = String::new();
    let mut rest = STYLE;
    while let Some(start) = rest.find("var(--") {
        out.push_str(&rest[..start]);
        let end = rest[start..].find(')').map_or(rest.len(), |end| start + end);
        let name = &rest[start + 4..end];
        out.push_str(colours.iter().rev().find(|(have, _)| *have == name).map_or("#888", |(_, value)| value));
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    out + rest
}

/// The theme's variables: all of `:root`, then those of its own block.
fn variables(theme: Theme) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    for block in THEME.split('}') {
        let Some((selector, body)) = block.split_once('{') else { continue };
        let selector = selector.rsplit("*/").next().unwrap_or(selector).trim();
        let own = selector.strip_prefix(":root[data-theme=\"").and_then(|rest| rest.strip_suffix("\"]"));
        if selector == ":root" || own == Some(theme.name()) {
            found.extend(body.split(';').filter_map(|line| {
                let (name, value) = line.split_once(':')?;
                let name = name.trim();
                name.starts_with("--").then_some((name, value.trim()))
            }));
        }
    }
    found
}

/// Whether a text of this size would fit; kept beside the painters so that tests can ask what they paint.
pub fn prim_width(prim: &Prim) -> Option<f64> {
    match prim {
        Prim::Text { text, size, class, .. } => Some(text_width(text, *size, class.contains("bold"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_is_known_in_every_theme() {
        for theme in Theme::ALL {
            let style = resolved(theme);
            assert!(!style.contains("var("), "unresolved variable");
            for (name, ()) in STYLE.match_indices("var(--").map(|(at, _)| {
                let end = STYLE[at..].find(')').expect("closed") + at;
                (&STYLE[at + 4..end], ())
            }) {
                assert!(variables(theme).iter().any(|(have, _)| *have == name), "{name} is not in theme.css");
            }
        }
        assert_ne!(resolved(Theme::Light), resolved(Theme::Dark));
    }
}
