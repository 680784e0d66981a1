//! `window.orrery.bench(what)`: `"schedule"` runs the scheduler's workloads as WebAssembly, so that they can be compared with
//! `orrery bench schedule`; `"crowd NODES PODS MESSAGES"` puts so many of each on the stage, `"crowd"` brings the cluster back.

use js_sys::Promise;
use orrery_sim::scheduler::Profile;
use orrery_sim::scheduler::perf::{Shape, Workload};
use serde_json::{Map, json};
use wasm_bindgen::JsValue;

use super::store::Store;
use crate::state::AppAction;
use crate::state::crowd::Numbers;

/// Pods between two looks at the browser's events.
const SLICE: usize = 100;

/// Starts the measurement that `what` names: `schedule`, or `schedule SHAPE [NODES]`. The answer has pods a second by shape; only the
/// time in which pods are scheduled counts.
pub(super) fn start(what: &str, store: &Store) -> Promise {
    let (what, store) = (what.to_string(), store.clone());
    wasm_bindgen_futures::future_to_promise(async move {
        let words: Vec<&str> = what.split_whitespace().collect();
        if words.first() == Some(&"crowd") {
            return crowd(&words[1..], &store).await;
        }
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

/// Shows a crowd; the answer has the milliseconds until all of it stood on the stage.
async fn crowd(numbers: &[&str], store: &Store) -> Result<JsValue, JsValue> {
    let numbers: Vec<usize> = numbers.iter().filter_map(|number| number.parse().ok()).collect();
    let numbers = match numbers[..] {
        [] => None,
        [nodes @ 1..=20_000, pods @ 0..=400_000, messages @ 0..=20_000] => Some(Numbers { nodes, pods, messages }),
        _ => return Err(error("bench: crowd NODES PODS MESSAGES, at most 20000 400000 20000")),
    };
    let begin = super::settings::now();
    store.dispatch(AppAction::Crowd(numbers));
    while numbers.is_some_and(|numbers| numbers.messages > 0) && !store.state().crowd_stands() {
        gloo::timers::future::TimeoutFuture::new(50).await;
    }
    Ok(JsValue::from_f64(super::settings::now() - begin))
}

fn error(text: &str) -> JsValue {
    js_sys::Error::new(text).into()
}
