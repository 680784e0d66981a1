//! `iptables` and `tc` on a machine: how links are cut, slowed down and made to lose packets.
//!
//! - `iptables -A INPUT -s 172.18.0.3 -j DROP`: drops what comes from there (`-D` takes it back, `-F` all of the chain, or of both);
//!   `iptables -A OUTPUT -d kind-worker -j DROP`: drops what goes there; `-d registry-1.docker.io` cuts the machine off the image registry;
//! - `tc qdisc add dev eth0 root netem delay 100ms 20ms loss 5%`: slows down and loses what is sent (`del` takes it back).

use crate::core::faults::{Chain, Netem, NetworkChange};
use crate::core::{Directory, Duration, MachineId};

/// The name of the image registry's machine: of all registries, as they are one.
pub const REGISTRY_HOST: &str = "registry-1.docker.io";
/// Its address.
pub const REGISTRY_IP: &str = "34.194.164.123";

/// What iptables and tc have set on a machine since it was switched on.
#[derive(Clone, Debug, Default)]
pub struct Firewall {
    /// The rules in their order; the same one may be there several times.
    rules: Vec<(Chain, MachineId)>,
    /// Whether the interface has a qdisc of its own.
    qdisc: bool,
}

/// What a command changes, or what goes to stderr, with the exit code.
pub type Changes = Result<Vec<NetworkChange>, (String, i32)>;

impl Firewall {
    /// Carries out a command of iptables on the machine `me`.
    pub fn iptables(&mut self, args: &[String], me: MachineId, directory: &Directory) -> Changes {
        let help = "Try `iptables -h' or 'iptables --help' for more information.\n";
        let wrong = |text: &str| (format!("iptables v1.8.9 (nf_tables): {text}\n{help}"), 2);
        let mut words = args.iter().map(String::as_str).peekable();
        let (mut action, mut source, mut destination, mut target) = (None, None, None, None);
        while let Some(word) = words.next() {
            match word {
                "-A" | "--append" => action = Some(('A', words.next())),
                "-I" | "--insert" => action = Some(('I', words.next())),
                "-D" | "--delete" => action = Some(('D', words.next())),
                "-F" | "--flush" => action = Some(('F', words.next_if(|word| !word.starts_with('-')))),
                "-s" | "--source" => source = words.next(),
                "-d" | "--destination" => destination = words.next(),
                "-j" | "--jump" => target = words.next(),
                "-w" | "--wait" => {}
                other => {
                    let text = format!("unknown option {other:?}, or none of the simulation's (-A, -I, -D, -F, -s, -d, -j)");
                    return Err(wrong(&text));
                }
            }
        }
        let Some((action, chain)) = action else { return Err(wrong("no command specified")) };
        let chain = match chain {
            Some("INPUT") => Some(Chain::Input),
            Some("OUTPUT") => Some(Chain::Output),
            None if action == 'F' => None,
            _ => return Err(("iptables: No chain/target/match by that name.\n".into(), 1)),
        };
        let drop = |(chain, other), on| NetworkChange::Drop { at: me, chain, other, on };
        let Some(chain) = chain.filter(|_| action != 'F') else {
            let (gone, kept) = self.rules.iter().partition(|(of, _)| chain.is_none_or(|chain| chain == *of));
            self.rules = kept;
            let gone: Vec<(Chain, MachineId)> = gone;
            return Ok(gone.into_iter().map(|rule| drop(rule, false)).collect());
        };
        if target != Some("DROP") {
            return Err(wrong("of all targets, the simulation knows DROP"));
        }
        let ((Chain::Input, Some(host), None) | (Chain::Output, None, Some(host))) = (chain, source, destination) else {
            let text = "the simulation's iptables wants one address: -A INPUT -s ADDRESS, or -A OUTPUT -d ADDRESS\n";
            return Err((text.into(), 2));
        };
        let (address, mask) = host.split_once('/').unwrap_or((host, "32"));
        if !matches!(mask, "32" | "255.255.255.255") {
            return Err(wrong(&format!("the simulation's rules are for one machine each, not for the network {host}")));
        }
        let registry = [REGISTRY_HOST, REGISTRY_IP].contains(&address).then_some(MachineId::REGISTRY);
        let Some(other) = registry.or_else(|| directory.find(address)) else {
            return Err(wrong(&format!("host/network `{host}' not found")));
        };
        let rule = (chain, other);
        if action == 'D' {
            let Some(at) = self.rules.iter().position(|have| *have == rule) else {
                return Err(("iptables: Bad rule (does a matching rule exist in that chain?).\n".into(), 1));
            };
            self.rules.remove(at);
            // The same rule may be there once more.
            return Ok(if self.rules.contains(&rule) { Vec::new() } else { vec![drop(rule, false)] });
        }
        self.rules.push(rule);
        Ok(vec![drop(rule, true)])
    }

    /// Carries out a command of tc on the machine `me`.
    pub fn tc(&mut self, args: &[String], me: MachineId) -> Changes {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let refused = |text: &str| Err((format!("Error: {text}\n"), 2));
        match words[..] {
            ["qdisc", "del" | "delete", "dev", "eth0", "root", ..] => {
                if !std::mem::take(&mut self.qdisc) {
                    return refused("Cannot delete qdisc with handle of zero.");
                }
                Ok(vec![NetworkChange::Netem(me, None)])
            }
            ["qdisc", verb @ ("add" | "replace" | "change"), "dev", "eth0", "root", "netem", ref options @ ..] => {
                match verb {
                    "add" if self.qdisc => return refused("Exclusivity flag on, cannot modify."),
                    "change" if !self.qdisc => return refused("Qdisc not found. To create specify NLM_F_CREATE flag."),
                    _ => {}
                }
                let netem = netem(options)?;
                self.qdisc = true;
                Ok(vec![NetworkChange::Netem(me, Some(netem))])
            }
            _ => Err(("the simulation's tc knows: tc qdisc add|change|replace dev eth0 root netem [delay TIME [JITTER]] [loss PERCENT], and tc qdisc del dev eth0 root\n".into(), 1)),
        }
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

    const ME: MachineId = MachineId(2);

    #[test]
    fn netem_is_read() {
        let check = |line: &str| Firewall::default().tc(&words(line), ME);
        let netem = Netem { delay: Duration::ms(100), jitter: Duration::ms(20), loss_ppm: 25_000 };
        assert_eq!(
            check("qdisc add dev eth0 root netem delay 100ms 20ms loss 2.5%"),
            Ok(vec![NetworkChange::Netem(ME, Some(netem))])
        );
        assert!(check("qdisc add dev eth0 root netem delay x").is_err());
        assert!(check("qdisc add dev eth0 root netem loss 101%").is_err());
        assert!(check("qdisc show").is_err());
    }

    #[test]
    fn an_interface_has_one_qdisc_or_none() {
        let mut firewall = Firewall::default();
        let mut tc = |line: &str| firewall.tc(&words(line), ME).map(|_| ());
        let refused = |text: &str| Err((format!("Error: {text}\n"), 2));
        assert_eq!(tc("qdisc del dev eth0 root"), refused("Cannot delete qdisc with handle of zero."));
        assert_eq!(
            tc("qdisc change dev eth0 root netem delay 1ms"),
            refused("Qdisc not found. To create specify NLM_F_CREATE flag.")
        );
        assert_eq!(tc("qdisc add dev eth0 root netem delay 1ms"), Ok(()));
        assert_eq!(tc("qdisc add dev eth0 root netem delay 1ms"), refused("Exclusivity flag on, cannot modify."));
        assert_eq!(tc("qdisc replace dev eth0 root netem delay 2ms"), Ok(()));
        assert_eq!(tc("qdisc del dev eth0 root"), Ok(()));
        assert_eq!(tc("qdisc del dev eth0 root"), refused("Cannot delete qdisc with handle of zero."));
    }

    #[test]
    fn rules_come_and_go_by_chain() {
        let directory =
            Directory::of(&[("kind-worker", "172.18.0.3", MachineId(3)), ("kind-worker2", "172.18.0.4", MachineId(4))]);
        let mut firewall = Firewall::default();
        let mut check = |line: &str| firewall.iptables(&words(line), ME, &directory);
        let drop = |chain, other, on| NetworkChange::Drop { at: ME, chain, other: MachineId(other), on };
        let bad = Err(("iptables: Bad rule (does a matching rule exist in that chain?).\n".to_string(), 1));
        assert_eq!(check("-F"), Ok(vec![]));
        assert_eq!(check("-A INPUT -s 172.18.0.3 -j DROP"), Ok(vec![drop(Chain::Input, 3, true)]));
        assert_eq!(check("-I INPUT -s kind-worker/32 -j DROP"), Ok(vec![drop(Chain::Input, 3, true)]));
        assert_eq!(check("-A OUTPUT -d kind-worker2 -j DROP"), Ok(vec![drop(Chain::Output, 4, true)]));
        assert_eq!(check("-D OUTPUT -d kind-worker -j DROP"), bad);
        assert_eq!(check("-D INPUT -s kind-worker -j DROP"), Ok(vec![]), "it was there twice");
        assert_eq!(check("-F INPUT"), Ok(vec![drop(Chain::Input, 3, false)]));
        assert_eq!(check("-D OUTPUT -d kind-worker2 -j DROP"), Ok(vec![drop(Chain::Output, 4, false)]));
        assert_eq!(check("-D OUTPUT -d kind-worker2 -j DROP"), bad);
        assert_eq!(check("-A INPUT -s nope -j DROP").map_err(|(_, code)| code), Err(2));
        assert_eq!(check("-A FORWARD -s kind-worker -j DROP").map_err(|(_, code)| code), Err(1));
        assert!(check("-A INPUT -s 172.18.0.3 -j ACCEPT").is_err());
        assert!(check("-A INPUT -s 172.18.0.3/16 -j DROP").unwrap_err().0.contains("not for the network 172.18.0.3/16"));
    }
}
