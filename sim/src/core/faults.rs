//! What is wrong with the docker network: machines that are taken off it, packets that are dropped, slow and lossy interfaces.
//!
//! A connection that loses a message breaks: nothing comes through it any more, and after ten seconds both ends give it up. (TCP would send
//! the message again for some minutes; programs' own time-outs are mostly shorter.) Members of etcd do not ask again: their messages
//! are just gone. On connections on which nothing is sent the ends ping each other, and give up after half a minute without an answer. Packets that only get lost now and then come late.

use std::collections::{BTreeMap, BTreeSet};

use super::{Addr, Duration, Envelope, EnvelopeId, MachineId, Message, Rng};

/// What an interface does to what its machine sends (`tc qdisc add dev eth0 root netem …`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Netem {
    /// Added to every packet's way.
    pub delay: Duration,
    /// More or less than that, at most.
    pub jitter: Duration,
    /// Of a million packets, so many get lost and are sent again.
    pub loss_ppm: u32,
}

/// A chain of packets' rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chain {
    /// What comes to the machine.
    Input,
    /// What it sends.
    Output,
}

/// A change of what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkChange {
    /// `docker network disconnect`
    Disconnect(MachineId),
    /// `docker network connect`
    Connect(MachineId),
    /// A machine drops what comes from another (`iptables -A INPUT -s … -j DROP`), or what goes there, or does so no more.
    Drop {
        /// Whose rule it is.
        at: MachineId,
        /// Of what comes, or of what goes.
        chain: Chain,
        /// The other machine.
        other: MachineId,
        /// Whether packets are dropped from now on.
        on: bool,
    },
    /// An interface's netem; `None` removes it.
    Netem(MachineId, Option<Netem>),
}

/// Everything that is wrong at the moment.
#[derive(Clone, Debug)]
pub struct Faults {
    rng: Rng,
    disconnected: BTreeSet<MachineId>,
    /// Whose rules drop what: machine, chain, the other machine.
    dropped: BTreeSet<(MachineId, Chain, MachineId)>,
    netem: BTreeMap<MachineId, Netem>,
    /// Connections that have lost a message.
    broken: BTreeSet<EnvelopeId>,
}

/// A lost packet is sent again after this time, then after twice as long, and so on.
const RETRANSMISSION: Duration = Duration::ms(200);

impl Faults {
    /// Nothing is wrong.
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed, "network/faults"),
            disconnected: BTreeSet::new(),
            dropped: BTreeSet::new(),
            netem: BTreeMap::new(),
            broken: BTreeSet::new(),
        }
    }

    /// Carries out a change.
    pub fn change(&mut self, change: &NetworkChange) {
        match change {
            NetworkChange::Disconnect(machine) => {
                self.disconnected.insert(*machine);
            }
            NetworkChange::Connect(machine) => {
                self.disconnected.remove(machine);
            }
            NetworkChange::Drop { at, chain, other, on: true } => {
                self.dropped.insert((*at, *chain, *other));
            }
            NetworkChange::Drop { at, chain, other, on: false } => {
                self.dropped.remove(&(*at, *chain, *other));
            }
            NetworkChange::Netem(machine, Some(netem)) => {
                self.netem.insert(*machine, *netem);
            }
            NetworkChange::Netem(machine, None) => {
                self.netem.remove(machine);
            }
        }
    }

    /// A machine is switched off: with it go the rules and the qdisc of its interface.
    pub(super) fn forget(&mut self, machine: MachineId) {
        self.dropped.retain(|(at, _, _)| *at != machine);
        self.netem.remove(&machine);
    }

    /// Whether a machine is off the network.
    pub fn is_disconnected(&self, machine: MachineId) -> bool {
        self.disconnected.contains(&machine)
    }
    /// Whether packets from one machine do not reach another.
    pub fn is_cut(&self, from: MachineId, to: MachineId) -> bool {
        let dropped = || self.dropped.contains(&(from, Chain::Output, to)) || self.dropped.contains(&(to, Chain::Input, from));
        from != to && (self.is_disconnected(from) || self.is_disconnected(to) || dropped())
    }
    /// The rules of a machine that drop packets: of which chain, and of what comes from or goes to which machine.
    pub fn drops(&self, machine: MachineId) -> impl Iterator<Item = (Chain, MachineId)> {
        let rules = (machine, Chain::Input, MachineId(0))..=(machine, Chain::Output, MachineId(u16::MAX));
        self.dropped.range(rules).map(|(_, chain, other)| (*chain, *other))
    }
    /// What an interface does to what its machine sends.
    pub fn netem(&self, machine: MachineId) -> Option<Netem> {
        self.netem.get(&machine).copied()
    }

    /// Whether pings between two parts get no answer because of this change.
    pub(super) fn silences(&self, change: &NetworkChange, client: Addr, server: Addr) -> bool {
        let between = |machine: MachineId| client.host() == machine || server.host() == machine;
        let touched = match change {
            NetworkChange::Disconnect(machine) => between(*machine),
            NetworkChange::Drop { at, other, .. } => between(*at) && between(*other),
            _ => false,
        };
        touched && (self.cuts(client, server) || self.cuts(server, client))
    }

    /// Whether a message is lost: its way is cut, or its connection is broken.
    pub(super) fn loses(&self, envelope: &Envelope) -> bool {
        if self.disconnected.is_empty() && self.dropped.is_empty() && self.broken.is_empty() {
            return false;
        }
        let docker = envelope.from == Addr::DOCKER || envelope.to == Addr::DOCKER;
        self.cuts(envelope.from, envelope.to) || (!docker && self.broken.contains(&connection(envelope)))
    }

    /// Whether the way between two parts is cut. docker's own way to its containers is no network.
    pub(super) fn cuts(&self, from: Addr, to: Addr) -> bool {
        from != Addr::DOCKER && to != Addr::DOCKER && self.is_cut(from.host(), to.host())
    }

    /// Notes that a connection is broken; says whether that is new.
    pub(super) fn breaks(&mut self, connection: EnvelopeId) -> bool {
        self.broken.insert(connection)
    }

    /// How much longer a message takes.
    pub(super) fn delay(&mut self, envelope: &Envelope) -> Duration {
        let Some(netem) = self.netem.get(&envelope.from.machine).filter(|_| envelope.from.machine != envelope.to.machine) else {
            return Duration::ZERO;
        };
        let jitter = self.rng.between(0, 2 * netem.jitter.0);
        let mut delay = (netem.delay.0 + jitter).saturating_sub(netem.jitter.0);
        let mut again = RETRANSMISSION.0;
        while self.rng.below(1_000_000) < u64::from(netem.loss_ppm.min(950_000)) && again < 60_000_000 {
            delay += again;
            again *= 2;
        }
        Duration(delay)
    }
}

/// The request, call or watch whose connection a message belongs to.
fn connection(envelope: &Envelope) -> EnvelopeId {
    match &envelope.message {
        Message::Response(response) => response.to,
        Message::Watch(batch) => batch.stream,
        Message::Failure(failure) => failure.to,
        Message::EtcdResponse(response) => response.to,
        Message::EtcdWatch(batch) => batch.stream,
        Message::Cri(cri) => match &**cri {
            crate::runtime::Cri::Reply { to, .. } => *to,
            _ => envelope.id,
        },
        Message::Machine(message) => match &**message {
            crate::machine::MachineMessage::Reply { to, .. } => *to,
            _ => envelope.id,
        },
        Message::Request(_) | Message::EtcdRequest(_) | Message::Peer(_) => envelope.id,
    }
}

/// The connection that a message belongs to, if it has one.
pub(super) fn connection_of(envelope: &Envelope) -> Option<EnvelopeId> {
    (!matches!(envelope.message, Message::Peer(_))).then(|| connection(envelope))
}
