//! What every command shares: where it prints, whether in colour, and how errors are told.

use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::outcome::{Failure, Outcome};
use crate::present::paint::Paint;
use crate::present::text::{paragraph, safe_json};

/// When to print in colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// In a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How this call of the command talks.
#[derive(Debug)]
pub struct Session {
    /// Whether results are JSON.
    pub json: bool,
    /// Whether only results and errors are printed.
    pub quiet: bool,
    colour: Colour,
}

impl Session {
    /// A session with the options that every command has.
    pub fn new(json: bool, quiet: bool, colour: Colour) -> Self {
        Self { json, quiet, colour }
    }

    /// The colours of standard output.
    pub fn out(&self) -> Paint {
        Paint::new(self.coloured(io::stdout().is_terminal()))
    }

    /// The colours of standard error.
    pub fn err(&self) -> Paint {
        Paint::new(self.coloured(io::stderr().is_terminal()))
    }

    fn coloured(&self, terminal: bool) -> bool {
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => {
                terminal
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
            }
        }
    }

    /// Whether standard output is a terminal on which lines can be drawn again.
    pub fn is_live(&self) -> bool {
        !self.json && !self.quiet && redrawable(io::stdout().is_terminal())
    }

    /// Whether progress on standard error can be drawn again.
    pub fn is_live_err(&self) -> bool {
        !self.quiet && redrawable(io::stderr().is_terminal())
    }

    /// Whether box-drawing and other characters beyond ASCII may be printed.
    pub fn unicode(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty());
        // Containers set no locale at all, and their terminals know UTF-8 nevertheless.
        locale.is_none_or(|locale| locale != "C" && locale != "POSIX")
    }

    /// Columns of the terminal; 100 where there is none.
    pub fn width(&self) -> usize {
        terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0)).max(20)
    }

    /// Prints to standard output.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| Failure::output(&error))
    }

    /// Prints a value as JSON on several lines.
    pub fn print_json(&self, value: &Value) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(|error| Failure::environment(error.to_string()))?;
        self.print(&format!("{}\n", safe_json(&text)))
    }

    /// Says something beside the result, on standard error, unless quiet.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Prints lines on standard error; that nobody reads them is no failure.
    pub fn say(&self, text: &str) {
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        let _ = write!(io::stderr(), "{text}{newline}");
    }

    /// The same, where there is something to say.
    pub fn say_nonempty(&self, text: &str) {
        if !text.is_empty() {
            self.say(text);
        }
    }

    /// Tells why a command failed, and returns the exit code.
    pub fn conclude(&self, result: Outcome) -> u8 {
        let (code, message) = match result {
            Ok(code) => return code,
            Err(Failure::NobodyListens) => return 0,
            Err(Failure::Said(code, message)) => (code, message),
        };
        if self.json {
            // Whoever reads JSON finds the error where the result would have been.
            let value = json!({"error": message, "exit_code": code});
            let _ = self.print(&format!("{}\n", safe_json(&value.to_string())));
        } else {
            let paint = self.err();
            self.say(&format!("{} {}", paint.error("error:"), paragraph(&message)));
        }
        code
    }
}

fn redrawable(terminal: bool) -> bool {
    terminal && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
}
