//! Subshells: names under which clients send requests that must not wait for a cell.
//!
//! In this kernel no request but a cell ever waits for a cell, in whatever shell it comes; cells of all shells run one
//! after the other, since they share their variables.
//!
//! Specification: <https://github.com/jupyter/enhancement-proposals/blob/master/91-kernel-subshells/kernel-subshells.md>

use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};
use uuid::Uuid;

use super::error;
use crate::kernel::Kernel;
use crate::wire::Request;

/// More are not made: somebody has lost count.
const MOST: usize = 1000;

pub(super) fn create(kernel: &Arc<Kernel>, _: &Arc<Request>) -> Option<Value> {
    let mut subshells = kernel.subshells.lock().unwrap_or_else(PoisonError::into_inner);
    if subshells.len() >= MOST {
        return Some(error("TooManySubshells", "there are 1000 subshells already; delete some"));
    }
    let id = Uuid::new_v4().simple().to_string();
    subshells.push(id.clone());
    Some(json!({ "status": "ok", "subshell_id": id }))
}

pub(super) fn delete(kernel: &Arc<Kernel>, request: &Arc<Request>) -> Option<Value> {
    let id = request.content.get("subshell_id").and_then(Value::as_str).unwrap_or_default();
    let mut subshells = kernel.subshells.lock().unwrap_or_else(PoisonError::into_inner);
    let before = subshells.len();
    subshells.retain(|known| known != id);
    Some(if subshells.len() < before {
        json!({ "status": "ok" })
    } else {
        error("UnknownSubshell", &format!("there is no subshell `{id}`"))
    })
}

pub(super) fn list(kernel: &Arc<Kernel>, _: &Arc<Request>) -> Option<Value> {
    let subshells = kernel.subshells.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Some(json!({ "status": "ok", "subshell_id": subshells }))
}

/// Why the subshell of a request cannot take it.
pub(super) fn problem(kernel: &Kernel, request: &Request) -> Option<String> {
    let id = request.header.subshell_id.as_deref()?;
    let subshells = kernel.subshells.lock().unwrap_or_else(PoisonError::into_inner);
    (!subshells.iter().any(|known| known == id)).then(|| format!("there is no subshell `{id}`"))
}
