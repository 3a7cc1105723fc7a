//! The events that a local runner follows: JSON lines appended to a file while the step runs.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// The events file; where there is none, events go nowhere.
pub(crate) struct Events {
    file: Mutex<Option<File>>,
}

impl Events {
    /// The events of the file that `OXIKALE_EVENTS` names.
    pub fn from_environment() -> Self {
        let file = std::env::var_os("OXIKALE_EVENTS").filter(|path| !path.is_empty()).and_then(|path| {
            let file = OpenOptions::new().create(true).append(true).open(&path);
            file.map_err(|error| eprintln!("oxikale: cannot write events to {}: {error}", path.display())).ok()
        });
        Self { file: Mutex::new(file) }
    }

    /// Events that go nowhere.
    pub fn none() -> Self {
        Self { file: Mutex::new(None) }
    }

    /// Whether anybody follows.
    pub fn are_followed(&self) -> bool {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Appends one event. A line is written at once, so that a reader never sees two lines mixed.
    pub fn send(&self, event: &Value) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = file.as_mut() else { return };
        if let Err(error) = open.write_all(format!("{event}\n").as_bytes()) {
            // Events are news, not results: the step goes on without them.
            eprintln!("oxikale: cannot write events any longer: {error}");
            *file = None;
        }
    }
}
