//! `%env`: environment variables of cells, `%%bash` and pipelines.

use oxikale_notebook::directives::Command;

use super::{CommandError, Done};
use crate::display::plain;
use crate::session::{End, Session};

/// Values of variables whose names say that they are secret are not listed; a notebook keeps its outputs.
const SECRET: [&str; 6] = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "KEY"];

pub(super) fn run(session: &mut Session, command: &Command) -> Done {
    let argument = command.argument.trim();
    if let Some((name, value)) = argument.split_once('=') {
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || name.contains(char::is_whitespace) || argument.contains('\0') {
            return Err(CommandError::new(format!("`{name}` cannot be the name of an environment variable")));
        }
        session.environment.insert(name.to_owned(), value.to_owned());
        return match session.run_in_engine(&format!(":env {name}={value}")) {
            End::Completed | End::Quit => Ok(()),
            end => Err(CommandError::Said(end)),
        };
    }
    let mut all: std::collections::BTreeMap<String, String> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    all.extend(session.environment.clone());
    let text = if argument.is_empty() {
        let hidden = |name: &str| SECRET.iter().any(|word| name.to_uppercase().contains(word));
        let lines: Vec<String> = all
            .iter()
            .map(|(name, value)| if hidden(name) { format!("{name}=…") } else { format!("{name}={value}") })
            .collect();
        lines.join("\n")
    } else {
        all.get(argument)
            .cloned()
            .ok_or_else(|| CommandError::new(format!("the environment variable `{argument}` is not set")))?
    };
    session.outputs.display(plain(text), None, false);
    Ok(())
}
