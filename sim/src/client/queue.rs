//! Work queues after client-go's `util/workqueue`: a key waits once however often it is added; while it is worked on, another
//! addition marks it dirty and it comes back afterwards; failures come back after a back-off.

use crate::core::collections::{PMap, PSet};
use std::collections::VecDeque;

use crate::core::{Cause, Duration, Outbox, TimerKey};
use crate::value::Text;

/// A key to work on, and what had put it into the queue first.
#[derive(Clone, Debug, PartialEq)]
pub struct Queued {
    /// The key, usually `namespace/name`.
    pub key: Text,
    /// The message or timer that added it.
    pub cause: Cause,
    /// Whether that was background work.
    pub background: bool,
}

/// A rate-limited work queue.
#[derive(Clone, Debug)]
pub struct WorkQueue {
    /// Names its timers; unique within the component.
    name: &'static str,
    waiting: VecDeque<Queued>,
    /// The keys in `waiting`.
    queued: PSet<Text>,
    processing: PSet<Text>,
    dirty: PMap<Text, Queued>,
    failures: PMap<Text, u32>,
    base: Duration,
    max: Duration,
}

impl WorkQueue {
    /// A queue with the default rate limiter: 5 ms doubling to 1,000 s.
    pub fn new(name: &'static str) -> Self {
        Self::with_backoff(name, Duration::ms(5), Duration::s(1000))
    }

    /// A queue with another back-off.
    pub fn with_backoff(name: &'static str, base: Duration, max: Duration) -> Self {
        Self {
            name,
            waiting: VecDeque::new(),
            queued: PSet::new(),
            processing: PSet::new(),
            dirty: PMap::new(),
            failures: PMap::new(),
            base,
            max,
        }
    }

    /// Adds a key because of what the outbox is handling.
    pub fn add(&mut self, key: impl Into<Text>, out: &Outbox<'_>) {
        let queued = Queued { key: key.into(), cause: out.cause(), background: out.is_background() };
        if self.processing.contains(&queued.key) {
            self.dirty.entry(queued.key.clone()).or_insert(queued);
        } else if self.queued.insert(queued.key.clone()) {
            self.waiting.push_back(queued);
        }
    }

    /// Adds a key after a while; its component passes timers of the queue's name to [`WorkQueue::on_timer`].
    pub fn add_after(&mut self, key: impl Into<Text>, after: Duration, out: &mut Outbox<'_>) {
        if after == Duration::ZERO {
            self.add(key, out);
        } else if after >= Duration::s(10) {
            out.tick(after, self.name, key, 0);
        } else {
            out.timer(after, self.name, key, 0);
        }
    }

    /// Adds a key again after its back-off.
    pub fn add_rate_limited(&mut self, key: impl Into<Text>, out: &mut Outbox<'_>) {
        let key = key.into();
        let failures = self.failures.entry(key.clone()).or_default();
        let wait = Duration((self.base.0 << (*failures).min(30)).min(self.max.0));
        *failures += 1;
        self.add_after(key, wait, out);
    }

    /// Forgets the failures of a key.
    pub fn forget(&mut self, key: &str) {
        self.failures.remove(key);
    }

    /// How often the key has failed in a row.
    pub fn failures(&self, key: &str) -> u32 {
        self.failures.get(key).copied().unwrap_or(0)
    }

    /// Handles a timer; says whether it was this queue's.
    pub fn on_timer(&mut self, timer: &TimerKey, out: &Outbox<'_>) -> bool {
        let mine = timer.name == self.name;
        if mine {
            self.add(timer.key.clone(), out);
        }
        mine
    }

    /// Takes the next key; the caller must call [`WorkQueue::done`] for it.
    pub fn take(&mut self) -> Option<Queued> {
        let queued = self.waiting.pop_front()?;
        self.queued.remove(&queued.key);
        self.processing.insert(queued.key.clone());
        Some(queued)
    }

    /// Ends the work on a key; if it was added meanwhile it waits again.
    pub fn done(&mut self, key: &str) {
        self.processing.remove(key);
        if let Some(queued) = self.dirty.remove(key)
            && self.queued.insert(queued.key.clone())
        {
            self.waiting.push_back(queued);
        }
    }

    /// The keys that wait, in their order.
    pub fn waiting(&self) -> impl Iterator<Item = &Queued> {
        self.waiting.iter()
    }

    /// How many keys wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no key waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many keys are worked on.
    pub fn in_progress(&self) -> usize {
        self.processing.len()
    }
}
