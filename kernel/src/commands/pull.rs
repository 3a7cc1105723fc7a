//! `%pull`: what a step of a run was given, as variables of this session.

use oxikale_compiler::build::data_folder;
use oxikale_compiler::program::Pull;
use oxikale_notebook::directives::Command;
use oxikale_runner::{Store, inputs};

use super::arguments::words;
use super::{CommandError, Done};
use crate::display::{plain, table};
use crate::pipeline::{NotebookPipeline, Problem};
use crate::session::{End, Session};

pub(super) fn run(session: &mut Session, command: &Command) -> Done {
    let words = words(&command.argument)?;
    let [run, step] = &words[..] else { return Err(CommandError::new("write `%pull RUN STEP`")) };
    let store = Store::open(&data_folder()).map_err(|error| CommandError::new(error.to_string()))?;
    let record = store.run(run).map_err(|error| CommandError::new(error.to_string()))?;
    let files = inputs(&store, &record.id, step).map_err(|error| CommandError::new(error.to_string()))?;
    let path = match record.notebook.filter(|path| path.is_file()) {
        Some(path) => path,
        None => session.place.notebook(session.request.as_deref()).map_err(CommandError::new)?,
    };
    let notebook = NotebookPipeline::read(&path).map_err(|problem| match problem {
        Problem::Other(message) | Problem::Notebook(message) => CommandError::new(message),
        Problem::Interrupted => CommandError::Interrupted,
    })?;
    let pull = Pull { step: step.clone(), inputs: files, parameters: record.arguments };
    let cell =
        notebook.builder.pull(&notebook.notebook, &pull).map_err(|error| CommandError::new(error.to_string()))?;
    match session.run_in_engine(&cell.source) {
        End::Completed | End::Quit => {}
        end => return Err(CommandError::Said(end)),
    }
    let variables = session.engine().map_err(CommandError::new)?.variables();
    let rows: Vec<Vec<String>> = variables
        .into_iter()
        .filter(|variable| cell.variables.contains(&variable.name))
        .map(|variable| vec![variable.name, variable.type_name])
        .collect();
    let data = if rows.is_empty() {
        plain(format!("the step `{step}` takes no variables; the notebook's functions and types are defined"))
    } else {
        table(&["VARIABLE", "TYPE"], &rows)
    };
    session.outputs.display(data, None, false);
    Ok(())
}
