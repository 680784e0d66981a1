//! Messages and the envelopes that carry them.

use crate::core::collections::sort::Sort as _;
use std::fmt;
use std::rc::Rc;

use super::{Addr, Time};
use crate::api::Resource;
use crate::value::{Text, Value};

/// Number of an envelope in the trace; given in the order of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvelopeId(pub u32);

/// Number of a command line that the user gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u32);

/// What made a sender act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A command line of the user.
    Command(CommandId),
    /// A message that it received.
    Message(EnvelopeId),
    /// A timer of its own, named; `since` is the message that had set the timer.
    Timer {
        /// The timer's name, such as `node-status`.
        name: &'static str,
        /// The message in answer to which the timer was set, if any.
        since: Option<EnvelopeId>,
    },
    /// The start of its process.
    Start,
}

/// One hop of one message. `sent_at ≤ due_at`; the position of a moving dot at t is (t − sent_at) / (due_at − sent_at).
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Number in the trace.
    pub id: EnvelopeId,
    /// Why it was sent.
    pub cause: Cause,
    /// Sender.
    pub from: Addr,
    /// Receiver.
    pub to: Addr,
    /// When it left.
    pub sent_at: Time,
    /// When it arrives, or is known to be lost.
    pub due_at: Time,
    /// Whether it only says "still alive" (lease renewals and what they cause); hidden by default.
    pub heartbeat: bool,
    /// Whether it comes from a periodic timer and nothing is waiting for it, so that the cluster counts as quiet all the same.
    pub background: bool,
    /// The content.
    pub message: Message,
}

/// What an envelope carries. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Message {
    /// An HTTP request to the api-server, or of the api-server to a kubelet.
    Request(Rc<Request>),
    /// The answer to the request of that envelope.
    Response(Rc<Response>),
    /// Events on the stream that a watch request opened.
    Watch(Rc<WatchBatch>),
    /// The connection failed: refused, timed out, reset.
    Failure(Rc<Failure>),
    /// api-server to etcd.
    EtcdRequest(Rc<crate::etcd::EtcdRequest>),
    /// etcd to api-server.
    EtcdResponse(Rc<crate::etcd::EtcdResponse>),
    /// etcd to api-server on a watch stream.
    EtcdWatch(Rc<crate::etcd::EtcdWatch>),
    /// etcd to etcd.
    Peer(Rc<crate::etcd::PeerMessage>),
    /// kubelet to the container runtime (CRI), and back, and the runtime to the registry.
    Cri(Rc<crate::runtime::Cri>),
    /// kubelet or kubeadm talking to its own machine, docker to a machine: starting and stopping programs.
    Machine(Rc<crate::machine::MachineMessage>),
}

/// HTTP verbs as the api-server's audit log names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// GET of one object
    Get,
    /// GET of a collection
    List,
    /// GET with `watch=true`
    Watch,
    /// POST
    Create,
    /// PUT
    Update,
    /// PATCH
    Patch,
    /// DELETE of one object
    Delete,
    /// DELETE of a collection
    DeleteCollection,
}

impl Verb {
    /// As in the audit log: `deletecollection`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }

    /// The HTTP method.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Get | Self::List | Self::Watch => "GET",
            Self::Create => "POST",
            Self::Update => "PUT",
            Self::Patch => "PATCH",
            Self::Delete | Self::DeleteCollection => "DELETE",
        }
    }
}

/// The content type of a PATCH.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PatchType {
    /// application/strategic-merge-patch+json
    #[default]
    Strategic,
    /// application/merge-patch+json
    Merge,
    /// application/json-patch+json
    Json,
    /// application/apply-patch+yaml (server-side apply)
    Apply,
}

/// A request to the api-server.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What to do.
    pub verb: Verb,
    /// With what; `None` for a raw path such as `/version` or `/readyz` (then `name` is the path).
    pub resource: Option<Resource>,
    /// Namespace; "" for all or for cluster-scoped resources.
    pub namespace: Text,
    /// Name; "" for collections. On create "" too.
    pub name: Text,
    /// Subresource, such as `status`; "" for none.
    pub subresource: Text,
    /// Query parameters in the order of their names, `watch` left out: `limit`, `fieldSelector`, `labelSelector`, `resourceVersion`, `dryRun`, …
    pub query: Vec<(&'static str, Text)>,
    /// The body: an object, a patch, or DeleteOptions.
    pub body: Value,
    /// How to read the body of a PATCH.
    pub patch_type: PatchType,
    /// Whether a server-side Table is asked for (`Accept: application/json;as=Table`).
    pub as_table: bool,
}

impl Request {
    /// A request for one object or collection; the caller fills in the rest.
    pub fn new(verb: Verb, resource: Resource, namespace: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self {
            verb,
            resource: Some(resource),
            namespace: namespace.into(),
            name: name.into(),
            subresource: Text::default(),
            query: Vec::new(),
            body: Value::Null,
            patch_type: PatchType::default(),
            as_table: false,
        }
    }

    /// GET of one object.
    pub fn get(resource: Resource, namespace: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self::new(Verb::Get, resource, namespace, name)
    }
    /// GET of a collection.
    pub fn list(resource: Resource, namespace: impl Into<Text>) -> Self {
        Self::new(Verb::List, resource, namespace, "")
    }
    /// A watch of a collection.
    pub fn watch(resource: Resource, namespace: impl Into<Text>) -> Self {
        Self::new(Verb::Watch, resource, namespace, "")
    }
    /// POST of an object into its namespace.
    pub fn create(resource: Resource, object: Value) -> Self {
        Self { body: object.clone(), ..Self::new(Verb::Create, resource, object["metadata"]["namespace"].text(), "") }
    }
    /// PUT of an object.
    pub fn update(resource: Resource, object: Value) -> Self {
        Self {
            body: object.clone(),
            ..Self::new(Verb::Update, resource, object["metadata"]["namespace"].text(), object["metadata"]["name"].text())
        }
    }
    /// Strategic-merge PATCH.
    pub fn patch(resource: Resource, namespace: impl Into<Text>, name: impl Into<Text>, patch: Value) -> Self {
        Self { body: patch, ..Self::new(Verb::Patch, resource, namespace, name) }
    }
    /// DELETE of one object; the body may hold DeleteOptions.
    pub fn delete(resource: Resource, namespace: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self::new(Verb::Delete, resource, namespace, name)
    }
    /// GET of a path that is no resource, such as `/version`.
    pub fn raw(path: impl Into<Text>) -> Self {
        Self { resource: None, ..Self::new(Verb::Get, crate::api::resource::PODS, "", path) }
    }

    /// With a subresource.
    #[must_use]
    pub fn sub(mut self, subresource: impl Into<Text>) -> Self {
        self.subresource = subresource.into();
        self
    }
    /// With a query parameter.
    #[must_use]
    pub fn param(mut self, name: &'static str, value: impl Into<Text>) -> Self {
        self.query.push((name, value.into()));
        self
    }
    /// With a body.
    #[must_use]
    pub fn with_body(mut self, body: Value) -> Self {
        self.body = body;
        self
    }
    /// With another patch type than strategic merge.
    #[must_use]
    pub fn patch_type(mut self, patch_type: PatchType) -> Self {
        self.patch_type = patch_type;
        self
    }

    /// The value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(have, _)| *have == name).map(|(_, value)| value.as_str())
    }

    /// Path and query as in the audit log.
    pub fn path(&self) -> String {
        let mut path = match self.resource {
            Some(resource) => resource.path(&self.namespace, &self.name, &self.subresource),
            None => self.name.to_string(),
        };
        let mut parts: Vec<String> = self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if self.verb == Verb::Watch {
            parts.push("watch=true".into());
        }
        parts.order();
        if !parts.is_empty() {
            path += "?";
            path += &parts.join("&");
        }
        path
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The request's envelope.
    pub to: EnvelopeId,
    /// HTTP status code.
    pub code: u16,
    /// The object, list, Table or Status. For logs and exec: `{"output": text}`.
    pub body: Value,
}

impl Response {
    /// Whether the request succeeded.
    pub const fn ok(&self) -> bool {
        self.code < 400
    }
}

/// What happened to an object on a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchType {
    /// The object came into view.
    Added,
    /// It changed.
    Modified,
    /// It went out of view; the object is its last state.
    Deleted,
    /// Only a resourceVersion: all before it has been sent.
    Bookmark,
    /// The watch ends with a Status, such as 410 Gone.
    Error,
}

impl WatchType {
    /// As on the wire: `ADDED`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
            Self::Bookmark => "BOOKMARK",
            Self::Error => "ERROR",
        }
    }
}

/// One event of a watch.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchEvent {
    /// What happened.
    pub kind: WatchType,
    /// The object.
    pub object: Value,
}

/// Events on a watch stream; the initial state comes as one batch that ends with a bookmark.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchBatch {
    /// The envelope of the watch request: it names the stream.
    pub stream: EnvelopeId,
    /// What is watched.
    pub resource: Resource,
    /// The events, oldest first.
    pub events: Vec<WatchEvent>,
}

/// A message that could not be delivered, as its sender learns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The envelope that failed, or the watch request whose stream broke.
    pub to: EnvelopeId,
    /// Why.
    pub kind: FailureKind,
}

/// How a connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The machine answers, but nobody listens.
    Refused,
    /// No answer at all.
    Timeout,
    /// The stream broke: its server went away.
    Reset,
    /// The connection was closed before anything came: a load balancer found no server.
    Eof,
}

impl fmt::Display for FailureKind {
    /// Go's words for the error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connect: connection refused",
            Self::Timeout => "i/o timeout",
            Self::Reset => "connection reset by peer",
            Self::Eof => "EOF",
        })
    }
}
