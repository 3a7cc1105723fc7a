//! The store of runs that commands read.

use oxikale_compiler::build::data_folder;
use oxikale_runner::{RunRecord, Store};

use crate::outcome::Failure;

/// The argument that names a run.
#[derive(Debug, clap::Args)]
pub struct RunArgument {
    /// The run: its id, the start of its id, or `latest`
    #[arg(value_name = "RUN")]
    run: String,
}

impl RunArgument {
    /// Finds the run.
    pub fn find(&self) -> Result<(Store, RunRecord), Failure> {
        find(&self.run)
    }
}

/// Finds a run in the usual store.
pub fn find(wanted: &str) -> Result<(Store, RunRecord), Failure> {
    let store = open()?;
    let run = store.run(wanted)?;
    Ok((store, run))
}

/// The usual store.
pub fn open() -> Result<Store, Failure> {
    Ok(Store::open(&data_folder())?)
}
