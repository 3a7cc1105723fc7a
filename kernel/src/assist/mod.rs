//! What is proposed and explained while a cell is being typed: the kernel's own commands, files and crates by itself,
//! Rust by the helper process.

mod commands;
mod crates;
mod files;
mod words;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

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
pub struct Assist {
    /// The helper process; none where this program has none.
    helper: Option<oxikale_assist::Assist>,
    /// The snapshot that it was told of last.
    told: Mutex<Option<Arc<Snapshot>>>,
}

impl Assist {
    /// With the helper process that this program can start, where it can.
    pub fn new(has_helper: bool) -> Self {
        let helper = has_helper.then(oxikale_assist::Assist::of_this_program).and_then(Result::ok);
        Self { helper, told: Mutex::default() }
    }

    /// How a cell may go on at this byte.
    pub fn complete(&self, kernel: &Kernel, code: &str, at: usize, deadline: Instant) -> Proposals {
        let own = commands::complete(kernel, code, at).or_else(|| files::complete(kernel.place.folder(), code, at));
        if let Some(own) = own {
            return own;
        }
        let snapshot = kernel.session.snapshot();
        let found = self.helper(&snapshot).and_then(|helper| helper.complete(code, at, deadline));
        match found {
            Some(found) if !found.items.is_empty() => Proposals {
                start: found.start,
                end: found.end,
                list: found
                    .items
                    .into_iter()
                    .map(|item| Proposal {
                        text: item.insert,
                        kind: item.kind,
                        detail: item.detail.unwrap_or_default(),
                    })
                    .collect(),
            },
            _ => words::complete(&snapshot, code, at),
        }
    }

    /// What is known of the word at this byte.
    pub fn inspect(&self, kernel: &Kernel, code: &str, at: usize, detail: u8, deadline: Instant) -> Option<Known> {
        let snapshot = kernel.session.snapshot();
        commands::inspect(code, at)
            .or_else(|| {
                let known = self.helper(&snapshot)?.inspect(code, at, detail, deadline)?;
                Some(Known { markdown: known.markdown, plain: known.plain })
            })
            .or_else(|| words::inspect(&snapshot, code, at))
    }

    /// What is wrong with a cell, as JSON; `null` where there is no answer in time.
    pub fn diagnostics(&self, snapshot: &Arc<Snapshot>, source: &str, deadline: Instant) -> Value {
        let found = self.helper(snapshot).and_then(|helper| helper.diagnostics(source, deadline));
        let Some(found) = found else { return Value::Null };
        let characters = |byte: usize| source.char_indices().take_while(|(at, _)| *at < byte).count();
        found
            .iter()
            .map(|one| {
                json!({
                    "start": characters(one.start), "end": characters(one.end), "severity": one.severity,
                    "code": one.code, "message": one.message,
                })
            })
            .collect()
    }

    /// Lets the helper process start: questions are likely to come. Nobody waits for it.
    pub fn warm_up(&self, snapshot: &Arc<Snapshot>) {
        if let Some(helper) = self.helper(snapshot) {
            helper.warm_up();
        }
    }

    /// Ends the helper process.
    pub fn stop(&self) {
        if let Some(helper) = &self.helper {
            helper.rest();
        }
    }

    /// The helper, which knows this state of the session.
    fn helper(&self, snapshot: &Arc<Snapshot>) -> Option<&oxikale_assist::Assist> {
        let helper = self.helper.as_ref()?;
        let surroundings = snapshot.surroundings.as_ref()?;
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref().is_none_or(|told| !Arc::ptr_eq(told, snapshot)) {
            helper.update(surroundings.clone());
            *told = Some(Arc::clone(snapshot));
        }
        Some(helper)
    }
}
