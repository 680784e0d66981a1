//! A bench for trying single parts without kind: a machine, the parts under test, and requests by hand.

use std::rc::Rc;

use crate::core::{
    Addr, Cluster, CommandId, Duration, Effect, MachineId, Message, Part, Request, Response, TerminalEvent, Time, Trace,
};
use crate::flow::Stream;
use crate::machine::MachineSpec;
use crate::value;
use crate::value::Value;

/// What a command line printed and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// stdout
    pub out: String,
    /// stderr
    pub err: String,
    /// Its exit code.
    pub code: i32,
}

/// A cluster with one machine `kind-control-plane` on which chosen parts run, and the trace of all that happens.
#[derive(Debug)]
pub struct Lab {
    /// The cluster.
    pub cluster: Cluster,
    /// All that has been sent.
    pub trace: Trace,
}

impl Lab {
    /// The machine of the control plane.
    pub const CONTROL_PLANE: MachineId = MachineId(1);

    /// etcd and kube-apiserver, ready to serve; `parts` run beside them.
    pub fn new(seed: u64, parts: &[Part]) -> Self {
        let mut lab = Self { cluster: Cluster::new(seed), trace: Trace::default() };
        lab.add_machine("kind-control-plane", "lab");
        for part in [Part::Etcd, Part::ApiServer].iter().chain(parts) {
            lab.spawn(Self::CONTROL_PLANE, *part, value!({"server": 1}));
        }
        lab.settle();
        lab
    }

    /// Adds a machine that boots nothing by itself when its role is `lab`.
    pub fn add_machine(&mut self, name: &'static str, role: &'static str) -> MachineId {
        let spec = MachineSpec {
            name: name.into(),
            image: "kindest/node:v1.36.2".into(),
            role: role.into(),
            cluster: "kind".into(),
            config: value!({"server": 1}),
        };
        self.cluster.perform(Effect::AddMachine(Rc::new(spec)), &mut self.trace);
        MachineId(self.cluster.machines().len() as u16 - 1)
    }

    /// Starts a program.
    pub fn spawn(&mut self, machine: MachineId, part: Part, args: Value) {
        self.cluster.perform(Effect::Spawn(Addr::new(machine, part), args), &mut self.trace);
    }

    /// Runs until nothing is left but periodic work, at most ten simulated minutes.
    pub fn settle(&mut self) {
        let limit = self.cluster.now() + Duration::s(600);
        while !self.cluster.is_quiet() && self.cluster.now() < limit && self.cluster.step(&mut self.trace) {}
    }

    /// Runs for a while.
    pub fn run(&mut self, span: Duration) {
        let until = self.cluster.now() + span;
        self.cluster.run_until(until, usize::MAX, &mut self.trace);
    }

    /// Sends a request as the user and runs until its answer is here.
    ///
    /// # Panics
    /// When no answer comes within a simulated minute.
    pub fn request(&mut self, request: Request) -> Response {
        let api_server = Addr::new(Self::CONTROL_PLANE, Part::ApiServer);
        let id = self.cluster.inject(Addr::USER, api_server, Message::Request(Rc::new(request)), &mut self.trace);
        let limit: Time = self.cluster.now() + Duration::s(60);
        let mut seen = id.0 as usize;
        while self.cluster.now() < limit {
            for envelope in &self.trace.envelopes()[seen..] {
                if let Message::Response(response) = &envelope.message
                    && response.to == id
                {
                    return (**response).clone();
                }
            }
            seen = self.trace.envelopes().len();
            if !self.cluster.step(&mut self.trace) {
                break;
            }
        }
        panic!("no answer to request {id:?}");
    }

    /// The same as [`Lab::new`], with a kubeconfig for the user's shell and the service account that pods need.
    pub fn with_shell(seed: u64, parts: &[Part]) -> Self {
        let mut lab = Self::new(seed, parts);
        lab.shell(
            "cat > .kube/config <<EOF\napiVersion: v1\nclusters:\n- cluster:\n    server: https://127.0.0.1:6443\n  name: kind-kind\n\
             contexts:\n- context:\n    cluster: kind-kind\n    user: kind-kind\n  name: kind-kind\ncurrent-context: kind-kind\nEOF\n",
        );
        lab.shell("kubectl create serviceaccount default");
        lab
    }

    /// Runs a command line in the user's shell to its end.
    ///
    /// # Panics
    /// When it has not ended after ten simulated minutes.
    pub fn shell(&mut self, line: &str) -> Printed {
        let id = CommandId(self.trace.terminal().len() as u32);
        let limit = self.cluster.now() + Duration::s(600);
        let mut seen = self.trace.terminal().len();
        self.cluster.command(self.cluster.now(), id, line);
        let mut printed = Printed::default();
        while self.cluster.now() < limit && self.cluster.step(&mut self.trace) {
            for (_, command, event) in &self.trace.terminal()[seen..] {
                match event {
                    TerminalEvent::Output(Stream::Out, text) if *command == id => printed.out += text,
                    TerminalEvent::Output(Stream::Err, text) if *command == id => printed.err += text,
                    TerminalEvent::Exit(code) if *command == id => {
                        printed.code = *code;
                        return printed;
                    }
                    _ => {}
                }
            }
            seen = self.trace.terminal().len();
        }
        panic!("no end of {line:?} after ten minutes; so far {printed:?}")
    }

    /// The requests to the api-server so far, as lines such as `kubelet/kind-worker patch /api/v1/nodes/kind-worker/status`; heartbeats left out.
    pub fn requests(&self) -> Vec<String> {
        let name = |addr: Addr| match addr.part {
            Part::Kubelet | Part::KubeProxy => format!("{}/{}", addr.part.name(), self.cluster.directory().name(addr.machine)),
            Part::Controller(_) => format!("kcm/{}", addr.part.name()),
            part => part.name().to_string(),
        };
        let line = |envelope: &Rc<crate::core::Envelope>| match &envelope.message {
            Message::Request(request) if !envelope.heartbeat && envelope.to.part == Part::ApiServer => {
                Some(format!("{} {} {}", name(envelope.from), request.verb.name(), request.path()))
            }
            _ => None,
        };
        self.trace.envelopes().iter().filter_map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::{CONFIGMAPS, NAMESPACES, PODS, SERVICEACCOUNTS, SERVICES};
    use crate::core::WatchType;

    fn config(name: &'static str) -> Value {
        value!({"metadata": {"name": name, "namespace": "default"}, "data": {"a": "1"}})
    }

    #[test]
    fn the_server_makes_its_own_objects() {
        let mut lab = Lab::new(1, &[]);
        let names: Vec<String> =
            lab.request(Request::list(NAMESPACES, "")).body["items"].items().iter().map(|ns| ns.name().to_string()).collect();
        assert_eq!(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
        let service = lab.request(Request::get(SERVICES, "default", "kubernetes")).body;
        assert_eq!(service["spec"]["clusterIP"].str(), "10.96.0.1");
    }

    #[test]
    fn create_update_conflict_delete() {
        let mut lab = Lab::new(1, &[]);
        let created = lab.request(Request::create(CONFIGMAPS, config("a")));
        assert_eq!(created.code, 201);
        assert_eq!(
            lab.request(Request::create(CONFIGMAPS, config("a"))).body["message"].str(),
            "configmaps \"a\" already exists"
        );
        let mut stale = created.body.clone();
        let patched = lab.request(Request::patch(CONFIGMAPS, "default", "a", value!({"data": {"b": "2"}})));
        assert_eq!(patched.body["data"].to_json(), r#"{"a":"1","b":"2"}"#);
        stale["data"]["c"] = "3".into();
        let conflict = lab.request(Request::update(CONFIGMAPS, stale));
        assert_eq!(conflict.code, 409);
        assert!(
            conflict.body["message"]
                .str()
                .starts_with("Operation cannot be fulfilled on configmaps \"a\": the object has been modified")
        );
        assert_eq!(lab.request(Request::delete(CONFIGMAPS, "default", "a")).body["status"].str(), "Success");
        assert_eq!(lab.request(Request::get(CONFIGMAPS, "default", "a")).code, 404);
    }

    #[test]
    fn an_unchanged_object_costs_no_revision() {
        let mut lab = Lab::new(1, &[]);
        let created = lab.request(Request::create(CONFIGMAPS, config("a")));
        let same = lab.request(Request::patch(CONFIGMAPS, "default", "a", value!({"data": {"a": "1"}})));
        assert_eq!(same.body["metadata"]["resourceVersion"], created.body["metadata"]["resourceVersion"]);
    }

    #[test]
    fn a_watch_sees_the_state_and_every_change() {
        let mut lab = Lab::new(1, &[]);
        lab.request(Request::create(CONFIGMAPS, config("a")));
        let watch =
            Request::watch(CONFIGMAPS, "default").param("sendInitialEvents", "true").param("fieldSelector", "metadata.name=a");
        let stream = lab.cluster.inject(
            Addr::USER,
            Addr::new(Lab::CONTROL_PLANE, Part::ApiServer),
            Message::Request(Rc::new(watch)),
            &mut lab.trace,
        );
        lab.settle();
        lab.request(Request::create(CONFIGMAPS, config("b")));
        lab.request(Request::patch(CONFIGMAPS, "default", "a", value!({"data": {"a": "2"}})));
        lab.request(Request::delete(CONFIGMAPS, "default", "a"));
        lab.settle();
        let mut seen = Vec::new();
        for envelope in lab.trace.envelopes() {
            if let Message::Watch(batch) = &envelope.message
                && batch.stream == stream
            {
                seen.extend(batch.events.iter().map(|event| event.kind));
            }
        }
        assert_eq!(seen, [WatchType::Added, WatchType::Bookmark, WatchType::Modified, WatchType::Deleted]);
    }

    #[test]
    fn a_pod_needs_its_account_and_is_bound_once() {
        let mut lab = Lab::new(1, &[]);
        let pod = value!({"metadata": {"name": "nginx", "namespace": "default"}, "spec": {"containers": [{"name": "nginx", "image": "nginx"}]}});
        let refused = lab.request(Request::create(PODS, pod.clone()));
        assert_eq!(refused.code, 403);
        assert!(
            refused.body["message"].str().ends_with("serviceaccount \"default\" not found"),
            "{}",
            refused.body["message"].str()
        );
        lab.request(Request::create(SERVICEACCOUNTS, value!({"metadata": {"name": "default", "namespace": "default"}})));
        let created = lab.request(Request::create(PODS, pod)).body;
        assert_eq!(created["spec"]["tolerations"].items().len(), 2);
        assert!(created["spec"]["volumes"][0]["name"].str().starts_with("kube-api-access-"));
        let binding = value!({"apiVersion": "v1", "kind": "Binding", "target": {"kind": "Node", "name": "kind-worker"}});
        let bind = Request::new(crate::core::Verb::Create, PODS, "default", "nginx").sub("binding").with_body(binding);
        assert_eq!(lab.request(bind.clone()).code, 201);
        assert_eq!(lab.request(bind).code, 409);
    }
}
