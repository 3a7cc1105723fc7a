//! What is kept of runs: an SQLite database beside the folders of the runs.
//!
//! Several processes may use one store at once. A run whose process is gone without having
//! recorded an end is shown as [`State::Interrupted`]; nothing is rewritten for that.

mod error;
mod queries;
mod record;
mod schema;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

pub use error::StoreError;
pub use queries::{DisplayRecord, MetricRecord, RunRecord, StepRecord};
pub(crate) use record::{NewRun, Recorder, now, reserve_path};

use crate::events::State;

/// The store of a data folder.
pub struct Store {
    connection: Connection,
    folder: PathBuf,
}

impl Store {
    /// Opens the store in `data_dir`, creating both where they are missing.
    ///
    /// # Errors
    /// When the folder cannot be used, or the database is damaged or made by a newer version. It is
    /// never deleted or replaced.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(data_dir).map_err(|source| StoreError::Folder { path: data_dir.to_owned(), source })?;
        let folder = data_dir.canonicalize().unwrap_or_else(|_| data_dir.to_owned());
        let path = folder.join("runs.db");
        let connection = schema::open(&path)?;
        Ok(Self { connection, folder })
    }

    /// The database's file.
    pub fn path(&self) -> PathBuf {
        self.folder.join("runs.db")
    }

    /// The folder of a run; it exists only where the run does.
    pub fn run_folder(&self, id: &str) -> PathBuf {
        self.folder.join("runs").join(id)
    }

    /// The data folder, as an absolute path.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// `state`, unless the run says that it still goes on and its process is gone.
    fn settled(&self, id: &str, state: State) -> State {
        if state.is_final() || lives(&lock_path(&self.run_folder(id))) { state } else { State::Interrupted }
    }

    fn error(&self, error: rusqlite::Error) -> StoreError {
        StoreError::of(error, &self.path())
    }
}

/// The file that a runner holds locked as long as it lives. The kernel unlocks it, however the runner ends.
pub(crate) fn lock_path(run: &Path) -> PathBuf {
    run.join(".lock")
}

/// Whether somebody holds the lock.
fn lives(lock: &Path) -> bool {
    // Shared, so that two who look at once do not take each other for the runner.
    match File::open(lock).map(|file| file.try_lock_shared()) {
        Ok(Ok(())) => false,
        Ok(Err(TryLockError::WouldBlock)) => true,
        // A file system without locks cannot tell; the record is taken at its word.
        Ok(Err(TryLockError::Error(_))) => true,
        Err(_) => false,
    }
}
