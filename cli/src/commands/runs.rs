//! `oxikale runs`: the runs on this machine.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::store;
use crate::outcome::{OK, Outcome};
use crate::present::summary::{Summary, state_cell};
use crate::present::table::{Align, Table};
use crate::present::text::{plain, time};
use crate::session::Session;

/// List the runs, or show one
///
/// The newest run stands first. With a run, everything that is recorded of it is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  oxikale runs\n  oxikale runs latest\n  oxikale runs -n 100 --json")]
pub struct Runs {
    /// Show this run: its id, the start of its id, or `latest`
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// List so many at most
    #[arg(short, long, value_name = "NUMBER", default_value_t = 20)]
    number: usize,
}

impl Runs {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        if let Some(wanted) = &self.run {
            let (store, run) = store::find(wanted)?;
            let summary = Summary::read(&store, run)?;
            if session.json {
                session.print_json(&summary.json())?;
            } else {
                session.print(&summary.draw(None, session.unicode(), session.out()))?;
            }
            return Ok(OK);
        }
        let runs = store::open()?.runs(self.number)?;
        if session.json {
            session.print_json(&json!(runs))?;
            return Ok(OK);
        }
        if runs.is_empty() {
            session.note("there is no run yet; `oxikale run NOTEBOOK` makes one");
            return Ok(OK);
        }
        let mut table = Table::new(&[
            ("RUN", Align::Left),
            ("STATE", Align::Left),
            ("STARTED", Align::Left),
            ("TIME", Align::Right),
            ("NAME", Align::Left),
            ("NOTEBOOK", Align::Left),
        ]);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        for run in runs {
            let notebook =
                run.notebook.as_ref().and_then(|path| path.file_name()).map(|name| plain(&name.to_string_lossy()));
            table.row(vec![
                plain(&run.id).into(),
                state_cell(run.state, session.out()),
                ago(now - run.started_ms).into(),
                run.ended_ms.map_or_else(String::new, |ended| time((ended - run.started_ms) as f64 / 1e3)).into(),
                run.name.as_deref().map(plain).unwrap_or_default().into(),
                notebook.unwrap_or_default().into(),
            ]);
        }
        session.print(&table.draw("", session.out()))?;
        Ok(OK)
    }
}

/// How long ago something was, roughly.
fn ago(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0) / 1000;
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        86_400..172_800 => "a day ago".to_owned(),
        _ => format!("{} days ago", seconds / 86_400),
    }
}
