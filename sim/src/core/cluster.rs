//! The cluster: machines with their programs, the network, and the queue of what happens next.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use super::collections::PMap;
use super::faults::{Faults, NetworkChange, connection_of};
use super::message::{Failure, FailureKind};
use super::network::Network;
use super::outbox::{Effect, Event, Outbox};
use super::queue::{EventQueue, Item};
use super::{Addr, Cause, CommandId, Duration, Envelope, EnvelopeId, Gauge, MachineId, Message, Part, Sink, Time};
use crate::machine::MachineSpec;
use crate::value;
use crate::value::{Text, Value};

/// After how long who wants to connect gives up, and who is connected notices that nothing comes any more.
const DIAL_TIMEOUT: Duration = Duration::s(10);
/// containerd waits longer for a registry (`newTransport` in its `internal/cri/server/images/image_pull.go`).
const REGISTRY_TIMEOUT: Duration = Duration::s(30);
/// After so long without an answer a connection is dead: client-go pings after 30 s of silence and waits for 15 s (`ReadIdleTimeout`,
/// `PingTimeout`), so that it takes 15 to 45 s; etcd's clients ping after 30 s and wait for 10 s.
const KEEP_ALIVE: Duration = Duration::s(30);

/// A program: a state machine that only sees events and only queues effects.
///
/// Plain data: a checkpoint clones it. It must not look at anything but its own state, the event and the outbox.
pub trait Component {
    /// Handles one event.
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>);
    /// What stays on the machine's disk when the program ends.
    fn persist(&self, _disk: &mut Disk) {}
    /// What can be counted of it, always in the same order: it may be asked after every event.
    fn gauges(&self, _tell: &mut dyn FnMut(Gauge, u64)) {}
    /// A copy of the state, for checkpoints.
    fn boxed_clone(&self) -> Rc<dyn Component>;
    /// For inspectors that know the type.
    fn as_any(&self) -> &dyn Any;
}

// Not a supertrait: the derived text of every state of every program would be part of the page's module.
impl fmt::Debug for dyn Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Component")
    }
}

/// Implements the parts of [`Component`] that are the same for all: `component!(Etcd)`.
#[macro_export]
macro_rules! component_boilerplate {
    () => {
        fn boxed_clone(&self) -> std::rc::Rc<dyn $crate::core::Component> {
            std::rc::Rc::new(self.clone())
        }
        fn as_any(&self) -> &dyn std::any::Any {
            self
        }
    };
}

/// What is written on a machine's disk, by path.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// Files such as `/etc/kubernetes/manifests/etcd.yaml`, parsed.
    pub files: PMap<Text, Value>,
    /// etcd's data directory.
    pub etcd: Option<crate::etcd::DataDir>,
}

/// A running program.
#[derive(Clone, Debug)]
struct Process {
    incarnation: u32,
    args: Value,
    state: Rc<dyn Component>,
}

/// A machine: the user's computer, or a node's container in the docker network.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What it was made from.
    pub spec: Rc<MachineSpec>,
    /// Its address in the docker network, such as `172.18.0.2`; "" for the user's.
    pub ip: Text,
    /// Whether it is switched on.
    pub powered: bool,
    /// Whether it was removed for good; its number is not used again.
    pub removed: bool,
    /// Since when it has been switched on.
    pub powered_since: Time,
    /// When it was made.
    pub created: Time,
    /// Its disk.
    pub disk: Disk,
    processes: PMap<Part, Process>,
}

impl Machine {
    /// The parts that run, in the order of [`Part`].
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        self.processes.keys().copied()
    }
    /// Whether a part runs.
    pub fn runs(&self, part: Part) -> bool {
        self.processes.contains_key(&part.process())
    }
    /// The state of a part, if it runs and is of this type.
    pub fn part<T: 'static>(&self, part: Part) -> Option<&T> {
        self.processes.get(&part.process())?.state.as_any().downcast_ref()
    }
    /// The arguments that a part was started with.
    pub fn args(&self, part: Part) -> Option<&Value> {
        self.processes.get(&part.process()).map(|process| &process.args)
    }
}

/// Names and addresses of the docker network: what DNS and routes tell a program.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    by_name: PMap<Text, MachineId>,
    machines: Vec<(Text, Text)>,
    next_host: u16,
}

impl Directory {
    /// A directory of machines: name, address, number.
    #[cfg(test)]
    pub(crate) fn of(machines: &[(&str, &str, MachineId)]) -> Self {
        let names = machines.iter().flat_map(|(name, ip, id)| [(Text::new(name), *id), (Text::new(ip), *id)]);
        Self { by_name: names.collect(), ..Self::default() }
    }

    /// The machine with this name or address.
    pub fn find(&self, name_or_ip: &str) -> Option<MachineId> {
        self.by_name.get(name_or_ip).copied()
    }
    /// A machine's name.
    pub fn name(&self, machine: MachineId) -> Text {
        self.machines.get(machine.0 as usize).map(|(name, _)| name.clone()).unwrap_or_default()
    }
    /// A machine's address.
    pub fn ip(&self, machine: MachineId) -> Text {
        self.machines.get(machine.0 as usize).map(|(_, ip)| ip.clone()).unwrap_or_default()
    }
    /// All machines in the order of their numbers: (name, address).
    pub fn machines(&self) -> &[(Text, Text)] {
        &self.machines
    }
}

/// The simulated cluster. Cloning it is a checkpoint: everything large is shared until it changes.
#[derive(Clone, Debug)]
pub struct Cluster {
    seed: u64,
    now: Time,
    queue: EventQueue,
    network: Network,
    faults: Faults,
    /// Connections that have just lost a message, between whom, and whether somebody waits for them.
    broken: Vec<(EnvelopeId, Addr, Addr, bool)>,
    machines: Vec<Machine>,
    directory: Rc<Directory>,
    next_envelope: u32,
    next_incarnation: u32,
    steps: u64,
    /// Empty between events; kept for its capacity.
    effects: Vec<Effect>,
}

impl Cluster {
    /// The user's computer alone, with a shell and docker; clusters come into being by `kind create cluster`.
    pub fn new(seed: u64) -> Self {
        Self::with_files(seed, Value::Null)
    }

    /// The same, with files in the user's home directory: a map of path → text.
    pub fn with_files(seed: u64, files: Value) -> Self {
        let mut cluster = Self {
            seed,
            now: Time::ZERO,
            queue: EventQueue::default(),
            network: Network::new(seed),
            faults: Faults::new(seed),
            broken: Vec::new(),
            effects: Vec::new(),
            machines: Vec::new(),
            directory: Rc::new(Directory { next_host: 2, ..Directory::default() }),
            next_envelope: 0,
            next_incarnation: 0,
            steps: 0,
        };
        let user = MachineSpec {
            name: "localhost".into(),
            image: "".into(),
            role: "user".into(),
            cluster: "".into(),
            config: Value::Null,
        };
        cluster.add_machine(Rc::new(user), &mut ());
        for part in crate::programs::ON_USERS_MACHINE {
            cluster.spawn(Addr::new(MachineId::USER, *part), value!({"files": files.clone()}), &mut ());
        }
        cluster
    }

    /// The seed of all its random numbers.
    pub fn seed(&self) -> u64 {
        self.seed
    }
    /// The time of the last event.
    pub fn now(&self) -> Time {
        self.now
    }
    /// How many events have been handled.
    pub fn steps(&self) -> u64 {
        self.steps
    }
    /// The number that the next envelope will get.
    pub fn next_envelope(&self) -> u32 {
        self.next_envelope
    }
    /// When the next event happens.
    pub fn next_at(&self) -> Option<Time> {
        self.queue.next_at()
    }
    /// Whether nothing is going on but periodic work: desired and actual state agree, or something waits for its time.
    pub fn is_quiet(&self) -> bool {
        self.queue.foreground() == 0
    }
    /// Everything queued.
    pub fn queue(&self) -> &EventQueue {
        &self.queue
    }
    /// All machines; the user's is the first. Those that were removed stay in the list.
    pub fn machines(&self) -> &[Machine] {
        &self.machines
    }
    /// One machine.
    pub fn machine(&self, id: MachineId) -> Option<&Machine> {
        self.machines.get(id.0 as usize).filter(|machine| !machine.removed)
    }
    /// Names and addresses.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }
    /// What is wrong with the network.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
    /// The open requests and streams.
    pub fn network(&self) -> &Network {
        &self.network
    }
    /// The state of a part, if it runs and is of this type.
    pub fn part<T: 'static>(&self, addr: Addr) -> Option<&T> {
        self.machine(addr.machine)?.part(addr.part)
    }
    /// All running parts of a type, with their addresses.
    pub fn parts<T: 'static>(&self, part: Part) -> impl Iterator<Item = (Addr, &T)> {
        self.machines
            .iter()
            .enumerate()
            .filter(|(_, machine)| !machine.removed && machine.powered)
            .filter_map(move |(index, machine)| machine.part(part).map(|state| (Addr::new(MachineId(index as u16), part), state)))
    }

    /// Gives a command line to the user's shell at time `at`, which must not be before the last event.
    pub fn command(&mut self, at: Time, id: CommandId, line: &str) {
        self.queue.push(at.max(self.now), Item::Command(id, Rc::from(line)));
    }

    /// Interrupts a command (Ctrl-C).
    pub fn interrupt(&mut self, at: Time, id: CommandId) {
        self.queue.push(at.max(self.now), Item::Interrupt(id));
    }

    /// Sends a message as if `from` had sent it now, without any cause: for tests and benchmarks.
    pub fn inject(&mut self, from: Addr, to: Addr, message: Message, sink: &mut dyn Sink) -> EnvelopeId {
        let id = EnvelopeId(self.next_envelope);
        self.next_envelope += 1;
        let (sent_at, cause) = (self.now, Cause::Start);
        let envelope = Envelope { id, cause, from, to, sent_at, due_at: sent_at, heartbeat: false, background: false, message };
        self.transmit(Rc::new(envelope), sink);
        self.tell_broken(sink);
        id
    }

    /// Performs an effect as if a program of the user's had asked for it now: for tests and benchmarks.
    pub fn perform(&mut self, effect: Effect, sink: &mut dyn Sink) {
        self.apply(Addr::USER, 0, effect, sink);
    }

    /// Handles all events up to and including `until`, at most `budget` of them; returns how many it handled.
    pub fn run_until(&mut self, until: Time, budget: usize, sink: &mut dyn Sink) -> usize {
        let mut handled = 0;
        while handled < budget && self.queue.next_at().is_some_and(|at| at <= until) {
            self.step(sink);
            handled += 1;
        }
        handled
    }

    /// Handles the next event; `false` when there is none.
    pub fn step(&mut self, sink: &mut dyn Sink) -> bool {
        let Some((at, item)) = self.queue.pop() else { return false };
        self.now = at;
        self.steps += 1;
        match item {
            Item::Deliver(envelope) => self.deliver(&envelope, sink),
            Item::Timer { addr, incarnation, key, background, since } => {
                if self.incarnation(addr) == Some(incarnation) {
                    let cause = Cause::Timer { name: key.name, since };
                    self.dispatch(addr, Event::Timer(&key), cause, (false, background), sink);
                }
            }
            Item::Start(addr, incarnation) => {
                if self.incarnation(addr) == Some(incarnation) {
                    self.dispatch(addr, Event::Start, Cause::Start, (false, false), sink);
                }
            }
            Item::KeepAlive(change) => self.keep_alive(&change, sink),
            Item::Command(id, line) => {
                sink.command(at, id, &line);
                self.dispatch(Addr::USER, Event::Command(id, &line), Cause::Command(id), (false, false), sink);
            }
            Item::Interrupt(id) => {
                sink.interrupt(self.now, id);
                self.dispatch(Addr::USER, Event::Interrupt(id), Cause::Command(id), (false, false), sink);
            }
        }
        true
    }

    fn incarnation(&self, addr: Addr) -> Option<u32> {
        let machine = self.machine(addr.machine).filter(|machine| machine.powered)?;
        machine.processes.get(&addr.part.process()).map(|process| process.incarnation)
    }

    fn deliver(&mut self, envelope: &Rc<Envelope>, sink: &mut dyn Sink) {
        if self.incarnation(envelope.to).is_some() {
            let flags = (envelope.heartbeat, envelope.background);
            self.dispatch(envelope.to, Event::Message(envelope), Cause::Message(envelope.id), flags, sink);
            return;
        }
        sink.lost(envelope.id);
        let powered = self.machine(envelope.to.machine).is_some_and(|machine| machine.powered);
        let expects_answer = match &envelope.message {
            Message::Request(_) | Message::EtcdRequest(_) => true,
            Message::Cri(cri) => matches!(**cri, crate::runtime::Cri::Call { .. }),
            Message::Machine(message) => matches!(**message, crate::machine::MachineMessage::Call { .. }),
            _ => false,
        };
        if expects_answer && self.incarnation(envelope.from).is_some() {
            // A machine that is on refuses at once; one that is off stays silent until the client gives up.
            let (kind, delay) =
                if powered { (FailureKind::Refused, Duration::us(50)) } else { (FailureKind::Timeout, DIAL_TIMEOUT) };
            self.fail(envelope.to, envelope.from, envelope.id, kind, delay, envelope.background, sink);
        }
    }

    fn fail(
        &mut self,
        from: Addr,
        to: Addr,
        request: EnvelopeId,
        kind: FailureKind,
        delay: Duration,
        background: bool,
        sink: &mut dyn Sink,
    ) {
        let id = EnvelopeId(self.next_envelope);
        self.next_envelope += 1;
        // A machine that cannot be reached neither refuses nor resets: the other side finds out by itself.
        let (kind, delay) = match kind {
            FailureKind::Refused if self.faults.cuts(from, to) => (FailureKind::Timeout, DIAL_TIMEOUT.max(delay)),
            FailureKind::Reset if self.faults.cuts(from, to) => (FailureKind::Timeout, KEEP_ALIVE.max(delay)),
            _ => (kind, delay),
        };
        let sent_at = self.now + delay;
        let message = Message::Failure(Rc::new(Failure { to: request, kind }));
        let cause = Cause::Message(request);
        let mut envelope = Envelope { id, cause, from, to, sent_at, due_at: sent_at, heartbeat: false, background, message };
        // What a machine finds out by itself needs no way that could be cut.
        if delay < Duration::s(1) {
            self.network.route(&mut envelope, Duration::ZERO);
        } else {
            self.network.route_aside(&mut envelope);
        }
        self.carry(Rc::new(envelope), sink);
    }

    fn transmit(&mut self, mut envelope: Rc<Envelope>, sink: &mut dyn Sink) {
        let delay = self.faults.delay(&envelope);
        self.network.route(Rc::make_mut(&mut envelope), delay);
        if self.faults.loses(&envelope) {
            return self.lose(envelope, sink);
        }
        self.carry(envelope, sink);
    }

    fn carry(&mut self, envelope: Rc<Envelope>, sink: &mut dyn Sink) {
        sink.sent(&envelope);
        self.queue.push(envelope.due_at, Item::Deliver(envelope));
    }

    /// A message does not arrive. Its connection is broken, which both ends find out after a while.
    fn lose(&mut self, envelope: Rc<Envelope>, sink: &mut dyn Sink) {
        let (from, to, background) = (envelope.from, envelope.to, envelope.background);
        let (id, connection) = (envelope.id, connection_of(&envelope));
        sink.sent(&envelope);
        sink.lost(id);
        if let Some(connection) = connection.filter(|connection| self.faults.breaks(*connection)) {
            self.network.forget(connection);
            self.broken.push((connection, from, to, background));
        }
    }

    /// Pings have found no answer since this change: both ends of the connections that it has cut give them up.
    fn keep_alive(&mut self, change: &NetworkChange, sink: &mut dyn Sink) {
        let silent: Vec<_> =
            self.network.open().filter(|(_, open)| self.faults.silences(change, open.client, open.server)).collect();
        for (id, open) in silent {
            self.network.forget(id);
            if self.faults.breaks(id) {
                let ends = [(open.server, open.client), (open.client, open.server)];
                ends.into_iter().for_each(|(from, to)| self.fail(from, to, id, FailureKind::Timeout, Duration::ZERO, true, sink));
            }
        }
    }

    /// Both ends of broken connections find out after a while. Only when all messages of an event have been sent, for those have their
    /// numbers already.
    fn tell_broken(&mut self, sink: &mut dyn Sink) {
        for (connection, from, to, background) in std::mem::take(&mut self.broken) {
            let registry = from.host() == MachineId::REGISTRY || to.host() == MachineId::REGISTRY;
            let (kind, delay) = (FailureKind::Timeout, if registry { REGISTRY_TIMEOUT } else { DIAL_TIMEOUT });
            self.fail(to, from, connection, kind, delay, background, sink);
            self.fail(from, to, connection, kind, delay, true, sink);
        }
    }

    fn dispatch(&mut self, addr: Addr, event: Event<'_>, cause: Cause, flags: (bool, bool), sink: &mut dyn Sink) {
        let machine = &mut self.machines[addr.machine.0 as usize];
        let Some(process) = machine.processes.get_mut(&addr.part.process()) else { return };
        if Rc::get_mut(&mut process.state).is_none() {
            process.state = process.state.boxed_clone();
        }
        let incarnation = process.incarnation;
        let state = Rc::get_mut(&mut process.state).expect("made unique above");
        let mut effects = std::mem::take(&mut self.effects);
        let directory = Rc::clone(&self.directory);
        let me = Addr::new(addr.machine, addr.part.process());
        let mut out = Outbox::new(me, self.now, cause, flags, &directory, &machine.disk, &mut self.next_envelope, &mut effects);
        state.on_event(event, &mut out);
        sink.worked(self.now, me, &*state);
        // Messages first: their numbers are given already, and other effects may send more (a killed program's peers are told).
        let mut others = Vec::new();
        for effect in effects.drain(..) {
            match effect {
                Effect::Send(envelope) => self.transmit(envelope, sink),
                other => others.push(other),
            }
        }
        self.effects = effects;
        self.tell_broken(sink);
        for effect in others {
            self.apply(me, incarnation, effect, sink);
        }
    }

    fn apply(&mut self, me: Addr, incarnation: u32, effect: Effect, sink: &mut dyn Sink) {
        match effect {
            Effect::Send(envelope) => self.transmit(envelope, sink),
            Effect::Timer { at, key, background, since } => {
                self.queue.push(at, Item::Timer { addr: me, incarnation, key, background, since });
            }
            Effect::ForgetTimers(name, key) => {
                self.queue.forget_timers(|addr, _, timer| addr == me && timer.name == name && timer.key == key);
            }
            Effect::Output(id, stream, text) => sink.output(self.now, id, stream, &text),
            Effect::Exit(id, code) => sink.exit(self.now, id, code),
            Effect::Spawn(addr, args) => self.spawn(addr, args, sink),
            Effect::Kill(addr) => self.kill(addr, true, sink),
            Effect::WriteFile(id, path, content) => {
                if let Some(machine) = self.machines.get_mut(id.0 as usize) {
                    if content.is_none() && path == crate::etcd::DATA_DIR {
                        machine.disk.etcd = None;
                        sink.removed(self.now, id);
                    }
                    match content {
                        Some(content) => machine.disk.files.insert(path, content),
                        None => machine.disk.files.remove(path.as_str()),
                    };
                }
            }
            Effect::Network(change) => {
                self.faults.change(&change);
                if matches!(change, NetworkChange::Disconnect(_) | NetworkChange::Drop { on: true, .. }) {
                    self.queue.push(self.now + KEEP_ALIVE, Item::KeepAlive(change));
                }
            }
            Effect::AddMachine(spec) => self.add_machine(spec, sink),
            Effect::Power(id, on) => self.power(id, on, sink),
            Effect::RemoveMachine(id) => {
                self.power(id, false, sink);
                if let Some(machine) = self.machines.get_mut(id.0 as usize) {
                    machine.removed = true;
                    machine.disk = Disk::default();
                    let name = machine.spec.name.clone();
                    let directory = Rc::make_mut(&mut self.directory);
                    let ip = directory.ip(id);
                    directory.by_name.remove(&name);
                    directory.by_name.remove(&ip);
                    sink.removed(self.now, id);
                }
            }
        }
    }

    fn add_machine(&mut self, spec: Rc<MachineSpec>, sink: &mut dyn Sink) {
        let id = MachineId(self.machines.len() as u16);
        let directory = Rc::make_mut(&mut self.directory);
        let ip = if id == MachineId::USER {
            Text::default()
        } else {
            let host = directory.next_host;
            directory.next_host += 1;
            Text::from(format!("172.18.{}.{}", host / 256, host % 256))
        };
        directory.by_name.insert(spec.name.clone(), id);
        if !ip.is_empty() {
            directory.by_name.insert(ip.clone(), id);
        }
        directory.machines.push((spec.name.clone(), ip.clone()));
        self.machines.push(Machine {
            spec,
            ip,
            powered: false,
            removed: false,
            powered_since: self.now,
            created: self.now,
            disk: Disk::default(),
            processes: PMap::new(),
        });
        self.power(id, true, sink);
    }

    fn power(&mut self, id: MachineId, on: bool, sink: &mut dyn Sink) {
        let Some(machine) = self.machines.get_mut(id.0 as usize) else { return };
        if machine.powered == on {
            return;
        }
        if on {
            machine.powered = true;
            machine.powered_since = self.now;
            let spec = Rc::clone(&machine.spec);
            for part in crate::programs::at_boot(&spec) {
                self.spawn(Addr::new(id, part), spec.config.clone(), sink);
            }
        } else {
            let parts: Vec<Part> = machine.processes.keys().copied().collect();
            for part in parts {
                self.kill(Addr::new(id, part), false, sink);
            }
            self.queue.forget_timers(|addr, _, _| addr.machine == id);
            self.faults.forget(id);
            self.machines[id.0 as usize].powered = false;
        }
    }

    fn spawn(&mut self, addr: Addr, args: Value, _sink: &mut dyn Sink) {
        let Some(machine) = self.machines.get_mut(addr.machine.0 as usize) else { return };
        let part = addr.part.process();
        if !machine.powered || machine.processes.contains_key(&part) {
            return;
        }
        let incarnation = self.next_incarnation;
        self.next_incarnation += 1;
        // Each run of a program draws its own random numbers.
        let purpose = format!("{}/{}/{incarnation}", machine.spec.name, part.name());
        let state = crate::programs::start(
            part,
            &crate::programs::Launch {
                seed: self.seed,
                purpose: &purpose,
                machine: addr.machine,
                name: &machine.spec.name,
                ip: &machine.ip,
                spec: &machine.spec,
                disk: &machine.disk,
                args: &args,
            },
        );
        machine.processes.insert(part, Process { incarnation, args, state });
        self.queue.push(self.now, Item::Start(Addr::new(addr.machine, part), incarnation));
    }

    /// Ends a program. Its open connections break: at once when its machine lives on (the kernel closes them), else only
    /// when the peers' keep-alives find out.
    fn kill(&mut self, addr: Addr, machine_lives: bool, sink: &mut dyn Sink) {
        let Some(machine) = self.machines.get_mut(addr.machine.0 as usize) else { return };
        let part = addr.part.process();
        let Some(process) = machine.processes.remove(&part) else { return };
        process.state.persist(&mut machine.disk);
        let addr = Addr::new(addr.machine, part);
        sink.ended(self.now, addr);
        if machine_lives {
            self.queue.forget_timers(|of, incarnation, _| incarnation == process.incarnation && of.machine == addr.machine);
        }
        let (kind, delay) =
            if machine_lives { (FailureKind::Reset, Duration::us(50)) } else { (FailureKind::Timeout, KEEP_ALIVE) };
        for (id, open) in self.network.take_open(addr) {
            let dead_client = open.client.machine == addr.machine && open.client.part.process() == part;
            let (from, to) = if dead_client { (open.client, open.server) } else { (open.server, open.client) };
            if to.machine != addr.machine || to.part.process() != part {
                // What ends a connection comes after the request that is still on its way through it.
                let delay = delay.max(open.due_at.since(self.now));
                self.fail(from, to, id, kind, delay, true, sink);
            }
        }
    }
}
