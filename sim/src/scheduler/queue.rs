//! Pods that wait to be scheduled, after `pkg/scheduler/backend/queue/scheduling_queue.go`.
//!
//! A pod is active (next in line), in back-off (it failed and may be tried again, but others first), unschedulable (it waits for
//! an event that one of the plugins that rejected it hopes for), or gated.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use super::framework::{ClusterEvent, QueueSort, Waiting};
use super::pod_info::PodInfo;
use super::profile::Profile;
use crate::core::{Cause, Duration, Time};
use crate::value::Text;

const INITIAL_BACKOFF: Duration = Duration::s(1);
const MAX_BACKOFF: Duration = Duration::s(10);
/// How long a pod stays unschedulable without any event before it is tried all the same.
pub const MAX_IN_UNSCHEDULABLE: Duration = Duration::s(300);

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
    /// Since when it is where it is.
    pub since: Time,
    /// How often it was tried.
    pub attempts: u32,
    /// The plugins that rejected it last.
    pub rejectors: BTreeSet<&'static str>,
    /// Where it is.
    pub place: Place,
    /// What brought it into line.
    pub cause: Cause,
    /// Whether that was background work.
    pub background: bool,
}

impl QueuedPod {
    /// When its back-off ends.
    pub fn backoff_until(&self) -> Time {
        if self.attempts == 0 {
            return self.since;
        }
        self.since + Duration((INITIAL_BACKOFF.0 << (self.attempts - 1).min(10)).min(MAX_BACKOFF.0))
    }
}

/// The queue.
#[derive(Clone, Debug, Default)]
pub struct SchedulingQueue {
    pods: BTreeMap<Text, QueuedPod>,
    /// Active pods in the order of the profile's QueueSort.
    active: VecDeque<(Rc<PodInfo>, Time)>,
    /// Pods in back-off by its end.
    backing_off: BTreeSet<(Time, Text)>,
    /// Pods in back-off after an error, by its end.
    after_error: BTreeSet<(Time, Text)>,
    /// Pods that wait for events.
    unschedulable: BTreeSet<Text>,
}

impl SchedulingQueue {
    /// The pod with this key.
    pub fn get(&self, key: &str) -> Option<&QueuedPod> {
        self.pods.get(key)
    }

    /// All pods by key.
    pub fn pods(&self) -> impl Iterator<Item = &QueuedPod> {
        self.pods.values()
    }

    /// Whether pods wait for events or in back-off, so that time alone may bring them into line.
    pub fn has_resting(&self) -> bool {
        !self.unschedulable.is_empty() || !self.backing_off.is_empty() || !self.after_error.is_empty()
    }

    /// Adds a new pod.
    pub fn add(&mut self, info: Rc<PodInfo>, profile: &Profile, now: Time, cause: Cause, background: bool) {
        let place = if profile.pre_enqueue(&info).is_ok() { Place::Active } else { Place::Gated };
        let rejectors = profile.pre_enqueue(&info).err().map(|(plugin, _)| plugin).into_iter().collect();
        let pod = QueuedPod { info, since: now, attempts: 0, rejectors, place, cause, background };
        self.put(pod, profile);
    }

    /// Takes over a change of a waiting pod, which may bring it into line.
    pub fn update(&mut self, info: Rc<PodInfo>, profile: &Profile, now: Time, cause: Cause, background: bool) {
        let Some(mut pod) = self.take(&info.key) else { return self.add(info, profile, now, cause, background) };
        let old = std::mem::replace(&mut pod.info, info);
        let event = ClusterEvent::PodItself(&old, &pod.info);
        let wakes = matches!(pod.place, Place::Unschedulable | Place::Gated) && helps(&pod, profile, &event);
        if wakes {
            wake(&mut pod, profile, now, cause, background);
        }
        self.put(pod, profile);
    }

    /// Forgets a pod.
    pub fn remove(&mut self, key: &str) {
        self.take(key);
    }

    /// Takes the pod whose turn it is; when none is active, the one whose back-off ends first.
    pub fn pop(&mut self) -> Option<QueuedPod> {
        if let Some((info, _)) = self.active.pop_front() {
            let mut pod = self.pods.remove(&info.key)?;
            pod.attempts += 1;
            return Some(pod);
        }
        let (_, key) = self.backing_off.pop_first()?;
        let mut pod = self.pods.remove(&key)?;
        pod.attempts += 1;
        Some(pod)
    }

    /// Whether [`SchedulingQueue::pop`] has something to give.
    pub fn has_next(&self) -> bool {
        !self.active.is_empty() || !self.backing_off.is_empty()
    }

    /// How many pods are in line.
    pub fn active(&self) -> usize {
        self.active.len()
    }

    /// Puts a pod back that could not be scheduled: it waits for an event. After an error (`rejectors` is empty) it is tried again
    /// after its back-off.
    pub fn put_back(&mut self, mut pod: QueuedPod, profile: &Profile, now: Time) {
        pod.since = now;
        pod.place = if pod.rejectors.is_empty() { Place::ErrorBackoff } else { Place::Unschedulable };
        self.put(pod, profile);
    }

    /// Brings those pods into line which a plugin that rejected them now gives a chance; `stays` names pods that must wait.
    pub fn on_event(
        &mut self,
        event: &ClusterEvent<'_>,
        profiles: &[Rc<Profile>],
        stays: &dyn Fn(&str) -> bool,
        now: Time,
        cause: Cause,
        background: bool,
    ) {
        let wakes = |key: &&Text| {
            let Some(pod) = self.pods.get(*key).filter(|_| !stays(key)) else { return false };
            profile_of(profiles, pod).is_some_and(|profile| helps(pod, profile, event))
        };
        let keys: Vec<Text> = self.unschedulable.iter().filter(wakes).cloned().collect();
        for key in keys {
            let Some(mut pod) = self.take(&key) else { continue };
            let Some(profile) = profile_of(profiles, &pod) else { continue };
            wake(&mut pod, profile, now, cause, background);
            self.put(pod, profile);
        }
    }

    /// Brings pods into line that have waited too long, and those whose back-off is over.
    pub fn flush(&mut self, profiles: &[Rc<Profile>], now: Time, cause: Cause) {
        let too_long = |key: &&Text| self.pods.get(*key).is_some_and(|pod| now.since(pod.since) >= MAX_IN_UNSCHEDULABLE);
        let mut keys: Vec<Text> = self.unschedulable.iter().filter(too_long).cloned().collect();
        for backoff in [&self.backing_off, &self.after_error] {
            keys.extend(backoff.iter().take_while(|(until, _)| *until <= now).map(|(_, key)| key.clone()));
        }
        for key in keys {
            let Some(mut pod) = self.take(&key) else { continue };
            let Some(profile) = profile_of(profiles, &pod) else { continue };
            if pod.place == Place::Unschedulable {
                pod.cause = cause;
                pod.background = true;
            }
            pod.place = Place::Active;
            self.put(pod, profile);
        }
    }

    fn put(&mut self, pod: QueuedPod, profile: &Profile) {
        let key = pod.info.key.clone();
        match pod.place {
            Place::Active => {
                let comes_first = |(info, since): &(Rc<PodInfo>, Time)| match profile.queue_sort() {
                    Some(sort) => !compare(sort, info, *since, &pod).is_gt(),
                    None => *since <= pod.since,
                };
                let at = self.active.partition_point(comes_first);
                self.active.insert(at, (Rc::clone(&pod.info), pod.since));
            }
            Place::Backoff => _ = self.backing_off.insert((pod.backoff_until(), key.clone())),
            Place::ErrorBackoff => _ = self.after_error.insert((pod.backoff_until(), key.clone())),
            Place::Unschedulable => _ = self.unschedulable.insert(key.clone()),
            Place::Gated => {}
        }
        self.pods.insert(key, pod);
    }

    fn take(&mut self, key: &str) -> Option<QueuedPod> {
        let pod = self.pods.remove(key)?;
        match pod.place {
            Place::Active => self.active.retain(|(info, _)| info.key != *key),
            Place::Backoff => _ = self.backing_off.remove(&(pod.backoff_until(), pod.info.key.clone())),
            Place::ErrorBackoff => _ = self.after_error.remove(&(pod.backoff_until(), pod.info.key.clone())),
            Place::Unschedulable => _ = self.unschedulable.remove(key),
            Place::Gated => {}
        }
        Some(pod)
    }
}

fn profile_of<'p>(profiles: &'p [Rc<Profile>], pod: &QueuedPod) -> Option<&'p Profile> {
    profiles.iter().find(|profile| profile.scheduler_name == pod.info.scheduler_name).map(|profile| &**profile)
}

fn compare(sort: &dyn QueueSort, info: &PodInfo, since: Time, other: &QueuedPod) -> std::cmp::Ordering {
    sort.compare(Waiting { pod: info, since }, Waiting { pod: &other.info, since: other.since })
}

fn helps(pod: &QueuedPod, profile: &Profile, event: &ClusterEvent<'_>) -> bool {
    let rejected = |name: &str| pod.rejectors.contains(name);
    profile.plugins.iter().any(|enabled| rejected(enabled.plugin.name()) && enabled.plugin.helps(&pod.info, event))
}

/// Moves a pod on: into line, or into its back-off when that is not over yet.
fn wake(pod: &mut QueuedPod, profile: &Profile, now: Time, cause: Cause, background: bool) {
    pod.cause = cause;
    pod.background = background;
    pod.place = if profile.pre_enqueue(&pod.info).is_err() {
        Place::Gated
    } else if pod.backoff_until() > now {
        Place::Backoff
    } else {
        Place::Active
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;
    use crate::value::Value;

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

    fn add(queue: &mut SchedulingQueue, info: Rc<PodInfo>, at: u64) {
        queue.add(info, &Profile::default(), Time(at), Cause::Start, false);
    }

    fn event(queue: &mut SchedulingQueue, event: &ClusterEvent<'_>, at: Time) {
        queue.on_event(event, &[Rc::default()], &|_| false, at, Cause::Start, false);
    }

    #[test]
    fn the_more_important_first_then_the_older() {
        let mut queue = SchedulingQueue::default();
        for (at, (name, priority)) in [("a", 0), ("b", 5), ("c", 0), ("d", 5)].into_iter().enumerate() {
            add(&mut queue, pod(name, priority, Value::Null), at as u64);
        }
        let order: Vec<Text> = std::iter::from_fn(|| queue.pop()).map(|pod| pod.info.name.clone()).collect();
        assert_eq!(order, ["b", "d", "a", "c"].map(Text::from));
    }

    #[test]
    fn a_rejected_pod_waits_for_what_its_rejectors_hope_for() {
        let mut queue = SchedulingQueue::default();
        add(&mut queue, pod("a", 0, Value::Null), 0);
        let mut tried = queue.pop().unwrap();
        tried.rejectors = ["NodeUnschedulable"].into();
        queue.put_back(tried, &Profile::default(), Time(0));
        assert!(!queue.has_next());
        event(&mut queue, &ClusterEvent::PodGone(&pod("x", 0, Value::Null)), Time(1));
        assert!(!queue.has_next());
        let (old, new) = (value!({"spec": {"unschedulable": true}}), value!({}));
        event(&mut queue, &ClusterEvent::NodeChanged(&old, &new), Time(2));
        assert_eq!(queue.get("default/a").unwrap().place, Place::Backoff);
        // Nothing else is in line, so it need not wait for the end of its back-off.
        assert_eq!(queue.pop().unwrap().attempts, 2);
    }

    #[test]
    fn back_off_doubles_up_to_ten_seconds() {
        let mut queue = SchedulingQueue::default();
        add(&mut queue, pod("a", 0, Value::Null), 0);
        let mut tried = queue.pop().unwrap();
        let seconds: Vec<u64> = (1..7)
            .map(|attempts| {
                tried.attempts = attempts;
                tried.backoff_until().0 / 1_000_000
            })
            .collect();
        assert_eq!(seconds, [1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn waiting_ends_after_five_minutes() {
        let mut queue = SchedulingQueue::default();
        add(&mut queue, pod("a", 0, Value::Null), 0);
        let mut tried = queue.pop().unwrap();
        tried.rejectors = ["NodeResourcesFit"].into();
        queue.put_back(tried, &Profile::default(), Time(0));
        queue.flush(&[Rc::default()], Time(299_000_000), Cause::Start);
        assert!(!queue.has_next());
        queue.flush(&[Rc::default()], Time(300_000_000), Cause::Start);
        assert!(queue.has_next());
    }

    #[test]
    fn gates_hold_a_pod_back_until_they_are_removed() {
        let mut queue = SchedulingQueue::default();
        add(&mut queue, pod("a", 0, value!({"schedulingGates": [{"name": "wait"}]})), 0);
        assert!(!queue.has_next());
        queue.update(pod("a", 0, Value::Null), &Profile::default(), Time(1), Cause::Start, false);
        assert_eq!(queue.get("default/a").unwrap().place, Place::Active);
        queue.remove("default/a");
        assert!(!queue.has_next());
    }
}
