//! `oxikale kernel install`: tells Jupyter of this kernel.

use std::env;
use std::path::{Path, PathBuf};

use oxikale_kernel::kernelspec::{self, Kernelspec, Location};
use serde_json::json;

use super::location::Place;
use crate::commands::engine_choice::EngineChoice;
use crate::outcome::{Failure, OK, Outcome};
use crate::present::text::plain;
use crate::session::Session;

/// Tell Jupyter of this kernel
///
/// Writes a kernelspec (a folder with `kernel.json` and logos) by which JupyterLab, Notebook, VS Code and every other
/// front end find this program. A kernelspec of another name is another kernel, with options of its own.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  oxikale kernel install\n  oxikale kernel install --sys-prefix\n  \
                        oxikale kernel install --prefix .venv\n  \
                        oxikale kernel install --name rust-nightly --toolchain nightly --memory-limit 4GiB\n\n\
                        Exit codes: 0 installed; 2 the name belongs to another kernel; 4 the folder cannot be written.")]
pub struct Install {
    #[command(flatten)]
    place: Place,
    /// What front ends show
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    #[command(flatten)]
    engine: EngineChoice,
}

impl Install {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        self.engine.check()?;
        let executable = env::current_exe()
            .map_err(|error| Failure::environment(format!("the place of this program is not known: {error}")))?;
        let display_name = self.display_name.as_deref();
        let spec = Kernelspec::new(&self.place.name, display_name, executable.clone(), self.engine.arguments())?;
        let location = self.place.location();
        let installed = spec.install(&location.kernels()?)?;
        let jupyter = jupyter(&location);
        let passing = kernelspec::passing_place(&executable);
        if session.json {
            session.print_json(&json!({
                "name": spec.name,
                "display_name": spec.display_name,
                "folder": installed.folder,
                "executable": executable,
                "replaced": installed.replaced,
                "jupyter": jupyter,
                "warning": passing,
            }))?;
        } else {
            let verb = if installed.replaced { "replaced" } else { "installed" };
            let folder = plain(&installed.folder.display().to_string());
            session.print(&format!("{verb} the kernel {} in {folder}\n", plain(&spec.display_name)))?;
            session.note(&match jupyter {
                Some(jupyter) => format!("Jupyter is {}", plain(&jupyter.display().to_string())),
                None => "no `jupyter` was found; get one with `python3 -m pip install jupyterlab`".to_owned(),
            });
        }
        if let Some(why) = passing {
            session.say(&format!(
                "{} the kernelspec starts {}, but {why}; copy the program to another folder (`cargo install` does) and \
                 install from there",
                session.err().warning("warning:"),
                plain(&executable.display().to_string())
            ));
        }
        Ok(OK)
    }
}

/// The Jupyter that will find the kernelspec: the one in the same environment, or else the one on the PATH.
fn jupyter(location: &Location) -> Option<PathBuf> {
    let beside = match location {
        Location::Prefix(prefix) => Some(prefix.join("bin/jupyter")).filter(|program| Path::is_file(program)),
        Location::User | Location::SysPrefix => None,
    };
    beside.or_else(kernelspec::jupyter)
}
