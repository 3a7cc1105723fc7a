//! The engine over the evcxr crate, in a process of its own.
//!
//! [`EvcxrEngine`] starts the program again with [`ARGUMENT`]; that process serves evcxr (`serve`). evcxr starts the
//! process that runs user code, again the same program (`runtime_hook`), and a relay between the two, which knows when
//! code begins, what it writes and how it ends.
//!
//! evcxr has no checkpoints: an interrupt or a crash costs all variables, and [`crate::Engine::back`] is an error.

mod definitions;
mod diagnostics;
mod failure;
mod findings;
mod last_words;
mod link;
mod markers;
mod processes;
mod relay;
mod run;
mod server;
mod session;
mod wire;

use std::env;
use std::path::PathBuf;

pub use server::serve;
pub use session::EvcxrEngine;

/// The first argument of the process that is to call [`serve`].
pub const ARGUMENT: &str = "__evcxr";

/// Names the relay's socket, in the relay's environment.
const RELAY: &str = "OXIKALE_EVCXR_RELAY";
/// Names the folder of a session, in the server's environment.
const FOLDER: &str = "OXIKALE_EVCXR_FOLDER";
/// Where evcxr compiles; a temporary folder of its own if it is not set.
const BUILD_FOLDER: &str = "EVCXR_TMPDIR";

/// How a session is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The folder that cells run in.
    pub folder: PathBuf,
    /// The project's cache, where the set-up script may have put the sources of the standard library.
    pub cache: PathBuf,
    /// A toolchain that rustup knows, instead of the default one.
    pub toolchain: Option<String>,
    /// The program that serves evcxr when it is started with [`ARGUMENT`]; this one if it is not set.
    pub executable: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            folder: env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            cache: oxikale_compiler::build::cache_folder(),
            toolchain: None,
            executable: None,
        }
    }
}

/// Must come first in `main`: does not return in a process that evcxr or its relay has started.
pub fn runtime_hook() {
    // evcxr marks its runner so; what it starts as such is the relay, which starts the runner.
    if env::var_os("EVCXR_IS_RUNTIME").is_some() {
        if let Some(socket) = env::var_os(RELAY) {
            relay::run(&socket);
        }
        // A group of its own, so that an interrupt ends what user code has started. It cannot fail in a new process.
        _ = rustix::process::setpgid(None, None);
        end_with_parent();
    }
    evcxr::runtime_hook();
}

/// Ends this process when the one that started it ends, however that happens.
fn end_with_parent() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};
        let parent = getppid();
        // Fails for signals that do not exist only.
        _ = set_parent_process_death_signal(Some(Signal::KILL));
        // The parent may have ended before.
        if getppid() != parent || parent.is_none_or(rustix::process::Pid::is_init) {
            std::process::exit(0);
        }
    }
}
