//! A lesson's text for the editor: that of the lesson which is given, or one made of what the user did.

use std::fmt::Write as _;

use orrery_sim::lesson::BUILT_IN;
use orrery_sim::session::{Entry, Recording};
use orrery_sim::shell::parse::parse;

use super::{FIRST_COMMANDS, State};
use crate::scene::geometry::clip;

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

/// A lesson has no more steps than these, and the first one is without commands.
const MOST_STEPS: usize = 199;
/// A step waits no longer, in seconds.
const LONGEST_WAIT: u64 = 3_600;
/// A caption is no longer than this many characters.
const CAPTION: usize = 160;

/// The configuration that the session's cluster was created with, if it was written by the page (`cat > cluster.yaml <<END … kind create cluster`).
fn cluster_config(recording: &Recording) -> Option<&str> {
    let Some((_, Entry::Run(lines))) = recording.entries.first() else { return None };
    let (head, rest) = lines.split_once('\n')?;
    let mark = head.strip_prefix("cat > cluster.yaml <<")?.trim_matches('\'');
    let (config, _) = rest.split_once(&format!("\n{mark}\n"))?;
    (**lines != *FIRST_COMMANDS).then_some(config)
}

/// A step for each command line between two moments, in simulated microseconds. `until` is the end of the last step.
fn draft(recording: &Recording, from: u64, until: u64) -> String {
    let mut text = String::from("title: \"My lesson\"\n");
    if let Some(config) = cluster_config(recording) {
        text += "cluster: |\n";
        config.lines().for_each(|line| text += &format!("  {line}\n"));
    }
    text += "steps:\n- caption: \"What the audience sees first\"\n";
    let commands: Vec<(u64, &str)> = recording
        .entries
        .iter()
        .filter(|(at, _)| (from..=until).contains(at))
        .filter_map(|(at, entry)| if let Entry::Run(line) = entry { Some((*at, line.trim())) } else { None })
        // What the shell refused makes no step.
        .filter(|(_, line)| !line.is_empty() && parse(line).is_ok())
        .take(MOST_STEPS)
        .collect();
    for (index, (at, lines)) in commands.iter().enumerate() {
        let next = commands.get(index + 1).map_or(until, |(next, _)| *next);
        let first = lines.lines().next().unwrap_or_default();
        // JSON's quotes are YAML's, too; writing to a text cannot fail.
        let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
        let _ = write!(text, "- caption: {}\n  run:\n  - {}\n", quoted(&clip(first, CAPTION)), quoted(lines));
        if next.saturating_sub(*at) > MEANT_US {
            let _ = writeln!(text, "  wait: {}s", (next - at).div_ceil(1_000_000).min(LONGEST_WAIT));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use orrery_sim::kind::topology::Topology;
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
    fn the_shape_of_the_cluster_and_the_limits_of_a_lesson_are_kept() {
        let run = |at: u64, line: &str| (at, Entry::Run(Rc::from(line)));
        let mut entries = vec![run(0, &Topology::find("stacked-3").expect("known").lines().join("\n"))];
        entries.extend([run(20_000_000, "echo 'open"), run(21_000_000, &format!("\necho {}", "x".repeat(3_000)))]);
        entries.push(run(9_000_000_000, "true"));
        let text = draft(&Recording { seed: 1, entries, ..Recording::default() }, 10_000_000, 9_000_000_000);
        let lesson = Lesson::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(lesson.cluster.matches("role: control-plane").count(), 3);
        assert_eq!((lesson.steps.len(), lesson.steps[1].wait.map(|wait| wait.0)), (3, Some(3_600_000_000)));
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
