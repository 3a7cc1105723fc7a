//! Shows what happens in a session, and asks what user code wants to know.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use oxikale_engine::{Cell, Engine, Event, Input, Outcome, Stream};

use super::line_input::LineInput;
use super::screen::Screen;
use crate::present::forms;
use crate::present::paint::Paint;
use crate::present::text::paragraph;
use crate::present::transcript::Transcript;
use crate::session::Session;

/// What user code reads from its standard input is not there.
const NO_INPUT: &str = "the cell waits for input, and standard input is the script: it was told that the input ends";

/// The terminal, or what stands for it where a script is run.
pub struct Console {
    screen: Screen,
    transcript: Mutex<Transcript<Screen>>,
    /// The colours of results where a user reads them; a script's are bare.
    results: Option<Paint>,
    /// The cell that runs or ran last.
    cell: Mutex<String>,
    running: AtomicBool,
    input: OnceLock<Input>,
    lines: LineInput,
    noted: AtomicBool,
    quiet: bool,
}

impl Console {
    /// A console that writes to `screen`; `interactive` where a user sits before it.
    pub fn new(screen: Screen, session: &Session, interactive: bool) -> Self {
        Self {
            transcript: Mutex::new(Transcript::new(screen.clone(), session)),
            screen,
            results: interactive.then(|| session.out()),
            cell: Mutex::default(),
            running: AtomicBool::new(false),
            input: OnceLock::new(),
            lines: LineInput::default(),
            noted: AtomicBool::new(false),
            quiet: session.quiet,
        }
    }

    /// Code that asks for input is answered through this, from now on.
    pub fn answer_with(&self, input: Input) {
        let _ = self.input.set(input);
    }

    /// Runs a cell.
    pub fn run(&self, engine: &mut dyn Engine, cell: &Cell) -> Outcome {
        self.cell.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&cell.name);
        self.running.store(true, Ordering::SeqCst);
        let outcome = engine.execute(cell);
        self.running.store(false, Ordering::SeqCst);
        self.lines.take_back();
        self.transcript().end_line();
        outcome
    }

    /// Whether a cell runs.
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::SeqCst)
    }

    /// Ctrl-C was pressed while a cell runs; the terminal shows that as `^C`.
    pub fn interrupted(&self) {
        if self.results.is_some() {
            self.transcript().begin_line();
        }
    }

    /// From now on a prompt stands at the bottom.
    pub fn begin_prompt(&self) {
        let mut transcript = self.transcript();
        transcript.end_line();
        self.screen.set_at_prompt(true);
    }

    /// The prompt is gone.
    pub fn end_prompt(&self) {
        let mut transcript = self.transcript();
        self.screen.set_at_prompt(false);
        // What was printed above the prompt was printed in whole lines.
        transcript.forget_line();
    }

    /// A word of this command, said once in a session.
    pub fn note_once(&self, text: &str) {
        if !self.quiet && !self.noted.swap(true, Ordering::SeqCst) {
            self.transcript().hear(&Event::Notice(paragraph(text)));
        }
    }

    /// Shows an event.
    pub fn hear(&self, event: &Event) {
        match (event, self.results) {
            (Event::Input { prompt, password }, Some(_)) => {
                let bytes = prompt.clone().into_bytes();
                self.transcript().hear(&Event::Text { stream: Stream::Stdout, bytes });
                if let Some(input) = self.input.get() {
                    self.lines.ask(input.clone(), *password);
                }
            }
            (Event::Input { .. }, None) => {
                self.transcript().hear(&Event::Notice(NO_INPUT.to_owned()));
                if let Some(input) = self.input.get().cloned() {
                    // The engine may wait until this event was heard before it takes an answer.
                    thread::spawn(move || input.reply(None));
                }
            }
            (Event::Result { data }, Some(paint)) => {
                let text = forms::text(data);
                let cell = self.cell.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let head = paint.error(&format!("Out[{cell}]:"));
                let gap = if text.contains('\n') { "\n" } else { " " };
                self.transcript().lines(Stream::Stdout, &format!("{head}{gap}{text}\n"));
            }
            (Event::Notice(_) | Event::Progress(_), _) if self.quiet => {}
            _ => self.transcript().hear(event),
        }
    }

    fn transcript(&self) -> MutexGuard<'_, Transcript<Screen>> {
        self.transcript.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
