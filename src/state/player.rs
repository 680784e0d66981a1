//! The playhead: where it is, how it moves, and how far the simulation has to be ahead of it.

use orrery_sim::core::{EnvelopeId, Time};
use orrery_sim::session::Session;

use super::visible::Visible;
use crate::lens::SCENE_GAP_US;

/// How simulated time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// One message after the other, with a rest at each.
    OneByOne,
    /// By the time lens.
    Messages,
    /// Simulated seconds a second.
    Real(f64),
    /// As fast as it can be simulated, until quiet.
    Fast,
}

impl Pace {
    /// The paces that the page offers.
    pub const ALL: [Self; 9] = [
        Self::OneByOne,
        Self::Messages,
        Self::Real(0.1),
        Self::Real(1.0),
        Self::Real(2.0),
        Self::Real(10.0),
        Self::Real(30.0),
        Self::Real(100.0),
        Self::Fast,
    ];

    /// The name in URLs and menus' values: `step`, `messages`, `1`, `fast`.
    pub fn key(self) -> String {
        match self {
            Self::OneByOne => "step".into(),
            Self::Messages => "messages".into(),
            Self::Real(speed) => speed.to_string(),
            Self::Fast => "fast".into(),
        }
    }

    /// Reads [`Pace::key`]; speeds from 0.1 to 100.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "step" => Some(Self::OneByOne),
            "messages" => Some(Self::Messages),
            "fast" => Some(Self::Fast),
            speed => speed.parse().ok().filter(|speed| (0.1..=100.0).contains(speed)).map(Self::Real),
        }
    }
}

/// How far ahead of the playhead something visible is looked for.
const LOOK_AHEAD_US: u64 = 600_000_000;
/// With more messages than this ahead, what is known suffices.
const ENOUGH_AHEAD: usize = 20_000;
/// Handled between two looks at the clock.
pub const EVENTS_A_SLICE: usize = 128;
/// How fast a step glides, in seconds.
const GLIDE_S: f64 = 0.45;
/// How long the pace of single messages rests at each, in seconds.
const REST_S: f64 = 1.05;

/// How fast a step goes through a decision of the scheduler, in seconds of the lens a second.
const DECISION_SPEED: f64 = 2.0;

/// A step that has been asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// Looking for the next message; it may still have to be simulated.
    Forward,
    /// On the way to a moment, at so many audience seconds a second.
    Glide(f64, f64),
}

/// The playhead.
#[derive(Clone, Debug)]
pub struct Player {
    /// Simulated microseconds.
    pub t: f64,
    /// Whether time runs.
    pub playing: bool,
    /// How it runs.
    pub pace: Pace,
    /// Whether steps jump instead of gliding.
    pub reduced_motion: bool,
    /// Whether the last step found no message.
    pub missed: bool,
    /// The message that the last step went to: it is the one that is spoken of.
    pub on: Option<EnvelopeId>,
    /// How long the pace of single messages still rests, in seconds.
    pub(super) rest: f64,
    pub(super) step: Option<Step>,
}

impl Default for Player {
    fn default() -> Self {
        Self {
            t: 0.0,
            playing: false,
            pace: Pace::Messages,
            reduced_motion: false,
            missed: false,
            on: None,
            rest: 0.0,
            step: None,
        }
    }
}

impl Player {
    /// The moment as the simulation counts it.
    pub fn time(&self) -> Time {
        Time(self.t as u64)
    }

    /// Whether the picture changes by itself.
    pub fn moves(&self) -> bool {
        self.playing || self.step.is_some()
    }

    /// Goes to a moment and stays there unless time runs.
    pub fn jump(&mut self, t: f64) {
        self.t = t.max(0.0);
        self.step = None;
        self.on = None;
        self.rest = 0.0;
    }

    /// Stops time and goes to the next message.
    pub fn step_forward(&mut self) {
        self.playing = false;
        if let Some(Step::Glide(target, _)) = self.step {
            self.t = target;
        }
        self.step = Some(Step::Forward);
        self.missed = false;
    }

    /// Stops time and goes back to the message before.
    pub fn step_back(&mut self, visible: &Visible) {
        self.playing = false;
        self.step = None;
        if let Some((middle, id)) = visible.step_before(self.t, self.on) {
            self.t = middle;
            self.on = id;
        }
    }

    /// Whether more of the future is needed than has been simulated.
    pub fn needs_more(&self, session: &Session, visible: &Visible) -> bool {
        let live = session.live_end().0;
        let now = self.t as u64;
        if let (None, Pace::Real(speed)) = (self.step, self.pace) {
            return live < now + (speed * 1.5e6) as u64;
        }
        if live > now + LOOK_AHEAD_US {
            return false;
        }
        let spans = visible.lens.spans();
        let next = spans.partition_point(|span| span.sent <= now);
        if next >= spans.len() {
            // Nothing visible lies ahead yet.
            return self.moves() || live < now + 1_000_000;
        }
        if spans.len() - next > ENOUGH_AHEAD {
            return false;
        }
        // The scene that begins ahead should be whole, for its pace depends on all of it.
        let bursts = visible.lens.bursts();
        let first = bursts.partition_point(|burst| burst.to <= now);
        let mut end = bursts.get(first).map_or(now, |burst| burst.to);
        for burst in bursts.iter().skip(first + 1) {
            if burst.from > end + SCENE_GAP_US {
                return false;
            }
            end = burst.to;
        }
        live <= end + SCENE_GAP_US
    }

    /// Lets `dt` seconds of the audience's time pass.
    pub fn tick(&mut self, dt: f64, session: &Session, visible: &Visible) {
        let live = session.live_end().0 as f64;
        match self.step {
            Some(Step::Forward) => match visible.step_after(self.t, self.on) {
                Some((target, id)) if self.reduced_motion => self.arrive(target, id),
                Some((target, id)) => {
                    self.on = id;
                    let far = visible.lens.audience(target) - visible.lens.audience(self.t);
                    // A decision is followed phase by phase.
                    let speed = if id.is_none() { DECISION_SPEED } else { (far / GLIDE_S).max(0.5) };
                    self.step = Some(Step::Glide(target, speed));
                }
                None if live >= self.t + LOOK_AHEAD_US as f64 => {
                    self.step = None;
                    self.missed = !self.playing;
                    self.rest = REST_S;
                }
                None => {}
            },
            Some(Step::Glide(target, speed)) => {
                let t = visible.lens.simulated(visible.lens.audience(self.t) + dt * speed);
                if t >= target {
                    self.arrive(target, self.on);
                } else {
                    self.t = t.max(self.t);
                }
            }
            None if self.playing && self.pace == Pace::OneByOne => {
                self.rest -= dt;
                if self.rest <= 0.0 {
                    self.step = Some(Step::Forward);
                }
            }
            None if self.playing => {
                self.on = None;
                let t = match self.pace {
                    Pace::Messages | Pace::OneByOne => visible.lens.simulated(visible.lens.audience(self.t) + dt),
                    Pace::Real(speed) => self.t + dt * speed * 1e6,
                    Pace::Fast if session.live_cluster().is_quiet() && self.t >= live => self.t + dt * 1e6,
                    Pace::Fast => live,
                };
                self.t = t.max(self.t).min(live.max(self.t));
            }
            None => {}
        }
    }

    fn arrive(&mut self, t: f64, on: Option<EnvelopeId>) {
        self.jump(t);
        self.on = on;
        self.rest = REST_S;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paces_have_names() {
        for pace in Pace::ALL {
            assert_eq!(Pace::parse(&pace.key()), Some(pace));
        }
        assert_eq!(Pace::parse("1000"), None);
        assert_eq!(Pace::parse("slow"), None);
    }

    #[test]
    fn time_runs_and_stops() {
        let mut session = Session::new(1);
        let visible = Visible::default();
        let mut player = Player { playing: true, pace: Pace::Real(2.0), ..Player::default() };
        assert!(player.needs_more(&session, &visible));
        player.tick(0.5, &session, &visible);
        assert_eq!(player.time(), Time(0), "the playhead never passes what has been simulated");
        session.advance(Time(5_000_000), usize::MAX);
        player.tick(0.5, &session, &visible);
        assert_eq!(player.time(), Time(1_000_000));
        player.playing = false;
        player.tick(0.5, &session, &visible);
        assert_eq!(player.time(), Time(1_000_000));
    }
}
