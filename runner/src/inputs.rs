//! Finds the files that a step of a run took, or would have taken, as its inputs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::events::State;
use crate::store::{Store, StoreError};

/// Why a step's inputs are not to be had.
#[derive(Debug)]
pub enum InputsError {
    /// There is no such run or step, or the store cannot be read.
    Store(StoreError),
    /// A step that makes an input has not succeeded.
    NotMade {
        /// The run.
        run: String,
        /// The input.
        input: String,
        /// The task that makes it.
        producer: String,
        /// How far that came.
        state: State,
    },
    /// The file of an input is gone.
    Gone {
        /// The run.
        run: String,
        /// The input.
        input: String,
        /// Where it was.
        path: PathBuf,
    },
}

impl fmt::Display for InputsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::NotMade { run, input, producer, state } => write!(
                f,
                "`{input}` is not there: the step `{producer}`, which makes it, is {} in the run `{run}`; resume the \
                 run or take one in which that step succeeded",
                state.as_str()
            ),
            Self::Gone { run, input, path } => write!(
                f,
                "the file of `{input}` is gone from the run `{run}` (`{}`); resume the run, which makes it again",
                path.display()
            ),
        }
    }
}

impl std::error::Error for InputsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for InputsError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The file of each input of a step, by the input's key. `run` is an id, the start of one, or `latest`; `step` is a task
/// or a step's name. It does not matter whether the step itself has run.
///
/// # Errors
/// When there is no such run or step, a step that makes an input has not succeeded, or a file is gone.
pub fn inputs(store: &Store, run: &str, step: &str) -> Result<BTreeMap<String, PathBuf>, InputsError> {
    let run = store.run(run)?;
    let step = store.step(&run.id, step)?;
    let (steps, artifacts) = (store.steps(&run.id)?, store.artifacts(&run.id)?);
    let mut all = BTreeMap::new();
    for (input, producer, key) in store.input_sources(&run.id, &step.task)? {
        let state = steps.iter().find(|step| step.task == producer).map_or(State::Pending, |step| step.state);
        let artifact = artifacts.iter().find(|artifact| artifact.task == producer && artifact.key == key);
        let Some(artifact) = artifact.filter(|_| state == State::Succeeded) else {
            return Err(InputsError::NotMade { run: run.id, input, producer, state });
        };
        if !artifact.path.exists() {
            return Err(InputsError::Gone { run: run.id, input, path: artifact.path.clone() });
        }
        all.insert(input, artifact.path.clone());
    }
    Ok(all)
}
