//! Machines as docker sees them: what kind and docker ask of the engine, and of programs on a node's machine.

use crate::core::EnvelopeId;
use crate::value::{Text, Value};

/// A message to or from the docker engine, or a program on a machine that is not Kubernetes'.
#[derive(Clone, Debug, PartialEq)]
pub enum MachineMessage {
    /// A call: `run`, `start`, `stop`, `rm`, `exec`, `ps`, …
    Call {
        /// What to do.
        verb: &'static str,
        /// With what.
        args: Value,
    },
    /// The answer to a call.
    Reply {
        /// The call's envelope.
        to: EnvelopeId,
        /// The result, or the error's text.
        result: Result<Value, Text>,
    },
}
