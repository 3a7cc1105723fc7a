//! `shutdown_request`: the end of the kernel, after which the client may start it again.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::kernel::Kernel;
use crate::wire::Request;

pub(super) fn reply(kernel: &Arc<Kernel>, request: &Arc<Request>) -> Option<Value> {
    let restart = request.content.get("restart").and_then(Value::as_bool).unwrap_or(false);
    let content = json!({ "status": "ok", "restart": restart });
    // Other clients of this kernel learn of it, too.
    kernel.sockets.iopub.publish(&request.header.raw, "shutdown_reply", &content);
    kernel.stop();
    Some(content)
}
