//! What is proposed and explained while a cell is being typed: the kernel's own commands, files and crates by itself,
//! Rust by the helper process.

mod commands;
mod crates;
mod files;
mod words;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::kernel::Kernel;
use crate::session::Snapshot;

/// An answer that comes later is for another text.
pub const PATIENCE: Duration = Duration::from_millis(280);

/// How a text may go on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proposals {
    /// The first byte of what a proposal replaces.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
    /// The likeliest first.
    pub list: Vec<Proposal>,
}

/// One way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// What is put in.
    pub text: String,
    /// `function`, `variable`, …
    pub kind: String,
    /// Its signature, its type, or a line of help; may be empty.
    pub detail: String,
}

/// What is known of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// As Markdown.
    pub markdown: String,
    /// As text.
    pub plain: String,
}

/// Where proposals and explanations come from.
pub struct Assist {}

impl Assist {
    pub fn new() -> Self {
        Self {}
    }

    /// How a cell may go on at this byte.
    pub fn complete(&self, kernel: &Kernel, code: &str, at: usize, deadline: Instant) -> Proposals {
        let _ = deadline;
        let own = commands::complete(kernel, code, at).or_else(|| files::complete(kernel.place.folder(), code, at));
        if let Some(own) = own {
            return own;
        }
        words::complete(&kernel.session.snapshot(), code, at)
    }

    /// What is known of the word at this byte.
    pub fn inspect(&self, kernel: &Kernel, code: &str, at: usize, detailed: bool, deadline: Instant) -> Option<Known> {
        let _ = (detailed, deadline);
        commands::inspect(code, at).or_else(|| words::inspect(&kernel.session.snapshot(), code, at))
    }

    /// What is wrong with a cell.
    pub fn diagnostics(&self, snapshot: &Snapshot, source: &str, deadline: Instant) -> Value {
        let _ = (snapshot, source, deadline);
        Value::Null
    }
}
