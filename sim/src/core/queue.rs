//! The event queue: what will happen, ordered by time and, within a moment, by the order of queueing.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::rc::Rc;

use super::faults::NetworkChange;
use super::outbox::TimerKey;
use super::{Addr, CommandId, Envelope, EnvelopeId, Time};

/// Something that will happen.
#[derive(Clone, Debug)]
pub enum Item {
    /// A message arrives.
    Deliver(Rc<Envelope>),
    /// A timer of a process goes off; `incarnation` tells whether it is still the same process.
    Timer {
        /// Whose.
        addr: Addr,
        /// Which run of the program had set it.
        incarnation: u32,
        /// Of what.
        key: TimerKey,
        /// Whether nobody waits for it.
        background: bool,
        /// The message in answer to which it was set.
        since: Option<EnvelopeId>,
    },
    /// A program begins to run.
    Start(Addr, u32),
    /// Connections that a cut of the network has silenced are given up.
    KeepAlive(NetworkChange),
    /// The user's command line.
    Command(CommandId, Rc<str>),
    /// The user's Ctrl-C.
    Interrupt(CommandId),
}

impl Item {
    /// Whether the cluster is quiet although this is still to come.
    pub fn is_background(&self) -> bool {
        match self {
            Self::Deliver(envelope) => envelope.background,
            Self::Timer { background, .. } => *background,
            Self::KeepAlive(_) => true,
            Self::Start(..) | Self::Command(..) | Self::Interrupt(..) => false,
        }
    }
}

#[derive(Clone, Debug)]
struct Entry {
    at: Time,
    number: u64,
    item: Item,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    // Reversed, for BinaryHeap brings up the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// All that will happen.
#[derive(Clone, Debug, Default)]
pub struct EventQueue {
    heap: BinaryHeap<Entry>,
    next_number: u64,
    foreground: usize,
}

impl EventQueue {
    /// Queues an item.
    pub fn push(&mut self, at: Time, item: Item) {
        self.foreground += usize::from(!item.is_background());
        self.heap.push(Entry { at, number: self.next_number, item });
        self.next_number += 1;
    }

    /// Takes the next item.
    pub fn pop(&mut self) -> Option<(Time, Item)> {
        let entry = self.heap.pop()?;
        self.foreground -= usize::from(!entry.item.is_background());
        Some((entry.at, entry.item))
    }

    /// When the next item happens.
    pub fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// Drops the timers that `lost` holds for: nobody is left to be reminded.
    pub fn forget_timers(&mut self, mut lost: impl FnMut(Addr, u32, &TimerKey) -> bool) {
        let foreground = &mut self.foreground;
        self.heap.retain(|entry| match &entry.item {
            Item::Timer { addr, incarnation, key, background, .. } if lost(*addr, *incarnation, key) => {
                *foreground -= usize::from(!background);
                false
            }
            _ => true,
        });
    }

    /// How many items are queued that somebody waits for.
    pub fn foreground(&self) -> usize {
        self.foreground
    }

    /// Everything queued, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Time, &Item)> {
        self.heap.iter().map(|entry| (entry.at, &entry.item))
    }
}
