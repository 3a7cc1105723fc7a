//! Runs cargo: what it is doing becomes events, what rustc says becomes values.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde::Deserialize;

use super::{Event, Mode};

/// What cargo did.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Whether it succeeded.
    pub(super) success: bool,
    /// What rustc said of the program.
    pub(super) messages: Vec<Message>,
    /// The built program.
    pub(super) executable: Option<PathBuf>,
    /// What cargo itself wrote, for when nothing else explains a failure.
    pub(super) log: String,
}

/// A message of rustc.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Message {
    pub(super) message: String,
    pub(super) code: Option<Code>,
    pub(super) level: String,
    pub(super) spans: Vec<Span>,
    pub(super) children: Vec<Message>,
}

/// rustc's code of an error, or the name of a lint.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Code {
    pub(super) code: String,
}

/// A place in a source file.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Span {
    pub(super) file_name: String,
    pub(super) line_start: u32,
    pub(super) line_end: u32,
    pub(super) column_start: u32,
    pub(super) column_end: u32,
    pub(super) is_primary: bool,
    pub(super) label: Option<String>,
    pub(super) expansion: Option<Box<Expansion>>,
}

/// The call of the macro that a place comes out of.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Expansion {
    pub(super) span: Span,
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Line {
    CompilerMessage {
        target: Target,
        message: Message,
    },
    CompilerArtifact {
        target: Target,
        fresh: bool,
        executable: Option<PathBuf>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Builds or checks the package in `folder`.
///
/// # Errors
/// When cargo cannot be started.
pub(super) fn run(
    folder: &Path,
    target: &Path,
    package: &str,
    mode: Mode,
    own_group: bool,
    on_event: &mut dyn FnMut(Event),
) -> io::Result<Outcome> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .arg(match mode {
            Mode::Build => "build",
            Mode::Check => "check",
        })
        .args(["--release", "--message-format=json", "--color=never", "--target-dir"])
        .arg(target)
        .current_dir(folder)
        // Settings that a cargo around us made for its own packages.
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("CARGO_BUILD_TARGET_DIR")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env("CARGO_TERM_PROGRESS_WHEN", "never")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name.to_string_lossy().starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    if own_group {
        command.process_group(0);
    }
    let mut child = command.spawn()?;
    if own_group {
        on_event(Event::Started { group: i32::try_from(child.id()).unwrap_or_default() });
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let stderr = child.stderr.take();
    let log_sender = sender.clone();
    let reader = thread::spawn(move || lines(stderr, |line| log_sender.send(Said::Log(line)).is_ok()));
    let stdout = child.stdout.take();
    let json_reader = thread::spawn(move || lines(stdout, |line| sender.send(Said::Json(line)).is_ok()));

    let mut outcome = Outcome { success: false, messages: Vec::new(), executable: None, log: String::new() };
    for said in receiver {
        match said {
            Said::Log(line) => {
                if let Some(event) = event_of(&line) {
                    on_event(event);
                }
                outcome.log.push_str(&line);
                outcome.log.push('\n');
            }
            Said::Json(line) => match serde_json::from_str(&line) {
                Ok(Line::CompilerMessage { target, message }) if target.name == package => {
                    outcome.messages.push(message)
                }
                Ok(Line::CompilerArtifact { target, fresh, executable }) => {
                    if target.name == package {
                        outcome.executable = executable;
                    }
                    on_event(Event::Ready { name: target.name, fresh });
                }
                _ => {}
            },
        }
    }
    let _ = reader.join();
    let _ = json_reader.join();
    outcome.success = child.wait()?.success();
    if own_group {
        on_event(Event::Over);
    }
    Ok(outcome)
}

enum Said {
    Log(String),
    Json(String),
}

fn lines(stream: Option<impl Read>, mut send: impl FnMut(String) -> bool) {
    let Some(stream) = stream else { return };
    for line in BufReader::new(stream).split(b'\n') {
        let Ok(line) = line else { return };
        if !send(String::from_utf8_lossy(&line).into_owned()) {
            return;
        }
    }
}

/// What a line of cargo's own output says, where it is of interest.
fn event_of(line: &str) -> Option<Event> {
    let (verb, rest) = line.trim_start().split_once(' ')?;
    let mut words = rest.split_whitespace();
    let name = words.next()?.to_owned();
    match verb {
        "Compiling" | "Checking" => Some(Event::Compiling {
            name,
            version: words.next().unwrap_or_default().trim_start_matches('v').to_owned(),
        }),
        "Downloading" | "Downloaded" | "Updating" | "Locking" => {
            Some(Event::Fetching { what: format!("{} {rest}", verb.to_lowercase()) })
        }
        "Blocking" => Some(Event::Waiting),
        _ => None,
    }
}
