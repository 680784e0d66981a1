//! `window.orrery.bench("schedule")`: the scheduler's workloads as WebAssembly, so that they can be compared with `orrery bench schedule`.

use js_sys::Promise;
use orrery_sim::scheduler::Profile;
use orrery_sim::scheduler::perf::{Shape, Workload};
use serde_json::{Map, json};
use wasm_bindgen::JsValue;

/// Pods between two looks at the browser's events.
const SLICE: usize = 100;

/// Starts the measurement that `what` names: `schedule`, or `schedule SHAPE [NODES]`. The answer has pods a second by shape; only the
/// time in which pods are scheduled counts.
pub(super) fn start(what: &str) -> Promise {
    let what = what.to_string();
    wasm_bindgen_futures::future_to_promise(async move {
        let words: Vec<&str> = what.split_whitespace().collect();
        let (name, nodes) = match words[..] {
            ["schedule"] => ("", "5000"),
            ["schedule", shape] => (shape, "5000"),
            ["schedule", shape, nodes] => (shape, nodes),
            _ => return Err(error("bench(what): a number of seconds, or \"schedule [SHAPE [NODES]]\"")),
        };
        let nodes: usize =
            nodes.parse().ok().filter(|nodes| (1..=20_000).contains(nodes)).ok_or_else(|| error("bench: 1 to 20000 nodes"))?;
        let shapes = if name.is_empty() {
            Shape::ALL.to_vec()
        } else {
            vec![Shape::find(name).ok_or_else(|| error("bench: there is no such shape"))?]
        };
        let mut rates = Map::new();
        for shape in shapes {
            let mut workload = Workload::new(shape, nodes, shape.measured(nodes).max(1), 1);
            let (mut spent_ms, profile) = (0.0, Profile::default());
            loop {
                let begin = gloo::utils::window().performance().map_or(0.0, |clock| clock.now());
                let more = workload.advance(&profile, SLICE);
                spent_ms += gloo::utils::window().performance().map_or(0.0, |clock| clock.now()) - begin;
                if !more {
                    break;
                }
                gloo::timers::future::TimeoutFuture::new(0).await;
            }
            rates.insert(format!("{} (pods/s)", shape.name()), json!((workload.tried as f64 / spent_ms * 1e3).round()));
        }
        Ok(js_sys::JSON::parse(&serde_json::Value::from(rates).to_string()).unwrap_or(JsValue::NULL))
    })
}

fn error(text: &str) -> JsValue {
    js_sys::Error::new(text).into()
}
