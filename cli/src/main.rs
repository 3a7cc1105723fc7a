//! The command `oxikale`: checks, draws, compiles, builds and runs notebooks as pipelines.

mod arguments;
mod commands;
mod execution;
mod interrupt;
mod outcome;
mod panic;
mod present;
mod repl;
mod session;

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(panic::guard(|| match arguments::read() {
        Ok((command, session)) => {
            let result = commands::execute(command, &session);
            session.conclude(result)
        }
        Err(exit) => exit,
    }))
}
