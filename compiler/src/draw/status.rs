//! How far each step of a run is, for drawings that are live.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Task name (see [`crate::pipeline::Step::task`]) → how far it is. A step that is absent is drawn
/// as it is in the notebook, without a state.
pub type Statuses = BTreeMap<String, StepStatus>;

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StepStatus {
    /// The state.
    pub state: State,
    /// How long it ran, or has run until now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Metrics in the order they are shown; a drawing shows the first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<(String, f64)>,
}

/// A state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for others.
    #[default]
    Pending,
    /// It runs.
    Running,
    /// It ended well.
    Succeeded,
    /// It ended badly.
    Failed,
    /// It does not run, because a step before it failed.
    Skipped,
    /// It was ended from outside.
    Cancelled,
    /// It is not run, because its result is there from an earlier run.
    Reused,
}

impl State {
    /// Every state.
    pub const ALL: [State; 7] = [
        State::Pending,
        State::Running,
        State::Succeeded,
        State::Failed,
        State::Skipped,
        State::Cancelled,
        State::Reused,
    ];

    /// Its name in lower case letters: a word for people, a class in SVG, a value in JSON.
    pub fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Running => "running",
            State::Succeeded => "succeeded",
            State::Failed => "failed",
            State::Skipped => "skipped",
            State::Cancelled => "cancelled",
            State::Reused => "reused",
        }
    }

    /// One character for it, one column wide.
    pub fn icon(self, unicode: bool) -> char {
        match (self, unicode) {
            (State::Pending, true) => '○',
            (State::Running, true) => '●',
            (State::Succeeded, true) => '✓',
            (State::Failed, true) => '✗',
            (State::Skipped, true) => '»',
            (State::Cancelled, true) => '■',
            (State::Reused, true) => '↻',
            (State::Pending, false) => '.',
            (State::Running, false) => '*',
            (State::Succeeded, false) => '+',
            (State::Failed, false) => 'x',
            (State::Skipped, false) => '>',
            (State::Cancelled, false) => '#',
            (State::Reused, false) => '=',
        }
    }
}

impl StepStatus {
    /// A state alone.
    pub fn new(state: State) -> Self {
        Self { state, ..Self::default() }
    }

    /// The time as people read it: `0.31 s`, `42.0 s`, `3 min 07 s`, `2 h 05 min`.
    pub fn time(&self) -> Option<String> {
        let seconds = self.seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
        // The cast saturates, so a silly number is only a silly text.
        let whole = seconds.round() as u64;
        Some(if seconds < 9.995 {
            format!("{seconds:.2} s")
        } else if seconds < 99.95 {
            format!("{seconds:.1} s")
        } else if whole < 3600 {
            format!("{} min {:02} s", whole / 60, whole % 60)
        } else {
            format!("{} h {:02} min", whole / 3600, whole % 3600 / 60)
        })
    }
}

/// A metric's value as people read it, with at most five significant digits.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        format!("{value}")
    } else if value == 0.0 || (value.fract() == 0.0 && size < 1e9) {
        format!("{value:.0}")
    } else if !(1e-4..1e9).contains(&size) {
        format!("{value:.3e}")
    } else {
        let decimals = (4.0 - size.log10().floor()).clamp(0.0, 8.0) as usize;
        let text = format!("{value:.decimals$}");
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    }
}
