//! What steps find around them: secrets, volumes, the program and the working folder.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::plan::{Plan, PlannedStep};
use crate::run::{MissingSecret, Options, RunError};

/// Of each step, by number: the variables that hold its secrets.
pub(crate) type Secrets = Vec<Vec<(String, OsString)>>;

/// The values of all secrets, from this process's environment.
///
/// # Errors
/// Names every secret that is missing.
pub(crate) fn secrets(plan: &Plan) -> Result<Secrets, RunError> {
    let mut missing = Vec::new();
    let mut all = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let mut of_step = Vec::new();
        for secret in &step.secrets {
            match std::env::var_os(&secret.variable) {
                Some(value) => of_step.push((secret.variable.clone(), value)),
                None if secret.optional => {}
                None => missing.push(MissingSecret {
                    task: step.task.clone(),
                    secret: secret.secret.clone(),
                    key: secret.key.clone(),
                    variable: secret.variable.clone(),
                }),
            }
        }
        all.push(of_step);
    }
    if missing.is_empty() { Ok(all) } else { Err(RunError::Secrets(missing)) }
}

/// The folders of a step's volumes by mount path. Those that are missing are made.
///
/// # Errors
/// When a folder cannot be made.
pub(crate) fn volumes(
    step: &PlannedStep,
    options: &Options,
    data: &Path,
) -> Result<BTreeMap<String, PathBuf>, RunError> {
    let mut all = BTreeMap::new();
    for mount in &step.mounts {
        let chosen = options.volumes.get(&mount.claim).or_else(|| options.volumes.get(&mount.path));
        let folder = match chosen {
            Some(folder) => absolute(folder),
            None if Path::new(&mount.path).is_dir() => PathBuf::from(&mount.path),
            None => data.join("volumes").join(mount.path.trim_matches('/').replace('/', "_")),
        };
        fs::create_dir_all(&folder).map_err(|source| RunError::Folder { path: folder.clone(), source })?;
        all.insert(mount.path.clone(), folder);
    }
    Ok(all)
}

/// The step program, where a step needs it.
///
/// # Errors
/// When it does not exist or is no file.
pub(crate) fn program(plan: &Plan, options: &Options) -> Result<PathBuf, RunError> {
    let path = absolute(&options.program);
    let needed = plan.steps.iter().any(|step| step.command.first().is_some_and(|first| first == crate::step::PROGRAM));
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Ok(path),
        _ if !needed => Ok(path),
        Ok(_) => Err(RunError::Program { path, why: "it is no file".to_owned() }),
        Err(error) => Err(RunError::Program { path, why: error.to_string() }),
    }
}

/// The folder that steps run in: the one that is asked for, else the notebook's, else that of this process.
///
/// # Errors
/// When it is no folder.
pub(crate) fn working_folder(options: &Options) -> Result<Option<PathBuf>, RunError> {
    let of_notebook = || options.notebook.as_deref().map(absolute)?.parent().map(Path::to_owned);
    let Some(folder) = options.working_folder.as_deref().map(absolute).or_else(of_notebook) else {
        return Ok(None);
    };
    match fs::metadata(&folder) {
        Ok(metadata) if metadata.is_dir() => Ok(Some(folder)),
        Ok(_) => Err(RunError::Folder { path: folder, source: std::io::ErrorKind::NotADirectory.into() }),
        Err(source) => Err(RunError::Folder { path: folder, source }),
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
