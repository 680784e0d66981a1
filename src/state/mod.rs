//! The page's state, without a browser. One enum of actions ([`AppAction`]), handled in one place ([`State::update`]); what
//! the browser has to do about it comes back as [`Effect`]s.
//!
//! In reading order: [`player`] moves the playhead, [`visible`] lays the time lens over what is shown, [`decided`] knows the
//! scheduler's decisions and [`predict`] lets the audience guess them, [`picture`] is
//! what the stage shows, [`camera`] how it is looked at, [`terminal`] and [`complete`] are the command line, [`story`], [`causes`], [`inspect`],
//! [`revisions`] and [`charts`] read the trace.

pub mod camera;
pub mod causes;
pub mod charts;
pub mod complete;
pub mod crowd;
pub mod decided;
pub mod diff;
mod draft;
pub mod find;
pub mod gauges;
pub mod inspect;
pub mod jobs;
pub mod lesson;
#[cfg(test)]
mod lesson_tests;
pub mod manifest;
pub mod milestones;
pub mod outline;
pub mod picture;
pub mod player;
pub mod predict;
#[cfg(test)]
mod predict_tests;
pub mod print;
pub mod recording;
pub mod relations;
pub mod revisions;
pub mod scrub;
pub mod sentence;
mod shown;
pub mod story;
pub mod terminal;
#[cfg(test)]
mod tests;
mod undo;
mod update;
pub mod visible;

use std::cell::{Ref, RefCell};
use std::rc::Rc;

use orrery_sim::core::{CommandId, MachineId, Time};
use orrery_sim::kind::topology::Topology;
use orrery_sim::scheduler::decision::Decision;
use orrery_sim::session::Session;

use crate::i18n::{EN, Texts};
use crate::scene::svg::Theme;
use crate::scene::{Detail, Guess, Look, MessageKind, Selection};
use camera::{Shot, View};
use causes::Causes;
use jobs::Job;
use milestones::{Milestones, What};
use picture::Picture;
use player::{Pace, Player};
use recording::Unreadable;
use terminal::{Screen, Terminal};
use visible::Visible;

/// Everything that can be done to the page.
#[derive(Clone, Debug, PartialEq)]
pub enum AppAction {
    /// A frame of the browser at this time, in milliseconds.
    Frame(f64),
    /// The stage has this size, in pixels.
    Resize(f64, f64),

    /// Moves the camera.
    Camera(Shot),

    /// Lets time run or stops it.
    TogglePlay,
    /// Lets time run.
    Play,
    /// Stops time.
    Pause,
    /// Goes to a moment, in simulated microseconds.
    Seek(f64),
    /// Stops and goes to the next message.
    StepForward,
    /// Stops and goes back a message.
    StepBack,
    /// To the beginning of what the user did; from there to the beginning of all.
    ToStart,
    /// To the end of what is going on.
    ToLive,
    /// How time passes.
    SetPace(Pace),

    /// A text entered into the terminal, perhaps of several lines.
    Enter(String),
    /// A command of the page's own buttons: it waits for no other.
    Launch(String),
    /// Ctrl-C in the terminal.
    Interrupt,
    /// Clears the terminal.
    Clear,
    /// A file dropped onto the page: name, text.
    DropFile(String, String),
    /// Takes back the last command before the playhead, and all that came after it.
    Undo,
    /// Goes back to what a command in the past, taking one back, or another cluster has taken the place of.
    ReturnToDiscarded,

    /// Selects something, or nothing.
    Select(Option<Selection>),
    /// Selects a message and goes to the middle of its flight.
    ShowMessage(u32),
    /// Goes to the middle of a message's flight and leaves selected what is.
    GoToMessage(u32),
    /// Somebody walks about in the tree of *Why?*: it stays, also when the object is written again.
    HoldCauses,
    /// The tree of *Why?* grows from the newest write.
    RenewCauses,
    /// The pointer is at a message of a list or a diagram, or at none.
    PointAt(Option<u32>),
    /// Something is held over a node on which it can be dropped, or over none.
    Target(Option<Selection>),
    /// Shows the outline as it is unfolded here, or closes it.
    SetOutline(outline::Unfolded),
    /// Asks why a condition of the selected object is as it is.
    WhyCondition(String),
    /// Opens a tab of the inspector.
    InspectorTab(InspectorTab),
    /// Opens a tab of the dock.
    DockTab(DockTab),
    /// Shows or hides the dock.
    ToggleDock,
    /// The dock is to be this high, in pixels.
    SetDockHeight(f64),
    /// The terminal takes the stage's place, or gives it back.
    ToggleLargeTerminal,
    /// Shows or hides the legend.
    ToggleLegend,
    /// Shows or hides the panel beside the stage.
    TogglePanel,
    /// Shows or hides the help.
    ToggleHelp,
    /// Filters the message log.
    Filter(String),
    /// Shows or hides heartbeats and other periodic work.
    ToggleBackground,
    /// Shows or hides a kind of message.
    ToggleKind(MessageKind),
    /// Chooses which messages are shown.
    SetShow(visible::Show),
    /// Chooses how pods are shown.
    SetLook(Look),
    /// Opens the editor of manifests with a text.
    EditManifest(String),
    /// Closes the editor of manifests.
    CloseManifest,
    /// Writes a manifest into the terminal's folder and applies it.
    ApplyManifest(String),
    /// Goes to the next milestone, or to the one before.
    Milestone(bool),
    /// Goes on to the next hint of the first visit.
    NextHint,
    /// Gives no more hints, now and later.
    NoHints,
    /// Chooses the colours; `None` follows the system.
    SetTheme(Option<Theme>),
    /// The system prefers other colours.
    SystemTheme(Theme),
    /// Chooses the language.
    SetLanguage(&'static str),
    /// Steps instead of travel.
    SetReducedMotion(bool),
    /// Takes away the notice.
    DismissNotice,
    /// The browser opens no window for the presenter.
    NoWindow,
    /// Lets the audience predict the scheduler's decisions, or no longer.
    TogglePredict,
    /// The audience points at a node.
    Guess(String),
    /// The audience points at a node by its number on the stage, from 1.
    GuessNumber(usize),

    /// Begins a built-in lesson at a step.
    OpenLesson(String, usize),
    /// To a step of a built-in lesson, counted from 0, which is begun unless it is given already.
    LessonTo(String, usize),
    /// To another step of the lesson: how many further on.
    LessonStep(isize),
    /// Ends the lesson.
    CloseLesson,

    /// Opens a saved session from its text.
    OpenSaved(String),
    /// Opens what is good of a damaged one.
    OpenRest,
    /// Another cluster, of this shape, takes the place of the one that is shown.
    Build(Topology),
    /// Shows or hides the shapes of clusters.
    ToggleTopologies,
    /// Begins the lesson of a text: its name, the text, the step, counted from 0.
    GiveLesson(String, String, usize),
    /// A lesson cannot be fetched: from where, and why.
    NoLesson(String, String),
    /// Shows or hides the lesson editor.
    ToggleEditor,
    /// Shows or hides how to share what is shown.
    ToggleShare,

    /// A task of the programming interface.
    Do(Job),
    /// Shows a crowd in the cluster's place, or the cluster again.
    Crowd(Option<crowd::Numbers>),
}

/// Tabs of the inspector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InspectorTab {
    /// The facts in short.
    #[default]
    Summary,
    /// How the scheduler found a pod's node.
    Decision,
    /// The object, or a message's body.
    Yaml,
    /// Its events.
    Events,
    /// Messages that concern it.
    Messages,
    /// The chain of causes.
    Why,
}

/// Tabs of the dock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DockTab {
    /// The terminal (beside the others where there is room).
    #[default]
    Terminal,
    /// The message log.
    Messages,
    /// The messages as a sequence diagram.
    Sequence,
    /// The cluster's events.
    Events,
    /// Charts.
    Charts,
}

/// A question to the audience.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The decision that is to be predicted.
    pub decision: Rc<Decision>,
    /// What was said.
    pub guess: Guess,
}

/// What can be brought back.
#[derive(Clone, Debug)]
pub struct Discarded {
    /// The recording with everything simulated from it.
    pub session: Session,
    /// The lesson it belonged to.
    pub lesson: Option<lesson::Given>,
    /// When the cluster of its start stood.
    pub origin: Time,
}

/// Something to tell the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A command in the past discarded what had come after it: so many commands.
    Forked(usize),
    /// This command was taken back, and so many that came after it.
    TakenBack(String, usize),
    /// There is no command that could be taken back.
    NothingToUndo,
    /// The user's cluster has made room for another one.
    PutAside,
    /// A milestone that the playhead has gone to.
    Reached(What),
    /// There is no further message.
    NothingMore,
    /// The browser opens no window for the presenter.
    NoWindow,
    /// A command of the programming interface took too long.
    TooLong(String),
    /// There is no built-in lesson of this name.
    NoLesson(String),
    /// A lesson cannot be fetched: from where, and why.
    Unreachable(String),
    /// A saved session cannot be opened as it is.
    Unreadable(Unreadable),
    /// A saved session is more than is simulated of one that comes from elsewhere.
    TooLarge,
    /// A file is meant as a lesson but is none: what is wrong, and where.
    BadLesson(String),
}

/// What the browser has to do after an action.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Answers a task of the programming interface: its number and the answer as JSON.
    Reply(u32, String),
    /// Answers a task of the programming interface with an error.
    Refuse(u32, &'static str),
    /// The first picture stands.
    Ready,
    /// Time started or stopped, or the playhead jumped: tell whoever listens.
    StateChanged,
    /// The stage went to another message by a step.
    Stepped,
    /// The page's address names this lesson and step from now on; none with an empty name.
    Address(String, usize),
    /// Remember a setting: key and value.
    Save(&'static str, String),
    /// Put the cursor into the terminal.
    FocusTerminal,
}

/// What the URL and the browser's settings say at the start.
#[derive(Clone, Debug)]
pub struct Start {
    /// Seed of the simulation.
    pub seed: u64,
    /// Whether a saved session will be opened at once, in place of the cluster of the start.
    pub waits: bool,
    /// The shape of the first cluster, when it is not one control-plane node and two workers.
    pub topology: Option<Topology>,
    /// A built-in lesson and its step, counted from 0.
    pub lesson: Option<(String, usize)>,
    /// How time passes.
    pub pace: Pace,
    /// Whether time runs as soon as the cluster stands.
    pub autoplay: bool,
    /// Level of detail.
    pub detail: Option<Detail>,
    /// How pods are shown.
    pub look: Look,
    /// Language.
    pub lang: String,
    /// Colours asked for.
    pub theme: Option<Theme>,
    /// What the system prefers.
    pub system_theme: Theme,
    /// Whether the hints of the first visit are still to be given.
    pub hints: bool,
    /// Whether motion is to be reduced.
    pub reduced_motion: bool,
    /// Whether only the stage is shown.
    pub bare: bool,
    /// Whether there is room for the panel beside the stage, and for the dock below it.
    pub room: (bool, bool),
    /// Height of the dock in pixels, when somebody has set one.
    pub dock_height: Option<f64>,
    /// Tells the time in milliseconds.
    pub clock: fn() -> f64,
}

/// The page's state.
#[derive(Debug)]
pub struct State {
    /// The recording with its trace, live end and playhead.
    pub session: Session,
    /// What is shown of the trace.
    pub visible: Visible,
    /// The playhead.
    pub player: Player,
    /// The stage.
    pub picture: Picture,
    /// How the stage is looked at.
    pub view: View,
    /// The terminal.
    pub terminal: Terminal,
    /// The terminal at the playhead.
    pub screen: std::rc::Rc<Screen>,
    /// What is selected.
    pub selection: Option<Selection>,
    /// Which tab of the inspector is open.
    pub inspector: InspectorTab,
    /// What led to the selection and what followed from it, while that is asked for.
    pub causes: Option<Rc<Causes>>,
    /// The outline in the panel.
    pub outline: outline::Unfolded,
    /// The message of a list or a diagram that the pointer is at.
    pub pointed: Option<u32>,
    /// The node that something is held over which can be dropped on it.
    pub target: Option<Selection>,
    /// Which tab of the dock is open.
    pub dock: DockTab,
    /// Whether the dock is shown.
    pub dock_open: bool,
    /// Its height in pixels, when somebody has set one.
    pub dock_height: Option<f64>,
    /// Whether the terminal has the stage's place.
    pub large_terminal: bool,
    /// Whether panel and dock have room beside the stage at the same time.
    pub roomy: bool,
    /// Whether the panel shows the legend alone.
    pub legend_open: bool,
    /// A file that has been dropped and may be applied.
    pub dropped: Option<String>,
    /// Whether the panel is shown.
    pub panel_open: bool,
    /// Whether the help is shown.
    pub help_open: bool,
    /// Whether the shapes of clusters are shown.
    pub topologies_open: bool,
    /// Whether the lesson editor is shown.
    pub editor_open: bool,
    /// What the editor of manifests was opened with; `None` while it is closed.
    pub manifest: Option<Rc<str>>,
    /// Whether it is shown how to share.
    pub share_open: bool,
    /// Filter of the message log.
    pub filter: String,
    /// Whether the audience is asked before each decision of the scheduler.
    pub predict: bool,
    /// The decision that it was asked about last.
    pub asked: Option<Asked>,
    /// What was worth stopping at, as far as somebody has asked for it.
    milestones: RefCell<Milestones>,
    /// Which hint of the first visit comes after the first thing to do, counted from 0; `None` when all were given.
    pub hint: Option<usize>,
    /// What to tell the user.
    pub notice: Option<Notice>,
    /// What the last fork or another cluster has taken the place of.
    pub discarded: Option<Box<Discarded>>,
    /// Colours asked for, and those that the system prefers.
    pub theme: (Option<Theme>, Theme),
    /// The interface's texts.
    pub texts: &'static Texts,
    /// Level of detail asked for.
    pub detail: Option<Detail>,
    /// How pods are shown.
    pub look: Look,
    /// Whether only the stage is shown.
    pub bare: bool,
    /// Whether the cluster of the start stands.
    pub ready: bool,
    /// When the cluster of the start stood: the scrubber begins here.
    pub origin: Time,
    /// Whether the user has run a command.
    pub began: bool,
    /// The lesson that is given.
    pub lesson: Option<lesson::Given>,
    /// How the page looked before a step of a lesson asked for something else.
    own_looks: Option<Box<shown::Looks>>,
    /// What a measurement shows in the cluster's place.
    pub crowd: Option<Box<crowd::Crowd>>,
    pub(crate) seed: u64,
    pub(crate) room_for_panel: bool,
    pub(crate) jobs: Vec<Job>,
    /// What is left to do after the last task.
    pub(crate) arriving: Option<Arriving>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) clock: fn() -> f64,
    pub(crate) last_frame: Option<f64>,
    /// Seconds of the audience's time that passed while the playhead waited.
    owed: f64,
    pub(crate) autoplay: bool,
    pub(crate) cleared: Time,
    pub(crate) screen_for: (usize, Time),
    pub(crate) next_refresh: f64,
    pub(crate) read_budget: usize,
    causes_for: Option<causes::Kept>,
}

/// The steps after the last task, each with what it has led to, which is told at the end.
#[derive(Clone, Debug)]
pub(crate) enum Arriving {
    /// The time lens follows what has happened.
    Follow(Vec<Effect>),
    /// The picture is brought up to date.
    Look(Vec<Effect>),
    /// Whoever waits is answered.
    Tell(Vec<Effect>),
}

impl Arriving {
    /// What is told at the end.
    pub(crate) fn told(self) -> Vec<Effect> {
        let (Self::Follow(effects) | Self::Look(effects) | Self::Tell(effects)) = self;
        effects
    }
}

/// What the page runs first: a cluster of one control-plane node and two workers.
pub const FIRST_COMMANDS: &str = "cat > cluster.yaml <<EOF
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
- role: worker
- role: worker
EOF
kind create cluster --config cluster.yaml";

impl State {
    /// The state at the start, with the first commands given but nothing simulated.
    pub fn new(start: &Start) -> Self {
        let texts = crate::i18n::texts(&start.lang).unwrap_or(&EN);
        let mut session = Session::new(start.seed);
        if !start.waits {
            session.run(&start.topology.map_or_else(|| FIRST_COMMANDS.to_string(), |topology| topology.lines().join("\n")));
        }
        let mut state = Self {
            session,
            visible: Visible::default(),
            player: Player { pace: start.pace, reduced_motion: start.reduced_motion, ..Player::default() },
            picture: Picture::new((1280.0, 640.0), texts),
            view: View::default(),
            terminal: Terminal::default(),
            screen: std::rc::Rc::default(),
            selection: None,
            inspector: InspectorTab::default(),
            causes: None,
            outline: None,
            pointed: None,
            target: None,
            dock: DockTab::default(),
            dock_open: start.room.1,
            dock_height: start.dock_height,
            large_terminal: false,
            roomy: start.room.0 && start.room.1,
            legend_open: false,
            dropped: None,
            panel_open: start.room.0,
            help_open: false,
            share_open: false,
            editor_open: false,
            manifest: None,
            topologies_open: false,
            filter: String::new(),
            predict: false,
            asked: None,
            milestones: RefCell::default(),
            hint: start.hints.then_some(0),
            notice: None,
            discarded: None,
            theme: (start.theme, start.system_theme),
            texts,
            detail: start.detail,
            look: start.look,
            bare: start.bare,
            ready: false,
            origin: Time::ZERO,
            began: false,
            lesson: None,
            own_looks: None,
            crowd: None,
            seed: start.seed,
            room_for_panel: start.room.0 && !start.bare,
            jobs: if start.waits { Vec::new() } else { vec![Job::Boot] },
            arriving: None,
            effects: Vec::new(),
            clock: start.clock,
            last_frame: None,
            owed: 0.0,
            autoplay: start.autoplay,
            cleared: Time::ZERO,
            screen_for: (usize::MAX, Time::ZERO),
            next_refresh: 0.0,
            read_budget: 1_000,
            causes_for: None,
        };
        if let Some((id, step)) = start.lesson.as_ref().filter(|_| !start.waits) {
            state.open_built_in(id, *step);
        }
        state
    }

    /// Whether a dialog lies over the page.
    pub fn has_dialog(&self) -> bool {
        self.help_open || self.share_open || self.editor_open || self.topologies_open || self.manifest.is_some()
    }

    /// Whether the next frame would change anything.
    pub fn wants_frames(&self) -> bool {
        self.player.moves()
            || self.view.moves()
            || !self.picture.is_complete()
            || self.crowd.is_some()
            || self.is_busy()
            || !self.terminal.waiting.is_empty()
            || !self.has_arrived()
    }

    /// Whether somebody waits for what is being computed.
    pub fn is_busy(&self) -> bool {
        !self.jobs.is_empty() || self.arriving.is_some()
    }

    /// Whether the picture will stand still for a while: nothing travels, nothing is computed.
    pub fn is_still(&self) -> bool {
        let t = self.player.t;
        !self.is_busy()
            && !self.view.moves()
            && self.picture.is_complete()
            && self.has_arrived()
            && self.terminal.waiting.is_empty()
            && self.player.playing
            && matches!(self.player.pace, Pace::Messages)
            && self.visible.lens.burst_at(t).is_none()
            && self.visible.lens.burst_at(t + 150_000.0).is_none()
            && self.visible.lens.skip_at(t).is_none()
            && !self.player.needs_more(&self.session, &self.visible)
    }

    /// The milestones so far.
    pub fn milestones(&self) -> Ref<'_, Milestones> {
        self.milestones.borrow_mut().follow(self.session.trace(), self.visible.generation);
        self.milestones.borrow()
    }

    /// The colours in use.
    pub fn colours(&self) -> Theme {
        self.theme.0.unwrap_or(self.theme.1)
    }

    /// The name of a machine.
    pub fn machine_name(&self, id: MachineId) -> String {
        self.session.cluster().directory().name(id).to_string()
    }

    /// The command in the foreground of the terminal at the playhead.
    pub fn running(&self) -> Option<CommandId> {
        self.screen.running
    }

    /// Both ends of the scrubber in simulated microseconds: from the origin (or the beginning, when the playhead lies
    /// before the origin) to the end of what is going on or has been seen.
    pub fn extent(&self) -> (f64, f64) {
        let from = if self.player.t < self.origin.0 as f64 { 0.0 } else { self.origin.0 as f64 };
        let seen = self.session.seen_end().0 as f64;
        let ahead = self.visible.lens.end() as f64;
        let end = seen.max(ahead.min(self.session.live_end().0 as f64)).max(self.player.t);
        (from, end.max(from + 1e6))
    }
}
