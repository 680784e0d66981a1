//! Time, addresses, messages, the event queue, the trace, and the cluster that steps them.

pub mod addr;
pub mod cluster;
pub mod collections;
pub mod faults;
pub mod gauges;
pub mod message;
pub mod network;
pub mod outbox;
pub mod queue;
pub mod rng;
pub mod time;
pub mod trace;
pub mod trace_json;

pub use addr::{Addr, Controller, MachineId, Part};
pub use cluster::{Cluster, Component, Directory, Disk, Machine};
pub use gauges::{Gauge, GaugeChange, Gauges};
pub use message::{
    Cause, CommandId, Envelope, EnvelopeId, Message, PatchType, Request, Response, Verb, WatchBatch, WatchEvent, WatchType,
};
pub use outbox::{Effect, Event, Outbox, TimerKey};
pub use rng::{Rng, fnv1a, push_hex};
pub use time::{Duration, Time};
pub use trace::{Sink, TerminalEvent, Trace};
