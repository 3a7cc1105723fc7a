//! `oxikale explain`: the page of a diagnostic's code.

use std::io::{self, IsTerminal as _};

use oxikale_compiler::diagnostics::{codes, explain, title};
use serde_json::{Value, json};

use crate::outcome::{Failure, OK, Outcome};
use crate::present::markdown;
use crate::session::Session;

/// Explain a diagnostic's code
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  oxikale explain OX301\n  oxikale explain")]
pub struct Explain {
    /// The code, as it stands in brackets before a diagnostic; without one, all codes are listed
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

impl Explain {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        match &self.code {
            Some(code) => page(code, session)?,
            None => list(session)?,
        }
        Ok(OK)
    }
}

fn page(wanted: &str, session: &Session) -> Result<(), Failure> {
    let wanted = wanted.trim_matches(['[', ']']);
    let Some(page) = explain(wanted) else {
        // rustc explains its own codes.
        let digits = wanted
            .strip_prefix(['E', 'e'])
            .filter(|rest| rest.len() == 4 && rest.bytes().all(|byte| byte.is_ascii_digit()));
        let hint = match digits {
            Some(digits) => format!("this is rustc's code: `rustc --explain E{digits}` tells of it"),
            None => "`oxikale explain` lists all codes".to_owned(),
        };
        return Err(Failure::usage(format!("there is no page for the code `{wanted}`; {hint}")));
    };
    if session.json {
        let code = codes().find(|code| code.eq_ignore_ascii_case(wanted)).unwrap_or(wanted);
        session.print_json(&json!({"code": code, "title": title_of(code), "page": page}))
    } else if io::stdout().is_terminal() || session.out().is_on() {
        session.print(&markdown::terminal(page, session.out()))
    } else {
        session.print(page)
    }
}

fn list(session: &Session) -> Result<(), Failure> {
    if session.json {
        let all: Vec<Value> = codes().map(|code| json!({"code": code, "title": title_of(code)})).collect();
        return session.print_json(&Value::Array(all));
    }
    let paint = session.out();
    session.print(&codes().map(|code| format!("{}  {}\n", paint.bold(code), title_of(code))).collect::<String>())
}

/// The title without the code in front.
fn title_of(code: &str) -> &'static str {
    let title = title(code).unwrap_or_default();
    title.split_once(": ").map_or(title, |(_, title)| title)
}
