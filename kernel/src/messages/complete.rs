//! `complete_request`: how the text before the cursor may go on.
//!
//! Specification: <https://jupyter-client.readthedocs.io/en/stable/messaging.html#completion>

use std::time::Instant;

use serde_json::{Value, json};

use super::cursor::{byte_of, characters};
use crate::assist::{PATIENCE, Proposal, Proposals};
use crate::kernel::Kernel;
use crate::wire::Request;

pub(super) fn reply(kernel: &Kernel, request: &Request) -> Value {
    let deadline = Instant::now() + PATIENCE;
    let code = request.content.get("code").and_then(Value::as_str).unwrap_or_default();
    let at = byte_of(code, request.content.get("cursor_pos").and_then(Value::as_u64));
    let Proposals { start, end, list } = kernel.assist.complete(kernel, code, at, deadline);
    let (start, end) = (characters(code, start), characters(code, end));
    let types: Vec<Value> = list
        .iter()
        .map(|Proposal { text, kind, detail }| {
            json!({
                "text": text, "type": kind, "start": start, "end": end, "signature": detail,
            })
        })
        .collect();
    let matches: Vec<&str> = list.iter().map(|proposal| proposal.text.as_str()).collect();
    json!({
        "status": "ok",
        "matches": matches,
        "cursor_start": start,
        "cursor_end": end,
        "metadata": { "_jupyter_types_experimental": types },
    })
}
