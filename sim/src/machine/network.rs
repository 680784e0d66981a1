//! `iptables` and `tc` on a machine: how links are cut, slowed down and made to lose packets.
//!
//! - `iptables -A INPUT -s 172.18.0.3 -j DROP`: drops what comes from there (`-D` takes it back, `-F` everything);
//!   `iptables -A OUTPUT -d kind-worker -j DROP`: drops what goes there;
//! - `tc qdisc add dev eth0 root netem delay 100ms 20ms loss 5%`: slows down and loses what is sent (`del` takes it back).

use crate::core::faults::{Netem, NetworkChange};
use crate::core::{Directory, Duration, MachineId};

/// Reads a command of iptables for the machine `me`; `Err` is what goes to stderr, with the exit code.
pub fn iptables(args: &[String], me: MachineId, directory: &Directory) -> Result<Vec<NetworkChange>, (String, i32)> {
    let help = "Try `iptables -h' or 'iptables --help' for more information.\n";
    let mut words = args.iter().map(String::as_str);
    let (mut action, mut source, mut destination, mut target) = (None, None, None, None);
    while let Some(word) = words.next() {
        match word {
            "-A" | "--append" | "-I" | "--insert" => action = Some((true, words.next().unwrap_or_default())),
            "-D" | "--delete" => action = Some((false, words.next().unwrap_or_default())),
            "-F" | "--flush" => return Ok(vec![NetworkChange::Flush(me)]),
            "-s" | "--source" => source = words.next(),
            "-d" | "--destination" => destination = words.next(),
            "-j" | "--jump" => target = words.next(),
            "-w" | "--wait" => {}
            other => {
                return Err((
                    format!(
                        "iptables v1.8.9 (nf_tables): unknown option {other:?}, or none of the simulation's (-A, -I, -D, -F, -s, -d, -j)\n{help}"
                    ),
                    2,
                ));
            }
        }
    }
    let Some((on, chain)) = action else { return Err((format!("iptables v1.8.9 (nf_tables): no command specified\n{help}"), 2)) };
    if target != Some("DROP") {
        return Err((format!("iptables v1.8.9 (nf_tables): of all targets, the simulation knows DROP\n{help}"), 2));
    }
    let host = match (chain, source, destination) {
        ("INPUT", Some(host), None) | ("OUTPUT", None, Some(host)) => host,
        ("INPUT" | "OUTPUT", ..) => {
            return Err((
                "the simulation's iptables wants one address: -A INPUT -s ADDRESS, or -A OUTPUT -d ADDRESS\n".into(),
                2,
            ));
        }
        _ => return Err(("iptables: No chain/target/match by that name.\n".into(), 1)),
    };
    let Some(other) = directory.find(host.split('/').next().unwrap_or_default()) else {
        return Err((format!("iptables v1.8.9 (nf_tables): host/network `{host}' not found\n{help}"), 2));
    };
    let (from, to) = if chain == "INPUT" { (other, me) } else { (me, other) };
    Ok(vec![NetworkChange::Drop { from, to, on }])
}

/// Reads a command of tc for the machine `me`.
pub fn tc(args: &[String], me: MachineId) -> Result<Vec<NetworkChange>, (String, i32)> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["qdisc", "del" | "delete", "dev", "eth0", "root", ..] => Ok(vec![NetworkChange::Netem(me, None)]),
        ["qdisc", "add" | "replace" | "change", "dev", "eth0", "root", "netem", ref options @ ..] => {
            Ok(vec![NetworkChange::Netem(me, Some(netem(options)?))])
        }
        _ => Err(("the simulation's tc knows: tc qdisc add|change|replace dev eth0 root netem [delay TIME [JITTER]] [loss PERCENT], and tc qdisc del dev eth0 root\n".into(), 1)),
    }
}

fn netem(options: &[&str]) -> Result<Netem, (String, i32)> {
    let bad = |what: &str, value: &str| (format!("Illegal \"{what}\": {value:?}\n"), 1);
    let mut netem = Netem::default();
    let mut words = options.iter().copied().peekable();
    while let Some(word) = words.next() {
        let value = words.next().unwrap_or_default();
        match word {
            "delay" | "latency" => {
                netem.delay = time(value).ok_or_else(|| bad("latency", value))?;
                if let Some(jitter) = words.peek().and_then(|word| time(word)) {
                    netem.jitter = jitter;
                    words.next();
                }
            }
            "loss" | "drop" => {
                let value = if value == "random" { words.next().unwrap_or_default() } else { value };
                netem.loss_ppm = percent(value).ok_or_else(|| bad("loss", value))?;
            }
            other => return Err((format!("What is {other:?}?\nthe simulation's netem knows delay and loss\n"), 1)),
        }
    }
    Ok(netem)
}

/// `100ms`, `1s`, `250us`.
fn time(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let scale = match &text[digits..] {
        "us" | "usec" | "usecs" => 1,
        "ms" | "msec" | "msecs" => 1_000,
        "s" | "sec" | "secs" => 1_000_000,
        _ => return None,
    };
    number.checked_mul(scale).filter(|us| *us <= 600_000_000).map(Duration)
}

/// `5%` and `0.3%` in millionths.
fn percent(text: &str) -> Option<u32> {
    let (whole, fraction) = text.strip_suffix('%')?.split_once('.').unwrap_or((text.strip_suffix('%')?, ""));
    let fraction: String = fraction.chars().chain("0000".chars()).take(4).collect();
    let ppm = whole.parse::<u32>().ok()?.checked_mul(10_000)?.checked_add(fraction.parse().ok()?)?;
    (ppm <= 1_000_000).then_some(ppm)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_string).collect()
    }

    #[test]
    fn netem_is_read() {
        let check = |line: &str| tc(&words(line), MachineId(2));
        let netem = Netem { delay: Duration::ms(100), jitter: Duration::ms(20), loss_ppm: 25_000 };
        assert_eq!(
            check("qdisc add dev eth0 root netem delay 100ms 20ms loss 2.5%"),
            Ok(vec![NetworkChange::Netem(MachineId(2), Some(netem))])
        );
        assert_eq!(check("qdisc del dev eth0 root"), Ok(vec![NetworkChange::Netem(MachineId(2), None)]));
        assert!(check("qdisc add dev eth0 root netem delay x").is_err());
        assert!(check("qdisc add dev eth0 root netem loss 101%").is_err());
        assert!(check("qdisc show").is_err());
    }

    #[test]
    fn rules_need_a_known_address() {
        let check = |line: &str| iptables(&words(line), MachineId(2), &Directory::default());
        assert_eq!(check("-F"), Ok(vec![NetworkChange::Flush(MachineId(2))]));
        assert_eq!(check("-A INPUT -s nope -j DROP").map_err(|(_, code)| code), Err(2));
        assert_eq!(check("-A FORWARD -s nope -j DROP").map_err(|(_, code)| code), Err(1));
        assert!(check("-A INPUT -s 172.18.0.3 -j ACCEPT").is_err());
    }
}
