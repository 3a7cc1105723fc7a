//! Reads cells from a terminal: several lines, history, colours, completion.

use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use oxikale_compiler::build::data_folder;
use rustyline::completion::{Completer, Pair};
use rustyline::config::Configurer as _;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Context, Editor, Event, EventContext,
    EventHandler, ExternalPrinter, Helper, KeyCode, KeyEvent, Modifiers, RepeatCount,
};

use super::highlight::highlighted;
use crate::outcome::Failure;
use crate::present::paint::Paint;
use oxikale_notebook::is_complete;

/// So many cells are remembered.
const REMEMBERED: usize = 10_000;

/// What one step of indentation is.
const INDENT: &str = "    ";

/// Commands of the engine that are completed.
const COMMANDS: [&str; 21] = [
    "back",
    "clear",
    "dep",
    "efmt",
    "env",
    "explain",
    "fmt",
    "forget",
    "help",
    "last_error_json",
    "load_config",
    "offline",
    "opt",
    "quit",
    "restart",
    "show_deps",
    "timing",
    "type",
    "types",
    "vars",
    "version",
];

/// Names of variables, which change after each cell.
pub type Names = Arc<Mutex<Vec<String>>>;

/// What the user did at a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// A cell.
    Cell(String),
    /// Ctrl-C: nothing, once more.
    Nothing,
    /// Ctrl-D.
    End,
}

/// Asks for cells.
pub struct CellEditor {
    editor: Editor<Assistant, FileHistory>,
    /// Where cells are remembered.
    history: PathBuf,
    paint: Paint,
}

impl CellEditor {
    /// An editor that completes `names`.
    pub fn new(names: Names, paint: Paint) -> Result<Self, Failure> {
        let config = Config::builder()
            .max_history_size(REMEMBERED)
            .map(|config| config.completion_type(CompletionType::List).build())
            .map_err(unusable)?;
        let mut editor = Editor::with_config(config).map_err(unusable)?;
        editor.set_color_mode(if paint.is_on() { ColorMode::Forced } else { ColorMode::Disabled });
        editor.set_helper(Some(Assistant { names, coloured: paint.is_on() }));
        for key in [KeyEvent(KeyCode::Enter, Modifiers::ALT), KeyEvent::ctrl('J')] {
            editor.bind_sequence(key, Cmd::Newline);
        }
        let indent = EventHandler::Conditional(Box::new(Indent));
        editor.bind_sequence(KeyEvent(KeyCode::Tab, Modifiers::NONE), indent);
        let history = data_folder().join("repl_history");
        // That there is none yet is no mistake, and that it cannot be read is no reason not to work.
        let _ = editor.load_history(&history);
        Ok(Self { editor, history, paint })
    }

    /// Asks for a cell.
    pub fn ask(&mut self, number: u64) -> Result<Typed, Failure> {
        let prompt = format!("In [{number}]: ");
        let painted = self.paint.good(&prompt);
        match self.editor.readline(&(prompt, painted)) {
            Ok(cell) => Ok(Typed::Cell(cell)),
            Err(ReadlineError::Interrupted) => Ok(Typed::Nothing),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(unusable(error)),
        }
    }

    /// Remembers a cell, in this session and in the next. The error says why the next will not know it.
    pub fn remember(&mut self, cell: &str) -> Result<(), String> {
        let mut keep = || -> rustyline::Result<()> {
            self.editor.add_history_entry(cell)?;
            if let Some(folder) = self.history.parent() {
                fs::create_dir_all(folder)?;
            }
            self.editor.append_history(&self.history)
        };
        keep().map_err(|error| format!("cells are not remembered in {}: {error}", self.history.display()))
    }

    /// Prints above the prompt while a cell is being typed.
    pub fn printer(&mut self) -> Result<impl ExternalPrinter + Send + use<>, Failure> {
        self.editor.create_external_printer().map_err(unusable)
    }
}

fn unusable(error: ReadlineError) -> Failure {
    Failure::environment(format!("the terminal cannot be used: {error}"))
}

/// Helps while a cell is being typed.
struct Assistant {
    names: Names,
    coloured: bool,
}

impl Helper for Assistant {}

impl Hinter for Assistant {
    type Hint = String;
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_complete(context.input()) { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.coloured { Cow::Owned(highlighted(line)) } else { Cow::Borrowed(line) }
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.coloured && kind != CmdKind::MoveCursor
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, found) = candidates(&line[..pos], &names);
        let pairs = found.into_iter().map(|name| Pair { display: name.clone(), replacement: name });
        Ok((start, pairs.collect()))
    }
}

/// What the word at the end of `typed` may become, and where that word begins.
fn candidates(typed: &str, names: &[String]) -> (usize, Vec<String>) {
    let start = typed
        .rfind(|c: char| !c.is_alphanumeric() && c != '_')
        .map_or(0, |at| at + typed[at..].chars().next().map_or(0, char::len_utf8));
    let (before, word) = typed.split_at(start);
    let line = before.rsplit('\n').next().unwrap_or_default();
    let matching = |names: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        let mut found: Vec<String> = names.filter(|name| name.starts_with(word)).map(str::to_owned).collect();
        found.sort();
        found.dedup();
        found
    };
    if line.trim_start() == ":" {
        return (start, matching(&mut COMMANDS.into_iter()));
    }
    // What follows a point is a field or a method, whose type is not known here.
    if word.is_empty() || (line.ends_with('.') && !line.ends_with("..")) {
        return (start, Vec::new());
    }
    (start, matching(&mut names.iter().map(String::as_str)))
}

/// Tab at the beginning of a line indents it.
struct Indent;

impl ConditionalEventHandler for Indent {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        let before = context.line().get(..context.pos())?;
        let line = before.rsplit('\n').next().unwrap_or_default();
        line.trim().is_empty().then(|| Cmd::Insert(1, INDENT.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_commands_are_completed() {
        let names = ["größe", "count", "counter", "x"].map(str::to_owned);
        let found = |typed: &str| candidates(typed, &names);
        assert_eq!(found("f(cou"), (2, vec!["count".to_owned(), "counter".to_owned()]));
        assert_eq!(found("1 + gr"), (4, vec!["größe".to_owned()]));
        assert_eq!(found("0..x").1, ["x"]);
        assert_eq!(found("a.cou").1, Vec::<String>::new());
        assert_eq!(found("f("), (2, Vec::new()));
        assert_eq!(found(":ty"), (1, vec!["type".to_owned(), "types".to_owned()]));
        assert_eq!(found("let a = 1;\n  :va").1, ["vars"]);
        assert_eq!(found("a::ba").1, Vec::<String>::new());
        assert_eq!(found("é").0, 0);
    }
}
