//! *Predict*: time stops before a decision of the scheduler is revealed, the audience points at a node, and sees whether it was right.

use std::rc::Rc;

use super::player::{Pace, Step};
use super::{Asked, Effect, State};
use crate::scene::{Guess, Selection};

impl State {
    /// Stops at a decision that the playhead has just reached, coming from `before`.
    pub(super) fn ask(&mut self, before: f64) {
        if !self.predict || !matches!(self.player.pace, Pace::Messages | Pace::OneByOne) || self.player.t <= before {
            return;
        }
        let Some(decision) = self.visible.decided.question_between(before, self.player.t).map(Rc::clone) else { return };
        self.player.playing = false;
        self.player.jump(decision.began.0 as f64);
        self.asked = Some(Asked { decision, guess: Guess { waits: true, node: None } });
        self.effects.push(Effect::StateChanged);
    }

    /// Brings the decision over the stage to the playhead.
    pub(super) fn show_decision(&mut self) {
        let slow = matches!(self.player.pace, Pace::Messages | Pace::OneByOne) || !self.player.playing;
        let current = slow.then(|| self.visible.decided.at(self.player.t, self.session.trace())).flatten();
        let is_asked = |asked: &Asked| current.as_ref().is_some_and(|current| Rc::ptr_eq(&current.decision, &asked.decision));
        self.asked = self.asked.take().filter(is_asked);
        if let Some(asked) = &mut self.asked {
            // Whoever lets time run or steps on wants to see the answer.
            asked.guess.waits &= !self.player.moves() && self.player.t <= asked.decision.began.0 as f64 + 0.5;
        }
        let guess = self.asked.as_ref().map(|asked| &asked.guess);
        self.picture.decide(current.as_ref(), guess);
    }

    /// Takes the audience's guess and shows the decision up to its end.
    pub(super) fn guess(&mut self, node: &str) {
        let Some(asked) = self.asked.as_mut().filter(|asked| asked.guess.waits) else { return };
        if !asked.decision.names.iter().any(|name| name == node) {
            return;
        }
        asked.guess = Guess { waits: false, node: Some(node.to_string()) };
        let end = asked.decision.at.0 as f64;
        if self.player.reduced_motion {
            self.player.jump(end);
        } else {
            self.player.step = Some(Step::Glide(end, 1.0));
        }
        self.look();
    }

    /// The node with this number on the stage.
    pub(super) fn guess_number(&mut self, number: usize) {
        let Some(asked) = &self.asked else { return };
        let asked_about = |name: &str| asked.decision.names.iter().any(|have| have == name);
        let mut nodes = self.picture.model.machines.iter().filter(|machine| asked_about(&machine.name));
        if let Some(name) = number.checked_sub(1).and_then(|at| nodes.nth(at)).map(|machine| machine.name.clone()) {
            self.guess(&name);
        }
    }

    /// The node that a selection on the stage points at, while the audience is asked.
    pub(super) fn pointed_at(&self, selection: Option<&Selection>) -> Option<String> {
        self.asked.as_ref().filter(|asked| asked.guess.waits)?;
        match selection? {
            Selection::Node(name) | Selection::Part(name, _) => Some(name.clone()),
            Selection::Pod(..) | Selection::Message(_) | Selection::Command(_) | Selection::Object(..) => None,
        }
    }
}
