//! `oxikale.diagnostics`: what is wrong with a cell while it is being typed.
//!
//! `{"cell": "…", "version": 3, "source": "…"}` is answered with `{"cell": "…", "version": 3, "diagnostics": […]}`; each
//! has a `severity`, a `message`, a `code`, and `start` and `end` in characters of the source. Where there is no answer
//! in time, `diagnostics` is `null`, and the front end leaves what it shows.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::Comm;
use crate::kernel::Kernel;

/// Nobody waits for it, but what comes later is about another text.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn receive(kernel: &Arc<Kernel>, comm: &Comm, data: &Map<String, Value>) {
    let of = |name: &str| data.get(name).cloned().unwrap_or(Value::Null);
    let (cell, version) = (of("cell"), of("version"));
    let Some(source) = data.get("source").and_then(Value::as_str).map(str::to_owned) else { return };
    let (kernel, comm) = (Arc::clone(kernel), comm.clone());
    thread::spawn(move || {
        let diagnostics = kernel.assist.diagnostics(&kernel.session.snapshot(), &source, Instant::now() + PATIENCE);
        comm.send(&json!({ "cell": cell, "version": version, "diagnostics": diagnostics }));
    });
}
