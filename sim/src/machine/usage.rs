//! What a node's memory and disk are used for, as far as it is modelled: a fixed amount for the system, another one for each container, and
//! what a program was told to take (`stress --vm-bytes`); on the disk the images, and files that somebody fills it with (`fallocate`).

use super::command::Finished;
use crate::core::Disk;
use crate::value;
use crate::value::Value;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// A node's memory.
pub const MEMORY_BYTES: u64 = 8 * GIB;
/// What system, kubelet and runtime need of it.
pub const SYSTEM_MEMORY_BYTES: u64 = 640 * MIB;
/// What a container needs whose program says nothing about it.
pub const CONTAINER_MEMORY_BYTES: u64 = 16 * MIB;
/// A node's disk: one filesystem for everything.
pub const DISK_BYTES: u64 = 100 * GIB;
/// What the system needs of it.
const SYSTEM_DISK_BYTES: u64 = 6 * GIB;

/// The content of a file of which only the size matters.
pub fn file(size_bytes: u64) -> Value {
    value!({"sizeBytes": size_bytes})
}

/// How much of the disk is used, with images of this size.
pub fn disk_used_bytes(disk: &Disk, images_bytes: u64) -> u64 {
    let filled: u64 = disk.files.values().map(|content| content["sizeBytes"].int().max(0) as u64).sum();
    (SYSTEM_DISK_BYTES + images_bytes + filled).min(DISK_BYTES)
}

/// The size of all images of a list.
pub fn images_bytes(images: &Value) -> u64 {
    images.items().iter().map(|image| image["sizeBytes"].int().max(0) as u64).sum()
}

/// The memory that containers take, of containerd's list.
pub fn memory_used_bytes(containers: &Value) -> u64 {
    let running = containers.items().iter().filter(|container| container["state"].str() == "CONTAINER_RUNNING");
    memory_of(running.map(|container| container["memory"].int().max(0) as u64))
}

/// The memory that a node uses whose running containers take so much, 0 for what every container takes.
pub fn memory_of(running: impl Iterator<Item = u64>) -> u64 {
    SYSTEM_MEMORY_BYTES + running.map(of_container).sum::<u64>()
}

/// The memory that a container takes, as its status tells it.
pub fn working_set_bytes(status: &Value) -> u64 {
    of_container(status["memory"].int().max(0) as u64)
}

fn of_container(taken: u64) -> u64 {
    if taken == 0 { CONTAINER_MEMORY_BYTES } else { taken }
}

/// `250M`, `2G`, `1GiB`: powers of 1,024, as stress, fallocate and dd read them.
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let power = match text[digits..].to_ascii_uppercase().trim_end_matches("IB") {
        "" | "B" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return None,
    };
    number.checked_mul(1024_u64.checked_pow(power)?)
}

/// A command that puts a file of some size on the disk: `fallocate -l SIZE FILE` or `dd of=FILE bs=SIZE count=N`. `Err` is what it says
/// when it does not understand.
pub fn filling(program: &str, args: &[String]) -> Result<(String, u64), String> {
    if program == "fallocate" {
        let length = args.iter().position(|arg| arg == "-l" || arg == "--length").and_then(|at| args.get(at + 1));
        let Some(length) = length else { return Err("fallocate: no length argument specified\n".into()) };
        let path = args.iter().rfind(|arg| !arg.starts_with('-') && *arg != length);
        return match (path, parse_size(length)) {
            (None, _) => Err("fallocate: no filename specified\n".into()),
            (_, None) => Err("fallocate: failed to parse length\n".into()),
            (Some(path), Some(bytes)) => Ok((path.clone(), bytes)),
        };
    }
    let operand = |name: &str| args.iter().find_map(|arg| arg.strip_prefix(name)?.strip_prefix('='));
    let size = |name: &str, default: u64| operand(name).map_or(Some(default), parse_size);
    match (operand("of"), size("bs", 512), size("count", 0)) {
        (Some(path), Some(block), Some(count)) if operand("if").is_some() && count > 0 => {
            Ok((path.to_string(), block.saturating_mul(count)))
        }
        _ => Err("dd: the simulated machine knows dd if=… of=FILE bs=SIZE count=N\n".into()),
    }
}

/// What a filling says when it has written so much of what it wanted to.
pub fn filled(program: &str, path: &str, wanted_bytes: u64, free_bytes: u64) -> Finished {
    let full = wanted_bytes > free_bytes;
    let stderr = match (program, full) {
        ("fallocate", false) => String::new(),
        ("fallocate", true) => "fallocate: fallocate failed: No space left on device\n".into(),
        (_, true) => format!("dd: error writing '{path}': No space left on device\n"),
        (_, false) => format!("{wanted_bytes} bytes copied\n"),
    };
    Finished { stderr, code: i32::from(full), ..Finished::default() }
}

/// `df`
pub fn df(args: &[String], used_bytes: u64) -> Finished {
    let human = args.iter().any(|arg| arg.starts_with('-') && arg.contains('h'));
    // Rounded up, as df does.
    let size = |bytes: u64| if human { format!("{}G", bytes.div_ceil(GIB)) } else { bytes.div_ceil(1024).to_string() };
    let (free, percent) = (DISK_BYTES - used_bytes, (used_bytes * 100).div_ceil(DISK_BYTES));
    let head = if human { " Size  Used Avail" } else { "1K-blocks      Used Available" };
    let width = if human { (5, 5, 5) } else { (9, 9, 9) };
    let stdout = format!(
        "Filesystem     {head} Use% Mounted on\noverlay        {:>w0$} {:>w1$} {:>w2$} {percent:>3}% /\n",
        size(DISK_BYTES),
        size(used_bytes),
        size(free),
        w0 = width.0,
        w1 = width.1,
        w2 = width.2,
    );
    Finished { stdout, ..Finished::default() }
}

/// `free`
pub fn free(args: &[String], used_bytes: u64) -> Finished {
    let unit = match args.first().map(String::as_str) {
        Some("-m" | "--mebi") => MIB,
        Some("-g" | "--gibi") => GIB,
        Some("-b" | "--bytes") => 1,
        _ => 1024,
    };
    let (total, used) = (MEMORY_BYTES / unit, used_bytes / unit);
    let stdout = format!(
        "{:8}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}\n{:8}{total:>12}{used:>12}{:>12}{:>12}{:>12}{:>12}\n{:8}{:>12}{:>12}{:>12}\n",
        "",
        "total",
        "used",
        "free",
        "shared",
        "buff/cache",
        "available",
        "Mem:",
        total - used,
        0,
        0,
        total - used,
        "Swap:",
        0,
        0,
        0
    );
    Finished { stdout, ..Finished::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities_are_those_of_the_node_s_status() {
        let capacity = crate::kubelet::admission::capacity();
        let of = |name: &str| crate::api::quantity::Quantity::of(&capacity[name]).units() as u64;
        assert_eq!((of("memory"), of("ephemeral-storage")), (MEMORY_BYTES, DISK_BYTES));
    }

    #[test]
    fn sizes_and_fillings_are_read() {
        assert_eq!(
            ["250M", "2g", "1GiB", "512", "x"].map(parse_size),
            [Some(250 * MIB), Some(2 * GIB), Some(GIB), Some(512), None]
        );
        let words = |line: &str| line.split(' ').map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(filling("fallocate", &words("-l 80G /var/fill")), Ok(("/var/fill".into(), 80 * GIB)));
        assert_eq!(filling("dd", &words("if=/dev/zero of=/var/fill bs=1M count=2048")), Ok(("/var/fill".into(), 2 * GIB)));
        assert!(filling("fallocate", &words("/var/fill")).is_err());
    }

    #[test]
    fn df_and_free_print_tables() {
        let free = free(&["-m".into()], 1024 * MIB).stdout;
        let mem = "Mem:            8192        1024        7168           0           0        7168";
        assert_eq!(free.lines().nth(1), Some(mem));
        let df = df(&["-h".into()], 12 * GIB).stdout;
        assert_eq!(df, "Filesystem      Size  Used Avail Use% Mounted on\noverlay         100G   12G   88G  12% /\n");
    }
}
