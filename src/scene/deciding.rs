//! A decision of the scheduler over the standing picture: nodes that a filter rejects grey out with the reason, the others show their
//! scores as stacked bars, the winner glows. With many nodes the boxes are tinted and the caption sums up.
//!
//! What is shown follows from the decision and how far the scheduler has come; there is nothing in it that the scheduler did not find.

use std::collections::BTreeMap;
use std::rc::Rc;

use orrery_sim::scheduler::decision::Decision;

use super::compose::SMALLEST;
use super::geometry::{Point, Rect, fit, text_width};
use super::layout::{Layout, MachineBox};
use super::marks::{Align, BoxLook, Group, Ink, Mark};
use super::model::ViewModel;
use crate::i18n::Texts;

/// How far the scheduler has come with a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It has taken the pod; nothing is known yet.
    Asked,
    /// Filters have rejected nodes.
    Filtered,
    /// The remaining nodes have scores.
    Scored,
    /// One has been chosen, or none.
    Chosen,
}

impl Phase {
    /// The phase after a share of the scheduling cycle: filters come first, then scores, then the choice.
    pub fn at(share: f64) -> Self {
        match share {
            share if share < 0.12 => Self::Asked,
            share if share < 0.42 => Self::Filtered,
            share if share < 0.75 => Self::Scored,
            _ => Self::Chosen,
        }
    }
}

/// What the audience has been asked and has said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guess {
    /// Whether time stands still for it.
    pub waits: bool,
    /// The node that was pointed at.
    pub node: Option<String>,
}

/// What there is to draw of a decision.
#[derive(Clone, Copy, Debug)]
pub struct Deciding<'a> {
    /// The decision.
    pub decision: &'a Decision,
    /// How far it has come.
    pub phase: Phase,
    /// The audience's guess, when it was asked.
    pub guess: Option<&'a Guess>,
}

/// What is known of a node in a phase.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict<'a> {
    Open,
    Rejected(&'a str, &'static str),
    Feasible(Option<usize>),
    Unseen,
}

/// The index of a plugin's colour: the same on the stage and in the inspector.
pub fn plugin_hue(plugin: &str) -> u8 {
    match plugin {
        "NodeResourcesFit" => 0,
        "NodeResourcesBalancedAllocation" => 1,
        "TaintToleration" => 2,
        "PodTopologySpread" => 3,
        "InterPodAffinity" => 4,
        "NodeAffinity" => 5,
        "ImageLocality" => 6,
        _ => 7,
    }
}

/// Of more nodes than this not every one is tinted.
const MOST_TINTED: usize = 600;

/// The marks over the standing picture.
pub fn overlay(deciding: Deciding<'_>, model: &ViewModel, layout: &Layout, texts: &Texts) -> Vec<Rc<Group>> {
    let Deciding { decision, phase, guess } = deciding;
    let verdicts = verdicts(decision, phase);
    let compact = layout.machines.iter().any(|place| !place.control_plane && !is_roomy(place, layout.font));
    let few = model.machines.len() <= MOST_TINTED;
    let mut groups = Vec::new();
    let asks = guess.is_some_and(|guess| guess.waits);
    let mut number = 0;
    let mut winner = None;
    for machine in &model.machines {
        let Some(place) = layout.machine(machine.id) else { continue };
        let Some(verdict) = verdicts.get(machine.name.as_str()) else { continue };
        number += 1;
        let mut marks = Vec::new();
        let guessed = guess.is_some_and(|guess| guess.node.as_deref() == Some(machine.name.as_str()));
        let chosen = phase == Phase::Chosen && is_goal(decision, &machine.name);
        if chosen && !place.control_plane {
            winner = Some(place.rect);
        }
        let node = Node { place, verdict: *verdict, chosen, guessed, decision, f: layout.font };
        if compact && !place.control_plane {
            // Of thousands, the caption counts them; the winner is seen.
            if few || chosen || guessed {
                node.tint(&mut marks);
            }
        } else {
            node.plate(phase, texts, &mut marks);
        }
        if asks && number <= 9 && !compact {
            node.number(number, &mut marks);
        }
        if !marks.is_empty() {
            groups.push(Rc::new(Group {
                key: format!("decide/{}/{}/{}", decision.pod, decision.attempt, machine.name),
                selects: None,
                title: String::new(),
                marks,
                groups: Vec::new(),
            }));
        }
    }
    groups.push(Rc::new(caption(deciding, layout, winner, texts, compact)));
    groups
}

/// The node that the pod goes to, or on which room is made for it.
fn is_goal(decision: &Decision, node: &str) -> bool {
    let preempted = decision.preemption.as_ref().and_then(|preemption| preemption.chosen.as_ref());
    decision.chosen().is_some_and(|name| name == node) || preempted.is_some_and(|candidate| candidate.node == node)
}

fn is_roomy(place: &MachineBox, f: f64) -> bool {
    place.rect.w >= 8.0 * f && place.rect.bottom() - place.title.bottom() >= 2.6 * f
}

fn verdicts(decision: &Decision, phase: Phase) -> BTreeMap<&str, Verdict<'_>> {
    if phase == Phase::Asked {
        return decision.names.iter().map(|name| (name.as_str(), Verdict::Open)).collect();
    }
    let others = match (&decision.pre_filter, &decision.excluded) {
        (Some((plugin, words)), _) => Verdict::Rejected(words, plugin),
        (None, Some((plugins, _, words))) => Verdict::Rejected(words, plugins.first().copied().unwrap_or_default()),
        (None, None) => Verdict::Unseen,
    };
    let mut verdicts: BTreeMap<&str, Verdict<'_>> = decision.names.iter().map(|name| (name.as_str(), others)).collect();
    for group in &decision.rejected {
        let words = group.reasons.as_slice().first().map_or("", |reason| reason.as_str());
        for name in decision.names_of(group) {
            verdicts.insert(name, Verdict::Rejected(words, group.plugin));
        }
    }
    for (at, name) in decision.feasible.iter().enumerate() {
        verdicts.insert(name, Verdict::Feasible((phase >= Phase::Scored).then_some(at)));
    }
    verdicts
}

/// A node to be drawn.
struct Node<'a> {
    place: &'a MachineBox,
    verdict: Verdict<'a>,
    chosen: bool,
    guessed: bool,
    decision: &'a Decision,
    f: f64,
}

fn label(at: Point, align: Align, size: f64, ink: Ink, text: impl Into<String>) -> Mark {
    Mark::Label { at, align, size, bold: true, ink, text: text.into() }
}

impl Node<'_> {
    /// Where the verdict is written: the lower part of a worker, the end of a control-plane node's first line.
    fn area(&self) -> Rect {
        let (place, f) = (self.place, self.f);
        if place.control_plane {
            let x = place.title.x + place.title.w * 0.5;
            return Rect::new(x, place.title.y + 0.12 * f, place.title.right() - x, place.title.h - 0.24 * f);
        }
        let top = place.gauges.last().map_or(place.title.bottom(), Rect::bottom);
        let height = place.rect.bottom() - 0.35 * f - top;
        // Where pods have little room, the gauges make way, too.
        let top = if height < 2.5 * f { (place.rect.bottom() - 2.9 * f).max(place.title.bottom()) } else { top };
        Rect::new(place.rect.x + 0.4 * f, top, place.rect.w - 0.8 * f, place.rect.bottom() - 0.35 * f - top)
    }

    /// Where a rejected node's reason is written: over the gauges, so that pods are still seen; where there are none, in the verdict's area.
    fn reason_area(&self, area: Rect) -> Rect {
        let gauges = &self.place.gauges;
        let (Some(first), Some(last)) = (gauges.first(), gauges.last()) else { return area };
        Rect { y: first.y, h: last.bottom() - first.y, ..area }
    }

    fn plate(&self, phase: Phase, texts: &Texts, marks: &mut Vec<Mark>) {
        let f = self.f;
        let area = self.area();
        match self.verdict {
            Verdict::Open | Verdict::Unseen => {}
            Verdict::Rejected(reason, plugin) => {
                if self.place.control_plane {
                    marks.push(Mark::Box { rect: area, radius: 0.4 * f, look: BoxLook::Plate });
                } else {
                    marks.push(Mark::Box { rect: self.place.rect, radius: 0.6 * f, look: BoxLook::Veil });
                }
                // While room is made there, the chosen one is not grey.
                if self.chosen {
                    self.glow(marks);
                }
                let area = self.reason_area(area);
                if !self.place.control_plane {
                    // Where they lie over cells, words have a ground of their own.
                    marks.push(Mark::Box { rect: area, radius: 0.4 * f, look: BoxLook::Plate });
                }
                let words = texts.reason(reason);
                let two = area.h > 2.6 * f;
                let size = fitting(&format!("✕ {words}"), area.w - 0.8 * f, if two { 1.15 * f } else { f });
                let y = if two { area.cy() - 0.6 * f } else { area.cy() };
                let words = fit(&format!("✕ {words}"), area.w - 0.6 * f, size, true);
                marks.push(label(Point::new(area.cx(), y), Align::Middle, size, Ink::Bad, words));
                if two {
                    let name = fit(plugin, area.w - 0.8 * f, 0.82 * f, false);
                    let at = Point::new(area.cx(), area.cy() + 0.75 * f);
                    marks.push(Mark::Label { at, align: Align::Middle, size: 0.82 * f, bold: false, ink: Ink::Main, text: name });
                }
            }
            Verdict::Feasible(scored) => {
                marks.push(Mark::Box { rect: self.place.rect.inset(-0.5), radius: 0.6 * f, look: BoxLook::Considered });
                if self.chosen {
                    self.glow(marks);
                }
                if let Some(at) = scored
                    && phase >= Phase::Scored
                {
                    self.scores(at, area, texts, marks);
                }
            }
        }
        if self.guessed {
            marks.push(Mark::Box { rect: self.place.rect.inset(-0.5 * f), radius: 0.9 * f, look: BoxLook::Guess });
        }
    }

    fn glow(&self, marks: &mut Vec<Mark>) {
        marks.push(Mark::Box { rect: self.place.rect.inset(-0.12 * self.f), radius: 0.7 * self.f, look: BoxLook::Winner });
    }

    /// The total and the stacked bar.
    fn scores(&self, at: usize, area: Rect, texts: &Texts, marks: &mut Vec<Mark>) {
        let f = self.f;
        let look = if self.chosen { BoxLook::PlateWon } else { BoxLook::Plate };
        marks.push(Mark::Box { rect: area, radius: 0.4 * f, look });
        let Some(total) = self.decision.totals.get(at) else {
            let words = fit(texts.only_one_left, area.w - 0.6 * f, f, true);
            marks.push(label(Point::new(area.cx(), area.cy()), Align::Middle, f, Ink::Good, words));
            return;
        };
        let best = self.decision.totals.iter().copied().max().unwrap_or(0).max(1) as f64;
        let flat = area.h < 2.4 * f;
        let number = total.to_string();
        let size = if flat { f } else { 1.35 * f };
        let number_width = text_width(&number, size, true) + 0.7 * f;
        let star = if self.chosen { "★ " } else { "" };
        let (bar, number_at) = if flat {
            let bar = Rect::new(area.x + 0.4 * f, area.cy() - 0.4 * f, area.w - number_width - 0.8 * f, 0.8 * f);
            (bar, Point::new(area.right() - 0.4 * f, area.cy()))
        } else {
            let height = (area.h - 2.1 * f).clamp(0.8 * f, 1.6 * f);
            let bar = Rect::new(area.x + 0.4 * f, area.bottom() - height - 0.35 * f, area.w - 0.8 * f, height);
            (bar, Point::new(area.right() - 0.4 * f, f64::midpoint(area.y, bar.y)))
        };
        marks.push(label(number_at, Align::End, size, Ink::Main, format!("{star}{number}")));
        let mut x = bar.x;
        for (plugin, score) in self.decision.weighted(at).filter(|(_, score)| *score > 0) {
            let width = bar.w * score as f64 / best;
            let rect = Rect::new(x, bar.y, (width - 1.0).max(0.5), bar.h);
            marks.push(Mark::Box { rect, radius: 0.0, look: BoxLook::Score(plugin_hue(plugin)) });
            let name = texts.plugin(plugin);
            let size = (0.72 * f).max(SMALLEST);
            if bar.h >= 0.95 * f && text_width(name, size, true) < width - 0.3 * f {
                marks.push(label(Point::new(rect.cx(), rect.cy()), Align::Middle, size, Ink::OnPod, name));
            }
            x += width;
        }
    }

    /// A box without room for words.
    fn tint(&self, marks: &mut Vec<Mark>) {
        let rect = self.place.rect;
        let look = match self.verdict {
            Verdict::Open | Verdict::Unseen => None,
            Verdict::Rejected(..) => Some(BoxLook::Veil),
            Verdict::Feasible(Some(at)) if !self.decision.totals.is_empty() => {
                let totals = &self.decision.totals;
                let (low, high) = (totals.iter().min().unwrap_or(&0), totals.iter().max().unwrap_or(&0));
                let share = if high > low { (totals[at] - low) as f64 / (high - low) as f64 } else { 1.0 };
                Some(BoxLook::Heat((share * 4.0).round() as u8))
            }
            Verdict::Feasible(_) => Some(BoxLook::Considered),
        };
        // Boxes that have names are round.
        let radius = if self.place.title.h > 0.0 { 0.7 * self.f } else { 2.0 };
        marks.extend(look.map(|look| Mark::Box { rect, radius, look }));
        if self.guessed {
            marks.push(Mark::Box { rect: rect.inset(-0.35 * self.f), radius: 0.4 * self.f, look: BoxLook::Guess });
        }
    }

    /// The number by which the node is chosen with a key.
    fn number(&self, number: usize, marks: &mut Vec<Mark>) {
        let (f, rect) = (self.f, self.place.rect);
        let size = 2.1 * f;
        let place = Rect::new(rect.right() - size - 0.4 * f, rect.bottom() - size - 0.4 * f, size, size);
        let place = if self.place.control_plane { Rect { y: self.place.title.cy() - size / 2.0, ..place } } else { place };
        marks.push(Mark::Box { rect: place, radius: size / 2.0, look: BoxLook::PlateWon });
        marks.push(label(Point::new(place.cx(), place.cy()), Align::Middle, 1.2 * f, Ink::Main, number.to_string()));
    }
}

/// The largest type up to `size` in which a text fits, but no smaller than three fifths of it.
fn fitting(text: &str, width: f64, size: f64) -> f64 {
    let needed = text_width(text, size, true);
    if needed <= width { size } else { (size * width / needed).max(size * 0.6) }
}

/// What is going on, in a sentence, and the colours' meaning.
fn caption(deciding: Deciding<'_>, layout: &Layout, winner: Option<Rect>, texts: &Texts, compact: bool) -> Group {
    // A stage of many nodes has small type; the sentence is for the last row all the same.
    let f = if compact { layout.font.max(layout.size.1 / 40.0).max(12.0) } else { layout.font };
    let frame = layout.frame.unwrap_or(Rect::new(0.0, 0.0, layout.size.0, layout.size.1));
    let bars = layout.machines.iter().chain(&layout.balancer).filter_map(|place| place.bar);
    let above = bars.map(|bar| bar.bottom()).fold(frame.y, f64::max);
    let below = layout.machines.iter().filter(|place| !place.control_plane).map(|place| place.rect.y).fold(f64::MAX, f64::min);
    let (sentence, second) = words(deciding, texts);
    let legend = match compact {
        // What is not tinted needs no explanation.
        true if deciding.decision.names.len() > MOST_TINTED => Vec::new(),
        true => heat_legend(deciding, texts),
        false => legend(deciding, texts),
    };
    let lines = 1.0 + f64::from(u8::from(second.is_some())) + f64::from(u8::from(!legend.is_empty()));
    let lane = if below < f64::MAX { (above, below) } else { (frame.bottom() - 5.0 * f, frame.bottom()) };
    let size = fitting(&sentence, frame.w - 3.0 * f, if compact { 1.25 * f } else { 1.3 * f });
    // On a slide the lane is a little low for it.
    let pitch = ((lane.1 - lane.0 - 0.6 * f) / lines).clamp(1.35 * f, 1.62 * f);
    let height = (0.4 * f + pitch * lines).max(2.0 * f);
    // Too high for the lane: it hangs down over the first row, where it hides least.
    let y = if lane.1 - lane.0 > height { f64::midpoint(lane.0, lane.1) - height / 2.0 } else { lane.0 + 0.15 * f };
    let wanted = text_width(&sentence, size, true).max(second.as_ref().map_or(0.0, |text| text_width(text, f, false)));
    let legend_size = (0.85 * f).max(SMALLEST);
    let legend_width: f64 = legend.iter().map(|(name, _)| text_width(name, legend_size, true) + 2.0 * f).sum();
    let width = (wanted.max(legend_width) + 2.0 * f).min(frame.w - f);
    let mut rect = Rect::new(frame.cx() - width / 2.0, y.min(layout.size.1 - height), width, height);
    let winner = winner.filter(|_| deciding.phase == Phase::Chosen);
    if compact && winner.is_some_and(|place| place.inset(-2.5 * f).overlaps(&rect)) {
        rect.y = layout.size.1 - height - 0.5 * f;
    }
    let mut marks = vec![Mark::Box { rect, radius: 0.6 * f, look: BoxLook::Caption }];
    if let Some(place) = winner.filter(|_| compact) {
        callout(deciding.decision, place, layout, f, &mut marks);
    }
    let mut line = rect.y + 0.2 * f + pitch / 2.0;
    marks.push(label(Point::new(rect.cx(), line), Align::Middle, size, Ink::Main, fit(&sentence, rect.w - f, size, true)));
    if let Some(second) = second {
        line += pitch;
        let size = fitting(&second, rect.w - f, f);
        let text = fit(&second, rect.w - f, size, true);
        marks.push(Mark::Label {
            at: Point::new(rect.cx(), line),
            align: Align::Middle,
            size,
            bold: false,
            ink: Ink::Main,
            text,
        });
    }
    if !legend.is_empty() {
        line += pitch;
        let squeeze = ((rect.w - f) / legend_width).min(1.0);
        let size = legend_size * squeeze;
        let mut x = rect.cx() - legend_width * squeeze / 2.0;
        for (name, look) in legend {
            let swatch = Rect::new(x, line - 0.45 * f, 0.9 * f * squeeze, 0.9 * f);
            marks.push(Mark::Box { rect: swatch, radius: 2.0, look });
            marks.push(label(Point::new(x + 1.2 * f * squeeze, line), Align::Start, size, Ink::Soft, name.clone()));
            x += (text_width(&name, legend_size, true) + 2.0 * f) * squeeze;
        }
    }
    Group { key: "decide/caption".into(), selects: None, title: String::new(), marks, groups: Vec::new() }
}

/// The plugins that tell nodes apart, or all that gave points, with their colours.
fn legend(deciding: Deciding<'_>, texts: &Texts) -> Vec<(String, BoxLook)> {
    if deciding.phase < Phase::Scored {
        return Vec::new();
    }
    let scores = deciding.decision.scores.iter().filter(|scores| scores.normalized.iter().any(|score| *score > 0));
    scores
        .map(|scores| (format!("{} ×{}", texts.plugin(scores.plugin), scores.weight), BoxLook::Score(plugin_hue(scores.plugin))))
        .collect()
}

/// What the tints of boxes without room for bars mean.
fn heat_legend(deciding: Deciding<'_>, texts: &Texts) -> Vec<(String, BoxLook)> {
    let decision = deciding.decision;
    let mut legend = Vec::new();
    match deciding.phase {
        Phase::Asked => return legend,
        Phase::Filtered => legend.push((texts.heat_possible.to_string(), BoxLook::Considered)),
        Phase::Scored | Phase::Chosen => {
            if let (Some(low), Some(high)) = (decision.totals.iter().min(), decision.totals.iter().max()) {
                if low < high {
                    legend.push((format!("{low} {}", texts.heat_points), BoxLook::Heat(0)));
                }
                legend.push((format!("{high} {}", texts.heat_points), BoxLook::Heat(4)));
            }
        }
    }
    legend.push((texts.heat_rejected.to_string(), BoxLook::Veil));
    let rejected: usize = decision.rejected.iter().map(|group| group.nodes.len()).sum();
    if decision.pre_filter.is_none() && decision.feasible.len() + rejected < decision.names.len() {
        legend.push((texts.not_looked_at.to_string(), BoxLook::Node));
    }
    legend
}

/// The name and the points of the winner, beside a box that is too small for them.
fn callout(decision: &Decision, place: Rect, layout: &Layout, f: f64, marks: &mut Vec<Mark>) {
    let best = decision.totals.iter().max().map(|total| format!(" · {total}")).unwrap_or_default();
    let preempted = decision.preemption.as_ref().and_then(|found| found.chosen.as_ref());
    let Some(name) = decision.chosen().or(preempted.map(|candidate| &candidate.node)) else { return };
    let text = format!("★ {name}{best}");
    let size = 1.15 * f;
    let (width, height) = (text_width(&text, size, true) + f, 1.9 * f);
    let above = place.y > layout.size.1 * 0.45;
    let y = if above { place.y - height - 0.6 * f } else { place.bottom() + 0.6 * f };
    let x = (place.cx() - width / 2.0).clamp(2.0, (layout.size.0 - width - 2.0).max(2.0));
    let rect = Rect::new(x, y, width, height);
    marks.push(Mark::Box { rect: place.inset(-0.45 * f), radius: 0.5 * f, look: BoxLook::Winner });
    marks.push(Mark::Box { rect, radius: 0.5 * f, look: BoxLook::Caption });
    marks.push(label(Point::new(rect.cx(), rect.cy()), Align::Middle, size, Ink::Main, text));
}

fn words(deciding: Deciding<'_>, texts: &Texts) -> (String, Option<String>) {
    let Deciding { decision, phase, guess } = deciding;
    let pod = decision.pod.strip_prefix("default/").unwrap_or(&decision.pod);
    let fill = |text: &str| text.replace("{pod}", pod).replace("{n}", &decision.names.len().to_string());
    if guess.is_some_and(|guess| guess.waits) {
        return (fill(texts.predict_question), Some(texts.predict_how.to_string()));
    }
    match phase {
        Phase::Asked => (fill(texts.decide_asked), None),
        Phase::Filtered => {
            let line = texts.decide_filtered.replace("{k}", &decision.feasible.len().to_string());
            (fill(&line), reasons(decision, texts))
        }
        Phase::Scored if decision.names.len() > 20 => {
            let text = if decision.feasible.is_empty() { texts.decide_none } else { texts.decide_scored };
            (fill(&text.replace("{k}", &decision.feasible.len().to_string())), reasons(decision, texts))
        }
        Phase::Scored => {
            let text = if decision.feasible.is_empty() { texts.decide_none } else { texts.decide_scored };
            (fill(&text.replace("{k}", &decision.feasible.len().to_string())), None)
        }
        Phase::Chosen => {
            let verdict = guess.and_then(|guess| guess.node.as_deref()).map(|node| verdict(decision, node, texts));
            let sentence = match (decision.chosen(), decision.preemption.as_ref().and_then(|found| found.chosen.as_ref())) {
                (Some(node), _) => {
                    let ties = decision.acceptable().len();
                    let text = if ties > 1 { texts.decide_tie } else { texts.decide_chosen };
                    text.replace("{node}", node).replace("{k}", &ties.to_string())
                }
                (None, Some(candidate)) => {
                    let victims: Vec<&str> = candidate.victims.iter().map(|victim| victim.name.as_str()).collect();
                    texts.decide_preempts.replace("{node}", &candidate.node).replace("{victims}", &victims.join(", "))
                }
                (None, None) => texts.decide_none.to_string(),
            };
            let sums_up = decision.chosen().is_none() || decision.names.len() > 20;
            let second = verdict.or_else(|| if sums_up { reasons(decision, texts) } else { None });
            (fill(&sentence), second)
        }
    }
}

/// How many nodes were rejected for which reason, the most frequent first.
fn reasons(decision: &Decision, texts: &Texts) -> Option<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for group in &decision.rejected {
        for reason in group.reasons.as_slice() {
            *counts.entry(texts.reason(reason)).or_default() += group.nodes.len();
        }
    }
    if let Some((_, others, reason)) = decision.excluded.as_ref().filter(|(_, others, _)| *others > 0) {
        *counts.entry(texts.reason(reason)).or_default() += others;
    }
    if let Some((_, reason)) = &decision.pre_filter {
        return Some(reason.clone());
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let parts: Vec<String> = counts.into_iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
    (!parts.is_empty()).then(|| format!("✕ {}", parts.join(" · ")))
}

/// Whether a guess was right, and why.
pub fn verdict(decision: &Decision, node: &str, texts: &Texts) -> String {
    let at = |name: &str| decision.feasible.iter().position(|have| have == name);
    let total = |name: &str| at(name).and_then(|at| decision.totals.get(at).copied());
    if is_goal(decision, node) {
        return texts.guess_right.replace("{node}", node);
    }
    if let Some(group) = decision.rejection(node) {
        let reason = group.reasons.as_slice().first().map_or(String::new(), |reason| texts.reason(reason));
        return texts.guess_rejected.replace("{node}", node).replace("{reason}", &reason).replace("{plugin}", group.plugin);
    }
    let Some(chosen) = decision.chosen() else { return texts.guess_none.replace("{node}", node) };
    let (Some(own), Some(best)) = (total(node), total(chosen)) else { return texts.guess_none.replace("{node}", node) };
    if own == best {
        return texts.guess_tie.replace("{node}", node).replace("{total}", &own.to_string());
    }
    let mut differences: Vec<(&str, i64)> = match (at(node), at(chosen)) {
        (Some(own), Some(best)) => decision
            .weighted(own)
            .zip(decision.weighted(best))
            .map(|((plugin, a), (_, b))| (texts.plugin(plugin), a - b))
            .collect(),
        _ => Vec::new(),
    };
    differences.retain(|(_, difference)| *difference != 0);
    differences.sort_by_key(|(_, difference)| *difference);
    let parts: Vec<String> = differences.iter().map(|(name, difference)| format!("{name} {difference:+}")).collect();
    let text = texts.guess_wrong.replace("{node}", node).replace("{total}", &own.to_string());
    text.replace("{best}", &best.to_string()).replace("{why}", &parts.join(", "))
}

#[cfg(test)]
pub(super) mod tests;
