//! `comm_open`, `comm_msg`, `comm_close`, `comm_info_request`: channels between the front end's parts and the kernel's.

use std::sync::Arc;

use serde_json::Value;

use crate::kernel::Kernel;
use crate::wire::Request;

pub(super) fn open(kernel: &Arc<Kernel>, request: &Arc<Request>) -> Option<Value> {
    kernel.comms.open(kernel, request);
    None
}

pub(super) fn message(kernel: &Arc<Kernel>, request: &Arc<Request>) -> Option<Value> {
    kernel.comms.message(kernel, request);
    None
}

pub(super) fn close(kernel: &Arc<Kernel>, request: &Arc<Request>) -> Option<Value> {
    kernel.comms.close(request);
    None
}

pub(super) fn info(kernel: &Arc<Kernel>, request: &Arc<Request>) -> Option<Value> {
    let target = request.content.get("target_name").and_then(Value::as_str);
    Some(kernel.comms.info(target))
}
