//! What every engine can do, whatever compiles and runs the cells.

use std::fmt;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::event::Event;
use crate::surroundings::Surroundings;

/// Receives the events of an engine, in the order in which they happened. It is called from threads of the engine,
/// also between cells: a background thread of the user's may print at any time.
pub type Listener = Arc<dyn Fn(Event) + Send + Sync>;

/// Runs cells one after the other and keeps what they define.
///
/// An engine belongs to one session. Its calls block; an [`Interrupter`] and an [`Input`] reach it from other threads.
pub trait Engine: Send {
    /// Compiles and runs a cell. Its events go to the listener that the engine was made with; all of them have been
    /// delivered when this returns.
    fn execute(&mut self, cell: &Cell) -> Outcome;

    /// Says which cells are likely to be run next, the likeliest first. The engine may compile them while another
    /// cell runs; nothing of it is seen but that they start sooner.
    fn prepare(&mut self, sources: Vec<String>);

    /// Nothing runs now: the engine may compile the likeliest of the cells that [`Self::prepare`] named.
    fn use_idle_time(&mut self) {}

    /// What rustc says of a cell, without running it or changing the session.
    fn check(&mut self, source: &str) -> Vec<Diagnostic>;

    /// The variables of the session, in the order in which they were defined.
    fn variables(&self) -> Vec<Variable>;

    /// What the next cell finds around it, for tools that read cells without compiling them.
    fn surroundings(&self) -> Surroundings;

    /// Drops a variable; false if there is none of that name.
    fn forget(&mut self, name: &str) -> bool;

    /// Starts anew: no variables, no items; dependencies stay built.
    ///
    /// # Errors
    /// If the process that runs the cells cannot be started.
    fn restart(&mut self) -> Result<(), EngineError>;

    /// Puts the session back to where it was before the last `cells` cells that ran.
    ///
    /// # Errors
    /// If there is no checkpoint that far back; nothing has changed then.
    fn back(&mut self, cells: usize) -> Result<Back, EngineError>;

    /// Ends whatever runs, from another thread.
    fn interrupter(&self) -> Interrupter;

    /// Answers [`Event::Input`], from another thread.
    fn input(&self) -> Input;
}

/// A cell to be run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    /// Its text, directives and all.
    pub source: String,
    /// What messages call it: `3` in «cell 3».
    pub name: String,
}

/// How a cell ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It ran to its end.
    Completed,
    /// An [`Event::Error`] said what went wrong.
    Failed,
    /// The user ended it; an [`Event::Error`] said so.
    Interrupted,
    /// The cell asked for the session to end (`:quit`).
    Quit,
}

/// A variable of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its type, as a user would write it.
    pub type_name: String,
    /// Whether it was declared `mut`.
    pub mutable: bool,
    /// The cell that defined it.
    pub cell: String,
}

/// What going back has changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Back {
    /// The cells whose effects are gone, the latest first.
    pub cells: Vec<String>,
    /// The threads of the user's that are gone.
    pub threads: Vec<String>,
}

/// Ends the cell that runs: a build, a compilation or the user's code. Does nothing between cells.
#[derive(Clone)]
pub struct Interrupter(Arc<dyn Fn() + Send + Sync>);

impl Interrupter {
    /// An interrupter that does this.
    pub fn new(interrupt: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(interrupt))
    }

    /// Ends what runs now.
    pub fn interrupt(&self) {
        (self.0)();
    }
}

/// Gives the running cell the line that it asked for; `None` is the end of input.
#[derive(Clone)]
pub struct Input(Arc<Reply>);

type Reply = dyn Fn(Option<&str>) + Send + Sync;

impl Input {
    /// An input that does this.
    pub fn new(reply: impl Fn(Option<&str>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(reply))
    }

    /// Gives a line, without its line break.
    pub fn reply(&self, line: Option<&str>) {
        (self.0)(line);
    }
}

impl fmt::Debug for Interrupter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Interrupter")
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Input")
    }
}

/// Why an engine could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineError {
    /// What happened, and what to do.
    pub message: String,
}

impl EngineError {
    /// An error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for EngineError {}
