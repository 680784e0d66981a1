//! The network: how long a message takes, and which streams are open.

use crate::core::collections::PMap;

use super::{Addr, Duration, Envelope, EnvelopeId, MachineId, Message, Part, Rng, Time, Verb};

/// A request without its answer yet, or a watch stream.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// Who asked.
    pub client: Addr,
    /// Who is to answer.
    pub server: Addr,
    /// When the request arrives.
    pub due_at: Time,
}

impl Open {
    fn of(envelope: &Envelope) -> Self {
        Self { client: envelope.from, server: envelope.to, due_at: envelope.due_at }
    }
}

/// Sender and receiver as one number.
fn connection(envelope: &Envelope) -> u64 {
    u64::from(envelope.from.number()) << 32 | u64::from(envelope.to.number())
}

/// Latencies, order on each connection, and open requests.
///
/// Messages between two parts arrive in the order of their sending, as on one HTTP/2 or gRPC connection.
#[derive(Clone, Debug)]
pub struct Network {
    rng: Rng,
    /// By [`connection`].
    last_due: PMap<u64, Time>,
    open: PMap<EnvelopeId, Open>,
}

impl Network {
    /// A network under the simulation's seed.
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::new(seed, "network"), last_due: PMap::new(), open: PMap::new() }
    }

    /// Gives the envelope its arrival time, `delay` later than usual, and notes opened and answered requests.
    pub fn route(&mut self, envelope: &mut Envelope, delay: Duration) {
        let due = envelope.sent_at + self.latency(envelope) + delay;
        let last = self.last_due.entry(connection(envelope)).or_default();
        envelope.due_at = due.max(*last);
        *last = envelope.due_at;
        self.note(envelope);
    }

    /// The same for what a machine will find out by itself about a dead connection: later ones do not wait for that.
    pub fn route_aside(&mut self, envelope: &mut Envelope) {
        let due = envelope.sent_at + self.latency(envelope);
        envelope.due_at = due.max(self.last_due.get(&connection(envelope)).copied().unwrap_or_default());
        self.note(envelope);
    }

    fn note(&mut self, envelope: &Envelope) {
        match &envelope.message {
            Message::Request(_) => {
                self.open.insert(envelope.id, Open::of(envelope));
            }
            Message::EtcdRequest(request) if !matches!(**request, crate::etcd::EtcdRequest::Compact { .. }) => {
                self.open.insert(envelope.id, Open::of(envelope));
            }
            Message::Cri(cri) => match &**cri {
                crate::runtime::Cri::Call { .. } => {
                    self.open.insert(envelope.id, Open::of(envelope));
                }
                crate::runtime::Cri::Reply { to, .. } => {
                    self.open.remove(to);
                }
                crate::runtime::Cri::Event { .. } => {}
            },
            Message::Machine(message) => match &**message {
                crate::machine::MachineMessage::Call { .. } => {
                    self.open.insert(envelope.id, Open::of(envelope));
                }
                crate::machine::MachineMessage::Reply { to, .. } => {
                    self.open.remove(to);
                }
                crate::machine::MachineMessage::Event { .. } => {}
            },
            Message::Response(response) => {
                self.open.remove(&response.to);
            }
            Message::EtcdResponse(response) => {
                self.open.remove(&response.to);
            }
            Message::Failure(failure) => {
                self.open.remove(&failure.to);
            }
            Message::EtcdWatch(batch) if batch.compact_revision > 0 => {
                self.open.remove(&batch.stream);
            }
            _ => {}
        }
    }

    /// Removes and returns the open requests of which `part` is the client or the server.
    pub fn take_open(&mut self, part: Addr) -> Vec<(EnvelopeId, Open)> {
        let touches = |open: &Open| {
            let same = |addr: Addr| addr.machine == part.machine && addr.part.process() == part.part.process();
            same(open.client) || same(open.server)
        };
        let taken: Vec<(EnvelopeId, Open)> =
            self.open.iter().filter(|(_, open)| touches(open)).map(|(id, open)| (*id, *open)).collect();
        for (id, _) in &taken {
            self.open.remove(id);
        }
        taken
    }

    /// Forgets an open request or stream.
    pub(super) fn forget(&mut self, id: EnvelopeId) {
        self.open.remove(&id);
    }

    /// The open requests and streams.
    pub fn open(&self) -> impl Iterator<Item = (EnvelopeId, Open)> {
        self.open.iter().map(|(id, open)| (*id, *open))
    }

    /// Loopback takes 60–180 µs, between machines of the docker network 200–500 µs, the user's way in 400–900 µs, the registry 8–20 ms;
    /// an answer with a long list takes longer.
    fn latency(&mut self, envelope: &Envelope) -> Duration {
        let (from, to) = (envelope.from, envelope.to);
        let (low, high) = if from.part == Part::Registry || to.part == Part::Registry {
            (8_000, 20_000)
        } else if from.machine == to.machine {
            (60, 180)
        } else if from.machine == MachineId::USER || to.machine == MachineId::USER {
            (400, 900)
        } else {
            (200, 500)
        };
        let size = match &envelope.message {
            Message::Request(request) if request.verb == Verb::Watch => 0,
            Message::Response(response) => response.body["items"].items().len() as u64 * 3,
            Message::Watch(batch) => batch.events.len() as u64 * 3,
            _ => 0,
        };
        Duration(self.rng.between(low, high) + size)
    }
}
