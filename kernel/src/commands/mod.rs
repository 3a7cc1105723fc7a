//! What a cell says to the kernel: `%pipeline`, `%who`, `%%bash` and the like. The engine has its own, such as `:dep`.

mod arguments;
mod back;
mod bash;
mod env;
mod help;
mod load;
mod output_limit;
mod params;
mod pipeline;
mod pull;
mod who;
mod writefile;

pub use output_limit::text_limit;

use oxikale_notebook::directives::{Command, CommandKind};

use crate::session::{End, Session};

/// A command, with a line of help.
pub struct Known {
    /// As it is written, with its arguments.
    pub usage: &'static str,
    /// What it does.
    pub help: &'static str,
    run: Run,
}

type Run = fn(&mut Session, &Command) -> Done;

/// How a command ended.
pub type Done = Result<(), CommandError>;

/// Why a command did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandError {
    /// It could not.
    Failed {
        /// A short name of the failure.
        name: String,
        /// What happened and what to do.
        message: String,
    },
    /// The user ended it.
    Interrupted,
    /// The outputs have said what is to be said.
    Said(End),
}

impl CommandError {
    /// A command that is written wrongly, or cannot be carried out.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Failed { name: "command".to_owned(), message: message.into() }
    }
}

/// Who carries a command out.
pub enum Meaning {
    /// The engine, as it stands.
    Engine,
    /// The engine, if this stands in the place of the `%` or `%%`.
    Renamed(&'static str),
    /// The kernel.
    Kernel(Run),
}

/// The commands of a line.
pub const LINE_COMMANDS: &[(&str, Known)] = &[
    (
        "pipeline",
        Known {
            usage: "%pipeline check|graph|run|runs|logs|resume …",
            help: "check, draw or run the notebook as a pipeline; `%pipeline` alone says more",
            run: pipeline::run,
        },
    ),
    (
        "pull",
        Known {
            usage: "%pull RUN STEP",
            help: "define the variables that a step of a run was given, to find out why it failed",
            run: pull::run,
        },
    ),
    (
        "params",
        Known {
            usage: "%params [NAME=VALUE …]",
            help: "list the pipeline's parameters, or set them for this session and its runs",
            run: params::run,
        },
    ),
    ("who", Known { usage: "%who", help: "list the variables with their types", run: who::run }),
    ("whos", Known { usage: "%whos", help: "the same as `%who`", run: who::run }),
    (
        "back",
        Known {
            usage: "%back [N]",
            help: "go back to before the last N cells, and say what that discards",
            run: back::run,
        },
    ),
    (
        "env",
        Known {
            usage: "%env [NAME[=VALUE]]",
            help: "list the environment variables, show one, or set one",
            run: env::run,
        },
    ),
    ("load", Known { usage: "%load FILE", help: "put the text of a file into this cell", run: load::run }),
    (
        "output_limit",
        Known {
            usage: "%output_limit [BYTES|off]",
            help: "how much text later cells may print",
            run: output_limit::run,
        },
    ),
    ("help", Known { usage: "%help", help: "show this", run: help::run }),
];

/// What stands in the first line of a cell, with a line of help.
pub const CELL_COMMANDS: &[(&str, &str)] = &[
    ("%%time", "run the cell and say how long it took (`%time` for one line)"),
    ("%%bash", "run the cell with bash"),
    ("%%writefile [-a] FILE", "write the cell into a file, or append it"),
];

/// Who carries out a command that stands in a cell of Rust.
pub fn meaning(command: &Command) -> Meaning {
    match command.kind {
        CommandKind::Colon | CommandKind::Shell => Meaning::Engine,
        CommandKind::CellMagic if command.name == "time" => Meaning::Renamed(" %"),
        CommandKind::CellMagic if command.name == "rust" => Meaning::Kernel(|_, _| Ok(())),
        CommandKind::CellMagic => Meaning::Kernel(unknown),
        CommandKind::Percent if command.name == "time" => Meaning::Engine,
        CommandKind::Percent => Meaning::Kernel(
            LINE_COMMANDS.iter().find(|(name, _)| *name == command.name).map_or(unknown, |(_, known)| known.run),
        ),
    }
}

/// Carries out a command that takes the whole cell; `body` is what follows its line.
pub fn cell(session: &mut Session, command: &Command, body: &str) -> Done {
    match command.name.as_str() {
        "bash" => bash::run(session, &command.argument, body),
        "writefile" => writefile::run(session, &command.argument, body),
        _ => unknown(session, command),
    }
}

fn unknown(_: &mut Session, command: &Command) -> Done {
    let (mark, known): (&str, Vec<&str>) = if command.kind == CommandKind::CellMagic {
        ("%%", vec!["time", "bash", "writefile"])
    } else {
        ("%", LINE_COMMANDS.iter().map(|(name, _)| *name).chain(["time"]).collect())
    };
    let hint = match oxikale_compiler::names::nearest(&command.name, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{mark}{nearest}`?"),
        None => "`%help` lists the commands".to_owned(),
    };
    Err(CommandError::new(format!("there is no command `{mark}{}`; {hint}", command.name)))
}
