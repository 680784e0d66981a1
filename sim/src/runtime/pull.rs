//! Pulling images: the manifest, the layers that the machine does not have, unpacking.

use std::rc::Rc;

use super::Cri;
use super::containerd::{Containerd, reply};
use super::image::{self, ImageName};
use crate::core::message::FailureKind;
use crate::core::{Addr, Duration, Envelope, EnvelopeId, Message, Outbox};
use crate::machine::network::{REGISTRY_HOST, REGISTRY_IP};
use crate::value;
use crate::value::{Text, Value};

/// Unpacking an image takes this long and, per megabyte, [`UNPACK_PER_MB`].
const UNPACK: Duration = Duration::ms(60);
const UNPACK_PER_MB: u64 = 4_000;
/// A pull that is under way.
#[derive(Clone, Debug)]
pub(super) struct Pull {
    waiting: Vec<(Addr, EnvelopeId)>,
    /// The manifest once it is there.
    manifest: Value,
}

/// An image on the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Name with tag.
    pub name: Text,
    /// Name with digest.
    pub image_ref: Text,
    /// Compressed size in bytes.
    pub size_bytes: u64,
}

impl Containerd {
    pub(super) fn add_image(&mut self, name: &str) -> Option<&Image> {
        let name = ImageName::parse(name).ok()?;
        let full = Text::from(name.to_string());
        if self.images.contains_key(&full) {
            return self.images.get(&full);
        }
        let manifest = image::manifest(&name);
        self.layers.extend(manifest.layers.iter().map(|layer| layer.digest.clone()));
        let image_ref = name.with_digest(&manifest.digest);
        let image = Image { name: full.clone(), image_ref, size_bytes: manifest.size_bytes() };
        self.images.insert(full.clone(), image);
        self.images.get(&full)
    }

    pub(super) fn image_status(&self, name: &str) -> Value {
        let found = ImageName::parse(name).ok().and_then(|name| self.images.get(name.to_string().as_str()));
        match found {
            Some(image) => value!({"image": {"id": image.image_ref.clone(), "size": image.size_bytes}}),
            None => value!({"image": null}),
        }
    }

    pub(super) fn pull(&mut self, name: &str, envelope: &Envelope, out: &mut Outbox<'_>) {
        let name = match ImageName::parse(name) {
            Ok(name) => Text::from(name.to_string()),
            Err(error) => {
                let text = format!("rpc error: code = InvalidArgument desc = failed to parse image reference {name:?}: {error}");
                return reply(Duration::ms(1), envelope.from, envelope.id, Err(Text::from(text)), out);
            }
        };
        let caller = (envelope.from, envelope.id);
        if let Some(pull) = self.pulls.get_mut(&name) {
            pull.waiting.push(caller);
            return;
        }
        let call = Cri::Call { method: "GetManifest", args: value!({"image": name.clone()}) };
        let id = out.send(Addr::REGISTRY, Message::Cri(Rc::new(call)));
        self.downloads.insert(id, name.clone());
        self.pulls.insert(name, Pull { waiting: vec![caller], manifest: Value::Null });
    }

    pub(super) fn downloaded(&mut self, name: Text, result: &Result<Value, Text>, out: &mut Outbox<'_>) {
        let Some(pull) = self.pulls.get_mut(&name) else { return };
        match result {
            Err(error) => {
                let code = match error.rsplit_once(": ").map(|(_, last)| last) {
                    Some("not found") => "NotFound",
                    Some("i/o timeout") => "DeadlineExceeded",
                    _ => "Unknown",
                };
                let step = match pull.manifest {
                    Value::Null => format!("failed to resolve reference {name:?}"),
                    _ => "failed to copy: httpReadSeeker: failed open".to_string(),
                };
                let text = format!("rpc error: code = {code} desc = failed to pull and unpack image {name:?}: {step}: {error}");
                for (client, id) in self.pulls.remove(&name).map(|pull| pull.waiting).unwrap_or_default() {
                    reply(Duration::us(400), client, id, Err(Text::new(&text)), out);
                }
            }
            Ok(manifest) if pull.manifest.is_null() => {
                pull.manifest = manifest.clone();
                let missing: Value =
                    manifest["layers"].items().iter().filter(|layer| !self.layers.contains(layer["digest"].str())).collect();
                if missing.is_empty() {
                    return self.finish_pull(name, Duration::us(900), out);
                }
                let call = Cri::Call { method: "GetBlobs", args: value!({"image": name.clone(), "layers": missing}) };
                let id = out.send(Addr::REGISTRY, Message::Cri(Rc::new(call)));
                self.downloads.insert(id, name);
            }
            Ok(_) => {
                let new = pull.manifest["layers"].items().iter().filter(|layer| !self.layers.contains(layer["digest"].str()));
                let megabytes: u64 = new.map(|layer| layer["size"].int() as u64).sum::<u64>() / 1_000_000;
                self.finish_pull(name, UNPACK + Duration(megabytes * UNPACK_PER_MB), out);
            }
        }
    }

    /// The registry did not answer: the error of Go's HTTP client.
    pub(super) fn registry_silent(&mut self, name: Text, kind: FailureKind, out: &mut Outbox<'_>) {
        let Some(pull) = self.pulls.get(&name) else { return };
        let Ok(parsed) = ImageName::parse(&name) else { return };
        let (domain, path) = parsed.repository.split_once('/').unwrap_or(("docker.io", &parsed.repository));
        let host = if domain == "docker.io" { REGISTRY_HOST } else { domain };
        let missing = pull.manifest["layers"].items().iter().find(|layer| !self.layers.contains(layer["digest"].str()));
        let (verb, what) = match missing {
            Some(layer) => ("Get", format!("blobs/{}", layer["digest"].str())),
            None if parsed.digest.is_empty() => ("Head", format!("manifests/{}", parsed.tag)),
            None => ("Head", format!("manifests/{}", parsed.digest)),
        };
        let error =
            format!("failed to do request: {verb} \"https://{host}/v2/{path}/{what}\": dial tcp {REGISTRY_IP}:443: {kind}");
        self.downloaded(name, &Err(Text::from(error)), out);
    }

    fn finish_pull(&mut self, name: Text, after: Duration, out: &mut Outbox<'_>) {
        let waiting = self.pulls.remove(&name).map(|pull| pull.waiting).unwrap_or_default();
        let Some(image) = self.add_image(&name) else { return };
        let answer = value!({"imageRef": image.image_ref.clone(), "sizeBytes": image.size_bytes});
        for (client, id) in waiting {
            reply(after, client, id, Ok(answer.clone()), out);
        }
    }
}
