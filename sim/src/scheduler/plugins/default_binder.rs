//! DefaultBinder: binds a pod by the `binding` subresource (`plugins/defaultbinder`).

use super::super::framework::{Bind, Plugin};
use super::super::pod_info::PodInfo;
use crate::api::resource::PODS;
use crate::core::{Request, Verb};
use crate::value;
use crate::value::Text;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct DefaultBinder;

impl Plugin for DefaultBinder {
    fn name(&self) -> &'static str {
        "DefaultBinder"
    }
    fn bind(&self) -> Option<&dyn Bind> {
        Some(self)
    }
}

impl Bind for DefaultBinder {
    fn bind(&self, pod: &PodInfo, node: &Text) -> Request {
        let mut binding = value!({
            "kind": "Binding", "apiVersion": "v1", "metadata": {"name": &pod.name, "namespace": &pod.namespace},
            "target": {"kind": "Node", "name": node},
        });
        if !pod.uid.is_empty() {
            binding["metadata"]["uid"] = pod.uid.clone().into();
        }
        Request::new(Verb::Create, PODS, pod.namespace.clone(), pod.name.clone()).sub("binding").with_body(binding)
    }
}
