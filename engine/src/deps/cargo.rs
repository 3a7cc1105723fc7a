//! Runs cargo: what it is doing becomes progress, what it made becomes values.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use serde::Deserialize;

use super::process::{self, Ended, Line};
use super::resolution::Metadata;
use super::{Cancel, package};
use crate::event::Progress;
use crate::toolchain::Toolchain;

/// Settings that a cargo around us made for its own packages, or that would move what is built.
const OURS: [&str; 5] =
    ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_TARGET", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_BOOTSTRAP"];

/// Cargo with all that it needs to know.
pub(super) struct Cargo<'a> {
    pub(super) toolchain: &'a Toolchain,
    /// Where settings and relative paths are looked for.
    pub(super) folder: &'a Path,
    pub(super) manifest: &'a Path,
    pub(super) target: &'a Path,
    pub(super) offline: bool,
    pub(super) progress: &'a dyn Fn(Progress),
    pub(super) cancel: &'a Cancel,
}

/// Why cargo did not do what it was asked.
#[derive(Debug)]
pub(super) enum CargoError {
    Cancelled,
    /// It cannot be started.
    Missing(io::Error),
    /// What it said, in colour.
    Failed(String),
}

/// A library that cargo made.
#[derive(Debug, Clone)]
pub(super) struct Artefact {
    pub(super) package: String,
    pub(super) kinds: Vec<String>,
    pub(super) optimisation: String,
    pub(super) files: Vec<PathBuf>,
}

/// What a build made.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub(super) artefacts: Vec<Artefact>,
    /// Folders of libraries that are not Rust's.
    pub(super) native: BTreeSet<PathBuf>,
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        package_id: String,
        target: MessageTarget,
        profile: MessageProfile,
        filenames: Vec<PathBuf>,
    },
    BuildScriptExecuted {
        linked_paths: Vec<String>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct MessageTarget {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct MessageProfile {
    opt_level: String,
}

impl Cargo<'_> {
    /// Chooses versions, downloads what is missing, and writes the lock file.
    pub(super) fn metadata(&self) -> Result<Metadata, CargoError> {
        let mut said = String::new();
        let mut command = self.command("metadata");
        command.args(["--format-version", "1", "--filter-platform", &self.toolchain.host]);
        self.run(&mut command, &mut |line| said.push_str(line), &|| (0, None))?;
        serde_json::from_str(&said).map_err(|error| {
            CargoError::Failed(format!("cargo's description of the crates cannot be understood ({error})"))
        })
    }

    /// Builds everything; `libraries` is how many there are, at most.
    pub(super) fn build(&self, libraries: u64) -> Result<Built, CargoError> {
        let mut built = Built::default();
        let done = RefCell::new(BTreeSet::new());
        let mut command = self.command("build");
        command.arg("--message-format=json-render-diagnostics").arg("--target-dir").arg(self.target);
        let mut on_json = |line: &str| match serde_json::from_str(line) {
            Ok(Message::CompilerArtifact { package_id, target, profile, filenames }) => {
                let library = |kind: &String| kind.ends_with("lib") || kind == "proc-macro";
                if target.kind.iter().any(library) && target.name != package::NAME.replace('-', "_") {
                    done.borrow_mut().insert(package_id.clone());
                    built.artefacts.push(Artefact {
                        package: package_id,
                        kinds: target.kind,
                        optimisation: profile.opt_level,
                        files: filenames,
                    });
                }
            }
            Ok(Message::BuildScriptExecuted { linked_paths }) => {
                // `native=/folder`, or the folder alone.
                let folders =
                    linked_paths.iter().map(|path| path.split_once('=').map_or(path.as_str(), |(_, path)| path));
                built.native.extend(folders.map(PathBuf::from));
            }
            _ => {}
        };
        let far = || (done.borrow().len() as u64, Some(libraries));
        self.run(&mut command, &mut on_json, &far)?;
        Ok(built)
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.toolchain.cargo);
        command.arg(subcommand).arg("--color=always").arg("--manifest-path").arg(self.manifest);
        if self.offline {
            command.arg("--offline");
        }
        // Settings of the notebook's folder apply: registries, mirrors, a vendored copy.
        let folder = if self.folder.is_dir() { Some(self.folder) } else { self.manifest.parent() };
        if let Some(folder) = folder.and_then(|folder| fs::canonicalize(folder).ok()) {
            command.current_dir(folder);
        }
        command.env("RUSTC", &self.toolchain.rustc).env("CARGO_TERM_PROGRESS_WHEN", "never");
        for name in OURS {
            command.env_remove(name);
        }
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_PROFILE_DEV_"].iter().any(|start| text.starts_with(start)) {
                command.env_remove(name);
            }
        }
        command
    }

    fn run(
        &self,
        command: &mut Command,
        on_json: &mut dyn FnMut(&str),
        far: &dyn Fn() -> (u64, Option<u64>),
    ) -> Result<(), CargoError> {
        let mut log = String::new();
        let ended = process::run(command, self.cancel, |line| match line {
            Line::Stdout(line) => on_json(&line),
            Line::Stderr(line) => {
                if let Some(label) = doing(&plain(&line)) {
                    let (done, total) = far();
                    (self.progress)(Progress { label, done, total });
                }
                log.push_str(&line);
                log.push('\n');
            }
        });
        match ended.map_err(CargoError::Missing)? {
            Ended::Succeeded => Ok(()),
            Ended::Cancelled => Err(CargoError::Cancelled),
            Ended::Failed => Err(CargoError::Failed(log)),
        }
    }
}

/// What a line of cargo's says that it is doing, if it is of interest.
fn doing(line: &str) -> Option<String> {
    let (verb, rest) = line.trim_start().split_once(' ')?;
    let rest = rest.trim();
    match verb {
        "Compiling" if rest.starts_with(package::NAME) => None,
        // The folder of a local crate follows in brackets.
        "Compiling" => Some(format!("Compiling {}", rest.split(" (").next().unwrap_or(rest))),
        "Downloading" | "Downloaded" | "Updating" => Some(format!("{verb} {rest}")),
        "Blocking" => Some("Waiting for another build to end".to_owned()),
        _ => None,
    }
}

/// A text without the sequences that colour it.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\x1b') {
        plain.push_str(&rest[..start]);
        rest = &rest[start + 1..];
        // `[…m` is a colour, `]8;;…` up to a bell or `ESC \` is a link.
        if let Some(colour) = rest.strip_prefix('[') {
            let end = colour.find(|character: char| character.is_ascii_alphabetic()).map_or(colour.len(), |at| at + 1);
            rest = &colour[end..];
        } else if let Some(link) = rest.strip_prefix(']') {
            let end = match (link.find('\x07'), link.find("\x1b\\")) {
                (Some(bell), Some(escape)) if escape < bell => escape + 2,
                (Some(bell), _) => bell + 1,
                (None, Some(escape)) => escape + 2,
                (None, None) => link.len(),
            };
            rest = &link[end..];
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::{doing, plain};

    #[test]
    fn colours_and_links_are_taken_out() {
        assert_eq!(plain("\x1b[1m\x1b[92m   Compiling\x1b[0m a v1"), "   Compiling a v1");
        assert_eq!(plain("see \x1b]8;;https://x\x1b\\here\x1b]8;;\x1b\\."), "see here.");
        assert_eq!(plain("a\x1b"), "a");
    }

    #[test]
    fn progress_names_the_crate_without_its_folder() {
        assert_eq!(doing("   Compiling own v0.1.0 (/home/me/own)").as_deref(), Some("Compiling own v0.1.0"));
        assert_eq!(doing("   Compiling oxikale-dependencies v0.0.0 (/x)"), None);
        assert_eq!(doing("warning: unused"), None);
    }
}
