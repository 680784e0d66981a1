//! Messages as a sequence diagram: who speaks stands side by side, time runs downwards. Drawn as SVG text, for the page and for files alike, and written as Mermaid.

mod repeats;

pub use repeats::Loop;
use repeats::{Arrow, fold};

use super::geometry::{clip, number, text_width};
use super::messages::MessageKind;
use super::svg::{Theme, escape, resolved};

/// Size of the type, in pixels.
const TYPE: f64 = 12.5;
/// Between two messages, in pixels.
const PITCH: f64 = 27.0;
/// Height of the names at the top.
const HEAD: f64 = 38.0;
/// Between two lifelines, in pixels: at least, and at most.
const NARROW: f64 = 136.0;
const WIDE: f64 = 230.0;
/// Left of the first lifeline there is room for the time.
const CLOCK: f64 = 74.0;

/// A message of the diagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Number of the envelope.
    pub id: u32,
    /// When it was sent, such as `0:26.512`.
    pub at: String,
    /// Its family.
    pub kind: MessageKind,
    /// Sender and receiver.
    pub from: String,
    /// Receiver.
    pub to: String,
    /// What it says.
    pub label: String,
    /// Whether it is still to come.
    pub later: bool,
    /// Whether it belongs to what *Why?* tells of.
    pub linked: bool,
}

/// A sequence diagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagram {
    /// The names of those who speak, from left to right.
    pub lifelines: Vec<String>,
    arrows: Vec<Arrow>,
    loops: Vec<Loop>,
}

/// Where somebody stands: clients of the control plane left of the api-server, etcd beside it, the nodes' parts right of it.
fn rank(name: &str) -> (u8, String) {
    let (part, machine) = name.split_once('/').unwrap_or((name, ""));
    let place = match part {
        "kubectl" | "user" => 0,
        "docker" | "kind" | "kubeadm" => 1,
        "kube-scheduler" => 3,
        "haproxy" | "load-balancer" => 4,
        "kube-apiserver" => 5,
        "etcd" => 6,
        "kubelet" => 8,
        "containerd" => 9,
        "kube-proxy" | "kindnet" | "kindnetd" => 10,
        "registry" => 12,
        // Controllers and whatever else is a client of the api-server.
        _ => 2,
    };
    // The parts of a node stand together.
    if machine.is_empty() { (place, String::new()) } else { (7, format!("{machine}/{place:02}")) }
}

impl Diagram {
    /// The diagram of messages in the order of sending. Those alike that follow each other are one arrow, groups of them a loop; the loops that have
    /// a message of `open` are unfolded, and without `open` everything is.
    pub fn new(messages: Vec<Said>, open: Option<&[u32]>) -> Self {
        let mut lifelines: Vec<String> = Vec::new();
        for name in messages.iter().flat_map(|said| [&said.from, &said.to]) {
            if !lifelines.contains(name) {
                lifelines.push(name.clone());
            }
        }
        lifelines.sort_by_key(|name| rank(name));
        let (arrows, loops) = fold(messages, open);
        Self { lifelines, arrows, loops }
    }

    /// The number of arrows.
    pub fn len(&self) -> usize {
        self.arrows.len()
    }

    /// The number that the arrow of a message carries as `data-message`.
    pub fn arrow_of(&self, id: u32) -> Option<u32> {
        self.arrows.iter().find(|arrow| arrow.ids.contains(&id)).map(|arrow| arrow.said.id)
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.arrows.is_empty()
    }

    /// Between two lifelines, in pixels, when about `width` pixels are there.
    fn gap(&self, width: f64) -> f64 {
        ((width - CLOCK - 20.0) / self.lifelines.len().max(1) as f64).clamp(NARROW, WIDE)
    }

    /// Where each name stands, in pixels: its left edge and its width.
    pub fn places(&self, width: f64) -> Vec<(f64, f64)> {
        let gap = self.gap(width);
        (0..self.lifelines.len()).map(|index| (CLOCK + gap * index as f64, gap)).collect()
    }

    /// The row of an arrow, counted from 0: each loop has a row of its own above its arrows.
    fn row(&self, arrow: usize) -> f64 {
        (arrow + self.loops.iter().filter(|one| one.begin <= arrow).count()) as f64
    }

    /// The loops with the frames around them, in pixels below the names: left, top, width, height.
    pub fn frames(&self, width: f64) -> Vec<(&Loop, [f64; 4])> {
        let gap = self.gap(width);
        let place = |name: &String| self.lifelines.iter().position(|have| have == name).unwrap_or_default();
        let frame = |one: &Loop| {
            let inside = &self.arrows[one.begin..one.begin + one.len];
            let places = || inside.iter().flat_map(|arrow| [place(&arrow.said.from), place(&arrow.said.to)]);
            let (first, last) = (places().min().unwrap_or_default(), places().max().unwrap_or_default());
            let top = PITCH * (self.row(one.begin) - 0.85);
            [CLOCK + gap * first as f64 + 3.0, top, gap * (last - first + 1) as f64 - 6.0, PITCH * (one.len as f64 + 1.1)]
        };
        self.loops.iter().map(|one| (one, frame(one))).collect()
    }

    /// As SVG of about `width` pixels; `now` is the message that is spoken of. Each arrow carries its message's number as `data-message`. With a theme
    /// the colours are written out and the names stand at the top, for files.
    pub fn svg(&self, width: f64, now: Option<u32>, theme: Option<Theme>) -> String {
        let count = self.lifelines.len().max(1) as f64;
        let gap = self.gap(width);
        // In the page the names stand above, where they do not scroll away.
        let top = if theme.is_some() { HEAD } else { 0.0 };
        let (w, h) = (CLOCK + gap * count + 10.0, top + PITCH * (self.row(self.arrows.len()) + 0.7));
        let x = |index: usize| CLOCK + gap * (index as f64 + 0.5);
        let n = number;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"scene sequence\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\">",
            n(w),
            n(h)
        );
        if let Some(theme) = theme {
            out += &format!("<style>{}</style><rect class=\"ground\" width=\"{}\" height=\"{}\"/>", resolved(theme), n(w), n(h));
        }
        for (index, name) in self.lifelines.iter().enumerate() {
            let (part, machine) = name.split_once('/').unwrap_or((name, ""));
            out += &format!("<path class=\"lifeline\" d=\"M{} {}V{}\"/>", n(x(index)), n((top - 4.0).max(0.0)), n(h));
            if theme.is_none() {
                continue;
            }
            let word = |text: &str, y: f64, size: f64, class: &str| {
                let room = (gap - 8.0) / (size * 0.62);
                format!(
                    "<text class=\"{class}\" x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"middle\">{}</text>",
                    n(x(index)),
                    n(y),
                    n(size),
                    escape(&clip(text, room as usize))
                )
            };
            out += &word(part, if machine.is_empty() { 21.0 } else { 14.0 }, TYPE, "ink-main bold");
            if !machine.is_empty() {
                out += &word(machine, 28.0, TYPE * 0.88, "ink-soft");
            }
        }
        for (one, [left, above, wide, high]) in self.frames(width) {
            out += &format!(
                "<rect class=\"loop\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\"/>",
                n(left),
                n(top + above),
                n(wide),
                n(high)
            );
            // In the page a button stands there.
            if theme.is_some() {
                out += &format!(
                    "<text class=\"ink-main bold\" x=\"{}\" y=\"{}\" font-size=\"{}\">×{}</text>",
                    n(left + 8.0),
                    n(top + above + PITCH * 0.7),
                    n(TYPE),
                    one.times
                );
            }
        }
        for (index, Arrow { said, count, ids, .. }) in self.arrows.iter().enumerate() {
            let place = |name: &String| self.lifelines.iter().position(|have| have == name).map_or(0.0, x);
            let (from, to) = (place(&said.from), place(&said.to));
            let y = top + PITCH * (self.row(index) + 0.85);
            let (kind, dot) = (said.kind.class(), said.kind.is_dot());
            let spoken = now.is_some_and(|now| ids.contains(&now));
            let marks = [(said.later, " later"), (said.linked, " linked"), (spoken, " now")];
            let class: String =
                ["said"].into_iter().chain(marks.into_iter().filter(|(is, _)| *is).map(|(_, name)| name)).collect();
            out += &format!(
                "<g class=\"{class}\" data-message=\"{}\"><title>{} → {}: {}</title>",
                said.id,
                escape(&said.from),
                escape(&said.to),
                escape(&said.label)
            );
            out += &format!(
                "<rect class=\"said-row\" x=\"0\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                n(y - PITCH * 0.68),
                n(w),
                n(PITCH)
            );
            out += &format!(
                "<text class=\"ink-soft\" x=\"4\" y=\"{}\" font-size=\"{}\">{}</text>",
                n(y),
                n(TYPE * 0.88),
                escape(&said.at)
            );
            let away = (to - from).signum();
            let dash = if dot { " stroke-dasharray=\"4 4\"" } else { "" };
            // To oneself: a loop.
            let (line, head) = if away == 0.0 {
                (format!("M{0} {1}h26v9h-20", n(from), n(y - 5.0)), (from + 4.0, y + 4.0, -1.0))
            } else {
                (format!("M{} {}H{}", n(from), n(y), n(to - away * 8.0)), (to, y, away))
            };
            out += &format!("<path class=\"arrow {kind}\" d=\"{line}\"{dash}/>");
            let (hx, hy, side) = head;
            out += &format!("<path class=\"dot {kind}\" d=\"M{} {}l{} -5v10z\"/>", n(hx), n(hy), n(-side * 10.0));
            let times = if *count > 1 { format!(" ×{count}") } else { String::new() };
            let room = (to - from).abs().max(gap) - 22.0;
            let size = TYPE * 0.94;
            let most = said.label.chars().count();
            let cut = (1..=most).rev().map(|most| clip(&said.label, most) + &times);
            let fits = cut.into_iter().find(|text| text_width(text, size, false) <= room);
            let middle = if away == 0.0 { from + 34.0 } else { f64::midpoint(from, to) };
            let anchor = if away == 0.0 { "start" } else { "middle" };
            out += &format!(
                "<text class=\"said-text ink-{}\" x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{anchor}\">{}</text></g>",
                if dot { "soft" } else { "main" },
                n(middle),
                n(y - 4.5),
                n(size),
                escape(&fits.unwrap_or_default())
            );
        }
        out + "</svg>"
    }

    /// As a sequence diagram of Mermaid.
    pub fn mermaid(&self) -> String {
        // What Mermaid would read as its own signs.
        let plain = |text: &str| text.replace(';', ",").replace('#', "no. ").replace(['\n', '\r'], " ");
        let id = |name: &String| self.lifelines.iter().position(|have| have == name).unwrap_or_default();
        let mut out = String::from("sequenceDiagram\n");
        for (index, name) in self.lifelines.iter().enumerate() {
            out += &format!("    participant p{index} as {}\n", plain(name));
        }
        for (index, Arrow { said, count, .. }) in self.arrows.iter().enumerate() {
            let around = self.loops.iter().find(|one| !one.open && (one.begin..one.begin + one.len).contains(&index));
            let indent = if around.is_some() { "    " } else { "" };
            if let Some(one) = around.filter(|one| one.begin == index) {
                out += &format!("    loop {} times\n", one.times);
            }
            let arrow = if said.kind.is_dot() { "-->>" } else { "->>" };
            let times = if *count > 1 { format!(" ×{count}") } else { String::new() };
            out += &format!("{indent}    p{}{arrow}p{}: {}{times}\n", id(&said.from), id(&said.to), plain(&said.label));
            if around.is_some_and(|one| one.begin + one.len == index + 1) {
                out += "    end\n";
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(id: u32, from: &str, to: &str, label: &str) -> Said {
        let (at, from, to, label) = ("0:01.000".into(), from.into(), to.into(), label.into());
        Said { id, at, kind: MessageKind::Request, from, to, label, later: false, linked: false }
    }

    fn diagram() -> Diagram {
        let all = vec![
            said(1, "kubelet/kind-worker", "kube-apiserver", "GET pods/web"),
            said(2, "kube-apiserver", "etcd", "range /registry/pods/default/web"),
            said(3, "kubectl", "kube-apiserver", "POST pods; # <web> & \"more\""),
            said(4, "kube-apiserver", "containerd/kind-worker", "again"),
            said(5, "kube-apiserver", "containerd/kind-worker", "again"),
            said(6, "deployment-controller", "kube-apiserver", "GET x"),
            said(7, "etcd", "etcd", "to itself"),
        ];
        Diagram::new(all, Some(&[]))
    }

    /// A repeated three times with B between, B twice in a row each time, always with another revision; then C.
    fn repeated() -> Vec<Said> {
        let mut all: Vec<Said> = (0..9)
            .map(|id| match id % 3 {
                0 => said(id, "kubelet/kind-worker", "kube-apiserver", "PUT leases/kind-worker"),
                _ => said(id, "kube-apiserver", "etcd", &format!("PUT leases/x rev {}", id / 3)),
            })
            .collect();
        all.push(said(9, "kubectl", "kube-apiserver", "GET pods"));
        all
    }

    #[test]
    fn who_speaks_stands_in_a_fixed_order_and_repetitions_are_one_arrow() {
        let diagram = diagram();
        let order =
            ["kubectl", "deployment-controller", "kube-apiserver", "etcd", "kubelet/kind-worker", "containerd/kind-worker"];
        assert_eq!(diagram.lifelines, order);
        assert_eq!(diagram.len(), 6);
        assert_eq!([4, 5, 6, 9].map(|id| diagram.arrow_of(id)), [Some(4), Some(4), Some(6), None]);
    }

    #[test]
    fn a_repeated_group_is_a_loop_that_can_be_unfolded() {
        let folded = Diagram::new(repeated(), Some(&[]));
        assert_eq!(folded.len(), 3);
        let [(one, [left, top, wide, high])] = folded.frames(600.0)[..] else { panic!("one loop: {folded:?}") };
        assert_eq!((one.times, one.open, one.ids.len()), (3, false, 9));
        // Every message has its arrow, and the arrow of the last round is that of the first.
        assert_eq!([0, 3, 6, 1, 8, 9].map(|id| folded.arrow_of(id)), [0, 0, 0, 1, 1, 9].map(Some));
        let svg = folded.svg(600.0, Some(7), Some(Theme::Light));
        assert!(svg.contains(">×3</text>") && svg.contains("… ×2</text>"), "{svg}");
        assert!(svg.matches("class=\"loop\"").count() == 1 && svg.matches("class=\"said now\"").count() == 1, "{svg}");
        // The frame goes around the three lifelines that speak in it and both of its arrows, and not around the one below.
        let places = folded.places(600.0);
        assert!(left > places[1].0 && left + wide < places[3].0 + places[3].1 && folded.lifelines[0] == "kubectl");
        assert!(top > -PITCH && top + high < PITCH * 3.5, "{top} {high}");
        let text = folded.mermaid();
        let wanted = "    loop 3 times\n        p3->>p1: PUT leases/kind-worker\n        p1->>p2: PUT leases/x rev … ×2\n    end\n    p0->>p1: GET pods\n";
        assert!(text.ends_with(wanted), "{text}");
        // By any of its messages, also when the first ones have left the window.
        let unfolded = Diagram::new(repeated().split_off(3), Some(&[0, 4]));
        assert_eq!(unfolded.len(), 5);
        assert!(unfolded.frames(600.0)[0].0.open && !unfolded.mermaid().contains("loop"), "{unfolded:?}");
        let all = Diagram::new(repeated(), None);
        assert!(all.len() == 10 && all.frames(600.0).is_empty() && !all.svg(600.0, None, None).contains('×'));
    }

    #[test]
    fn messages_that_differ_in_a_number_are_a_group_of_one() {
        let events =
            |count: u32| (0..count).map(|id| said(id, "etcd", "kube-apiserver", &format!("EVENT rev {}", 353 + id))).collect();
        for count in [3, 4, 9] {
            let folded = Diagram::new(events(count), Some(&[]));
            assert_eq!((folded.len(), folded.frames(600.0)[0].0.times), (1, count as usize));
            assert!(folded.svg(600.0, None, None).contains("EVENT rev …"));
            let unfolded = Diagram::new(events(count), Some(&[1]));
            assert!(unfolded.len() == count as usize && unfolded.frames(600.0)[0].0.open);
        }
        // The name of a group has a row of its own: two are as many rows without one.
        let two = Diagram::new(events(2), Some(&[]));
        assert!(two.len() == 2 && two.frames(600.0).is_empty());
    }

    #[test]
    fn what_is_still_to_come_is_no_repetition_of_what_was() {
        let mut all = repeated();
        all[6..].iter_mut().for_each(|said| said.later = true);
        let diagram = Diagram::new(all, Some(&[]));
        assert_eq!(diagram.frames(600.0).iter().map(|(one, _)| one.times).collect::<Vec<_>>(), [2]);
        assert_eq!(diagram.len(), 5);
    }

    #[test]
    fn names_and_labels_are_text_and_stay_within_the_picture() {
        let svg = diagram().svg(600.0, Some(5), Some(Theme::Dark));
        assert!(svg.contains("POST pods; # &lt;web&gt; &amp; &quot;more&quot;") && !svg.contains("<web>"), "{svg}");
        assert!(svg.contains("again ×2") && svg.matches("class=\"said now\"").count() == 1 && !svg.contains("var("), "{svg}");
        let width: f64 = svg.split("width=\"").nth(1).and_then(|text| text.split('"').next()?.parse().ok()).expect("a width");
        for text in svg.split("<text ").skip(1).filter(|text| text.contains("text-anchor=\"middle\"")) {
            let of = |name: &str| text.split(&format!("{name}=\"")).nth(1).and_then(|text| text.split('"').next());
            let (x, size): (f64, f64) = (of("x").unwrap().parse().unwrap(), of("font-size").unwrap().parse().unwrap());
            let words = text.split('>').nth(1).and_then(|text| text.split('<').next()).unwrap();
            let half = text_width(
                &words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&quot;", "\""),
                size,
                false,
            ) / 2.0;
            assert!(x - half >= -2.0 && x + half <= width + 2.0, "{words} at {x} of {width}");
        }
    }

    #[test]
    fn mermaid_gets_no_signs_of_its_own() {
        let text = diagram().mermaid();
        assert!(text.starts_with("sequenceDiagram\n    participant p0 as kubectl\n"), "{text}");
        assert!(text.contains("p0->>p2: POST pods, no.  <web> & \"more\"\n") && text.contains("p2->>p5: again ×2\n"), "{text}");
    }
}
