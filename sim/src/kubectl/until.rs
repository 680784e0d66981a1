//! Waiting for one object: an informer of its own, as client-go's `watchtools.UntilWithSync` opens it.

use crate::api::Resource;
use crate::core::{Request, Time, WatchType};
use crate::flow::{Flow, Io, Next, RequestError, WatchHandle};
use crate::value::Value;

/// What became of the object.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is there, or changed.
    Is(Value),
    /// It was not there when the watch began.
    Missing,
    /// It was deleted; its last state.
    Deleted(Value),
    /// The deadline passed.
    Deadline,
    /// The watch failed.
    Failed(RequestError),
}

/// A watch of one object.
#[derive(Clone, Debug)]
pub struct ObjectWatch {
    watch: WatchHandle,
    resource: Resource,
    synced: bool,
    seen: bool,
}

impl ObjectWatch {
    /// Opens it.
    pub fn open(io: &mut Io, resource: Resource, namespace: &str, name: &str) -> Self {
        let request = Request::watch(resource, namespace.to_string())
            .param("fieldSelector", format!("metadata.name={name}"))
            .param("resourceVersionMatch", "NotOlderThan")
            .param("sendInitialEvents", "true");
        Self::of(io, resource, request)
    }

    /// Opens it with a request of the caller's own.
    pub fn of(io: &mut Io, resource: Resource, request: Request) -> Self {
        Self { watch: io.watch(request), resource, synced: false, seen: false }
    }

    /// Waits for the next change.
    pub fn next(&mut self, io: &mut Io, deadline: Option<Time>) -> Flow<Change> {
        loop {
            let event = match io.next(&mut self.watch, deadline)? {
                Next::Deadline => return Ok(Change::Deadline),
                Next::Ended(error) => return Ok(Change::Failed(error)),
                Next::Done(_) => return Ok(Change::Missing),
                Next::Event(event) => event,
            };
            let mut object = event.object;
            if object.kind().is_empty() {
                object.set("kind", self.resource.kind);
                object.set("apiVersion", self.resource.api_version());
            }
            match event.kind {
                WatchType::Added | WatchType::Modified => {
                    self.seen = true;
                    return Ok(Change::Is(object));
                }
                WatchType::Deleted => return Ok(Change::Deleted(object)),
                WatchType::Bookmark => {
                    let missing = !std::mem::replace(&mut self.synced, true) && !self.seen;
                    if missing {
                        return Ok(Change::Missing);
                    }
                }
                // The informer behind it would begin anew; the state that it then reads comes by the same events.
                WatchType::Error => {}
            }
        }
    }

    /// Closes it.
    pub fn close(&self, io: &mut Io) {
        io.close(&self.watch);
    }
}
