//! `oxikale repl`: the engine in a terminal.

use std::sync::Arc;

use oxikale_engine::Interrupter;

use super::engine_choice::EngineChoice;
use crate::interrupt;
use crate::outcome::{Failure, INTERRUPTED, Outcome};
use crate::repl::editor::{CellEditor, Names};
use crate::repl::{Console, Screen, Session as Cells, Terminal};
use crate::session::Session;

/// Run Rust cell by cell in a terminal
///
/// A cell is run as soon as it is complete: Enter goes on where a bracket or a string is open or a statement is
/// unfinished (an empty line ends such a one), and Alt-Enter or Ctrl-J always begin a new line. Variables and items are
/// kept from cell to cell, whatever a cell does. Ctrl-C at the prompt drops what was typed; while a cell runs it ends
/// the cell and keeps everything. Ctrl-D leaves. Tab completes commands (`:help` lists them) and variables.
///
/// Without a terminal, the cells of a script are read from standard input, and nothing but what they put out is printed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  oxikale repl\n  oxikale repl --memory-limit 4GiB\n  \
                        echo '(1..=20).product::<u64>()' | oxikale repl\n\n\
                        Exit codes: 0 the session ended; 1 a cell of a script failed; 4 the engine could not be started; \
                        130 interrupted.")]
pub struct Repl {
    #[command(flatten)]
    engine: EngineChoice,
}

impl Repl {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        if session.json {
            return Err(Failure::usage("`oxikale repl` prints what cells put out, and has no results as JSON"));
        }
        self.engine.check()?;
        let folder = std::env::current_dir()
            .map_err(|error| Failure::environment(format!("the working folder cannot be used: {error}")))?;
        let interactive = Terminal::is_interactive();
        let names = Names::default();
        let mut editor = None;
        let mut screen = Screen::plain();
        if interactive {
            let mut asking = CellEditor::new(Names::clone(&names), session.out())?;
            // A terminal that cannot draw has no place above the prompt either.
            if let Ok(printer) = asking.printer() {
                screen = Screen::with_prompt(printer);
            }
            editor = Some(asking);
        }
        let console = Arc::new(Console::new(screen, session, interactive));
        let listening = Arc::clone(&console);
        let listener = Arc::new(move |event| listening.hear(&event));
        let engine = self.engine.start(folder, None, listener)?;
        console.answer_with(engine.input());
        handle_signals(&console, engine.interrupter())?;
        let cells = Cells { engine, console: &console };
        match editor {
            Some(editor) => {
                session.note(concat!(
                    "Oxikale ",
                    env!("CARGO_PKG_VERSION"),
                    ". `:help` lists commands, Alt-Enter begins a new line, Ctrl-D leaves."
                ));
                cells.interactive(editor, &names)
            }
            None => cells.script(),
        }
    }
}

/// While a cell runs, a signal ends it. At the prompt, Ctrl-C is a key and no signal, so a signal there comes from
/// outside and ends the session.
fn handle_signals(console: &Arc<Console>, interrupter: Interrupter) -> Result<(), Failure> {
    let console = Arc::clone(console);
    let terminal = Terminal::note();
    interrupt::calls(move || {
        if console.is_running() {
            console.interrupted();
            interrupter.interrupt();
        } else {
            terminal.restore();
            std::process::exit(i32::from(INTERRUPTED));
        }
    })
}
