//! `oxikale check`: every diagnostic of a notebook, rustc's included.

use clap::ValueEnum;
use oxikale_compiler::build::Mode;
use oxikale_compiler::diagnostics::Severity;

use super::notebook_file::NotebookArgument;
use crate::outcome::{FAILED, OK, Outcome};
use crate::present::diagnostics;
use crate::session::Session;

/// Say all that is wrong with a notebook
///
/// First what its tags and its text tell, then, where that is in order, what rustc says of the program that is made of
/// its cells.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  oxikale check titanic.ipynb\n  oxikale check titanic.ipynb --no-rustc --json\n\n\
                        Exit codes: 0 there are no errors; 1 there are.")]
pub struct Check {
    #[command(flatten)]
    notebook: NotebookArgument,
    /// Do not ask rustc: takes milliseconds, and finds less
    #[arg(long)]
    no_rustc: bool,
    /// Fail with warnings, too
    #[arg(long, value_name = "WHAT")]
    deny: Option<Deny>,
}

/// What fails a check beside errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Warnings.
    Warnings,
}

impl Check {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        let file = self.notebook.read()?;
        let compilation = file.builder.compile(&file.notebook);
        // What a text alone tells is told even where cargo cannot be asked.
        let (found, problem) = if self.no_rustc || compilation.has_errors() {
            (compilation.diagnostics, None)
        } else {
            match file.build(Mode::Check, session) {
                Ok(built) => (built.compilation.diagnostics, None),
                Err(failure) => (compilation.diagnostics, Some(failure)),
            }
        };
        if session.json {
            if problem.is_none() {
                session.print_json(&diagnostics::json(&found, &file.notebook))?;
            }
        } else {
            session.print(&file.drawer(session, session.out().is_on()).diagnostics(&found))?;
            if let Some(summary) = diagnostics::summary(&found) {
                session.print(&format!("{summary}\n"))?;
            } else if problem.is_none() && !session.quiet {
                session.print("no errors, no warnings\n")?;
            }
        }
        if let Some(failure) = problem {
            return Err(failure);
        }
        let worst = if self.deny == Some(Deny::Warnings) { Severity::Warning } else { Severity::Error };
        Ok(if found.iter().any(|diagnostic| diagnostic.severity >= worst) { FAILED } else { OK })
    }
}
