//! Takes an earlier run up again: finds out which of its steps need not be run again, and takes over what they left.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use oxikale_compiler::ir::Ir;
use serde_json::{Map, Value};

use crate::arguments::{Arguments, typed};
use crate::artifact::{self, Artifact};
use crate::cancel::Cancel;
use crate::events::State;
use crate::folder::StepFolder;
use crate::plan::{Plan, PlannedStep};
use crate::store::{MetricRecord, Recorder, RunRecord, StepRecord, Store, StoreError};

/// Why a run cannot be taken up again.
#[derive(Debug)]
pub enum ResumeError {
    /// There is no such run, or the store cannot be read.
    Store(StoreError),
    /// The pipeline has not been run yet.
    Never {
        /// The pipeline.
        pipeline: String,
    },
    /// It is a run of another pipeline.
    OtherPipeline {
        /// The run.
        run: String,
        /// Its pipeline.
        of: String,
        /// The pipeline that is to be run.
        pipeline: String,
    },
    /// It has not come to its end.
    GoesOn {
        /// The run.
        run: String,
    },
}

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Never { pipeline } => {
                write!(f, "the pipeline `{pipeline}` has not been run yet, so there is nothing to resume; run it first")
            }
            Self::OtherPipeline { run, of, pipeline } => write!(
                f,
                "`{run}` is a run of the pipeline `{of}`, not of `{pipeline}`; name a run of `{pipeline}`, or `latest`"
            ),
            Self::GoesOn { run } => {
                write!(f, "the run `{run}` still goes on; wait for its end or cancel it, then resume it")
            }
        }
    }
}

impl std::error::Error for ResumeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for ResumeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The run of `pipeline` that `wanted` names: by its id, by the start of its id, or as `latest`, the pipeline's newest.
///
/// # Errors
/// When there is no such run, it is one of another pipeline, or it still goes on.
pub fn resumable(store: &Store, wanted: &str, pipeline: &str) -> Result<RunRecord, ResumeError> {
    let run = match wanted {
        "latest" => store.newest_of(pipeline)?.ok_or_else(|| ResumeError::Never { pipeline: pipeline.to_owned() })?,
        _ => store.run(wanted)?,
    };
    if run.pipeline != pipeline {
        return Err(ResumeError::OtherPipeline { run: run.id, of: run.pipeline, pipeline: pipeline.to_owned() });
    }
    if !run.state.is_final() {
        return Err(ResumeError::GoesOn { run: run.id });
    }
    Ok(run)
}

/// What an earlier run left of a step that is not run again.
#[derive(Debug)]
pub(crate) struct Reused {
    /// The run in which it did run.
    pub run: String,
    pub seconds: f64,
    pub peak_memory: Option<u64>,
    /// Its outputs in KFP's form.
    pub handed_on: Map<String, Value>,
    /// Single values, and of each series the last point.
    pub metrics: Vec<MetricRecord>,
}

/// A task, where a word concerns one, and the word.
pub(crate) type Warning = (Option<String>, String);

/// The run that is taken up again.
pub(crate) struct Earlier {
    pub run: RunRecord,
    steps: BTreeMap<String, StepRecord>,
    fingerprints: BTreeMap<String, String>,
    artifacts: Vec<Artifact>,
    metrics: Vec<MetricRecord>,
}

impl Earlier {
    /// Reads all that is recorded of the run.
    ///
    /// # Errors
    /// As [`resumable`].
    pub fn read(store: &Store, wanted: &str, pipeline: &str) -> Result<Self, ResumeError> {
        let run = resumable(store, wanted, pipeline)?;
        Ok(Self {
            steps: store.steps(&run.id)?.into_iter().map(|step| (step.task.clone(), step)).collect(),
            fingerprints: store.fingerprints(&run.id)?,
            artifacts: store.artifacts(&run.id)?,
            metrics: store.metrics(&run.id)?,
            run,
        })
    }

    /// The arguments of the earlier run, and before them those that are `given` anew. What the notebook no longer has
    /// is left out; of what no longer fits its parameter's type a word is said.
    pub fn arguments(&self, ir: &Ir, given: &Arguments) -> (Arguments, Vec<Warning>) {
        let (mut all, mut warnings) = (Arguments::new(), Vec::new());
        for (name, definition) in ir.spec.root.input_definitions.iter().flat_map(|inputs| &inputs.parameters) {
            let Some(value) = self.run.arguments.get(name).filter(|_| !given.contains_key(name)) else { continue };
            match typed(definition.parameter_type, value.clone()) {
                Ok(value) => {
                    all.insert(name.clone(), value);
                }
                Err(why) => warnings.push((
                    None,
                    format!(
                        "the parameter `{name}` has the notebook's value: that of the run `{}` no longer fits ({why})",
                        self.run.id
                    ),
                )),
            }
        }
        all.extend(given.iter().map(|(name, value)| (name.clone(), value.clone())));
        (all, warnings)
    }

    /// By step: what is there of it already, now in `folder`. A step that ran well and is unchanged, but whose files
    /// are not all there, is run again; `warnings` says why.
    pub fn take_over(
        &self,
        plan: &Plan,
        fingerprints: &[Option<String>],
        folder: &Path,
        recorder: &Recorder<'_>,
        cancel: &Cancel,
        warnings: &mut Vec<Warning>,
    ) -> Vec<Option<Reused>> {
        let mut all: Vec<Option<Reused>> = Vec::with_capacity(plan.steps.len());
        for (step, fingerprint) in plan.steps.iter().zip(fingerprints) {
            // A step behind one that runs again may see something else than before, whatever its own fingerprint.
            let rests = step.after.iter().all(|before| all[*before].is_some());
            let same = fingerprint.is_some() && fingerprint.as_ref() == self.fingerprints.get(&step.task);
            let known = self.steps.get(&step.task).filter(|known| known.state == State::Succeeded);
            let Some(known) = known.filter(|_| rests && same && !cancel.is_cancelled()) else {
                all.push(None);
                continue;
            };
            let taken = self.take(step, known, folder, recorder);
            if let Err(why) = &taken {
                warnings.push((
                    Some(step.task.clone()),
                    format!("it is unchanged since the run `{}`, but is run again: {why}", self.run.id),
                ));
                clear(&StepFolder::new(folder, &step.task));
            }
            all.push(taken.ok());
        }
        all
    }

    fn take(
        &self,
        step: &PlannedStep,
        known: &StepRecord,
        folder: &Path,
        recorder: &Recorder<'_>,
    ) -> Result<Reused, String> {
        let old = StepFolder::new(&self.run.folder, &step.task);
        let new = StepFolder::new(folder, &step.task);
        let mut artifacts = Vec::new();
        let mut handed_on = Map::new();
        for (key, output) in &step.outputs {
            let found = self.artifacts.iter().find(|artifact| artifact.task == step.task && artifact.key == *key);
            let Some(found) = found else {
                if output.required {
                    return Err(format!("nothing is recorded of its output `{key}`"));
                }
                continue;
            };
            let mut artifact = found.clone();
            if artifact.size.is_some() {
                check(&artifact)?;
                // What a step put elsewhere, where it was told to by its URI, is not the run's to move.
                if let Ok(inside) = artifact.path.strip_prefix(old.path()) {
                    let path = new.path().join(inside);
                    link(&artifact.path, &path)
                        .map_err(|error| format!("its output `{key}` could not be taken over: {error}"))?;
                    artifact.path = path;
                }
            }
            handed_on.insert(
                key.clone(),
                artifact::handed_on(key, &output.artifact_type, &artifact.path, &artifact.metadata),
            );
            artifacts.push(artifact);
        }
        for (from, to) in [(old.log(), new.log()), (old.log_index(), new.log_index()), (old.events(), new.events())] {
            match link(&from, &to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(format!("`{}` could not be taken over: {error}", from.display()));
                }
                _ => {}
            }
        }
        recorder
            .reused(&self.run.id, known, &artifacts)
            .map_err(|error| format!("that it is taken over could not be recorded: {error}"))?;
        Ok(Reused {
            run: known.reused.clone().unwrap_or_else(|| self.run.id.clone()),
            seconds: known.seconds.unwrap_or(0.0),
            peak_memory: known.peak_memory,
            handed_on,
            metrics: self.last_metrics(&step.task),
        })
    }

    fn last_metrics(&self, task: &str) -> Vec<MetricRecord> {
        let mut last: Vec<MetricRecord> = Vec::new();
        for metric in self.metrics.iter().filter(|metric| metric.task == task) {
            match last.iter_mut().find(|known| known.name == metric.name) {
                Some(known) => *known = metric.clone(),
                None => last.push(metric.clone()),
            }
        }
        last
    }
}

/// Whether an artifact is as it was recorded.
fn check(artifact: &Artifact) -> Result<(), String> {
    let (key, path) = (&artifact.key, artifact.path.display());
    let size = artifact::size(&artifact.path);
    if size.is_none() {
        return Err(format!("the file of its output `{key}` is gone (`{path}`)"));
    }
    let changed =
        size != artifact.size || artifact.sha256.is_some() && artifact::checksum(&artifact.path) != artifact.sha256;
    if changed { Err(format!("the file of its output `{key}` has been changed (`{path}`)")) } else { Ok(()) }
}

/// Puts a file or a folder at another place too. The files of a run that is over are never written to again, so that
/// both places may be the same file.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    if fs::metadata(from)?.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            if entry.file_type()?.is_symlink() {
                std::os::unix::fs::symlink(fs::read_link(&from)?, &to)?;
            } else {
                link(&from, &to)?;
            }
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    // Another file system, or one without hard links.
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
}

/// Makes a step's folder as if nothing had been taken over. What cannot be removed stands in the way of the step, which
/// says so itself.
fn clear(folder: &StepFolder) {
    let _ = fs::remove_dir_all(folder.path());
    let _ = fs::create_dir_all(folder.path());
}
