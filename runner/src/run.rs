//! Runs a compiled pipeline: prepares the run's folder and record, then leaves the rest to the schedule.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use oxikale_compiler::ir::Ir;

use crate::arguments::{self, ArgumentError, Arguments};
use crate::cancel::Cancel;
use crate::events::{Event, StepInfo};
use crate::fingerprint;
use crate::folder::StepFolder;
use crate::plan::{self, Plan};
use crate::resume::{Earlier, ResumeError};
use crate::schedule::{self, Prepared};
use crate::store::{NewRun, Recorder, RunRecord, Store, StoreError, lock_path, now, reserve_path};
use crate::{machine, run_id, surroundings};

/// Bytes that are kept free for the last records of a run on a full disk: some tens of SQLite's pages.
const RESERVE: usize = 512 << 10;

/// How a pipeline is to be run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The built step program, which stands where the IR says `/oxikale/program`.
    pub program: PathBuf,
    /// Parameter name → value; what is not given has its default.
    pub arguments: Arguments,
    /// Where runs, volumes and the database are kept.
    pub data_dir: PathBuf,
    /// A volume's claim or mount path → the folder that stands for it here.
    pub volumes: BTreeMap<String, PathBuf>,
    /// Cores that steps may take together; none means all that this process may use.
    pub cores: Option<usize>,
    /// Bytes of memory that steps may ask for together; none means all that this process may use.
    pub memory: Option<u64>,
    /// The notebook that the pipeline was made from; steps run in its folder.
    pub notebook: Option<PathBuf>,
    /// The folder that steps run in, where it is not the notebook's.
    pub working_folder: Option<PathBuf>,
    /// A name for people; ids are made by the runner.
    pub run_name: Option<String>,
    /// What each step is made of, by task, as the build tells it: two steps with the same one do the same with the same
    /// inputs. A step that has none here is always run.
    pub fingerprints: BTreeMap<String, String>,
    /// The run to take up again: its id, the start of its id, or `latest` for the newest run of this pipeline. Steps
    /// that succeeded in it, and of which nothing has changed, are not run again. Its parameters hold, except for those
    /// that are given anew.
    pub resume: Option<String>,
}

/// A secret whose value is nowhere to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingSecret {
    /// The step that needs it.
    pub task: String,
    /// The Kubernetes secret.
    pub secret: String,
    /// The key in it.
    pub key: String,
    /// The environment variable that must hold its value here.
    pub variable: String,
}

/// Why a run was refused before any step began.
#[derive(Debug)]
pub enum RunError {
    /// The pipeline makes no sense.
    Pipeline(String),
    /// The arguments do not fit the pipeline's parameters.
    Argument(ArgumentError),
    /// Secrets are missing.
    Secrets(Vec<MissingSecret>),
    /// The step program cannot be used.
    Program {
        /// Where it should be.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A folder or file cannot be used.
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The store cannot be used.
    Store(StoreError),
    /// There is nothing to take up again.
    Resume(ResumeError),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pipeline(why) => write!(f, "the pipeline cannot be run: {why}"),
            Self::Argument(error) => error.fmt(f),
            Self::Secrets(missing) => {
                for (i, one) in missing.iter().enumerate() {
                    let MissingSecret { task, secret, key, variable } = one;
                    let separator = if i > 0 { "\n" } else { "" };
                    write!(
                        f,
                        "{separator}the step `{task}` needs the key `{key}` of the secret `{secret}`; here its value \
                         comes from the environment variable `{variable}`, which is not set"
                    )?;
                }
                Ok(())
            }
            Self::Program { path, why } => {
                write!(f, "the step program `{}` cannot be used: {why}; build it first", path.display())
            }
            Self::Folder { path, source } => write!(f, "`{}` cannot be used: {source}", path.display()),
            Self::Store(error) => error.fmt(f),
            Self::Resume(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Folder { source, .. } => Some(source),
            Self::Argument(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Resume(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ResumeError> for RunError {
    fn from(error: ResumeError) -> Self {
        Self::Resume(error)
    }
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Runs a pipeline to its end and returns what was recorded of it. A step that fails is no error of
/// this function: the record says so.
///
/// `on_event` is called on this thread, in order; while it does not return, no new step starts, and
/// steps that print much are slowed down to its pace.
///
/// # Errors
/// When the run is refused before any step began.
pub fn run(
    ir: &Ir,
    options: &Options,
    cancel: &Cancel,
    on_event: &mut dyn FnMut(Event),
) -> Result<RunRecord, RunError> {
    let pipeline = &ir.spec.pipeline_info.name;
    let earlier = match &options.resume {
        Some(wanted) => Some(Earlier::read(&Store::open(&options.data_dir)?, wanted, pipeline)?),
        None => None,
    };
    let (given, mut warnings) = match &earlier {
        Some(earlier) => earlier.arguments(ir, &options.arguments),
        None => (options.arguments.clone(), Vec::new()),
    };
    let arguments = arguments::resolve(ir, &given).map_err(RunError::Argument)?;
    let plan = plan::plan(ir, &arguments).map_err(RunError::Pipeline)?;
    let program = surroundings::program(&plan, options)?;
    let working_folder = surroundings::working_folder(options)?;
    let secrets = surroundings::secrets(&plan)?;
    let store = Store::open(&options.data_dir)?;
    let data = store.folder().to_owned();
    let volumes =
        plan.steps.iter().map(|step| surroundings::volumes(step, options, &data)).collect::<Result<Vec<_>, _>>()?;
    let fingerprints = fingerprint::of_steps(&plan, &options.fingerprints, &volumes, working_folder.as_deref());
    let (id, folder) = make_folder(&store, pipeline)?;
    let _lock = fill_folder(&folder, ir, &plan)?;
    let new = NewRun {
        pipeline,
        name: options.run_name.as_deref(),
        notebook: options.notebook.as_deref(),
        program: &program,
        arguments: &arguments,
        resumed_from: earlier.as_ref().map(|earlier| earlier.run.id.as_str()),
        fingerprints: &fingerprints,
    };
    let started_ms = now();
    let recorder = Recorder::begin(&store, &id, &new, &plan, started_ms)?;
    let resumed_from = earlier.as_ref().map(|earlier| earlier.run.id.clone());
    on_event(Event::RunStarted {
        id: id.clone(),
        folder: folder.clone(),
        steps: step_infos(&plan),
        resumed_from: resumed_from.clone(),
    });
    let reused = match &earlier {
        Some(earlier) => earlier.take_over(&plan, &fingerprints, &folder, &recorder, cancel, &mut warnings),
        None => plan.steps.iter().map(|_| None).collect(),
    };
    for (task, message) in warnings {
        on_event(Event::Warning { task, message });
    }
    let prepared = Prepared {
        plan: &plan,
        run: &id,
        folder: &folder,
        program: &program,
        working_folder: working_folder.as_deref(),
        secrets: &secrets,
        volumes: &volumes,
        cores: options.cores.map_or_else(machine::cores, |cores| (cores.max(1) as u64).saturating_mul(1000)),
        memory: options.memory.unwrap_or_else(machine::memory),
        reused,
    };
    let (state, why) = schedule::run(&prepared, &recorder, cancel, on_event);
    let finished = recorder.finish(state, why.as_deref());
    let record = RunRecord {
        pipeline: pipeline.clone(),
        name: options.run_name.clone(),
        notebook: options.notebook.clone(),
        program: program.clone(),
        arguments: arguments.clone(),
        state,
        why,
        started_ms,
        ended_ms: Some(now()),
        folder,
        resumed_from,
        id,
    };
    if let Err(error) = finished {
        on_event(Event::Warning { task: None, message: format!("the end of the run could not be recorded: {error}") });
    }
    on_event(Event::RunEnded { state: record.state });
    Ok(record)
}

fn step_infos(plan: &Plan) -> Vec<StepInfo> {
    let task = |number: &usize| plan.steps[*number].task.clone();
    plan.steps
        .iter()
        .map(|step| StepInfo {
            task: step.task.clone(),
            name: step.name.clone(),
            after: step.after.iter().map(task).collect(),
        })
        .collect()
}

/// Makes a folder that no other run has.
fn make_folder(store: &Store, pipeline: &str) -> Result<(String, PathBuf), RunError> {
    let runs = store.run_folder("");
    let failed = |path: &Path, source| RunError::Folder { path: path.to_owned(), source };
    fs::create_dir_all(&runs).map_err(|error| failed(&runs, error))?;
    let mut tries = 0;
    loop {
        let id = run_id::new(pipeline, now());
        let folder = store.run_folder(&id);
        match fs::create_dir(&folder) {
            Ok(()) => return Ok((id, folder)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < 1000 => tries += 1,
            Err(error) => return Err(failed(&folder, error)),
        }
    }
}

/// Locks the run's folder for as long as the result lives, and puts the IR and the steps' folders into it.
fn fill_folder(folder: &Path, ir: &Ir, plan: &Plan) -> Result<File, RunError> {
    let failed = |path: &Path, source| RunError::Folder { path: path.to_owned(), source };
    let lock = lock_path(folder);
    let file = File::create(&lock).map_err(|error| failed(&lock, error))?;
    // Where the file system has no locks, nobody takes the missing one for a sign of death.
    let _ = file.try_lock();
    // The name starts with a dot, as no step's folder does.
    let copy = folder.join(".pipeline.yaml");
    let yaml = ir.to_yaml().map_err(|error| RunError::Pipeline(format!("it cannot be written as YAML: {error}")))?;
    fs::write(&copy, yaml).map_err(|error| failed(&copy, error))?;
    let reserve = reserve_path(folder);
    fs::write(&reserve, vec![0; RESERVE]).map_err(|error| failed(&reserve, error))?;
    for step in &plan.steps {
        let step = StepFolder::new(folder, &step.task);
        fs::create_dir(step.path()).map_err(|error| failed(step.path(), error))?;
    }
    Ok(file)
}
