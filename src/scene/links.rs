//! Links that are cut, slow or lossy: said in words at the machine whose `iptables` and `tc` do it, and a pair of scissors on the wire.

use orrery_sim::core::faults::Chain;
use orrery_sim::core::{Duration, MachineId};

use super::compose::{SMALLEST, label};
use super::geometry::{Point, Rect, fit, text_width};
use super::layout::Layout;
use super::marks::{Align, BoxLook, Group, Ink, Mark};
use super::model::{Links, ViewModel};
use super::wires::Wire;
use crate::i18n::Texts;

/// What is wrong with a machine's links, if it is one of the cluster's.
fn links_of(model: &ViewModel, machine: MachineId) -> Option<&Links> {
    let balancer = model.balancer.as_ref().filter(|balancer| balancer.id == machine).map(|balancer| &balancer.links);
    balancer.or_else(|| model.machine(machine).map(|view| &view.links))
}

/// Whether packets are dropped between two machines, in either direction, or one of them is off the network.
pub(super) fn is_cut(model: &ViewModel, one: MachineId, other: MachineId) -> bool {
    let drops = |at, other| links_of(model, at).is_some_and(|links| links.drop(other));
    let off = |at| {
        let balancer = model.balancer.as_ref().is_some_and(|balancer| balancer.id == at && balancer.cut);
        balancer || model.machine(at).is_some_and(|view| view.cut)
    };
    one != other && (drops(one, other) || drops(other, one) || off(one) || off(other))
}

/// `✂ → worker2`, `slow +100 ± 20 ms`, `loses 5 %`.
fn words(links: &Links, model: &ViewModel, texts: &Texts) -> Vec<String> {
    let name = |id: MachineId| {
        let balancer = model.balancer.as_ref().filter(|balancer| balancer.id == id).map(|_| "load balancer".to_string());
        let machine = || model.machine(id).map(|view| view.name.as_str());
        // Names of a cluster differ in their ends.
        let short = |name: &str| name.strip_prefix(model.cluster.as_str()).unwrap_or(name).trim_start_matches('-').to_string();
        if id == MachineId::REGISTRY {
            texts.registry.to_string()
        } else if id == MachineId::USER {
            texts.you.to_string()
        } else {
            balancer.or_else(|| machine().map(short)).unwrap_or_default()
        }
    };
    let mut words: Vec<String> = Vec::new();
    for (chain, other) in &links.drops {
        let both = links.drops.contains(&(Chain::Input, *other)) && links.drops.contains(&(Chain::Output, *other));
        match chain {
            Chain::Input if both => words.push(format!("✂ ↔ {}", name(*other))),
            Chain::Output if both => {}
            Chain::Input => words.push(format!("✂ ← {}", name(*other))),
            Chain::Output => words.push(format!("✂ → {}", name(*other))),
        }
    }
    if let Some(netem) = links.netem {
        let ms = |time: Duration| (time.0 as f64 / 1_000.0).to_string();
        if netem.delay > Duration::ZERO {
            let jitter = if netem.jitter > Duration::ZERO { format!(" ± {}", ms(netem.jitter)) } else { String::new() };
            words.push(format!("{} +{}{jitter} ms", texts.slow, ms(netem.delay)));
        }
        if netem.loss_ppm > 0 {
            words.push(format!("{} {} %", texts.lossy, f64::from(netem.loss_ppm) / 10_000.0));
        }
    }
    words
}

/// The middle of the longest stretch.
fn middle(points: &[Point]) -> Option<Point> {
    let length = |pair: &[Point]| (pair[0].x - pair[1].x).abs() + (pair[0].y - pair[1].y).abs();
    let longest = points.windows(2).max_by(|a, b| length(a).total_cmp(&length(b)))?;
    Some(Point::new(f64::midpoint(longest[0].x, longest[1].x), f64::midpoint(longest[0].y, longest[1].y)))
}

/// A text on a plate, its middle at `at`.
fn plate(at: Point, size: f64, text: String) -> [Mark; 2] {
    let (w, h) = (text_width(&text, size, true) + size, 1.5 * size);
    let rect = Rect::new(at.x - w / 2.0, at.y - h / 2.0, w, h);
    [Mark::Box { rect, radius: 0.4 * size, look: BoxLook::Plate }, label(at, Align::Middle, size, true, Ink::Bad, text)]
}

/// All that is wrong with links.
pub(super) fn groups(model: &ViewModel, layout: &Layout, wires: &[Wire], texts: &Texts) -> Vec<Group> {
    let mut groups = Vec::new();
    let size = (0.95 * layout.font).max(SMALLEST);
    // Little room is left where everything is small.
    let scissors = (1.4 * layout.font).max(SMALLEST);
    let mut marked: Vec<(MachineId, MachineId)> = Vec::new();
    for wire in wires.iter().filter(|wire| is_cut(model, wire.machine, wire.to)) {
        let pair = (wire.machine, wire.to);
        let Some(at) = middle(&wire.points).filter(|_| !marked.contains(&pair)) else { continue };
        marked.push(pair);
        // Members of etcd speak along the upper edge.
        let at = Point::new(at.x, at.y.max(0.75 * scissors + 1.0));
        let marks = plate(at, scissors, "✂".into()).to_vec();
        let key = format!("cut/{}-{}", pair.0.0, pair.1.0);
        groups.push(Group { key, selects: None, title: String::new(), marks, groups: Vec::new() });
    }
    let machines = model.machines.iter().map(|machine| (machine.id, &machine.links));
    let balancer = model.balancer.as_ref().map(|balancer| (balancer.id, &balancer.links));
    for (id, links) in machines.chain(balancer).filter(|(_, links)| **links != Links::default()) {
        let Some(place) = layout.machine(id) else { continue };
        let words = words(links, model, texts);
        if words.is_empty() {
            continue;
        }
        let text = fit(&words.join(" · "), place.rect.w - 1.5 * size, size, true);
        // Below the name of an api-server's bar.
        let lower = if place.bar.is_some() { 0.4 * size } else { 0.0 };
        let at = Point::new(place.rect.cx(), place.rect.bottom() + lower);
        let marks = plate(at, size, text).to_vec();
        let key = format!("links/{}", place.id.0);
        groups.push(Group { key, selects: None, title: words.join(", "), marks, groups: Vec::new() });
    }
    groups
}
