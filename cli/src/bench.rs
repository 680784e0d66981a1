//! `orrery bench`: how fast the simulation is. Ratios and rates; absolute times depend on the machine.

use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, Subcommand};
use orrery_sim::core::Duration;
use orrery_sim::kind::topology::Topology;
use orrery_sim::session::Session;

/// Options of `orrery bench`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: Option<What>,
    /// Runs each measurement so often and reports the median
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only measurements whose name contains this text
    filter: Option<String>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// How many pods a second the scheduler places, in the shapes of scheduler_perf
    Schedule(crate::bench_schedule::Options),
}

/// A measurement: set-up lines that are not timed, then lines that are.
struct Case {
    name: &'static str,
    files: fn() -> Vec<(String, String)>,
    setup: Vec<String>,
    timed: Vec<String>,
}

/// Measures.
pub(crate) fn main(options: &Options) -> ExitCode {
    if let Some(What::Schedule(options)) = &options.what {
        return crate::bench_schedule::main(options);
    }
    println!("{:<28} {:>10} {:>10} {:>10} {:>12} {:>14}", "measurement", "min ms", "median ms", "max ms", "events", "events/s");
    for case in cases() {
        if options.filter.as_ref().is_some_and(|filter| !case.name.contains(filter.as_str())) {
            continue;
        }
        if let Err(error) = measure(&case, options.runs.max(1)) {
            eprintln!("error: {}: {error}", case.name);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn kind_config(workers: usize) -> String {
    Topology { name: "", control_planes: 1, workers, external_etcd: 0 }.config()
}

fn cases() -> Vec<Case> {
    let create = |file: &str| format!("kind create cluster --config {file}");
    vec![
        Case {
            name: "boot, 2 workers",
            files: Vec::new,
            setup: Vec::new(),
            timed: vec!["kind create cluster --config kind.yaml".into()],
        },
        Case {
            name: "1,000 pods on 10 nodes",
            files: || vec![("ten.yaml".into(), kind_config(10))],
            setup: vec![create("ten.yaml")],
            timed: vec![
                "kubectl create deployment web --image=nginx --replicas=1000".into(),
                "kubectl rollout status deployment/web --timeout=30m".into(),
            ],
        },
        Case {
            name: "boot, 1,000 workers",
            files: || vec![("thousand.yaml".into(), kind_config(1000))],
            setup: Vec::new(),
            timed: vec![create("thousand.yaml")],
        },
    ]
}

fn run(session: &mut Session, lines: &[String]) -> Result<(), String> {
    for line in lines {
        let command = session.run(line);
        let result = session.finish(command, Duration::s(7200));
        if result.code != Some(0) {
            return Err(format!("{line}: exit {:?}: {}", result.code, result.stderr));
        }
    }
    session.settle(Duration::s(600));
    Ok(())
}

fn measure(case: &Case, runs: usize) -> Result<(), String> {
    let mut times = Vec::new();
    let mut events = 0;
    for _ in 0..runs {
        let mut session = Session::with_files(1, (case.files)().into_iter().collect());
        run(&mut session, &case.setup)?;
        let before = session.live_cluster().steps();
        let start = Instant::now();
        run(&mut session, &case.timed)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        events = session.live_cluster().steps() - before;
    }
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    let rate = events as f64 / median * 1e3;
    println!("{:<28} {:>10.1} {median:>10.1} {:>10.1} {events:>12} {rate:>14.0}", case.name, times[0], times[times.len() - 1]);
    Ok(())
}
