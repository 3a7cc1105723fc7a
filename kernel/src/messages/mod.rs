//! The requests that clients send, one file for each family.
//!
//! Specification: <https://jupyter-client.readthedocs.io/en/stable/messaging.html>

mod comm;
mod complete;
mod cursor;
mod debug;
mod history;
mod inspect;
mod interrupt;
mod is_complete;
mod kernel_info;
mod shutdown;
mod subshell;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::kernel::Kernel;
use crate::session::{Execute, Job};
use crate::wire::{Channel, Request};

/// What answers a request.
enum Handler {
    /// Takes no time.
    Now(fn(&Arc<Kernel>, &Arc<Request>) -> Option<Value>),
    /// May wait for a disk or a process, and so is done on a thread that may.
    Slow(fn(&Kernel, &Request) -> Value),
}

/// Deals with a request. Only code waits for code.
pub fn handle(kernel: &Arc<Kernel>, request: Request) {
    let request = Arc::new(request);
    let kind = request.header.msg_type.as_str();
    if request.channel == Channel::Stdin {
        if kind == "input_reply" {
            // Ctrl-D, as front ends write it, is the end of the input.
            let value = request.content.get("value").and_then(Value::as_str).filter(|value| *value != "\u{4}");
            kernel.session.input.reply(value);
        }
        return;
    }
    if let Some(problem) = subshell::problem(kernel, &request) {
        answer(kernel, &request, |_| Some(error("UnknownSubshell", &problem)));
        return;
    }
    let handler = match (request.channel, kind) {
        (Channel::Shell, "execute_request") => {
            match Execute::read(&request.content) {
                Ok(execute) => kernel.session.submit(Job::Execute(Arc::clone(&request), execute)),
                Err(why) => answer(kernel, &request, |_| Some(error("BadRequest", &why))),
            }
            return;
        }
        (_, "kernel_info_request") => Handler::Slow(kernel_info::reply),
        (_, "interrupt_request") => Handler::Now(interrupt::reply),
        (_, "shutdown_request") => Handler::Now(shutdown::reply),
        (_, "debug_request") => Handler::Now(debug::reply),
        (Channel::Control, "create_subshell_request") => Handler::Now(subshell::create),
        (Channel::Control, "delete_subshell_request") => Handler::Now(subshell::delete),
        (Channel::Control, "list_subshell_request") => Handler::Now(subshell::list),
        (_, "complete_request") => Handler::Slow(complete::reply),
        (_, "inspect_request") => Handler::Slow(inspect::reply),
        (_, "is_complete_request") => Handler::Now(is_complete::reply),
        (_, "history_request") => Handler::Slow(history::reply),
        (_, "comm_info_request") => Handler::Now(comm::info),
        (_, "comm_open") => Handler::Now(comm::open),
        (_, "comm_msg") => Handler::Now(comm::message),
        (_, "comm_close") => Handler::Now(comm::close),
        // Clients that are newer than this kernel may ask for more; they are told that nothing came of it.
        (_, kind) if kind.ends_with("_request") => Handler::Now(|_, request| {
            let kind = &request.header.msg_type;
            Some(error("UnknownRequest", &format!("this kernel does not know `{kind}`")))
        }),
        _ => return,
    };
    match handler {
        Handler::Now(reply) => answer(kernel, &request, |kernel| reply(kernel, &request)),
        Handler::Slow(reply) => {
            let kernel = Arc::clone(kernel);
            tokio::task::spawn_blocking(move || answer(&kernel, &request, |kernel| Some(reply(kernel, &request))));
        }
    }
}

/// Says that the kernel is busy, answers, and says that it is not. A mistake of ours becomes an error of the reply.
fn answer(kernel: &Arc<Kernel>, request: &Request, reply: impl FnOnce(&Arc<Kernel>) -> Option<Value>) {
    kernel.sockets.status(&request.header.raw, "busy");
    let content = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| reply(kernel))).unwrap_or_else(|panic| {
        let words = crate::panic_message(panic.as_ref());
        Some(error("Internal", &format!("Oxikale itself failed on this request ({words}); please report it")))
    });
    if let Some(content) = content {
        let kind = request.header.msg_type.strip_suffix("_request").unwrap_or(&request.header.msg_type);
        kernel.sockets.reply(request, &format!("{kind}_reply"), &content);
    }
    kernel.sockets.request_ends(&request.header.raw);
}

/// The content of a reply that says why there is none.
fn error(name: &str, message: &str) -> Value {
    json!({ "status": "error", "ename": name, "evalue": message, "traceback": [message] })
}
