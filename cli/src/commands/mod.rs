//! The commands, one file each.

pub mod artifacts;
pub mod build;
pub mod check;
pub mod compile;
pub mod completions;
pub mod engine_choice;
pub mod exec;
pub mod explain;
pub mod graph;
pub mod kernel;
pub mod logs;
pub mod metrics;
pub mod notebook_file;
pub mod repl;
pub mod run;
pub mod runs;
pub mod store;

use std::path::Path;

use crate::arguments::Command;
use crate::outcome::{Failure, Outcome};
use crate::session::Session;

/// Does what was asked for.
pub fn execute(command: Command, session: &Session) -> Outcome {
    match command {
        Command::Check(check) => check.execute(session),
        Command::Graph(graph) => graph.execute(session),
        Command::Compile(compile) => compile.execute(session),
        Command::Build(build) => build.execute(session),
        Command::Run(run) => run.execute(session),
        Command::Exec(exec) => exec.execute(session),
        Command::Kernel(kernel) => kernel.execute(session),
        Command::Repl(repl) => repl.execute(session),
        Command::Runs(runs) => runs.execute(session),
        Command::Logs(logs) => logs.execute(session),
        Command::Artifacts(artifacts) => artifacts.execute(session),
        Command::Metrics(metrics) => metrics.execute(session),
        Command::Explain(explain) => explain.execute(session),
        Command::Completions(completions) => completions.execute(session),
    }
}

/// Writes a file that a user asked for.
fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|error| Failure::environment(format!("{} cannot be written: {error}", path.display())))
}
