//! Kernel commands in cells: `:dep` gives the program its crates, a few others set it up, the rest have no meaning in a pipeline.

use std::collections::BTreeMap;

use oxikale_notebook::CellSpan;
use oxikale_notebook::directives::{self, Command, CommandKind, Dependency};

use crate::diagnostics::Diagnostic;
use crate::source::ParsedCell;

/// What the commands of a notebook ask for.
#[derive(Debug, Default)]
pub struct Commands {
    /// The crates, in the order of their first mention.
    pub dependencies: Vec<Dependency>,
    /// Environment variables of every step (`:env NAME=VALUE`).
    pub env: BTreeMap<String, String>,
    /// The level of optimisation (`:opt 0` … `3`, `s`, `z`).
    pub opt_level: Option<char>,
}

/// Commands that change how a kernel shows things, and mean nothing where no kernel is: no word is lost on them.
const SILENT: [&str; 14] = [
    "time",
    "timeit",
    "timing",
    "types",
    "efmt",
    "vars",
    "cache",
    "sccache",
    "help",
    "version",
    "show_deps",
    "fmt",
    "matplotlib",
    "preserve_vars_on_panic",
];

/// Reads the commands of `cells`. A cell that is in no step (`in_pipeline` is false for it) only adds crates.
pub fn read<'a>(
    cells: impl IntoIterator<Item = &'a ParsedCell>,
    in_pipeline: impl Fn(usize) -> bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> Commands {
    let mut commands = Commands::default();
    let mut places: BTreeMap<String, CellSpan> = BTreeMap::new();
    for cell in cells {
        for command in &cell.commands {
            let span = CellSpan::new(cell.index, command.span.start, command.span.end);
            if command.kind == CommandKind::Colon && command.name == "dep" {
                depend(cell.index, command, span, &mut commands, &mut places, diagnostics);
            } else if in_pipeline(cell.index) {
                other(command, span, &mut commands, diagnostics);
            }
        }
    }
    commands
}

fn depend(
    cell: usize,
    command: &Command,
    span: CellSpan,
    commands: &mut Commands,
    places: &mut BTreeMap<String, CellSpan>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let dependency = match directives::dependency(&command.argument) {
        Ok(dependency) => dependency,
        Err(error) => {
            let at = (command.argument_span.start + error.offset).min(command.argument_span.end);
            diagnostics.push(
                Diagnostic::error("OX204", format!("`:dep` cannot be read: {}", error.message))
                    .at(CellSpan::new(cell, at, command.argument_span.end.max(at)), "here")
                    .help("write it as in Cargo.toml: `:dep ndarray = \"0.17\"` or `:dep serde = { version = \"1\", features = [\"derive\"] }`"),
            );
            return;
        }
    };
    match commands.dependencies.iter().find(|other| other.name == dependency.name) {
        Some(other) if *other == dependency => {}
        Some(_) => {
            let earlier = places.get(&dependency.name).copied().unwrap_or(span);
            diagnostics.push(
                Diagnostic::error("OX205", format!("crate `{}` is asked for twice, and differently", dependency.name))
                    .at(span, "")
                    .at(earlier, "asked for here before")
                    .help("keep one of the two lines"),
            );
        }
        None => {
            places.insert(dependency.name.clone(), span);
            commands.dependencies.push(dependency);
        }
    }
}

fn other(command: &Command, span: CellSpan, commands: &mut Commands, diagnostics: &mut Vec<Diagnostic>) {
    let ignored = |what: &str, why: &str| {
        Diagnostic::note("OX202", format!("{what} is left out of the pipeline")).at(span, "").help(why)
    };
    let argument = command.argument.trim();
    match (command.kind, command.name.as_str()) {
        (CommandKind::Colon, "opt") => match argument {
            "" => commands.opt_level = Some('2'),
            "0" | "1" | "2" | "3" | "s" | "z" => commands.opt_level = argument.chars().next(),
            _ => diagnostics.push(ignored("`:opt`", "it takes one of 0, 1, 2, 3, s, z")),
        },
        (CommandKind::Colon | CommandKind::Percent, "env" | "set_env") => {
            let pair = argument.split_once('=').or_else(|| argument.split_once(' '));
            match pair.map(|(name, value)| (name.trim(), value.trim())) {
                Some((name, value)) if is_variable(name) => {
                    commands.env.insert(name.to_owned(), value.to_owned());
                }
                _ => diagnostics.push(ignored("this line", "write `:env NAME=VALUE`")),
            }
        }
        (CommandKind::Shell, _) => diagnostics.push(ignored(
            "a shell command",
            "steps run no shell; use `std::process::Command` in the cell, or tag the cell `skip`",
        )),
        (CommandKind::CellMagic, name) if !SILENT.contains(&name) && name != "capture" => diagnostics.push(ignored(
            &format!("a cell of `%%{}`", name.escape_debug()),
            "steps run Rust; tag the cell `skip` if it is for the notebook only",
        )),
        (_, name) if SILENT.contains(&name) || name == "capture" => {}
        (CommandKind::Colon, name) => {
            diagnostics.push(ignored(
                &format!("`:{}`", name.escape_debug()),
                "the command is for a kernel, and has no meaning in a step",
            ));
        }
        (_, name) => {
            diagnostics.push(ignored(
                &format!("`%{}`", name.escape_debug()),
                "the command is for a kernel, and has no meaning in a step",
            ));
        }
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
