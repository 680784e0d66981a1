//! What the trace has counted, made ready for charts: how long queues were, how far etcd's members were in Raft's log.

use orrery_sim::core::{Addr, Gauge, Gauges, Time};

/// The sums of some quantities over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// For each sum the highest value in each of equal parts of a stretch of time.
    pub highest: Vec<Vec<u32>>,
    /// The sums at one moment.
    pub now: Vec<u32>,
}

/// The sums of quantities between two moments, which are divided into `bins`, and at `t`. `line` tells which sum a quantity counts for, from 0, if any.
/// What is empty again within a part of the time counts all the same: queues are seldom filled for longer.
pub fn counted(
    gauges: &Gauges,
    (from, to): (Time, Time),
    bins: usize,
    t: Time,
    line: &dyn Fn(Addr, Gauge) -> Option<usize>,
) -> Counted {
    let lines: Vec<Option<usize>> = gauges.series().iter().map(|(addr, gauge)| line(*addr, *gauge)).collect();
    let count = lines.iter().flatten().max().map_or(0, |last| last + 1);
    let (bins, mut values) = (bins.max(1), vec![0_u32; lines.len()]);
    let width = (to.since(from).0 / bins as u64).max(1);
    let mut counted = Counted { highest: vec![vec![0; bins]; count], now: vec![0; count] };
    // Of each sum: what it is, and the part of the time since which it is that.
    let mut sums = vec![(0_u32, 0_usize); count];
    for change in gauges.changes().iter().take_while(|change| change.at <= to) {
        let before = std::mem::replace(&mut values[change.series as usize], change.value);
        let Some(line) = lines[change.series as usize] else { continue };
        let (sum, since) = sums[line];
        let bin = ((change.at.since(from).0 / width) as usize).min(bins - 1);
        if change.at > from {
            hold(&mut counted.highest[line][since..=bin], sum);
        }
        sums[line] = (sum - before + change.value, bin);
        if change.at <= t {
            counted.now[line] = sums[line].0;
        }
    }
    for (highest, (sum, since)) in counted.highest.iter_mut().zip(sums) {
        hold(&mut highest[since..], sum);
    }
    counted
}

/// These parts of the time have at least this much.
fn hold(parts: &mut [u32], sum: u32) {
    for part in parts {
        *part = sum.max(*part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orrery_sim::core::{Controller, Duration};
    use orrery_sim::session::Session;

    #[test]
    fn the_highest_value_of_each_part_is_kept_however_short_it_was() {
        let mut session = Session::new(3);
        session.run("kind create cluster");
        session.settle(Duration::s(600));
        let begin = session.live_end();
        session.run("kubectl create deployment web --image=nginx --replicas=9");
        session.settle(Duration::s(60));
        let (gauges, end) = (session.trace().gauges(), session.live_end());
        let of = |wanted: &'static [Gauge]| move |_, gauge| wanted.iter().position(|have| *have == gauge);
        let all =
            counted(gauges, (begin, end), 40, end, &of(&[Gauge::Work(Controller::ReplicaSet), Gauge::Active, Gauge::Logged]));
        let highest: Vec<u32> = all.highest.iter().filter_map(|parts| parts.iter().copied().max()).collect();
        assert!(highest[0] >= 1 && highest[1] >= 2, "{highest:?}");
        assert_eq!(all.now[..2], [0, 0]);
        // The parts together know what any number of them knows.
        for bins in [1, 7, 400] {
            let again = counted(
                gauges,
                (begin, end),
                bins,
                end,
                &of(&[Gauge::Work(Controller::ReplicaSet), Gauge::Active, Gauge::Logged]),
            );
            assert_eq!(again.highest.iter().filter_map(|parts| parts.iter().copied().max()).collect::<Vec<_>>(), highest);
            assert_eq!(again.now, all.now);
        }
        // A log only grows, and goes on where it was at the beginning.
        let log = &all.highest[2];
        assert!(log.windows(2).all(|pair| pair[0] <= pair[1]) && log[0] > 100 && log[39] == all.now[2], "{log:?}");
        let early = counted(gauges, (begin, end), 40, begin, &of(&[Gauge::Logged]));
        assert!(early.now[0] < all.now[2] && early.now[0] <= log[0]);
    }

    #[test]
    fn a_member_of_etcd_that_is_off_falls_behind_and_catches_up() {
        let mut session = Session::new(5);
        let run = |session: &mut Session, line: &str| {
            let command = session.run(line);
            session.finish(command, Duration::s(600));
            session.settle(Duration::s(60));
            let gauges = session.trace().gauges();
            let members: Vec<Addr> =
                gauges.series().iter().filter(|(_, gauge)| *gauge == Gauge::Logged).map(|(addr, _)| *addr).collect();
            let of = |addr: Addr, gauge: Gauge| members.iter().position(|have| *have == addr).filter(|_| gauge == Gauge::Logged);
            let end = session.live_end();
            let now = counted(gauges, (Time::ZERO, end), 1, end, &of).now;
            let most = now.iter().copied().max().unwrap_or(0);
            now.into_iter().map(|log| most - log).collect::<Vec<u32>>()
        };
        let config = "cat > ha.yaml <<EOF
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
- role: control-plane
- role: control-plane
EOF";
        run(&mut session, config);
        assert_eq!(run(&mut session, "kind create cluster --config ha.yaml"), [0, 0, 0]);
        run(&mut session, "docker stop kind-control-plane3");
        let behind = run(&mut session, "kubectl create deployment web --image=nginx --replicas=3");
        assert!(behind[..2] == [0, 0] && behind[2] > 5, "{behind:?}");
        assert_eq!(run(&mut session, "docker start kind-control-plane3"), [0, 0, 0]);
    }
}
