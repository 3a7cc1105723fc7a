//! Ctrl-C and other signals that ask for the end of a run.

use std::sync::atomic::{AtomicBool, Ordering};

use oxikale_runner::Cancel;

use crate::outcome::{Failure, INTERRUPTED};

/// From now on the first SIGINT, SIGTERM or SIGHUP ends the run, and the second one this process.
pub fn cancels(cancel: &Cancel) -> Result<(), Failure> {
    let cancel = cancel.clone();
    let asked = AtomicBool::new(false);
    ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        cancel.cancel();
    })
    .map_err(|error| Failure::environment(format!("signals cannot be handled: {error}")))
}
