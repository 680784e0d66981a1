//! Process ids of a machine, and `ps` (after procps-ng 4).

use crate::core::collections::sort::Sort as _;
use crate::core::{Effect, Outbox, Rng, Time};
use crate::value;
use crate::value::{Text, Value};

/// Where the kernel says which process id was given last; all programs of a machine draw from it.
const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";

/// Gives process ids during one event.
#[derive(Clone, Copy, Debug)]
pub struct Pids {
    last: u32,
}

impl Pids {
    /// The kernel's counter as it is.
    pub fn load(out: &Outbox<'_>) -> Self {
        Self { last: out.disk().files.get(LAST_PID).map_or(1, |last| last.int() as u32) }
    }

    /// A new machine's counter.
    pub const fn boot() -> Self {
        Self { last: 1 }
    }

    /// A new process, after up to `skipped` short-lived ones.
    pub fn fork(&mut self, skipped: u64, rng: &mut Rng) -> u32 {
        self.last += 1 + rng.below(skipped + 1) as u32;
        self.last
    }

    /// Writes the counter back.
    pub fn store(self, out: &mut Outbox<'_>) {
        let machine = out.me().machine;
        out.effect(Effect::WriteFile(machine, LAST_PID.into(), Some(Value::Int(i64::from(self.last)))));
    }
}

/// A line of the process list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Parent; 0 for the first process and for those that come in from outside.
    pub ppid: u32,
    /// When it started.
    pub started: Time,
    /// Its command line.
    pub cmd: Text,
}

impl Process {
    /// For a message.
    pub fn to_value(&self) -> Value {
        value!({"pid": self.pid, "ppid": self.ppid, "started": self.started.0, "cmd": self.cmd.clone()})
    }

    /// From a message.
    pub fn from_value(value: &Value) -> Self {
        Self {
            pid: value["pid"].int() as u32,
            ppid: value["ppid"].int() as u32,
            started: Time(value["started"].int() as u64),
            cmd: value["cmd"].text(),
        }
    }
}

/// What `ps` was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Options {
    forest: bool,
    /// Also processes without a terminal: all but the caller.
    all: bool,
    columns: Vec<Column>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Pid,
    Ppid,
    Tty,
    Time,
    Comm,
    Cmd,
}

impl Column {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "pid" => Self::Pid,
            "ppid" => Self::Ppid,
            "tty" | "tt" | "tname" => Self::Tty,
            "comm" | "ucmd" | "ucomm" => Self::Comm,
            "cmd" | "args" | "command" => Self::Cmd,
            _ => return None,
        })
    }
}

/// The ps process itself.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Its process id.
    pub pid: u32,
    /// Whether it has a terminal.
    pub tty: bool,
    /// How many digits process ids have at most: 5 where `kernel.pid_max` is 32768, as it was in the days of the first node images.
    pub pid_digits: usize,
}

/// Runs `ps` with these arguments over the machine's processes, of which it is one itself: stdout, stderr and exit code.
pub fn ps(args: &[String], processes: &[Process], caller: &Caller) -> (String, String, i32) {
    let options = match parse(args) {
        Ok(options) => options,
        Err(error) => return (String::new(), error, 1),
    };
    let mut rows: Vec<(usize, &Process)> = Vec::new();
    let wanted: Vec<&Process> = processes.iter().filter(|process| options.all || process.pid == caller.pid).collect();
    if options.forest {
        // Sorted by parent, then by start; the trees from the last root to the first (`show_forest` of procps' display.c).
        let mut sorted = wanted;
        sorted.order_by_key(|process| (process.ppid, process.started, process.pid));
        for root in sorted.iter().rev() {
            if !sorted.iter().any(|other| other.pid == root.ppid) {
                tree(root, &sorted, 0, &mut rows);
            }
        }
    } else {
        let mut sorted = wanted;
        sorted.order_by_key(|process| process.pid);
        rows.extend(sorted.into_iter().map(|process| (0, process)));
    }
    let mut text = String::new();
    line(&mut text, &options.columns, caller.pid_digits, &|column| match column {
        Column::Pid => "PID".into(),
        Column::Ppid => "PPID".into(),
        Column::Tty => "TTY".into(),
        Column::Time => "TIME".into(),
        Column::Comm => "COMMAND".into(),
        Column::Cmd => "CMD".into(),
    });
    for (level, process) in rows {
        line(&mut text, &options.columns, caller.pid_digits, &|column| match column {
            Column::Pid => process.pid.to_string(),
            Column::Ppid => process.ppid.to_string(),
            Column::Tty if process.pid == caller.pid && caller.tty => "pts/1".into(),
            Column::Tty => "?".into(),
            Column::Time => "00:00:00".into(),
            Column::Comm => indented(level, command_name(&process.cmd)),
            Column::Cmd => indented(level, &process.cmd),
        });
    }
    (text, String::new(), 0)
}

fn tree<'a>(process: &'a Process, sorted: &[&'a Process], level: usize, rows: &mut Vec<(usize, &'a Process)>) {
    rows.push((level, process));
    for child in sorted.iter().filter(|child| child.ppid == process.pid) {
        // Children of init are shown as if they had been adopted by it: at its own level.
        tree(child, sorted, if process.pid == 1 { level } else { level + 1 }, rows);
    }
}

fn indented(level: usize, text: &str) -> String {
    if level == 0 { text.to_string() } else { format!("{}\\_ {text}", " ".repeat(1 + 4 * (level - 1))) }
}

/// The executable's name, at most 15 characters, as the kernel keeps it.
fn command_name(cmd: &str) -> &str {
    let first = cmd.split(' ').next().unwrap_or_default();
    let name = first.rsplit('/').next().unwrap_or_default().trim_end_matches(':');
    let name = if name == "init" { "systemd" } else { name };
    name.get(..15).unwrap_or(name)
}

fn line(text: &mut String, columns: &[Column], pid_digits: usize, cell: &dyn Fn(Column) -> String) {
    let mut parts = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let value = cell(*column);
        let last = at + 1 == columns.len();
        parts.push(match column {
            Column::Pid | Column::Ppid => format!("{value:>pid_digits$}"),
            Column::Tty => format!("{value:<8}"),
            Column::Time => format!("{value:>8}"),
            Column::Comm if !last => format!("{value:<15}"),
            Column::Cmd if !last => format!("{value:<27}"),
            Column::Comm | Column::Cmd => value,
        });
    }
    *text += parts.join(" ").trim_end();
    *text += "\n";
}

fn parse(args: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--forest" {
            options.forest = true;
            continue;
        }
        let dashed = arg.starts_with('-');
        let letters = arg.trim_start_matches('-');
        for (at, letter) in letters.char_indices() {
            match letter {
                'o' => {
                    let rest = &letters[at + 1..];
                    let list = if rest.is_empty() { args.next().map_or("", String::as_str) } else { rest };
                    for name in list.split([',', ' ']).filter(|name| !name.is_empty()) {
                        let column = Column::parse(name);
                        options.columns.push(
                            column.ok_or_else(|| format!("error: unknown user-defined format specifier \"{name}\"\n{USAGE}"))?,
                        );
                    }
                    if list.is_empty() {
                        return Err(format!("error: format specification must follow -o\n{USAGE}"));
                    }
                    break;
                }
                'e' | 'A' if dashed => options.all = true,
                'f' if dashed => options.columns = vec![Column::Pid, Column::Ppid, Column::Cmd],
                'x' | 'a' if !dashed => options.all = true,
                'f' => options.forest = true,
                'w' => {}
                _ => {
                    return Err(format!(
                        "error: of ps, the simulated machine understands a, e, f, w, x, o and --forest, not {letter:?}: \
                         it knows no users, CPU times and memory of processes\n"
                    ));
                }
            }
        }
    }
    if options.columns.is_empty() {
        options.columns = vec![Column::Pid, Column::Tty, Column::Time, Column::Comm];
        if options.all {
            options.columns[3] = Column::Cmd;
        }
    }
    Ok(options)
}

const USAGE: &str = "
Usage:
 ps [options]

 Try 'ps --help <simple|list|output|threads|misc|all>'
  or 'ps --help <s|l|o|t|m|a>'
 for additional help text.

For more details see ps(1).
";

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(ToString::to_string).collect()
    }

    fn caller(tty: bool) -> Caller {
        Caller { pid: 2024, tty, pid_digits: 7 }
    }

    fn machine() -> Vec<Process> {
        let process = |pid, ppid, s: u64, cmd: &'static str| Process { pid, ppid, started: Time(s), cmd: cmd.into() };
        vec![
            process(1, 0, 0, "/sbin/init"),
            process(112, 1, 1, "/usr/local/bin/containerd"),
            process(306, 1, 2, "/usr/local/bin/containerd-shim-runc-v2 -namespace k8s.io"),
            process(420, 306, 3, "/pause"),
            process(552, 306, 4, "nginx: master process nginx -g daemon off;"),
            process(560, 552, 5, "nginx: worker process"),
            process(2024, 0, 9, "ps fxwwo pid,cmd"),
        ]
    }

    #[test]
    fn the_forest_is_drawn_as_procps_draws_it() {
        let (text, _, code) = ps(&words("fxwwo pid,cmd"), &machine(), &caller(true));
        let expected = "    PID CMD
   2024 ps fxwwo pid,cmd
      1 /sbin/init
    112 /usr/local/bin/containerd
    306 /usr/local/bin/containerd-shim-runc-v2 -namespace k8s.io
    420  \\_ /pause
    552  \\_ nginx: master process nginx -g daemon off;
    560      \\_ nginx: worker process
";
        assert_eq!((text.as_str(), code), (expected, 0));
    }

    #[test]
    fn other_forms() {
        assert_eq!(ps(&[], &machine(), &caller(true)).0, "    PID TTY          TIME COMMAND\n   2024 pts/1    00:00:00 ps\n");
        let (text, _, _) = ps(&words("-eo pid,comm"), &machine(), &caller(false));
        assert!(text.starts_with("    PID COMMAND\n      1 systemd\n    112 containerd\n"), "{text}");
        assert!(
            ps(&words("-o nope"), &machine(), &caller(false))
                .1
                .starts_with("error: unknown user-defined format specifier \"nope\"")
        );
        assert_eq!(ps(&words("aux"), &machine(), &caller(false)).2, 1);
    }
}
