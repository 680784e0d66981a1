//! Pods that wait to be scheduled, after `pkg/scheduler/backend/queue/{scheduling_queue,active_queue,backoff_queue}.go`.
//!
//! A pod is active (next in line), in back-off (it failed and may be tried again, but others first), unschedulable (it waits for
//! an event that one of the plugins that rejected it hopes for), or gated. Events that come in while a pod is being scheduled need
//! not be kept for it: here a scheduling cycle takes no time between taking the pod and its decision.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use super::framework::{ClusterEvent, QueueSort, Waiting};
use super::pod_info::PodInfo;
use super::profile::Profile;
use crate::core::{Cause, Duration, Time};
use crate::value::Text;

/// How long a pod stays unschedulable without any event before it is tried all the same.
pub const MAX_IN_UNSCHEDULABLE: Duration = Duration::s(300);
/// Back-offs end together with the second that they end in, so that among pods of one second the more important come first.
const BACKOFF_WINDOW: Duration = Duration::s(1);

/// How long pods rest after they could not be scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first time (`podInitialBackoffSeconds`); it doubles with each further one.
    pub initial: Duration,
    /// At most (`podMaxBackoffSeconds`).
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: Duration::s(1), max: Duration::s(10) }
    }
}

/// Where in the queue a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Next in line.
    Active,
    /// It was rejected and may be tried again, but others come first.
    Backoff,
    /// An error stopped it; it is tried again when its back-off is over.
    ErrorBackoff,
    /// It waits for an event.
    Unschedulable,
    /// It may not be queued yet.
    Gated,
}

/// A pod in the queue.
#[derive(Clone, Debug)]
pub struct QueuedPod {
    /// The pod.
    pub info: Rc<PodInfo>,
    /// Since when it waits: it came, or was put back.
    pub since: Time,
    /// How often it was tried.
    pub attempts: u32,
    /// How often it was rejected.
    pub rejections: u32,
    /// How often an error stopped it since it was last rejected.
    pub errors: u32,
    /// The plugins that rejected it last.
    pub rejectors: BTreeSet<&'static str>,
    /// Where it is.
    pub place: Place,
    /// What brought it into line.
    pub cause: Cause,
    /// Whether that was background work.
    pub background: bool,
}

/// What brings a pod into line, and when.
#[derive(Clone, Copy, Debug)]
pub struct Push {
    /// Now.
    pub now: Time,
    /// What did it.
    pub cause: Cause,
    /// Whether that is background work.
    pub background: bool,
}

/// The key of a pod in back-off: its end, the more important first, then the older.
type BackoffKey = (Time, Reverse<i64>, Time, Text);

/// The queue.
#[derive(Clone, Debug)]
pub struct SchedulingQueue {
    profiles: Rc<Vec<Rc<Profile>>>,
    backoff: Backoff,
    pods: BTreeMap<Text, QueuedPod>,
    /// Active pods in the order of the profiles' QueueSort, which they have in common.
    active: VecDeque<(Rc<PodInfo>, Time)>,
    /// Pods in back-off.
    backing_off: BTreeSet<BackoffKey>,
    /// Pods in back-off after an error.
    after_error: BTreeSet<BackoffKey>,
    /// Pods that wait for events.
    unschedulable: BTreeSet<Text>,
}

/// Whether a pod must not come into line, whatever happens: it is making room for itself (DefaultPreemption's PreEnqueue).
pub type Stays<'a> = &'a dyn Fn(&str) -> bool;

impl SchedulingQueue {
    /// An empty queue.
    pub fn new(profiles: Rc<Vec<Rc<Profile>>>, backoff: Backoff) -> Self {
        Self {
            profiles,
            backoff,
            pods: BTreeMap::new(),
            active: VecDeque::new(),
            backing_off: BTreeSet::new(),
            after_error: BTreeSet::new(),
            unschedulable: BTreeSet::new(),
        }
    }

    /// The pod with this key.
    pub fn get(&self, key: &str) -> Option<&QueuedPod> {
        self.pods.get(key)
    }

    /// All pods by key.
    pub fn pods(&self) -> impl Iterator<Item = &QueuedPod> {
        self.pods.values()
    }

    /// Whether pods wait for events, so that time alone may bring them into line.
    pub fn has_resting(&self) -> bool {
        !self.unschedulable.is_empty() || !self.backing_off.is_empty() || !self.after_error.is_empty()
    }

    /// When the back-off of a pod ends that was put back at `pod.since`.
    pub fn backoff_until(&self, pod: &QueuedPod) -> Time {
        let count = if pod.errors > 0 { pod.errors } else { pod.rejections };
        if count == 0 {
            return pod.since;
        }
        let Backoff { initial, max } = self.backoff;
        let shift = (count - 1).min(63);
        let rest = if initial.0 > max.0 >> shift { max.0 } else { initial.0 << shift };
        let end = pod.since.0 + rest;
        Time(end - end % BACKOFF_WINDOW.0 + BACKOFF_WINDOW.0)
    }

    /// Adds a new pod.
    pub fn add(&mut self, info: Rc<PodInfo>, push: Push) {
        let Push { now, cause, background } = push;
        let mut pod = QueuedPod {
            info,
            since: now,
            attempts: 0,
            rejections: 0,
            errors: 0,
            rejectors: BTreeSet::new(),
            place: Place::Active,
            cause,
            background,
        };
        self.wake(&mut pod, push);
        self.put(pod);
    }

    /// Takes over a change of a waiting pod, which may bring it into line.
    pub fn update(&mut self, info: Rc<PodInfo>, stays: Stays<'_>, push: Push) {
        let Some(mut pod) = self.take(&info.key) else { return self.add(info, push) };
        let old = std::mem::replace(&mut pod.info, info);
        let event = ClusterEvent::PodItself(&old, &pod.info);
        let wakes = matches!(pod.place, Place::Unschedulable | Place::Gated) && self.helps(&pod, &event);
        if wakes && !stays(&pod.info.key) {
            self.wake(&mut pod, push);
        }
        self.put(pod);
    }

    /// Forgets a pod.
    pub fn remove(&mut self, key: &str) {
        self.take(key);
    }

    /// Takes the pod whose turn it is; when none is active, the one whose back-off ends first.
    pub fn pop(&mut self, now: Time) -> Option<QueuedPod> {
        self.end_backoffs(now);
        let key = match self.active.pop_front() {
            Some((info, _)) => info.key.clone(),
            None => self.backing_off.pop_first()?.3,
        };
        let mut pod = self.pods.remove(&key)?;
        pod.attempts += 1;
        Some(pod)
    }

    /// Whether [`SchedulingQueue::pop`] has something to give.
    pub fn has_next(&self) -> bool {
        !self.active.is_empty() || !self.backing_off.is_empty()
    }

    /// How many pods are in line, rest after an attempt, wait for an event, and may not be queued yet.
    pub fn lengths(&self) -> (usize, usize, usize, usize) {
        let (active, backoff) = (self.active.len(), self.backing_off.len() + self.after_error.len());
        let unschedulable = self.unschedulable.len();
        (active, backoff, unschedulable, self.pods.len() - active - backoff - unschedulable)
    }

    /// Puts a pod back that could not be scheduled: it waits for an event. After an error (`rejectors` is empty) it is tried again
    /// after its back-off, whose end is returned.
    pub fn put_back(&mut self, mut pod: QueuedPod, now: Time) -> Time {
        pod.since = now;
        if pod.rejectors.is_empty() {
            pod.errors += 1;
            pod.place = Place::ErrorBackoff;
        } else {
            pod.rejections += 1;
            pod.errors = 0;
            pod.place = Place::Unschedulable;
        }
        let end = self.backoff_until(&pod);
        self.put(pod);
        end
    }

    /// Brings those pods into line which a plugin that rejected them now gives a chance.
    pub fn on_event(&mut self, event: &ClusterEvent<'_>, stays: Stays<'_>, push: Push) {
        let wakes = |key: &&Text| self.pods.get(*key).is_some_and(|pod| !stays(key) && self.helps(pod, event));
        let keys: Vec<Text> = self.unschedulable.iter().filter(wakes).cloned().collect();
        for key in keys {
            let Some(mut pod) = self.take(&key) else { continue };
            self.wake(&mut pod, push);
            self.put(pod);
        }
    }

    /// Brings a pod into line at once, without looking at its back-off.
    pub fn activate(&mut self, key: &str, push: Push) {
        let Some(mut pod) = self.take(key) else { return };
        if matches!(pod.place, Place::Unschedulable | Place::Backoff | Place::ErrorBackoff) {
            pod.cause = push.cause;
            pod.background = push.background;
            pod.place = if self.pre_enqueue(&mut pod) { Place::Active } else { Place::Gated };
        }
        self.put(pod);
    }

    /// Brings pods into line that have waited too long for an event, and those whose back-off is over.
    pub fn flush(&mut self, stays: Stays<'_>, now: Time, cause: Cause) {
        let too_long =
            |key: &&Text| self.pods.get(*key).is_some_and(|pod| now.since(pod.since) > MAX_IN_UNSCHEDULABLE && !stays(key));
        let keys: Vec<Text> = self.unschedulable.iter().filter(too_long).cloned().collect();
        for key in keys {
            let Some(mut pod) = self.take(&key) else { continue };
            self.wake(&mut pod, Push { now, cause, background: true });
            self.put(pod);
        }
        self.end_backoffs(now);
    }

    fn end_backoffs(&mut self, now: Time) {
        for after_error in [false, true] {
            loop {
                let queue = if after_error { &mut self.after_error } else { &mut self.backing_off };
                if queue.first().is_none_or(|(end, ..)| *end > now) {
                    break;
                }
                let Some((.., key)) = queue.pop_first() else { break };
                let Some(mut pod) = self.pods.remove(&key) else { continue };
                pod.place = Place::Active;
                self.put(pod);
            }
        }
    }

    fn put(&mut self, pod: QueuedPod) {
        let key = pod.info.key.clone();
        match pod.place {
            Place::Active => {
                let sort = self.profiles.first().and_then(|profile| profile.queue_sort());
                let comes_first = |(info, since): &(Rc<PodInfo>, Time)| match sort {
                    Some(sort) => !compare(sort, info, *since, &pod).is_gt(),
                    None => *since <= pod.since,
                };
                let at = self.active.partition_point(comes_first);
                self.active.insert(at, (Rc::clone(&pod.info), pod.since));
            }
            Place::Backoff => _ = self.backing_off.insert(self.backoff_key(&pod)),
            Place::ErrorBackoff => _ = self.after_error.insert(self.backoff_key(&pod)),
            Place::Unschedulable => _ = self.unschedulable.insert(key.clone()),
            Place::Gated => {}
        }
        self.pods.insert(key, pod);
    }

    fn take(&mut self, key: &str) -> Option<QueuedPod> {
        let pod = self.pods.remove(key)?;
        match pod.place {
            Place::Active => self.active.retain(|(info, _)| info.key != *key),
            Place::Backoff => _ = self.backing_off.remove(&self.backoff_key(&pod)),
            Place::ErrorBackoff => _ = self.after_error.remove(&self.backoff_key(&pod)),
            Place::Unschedulable => _ = self.unschedulable.remove(key),
            Place::Gated => {}
        }
        Some(pod)
    }

    fn backoff_key(&self, pod: &QueuedPod) -> BackoffKey {
        (self.backoff_until(pod), Reverse(pod.info.priority), pod.since, pod.info.key.clone())
    }

    fn profile_of(&self, pod: &QueuedPod) -> Option<&Profile> {
        let named = |profile: &&Rc<Profile>| profile.scheduler_name == pod.info.scheduler_name;
        self.profiles.iter().find(named).map(|profile| &**profile)
    }

    fn helps(&self, pod: &QueuedPod, event: &ClusterEvent<'_>) -> bool {
        // Room that was kept for a pod was kept from the less important only.
        if matches!(event, ClusterEvent::NominationGone(gone) if pod.info.priority > gone.priority) {
            return false;
        }
        let Some(profile) = self.profile_of(pod) else { return false };
        let rejected = |name: &str| pod.rejectors.contains(name);
        profile.plugins().iter().any(|plugin| rejected(plugin.name()) && plugin.helps(&pod.info, event))
    }

    /// Whether a pod may be queued; a plugin that is against it has rejected the pod.
    fn pre_enqueue(&self, pod: &mut QueuedPod) -> bool {
        let against = self.profile_of(pod).and_then(|profile| profile.pre_enqueue(&pod.info).err());
        pod.rejectors.extend(against.iter().map(|(plugin, _)| *plugin));
        against.is_none()
    }

    /// Moves a pod on: into line, or into its back-off when that is not over yet.
    fn wake(&self, pod: &mut QueuedPod, push: Push) {
        pod.cause = push.cause;
        pod.background = push.background;
        pod.place = if !self.pre_enqueue(pod) {
            Place::Gated
        } else if self.backoff_until(pod) > push.now {
            Place::Backoff
        } else {
            Place::Active
        };
    }
}

fn compare(sort: &dyn QueueSort, info: &PodInfo, since: Time, other: &QueuedPod) -> std::cmp::Ordering {
    sort.compare(Waiting { pod: info, since }, Waiting { pod: &other.info, since: other.since })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;
    use crate::value::Value;

    fn queue() -> SchedulingQueue {
        SchedulingQueue::new(Rc::new(vec![Rc::default()]), Backoff::default())
    }

    fn pod(name: &'static str, priority: i64, more: Value) -> Rc<PodInfo> {
        let mut pod = value!({
            "metadata": {"name": name, "namespace": "default", "uid": name},
            "spec": {"priority": priority, "schedulerName": "default-scheduler"},
        });
        for (key, value) in more.entries() {
            pod["spec"].map_mut().insert(key.clone(), value.clone());
        }
        PodInfo::new(&pod)
    }

    fn at(seconds: u64) -> Push {
        Push { now: Time(seconds * 1_000_000), cause: Cause::Start, background: false }
    }

    fn event(queue: &mut SchedulingQueue, event: &ClusterEvent<'_>, push: Push) {
        queue.on_event(event, &|_| false, push);
    }

    /// Takes the next pod and puts it back as rejected by this plugin.
    fn reject(queue: &mut SchedulingQueue, plugin: &'static str, now: Time) {
        let mut tried = queue.pop(now).unwrap();
        tried.rejectors = [plugin].into();
        queue.put_back(tried, now);
    }

    fn names(queue: &mut SchedulingQueue, now: Time) -> Vec<Text> {
        std::iter::from_fn(|| queue.pop(now)).map(|pod| pod.info.name.clone()).collect()
    }

    /// Any pod that goes gives those a chance that found no room.
    fn pod_gone(queue: &mut SchedulingQueue, push: Push) {
        event(queue, &ClusterEvent::PodGone(&pod("x", 0, Value::Null)), push);
    }

    #[test]
    fn the_more_important_first_then_the_older() {
        let mut queue = queue();
        for (second, (name, priority)) in [("a", 0), ("b", 5), ("c", 0), ("d", 5)].into_iter().enumerate() {
            queue.add(pod(name, priority, Value::Null), at(second as u64));
        }
        assert_eq!(names(&mut queue, at(9).now), ["b", "d", "a", "c"].map(Text::from));
    }

    #[test]
    fn a_rejected_pod_waits_for_what_its_rejectors_hope_for() {
        let mut queue = queue();
        queue.add(pod("a", 0, Value::Null), at(0));
        reject(&mut queue, "NodeUnschedulable", at(0).now);
        assert!(!queue.has_next());
        pod_gone(&mut queue, at(1));
        assert!(!queue.has_next());
        let (old, new) = (value!({"spec": {"unschedulable": true}}), value!({}));
        event(&mut queue, &ClusterEvent::NodeChanged(&old, &new), at(1));
        assert_eq!(queue.get("default/a").unwrap().place, Place::Backoff);
        // Nothing else is in line, so it need not wait for the end of its back-off.
        assert_eq!(queue.pop(at(1).now).unwrap().attempts, 2);
    }

    #[test]
    fn back_off_doubles_and_ends_with_its_second() {
        let mut queue = SchedulingQueue::new(Rc::new(vec![Rc::default()]), Backoff::default());
        queue.add(pod("a", 0, Value::Null), at(0));
        let mut tried = queue.pop(Time(0)).unwrap();
        tried.since = Time(300_000);
        let ends = |queue: &SchedulingQueue, tried: &QueuedPod| queue.backoff_until(tried).0;
        let rests: Vec<u64> = (0..7)
            .map(|rejections| {
                tried.rejections = rejections;
                ends(&queue, &tried)
            })
            .collect();
        assert_eq!(rests, [300_000, 2_000_000, 3_000_000, 5_000_000, 9_000_000, 11_000_000, 11_000_000]);
        // Errors are counted apart: a first error after many rejections rests one second.
        tried.errors = 1;
        assert_eq!(ends(&queue, &tried), 2_000_000);
        queue.backoff = Backoff { initial: Duration::s(3), max: Duration::s(4) };
        tried.errors = 2;
        assert_eq!(ends(&queue, &tried), 5_000_000);
    }

    #[test]
    fn of_back_offs_that_end_in_one_second_the_more_important_comes_first() {
        let mut queue = queue();
        for (name, priority, millis) in [("low", 0, 100), ("high", 9, 600), ("later", 99, 1100)] {
            let push = Push { now: Time(millis * 1000), ..at(0) };
            queue.add(pod(name, priority, Value::Null), push);
            reject(&mut queue, "NodeResourcesFit", push.now);
        }
        pod_gone(&mut queue, Push { now: Time(1_200_000), ..at(0) });
        assert_eq!(names(&mut queue, Time(1_200_000)), ["high", "low", "later"].map(Text::from));
    }

    #[test]
    fn a_pod_whose_back_off_is_over_is_in_line_again() {
        let mut queue = queue();
        queue.add(pod("important", 9, Value::Null), at(0));
        reject(&mut queue, "NodeResourcesFit", at(0).now);
        pod_gone(&mut queue, at(0));
        for name in ["a", "b", "c"] {
            queue.add(pod(name, 0, Value::Null), at(0));
        }
        // In back-off it has to let others go first; after that it comes first.
        assert_eq!(queue.pop(at(1).now).unwrap().info.name, "a");
        assert_eq!(names(&mut queue, at(2).now), ["important", "b", "c"].map(Text::from));
    }

    #[test]
    fn waiting_ends_after_five_minutes() {
        let mut queue = queue();
        queue.add(pod("a", 0, Value::Null), at(0));
        reject(&mut queue, "NodeResourcesFit", at(0).now);
        queue.flush(&|_| false, at(300).now, Cause::Start);
        assert!(!queue.has_next());
        queue.flush(&|key| key == "default/a", at(301).now, Cause::Start);
        assert!(!queue.has_next());
        queue.flush(&|_| false, at(301).now, Cause::Start);
        assert!(queue.has_next());
    }

    #[test]
    fn a_nomination_that_ends_helps_the_less_important_only() {
        let mut queue = queue();
        for (name, priority) in [("low", 0), ("equal", 5), ("high", 9)] {
            queue.add(pod(name, priority, Value::Null), at(0));
            reject(&mut queue, "NodeResourcesFit", at(0).now);
        }
        event(&mut queue, &ClusterEvent::NominationGone(&pod("x", 5, Value::Null)), at(0));
        assert_eq!(names(&mut queue, at(9).now), ["equal", "low"].map(Text::from));
    }

    #[test]
    fn a_pod_can_be_brought_into_line_at_once() {
        let mut queue = queue();
        queue.add(pod("a", 0, Value::Null), at(0));
        reject(&mut queue, "NodeResourcesFit", at(0).now);
        queue.activate("default/a", at(0));
        assert_eq!(queue.get("default/a").unwrap().place, Place::Active);
    }

    #[test]
    fn gates_hold_a_pod_back_until_they_are_removed() {
        let mut queue = queue();
        queue.add(pod("a", 0, value!({"schedulingGates": [{"name": "wait"}]})), at(0));
        assert!(!queue.has_next());
        queue.update(pod("a", 0, Value::Null), &|_| false, at(1));
        assert_eq!(queue.get("default/a").unwrap().place, Place::Active);
        queue.remove("default/a");
        assert!(!queue.has_next());
    }
}
