//! `oxikale artifacts`: what the steps of a run handed on.

use oxikale_runner::human_bytes;
use serde_json::json;

use super::store::RunArgument;
use crate::outcome::{Failure, OK, Outcome};
use crate::present::table::{Align, Table};
use crate::present::text::{plain, shortened};
use crate::session::Session;

/// Rust types and displays are not shown wider.
const WIDEST: usize = 40;

/// List what the steps of a run handed on
///
/// Variables, files, metrics and reports, with their format, their Rust type, and where they lie.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  oxikale artifacts latest\n  oxikale artifacts latest train --json")]
pub struct Artifacts {
    #[command(flatten)]
    run: RunArgument,
    /// Only those of this step
    #[arg(value_name = "STEP")]
    step: Option<String>,
}

impl Artifacts {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        let (store, run) = self.run.find()?;
        let mut artifacts = store.artifacts(&run.id)?;
        let steps = store.steps(&run.id)?;
        if let Some(wanted) = &self.step {
            let task = steps
                .iter()
                .find(|step| step.task == *wanted)
                .or_else(|| steps.iter().find(|step| step.name == *wanted));
            let Some(task) = task.map(|step| step.task.clone()) else {
                let known: Vec<&str> = steps.iter().map(|step| step.task.as_str()).collect();
                return Err(Failure::usage(format!(
                    "the run `{}` has no step `{wanted}`; it has `{}`",
                    run.id,
                    known.join("`, `")
                )));
            };
            artifacts.retain(|artifact| artifact.task == task);
        }
        if session.json {
            session.print_json(&json!(artifacts))?;
            return Ok(OK);
        }
        if artifacts.is_empty() {
            session.note("nothing was handed on");
            return Ok(OK);
        }
        let mut table = Table::new(&[
            ("STEP", Align::Left),
            ("NAME", Align::Left),
            ("FORMAT", Align::Left),
            ("TYPE", Align::Left),
            ("SIZE", Align::Right),
            ("VALUE", Align::Left),
            ("PATH", Align::Left),
        ]);
        for artifact in artifacts {
            let step = steps.iter().find(|step| step.task == artifact.task).map_or(&artifact.task, |step| &step.name);
            let short = |text: &Option<String>| shortened(&plain(text.as_deref().unwrap_or_default()), WIDEST);
            let kind =
                if artifact.rust_type.is_some() { short(&artifact.rust_type) } else { plain(&artifact.schema_title) };
            let format = artifact.format.as_deref().map(plain).unwrap_or_default();
            table.row(vec![
                plain(step).into(),
                plain(&artifact.key).into(),
                format.into(),
                kind.into(),
                artifact.size.map_or_else(String::new, human_bytes).into(),
                short(&artifact.display).into(),
                if artifact.size.is_some() { plain(&artifact.path.display().to_string()) } else { String::new() }
                    .into(),
            ]);
        }
        session.print(&table.draw("", session.out()))?;
        Ok(OK)
    }
}
