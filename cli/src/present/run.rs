//! Shows a run while it goes on: drawn again and again in a terminal, as lines in a pipe, or as JSON lines.

use std::io::{self, Write as _};

use oxikale_runner::Event;

use super::live::LiveRun;
use super::plain_run::PlainRun;
use super::text::safe_json;
use crate::session::Session;

/// Shows the events of a run. That nobody reads them any more does not end the run.
pub enum RunProgress {
    /// Only the result is wanted.
    Silent,
    /// One JSON object a line.
    Json,
    /// Lines.
    Plain(PlainRun),
    /// Drawn again and again.
    Live(LiveRun),
}

impl RunProgress {
    /// As the session likes it, on standard output.
    pub fn start(session: &Session) -> Self {
        if session.json {
            Self::Json
        } else if session.quiet {
            Self::Silent
        } else if session.is_live() {
            Self::Live(LiveRun::start(session))
        } else {
            Self::Plain(PlainRun::new(session.out()))
        }
    }

    /// Shows an event.
    pub fn hear(&mut self, event: Event) {
        match self {
            Self::Silent => {}
            Self::Json => {
                if let Ok(text) = serde_json::to_string(&event) {
                    write(format!("{}\n", safe_json(&text)).as_bytes());
                }
            }
            Self::Plain(plain) => write(&plain.hear(&event)),
            Self::Live(live) => live.hear(event),
        }
    }
}

fn write(bytes: &[u8]) {
    if !bytes.is_empty() {
        let mut out = io::stdout().lock();
        let _ = out.write_all(bytes).and_then(|()| out.flush());
    }
}
