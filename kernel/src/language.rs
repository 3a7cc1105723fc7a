//! The version of Rust that cells are written in, as clients are told it.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A compiler that says nothing for so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The version of the compiler, which is asked when the kernel starts, and not waited for before somebody wants it.
#[derive(Debug)]
pub struct Language {
    asked: Mutex<Asked>,
}

#[derive(Debug)]
enum Asked {
    Pending(mpsc::Receiver<Option<String>>),
    Known(String),
}

impl Language {
    /// Asks the compiler of a toolchain that rustup knows, or of the default one.
    pub fn ask(toolchain: Option<&str>) -> Self {
        let (sender, answer) = mpsc::channel();
        let toolchain = toolchain.map(|name| format!("+{name}"));
        thread::spawn(move || drop(sender.send(version(toolchain))));
        Self { asked: Mutex::new(Asked::Pending(answer)) }
    }

    /// `1.95.0`; where there is no compiler, only that it is Rust.
    pub fn version(&self) -> String {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Asked::Pending(answer) = &*asked {
            let version = answer.recv_timeout(PATIENCE).ok().flatten();
            *asked = Asked::Known(version.unwrap_or_else(|| "unknown".to_owned()));
        }
        match &*asked {
            Asked::Known(version) => version.clone(),
            Asked::Pending(_) => String::new(),
        }
    }
}

fn version(toolchain: Option<String>) -> Option<String> {
    let rustc = std::env::var_os("RUSTC").filter(|value| !value.is_empty()).unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(toolchain)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(1).map(str::to_owned)
}
