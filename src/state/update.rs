//! What each action does.

use std::rc::Rc;

use orrery_sim::core::{CommandId, EnvelopeId, Time};
use orrery_sim::session::Session;

use super::crowd::Crowd;
use super::inspect::etcd_key;
use super::jobs::Job;
use super::player::{EVENTS_A_SLICE, Pace};
use super::revisions::condition_since;
use super::terminal::Screen;
use super::{AppAction, Arriving, Discarded, DockTab, Effect, InspectorTab, Notice, State};
use crate::scene::Selection;
use crate::scene::model::store;
use crate::scene::svg::Theme;

/// Milliseconds of simulation a frame: ahead of the playhead, and as much for what the playhead shows.
const SLICE_MS: f64 = 5.0;
/// Seconds of waiting for a replay that are made up for afterwards: a jump is not followed by another one.
const MOST_OWED: f64 = 0.1;
/// Milliseconds of a replay a frame after a jump, while nothing moves.
const JUMP_SLICE_MS: f64 = 14.0;
/// Milliseconds of simulation a task while somebody waits for the start or for an answer; several tasks fit between two frames.
const BUSY_SLICE_MS: f64 = 10.0;
/// A command within this many microseconds of the end of what was seen discards nothing worth telling.
const SEEN_US: u64 = 100_000;
/// The dock is never lower than this, in pixels.
const LOWEST_DOCK: f64 = 96.0;
/// A look at the cluster takes no longer than about this, in milliseconds.
const LONG_LOOK_MS: f64 = 14.0;
/// What stands is drawn anew at most this often, in milliseconds.
const REFRESH_MS: f64 = 30.0;

impl State {
    /// Carries out an action; what the browser has to do is returned.
    pub fn update(&mut self, action: AppAction) -> Vec<Effect> {
        match action {
            AppAction::Frame(now) => self.frame(now),
            AppAction::Resize(width, height) => {
                let before = self.picture.size;
                self.picture.set_stage((width.max(60.0), height.max(60.0)), self.detail, self.look, self.texts);
                self.look();
                self.refit(before);
            }

            AppAction::Camera(shot) => self.shoot(shot),

            AppAction::TogglePlay => self.play(!self.player.playing),
            AppAction::Play => self.play(true),
            AppAction::Pause => self.play(false),
            AppAction::Seek(t) => self.go(t),
            AppAction::StepForward => {
                self.player.step_forward();
                self.effects.push(Effect::Stepped);
            }
            AppAction::StepBack => {
                self.player.step_back(&self.visible);
                self.look();
                self.effects.push(Effect::Stepped);
            }
            AppAction::ToStart => {
                let origin = self.origin.0 as f64;
                self.player.playing = false;
                self.go(if self.player.t > origin { origin } else { 0.0 });
            }
            AppAction::ToLive => {
                let end = self.extent().1;
                self.go(end);
                self.play(true);
            }
            AppAction::SetPace(pace) => {
                self.player.pace = pace;
                self.effects.push(Effect::Save("pace", pace.key()));
            }

            AppAction::Enter(text) => {
                if self.dropped.as_ref().is_some_and(|name| text.contains(name.as_str())) {
                    self.dropped = None;
                }
                self.enter(&text);
            }
            AppAction::Launch(line) => self.launch(&line),
            AppAction::Interrupt => self.interrupt(),
            AppAction::Clear => {
                self.cleared = Time(self.player.time().0 + 1);
                self.look();
            }
            AppAction::DropFile(name, text) => self.drop_file(&name, &text),
            AppAction::Undo => self.undo(),
            AppAction::ReturnToDiscarded => self.return_to_discarded(),

            AppAction::Select(selection) => match self.pointed_at(selection.as_ref()) {
                Some(node) => self.guess(&node),
                None => self.select(selection),
            },
            AppAction::TogglePredict => self.predict = !self.predict,
            AppAction::Guess(node) => self.guess(&node),
            AppAction::GuessNumber(number) => self.guess_number(number),
            AppAction::ShowMessage(id) => {
                self.go_to_message(id);
                self.select(Some(Selection::Message(id)));
            }
            AppAction::GoToMessage(id) => {
                self.hold_causes();
                self.go_to_message(id);
            }
            AppAction::HoldCauses => self.hold_causes(),
            AppAction::RenewCauses => self.renew_causes(),
            AppAction::PointAt(message) => self.pointed = message,
            AppAction::Target(node) => self.target = node,
            AppAction::SetOutline(unfolded) => self.outline = unfolded,
            AppAction::WhyCondition(kind) => {
                let since = self.selection.as_ref().and_then(etcd_key);
                let since = since.and_then(|key| condition_since(self.session.trace(), &key, &kind, self.player.time()));
                if let Some(id) = since {
                    self.select(Some(Selection::Message(id.0)));
                    self.inspector = InspectorTab::Why;
                }
            }
            AppAction::InspectorTab(tab) => self.inspector = tab,
            AppAction::DockTab(tab) => {
                self.dock = tab;
                self.open_dock();
                if tab == DockTab::Terminal {
                    self.effects.push(Effect::FocusTerminal);
                }
            }
            AppAction::ToggleDock if self.dock_open => (self.dock_open, self.large_terminal) = (false, false),
            AppAction::ToggleDock => self.open_dock(),
            AppAction::SetDockHeight(height) => {
                self.dock_height = Some(height.max(LOWEST_DOCK));
                self.effects.push(Effect::Save("dock", format!("{:.0}", height.max(LOWEST_DOCK))));
            }
            AppAction::ToggleLargeTerminal => {
                self.large_terminal = !self.large_terminal;
                if self.large_terminal {
                    self.dock = DockTab::Terminal;
                    self.open_dock();
                    self.effects.push(Effect::FocusTerminal);
                }
            }
            AppAction::TogglePanel if self.panel_open => {
                (self.panel_open, self.legend_open) = (false, false);
                self.selection = None;
            }
            AppAction::TogglePanel => self.open_panel(),
            AppAction::ToggleLegend if self.legend_open => self.legend_open = false,
            AppAction::ToggleLegend => {
                self.selection = None;
                self.open_panel();
                self.legend_open = true;
            }
            AppAction::ToggleHelp => self.help_open = !self.help_open,
            AppAction::Filter(text) => self.filter = text,
            AppAction::ToggleBackground => {
                let mut show = self.visible.show.clone();
                show.background = !show.background;
                self.show(show);
                self.effects.push(Effect::Save("heartbeats", self.visible.show.background.to_string()));
            }
            AppAction::ToggleKind(kind) => {
                let show = self.visible.show.clone();
                let shown = show.kind(kind);
                self.show(show.with_kind(kind, !shown));
            }
            AppAction::SetLook(look) => {
                self.look = look;
                self.picture.set_stage(self.picture.size, self.detail, look, self.texts);
                self.look();
                self.keep_up();
            }
            AppAction::SetShow(show) => self.show(show),
            AppAction::Milestone(forward) => {
                let t = self.player.time();
                let found = {
                    let milestones = self.milestones();
                    if forward { milestones.after(t) } else { milestones.before(t) }.cloned()
                };
                self.play(false);
                self.notice = Some(found.as_ref().map_or(Notice::NothingMore, |found| Notice::Reached(found.what.clone())));
                if let Some(found) = found {
                    self.go(found.at.0 as f64);
                }
            }
            AppAction::NextHint => {
                self.hint = self.hint.map(|hint| hint + 1).filter(|hint| *hint < self.texts.hints.len());
                if self.hint.is_none() {
                    self.effects.push(Effect::Save("hints", "given".into()));
                }
            }
            AppAction::NoHints => {
                self.hint = None;
                self.effects.push(Effect::Save("hints", "given".into()));
            }
            AppAction::SetTheme(theme) => {
                self.theme.0 = theme;
                self.effects.push(Effect::Save("theme", theme.map_or("auto", Theme::name).into()));
            }
            AppAction::SystemTheme(theme) => self.theme.1 = theme,
            AppAction::SetLanguage(lang) => {
                if let Some(texts) = crate::i18n::texts(lang) {
                    self.texts = texts;
                    self.picture.set_stage(self.picture.size, self.detail, self.look, texts);
                    self.effects.push(Effect::Save("lang", lang.into()));
                }
            }
            AppAction::SetReducedMotion(reduced) => self.player.reduced_motion = reduced,
            AppAction::DismissNotice => self.notice = None,
            AppAction::NoWindow => self.notice = Some(Notice::NoWindow),
            AppAction::OpenLesson(id, step) => self.open_built_in(&id, step),
            AppAction::LessonTo(id, step) => {
                if self.lesson.as_ref().is_some_and(|given| given.id == id) {
                    self.lesson_to(step);
                } else {
                    self.open_built_in(&id, step);
                }
            }
            AppAction::LessonStep(by) => self.lesson_step(by),
            AppAction::CloseLesson => self.close_lesson(),
            AppAction::OpenSaved(text) => self.open_saved(&text),
            AppAction::OpenRest => self.open_rest(),
            AppAction::Build(topology) => {
                let mut session = Session::new(self.seed);
                session.run(&topology.lines().join("\n"));
                self.take_over(session);
                (self.jobs, self.topologies_open) = (vec![Job::Boot], false);
            }
            AppAction::ToggleTopologies => self.topologies_open = !self.topologies_open,
            AppAction::GiveLesson(name, text, step) => self.open_text(&name, &text, step),
            AppAction::NoLesson(name, why) => self.no_lesson(Notice::Unreachable(format!("{name} ({why})"))),
            AppAction::EditManifest(text) => self.manifest = Some(text.into()),
            AppAction::CloseManifest => self.manifest = None,
            AppAction::ApplyManifest(text) => {
                self.manifest = None;
                self.enter(&format!("{}\nkubectl apply -f {MANIFEST}", writing(MANIFEST, &text)));
            }
            AppAction::ToggleEditor => self.editor_open = !self.editor_open,
            AppAction::ToggleShare => self.share_open = !self.share_open,
            AppAction::Do(job) => self.jobs.push(job),
            AppAction::Crowd(numbers) => {
                self.play(false);
                self.crowd = numbers.map(|numbers| {
                    Box::new(Crowd::new(
                        numbers,
                        store(self.session.cluster()).cloned().unwrap_or_default(),
                        self.player.t + 30e6,
                    ))
                });
                self.picture.look_anew();
                self.look();
            }
        }
        self.follow_causes();
        std::mem::take(&mut self.effects)
    }

    /// Where there is little room, dock and panel take turns, so that something is left of the stage.
    fn open_dock(&mut self) {
        self.dock_open = true;
        if !self.roomy {
            (self.panel_open, self.legend_open, self.selection) = (false, false, None);
        }
    }

    fn open_panel(&mut self) {
        (self.panel_open, self.large_terminal) = (true, false);
        self.dock_open &= self.roomy;
    }

    fn frame(&mut self, now: f64) {
        // A page that slept does not catch up; one whose frame took long does.
        let dt = self.last_frame.map_or(0.0, |last| (now - last).clamp(0.0, 500.0)) / 1000.0;
        self.last_frame = self.wants_frames().then_some(now);
        self.view.tick(dt);
        if self.crowd.is_some() {
            return self.frame_of_crowd(now);
        }
        let begin = (self.clock)();
        if !self.jobs.is_empty() {
            self.work(begin + BUSY_SLICE_MS);
            self.visible.take(&self.session);
            self.milestones.get_mut().follow(self.session.trace(), self.visible.generation);
            if self.jobs.is_empty() {
                // Whoever waited for a task before this one is still to be answered.
                let mut told = self.arriving.take().map_or_else(Vec::new, Arriving::told);
                told.append(&mut self.effects);
                self.arriving = Some(Arriving::Follow(told));
            }
            return;
        }
        if let Some(arriving) = self.arriving.take() {
            return self.show_end(arriving);
        }
        self.look_ahead(begin + SLICE_MS);
        let stepping = self.player.moves() && !self.player.playing;
        // Time waits for a replay that takes longer than a frame; what a single frame has cost is made up for.
        if self.has_arrived() {
            let before = self.player.t;
            self.player.tick(dt + std::mem::take(&mut self.owed), &self.session, &self.visible);
            self.ask(before);
        } else {
            self.owed = (self.owed + dt).min(MOST_OWED);
        }
        if stepping && !self.player.moves() {
            if self.player.missed {
                self.notice = Some(Notice::NothingMore);
            }
            self.effects.push(Effect::StateChanged);
        }
        self.look();
        if self.is_prompt()
            && let Some(line) = self.terminal.waiting.pop_front()
        {
            self.run_line(&line);
            self.look();
        }
    }

    /// Shows where the tasks have led, a part in each turn: none of them is long enough for a frame to be missed.
    fn show_end(&mut self, arriving: Arriving) {
        match arriving {
            Arriving::Follow(effects) => {
                self.visible.follow(&self.session);
                self.arriving = Some(Arriving::Look(effects));
            }
            Arriving::Look(effects) => {
                self.look();
                self.arriving = Some(Arriving::Tell(effects));
            }
            Arriving::Tell(effects) => self.effects.splice(0..0, effects).for_each(drop),
        }
    }

    /// Whether the cluster at the playhead is the one that is looked at: going far back takes several frames.
    pub fn has_arrived(&self) -> bool {
        self.session.playhead() == self.player.time()
    }

    /// Moves the session's playhead to the player's, until `deadline`; says whether it is there.
    pub(super) fn approach(&mut self, deadline: f64) -> bool {
        let t = self.player.time();
        while !self.has_arrived() && !self.session.seek_within(t, EVENTS_A_SLICE) {
            if (self.clock)() >= deadline {
                return false;
            }
        }
        true
    }

    /// Simulates as far ahead of the playhead as the pace needs, until `deadline`.
    fn look_ahead(&mut self, deadline: f64) {
        self.visible.follow(&self.session);
        let fast = matches!(self.player.pace, Pace::Fast) && self.player.playing;
        if !fast && !self.player.needs_more(&self.session, &self.visible) {
            return;
        }
        loop {
            let live = self.session.live_end();
            let quiet = self.session.live_cluster().is_quiet() && !self.session.is_pending();
            let until = match self.player.pace {
                Pace::Fast if fast && !quiet => self.session.live_cluster().next_at().map_or(live, |next| next.max(live)),
                Pace::Fast if fast => Time((self.player.t + 2e6) as u64),
                Pace::Real(speed) => Time((self.player.t + speed * 2e6) as u64),
                // A second at a time, to notice soon enough that there is enough.
                _ => Time(live.0 + 1_000_000),
            };
            let arrived = self.session.advance(until.max(live), EVENTS_A_SLICE);
            let enough = match self.player.pace {
                Pace::Fast if fast => quiet && arrived,
                Pace::Real(_) => arrived,
                _ => arrived && live.0 as f64 > self.player.t + 700e6,
            };
            if enough || (self.clock)() >= deadline {
                break;
            }
            if arrived && !fast {
                self.visible.follow(&self.session);
                if !self.player.needs_more(&self.session, &self.visible) {
                    return;
                }
            }
        }
        self.visible.follow(&self.session);
    }

    /// Brings everything that depends on the playhead up to date.
    pub(super) fn look(&mut self) {
        let t = self.player.time();
        // Whoever jumps waits for the picture; who watches wants every frame.
        let slice = if self.player.moves() { SLICE_MS } else { JUMP_SLICE_MS };
        let arrived = !self.jobs.is_empty() || self.approach((self.clock)() + slice);
        if arrived && (self.last_frame.is_none_or(|now| now >= self.next_refresh) || !self.player.moves()) {
            self.refresh();
        }
        self.picture.prepare(self.session.trace(), &self.visible, self.player.t);
        self.show_decision();
        let events = self.session.trace().terminal();
        let shown = events.partition_point(|(at, _, _)| *at <= t);
        if self.screen_for != (shown, self.cleared) {
            self.screen_for = (shown, self.cleared);
            let screen = Screen::at(self.session.trace(), t, self.cleared);
            if screen != *self.screen {
                self.screen = Rc::new(screen);
            }
        }
    }

    /// Brings what stands up to date.
    pub(super) fn refresh(&mut self) {
        let begin = (self.clock)();
        let cluster = self.session.cluster();
        let store = self.crowd.as_ref().map_or_else(|| store(cluster), |crowd| Some(crowd.store()));
        if self.picture.refresh(cluster, store, self.read_budget) {
            self.keep_up();
        }
        let took = (self.clock)() - begin;
        // As much as can be read without a frame being missed, all of a small cluster.
        self.read_budget = if took > LONG_LOOK_MS { self.read_budget / 2 } else { self.read_budget * 2 }.clamp(1_000, 8_000);
        // A large cluster is looked at less often: at most a fifth of the time goes into it, half of it while it is read.
        let share = if self.picture.is_complete() { 5.0 } else { 2.0 };
        self.next_refresh = self.last_frame.unwrap_or(0.0) + REFRESH_MS.max(took * share);
    }

    fn play(&mut self, playing: bool) {
        if self.player.playing != playing {
            self.player.playing = playing;
            self.effects.push(Effect::StateChanged);
        }
    }

    fn go(&mut self, t: f64) {
        if t > self.session.live_end().0 as f64 {
            // What has not happened yet is simulated a slice a frame.
            self.jobs.push(Job::Seek(Time(t as u64)));
            return;
        }
        self.player.jump(t);
        self.look();
        self.visible.follow(&self.session);
        self.effects.push(Effect::StateChanged);
    }

    pub(super) fn select(&mut self, selection: Option<Selection>) {
        if self.selection == selection {
            return;
        }
        let message = matches!(selection, Some(Selection::Message(_)));
        let pod = matches!(selection, Some(Selection::Pod(..)));
        if message != matches!(self.selection, Some(Selection::Message(_))) || (!pod && self.inspector == InspectorTab::Decision)
        {
            self.inspector = InspectorTab::Summary;
        }
        if selection.is_some() {
            self.open_panel();
            self.legend_open = false;
        }
        self.selection = selection;
    }

    /// Stops in the middle of a message's flight; it is the one that is spoken of.
    fn go_to_message(&mut self, id: u32) {
        let id = EnvelopeId(id);
        let Some(envelope) = self.session.trace().get(id) else { return };
        let middle = (envelope.sent_at.0 + envelope.due_at.0) as f64 / 2.0;
        self.play(false);
        self.go(middle);
        self.player.on = Some(id);
    }

    pub(super) fn show(&mut self, show: super::visible::Show) {
        self.visible.restart(&self.session, show);
        self.look();
    }

    fn enter(&mut self, text: &str) {
        for line in self.terminal.enter(text) {
            if line.trim() == "clear" {
                self.cleared = Time(self.player.time().0 + 1);
            } else {
                self.terminal.waiting.push_back(line);
            }
        }
        if self.screen.running.is_none() && self.jobs.is_empty() && !self.terminal.waiting.is_empty() {
            if self.is_prompt()
                && let Some(line) = self.terminal.waiting.pop_front()
            {
                self.run_line(&line);
            }
            self.play(true);
        }
        self.look();
    }

    /// Whether the terminal takes a line: the one before has ended, and has at least begun.
    fn is_prompt(&self) -> bool {
        let entered_now = || self.session.recording().entries.iter().any(|(at, _)| *at == self.session.playhead().0);
        self.screen.running.is_none() && self.has_arrived() && !entered_now()
    }

    /// Runs a line at once, as from a terminal of its own; while something is worked on, as soon as that has ended.
    fn launch(&mut self, line: &str) {
        self.terminal.history.push(line.to_string());
        if self.jobs.is_empty() && self.has_arrived() {
            self.run_line(line);
        } else {
            self.terminal.waiting.push_back(line.to_string());
        }
        self.play(true);
        self.look();
    }

    fn interrupt(&mut self) {
        self.terminal.partial.clear();
        self.terminal.waiting.clear();
        if let Some(command) = self.screen.running.or(self.screen.watching) {
            self.begin_entry();
            self.session.interrupt(command);
            self.refollow();
            self.play(true);
        }
    }

    /// Runs a command line at the playhead.
    pub(super) fn run_line(&mut self, line: &str) -> CommandId {
        self.begin_entry();
        let command = self.session.run(line);
        self.began = true;
        self.refollow();
        command
    }

    /// What is entered at the playhead drops everything behind it.
    fn begin_entry(&mut self) {
        self.session.seek(self.player.time());
        let t = self.session.playhead();
        let later = self.session.recording().entries.iter().filter(|(at, _)| *at > t.0).count();
        // What the audience has seen is kept; what was only looked ahead at is nobody's loss.
        if later > 0 || self.session.seen_end().0 > t.0 + SEEN_US {
            self.put_aside(Notice::Forked(later));
        }
        if let Some(given) = &mut self.lesson {
            given.forked(t);
        }
    }

    /// Keeps what is about to be left, and says so.
    pub(super) fn put_aside(&mut self, notice: Notice) {
        self.discarded =
            Some(Box::new(Discarded { session: self.session.clone(), lesson: self.lesson.clone(), origin: self.origin }));
        self.notice = Some(notice);
    }

    /// Another cluster takes the place of the one that was shown, from its beginning. What belonged to the old one ends: whoever waits for
    /// an answer gets an error. The user's own cluster is put aside.
    pub(super) fn take_over(&mut self, session: Session) {
        self.notice = None;
        if self.began && self.lesson.is_none() {
            self.put_aside(Notice::PutAside);
        }
        for job in std::mem::take(&mut self.jobs) {
            if let Some(reply) = job.reply() {
                self.effects.push(Effect::Refuse(reply, "another cluster has taken the place of the one that was asked"));
            }
        }
        if self.lesson.is_some() {
            self.effects.push(Effect::Address(String::new(), 0));
        }
        self.session = session;
        self.player.jump(0.0);
        self.player.playing = false;
        self.terminal.waiting.clear();
        self.terminal.partial.clear();
        (self.ready, self.began, self.selection, self.dropped, self.lesson) = (false, true, None, None, None);
        (self.origin, self.cleared) = (Time::ZERO, Time::ZERO);
        // Whoever was followed is not in this cluster.
        (self.view.follows, self.visible.show.pod) = (None, None);
        if let Some(own) = &mut self.own_looks {
            own.follow_nobody();
        }
        self.look_as_told();
        self.refollow();
    }

    /// Follows the trace anew after a part of it has been dropped.
    pub(super) fn refollow(&mut self) {
        self.visible.rewind(self.session.playhead());
        self.visible.follow(&self.session);
        self.screen_for = (usize::MAX, Time::ZERO);
    }

    fn return_to_discarded(&mut self) {
        if let Some(discarded) = self.discarded.take() {
            (self.session, self.origin) = (discarded.session, discarded.origin);
            self.lesson = discarded.lesson;
            let address = self.lesson.as_ref().map_or((String::new(), 0), |given| (given.id.clone(), given.step));
            self.effects.push(Effect::Address(address.0, address.1));
            (self.notice, self.ready, self.cleared) = (None, true, Time::ZERO);
            self.jobs.retain(|job| job.reply().is_some());
            self.player.playing = false;
            self.player.jump(self.session.seen_end().0 as f64);
            let show = self.visible.show.clone();
            self.visible.restart(&self.session, show);
            self.look_as_told();
            self.refollow();
            self.look();
        }
    }

    fn drop_file(&mut self, name: &str, text: &str) {
        if orrery_sim::lesson::Lesson::is_meant(text) {
            return self.open_text(name, text, 0);
        }
        if Self::is_saved(text) {
            return self.open_saved(text);
        }
        let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
        let safe = if safe.trim_matches(['.', '-']).is_empty() { "dropped.yaml".to_string() } else { safe };
        self.enter(&writing(&safe, text));
        self.dropped = Some(safe);
    }
}

/// The file that the editor of manifests writes.
const MANIFEST: &str = "manifest.yaml";

/// The command line that writes a file.
fn writing(name: &str, text: &str) -> String {
    let mut mark = "EOF".to_string();
    while text.lines().any(|line| line == mark) {
        mark.push('_');
    }
    let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    format!("cat > {name} <<'{mark}'\n{text}{end}{mark}")
}
