//! The notebook that a command is given: reads it, and tells what the compiler found in it.

use std::path::{Path, PathBuf};

use clap::ValueHint;
use oxikale_compiler::Compilation;
use oxikale_compiler::build::{Builder, Built, Mode};
use oxikale_compiler::diagnostics::Diagnostic;
use oxikale_notebook::Notebook;
use serde_json::json;

use crate::outcome::{Failure, NOTEBOOK, Outcome};
use crate::present::build::BuildProgress;
use crate::present::diagnostics::{self, Drawer};
use crate::session::Session;

/// The argument that names a notebook.
#[derive(Debug, clap::Args)]
pub struct NotebookArgument {
    /// The notebook, a `.ipynb` file
    #[arg(value_name = "NOTEBOOK", value_hint = ValueHint::FilePath)]
    path: PathBuf,
}

/// A notebook that was read, and what compiles it.
#[derive(Debug)]
pub struct NotebookFile {
    /// As it was given.
    pub path: PathBuf,
    /// Its content.
    pub notebook: Notebook,
    /// Compiles and builds it.
    pub builder: Builder,
}

impl NotebookArgument {
    /// Reads the file.
    pub fn read(&self) -> Result<NotebookFile, Failure> {
        let path = self.path.clone();
        if path.is_dir() {
            return Err(Failure::usage(format!("{}: this is a folder; name a notebook in it", path.display())));
        }
        let notebook = Notebook::read(&path).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(NotebookFile { builder: Builder::new(&path), path, notebook })
    }
}

impl NotebookFile {
    /// The findings, drawn for standard error.
    pub fn tell(&self, diagnostics: &[Diagnostic], session: &Session) {
        let drawer = self.drawer(session, session.err().is_on());
        session.say_nonempty(&drawer.diagnostics(diagnostics));
        if let Some(summary) = diagnostics::summary(diagnostics) {
            session.say(&summary);
        }
    }

    /// Draws findings in this notebook.
    pub fn drawer(&self, session: &Session, colour: bool) -> Drawer<'_> {
        Drawer::new(&self.notebook, &self.path, colour, session.unicode())
    }

    /// For a command that needs a pipeline: tells the findings. With errors among them that is all; the outcome is
    /// the exit code then.
    pub fn refuse(&self, compilation: &Compilation, session: &Session) -> Option<Outcome> {
        let failed = compilation.has_errors();
        if session.json {
            let found = diagnostics::json(&compilation.diagnostics, &self.notebook);
            return failed.then(|| {
                session.print_json(
                    &json!({"error": "the notebook has errors", "exit_code": NOTEBOOK, "diagnostics": found}),
                )?;
                Ok(NOTEBOOK)
            });
        }
        if failed || !session.quiet {
            self.tell(&compilation.diagnostics, session);
        }
        failed.then_some(Ok(NOTEBOOK))
    }

    /// Builds or checks, and shows how far it is.
    pub fn build(&self, mode: Mode, session: &Session) -> Result<Built, Failure> {
        let mut progress = BuildProgress::start(session);
        let built = self.builder.build(&self.notebook, mode, &mut |event| progress.hear(event));
        drop(progress);
        Ok(built?)
    }
}

/// A path that can be opened from anywhere.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
