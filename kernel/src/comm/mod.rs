//! Comms: named channels between parts of a front end and parts of the kernel, one file for each target.
//!
//! Specification: <https://jupyter-client.readthedocs.io/en/stable/messaging.html#custom-messages>

mod diagnostics;
mod notebook;
mod pipeline;

pub use pipeline::Running;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use crate::kernel::Kernel;
use crate::sockets::Sockets;
use crate::wire::{Parent, Request};

/// What is at this end of a comm.
type Receive = fn(&Arc<Kernel>, &Comm, &Map<String, Value>);

/// The targets that a front end may open.
const TARGETS: &[(&str, Receive)] = &[
    ("oxikale.diagnostics", diagnostics::receive),
    ("oxikale.notebook", notebook::receive),
    ("oxikale.pipeline", pipeline::receive),
];

/// More are not opened: somebody forgets to close them.
const MOST: usize = 10_000;

/// The comms that are open.
#[derive(Default)]
pub struct Comms(Mutex<BTreeMap<String, (&'static str, Receive)>>);

/// One end of a comm, for one message that came.
#[derive(Clone)]
pub struct Comm {
    id: String,
    parent: Parent,
    sockets: Arc<Sockets>,
}

impl Comm {
    /// Sends something to the other end.
    pub fn send(&self, data: &Value) {
        self.sockets.iopub.publish(&self.parent, "comm_msg", &json!({ "comm_id": self.id, "data": data }));
    }
}

impl Comms {
    /// A front end opens a comm; one that nobody knows is closed again.
    pub fn open(&self, kernel: &Arc<Kernel>, request: &Request) {
        let text = |name: &str| request.content.get(name).and_then(Value::as_str).unwrap_or_default();
        let (id, target) = (text("comm_id"), text("target_name"));
        let mut open = self.open_ones();
        let known = TARGETS.iter().find(|(name, _)| *name == target).filter(|_| open.len() < MOST && !id.is_empty());
        let Some((name, receive)) = known else {
            let content = json!({ "comm_id": id, "data": {} });
            kernel.sockets.iopub.publish(&request.header.raw, "comm_close", &content);
            return;
        };
        open.insert(id.to_owned(), (name, *receive));
        drop(open);
        if let Some(data) = data(request).filter(|data| !data.is_empty()) {
            receive(kernel, &comm(kernel, request, id), data);
        }
    }

    /// Something came over a comm; on one that is not open, nothing happens.
    pub fn message(&self, kernel: &Arc<Kernel>, request: &Request) {
        let id = request.content.get("comm_id").and_then(Value::as_str).unwrap_or_default();
        let receive = self.open_ones().get(id).map(|(_, receive)| *receive);
        if let (Some(receive), Some(data)) = (receive, data(request)) {
            receive(kernel, &comm(kernel, request, id), data);
        }
    }

    /// The front end has closed a comm.
    pub fn close(&self, request: &Request) {
        let id = request.content.get("comm_id").and_then(Value::as_str).unwrap_or_default();
        self.open_ones().remove(id);
    }

    /// The comms of a target, or all of them, as a `comm_info_reply` has it.
    pub fn info(&self, target: Option<&str>) -> Value {
        let comms: Map<String, Value> = self
            .open_ones()
            .iter()
            .filter(|(_, (name, _))| target.is_none_or(|target| target == *name))
            .map(|(id, (name, _))| (id.clone(), json!({ "target_name": name })))
            .collect();
        json!({ "status": "ok", "comms": comms })
    }

    fn open_ones(&self) -> MutexGuard<'_, BTreeMap<String, (&'static str, Receive)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn comm(kernel: &Kernel, request: &Request, id: &str) -> Comm {
    Comm { id: id.to_owned(), parent: request.header.raw.clone(), sockets: Arc::clone(&kernel.sockets) }
}

fn data(request: &Request) -> Option<&Map<String, Value>> {
    request.content.get("data").and_then(Value::as_object)
}
