//! docker: the engine on the user's computer ([`engine`]), and the program that talks to it ([`cli`]).
//!
//! The engine runs kind's node images only: each container is a machine of the simulation.

pub mod cli;
pub mod engine;

pub use cli::main;
pub use engine::Engine;

use crate::core::{Duration, MachineId};

/// The role of a container that runs an external etcd member.
pub const ETCD_ROLE: &str = "etcd";

/// The port on the user's computer behind which a machine's api-server listens (docker's `127.0.0.1:PORT->6443/tcp`).
pub const fn host_port(machine: MachineId) -> u16 {
    40_000 + machine.0
}

/// The machine behind a port of [`host_port`].
pub fn machine_behind(port: u16) -> Option<MachineId> {
    port.checked_sub(40_000).filter(|machine| (1..20_000).contains(machine)).map(MachineId)
}

/// `About a minute`, `5 minutes`: docker's go-units HumanDuration.
pub fn human_duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours) = (seconds / 60, (seconds + 1_800) / 3_600);
    match seconds {
        0 => "Less than a second".into(),
        1 => "1 second".into(),
        2..60 => format!("{seconds} seconds"),
        60..120 => "About a minute".into(),
        _ if minutes < 60 => format!("{minutes} minutes"),
        _ if hours == 1 => "About an hour".into(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        _ if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        _ if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", seconds / 3_600 / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_docker_writes_them() {
        let spans = [0, 1, 59, 61, 150, 3_600, 7_300, 200_000].map(|s| human_duration(Duration::s(s)));
        let expected =
            ["Less than a second", "1 second", "59 seconds", "About a minute", "2 minutes", "About an hour", "2 hours", "2 days"];
        assert_eq!(spans, expected);
    }

    #[test]
    fn ports_lead_back_to_machines() {
        assert_eq!(machine_behind(host_port(MachineId(3))), Some(MachineId(3)));
        assert_eq!(machine_behind(80), None);
    }
}
