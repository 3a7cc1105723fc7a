//! `oxikale metrics`: what the steps of a run measured.

use serde_json::json;

use super::store::RunArgument;
use crate::outcome::{OK, Outcome};
use crate::present::summary::Summary;
use crate::session::Session;

/// List the metrics of a run
///
/// Of a series the last value, how many there are, and between which they lie; `--json` gives all of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  oxikale metrics latest\n  oxikale metrics latest --json")]
pub struct Metrics {
    #[command(flatten)]
    run: RunArgument,
}

impl Metrics {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        let (store, run) = self.run.find()?;
        if session.json {
            session.print_json(&json!(store.metrics(&run.id)?))?;
            return Ok(OK);
        }
        let summary = Summary::read(&store, run)?;
        if summary.series().is_empty() {
            session.note("the run has no metrics");
        } else {
            session.print(&summary.metric_table().draw("", session.out()))?;
        }
        Ok(OK)
    }
}
