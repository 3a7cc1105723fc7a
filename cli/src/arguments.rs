//! The command line: what is common to all commands, and the list of them.

use std::io;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::commands::{
    artifacts, build, check, compile, completions, exec, explain, graph, kernel, logs, metrics, repl, run, runs,
};
use crate::outcome::{OK, USAGE};
use crate::session::{Colour, Session};

/// Runs Rust notebooks, cell by cell and as pipelines.
#[derive(Debug, Parser)]
#[command(
    name = "oxikale",
    version,
    about = "Rust notebooks: run their cells, and check, draw, compile, build and run them as pipelines",
    after_help = "Examples:\n  oxikale run titanic.ipynb              run a notebook's pipeline on this machine\n  \
                  oxikale graph titanic.ipynb            draw it\n  \
                  oxikale run opt.ipynb -p lr=0.1        set a parameter\n  \
                  oxikale exec titanic.ipynb             run its cells and keep their outputs in it\n  \
                  oxikale repl                           try something\n  \
                  oxikale kernel install                 offer Rust in JupyterLab\n\n\
                  Exit codes: 0 success; 1 the run failed, or a check found errors; 2 wrong usage; 3 the notebook has \
                  errors; 4 a problem outside of the notebook (no cargo, no network, a full disk); 130 interrupted.",
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    shared: Shared,
}

/// Options of every command.
#[derive(Debug, Args)]
struct Shared {
    /// Print results as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Print only results and errors
    #[arg(long, short, global = true)]
    quiet: bool,
    /// When to print in colour
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    color: Colour,
}

/// All commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say all that is wrong with a notebook
    Check(check::Check),
    /// Draw the pipeline
    Graph(graph::Graph),
    /// Write the pipeline as KFP's IR YAML
    Compile(compile::Compile),
    /// Build the step program
    Build(build::Build),
    /// Run the pipeline on this machine
    Run(run::Run),
    /// Run every cell and keep the outputs in the notebook
    Exec(exec::Exec),
    /// Run Rust cell by cell in a terminal
    Repl(repl::Repl),
    /// Use Rust in JupyterLab and other front ends of Jupyter
    Kernel(kernel::Kernel),
    /// List the runs, or show one
    Runs(runs::Runs),
    /// Print what a step printed
    Logs(logs::Logs),
    /// List what the steps of a run handed on
    Artifacts(artifacts::Artifacts),
    /// List the metrics of a run
    Metrics(metrics::Metrics),
    /// Explain a diagnostic's code
    Explain(explain::Explain),
    /// Print a script that completes this command in a shell
    Completions(completions::Completions),
}

/// Reads the command line of this process. Help, version and mistakes are printed here; the error is the exit code.
pub fn read() -> Result<(Command, Session), u8> {
    match CommandLine::try_parse() {
        Ok(line) => Ok((line.command, Session::new(line.shared.json, line.shared.quiet, line.shared.color))),
        Err(error) => {
            let help = matches!(
                error.kind(),
                ErrorKind::DisplayHelp
                    | ErrorKind::DisplayVersion
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            );
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Whoever closed the pipe does not want the help; nothing else can be done about it.
            let _ = if help && asked { print(&error, io::stdout()) } else { print(&error, io::stderr()) };
            Err(if asked { OK } else { USAGE })
        }
    }
}

fn print(error: &clap::Error, mut to: impl io::Write + io::IsTerminal) -> io::Result<()> {
    let coloured = to.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text = error.render();
    if coloured { write!(to, "{}", text.ansi()) } else { write!(to, "{text}") }
}
