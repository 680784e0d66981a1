//! Command-line programs as straight-line code that can be stopped, copied and resumed at any message.
//!
//! A program such as `kubectl drain` sends a request, waits, decides, sends the next. Written as a state machine it is
//! hard to read; written as a future it cannot be cloned, and a cluster must be cloned for every checkpoint. So a
//! program is a function over an [`Io`]: whatever it asks is noted with a number, and what has been answered is kept
//! in its [`Log`]. While an answer is missing, the function ends with [`Halt::Pending`]; when one arrives it runs again
//! from its beginning, and finds all earlier answers at once. Only the log is state, and it is plain data.
//! (Workflow engines call this durable execution.)
//!
//! The rule for programs: no decision but from arguments, answers and [`Io::now`].
//!
//! ```
//! use orrery_sim::api::resource::PODS;
//! use orrery_sim::core::Request;
//! use orrery_sim::flow::{Flow, Io};
//!
//! fn phase(io: &mut Io) -> Flow<()> {
//!     match io.request(Request::get(PODS, "default", "nginx"))? {
//!         Ok(pod) => io.print(&format!("{}\n", pod["status"]["phase"].str())),
//!         Err(error) => return io.fail(1, &format!("{error}\n")),
//!     }
//!     Ok(())
//! }
//! ```

use std::rc::Rc;

use crate::core::message::FailureKind;
use crate::core::{Duration, Request, Response, Time, Verb, WatchBatch, WatchEvent};
use crate::value::{Text, Value};

/// Why a program does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// An answer is missing; it will be run again.
    Pending,
    /// It ended with this exit code.
    Exit(i32),
}

/// A step of a program.
pub type Flow<T> = Result<T, Halt>;

/// Something asked of the world outside the program.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// A request to the api-server; a watch is one too and gets many answers.
    Request(Request),
    /// To be woken at a time.
    WakeAt(Time),
    /// A call to docker's engine (see [`crate::machine`]).
    Docker {
        /// Such as `run`.
        verb: &'static str,
        /// Its arguments.
        args: Value,
    },
    /// Closes the watch that the ask of this number opened.
    Close(usize),
}

/// What came back for an [`Ask`].
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The api-server's answer.
    Response(Rc<Response>),
    /// Events of a watch.
    Watch(Rc<WatchBatch>),
    /// No connection, or it broke.
    Failure(FailureKind),
    /// The time has come.
    Awake,
    /// Docker's answer.
    Docker(Result<Value, Text>),
}

/// All answers so far, in the order of their arrival: a program's whole state.
#[derive(Clone, Debug, Default)]
pub struct Log {
    arrivals: Vec<(Time, usize, Answer)>,
    memo: Option<Memo>,
}

/// Where a program that follows a long stream can go on without its beginning; made by [`Io::save`].
#[derive(Clone, Debug)]
pub struct Memo {
    watch: WatchHandle,
    state: Value,
    now: Time,
    asked: usize,
    printed: usize,
    written: usize,
}

impl Log {
    /// Notes an answer to the ask of this number.
    pub fn push(&mut self, now: Time, ask: usize, answer: Answer) {
        self.arrivals.push((now, ask, answer));
    }

    /// Whether this ask has been answered.
    pub fn has_answer(&self, ask: usize) -> bool {
        self.arrivals.iter().any(|(_, answered, _)| *answered == ask)
    }

    /// Keeps what the program saved in its last run, if it did.
    pub fn remember(&mut self, memo: Option<Memo>) {
        if memo.is_some() {
            self.memo = memo;
        }
    }
}

/// Why a request brought no object.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// The api-server answered with a Status.
    #[error("{}", .0.body["message"].str())]
    Status(Rc<Response>),
    /// The server was not reached, or went away.
    #[error("{0}")]
    Connection(FailureKind),
}

impl RequestError {
    /// The status code; 0 when the server was not reached.
    pub fn code(&self) -> u16 {
        match self {
            Self::Status(response) => response.code,
            Self::Connection(_) => 0,
        }
    }
    /// The status' reason, such as `NotFound`; "" when the server was not reached.
    pub fn reason(&self) -> &str {
        match self {
            Self::Status(response) => response.body["reason"].str(),
            Self::Connection(_) => "",
        }
    }
}

/// Where output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// stdout
    Out,
    /// stderr
    Err,
}

/// An open watch of a program.
#[derive(Clone, Debug)]
pub struct WatchHandle {
    ask: usize,
    next_arrival: usize,
    next_event: usize,
    /// Whether a good answer opens the stream, as for a watch; else it ends it, as for a log that is followed.
    opened_by_answer: bool,
}

/// A request or a wait that was begun with [`Io::begin`] or [`Io::begin_wait`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun(usize);

/// What [`Io::next`] brings.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// An event.
    Event(WatchEvent),
    /// The deadline passed.
    Deadline,
    /// The watch ended: the connection broke, or the server refused it.
    Ended(RequestError),
    /// A followed log came to its end; this is the answer's body.
    Done(Value),
}

/// A program's view of the world during one run.
#[derive(Debug)]
pub struct Io<'a> {
    log: &'a Log,
    asks: Vec<Ask>,
    now: Time,
    output: Vec<(Stream, String)>,
    written: Vec<(String, Option<Text>)>,
    /// How many asks, outputs and file changes were made before the memo that this run goes on from.
    before: (usize, usize, usize),
    saved: Option<Memo>,
    /// Which arrivals this run has taken, and how many of them from the beginning: nothing is looked for there again.
    taken: Vec<bool>,
    all_taken: usize,
    /// When the run halts for several answers: the asks that all of them are for.
    awaited: Vec<usize>,
}

impl<'a> Io<'a> {
    /// The view for a program that was started at `started`.
    pub fn new(started: Time, log: &'a Log) -> Self {
        Self {
            log,
            asks: Vec::new(),
            now: started,
            output: Vec::new(),
            written: Vec::new(),
            before: (0, 0, 0),
            saved: None,
            taken: vec![false; log.arrivals.len()],
            all_taken: 0,
            awaited: Vec::new(),
        }
    }

    /// Everything asked in this run, in order; the runner sends those that it has not sent yet.
    pub fn asks(&self) -> &[Ask] {
        &self.asks
    }

    /// Everything printed in this run; the runner shows what is new.
    pub fn output(&self) -> &[(Stream, String)] {
        &self.output
    }

    /// The files changed in this run, in order; the runner changes those of the session. `None` removes one.
    pub fn written(&self) -> &[(String, Option<Text>)] {
        &self.written
    }

    /// How many asks, outputs and file changes this run has left out, because it went on from a memo.
    pub fn left_out(&self) -> (usize, usize, usize) {
        self.before
    }

    /// What the program saved in this run, for [`Log::remember`].
    pub fn take_memo(&mut self) -> Option<Memo> {
        self.saved.take()
    }

    /// Where an earlier run saved: its watch and its state. A program that saves begins with this, so that every event of a long
    /// watch costs the same. It must then need nothing of what it did before.
    pub fn resume(&mut self) -> Option<(WatchHandle, Value)> {
        let memo = self.log.memo.as_ref()?;
        assert!(self.asks.is_empty() && self.output.is_empty(), "a program resumes before it does anything");
        self.before = (memo.asked, memo.printed, memo.written);
        self.now = memo.now;
        Some((memo.watch.clone(), memo.state.clone()))
    }

    /// Saves where the program stands: before the next event of this watch, with this state.
    pub fn save(&mut self, watch: &WatchHandle, state: Value) {
        self.saved = Some(Memo {
            watch: watch.clone(),
            state,
            now: self.now,
            asked: self.before.0 + self.asks.len(),
            printed: self.before.1 + self.output.len(),
            written: self.before.2 + self.written.len(),
        });
    }

    /// The time of the last answer that the program has looked at.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Sends a request and waits for its answer.
    pub fn request(&mut self, request: Request) -> Flow<Result<Value, RequestError>> {
        let ask = self.ask(Ask::Request(request));
        let answer = self.answer(ask)?;
        Ok(result_of(answer))
    }

    /// The asks that must all be answered before another run gets any further; empty when any answer may do.
    pub fn awaited(&self) -> &[usize] {
        &self.awaited
    }

    /// Sends all requests at once and waits for all answers.
    pub fn request_all(&mut self, requests: Vec<Request>) -> Flow<Vec<Result<Value, RequestError>>> {
        let asks: Vec<usize> = requests.into_iter().map(|request| self.ask(Ask::Request(request))).collect();
        let mut results = Vec::new();
        let mut pending = false;
        for ask in asks {
            match self.answer(ask) {
                Ok(answer) => results.push(result_of(answer)),
                Err(_) => {
                    pending = true;
                    self.awaited.push(ask);
                }
            }
        }
        if pending { Err(Halt::Pending) } else { Ok(results) }
    }

    /// Sends a request without waiting for its answer, which [`Io::first`] brings.
    pub fn begin(&mut self, request: Request) -> Begun {
        Begun(self.ask(Ask::Request(request)))
    }

    /// Begins to wait up to a time, whose end [`Io::first`] brings.
    pub fn begin_wait(&mut self, until: Time) -> Begun {
        Begun(self.ask(Ask::WakeAt(until)))
    }

    /// Sends a request and waits for its answer until a time; then it is given up, as without an answer.
    pub fn request_until(&mut self, request: Request, deadline: Time) -> Flow<Result<Value, RequestError>> {
        let begun = self.begin(request);
        let limit = self.begin_wait(deadline);
        match self.first(&[begun, limit])? {
            (_, Some(answer)) => Ok(answer),
            (_, None) => {
                self.ask(Ask::Close(begun.0));
                Ok(Err(RequestError::Connection(FailureKind::Timeout)))
            }
        }
    }

    /// Waits for whichever ends first: its index, and the answer (`None` for a wait).
    pub fn first(&mut self, begun: &[Begun]) -> Flow<(usize, Option<Result<Value, RequestError>>)> {
        let (ask, answer) = self.take(|ask| begun.iter().any(|begun| begun.0 == ask))?;
        let index = begun.iter().position(|begun| begun.0 == ask).ok_or(Halt::Pending)?;
        Ok((index, (answer != Answer::Awake).then(|| result_of(answer))))
    }

    /// Waits.
    pub fn sleep(&mut self, span: Duration) -> Flow<()> {
        let ask = self.ask(Ask::WakeAt(self.now + span));
        self.answer(ask).map(|_| ())
    }

    /// Asks docker's engine and waits for its answer.
    pub fn docker(&mut self, verb: &'static str, args: Value) -> Flow<Result<Value, Text>> {
        let ask = self.ask(Ask::Docker { verb, args });
        match self.answer(ask)? {
            Answer::Docker(result) => Ok(result),
            other => Ok(Err(Text::from(format!("unexpected answer {other:?}")))),
        }
    }

    /// Asks an etcd member and waits for its answer, at most so long. Only for programs that run on a node; `verb` is that of
    /// [`crate::etcd::EtcdRequest`] in lower case, or one of its `Admin`.
    pub fn etcd(&mut self, endpoint: &str, verb: &'static str, args: Value, patience: Duration) -> Flow<Result<Value, Text>> {
        self.docker("etcd", Self::etcd_call(endpoint, verb, args, patience))
    }

    /// Asks several etcd members at once and waits for all answers.
    pub fn etcd_all(
        &mut self,
        endpoints: &[String],
        verb: &'static str,
        args: &Value,
        patience: Duration,
    ) -> Flow<Vec<Result<Value, Text>>> {
        let call = |endpoint: &String| ("etcd", Self::etcd_call(endpoint, verb, args.clone(), patience));
        self.docker_all(endpoints.iter().map(call).collect())
    }

    fn etcd_call(endpoint: &str, verb: &'static str, args: Value, patience: Duration) -> Value {
        crate::value!({"endpoint": Text::new(endpoint), "verb": verb, "args": args, "patience": patience.0 as i64})
    }

    /// Asks docker's engine for several things at once and waits for all answers.
    pub fn docker_all(&mut self, calls: Vec<(&'static str, Value)>) -> Flow<Vec<Result<Value, Text>>> {
        let asks: Vec<usize> = calls.into_iter().map(|(verb, args)| self.ask(Ask::Docker { verb, args })).collect();
        let mut results = Vec::new();
        let mut pending = false;
        for ask in asks {
            match self.answer(ask) {
                Ok(Answer::Docker(result)) => results.push(result),
                Ok(other) => results.push(Err(Text::from(format!("unexpected answer {other:?}")))),
                Err(_) => {
                    pending = true;
                    self.awaited.push(ask);
                }
            }
        }
        if pending { Err(Halt::Pending) } else { Ok(results) }
    }

    /// Opens a watch, or follows a log (a GET with `follow=true`, whose events carry `{"output": text}`).
    pub fn watch(&mut self, request: Request) -> WatchHandle {
        let opened_by_answer = request.verb == Verb::Watch;
        let ask = self.ask(Ask::Request(request));
        WatchHandle { ask, next_arrival: 0, next_event: 0, opened_by_answer }
    }

    /// The watch's next event, or that the deadline passed first.
    pub fn next(&mut self, watch: &mut WatchHandle, deadline: Option<Time>) -> Flow<Next> {
        // Asked before looking, so that asks have the same numbers in every run.
        let wake = deadline.map(|deadline| self.ask(Ask::WakeAt(deadline)));
        let arrivals = &self.log.arrivals;
        while let Some((at, ask, answer)) = arrivals.get(watch.next_arrival) {
            if *ask != watch.ask {
                watch.next_arrival += 1;
                continue;
            }
            if deadline.is_some_and(|deadline| *at > deadline) {
                break;
            }
            match answer {
                Answer::Watch(batch) => {
                    if let Some(event) = batch.events.get(watch.next_event) {
                        watch.next_event += 1;
                        self.now = self.now.max(*at);
                        return Ok(Next::Event(event.clone()));
                    }
                    watch.next_arrival += 1;
                    watch.next_event = 0;
                }
                // The server's "200 OK" that opens the stream.
                Answer::Response(response) if response.ok() && watch.opened_by_answer => watch.next_arrival += 1,
                Answer::Response(response) if response.ok() => {
                    self.now = self.now.max(*at);
                    return Ok(Next::Done(response.body.clone()));
                }
                other => {
                    self.now = self.now.max(*at);
                    let error = result_of(other.clone()).err().unwrap_or(RequestError::Connection(FailureKind::Reset));
                    return Ok(Next::Ended(error));
                }
            }
        }
        self.answer(wake.ok_or(Halt::Pending)?)?;
        Ok(Next::Deadline)
    }

    /// Closes a watch.
    pub fn close(&mut self, watch: &WatchHandle) {
        let ask = watch.ask;
        self.ask(Ask::Close(ask));
    }

    /// Prints to stdout.
    pub fn print(&mut self, text: &str) {
        self.output.push((Stream::Out, text.to_string()));
    }

    /// Prints to stderr.
    pub fn eprint(&mut self, text: &str) {
        self.output.push((Stream::Err, text.to_string()));
    }

    /// Writes a file of the session (a path below the home directory); `None` removes it.
    pub fn write_file(&mut self, path: &str, text: Option<Text>) {
        self.written.push((path.to_string(), text));
    }

    /// Prints to stderr and ends the program.
    pub fn fail<T>(&mut self, code: i32, text: &str) -> Flow<T> {
        self.eprint(text);
        Err(Halt::Exit(code))
    }

    fn ask(&mut self, ask: Ask) -> usize {
        self.asks.push(ask);
        self.before.0 + self.asks.len() - 1
    }

    fn answer(&mut self, ask: usize) -> Flow<Answer> {
        Ok(self.take(|of| of == ask)?.1)
    }

    /// The first arrival not yet taken whose ask's number is wanted.
    fn take(&mut self, wanted: impl Fn(usize) -> bool) -> Flow<(usize, Answer)> {
        let arrivals = &self.log.arrivals;
        let mut open = (self.all_taken..arrivals.len()).filter(|&index| !self.taken[index]);
        let found = open.find(|&index| wanted(arrivals[index].1)).ok_or(Halt::Pending)?;
        let (at, ask, answer) = &arrivals[found];
        self.now = self.now.max(*at);
        self.taken[found] = true;
        self.all_taken += self.taken[self.all_taken..].iter().take_while(|taken| **taken).count();
        Ok((*ask, answer.clone()))
    }
}

fn result_of(answer: Answer) -> Result<Value, RequestError> {
    match answer {
        Answer::Response(response) if response.ok() => Ok(response.body.clone()),
        Answer::Response(response) => Err(RequestError::Status(response)),
        Answer::Failure(kind) => Err(RequestError::Connection(kind)),
        Answer::Watch(_) | Answer::Awake | Answer::Docker(_) => Err(RequestError::Connection(FailureKind::Reset)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::PODS;
    use crate::core::EnvelopeId;
    use crate::value;

    fn two_gets(io: &mut Io) -> Flow<()> {
        for name in ["a", "b"] {
            let pod = io.request(Request::get(PODS, "default", name))?.expect("no error is logged");
            io.print(pod["status"]["phase"].str());
        }
        io.sleep(Duration::s(1))?;
        io.fail(3, "done")
    }

    #[test]
    fn a_program_runs_as_far_as_its_answers_go() {
        let mut log = Log::default();
        let mut io = Io::new(Time::ZERO, &log);
        assert_eq!(two_gets(&mut io), Err(Halt::Pending));
        assert_eq!(io.asks().len(), 1);

        let answer = |phase: &'static str| {
            Answer::Response(Rc::new(Response { to: EnvelopeId(0), code: 200, body: value!({"status": {"phase": phase}}) }))
        };
        log.push(Time(5), 0, answer("Running"));
        log.push(Time(9), 1, answer("Failed"));
        let mut io = Io::new(Time::ZERO, &log);
        assert_eq!(two_gets(&mut io), Err(Halt::Pending));
        assert_eq!(io.asks()[2], Ask::WakeAt(Time(1_000_009)));

        log.push(Time(1_000_009), 2, Answer::Awake);
        let mut io = Io::new(Time::ZERO, &log);
        assert_eq!(two_gets(&mut io), Err(Halt::Exit(3)));
        let printed: Vec<&str> = io.output().iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(printed, ["Running", "Failed", "done"]);
    }

    #[test]
    fn a_saved_program_goes_on_where_it_was() {
        fn follow(io: &mut Io) -> Flow<()> {
            let (mut watch, mut count) = match io.resume() {
                Some((watch, state)) => (watch, state.int()),
                None => {
                    io.print("begin ");
                    (io.watch(Request::watch(PODS, "")), 0)
                }
            };
            loop {
                io.save(&watch, count.into());
                let next = io.next(&mut watch, None)?;
                assert!(matches!(next, Next::Event(_)));
                count += 1;
                io.print(&format!("{count} "));
            }
        }
        let event = WatchEvent { kind: crate::core::WatchType::Added, object: Value::Null };
        let mut log = Log::default();
        let mut printed = String::new();
        for at in 0..4 {
            let mut io = Io::new(Time::ZERO, &log);
            assert_eq!(follow(&mut io), Err(Halt::Pending));
            assert!(io.output().len() <= 3, "only what is new is done again");
            printed.extend(io.output().iter().map(|(_, text)| text.as_str()));
            assert_eq!(io.left_out().0 + io.asks().len(), 1);
            let memo = io.take_memo();
            log.remember(memo);
            let batch = WatchBatch { stream: EnvelopeId(0), resource: PODS, events: vec![event.clone(), event.clone()] };
            log.push(Time(at), 0, Answer::Watch(Rc::new(batch)));
        }
        assert_eq!(printed, "begin 1 2 3 4 5 6 ");
    }

    #[test]
    fn of_several_begun_the_first_to_end_counts() {
        let mut log = Log::default();
        log.push(Time(7), 1, Answer::Awake);
        let answer = Response { to: EnvelopeId(0), code: 200, body: value!({"kind": "Pod"}) };
        log.push(Time(9), 0, Answer::Response(Rc::new(answer)));
        let mut io = Io::new(Time::ZERO, &log);
        let request = io.begin(Request::get(PODS, "default", "a"));
        let wait = io.begin_wait(Time(7));
        assert_eq!(io.first(&[request, wait]), Ok((1, None)));
        assert_eq!(io.now(), Time(7));
        let (index, pod) = io.first(&[request]).expect("it is answered");
        assert_eq!((index, pod.expect("it is no wait").expect("it went well").kind()), (0, "Pod"));
        let later = io.begin_wait(Time(20));
        assert_eq!(io.first(&[later]), Err(Halt::Pending));
    }

    #[test]
    fn a_deadline_and_an_event_are_told_apart_by_their_times() {
        let event = WatchEvent { kind: crate::core::WatchType::Added, object: Value::Null };
        let batch = WatchBatch { stream: EnvelopeId(0), resource: PODS, events: vec![event.clone()] };
        let mut log = Log::default();
        log.push(Time(10), 1, Answer::Awake);
        log.push(Time(20), 0, Answer::Watch(Rc::new(batch)));
        let mut io = Io::new(Time::ZERO, &log);
        let mut watch = io.watch(Request::watch(PODS, ""));
        assert_eq!(io.next(&mut watch, Some(Time(10))), Ok(Next::Deadline));
        assert_eq!(io.next(&mut watch, None), Ok(Next::Event(event)));
        assert_eq!(io.now(), Time(20));
        assert_eq!(io.next(&mut watch, None), Err(Halt::Pending));
    }
}
