//! What a cell says to the engine: evcxr's commands, with evcxr's meaning.

use oxikale_notebook::directives::{Command, CommandKind, dependency};

use super::session::DirectEngine;
use crate::deps::Change;
use crate::engine::{Engine, Outcome};
use crate::event::{ErrorKind, Event, Progress};

/// What commands have set.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// `:opt`; by default the optimisation follows the code.
    pub(super) optimisation: Option<String>,
    /// `:env`.
    pub(super) environment: Vec<(String, String)>,
    /// `:types`.
    types: bool,
    /// `:timing`.
    timing: bool,
    /// `%time`, for one cell.
    timing_once: bool,
}

/// The commands, as they are written behind the `:`, with a line of help for each.
pub const COMMANDS: &[(&str, &str)] = &[
    ("dep NAME = \"VERSION\"", "add a crate, as in Cargo.toml; or the path of a local one"),
    ("show_deps", "list the crates of the session"),
    ("vars", "list the variables with their types"),
    ("type NAME", "show the type of a variable (also `:t`)"),
    ("types", "show the type of each result, or stop doing so"),
    ("opt [0|1|2|3|s|z]", "compile cells and items with this optimisation; without a level, as the code suggests"),
    ("fmt FORMAT", "show results with another format than {:?}"),
    ("efmt FORMAT", "show errors that end a cell by `?` with {:?} or with {}"),
    ("timing", "show how long each cell takes, or stop doing so"),
    ("env NAME=VALUE", "set an environment variable for the cells"),
    ("clear", "drop all variables and items"),
    ("restart", "the same, in a new process"),
    ("forget NAME", "drop a variable"),
    ("back [N]", "go back to before the last N cells"),
    ("offline [0|1]", "build crates without the network"),
    ("load_config", "run the commands of init.evcxr in the configuration folder"),
    ("last_error_json", "show the last compiler errors as JSON"),
    ("explain", "explain the last compiler error"),
    ("version", "show the version of Oxikale and of the compiler"),
    ("quit", "end the session"),
    ("help", "show this"),
];

/// evcxr's commands that have no meaning here, with the reason.
const WITHOUT_MEANING: &[(&str, &str)] = &[
    ("sccache", "crates are built once for all notebooks and cells are cached, so sccache has nothing to do"),
    ("cache", "compiled cells are always cached"),
    ("clear_cache", "the cache keeps itself small; `rm -r` its folder to empty it"),
    ("linker", "the fastest linker of the toolchain is used"),
    ("codegen_backend", "cells are compiled by LLVM"),
    ("allow_static_linking", "dependencies are always linked dynamically, so that their statics keep their state"),
    ("preserve_vars_on_panic", "variables always survive a panic"),
    ("internal_debug", "it belongs to evcxr's own internals"),
    ("time_passes", "cells are compiled without cargo; `:timing` shows how long that takes"),
    ("last_compile_dir", "nothing is left of a compilation but its library in the cache"),
    ("toolchain", "the toolchain is chosen when the session starts (`--toolchain`)"),
    ("build_env", "set it before the session starts; build scripts see the environment of this command"),
    ("quiet", "there is nothing that it would make quieter"),
    ("doc", "there is no documentation browser in the engine; see https://docs.rs"),
];

impl DirectEngine {
    /// Carries out commands in order; an outcome means that the cell ends with it.
    pub(super) fn commands(&mut self, commands: &[Command]) -> Option<Outcome> {
        let is_dependency = |command: &&Command| command.kind == CommandKind::Colon && command.name == "dep";
        let mut rest = commands;
        while let Some((command, after)) = rest.split_first() {
            if self.is_interrupted() {
                let message = "the cell was interrupted; its code has not run";
                return Some(self.fail(ErrorKind::Interrupted, "interrupted", message));
            }
            // Crates that are asked for together are built together.
            let together = rest.iter().take_while(is_dependency).count();
            let outcome = if together > 0 {
                rest = &rest[together..];
                self.add_dependencies(&commands[commands.len() - rest.len() - together..][..together])
            } else {
                rest = after;
                self.command(command)
            };
            if outcome.is_some() {
                return outcome;
            }
        }
        None
    }

    /// Carries out a command.
    fn command(&mut self, command: &Command) -> Option<Outcome> {
        let argument = command.argument.trim();
        match command.kind {
            CommandKind::Colon => self.colon(&command.name, argument),
            CommandKind::Percent if command.name == "time" => {
                self.settings.timing_once = true;
                None
            }
            CommandKind::Percent => {
                self.wrong(&format!("`%{}` is not a command of the engine; `:help` lists those that are", command.name))
            }
            CommandKind::Shell => self.wrong("`!` commands are not run: a notebook's text never reaches a shell here"),
            CommandKind::CellMagic => {
                self.wrong(&format!("`%%{}` is not a command of the engine; this cell was not run", command.name))
            }
        }
    }

    fn colon(&mut self, name: &str, argument: &str) -> Option<Outcome> {
        match name {
            "show_deps" => {
                let lines: Vec<String> = self
                    .state
                    .dependencies
                    .versions()
                    .into_iter()
                    .map(|(name, version)| format!("{name} = {version:?}"))
                    .collect();
                self.say(if lines.is_empty() { "no dependencies".to_owned() } else { lines.join("\n") });
            }
            "vars" => self.list_variables(),
            "type" | "t" => match self.variables().into_iter().find(|variable| variable.name == argument) {
                Some(variable) => self.say(format!("{}: {}", variable.name, variable.type_name)),
                None => return self.wrong(&format!("there is no variable `{argument}`; `:vars` lists them")),
            },
            "types" => {
                self.settings.types = switch(argument, self.settings.types);
                self.state.scope.types = self.settings.types;
                self.say(format!("types of results: {}", on(self.settings.types)));
            }
            "timing" => {
                self.settings.timing = switch(argument, self.settings.timing);
                self.say(format!("timing: {}", on(self.settings.timing)));
            }
            "opt" => match argument {
                "" => {
                    self.settings.optimisation = None;
                    self.state.scope.optimisation = None;
                    self.say("optimisation: as the code suggests".to_owned());
                }
                level if ["0", "1", "2", "3", "s", "z"].contains(&level) => {
                    self.settings.optimisation = Some(level.to_owned());
                    self.state.scope.optimisation = Some(level.to_owned());
                    self.state.dependencies.set_optimisation(level);
                    self.say(format!("optimisation: {level}"));
                }
                other => return self.wrong(&format!("`:opt` takes 0, 1, 2, 3, s or z, not `{other}`")),
            },
            "fmt" => {
                let format = if argument.is_empty() { "{:?}" } else { argument };
                if !is_format(format) {
                    return self.wrong(&format!(
                        "`{format}` is not a format of one value, such as {{:?}}, {{:#?}} or {{:.3}}"
                    ));
                }
                self.state.scope.format = (format != "{:?}").then(|| format.to_owned());
                self.say(format!("format of results: {format}"));
            }
            "efmt" => {
                if !["", "{}", "{:?}"].contains(&argument) {
                    return self.wrong("`:efmt` takes {:?} or {}");
                }
                self.state.scope.errors_by_display = argument == "{}";
                self.say(format!("format of errors: {}", if argument.is_empty() { "{:?}" } else { argument }));
            }
            "env" => match argument.split_once('=') {
                Some((name, value)) if !name.trim().is_empty() && !argument.contains('\0') => {
                    self.set_environment(name.trim(), value.trim());
                }
                _ => return self.wrong("write `:env NAME=VALUE`"),
            },
            "clear" | "restart" => {
                if let Err(error) = self.clear() {
                    return Some(self.fail(ErrorKind::Internal, "restart", &error.message));
                }
            }
            "forget" => {
                if !self.forget(argument) {
                    return self.wrong(&format!("there is no variable `{argument}`; `:vars` lists them"));
                }
            }
            "back" => return self.go_back(argument),
            "offline" => {
                let offline = switch(argument, false);
                self.state.dependencies.set_offline(offline);
                self.say(format!("offline: {}", on(offline)));
            }
            "load_config" => return self.load_config(),
            "last_error_json" => {
                let json: Vec<serde_json::Value> = self
                    .last_errors
                    .iter()
                    .map(|error| {
                        let spans: Vec<serde_json::Value> = error
                            .spans
                            .iter()
                            .map(|span| {
                                serde_json::json!({
                                    "cell": span.cell, "start": span.start, "end": span.end, "line": span.line,
                                    "column": span.column, "label": span.label, "primary": span.primary,
                                })
                            })
                            .collect();
                        serde_json::json!({
                            "message": error.message, "code": error.code, "notes": error.notes, "spans": spans,
                        })
                    })
                    .collect();
                self.say(serde_json::to_string_pretty(&json).unwrap_or_default());
            }
            "explain" => return self.explain_last(),
            "version" => {
                let compiler = self.toolchain.version.lines().next().unwrap_or_default();
                self.say(format!("Oxikale {}, {compiler}", env!("CARGO_PKG_VERSION")));
            }
            "quit" => return Some(Outcome::Quit),
            "help" => {
                let width = COMMANDS.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
                let lines: Vec<String> =
                    COMMANDS.iter().map(|(command, help)| format!(":{command:width$}  {help}")).collect();
                self.say(lines.join("\n"));
            }
            other => {
                if let Some((_, reason)) = WITHOUT_MEANING.iter().find(|(name, _)| *name == other) {
                    self.notice(format!("`:{other}` has no effect: {reason}"));
                    return None;
                }
                let known = COMMANDS.iter().map(|(command, _)| command.split(' ').next().unwrap_or_default());
                let nearest = known
                    .map(|name| (strsim::damerau_levenshtein(name, other), name))
                    .filter(|(distance, _)| *distance <= 2)
                    .min();
                let hint = match nearest {
                    Some((_, name)) => format!("did you mean `:{name}`?"),
                    None => "`:help` lists the commands".to_owned(),
                };
                return self.wrong(&format!("there is no command `:{other}`; {hint}"));
            }
        }
        None
    }

    fn wrong(&mut self, message: &str) -> Option<Outcome> {
        Some(self.fail(ErrorKind::Directive, "directive", message))
    }

    /// Shows a command's answer, as evcxr does: as the cell's plain text.
    fn say(&self, text: String) {
        let mut data = serde_json::Map::new();
        data.insert("text/plain".to_owned(), text.into());
        self.tell(Event::Display { data, id: None, update: false });
    }

    fn list_variables(&self) {
        let variables = self.variables();
        let width = variables.iter().map(|variable| variable.name.chars().count()).max().unwrap_or_default();
        let lines: Vec<String> =
            variables.iter().map(|variable| format!("{:width$}  {}", variable.name, variable.type_name)).collect();
        self.say(if lines.is_empty() { "no variables".to_owned() } else { lines.join("\n") });
    }

    fn add_dependencies(&mut self, commands: &[Command]) -> Option<Outcome> {
        let mut added = Vec::new();
        for command in commands {
            match dependency(&command.argument) {
                Ok(dependency) => added.push(dependency),
                Err(error) => return self.wrong(&error.message),
            }
        }
        let fresh = !self.uses_dependencies();
        let listener = std::sync::Arc::clone(&self.listener);
        let progress = {
            let listener = std::sync::Arc::clone(&listener);
            move |progress: Progress| listener(Event::Progress(progress))
        };
        let warn = move |text: &str| listener(Event::Notice(text.to_owned()));
        let cancel = self.dependency_cancel();
        // A failure leaves the session's crates as they were.
        let mut dependencies = self.state.dependencies.clone();
        match dependencies.add(&added, fresh, &progress, &warn, &cancel) {
            Ok(change) => {
                self.state.dependencies = dependencies;
                self.dependencies_changed(change == Change::Replaced);
                None
            }
            Err(failure) if failure.interrupted => {
                Some(self.fail(ErrorKind::Interrupted, "interrupted", "the build of the crates was interrupted"))
            }
            Err(failure) => {
                let mut error = crate::presentation::failure(ErrorKind::Dependency, "dependency", &failure.message);
                error.rendered.push_str(&failure.rendered);
                self.tell(Event::Error(error));
                Some(Outcome::Failed)
            }
        }
    }

    fn go_back(&mut self, argument: &str) -> Option<Outcome> {
        let cells = match argument {
            "" => 1,
            number => match number.parse() {
                Ok(number) => number,
                Err(_) => return self.wrong("`:back` takes the number of cells to go back"),
            },
        };
        match self.back(cells) {
            Ok(back) => {
                let mut text = format!("gone back over {}", back.cells.join(", "));
                if !back.threads.is_empty() {
                    text.push_str(&format!("; these threads are gone: {}", back.threads.join(", ")));
                }
                self.notice(text);
                None
            }
            Err(error) => self.wrong(&error.message),
        }
    }

    /// The commands in `init.evcxr` of the configuration folder, where evcxr keeps them.
    fn load_config(&mut self) -> Option<Outcome> {
        let folder = std::env::var_os("XDG_CONFIG_HOME")
            .map(std::path::PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| std::path::PathBuf::from(home).join(".config")))?;
        let file = folder.join("evcxr/init.evcxr");
        let Ok(text) = std::fs::read_to_string(&file) else {
            self.notice(format!("there is no {}", file.display()));
            return None;
        };
        let commands = oxikale_notebook::directives::directives(&text).commands;
        // A file that loads itself would never end.
        let commands: Vec<Command> = commands.into_iter().filter(|command| command.name != "load_config").collect();
        self.commands(&commands)
    }

    fn explain_last(&mut self) -> Option<Outcome> {
        let Some(code) =
            self.last_errors.iter().find_map(|error| error.code.clone()).filter(|code| code.starts_with('E'))
        else {
            self.say("no error to explain".to_owned());
            return None;
        };
        let output = std::process::Command::new(&self.toolchain.rustc).args(["--explain", &code]).output();
        match output {
            Ok(output) => self.say(String::from_utf8_lossy(&output.stdout).into_owned()),
            Err(error) => return self.wrong(&format!("rustc cannot be asked: {error}")),
        }
        None
    }

    /// Whether the time of this cell is to be shown.
    pub(super) fn shows_time(&mut self) -> bool {
        std::mem::take(&mut self.settings.timing_once) || self.settings.timing
    }
}

fn switch(argument: &str, now: bool) -> bool {
    match argument {
        "1" | "on" | "true" => true,
        "0" | "off" | "false" => false,
        _ => !now,
    }
}

fn on(value: bool) -> &'static str {
    if value { "on" } else { "off" }
}

/// Whether a text is the format of one value and nothing else, so that it may stand in a string of the cell's source.
fn is_format(format: &str) -> bool {
    let Some(inside) = format.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else { return false };
    let Some(spec) = inside.strip_prefix(':').or(inside.is_empty().then_some("")) else { return false };
    spec.chars().all(|c| c.is_ascii_alphanumeric() || "#?.+-<>^".contains(c))
}
