//! `interrupt_request`: ends what runs; every variable is as it was before the cell.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::kernel::Kernel;
use crate::wire::Request;

pub(super) fn reply(kernel: &Arc<Kernel>, _: &Arc<Request>) -> Option<Value> {
    kernel.session.interrupts.interrupt();
    Some(json!({ "status": "ok" }))
}
