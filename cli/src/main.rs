//! The command `oxikale`: runs the cells of notebooks, and checks, draws, compiles, builds and runs them as pipelines.

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
    #[cfg(feature = "evcxr")]
    {
        // The evcxr engine starts this program again, for what it has to do in processes of its own.
        oxikale_engine::evcxr::runtime_hook();
        if std::env::args_os().nth(1).is_some_and(|argument| argument == oxikale_engine::evcxr::ARGUMENT) {
            oxikale_engine::evcxr::serve();
        }
    }
    // The kernel starts this program again too, for what has to be known of the text of cells.
    #[cfg(feature = "assist")]
    if std::env::args_os().nth(1).is_some_and(|argument| argument == oxikale_assist::ARGUMENT) {
        oxikale_assist::serve();
    }
    ExitCode::from(panic::guard(|| match arguments::read() {
        Ok((command, session)) => {
            let result = commands::execute(command, &session);
            session.conclude(result)
        }
        Err(exit) => exit,
    }))
}
