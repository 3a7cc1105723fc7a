//! `oxikale kernel run`: serves a front end.

use std::path::PathBuf;

use clap::ValueHint;
use oxikale_compiler::build::data_folder;
use oxikale_kernel::{DEFAULT_TEXT_LIMIT, Options, Place};

use crate::commands::engine_choice::EngineChoice;
use crate::outcome::{Failure, OK, Outcome};

/// Serve a front end; Jupyter calls this
///
/// Runs until the front end asks for the end. SIGINT interrupts the cell that runs, and keeps every variable.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// The connection file that Jupyter has written
    #[arg(value_name = "CONNECTION_FILE", value_hint = ValueHint::FilePath)]
    connection_file: PathBuf,
    /// How much text a cell may print, such as `10MiB`, or `off`
    #[arg(long, value_name = "BYTES", value_parser = oxikale_kernel::text_limit, default_value_t = DEFAULT_TEXT_LIMIT)]
    output_limit: usize,
    #[command(flatten)]
    engine: EngineChoice,
}

impl Run {
    /// Does it.
    pub fn execute(self) -> Outcome {
        self.engine.check()?;
        let options = Options {
            data: data_folder(),
            toolchain: self.engine.toolchain().map(str::to_owned),
            text_limit: self.output_limit,
            assist: cfg!(feature = "assist"),
        };
        let engine = self.engine;
        let start = move |listener| {
            let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
            engine.clone().start(folder, Place::at_start(), listener).map_err(Failure::into_message)
        };
        oxikale_kernel::run(&self.connection_file, options, Box::new(start))
            .map_err(|error| Failure::environment(error.to_string()))?;
        Ok(OK)
    }
}
