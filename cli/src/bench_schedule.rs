//! `orrery bench schedule`: how many pods a second the scheduler places, in the shapes of upstream's scheduler_perf.

use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use orrery_sim::scheduler::Profile;
use orrery_sim::scheduler::perf::{Shape, Workload};

/// Options of `orrery bench schedule`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Only this shape, such as Preemption
    shape: Option<String>,
    /// How many nodes; the pods grow with them
    #[arg(long, default_value_t = 5000)]
    nodes: usize,
    /// Runs each shape so often and reports the median
    #[arg(long, default_value_t = 3)]
    runs: usize,
}

/// Measures. Fails when a shape is unknown or, at 5,000 nodes, slower than ten times what the real scheduler promises.
pub(crate) fn main(options: &Options) -> ExitCode {
    let shapes = match &options.shape {
        None => Shape::ALL.to_vec(),
        Some(name) => match Shape::find(name) {
            Some(shape) => vec![shape],
            None => {
                let names: Vec<&str> = Shape::ALL.iter().map(|shape| shape.name()).collect();
                eprintln!("error: no shape {name:?}: they are {}", names.join(", "));
                return ExitCode::FAILURE;
            }
        },
    };
    println!("{:<28} {:>7} {:>7} {:>10} {:>10}   outcomes", "shape", "nodes", "pods", "pods/s", "bar");
    let mut slow = false;
    for shape in shapes {
        let nodes = options.nodes.max(1);
        let pods = shape.measured(nodes).max(1);
        let mut rates = Vec::new();
        let mut outcomes = None;
        for _ in 0..options.runs.max(1) {
            let mut workload = Workload::new(shape, nodes, pods, 1);
            let start = Instant::now();
            outcomes = Some(workload.run(&Profile::default()));
            rates.push(pods as f64 / start.elapsed().as_secs_f64());
        }
        rates.sort_by(f64::total_cmp);
        let rate = rates[rates.len() / 2];
        let bar = f64::from(shape.threshold()) * 10.0;
        let missed = nodes == 5000 && rate < bar;
        slow |= missed;
        let mark = if missed { "  TOO SLOW" } else { "" };
        let words = outcomes.map_or(String::new(), |outcomes| {
            let counts =
                [(outcomes.scheduled, "scheduled"), (outcomes.nominated, "nominated"), (outcomes.unschedulable, "unschedulable")];
            let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
            counts.collect::<Vec<_>>().join(", ")
        });
        println!("{:<28} {nodes:>7} {pods:>7} {rate:>10.0} {bar:>10.0}   {words}{mark}", shape.name());
    }
    if slow { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
