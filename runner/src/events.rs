//! What a run tells while it runs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

/// How far a run or a step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for others, for cores or for memory, or for its next try.
    Pending,
    /// It runs.
    Running,
    /// It did what it should.
    Succeeded,
    /// It did not.
    Failed,
    /// It was never started, because a step before it failed.
    Skipped,
    /// Somebody ended it.
    Cancelled,
    /// The process that ran it is gone without having said how it ended. Only the store says this.
    Interrupted,
}

impl State {
    /// The word for it, as in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Succeeded, Self::Failed, Self::Skipped, Self::Cancelled, Self::Interrupted]
            .into_iter()
            .find(|state| state.as_str() == word)
    }

    /// Whether nothing more will happen to it.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// Which of its two streams a step wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Why a step failed, and where in the notebook, as far as known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One sentence, or what the step itself said.
    pub message: String,
    /// The cell, from 1, all kinds of cells counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<u32>,
    /// The line in the cell, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column in the line, in characters, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

impl Failure {
    /// A failure that has no place in the notebook.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), cell: None, line: None, column: None }
    }
}

/// A step as it is announced when its run starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepInfo {
    /// KFP's name of it.
    pub task: String,
    /// The name for people.
    pub name: String,
    /// The tasks that it waits for.
    pub after: Vec<String>,
}

/// Something that happened in a run. In JSON, `event` names the kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run is recorded and its folder exists.
    RunStarted {
        /// Its id.
        id: String,
        /// Its folder.
        folder: PathBuf,
        /// Its steps, each after those that it waits for.
        steps: Vec<StepInfo>,
        /// The run that it takes up again.
        #[serde(skip_serializing_if = "Option::is_none")]
        resumed_from: Option<String>,
    },
    /// Something that the user may want to know.
    Warning {
        /// The step that it concerns.
        #[serde(skip_serializing_if = "Option::is_none")]
        task: Option<String>,
        /// A sentence.
        message: String,
    },
    /// All that the step waited for is there; it waits for cores and memory only.
    StepQueued {
        /// The step.
        task: String,
    },
    /// A try began.
    StepStarted {
        /// The step.
        task: String,
        /// From 1.
        attempt: u32,
    },
    /// The step printed something. The bytes are as they came: a character may be split between two events.
    Output {
        /// The step.
        task: String,
        /// Where it was printed.
        stream: Stream,
        /// What.
        #[serde(rename = "text", serialize_with = "as_text")]
        bytes: Vec<u8>,
    },
    /// The step logged a metric.
    Metric {
        /// The step.
        task: String,
        /// The metric's name.
        name: String,
        /// Its value; infinities and NaN are possible (JSON has `null` for them).
        value: f64,
        /// The point in its series; none for a single value.
        #[serde(skip_serializing_if = "Option::is_none")]
        step: Option<i64>,
    },
    /// The step got further.
    Progress {
        /// The step.
        task: String,
        /// What gets further.
        label: String,
        /// How far.
        done: f64,
        /// Of how much; none where that is unknown.
        total: Option<f64>,
    },
    /// The step shows something.
    Display {
        /// The step.
        task: String,
        /// What it replaces, where it was shown before under the same id.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// MIME type → content.
        data: Map<String, Value>,
    },
    /// A try failed, another one follows.
    StepRetrying {
        /// The step.
        task: String,
        /// The try that failed, from 1.
        attempt: u32,
        /// The wait before the next one.
        in_seconds: f64,
        /// Why it failed.
        why: Failure,
    },
    /// The step is over.
    StepEnded {
        /// The step.
        task: String,
        /// How it ended.
        state: State,
        /// Seconds from its first start; 0 where it never started.
        seconds: f64,
        /// The most memory that it and its children had at once, in bytes; none where it never started.
        #[serde(skip_serializing_if = "Option::is_none")]
        peak_memory: Option<u64>,
        /// Why it did not succeed.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<Failure>,
        /// The run in which it did run, where it was not run again in this one: seconds and memory are of that run.
        #[serde(skip_serializing_if = "Option::is_none")]
        reused: Option<String>,
    },
    /// The run is over and recorded.
    RunEnded {
        /// How it ended.
        state: State,
    },
}

fn as_text<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}
