//! `oxikale exec`: runs every cell of a notebook and keeps the outputs in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueHint;
use oxikale_notebook::Notebook;
use serde_json::{Value, json};

use super::engine_choice::EngineChoice;
use super::notebook_file::{NotebookArgument, absolute};
use crate::execution::desk::Desk;
use crate::execution::saved_notebook::{Saved, SavedNotebook};
use crate::execution::watch::Watch;
use crate::execution::{Execution, Report, Stopped, parameters};
use crate::interrupt;
use crate::outcome::{FAILED, Failure, INTERRUPTED, OK, Outcome};
use crate::present::cells::{CellProgress, End};
use crate::present::text::{count, plain, time};
use crate::session::Session;

/// After so many signals this process ends at once, whatever the running cell does.
const PATIENCE: usize = 3;

/// Run every cell and keep the outputs in the notebook
///
/// Cells run one after the other, as in JupyterLab, with the tags of a pipeline or without. Outputs are written into
/// the notebook after each cell (and every few seconds during one), so that whatever ends this command, what was put
/// out before is there; cells that did not run keep the outputs that they had. After an error the next cell runs, and
/// this command fails at the end. Ctrl-C ends the running cell and the run.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  oxikale exec titanic.ipynb\n  oxikale exec opt.ipynb -p lr=0.1 --output tuned.ipynb\n  \
                        oxikale exec long.ipynb --stop-on-error --timeout 600\n\n\
                        A parameter is a `let` with a literal in a cell tagged `parameters` or `pipeline-parameters`; `-p` \
                        adds a cell tagged `injected-parameters` behind it, or replaces the one that is there. An error in a \
                        cell tagged `raises-exception` is expected.\n\n\
                        Exit codes: 0 every cell ran; 1 a cell failed; 2 wrong usage; 3 the parameters cannot be read; 4 the \
                        engine could not be started, or the notebook not be written; 130 interrupted."
)]
pub struct Exec {
    #[command(flatten)]
    notebook: NotebookArgument,
    /// Set a parameter; lists and maps are written as JSON
    #[arg(short, long = "param", value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// Write the notebook with its outputs here, and leave the one that was given alone
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// End at the first cell that fails
    #[arg(long)]
    stop_on_error: bool,
    /// End a cell that takes longer, crates that it builds included
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    #[command(flatten)]
    engine: EngineChoice,
}

impl Exec {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        let file = self.notebook.read()?;
        self.engine.check()?;
        let path = absolute(&file.path);
        let notebook = prepared(file.notebook, &file.path, self.output.as_deref(), &self.param)?;

        let watch = Arc::new(Watch::new(self.timeout));
        let on_signal = Arc::clone(&watch);
        let mut signals = 0;
        interrupt::calls(move || {
            signals += 1;
            if signals >= PATIENCE {
                std::process::exit(i32::from(INTERRUPTED));
            }
            on_signal.stop();
        })?;

        let desk = Arc::new(Desk::new(CellProgress::start(session)));
        let listening = Arc::clone(&desk);
        let folder = path.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned);
        let listener = Arc::new(move |event| listening.hear(&event));
        let engine = self.engine.start(folder, Some(path), listener)?;
        let execution = Execution { engine, desk: &desk, watch: &watch, stop_on_error: self.stop_on_error };
        let report = execution.run(notebook);
        desk.progress.close();
        conclude(&report, session)
    }
}

/// The notebook as it is before the first cell runs: with its parameters, and in the file that it is saved to.
fn prepared(
    mut notebook: Notebook,
    path: &Path,
    output: Option<&Path>,
    given: &[String],
) -> Result<SavedNotebook, Failure> {
    if let Some(language) = notebook.language().filter(|language| !language.eq_ignore_ascii_case("rust")) {
        return Err(Failure::usage(format!(
            "{}: this notebook is written in {}, not in Rust",
            path.display(),
            plain(language)
        )));
    }
    let mut saved = match output {
        Some(output) => {
            parameters::inject(&mut notebook, given)?;
            SavedNotebook::copy(notebook, output)
        }
        None => {
            let mut saved = SavedNotebook::in_place(notebook, path);
            parameters::inject(saved.notebook(), given)?;
            saved
        }
    };
    // A file that cannot be written is told before an hour of work, not after it.
    match saved.save() {
        Saved::Yes | Saved::Elsewhere(_) => Ok(saved),
        Saved::No(why) => Err(Failure::environment(why)),
    }
}

/// Says what came of it.
fn conclude(report: &Report, session: &Session) -> Outcome {
    let failed: Vec<&str> =
        report.cells.iter().filter(|cell| matches!(cell.end, End::Failed(_))).map(|cell| cell.cell.as_str()).collect();
    let path = plain(&report.kept.notebook.path().display().to_string());
    if let Some(moved) = &report.kept.moved {
        session.say(&format!(
            "{} somebody else changed the notebook while it ran; that was left alone, and the outputs are in {}",
            session.err().warning("warning:"),
            plain(&moved.display().to_string())
        ));
    }
    if session.json {
        session.print_json(&json_of(report, &failed))?;
    } else {
        session.note(&summary(report, &failed, &path));
    }
    if let Some(problem) = &report.kept.problem {
        return Err(Failure::environment(format!("the outputs are not all kept: {problem}")));
    }
    Ok(match report.stopped {
        Some(Stopped::Interrupted) => INTERRUPTED,
        _ if failed.is_empty() => OK,
        _ => FAILED,
    })
}

/// `12 cells in 34.2 s, 1 failed (cell 5); the outputs are in titanic.ipynb`
fn summary(report: &Report, failed: &[&str], path: &str) -> String {
    let seconds = report.cells.iter().map(|cell| cell.seconds).sum();
    let mut text = format!("{} in {}", count(report.cells.len(), "cell", "cells"), time(seconds));
    match failed {
        [] => {}
        [one] => text.push_str(&format!(", 1 failed (cell {one})")),
        many => text.push_str(&format!(", {} failed (cells {})", many.len(), many.join(", "))),
    }
    if let Some(stopped) = report.stopped {
        let why = match stopped {
            Stopped::Interrupted => "interrupted",
            Stopped::Error => "ended at the first error",
            Stopped::Quit => "ended by `:quit`",
        };
        let left = count(report.left, "cell was not run", "cells were not run");
        text.push_str(&if report.left > 0 { format!(", {why}: {left}") } else { format!(", {why}") });
    }
    format!("{text}; the outputs are in {path}")
}

fn json_of(report: &Report, failed: &[&str]) -> Value {
    let cells: Vec<Value> = report
        .cells
        .iter()
        .map(|cell| {
            let state = match cell.end {
                End::Good => "succeeded",
                End::Allowed(_) => "failed_as_expected",
                End::Failed(_) => "failed",
                End::Interrupted => "interrupted",
            };
            let error = cell.error.as_ref().map(|(name, message)| json!({"name": name, "message": message}));
            json!({"cell": number(&cell.cell), "execution_count": cell.count, "state": state,
                   "seconds": cell.seconds, "error": error})
        })
        .collect();
    let stopped = report.stopped.map(|stopped| match stopped {
        Stopped::Interrupted => "interrupted",
        Stopped::Error => "error",
        Stopped::Quit => "quit",
    });
    json!({
        "notebook": absolute(report.kept.notebook.path()),
        "cells": cells,
        "failed": failed.iter().map(|cell| number(cell)).collect::<Vec<_>>(),
        "stopped": stopped,
        "left": report.left,
    })
}

fn number(cell: &str) -> Value {
    cell.parse::<u64>().map_or_else(|_| Value::from(cell), Value::from)
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(Duration::ZERO) => Err("a cell needs some time".to_owned()),
        Some(time) => Ok(time),
        None => Err("write a number of seconds, such as `600`".to_owned()),
    }
}
