//! The terminal's own settings, which this process must leave as it found them.

use std::io::{self, IsTerminal as _};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// The settings at the start.
#[derive(Debug, Clone)]
pub struct Terminal {
    before: Option<Termios>,
}

impl Terminal {
    /// Takes note of the settings.
    pub fn note() -> Self {
        Self { before: tcgetattr(io::stdin()).ok() }
    }

    /// Whether a user sits before it.
    pub fn is_interactive() -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// Sets everything as it was.
    pub fn restore(&self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
