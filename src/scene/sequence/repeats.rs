//! Repetitions in a sequence of messages: the same one again and again is one arrow, and groups (A B A B …) are drawn once, as a loop. In groups
//! numbers and generated names may differ each time: a revision is never the same again.

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
    /// What it says without what is never the same again.
    gist: String,
}

impl Arrow {
    fn of(said: Said) -> Self {
        Self { count: 1, ids: vec![said.id], gist: gist(&said.label), said }
    }

    /// Whether it says as often the same as another one, but for numbers and generated names.
    fn is_like(&self, other: &Self) -> bool {
        self.count == other.count && self.gist == other.gist && same_way(&self.said, &other.said)
    }
}

/// Whether they go the same way and are marked alike.
fn same_way(a: &Said, b: &Said) -> bool {
    (&a.from, &a.to, a.kind, a.later, a.linked) == (&b.from, &b.to, b.kind, b.later, b.linked)
}

/// The letters of generated names (`k8s.io/apimachinery/pkg/util/rand`).
const GENERATED: &str = "bcdfghjklmnpqrstvwxz2456789";

/// A label without numbers and generated names: `PUT pods/web-7957885594-q2dbj` is `PUT pods/web-…`.
fn gist(label: &str) -> String {
    let mut gist = String::new();
    for word in label.split_inclusive([' ', '/', '-', '.']) {
        let name = word.trim_end_matches([' ', '/', '-', '.']);
        let generated = name.len() == 5 && name.chars().all(|letter| GENERATED.contains(letter));
        if !generated && !name.contains(|letter: char| letter.is_ascii_digit()) {
            gist += word;
            continue;
        }
        match gist.strip_suffix(['-', '.']).filter(|before| before.ends_with('…')) {
            Some(before) => gist.truncate(before.len()),
            None => gist.push('…'),
        }
        gist += &word[name.len()..];
    }
    gist
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
    /// When it begins, and when its last arrow does.
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
        let again = |before: &&mut Arrow| open.is_some() && before.said.label == said.label && same_way(&before.said, &said);
        match all.last_mut().filter(again) {
            Some(before) => {
                before.count += 1;
                before.ids.push(said.id);
            }
            None => all.push(Arrow::of(said)),
        }
    }
    let (mut arrows, mut loops) = (Vec::new(), Vec::new());
    let mut rest = &all[..];
    while let Some(first) = rest.first() {
        // The group that saves most; of several the shortest one. Its name has a row of its own: a single arrow is not saved.
        let saved = |(len, times): &(usize, usize)| times.saturating_sub(1) * len;
        let lengths = (1..=LONGEST).filter(|_| open.is_some());
        let found = lengths.map(|len| (len, repeats(rest, len))).filter(|found| saved(found) > 1);
        let Some((len, times)) = found.max_by_key(|found| (saved(found), Reverse(found.0))) else {
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
                let arrow = &mut arrows[of_loop + index % len];
                arrow.ids.extend(&again.ids);
                if arrow.said.label != again.said.label {
                    arrow.said.label.clone_from(&again.gist);
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_generated_names_are_left_out_of_a_gist() {
        let cases = [
            ("PUT events/web-7957885594-q2dbj.1887ca21e7229d90", "PUT events/web-…"),
            ("EVENT rev 353", "EVENT rev …"),
            ("GET pods/web-xkcdp/log", "GET pods/web-…/log"),
            ("PUT leases/kube-scheduler", "PUT leases/kube-scheduler"),
            ("✓ GetManifest", "✓ GetManifest"),
        ];
        for (label, wanted) in cases {
            assert_eq!(gist(label), wanted);
        }
    }
}
