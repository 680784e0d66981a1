//! How the page looks while a step of a lesson is shown (`show` in lessons), and how it looks again afterwards.

use orrery_sim::lesson::show::Show as Told;
use orrery_sim::value::Text;

use super::visible::{Show, Speaker};
use super::{DockTab, InspectorTab, State};
use crate::scene::{Camera, Colouring, Detail, Grouping, Look, MessageKind, Selection};

/// What a step may change about the page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Looks {
    detail: Option<Detail>,
    look: Look,
    show: Show,
    camera: Camera,
    follows: Option<Selection>,
    dock: (DockTab, bool),
    panel: (InspectorTab, bool),
}

/// Tabs of the dock in lessons; `None` is no dock.
pub(super) fn dock_tab(word: &str) -> Option<DockTab> {
    Some(match word {
        "terminal" => DockTab::Terminal,
        "messages" => DockTab::Messages,
        "sequence" => DockTab::Sequence,
        "events" => DockTab::Events,
        "charts" => DockTab::Charts,
        _ => return None,
    })
}

/// Tabs of the inspector in lessons; `None` is no panel.
pub(super) fn inspector_tab(word: &str) -> Option<InspectorTab> {
    Some(match word {
        "summary" => InspectorTab::Summary,
        "decision" => InspectorTab::Decision,
        "yaml" => InspectorTab::Yaml,
        "events" => InspectorTab::Events,
        "messages" => InspectorTab::Messages,
        "why" => InspectorTab::Why,
        _ => return None,
    })
}

impl Looks {
    fn of(state: &State) -> Self {
        Self {
            detail: state.detail,
            look: state.look,
            show: state.visible.show.clone(),
            camera: state.view.goal(),
            follows: state.view.follows.clone(),
            dock: (state.dock, state.dock_open),
            panel: (state.inspector, state.panel_open),
        }
    }

    /// Whoever is followed belongs to another cluster.
    pub(super) fn follow_nobody(&mut self) {
        (self.follows, self.show.pod) = (None, None);
    }

    /// With what a step asks for; `roomy` is whether dock and panel may open by themselves.
    fn told(mut self, told: &Told, roomy: bool) -> Self {
        let words = |words: &Option<Vec<&str>>, word: &str| words.as_ref().is_none_or(|words| words.contains(&word));
        self.detail = told.detail.and_then(Detail::parse).or(self.detail);
        self.look.grouping = told.view.and_then(Grouping::parse).unwrap_or(self.look.grouping);
        self.look.colouring = told.colours.and_then(Colouring::parse).unwrap_or(self.look.colouring);
        self.look.hide_system = told.system.map_or(self.look.hide_system, |shown| !shown);
        if told.messages.is_some() {
            self.show = MessageKind::ALL
                .into_iter()
                .fold(self.show, |show, kind| show.with_kind(kind, words(&told.messages, kind.class())));
        }
        if told.of.is_some() {
            self.show = Speaker::ALL
                .into_iter()
                .fold(self.show, |show, speaker| show.with_speaker(speaker, words(&told.of, speaker.key())));
        }
        if let Some(namespace) = &told.namespace {
            self.show.namespace = Some(Text::new(namespace));
        }
        if let Some(follows) = told.camera.as_deref().and_then(Selection::parse) {
            self.show.pod = super::camera::life_of(Some(&follows));
            self.follows = Some(follows);
        }
        if let Some(word) = told.dock {
            self.dock = dock_tab(word).map_or((self.dock.0, false), |tab| (tab, roomy || self.dock.1));
        }
        if let Some(word) = told.panel {
            self.panel = inspector_tab(word).map_or((self.panel.0, false), |tab| (tab, roomy || self.panel.1));
        }
        self
    }
}

impl State {
    /// Lets the page look as the step of the lesson asks for: what it says nothing about is as it was before the first step that said anything.
    pub(super) fn look_as_told(&mut self) {
        let step = self.lesson.as_ref().map(|given| given.current().clone());
        let mut looks = match step.as_ref().map(|step| &step.show).filter(|told| **told != Told::default()) {
            Some(told) => {
                let own = match self.own_looks.take() {
                    Some(own) => own,
                    None => Box::new(Looks::of(self)),
                };
                self.own_looks = Some(own.clone());
                own.told(told, self.roomy)
            }
            None => self.own_looks.take().map_or_else(|| Looks::of(self), |own| *own),
        };
        if let Some(step) = step {
            looks.show.background = step.heartbeats;
        }
        self.set_looks(looks);
    }

    fn set_looks(&mut self, looks: Looks) {
        (self.detail, self.look) = (looks.detail, looks.look);
        self.picture.set_stage(self.picture.size, looks.detail, looks.look, self.texts);
        if self.visible.show != looks.show {
            self.visible.restart(&self.session, looks.show);
        }
        (self.dock, self.dock_open) = looks.dock;
        self.large_terminal &= self.dock_open;
        (self.inspector, self.panel_open) = looks.panel;
        self.see(looks.camera, looks.follows);
    }
}
