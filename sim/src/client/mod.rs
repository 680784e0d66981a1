//! What client-go gives every component: informers that keep a cache by a watch, work queues, event recorders, leader election.

mod event_correlator;
pub mod events;
mod informer;
mod leader;
mod queue;
mod recent;
mod throttle;

pub use events::{EventRecorder, Occurrence, SeriesRecorder, object_part_reference, object_reference};
pub use informer::{Change, Informer};
pub use leader::{LeaderElector, Leadership};
pub use queue::{Queued, WorkQueue};
pub use throttle::Throttle;

use crate::core::{Addr, Directory, MachineId, Part};
use crate::value::Value;

/// The api-server (or load balancer) that a program was told to talk to: its arguments' `server` is the machine's number,
/// `balanced` says whether a load balancer listens there.
pub fn server(args: &Value) -> Addr {
    let part = if args["balanced"].is_true() { Part::LoadBalancer } else { Part::ApiServer };
    Addr::new(MachineId(args["server"].int() as u16), part)
}

/// Who listens at a URL or `host:port`: the load balancer of that name, or the api-server of that machine.
pub fn endpoint(url: &str, directory: &Directory) -> Option<Addr> {
    let machine = crate::runtime::spawn::machine_of(url, directory)?;
    let balanced = directory.name(machine).ends_with(crate::kind::load_balancer::ROLE);
    Some(Addr::new(machine, if balanced { Part::LoadBalancer } else { Part::ApiServer }))
}
