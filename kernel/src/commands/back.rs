//! `%back`: the session as it was before the last cells.

use std::collections::BTreeMap;

use oxikale_notebook::directives::Command;

use super::{CommandError, Done};
use crate::display::plain;
use crate::session::Session;

pub(super) fn run(session: &mut Session, command: &Command) -> Done {
    let cells = match command.argument.as_str() {
        "" => 1,
        number => number
            .parse()
            .map_err(|_| CommandError::new(format!("`%back` takes the number of cells to go back, not `{number}`")))?,
    };
    let engine = session.engine().map_err(CommandError::new)?;
    let before = engine.variables();
    let back = engine.back(cells).map_err(|error| CommandError::new(error.message))?;
    let after: BTreeMap<String, (String, String)> =
        engine.variables().into_iter().map(|variable| (variable.name, (variable.type_name, variable.cell))).collect();
    let cells: Vec<String> = back
        .cells
        .iter()
        .map(|cell| if cell.bytes().all(|byte| byte.is_ascii_digit()) { format!("[{cell}]") } else { cell.clone() })
        .collect();
    let mut text = if cells.is_empty() {
        "nothing to go back over".to_owned()
    } else {
        format!("The session is as it was before {}.", cells.join(", "))
    };
    let (mut gone, mut old) = (Vec::new(), Vec::new());
    for variable in &before {
        match after.get(&variable.name) {
            None => gone.push(variable.name.as_str()),
            Some((kind, cell)) if (kind, cell) != (&variable.type_name, &variable.cell) => {
                old.push(variable.name.as_str());
            }
            Some(_) => {}
        }
    }
    let returned: Vec<&str> =
        after.keys().map(String::as_str).filter(|name| before.iter().all(|known| known.name != *name)).collect();
    for (what, names) in [
        ("gone", gone),
        ("as an earlier cell defined them", old),
        ("there again", returned),
        ("threads that ended", back.threads.iter().map(String::as_str).collect()),
    ] {
        if !names.is_empty() {
            text.push_str(&format!("\n{what}: {}", names.join(", ")));
        }
    }
    text.push_str("\nWhat these cells wrote to files, or sent away, stays as it is.");
    session.outputs.display(plain(text), None, false);
    Ok(())
}
