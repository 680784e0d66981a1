//! A bench for tests: the user's shell before a simulated api-server.

use crate::core::{CommandId, Part, TerminalEvent, Time};
use crate::flow::Stream;
use crate::lab::Lab;

/// What a command line printed and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

/// A lab whose machine is the control plane of the cluster `kind`, and a shell whose kubeconfig knows it.
pub(crate) struct Bench {
    pub(crate) lab: Lab,
    commands: u32,
}

impl Bench {
    /// An api-server with the default service account; `parts` run beside it.
    pub(crate) fn new(parts: &[Part]) -> Self {
        let mut bench = Self { lab: Lab::new(1, parts), commands: 0 };
        bench.run(
            "cat > .kube/config <<EOF\napiVersion: v1\nclusters:\n- cluster:\n    server: https://127.0.0.1:6443\n  name: kind-kind\n\
             contexts:\n- context:\n    cluster: kind-kind\n    user: kind-kind\n  name: kind-kind\ncurrent-context: kind-kind\nEOF\n",
        );
        bench.run("kubectl create serviceaccount default");
        bench
    }

    /// Runs a command line to its end, at most ten simulated minutes.
    pub(crate) fn run(&mut self, line: &str) -> Printed {
        let id = CommandId(self.commands);
        self.commands += 1;
        let now = self.lab.cluster.now();
        self.lab.cluster.command(now, id, line);
        let limit = Time(now.0 + 600_000_000);
        let mut seen = self.lab.trace.terminal().len();
        let mut printed = Printed::default();
        while self.lab.cluster.now() < limit && self.lab.cluster.step(&mut self.lab.trace) {
            for (_, command, event) in &self.lab.trace.terminal()[seen..] {
                match event {
                    TerminalEvent::Output(Stream::Out, text) if *command == id => printed.out += text,
                    TerminalEvent::Output(Stream::Err, text) if *command == id => printed.err += text,
                    TerminalEvent::Exit(code) if *command == id => {
                        printed.code = *code;
                        return printed;
                    }
                    _ => {}
                }
            }
            seen = self.lab.trace.terminal().len();
        }
        panic!("no end of {line:?} after ten minutes; so far {printed:?}")
    }

    /// Runs a line that must print this and end well.
    #[track_caller]
    pub(crate) fn check(&mut self, line: &str, out: &str) {
        assert_eq!(self.run(line), Printed { out: out.into(), ..Printed::default() }, "{line}");
    }

    /// Runs a line that must fail with these words.
    #[track_caller]
    pub(crate) fn check_error(&mut self, line: &str, err: &str) {
        assert_eq!(self.run(line), Printed { err: err.into(), code: 1, ..Printed::default() }, "{line}");
    }

    /// kubectl's requests since the beginning, as `get /api/v1/…`.
    pub(crate) fn requests(&self) -> Vec<String> {
        let own = |line: String| line.strip_prefix("kubectl ").map(str::to_string);
        self.lab.requests().into_iter().filter_map(own).collect()
    }
}
