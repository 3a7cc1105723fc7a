//! `oxikale kernel`: this program as a Jupyter kernel, and what has to do with it.

mod doctor;
mod install;
mod location;
mod run;
mod uninstall;

use clap::Subcommand;

use crate::outcome::Outcome;
use crate::session::Session;

/// Use Rust in JupyterLab and other front ends of Jupyter
///
/// `install` tells Jupyter of this program; then its front ends offer the kernel *Rust (Oxikale)*, and start it
/// themselves. `doctor` says what is missing where it does not work.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  oxikale kernel install\n  oxikale kernel doctor\n  oxikale kernel install --sys-prefix\n  \
                  oxikale kernel uninstall",
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Kernel {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Install(install::Install),
    Uninstall(uninstall::Uninstall),
    Doctor(doctor::Doctor),
    Run(run::Run),
}

impl Kernel {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        match self.command {
            Command::Install(install) => install.execute(session),
            Command::Uninstall(uninstall) => uninstall.execute(session),
            Command::Doctor(doctor) => doctor.execute(session),
            Command::Run(run) => run.execute(),
        }
    }
}
