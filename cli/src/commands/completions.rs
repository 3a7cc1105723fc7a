//! `oxikale completions`: a script that completes this command in a shell.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::arguments::CommandLine;
use crate::outcome::{OK, Outcome};
use crate::session::Session;

/// Print a script that completes this command in a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  oxikale completions bash > ~/.local/share/bash-completion/completions/oxikale\n  \
                        oxikale completions fish > ~/.config/fish/completions/oxikale.fish"
)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        let mut bytes = Vec::new();
        clap_complete::generate(self.shell, &mut CommandLine::command(), "oxikale", &mut bytes);
        session.print(&String::from_utf8_lossy(&bytes))?;
        Ok(OK)
    }
}
