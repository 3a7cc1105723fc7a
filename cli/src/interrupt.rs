//! Ctrl-C and other signals that ask for the end of a run.

use std::sync::atomic::{AtomicBool, Ordering};

use oxikale_runner::Cancel;

use crate::outcome::{Failure, INTERRUPTED};

/// From now on the first SIGINT, SIGTERM or SIGHUP ends the run, and the second one this process.
pub fn cancels(cancel: &Cancel) -> Result<(), Failure> {
    let cancel = cancel.clone();
    let asked = AtomicBool::new(false);
    calls(move || {
        if asked.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        cancel.cancel();
    })
}

/// From now on each SIGINT, SIGTERM or SIGHUP calls `action`, on a thread of its own.
pub fn calls(action: impl FnMut() + Send + 'static) -> Result<(), Failure> {
    ctrlc::set_handler(action).map_err(|error| Failure::environment(format!("signals cannot be handled: {error}")))
}
