//! `debug_request`: there is no debugger, and clients are told so in the words of their protocol.
//!
//! Specification: <https://microsoft.github.io/debug-adapter-protocol/specification>

use std::sync::Arc;

use serde_json::{Value, json};

use crate::kernel::Kernel;
use crate::wire::Request;

pub(super) fn reply(_: &Arc<Kernel>, request: &Arc<Request>) -> Option<Value> {
    let of = |name: &str| request.content.get(name).cloned();
    let command = of("command").unwrap_or_else(|| json!(""));
    let mut content = json!({
        "type": "response",
        "seq": 0,
        "request_seq": of("seq").unwrap_or_else(|| json!(0)),
        "command": command,
        "success": false,
        "message": "this kernel has no debugger",
    });
    if command == "debugInfo" {
        // What front ends ask first: it is answered, so that they show no error.
        content["success"] = json!(true);
        content["body"] = json!({
            "isStarted": false,
            "hashMethod": "Murmur2",
            "hashSeed": 0,
            "tmpFilePrefix": "",
            "tmpFileSuffix": ".rs",
            "breakpoints": [],
            "stoppedThreads": [],
            "richRendering": false,
            "exceptionPaths": [],
            "copyToGlobals": false,
        });
    }
    Some(content)
}
