//! `oxikale kernel doctor`: says what is missing on this machine.

use oxikale_kernel::doctor::{self, Examination, Finding, State};
use serde_json::json;

use crate::commands::engine_choice::EngineChoice;
use crate::outcome::{FAILED, Failure, OK, Outcome};
use crate::present::text::plain;
use crate::session::Session;

/// Say what is missing on this machine, and how to get it
///
/// Looks for Rust, a linker, the sources of the standard library, Jupyter and the installed kernelspecs, and runs a
/// cell. ✓ is as it should be, ! is something that cells do not need, ✗ is something without which they may not run.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  oxikale kernel doctor\n  oxikale kernel doctor --online\n  oxikale kernel doctor --json\n\n\
                  Exit codes: 0 cells run; 1 they do not."
)]
pub struct Doctor {
    /// Ask the registry of crates too, over the network
    #[arg(long)]
    online: bool,
    #[command(flatten)]
    engine: EngineChoice,
}

impl Doctor {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        self.engine.check()?;
        let toolchain = self.engine.toolchain().map(str::to_owned);
        let engine = self.engine;
        let start = move |folder, listener| match engine.start(folder, None, listener) {
            Ok(engine) => Ok(engine),
            Err(Failure::Said(_, message)) => Err(message),
            Err(Failure::NobodyListens) => Err("nobody listens".to_owned()),
        };
        let examination = Examination { toolchain, online: self.online, start: Box::new(start) };
        let mut findings = Vec::new();
        let mut printed = Ok(());
        let runs = doctor::examine(examination, |finding| {
            if session.json {
                findings.push(finding.json());
            } else if printed.is_ok() {
                printed = session.print(&line(finding, session));
            }
        });
        printed?;
        if session.json {
            session.print_json(&json!({"cells_run": runs, "findings": findings}))?;
        } else if !runs {
            session.note("cells do not run here yet");
        }
        Ok(if runs { OK } else { FAILED })
    }
}

/// ```text
/// ✗ linker       there is no `cc` on the PATH
///                → install a C compiler: `sudo apt-get install gcc libc6-dev`, or what your system calls it
/// ```
fn line(finding: &Finding, session: &Session) -> String {
    let paint = session.out();
    let unicode = session.unicode();
    let sign = match finding.state {
        State::Good => paint.good(if unicode { "✓" } else { "+" }),
        State::Lacking => paint.warning("!"),
        State::Missing => paint.error(if unicode { "✗" } else { "x" }),
    };
    let mut text = format!("{sign} {:<12} {}\n", finding.subject, plain(&finding.found));
    if let Some(advice) = &finding.advice {
        let arrow = if unicode { "→" } else { "->" };
        text.push_str(&format!("{:15}{}\n", "", paint.dim(&format!("{arrow} {}", plain(advice)))));
    }
    text
}
