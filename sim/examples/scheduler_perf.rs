//! Times the scheduler's workloads: `cargo run --release -p orrery-sim --example scheduler_perf [NODES PODS [SHAPE]]`.

use std::time::Instant;

use orrery_sim::scheduler::Profile;
use orrery_sim::scheduler::perf::{Shape, Workload};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let size = |at: usize, default| args.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (nodes, pods) = (size(1, 5000), size(2, 10_000));
    for shape in Shape::ALL.into_iter().filter(|shape| args.get(3).is_none_or(|name| shape.name() == name)) {
        let mut workload = Workload::new(shape, nodes, if shape == Shape::Basic { pods } else { pods / 5 });
        let start = Instant::now();
        let outcomes = workload.run(&Profile::default(), 1);
        let took = start.elapsed().as_secs_f64();
        println!("{:28} {:8.0} pods/s   {outcomes:?}", shape.name(), workload.pods.len() as f64 / took);
    }
}
