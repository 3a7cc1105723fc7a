//! What can be wrong with the store.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the store could not do something.
#[derive(Debug)]
pub enum StoreError {
    /// The data folder cannot be used.
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database file is damaged, or is something else.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        why: String,
    },
    /// A newer version made it.
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// The disk is full.
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Anything else that SQLite says.
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// There is no such run.
    NoRun {
        /// What was asked for.
        wanted: String,
    },
    /// More than one run's id starts so.
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// Some of those runs, the newest first.
        candidates: Vec<String>,
    },
    /// The run has no such step.
    NoStep {
        /// The run.
        run: String,
        /// What was asked for.
        wanted: String,
        /// The run's steps.
        known: Vec<String>,
    },
}

impl StoreError {
    pub(crate) fn of(error: rusqlite::Error, path: &Path) -> Self {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path, why: error.to_string() }
            }
            Some(ErrorCode::DiskFull) => Self::Full { path },
            _ => match error {
                // A column that is not of its type was not written by any version of this.
                rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..) => {
                    Self::Damaged { path, why: error.to_string() }
                }
                source => Self::Database { path, source },
            },
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { path, source } => {
                write!(f, "the data folder `{}` cannot be used: {source}; set OXIKALE_DATA to another", path.display())
            }
            Self::Damaged { path, why } => write!(
                f,
                "the database of runs `{0}` is damaged ({why}); nothing was changed. Move it (and `{0}-wal`, \
                 `{0}-shm` if they exist) elsewhere and a new one is made; `sqlite3 {0} .recover` may save \
                 its records. Logs and artifacts are in the folder `runs` beside it",
                path.display()
            ),
            Self::Newer { path, found, known } => write!(
                f,
                "the database of runs `{}` was made by a newer version of Oxikale (its format is {found}, \
                 the newest known here is {known}); update Oxikale or set OXIKALE_DATA to another folder",
                path.display()
            ),
            Self::Full { path } => {
                write!(f, "the disk with the database of runs `{}` is full; free some space", path.display())
            }
            Self::Database { path, source } => {
                write!(f, "the database of runs `{}` cannot be used: {source}", path.display())
            }
            Self::NoRun { wanted } if wanted == "latest" => write!(f, "there is no run yet"),
            Self::NoRun { wanted } => {
                write!(f, "there is no run `{}`; `oxikale runs` lists them", wanted.escape_debug())
            }
            Self::Ambiguous { wanted, candidates } => {
                write!(f, "`{wanted}` may be more than one run: `{}`; write more of it", candidates.join("`, `"))
            }
            Self::NoStep { run, wanted, known } => {
                write!(f, "the run `{run}` has no step `{}`; it has `{}`", wanted.escape_debug(), known.join("`, `"))
            }
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Folder { source, .. } => Some(source),
            Self::Database { source, .. } => Some(source),
            _ => None,
        }
    }
}
