//! What led to something and everything that followed from it: the chain back and the tree forward, kept while they are asked for.
//!
//! What follows from the answer to a question is the asker's next step: it stands beside the question, not below it. Answers and what the
//! filters hide are counted, but have no place of their own in the tree.

use std::rc::Rc;

use orrery_sim::core::{Cause, CommandId, Envelope, EnvelopeId, MachineId, Message, Time, Trace};
use orrery_sim::machine::MachineMessage;
use orrery_sim::runtime::Cri;

use super::inspect::explained_by;
use super::story::{Link, Row, why};
use super::visible::Show;
use super::{InspectorTab, State};
use crate::scene::{MessageKind, Selection};

/// As many branches of a message are listed; more of them when they are asked for.
pub const MOST_BRANCHES: usize = 20;
/// No more lines are listed at once.
pub const MOST_LINES: usize = 400;
/// Stands for what the tree grows from.
pub const TOP: EnvelopeId = EnvelopeId(u32::MAX);
/// As many lines are unfolded at the beginning.
const OPENED: usize = 24;
/// While time runs the tree is made anew at most this often, in milliseconds.
const ANEW_MS: f64 = 300.0;

/// A message of the tree; the first one stands for what the tree grows from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    id: EnvelopeId,
    parent: u32,
    children: Vec<u32>,
    /// Messages that stand for it and below it, answers and hidden ones included.
    weight: usize,
    open: bool,
}

/// What a tree was made for.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    selection: Selection,
    show: Show,
    generation: u32,
    sent: usize,
    end: Time,
}

/// What the causes that are kept were made for.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    asked: Asked,
    /// Where the playhead was.
    t: Time,
    /// When they were looked for, in milliseconds.
    made: f64,
    /// The message that the tree grows from.
    root: Option<Rc<Envelope>>,
    /// Whether somebody walks about in the tree: it stays, also when the object is written again.
    held: bool,
    /// Whether that has happened.
    newer: bool,
}

/// Causes and consequences of what is selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Causes {
    /// From the command, timer or start that began it to the message itself; empty for a command.
    pub chain: Vec<Link>,
    /// How many messages followed.
    pub count: usize,
    /// How many of them are requests to an api-server.
    pub requests: usize,
    /// The number of the first envelope that `places` tells of.
    first: usize,
    /// For each envelope the position of its message in the tree, plus one; 0 when it does not follow.
    places: Vec<u32>,
    nodes: Vec<Node>,
}

/// A line of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A message: how deep it is indented, whether it is unfolded and what is below it, where there are branches.
    Message(usize, Row, Option<(bool, usize)>),
    /// So many branches of a message, with so many messages, are not listed: the message ([`TOP`] where the tree begins), depth, branches, messages.
    More(EnvelopeId, usize, usize, usize),
}

/// The message that an answer answers.
pub(super) fn question(message: &Message) -> Option<EnvelopeId> {
    Some(match message {
        Message::Response(response) => response.to,
        Message::EtcdResponse(response) => response.to,
        Message::Cri(cri) => match &**cri {
            Cri::Reply { to, .. } => *to,
            _ => return None,
        },
        Message::Machine(message) => match &**message {
            MachineMessage::Reply { to, .. } => *to,
            _ => return None,
        },
        _ => return None,
    })
}

/// The message that made the sender of an envelope act.
pub(super) fn cause(envelope: &Envelope) -> Option<EnvelopeId> {
    match envelope.cause {
        Cause::Message(id) | Cause::Timer { since: Some(id), .. } => Some(id),
        _ => None,
    }
}

impl Causes {
    /// Of a selection as it is at `t`, with what followed until `end`. `None` when nothing has been written about it.
    pub fn new(
        trace: &Trace,
        selection: &Selection,
        (t, end): (Time, Time),
        show: &Show,
        names: &dyn Fn(MachineId) -> String,
    ) -> Option<Self> {
        let (command, message) = match selection {
            Selection::Command(id) => (Some(CommandId(*id)), None),
            other => (None, Some(explained_by(trace, other, t)?)),
        };
        let begins = |envelope: &Envelope| command.is_some_and(|id| envelope.cause == Cause::Command(id));
        let all = trace.envelopes();
        let first = match message {
            Some(id) => id.0 as usize,
            None => all.iter().position(|envelope| begins(envelope)).unwrap_or(all.len()),
        };
        let chain = message.map(|id| why(trace, id, names)).unwrap_or_default();
        let root = Node { id: TOP, parent: 0, children: Vec::new(), weight: 0, open: true };
        let mut causes = Self { chain, count: 0, requests: 0, first, places: Vec::new(), nodes: vec![root] };
        for envelope in all.get(first..).unwrap_or_default().iter().filter(|envelope| envelope.sent_at <= end) {
            causes.places.resize(envelope.id.0 as usize - first, 0);
            let place = if message == Some(envelope.id) { 1 } else { causes.place(envelope, begins(envelope), trace, show) };
            causes.places.push(place);
        }
        for index in (1..causes.nodes.len()).rev() {
            let (parent, weight) = (causes.nodes[index].parent as usize, causes.nodes[index].weight);
            causes.nodes[parent].weight += weight;
        }
        causes.unfold();
        Some(causes)
    }

    /// Finds a message its place in the tree, plus one; 0 when it does not follow.
    fn place(&mut self, envelope: &Envelope, begins: bool, trace: &Trace, show: &Show) -> u32 {
        let above = if begins { 1 } else { cause(envelope).map_or(0, |id| self.place_of(id)) };
        if above == 0 {
            return 0;
        }
        self.count += 1;
        let kind = MessageKind::of(envelope);
        self.requests += usize::from(kind == MessageKind::Request);
        // Whoever was answered goes on where the question was asked.
        if let Some(asked) = question(&envelope.message).map(|id| self.place_of(id)).filter(|asked| *asked > 0) {
            self.nodes[asked as usize - 1].weight += 1;
            return self.nodes[asked as usize - 1].parent + 1;
        }
        let above = above - 1;
        if kind.is_dot() || show.shown(envelope, trace).is_none() {
            self.nodes[above as usize].weight += 1;
            return above + 1;
        }
        let index = self.nodes.len() as u32;
        self.nodes.push(Node { id: envelope.id, parent: above, children: Vec::new(), weight: 1, open: false });
        self.nodes[above as usize].children.push(index);
        index + 1
    }

    fn place_of(&self, id: EnvelopeId) -> u32 {
        (id.0 as usize).checked_sub(self.first).and_then(|at| self.places.get(at)).copied().unwrap_or(0)
    }

    /// Unfolds from the top, as much as is seen at a glance.
    fn unfold(&mut self) {
        let (mut level, mut lines) = (vec![0_u32], 0);
        while !level.is_empty() {
            let mut next = Vec::new();
            for index in level {
                lines += self.nodes[index as usize].children.len().min(MOST_BRANCHES);
                if index > 0 && lines > OPENED {
                    return;
                }
                self.nodes[index as usize].open = true;
                for child in self.nodes[index as usize].children.clone().into_iter().take(MOST_BRANCHES) {
                    let end = *self.single_file(child).last().unwrap_or(&child);
                    if self.nodes[end as usize].children.len() > 1 {
                        next.push(end);
                    }
                }
            }
            level = next;
        }
    }

    /// A message and those after it, as long as each has one consequence only: they need no indentation.
    fn single_file(&self, index: u32) -> Vec<u32> {
        let mut file = vec![index];
        let mut at = index;
        while let [only] = self.nodes[at as usize].children[..] {
            file.push(only);
            at = only;
        }
        file
    }

    /// Whether a message led to what is asked about or followed from it.
    pub fn has(&self, id: EnvelopeId) -> bool {
        self.place_of(id) > 0 || self.chain.iter().any(|link| matches!(link, Link::Message(row) if row.id == id))
    }

    /// The messages that belong to it, in the order of their numbers.
    pub fn members(&self) -> impl Iterator<Item = EnvelopeId> {
        let before = self.chain.iter().filter_map(|link| if let Link::Message(row) = link { Some(row.id) } else { None });
        let first = self.first;
        let after =
            self.places.iter().enumerate().filter(|(_, place)| **place > 0).map(move |(at, _)| EnvelopeId((first + at) as u32));
        before.filter(move |id| (id.0 as usize) < first).chain(after)
    }

    /// The tree as lines, with those that `turned` names folded instead of unfolded or the other way round, and for each time that a message
    /// stands in `longer` more of its branches.
    pub fn lines(
        &self,
        trace: &Trace,
        turned: &[EnvelopeId],
        longer: &[EnvelopeId],
        names: &dyn Fn(MachineId) -> String,
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        // What is still to be listed, the next one last: position, depth, whether it stands for its further branches.
        let mut ahead = vec![(0_u32, 0_usize, None)];
        while let Some((index, depth, rest)) = ahead.pop() {
            if let Some(rest) = rest {
                let left = &self.nodes[index as usize].children[rest..];
                let messages = left.iter().map(|child| self.nodes[*child as usize].weight).sum();
                lines.push(Line::More(self.nodes[index as usize].id, depth, left.len(), messages));
                continue;
            }
            let node = &self.nodes[index as usize];
            let branches = node.children.len();
            let is_open = node.open != turned.contains(&node.id);
            let root = index == 0;
            let mut below = depth;
            if !root {
                let Some(envelope) = trace.get(node.id) else { continue };
                let fold = (branches > 1).then_some((is_open, node.weight - 1));
                lines.push(Line::Message(depth, Row::of(envelope, trace, names), fold));
                below += usize::from(branches > 1);
            }
            if !root && branches > 1 && !is_open {
                continue;
            }
            let more = longer.iter().filter(|have| **have == node.id).count();
            let most =
                (MOST_BRANCHES * (1 + more)).min((MOST_LINES * (1 + longer.len())).saturating_sub(lines.len() + ahead.len()));
            if branches > most {
                ahead.push((index, below, Some(most)));
            }
            ahead.extend(node.children.iter().take(most).rev().map(|child| (*child, below, None)));
        }
        lines
    }
}

impl State {
    /// Keeps causes and consequences of what is selected as long as they are asked for. The tree grows from the newest write that has been on
    /// show; one in which somebody walks about stays.
    pub(super) fn follow_causes(&mut self) {
        let wanted =
            self.selection.clone().filter(|_| self.inspector == InspectorTab::Why && self.panel_open && self.crowd.is_none());
        let Some(selection) = wanted else {
            (self.causes, self.causes_for) = (None, None);
            return;
        };
        let generation = self.visible.generation;
        let have = self.causes_for.take().filter(|have| have.asked.selection == selection);
        // Whoever waits for the next frame is looked after then.
        let waits = self.wants_frames();
        let soon = |made: f64| waits && self.last_frame.is_some_and(|now| now < made + ANEW_MS);
        if have.as_ref().is_some_and(|have| have.asked.generation == generation && soon(have.made)) {
            self.causes_for = have;
            return;
        }
        let t = self.player.time();
        let (show, sent, end) = (self.visible.show.clone(), self.session.trace().envelopes().len(), Time(self.extent().1 as u64));
        let asked = Asked { selection, show, generation, sent, end };
        if have.as_ref().is_some_and(|have| have.t == t && have.asked == asked) {
            self.causes_for = have;
            return;
        }
        let (root, newer) = self.root_of(&asked.selection, have.as_ref(), t);
        let held = have.as_ref().is_some_and(|have| have.held && root.is_some());
        let id = |root: &Option<Rc<Envelope>>| root.as_ref().map(|root| root.id);
        if have.is_none_or(|have| have.asked != asked || id(&have.root) != id(&root)) {
            let trace = self.session.trace();
            let names = |id| self.machine_name(id);
            let of = id(&root).map_or_else(|| asked.selection.clone(), |root| Selection::Message(root.0));
            let causes = Causes::new(trace, &of, (t, end), &asked.show, &names);
            if self.causes.as_deref() != causes.as_ref() {
                self.causes = causes.map(Rc::new);
            }
        }
        self.causes_for = Some(Kept { asked, t, made: self.last_frame.unwrap_or(0.0), root, held, newer });
    }

    /// The message that the tree of a selection grows from, if there is one, and whether a newer one waits to be asked for. One that has been
    /// on show stays while time is before the next.
    fn root_of(&self, selection: &Selection, have: Option<&Kept>, t: Time) -> (Option<Rc<Envelope>>, bool) {
        let trace = self.session.trace();
        if matches!(selection, Selection::Command(_)) {
            return (None, false);
        }
        let held = have.is_some_and(|have| have.held);
        let root = have.and_then(|have| have.root.clone());
        let root = root.filter(|root| trace.get(root.id).is_some_and(|now| Rc::ptr_eq(now, root)));
        let newest = explained_by(trace, selection, t).and_then(|id| trace.get(id)).cloned();
        let newer = newest.filter(|newest| root.as_ref().is_none_or(|root| newest.id > root.id));
        match (root, newer) {
            (Some(root), Some(_)) if held => (Some(root), true),
            (root, newer) => (newer.or(root), false),
        }
    }

    /// Somebody walks about in the tree.
    pub(super) fn hold_causes(&mut self) {
        if let Some(kept) = &mut self.causes_for {
            kept.held = true;
        }
    }

    /// Lets the tree grow from what is on show now.
    pub(super) fn renew_causes(&mut self) {
        self.causes_for = None;
    }

    /// Whether the object whose tree somebody walks about in has been written again.
    pub fn is_written_since(&self) -> bool {
        self.causes_for.as_ref().is_some_and(|kept| kept.newer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::AppAction;
    use crate::state::tests::{arrive, play, ready};

    /// A page on which a deployment has been made, and its command's number.
    fn deployed() -> (State, CommandId) {
        let mut state = ready();
        let line = "kubectl create deployment web --image=nginx --replicas=3";
        state.update(AppAction::Do(crate::state::jobs::Job::Run { line: line.into(), reply: 1 }));
        arrive(&mut state);
        state.update(AppAction::Do(crate::state::jobs::Job::Settle { limit: None, reply: 2 }));
        arrive(&mut state);
        let command = state.last_command().expect("a command was given").0 as u32;
        state.update(AppAction::Select(Some(Selection::Command(command))));
        state.update(AppAction::InspectorTab(InspectorTab::Why));
        (state, CommandId(command))
    }

    #[test]
    fn everything_that_followed_leads_back_to_its_command() {
        let (state, command) = deployed();
        let trace = state.session.trace();
        let causes = state.causes.as_ref().expect("they are asked for");
        let leads_back = |envelope: &Envelope| {
            let mut at = envelope;
            loop {
                match at.cause {
                    Cause::Command(id) => return id == command,
                    _ => match cause(at).and_then(|id| trace.get(id)) {
                        Some(before) => at = before,
                        None => return false,
                    },
                }
            }
        };
        let wanted: Vec<EnvelopeId> =
            trace.envelopes().iter().filter(|envelope| leads_back(envelope)).map(|envelope| envelope.id).collect();
        assert_eq!(causes.members().collect::<Vec<_>>(), wanted);
        assert_eq!(causes.count, wanted.len());
        assert!(causes.count > 100 && causes.requests > 20, "{} {}", causes.count, causes.requests);
        // Nothing is lost between the tree and the count, and what is not the command's does not belong to it.
        assert_eq!(causes.nodes[0].weight, causes.count);
        assert!(trace.envelopes().iter().all(|envelope| causes.has(envelope.id) == wanted.contains(&envelope.id)));
    }

    #[test]
    fn the_tree_is_bounded_and_says_what_is_left_out() {
        let (state, _) = deployed();
        let causes = state.causes.as_ref().expect("they are asked for");
        let trace = state.session.trace();
        let names = |id| state.machine_name(id);
        let lines = |turned: &[EnvelopeId], longer: &[EnvelopeId]| causes.lines(trace, turned, longer, &names);
        let first = lines(&[], &[]);
        assert!(matches!(&first[0], Line::Message(0, row, _) if row.from == "kubectl"), "{:?}", first[0]);
        assert!(first.len() > 5 && first.len() < 120, "{}", first.len());
        // Folding what is unfolded hides what is below it, and only that.
        let open =
            |line: &Line| if let Line::Message(depth, row, Some((true, _))) = line { Some((row.id, *depth)) } else { None };
        let (at, (id, depth)) =
            first.iter().enumerate().find_map(|(at, line)| Some((at, open(line)?))).expect("something is unfolded");
        let folded = lines(&[id], &[]);
        let is_below = |line: &Line| matches!(line, Line::Message(have, ..) | Line::More(_, have, ..) if *have > depth);
        let below = first[at + 1..].iter().take_while(|line| is_below(line)).count();
        assert!(below > 1);
        assert_eq!(folded.len(), first.len() - below);
        // A cluster's beginning is large: what is not listed is counted, and can be asked for.
        let all = Causes::new(trace, &Selection::Command(0), (Time(0), state.session.live_end()), &state.visible.show, &names)
            .expect("commands have consequences");
        let lines = all.lines(trace, &[], &[], &names);
        assert!(lines.len() <= MOST_LINES + 50, "{}", lines.len());
        let more = lines.iter().find_map(|line| {
            if let Line::More(id, _, branches, messages) = line { Some((*id, *branches, *messages)) } else { None }
        });
        let (id, branches, messages) = more.expect("not everything is listed");
        assert!(messages >= branches && branches > 0);
        let longer = all.lines(trace, &[], &[id], &names);
        assert!(longer.len() > lines.len());
    }

    #[test]
    fn a_tree_keeps_its_root_while_one_walks_about_in_it() {
        let (mut state, _) = deployed();
        state.update(AppAction::Select(Some(Selection::object(orrery_sim::api::resource::DEPLOYMENTS, "default", "web"))));
        state.update(AppAction::InspectorTab(InspectorTab::Why));
        let chain = |state: &State| state.causes.as_ref().expect("it has causes").chain.clone();
        let before = chain(&state);
        // To its first cause, when the deployment had not been written as it is now.
        let first = before.iter().find_map(|link| if let Link::Message(row) = link { Some(row.id) } else { None });
        state.update(AppAction::GoToMessage(first.expect("a message began it").0));
        arrive(&mut state);
        play(&mut state, 1.0);
        assert_eq!(chain(&state), before);
        // Another object, and this one again, as it is now.
        state.update(AppAction::Select(Some(Selection::Node("kind-worker".into()))));
        state.update(AppAction::Select(Some(Selection::object(orrery_sim::api::resource::DEPLOYMENTS, "default", "web"))));
        assert!(state.causes.as_ref().is_none_or(|causes| causes.chain != before));
    }

    #[test]
    fn the_tree_follows_the_newest_write_unless_somebody_walks_about_in_it() {
        let (mut state, _) = deployed();
        let web = Selection::object(orrery_sim::api::resource::DEPLOYMENTS, "default", "web");
        let writes = {
            let trace = state.session.trace();
            let mut found = vec![explained_by(trace, &web, state.player.time()).expect("it was written")];
            while let Some(before) = trace.get(found[0]).and_then(|first| explained_by(trace, &web, Time(first.sent_at.0 - 1))) {
                found.insert(0, before);
            }
            found
        };
        assert!(writes.len() > 2, "{writes:?}");
        let sent = |state: &State, id: EnvelopeId| state.session.trace().get(id).expect("it was sent").sent_at.0 as f64;
        let root = |state: &State| {
            let last = state.causes.as_ref().expect("it has causes").chain.last().cloned();
            last.and_then(|link| if let Link::Message(row) = link { Some(row.id) } else { None }).expect("a message")
        };
        let first = sent(&state, writes[0]);
        state.update(AppAction::Seek(first));
        arrive(&mut state);
        state.update(AppAction::Select(Some(web)));
        state.update(AppAction::InspectorTab(InspectorTab::Why));
        assert_eq!(root(&state), writes[0]);
        // As time plays, and not back before it.
        let play_to = |state: &mut State, t: f64| {
            state.update(AppAction::SetPace(crate::state::player::Pace::Real(1.0)));
            state.update(AppAction::Play);
            play(state, (t - state.player.t) / 1e6 + 0.05);
            state.update(AppAction::Pause);
        };
        let second = sent(&state, writes[1]);
        play_to(&mut state, second);
        let followed = root(&state);
        assert!(followed >= writes[1] && !state.is_written_since(), "{followed:?} of {writes:?}");
        state.update(AppAction::Seek(first));
        arrive(&mut state);
        assert_eq!(root(&state), followed);
        // Whoever has gone to a line of the tree keeps it, and is told of the newer write.
        state.update(AppAction::GoToMessage(followed.0));
        let last = sent(&state, *writes.last().expect("several"));
        play_to(&mut state, last);
        assert_eq!((root(&state), state.is_written_since()), (followed, true));
        state.update(AppAction::RenewCauses);
        assert_eq!((root(&state), state.is_written_since()), (writes[writes.len() - 1], false));
    }

    #[test]
    fn what_is_not_asked_for_is_not_kept() {
        let (mut state, _) = deployed();
        let first = state.causes.as_ref().and_then(|causes| causes.members().next()).expect("something followed");
        state.update(AppAction::GoToMessage(first.0));
        assert!(state.causes.is_some() && matches!(state.selection, Some(Selection::Command(_))));
        state.update(AppAction::InspectorTab(InspectorTab::Summary));
        play(&mut state, 0.1);
        assert!(state.causes.is_none());
    }
}
