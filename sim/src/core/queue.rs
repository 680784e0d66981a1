//! The event queue: what will happen, ordered by time and, within a moment, by the order of queueing.

use std::cmp::Reverse;
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

/// When an item happens, its number, and where it is kept.
type Entry = Reverse<(Time, u64, u32)>;

/// All that will happen.
#[derive(Clone, Debug, Default)]
pub struct EventQueue {
    heap: BinaryHeap<Entry>,
    /// The items themselves: ordering moves only small entries.
    items: Vec<Option<Item>>,
    free: Vec<u32>,
    next_number: u64,
    foreground: usize,
}

impl EventQueue {
    /// Queues an item.
    pub fn push(&mut self, at: Time, item: Item) {
        self.foreground += usize::from(!item.is_background());
        let place = self.free.pop().unwrap_or_else(|| {
            self.items.push(None);
            self.items.len() as u32 - 1
        });
        self.items[place as usize] = Some(item);
        self.heap.push(Reverse((at, self.next_number, place)));
        self.next_number += 1;
    }

    /// Takes the next item.
    pub fn pop(&mut self) -> Option<(Time, Item)> {
        let Reverse((at, _, place)) = self.heap.pop()?;
        let item = self.items[place as usize].take()?;
        self.free.push(place);
        self.foreground -= usize::from(!item.is_background());
        Some((at, item))
    }

    /// When the next item happens.
    pub fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Drops the timers that `lost` holds for: nobody is left to be reminded.
    pub fn forget_timers(&mut self, mut lost: impl FnMut(Addr, u32, &TimerKey) -> bool) {
        let Self { heap, items, free, foreground, .. } = self;
        heap.retain(|Reverse((.., place))| match &items[*place as usize] {
            Some(Item::Timer { addr, incarnation, key, background, .. }) if lost(*addr, *incarnation, key) => {
                *foreground -= usize::from(!background);
                items[*place as usize] = None;
                free.push(*place);
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
        self.heap.iter().filter_map(|Reverse((at, _, place))| Some((*at, self.items[*place as usize].as_ref()?)))
    }
}
