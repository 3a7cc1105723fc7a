//! The command line of a step program.

use std::ffi::OsString;
use std::fs;

/// What the program is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Run a step with an executor input (JSON).
    Run { step: String, input: String },
    /// Print the names of the steps.
    List,
    /// Print the types of what crosses steps.
    Types,
    /// Print name and version.
    Version,
    /// Print how it is called.
    Help,
}

/// How the program is called.
pub(crate) const USAGE: &str = "\
usage: program --step NAME --executor_input JSON|@FILE
       program --list        print the steps
       program --types       print the types of the variables that cross steps, as JSON
       program --version     print the pipeline's name and the version of the run time";

/// Reads the arguments.
///
/// # Errors
/// A sentence that says which argument is wrong.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let (mut step, mut input) = (None, None);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let argument = text(argument)?;
        let (name, mut given) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
            _ => (argument, None),
        };
        let mut value = || match given.take() {
            Some(value) => Ok(value),
            None => match arguments.next() {
                Some(value) => text(value),
                None => Err(format!("{name} needs a value")),
            },
        };
        match name.as_str() {
            "--step" => step = Some(value()?),
            "--executor_input" | "--executor-input" => input = Some(value()?),
            "--list" => return Ok(Request::List),
            "--types" => return Ok(Request::Types),
            "--version" | "-V" => return Ok(Request::Version),
            "--help" | "-h" => return Ok(Request::Help),
            other => return Err(format!("unknown argument `{other}`")),
        }
    }
    let step = step.ok_or("--step NAME is missing")?;
    let input = input.ok_or("--executor_input JSON is missing")?;
    let input = match input.strip_prefix('@') {
        Some(path) => {
            fs::read_to_string(path).map_err(|error| format!("cannot read the executor input {path}: {error}"))?
        }
        None => input,
    };
    Ok(Request::Run { step, input })
}

fn text(argument: OsString) -> Result<String, String> {
    argument.into_string().map_err(|argument| format!("the argument {argument:?} is not UTF-8"))
}
