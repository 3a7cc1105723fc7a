//! What the front end and the helper say to each other: a line of JSON each.

use oxikale_engine::Surroundings;
use serde::{Deserialize, Serialize};

use crate::answer::{Completions, Diagnostic, Inspection};

/// From the front end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// What questions are about from now on.
    Surroundings(Box<Surroundings>),
    /// Something to be answered.
    Ask {
        /// By which the answer is known.
        id: u64,
        /// What is asked.
        question: Question,
    },
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// Load all that questions need, so that they are answered fast.
    WarmUp,
    /// What could stand at `offset`?
    Complete { source: String, offset: usize },
    /// What is at `offset`?
    Inspect { source: String, offset: usize, detail: u8 },
    /// What is wrong? A cell that adds crates may name what is not there yet.
    Diagnose { source: String, adds_crates: bool },
}

impl Question {
    /// Questions of one kind take each other's place.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Question::WarmUp => Kind::WarmUp,
            Question::Complete { .. } => Kind::Complete,
            Question::Inspect { .. } => Kind::Inspect,
            Question::Diagnose { .. } => Kind::Diagnose,
        }
    }
}

/// The kinds of questions, those first that somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Complete,
    Inspect,
    Diagnose,
    WarmUp,
}

/// From the helper.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// That of the question.
    pub(crate) id: u64,
    /// What was found.
    pub(crate) answer: Answer,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// Nothing, or the question made no sense.
    Nothing,
    /// To [`Question::Complete`].
    Completions(Completions),
    /// To [`Question::Inspect`].
    Inspection(Inspection),
    /// To [`Question::Diagnose`].
    Diagnostics(Vec<Diagnostic>),
}
