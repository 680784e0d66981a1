//! Time, addresses, messages, the event queue, the trace, and the cluster that steps them.

pub mod addr;
pub mod message;
pub mod rng;
pub mod time;

pub use addr::{Addr, Controller, MachineId, Part};
pub use message::{
    Cause, CommandId, Envelope, EnvelopeId, Message, PatchType, Request, Response, Verb, WatchBatch, WatchEvent, WatchType,
};
pub use rng::Rng;
pub use time::{Duration, Time};
