//! Repetitions in a sequence of messages: the same one again and again is one arrow, and groups (A B A B …) are drawn once, as a loop.

use std::cmp::Reverse;

use super::Said;

/// Groups of more arrows than this are not looked for.
const LONGEST: usize = 12;

/// An arrow: one message, or all those that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrow {
    /// The first of them.
    pub said: Said,
    /// How often it is said in a row.
    pub count: usize,
    /// The numbers of all.
    pub ids: Vec<u32>,
}

impl Arrow {
    /// Whether it says the same as another one.
    fn is_like(&self, other: &Self) -> bool {
        self.count == other.count && alike(&self.said, &other.said)
    }
}

fn alike(a: &Said, b: &Said) -> bool {
    (&a.from, &a.to, &a.label, a.later, a.linked) == (&b.from, &b.to, &b.label, b.later, b.linked)
}

/// A group of arrows that is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// The number of its first message.
    pub id: u32,
    /// How often the group is said.
    pub times: usize,
    /// Whether every repetition is drawn.
    pub open: bool,
    /// When it begins, and when its last message was sent.
    pub span: (String, String),
    /// The numbers of its messages.
    pub ids: Vec<u32>,
    /// Its first arrow, and how many are drawn of it.
    pub(super) begin: usize,
    pub(super) len: usize,
}

/// The arrows of messages, and the loops among them. Loops with a message of `open` are drawn with every repetition; without `open` each message is an arrow.
pub(super) fn fold(messages: Vec<Said>, open: Option<&[u32]>) -> (Vec<Arrow>, Vec<Loop>) {
    let mut all: Vec<Arrow> = Vec::new();
    for said in messages {
        match all.last_mut().filter(|before| open.is_some() && alike(&before.said, &said)) {
            Some(before) => {
                before.count += 1;
                before.ids.push(said.id);
            }
            None => all.push(Arrow { count: 1, ids: vec![said.id], said }),
        }
    }
    let (mut arrows, mut loops) = (Vec::new(), Vec::new());
    let mut rest = &all[..];
    while let Some(first) = rest.first() {
        // The group that saves most; of several the shortest one.
        let lengths = if open.is_some() { 2..=LONGEST } else { 1..=0 };
        let found = lengths.map(|len| (len, repeats(rest, len))).filter(|(_, times)| *times > 1);
        let Some((len, times)) = found.max_by_key(|(len, times)| ((times - 1) * len, Reverse(*len))) else {
            arrows.push(first.clone());
            rest = &rest[1..];
            continue;
        };
        let (group, behind) = rest.split_at(len * times);
        let ids: Vec<u32> = group.iter().flat_map(|arrow| arrow.ids.iter().copied()).collect();
        let is_open = open.is_some_and(|open| ids.iter().any(|id| open.contains(id)));
        let span = (first.said.at.clone(), group[group.len() - 1].said.at.clone());
        let drawn = if is_open { group.len() } else { len };
        loops.push(Loop { id: first.said.id, times, open: is_open, span, ids, begin: arrows.len(), len: drawn });
        arrows.extend(group[..drawn].iter().cloned());
        if !is_open {
            let of_loop = arrows.len() - len;
            for (index, again) in group.iter().enumerate().skip(len) {
                arrows[of_loop + index % len].ids.extend(&again.ids);
            }
        }
        rest = behind;
    }
    (arrows, loops)
}

/// How often the first `len` arrows follow each other.
fn repeats(arrows: &[Arrow], len: usize) -> usize {
    let Some(group) = arrows.get(..len) else { return 0 };
    arrows.chunks_exact(len).take_while(|chunk| chunk.iter().zip(group).all(|(a, b)| a.is_like(b))).count()
}
