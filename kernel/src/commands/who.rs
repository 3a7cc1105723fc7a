//! `%who`: the variables of the session.

use oxikale_notebook::directives::Command;

use super::{CommandError, Done};
use crate::display::{plain, table};
use crate::session::Session;

pub(super) fn run(session: &mut Session, _: &Command) -> Done {
    let variables = session.engine().map_err(CommandError::new)?.variables();
    let data = if variables.is_empty() {
        plain("no variables")
    } else {
        let rows: Vec<Vec<String>> = variables
            .into_iter()
            .map(|variable| {
                let name = if variable.mutable { format!("mut {}", variable.name) } else { variable.name };
                vec![name, variable.type_name, variable.cell]
            })
            .collect();
        table(&["VARIABLE", "TYPE", "CELL"], &rows)
    };
    session.outputs.display(data, None, false);
    Ok(())
}
