//! A lesson's text for the editor: that of the lesson which is given, or one made of what the user did.

use std::fmt::Write as _;

use orrery_sim::lesson::BUILT_IN;
use orrery_sim::session::{Entry, Recording};

use super::State;

/// A pause longer than this, in microseconds, was meant: the step waits as long.
const MEANT_US: u64 = 20_000_000;

impl State {
    /// What the editor begins with.
    pub fn lesson_draft(&self) -> String {
        let built_in = |id: &str| BUILT_IN.iter().find(|(have, _)| *have == id).map(|(_, text)| (*text).to_string());
        let given = self.lesson.as_ref().and_then(|given| given.text().map(str::to_string).or_else(|| built_in(&given.id)));
        given.unwrap_or_else(|| draft(self.session.recording(), self.origin.0, self.player.time().0))
    }
}

/// A step for each command line between two moments, in simulated microseconds. `until` is the end of the last step.
fn draft(recording: &Recording, from: u64, until: u64) -> String {
    let mut text = String::from("title: \"My lesson\"\nsteps:\n- caption: \"What the audience sees first\"\n");
    let commands: Vec<(u64, &str)> = recording
        .entries
        .iter()
        .filter(|(at, _)| (from..=until).contains(at))
        .filter_map(|(at, entry)| if let Entry::Run(line) = entry { Some((*at, &**line)) } else { None })
        .collect();
    for (index, (at, lines)) in commands.iter().enumerate() {
        let next = commands.get(index + 1).map_or(until, |(next, _)| *next);
        let first = lines.lines().next().unwrap_or_default();
        // JSON's quotes are YAML's, too; writing to a text cannot fail.
        let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
        let _ = write!(text, "- caption: {}\n  run:\n  - {}\n", quoted(first), quoted(lines));
        if next.saturating_sub(*at) > MEANT_US {
            let _ = writeln!(text, "  wait: {}s", (next - at).div_ceil(1_000_000));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use orrery_sim::lesson::Lesson;

    use super::super::tests::{arrive, start};
    use super::super::{AppAction, Start};
    use super::*;

    #[test]
    fn what_was_done_becomes_a_lesson_with_a_step_for_each_command() {
        let run = |at: u64, line: &str| (at, Entry::Run(Rc::from(line)));
        let entries = vec![
            run(0, "kind create cluster"),
            run(30_000_000, "cat <<EOF > a.yaml\nkind: Pod\n\"quoted\": yes\nEOF"),
            run(31_000_000, "docker stop kind-worker"),
            (32_000_000, Entry::Interrupt(1)),
            run(91_500_000, "kubectl get nodes"),
        ];
        let recording = Recording { seed: 1, entries, ..Recording::default() };
        let text = draft(&recording, 10_000_000, 92_000_000);
        let lesson = Lesson::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(lesson.steps.len(), 4);
        assert_eq!(lesson.steps[1].run, ["cat <<EOF > a.yaml\nkind: Pod\n\"quoted\": yes\nEOF"]);
        assert_eq!(lesson.steps[2].wait.map(|wait| wait.0), Some(61_000_000), "the pause was meant: {text}");
        assert_eq!((lesson.steps[1].wait, lesson.steps[3].wait), (None, None));
    }

    #[test]
    fn a_lesson_that_is_given_is_edited_as_it_was_written() {
        let mut state = State::new(&Start { lesson: Some(("nodes".into(), 0)), ..start() });
        arrive(&mut state);
        assert_eq!(state.lesson_draft(), BUILT_IN[0].1);
        let own = "title: Mine\nsteps:\n- caption: Hello # why not\n";
        state.update(AppAction::DropFile("mine.yaml".into(), own.into()));
        arrive(&mut state);
        assert_eq!(state.lesson_draft(), own);
    }
}
