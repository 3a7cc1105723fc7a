//! `oxikale build`: the step program.

use oxikale_compiler::build::Mode;
use serde_json::json;

use super::notebook_file::NotebookArgument;
use crate::outcome::{Failure, OK, Outcome};
use crate::present::text::{plain, time};
use crate::session::Session;

/// Build the step program
///
/// All steps are one program; crates are built once and shared by all notebooks. Prints where the program lies.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  oxikale build titanic.ipynb\n  oxikale build titanic.ipynb --json")]
pub struct Build {
    #[command(flatten)]
    notebook: NotebookArgument,
}

impl Build {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        let file = self.notebook.read()?;
        let built = file.build(Mode::Build, session)?;
        if let Some(outcome) = file.refuse(&built.compilation, session) {
            return outcome;
        }
        let Some(program) = &built.program else {
            return Err(Failure::environment(
                "the notebook has no errors, yet no program was built; please report this",
            ));
        };
        if session.json {
            session.print_json(&json!({
                "program": program,
                "package": built.package,
                "target": built.target,
                "reused": built.reused,
                "seconds": built.time.as_secs_f64(),
                "lock": file.builder.notebook.with_extension("lock"),
                "lock_changed": built.lock_changed.is_some(),
            }))?;
            return Ok(OK);
        }
        let took = time(built.time.as_secs_f64());
        session.note(&if built.reused { format!("nothing has changed ({took})") } else { format!("built in {took}") });
        if let Some(lock) = &built.lock_changed {
            session.note(&format!("the versions of its crates are kept in {}", plain(&lock.display().to_string())));
        }
        session.print(&format!("{}\n", plain(&program.display().to_string())))?;
        Ok(OK)
    }
}
