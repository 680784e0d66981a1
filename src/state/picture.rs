//! What the stage shows: the view of the cluster at the playhead, its scene, and the flights around the playhead.
//! Everything here is a cache; it follows from session, playhead, settings and size.

use std::rc::Rc;

use orrery_sim::core::{Cluster, Trace};
use orrery_sim::etcd::Store;

use super::decided::Current;
use super::visible::Visible;
use crate::i18n::Texts;
use crate::scene::deciding::overlay;
use crate::scene::{Camera, Deciding, Detail, Flights, Follower, Group, Guess, Layout, Look, Phase, Scene, ViewModel};

/// As many messages are prepared at once.
const CHUNK: usize = 1_500;
/// Messages before a chunk that may still be on their way in it, and compete for room with its own.
const OVERLAP: usize = 300;

/// The caches of the stage.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Width and height of the stage in pixels.
    pub size: (f64, f64),
    /// What stands.
    pub model: Rc<ViewModel>,
    /// The standing picture.
    pub scene: Rc<Scene>,
    /// What moves around the playhead.
    pub flights: Rc<Flights>,
    /// What lies over it while the scheduler decides.
    pub overlay: Rc<Vec<Rc<Group>>>,
    follower: Follower,
    /// Whether all of the cluster has been read.
    complete: bool,
    overlay_for: Option<Overlaid>,
    detail: Option<Detail>,
    look: Look,
    steps: Option<(u64, u64)>,
    prepared: Option<Prepared>,
    texts: &'static Texts,
}

/// What the overlay was made for.
#[derive(Clone, Debug)]
struct Overlaid {
    decision: Rc<orrery_sim::scheduler::decision::Decision>,
    phase: Phase,
    guess: Option<Guess>,
    scene: Rc<Scene>,
    texts: &'static Texts,
}

/// What the flights were prepared for.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Prepared {
    generation: u32,
    first: usize,
    last: usize,
    layout: u32,
}

impl Picture {
    /// An empty stage.
    pub fn new(size: (f64, f64), texts: &'static Texts) -> Self {
        let model = ViewModel::default();
        let scene = Scene::new(&model, Layout::new(&model, size.0, size.1, None, Look::default()), texts);
        Self {
            size,
            model: Rc::new(model),
            scene: Rc::new(scene),
            flights: Rc::default(),
            overlay: Rc::default(),
            follower: Follower::default(),
            complete: true,
            overlay_for: None,
            detail: None,
            look: Look::default(),
            steps: None,
            prepared: None,
            texts,
        }
    }

    /// Sets size, level of detail, order and language, and draws anew.
    pub fn set_stage(&mut self, size: (f64, f64), detail: Option<Detail>, look: Look, texts: &'static Texts) {
        if (size, detail, look) != (self.size, self.detail, self.look) || !std::ptr::eq(texts, self.texts) {
            (self.size, self.detail, self.look, self.texts) = (size, detail, look, texts);
            self.steps = None;
            self.rebuild();
        }
    }

    /// Draws what stands anew if the cluster, or what etcd holds, has changed since; says whether the picture is another one. Of pods that
    /// have changed at most `budget` are read: the others are shown a moment later.
    pub fn refresh(&mut self, cluster: &Cluster, store: Option<&Store>, budget: usize) -> bool {
        let steps = (cluster.steps(), store.map_or(0, Store::revision));
        if self.steps == Some(steps) {
            return false;
        }
        let (model, complete) = self.follower.look(&self.model, cluster, store, budget);
        self.complete = complete;
        self.steps = complete.then_some(steps);
        if model.is_same(&self.model) {
            return false;
        }
        self.model = Rc::new(model);
        self.rebuild()
    }

    /// Shows messages that no trace has.
    pub fn show(&mut self, flights: Rc<Flights>) {
        self.flights = flights;
    }

    /// The next [`Picture::refresh`] and [`Picture::prepare`] begin anew.
    pub fn look_anew(&mut self) {
        (self.steps, self.prepared) = (None, None);
        self.flights = Rc::default();
    }

    /// Whether everything that stands is on the picture: a large cluster is read piece by piece.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// What an exported picture has over the scene: the field, and a decision.
    pub fn over(&self) -> Vec<Rc<Group>> {
        let field = self.scene.layout.field.as_ref();
        let field = field.map(|field| Rc::new(field.group(&self.model, &Camera::FIT, self.size, self.texts)));
        field.into_iter().chain(self.overlay.iter().map(Rc::clone)).collect()
    }

    fn rebuild(&mut self) -> bool {
        let users;
        let model = if self.look.hide_system {
            users = self.model.without_system();
            &users
        } else {
            &*self.model
        };
        let layout = Layout::new(model, self.size.0, self.size.1, self.detail, self.look);
        let scene = Scene::new(model, layout, self.texts);
        if scene == *self.scene {
            return false;
        }
        if !scene.layout.stands_as(&self.scene.layout) {
            self.prepared = None;
        }
        // Groups that stay as they were keep their identity, so that painters see at once that there is nothing to do.
        let mut scene = scene;
        for group in &mut scene.groups {
            if let Some(before) = self.scene.groups.iter().find(|before| before.key == group.key && **before == *group) {
                *group = Rc::clone(before);
            }
        }
        self.scene = Rc::new(scene);
        true
    }

    /// Prepares the flights around `t`; says whether they are others than before.
    pub fn prepare(&mut self, trace: &Trace, visible: &Visible, t: f64) -> bool {
        let wanted = visible.lens.burst_at(t).map(|burst| {
            let spans = &visible.lens.spans()[burst.first..burst.last];
            let now = spans.partition_point(|span| span.sent as f64 <= t);
            let chunk = now.saturating_sub(1) / CHUNK * CHUNK;
            let first = burst.first + chunk.saturating_sub(OVERLAP);
            let last = burst.last.min(burst.first + chunk + CHUNK);
            Prepared { generation: visible.generation, first, last, layout: 0 }
        });
        if wanted == self.prepared {
            return false;
        }
        self.prepared = wanted;
        let range = wanted.map_or(0..0, |wanted| wanted.first..wanted.last);
        let envelopes = visible.ids[range].iter().filter_map(|id| trace.get((*id)?));
        self.flights = Rc::new(Flights::new(envelopes, trace, &self.scene.layout));
        true
    }

    /// The pod over which the scheduler ponders on the picture, and how far it has come.
    pub fn deciding(&self) -> Option<(&str, Phase)> {
        self.overlay_for.as_ref().map(|overlaid| (overlaid.decision.pod.as_str(), overlaid.phase))
    }

    /// Lays a decision over the picture, or takes it away.
    pub fn decide(&mut self, current: Option<&Current>, guess: Option<&Guess>) {
        let Some(current) = current else {
            if self.overlay_for.take().is_some() {
                self.overlay = Rc::default();
            }
            return;
        };
        let phase = if guess.is_some_and(|guess| guess.waits) { Phase::Asked } else { Phase::at(current.share) };
        let same = self.overlay_for.as_ref().is_some_and(|have| {
            Rc::ptr_eq(&have.decision, &current.decision)
                && have.phase == phase
                && have.guess.as_ref() == guess
                && Rc::ptr_eq(&have.scene, &self.scene)
                && std::ptr::eq(have.texts, self.texts)
        });
        if same {
            return;
        }
        let deciding = Deciding { decision: &current.decision, phase, guess };
        self.overlay = Rc::new(overlay(deciding, &self.model, &self.scene.layout, self.texts));
        self.overlay_for = Some(Overlaid {
            decision: Rc::clone(&current.decision),
            phase,
            guess: guess.cloned(),
            scene: Rc::clone(&self.scene),
            texts: self.texts,
        });
    }

    /// The flights of the messages sent from `from` up to `to`, for paces at which they are too short to be seen.
    pub fn passing(&self, trace: &Trace, visible: &Visible, from: f64, to: f64, most: usize) -> Flights {
        let spans = visible.lens.spans();
        let first = spans.partition_point(|span| (span.sent as f64) < from);
        let last = spans.partition_point(|span| (span.sent as f64) <= to).max(first);
        let first = first.max(last.saturating_sub(most));
        Flights::new(visible.ids[first..last].iter().filter_map(|id| trace.get((*id)?)), trace, &self.scene.layout)
    }
}
