//! The image registry, outside the cluster: it answers for manifests and sends layers.

use std::rc::Rc;

use super::Cri;
use super::image::{self, ImageName};
use crate::core::collections::PMap;
use crate::core::{Component, Duration, Event, Message, Outbox, Rng};
use crate::programs::Launch;
use crate::value;
use crate::value::{Text, Value};

/// What a node downloads per second, before the fluctuations of the line.
const BYTES_PER_S: u64 = 48_000_000;

/// The registry. All registries of the world are one.
#[derive(Clone, Debug)]
pub struct Registry {
    rng: Rng,
    /// What it has said about an image: it says so every time.
    manifests: PMap<Text, Result<Value, Text>>,
}

impl Registry {
    /// A registry under the simulation's seed.
    pub fn start(launch: &Launch<'_>) -> Self {
        Self { rng: Rng::new(launch.seed, launch.purpose), manifests: PMap::new() }
    }

    /// An answer and how long it takes.
    fn answer(&mut self, method: &str, args: &Value) -> (Duration, Result<Value, Text>) {
        if method == "GetBlobs" {
            let bytes: u64 = args["layers"].items().iter().map(|layer| layer["size"].int() as u64).sum();
            let percent = self.rng.between(75, 130);
            return (Duration(bytes * 10_000 / (BYTES_PER_S / 100) * 100 / percent), Ok(Value::map()));
        }
        let latency = Duration::us(self.rng.between(220_000, 520_000));
        let name = args["image"].text();
        if !self.manifests.contains_key(&name) {
            self.manifests.insert(name.clone(), manifest(&name));
        }
        (latency, self.manifests[&name].clone())
    }
}

fn manifest(name: &str) -> Result<Value, Text> {
    let Ok(parsed) = ImageName::parse(name) else { return Err(Text::from(format!("{name}: not found"))) };
    if let Some(why) = super::hub::absence(&parsed) {
        return Err(Text::from(why));
    }
    let manifest = image::manifest(&parsed);
    let layers: Value =
        manifest.layers.iter().map(|layer| value!({"digest": layer.digest.clone(), "size": layer.size_bytes})).collect();
    Ok(value!({"digest": manifest.digest, "layers": layers}))
}

impl Component for Registry {
    fn on_event(&mut self, event: Event<'_>, out: &mut Outbox<'_>) {
        let Event::Message(envelope) = event else { return };
        let Message::Cri(cri) = &envelope.message else { return };
        if let Cri::Call { method, args } = &**cri {
            let (latency, result) = self.answer(method, args);
            out.send_after(latency, envelope.from, Message::Cri(Rc::new(Cri::Reply { to: envelope.id, result })));
        }
    }

    crate::component_boilerplate!();
}
