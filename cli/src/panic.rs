//! A mistake of ours ends in a message that says so, not in a backtrace.

use std::any::Any;
use std::io::Write as _;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use crate::outcome::BUG;
use crate::present::text::plain;

/// Where the last panic was.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Runs `work`; a panic in it becomes a message and the exit code [`BUG`].
pub fn guard(work: impl FnOnce() -> u8) -> u8 {
    // With RUST_BACKTRACE somebody is looking for the mistake, and wants all of it.
    if std::env::var_os("RUST_BACKTRACE").is_none_or(|value| value == "0") {
        panic::set_hook(Box::new(|info| {
            *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = info.location().map(ToString::to_string);
        }));
    }
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner).take();
        let place = place.map_or_else(String::new, |place| format!(" at {place}"));
        // If nobody reads this either, there is nothing left to do.
        let _ = writeln!(
            std::io::stderr(),
            "error: this is a mistake in Oxikale, not yours: {}{place}\n\
             Please report it with the notebook and the command line. RUST_BACKTRACE=1 shows more.",
            plain(message(payload.as_ref()))
        );
        BUG
    })
}

fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_exit_code() {
        assert_eq!(guard(|| 3), 3);
        assert_eq!(guard(|| panic!("something {}", "impossible")), BUG);
    }
}
