//! Taking back the last command.

use orrery_sim::core::{CommandId, Time};
use orrery_sim::session::Entry;

use super::{Notice, State};

impl State {
    /// The last command of the user before the playhead: its position in the recording, when it was given, its text. The commands by which the
    /// page made its cluster are not the user's.
    pub fn last_command(&self) -> Option<(usize, Time, &str)> {
        let t = self.player.time();
        let entries = if self.began { &self.session.recording().entries[..] } else { &[] };
        entries.iter().enumerate().rev().find_map(|(index, (at, entry))| match entry {
            Entry::Run(line) if *at <= t.0 && *at >= self.origin.0 && *at > 0 => Some((index, Time(*at), &**line)),
            _ => None,
        })
    }

    /// Takes back the last command that was given before the playhead, with all that came after it: the page is where it was just before it.
    /// What is taken back can be brought back.
    pub(super) fn undo(&mut self) {
        let last = self.last_command().map(|(index, at, line)| (index, at, line.to_string()));
        let Some((index, at, line)) = last.filter(|_| self.jobs.is_empty()) else {
            self.notice = Some(Notice::NothingToUndo);
            return;
        };
        let entries = &self.session.recording().entries;
        let commands = entries[index + 1..].iter().filter(|(_, entry)| matches!(entry, Entry::Run(_))).count();
        let notice = Notice::TakenBack(line, commands);
        // Who takes back one command after the other gets all of them back at once.
        let holds_all = |entries: &[_]| entries.starts_with(&self.session.recording().entries);
        if self.discarded.as_ref().is_some_and(|discarded| holds_all(&discarded.session.recording().entries)) {
            self.notice = Some(notice);
        } else {
            self.put_aside(notice);
        }
        self.session.take_back(CommandId(index as u32));
        self.terminal.waiting.clear();
        self.player.playing = false;
        self.player.jump(at.0 as f64);
        if let Some(given) = &mut self.lesson {
            given.forked(self.session.playhead());
        }
        self.refollow();
        self.look();
        self.effects.push(super::Effect::StateChanged);
    }
}

#[cfg(test)]
mod tests {
    use crate::state::tests::{play, pod_count, ready};
    use crate::state::{AppAction, Notice};

    #[test]
    fn the_last_command_is_taken_back_and_brought_back() {
        let mut state = ready();
        let before = (state.session.recording().clone(), pod_count(&state));
        state.update(AppAction::Undo);
        assert_eq!(state.notice, Some(Notice::NothingToUndo), "the page's own commands stay");
        for line in ["kubectl create deployment web --image=nginx", "echo more"] {
            state.update(AppAction::Enter(line.into()));
            play(&mut state, 60.0);
        }
        let after = (state.session.recording().clone(), pod_count(&state));
        assert_eq!(after.1, before.1 + 1);
        state.update(AppAction::Undo);
        assert_eq!(state.notice, Some(Notice::TakenBack("echo more".into(), 0)));
        assert_eq!(pod_count(&state), after.1);
        state.update(AppAction::Undo);
        assert!(matches!(&state.notice, Some(Notice::TakenBack(line, 0)) if line.starts_with("kubectl create")));
        assert_eq!((state.session.recording().clone(), pod_count(&state)), before);
        assert!(
            !state.screen.pieces.iter().any(|piece| format!("{piece:?}").contains("deployment")),
            "the terminal goes back, too"
        );
        // Both come back at once.
        state.update(AppAction::ReturnToDiscarded);
        assert_eq!((state.session.recording().clone(), pod_count(&state)), after);
    }

    #[test]
    fn in_the_past_the_commands_after_it_are_taken_back_as_well() {
        let mut state = ready();
        for line in ["echo one", "echo two", "echo three"] {
            state.update(AppAction::Enter(line.into()));
            play(&mut state, 2.0);
        }
        let entries = state.session.recording().entries.clone();
        state.update(AppAction::Seek(entries[entries.len() - 2].0 as f64 + 1.0));
        state.update(AppAction::Undo);
        assert_eq!(state.notice, Some(Notice::TakenBack("echo two".into(), 1)));
        assert_eq!(state.session.recording().entries, entries[..entries.len() - 2]);
    }
}
