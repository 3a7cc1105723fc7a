//! `%params`: the pipeline's parameters, for this session and the runs that it starts.

use oxikale_notebook::directives::Command;
use oxikale_runner::{assignment, parameter_cell};

use super::arguments::words;
use super::{CommandError, Done};
use crate::display::{plain, table};
use crate::pipeline::{NotebookPipeline, Problem};
use crate::session::{End, Session};

pub(super) fn run(session: &mut Session, command: &Command) -> Done {
    let words = words(&command.argument)?;
    let path = session.place.notebook(session.request.as_deref()).map_err(CommandError::new)?;
    let notebook = NotebookPipeline::read(&path)
        .and_then(|notebook| Ok((notebook.without_errors(notebook.compile())?, notebook)))
        .map_err(|problem| match problem {
            Problem::Other(message) | Problem::Notebook(message) => CommandError::new(message),
            Problem::Interrupted => CommandError::Interrupted,
        });
    let (compilation, notebook) = notebook?;
    if words.is_empty() {
        let parameters = compilation.pipeline.map(|pipeline| pipeline.parameters).unwrap_or_default();
        let rows: Vec<Vec<String>> = parameters
            .into_iter()
            .map(|parameter| {
                let set = session.parameters.get(&parameter.name).map(ToString::to_string).unwrap_or_default();
                vec![
                    parameter.name,
                    oxikale_runner::kind_name(parameter.kind).to_owned(),
                    parameter.default.to_string(),
                    set,
                ]
            })
            .collect();
        let data = if rows.is_empty() {
            plain("the notebook has no parameters: no code cell is tagged `pipeline-parameters`")
        } else {
            table(&["PARAMETER", "TYPE", "IN THE NOTEBOOK", "IN THIS SESSION"], &rows)
        };
        session.outputs.display(data, None, false);
        return Ok(());
    }
    let text = parameter_cell(&notebook.notebook, &words).map_err(|error| CommandError::new(error.to_string()))?;
    match session.run_in_engine(&text) {
        End::Completed | End::Quit => {}
        end => return Err(CommandError::Said(end)),
    }
    if let Some(ir) = &compilation.ir {
        for word in &words {
            // A parameter of papermill's that is none of the pipeline's is set in the session only.
            if let Ok((name, value)) = assignment(ir, word) {
                session.parameters.insert(name, value);
            }
        }
    }
    Ok(())
}
