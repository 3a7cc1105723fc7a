//! Calls the command on notebooks that tests write.

#![allow(dead_code, reason = "each test file uses some of it")]

pub mod terminal;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use oxikale_notebook::{CellKind, Notebook};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A data folder of its own, and the command.
pub struct Place {
    /// The data folder.
    pub data: TempDir,
    folder: PathBuf,
}

/// What a call of the command did.
pub struct Done {
    /// Its exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Place {
    /// For the test `name`. Notebooks lie where they lay when the test ran before, so that their programs need not
    /// be built again and the cache does not grow.
    pub fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(name);
        fs::create_dir_all(&folder).unwrap();
        Self { data: tempfile::tempdir().unwrap(), folder }
    }

    /// Writes a file.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes a notebook of code cells, each with tags (separated by spaces) and a text.
    pub fn notebook(&self, name: &str, cells: &[(&str, &str)]) -> PathBuf {
        let cells = cells
            .iter()
            .map(|(tags, text)| {
                (CellKind::Code, (*text).to_owned(), tags.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            })
            .collect();
        let metadata = json!({"kernelspec": {"display_name": "Rust", "language": "rust", "name": "rust"}});
        let Value::Object(metadata) = metadata else { unreachable!() };
        self.file(name, &Notebook::new(cells, metadata).to_text())
    }

    /// The command, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxikale"));
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("OXIKALE_DATA", self.data.path())
            .env_remove("NO_COLOR")
            .env_remove("RUST_BACKTRACE")
            .env("LANG", "C.UTF-8")
            .env("TERM", "xterm")
            .stdin(Stdio::null());
        command
    }

    /// Calls the command.
    pub fn call(&self, arguments: &[&str]) -> Done {
        Done::of(self.command(arguments).output().unwrap())
    }
}

impl Done {
    /// What came of a process.
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Its standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }

    /// Checks the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }
}
