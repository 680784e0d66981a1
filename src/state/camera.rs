//! Where the camera is, where it is gliding to, and whom it follows.

use orrery_sim::value::Text;

use super::State;
use super::picture::Picture;
use crate::scene::geometry::{Point, Rect};
use crate::scene::{Camera, Selection};

/// How long a glide takes, in seconds.
const GLIDE_S: f64 = 0.45;

/// What the camera is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Shot {
    /// Larger by a factor, around a point of the view or its middle.
    Zoom(f64, Option<(f64, f64)>),
    /// The picture moves by so many pixels.
    Pan(f64, f64),
    /// The whole stage.
    Fit,
    /// To something.
    To(Selection),
    /// Follows something, or no longer.
    Follow(Option<Selection>),
}

/// The camera of the stage.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// What is seen now.
    pub camera: Camera,
    /// Who is followed: the camera keeps it in the middle wherever it goes.
    pub follows: Option<Selection>,
    /// From where, to where, how much of the time has passed.
    glide: Option<(Camera, Camera, f64)>,
}

impl View {
    /// Whether it is on its way.
    pub fn moves(&self) -> bool {
        self.glide.is_some()
    }

    /// What will be seen when it has arrived.
    pub fn goal(&self) -> Camera {
        self.glide.map_or(self.camera, |(_, goal, _)| goal)
    }

    /// Lets `dt` seconds pass.
    pub fn tick(&mut self, dt: f64) {
        let Some((from, goal, share)) = self.glide else { return };
        let share = share + dt / GLIDE_S;
        if share >= 1.0 {
            (self.camera, self.glide) = (goal, None);
        } else {
            // Slow at both ends.
            self.camera = from.towards(&goal, share * share * (3.0 - 2.0 * share));
            self.glide = Some((from, goal, share));
        }
    }

    fn go(&mut self, goal: Camera, at_once: bool) {
        if at_once || goal == self.camera {
            (self.camera, self.glide) = (goal, None);
        } else if self.glide.is_none_or(|(_, have, _)| have != goal) {
            self.glide = Some((self.camera, goal, 0.0));
        }
    }
}

/// Of a pod that is followed only its own messages are shown: its life.
pub(super) fn life_of(follows: Option<&Selection>) -> Option<Text> {
    match follows {
        Some(Selection::Pod(_, name)) => Some(Text::new(name)),
        _ => None,
    }
}

impl State {
    /// Moves the camera.
    pub(super) fn shoot(&mut self, shot: Shot) {
        self.turn(shot);
        let pod = life_of(self.view.follows.as_ref());
        if self.visible.show.pod != pod {
            self.show(super::visible::Show { pod, ..self.visible.show.clone() });
        }
    }

    fn turn(&mut self, shot: Shot) {
        let (size, most) = (self.picture.size, self.picture.closest());
        let at_once = self.player.reduced_motion;
        let camera = self.view.goal();
        match shot {
            Shot::Zoom(factor, at) => {
                // A wheel and two fingers move it directly; a button and a key make it glide.
                let by_hand = at.is_some();
                let at = at.map_or(Point::new(size.0 / 2.0, size.1 / 2.0), |(x, y)| Point::new(x, y));
                let from = if by_hand { self.view.camera } else { camera };
                self.view.go(from.zoomed(factor, at, size, most), by_hand || at_once);
                self.view.follows = None;
            }
            Shot::Pan(x, y) => {
                self.view.go(self.view.camera.panned(Point::new(x, y), size), true);
                self.view.follows = None;
            }
            Shot::Fit => {
                self.view.follows = None;
                self.view.go(Camera::FIT, at_once);
            }
            Shot::To(selection) => {
                if let Some(rect) = self.picture.surroundings_of(&selection, &self.view.camera) {
                    self.view.go(Camera::around(rect, size, most), at_once);
                }
            }
            Shot::Follow(selection) => {
                self.view.follows = selection;
                self.keep_up();
            }
        }
    }

    /// Sees what is seen from `camera`, or whom it is to follow.
    pub(super) fn see(&mut self, camera: Camera, follows: Option<Selection>) {
        self.view.follows = follows;
        self.view.go(camera, self.player.reduced_motion);
        self.keep_up();
    }

    /// Turns the camera towards whom it follows.
    pub(super) fn keep_up(&mut self) {
        let Some(selection) = &self.view.follows else { return };
        // When it is gone the camera waits where it was.
        if let Some(rect) = self.picture.surroundings_of(selection, &self.view.camera) {
            let goal = Camera::around(rect, self.picture.size, self.picture.closest());
            self.view.go(goal, self.player.reduced_motion);
        }
    }

    /// The stage has another size: what was in the middle stays there.
    pub(super) fn refit(&mut self, before: (f64, f64)) {
        let now = self.picture.size;
        let (x, y) = (now.0 / before.0, now.1 / before.1);
        let camera = self.view.camera;
        self.view.glide = None;
        self.view.camera = Camera { x: camera.x * x, y: camera.y * y, ..camera }.within(now);
        self.keep_up();
    }
}

/// The type is not shown larger than this, in pixels.
const LARGEST_TYPE: f64 = 54.0;

impl Picture {
    /// How large the camera shows things at most.
    pub fn closest(&self) -> f64 {
        let layout = &self.scene.layout;
        let Some(field) = &layout.field else { return (LARGEST_TYPE / layout.font).clamp(2.0, 12.0) };
        // Until a box fills the view.
        let smallest = field.plots.iter().map(|plot| plot.rect.w.min(plot.rect.h * 1.6)).fold(f64::MAX, f64::min);
        (self.size.0 * 0.7 / smallest.max(0.5)).clamp(2.0, 600.0)
    }

    /// Where something stands.
    pub fn place_of(&self, selection: &Selection, camera: &Camera) -> Option<Rect> {
        let in_field = self.scene.layout.field.as_ref().and_then(|field| field.place_of(selection, camera));
        in_field.or_else(|| self.scene.place_of(selection))
    }

    /// The node that stands at a point of the view, whatever else stands there, with its level of detail.
    pub fn node_at(&self, at: Point, camera: &Camera) -> Option<Selection> {
        let layout = &self.scene.layout;
        let place = layout.machines.iter().find(|machine| camera.rect_to_view(machine.rect).holds(at))?;
        let machine = self.model.machine(place.id)?;
        machine.node.as_ref().map(|_| Selection::Node(machine.name.clone()))
    }

    /// The same with the node around it.
    fn surroundings_of(&self, selection: &Selection, camera: &Camera) -> Option<Rect> {
        let place = self.place_of(selection, camera)?;
        let around = self.scene.layout.machines.iter().find(|machine| machine.rect.contains(&place));
        Some(around.map_or(place.inset(-place.w * 2.0), |machine| machine.rect))
    }
}
