//! `oxikale.notebook`: a front end says which notebook this is and what its cells contain, so that the kernel can
//! compile what is likely to be run next.
//!
//! `{"path": "a.ipynb", "cells": [{"id": "…", "type": "code", "source": "…"}, …], "next": "id of the cell"}`; each part
//! may be left out.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Comm;
use crate::kernel::Kernel;
use crate::session::Job;
use crate::upcoming::NotebookCell;

pub(super) fn receive(kernel: &Arc<Kernel>, _: &Comm, data: &Map<String, Value>) {
    if let Some(path) = data.get("path").and_then(Value::as_str) {
        kernel.place.name(path);
    }
    if let Some(cells) = data.get("cells").and_then(Value::as_array) {
        let text = |cell: &Value, name: &str| cell.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let cells = cells
            .iter()
            .filter(|cell| text(cell, "type") != "markdown" && text(cell, "type") != "raw")
            .map(|cell| NotebookCell { id: text(cell, "id"), source: text(cell, "source") })
            .collect();
        kernel.upcoming.set(cells);
    }
    // Somebody works in the notebook, and will want completions.
    kernel.assist.warm_up(&kernel.session.snapshot());
    let next = data.get("next").and_then(Value::as_str);
    let sources = kernel.upcoming.from(next);
    if !sources.is_empty() {
        kernel.session.submit(Job::Prepare(sources));
    }
}
