//! `inspect_request`: what is known of the word at the cursor.
//!
//! Specification: <https://jupyter-client.readthedocs.io/en/stable/messaging.html#introspection>

use std::time::Instant;

use serde_json::{Value, json};

use super::cursor::byte_of;
use crate::assist::PATIENCE;
use crate::kernel::Kernel;
use crate::wire::Request;

pub(super) fn reply(kernel: &Kernel, request: &Request) -> Value {
    let deadline = Instant::now() + PATIENCE;
    let code = request.content.get("code").and_then(Value::as_str).unwrap_or_default();
    let at = byte_of(code, request.content.get("cursor_pos").and_then(Value::as_u64));
    let detail = request.content.get("detail_level").and_then(Value::as_u64).unwrap_or(0).min(1);
    match kernel.assist.inspect(kernel, code, at, u8::try_from(detail).unwrap_or(1), deadline) {
        Some(known) => json!({
            "status": "ok",
            "found": true,
            "data": { "text/plain": known.plain, "text/markdown": known.markdown },
            "metadata": {},
        }),
        None => json!({ "status": "ok", "found": false, "data": {}, "metadata": {} }),
    }
}
